"""What Yuque's answers mean. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused, TryLater
from sync.pace import retry_after_from

SIGN_IN = (
    "a space's own token works at the space's own address only (base_url https://<space>.yuque.com): make one under 团队设置 > "
    "开发者管理 > Token, or a personal one under 账户设置 > Token, with the scopes 知识库 and 文档 (读取; 写入 to publish)"
)
RIGHTS = "the token's owner must be a member of the team that may edit the book (知识库 > 权限), and the token needs the scope 文档: 写入"


class SlugTaken(Refused):
    """Another document of the book has this path."""


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Return when the answer is a success; else raise what it means."""
    if 200 <= status < 300:
        if body.lstrip()[:1] != b"{":
            raise Nonsense(expected="JSON with data", sample=body)
        return
    words = _words(body)
    if status == 429:
        raise TryLater(f"Yuque: {words or 'too many requests'}", retry_after_from(headers), "rate_limited", "host")
    if status >= 500:
        raise TryLater(f"Yuque answered {status}: {words}", retry_after_from(headers), "server")
    if status == 401:
        raise AccessDenied(f"Yuque refuses the token: {words or status}; {SIGN_IN}")
    if status == 403:
        raise AccessDenied(f"Yuque: {words or 'forbidden'}; {RIGHTS}")
    if status == 404:
        raise NotFound(f"Yuque: {words or 'there is no such thing, or this token may not see it'}")
    if 300 <= status < 400:
        raise Nonsense(expected="an answer", found=f"{status}, a redirect: is base_url the space's own address?")
    if status == 422 and ("路径" in words or "slug" in words.lower()):
        raise SlugTaken(status=status, vendor_message=words)
    raise Refused(status=status, vendor_message=words)


def _words(body: bytes) -> str:
    """What an error says; nothing of a page that is none of Yuque's."""
    try:
        data: Any = json.loads(body or b"null")
    except (ValueError, RecursionError):
        return ""
    said = data.get("message") or data.get("code") if isinstance(data, dict) else ""
    return str(said or "")[:300]
