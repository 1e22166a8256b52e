"""Feishu and Lark: messages with buttons in group chats, emergency groups, the company's directory; robots that only speak; rows of Bitable
tables with their notices, tasks with their comments and dependencies, and the documents of wikis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.feishu.callbacks import answers_from
from connectors.feishu.records import record_from_raw
from connectors.feishu.table_rows import is_written_to, table_problems
from sync.core.ports import ConnectionSettings, Connector

FEISHU, LARK = "https://open.feishu.cn", "https://open.larksuite.com"


def connect(settings: ConnectionSettings) -> Any:
    """A connection to Feishu as one application (its chats, its tables, its tasks or its wikis), or as one robot of a group."""
    from connectors.feishu import client

    kinds = {
        "app": client.Feishu,
        "robot": client.FeishuRobot,
        "bitable": client.FeishuTables,
        "tasks": client.FeishuTasks,
        "wiki": client.FeishuWiki,
    }
    return kinds[settings.variant or "app"](settings)


def check_options(variant: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a connection's options, as far as reading them tells."""
    if variant == "bitable":
        yield from table_problems(options)


def withheld(variant: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Tables in which no column is ours are only read."""
    return ("tracker",) if variant == "bitable" and not is_written_to(options) else ()


APP: tuple[str, ...] = ("app_id", "app_secret")


CONNECTOR = Connector(
    name="feishu",
    variants=("app", "robot", "bitable", "tasks", "wiki"),
    default_base_url=FEISHU,
    credentials={"app": APP, "robot": ("webhook",), "bitable": APP, "tasks": APP, "wiki": APP},
    optional_credentials={"app": ("encrypt_key", "verification_token"), "robot": ("sign_secret",)},
    ports=("messenger", "organisation", "directory", "source", "tracker"),
    variant_ports={
        "app": ("messenger", "organisation", "directory"),
        "robot": ("messenger",),
        "bitable": ("source", "tracker"),
        "tasks": ("source", "tracker"),
        "wiki": ("source",),
    },
    connect=connect,
    record_from_raw=record_from_raw,
    scope_word="tables, task lists, wiki spaces or rooms",
    has_mutual_links=True,
    links_at_one_end=("bitable",),
    options=(
        "bodies",
        "host",
        "open_spaces",
        "overlap_minutes",
        "reread_hours",
        "restricted_tasklists",
        "subtasks",
        "tables",
    ),
    option_kinds={
        "bodies": "flag",
        "open_spaces": "names",
        "overlap_minutes": "number",
        "reread_hours": "number",
        "restricted_tasklists": "names",
        "subtasks": "flag",
        "tables": "own",
    },
    check_options=check_options,
    withheld=withheld,
    reaches=lambda variant, _: ("people", "rooms", "room_buttons") if variant == "app" else (),
    # An API takes 50 a second and 1000 a minute of an application; a robot takes 5 a second and 100 a minute.
    requests_per_second={"app": 20.0, "robot": 4.0, "bitable": 10.0, "tasks": 10.0, "wiki": 10.0},
    in_flight=6,
    answers_from=answers_from,
    hears={"app": "shared"},
)
