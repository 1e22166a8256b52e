"""Words that every text of ours has: days, counts of working days, and sentences that are filled with links and names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sync.core.rich_text import Inline, Inlines, Text
from sync.core.values import Language

_WEEKDAYS = {"zh-CN": "一二三四五六日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_text(day: date, language: Language) -> str:
    """A plain date with its weekday: "11月27日（周五）", "Fri 27 Nov"."""
    if language == "en":
        return f"{_WEEKDAYS['en'][day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"
    return f"{day.month}月{day.day}日（周{_WEEKDAYS['zh-CN'][day.weekday()]}）"


def days_text(days: int, language: Language) -> str:
    """A count of working days as it stands in a sentence."""
    if language == "en":
        return f"{days} working day{'' if days == 1 else 's'}"
    return str(days)


def filled(template: str, values: Mapping[str, Inlines]) -> Inlines:
    """The sentence with its ``{names}`` replaced; what is no name of a value stays a text."""
    inlines: list[Inline] = []
    for part in template.replace("}", "{").split("{"):
        if part in values:
            inlines.extend(values[part])
        elif part:
            inlines.append(Text(part))
    return tuple(inlines)


def day_from_fact(value: object) -> date | None:
    """A day as a fact holds it: a date, or after a stay in the ledger its text."""
    if isinstance(value, str):
        return date.fromisoformat(value)
    return value if isinstance(value, date) else None
