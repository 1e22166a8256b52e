"""What WeCom's answers mean. Pure: every answer is 200, and the errcode in the body decides, never its words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused, TielineError, TryLater

STALE_TOKEN = frozenset({40014, 42001, 41001})
BUSY = frozenset({-1, 6000, 45033})
THROTTLED = frozenset({45009, 45011})
A_MINUTE = timedelta(seconds=60)
GONE = frozenset({60111, 46004, 86003, 60123})
BAD_MEMBERS = frozenset({86007, 86216, 60111})
DUPLICATE_TASK = 42014
APP = "管理后台 > 应用管理 > 自建应用"
BOT = "企业微信客户端 > 工作台 > 智能机器人 > 该机器人 > API 配置"
OUT_OF_REACH: Mapping[str, str] = {
    "elsewhere": "another process of this installation has the bot's only connection; it sends what is left with its next run",
    "taken": "another program connected as this bot and took its only connection; give each program a bot of its own, then restart",
}
DENIED: Mapping[int, str] = {
    853000: f"Bot ID 或 Secret 不对：{BOT} 里选「使用长连接」，重新复制（bot_id、bot_secret）",
    40001: f"Secret 不对：{APP} 里重新查看（corp_secret）",
    40013: "企业 ID 不对：管理后台 > 我的企业 > 企业信息，最下面一行（corp_id）",
    40056: f"AgentId 不对：{APP} 里看（agent_id）",
    301002: f"Secret 和 AgentId 不是同一个应用的：{APP} 里核对（corp_secret、agent_id）",
    60020: f"这台机器的出口 IP 不在可信名单里：{APP} > 企业可信IP，加上报错里的 IP（先要设过可信域名或接收消息的地址），一分钟后生效",
    60011: f"应用没有这个权限：{APP} > 可见范围，选上要通知的人；建群要选到根部门",
    50002: f"人或部门不在应用的可见范围里：{APP} > 可见范围",
    48002: "应用不能用这个接口：管理后台 > 协作 / 安全与管理里把这个接口开给应用；读通讯录要可见范围选到根部门",
    81013: f"收消息的人都不在应用的可见范围里：{APP} > 可见范围",
    93000: "webhook 地址不对，或者机器人已经从群里删掉：群设置 > 消息推送里重新复制",
    86008: "这个群不是本应用建的，应用进不去",
}
log = structlog.get_logger()


def decipher(status: int, _headers: Mapping[str, str], body: bytes) -> None:
    """Return when the errcode is 0; raise what it means otherwise."""
    said = _said(body)
    given = said.get("errcode") if said is not None else None
    code = given if isinstance(given, int) and not isinstance(given, bool) else None
    if status >= 500:
        raise TryLater(f"WeCom answered {status}", reason="server")
    if said is None or code is None:
        raise Nonsense(expected="JSON with an errcode", sample=body[:200])
    words = _words(said)
    if code == 0:
        if "wrong json format" in words:
            log.warning("wecom_ignored_a_part", words=words)
        return
    raise _refusal(code, f"WeCom: {code} {words}", words, said)


def _refusal(code: int, text: str, words: str, said: Mapping[str, Any]) -> TielineError:
    if code in THROTTLED:  # nothing is told of how long; the shortest block lasts a minute
        return TryLater(text, A_MINUTE, "rate_limited", "endpoint")
    if code in BUSY:
        return TryLater(text, reason="server")
    if code in STALE_TOKEN:
        return AccessDenied(text, is_stale_token=True)
    if code == 81013:
        missing = str(said.get("invaliduser") or "")
        return Refused(
            f"{text}; nobody was reached ({missing}): {DENIED[code]}", vendor_code=str(code), vendor_message=words
        )
    if code in DENIED:
        return AccessDenied(f"{text}; {DENIED[code]}", code=code)
    if code in GONE:
        return NotFound(text)
    return Refused(text, vendor_code=str(code), vendor_message=words)


def _words(said: Mapping[str, Any]) -> str:
    """What it says, without the hint that differs each time."""
    return re.sub(r",?\s*(hint: \[[^\]]*\]|more info at \S+)", "", str(said.get("errmsg") or ""))[:300]


def _said(body: bytes) -> Mapping[str, Any] | None:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
