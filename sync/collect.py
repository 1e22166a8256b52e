"""Collect one connection: fetch, keep raw, map, store, count there against here, and move the cursor last.

Nothing is lost on the way: raw records are committed as they come, the cursor only when its whole stream was read, and the
certificate says in numbers whether what is there is what is stored here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Protocol

import structlog

from sync.core.errors import TielineError
from sync.core.ports import Cursor, Shard, Source, Stream
from sync.core.values import Certificate, RawRecord, Ref
from sync.parallel import as_completed
from sync.remote import redact
from sync.store.store import Store

log = structlog.get_logger()

COMMITTED_AT_ONCE = 1_000
WHOLE = "*"
SEEN_FOR = timedelta(minutes=30)
SUSPEND_FROM = 5
SUSPEND_SHARE = 0.5
"""A census that misses half of a scope's stored items (at least five), or all of several, is not believed: access was lost."""


class Mapper(Protocol):
    """What turns committed raw records into the model; given by ``app``."""

    def __call__(self, records: Sequence[RawRecord]) -> Mapping[str, int]:
        """Map and store these records; returns how many were skipped, by reason."""
        ...


@dataclass
class Collected:
    """One connection's report of one run. ``error`` is set when it could not be read to its end."""

    connection: str
    fetched: int = 0
    stored: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0
    certificates: list[Certificate] = field(default_factory=list)
    error: TielineError | None = None

    def certificate(self, at: datetime) -> Certificate:
        """The connection's certificate as a whole: complete only when it was read to its end and every scope was proven."""
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
            reason="; ".join(reasons),
            at=at,
        )


@dataclass(frozen=True)
class Site:
    """One connection as collecting needs it: its source, what it collects, and how many reads may run at once."""

    name: str
    source: Source
    scopes: tuple[str, ...]
    threads: int
    request_count: Callable[[], int]


Progress = Callable[[str, str, int], None]
"""Told (connection, stream, records so far) as pages come in."""


def collect(site: Site, store: Store, map_records: Mapper, progress: Progress = lambda *_: None) -> Collected:
    """Read a connection as far as it goes. A vendor's error ends up in the report, with everything before it kept."""
    report = Collected(site.name)
    started, requests_before = time.perf_counter(), site.request_count()
    try:
        for stream in site.source.streams():
            for scope in site.scopes:
                _collect_stream(site, stream, scope, store, map_records, report, progress)
        for stream in site.source.streams():
            for scope in site.scopes if stream.has_census else ():
                report.certificates.append(_certify(site, stream, scope, store, map_records, report))
    except TielineError as error:
        report.error = error
        log.warning("collect_stopped", connection=site.name, error=redact(str(error)))
    report.requests = site.request_count() - requests_before
    report.seconds = round(time.perf_counter() - started, 3)
    return report


def _collect_stream(
    site: Site,
    stream: Stream,
    scope: str,
    store: Store,
    map_records: Mapper,
    report: Collected,
    progress: Progress,
) -> None:
    cursor = store.cursor(site.name, stream.name, scope)
    shards = site.source.shards(stream.name, cursor, scope)
    newest: dict[str, tuple[datetime, str]] = {}
    for batch in _batches(_fetched(site, shards), COMMITTED_AT_ONCE):
        report.fetched += len(batch)
        _keep(batch, store, map_records, report)
        newest.update({record.ref.key: (record.updated_at, record.version) for record in batch})
        progress(site.name, stream.name, report.fetched)
    if newest:
        store.put_cursor(site.name, _moved(stream.name, scope, cursor, newest))


def _fetched(site: Site, shards: Iterator[Shard]) -> Iterator[RawRecord]:
    for pages in as_completed(lambda shard: list(site.source.fetch(shard)), shards, site.threads):
        for page in pages:
            yield from page


def _keep(batch: Sequence[RawRecord], store: Store, map_records: Mapper, report: Collected) -> None:
    """Raw records and the model made of them, committed together: a record that counts as known is also mapped."""
    with store.transaction():
        saved = store.save_raw(batch)
        changed = [record for record in batch if record.ref in saved]
        skipped = map_records(changed) if changed else {}
    report.stored += len(saved)
    for reason, count in skipped.items():
        report.skipped[reason] = report.skipped.get(reason, 0) + count


def _moved(stream: str, scope: str, cursor: Cursor | None, newest: Mapping[str, tuple[datetime, str]]) -> Cursor:
    """The next cursor: the newest instant the vendor itself gave (no clock of ours), and the versions seen near it."""
    instants = [updated_at for updated_at, _ in newest.values()]
    since = max([cursor.since, *instants] if cursor else instants)
    horizon = since - SEEN_FOR
    seen = dict(cursor.seen) if cursor and cursor.since >= horizon else {}
    seen.update({key: version for key, (updated_at, version) in newest.items() if updated_at >= horizon})
    return Cursor(stream, scope, since, seen)


def _certify(
    site: Site, stream: Stream, scope: str, store: Store, map_records: Mapper, report: Collected
) -> Certificate:
    """Count there, compare with here, read what is missing, and find out about each item that vanished."""
    there = {key for page in site.source.census(stream.name, scope) for key in page}
    here = store.ids_in_scope(site.name, stream.kind, scope)
    if missing := sorted(there - here):
        picked = site.source.pick(stream.name, scope, missing)
        for batch in _batches(_fetched(site, picked), COMMITTED_AT_ONCE):
            report.fetched += len(batch)
            _keep(batch, store, map_records, report)
        here = store.ids_in_scope(site.name, stream.kind, scope)
    vanished = sorted(here - there)
    reason = ""
    is_mass = len(vanished) >= SUSPEND_FROM and len(vanished) >= SUSPEND_SHARE * len(here)
    if is_mass or (len(vanished) > 1 and not there):
        reason = f"{len(vanished)} of {len(here)} items are suddenly not there; nothing is marked as deleted"
    else:
        reason = _explain_vanished(site, stream, scope, vanished, store)
        here = store.ids_in_scope(site.name, stream.kind, scope) if vanished else here
    unproven = len(there ^ here)
    skipped = store.problems_in_scope(site.name, stream.kind, scope)
    certificate = Certificate(
        site.name,
        scope,
        stream.name,
        len(there),
        len(here),
        skipped,
        unproven,
        unproven == 0,
        reason,
        datetime.now(UTC),
    )
    store.put_certificate(certificate)
    return certificate


def _explain_vanished(site: Site, stream: Stream, scope: str, vanished: Sequence[str], store: Store) -> str:
    """Ask for each vanished item directly; a tombstone with its reason, or still here (the census was stale)."""
    still_there: list[str] = []
    for key in vanished:
        verdict = site.source.look_up(stream.name, key)
        if verdict == "here":
            still_there.append(key)
        else:
            store.mark_gone([Ref.of(site.name, stream.kind, key)], verdict, datetime.now(UTC))
    return f"{len(still_there)} items are there but not in the census of {scope}" if still_there else ""


def _batches(records: Iterator[RawRecord], size: int) -> Iterator[list[RawRecord]]:
    """Lists of at most ``size`` records, each item's newest sighting only."""
    while chunk := list(islice(records, size)):
        newest: dict[Ref, RawRecord] = {}
        for record in chunk:
            if record.ref not in newest or newest[record.ref].updated_at <= record.updated_at:
                newest[record.ref] = record
        yield list(newest.values())
