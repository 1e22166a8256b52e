"""Working calendars: a country's official holidays from the ``holidays`` library, and what calendar.yaml says is different."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

import holidays

from sync.core.calendar import SATURDAY_AND_SUNDAY, Calendar, Calendars
from sync.core.errors import ConfigError, Problem
from sync.mapping.models import CalendarModel, CalendarsModel
from sync.mapping.reading import ParsedFile, parsed_file
from sync.mapping.validation import nearest

FIRST_YEAR, LAST_YEAR = 2000, 2060
# Where days off and make-up workdays are fixed by a notice every autumn (国务院办公厅关于部分节假日安排的通知): a year without make-up
# workdays has no notice yet, and the library fills it with the statutory days alone.
BY_YEARLY_NOTICE = frozenset({"CN"})
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
    return Calendar(name or country, frozenset(official.weekend), frozenset(official), make_up, projected)


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


def calendar_problems(parsed: ParsedFile[CalendarsModel]) -> list[Problem]:
    """What a calendar file says that cannot be."""
    problems: list[Problem] = []
    for name, item in parsed.model.calendars.items() if parsed.model else ():
        if item.country is not None and not is_country(item.country):
            hint = nearest(item.country, _countries()) or "a code such as CN, SG or DE"
            problems.append(parsed.problem(("calendars", name, "country"), f"{item.country!r} is not a country", hint))
        if item.weekend is not None and len(set(item.weekend)) == len(_WEEKDAYS):
            problems.append(parsed.problem(("calendars", name, "weekend"), "leaves no day to work"))
        for number, day in enumerate(item.extra_workdays):
            if day in item.days_off:
                steps = ("calendars", name, "extra_workdays", number)
                line = parsed.node.line(("calendars", name, "days_off", item.days_off.index(day)))
                problems.append(parsed.problem(steps, f"{day} is a day off as well (line {line})"))
    return problems


def _calendar(name: str, item: CalendarModel) -> Calendar:
    base = country_calendar(item.country, name) if item.country else Calendar(name, SATURDAY_AND_SUNDAY)
    weekend = base.weekend if item.weekend is None else frozenset(_WEEKDAYS.index(day) for day in item.weekend)
    off, extra = frozenset(item.days_off), frozenset(item.extra_workdays)
    return Calendar(
        name, weekend, (base.days_off - extra) | off, (base.extra_workdays - off) | extra, base.projected_from
    )
