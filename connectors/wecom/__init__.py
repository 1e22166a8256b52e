"""WeCom 企业微信: messages to people with buttons, emergency groups, the company's directory; robots that only speak."""

from __future__ import annotations

from typing import Any

from connectors.wecom.callbacks import answers_from
from sync.core.ports import ConnectionSettings, Connector, no_records

WECOM = "https://qyapi.weixin.qq.com"


def connect(settings: ConnectionSettings) -> Any:
    """A connection to WeCom as one self-built application, or as one robot of a group."""
    from connectors.wecom.client import WeCom, WeComRobot

    return WeComRobot(settings) if settings.variant == "robot" else WeCom(settings)


CONNECTOR = Connector(
    name="wecom",
    variants=("app", "robot"),
    default_base_url=WECOM,
    credentials={"app": ("corp_secret",), "robot": ("webhook",)},
    optional_credentials={"app": ("callback_token", "callback_aes_key")},
    ports=("messenger", "organisation", "directory"),
    variant_ports={"robot": ("messenger",)},
    connect=connect,
    record_from_raw=no_records,
    scope_word="rooms",
    options=("agent_id", "corp_id", "room_keepers"),
    # 10,000 a minute for each API of a company; a robot says 20 things a minute.
    requests_per_second={"app": 20.0, "robot": 4.0},
    in_flight=4,
    answers_from=answers_from,
)
