"""Follow hints: read exactly the items that webhooks named, on the same way as collecting, and prove nothing by it.

A hint never moves a cursor, never certifies and never makes a tombstone: what cannot be read any more, or is not told, is a reason
for the normal cycle to look. Whatever a hint says, a full collection that follows ends as it would have without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from sync.core.errors import TielineError, TryLater
from sync.core.hooks import Hint
from sync.core.ports import Stream
from sync.reading import Collected, Mapper, Site, homes_of, keep_shards
from sync.remote import redact
from sync.store.store import Store

log = structlog.get_logger()

MOST_READ = 500
"""Items read for one wake-up; where more are named, reading what changed is cheaper."""


@dataclass
class Hinted(Collected):
    """What following hints did. ``needs_look``: something was told that only the normal cycle can find out about."""

    needs_look: bool = False


def follow_hints(site: Site, store: Store, map_records: Mapper, at: datetime) -> Hinted:
    """Read what the waiting hints name and note them as taken. They go on waiting only while the vendor cannot answer."""
    hints = store.waiting_hints(site.name)
    if not hints:
        return Hinted(site.name)
    try:
        store.pin_connection(site.name, site.source.identify().fingerprint, at)
        report = collect_hinted(site, store, map_records, hints)
    except TielineError as error:
        report = Hinted(site.name, error=error)
    if report.error:
        log.warning("hints_not_followed", connection=site.name, error=redact(str(report.error)))
    if not isinstance(report.error, TryLater):
        store.take_hints(site.name, hints, at)
    return report


def collect_hinted(site: Site, store: Store, map_records: Mapper, hints: Sequence[Hint]) -> Hinted:
    """Read exactly the hinted items of streams and scopes that are collected and whose first load has ended. A vendor's error ends
    up in the report, with everything before it kept.
    """
    report = Hinted(site.name)
    requests_before = site.request_count()
    try:
        for stream, scope, ids in _wanted(site, store, hints, report):
            _read(site, store, map_records, report, stream, scope, ids)
    except TielineError as error:
        report.error = error
    report.requests = site.request_count() - requests_before
    return report


def _wanted(site: Site, store: Store, hints: Sequence[Hint], report: Hinted) -> Iterator[tuple[Stream, str, list[str]]]:
    """The ids to read, by stream and scope; of several hints about one item the last one's scope."""
    left = MOST_READ
    for stream in site.source.streams():
        mine = {hint.id: hint for hint in hints if hint.stream == stream.name}
        if (wide := mine.pop("", None)) is not None:
            report.needs_look = report.needs_look or wide.scope in ("", *site.scopes)
        homes = homes_of(site, store, stream, list(mine))
        by_scope: dict[str, list[str]] = {scope: [] for scope in site.scopes if _is_loaded(site, store, stream, scope)}
        for item, hint in mine.items():
            scope = hint.scope or homes.get(item, "")
            if scope in by_scope:
                by_scope[scope].append(item)
            elif item in homes:
                report.needs_look = True  # the vendor says that it is now somewhere we do not collect
        for scope, ids in by_scope.items():
            if len(ids) > left:
                report.needs_look = True
            if ids[:left]:
                yield stream, scope, ids[:left]
            left -= len(ids[:left])


def _is_loaded(site: Site, store: Store, stream: Stream, scope: str) -> bool:
    """While the first load goes on everything is read anyway."""
    cursor = store.cursor(site.name, stream.name, scope)
    return cursor is not None and not cursor.is_loading


def _read(
    site: Site, store: Store, map_records: Mapper, report: Hinted, stream: Stream, scope: str, ids: list[str]
) -> None:
    """Items that are stored in the scope are read at once; any other only when a direct read says that it is to be collected: a hint
    may be old, or about an item that is archived or moved.
    """
    known = {item for item, home in homes_of(site, store, stream, ids).items() if home == scope}
    wanted = [item for item in ids if item in known or site.source.look_up(stream.name, item) == "here"]
    if not wanted:
        return
    seen: set[str] = set()
    for batch in keep_shards(site, site.source.pick(stream.name, scope, wanted), store, map_records, report):
        seen.update(record.ref.key for record in batch)
    if known - seen:
        report.needs_look = True
