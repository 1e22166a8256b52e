"""When a task will likely be done, by its department's own history: rules F1 to F9 of docs/forecast.md."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmarks.forecast import Case, as_seen
from sync.core.calendar import Calendar
from sync.core.history import DueChange, History, StatusChange
from sync.core.likely import Likely, Past, likely_finish, past_of
from sync.core.plans import Place
from sync.core.values import Department, Ref, Status, Task, TaskKind
from sync.core.view import View
from sync.core.watched import ENOUGH, Curve, Spell, Watched

TECH, PRODUCT = Ref("tieline:department:tech"), Ref("tieline:department:product")
TODAY = date(2026, 11, 25)  # a Wednesday
WEEK = Calendar("week")


def later(day: date, workdays: int) -> date:
    return WEEK.add_workdays(day, workdays)


def task(
    number: int,
    *,
    status: Status = "in_progress",
    begun: date | None = None,
    due: date | None = None,
    ended: date | None = None,
    department: Ref | None = TECH,
    kind: TaskKind = "work",
) -> Task:
    return Task(
        Ref(f"jira-main:task:{number}"),
        f"PAY-{number}",
        "支付接口开发",
        status,
        "",
        "",
        datetime(2026, 11, 25, tzinfo=UTC),
        department=department,
        start=begun,
        due=due,
        finished=datetime.combine(ended, time(9), UTC) if ended else None,
        kind=kind,
    )


def done(number: int, due: date, late: int, department: Ref = TECH) -> Task:
    """Begun ten working days before it was due, done ``late`` after."""
    return task(number, status="done", begun=later(due, -10), due=due, ended=later(due, late), department=department)


def history(lates: Sequence[int], department: Ref = TECH, first: int = 1000) -> list[Task]:
    """One done task for each, due a working day apart, the last of them due 60 working days ago."""
    last = later(TODAY, -60)
    return [done(first + n, later(last, -n - 1), late, department) for n, late in enumerate(lates)]


def said(tasks: Sequence[Task], asked: Task, today: date = TODAY, calendar: Calendar = WEEK) -> Likely:
    past = Past([*tasks, asked], lambda _: Place(calendar, ZoneInfo("UTC"), today))
    return likely_finish(past, asked)


SLIPPING = [n // 4 for n in range(160)]
LATES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] * 4  # 40 tasks, up to nine working days late


def test_golden_example() -> None:
    """The one of docs/forecast.md: due today, forty tasks before it, four for each number of days."""
    found = said(history(LATES), task(1, begun=later(TODAY, -10), due=TODAY))
    # 41 with the imagined one: half of them have ended after the 21st (day 5), 85 of 100 after the 35th (day 8).
    assert found == Likely(later(TODAY, 5), later(TODAY, 8), "department", 40, "lateness")
    # Three working days late already: 28 that were open then. Half of 29 after the 15th (day 6), 85 of 100 after the 25th (day 9).
    due = later(TODAY, -3)
    found = said(history(LATES), task(1, begun=later(due, -10), due=due))
    assert (found.p50, found.p85) == (later(due, 6), later(due, 9))


def test_without_due_date_the_age_counts() -> None:
    past = [
        task(100 + n, status="done", begun=later(TODAY, -100 + n), ended=later(TODAY, -100 + n + took))
        for n, took in enumerate(LATES)
    ]
    begun = later(TODAY, -2)
    found = said(past, task(1, begun=begun))
    assert found.reason == "age"
    assert (found.p50, found.p85) == (later(begun, 6), later(begun, 9))
    assert said(past, task(1)).reason == "no_dates"
    assert said(past, task(1, begun=later(TODAY, 3))).reason == "no_dates"


def test_working_days_of_the_calendar_are_counted() -> None:
    holidays = Calendar("week", days_off=frozenset(TODAY + timedelta(days=n) for n in range(1, 8)))
    asked = task(1, begun=later(TODAY, -10), due=TODAY)
    found = said(history(LATES), asked, calendar=holidays)
    assert (found.p50, found.p85) == (holidays.add_workdays(TODAY, 5), holidays.add_workdays(TODAY, 8))
    assert found.p50 == date(2026, 12, 9)  # the 3rd was the first day after the holidays


@pytest.mark.parametrize("ended", [19, 20])
def test_thin_history_says_nothing_and_says_so(ended: int) -> None:
    due = later(TODAY, -2)
    found = said(history([3] * ended), task(1, begun=later(due, -10), due=due))
    if ended < ENOUGH:
        assert found == Likely(TODAY, None, "plan", 19, "thin")
    else:
        assert found == Likely(later(due, 3), later(due, 3), "department", 20, "lateness")


def test_thin_department_is_told_by_its_connection() -> None:
    tasks = [*history([1] * 5), *history(LATES, PRODUCT, 2000)]
    found = said(tasks, task(1, begun=later(TODAY, -10), due=TODAY))
    assert (found.basis, found.sample) == ("connection", 45)
    assert said(tasks, task(1, begun=later(TODAY, -10), due=TODAY, department=None)).basis == "connection"
    assert said(history(LATES), task(1, begun=TODAY, due=TODAY, kind="incident")).reason == "thin"
    assert said([], task(1, begun=TODAY, due=TODAY, department=None)).reason == "thin"


@pytest.mark.parametrize("late", [5, 6, 40])
def test_later_than_twenty_others_were_says_nothing(late: int) -> None:
    due = later(TODAY, -late)
    old = [done(100 + n, later(TODAY, -300), 240) for n in range(30)]  # seen from their 50th day on only
    found = said([*history(LATES), *old], task(1, begun=later(due, -10), due=due))
    assert (found.basis, found.reason) == (("department", "lateness") if late == 5 else ("plan", "beyond"))


def test_far_ahead_the_first_position_with_enough_tasks_counts() -> None:
    due = later(TODAY, 60)
    found = said(history(LATES), task(1, begun=TODAY, due=due))
    assert (found.p50, found.p85) == (later(due, 5), later(due, 8))


def test_nothing_is_said_of_more_than_a_year_ahead() -> None:
    young = [task(100 + n, begun=later(TODAY, -100)) for n in range(30)]
    old = [task(200 + n, status="done", begun=later(TODAY, -500), ended=later(TODAY, -100 - n)) for n in range(40)]
    assert said([*young, *old], task(1, begun=TODAY)).reason == "beyond"


def test_a_weekend_counts_as_the_monday_after_it() -> None:
    friday = date(2026, 9, 4)
    tasks = [
        task(100 + n, status="done", begun=later(friday, -5), due=friday, ended=friday + timedelta(days=1 + n % 2))
        for n in range(30)
    ]
    found = said(tasks, task(1, begun=later(TODAY, -10), due=TODAY))
    assert found.p85 == later(TODAY, 1)


@pytest.mark.parametrize(
    ("item", "spell"),
    [
        (Watched(1000, 990, 1005, False, 1100), Spell(-10, 5, True)),
        (Watched(1000, 990, 1005, True, 1100), Spell(-10, 4, False)),  # called off
        (Watched(1000, 990, None, False, 1100), Spell(-10, 99, False)),  # open: through yesterday
        (Watched(1000, None, 1005, False, 1100), Spell(-150, 5, True)),  # nobody knows since when: watched for a year
        (Watched(1000, 700, 1005, False, 1100), Spell(-150, 5, True)),
    ],
)
def test_how_a_task_was_watched(item: Watched, spell: Spell) -> None:
    assert item.spell() == spell


def test_what_ended_over_a_year_ago_or_never_ended_is_no_past() -> None:
    old = [done(number, later(TODAY, -300), number % 9) for number in range(100, 160)]
    assert said(old, task(1, due=TODAY)).reason == "thin"
    silent = [
        task(number, status="done", due=later(TODAY, -20)) for number in range(100, 160)
    ]  # done, and nobody knows when
    asked = task(1, begun=later(TODAY, -10), due=TODAY)
    assert said([*silent, *history(LATES)], asked) == said(history(LATES), asked)
    unknown = [task(number, status="unknown", due=TODAY, ended=later(TODAY, -5)) for number in range(200, 260)]
    cancelled = [task(number, status="cancelled", due=TODAY, ended=later(TODAY, -5)) for number in range(300, 360)]
    assert said([*silent, *unknown, *cancelled], task(1, due=TODAY)) == Likely(TODAY, None, "plan", 0, "thin")


def test_what_is_still_open_counts() -> None:
    """Survivors: forty ended within nine days, sixty that were due 20 days ago are open: nobody may promise day 9."""
    asked = task(1, begun=later(TODAY, -10), due=TODAY)
    stuck = [task(100 + n, begun=later(TODAY, -30), due=later(TODAY, -20)) for n in range(60)]
    assert said([*history(LATES), *stuck], asked).basis == "plan"
    few = said([*history(LATES), *stuck[:3]], asked)
    assert (few.p85 or TODAY) > later(TODAY, 8)


def test_what_ended_today_is_counted_tomorrow() -> None:
    asked = task(1, begun=later(TODAY, -10), due=TODAY)
    today = [task(100 + n, status="done", begun=later(TODAY, -10), due=TODAY, ended=TODAY) for n in range(30)]
    assert said([*history(LATES), *today], asked) == said(history(LATES), asked)


def test_history_whose_word_did_not_hold_is_not_believed() -> None:
    """A day later with every fourth task, for months: what would have been said at any time did not hold."""
    steady, slipping = (
        [done(100 + n, later(TODAY, -200 + n), late) for n, late in enumerate(lates)]
        for lates in ([20] * 160, SLIPPING)
    )
    asked = task(1, begun=later(TODAY, -10), due=TODAY)
    assert said(steady, asked).basis == "department"
    assert said(slipping, asked) == Likely(TODAY, None, "plan", 160, "unsteady")
    running = [task(500 + n, begun=later(TODAY, -30), due=later(TODAY, -5)) for n in range(200)]  # they have time left
    assert said([*steady, *running], asked).basis == "department"


def test_done_tasks_are_not_asked() -> None:
    assert said(history(LATES), done(1, TODAY, 0)) == Likely(None, None, "plan", 0, "not_open")


def test_a_view_is_read_in_each_departments_zone_and_calendar() -> None:
    at = datetime(2026, 11, 24, 23, tzinfo=UTC)  # the 25th in Shanghai
    asked = task(1, begun=later(TODAY, -10), due=TODAY)
    tasks = {item.ref: item for item in (*history(LATES), asked)}
    departments = {TECH: Department(TECH, "技术部", calendar="week")}
    view = View(at, tasks, departments=departments, calendars={"week": WEEK})
    assert likely_finish(past_of(view), asked) == said(history(LATES), asked)
    late = task(2, due=later(TODAY, -1), kind="incident")
    assert likely_finish(past_of(view), late).p50 == TODAY


def test_a_tools_own_history_tells_when_work_began_and_ended() -> None:
    at = datetime(2026, 11, 25, tzinfo=UTC)
    tasks = [task(n, status="done") for n in range(100, 140)] + [task(1)]
    view = View(
        at,
        {item.ref: item for item in tasks},
        departments={TECH: Department(TECH, "技术部", calendar="week", zone="UTC")},
    )
    assert likely_finish(past_of(view), tasks[-1]).reason == "no_dates"
    changes = [StatusChange(tasks[-1].ref, "todo", "in_progress", at)]
    for n, took in enumerate(LATES):
        begun = later(TODAY, -100 + n)
        for day, after in ((begun, "in_progress"), (later(begun, took) if took else begun, "done")):
            changes.append(StatusChange(tasks[n].ref, "unknown", after, datetime.combine(day, time(9), UTC)))  # type: ignore[arg-type]
    found = likely_finish(past_of(view, History(changes)), tasks[-1])
    assert (found.p50, found.p85, found.reason) == (later(TODAY, 5), later(TODAY, 8), "age")


def test_a_moved_due_date_counts_from_the_first_that_was_let_go() -> None:
    """Each of the team's dates was moved on its last day to the day on which it was met; told by what stands now, none was ever late."""
    at = datetime.combine(TODAY, time(9), UTC)
    promised = [(item, item.due, item.finished.date()) for item in history(LATES) if item.due and item.finished]
    moved = [
        DueChange(item.ref, due, ended, datetime.combine(due, time(9), UTC))
        for item, due, ended in promised
        if ended > due
    ]
    now = {item.ref: replace(item, due=max(due, ended)) for item, due, ended in promised}
    asked = task(1, begun=later(TODAY, -10), due=TODAY)
    departments = {TECH: Department(TECH, "技术部", calendar="week")}
    view = View(at, {**now, asked.ref: asked}, departments=departments, calendars={"week": WEEK})
    assert likely_finish(past_of(view), asked).p85 == TODAY
    told = said(history(LATES), asked)
    assert likely_finish(past_of(view, History(dues=moved)), asked) == told
    moved.append(DueChange(asked.ref, TODAY, later(TODAY, 20), at))
    asked = replace(asked, due=later(TODAY, 20))
    view = replace(view, tasks={**now, asked.ref: asked})
    assert likely_finish(past_of(view, History(dues=moved)), asked) == replace(told, counts_from=TODAY)


