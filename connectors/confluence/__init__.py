"""Confluence, Cloud and Data Center: pages read as documents, and pages of ours written. Importing this costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.hooks import Hint, HookRequest
from sync.core.ports import ConnectionSettings, Connector
from sync.core.values import RawRecord, Record

if TYPE_CHECKING:
    from connectors.confluence.client import Confluence

# Cloud limits bursts by Jira's scheme, but does not publish the numbers: half of Jira's pace. Data Center nodes were seen to take few.
REQUESTS_PER_SECOND = {"cloud": 25.0, "dc": 10.0}
IN_FLIGHT = 6


def _connect(settings: ConnectionSettings) -> Confluence:
    from connectors.confluence.client import connect
    from sync.remote import Pace

    return connect(settings, Pace(REQUESTS_PER_SECOND[settings.variant], IN_FLIGHT))


def _record_from_raw(raw: RawRecord, settings: ConnectionSettings) -> Record:
    from connectors.confluence.records import record_from_raw

    return record_from_raw(raw, settings)


def _hints_from(request: HookRequest, settings: ConnectionSettings) -> tuple[Hint, ...]:
    from connectors.confluence.hooks import hints_from

    return hints_from(request, settings)


CONNECTOR = Connector(
    name="confluence",
    variants=("cloud", "dc"),
    default_base_url="",
    credentials={"cloud": ("email", "token"), "dc": ("token",)},
    ports=("source", "knowledge_base"),
    connect=_connect,
    record_from_raw=_record_from_raw,
    scope_word="spaces",
    options=(
        "cloud_id",
        "overlap_minutes",
        "bodies",
        "labels",
        "restrictions",
        "properties",
        "reread_hours",
        "restricted_spaces",
        "settle_hours",
    ),
    option_kinds={
        "bodies": "flag",
        "labels": "flag",
        "properties": "flag",
        "restrictions": "flag",
        "overlap_minutes": "number",
        "reread_hours": "number",
        "settle_hours": "number",
        "restricted_spaces": "names",
    },
    requests_per_second=REQUESTS_PER_SECOND,
    in_flight=IN_FLIGHT,
    hints_from=_hints_from,
    webhooks={"dc": "registered"},
)
