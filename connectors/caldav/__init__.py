"""CalDAV: the to-dos of task lists in Nextcloud, Apple's and any other server that keeps the standard. They are only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.caldav.records import record_from_raw
from sync.core.ports import ConnectionSettings, Connector

if TYPE_CHECKING:
    from connectors.caldav.client import CalDav


def connect(settings: ConnectionSettings) -> CalDav:
    """A connection to one server as one user."""
    from connectors.caldav.client import CalDav

    return CalDav(settings)


CONNECTOR = Connector(
    name="caldav",
    variants=("server",),
    default_base_url="",  # every company has its own
    credentials={"server": ("user", "password")},
    ports=("source",),
    connect=connect,
    record_from_raw=record_from_raw,
    scope_word="task lists",
    options=("overlap_minutes", "reread_hours"),
    option_kinds={"overlap_minutes": "number", "reread_hours": "number"},
    requests_per_second={"server": 10.0},
    in_flight=4,
)
