"""Half days and working hours of a calendar that needs no file and no country."""

from __future__ import annotations

from datetime import date

from sync.core.calendar import Calendar

FRIDAY, SATURDAY, SUNDAY, MONDAY = (date(2026, 12, day) for day in (18, 19, 20, 21))


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
