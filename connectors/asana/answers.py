"""What Asana's answers mean. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused, TryLater
from sync.pace import retry_after_from

SIGN_IN = (
    "make a personal access token under My settings > Apps > View developer console (我的设置 > 应用 > 开发者控制台); one stops working "
    "when it is revoked, or when the workspace blocks the app"
)
RIGHTS = "add the token's account to the project as an editor (Share > Invite; 共享 > 邀请), and give an OAuth app the scopes it asks for"
PLAN = "this needs a paid plan of Asana; nothing else can be done about it here"
EXPIRED = 412  # how /events gives out a token, to whoever has none that it knows


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Return when the answer is a success, or a new token for /events; else raise what it means. Every error says so in ``errors``."""
    if 200 <= status < 300 or (status == EXPIRED and _has_token(body)):
        if body.lstrip()[:1] != b"{":
            raise Nonsense(expected="JSON with data", sample=body)
        return
    words = _words(body)
    if status == 429:
        raise TryLater(f"Asana: {words or 'too many requests'}", retry_after_from(headers), "rate_limited", "host")
    if status >= 500:
        raise TryLater(f"Asana answered {status}: {words}", retry_after_from(headers), "server")
    if status == 401:
        raise AccessDenied(f"Asana refuses the token: {words or status}; {SIGN_IN}", is_signed_out=True)
    if status == 402:
        raise Refused(status=status, vendor_message=f"{words or 'payment required'}; {PLAN}")
    if status == 403:
        raise AccessDenied(f"Asana: {words or 'forbidden'}; {RIGHTS}", is_signed_out=False)
    if status == 404:
        raise NotFound(f"Asana: {words or 'there is no such thing, or this account may not see it'}")
    if 300 <= status < 400:
        raise Nonsense(expected="an answer", found=f"{status}, a redirect: is base_url right?")
    raise Refused(status=status, vendor_message=words)


def is_signed_out(error: AccessDenied) -> bool:
    """True when the token itself is refused, false when it is one project or task that may not be seen."""
    return bool(error.data.get("is_signed_out"))


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; nothing of a page that is none of Asana's."""
    try:
        data: Any = json.loads(body or b"null")
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _has_token(body: bytes) -> bool:
    token = _object(body).get("sync")
    return isinstance(token, str) and bool(token)


def _words(body: bytes) -> str:
    """All that ``errors`` say, with the phrase by which Asana's support finds a failure."""
    errors = _object(body).get("errors")
    said = []
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            phrase = f" ({error['phrase']})" if error.get("phrase") else ""
            said.append(f"{error.get('message') or ''}{phrase}")
    return "; ".join(said)[:300]
