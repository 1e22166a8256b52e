"""What Feishu's answers mean. Pure: the code in the body decides, and throttling may come as HTTP 400."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from sync.core.errors import (
    AccessDenied,
    CannotExpress,
    Conflict,
    Nonsense,
    NotFound,
    Refused,
    TielineError,
    TryLater,
)
from sync.pace import retry_after_from

THROTTLED = frozenset({99991400, 11232, 1254112, 1254290})
THROTTLED_ITEM = frozenset({230020, 232019, 1254291})  # this chat or message, while others go on
STALE_TOKEN = frozenset({99991661, 99991663, 99991664, 99991668, 99991671})
BAD_APP = frozenset({403, 514, 10003, 10012, 10014, 99991543})
NO_SCOPE = frozenset({99991672, 99991679})
NO_RIGHT = frozenset(
    {
        40004,
        40014,
        41050,
        99991401,
        230002,
        230006,
        230013,
        230017,
        230018,
        232025,
        232034,
        230027,
        91403,
        131006,
        1254302,
        1254304,
        1470403,
        1063002,
        1770032,
    }
)
ROBOT_DENIED = frozenset({19001, 19021, 19022, 19024})
GONE = frozenset(
    {
        230011,
        230110,
        232006,
        232009,
        232010,
        232011,
        131005,
        1254040,
        1254041,
        1254043,
        1470404,
        1063005,
        1770002,
        1770003,
    }
)
TOO_OLD = frozenset({230031})
TOO_LARGE = frozenset({1254130})
SERVER = frozenset(
    {
        1254002,
        1254036,
        1254607,
        1255001,
        1255002,
        1255040,
        131001,
        131007,
        1066001,
        1470500,
        1,
        40003,
        230049,
        232068,
        1500,
        5000,
        1000040343,
    }
)
CURES = {
    230002: "把机器人加进这个群：群设置 > 群机器人 > 添加机器人",
    230006: "开发者后台 > 应用能力 > 添加「机器人」，再发布版本",
    232025: "开发者后台 > 应用能力 > 添加「机器人」，再发布版本",
    230013: "开发者后台 > 版本管理与发布 > 可用范围：把收消息的人加进来，再发布版本",
    40004: "开发者后台 > 权限管理 > 通讯录权限范围：改成「全部成员」或加上这个部门",
    40014: "开发者后台 > 权限管理 > 通讯录权限范围：改成「全部成员」或加上这个部门",
    41050: "开发者后台 > 权限管理 > 通讯录权限范围：改成「全部成员」或加上这些人",
    99991401: "开发者后台 > 安全设置 > IP 白名单：加上这台机器的出口 IP",
    91403: "文档右上角 … > 更多 > 添加文档应用：把这个应用加进来；要往里写的，权限选「可编辑」",
    1254302: "多维表格 > 高级权限：给这个应用一个能看全部行的角色；要往里写的，还要能编辑那一列",
    1254304: "多维表格 > 高级权限：给这个应用一个能看全部行的角色；要往里写的，还要能编辑那一列",
    131006: "知识库 > 设置 > 成员：把有这个应用机器人的群加成成员",
    1770032: "知识库 > 设置 > 成员：把有这个应用机器人的群加成成员；单独设了权限的页面，在页面的「分享」里把这个群加上",
    1470403: "任务清单 > 分享：把这个应用加成清单成员，可编辑",
    19021: "机器人的「签名校验」密钥不对，或者这台机器的时间差了一小时以上",
    19022: "自定义机器人 > 安全设置 > IP 白名单：加上这台机器的出口 IP",
    19024: "自定义机器人设了关键词：改用「签名校验」",
    19001: "webhook 地址不对：群设置 > 群机器人里重新复制",
}
_SCOPE = re.compile(r"[a-z]+:[a-z_.]+(?::[a-z_]+)*")


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Return when the body's code is 0; raise what it means otherwise."""
    said = _said(body)
    given = said.get("code", said.get("StatusCode")) if said is not None else None
    code = given if isinstance(given, int) and not isinstance(given, bool) else None
    words = str(said.get("msg") or said.get("StatusMessage") or "")[:300] if said else ""
    if code in THROTTLED | THROTTLED_ITEM or status == 429:
        scope = "item" if code in THROTTLED_ITEM else "endpoint"
        raise TryLater(f"Feishu: {code} {words}", pause_from(headers), "rate_limited", scope)  # type: ignore[arg-type]
    if status >= 500 or code in SERVER:
        raise TryLater(f"Feishu answered {status} {code or ''}: {words}", reason="server")
    if said is None or code is None:
        raise Nonsense(expected="JSON with a code", sample=body[:200])
    if code == 0 and 200 <= status < 300:
        return
    raise _refusal(status, code, words, said)


def pause_from(headers: Mapping[str, str]) -> timedelta | None:
    """Seconds until the window ends, as the gateway tells them."""
    low = {name.lower(): value for name, value in headers.items()}
    text = low.get("x-ogw-ratelimit-reset", "").strip()
    try:
        return timedelta(seconds=max(0.0, float(text))) if text else retry_after_from(low)
    except (ValueError, OverflowError):
        return retry_after_from(low)


def _refusal(status: int, code: int, words: str, said: Mapping[str, Any]) -> TielineError:
    text = f"Feishu: {code} {words}"
    if code in STALE_TOKEN:
        return AccessDenied(text, is_stale_token=True)
    if code in BAD_APP:
        return AccessDenied(f"{text}; App ID / App Secret：开发者后台 > 凭证与基础信息")
    if code in NO_SCOPE:
        return AccessDenied(f"{text}; {_missing_scopes(words, said)}", code=code)
    if code in NO_RIGHT | ROBOT_DENIED or status == 401:
        return AccessDenied(f"{text}; {CURES.get(code, '看开发者后台的权限管理、可用范围与版本')}", code=code)
    if code in GONE:
        return NotFound(text)
    if code in TOO_OLD:
        return CannotExpress(f"{text}: messages older than 14 days cannot be changed")
    if code in TOO_LARGE:
        return CannotExpress(f"{text}: the cell holds no more")
    if status == 409:
        return Conflict(text)
    return Refused(status=status, vendor_code=str(code), vendor_message=words)


def _missing_scopes(words: str, said: Mapping[str, Any]) -> str:
    """The scopes by name, out of ``error.permission_violations`` or out of the sentence."""
    error = said.get("error")
    listed = error.get("permission_violations") if isinstance(error, Mapping) else None
    names = [str(item.get("subject")) for item in listed or () if isinstance(item, Mapping) and item.get("subject")]
    names = names or list(dict.fromkeys(_SCOPE.findall(words.partition("http")[0])))
    return f"开发者后台 > 权限管理：开通 {'、'.join(names) or '这个接口要的权限'}，再创建版本并发布"


def _said(body: bytes) -> Mapping[str, Any] | None:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
