"""Collect one connection: fetch, keep raw, map, store, move the cursor, and prove by a census that nothing is missing.

Nothing is lost on the way: raw records are committed as they come, the cursor moves only when its whole stream was read and
never past what the vendor could have shown when the reading began, and the certificate says in numbers whether what is there
is what is stored here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from msgspec.structs import replace

from sync.census import certify_stream
from sync.core.certificate import Certificate
from sync.core.errors import TielineError, TryLater
from sync.core.ports import Cursor, Shard, Stream
from sync.feeds import News, ask_feed, read_told
from sync.reading import Collected, Mapper, Progress, Site, keep_shards
from sync.remote import redact
from sync.store.store import Store

log = structlog.get_logger()

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Sweep = Callable[[Stream, str, bool], Iterable[str]]
"""Given a stream, a scope and whether a deep read is made: ids to read directly whatever the lists say."""


def collect(
    site: Site,
    store: Store,
    map_records: Mapper,
    progress: Progress = lambda *_: None,
    *,
    started: datetime | None = None,
    at: datetime | None = None,
    sweep: Sweep = lambda *_: (),
    is_census_forced: bool = False,
) -> Collected:
    """Read a connection as far as it goes. A vendor's error ends up in the report, with everything before it kept.

    ``started`` is the vendor's clock before the first read, where it tells one; ``at`` ours.
    """
    report = Collected(site.name)
    began, requests_before = time.perf_counter(), site.request_count()
    reading = _Reading(site, store, map_records, report, progress, started, at or datetime.now(UTC))
    try:
        for stream in site.source.streams():
            news = {scope: ask_feed(site, store, stream, scope, reading.at) for scope in site.scopes}
            is_due = is_census_forced or any(item.needs_count for item in news.values())
            proven = [] if is_due or not stream.has_census else reading.last_certificates(stream)
            is_counting = stream.has_census and not proven
            cursors = [reading.stream(stream, scope, sweep, is_counting, news[scope]) for scope in site.scopes]
            report.certificates += reading.certify(stream, cursors) if is_counting else proven
            reading.move_tokens(stream)
    except TielineError as error:
        report.error = error
        if isinstance(error, TryLater) and error.reason == "call_budget" and not report.stored:
            text = f"{error}; nothing new could be read with so few: raise calls_per_run of {site.name}"
            report.error = TryLater(text, reason=error.reason)
        log.warning("collect_stopped", connection=site.name, error=redact(str(error)))
    report.requests = site.request_count() - requests_before
    report.seconds = round(time.perf_counter() - began, 3)
    return report


class _Reading:
    """One run's reading of one connection."""

    def __init__(
        self,
        site: Site,
        store: Store,
        map_records: Mapper,
        report: Collected,
        progress: Progress,
        started: datetime | None,
        at: datetime,
    ) -> None:
        self._site, self._store, self._map = site, store, map_records
        self._report, self._progress = report, progress
        self._started, self.at = started, at
        self._clock_began, self._began = time.monotonic(), datetime.now(UTC)
        self._tokens: dict[str, str] = {}

    def stream(self, stream: Stream, scope: str, sweep: Sweep, is_counting: bool, news: News) -> Cursor:
        """Read what changed, or everything the first time; the cursor as it was moved."""
        cursor = self._store.cursor(self._site.name, stream.name, scope)
        if cursor is None:
            cursor = Cursor(
                stream.name, scope, self._started or EPOCH, is_loading=True, loading_since=datetime.now(UTC), feed=news.token
            )  # fmt: skip
            shards = self._site.source.shards(stream.name, None, scope)
            self._store.put_cursor(self._site.name, cursor)
        elif cursor.is_loading:
            shards = self._rest_of_load(stream, scope, cursor)
        else:
            shards = self._changed(stream, scope, cursor, is_counting, news)
        newest = self._read(stream, shards)
        is_deep = cursor.is_loading or self._is_deep_due(stream, cursor)
        if swept := list(dict.fromkeys(sweep(stream, scope, is_deep and not cursor.is_loading))):
            self._read(stream, self._site.source.pick(stream.name, scope, swept))
        if read_told(self._site, self._store, self._map, self._report, stream, scope, news.ids, self._began):
            self._tokens[scope] = news.token
        moved = self._moved(stream, cursor, newest, is_deep, news)
        self._store.put_cursor(self._site.name, moved)
        return moved

    def move_tokens(self, stream: Stream) -> None:
        """All that the feeds told was read, and counted where it had to be: what they told is not asked for again."""
        for scope, token in self._tokens.items():
            cursor = self._store.cursor(self._site.name, stream.name, scope)
            if cursor is not None and cursor.feed != token:
                self._store.put_cursor(self._site.name, replace(cursor, feed=token))
        self._tokens.clear()

    def _read(self, stream: Stream, shards: Iterable[Shard]) -> datetime | None:
        """The newest instant that the vendor gave, or None when nothing came."""
        newest: datetime | None = None
        for batch in keep_shards(self._site, shards, self._store, self._map, self._report):
            latest = max(record.updated_at for record in batch)
            newest = latest if newest is None else max(newest, latest)
            self._progress(self._site.name, stream.name, self._report.fetched)
        return newest

    def _changed(self, stream: Stream, scope: str, cursor: Cursor, is_counting: bool, news: News) -> Iterator[Shard]:
        """What changed since the fresh horizon; since the settled one when the deep read is due, and since the last proven census when
        ids are counted again. Everything, when it is time to read facts again that move no date, or a feed lost count.
        """
        since = cursor.since
        if self._is_deep_due(stream, cursor):
            since = min(since, cursor.settled or since - _lag(stream))
        if is_counting and cursor.counted:
            since = min(since, cursor.counted)
        if since <= EPOCH or news.is_gap or self._is_reread_due(stream, cursor):
            return self._site.source.shards(stream.name, None, scope)
        return self._site.source.shards(stream.name, replace(cursor, since=since), scope)

    def _is_reread_due(self, stream: Stream, cursor: Cursor) -> bool:
        every = timedelta(hours=stream.rereads_after_h)
        return bool(every) and (cursor.whole_at is None or self.at - cursor.whole_at >= every)

    def _is_deep_due(self, stream: Stream, cursor: Cursor) -> bool:
        """An index may show an edit hours late: what lay behind the settled horizon is read again, not with every run."""
        if not stream.settles_after_h or cursor.settled is None:
            return bool(stream.settles_after_h)
        now = self._started or cursor.since
        return now - _lag(stream) - cursor.settled >= self._site.cadence.deep_every

    def _rest_of_load(self, stream: Stream, scope: str, cursor: Cursor) -> Iterator[Shard]:
        """A first load that was cut off goes on with what it had not read; with most of it missing, from the beginning."""
        source = self._site.source
        if not stream.has_census or cursor.loading_since is None:
            return source.shards(stream.name, None, scope)
        read = self._store.ids_read_since(self._site.name, stream.kind, scope, cursor.loading_since)
        there = [key for page in source.census(stream.name, scope) for key in page]
        missing = [key for key in dict.fromkeys(there) if key not in read]
        if 2 * len(missing) > len(there):
            return _unread(source.shards(stream.name, None, scope), read)
        return source.pick(stream.name, scope, missing)

    def _moved(self, stream: Stream, cursor: Cursor, newest: datetime | None, is_deep: bool, news: News) -> Cursor:
        """The next cursor. Whatever was edited after the reading began may be missing from what was listed, so neither horizon goes
        past that moment: by the vendor's clock where it tells one, and in any case the newest instant it gave, less the time we read.
        """
        if cursor.is_loading:
            newest = self._store.newest_update(self._site.name, stream.kind, cursor.scope)
            spent = datetime.now(UTC) - (cursor.loading_since or datetime.now(UTC))
        else:
            spent = timedelta(seconds=time.monotonic() - self._clock_began)
        seen_until = newest - spent if newest else None
        if cursor.is_loading:
            bounds = [item for item in (cursor.since if cursor.since > EPOCH else None, seen_until) if item]
            since = min(bounds, default=EPOCH)
        else:
            since = max(cursor.since, min(seen_until, self._started or seen_until)) if seen_until else cursor.since
        read_until = (cursor.since if cursor.is_loading and cursor.since > EPOCH else self._started) or since
        settled = read_until - _lag(stream) if is_deep or not stream.settles_after_h else cursor.settled
        is_whole = cursor.is_loading or news.is_gap or self._is_reread_due(stream, cursor)
        return Cursor(
            cursor.stream,
            cursor.scope,
            since,
            settled=max(settled or EPOCH, cursor.settled or EPOCH),
            counted=cursor.counted,
            whole_at=self.at if is_whole else cursor.whole_at,
            feed=cursor.feed,
        )

    def certify(self, stream: Stream, cursors: Sequence[Cursor]) -> list[Certificate]:
        """A census of all scopes of the stream. A scope that it proves has been counted up to its fresh horizon."""
        settled = {cursor.scope: cursor.settled or EPOCH for cursor in cursors}
        made = certify_stream(self._site, stream, settled, self._store, self._map, self._report, self.at)
        proven = {item.scope for item in made if item.is_complete}
        for cursor in cursors:
            if cursor.scope in proven:
                self._store.put_cursor(self._site.name, replace(cursor, counted=cursor.since))
        return made

    def last_certificates(self, stream: Stream) -> list[Certificate]:
        """The certificates of an earlier census that is not due again; none when any scope was not proven by it."""
        known = {
            item.certificate.scope: item.certificate
            for item in self._store.certificates(self._site.name)
            if item.certificate.stream == stream.name
        }
        found = [known.get(scope) for scope in self._site.scopes]
        every = self._site.cadence.census_every
        good = [item for item in found if item and item.is_complete and self.at - item.at < every]
        return good if len(good) == len(found) else []


def _unread(shards: Iterable[Shard], read: Container[str]) -> Iterator[Shard]:
    """Of shards that name their items only what was not read yet, so that a load of any size ends however few calls a run may make."""
    for shard in shards:
        ids = tuple(item for item in shard.ids if item not in read)
        if ids or not shard.ids:
            yield replace(shard, ids=ids)


def _lag(stream: Stream) -> timedelta:
    return timedelta(hours=stream.settles_after_h)
