"""Asana: tasks and subtasks of projects with their dependencies, people; comments, dependencies and attached links on tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.asana.hooks import HANDSHAKE, hints_from
from connectors.asana.records import record_from_raw
from sync.core.ports import ConnectionSettings, Connector

if TYPE_CHECKING:
    from connectors.asana.client import Asana


def connect(settings: ConnectionSettings) -> Asana:
    """A connection to Asana as one account sees it."""
    from connectors.asana.client import Asana

    return Asana(settings)


CONNECTOR = Connector(
    name="asana",
    variants=("cloud",),
    default_base_url="https://app.asana.com/api/1.0",
    credentials={"cloud": ("token",)},
    ports=("source", "tracker", "replies", "directory"),
    connect=connect,
    record_from_raw=record_from_raw,
    scope_word="projects",
    has_mutual_links=True,
    options=("attachments", "overlap_minutes", "quoted_projects", "reread_hours", "subtasks", "workspace"),
    option_kinds={
        "attachments": "flag",
        "overlap_minutes": "number",
        "quoted_projects": "names",
        "reread_hours": "number",
        "subtasks": "flag",
    },
    # 150 requests a minute on the free plan, 1,500 on the others; a paid workspace may say 20 in tieline.yaml.
    requests_per_second={"cloud": 2.3},
    in_flight=8,
    hints_from=hints_from,
    webhooks={"cloud": "registered"},
    echoed_header=HANDSHAKE,
)
