"""S1 to S10 of docs/scheduling.md by example; ``python -m campaigns schedules`` plays them against an oracle of its own."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from sync.core.schedule import forecasts_of
from sync.core.values import Department, DependencyState, LagUnit, Ref, Status, Task
from sync.core.view import View
from tests.unit.planning import AT, B_PLAN, CHINA, WEEKDAYS, A, B, days, noon, planned, ref, task, wait


@pytest.mark.parametrize("state", ["proposed", "rejected"])
def test_s1_only_confirmed_dependencies_push(state: DependencyState) -> None:
    assert days(planned([A, B], [wait("A", "B", state=state)]), "B") == B_PLAN


def test_s1_an_end_that_is_not_collected_pushes_nothing() -> None:
    assert days(planned([B], [wait("A", "B")]), "B") == B_PLAN


def test_s1_a_cancelled_predecessor_pushes_nothing() -> None:
    cancelled = task("A", A.start, A.due, "cancelled")
    assert days(planned([cancelled, B], [wait("A", "B")]), "B") == B_PLAN


def test_s2_a_missing_date_is_a_one_day_task_on_the_other() -> None:
    assert days(planned([task("due", due=A.due)], []), "due") == (A.due, A.due)
    assert days(planned([task("start", A.start)], []), "start") == (A.start, A.start)
    pushed = planned([A, task("B", due=date(2026, 9, 9))], [wait("A", "B")])
    assert days(pushed, "B") == (date(2026, 9, 14), date(2026, 9, 14))


def test_s2_a_start_on_a_day_off_means_the_next_workday() -> None:
    plan = planned([task("A", date(2026, 10, 1), date(2026, 10, 9))], [])
    assert days(plan, "A") == (date(2026, 10, 8), date(2026, 10, 9))


def test_s2_an_estimate_says_how_long_a_task_with_one_date_takes() -> None:
    due = replace(task("D", due=date(2026, 9, 11)), estimate_minutes=5 * 480)
    assert days(planned([due], []), "D") == (date(2026, 9, 7), date(2026, 9, 11))
    start = replace(task("S", date(2026, 9, 7)), estimate_minutes=5 * 480 + 1)
    assert days(planned([start], []), "S") == (date(2026, 9, 7), date(2026, 9, 14))
    assert planned([due], []).forecasts[due.ref].confidence == 0.7


def test_s2_what_is_fixed_replaces_the_plan() -> None:
    fixed = replace(A, must_start=date(2026, 9, 8), must_finish=date(2026, 9, 10))
    assert days(planned([fixed], []), "A") == (date(2026, 9, 8), date(2026, 9, 10))


def test_s2_what_has_started_started_when_it_did() -> None:
    begun = replace(task("A", A.start, A.due, "in_progress"), started=noon(date(2026, 9, 9)))
    early = task("B", date(2026, 9, 3), date(2026, 9, 4))
    plan = planned([begun, early], [wait("A", "B", "start_to_start")])
    assert days(plan, "A") == (date(2026, 9, 9), A.due)
    assert days(plan, "B")[0] == date(2026, 9, 9)
    halted = replace(begun, status="blocked")
    assert days(planned([halted, B], [wait("B", "A")]), "A") == (date(2026, 9, 9), A.due)


def test_s3_a_done_task_is_where_it_ended() -> None:
    done = task("A", A.start, A.due, "done")
    late = planned([done, B], [wait("A", "B")], finished={"A": date(2026, 9, 15)})
    assert late.forecasts[ref("A")].slip_days == 2
    assert days(late, "B") == (date(2026, 9, 16), date(2026, 9, 17))
    early = planned([done, B], [wait("A", "B")], finished={"A": date(2026, 9, 7)})
    assert days(early, "B") == B_PLAN
    assert days(planned([done, B], [wait("A", "B")]), "B")[0] == date(2026, 9, 14)  # without one: its due date


def test_s3_what_was_done_before_its_planned_start_started_before_it() -> None:
    done = task("A", date(2026, 9, 21), date(2026, 9, 22), "done")
    plan = planned([done, B], [wait("A", "B", "start_to_start")], finished={"A": date(2026, 9, 4)})
    assert days(plan, "A") == (date(2026, 9, 4), date(2026, 9, 4))
    assert days(plan, "B") == B_PLAN


def test_s3_the_finish_day_is_the_departments_own() -> None:
    """23:30 UTC on Friday is Saturday morning in Shanghai."""
    tech = Department(Ref("tieline:department:tech"), "技术部", zone="Asia/Shanghai")
    done = Task(
        ref("A"), "A", "A", "done", "Done", "", AT, department=tech.ref, start=A.start, due=A.due,
        finished=datetime(2026, 9, 11, 23, 30, tzinfo=UTC),
    )  # fmt: skip
    view = View(AT, {done.ref: done}, departments={tech.ref: tech}, calendars={"CN": CHINA})
    assert forecasts_of(view).forecasts[done.ref].finish == date(2026, 9, 12)


@pytest.mark.parametrize("status", ["cancelled", "unknown"])
def test_s4_cancelled_and_unknown_keep_their_plan(status: Status) -> None:
    plan = planned([A, task("B", B.start, B.due, status)], [wait("A", "B")], today=date(2026, 9, 30))
    forecast = plan.forecasts[ref("B")]
    assert (forecast.start, forecast.finish) == B_PLAN
    assert (forecast.slip_days, forecast.is_open_ended, forecast.driver) == (0, False, None)


def test_s4_a_task_without_dates_claims_nothing() -> None:
    plan = planned([task("A"), B], [wait("A", "B")])
    assert (days(plan, "A"), days(plan, "B")) == ((None, None), B_PLAN)


def test_s5_finish_to_start_begins_on_the_first_workday_after() -> None:
    plan = planned([A, B], [wait("A", "B")])
    assert days(plan, "B") == (date(2026, 9, 14), date(2026, 9, 15))
    assert plan.forecasts[ref("B")].slip_days == 3


def test_s5_start_to_start_begins_on_the_day_of_the_start() -> None:
    early = task("B", date(2026, 9, 3), date(2026, 9, 4))
    assert days(planned([A, early], [wait("A", "B", "start_to_start")]), "B") == (date(2026, 9, 7), date(2026, 9, 8))


def test_s6_finish_to_finish_moves_the_finish_only() -> None:
    assert days(planned([A, B], [wait("A", "B", "finish_to_finish")]), "B") == (B.start, A.due)


def test_s6_start_to_finish_bounds_the_finish_by_the_start() -> None:
    early = task("B", date(2026, 9, 3), date(2026, 9, 4))
    assert days(planned([A, early], [wait("A", "B", "start_to_finish")]), "B") == (date(2026, 9, 3), A.start)


@pytest.mark.parametrize(
    ("minutes", "unit", "start"),
    [
        (480, "working", date(2026, 9, 15)),
        (481, "working", date(2026, 9, 15)),  # in the afternoon
        (961, "working", date(2026, 9, 16)),
        (4 * 480, "working", date(2026, 9, 18)),
        (5 * 480, "working", date(2026, 9, 20)),  # a make-up Sunday
        (-480, "working", date(2026, 9, 11)),
        (1440, "elapsed", date(2026, 9, 14)),
        (3 * 1440, "elapsed", date(2026, 9, 15)),
        (-1440, "elapsed", date(2026, 9, 11)),
    ],
)
def test_s7_lags(minutes: int, unit: LagUnit, start: date) -> None:
    wide = task("B", date(2026, 9, 8), date(2026, 9, 8))
    assert days(planned([A, wide], [wait("A", "B", lag_minutes=minutes, lag_unit=unit)]), "B")[0] == start


def test_s8_past_due_is_open_ended_and_so_is_what_waits_for_it() -> None:
    plan = planned([A, B], [wait("A", "B")], today=date(2026, 9, 16))
    assert plan.forecasts[ref("A")].is_open_ended
    assert days(plan, "A")[1] == date(2026, 9, 16)
    assert plan.forecasts[ref("B")].is_open_ended
    assert days(plan, "B")[0] == date(2026, 9, 17)


def test_s8_on_its_due_date_a_task_is_not_late() -> None:
    plan = planned([A], [], today=date(2026, 9, 11))
    assert not plan.forecasts[ref("A")].is_open_ended
    assert planned([A], [], today=date(2026, 9, 12)).forecasts[ref("A")].finish == date(2026, 9, 14)


def test_s8_today_is_the_departments_own() -> None:
    """At 20:00 UTC on the due date it is the next day in Shanghai, and still the due date in London."""
    for zone, is_late in (("Asia/Shanghai", True), ("Europe/London", False)):
        team = Department(Ref("tieline:department:team"), "T", zone=zone)
        own = Task(ref("A"), "A", "A", "todo", "", "", AT, department=team.ref, due=A.due)
        view = View(datetime(2026, 9, 11, 20, 0, tzinfo=UTC), {own.ref: own}, departments={team.ref: team})
        assert forecasts_of(view).forecasts[own.ref].is_open_ended is is_late


def test_s9_what_has_started_is_not_moved_but_its_finish_can_be() -> None:
    begun = task("B", B.start, B.due, "in_progress")
    assert days(planned([A, begun], [wait("A", "B")]), "B") == B_PLAN
    assert days(planned([A, begun], [wait("A", "B", "finish_to_finish")]), "B") == (B.start, A.due)


def test_s10_a_cycle_is_named_and_the_rest_is_calculated() -> None:
    c = task("C", date(2026, 9, 8), date(2026, 9, 8))
    plan = planned(
        [A, B, c, task("D", c.start, c.due)], [wait("A", "B"), wait("B", "A"), wait("B", "C"), wait("A", "D")]
    )
    assert plan.cycles == ((ref("A"), ref("B")),)
    assert days(plan, "B") == B_PLAN
    assert days(plan, "C")[0] == date(2026, 9, 11)
    assert days(plan, "D")[0] == date(2026, 9, 14)


def test_s10_what_stands_before_a_cycle_still_pushes_it() -> None:
    """Two cycles in a row: the second one is pushed by the first."""
    x, y = task("X", date(2026, 9, 8), date(2026, 9, 8)), task("Y", date(2026, 9, 8), date(2026, 9, 8))
    waits = [wait("X", "Y"), wait("Y", "X"), wait("A", "B"), wait("B", "A"), wait("A", "X")]
    named_late = planned([A, B, x, y], waits)
    assert named_late.cycles == ((ref("A"), ref("B")), (ref("X"), ref("Y")))
    assert days(named_late, "X")[0] == date(2026, 9, 14)
    turned = [wait("B", "A"), wait("A", "B"), wait("X", "Y"), wait("Y", "X"), wait("X", "A")]
    assert days(planned([task("X", x.start, date(2026, 9, 11)), y, task("A", x.start, x.due), B], turned), "A")[
        0
    ] == date(2026, 9, 14)


def test_s10_a_knot_of_cycles_is_named_once_and_a_task_may_wait_for_itself() -> None:
    knot = [wait("A", "B"), wait("B", "A"), wait("B", "C"), wait("C", "B")]
    tasks = [A, B, task("C", B.start, B.due), task("S", B.start, B.due)]
    plan = planned(tasks, [*knot, wait("S", "S")])
    assert plan.cycles == ((ref("A"), ref("B"), ref("C")), (ref("S"),))
    assert days(plan, "C") == B_PLAN


def test_s10_a_cycle_is_told_in_the_order_of_its_waiting() -> None:
    plan = planned([A, B, task("C")], [wait("A", "C"), wait("C", "B"), wait("B", "A")])
    assert plan.cycles == ((ref("A"), ref("C"), ref("B")),)


def test_s10_the_weakest_dependency_of_a_circle() -> None:
    sure, doubtful = wait("A", "B"), replace(wait("B", "A"), confidence=0.8)
    plan = planned([A, B], [sure, doubtful])
    assert plan.weakest(plan.cycles[0]) == doubtful


def test_a_long_chain_is_no_matter_of_recursion() -> None:
    names = [f"{number:05}" for number in range(3000)]
    plan = planned(
        [task(name, date(2026, 9, 7), date(2026, 9, 7)) for name in names],
        [wait(*pair) for pair in itertools.pairwise(names)],
        calendar=WEEKDAYS,
    )
    assert plan.forecasts[ref(names[-1])].slip_days == 2999
