"""Feeds: what a vendor tells, when it is asked, of what happened since a token. Hints like those of webhooks, without a public address.

A feed proves nothing, and its failure stops nothing. What it names is read directly where no list brought it; a loss that it tells brings
the census forward; where it lost count itself, or told more than can be read singly, its scope is read whole and counted. A token moves
when all that was told with it was read, and its losses counted: whatever breaks off before that is told again. Of a scope that is to be
read whole it moves at once, as the cursor remembers that until it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from sync.core.errors import TielineError
from sync.core.hooks import Feed
from sync.core.ports import Stream
from sync.reading import Collected, Mapper, Site, homes_of, keep_shards
from sync.remote import redact
from sync.store.store import Store

log = structlog.get_logger()

REST_AFTER_WHOLE = timedelta(hours=1)
"""A feed that keeps losing count has its scope read whole no oftener than this."""
MOST_SINGLY = 100
"""Where more is left to read than this, the scope is read whole: its lists are cheaper than each item by itself."""


@dataclass(frozen=True)
class News:
    """What the feed of one scope told. ``token`` is for the cursor, once all of it was followed."""

    token: str = ""
    ids: tuple[str, ...] = ()
    is_gap: bool = False
    has_losses: bool = False


def ask_feed(site: Site, store: Store, stream: Stream, scope: str, at: datetime) -> News:
    """What happened in the scope since its cursor's token; before a first load only the token from which to ask when that has ended.

    Where the vendor cannot or may not tell, no news: the token stays, and the lists and the census are asked as ever.
    """
    cursor = store.cursor(site.name, stream.name, scope)
    kept = News(cursor.feed if cursor else "")
    if not isinstance(site.source, Feed) or (cursor is not None and cursor.is_loading):
        return kept
    try:
        told = site.source.told_since(stream.name, scope, kept.token)
    except TielineError as error:
        log.warning("feed_not_asked", connection=site.name, scope=scope, error=redact(str(error)))
        return kept
    if cursor is None or not kept.token:  # what was read so far was promised by no feed
        return News(told.token)
    if told.is_gap:
        is_early = cursor.whole_at is not None and at - cursor.whole_at < REST_AFTER_WHOLE
        return kept if cursor.is_gap or is_early else News(told.token, is_gap=True)
    return News(told.token, told.ids, has_losses=scope in homes_of(site, store, stream, told.gone).values())


def not_brought(site: Site, store: Store, stream: Stream, scope: str, ids: Sequence[str], since: datetime) -> list[str]:
    """Those of the told items that no list has brought since an instant of ours."""
    brought = store.ids_read_since(site.name, stream.kind, scope, since) if ids else set()
    return [item for item in dict.fromkeys(ids) if item not in brought]


def read_told(
    site: Site, store: Store, map_records: Mapper, report: Collected, stream: Stream, scope: str, ids: Sequence[str]
) -> bool:
    """Read these items, each by itself. One that is not stored is only read when it is to be collected, one that is stored in another
    scope is left to the feed of that. False when they could not be read to their end.
    """
    if not ids:
        return True
    try:
        shards = site.source.pick(stream.name, scope, _to_collect(site, store, stream, scope, ids))
        for _ in keep_shards(site, shards, store, map_records, report):
            pass
    except TielineError as error:
        log.warning("told_not_read", connection=site.name, scope=scope, error=redact(str(error)))
        return False
    return True


def _to_collect(site: Site, store: Store, stream: Stream, scope: str, ids: Sequence[str]) -> list[str]:
    homes = homes_of(site, store, stream, ids)
    return [
        item
        for item in ids
        if homes.get(item) == scope or (item not in homes and site.source.look_up(stream.name, item) == "here")
    ]
