"""A tool's own history in our words: which of its changes were changes of status. Pure."""

from __future__ import annotations

from sync.core.history import StatusChange
from sync.core.values import Account, Record, Ref, Status
from sync.core.vocabulary import folded
from sync.mapping.identity import Identity
from sync.mapping.rules import ConnectionMapping


def status_changes(record: Record, mapping: ConnectionMapping, identity: Identity) -> tuple[StatusChange, ...]:
    """The record's changes of the field that ``vendor_status`` reads, by the same table ``status:``; those that change no word of
    ours left out. A word that is not in the table is ``unknown``: nothing is found missing because of what was said long ago."""
    rules = mapping.task.get("vendor_status", ())
    fields = {rule.field or rule.path.partition(".")[0] for rule in rules} - {""}
    connection = record.ref.connection
    found = []
    for change in record.changes:
        before, after = _status(mapping, change.before), _status(mapping, change.after)
        if change.field in fields and change.item and before != after:
            by = identity.person(connection, Account(change.by)) if change.by else None
            found.append(StatusChange(Ref.of(connection, "task", change.item), before, after, change.at, by))
    return tuple(found)


def _status(mapping: ConnectionMapping, word: str) -> Status:
    found = mapping.status.get(folded(word))
    return found.meaning if found else "unknown"  # type: ignore[return-value]  # the schema lets no other words in
