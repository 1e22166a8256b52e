"""Feishu and Lark: messages with buttons in group chats, emergency groups, the company's directory; robots that only speak."""

from __future__ import annotations

from typing import Any

from connectors.feishu.callbacks import answers_from
from sync.core.ports import ConnectionSettings, Connector, no_records

FEISHU, LARK = "https://open.feishu.cn", "https://open.larksuite.com"


def connect(settings: ConnectionSettings) -> Any:
    """A connection to Feishu as one application, or as one robot of a group."""
    from connectors.feishu.client import Feishu, FeishuRobot

    return FeishuRobot(settings) if settings.variant == "robot" else Feishu(settings)


CONNECTOR = Connector(
    name="feishu",
    variants=("app", "robot"),
    default_base_url=FEISHU,
    credentials={"app": ("app_id", "app_secret"), "robot": ("webhook",)},
    optional_credentials={"app": ("encrypt_key", "verification_token"), "robot": ("sign_secret",)},
    ports=("messenger", "organisation", "directory"),
    variant_ports={"robot": ("messenger",)},
    connect=connect,
    record_from_raw=no_records,
    scope_word="rooms",
    options=("host",),
    # An API takes 50 a second and 1000 a minute of an application; a robot takes 5 a second and 100 a minute.
    requests_per_second={"app": 20.0, "robot": 4.0},
    in_flight=6,
    answers_from=answers_from,
    hears={"app": "shared"},
)
