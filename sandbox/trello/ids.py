"""Trello's ids and instants: ObjectIds that carry their creation time, eight-letter short links, ISO instants in UTC."""

from __future__ import annotations

import hashlib
import re
import string
from datetime import UTC, datetime

OBJECT_ID = re.compile(r"[0-9a-f]{24}")
SHORT_LINK = re.compile(r"[A-Za-z0-9]{8}")
_BASE62 = string.digits + string.ascii_letters


def object_id(at: datetime, salt: str, number: int) -> str:
    """A 24-hex ObjectId: UNIX seconds, five bytes for the site, a counter. Same arguments, same id."""
    machine = hashlib.blake2b(salt.encode(), digest_size=5).hexdigest()
    return f"{int(at.timestamp()):08x}{machine}{number & 0xFFFFFF:06x}"


def short_link(identifier: str) -> str:
    """The eight base-62 letters that stand for a card or board in URLs, always the same for one id."""
    rest = int.from_bytes(hashlib.blake2b(identifier.encode(), digest_size=8).digest())
    letters = []
    for _ in range(8):
        rest, digit = divmod(rest, 62)
        letters.append(_BASE62[digit])
    return "".join(letters)


def created_at(identifier: str) -> datetime:
    """When the thing with this ObjectId was made, to the second."""
    return datetime.fromtimestamp(int(identifier[:8], 16), UTC)


def iso(at: datetime) -> str:
    """``2026-11-24T09:00:00.000Z``: UTC with milliseconds, the only way Trello writes an instant."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def instant_from_text(text: str) -> datetime:
    """An instant in any of the ways Trello accepts: ISO, a date, ``2020-12-22 01:59:00 UTC``, UNIX milliseconds.

    Raises ValueError for anything else.
    """
    text = text.strip()
    if re.fullmatch(r"\d{11,}", text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    text = re.sub(r"\s*(UTC|GMT)$", "+00:00", text)
    text = re.sub(r"\s+([+-]\d{2}:?\d{2})$", r"\1", text)
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
