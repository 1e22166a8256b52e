"""Working calendars: a country's official holidays from the ``holidays`` library, and what calendar.yaml says is different.

docs/calendar.md has the comparison of the library with the official notices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

import holidays
from holidays.constants import HALF_DAY

from sync.core.calendar import SATURDAY_AND_SUNDAY, Calendar, Calendars
from sync.core.errors import ConfigError, Problem
from sync.mapping.models import CalendarModel, CalendarsModel
from sync.mapping.reading import ParsedFile, parsed_file
from sync.mapping.validation import nearest

FIRST_YEAR, LAST_YEAR = 2000, 2060
# Where days off and make-up workdays are fixed by a notice every autumn (国务院办公厅关于部分节假日安排的通知): a year without make-up
# workdays has no notice yet, and the library fills it with the statutory days alone.
BY_YEARLY_NOTICE = frozenset({"CN"})
# Where the library's half holidays halve no working day: in China they are for women, the young, children and soldiers alone
# (全国年节及纪念日放假办法, 第三条); in Australia they begin at 6 or 7 in the evening.
WITHOUT_HALF_DAYS = frozenset({"AU", "CN"})
NOTICE_DUE = timedelta(
    days=61
)  # the notice comes in November: from then on a next year that is not known is worth a word
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@lru_cache(maxsize=64)
def country_calendar(country: str, name: str = "") -> Calendar:
    """A country's (``CN``) or region's (``CN-SH`` style subdivision) calendar. Raises ValueError for an unknown one."""
    code, _, part = country.partition("-")
    try:
        official = holidays.country_holidays(code, subdiv=part or None, years=range(FIRST_YEAR, LAST_YEAR + 1))
    except NotImplementedError as error:
        raise ValueError(f"{country!r} is not a country whose holidays are known") from error
    make_up = frozenset(official.weekend_workdays)
    projected = date(max(day.year for day in make_up) + 1, 1, 1) if code in BY_YEARLY_NOTICE and make_up else None
    weekend, off, half = frozenset(official.weekend), frozenset(official), frozenset(_half_days(code, part))
    return Calendar(name or country, weekend, off, make_up, projected, half - off)


def _half_days(code: str, part: str) -> Iterable[date]:
    if code in WITHOUT_HALF_DAYS or HALF_DAY not in holidays.country_holidays(code).supported_categories:
        return ()
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    return holidays.country_holidays(code, subdiv=part or None, years=years, categories=HALF_DAY)


def is_country(text: str) -> bool:
    """Whether the holidays of this country code are known."""
    code, _, part = text.partition("-")
    known = _countries()
    return code in known and (not part or part in known[code])


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    return dict(holidays.list_supported_countries(include_aliases=False))


def parse_calendars(text: bytes, file: str) -> Calendars:
    """calendar.yaml as calendars by name. Raises ConfigError with every problem."""
    parsed = parsed_file(CalendarsModel, text, file)
    problems = parsed.problems + calendar_problems(parsed)
    if problems or parsed.model is None:
        raise ConfigError(problems)
    return {name: _calendar(name, item) for name, item in parsed.model.calendars.items()}


def calendars_for(names: Iterable[str], written: Calendars) -> Calendars:
    """The written calendars, and a country's own for every other name that is a country code."""
    countries = {name: country_calendar(name) for name in names if name not in written and is_country(name)}
    return {**countries, **written}


def unpublished_notes(calendars: Iterable[Calendar], today: date) -> Iterator[str]:
    """What an admin should know, in sentences: the year that begins soon, or goes on, has no published holidays yet."""
    for calendar in calendars:
        if calendar.projected_from and calendar.projected_from - today <= NOTICE_DUE:
            year = calendar.projected_from.year
            yield (
                f"calendar {calendar.name}: the official holidays of {year} are not in this version, so its dates are projected; "
                "update Tieline after the notice, or write them into calendar.yaml (docs/calendar.md)"
            )


def calendar_problems(parsed: ParsedFile[CalendarsModel]) -> list[Problem]:
    """What a calendar file says that cannot be."""
    problems: list[Problem] = []
    for name, item in parsed.model.calendars.items() if parsed.model else ():
        if item.country is not None and not is_country(item.country):
            hint = nearest(item.country, _countries()) or "a code such as CN, SG or DE"
            problems.append(parsed.problem(("calendars", name, "country"), f"{item.country!r} is not a country", hint))
        if item.weekend is not None and len(set(item.weekend)) == len(_WEEKDAYS):
            problems.append(parsed.problem(("calendars", name, "weekend"), "leaves no day to work"))
        problems += [*_contradictions(parsed, name, item), *_half_day_problems(parsed, name, item)]
        problems += _hour_problems(parsed, name, item)
        if item.published_until is not None and (item.country or "").partition("-")[0] not in BY_YEARLY_NOTICE:
            text = f"only for a country whose holidays a yearly notice fixes: {', '.join(sorted(BY_YEARLY_NOTICE))}"
            problems.append(parsed.problem(("calendars", name, "published_until"), text))
    return problems


def _contradictions(parsed: ParsedFile[CalendarsModel], name: str, item: CalendarModel) -> Iterator[Problem]:
    """Days off that are said to be worked, wholly or in the morning."""
    for field, days in (("extra_workdays", item.extra_workdays), ("half_days", item.half_days)):
        for number, day in enumerate(days):
            if day in item.days_off:
                line = parsed.node.line(("calendars", name, "days_off", item.days_off.index(day)))
                yield parsed.problem(("calendars", name, field, number), f"{day} is a day off as well (line {line})")


def _half_day_problems(parsed: ParsedFile[CalendarsModel], name: str, item: CalendarModel) -> Iterator[Problem]:
    """Half days on which nobody works anyway; of a year whose holidays are not published nothing is said."""
    if item.country is not None and not is_country(item.country):
        return
    calendar = _calendar(name, item)
    for number, day in enumerate(item.half_days):
        if day not in item.days_off and not calendar.is_workday(day) and not calendar.is_projected(day):
            why = (
                f"an official day off of {item.country}"
                if day in calendar.days_off
                else f"a {_WEEKDAYS[day.weekday()].capitalize()}"
            )
            hint = "where the morning is worked, list it under extra_workdays too"
            yield parsed.problem(("calendars", name, "half_days", number), f"{day} is not worked: {why}", hint)


def _hour_problems(parsed: ParsedFile[CalendarsModel], name: str, item: CalendarModel) -> Iterator[Problem]:
    for number, (before, after) in enumerate(pairwise(item.hours or ()), 1):
        line = parsed.node.line(("calendars", name, "hours", number - 1))
        steps = ("calendars", name, "hours", number)
        if after[1] <= before[0]:
            yield parsed.problem(steps, f"comes before the span above it (line {line})", "in the order of the day")
        elif after[0] < before[1]:
            yield parsed.problem(steps, f"overlaps the span above it (line {line})")


def _calendar(name: str, item: CalendarModel) -> Calendar:
    base = country_calendar(item.country, name) if item.country else Calendar(name, SATURDAY_AND_SUNDAY)
    weekend = base.weekend if item.weekend is None else frozenset(_WEEKDAYS.index(day) for day in item.weekend)
    projected = base.projected_from
    if projected and item.published_until:
        projected = max(projected, date(item.published_until + 1, 1, 1))
    off, extra, half = frozenset(item.days_off), frozenset(item.extra_workdays), frozenset(item.half_days)
    return Calendar(
        name,
        weekend,
        (base.days_off - extra) | off,
        (base.extra_workdays - off) | extra,
        projected,
        (base.half_days - off - extra) | half,
        tuple(item.hours or base.hours),
    )
