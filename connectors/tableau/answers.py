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
RIGHTS = "give the token's account the site role Explorer (can publish) and, on the project, View and Publish (内容 > 项目 > 权限)"
_PAGE = re.compile(rb"\s*<(!doctype\s+html|html)", re.IGNORECASE)


class SignedOut(AccessDenied):
    """The session has ended or was ended by another sign-in with the same token; a new one may be begun."""


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Return when the answer is a success; else raise what it means. A code is the HTTP status and three more digits."""
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
        raise kind(f"Tableau refuses the sign-in: {words or code or status}; {SIGN_IN}")
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
    if "xml" not in kind or not body.strip():
        return
    trouble = ""
    try:
        fromstring(body)
    except UNREADABLE as error:
        trouble = type(error).__name__
    if trouble:
        raise Nonsense(expected=f"XML ({trouble})", sample=body)


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
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code") or ""), _joined(error)


def _joined(texts: Mapping[str, Any]) -> str:
    return ": ".join(str(texts[name]) for name in ("summary", "detail") if texts.get(name))[:500]
