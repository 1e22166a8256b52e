"""Yuque 语雀: documents of books read, and documents of ours written. Importing this costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.yuque.hooks import hints_from
from connectors.yuque.records import record_from_raw
from sync.core.ports import ConnectionSettings, Connector

if TYPE_CHECKING:
    from connectors.yuque.client import Yuque


def connect(settings: ConnectionSettings) -> Yuque:
    """A connection to one space as its token's owner sees it."""
    from connectors.yuque.client import Yuque

    return Yuque(settings)


CONNECTOR = Connector(
    name="yuque",
    variants=("cloud",),
    default_base_url="https://www.yuque.com",
    credentials={"cloud": ("token",)},
    ports=("source", "knowledge_base"),
    connect=connect,
    record_from_raw=record_from_raw,
    scope_word="books",
    options=("bodies", "calls_per_hour", "open_books", "overlap_minutes", "reread_hours"),
    option_kinds={
        "bodies": "flag",
        "calls_per_hour": "number",
        "open_books": "names",
        "overlap_minutes": "number",
        "reread_hours": "number",
    },
    # 5,000 requests an hour for each token; nothing is published about bursts.
    requests_per_second={"cloud": 10.0},
    in_flight=4,
    hints_from=hints_from,
    webhooks={"cloud": "by_hand"},
)
