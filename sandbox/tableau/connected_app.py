"""A connected app with direct trust: what of a token it signed must be so, as help.tableau.com (Configure Connected Apps) says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

CLIENT_ID = "4a6f1c1e-5b1d-4e35-9d0a-8a1f4f6f2b10"
SECRET_ID = "b7d2f0c3-1e64-4f0a-a3c5-0d9e7c2a4f55"
SECRET_VALUE = "J8kq2vXw5Rt0Zs7Lm3Nc9Bd4Fg6Hy1Pa+QeUoIxTzVk="
USER = "tieline@acme.example"
LONGEST_S, SLACK_S = 600, 60
# Of each call (the last part of its path, or what stands there): the scope that the token must have named.
SCOPES = {
    "GET data": "tableau:views:download", "POST datasources": "tableau:datasources:create", "PUT datasources": "tableau:datasources:update",
    "DELETE datasources": "tableau:datasources:delete", "POST fileUploads": "tableau:file_uploads:create",
}  # fmt: skip
READING = "tableau:content:read"


class Untrusted(Exception):
    """``number`` is the cause as Tableau tells it: 5 no such user, 16 the token will not do, 126 no such app, 127 no such secret."""

    def __init__(self, number: int) -> None:
        super().__init__(str(number))
        self.number = number


def scopes_in(token: str, now: datetime, used: set[str]) -> frozenset[str]:
    """The scopes of a token that can be trusted; ``used`` are the ids of those that were shown before. Raises Untrusted."""
    head, claims = _parts(token)
    if claims.get("iss") != CLIENT_ID:
        raise Untrusted(126)
    if head.get("kid") != SECRET_ID:
        raise Untrusted(127)
    signed, _, signature = token.rpartition(".")
    right = hmac.new(SECRET_VALUE.encode(), signed.encode(), hashlib.sha256).digest()
    at = now.timestamp()
    born, ends = claims.get("iat", at), claims.get("exp")
    if (
        head.get("alg") != "HS256"
        or not hmac.compare_digest(_bytes(signature), right)
        or claims.get("aud") != "tableau"
        or not isinstance(ends, int)
        or ends <= at
        or ends - at > LONGEST_S
        or max(born, claims.get("nbf", born)) > at + SLACK_S
        or not claims.get("jti")
        or claims["jti"] in used
    ):
        raise Untrusted(16)
    if claims.get("sub") != USER:
        raise Untrusted(5)
    used.add(str(claims["jti"]))
    return frozenset(claims.get("scp") or ())


def is_allowed(scopes: frozenset[str], method: str, path: str) -> bool:
    """Whether a token with these scopes opens this call."""
    words = path.strip("/").split("/")
    wanted = next((scope for call, scope in SCOPES.items() if _is(call, method, words)), READING)
    wild = wanted.rpartition(":")[0] + ":*"
    return wanted in scopes or wild in scopes


def _is(call: str, method: str, words: list[str]) -> bool:
    verb, place = call.split()
    return verb == method and (words[-1] == place or (method in ("PUT", "DELETE") and place in words))


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        head, claims, _ = token.split(".")
        found = json.loads(_bytes(head)), json.loads(_bytes(claims))
    except ValueError as error:
        raise Untrusted(16) from error
    return found


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
