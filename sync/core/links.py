"""Whether two addresses lead to the same item. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_CARD_PATH = re.compile(r"/c/([A-Za-z0-9]{8})(?:/.*)?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def same_place(one: str, other: str) -> bool:
    """True when two URLs lead to the same item: a card's slug, the scheme, a trailing slash and a fragment do not count."""
    place = _place(one)
    return bool(place) and place == _place(other)


def _place(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return ""
    host = (parts.hostname or "").removeprefix("www.")
    if port and port != _DEFAULT_PORTS.get(parts.scheme.lower()):
        host = f"{host}:{port}"
    card = _CARD_PATH.fullmatch(parts.path)
    path = f"/c/{card[1]}" if card else parts.path.rstrip("/")
    query = f"?{parts.query}" if parts.query and not card else ""
    return f"{host}{path}{query}"
