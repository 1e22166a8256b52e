"""WeCom 企业微信: messages to people with buttons, emergency groups, the company's directory; robots that speak, AI bots that hear."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connectors.wecom.callbacks import answers_from
from sync.core.ports import ConnectionSettings, Connector, no_records

WECOM = "https://qyapi.weixin.qq.com"


def check_options(variant: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """An application is named by its company and its own number, an AI bot by its id."""
    if variant == "ai-bot" and not str(options.get("bot_id") or "").strip():
        yield "bot_id", "missing", "企业微信客户端 > 工作台 > 智能机器人 > 该机器人 > API 配置 > 使用长连接：Bot ID"
    if variant != "app":
        return
    if not str(options.get("corp_id") or "").strip():
        yield "corp_id", "missing", "管理后台 > 我的企业 > 企业信息，最下面一行"
    if not str(options.get("agent_id") or "").isdecimal():
        yield "agent_id", "missing or not a number", "管理后台 > 应用管理 > 自建应用里的 AgentId"


def connect(settings: ConnectionSettings) -> Any:
    """A connection to WeCom as one self-built application, one robot of a group, or one AI bot."""
    from connectors.wecom.client import WeCom, WeComBot, WeComRobot

    kinds: dict[str, Callable[[ConnectionSettings], Any]] = {"robot": WeComRobot, "ai-bot": WeComBot}
    return kinds.get(settings.variant, WeCom)(settings)


CONNECTOR = Connector(
    name="wecom",
    variants=("app", "robot", "ai-bot"),
    default_base_url=WECOM,
    credentials={"app": ("corp_secret",), "robot": ("webhook",), "ai-bot": ("bot_secret",)},
    optional_credentials={"app": ("callback_token", "callback_aes_key")},
    wants_beside={"callback_token": ("callback_aes_key",), "callback_aes_key": ("callback_token",)},
    ports=("messenger", "organisation", "directory"),
    variant_ports={"robot": ("messenger",), "ai-bot": ("messenger",)},
    connect=connect,
    record_from_raw=no_records,
    scope_word="rooms",
    options=("agent_id", "bot_id", "corp_id", "room_keepers"),
    option_kinds={"room_keepers": "names"},
    check_options=check_options,
    reaches=lambda variant, _: {"app": ("people", "rooms"), "ai-bot": ("people",)}.get(variant, ()),
    # 10,000 a minute for each API of a company; a robot says 20 things a minute, an AI bot 30 in one conversation.
    requests_per_second={"app": 20.0, "robot": 4.0, "ai-bot": 4.0},
    in_flight=4,
    answers_from=answers_from,
    hears={"ai-bot": "exclusive"},
)
