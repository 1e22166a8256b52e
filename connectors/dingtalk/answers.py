"""What DingTalk's answers mean. Pure. The new API answers with HTTP statuses and codes, the old one with 200 and an errcode."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused, TielineError, TryLater
from sync.pace import retry_after_from

CONSOLE = "开发者后台 > 应用 > 权限管理"
APP = "开发者后台 > 应用 > 凭证与基础信息：核对 Client ID 和 Client Secret"
QUOTA = "the organisation's calls of this month are used up: 开放平台 > 用量，or wait until next month"
STALE = frozenset({40014, 42001})
BAD_APP = frozenset({40089, 40078, 43003})
NO_USER = frozenset({60121, 60003, 33012})
OUT_OF_RANGE = frozenset({50002, 50004})  # somebody, a department
BUSY_SUB = frozenset({"90018", "90002", "90019", "15", "isp.top-remote-connection-timeout"})
ROBOT: Mapping[int, str] = {
    310000: "机器人的安全设置不符：改用「加签」，sign_secret 填 SEC 开头的密钥，并核对这台机器的时间",
    300005: "webhook 地址不对，或机器人已删：群设置 > 机器人里重新复制",
}
TOO_FAST = 130101
PUNISHED, BLOCKED, NEXT_MONTH = timedelta(minutes=10), timedelta(minutes=5), timedelta(days=1)
THROTTLED = ("throttling", "too.fast", "too.many", "toofast", "flowcontrol", "qps")


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Return when the answer is a success; raise what it means otherwise."""
    said = _said(body)
    if said is not None and "errcode" in said:
        _decipher_old(said)
        return
    if said is not None and said.get("status") == 1111:
        raise TryLater(f"DingTalk blocks this address: {said.get('punish') or ''}", BLOCKED, "rate_limited", "host")
    code, words = (str(said.get("code") or ""), str(said.get("message") or "")[:300]) if said else ("", "")
    if status == 429 or any(sign in code.lower() for sign in THROTTLED):
        raise TryLater(f"DingTalk: {code} {words}", retry_after_from(headers), "rate_limited", "endpoint")
    if status >= 500:  # the gateway gives up after three seconds: it may have been done
        raise TryLater(f"DingTalk answered {status}: {code} {words}", reason="server")
    if 200 <= status < 300:
        if said is None:
            raise Nonsense(expected="a JSON object", sample=body[:200])
        return
    raise _refusal(status, code, words, said or {})


def _refusal(status: int, code: str, words: str, said: Mapping[str, Any]) -> TielineError:
    text = f"DingTalk: {code or status} {words}"
    if "ApiCountLimitForOrg" in code:
        return TryLater(f"{text}; {QUOTA}", NEXT_MONTH, "rate_limited", "quota")
    if code == "invalidClientIdOrSecret" or code == "authFailed":
        return AccessDenied(f"{text}; {APP}")
    if status == 401:
        return AccessDenied(text, is_stale_token=True)
    if status == 403:
        detail = said.get("accessdenieddetail")
        scopes = detail.get("requiredScopes") if isinstance(detail, Mapping) else None
        names = "、".join(map(str, scopes)) if isinstance(scopes, list) and scopes else "这个接口要的权限点"
        return AccessDenied(f"{text}; {CONSOLE}：开通 {names}，再发布应用版本")
    if status == 404 or code.startswith("ResourceNotFound."):  # a todo that is gone is told with 400
        return NotFound(text)
    if 300 <= status < 400:
        return Nonsense(expected="an answer", found=f"{status}, a redirect")
    return Refused(text, status, code, words)


def _decipher_old(said: Mapping[str, Any]) -> None:
    given = said.get("errcode")
    code = given if isinstance(given, int) and not isinstance(given, bool) else None
    if code == 0:
        return
    if code is None:
        raise Nonsense(expected="an errcode that is a number", sample=said)
    words, sub = str(said.get("errmsg") or "")[:300], str(said.get("sub_code") or "")
    text = f"DingTalk: {code} {words}" + (f" ({sub} {said.get('sub_msg') or ''})" if sub else "")
    if code == TOO_FAST:
        raise TryLater(text, PUNISHED, "rate_limited", "endpoint")
    if code == -1 or sub in BUSY_SUB:
        is_limit = sub in ("90018", "90002", "90019")
        raise TryLater(text, None, "rate_limited" if is_limit else "server", "host")
    if "90020" in (str(code), sub):
        raise TryLater(f"{text}; {QUOTA}", NEXT_MONTH, "rate_limited", "quota")
    raise _old_refusal(code, sub, text, words)


def _old_refusal(code: int, sub: str, text: str, words: str) -> TielineError:
    if code in STALE:
        return AccessDenied(text, is_stale_token=True)
    if code in BAD_APP:
        return AccessDenied(f"{text}; {APP}")
    if code in ROBOT:
        return AccessDenied(f"{text}; {ROBOT[code]}")
    if code in NO_USER or sub in map(str, NO_USER):
        return NotFound(text)
    if code in OUT_OF_RANGE or sub in map(str, OUT_OF_RANGE):
        return NotFound(f"{text}; {CONSOLE}：通讯录接口范围选「全部员工」，或加上这个部门，再发布应用版本")
    if sub in ("60011", "48002") or code in (60011, 48002):
        return AccessDenied(f"{text}; {CONSOLE}：开通报错里写的权限点，通讯录接口范围选「全部员工」，再发布应用版本")
    return Refused(text, vendor_code=str(code), vendor_message=words)


def _said(body: bytes) -> Mapping[str, Any] | None:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
