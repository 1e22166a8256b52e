from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.core.calendar import Calendar
from sync.core.errors import ConfigError
from sync.mapping.calendars import calendars_for, country_calendar, is_country, parse_calendars

CN = country_calendar("CN")
DAYS = st.dates(date(2004, 1, 1), date(2032, 12, 31))


def test_every_day_of_2004_to_2026_agrees_with_chinesecalendar() -> None:
    days = [date(2004, 1, 1) + timedelta(days=n) for n in range((date(2026, 12, 31) - date(2004, 1, 1)).days + 1)]
    differing = [day for day in days if CN.is_workday(day) != chinese_calendar.is_workday(day)]  # type: ignore[no-untyped-call]
    # 国办发明电〔2005〕35号: "12月31日(星期六)上班". The notice is right, and so is holidays; chinesecalendar has the day off.
    assert differing == [date(2005, 12, 31)]


def test_national_day_2026() -> None:
    assert CN.workdays_between(date(2026, 9, 30), date(2026, 10, 10)) == 3
    assert CN.add_workdays(date(2026, 9, 30), 3) == date(2026, 10, 10)
    assert CN.is_workday(date(2026, 10, 10))
    assert not CN.is_workday(date(2026, 10, 11))


def test_years_without_a_notice_are_projected() -> None:
    assert CN.projected_from == date(2027, 1, 1)
    assert not CN.is_projected(date(2026, 12, 31))
    assert CN.is_projected(date(2027, 5, 1))
    assert country_calendar("SG").projected_from is None


def test_a_file_says_what_is_different() -> None:
    made = parse_calendars(
        b"calendars:\n  CN: CN\n  office: {country: CN, days_off: [2026-12-31], extra_workdays: [2026-12-26, 2026-10-01]}\n"
        b"  gulf: {weekend: [friday, saturday]}\n",
        "calendar.yaml",
    )
    assert made["CN"].days_off == CN.days_off
    office = made["office"]
    assert not office.is_workday(date(2026, 12, 31))
    assert office.is_workday(date(2026, 12, 26))
    assert office.is_workday(date(2026, 10, 1))
    assert office.projected_from == date(2027, 1, 1)
    assert made["gulf"].is_workday(date(2026, 11, 22))
    assert not made["gulf"].is_workday(date(2026, 11, 20))


def test_a_day_off_wins_over_an_official_make_up_day() -> None:
    made = parse_calendars(b"calendars:\n  o: {country: CN, days_off: [2026-10-10]}\n", "calendar.yaml")
    assert not made["o"].is_workday(date(2026, 10, 10))


def test_a_broken_file_names_each_mistake() -> None:
    text = (
        b"calendars:\n  a: {country: CHN, days_off: [2026-02-30], extra_workdays: [2026/1/2]}\n  b: {weekend: [sat]}\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse_calendars(text, "calendar.yaml")
    assert [item.path for item in caught.value.problems] == [
        "calendars.a.days_off.0", "calendars.a.extra_workdays.0", "calendars.b.weekend.0", "calendars.a.country",
    ]  # fmt: skip


def test_calendars_for_adds_countries_by_their_code() -> None:
    made = calendars_for(["CN", "nowhere", "o"], {"o": Calendar("o")})
    assert sorted(made) == ["CN", "o"]
    assert is_country("CN")
    assert not is_country("XX")


@settings(deadline=None)
@given(DAYS, DAYS)
def test_counting_is_a_count_of_days(start: date, end: date) -> None:
    low, high = sorted((start, end))
    days = sum(CN.is_workday(low + timedelta(days=n)) for n in range(1, (high - low).days + 1))
    assert CN.workdays_between(start, end) == (days if start <= end else -days)


def _walked(day: date, count: int) -> date:
    step = timedelta(days=1 if count > 0 else -1)
    for _ in range(abs(count)):
        day += step
        while not CN.is_workday(day):
            day += step
    return day


@settings(deadline=None)
@given(DAYS, st.integers(-400, 400))
def test_adding_is_walking(day: date, count: int) -> None:
    expected = CN.next_workday(day) if count == 0 else _walked(day, count)
    assert CN.add_workdays(day, count) == expected
    if count > 0:
        assert CN.workdays_between(day, expected) == count
