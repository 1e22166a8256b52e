from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sync.core.calendar import Calendar
from sync.core.errors import ConfigError
from sync.core.view import View
from sync.core.working_time import calendar_of_person, zone_of_person
from sync.mapping.calendars import calendars_for, country_calendar, is_country, parse_calendars, unpublished_notes
from sync.mapping.people import person_ref
from sync.mapping.schema import parse_all

CN = country_calendar("CN")
DAYS = st.dates(date(2004, 1, 1), date(2032, 12, 31))


# Where the two libraries differ: whether the day is worked, by the official notice. ``holidays``, which we use, must say the same; should
# it ever be wrong, the correction goes into sync/mapping/calendars.py.
DECIDED = {
    # 国办发明电〔2005〕35号, 国务院办公厅关于2006年部分节假日安排的通知: "12月31日(星期六)上班"; chinesecalendar has it off (its issue 125).
    date(2005, 12, 31): True,
}


def test_every_published_day_agrees_with_chinesecalendar_or_was_decided() -> None:
    assert CN.projected_from is not None
    first, last = date(2004, 1, 1), CN.projected_from - timedelta(days=1)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    differing = {day: CN.is_workday(day) for day in days if CN.is_workday(day) != chinese_calendar.is_workday(day)}  # type: ignore[no-untyped-call]
    assert differing == DECIDED
    with pytest.raises(NotImplementedError):  # a year that one library knows and the other does not is noticed here
        chinese_calendar.is_workday(CN.projected_from)  # type: ignore[no-untyped-call]


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


def test_half_days_and_hours_of_a_file() -> None:
    made = parse_calendars(
        b"calendars:\n  CN:\n    country: CN\n    half_days: [2026-12-31, 2026-10-10, 2026-12-26]\n    extra_workdays: [2026-12-26]\n"
        b'    hours: ["08:30-12:00", "13:30-17:30"]\n',
        "calendar.yaml",
    )["CN"]
    assert [made.worked_halves(date(2026, 12, day)) for day in (30, 31, 26, 27)] == [2, 1, 1, 0]
    assert made.worked_halves(date(2026, 10, 10)) == 1  # an official make-up Saturday
    assert made.hours_of(date(2026, 12, 31)) == ((510, 720),)
    assert made.hours_of(date(2026, 12, 30)) == ((510, 720), (810, 1050))


def test_half_holidays_of_a_country_count_where_they_halve_the_day() -> None:
    assert country_calendar("GR").worked_halves(date(2026, 12, 24)) == 1
    assert country_calendar("CH-Stadt Zurich").worked_halves(date(2026, 4, 20)) == 1  # Sechseläuten
    assert country_calendar("CH").worked_halves(date(2026, 4, 20)) == 2
    assert CN.worked_halves(date(2026, 6, 1)) == 2  # Children's Day
    assert country_calendar("AU-SA").worked_halves(date(2026, 12, 24)) == 2  # from 7 in the evening
    made = parse_calendars(
        b"calendars: {g: {country: GR, extra_workdays: [2026-12-24], days_off: [2026-12-31]}}", "c.yaml"
    )
    assert [made["g"].worked_halves(date(2026, 12, day)) for day in (24, 31)] == [2, 0]


def test_a_company_may_write_a_notice_before_the_library_knows_it() -> None:
    text = b"calendars: {CN: {country: CN, published_until: 2027, extra_workdays: [2027-02-14]}}"
    made = parse_calendars(text, "calendar.yaml")["CN"]
    assert made.projected_from == date(2028, 1, 1)
    assert made.is_workday(date(2027, 2, 14))
    older = parse_calendars(b"calendars: {CN: {country: CN, published_until: 2020}}", "calendar.yaml")["CN"]
    assert older.projected_from == CN.projected_from


def test_in_november_a_next_year_that_is_not_known_is_worth_a_word() -> None:
    assert list(unpublished_notes([CN, country_calendar("SG")], date(2026, 10, 31))) == []
    [note] = unpublished_notes([CN, country_calendar("SG")], date(2026, 11, 1))
    assert "calendar CN: the official holidays of 2027" in note
    assert len(list(unpublished_notes([CN], date(2027, 3, 1)))) == 1


def test_a_person_or_a_department_may_have_any_calendar() -> None:
    files = {
        "people.yaml": "people:\n  li-na: {name: 李娜, department: 产品部, calendar: SG, zone: Asia/Singapore}\n  wu: {name: 吴}\n",
        "departments.yaml": "departments: {产品部: {calendar: DE-BY}}\n",
    }
    made = parse_all({name: text.encode() for name, text in files.items()}, {})
    people = made.directory.people
    assert sorted(made.calendars) == ["CN", "DE-BY", "SG"]
    view = View(
        datetime(2026, 1, 1, tzinfo=UTC),
        {},
        people=people,
        departments=made.directory.departments,
        calendars=made.calendars,
    )
    li_na, wu = person_ref("li-na"), person_ref("wu")
    assert (calendar_of_person(view, li_na).name, str(zone_of_person(view, li_na))) == ("SG", "Asia/Singapore")
    as_all = replace(view, people={li_na: replace(people[li_na], calendar="", zone="")})
    assert (calendar_of_person(as_all, li_na).name, str(zone_of_person(as_all, li_na))) == ("DE-BY", "Asia/Shanghai")
    assert (calendar_of_person(view, wu).name, str(zone_of_person(view, wu))) == ("weekdays", "UTC")
    assert calendar_of_person(view, None).name == "weekdays"


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
