"""Collect one connection: fetch, keep raw, map, store, move the cursor, and prove by a census that nothing is missing.

Nothing is lost on the way: raw records are committed as they come, the cursor moves only when all that changed was read and
never past what the vendor could have shown when the reading began, and the certificate says in numbers whether what is there
is what is stored here. With few calls what changed goes first; then, where nothing can be proven before it has ended, the reading
of everything (``whole``); then the census; what is read again for facts that move no date gets what is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from operator import itemgetter

import structlog
from msgspec.structs import replace

from sync.census import certify_stream
from sync.core.certificate import Certificate
from sync.core.errors import TielineError, TryLater
from sync.core.ports import Cursor, Shard, Stream
from sync.feeds import MOST_SINGLY, News, ask_feed, not_brought, read_told
from sync.reading import Collected, Mapper, Progress, Site, keep_shards
from sync.remote import redact
from sync.store.store import Store
from sync.whole import begin, comes_first, end, go_on, is_used_up, note

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
    reading = _Reading(site, store, map_records, report, progress, started, at or datetime.now(UTC), sweep)
    try:
        streams = [(stream, reading.changes(stream, is_census_forced)) for stream in site.source.streams()]
        for stream, proven in streams:
            report.certificates += reading.prove(stream, proven)
            reading.move_tokens(stream)
        reading.read_again()
    except TielineError as error:
        report.error = error
        if is_used_up(error) and not report.stored and not report.advanced:
            text = f"{error}; nothing new could be read with so few: raise calls_per_run of {site.name}"
            report.error = TryLater(text, reason="call_budget")
        log.warning("collect_stopped", connection=site.name, error=redact(str(error)))
    report.notes = reading.notes()
    report.requests = site.request_count() - requests_before
    report.seconds = round(time.perf_counter() - began, 3)
    return report


class _Reading:
    """One run's reading of one connection: first what changed, in all streams and scopes; then whatever reads everything."""

    def __init__(
        self,
        site: Site,
        store: Store,
        map_records: Mapper,
        report: Collected,
        progress: Progress,
        started: datetime | None,
        at: datetime,
        sweep: Sweep,
    ) -> None:
        self._site, self._store, self._map = site, store, map_records
        self._report, self._progress, self._sweep = report, progress, sweep
        self._started, self.at = started, at
        self._clock_began, self._began = time.monotonic(), datetime.now(UTC)
        self._tokens: dict[tuple[str, str], str] = {}
        self._brought: dict[tuple[str, str], int] = {}

    def changes(self, stream: Stream, is_census_forced: bool) -> list[Certificate]:
        """Read what changed in each scope that was loaded before. The certificates that stand, where ids need not be counted again."""
        news = {scope: ask_feed(self._site, self._store, stream, scope, self.at) for scope in self._site.scopes}
        cursors = [self._begun(stream, scope, item) for scope, item in news.items()]
        is_due = is_census_forced or any(item.has_losses for item in news.values())
        proven = [] if is_due or not stream.has_census else self._last_certificates(stream)
        for cursor in cursors:
            if not cursor.is_loading:
                before = self._report.fetched
                try:
                    self.changed(stream, cursor, news[cursor.scope], is_counting=stream.has_census and not proven)
                except TryLater as error:
                    if is_used_up(error):
                        self._brought[stream.name, cursor.scope] = self._report.fetched - before
                        self._give_up_changes(stream)
                    raise
                self._brought[stream.name, cursor.scope] = self._report.fetched - before
        return [] if any(cursor.is_gap for cursor in self._cursors(stream)) else proven

    def _begun(self, stream: Stream, scope: str, news: News) -> Cursor:
        """The cursor; where everything is to be read from now on, that is noted with it, and with the feed's token from before."""
        cursor = self._store.cursor(self._site.name, stream.name, scope)
        if cursor is None:
            cursor = Cursor(stream.name, scope, self._started or EPOCH, is_loading=True, feed=news.token)
        elif news.is_gap:
            cursor = replace(cursor, feed=news.token, is_gap=True)
        elif not self._is_reread_due(stream, cursor):
            return cursor
        return begin(self._site, self._store, cursor, self.at)

    def changed(self, stream: Stream, cursor: Cursor, news: News, is_counting: bool) -> None:
        """Read what changed in one scope, and what its feed told; the cursor is moved."""
        scope, is_deep = cursor.scope, self._is_deep_due(stream, cursor)
        since = self._since(stream, cursor, is_deep, is_counting)
        horizon = replace(cursor, since=since) if since > EPOCH else None
        newest = self._read(stream, self._site.source.shards(stream.name, horizon, scope))
        self._read_swept(stream, scope, is_deep)
        moved = self._followed(stream, self._moved(stream, cursor, newest, is_deep), news)
        self._store.put_cursor(self._site.name, moved)

    def _followed(self, stream: Stream, cursor: Cursor, news: News) -> Cursor:
        """Read what the feed told and no list brought; the cursor with its token, where that may move already."""
        left = not_brought(self._site, self._store, stream, cursor.scope, news.ids, self._began)
        if len(left) > MOST_SINGLY:
            if cursor.loading_since is not None:  # told again when that has ended, or then a gap
                return cursor
            return begin(self._site, self._store, replace(cursor, is_gap=True, feed=news.token), self.at)
        if not read_told(self._site, self._store, self._map, self._report, stream, cursor.scope, left):
            return cursor
        if news.has_losses:
            self._tokens[stream.name, cursor.scope] = news.token
            return cursor
        return replace(cursor, feed=news.token)

    def _give_up_changes(self, stream: Stream) -> None:
        """A run's calls did not last for what changed and the count after it, and it would be read again before the next count: so in the
        scope that brought most, from the next run on what changes now is read first, and everything, over runs, as after a gap. Not where a
        lagging index must be read deep all the same, nor histories.
        """
        brought, cursor = max(
            ((self._brought.get((stream.name, item.scope), 0), item) for item in self._cursors(stream)),
            key=itemgetter(0),
        )
        if brought < 2 or stream.settles_after_h or not stream.has_census:  # what stands on the horizon always comes
            return
        if self._started and self._started > cursor.since:
            cursor = replace(cursor, since=self._started, settled=self._started)
        elif not cursor.counted or cursor.counted >= cursor.since:
            return
        begin(self._site, self._store, replace(cursor, counted=cursor.since, is_gap=True), self.at)

    def prove(self, stream: Stream, proven: list[Certificate]) -> list[Certificate]:
        """The certificates, after a census where those that stand do not do, and after the readings of everything that go before it."""
        try:
            self.first(stream)
            return self.certify(stream) if stream.has_census and not proven else proven
        except TryLater as error:
            if is_used_up(error) and not self._report.advanced:
                self._give_up_changes(stream)
            raise

    def first(self, stream: Stream) -> None:
        """Go on with the readings of everything that go before the census of their stream."""
        for cursor in self._under_way(stream):
            if comes_first(cursor):
                self.whole(stream, cursor)

    def read_again(self) -> None:
        """Go on with the other readings of everything, with what calls are left: their end is no condition of any proof."""
        try:
            for stream in self._site.source.streams():
                for cursor in self._under_way(stream):
                    self.whole(stream, cursor)
        except TryLater as error:
            if not is_used_up(error):
                raise

    def notes(self) -> list[str]:
        """What is still under way, but for first loads, which end in an error of their own."""
        left = [(stream, cursor) for stream in self._site.source.streams() for cursor in self._under_way(stream)]
        return [note(self._site, self._store, stream, cursor) for stream, cursor in left if not cursor.is_loading]

    def whole(self, stream: Stream, cursor: Cursor) -> None:
        """Go on with the reading of everything in one scope, to its end."""
        go_on(self._site, self._store, self._map, self._report, self._progress, stream, cursor)
        if cursor.is_loading:
            self._read_swept(stream, cursor.scope, is_deep=False)
            cursor = self._loaded(stream, cursor)
        end(self._site, self._store, stream, cursor)

    def _under_way(self, stream: Stream) -> list[Cursor]:
        """The cursors of scopes of which everything is being read: in the order in which that began, so that each has its turn."""
        found = [item for item in self._cursors(stream) if item.loading_since or item.is_loading]
        return sorted(found, key=lambda item: item.loading_since or self._began)

    def _cursors(self, stream: Stream) -> list[Cursor]:
        found = (self._store.cursor(self._site.name, stream.name, scope) for scope in self._site.scopes)
        return [cursor for cursor in found if cursor]

    def move_tokens(self, stream: Stream) -> None:
        """The losses that feeds told were counted: they are not asked for again."""
        for cursor in self._cursors(stream):
            if token := self._tokens.pop((stream.name, cursor.scope), ""):
                self._store.put_cursor(self._site.name, replace(cursor, feed=token))

    def _read(self, stream: Stream, shards: Iterable[Shard]) -> datetime | None:
        """The newest instant that the vendor gave, or None when nothing came."""
        newest: datetime | None = None
        for batch in keep_shards(self._site, shards, self._store, self._map, self._report):
            latest = max(record.updated_at for record in batch)
            newest = latest if newest is None else max(newest, latest)
            self._progress(self._site.name, stream.name, self._report.fetched)
        return newest

    def _read_swept(self, stream: Stream, scope: str, is_deep: bool) -> None:
        if swept := list(dict.fromkeys(self._sweep(stream, scope, is_deep))):
            self._read(stream, self._site.source.pick(stream.name, scope, swept))

    def _since(self, stream: Stream, cursor: Cursor, is_deep: bool, is_counting: bool) -> datetime:
        """The fresh horizon; the settled one when the deep read is due, and that of the last proven census when ids are counted again."""
        since = cursor.since
        if is_deep:
            since = min(since, cursor.settled or since - _lag(stream))
        if is_counting and cursor.counted:
            since = min(since, cursor.counted)
        return since

    def _is_reread_due(self, stream: Stream, cursor: Cursor) -> bool:
        every = timedelta(hours=stream.rereads_after_h)
        is_old = cursor.whole_at is None or self.at - cursor.whole_at >= every
        return bool(every) and is_old and cursor.loading_since is None

    def _is_deep_due(self, stream: Stream, cursor: Cursor) -> bool:
        """An index may show an edit hours late: what lay behind the settled horizon is read again, not with every run."""
        if not stream.settles_after_h or cursor.settled is None:
            return bool(stream.settles_after_h)
        now = self._started or cursor.since
        return now - _lag(stream) - cursor.settled >= self._site.cadence.deep_every

    def _moved(self, stream: Stream, cursor: Cursor, newest: datetime | None, is_deep: bool) -> Cursor:
        """The next cursor. Whatever was edited after the reading began may be missing from what was listed, so neither horizon goes
        past that moment: by the vendor's clock where it tells one, and in any case the newest instant it gave, less the time we read.
        """
        seen_until = newest - timedelta(seconds=time.monotonic() - self._clock_began) if newest else None
        since = max(cursor.since, min(seen_until, self._started or seen_until)) if seen_until else cursor.since
        settled = (self._started or since) - _lag(stream) if is_deep or not stream.settles_after_h else cursor.settled
        return replace(cursor, since=since, settled=max(settled or EPOCH, cursor.settled or EPOCH))

    def _loaded(self, stream: Stream, cursor: Cursor) -> Cursor:
        """The cursor after a first load, by the same rule; its reading began with its first run."""
        newest = self._store.newest_update(self._site.name, stream.kind, cursor.scope)
        seen_until = newest - (datetime.now(UTC) - (cursor.loading_since or self._began)) if newest else None
        bounds = [item for item in (cursor.since if cursor.since > EPOCH else None, seen_until) if item]
        since = min(bounds, default=EPOCH)
        read_until = (cursor.since if cursor.since > EPOCH else self._started) or since
        settled, whole_at = (
            max(read_until - _lag(stream), cursor.settled or EPOCH),
            cursor.whole_at or cursor.loading_since,
        )
        return replace(cursor, since=since, settled=settled, whole_at=whole_at)

    def certify(self, stream: Stream) -> list[Certificate]:
        """A census of all scopes of the stream. A scope that it proves has been counted up to its fresh horizon."""
        settled = {cursor.scope: cursor.settled or EPOCH for cursor in self._cursors(stream)}
        made = certify_stream(self._site, stream, settled, self._store, self._map, self._report, self.at)
        proven = {item.scope for item in made if item.is_complete}
        for cursor in self._cursors(stream):
            counted = cursor.since if cursor.scope in proven else cursor.counted
            self._store.put_cursor(self._site.name, replace(cursor, counted=counted, is_gap=False))
        return made

    def _last_certificates(self, stream: Stream) -> list[Certificate]:
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


def _lag(stream: Stream) -> timedelta:
    return timedelta(hours=stream.settles_after_h)
