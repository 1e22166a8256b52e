"""Instants as vendors write them. Pure; what is no instant is None, never an error."""

from __future__ import annotations

from datetime import UTC, datetime


def instant_from_text(text: object) -> datetime | None:
    """ISO 8601 (``2026-11-23T09:07:01.120Z``) as an aware UTC instant; without a zone it is UTC's."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def instant_from_ms(value: object) -> datetime | None:
    """Whole milliseconds since 1970, as number or text, as an aware UTC instant; 0 is how vendors write "never"."""
    return _instant_from(value, 1000)


def instant_from_s(value: object) -> datetime | None:
    """The same of whole seconds."""
    return _instant_from(value, 1)


def _instant_from(value: object, parts_of_a_second: int) -> datetime | None:
    try:
        number = int(str(value))
        return datetime.fromtimestamp(number / parts_of_a_second, UTC) if number else None
    except (ValueError, OverflowError, OSError):
        return None
