"""Half days, walked one at a time, and what a task's own dates say in them: read from docs/scheduling.md alone.

A half is a number: twice the day's ordinal, and one more for the afternoon.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sync.core.calendar import Calendar
from sync.core.values import Task

FIRST_YEAR, LAST_YEAR = 1950, 2150
MINUTES_OF_A_HALF = 4 * 60


def morning(day: date) -> int:
    return 2 * day.toordinal()


def afternoon(day: date) -> int:
    return 2 * day.toordinal() + 1


def day_of(half: int) -> date:
    return date.fromordinal(half // 2)


def day_or_none(half: int | None) -> date | None:
    return None if half is None else day_of(half)


def rounded_up(minutes: int, size: int) -> int:
    """How many parts of that size, towards later: of a lead (a negative number) towards zero."""
    return -(-minutes // size)


class Worked:
    """The worked halves of a calendar."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.known: dict[int, bool] = {}

    def __contains__(self, half: int) -> bool:
        if half not in self.known:
            self.known[half] = self._look_up(day_of(half), half % 2 == 1)
        return self.known[half]

    def _look_up(self, day: date, is_afternoon: bool) -> bool:
        calendar = self.calendar
        is_off = day.weekday() in calendar.weekend or day in calendar.days_off
        if is_off and day not in calendar.extra_workdays:
            return False
        return not (is_afternoon and day in calendar.half_days)

    def at_or_after(self, half: int) -> int:
        while half not in self:
            half += 1
        return half

    def at_or_before(self, half: int) -> int:
        while half not in self:
            half -= 1
        return half

    def step(self, half: int, count: int) -> int:
        """So many worked halves on (back, when negative)."""
        direction = 1 if count > 0 else -1
        while count:
            half += direction
            if half in self:
                count -= direction
        return half

    def between(self, first: int, last: int) -> int:
        return sum(half in self for half in range(first, last + 1))

    def workdays(self, earlier: date, later: date) -> int:
        """The workdays after the one up to and with the other; counted backwards they are negative."""
        if later < earlier:
            return -self.workdays(later, earlier)
        days = range(earlier.toordinal() + 1, later.toordinal() + 1)
        return sum(2 * day in self for day in days)


@dataclass(frozen=True)
class Spot:
    """Where a task belongs: its calendar, its zone, and which day it is there."""

    calendar: Calendar
    zone: ZoneInfo
    today: date


class Plan(NamedTuple):
    """What a task's dates say (S2, S13). ``first`` and ``last`` know when it started; ``start`` and ``due`` are the days it was
    planned for, from which slips are counted.
    """

    first: int | None
    last: int | None
    takes: int
    start: date | None
    due: date | None
    confidence: float


def sane(day: date | None) -> date | None:
    """The date, unless it is a slip of the keyboard."""
    return day if day is not None and FIRST_YEAR <= day.year <= LAST_YEAR else None


def day_there(instant: datetime | None, spot: Spot) -> date | None:
    return None if instant is None else sane(instant.astimezone(spot.zone).date())


def has_started(task: Task) -> bool:
    return task.status == "in_progress" or (task.status == "blocked" and task.started is not None)


def wanted_start(task: Task) -> date | None:
    return sane(task.must_start) or sane(task.start)


def wanted_due(task: Task) -> date | None:
    return sane(task.must_finish) or sane(task.due)


def plan_of(task: Task, spot: Spot, worked: Worked) -> Plan:
    start, due = wanted_start(task), wanted_due(task)
    is_milestone = task.kind == "milestone"
    first, last, takes = _reached(start, due) if is_milestone else _ends(start, due, estimated(task), worked)
    planned_start, planned_due = day_or_none(first), day_or_none(last)
    if has_started(task) and not is_milestone and (began := day_there(task.started, spot)) is not None:
        first = morning(began)
        last = None if last is None else max(last, afternoon(began))
    return Plan(first, last, takes, planned_start, planned_due, _confidence(start, due, estimated(task), is_milestone))


def estimated(task: Task) -> int | None:
    """Worked halves of the estimate; none where nobody estimated anything."""
    minutes = task.estimate_minutes or 0
    return rounded_up(minutes, MINUTES_OF_A_HALF) if minutes > 0 else None


def _confidence(start: date | None, due: date | None, estimate: int | None, is_milestone: bool) -> float:
    if start is None and due is None:
        return 0.3
    if is_milestone:
        return 1.0
    if start is not None and due is not None:
        return 1.0
    return 0.5 if estimate is None else 0.7


def _reached(start: date | None, due: date | None) -> tuple[int | None, int | None, int]:
    """A milestone's ends: it takes no time."""
    day = due or start
    half = None if day is None else afternoon(day)
    return half, half, 0


def _ends(
    start: date | None, due: date | None, estimate: int | None, worked: Worked
) -> tuple[int | None, int | None, int]:
    """(first half, last half, worked halves it takes)."""
    if start is not None and due is not None:
        begin = morning(min(start, due))
        first = worked.at_or_after(begin)
        if first > afternoon(due):
            first = begin
        return first, afternoon(due), worked.between(first, afternoon(due)) or 2
    if due is not None:
        return _ends_by(due, estimate, worked)
    if start is not None:
        first = worked.at_or_after(morning(start))
        ends = first if estimate is None else worked.step(first, estimate - 1)
        last = afternoon(day_of(ends))
        return first, last, estimate or worked.between(first, last)
    return None, None, estimate or 2


def _ends_by(due: date, estimate: int | None, worked: Worked) -> tuple[int, int, int]:
    if estimate is not None:
        end = worked.at_or_before(afternoon(due))
        return worked.step(end, 1 - estimate), afternoon(due), estimate
    day = due
    while morning(day) not in worked:
        day -= timedelta(days=1)
    return morning(day), afternoon(due), worked.between(morning(day), afternoon(day))
