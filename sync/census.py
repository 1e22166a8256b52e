"""Count there, compare with here, read what is missing, and find out about each item that vanished: the certificate.

A census lists ids only. It is compared over all scopes of a stream at once, so that an item which moved from one collected
project to another is neither lost nor counted twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sync.core.certificate import Certificate
from sync.core.ports import Stream
from sync.core.values import Ref
from sync.reading import Collected, Mapper, Site, keep_shards
from sync.store.store import Store

SUSPEND_FROM = 5
SUSPEND_SHARE = 0.5
"""A census that misses half of a scope's stored items (at least five), or all of several, is not believed: access was lost."""


@dataclass
class _Count:
    """One scope's census against the store. ``direct`` are ids that a direct read proved to be there though no census lists them,
    ``ended`` ids that a census lists though a direct read finds them no more.
    """

    there: set[str]
    here: set[str] = field(default_factory=set)
    direct: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    suspended: str = ""

    @property
    def unproven(self) -> int:
        return len((self.there - self.ended) - self.here) + len(self.here - self.there - self.direct)

    def reason(self, scope: str) -> str:
        texts = [self.suspended] if self.suspended else []
        if self.direct:
            texts.append(f"{len(self.direct)} items are there but not in the census of {scope}; each was read directly")
        if self.ended:
            texts.append(f"{len(self.ended)} items that {scope} still lists are gone; each was asked for directly")
        return "; ".join(texts)


def certify_stream(
    site: Site,
    stream: Stream,
    settled: Mapping[str, datetime],
    store: Store,
    map_records: Mapper,
    report: Collected,
    at: datetime,
) -> list[Certificate]:
    """A census of every scope of the stream, what is missing read, what vanished explained; the certificates, stored.

    ``settled`` tells per scope up to which instant the vendor's lists are known to have caught up.
    """
    counts = {scope: _Count(_listed(site, stream, scope)) for scope in site.scopes}
    for scope, count in counts.items():
        count.here = store.ids_in_scope(site.name, stream.kind, scope)
    missing = {scope: sorted(count.there - count.here) for scope, count in counts.items()}
    for scope, ids in missing.items():
        if ids:
            _read(site, stream, scope, ids, store, map_records, report)
    for scope, count in counts.items() if any(missing.values()) else ():
        count.here = store.ids_in_scope(site.name, stream.kind, scope)
    for scope, count in counts.items():
        if count.there != count.here:
            _explain(site, stream, scope, count, store, map_records, report)
            count.here = store.ids_in_scope(site.name, stream.kind, scope)
    return [_certificate(site, stream, scope, count, settled.get(scope), store, at) for scope, count in counts.items()]


def _listed(site: Site, stream: Stream, scope: str) -> set[str]:
    return {key for page in site.source.census(stream.name, scope) for key in page}


def _read(
    site: Site, stream: Stream, scope: str, ids: list[str], store: Store, map_records: Mapper, report: Collected
) -> None:
    for _ in keep_shards(site, site.source.pick(stream.name, scope, ids), store, map_records, report):
        pass


def _explain(
    site: Site, stream: Stream, scope: str, count: _Count, store: Store, map_records: Mapper, report: Collected
) -> None:
    """Ask for each item that only one side knows: a tombstone with its reason, or read again where it is still there."""
    vanished = sorted(count.here - count.there)
    if _is_mass(vanished, count.here) or (len(vanished) > 1 and not count.there):
        count.suspended = (
            f"{len(vanished)} of {len(count.here)} items are suddenly not there; nothing is marked as deleted"
        )
        return
    for key in vanished:
        verdict = site.source.look_up(stream.name, key)
        if verdict == "here":
            count.direct.add(key)
        else:
            store.mark_gone([Ref.of(site.name, stream.kind, key)], verdict, datetime.now(UTC))
    if count.direct:
        _read(site, stream, scope, sorted(count.direct), store, map_records, report)
    missing = sorted(count.there - count.here)
    if _is_mass(missing, count.there):
        count.suspended = f"{len(missing)} of {len(count.there)} items that {scope} lists cannot be read"
        return
    for key in missing:
        if site.source.look_up(stream.name, key) != "here":
            count.ended.add(key)


def _is_mass(some: Sequence[str], whole: Collection[str]) -> bool:
    return len(some) >= SUSPEND_FROM and len(some) >= SUSPEND_SHARE * len(whole)


def _certificate(
    site: Site, stream: Stream, scope: str, count: _Count, settled: datetime | None, store: Store, at: datetime
) -> Certificate:
    certificate = Certificate(
        connection=site.name,
        scope=scope,
        stream=stream.name,
        counted=len(count.there),
        stored=len(count.here),
        skipped=store.problems_in_scope(site.name, stream.kind, scope),
        unproven=count.unproven,
        is_complete=count.unproven == 0 and not count.suspended,
        reason=count.reason(scope),
        at=at,
        settled_at=settled,
    )
    store.put_certificate(certificate)
    return certificate
