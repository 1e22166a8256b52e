"""Tasks A and B, what waits for what, and the schedule of it: what the tests of the schedule are told with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from sync.core.calendar import Calendar
from sync.core.plans import Place
from sync.core.schedule import Schedule, schedule
from sync.core.values import Dependency, DependencyState, DependencyType, LagUnit, Ref, Status, Task

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


A = task("A", date(2026, 9, 7), date(2026, 9, 11))  # Mon to Fri
B = task("B", date(2026, 9, 9), date(2026, 9, 10))  # Wed, Thu: two working days
B_PLAN = (B.start, B.due)
