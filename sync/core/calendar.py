"""Working days: weekends, days off and make-up workdays (调休) of one calendar. Pure, and quick over long spans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

SATURDAY_AND_SUNDAY = frozenset({5, 6})
NINE_TO_SIX = ((9 * 60, 12 * 60), (13 * 60, 18 * 60))


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
        low, high = 0, len(days)
        while low < high:
            middle = (low + high) // 2
            if days[middle] <= day:
                low = middle + 1
            else:
                high = middle
        return sums[low]

    @cached_property
    def _morning(self) -> tuple[tuple[int, int], ...]:
        """What comes before the longest break; where there is no break, the first half of the minutes."""
        if len(self.hours) == 1:
            start, end = self.hours[0]
            return ((start, start + (end - start) // 2),)
        breaks = [after[0] - before[1] for before, after in pairwise(self.hours)]
        return self.hours[: breaks.index(max(breaks)) + 1]

    @cached_property
    def _running_sums(self) -> tuple[list[date], list[int]]:
        days = sorted(self.days_off | self.extra_workdays)
        sums = [0]
        for day in days:
            plain = day.weekday() not in self.weekend
            sums.append(sums[-1] + int(self.is_workday(day)) - int(plain))
        return days, sums


Calendars = Mapping[str, Calendar]