def test_the_back_test_sees_nothing_of_later_days() -> None:
    def seen(cases: Sequence[Case]) -> list[Task]:
        return [as_seen(case, TODAY)[0] for case in cases if case.known <= TODAY]

    def another_future(case: Case) -> Case:
        ended = case.task.finished
        is_past = ended and ended.date() < TODAY
        return (
            case
            if is_past
            else Case(replace(case.task, status="cancelled", finished=ended and ended + timedelta(days=30)), case.known)
        )

    begun = [later(TODAY, n) for n in range(-60, 20)]
    cases = [Case(task(n, status="done", begun=day, ended=later(day, 1 + n % 25)), day) for n, day in enumerate(begun)]
    assert seen(cases) == seen([another_future(case) for case in cases])
    assert {item.status for item in seen(cases)} == {"done", "in_progress"}


# Properties

spells = st.lists(
    st.builds(
        lambda entry, length, is_end: Spell(entry, entry + length, is_end),
        st.integers(-20, 10),
        st.integers(0, 40),
        st.booleans(),
    ),
    max_size=60,
)
INFINITE = 10**6


def never(found: tuple[int | None, ...]) -> list[int]:
    return [INFINITE if place is None else place for place in found]


@given(spells, st.integers(-20, 30))
def test_quantiles_are_in_order_and_not_before_now(items: list[Spell], now: int) -> None:
    half, most = never(Curve(items).quantiles(now, 0.5, 0.15))
    assert now <= half <= most


