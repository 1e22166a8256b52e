"""A department's tables as one connection: their rows as tasks, and as numbers."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from connectors.tabular.queries import engine_for, sheet_from_query, url_from_text
from connectors.tabular.records import BETWEEN, TASK, raw_from_row, rows_of
from connectors.tabular.sheets import newest_file, sheet_from_file
from connectors.tabular.tables import TableRules, tables_of
from sync.core.cells import Sheet, typed_column
from sync.core.errors import ConfigError, NotFound, Problem, Refused, TielineError
from sync.core.metrics import MetricQuery, Reading, Table
from sync.core.ports import ConnectionSettings, Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.values import Account, RawRecord
from sync.core.vocabulary import FieldName, Vocabulary

ROWS = "rows"
QUIET_S = 10.0
STATEMENT_TIMEOUT_S = 60.0
PAGE = 500


@dataclass
class Reads:
    """Counts how often a table was read; there is no vendor whose requests must be paced."""

    request_count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> None:
        """One more."""
        with self._lock:
            self.request_count += 1

    def begin_run(self, calls: int = 0, pauses: Iterable[object] = ()) -> None:
        """A run begins; nothing is rationed."""

    def pauses(self) -> tuple[Any, ...]:
        """None is ever asked for."""
        return ()


class Tabular:
    """The ports Source and MetricSource over a drop folder or a database."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._tables = tables_of(settings)
        self._quiet_s = float(settings.options.get("quiet_s", QUIET_S))
        self._timeout_s = float(settings.options.get("statement_timeout_s", STATEMENT_TIMEOUT_S))
        self.remote = Reads()
        self._lock = threading.Lock()
        self._engine: Any = None
        if settings.variant == "folder":
            self._folder = Path(str(settings.options["folder"]))
        else:
            self._url = url_from_text(settings.credentials["url"], settings.name)

    def close(self) -> None:
        """Let go of the database's connections."""
        if self._engine is not None:
            self._engine.dispose()

    # -- Source

    def identify(self) -> SiteIdentity:
        """The folder, or the database and its user. Raises NotFound, AccessDenied or Unreachable when it cannot be reached."""
        if self._settings.variant == "folder":
            if not self._folder.is_dir():
                raise NotFound(f"the folder {self._folder} is not there; mount it, or change `folder`")
            account = Account(f"uid {os.getuid()}", f"uid {os.getuid()}")
            return SiteIdentity(f"folder {self._folder}", account, self._settings.zone)
        sheet_from_query(self._connected("sign in"), "sign in", TableRules(query="SELECT 1"), self._settings.zone)
        host = f"{self._url.host or ''}:{self._url.port or ''}" if self._url.host else ""
        fingerprint = f"{self._url.get_backend_name()} {host}/{self._url.database or ''}"
        user = self._url.username or "the file's owner"
        return SiteIdentity(fingerprint, Account(user, user), self._settings.zone)

    def vocabulary(self) -> Vocabulary:
        """The tables that can be read now, and their columns."""
        scopes: dict[str, str] = {}
        fields: dict[str, FieldName] = {}
        for name in self._tables:
            try:
                sheet = self._sheet(name)
            except (NotFound, Refused):
                continue  # the probes say what is wrong with it
            scopes[name] = sheet.place
            fields.update({column: FieldName(column, column) for column in sheet.columns if column})
        return Vocabulary(fields=tuple(fields.values()), scopes=scopes)

    def probes(self) -> Iterator[Probe]:
        """Each table read once."""
        for name, rules in self._tables.items():
            operation = f"read {name}"
            try:
                sheet = self._sheet(name)
                troubles = [row.trouble for _, row in rows_of(sheet, rules) if row.trouble] if rules.keys else []
            except TielineError as error:
                yield Probe(operation, False, str(error), _cure(name, rules))
                continue
            detail = f"{len(sheet.lines)} rows in {sheet.place}"
            if sheet.as_of:
                detail += f", saved {sheet.as_of:%Y-%m-%d %H:%M} UTC"
            yield Probe(operation, True, detail)
            if troubles:
                cure = "mend these rows; they are left out until then"
                yield Probe(f"rows of {name}", False, f"{len(troubles)} are no tasks: {troubles[0]}", cure)

    def streams(self) -> Sequence[Stream]:
        """One: the rows."""
        return (Stream(ROWS, TASK),)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """The table as a whole, always: rows have no dates that a reader may trust."""
        _check_stream(stream)
        yield Shard(stream, scope)

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """These rows."""
        _check_stream(stream)
        if ids:
            yield Shard(stream, scope, ids=tuple(ids))

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The rows of a table, or those of the shard."""
        _check_stream(shard.stream)
        wanted, records = set(shard.ids), self._records(shard.scope)
        if shard.ids:
            records = [record for record in records if record.ref.key in wanted]
        for begin in range(0, len(records), PAGE):
            yield records[begin : begin + PAGE]

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """The keys that stand in the table now."""
        _check_stream(stream)
        keys = [record.ref.key for record in self._records(scope)]
        for begin in range(0, len(keys), PAGE):
            yield keys[begin : begin + PAGE]

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """Whether the row is still in its table."""
        _check_stream(stream)
        scopes = [name for name in self._tables if item_id.startswith(f"{name}{BETWEEN}")]
        is_here = any(record.ref.key == item_id for scope in scopes for record in self._records(scope))
        return "here" if is_here else "deleted"

    def _records(self, scope: str) -> list[RawRecord]:
        rules, sheet = self._rules(scope), self._sheet(scope)
        if not sheet.is_whole:
            raise Refused(f"{sheet.place} brings more than {len(sheet.lines):,} rows; narrow it")
        if not rules.keys:
            raise ConfigError([Problem(f"connections.{self._settings.name}", 0, f"tables.{scope}.key", "missing")])
        now, name, zone = datetime.now(UTC), self._settings.name, self._settings.zone
        return [raw_from_row(row, line, sheet, rules, name, scope, zone, now) for line, row in rows_of(sheet, rules)]

    # -- MetricSource

    def read_metric(self, query: MetricQuery) -> Reading:
        """All rows of the table that ``source`` names. ``options``: ``columns``, those that are wanted, in this order."""
        rules, sheet = self._rules(query.source), self._sheet(query.source)
        unknown = sorted(set(query.options) - {"columns"})
        if unknown:
            raise Refused(f"{query.source}: {', '.join(unknown)} is no option; there is only columns")
        wanted = list(query.options.get("columns") or [name for name in sheet.columns if name])
        if missing := [str(name) for name in wanted if name not in sheet.columns or not name]:
            raise Refused(f"{sheet.place} has no column {', '.join(missing)}; it has {', '.join(sheet.columns)}")
        if sheet.troubles:
            raise Refused("; ".join(sheet.troubles.values()))
        made = [self._column(sheet, name, rules) for name in wanted]
        rows = tuple(zip(*(cells for _, cells in made), strict=True)) if sheet.lines else ()
        reason = "" if sheet.is_whole else f"more than {len(sheet.lines):,} rows; narrow the query"
        return Reading(Table(tuple(column for column, _ in made), rows), sheet.as_of, sheet.is_whole, reason)

    def _column(self, sheet: Sheet, name: str, rules: TableRules) -> Any:
        position = sheet.position(name)
        cells = [(line.number, line.cells[position]) for line in sheet.lines]
        return typed_column(name, cells, rules.types.get(name), sheet.place, self._settings.zone)

    # -- both

    def _rules(self, table: str) -> TableRules:
        if table not in self._tables:
            raise NotFound(f"{table!r} is not one of the tables: {', '.join(self._tables)}")
        return self._tables[table]

    def _sheet(self, table: str) -> Sheet:
        rules, zone = self._rules(table), self._settings.zone
        self.remote.count()
        if self._settings.variant == "folder":
            return sheet_from_file(newest_file(self._folder, table, rules), table, rules, self._quiet_s, zone)
        return sheet_from_query(self._connected(table), table, rules, zone)

    def _connected(self, table: str) -> Any:
        with self._lock:
            if self._engine is None:
                self._engine = engine_for(self._url, self._settings.name, table, self._timeout_s)
            return self._engine


def _cure(table: str, rules: TableRules) -> str:
    place = f"the file {rules.file}" if rules.file else "the query"
    return f"mend {place}, or tables.{table} in tieline.yaml"


def _check_stream(stream: str) -> None:
    if stream != ROWS:
        raise Refused(f"{stream!r} is not a stream; there is only {ROWS}")
