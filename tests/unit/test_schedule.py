"""The rules of docs/scheduling.md by example; ``python -m campaigns schedules`` plays them against an oracle of its own."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sync.core.calendar import Calendar
from sync.core.plans import Place
from sync.core.schedule import Schedule, forecasts_of, schedule
from sync.core.values import Department, Dependency, DependencyState, DependencyType, LagUnit, Ref, Status, Task, View

CHINA = Calendar(
    "CN",
    days_off=frozenset(date(2026, 10, day) for day in range(1, 8)),
    extra_workdays=frozenset({date(2026, 9, 20), date(2026, 10, 10)}),
)
WEEKDAYS = Calendar("weekdays")
AT = datetime(2026, 9, 1, tzinfo=UTC)
TODAY = date(2026, 9, 1)


def ref(name: str) -> Ref:
    return Ref.of("jira", "task", name)


def task(name: str, start: date | None = None, due: date | None = None, status: Status = "todo") -> Task:
    return Task(ref(name), name, name, status, status, "", AT, start=start, due=due)


def wait(
    before: str,
    after: str,
    type_: DependencyType = "finish_to_start",
    lag_minutes: int = 0,
    lag_unit: LagUnit = "working",
    state: DependencyState = "confirmed",
) -> Dependency:
    return Dependency(ref(before), ref(after), type_, lag_minutes, lag_unit, state=state)


def planned(
    tasks: list[Task],
    waits: list[Dependency],
    today: date = TODAY,
    calendar: Calendar = CHINA,
    finished: Mapping[str, date] = {},
) -> Schedule:
    place = Place(calendar, ZoneInfo("UTC"), today)
    items = [replace(item, finished=noon(finished[item.key])) if item.key in finished else item for item in tasks]
    return schedule({item.ref: item for item in items}, waits, lambda _: place)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def days(plan: Schedule, name: str) -> tuple[date | None, date | None]:
    forecast = plan.forecasts[ref(name)]
    return forecast.start, forecast.finish


def test_the_worked_example_of_guoqing() -> None:
    api = task("支付接口开发", date(2026, 9, 21), date(2026, 10, 10), "in_progress")
    flow = task("支付流程测试", date(2026, 10, 8), date(2026, 10, 10))
    plan = planned([api, flow], [wait("支付接口开发", "支付流程测试")])
    forecast = plan.forecasts[flow.ref]
    assert (forecast.start, forecast.finish) == (date(2026, 10, 12), date(2026, 10, 14))
    assert forecast.slip_days == 3
    assert forecast.driver == api.ref
    assert CHINA.workdays_between(date(2026, 9, 30), date(2026, 10, 10)) == 3  # step 1: the predecessor's own slip
    assert CHINA.workdays_between(date(2026, 10, 8), date(2026, 10, 12)) == 3  # step 2: the start


A = task("A", date(2026, 9, 7), date(2026, 9, 11))  # Mon to Fri
B = task("B", date(2026, 9, 9), date(2026, 9, 10))  # Wed, Thu: two working days
B_PLAN = (B.start, B.due)


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


def test_a_long_chain_is_no_matter_of_recursion() -> None:
    names = [f"{number:05}" for number in range(3000)]
    plan = planned(
        [task(name, date(2026, 9, 7), date(2026, 9, 7)) for name in names],
        [wait(*pair) for pair in itertools.pairwise(names)],
        calendar=WEEKDAYS,
    )
    assert plan.forecasts[ref(names[-1])].slip_days == 2999


FIRST = date(2026, 9, 1)
DAYS = st.one_of(st.none(), st.integers(0, 50).map(lambda number: FIRST + timedelta(days=number)))
STATUS: st.SearchStrategy[Status] = st.sampled_from(
    ["todo", "todo", "in_progress", "blocked", "done", "cancelled", "unknown"]
)
TYPES: st.SearchStrategy[DependencyType] = st.sampled_from(
    ["finish_to_start", "start_to_start", "finish_to_finish", "start_to_finish"]
)
UNITS: st.SearchStrategy[LagUnit] = st.sampled_from(["working", "elapsed"])
STATES: st.SearchStrategy[DependencyState] = st.sampled_from(["confirmed", "confirmed", "confirmed", "proposed"])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Task], list[Dependency], date, dict[str, date]]:
    names = list("ABCDEF")[: draw(st.integers(1, 6))]
    tasks = [task(name, draw(DAYS), draw(DAYS), draw(STATUS)) for name in names]
    waits = [
        wait(names[i], names[j], draw(TYPES), draw(st.integers(-3000, 6000)), draw(UNITS), draw(STATES))
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if draw(st.booleans())
    ]
    finished = {item.key: day for item in tasks if item.status == "done" and (day := draw(DAYS))}
    return tasks, waits, FIRST + timedelta(days=draw(st.integers(0, 60))), finished


@settings(max_examples=60, deadline=None)
@given(worlds(), st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_the_input_does_not_matter(
    world: tuple[list[Task], list[Dependency], date, dict[str, date]], shuffler: random.Random, is_cyclic: bool
) -> None:
    tasks, waits, today, finished = world
    if is_cyclic:
        waits = [*waits, wait(tasks[-1].key, tasks[0].key), wait(tasks[-1].key, tasks[len(tasks) // 2].key)]
    first = planned(tasks, waits, today, finished=finished)
    shuffled_tasks, shuffled_waits = list(tasks), list(waits)
    shuffler.shuffle(shuffled_tasks)
    shuffler.shuffle(shuffled_waits)
    assert planned(shuffled_tasks, shuffled_waits, today, finished=finished) == first


def test_s11_without_dates_a_task_comes_as_early_as_it_can_and_passes_that_on() -> None:
    undated, later = task("U"), task("C", date(2026, 9, 10), date(2026, 9, 10))
    plan = planned([A, undated, later], [wait("A", "U"), wait("U", "C")])
    assert days(plan, "U") == (date(2026, 9, 14), date(2026, 9, 14))
    assert days(plan, "C")[0] == date(2026, 9, 15)
    forecast = plan.forecasts[ref("U")]
    assert (forecast.planned_start, forecast.slip_days, forecast.confidence) == (None, 0, 0.3)
    assert plan.forecasts[ref("C")].confidence == 0.3  # no surer than what drives it
    large = planned([A, replace(undated, estimate_minutes=3 * 480), later], [wait("A", "U"), wait("U", "C")])
    assert days(large, "U") == (date(2026, 9, 14), date(2026, 9, 16))
    assert not planned([A, undated], [wait("A", "U")], date(2026, 12, 1)).is_overdue(ref("U"))  # nobody said when


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


def test_s12_not_before() -> None:
    assert days(planned([replace(B, not_before=date(2026, 9, 12))], []), "B") == (date(2026, 9, 14), date(2026, 9, 15))
    begun = replace(B, not_before=date(2026, 9, 12), status="in_progress")
    assert days(planned([begun], []), "B") == B_PLAN


def test_s13_a_milestone_is_reached_with_what_it_waits_for() -> None:
    launch = replace(task("M", due=date(2026, 9, 9)), kind="milestone")
    plan = planned([A, launch, task("C", B.start, B.due)], [wait("A", "M"), wait("M", "C")])
    assert days(plan, "M") == (A.due, A.due)
    assert plan.forecasts[launch.ref].slip_days == 2
    assert days(plan, "C")[0] == date(2026, 9, 14)


def test_s15_a_parent_ends_with_its_children() -> None:
    epic = task("E")
    children = [replace(A, parent=epic.ref), replace(task("C", date(2026, 9, 1), date(2026, 9, 16)), parent=epic.ref)]
    plan = planned([epic, *children, B], [wait("E", "B")])
    assert days(plan, "E") == (date(2026, 9, 1), date(2026, 9, 16))
    assert plan.forecasts[epic.ref].driver == ref("C")
    assert days(plan, "B")[0] == date(2026, 9, 17)
    dated = planned([task("E", A.start, date(2026, 9, 10)), *children], [])
    assert dated.forecasts[epic.ref].slip_days == 4


def test_s16_what_pushes_a_parent_pushes_what_is_below_it() -> None:
    epic = task("E", date(2026, 9, 7), date(2026, 9, 18))
    child = replace(task("C", date(2026, 9, 8), date(2026, 9, 8)), parent=epic.ref)
    deep = replace(task("D", date(2026, 9, 9), date(2026, 9, 9)), parent=child.ref)
    plan = planned([A, epic, child, deep], [wait("A", "E")])
    assert days(plan, "D") == (date(2026, 9, 14), date(2026, 9, 14))
    assert days(plan, "E") == (
        date(2026, 9, 14),
        date(2026, 9, 18),
    )  # its work is its children's: it still ends as planned


def test_s17_a_child_that_blocks_its_parent_is_no_circle() -> None:
    epic = task("E", A.start, date(2026, 9, 10))
    child = replace(A, parent=epic.ref)
    plan = planned([epic, child], [wait("A", "E"), wait("E", "A")])
    assert (plan.cycles, days(plan, "E")) == ((), (A.start, A.due))
    looped = planned([replace(A, parent=ref("B")), replace(B, parent=ref("A"))], [wait("A", "B")])
    assert days(looped, "B")[0] == date(2026, 9, 14)


def test_s10_the_weakest_dependency_of_a_circle() -> None:
    sure, doubtful = wait("A", "B"), replace(wait("B", "A"), confidence=0.8)
    plan = planned([A, B], [sure, doubtful])
    assert plan.weakest(plan.cycles[0]) == doubtful


def test_s18_slack_critical_path_and_drag() -> None:
    c = task("C", date(2026, 9, 14), date(2026, 9, 16))
    side = task("S", date(2026, 9, 7), date(2026, 9, 8))
    plan = planned([A, c, side], [wait("A", "C"), wait("S", "C")])
    slack = {name: plan.slack[ref(name)] for name in "ACS"}
    assert {name: item and item.days for name, item in slack.items()} == {"A": 0, "C": 0, "S": 3}
    assert slack["S"]
    assert slack["S"].late_finish == date(2026, 9, 13)  # the Sunday before C must start
    late = planned([replace(A, due=date(2026, 9, 15)), c, side], [wait("A", "C"), wait("S", "C")])
    assert late.forecasts[c.ref].slip_days == 2
    assert (found := late.slack[A.ref])
    assert (found.days, found.is_critical) == (-2, True)
    assert late.critical_path(c.ref) == (A.ref, c.ref)
    assert late.drag(c.ref) == {A.ref: 2, c.ref: 3}  # C alone would start as planned


def test_the_worked_example_of_half_a_day() -> None:
    office = Calendar("DE", days_off=frozenset({date(2026, 12, 25)}), half_days=frozenset({date(2026, 12, 24)}))
    joint = task("联调", date(2026, 12, 21), date(2026, 12, 24))
    check = task("验收", date(2026, 12, 24), date(2026, 12, 24))
    plan = planned(
        [joint, replace(check, due=None, start=None)], [wait("联调", "验收", lag_minutes=240)], calendar=office
    )
    assert days(plan, "验收") == (date(2026, 12, 28), date(2026, 12, 29))


@settings(max_examples=100, deadline=None)
@given(worlds(), st.integers(0, 5), DAYS, DAYS)
def test_what_if_is_the_schedule_of_the_changed_world(
    world: tuple[list[Task], list[Dependency], date, dict[str, date]], which: int, start: date | None, due: date | None
) -> None:
    tasks, waits, today, finished = world
    chosen = tasks[which % len(tasks)]
    changed = [
        replace(item, start=start or item.start, due=due or item.due) if item is chosen else item for item in tasks
    ]
    asked = planned(tasks, waits, today, finished=finished).what_if(chosen.ref, start, due)
    assert asked == planned(changed, waits, today, finished=finished)
