"""What vendors said, kept: raw records with tombstones, certificates, cursors; and raw records as JSON lines."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, RowMapping, func, select, update

from sync.core.certificate import Certificate
from sync.core.errors import Nonsense
from sync.core.ports import Cursor
from sync.core.values import RawRecord, Ref, Visibility
from sync.store.bulk import add, batches, merge
from sync.store.codec import clean, decoder, instant_from_text, json_from_value, optional_instant, text_from_instant
from sync.store.entries import Certified, Gone, Saved
from sync.store.tables import ASKED_FOR, CERTIFICATES, CURSORS, RAW_RECORDS

PAGE = 500
_cursor_from_text = decoder(Cursor)
_certificate_from_text = decoder(Certificate)


def save_raw(connection: Connection, records: Iterable[RawRecord]) -> Saved:
    """Keep these records as they came; one that was gone lives again. Tells which are new, changed, unchanged.

    Unchanged rows are not rewritten, so ``fetched_at`` is when a record was first seen as it is. Of several records with one ref
    the last wins.
    """
    rows = {row[0]: row for row in map(_row_from_record, records)}
    standing: dict[str, tuple[str, str | None]] = {}
    table = RAW_RECORDS.c
    for batch in batches(rows):
        found = connection.execute(select(table.ref, table.digest, table.gone_at).where(table.ref.in_(batch)))
        standing.update({ref: (digest, gone_at) for ref, digest, gone_at in found})
    wanted = [row for ref, row in rows.items() if standing.get(ref) != (row[-3], None)]
    merge(connection, RAW_RECORDS, wanted, compare=("digest", "gone_at"))
    inserted = frozenset(Ref(row[0]) for row in wanted if row[0] not in standing)
    changed = frozenset(Ref(row[0]) for row in wanted if row[0] in standing)
    return Saved(inserted, changed, len(rows) - len(wanted))


def raw(connection: Connection, ref: Ref) -> RawRecord | None:
    """The record as it was last seen, gone or not; None when it was never seen."""
    row = connection.execute(select(RAW_RECORDS).where(RAW_RECORDS.c.ref == clean(ref))).mappings().first()
    return _record_from_row(row) if row else None


def raw_page(
    connection: Connection, after: str, name: str | None, kind: str | None, is_gone_wanted: bool
) -> list[tuple[RawRecord, Gone | None]]:
    """The next page of records in the order of their refs, with their tombstones."""
    table = RAW_RECORDS.c
    query = select(RAW_RECORDS).where(table.ref > after).order_by(table.ref).limit(PAGE)
    if name is not None:
        query = query.where(table.connection == name)
    if kind is not None:
        query = query.where(table.kind == kind)
    if not is_gone_wanted:
        query = query.where(table.gone_at.is_(None))
    return [(_record_from_row(row), _gone_from_row(row)) for row in connection.execute(query).mappings()]


def raw_versions(connection: Connection, refs: Iterable[Ref]) -> dict[Ref, str]:
    """The versions of those of these records that are stored and not gone."""
    table = RAW_RECORDS.c
    versions: dict[Ref, str] = {}
    for batch in batches(refs):
        found = connection.execute(
            select(table.ref, table.version).where(table.ref.in_(batch), table.gone_at.is_(None))
        )
        versions.update({Ref.trusted(ref): version for ref, version in found.all()})
    return versions


def open_records(connection: Connection, refs: Iterable[Ref]) -> set[Ref]:
    """Those of these records whose values may be quoted: stored, and not restricted."""
    table = RAW_RECORDS.c
    found: set[Ref] = set()
    for batch in batches(refs):
        query = select(table.ref).where(table.ref.in_(batch), table.visibility == "open")
        found.update(map(Ref, connection.execute(query).scalars()))
    return found


def mark_gone(connection: Connection, refs: Iterable[Ref], reason: str, at: datetime) -> int:
    """Put a tombstone on these records; how many were not gone before. The first tombstone stays until the record is seen again."""
    count = 0
    for batch in batches(refs):
        tombstone = update(RAW_RECORDS).values(gone_reason=clean(reason), gone_at=text_from_instant(at))
        where = (RAW_RECORDS.c.ref.in_(batch), RAW_RECORDS.c.gone_at.is_(None))
        count += connection.execute(tombstone.where(*where)).rowcount
    return count


def tombstones(connection: Connection, name: str) -> dict[Ref, Gone]:
    """The records of a connection that are gone, and why."""
    table = RAW_RECORDS.c
    query = select(table.ref, table.gone_reason, table.gone_at).where(
        table.connection == name, table.gone_at.is_not(None)
    )
    rows = connection.execute(query).all()
    return {Ref.trusted(ref): Gone(reason, instant_from_text(at)) for ref, reason, at in rows}


def ids_in_scope(connection: Connection, name: str, kind: str, scope: str) -> set[str]:
    """The keys of a scope's records of one kind that are not gone: what a census is compared with."""
    table = RAW_RECORDS.c
    key = func.substr(table.ref, len(f"{name}:{kind}:") + 1)
    query = select(key).where(
        table.connection == name, table.kind == kind, table.scope == clean(scope), table.gone_at.is_(None)
    )
    return set(connection.execute(query).scalars().all())


