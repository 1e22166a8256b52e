"""What people type to us, read strictly: an incident opened or solved, a new date. Anything else is not meant for us. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta

from msgspec import Struct

FARTHEST = timedelta(days=730)
WITHOUT_YEAR = timedelta(days=180)
"""How far ahead a day may lie that was said without its year: the 5th of January, said in December, is next year's."""
MOST_NOTE = 500
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_KEY = r"[a-z][a-z0-9_]*-[0-9]+(?![a-z0-9_-]|:task:)"
_TASK = _KEY + r"|(?:[^\s,;:.。、!()\[\]【】]|[:.](?=[a-z0-9/_]))+"
# A task behind a blank, a colon or a bracket, or, where Chinese sets none, a key or an address at once; and what was said of it.
_BEHIND = rf"(?:(?:[\s:(\[【]+|(?<=[\u4e00-\u9fff])(?={_KEY}|https?://))({_TASK})[\s,;:.。、!)\]】]*(.*))?[\s:]*"
_IN_BRACKETS = re.compile(r"[(\[【]([^()\[\]【】]*)[)\]】][\s.。!]*")
_OPEN = re.compile(r"(?:突发|incident)" + _BEHIND, re.IGNORECASE | re.DOTALL)
_SOLVE = re.compile(r"(?:已解决|solved)" + _BEHIND, re.IGNORECASE | re.DOTALL)
_PROMISE = re.compile(r"(?:新日期|new date)(?:[\s:]*)(.*)", re.IGNORECASE | re.DOTALL)
_DAYS = (
    re.compile(r"(?P<y>[0-9]{4})[-/](?P<m>[0-9]{1,2})[-/](?P<d>[0-9]{1,2})"),
    re.compile(r"(?:(?P<y>[0-9]{4})\s*年\s*)?(?P<m>[0-9]{1,2})\s*月\s*(?P<d>[0-9]{1,2})\s*[日号]"),
    re.compile(r"(?P<d>[0-9]{1,2})\s+(?P<name>[a-z]{3,9})\.?(?:,?\s+(?P<y>[0-9]{4}))?"),
    re.compile(r"(?P<name>[a-z]{3,9})\.?\s+(?P<d>[0-9]{1,2})(?:,?\s+(?P<y>[0-9]{4}))?"),
)


class OpenIncident(Struct, frozen=True):
    """突发 PAY-1 接口全部超时. ``task`` is empty where no task was named."""

    task: str
    note: str = ""


class SolveIncident(Struct, frozen=True):
    """已解决 PAY-1 重启了服务. ``task`` is empty where no task was named."""

    task: str
    note: str = ""


class NewDate(Struct, frozen=True):
    """新日期 12月3日. ``day`` is None where what follows is no day that could be promised."""

    day: date | None


def spoken_from(text: str, today: date) -> OpenIncident | SolveIncident | NewDate | None:
    """What the text asks for; None for a text that begins with none of our words."""
    words = unicodedata.normalize("NFKC", text).strip()
    if found := _OPEN.fullmatch(words):
        return OpenIncident(found[1] or "", _note(found[2] or ""))
    if found := _SOLVE.fullmatch(words):
        return SolveIncident(found[1] or "", _note(found[2] or ""))
    if found := _PROMISE.fullmatch(words):
        return NewDate(day_from_words(found[1], today))
    return None


def day_from_words(text: str, today: date) -> date | None:
    """The day that somebody promises. None as of ``day_named``, for a day before today, and for one that is too far away to be meant."""
    return _within(day_named(text, today), today, FARTHEST)


def day_named(text: str, today: date) -> date | None:
    """The day that a text names and nothing else beside it: ``2026-12-03``, ``2026/12/3``, ``12月3日``, ``3 Dec``. None where it is not
    certain which day is meant: without its year that is one of the next half year.
    """
    words = unicodedata.normalize("NFKC", text).strip(" \t\r\n。.!！").lower()
    found = next((match for pattern in _DAYS if (match := pattern.fullmatch(words))), None)
    if found is None:
        return None
    parts = found.groupdict()
    month = _month(parts["name"]) if "name" in parts else int(parts["m"])
    if parts["y"]:
        return _day(int(parts["y"]), month, int(parts["d"]))
    days = (_day(today.year + ahead, month, int(parts["d"])) for ahead in (0, 1))
    return next((day for day in days if _within(day, today, WITHOUT_YEAR)), None)


def _note(text: str) -> str:
    """What was said of a task, without brackets around the whole of it."""
    said = text.strip()
    inner = _IN_BRACKETS.fullmatch(said)
    return (inner[1].strip() if inner else said)[:MOST_NOTE]


def _month(name: str) -> int:
    """The month of a name or of its first three letters; 0 for any other word."""
    return next((number for number, word in enumerate(_MONTHS, 1) if name in (word, word[:3])), 0)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _within(day: date | None, today: date, ahead: timedelta) -> date | None:
    return day if day and today <= day <= today + ahead else None
