"""Fetch shards of one connection side by side and keep what they hold: raw and mapped in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sync.core.certificate import Certificate
from sync.core.errors import TielineError
from sync.core.ports import Shard, Source, Stream
from sync.core.values import RawRecord, Ref
from sync.parallel import as_completed
from sync.remote import redact
from sync.store.store import Store

COMMITTED_AT_ONCE = 1_000
WHOLE = "*"


class Mapper(Protocol):
    """What turns committed raw records into the model; given by ``app``."""

    def __call__(self, records: Sequence[RawRecord]) -> Mapping[str, int]:
        """Map and store these records; returns how many were skipped, by reason."""
        ...


Progress = Callable[[str, str, int], None]
"""Told (connection, stream, records so far) as pages come in."""


@dataclass(frozen=True)
class Cadence:
    """How often the connection is read at all (0: with every run), and how often the slower proofs are made: a census of ids (0: with
    every reading), and a deep read of a lagging index."""

    every: timedelta = timedelta(0)
    census_every: timedelta = timedelta(0)
    deep_every: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class Site:
    """One connection as collecting needs it: its source, what it collects, and how many reads may run at once."""

    name: str
    source: Source
    scopes: tuple[str, ...]
    threads: int
    request_count: Callable[[], int]
    cadence: Cadence = field(default_factory=Cadence)


@dataclass
class Collected:
    """One connection's report of one run. ``error`` is set when it could not be read to its end, ``not_due_until`` when it was not asked
    at all: then ``last`` is the certificate that stands, and ``certificates`` are its parts. ``advanced`` counts the items to which a
    reading of everything came in this run; ``notes`` say what goes on over runs.
    """

    connection: str
    fetched: int = 0
    stored: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0
    certificates: list[Certificate] = field(default_factory=list)
    error: TielineError | None = None
    advanced: int = 0
    notes: list[str] = field(default_factory=list)
    not_due_until: datetime | None = None
    last: Certificate | None = None

    def certificate(self, at: datetime) -> Certificate:
        """The connection's certificate as a whole: complete only when it was read to its end and every scope was proven. What it
        proves of lagging vendors ends at the earliest ``settled_at`` of its parts, and was counted when the oldest part was.
        """
        if self.last:
            return self.last
        reasons = (
            [redact(str(self.error))] if self.error else [item.reason for item in self.certificates if item.reason]
        )
        is_proven = bool(self.certificates) and all(item.is_complete for item in self.certificates)
        return Certificate(
            connection=self.connection,
            scope=WHOLE,
            stream=WHOLE,
            counted=sum(item.counted for item in self.certificates),
            stored=sum(item.stored for item in self.certificates),
            skipped=dict(self.skipped),
            unproven=sum(item.unproven for item in self.certificates),
            is_complete=self.error is None and is_proven,
            reason="; ".join(dict.fromkeys([*reasons, *self.notes])),
            at=min([at, *(item.at for item in self.certificates)]),
            settled_at=min((item.settled_at for item in self.certificates if item.settled_at), default=None),
            exit_code=self.error.exit_code if self.error else 0,
        )


def homes_of(site: Site, store: Store, stream: Stream, ids: Sequence[str]) -> dict[str, str]:
    """In which scope each of these items is stored; nothing for one that is not stored, or gone."""
    refs = [Ref.of(site.name, stream.kind, item) for item in ids]
    return {key: scope for scope in site.scopes for key in store.keys_in_scope(refs, scope)} if refs else {}


def keep_shards(
    site: Site,
    shards: Iterable[Shard],
    store: Store,
    map_records: Mapper,
    report: Collected,
    asked: set[str] | None = None,
) -> Iterator[list[RawRecord]]:
    """Fetch and keep these shards; each batch as it has been committed, every item's newest sighting only. ``asked`` gets the ids of the
    shards that were read to their end; what came of them is committed once all batches were drawn.
    """
    for batch in _batches(_fetched(site, shards, set() if asked is None else asked), COMMITTED_AT_ONCE):
        report.fetched += len(batch)
        _keep(batch, store, map_records, report)
        yield batch


def _fetched(site: Site, shards: Iterable[Shard], asked: set[str]) -> Iterator[RawRecord]:
    failures: list[TielineError] = []

    def read(shard: Shard) -> list[Sequence[RawRecord]]:
        pages: list[Sequence[RawRecord]] = []
        try:
            pages.extend(site.source.fetch(shard))
            asked.update(shard.ids)
        except TielineError as error:
            failures.append(error)
        return pages

    # What was asked for is kept, also of a shard that broke off and of those under way: it has cost calls.
    for pages in as_completed(read, _until(failures, shards), site.threads):
        for page in pages:
            yield from page
    if failures:
        raise failures[0]


def _until(failures: list[TielineError], shards: Iterable[Shard]) -> Iterator[Shard]:
    """The shards, until something failed: one of them, or the listing of them."""
    try:
        for shard in shards:
            if failures:
                return
            yield shard
    except TielineError as error:
        failures.append(error)


def _keep(batch: Sequence[RawRecord], store: Store, map_records: Mapper, report: Collected) -> None:
    """Raw records and the model made of them, committed together: a record that counts as known is also mapped."""
    with store.transaction():
        saved = store.save_raw(batch)
        changed = [record for record in batch if record.ref in saved]
        skipped = map_records(changed) if changed else {}
    report.stored += len(saved)
    for reason, count in skipped.items():
        report.skipped[reason] = report.skipped.get(reason, 0) + count


def _batches(records: Iterator[RawRecord], size: int) -> Iterator[list[RawRecord]]:
    """Lists of at most ``size`` records, each item's newest sighting only. What came before an error is handed out before it is raised:
    a vendor that breaks off, or a budget that is used up, costs nothing that was read.
    """
    newest: dict[Ref, RawRecord] = {}
    try:
        for record in records:
            if record.ref not in newest or newest[record.ref].updated_at <= record.updated_at:
                newest[record.ref] = record
            if len(newest) >= size:
                yield list(newest.values())
                newest = {}
    except TielineError:
        if newest:
            yield list(newest.values())
        raise
    if newest:
        yield list(newest.values())
