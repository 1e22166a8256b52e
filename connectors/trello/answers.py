"""What Trello's answers mean. Pure: status, headers and body in; the error that says what to do next out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, Refused, Scope, TielineError, TryLater
from sync.pace import pause_from

# No Retry-After is documented: the window of the token and key limits is 10 s, that of /1/members is 900 s.
WINDOW = timedelta(seconds=10)
MEMBERS_WINDOW = timedelta(seconds=900)
SIGN_IN_WORDS = ("invalid token", "expired token", "invalid key", "invalid app", "token not found")
TOO_BIG = "API_TOO_MANY_"  # …CARDS_REQUESTED, …CHECKLISTS_REQUESTED: the list of them is not documented


class GatewayTimeout(TryLater):
    """The vendor took too long to put the answer together; a smaller question may succeed."""


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Return when the answer is a success; raise what the vendor means otherwise. Bodies of errors are often plain text."""
    if 200 <= status < 300:
        _require_json(body)
        return
    code, words = _said(body)
    if status == 429:
        text, scope = f"Trello: {words or 'Rate limit exceeded'}", _scope_of(code, words)
        raise TryLater(text, _pause(headers, scope), "rate_limited", scope)
    if status == 504:
        raise GatewayTimeout(f"Trello answered 504: {words}", reason="server")
    if status >= 500:
        raise TryLater(f"Trello answered {status}: {words}", reason="server")
    if 300 <= status < 400:
        raise Nonsense(expected="JSON", found=f"{status} redirect to {_header(headers, 'location')}")
    raise _refusal(status, code, words)


def _refusal(status: int, code: str, words: str) -> TielineError:
    if status == 401:
        return _denied(words)
    if status == 403 and not is_too_big_code(code, words):
        return AccessDenied(f"Trello: {words or 'forbidden'}; ask an administrator of the board or of its Workspace")
    if status == 404:
        return NotFound(f"Trello: {words or 'The requested resource was not found.'}")
    if status == 409:
        return Conflict(f"Trello: {words}")
    return Refused(status=status, vendor_code=code, vendor_message=words)


def _denied(words: str) -> AccessDenied:
    """``unauthorized … permission`` is about this board or the token's scope; only the other words end the sign-in."""
    said = words.lower()
    if "invalid key" in said or "invalid app" in said:
        cure = "copy the API key of the Power-Up from https://trello.com/power-ups/admin"
        return AccessDenied(f"Trello: {words}; {cure}", is_signed_out=True)
    if any(part in said for part in SIGN_IN_WORDS):
        cure = "authorise again at https://trello.com/1/authorize with scope=read,write and expiration=never"
        return AccessDenied(f"Trello: {words}; {cure}", is_signed_out=True)
    cure = "add the token's member to the board (Share > Add to board), and give the token scope=read,write"
    return AccessDenied(f"Trello: {words or 'unauthorized'}; {cure}", is_signed_out=False)


def is_signed_out(error: AccessDenied) -> bool:
    """True when the credentials themselves are refused, false when it is one board or card that may not be seen."""
    return bool(error.data.get("is_signed_out"))


def is_too_big_code(code: str, words: str) -> bool:
    """True for the refusals of a read that asks for too much at once."""
    return code.startswith(TOO_BIG) or words.lower().startswith((TOO_BIG.lower(), "too many c", "requested too many"))


def is_too_big(error: TielineError) -> bool:
    """True when the vendor could not put so much into one answer: 403 API_TOO_MANY_…, 449, 504."""
    if isinstance(error, Refused):
        return error.status in (413, 414, 449) or is_too_big_code(error.vendor_code, error.vendor_message)
    return isinstance(error, GatewayTimeout)


def _require_json(body: bytes) -> None:
    """Look at both ends only: whole pages are decoded once, by who reads them."""
    text = body.strip()
    pairs = {b"{": b"}", b"[": b"]", b'"': b'"'}
    if text in (b"null", b"true", b"false") or (text and pairs.get(text[:1]) == text[-1:]):
        return
    raise Nonsense(expected="JSON", sample=body[:200].decode(errors="replace"))


def _said(body: bytes) -> tuple[str, str]:
    """(code, words) of an error body: ``{"error": …, "message": …}``, plain text, or a proxy's HTML."""
    text = body[:2000].decode(errors="replace").strip()
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", "an HTML page" if text.startswith("<") else text[:300]
    if not isinstance(said, dict):
        return "", str(said)[:300]
    code = str(said.get("error") or said.get("code") or "")
    return code, str(said.get("message") or code)[:300]


def _scope_of(code: str, words: str) -> Scope:
    """Whose limit was met: the key's (all tokens of it), that of ``/1/members``, or this token's."""
    if code == "API_KEY_LIMIT_EXCEEDED":
        return "quota"
    return "endpoint" if code == "RATE_LIMIT_EXCEEDED" or "/1/member" in words else "host"


def _pause(headers: Mapping[str, str], scope: Scope) -> timedelta:
    asked = pause_from({name.lower(): value for name, value in headers.items()})
    return asked or (MEMBERS_WINDOW if scope == "endpoint" else WINDOW)


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value.strip() for key, value in headers.items() if key.lower() == name), "")
