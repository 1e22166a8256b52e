"""What Power BI's answers mean. Pure. Errors come as an object, as an object in an object, as bare text, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, Refused, TielineError, TryLater
from sync.pace import retry_after_from

TOKEN_CODES = ("TokenExpired", "InvalidToken", "AccessTokenExpired")
CURE = (
    "Fabric admin portal > Tenant settings > Developer settings: allow service principals to call the APIs for a security group that "
    "holds this app, and make the app a Member of the workspace (workspace > Manage access)"
)
RETIRED = (
    "push datasets can be made only until 31 October 2027, and some tenants refuse them already: keep the table elsewhere (a database "
    "or a file that a semantic model imports)"
)


class SignedOut(AccessDenied):
    """The token is refused or has ended; another one may be taken."""


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Return when the answer is a success; else raise what it means. That an answer of 200 may hold an error is for who reads it."""
    if 200 <= status < 300:
        if body.strip() and body.lstrip()[:1] not in (b"{", b"["):
            raise Nonsense(expected="JSON", sample=body)
        return
    code, words = said(body)
    if status == 429:
        raise TryLater(
            f"Power BI: {words or 'too many requests'}", retry_after_from(headers), "rate_limited", "endpoint"
        )
    if status >= 500:
        raise TryLater(f"Power BI answered {status}: {words}", retry_after_from(headers), "server")
    raise _refusal(status, code, words)


def _refusal(status: int, code: str, words: str) -> TielineError:
    if status == 401 or code in TOKEN_CODES:  # an ended token is told with 403
        return SignedOut(f"Power BI refuses the token: {words or code or status}")
    if code == "FeatureDeprecatedError":
        return Refused(f"Power BI: {words or code}; {RETIRED}", status, code, words)
    if status == 403:
        return AccessDenied(f"Power BI: {words or code or 'forbidden'}; {CURE}")
    if status == 404:
        return NotFound(f"Power BI: {words or code or 'there is no such item, or this app may not see it'}")
    if status == 409:
        return Conflict(f"Power BI: {words or code}")
    if 300 <= status < 400:
        return Nonsense(expected="an answer", found=f"{status}, a redirect to another cluster")
    return Refused(status=status, vendor_code=code, vendor_message=words)


def said(body: bytes) -> tuple[str, str]:
    """(code, words) of an error in whichever shape it comes."""
    try:
        data: Any = json.loads(body or b"null")
    except (ValueError, RecursionError):
        text = body[:500].decode(errors="replace").strip()
        return "", "an HTML page" if text.startswith("<") else text[:300]
    return words_of(data.get("error", data)) if isinstance(data, dict) else ("", "")


def words_of(error: object) -> tuple[str, str]:
    """(code, words) of an error object: its own message, else the details that Power BI keeps under ``pbi.error``."""
    if not isinstance(error, Mapping):
        return "", str(error or "")[:300]
    inner = error.get("pbi.error")
    details = inner.get("details") if isinstance(inner, Mapping) else None
    texts = [_detail(item) for item in details if isinstance(item, Mapping)] if isinstance(details, list) else []
    words = str(error.get("message") or "") or "; ".join(text for text in texts if text)
    return str(error.get("code") or ""), words[:500]


def _detail(item: Mapping[str, Any]) -> str:
    detail = item.get("detail")
    return str(detail.get("value") or "") if isinstance(detail, Mapping) else str(detail or "")
