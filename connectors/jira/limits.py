"""What Jira counts: bursts per endpoint and method, writes per issue. Pure.

https://developer.atlassian.com/cloud/jira/platform/rate-limiting/: calls with an API token are exempt from points per hour.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from sync.core.ports import ConnectionSettings
from sync.pace import UNLIMITED, Limit, Pace, Place, place_by_path, share_of

ISSUE = r"/rest/api/[23]/issue/\{\}"
BURSTS = (
    (150, rf"GET {ISSUE}"),
    (150, r"POST /rest/api/3/search/approximate-count"),
    (100, r"(GET|POST) .*"),
    (50, r"(PUT|DELETE) .*"),
)
WRITES_PER_ISSUE = ((20, 2.0), (100, 30.0))
CLOUD_LIMITS = (
    *(Limit("endpoint", ((share_of(most), 1.0),), endpoints) for most, endpoints in BURSTS),
    Limit("item", tuple((share_of(most), window_s) for most, window_s in WRITES_PER_ISSUE)),
)
_ISSUE_IN_PATH = re.compile(r"/rest/api/[23]/issue/(?P<issue>[^/]+)")
_NO_ISSUES = ("bulk", "bulkfetch", "archive", "unarchive", "picker", "createmeta", "limit")


def pace_of(settings: ConnectionSettings) -> Pace:
    """Cloud counts for the whole site, Data Center for each account and as its admin set it."""
    rate, in_flight = settings.requests_per_second or 20.0, settings.in_flight or 8
    if settings.variant == "dc":
        account = _digest(settings.credentials.get("user", "") or settings.credentials.get("token", ""))
        return Pace(rate, in_flight, place=place_of, product="jira", account=account)
    limits = CLOUD_LIMITS if rate < UNLIMITED else ()
    return Pace(rate, in_flight, limits=limits, place=place_of, product="jira")


def place_of(method: str, path: str, body: bytes) -> Place:
    """The endpoint, and the issues that a write touches: the one in its path, or both ends of a link."""
    place = place_by_path(method, path, body)
    if method == "GET":
        return place
    found = _ISSUE_IN_PATH.match(path)
    if found and found["issue"] not in _NO_ISSUES:
        return Place(place.endpoint, (found["issue"],))
    return Place(place.endpoint, _ends(body)) if path.endswith("/issueLink") else place


def _ends(body: bytes) -> tuple[str, ...]:
    try:
        said: Any = msgspec.json.decode(body)
        ends = [said[side] for side in ("inwardIssue", "outwardIssue")]
        return tuple(str(end.get("id") or end["key"]) for end in ends)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return ()


def _digest(secret: str) -> str:
    """Tells accounts apart without saying who they are."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]
