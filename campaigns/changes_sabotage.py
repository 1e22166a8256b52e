"""Ways of breaking the product on purpose: under each the campaign of changes must find divergences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import msgspec

from campaigns import changes_company
from connectors.confluence import cloud, data_center
from connectors.jira import bodies, paging, records
from connectors.jira import source as jira_source
from sync import app, census, collect
from sync.core.certificate import Certificate
from sync.core.errors import NotFound
from sync.core.values import Ref


@contextmanager
def drop_overlap() -> Iterator[None]:
    """The next read begins exactly where the last one ended, and nothing is ever read deeper."""
    whole = app.Connections.settings

    def settings(self: Any, name: str) -> Any:
        found = whole(self, name)
        return msgspec.structs.replace(found, options={**found.options, "overlap_minutes": 0})

    with mock.patch.object(app.Connections, "settings", settings):
        yield


@contextmanager
def cursor_early() -> Iterator[None]:
    """The cursor is moved before anything was read, and stays moved when the reading fails."""

    def early(read: Any, self: Any, stream: Any, cursor: Any, *rest: Any, **more: Any) -> None:
        try:
            read(self, stream, cursor, *rest, **more)
        except BaseException:
            if self._started:
                moved = {"since": self._started, "settled": self._started, "is_loading": False, "loading_since": None}
                self._store.put_cursor(self._site.name, msgspec.structs.replace(cursor, **moved))
            raise

    with _around_reading(early):
        yield


@contextmanager
def _around_reading(around: Callable[..., None]) -> Iterator[None]:
    """Both ways of reading a scope, what changed and everything, are gone through by a function that is given them."""

    def surrounded(read: Any) -> Callable[..., None]:
        return lambda *about, **more: around(read, *about, **more)

    reading = collect._Reading
    with (
        mock.patch.object(reading, "changed", surrounded(reading.changed)),
        mock.patch.object(reading, "whole", surrounded(reading.whole)),
    ):
        yield


@contextmanager
def wall_clock_bound() -> Iterator[None]:
    """Every question about changes ends now: by this machine's clock, written in UTC, read in the account's zone."""
    whole = bodies.jql

    def jql(scope: str, since: datetime | None, overlap: timedelta) -> str:
        query = whole(scope, since, overlap)
        if since is None:
            return query
        until = changes_company.CLOCKS[-1]().astimezone(UTC).strftime("%Y-%m-%d %H:%M")
        return query.replace(" ORDER BY", f' AND updated <= "{until}" ORDER BY')

    with mock.patch.object(jira_source, "jql", jql):
        yield


@contextmanager
def zone_literal() -> Iterator[None]:
    """Since when is asked in a literal of UTC, which Jira reads in the account's zone."""
    whole = bodies.jql

    def jql(scope: str, since: datetime | None, overlap: timedelta) -> str:
        query = whole(scope, since, overlap)
        if since is None:
            return query
        literal = (since - overlap).astimezone(UTC).strftime("%Y-%m-%d %H:%M")
        head, _, rest = query.partition(" AND updated >= ")
        return f'{head} AND updated >= "{literal}" {rest.partition(" ")[2]}'

    with mock.patch.object(jira_source, "jql", jql):
        yield


@contextmanager
def short_page_is_last() -> Iterator[None]:
    """A page that is not full is taken for the last one."""

    def cloud_ids(site: Any, query: str, page_size: int) -> Iterator[list[str]]:
        ids = next(iter(paging.cloud_ids(site, query, page_size)), [])
        yield ids

    def offset_issues(ask: Any, start: int, size: int, is_open_ended: bool) -> Iterator[list[Any]]:
        position = start
        while True:
            page = ask(position, size)
            yield paging.issues_of(page.issues)
            position += len(page.issues)
            if len(page.issues) < size or not (is_open_ended or position < start + size):
                return

    def walk(ask: Any) -> Iterator[list[bytes]]:
        position: str | None = ""
        most = 0
        while position is not None:
            items, position = ask(position)
            yield items
            if len(items) < most or not items:
                return
            most = max(most, len(items))

    with ExitStack() as stack:
        for module, name, broken in (
            (jira_source, "cloud_ids", cloud_ids),
            (jira_source, "offset_issues", offset_issues),
            (cloud, "walk", walk),
            (data_center, "walk", walk),
        ):
            stack.enter_context(mock.patch.object(module, name, broken))
        yield


@contextmanager
def no_census() -> Iterator[None]:
    """Nobody counts: what was stored is what is there."""

    def certify_stream(
        site: Any, stream: Any, settled: Any, store: Any, _: Any, __: Any, at: datetime
    ) -> list[Certificate]:
        made = []
        for scope in site.scopes:
            count = len(store.ids_in_scope(site.name, stream.kind, scope))
            made.append(
                Certificate(site.name, scope, stream.name, count, count, {}, 0, True, "", at, settled.get(scope))
            )
            store.put_certificate(made[-1])
        return made

    with mock.patch.object(collect, "certify_stream", certify_stream):
        yield


@contextmanager
def tombstone_on_access_lost() -> Iterator[None]:
    """A place that shows nothing any more is taken for empty, and whatever stood there for deleted."""

    def listed(site: Any, stream: Any, scope: str) -> set[str]:
        try:
            return {key for page in site.source.census(stream.name, scope) for key in page}
        except NotFound:
            return set()

    def blind(read: Any, *about: Any, **more: Any) -> None:
        with suppress(NotFound):
            read(*about, **more)

    def explain(site: Any, stream: Any, _scope: str, count: Any, store: Any, *__: Any) -> None:
        gone = [Ref.of(site.name, stream.kind, key) for key in sorted(count.here - count.there)]
        store.mark_gone(gone, "deleted", datetime.now(UTC))

    with (
        mock.patch.object(census, "_listed", listed),
        mock.patch.object(census, "_explain", explain),
        _around_reading(blind),
    ):
        yield


@contextmanager
def key_as_identity() -> Iterator[None]:
    """Issues are known by their keys, which change when they move."""
    whole = records.raw_from_issue

    def raw_from_issue(light: Any, payload: Any, connection: str, *rest: Any) -> Any:
        return msgspec.structs.replace(
            whole(light, payload, connection, *rest), ref=Ref.of(connection, "task", light.key)
        )

    with mock.patch.object(jira_source, "raw_from_issue", raw_from_issue):
        yield


@contextmanager
def no_deep_read() -> Iterator[None]:
    """The index of a vendor is believed to be never late."""
    whole = app.Connections.settings

    def settings(self: Any, name: str) -> Any:
        found = whole(self, name)
        return msgspec.structs.replace(found, options={**found.options, "settle_hours": 0})

    with mock.patch.object(app.Connections, "settings", settings):
        yield


@contextmanager
def stale_wins() -> Iterator[None]:
    """What is already there is never replaced: the first sighting of an item stands."""
    from sync.store.store import Store

    whole = Store.save_raw

    def save_raw(self: Any, records: Sequence[Any]) -> Any:
        known = self.raw_versions([record.ref for record in records])
        return whole(self, [record for record in records if record.ref not in known])

    with mock.patch.object(Store, "save_raw", save_raw):
        yield


SABOTAGES: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    sabotage.__name__: sabotage
    for sabotage in (
        drop_overlap, cursor_early, wall_clock_bound, zone_literal, short_page_is_last, no_census, tombstone_on_access_lost,
        key_as_identity, no_deep_read, stale_wins,
    )
}  # fmt: skip
