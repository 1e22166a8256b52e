"""The door: which key and token a request carries, and whether they have asked too often."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.http import Request
from sandbox.trello.call import Token
from sandbox.trello.state import Refusal, State, Thing

KEY = "5a6e1c0f8b2d4793a1e05c7f9d3b2486"
TOKEN = "ATTA3f1c9e7a5b8d2046c1f0e9d8b7a6958473625140ffeeddccbbaa99887766554433221100"
INTERVAL_MS, MEMBERS_INTERVAL_MS = 10_000, 900_000
TOKEN_MAX, KEY_MAX, MEMBERS_MAX, KEY_REFUSALS_MAX = 100, 300, 100, 200


def credentials(request: Request) -> tuple[str, str]:
    """Key and token: from ``Authorization: OAuth oauth_consumer_key="…", oauth_token="…"`` or else from the query."""
    header = request.headers.get("authorization", "")
    if header.startswith("OAuth"):
        said = dict(re.findall(r'(oauth_\w+)\s*=\s*"?([^",\s]*)"?', header))
        return said.get("oauth_consumer_key", ""), said.get("oauth_token", "")
    return request.get("key"), request.get("token")


def check_token(request: Request, keys: set[str], tokens: dict[str, Token], state: State) -> tuple[str, Token]:
    """The key and the token of a request; raises Refusal(401) with the vendor's words."""
    key, value = credentials(request)
    if key not in keys:
        raise Refusal(401, "invalid key")
    if not value:
        raise Refusal(401, "unauthorized permission requested")
    token = tokens.get(value)
    if token is None:
        raise Refusal(401, "invalid token")
    if token.expires is not None and token.expires <= state.stamp():
        raise Refusal(401, "expired token")
    if request.method not in ("GET", "HEAD") and not token.can_write:
        raise Refusal(401, "unauthorized permission requested")
    return key, token


@dataclass
class Limits:
    """Fixed windows of real time per token, per key and, for ``/1/members``, per token again."""

    monotonic: Callable[[], float]
    enforce: bool = True
    _windows: dict[str, tuple[int, int]] = field(default_factory=dict)

    def count(self, key: str, token: str, path: str, requests: int = 1) -> None:
        """Count a request (a batch counts as what it holds); raises Refusal(429) above a limit."""
        used_by_token = self._count(f"token {token}", INTERVAL_MS, requests)
        used_by_key = self._count(f"key {key}", INTERVAL_MS, requests)
        is_members = re.match(r"/1/members?(/|$)", path) is not None
        used_members = self._count(f"members {token}", MEMBERS_INTERVAL_MS, 1) if is_members else 0
        if not self.enforce:
            return
        refusal = None
        if self._used(f"refused {key}", INTERVAL_MS) > KEY_REFUSALS_MAX or used_by_key > KEY_MAX:
            refusal = too_many("API_KEY_LIMIT_EXCEEDED")
        elif used_by_token > TOKEN_MAX:
            refusal = too_many("API_TOKEN_LIMIT_EXCEEDED")
        elif used_members > MEMBERS_MAX:
            refusal = {"message": "Exceeded rate limit to /1/member", "error": "RATE_LIMIT_EXCEEDED"}
        if refusal is not None:
            self._count(f"refused {key}", INTERVAL_MS, 1)
            raise Refusal(429, refusal)

    def headers(self, key: str, token: str) -> dict[str, str]:
        """The counters that every recorded answer carries."""
        values = {}
        for word, who, most in (("token", token, TOKEN_MAX), ("key", key, KEY_MAX)):
            used = self._used(f"{word} {who}", INTERVAL_MS)
            values[f"x-rate-limit-api-{word}-interval-ms"] = str(INTERVAL_MS)
            values[f"x-rate-limit-api-{word}-max"] = str(most)
            values[f"x-rate-limit-api-{word}-remaining"] = str(max(0, most - used))
        return values

    def _count(self, name: str, interval_ms: int, requests: int) -> int:
        window = int(self.monotonic() * 1000) // interval_ms
        used = self._used(name, interval_ms) + requests
        self._windows[name] = (window, used)
        return used

    def _used(self, name: str, interval_ms: int) -> int:
        window, used = self._windows.get(name, (-1, 0))
        return used if window == int(self.monotonic() * 1000) // interval_ms else 0


def too_many(error: str) -> Thing:
    return {"error": error, "message": "Rate limit exceeded"}
