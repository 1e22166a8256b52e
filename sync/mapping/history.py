"""A tool's own history in our words: which of its changes were changes of status, which of the due date. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from sync.core.history import DueChange, StatusChange
from sync.core.values import Account, Record, Ref, Status
from sync.core.vendor_change import VendorChange
from sync.core.vocabulary import folded
from sync.mapping.conversion import date_from
from sync.mapping.identity import Identity
from sync.mapping.rules import ConnectionMapping


def status_changes(record: Record, mapping: ConnectionMapping, identity: Identity) -> tuple[StatusChange, ...]:
    """The record's changes of the field that ``vendor_status`` reads, by the same table ``status:``; those that change no word of
    ours left out. A word that is not in the table is ``unknown``: nothing is found missing because of what was said long ago."""
    found = []
    for change, ref, by in _changes_of("vendor_status", record, mapping, identity):
        before, after = _status(mapping, change.before), _status(mapping, change.after)
        if before != after:
            found.append(StatusChange(ref, before, after, change.at, by))
    return tuple(found)


def due_changes(record: Record, mapping: ConnectionMapping, identity: Identity) -> tuple[DueChange, ...]:
    """The record's changes of the field that ``due`` reads; those that leave the day as it is, or whose day cannot be read, left out. None
    where ``due`` has several places to read: a change of one that another hides moves no date."""
    if len(mapping.task.get("due", ())) > 1:
        return ()
    found = []
    for change, ref, by in _changes_of("due", record, mapping, identity):
        try:
            before, after = (date_from(text, mapping.zone) if text else None for text in (change.before, change.after))
        except (ValueError, OverflowError):
            continue
        if before != after:
            found.append(DueChange(ref, before, after, change.at, by))
    return tuple(found)


def _changes_of(
    name: str, record: Record, mapping: ConnectionMapping, identity: Identity
) -> Iterator[tuple[VendorChange, Ref, Ref | None]]:
    """The changes of the vendor's fields that one of ours is read from (by the root of a path), each with its task and who made it."""
    fields = {rule.field or rule.path.partition(".")[0] for rule in mapping.task.get(name, ())} - {""}
    connection = record.ref.connection
    for change in record.changes:
        if change.field in fields and change.item:
            by = identity.person(connection, Account(change.by)) if change.by else None
            yield change, Ref.of(connection, "task", change.item), by


def _status(mapping: ConnectionMapping, word: str) -> Status:
    found = mapping.status.get(folded(word))
    return found.meaning if found else "unknown"  # type: ignore[return-value]  # the schema lets no other words in
