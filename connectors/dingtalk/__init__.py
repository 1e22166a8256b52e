"""DingTalk 钉钉: cards with buttons in groups and to people, emergency groups, the directory; robots of groups that only speak; people's
todos 待办 as tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.dingtalk.callbacks import answers_from
from connectors.dingtalk.records import record_from_raw
from sync.core.ports import ConnectionSettings, Connector

API, OAPI = "https://api.dingtalk.com", "https://oapi.dingtalk.com"


def connect(settings: ConnectionSettings) -> Any:
    """A connection to DingTalk as one application (its chats, or the todos it may read), or as one robot of a group."""
    from connectors.dingtalk import client

    kinds = {"app": client.DingTalk, "robot": client.DingTalkRobot, "todo": client.DingTalkTodos}
    return kinds[settings.variant or "app"](settings)


def check_options(variant: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a connection's options, as far as reading them tells."""
    for name in options:
        if variant not in ONLY_FOR.get(name, (variant,)):
            own = " or ".join(ONLY_FOR[name])
            yield name, f"means nothing to the variant {variant}", f"leave it out: it is for {own}"
    if variant == "todo" and options.get("personal") and not options.get("all_applications"):
        yield "personal", "personal todos are in no application's list", "set all_applications: true as well"


ONLY_FOR = {
    **dict.fromkeys(("callback_route_key", "card_template_id", "group_template_id", "robot_code"), ("app",)),
    **dict.fromkeys(("all_applications", "overlap_minutes", "personal", "reread_hours", "restricted_scopes"), ("todo",)),
    "oapi_url": ("app", "todo"),
}  # fmt: skip
APP: tuple[str, ...] = ("client_id", "client_secret")


CONNECTOR = Connector(
    name="dingtalk",
    variants=("app", "robot", "todo"),
    default_base_url=API,
    credentials={"app": APP, "robot": ("webhook",), "todo": APP},
    optional_credentials={
        "app": ("callback_aes_key", "callback_secret", "callback_token"),
        "robot": ("sign_secret",),
    },
    wants_beside={
        "callback_route_key": ("callback_secret", "card_template_id"),
        "callback_token": ("callback_aes_key",),
        "callback_aes_key": ("callback_token",),
    },
    ports=("messenger", "organisation", "directory", "source"),
    variant_ports={
        "app": ("messenger", "organisation", "directory"),
        "robot": ("messenger",),
        "todo": ("source",),
    },
    connect=connect,
    record_from_raw=record_from_raw,
    scope_word="departments, people or rooms",
    options=(
        "all_applications",
        "callback_route_key",
        "card_template_id",
        "group_template_id",
        "oapi_url",
        "overlap_minutes",
        "personal",
        "reread_hours",
        "restricted_scopes",
        "robot_code",
    ),
    option_kinds={
        "all_applications": "flag",
        "overlap_minutes": "number",
        "personal": "flag",
        "reread_hours": "number",
        "restricted_scopes": "names",
    },
    check_options=check_options,
    reaches=lambda variant, options: (
        ()
        if variant != "app"
        else ("people", "rooms", "room_buttons")
        if options.get("group_template_id")
        else ("people",)
    ),
    # More than a few calls at once meet a limit; a robot says 20 things a minute.
    requests_per_second={"app": 10.0, "robot": 4.0, "todo": 10.0},
    in_flight=3,
    answers_from=answers_from,
    hears={"app": "shared"},
)
