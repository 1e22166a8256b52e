"""Half days and working hours, against a walk over every minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.core.calendar import Calendar

FRIDAY, SATURDAY, SUNDAY, MONDAY = (date(2026, 12, day) for day in (18, 19, 20, 21))
SHANGHAI = ZoneInfo("Asia/Shanghai")
MINUTE = timedelta(minutes=1)
# Places and days where the clock is put forward or back, by an hour, by half an hour and, on Samoa, by a whole day; and one where it is not.
TURNS = [
    ("Europe/Berlin", date(2026, 3, 29)), ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 11, 1)), ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)), ("Pacific/Apia", date(2011, 12, 30)),
    ("America/Sao_Paulo", date(2018, 11, 4)), ("Asia/Shanghai", date(2026, 12, 31)),
]  # fmt: skip


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def test_a_half_day_is_a_workday_with_one_half() -> None:
    office = Calendar("office", half_days=frozenset({FRIDAY, SATURDAY}), extra_workdays=frozenset({SUNDAY}))
    assert [office.worked_halves(day) for day in (FRIDAY, SATURDAY, SUNDAY, MONDAY)] == [1, 0, 2, 2]
    assert office.is_workday(FRIDAY)
    assert office.workdays_between(FRIDAY, MONDAY) == 2
    assert Calendar("o", half_days=frozenset({SUNDAY}), extra_workdays=frozenset({SUNDAY})).worked_halves(SUNDAY) == 1


def test_the_morning_ends_at_the_longest_break() -> None:
    half = frozenset({FRIDAY})
    office = Calendar("office", half_days=half)
    assert office.hours_of(MONDAY) == ((540, 720), (780, 1080))
    assert office.hours_of(FRIDAY) == ((540, 720),)
    assert office.hours_of(SATURDAY) == ()
    coffee = Calendar("coffee", half_days=half, hours=((480, 590), (600, 720), (780, 1000), (1010, 1080)))
    assert coffee.hours_of(FRIDAY) == ((480, 590), (600, 720))
    assert Calendar("one", half_days=half, hours=((540, 1081),)).hours_of(FRIDAY) == ((540, 810),)


def test_two_working_hours_over_a_weekend_and_a_half_day() -> None:
    office = Calendar("office", half_days=frozenset({FRIDAY}), days_off=frozenset({MONDAY}))
    late = at("2026-12-18T11:30:20")
    assert office.add_working_minutes(late, 120, SHANGHAI) == at("2026-12-22T10:30:20")
    assert office.add_working_minutes(late, 30, SHANGHAI) == at("2026-12-22T09:00:20")
    assert office.add_working_minutes(at("2026-12-18T11:30"), 30, SHANGHAI) == at("2026-12-18T12:00")
    assert office.add_working_minutes(at("2026-12-18T12:00"), 0, SHANGHAI) == at("2026-12-22T09:00")
    assert office.add_working_minutes(late, 0, SHANGHAI) == late


def test_what_cannot_be_counted_is_refused() -> None:
    office = Calendar("office")
    with pytest.raises(ValueError, match="no zone"):
        office.add_working_minutes(at("2026-01-01").replace(tzinfo=None), 1, SHANGHAI)
    with pytest.raises(ValueError, match="go back"):
        office.add_working_minutes(at("2026-01-01"), -1, SHANGHAI)


def test_an_empty_calendar_does_not_wait_for_ever() -> None:
    with pytest.raises(OverflowError, match="'never'"):
        Calendar("never", weekend=frozenset(range(7))).add_working_minutes(at("9990-01-01"), 1, SHANGHAI)


def test_years_cost_little() -> None:
    office, start = Calendar("office", half_days=frozenset({FRIDAY})), at("2006-01-02")
    minutes = 20 * 52 * 5 * 480
    end = office.add_working_minutes(start, minutes, SHANGHAI)  # the first time the zone's changes are looked up
    assert end.year == 2025
    began = perf_counter()
    for _ in range(20):
        assert office.add_working_minutes(start, minutes, SHANGHAI) == end
    assert (perf_counter() - began) / 20 < 0.02  # twenty years: measured 1 ms


@st.composite
def spans(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """One to three spans of a day, in order; some touch midnight or each other."""
    edges = draw(st.lists(st.sampled_from(range(0, 1441, 15)), min_size=2, max_size=6, unique=True))
    edges = sorted(edges[: len(edges) // 2 * 2])
    return tuple(zip(edges[::2], edges[1::2], strict=True))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Calendar, datetime, datetime, ZoneInfo]:
    """A calendar with exceptions of every kind around a day on which a clock changes, and a span of up to three days."""
    name, turn = draw(st.sampled_from(TURNS))
    near = st.integers(-3, 3).map(lambda days: turn + timedelta(days=days))
    off, extra, half = (draw(st.frozensets(near, max_size=2)) for _ in range(3))
    calendar = Calendar(
        "any", draw(st.frozensets(st.integers(0, 6), max_size=3)), off, extra, None, half, draw(spans())
    )
    start = datetime.combine(turn, clock(), UTC) + draw(st.integers(-2160, 1440)) * MINUTE
    return calendar, start, start + draw(st.integers(0, 4320)) * MINUTE, ZoneInfo(name)


def is_worked(calendar: Calendar, instant: datetime, zone: ZoneInfo) -> bool:
    """Whether the minute that begins then is worked, as somebody says who looks at the clock and at the calendar on the wall."""
    wall = instant.astimezone(zone)
    if calendar.worked_halves(wall.date()) == 0:
        return False
    hours = calendar.hours
    if calendar.worked_halves(wall.date()) == 1 and len(hours) > 1:
        breaks = {hours[n + 1][0] - hours[n][1]: n for n in reversed(range(len(hours) - 1))}
        hours = hours[: breaks[max(breaks)] + 1]
    elif calendar.worked_halves(wall.date()) == 1:
        hours = ((hours[0][0], (hours[0][0] + hours[0][1]) // 2),)
    return any(start <= wall.hour * 60 + wall.minute < end for start, end in hours)


@settings(deadline=None, max_examples=60)
@given(cases())
def test_minutes_are_counted_as_a_walk_counts_them(case: tuple[Calendar, datetime, datetime, ZoneInfo]) -> None:
    calendar, start, end, zone = case
    worked = [n for n in range((end - start) // MINUTE) if is_worked(calendar, start + n * MINUTE, zone)]
    for count in {1, len(worked) // 2, len(worked)} - {0} if worked else ():
        reached = calendar.add_working_minutes(start, count, zone)
        assert reached == start + (worked[count - 1] + 1) * MINUTE
        assert reached.tzinfo is UTC
    if worked:
        assert calendar.add_working_minutes(start, 0, zone) == start + worked[0] * MINUTE