def keys_in_scope(connection: Connection, refs: Iterable[Ref], scope: str) -> list[str]:
    """The keys of those of these records that are stored in the scope and not gone."""
    table = RAW_RECORDS.c
    keys: list[str] = []
    for batch in batches(sorted(set(refs))):
        query = select(table.ref).where(table.ref.in_(batch), table.scope == clean(scope), table.gone_at.is_(None))
        keys += [Ref(ref).key for ref in connection.execute(query).scalars()]
    return keys


def ids_read_since(connection: Connection, name: str, kind: str, scope: str, since: datetime) -> set[str]:
    """The keys of a scope's records that were first seen as they are since an instant of ours."""
    table = RAW_RECORDS.c
    query = select(table.ref).where(
        table.connection == name,
        table.kind == kind,
        table.scope == clean(scope),
        table.gone_at.is_(None),
        table.fetched_at >= text_from_instant(since),
    )
    return {Ref(ref).key for ref in connection.execute(query).scalars()}


def newest_update(connection: Connection, name: str, kind: str, scope: str) -> datetime | None:
    """The newest instant that the vendor gave for any record of a scope."""
    table = RAW_RECORDS.c
    where = (table.connection == name, table.kind == kind, table.scope == clean(scope))
    return optional_instant(connection.execute(select(func.max(table.updated_at)).where(*where)).scalar())


def cursor(connection: Connection, name: str, stream: str, scope: str) -> Cursor | None:
    """How far this stream of this scope was read, or None before its first time."""
    table = CURSORS.c
    query = select(table.value).where(table.connection == name, table.stream == stream, table.scope == clean(scope))
    text = connection.execute(query).scalar()
    return _cursor_from_text(text) if text else None


def put_cursor(connection: Connection, name: str, moved: Cursor) -> None:
    """Remember how far a stream was read. Call it in the transaction of the records it covers, or after it."""
    merge(connection, CURSORS, [(name, moved.stream, clean(moved.scope), json_from_value(moved))])


def forget_cursors(connection: Connection, name: str) -> None:
    """Read a connection from its beginning next time."""
    connection.execute(CURSORS.delete().where(CURSORS.c.connection == name))


def asked_for(connection: Connection, name: str, stream: str, scope: str) -> set[str]:
    """The keys of the items that the reading of everything which is under way has asked for."""
    table = ASKED_FOR.c
    where = (table.connection == name, table.stream == stream, table.scope == clean(scope))
    return set(connection.execute(select(table.key).where(*where)).scalars())


def note_asked(connection: Connection, name: str, stream: str, scope: str, keys: Iterable[str]) -> None:
    """Remember that these items were asked for. Call it after what came of them is committed."""
    add(connection, ASKED_FOR, [(name, stream, clean(scope), clean(key)) for key in keys])


def forget_asked(connection: Connection, name: str, stream: str, scope: str) -> None:
    """A reading of everything ends, or begins."""
    table = ASKED_FOR.c
    where = (table.connection == name, table.stream == stream, table.scope == clean(scope))
    connection.execute(ASKED_FOR.delete().where(*where))


def put_certificate(connection: Connection, certificate: Certificate) -> None:
    """Keep a certificate as the latest of its stream and scope."""
    key = (certificate.connection, certificate.stream, clean(certificate.scope))
    table = CERTIFICATES.c
    query = select(table.complete_at).where(table.connection == key[0], table.stream == key[1], table.scope == key[2])
    last = connection.execute(query).scalar()
    complete_at = text_from_instant(certificate.at) if certificate.is_complete else last
    merge(connection, CERTIFICATES, [(*key, complete_at, json_from_value(certificate))])


def certificates(connection: Connection, name: str | None = None) -> tuple[Certified, ...]:
    """The latest certificate of each stream and scope, of one connection or of all."""
    table = CERTIFICATES.c
    query = select(table.value, table.complete_at).order_by(table.connection, table.stream, table.scope)
    if name is not None:
        query = query.where(table.connection == name)
    rows = connection.execute(query)
    return tuple(Certified(_certificate_from_text(value), optional_instant(at)) for value, at in rows)


