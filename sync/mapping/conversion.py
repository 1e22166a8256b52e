"""A raw value as one of our fields: dates, instants, texts, minutes. Every function raises ValueError saying what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sync.core.calendar import MINUTES_A_DAY
from sync.core.values import Account
from sync.mapping.rules import Unit

_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_MINUTES: dict[Unit, float] = {"seconds": 1 / 60, "minutes": 1, "hours": 60, "days": MINUTES_A_DAY}
SENSIBLE_YEARS = range(1970, 2200)
_MAX_MINUTES = 50 * 365 * 24 * 60


def is_empty(value: object) -> bool:
    """Nothing was said: None, blank text, an empty list."""
    return (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, list | tuple) and not value)
    )


def text_from(value: object) -> str:
    """Text, a number as text, an account's or option's name; a list gives its only element."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("name", "value", "key") if isinstance(value.get(key), str)), value)
    if isinstance(value, Account):
        value = value.name or value.id
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):  # an instant too
        return value.isoformat()
    if isinstance(value, str | int | float):
        return str(value).strip()
    raise ValueError("not a text")


def texts_from(value: object) -> tuple[str, ...]:
    """A list of texts, in order, each once; a single text is a list of one."""
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(dict.fromkeys(text for item in items if (text := text_from(item))))


def date_from(value: object, zone: str) -> date:
    """A date stays one; an instant is the date it has in the zone. Years that no plan means ("9999-12-31: never") are refused."""
    found = _date_of(value, zone)
    if found.year not in SENSIBLE_YEARS:
        raise ValueError(f"the year {found.year} is no plan's; leave the date empty")
    return found


def _date_of(value: object, zone: str) -> date:
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo(zone)).date() if value.tzinfo else value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise ValueError("not a date")  # noqa: TRY004  # a bad value of a record, whatever its type
    if found := _DAY.fullmatch(value.strip()):
        return date(*(int(part) for part in found.groups()))
    return _date_of(_instant_from_text(value, "a date"), zone)


def instant_from(value: object, zone: str) -> datetime:
    """An aware UTC instant. A bare date counts as noon in the zone, so that it stays that date in the zones nearby."""
    if isinstance(value, str):
        found = _DAY.fullmatch(value.strip())
        value = date_from(value, zone) if found else _instant_from_text(value, "an instant")
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(12), ZoneInfo(zone)).astimezone(UTC)
    raise ValueError("not an instant")


def _instant_from_text(text: str, noun: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"not {noun}") from None


def minutes_from(value: object, unit: Unit) -> int:
    """A number of the unit as whole minutes, rounded up; a day is a working day of eight hours."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("not a number")  # noqa: TRY004  # a bad value of a record, whatever its type
    try:
        minutes = float(value) * _MINUTES[unit]
    except (ValueError, OverflowError):
        raise ValueError("not a number") from None
    if not 0 <= minutes <= _MAX_MINUTES:
        raise ValueError("not a possible duration")
    return math.ceil(round(minutes, 6))


def shown(value: Any) -> Any:
    """A raw value as it may stand in an explanation: plain, and short."""
    if isinstance(value, Account):
        return value.name or value.login or value.id
    if isinstance(value, str):
        return value if len(value) <= 200 else f"{value[:200]}…"
    if isinstance(value, list | tuple):
        return [shown(item) for item in value[:20]]
    if isinstance(value, Mapping):
        return {str(key): shown(item) for key, item in list(value.items())[:20]}
    return value
