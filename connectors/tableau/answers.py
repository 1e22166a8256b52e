"""What Tableau's answers mean. Pure. It answers in XML, in JSON where it was asked to, and with a view's data as CSV."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, Refused, TryLater
from sync.pace import retry_after_from

UNREADABLE = (ParseError, DefusedXmlException, ValueError, RecursionError)
SIGN_IN = (
    "make a personal access token of the account under My Account Settings > Personal Access Tokens (我的帐户设置 > 个人访问令牌); it ends "
    "unused after 15 days, and `site` must be the word behind /site/ in the browser's address"
)
APP_SIGN_IN = (
    "check client_id, secret_id and secret_value against the connected app, which must be enabled (Settings > Connected Apps); "
    "`user` is the account's user name, small and capital letters as in Tableau (on Cloud its e-mail "
    "address), `site` the word behind /site/ in the browser's address; and this machine's clock must be right"
)
RIGHTS = (
    "give the account the site role Explorer (can publish) and, on the project, View and Publish (内容 > 项目 > 权限)"
)
ENABLE = "an administrator of the Server runs `tsm maintenance metadata-services enable` (from 2019.3 on; Tableau Cloud always has it)"
_NUMBER = re.compile(r"\((\d+)\)\s*$")
_CAUSES = {
    "5": "there is no such user on the site",
    "16": "the token has ended or is from the future, or is for no user of the site",
    "126": "there is no such connected app",
    "127": "the connected app has no such secret",
}
_PAGE = re.compile(rb"\s*<(!doctype\s+html|html)", re.IGNORECASE)


class SignedOut(AccessDenied):
    """The session has ended or was ended by another sign-in with the same token; a new one may be begun."""


def decipher(status: int, headers: Mapping[str, str], body: bytes, sign_in: str = SIGN_IN) -> None:
    """Return when the answer is a success; else raise what it means. A code is the HTTP status and three more digits; ``sign_in`` is what
    to look at when the sign-in is refused. What the Metadata API says beside its data is no matter of this, but for a pause."""
    if 200 <= status < 300:
        _require_answer(headers, body)
        return
    code, words = said(body)
    if status == 429:
        raise TryLater(f"Tableau: {words or 'too many requests'}", retry_after_from(headers), "rate_limited", "host")
    if status >= 500:
        raise TryLater(f"Tableau answered {status}: {words}", retry_after_from(headers), "server")
    if status == 401:
        kind = SignedOut if code in ("401002", "") else AccessDenied
        raise kind(f"Tableau refuses the sign-in: {words or code or status}{_cause(words, sign_in)}; {sign_in}")
    if status == 403:
        raise AccessDenied(f"Tableau: {words or code or 'forbidden'}; {RIGHTS}")
    if status == 404:
        raise NotFound(f"Tableau: {words or code or 'there is no such thing, or this account may not see it'}")
    if status == 409:
        raise Conflict(f"Tableau: {words or code}")
    if 300 <= status < 400:
        raise Nonsense(expected="an answer", found=f"{status}, a redirect: is base_url right?")
    raise Refused(status=status, vendor_code=code, vendor_message=words)


def _require_answer(headers: Mapping[str, str], body: bytes) -> None:
    """A page of a proxy is no answer; what says that it is XML must be whole."""
    kind = next((value.lower() for name, value in headers.items() if name.lower() == "content-type"), "")
    if "html" in kind or _PAGE.match(body):
        raise Nonsense(expected="an answer of Tableau", sample=body)
    if "json" in kind:
        _require_json(body)
    if "xml" not in kind or not body.strip():
        return
    trouble = ""
    try:
        fromstring(body)
    except UNREADABLE as error:
        trouble = type(error).__name__
    if trouble:
        raise Nonsense(expected=f"XML ({trouble})", sample=body)


def _require_json(body: bytes) -> None:
    """What says that it is JSON must be whole; and Tableau Cloud asks for a pause with status 200 (RATE_EXCEEDED)."""
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Nonsense(expected="JSON of Tableau", sample=body)
    if words := next((words for code, words in troubles(data) if code == "RATE_EXCEEDED"), ""):
        raise TryLater(f"Tableau: {words}", None, "rate_limited", "endpoint")


def troubles(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(code, words) of each error that the Metadata API tells beside its data; a code may be missing."""
    found = []
    errors = document.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            extensions = error.get("extensions")
            more = extensions if isinstance(extensions, dict) else {}
            code = str(more.get("code") or more.get("classification") or "")
            found.append((code, " ".join(str(error.get("message") or code or "an error without words").split())[:500]))
    return found


def _cause(words: str, sign_in: str) -> str:
    """What the number at the end of a connected app's refused sign-in means (help.tableau.com, "Troubleshoot Connected Apps")."""
    match = _NUMBER.search(words) if sign_in == APP_SIGN_IN else None
    return f" ({_CAUSES[match[1]]})" if match and match[1] in _CAUSES else ""


def said(body: bytes) -> tuple[str, str]:
    """(code, words) of an error in either format; nothing of a page that is none of Tableau's."""
    if body.lstrip()[:1] == b"{":
        return _said_in_json(body)
    try:
        root = fromstring(body)
    except UNREADABLE:
        return "", ""
    error = next((node for node in root.iter() if node.tag.rpartition("}")[2] == "error"), None)
    if error is None:
        return "", ""
    texts = {node.tag.rpartition("}")[2]: " ".join((node.text or "").split()) for node in error}
    return str(error.get("code") or ""), _joined(texts)


def _said_in_json(body: bytes) -> tuple[str, str]:
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if isinstance(data, dict) and (told := troubles(data)):
        return told[0]
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code") or ""), _joined(error)


def _joined(texts: Mapping[str, Any]) -> str:
    return ": ".join(str(texts[name]) for name in ("summary", "detail") if texts.get(name))[:500]
