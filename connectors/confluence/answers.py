"""What an answer of Confluence means: success, or the error that says what to do next. Pure.

Error bodies come in three shapes (v2, v1, gateway), and as HTML from proxies and from Data Center's login filter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, Refused, Scope, TryLater
from sync.pace import pause_from, retry_after_from, until_next_hour

# The vendor undid its own transaction because somebody else saved at that moment (confluencebuilder PR#582, PR#645;
# duo-labs/markdown-to-confluence #6): the same request may be sent again.
_ROLLED_BACK = re.compile(
    r"OptimisticLock|StaleObjectState|StaleState|UnexpectedRollback|transaction rolled back|unreconciled"
    r"|concurrently updated|Batch update returned unexpected row count",
    re.IGNORECASE,
)
# Worded differently by each version and API; a property or file that exists is no page.
_TITLE_TAKEN = re.compile(
    r"already exists with the (same )?title|\btitle\b.{0,300}?\b(unique|in use|exists)\b"
    r"|\bpage\b(?!.*\b(property|attachment|file)\b).{0,300}?\balready exists",
    re.IGNORECASE | re.DOTALL,
)
_ALREADY_EXISTS = re.compile(r"already (exists|has a value)|same file name as an existing", re.IGNORECASE)
_CURRENT_VERSION = re.compile(r"current version is:? *\[?(\d+)", re.IGNORECASE)

SCOPE_CURE = (
    "the token's scopes do not cover this call: v2 calls need granular scopes (read:page:confluence, "
    "write:page:confluence, delete:page:confluence, read:space:confluence, read:attachment:confluence), v1 calls classic "
    "ones (read:confluence-content.all, write:confluence-content, write:confluence-file, search:confluence)"
)


class SignedOut(AccessDenied):
    """The site does not take us for ourselves, whatever is asked: no answer about one page."""


class RolledBack(TryLater):
    """The vendor undid the write because the page was being saved at the same moment; the same request may be sent again."""


class TitleTaken(Conflict):
    """A page of this title exists in the space."""


class AlreadyThere(Conflict):
    """A property or attachment of this name exists already."""


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Return when the answer is a success; else raise the error that says what to do next."""
    # A site in trouble or over its limit answers before it knows who we are.
    if status != 429 and status < 500 and _is_anonymous(headers):
        raise SignedOut(
            "Confluence treats this connection as anonymous: the token is wrong, expired or revoked"
            f"{_captcha(headers)}; make a new one under Profile > Personal access tokens (Data Center) or "
            "id.atlassian.com > Security > API tokens (Cloud)"
        )
    if 200 <= status < 300:
        _check_is_json(headers, body)
        return
    message, code = _words_of(body)
    if status == 429:
        scope = _scope_of(headers.get("ratelimit-reason", ""))
        pause = pause_from(headers)
        if pause is None and scope == "quota":
            pause = until_next_hour(headers)
        raise TryLater(f"too many requests: {message}", retry_after=pause, reason="rate_limited", scope=scope)
    _raise_for_clash(status, message)
    if status >= 500:
        raise TryLater(f"the site answered {status}: {message}", retry_after=retry_after_from(headers), reason="server")
    _raise_for_access(status, headers, message)
    raise Refused(status=status, vendor_code=code, vendor_message=message)


def _raise_for_clash(status: int, message: str) -> None:
    """Clashes are told with 400, 409 or 500, so their words decide."""
    if status not in (400, 409, 500):
        return
    if _TITLE_TAKEN.search(message):
        raise TitleTaken(f"a page of this title exists in the space: {message}")
    if found := _CURRENT_VERSION.search(message):
        raise Conflict(message, expected=str(int(found[1]) + 1), found=found[1])
    if _ROLLED_BACK.search(message):
        raise RolledBack(message, reason="rolled_back")
    if status < 500 and _ALREADY_EXISTS.search(message):
        raise AlreadyThere(message)
    if status == 409:
        raise Conflict(message)


def _raise_for_access(status: int, headers: Mapping[str, str], message: str) -> None:
    if status == 401:
        if "scope" in message.lower():
            raise AccessDenied(f"Confluence refuses the credentials: {message}; {SCOPE_CURE}")
        cure = "check the token and, on Cloud, the e-mail it belongs to"
        raise SignedOut(f"Confluence refuses the credentials: {message}; {cure}")
    if status == 403:
        raise AccessDenied(
            f"Confluence refuses this account: {message}{_captcha(headers)}; it may lack a permission under "
            "Space settings > Space permissions (View, Add page, Add attachment, Delete own)"
        )
    if status == 404:
        raise NotFound(message or "there is no such content, or this account may not see it")
    if 300 <= status < 400:
        # Single sign-on in front of the site sends browsers to a login page; an API answers for itself.
        raise SignedOut(f"the site redirects to {headers.get('location', 'another page').partition('?')[0]} to sign in")


def _is_anonymous(headers: Mapping[str, str]) -> bool:
    """Data Center tells who it takes us for; a bad token silently becomes anonymous there."""
    return (
        headers.get("x-ausername", "").lower() == "anonymous"
        or "AUTHENTICATED_FAILED" in headers.get("x-seraph-loginreason", "")
        or "AUTHENTICATION_DENIED" in headers.get("x-seraph-loginreason", "")
    )


def _captcha(headers: Mapping[str, str]) -> str:
    denied = headers.get("x-authentication-denied-reason", "")
    return " (CAPTCHA: sign in once with a browser)" if "CAPTCHA" in denied else ""


def _check_is_json(headers: Mapping[str, str], body: bytes) -> None:
    start = body.lstrip()[:1]
    if start == b"<" or ("html" in headers.get("content-type", "") and start not in (b"{", b"[", b"")):
        raise Nonsense(expected="JSON", sample=body[:200].decode(errors="replace"))


def _words_of(body: bytes) -> tuple[str, str]:
    """The vendor's own words and code, from whichever shape the body has."""
    try:
        data: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", body[:5000].decode(errors="replace"), flags=re.DOTALL)
        return " ".join(text.split())[:500], ""
    if not isinstance(data, Mapping):
        return str(data)[:500], ""
    errors = data.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], Mapping):
        parts = [str(part) for part in (errors[0].get("title"), errors[0].get("detail")) if part]
        return ": ".join(parts)[:500], str(errors[0].get("code") or "")
    words = data.get("message") or data.get("reason") or data.get("error") or ""
    return str(words)[:500], str(data.get("code") or "")


def _scope_of(reason: str) -> Scope:
    """How far Confluence Cloud's RateLimit-Reason reaches; Data Center tells none and counts per account and node."""
    if reason.startswith("confluence-quota"):
        return "quota"
    return "endpoint" if reason.startswith("confluence-burst") else "host"
