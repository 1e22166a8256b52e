"""What an answer of Jira means: success, or the error that says what to do next. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, Refused, Scope, TielineError, TryLater
from sync.pace import pause_from, retry_after_from, until_next_hour

SIGNED_OUT = ("AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED", "AUTHORISATION_FAILED")
CURE_401 = {
    "cloud": "make a new API token at id.atlassian.com → Security → API tokens; a scoped token needs the option cloud_id "
    "(it is refused at the site's own URL)",
    "dc": "make a new personal access token: profile → Personal Access Tokens",
}
CURE_403 = {
    "cloud": "in Jira: Project settings → Access / Permissions, or the token's scopes (read:jira-work, write:jira-work)",
    "dc": "in Jira: Project settings → Permissions; after a CAPTCHA, sign in once in the browser",
}


def decipher(status: int, headers: Mapping[str, str], body: bytes, variant: str = "cloud") -> None:
    """Return when the answer is a success, else raise the error for what to do next. Header names are lower case."""
    if status != 429 and status < 500:  # these may come from in front of Jira, before anybody was signed in
        _refuse_anonymity(headers, variant)
    if 200 <= status < 300:
        _refuse_other_shapes(headers, body)
        return
    raise _error(status, headers, words_of(headers, body), variant)


def _refuse_anonymity(headers: Mapping[str, str], variant: str) -> None:
    """A bad Data Center token falls through to an anonymous 200 with less data; only the headers tell."""
    reason = headers.get("x-seraph-loginreason", "").upper()
    is_anonymous = variant == "dc" and headers.get("x-ausername", "").lower() == "anonymous"
    # A CAPTCHA or a bad password is told in the same header on 401 and 403, and read from there.
    if is_anonymous or any(word in reason for word in SIGNED_OUT):
        denied = headers.get("x-authentication-denied-reason", "")
        detail = f" ({denied})" if denied else ""
        raise AccessDenied(f"Jira answered as to an anonymous visitor{detail}; {CURE_401[variant]}")


def _refuse_other_shapes(headers: Mapping[str, str], body: bytes) -> None:
    text = body.strip()
    if not text:
        return  # 201 of an issue link and every 204 are empty
    sample = body[:200].decode(errors="replace")
    if "text/html" in headers.get("content-type", "") or text[:1] == b"<":
        raise Nonsense(expected="JSON", sample=sample)
    if text[:1] in (b"{", b"[") and text[-1:] not in (b"}", b"]"):
        raise Nonsense(expected="a whole JSON body", sample=sample)


def _error(status: int, headers: Mapping[str, str], words: str, variant: str) -> TielineError:
    if status == 429:
        reason = headers.get("ratelimit-reason", "")
        text = "Jira asks to slow down" + (f" ({reason})" if reason else "") + (f": {words}" if words else "")
        scope = _scope_of(reason)
        pause = pause_from(headers)
        if pause is None and scope == "quota":
            pause = until_next_hour(headers)
        return TryLater(text, pause, "rate_limited", scope)
    if status >= 500 or status == 408:
        return TryLater(f"Jira answered {status}: {words}", retry_after_from(headers), "server")
    if status == 401:
        return AccessDenied(f"Jira refused the credentials: {words or status}; {CURE_401[variant]}")
    if 300 <= status < 400:
        return AccessDenied(f"Jira sends us elsewhere (to sign in?): {headers.get('location', status)}")
    if status == 403:
        denied = headers.get("x-authentication-denied-reason", "")
        return AccessDenied(f"Jira refuses: {words or denied or status}; {CURE_403[variant]}")
    if status == 404:
        return NotFound(f"Jira says: {words or 'not found'}")
    if status == 409:
        return Conflict(f"Jira says: {words or 'changed by somebody else'}")
    if status == 410:
        return Refused(f"Jira removed this API: {words}", 410, "removed", words)
    return Refused(status=status, vendor_message=words or "no reason given")


class _Said(msgspec.Struct):
    """The two error shapes of Jira; either part may be empty or absent."""

    errorMessages: Any = None  # noqa: N815
    errors: Any = None
    message: Any = None
    errorMessage: Any = None  # noqa: N815


def words_of(headers: Mapping[str, str], body: bytes) -> str:
    """The vendor's own words in an error answer: from Jira's JSON, else the plain text; nothing of an HTML page."""
    if body.lstrip()[:1] == b"<" or "text/html" in headers.get("content-type", ""):
        return ""
    try:
        said = msgspec.json.decode(body, type=_Said, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body[:500].decode(errors="replace").strip()
    parts = [str(text) for text in said.errorMessages] if isinstance(said.errorMessages, list) else []
    if isinstance(said.errors, dict):
        parts += [f"{name}: {text}" for name, text in said.errors.items()]
    parts += [str(text) for text in (said.message, said.errorMessage) if text]
    return "; ".join(parts)[:500]


def _scope_of(reason: str) -> Scope:
    """How far Jira Cloud's RateLimit-Reason reaches; Data Center tells none and counts per account and node."""
    if reason.startswith("jira-quota"):
        return "quota"
    if reason.startswith("jira-per-issue"):
        return "item"
    return "endpoint" if reason.startswith("jira-burst") else "host"


def decipher_for(variant: str) -> Callable[[int, Mapping[str, str], bytes], None]:
    """``decipher`` of one variant, as a Remote takes it."""

    def decipher_variant(status: int, headers: Mapping[str, str], body: bytes) -> None:
        decipher(status, headers, body, variant)

    return decipher_variant
