"""What happened to each finding over all its episodes: opened, answered, solved, come back. Only ever added to; each thing once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from msgspec import Struct
from sqlalchemy import Connection, RowMapping, Select, or_, select

from sync.core.escalation import ORDER, Reason
from sync.core.values import Ref
from sync.store.bulk import add, batches
from sync.store.codec import clean, decoder, instant_from_text, json_from_value, text_from_instant
from sync.store.entries import FindingEvent
from sync.store.tables import FINDING_EVENTS, FINDINGS

_EVENTS = FINDING_EVENTS.c


class _Detail(Struct, frozen=True, omit_defaults=True):
    """A row's value: what has no column of its own."""

    name: str = ""
    until: datetime | None = None
    day: date | None = None
    reason: Reason | None = None
    note: str = ""


_detail_from_text = decoder(_Detail)


def add_finding_events(connection: Connection, events: Iterable[FindingEvent]) -> int:
    """Remember what happened; how much of it was not known. The same kind by the same person from the same source is known."""
    return add(connection, FINDING_EVENTS, [_row(event) for event in events])


def finding_events(connection: Connection, since: datetime, keys: Iterable[str] = ()) -> list[FindingEvent]:
    """All that ever happened to the findings that are not over, to those to which anything happened since an instant, and to those of
    these keys; by finding, then in the order in which it happened.
    """
    lately = select(_EVENTS.finding).where(_EVENTS.at >= text_from_instant(since))
    standing = select(FINDINGS.c.key).where(FINDINGS.c.state != "resolved")
    found = _read(
        connection, select(FINDING_EVENTS).where(or_(_EVENTS.finding.in_(lately), _EVENTS.finding.in_(standing)))
    )
    known = {event.finding for event in found}
    for batch in batches(sorted({clean(key) for key in keys} - known)):
        found += _read(connection, select(FINDING_EVENTS).where(_EVENTS.finding.in_(batch)))
    return sorted(found, key=lambda event: (event.finding, *_order(event)))


def events_of_finding(connection: Connection, key: str) -> list[FindingEvent]:
    """All that ever happened to one finding, in the order in which it happened."""
    return sorted(_read(connection, select(FINDING_EVENTS).where(_EVENTS.finding == clean(key))), key=_order)


def _read(connection: Connection, query: Select[tuple[str, ...]]) -> list[FindingEvent]:
    return [_event_from_row(row) for row in connection.execute(query).mappings()]


def _row(event: FindingEvent) -> tuple[str, ...]:
    detail = _Detail(clean(event.name), event.until, event.day, event.reason, clean(event.note))
    names = (clean(event.finding), event.kind, clean(event.by or ""), clean(event.source))
    return (*names, text_from_instant(event.at), json_from_value(detail))


def _event_from_row(row: RowMapping) -> FindingEvent:
    detail = _detail_from_text(row["value"])
    by = Ref(row["by"]) if row["by"] else None
    return FindingEvent(
        row["finding"],
        row["kind"],
        instant_from_text(row["at"]),
        row["source"],
        by,
        detail.name,
        detail.until,
        detail.day,
        detail.reason,
        detail.note,
    )


def _order(event: FindingEvent) -> tuple[datetime, int, str, str]:
    """What happened in the same instant is in the order of the clocks; a reason belongs to the answer before it, and a talk is none's."""
    order = next((number for kind, number in ORDER.items() if kind == event.kind), ORDER["promised"])
    return event.at, order, event.by or "", event.source
