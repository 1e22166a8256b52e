"""Working days and hours: weekends, days off, half days and make-up workdays (调休) of one calendar. Pure, and quick over long spans."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property
from itertools import pairwise

from sync.core.zones import steady_spans

SATURDAY_AND_SUNDAY = frozenset({5, 6})
MINUTES_A_DAY = 480  # a working day, as lags and estimates count it, is eight hours
NINE_TO_SIX = ((9 * 60, 12 * 60), (13 * 60, 18 * 60))
_MINUTE = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)
_ORIGIN = date(2000, 1, 1)  # any day would do: only differences from it are used


@dataclass(frozen=True)
class Calendar:
    """Which days are worked. ``extra_workdays`` win over weekends and days off.

    ``half_days`` are worked in the morning only; one that is not worked at all (a weekend, a day off) stays so. ``hours`` are
    the spans in which a day is worked, in minutes after midnight on the local clock, in order and apart.
    From ``projected_from`` on, official holidays are not published yet: dates there may still move, and texts say so.
    """

    name: str
    weekend: frozenset[int] = SATURDAY_AND_SUNDAY
    days_off: frozenset[date] = field(default=frozenset(), repr=False)
    extra_workdays: frozenset[date] = field(default=frozenset(), repr=False)
    projected_from: date | None = None
    half_days: frozenset[date] = field(default=frozenset(), repr=False)
    hours: tuple[tuple[int, int], ...] = NINE_TO_SIX

    def is_workday(self, day: date) -> bool:
        """True when the day is worked, wholly or half."""
        if day in self.extra_workdays:
            return True
        return day.weekday() not in self.weekend and day not in self.days_off

    def worked_halves(self, day: date) -> int:
        """How many halves of the day are worked: 0, 1 (the morning of a half day) or 2."""
        if not self.is_workday(day):
            return 0
        return 1 if day in self.half_days else 2

    def hours_of(self, day: date) -> tuple[tuple[int, int], ...]:
        """The spans worked on the day, in minutes after midnight; none on a day that is not worked."""
        halves = self.worked_halves(day)
        return self.hours if halves == 2 else self._morning if halves else ()

    def is_projected(self, day: date) -> bool:
        """True when the day's year has no published holidays yet."""
        return self.projected_from is not None and day >= self.projected_from

    def next_workday(self, day: date) -> date:
        """The day itself when it is worked, else the first worked day after it."""
        while not self.is_workday(day):
            day += timedelta(days=1)
        return day

    def add_workdays(self, day: date, count: int) -> date:
        """The ``count``-th worked day after the day (before, when negative); 0 is the next workday on or after it."""
        if count == 0:
            return self.next_workday(day)
        whole_weeks = (abs(count) - 1) // max(1, 7 - len(self.weekend))
        step = 1 if count > 0 else -1
        # Jump whole weeks first, then correct for the exceptions jumped over: spans of years cost no more than weeks.
        target = day + timedelta(days=7 * whole_weeks * step)
        left = count - self.workdays_between(day, target) if step > 0 else -count - self._worked_before(target, day)
        if step > 0:
            return self._walk(target, left)
        return self._walk_back(target, left)

    def workdays_between(self, start: date, end: date) -> int:
        """How many worked days lie after ``start`` up to and with ``end``; negative when ``end`` is before ``start``."""
        if end < start:
            return -self.workdays_between(end, start)
        days = (end - start).days
        weeks, rest = divmod(days, 7)
        count = weeks * (7 - len(self.weekend))
        first = start + timedelta(days=7 * weeks)
        count += sum((first + timedelta(days=n)).weekday() not in self.weekend for n in range(1, rest + 1))
        return count + self._exceptions(start, end)

    def add_working_minutes(self, start: datetime, minutes: int, zone: tzinfo) -> datetime:
        """The first instant (in UTC) at which so many minutes after ``start`` have been worked; for 0 the first on or after it that is
        worked. An hour that the wall clock of the zone skips is not worked, one that it repeats is worked twice. Raises ValueError for a
        negative count or an instant without zone, OverflowError where nothing is ever worked.
        """
        if minutes < 0:
            raise ValueError(f"cannot go back: {minutes} minutes")
        if minutes == 0:
            return self._add_worked(start, _INSTANT, zone) - _INSTANT
        return self._add_worked(start, minutes * _MINUTE, zone)

    def _add_worked(self, start: datetime, left: timedelta, zone: tzinfo) -> datetime:
        for first, last, offset in steady_spans(_utc(start), zone):
            before = self._worked_until(_wall(first, offset))
            available = self._worked_until(_wall(last, offset)) - before
            if available >= left:
                reached = self._moment_of(before + left, _wall(first, offset).date(), _wall(last, offset).date())
                return (reached - offset).replace(tzinfo=UTC)
            left -= available
        raise OverflowError(f"calendar {self.name!r} has no working time left")

    def _worked_until(self, moment: datetime) -> timedelta:
        """Working time up to a moment on the wall clock, counted from some fixed one."""
        since_midnight = moment - datetime.combine(moment.date(), time())
        today = sum(
            (min(max(since_midnight - start * _MINUTE, timedelta(0)), (end - start) * _MINUTE)
             for start, end in self.hours_of(moment.date())),
            timedelta(0),
        )  # fmt: skip
        return self._worked_before_day(moment.date()) + today

    def _worked_before_day(self, day: date) -> timedelta:
        day -= timedelta(days=1)
        whole, afternoon = self._lengths
        halves = bisect_right(self._worked_half_days, day)
        return (whole * self.workdays_between(_ORIGIN, day) - afternoon * halves) * _MINUTE

    def _moment_of(self, worked: timedelta, first: date, last: date) -> datetime:
        """The first moment of these days up to which so much was worked."""
        days = range(first.toordinal(), last.toordinal() + 1)
        near = 2  # deadlines are hours away more often than months
        while near < len(days) and self._worked_before_day(date.fromordinal(days[near])) < worked:
            near *= 2
        days = days[: near + 1]
        passed = bisect_left(days, worked, key=lambda n: self._worked_before_day(date.fromordinal(n)))
        day = date.fromordinal(days[passed - 1])
        left = worked - self._worked_before_day(day)
        for start, end in self.hours_of(day):
            if left <= (end - start) * _MINUTE:
                return datetime.combine(day, time()) + start * _MINUTE + left
            left -= (end - start) * _MINUTE
        raise AssertionError(f"{worked} lies outside {first} to {last}")

    def _worked_before(self, start: date, end: date) -> int:
        """Worked days from ``start`` up to, but without, ``end``."""
        return self.workdays_between(start - timedelta(days=1), end - timedelta(days=1))

    def _walk(self, day: date, left: int) -> date:
        """``left`` worked days on from the day; the same backwards over days that were jumped too far."""
        while left > 0:
            day += timedelta(days=1)
            left -= self.is_workday(day)
        while left < 0 or not self.is_workday(day):
            left += self.is_workday(day)
            day -= timedelta(days=1)
        return day

    def _walk_back(self, day: date, left: int) -> date:
        while left > 0:
            day -= timedelta(days=1)
            left -= self.is_workday(day)
        while left < 0 or not self.is_workday(day):
            left += self.is_workday(day)
            day += timedelta(days=1)
        return day

    def _exceptions(self, start: date, end: date) -> int:
        """How many more (or fewer) days than the plain week says are worked in (start, end]."""
        return self._sum_until(end) - self._sum_until(start)

    def _sum_until(self, day: date) -> int:
        days, sums = self._running_sums
        return sums[bisect_right(days, day)]

    @cached_property
    def _morning(self) -> tuple[tuple[int, int], ...]:
        """What comes before the longest break; where there is no break, the first half of the minutes."""
        if len(self.hours) == 1:
            start, end = self.hours[0]
            return ((start, start + (end - start) // 2),)
        breaks = [after[0] - before[1] for before, after in pairwise(self.hours)]
        return self.hours[: breaks.index(max(breaks)) + 1]

    @cached_property
    def _lengths(self) -> tuple[int, int]:
        """The minutes of a whole day, and those of it that a half day lacks."""
        whole, morning = (sum(end - start for start, end in spans) for spans in (self.hours, self._morning))
        return whole, whole - morning

    @cached_property
    def _worked_half_days(self) -> list[date]:
        return sorted(day for day in self.half_days if self.is_workday(day))

    @cached_property
    def _running_sums(self) -> tuple[list[date], list[int]]:
        days = sorted(self.days_off | self.extra_workdays)
        sums = [0]
        for day in days:
            plain = day.weekday() not in self.weekend
            sums.append(sums[-1] + int(self.is_workday(day)) - int(plain))
        return days, sums


Calendars = Mapping[str, Calendar]


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant} is no instant: it has no zone")
    return instant.astimezone(UTC)


def _wall(instant: datetime, offset: timedelta) -> datetime:
    return instant.replace(tzinfo=None) + offset
