"""Yuque's requests, one function each. Books are asked for by the path or id that the admin wrote, and by their id from then on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from connectors.yuque.records import Head, head_from
from sync.core.decode import decoded
from sync.core.errors import Nonsense, NotFound
from sync.remote import Remote

PAGE = 100
MOST_REPEATS = 3


class Listing(Struct, frozen=True):
    """A page of a listing; ``meta.total`` is there on some hosts only."""

    data: list[msgspec.Raw]
    meta: dict[str, Any] | None = None

    @property
    def total(self) -> int | None:
        found = (self.meta or {}).get("total")
        return found if isinstance(found, int) and not isinstance(found, bool) else None


class One(Struct, frozen=True):
    """One thing of any kind."""

    data: msgspec.Raw


class Book(Struct, frozen=True):
    """A book (知识库)."""

    id: int
    name: str | None = None
    namespace: str | None = None
    public: int | None = None


class Node(Struct, frozen=True):
    """A line of a table of contents."""

    uuid: str
    type: str | None = None
    doc_id: int | str | None = None
    id: int | str | None = None
    parent_uuid: str | None = None
    title: str | None = None

    @property
    def doc(self) -> str:
        return str(self.doc_id or self.id or "")


class Version(Struct, frozen=True):
    """A published version as the history lists it."""

    id: int
    title: str | None = None


class PastDetail(Struct, frozen=True):
    """A published version with its text."""

    title: str | None = None
    body: str | None = None
    body_md: str | None = None

    @property
    def markdown(self) -> str | None:
        return self.body if self.body_md is None else self.body_md


class Detail(Struct, frozen=True):
    """A document with its text. ``body`` is its Markdown; of a document that is none (a sheet, a board) there is none."""

    id: int
    slug: str
    title: str
    book_id: int | None = None
    format: str | None = None
    body: str | None = None
    body_lake: str | None = None
    book: Book | None = None
    type: str | None = None
    public: int | None = None
    latest_version_id: int | None = None
    content_updated_at: str | None = None
    updated_at: str | None = None


class Site:
    """One space through one Remote."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self._books: dict[str, Book] = {}
        self._lock = threading.Lock()

    def _data(self, path: str) -> Any:
        return self.remote.send("GET", path).read(dict[str, Any]).get("data")

    def me(self) -> Mapping[str, Any]:
        """Who the token belongs to."""
        found = self._data("/user")
        if not isinstance(found, dict) or not found.get("id"):
            raise Nonsense(expected="a user with id", sample=found)
        return found

    def hello(self) -> str:
        """A word that only a good token is given."""
        found = self._data("/hello")
        return str(found.get("message") or "") if isinstance(found, dict) else ""

    def book(self, scope: str, *, is_fresh: bool = False) -> Book:
        """The book of this path (``team/handbook``) or id. Raises NotFound naming the scope."""
        with self._lock:
            known = self._books.get(scope)
        if known and not is_fresh:
            return known
        path = "/".join(quote(part, safe="") for part in scope.split("/"))
        try:
            reply = self.remote.send("GET", f"/repos/{path}").read(One)
        except NotFound as error:
            raise NotFound(f"book {scope}: {error}") from error
        found = decoded(reply.data, Book, f"the book {scope}")
        with self._lock:
            self._books[scope] = found
        return found

    def heads(
        self, scope: str, since: datetime | None = None, *, is_deleted: bool = False
    ) -> Iterator[list[tuple[Head, bytes]]]:
        """The book's documents, or those changed since, each once. A page that is short or empty is asked for once more where the listing
        does not tell how many there are: only then it is the end. Raises Nonsense when the listing repeats itself.
        """
        params: dict[str, Any] = {"limit": PAGE, "optional_properties": "latest_version_id"}
        if since:
            params["changed_at_gte"] = f"{since:%Y-%m-%dT%H:%M:%S}.000Z"
        if is_deleted:
            params["deleted"] = "true"
        path, offset, empty, repeats = f"/repos/{self.book(scope).id}/docs", 0, 0, 0
        seen: set[str] = set()
        while empty < 2:
            listing = self.remote.send("GET", path, params={**params, "offset": offset}).read(Listing)
            found = [(head_from(item), bytes(item)) for item in listing.data]
            fresh = [(head, item) for head, item in found if head.key not in seen]
            seen.update(head.key for head, _ in fresh)
            if fresh:
                yield fresh
            repeats = repeats + 1 if found and not fresh else 0
            if repeats > MOST_REPEATS:
                raise Nonsense(expected="the next page of a listing", found="the same one again and again")
            # What was given twice did not bring us on.
            offset += len(fresh) if fresh else 0 if found and repeats else len(found)
            empty = 0 if fresh else empty + 1
            if listing.total is not None and len(seen) >= listing.total:
                return
        if not seen and not since and not is_deleted and any(node.doc for node in self.toc(self.book(scope).id)):
            raise Nonsense(expected=f"the documents of {scope}", found="none, though its table of contents has some")

    def read(self, doc_id: str) -> bytes:
        """A document's own bytes, wherever it lies. Raises NotFound."""
        return bytes(self.remote.send("GET", f"/repos/docs/{quote(doc_id, safe='')}").read(One).data)

    def detail(self, doc_id: str) -> Detail:
        """The same, decoded."""
        return _detail(self.read(doc_id))

    def detail_by_slug(self, scope: str, slug: str) -> Detail:
        """The document of a book with this path. Raises NotFound."""
        reply = self.remote.send("GET", f"/repos/{self.book(scope).id}/docs/{quote(slug, safe='')}")
        return _detail(bytes(reply.read(One).data))

    def create(self, scope: str, slug: str, title: str, body: str) -> Detail:
        """A new document, as open as its book: ``public`` is left out."""
        sent = {"slug": slug, "title": title, "format": "markdown", "body": body}
        reply = self.remote.send("POST", f"/repos/{self.book(scope).id}/docs", json=sent)
        return _detail(bytes(reply.read(One).data))

    def update(self, book_id: int, doc_id: int, title: str, body: str, public: int | None) -> None:
        """Save a document. Its openness is sent as it is: the contract's default for a missing one would close it."""
        # Old servers take Markdown over a document that was edited in the browser only with ``_force_asl``.
        sent: dict[str, Any] = {"title": title, "format": "markdown", "body": body, "_force_asl": 1}
        if public is not None:
            sent["public"] = public
        self.remote.send("PUT", f"/repos/{book_id}/docs/{doc_id}", json=sent).read(One)

    def delete(self, book_id: int, doc_id: int) -> None:
        """Into the recycle bin. One already gone is no error."""
        try:
            self.remote.send("DELETE", f"/repos/{book_id}/docs/{doc_id}")
        except NotFound:
            return

    def versions(self, doc_id: int) -> list[Version]:
        """The published versions, newest first."""
        reply = self.remote.send("GET", "/doc_versions", params={"doc_id": doc_id}).read(Listing)
        return [decoded(item, Version, "a version") for item in reply.data]

    def version(self, version_id: int) -> PastDetail:
        """What a version was called and said, in Markdown. Raises Nonsense when the answer does not tell."""
        found = decoded(self.remote.send("GET", f"/doc_versions/{version_id}").read(One).data, PastDetail, "a version")
        if found.markdown is None:
            raise Nonsense(expected="a version with its body", found="none")
        return found

    def toc(self, book_id: int) -> list[Node]:
        """The book's table of contents from top to bottom."""
        reply = self.remote.send("GET", f"/repos/{book_id}/toc").read(Listing)
        return [decoded(item, Node, "a line of a table of contents") for item in reply.data]

    def add_to_toc(self, book_id: int, doc_id: int, parent: str) -> None:
        """A line at the end, below the line ``parent`` or at the top level."""
        sent = {"action": "appendNode", "action_mode": "child", "type": "DOC", "doc_ids": [doc_id]}
        self.remote.send("PUT", f"/repos/{book_id}/toc", json={**sent, **({"target_uuid": parent} if parent else {})})

    def remove_from_toc(self, book_id: int, uuid: str) -> None:
        """Take one line away; what stands below it stays."""
        sent = {"action": "removeNode", "action_mode": "sibling", "node_uuid": uuid}
        self.remote.send("PUT", f"/repos/{book_id}/toc", json=sent)


def _detail(item: bytes) -> Detail:
    return decoded(item, Detail, "a document")
