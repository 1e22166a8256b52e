"""DingTalk 钉钉: cards with buttons in groups and to people, emergency groups, the directory; robots of groups that only speak."""

from __future__ import annotations

from typing import Any

from sync.core.ports import ConnectionSettings, Connector, no_records

API, OAPI = "https://api.dingtalk.com", "https://oapi.dingtalk.com"


def connect(settings: ConnectionSettings) -> Any:
    """A connection to DingTalk as one application, or as one robot of a group."""
    from connectors.dingtalk.client import DingTalk, DingTalkRobot

    return DingTalkRobot(settings) if settings.variant == "robot" else DingTalk(settings)


CONNECTOR = Connector(
    name="dingtalk",
    variants=("app", "robot"),
    default_base_url=API,
    credentials={"app": ("client_id", "client_secret"), "robot": ("webhook",)},
    optional_credentials={"robot": ("sign_secret",)},
    ports=("messenger", "organisation", "directory"),
    variant_ports={"robot": ("messenger",)},
    connect=connect,
    record_from_raw=no_records,
    scope_word="rooms",
    options=("card_template_id", "group_template_id", "oapi_url", "robot_code"),
    # More than a few calls at once meet a limit; a robot says 20 things a minute.
    requests_per_second={"app": 10.0, "robot": 4.0},
    in_flight=3,
    hears={"app": "shared"},
)
