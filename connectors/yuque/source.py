"""The Source port: documents of the admin's books as raw records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from connectors.yuque.doctor import probes_of
from connectors.yuque.records import DOCUMENT, head_from, raw_from_item
from connectors.yuque.site import Site
from sync.core.errors import NotFound, Refused
from sync.core.ports import ConnectionSettings, Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.values import Account, RawRecord
from sync.core.vocabulary import Vocabulary

DOCS = "docs"
PICKED = 25  # documents read one by one in a shard


class DocSource:
    """Reads documents. Listings have no text, so each is read by itself."""

    def __init__(self, site: Site, settings: ConnectionSettings) -> None:
        self.site = site
        self.settings = settings
        options = settings.options
        self._overlap = timedelta(minutes=float(options.get("overlap_minutes", 10)))
        self._has_body = bool(options.get("bodies", True))
        self._reread_hours = float(options.get("reread_hours", 24))
        self._open_books = frozenset(map(str, options.get("open_books", ())))

    def identify(self) -> SiteIdentity:
        """Which space, and who the token belongs to. Yuque tells neither a time zone nor its clock."""
        me = self.site.me()
        address = urlsplit(self.settings.base_url)
        account = Account(str(me["id"]), str(me.get("name") or ""), None, str(me.get("login") or "") or None)
        return SiteIdentity(f"yuque:{address.netloc.lower()}", account, self.settings.zone)

    def vocabulary(self) -> Vocabulary:
        """The books that are collected, with their names. Raises NotFound for one that this token may not see."""
        return Vocabulary(
            scopes={scope: self.site.book(scope, is_fresh=True).name or scope for scope in self.settings.scopes}
        )

    def probes(self) -> Iterator[Probe]:
        """Try each operation this connection needs, without changing anything."""
        return probes_of(self.site, self.settings)

    def streams(self) -> Sequence[Stream]:
        """One: the documents. Openness and tags may change no date, so all are read again once a day."""
        return (Stream(DOCS, DOCUMENT, rereads_after_h=self._reread_hours),)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """A shard for every few documents of the book, or of those changed since the cursor, as the listing comes in."""
        _check_stream(stream)
        self.site.book(scope, is_fresh=True)
        for found in self.site.heads(scope, cursor.since - self._overlap if cursor else None):
            yield from self.pick(stream, scope, [head.key for head, _ in found])

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """Shards that read exactly these documents by id."""
        _check_stream(stream)
        for start in range(0, len(ids), PICKED):
            yield Shard(stream, scope, ids=tuple(ids[start : start + PICKED]))

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The documents of a shard. One that is gone or hidden is left out; the census will tell."""
        _check_stream(shard.stream)
        book, fetched_at = self.site.book(shard.scope), datetime.now(UTC)
        is_open, field_set = shard.scope in self._open_books, "body" if self._has_body else ""
        records = []
        for doc_id in shard.ids:
            try:
                item = self.site.read(doc_id)
            except NotFound:
                continue
            head = head_from(item)
            # One that was moved is read by whoever asks for it by id; where it lies now is for the census.
            if head.book_id is None or str(head.book_id) == str(book.id) or self._is_asked_for(head.book_id):
                records.append(
                    raw_from_item(item, head, self.settings.name, shard.scope, fetched_at, is_open, field_set)
                )
        yield records

    def _is_asked_for(self, book_id: object) -> bool:
        return not any(str(self.site.book(scope).id) == str(book_id) for scope in self.settings.scopes)

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """The ids of the book's documents, drafts among them."""
        _check_stream(stream)
        self.site.book(scope, is_fresh=True)
        for found in self.site.heads(scope):
            yield [head.key for head, _ in found]

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """Why a document is missing, by a direct read; one in the recycle bin of its book is deleted, one that is nowhere hidden."""
        _check_stream(stream)
        scopes = self.settings.scopes
        try:
            head = head_from(self.site.read(item_id))
        except NotFound:
            is_in_bin = any(
                head.key == item_id
                for scope in scopes
                for page in self.site.heads(scope, is_deleted=True)
                for head, _ in page
            )
            return "deleted" if is_in_bin else "hidden"
        ids = {str(self.site.book(scope).id) for scope in scopes}
        return "here" if not ids or head.book_id is None or str(head.book_id) in ids else "moved"


def _check_stream(stream: str) -> None:
    if stream != DOCS:
        raise Refused(f"Yuque has no stream {stream!r}, only {DOCS!r}")
