"""Worked half days of calendars as tables of whole numbers, so that the schedule steps over years by looking up two of them.

A half is a whole number: twice the days since ``FIRST_DAY``, and one more in the afternoon. -1 is none. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sync.core.calendar import MINUTES_A_DAY, Calendar

Numbers = NDArray[np.int32]

FIRST_DAY, LAST_DAY = date(1949, 1, 1), date(2199, 12, 31)
SENSIBLE = (date(1950, 1, 1).toordinal(), date(2150, 12, 31).toordinal())  # other dates are slips of the keyboard
BEFORE_FIRST = FIRST_DAY.toordinal()
DAYS = (LAST_DAY - FIRST_DAY).days + 1
SPAN = 2 * DAYS
NONE = -1
MINUTES_A_HALF = MINUTES_A_DAY // 2
ELAPSED_MINUTES_A_HALF = 12 * 60


@dataclass(frozen=True)
class HalfDays:
    """The tables of several calendars, one behind the other; number 0 is round the clock, in which every half is worked.

    ``worked[c * ROW + h]`` are the worked halves before half h, ``at[c * ROW + n]`` is the half that is the n-th worked (from 0; the last
    one for every n beyond), ``workdays[c * DAYS + d]`` are the workdays up to and with day d.
    """

    worked: Numbers
    at: Numbers
    workdays: Numbers


ROW = SPAN + 1


@lru_cache(maxsize=8)
def half_days_of(calendars: tuple[Calendar, ...]) -> HalfDays:
    """The tables of these calendars, numbered from 1."""
    rows = [_round_the_clock(), *(_tables(calendar) for calendar in calendars)]
    return HalfDays(*(np.concatenate(part) for part in zip(*rows, strict=True)))


def half_of(day: date) -> int:
    """The day's morning."""
    return 2 * (day.toordinal() - BEFORE_FIRST)


def date_of(half: int) -> date | None:
    """The date of a half; None of none."""
    return None if half < 0 else date.fromordinal(BEFORE_FIRST + int(half) // 2)


def halves_from_minutes(minutes: Any, minutes_a_half: int) -> Any:
    """Minutes (or an array of them) as halves, parts rounded up."""
    return -(-minutes // minutes_a_half)


@lru_cache(maxsize=1)
def _round_the_clock() -> tuple[Numbers, Numbers, Numbers]:
    every = np.arange(ROW, dtype=np.int32)
    return every, np.minimum(every, SPAN - 1), np.arange(1, DAYS + 1, dtype=np.int32)


@lru_cache(maxsize=64)
def _tables(calendar: Calendar) -> tuple[Numbers, Numbers, Numbers]:
    weekdays = (np.arange(DAYS) + FIRST_DAY.weekday()) % 7
    is_worked = ~np.isin(weekdays, list(calendar.weekend))
    is_worked[_numbers(calendar.days_off)] = False
    is_worked[_numbers(calendar.extra_workdays)] = True
    halves = np.repeat(is_worked, 2)
    halves[2 * _numbers(calendar.half_days) + 1] = False
    worked = np.zeros(ROW, dtype=np.int32)
    np.cumsum(halves, out=worked[1:])
    (at,) = np.nonzero(halves)
    last = at[-1] if len(at) else SPAN - 1
    padded = np.full(ROW, last, dtype=np.int32)
    padded[: len(at)] = at
    return worked, padded, np.cumsum(is_worked, dtype=np.int32)


def _numbers(days: frozenset[date]) -> NDArray[np.int64]:
    known = [day.toordinal() - BEFORE_FIRST for day in days if FIRST_DAY <= day <= LAST_DAY]
    return np.array(known, dtype=np.int64)
