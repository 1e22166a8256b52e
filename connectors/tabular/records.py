"""Rows as raw records, and raw records decoded. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from connectors.tabular.tables import TableRules
from sync.core.cells import Line, Sheet, as_json, instant_of, says_yes, text_of
from sync.core.decode import decoded
from sync.core.errors import RecordError
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, RawRecord, Record, Ref

TASK = "task"
UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
BETWEEN = "/"  # a record's id is its table, this, and its key


class Row(Struct, frozen=True):
    """A row as it is stored. ``trouble`` says why it is no proper row; such a row is kept, counted and shown, and makes no task."""

    key: str
    title: str
    cells: Mapping[str, Any]
    people: tuple[str, ...] = ()
    trouble: str = ""


def rows_of(sheet: Sheet, rules: TableRules) -> Iterator[tuple[Line, Row]]:
    """Each line as a row. What has no key, or the key of an earlier line, gets a name of its own and says what is wrong."""
    seen: dict[str, int] = {}
    named = [(name, position) for position, name in enumerate(sheet.columns) if name]
    keys = [sheet.position(name) for name in rules.keys]
    for line in sheet.lines:
        key = " · ".join(text_of(line.cells[position]) for position in keys)
        trouble = sheet.troubles.get(line.number, "")
        if not all(text_of(line.cells[position]) for position in keys):
            wanted = " and ".join(rules.keys)
            key, trouble = f"line {line.number}", f"{sheet.place} line {line.number} has no {wanted}"
        elif key in seen:
            wanted = " and ".join(rules.keys)
            trouble = f"{sheet.place} line {line.number} has the {wanted} of line {seen[key]}"
            key = _free(key, seen)
        seen[key] = line.number
        title = text_of(line.cells[sheet.position(rules.title)]) if rules.title else key
        cells = {name: as_json(line.cells[position]) for name, position in named}
        yield line, Row(key, title or key, cells, tuple(rules.people), trouble)


def _free(key: str, seen: Mapping[str, int]) -> str:
    number = 2
    while f"{key} #{number}" in seen:
        number += 1
    return f"{key} #{number}"


def raw_from_row(
    row: Row, line: Line, sheet: Sheet, rules: TableRules, connection: str, table: str, zone: str, now: datetime
) -> RawRecord:
    """A row as a raw record. Its version is a digest of what it says; it changed when it says so itself, else when its file was last saved;
    where nobody tells (a query without ``updated_at``) that is the epoch, which no cursor trusts.
    """
    payload = msgspec.json.encode(row, order="deterministic")
    said = instant_of(line.cells[sheet.position(rules.updated_at)], zone) if rules.updated_at else None
    is_restricted = rules.restricted is True or (
        isinstance(rules.restricted, str) and says_yes(line.cells[sheet.position(rules.restricted)])
    )
    return RawRecord(
        ref=Ref.of(connection, TASK, f"{table}{BETWEEN}{row.key}"),
        payload=payload,
        version=hashlib.blake2b(payload, digest_size=12).hexdigest(),
        updated_at=said or sheet.as_of or UNKNOWN,
        fetched_at=now,
        scope=table,
        visibility="restricted" if is_restricted else "open",
    )


def record_from_raw(raw: RawRecord, settings: ConnectionSettings) -> Record:
    """A stored row decoded. Raises RecordError for a row that is none, saying which line of which file and why."""
    row = decoded(raw.payload, Row, "a row")
    if row.trouble:
        raise RecordError(row.trouble, raw.ref)
    people = {name: _account(text) for name in row.people if (text := text_of(row.cells.get(name)))}
    return Record(
        ref=raw.ref,
        key=row.key,
        title=row.title,
        url=settings.browse_base,
        updated_at=raw.updated_at,
        values={**row.cells, **people},
        scope=raw.scope,
        visibility=raw.visibility,
        # A bare number names nothing: other tools' texts are full of them.
        aliases=(raw.ref.key,) if row.key.isdigit() else (raw.ref.key, row.key),
        accounts=tuple({account.id: account for account in people.values()}.values()),
    )


def _account(text: str) -> Account:
    """A person as a cell names them: by name, number or e-mail address; people.yaml says who that is."""
    return Account(text, text, email=text if "@" in text else None)