_NOTHING = msgspec.Raw(b"")


class _Line(Struct, omit_defaults=True):
    ref: Ref
    version: str
    updated_at: datetime
    fetched_at: datetime
    field_set: str = ""
    scope: str = ""
    visibility: Visibility = "open"
    payload: msgspec.Raw = _NOTHING
    payload_base64: str | None = None
    gone: Gone | None = None


_line_from_text = decoder(_Line)


def line_from_raw(record: RawRecord, gone: Gone | None) -> str:
    """One record as a JSON line without its line end. The payload's bytes are kept exactly: JSON on one line stands in it as it
    is, anything else as base64."""
    is_embedded = _is_json_on_one_line(record.payload)
    line = _Line(
        ref=record.ref,
        version=clean(record.version),
        updated_at=record.updated_at,
        fetched_at=record.fetched_at,
        field_set=clean(record.field_set),
        scope=clean(record.scope),
        visibility=record.visibility,
        payload=msgspec.Raw(record.payload) if is_embedded else _NOTHING,
        payload_base64=None if is_embedded else base64.b64encode(record.payload).decode(),
        gone=gone,
    )
    return json_from_value(line)


def raw_from_line(line: str) -> tuple[RawRecord, Gone | None]:
    """The record of a line and its tombstone. Raises Nonsense for a line that ``line_from_raw`` does not make."""
    try:
        read = _line_from_text(line)
        encoded = read.payload_base64
        payload = bytes(read.payload) if encoded is None else base64.b64decode(encoded, validate=True)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Nonsense(f"not a line of a raw export: {error}", "a line of a raw export", line) from error
    if encoded is None and not payload:
        raise Nonsense("not a line of a raw export: it has no payload", "a line of a raw export", line)
    record = RawRecord(
        ref=read.ref,
        payload=payload,
        version=read.version,
        updated_at=read.updated_at,
        fetched_at=read.fetched_at,
        field_set=read.field_set,
        scope=read.scope,
        visibility=read.visibility,
    )
    return record, read.gone


def import_raw(connection: Connection, lines: Iterable[str]) -> Saved:
    """Keep the records and tombstones of an export."""
    inserted: set[Ref] = set()
    changed: set[Ref] = set()
    unchanged = 0
    for batch in batches((raw_from_line(line) for line in lines if line.strip()), PAGE):
        saved = save_raw(connection, [record for record, _ in batch])
        for record, gone in batch:
            if gone:
                mark_gone(connection, [record.ref], gone.reason, gone.at)
        inserted |= saved.inserted
        changed |= saved.changed
        unchanged += saved.unchanged
    return Saved(frozenset(inserted), frozenset(changed), unchanged)


def pages(read: Callable[[str], Sequence[tuple[RawRecord, Gone | None]]]) -> Iterator[tuple[RawRecord, Gone | None]]:
    """Everything that ``read(after)`` gives, page after page; nothing is held open in between."""
    after = ""
    while page := read(after):
        yield from page
        after = page[-1][0].ref


def _is_json_on_one_line(payload: bytes) -> bool:
    if payload.strip() != payload or b"\n" in payload or b"\r" in payload:
        return False
    try:
        msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _row_from_record(record: RawRecord) -> tuple[Any, ...]:
    ref = Ref(clean(record.ref))
    facts = (
        clean(record.scope),
        clean(record.version),
        text_from_instant(record.updated_at),
        clean(record.field_set),
        record.visibility,
    )
    digest = hashlib.blake2b("\0".join(facts).encode() + b"\0" + record.payload, digest_size=16).hexdigest()
    scope, version, updated_at, field_set, visibility = facts
    fetched_at = text_from_instant(record.fetched_at)
    connection, kind, _ = ref.split(":", 2)
    key = str.__str__(ref)
    columns = (key, connection, kind, scope, version, updated_at, fetched_at, field_set, visibility)
    return (*columns, record.payload, digest, None, None)


def _record_from_row(row: RowMapping) -> RawRecord:
    return RawRecord(
        ref=Ref(row["ref"]),
        payload=bytes(row["payload"]),
        version=row["version"],
        updated_at=instant_from_text(row["updated_at"]),
        fetched_at=instant_from_text(row["fetched_at"]),
        field_set=row["field_set"],
        scope=row["scope"],
        visibility=row["visibility"],
    )


def _gone_from_row(row: RowMapping) -> Gone | None:
    return Gone(row["gone_reason"], instant_from_text(row["gone_at"])) if row["gone_at"] else None
