"""Trello: cards, their history and the people of boards; comments and links on cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.trello.hooks import hints_from
from connectors.trello.records import record_from_raw
from sync.core.ports import ConnectionSettings, Connector

if TYPE_CHECKING:
    from connectors.trello.client import Trello


def connect(settings: ConnectionSettings) -> Trello:
    """A connection to Trello as one member sees it."""
    from connectors.trello.client import Trello

    return Trello(settings)


CONNECTOR = Connector(
    name="trello",
    variants=("cloud",),
    default_base_url="https://api.trello.com",
    credentials={"cloud": ("key", "token")},
    ports=("source", "tracker", "replies", "directory"),
    connect=connect,
    record_from_raw=record_from_raw,
    scope_word="boards",
    has_mutual_links=False,
    options=("overlap_minutes", "pause_after_429_s", "quoted_boards"),
    option_kinds={"overlap_minutes": "number", "pause_after_429_s": "number", "quoted_boards": "names"},
    # Trello allows 100 requests in 10 s per token; 80 in 10 s leave room for a second process with the same token.
    requests_per_second={"cloud": 8.0},
    in_flight=6,
    hints_from=hints_from,
    webhooks={"cloud": "registered"},
)
