"""Read everything of a scope, over as many runs as it takes: the first load, the periodic re-reading, and after a gap in a feed.

The cursor says that such a reading is under way, the store what it has asked for. So it goes on wherever a run ended: its calls were used
up, its vendor was down, it was killed. What changes meanwhile is read as ever, by the cursor's horizons, and is not this module's business.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from sync.core.errors import StoreUnavailable, TielineError, TryLater
from sync.core.ports import Cursor, Shard, Stream
from sync.reading import Collected, Mapper, Progress, Site, keep_shards
from sync.store.store import Store


def begin(site: Site, store: Store, cursor: Cursor, at: datetime) -> Cursor:
    """From now on everything of the scope is to be read, also what an earlier reading of everything had come to; the cursor, stored."""
    begun = replace(cursor, whole_at=at, loading_since=datetime.now(UTC), is_listed=False, is_starved=False)
    with store.transaction():
        store.forget_asked(site.name, cursor.stream, cursor.scope)
        store.put_cursor(site.name, begun)
    return begun


def end(site: Site, store: Store, stream: Stream, cursor: Cursor) -> None:
    """Everything was read. What a gap may have hidden has still to be counted, where ids can be."""
    is_gap = cursor.is_gap and stream.has_census
    ended = replace(cursor, loading_since=None, is_loading=False, is_gap=is_gap, is_listed=False, is_starved=False)
    with store.transaction():
        store.put_cursor(site.name, ended)
        store.forget_asked(site.name, cursor.stream, cursor.scope)


def comes_first(cursor: Cursor) -> bool:
    """Whether the reading that is under way goes before the census: nothing can be proven without it, or it was left no calls."""
    return cursor.is_loading or cursor.is_gap or cursor.is_starved


def is_used_up(error: TielineError) -> bool:
    """Whether this only says that a run has used the calls that it may make."""
    return isinstance(error, TryLater) and error.reason == "call_budget"


def go_on(
    site: Site, store: Store, map_records: Mapper, report: Collected, progress: Progress, stream: Stream, cursor: Cursor
) -> None:
    """Read what the reading under way has not asked for. Raises what broke it off, with everything that it came to remembered."""
    before = store.asked_for(site.name, stream.name, cursor.scope)
    asked: set[str] = set()
    brought: set[str] = set()
    try:
        for batch in keep_shards(site, _rest(site, store, stream, cursor, before), store, map_records, report, asked):
            keys = {record.ref.key for record in batch}
            store.note_asked(site.name, stream.name, cursor.scope, keys)
            brought |= keys
            progress(site.name, stream.name, report.fetched)
    except TielineError as error:
        if isinstance(
            error, StoreUnavailable
        ):  # what came may not have been kept: only what is known to be here counts
            raise
        report.advanced += len((asked | brought) - before)
        # What was asked for and did not come is gone or hidden: the census tells, and it is not asked for in run after run.
        store.note_asked(site.name, stream.name, cursor.scope, asked)
        is_listed = cursor.is_listed or (bool(brought) and brought <= before)
        is_starved = is_used_up(error) and not asked | brought
        store.put_cursor(site.name, replace(cursor, is_listed=is_listed, is_starved=is_starved))
        raise


def note(site: Site, store: Store, stream: Stream, cursor: Cursor) -> str:
    """How far the reading under way, which is not the first, has come, in words."""
    there = store.ids_in_scope(site.name, stream.kind, cursor.scope)
    count = len(there & store.asked_for(site.name, stream.name, cursor.scope))
    text = f"{cursor.scope} is read again as a whole since {cursor.whole_at:%Y-%m-%d %H:%M} UTC: {count} of {len(there)} so far"
    return f"{text}; no calls were left for it: raise calls_per_run of {site.name}" if cursor.is_starved else text


def _rest(site: Site, store: Store, stream: Stream, cursor: Cursor, asked: set[str]) -> Iterator[Shard]:
    """By the lists, which cost fewer calls; where at most half is left, or they bring nothing more within a run's calls, by id."""
    if asked and (stream.has_census or not cursor.is_loading):
        there = _there(site, store, stream, cursor)
        left = [key for key in there if key not in asked]
        if cursor.is_listed or 2 * len(left) <= len(there):
            return site.source.pick(stream.name, cursor.scope, left)
    return _unread(site.source.shards(stream.name, None, cursor.scope), asked)


def _there(site: Site, store: Store, stream: Stream, cursor: Cursor) -> list[str]:
    """All ids of the scope: what a first load is to read is known to the vendor only, anything later to the last census."""
    if cursor.is_loading:
        pages = site.source.census(stream.name, cursor.scope)
        return list(dict.fromkeys(key for page in pages for key in page))
    return sorted(store.ids_in_scope(site.name, stream.kind, cursor.scope))


def _unread(shards: Iterable[Shard], asked: Container[str]) -> Iterator[Shard]:
    """Of shards that name their items only what was not asked for yet, so that a reading ends however few calls a run may make."""
    for shard in shards:
        ids = tuple(item for item in shard.ids if item not in asked)
        if ids or not shard.ids:
            yield replace(shard, ids=ids)
