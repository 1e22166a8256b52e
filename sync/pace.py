"""How fast a vendor may be asked, as values: a connector says what its vendor counts, and in what words it asks for a pause. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

from sync.core.errors import Scope

# From here on a pace is no vendor's: a simulator's, or a site of one's own. The vendor's published limits are not kept there.
UNLIMITED = 1_000.0

_ID = re.compile(r"\d+|[0-9a-fA-F]{24}|[0-9a-fA-F-]{36}|[A-Z][A-Z0-9_]*-\d+|.*[:~%@=,].*")


class Place(msgspec.Struct, frozen=True):
    """What one request is about, as the vendor counts it: the endpoint with its method, and the items that a write touches."""

    endpoint: str = ""
    items: tuple[str, ...] = ()


Placing = Callable[[str, str, bytes], Place]
"""A connector's pure rule from method, path below the base URL (without query) and body to the place."""


class Limit(msgspec.Struct, frozen=True):
    """At most so many requests in so many seconds, for each window given, among the requests that are counted together: all of an
    endpoint, all writes on an item, or (``quota``) all of a pool of accounts. ``endpoints`` is a pattern of the whole endpoint;
    of several limits of one scope that fit a request the first counts.
    """

    scope: Scope
    windows: tuple[tuple[int, float], ...]
    endpoints: str = ".*"


def place_by_path(method: str, path: str, _body: bytes) -> Place:
    """Method and path with every part that looks like an id replaced, and no items. A number that begins the path or stands behind
    ``api`` is a version.
    """
    parts = path.split("/")
    shown = [
        "{}" if before not in ("", "api") and _ID.fullmatch(part) else part
        for before, part in zip(["", *parts], parts, strict=False)
    ]
    return Place(f"{method} {'/'.join(shown)}")


class Pace(msgspec.Struct, frozen=True):
    """How fast one connection may be asked: requests a second, and how many may be under way at once.

    The vendor counts over ``window_s``: a window's worth may go at once, and never more in any window of that length. Connections of
    one process to one base URL and ``product`` share what they may ask: ``account`` names whom the vendor counts this pace and a
    pause of the whole host for, ``pool`` whom it counts a quota for (empty: everybody). ``limits`` are counted besides.
    """

    requests_per_second: float = 20.0
    in_flight: int = 8
    window_s: float = 1.0
    limits: tuple[Limit, ...] = ()
    place: Placing = place_by_path
    product: str = ""
    account: str = ""
    pool: str = ""

    @property
    def window(self) -> tuple[int, float]:
        """A window's worth of whole requests, or one request in so many seconds where a window is not worth one."""
        most = round(self.requests_per_second * self.window_s)
        return (most, self.window_s) if most >= 1 else (1, 1 / max(self.requests_per_second, 0.001))


def share_of(most: int) -> int:
    """Nine tenths of a published limit: others use the same site, and requests bunch up on their way."""
    return max(1, most * 9 // 10)


def retry_after_from(headers: Mapping[str, str], now: datetime | None = None) -> timedelta | None:
    """What Retry-After asks for, given in seconds or as an HTTP date; None when absent or unreadable. Header names are lower case.

    A date is compared with the vendor's own clock where it tells one: ours may be wrong.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return max(timedelta(0), timedelta(seconds=float(text)))
    except (ValueError, OverflowError):
        pass
    until = _http_date(text)
    return max(timedelta(0), until - (now or _vendors_now(headers))) if until else None


def pause_from(headers: Mapping[str, str], now: datetime | None = None) -> timedelta | None:
    """How long to wait: Retry-After first, else X-RateLimit-Reset (ISO-8601, at times without seconds; or epoch seconds)."""
    if (asked := retry_after_from(headers, now)) is not None:
        return asked
    text = (headers.get("x-ratelimit-reset") or headers.get("x-beta-ratelimit-reset") or "").strip()
    until = _reset(text)
    return max(timedelta(0), until - (now or _vendors_now(headers))) if until else None


def until_next_hour(headers: Mapping[str, str], now: datetime | None = None) -> timedelta:
    """The time to the top of the hour, when hourly quotas begin anew, by the vendor's clock where it tells one."""
    at = now or _vendors_now(headers)
    return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) - at


def _reset(text: str) -> datetime | None:
    try:
        # Seconds since 1970; a small number would be seconds to wait, which no vendor we know says here.
        until = datetime.fromtimestamp(int(text), UTC) if text.isdigit() and len(text) >= 9 else None
        until = until or datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return until.replace(tzinfo=until.tzinfo or UTC)


def _vendors_now(headers: Mapping[str, str]) -> datetime:
    return _http_date(headers.get("date", "")) or datetime.now(UTC)


def _http_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return at.replace(tzinfo=at.tzinfo or UTC)
