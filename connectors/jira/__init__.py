"""Jira Cloud and Jira Data Center: reads issues and their history, writes comments, issue links and remote links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.jira.hooks import hints_from
from connectors.jira.records import record_from_raw
from sync.core.ports import ConnectionSettings, Connector

if TYPE_CHECKING:
    from connectors.jira.client import Jira


def connect(settings: ConnectionSettings) -> Jira:
    """A connection to one site. Sends nothing yet."""
    # The vendor's library and the HTTP stack are loaded only when a connection is really used.
    from connectors.jira.client import Jira
    from connectors.jira.site import Site

    return Jira(Site(settings))


CONNECTOR = Connector(
    name="jira",
    variants=("cloud", "dc"),
    default_base_url="",
    credentials={"cloud": ("email", "token"), "dc": ("token",)},
    ports=("source", "tracker", "replies", "directory"),
    connect=connect,
    record_from_raw=record_from_raw,
    scope_word="projects",
    other_credentials={"dc": ("user", "password")},
    has_mutual_links=True,
    options=(
        "accept_language",
        "cloud_id",
        "gateway_url",
        "history",
        "jsm_comments",
        "link_outward",
        "link_type",
        "overlap_minutes",
        "page_size",
        "settle_hours",
    ),
    option_kinds={"history": "flag", "overlap_minutes": "number", "page_size": "number", "settle_hours": "number"},
    # Cloud counts bursts per site, endpoint and method: 100 a second, 50 for PUT and DELETE (tokens are exempt from points per
    # hour). Half of 100 leaves room for others, and no one endpoint gets all of it. Data Center's limits are the admin's own.
    requests_per_second={"cloud": 50.0, "dc": 20.0},
    in_flight=8,
    hints_from=hints_from,
    webhooks={"cloud": "by_hand", "dc": "registered"},
)