@given(spells, st.integers(-20, 30), st.integers(-20, 10), st.booleans())
def test_another_that_took_longer_never_brings_p85_forward(
    items: list[Spell], now: int, entry: int, is_end: bool
) -> None:
    (most,) = never(Curve(items).quantiles(now, 0.15))
    longer = Spell(entry, max(entry, most), is_end)
    (then,) = never(Curve([*items, longer]).quantiles(now, 0.15))
    assert then >= most


@given(st.lists(st.integers(0, 30), min_size=ENOUGH, max_size=80), st.integers(0, 30))
def test_without_censoring_it_is_the_plain_empirical_quantile(lengths: list[int], now: int) -> None:
    """Written anew, without the estimator: of those that took as long, the one in place ceil(0.85 (n + 1))."""
    alike = sorted(length for length in lengths if length >= now)
    place = -(-85 * (len(alike) + 1) // 100)
    expected = alike[place - 1] if place <= len(alike) else None
    assert Curve([Spell(0, length, is_end=True) for length in lengths]).quantiles(now, 0.15) == (expected,)


@given(spells, st.integers(-20, 30), st.integers(1, 10))
def test_as_a_task_gets_older_its_days_only_move_away(items: list[Spell], now: int, by: int) -> None:
    curve = Curve(items)
    for before, after in zip(
        never(curve.quantiles(now, 0.5, 0.15)), never(curve.quantiles(now + by, 0.5, 0.15)), strict=True
    ):
        assert after >= before


@given(st.lists(st.integers(-9, 15), min_size=30, max_size=60), st.integers(-9, 12))
def test_nothing_is_said_of_the_past(lates: list[int], age: int) -> None:
    due = later(TODAY, -age) if age else TODAY
    for today in (TODAY, TODAY + timedelta(days=3)):  # a Wednesday, a Saturday
        found = said(history(lates), task(1, begun=later(due, -10), due=due), today)
        assert (found.p50 or date.min) >= today
        assert found.p85 is None or found.p85 >= (found.p50 or date.max)
