"""Dates of years whose official holidays are not published yet: texts that name such a date say that it may move. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sync.core.calendar import Calendar
from sync.core.values import Language

PROJECTED_YEARS = "projected_years"
_NOTES: dict[Language, str] = {
    "zh-CN": "（{years} 年放假安排未公布，日期可能调整）",
    "en": "(holidays of {years} not published yet; dates may move)",
}
_AND: dict[Language, str] = {"zh-CN": "、", "en": ", "}


def projection_facts(*named: tuple[Calendar, Iterable[date | None]]) -> dict[str, list[int]]:
    """The fact that a text needs for its note, from the days that it names by calendar; no fact at all where every year is published."""
    years = {day.year for calendar, days in named for day in days if day and calendar.is_projected(day)}
    return {PROJECTED_YEARS: sorted(years)} if years else {}


def without_projection(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts but for those that only say which years are not published."""
    return {name: value for name, value in facts.items() if name != PROJECTED_YEARS}


def projection_note(facts: Iterable[Mapping[str, object]], language: Language) -> str:
    """The note for everything that these facts name; empty where every year is published."""
    years: set[int] = set()
    for item in facts:
        found = item.get(PROJECTED_YEARS)
        years.update(found if isinstance(found, list | tuple) else ())
    return _NOTES[language].format(years=_AND[language].join(map(str, sorted(years)))) if years else ""
