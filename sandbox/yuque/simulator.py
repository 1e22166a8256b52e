"""Yuque's OpenAPI v2 for one team token, and what people do to books and documents in the browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from sandbox.faults import PAGE_FAULTS, Faults
from sandbox.http import BadRequest, Request, Response, Router, html_response, json_response
from sandbox.yuque import pages, shapes
from sandbox.yuque.state import Book, Doc, Json, Node, State, User, Version, instant_text, normalised

TOKEN = "yuque-team-token-0c1d2e3f4a5b"
BASE, MOST, LARGEST = "/api/v2", 100, 5_000_000
_SLUG = re.compile(r"[A-Za-z0-9_.-]{2,128}")


class Refusal(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class YuqueSimulator:
    """One space in memory. ``me`` is who the token acts as; with ``ignores_markdown`` a document edited in the browser stays."""

    def __init__(self, name: str = "yuque", clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.name, self.clock, self.faults = name, clock, Faults()
        self.lock = threading.RLock()
        self.state = State()
        self.ignores_markdown = self.has_totals = False
        self.refuses_toc = False
        self.me = self.add_user("tieline", "Tieline")
        self._last_pages: dict[str, list[Doc]] = {}
        self._router = self._routes()

    # -- the simulator's own protocol

    def handle(self, request: Request) -> Response:
        with self.lock:
            if not request.path.startswith(BASE):
                found = pages.html(self.state, request.path) if request.method == "GET" else None
                return html_response(found) if found else html_response("<h1>页面不存在</h1>", 404)
            try:
                self._check_caller(request)
                return self._answer(request)
            except Refusal as refusal:
                return json_response({"status": refusal.status, "message": refusal.message}, refusal.status)
            except BadRequest:
                return json_response({"status": 400, "message": "Problems parsing JSON"}, 400)

    def _answer(self, request: Request) -> Response:
        found = self._router.find(request)
        if found is None:
            raise Refusal(404, "Not Found")
        handler, values = found
        return handler(request, **values)

    def _check_caller(self, request: Request) -> None:
        if not request.headers.get("user-agent"):
            raise Refusal(403, "User-Agent is required")
        if request.headers.get("x-auth-token") != TOKEN:
            raise Refusal(401, "Unauthorized")

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        return json_response({"status": 429, "message": "Too Many Requests"}, 429, {"retry-after": str(retry_after_s)})

    def unauthorized(self, request: Request) -> Response:
        return json_response({"status": 401, "message": "Unauthorized"}, 401)

    def server_error(self, request: Request) -> Response:
        return json_response({"status": 500, "message": "Internal Server Error"}, 500)

    def load(self, payload: Json) -> str:
        raise ValueError("this simulator takes no payloads")

    def pages(self) -> list[tuple[str, str]]:
        return pages.paths(self.state)

    # -- what people do

    def add_user(self, login: str, name: str) -> User:
        """Somebody of the team."""
        return self.state.users.setdefault(login, User(self.state.next_id(), login, name))

    def add_book(self, slug: str, name: str, owner: str = "team", public: int = 2) -> Book:
        """A book (知识库) of the team's, seen by the whole company."""
        book = Book(self.state.next_id(), slug, name, owner, public)
        self.state.books[book.id] = book
        return book

    def write(
        self, book: Book, title: str, body: str, by: User | None = None, slug: str = "", public: int | None = None
    ) -> Doc:
        """A new document, and its line in the table of contents."""
        doc = self._make(
            book, title, body, slug or self.state.random_text(16), "lake", by or self.add_user("zhao", "赵敏")
        )
        doc.public = book.public if public is None else public
        book.toc.append(Node(self.state.random_text(16), "DOC", title, doc.id))
        return doc

    def edit(
        self, doc: Doc, by: User | None = None, *, title: str = "", body: str | None = None, public: int | None = None
    ) -> None:
        """Somebody saves it in the browser: from then on it is a Lake document."""
        who = by or self.add_user("zhao", "赵敏")
        if body is not None:
            doc.format = "lake"
        if public is not None:
            doc.public, doc.updated_at = public, self.clock()
        if title or body is not None:
            self._publish(doc, title or doc.title, doc.body if body is None else normalised(body), who)

    def delete(self, doc: Doc) -> None:
        """Into the recycle bin; its slug is free again."""
        book = next(item for item in self.state.books.values() if doc.id in item.docs)
        doc.deleted_at, doc.deleted_slug, doc.slug = self.clock(), doc.slug, f"deleted-{doc.id}"
        doc.updated_at = doc.deleted_at
        book.toc = [node for node in book.toc if node.doc_id != doc.id]

    def restore(self, doc: Doc) -> None:
        """Out of the recycle bin."""
        book = next(item for item in self.state.books.values() if doc.id in item.docs)
        doc.deleted_at, doc.slug, doc.deleted_slug = None, doc.deleted_slug, ""
        doc.updated_at = self.clock()
        book.toc.append(Node(self.state.random_text(16), "DOC", doc.title, doc.id))

    def purge(self, doc: Doc) -> None:
        """For ever."""
        for book in self.state.books.values():
            if book.docs.pop(doc.id, None):
                book.toc = [node for node in book.toc if node.doc_id != doc.id]

    def move(self, doc: Doc, to: Book) -> None:
        """Into another book."""
        self.purge(doc)
        to.docs[doc.id] = doc
        to.toc.append(Node(self.state.random_text(16), "DOC", doc.title, doc.id))

    def _make(self, book: Book, title: str, body: str, slug: str, kind: str, by: User) -> Doc:
        now = self.clock()
        version = Version(self.state.next_id(), title, normalised(body), by, now)
        doc = Doc(self.state.next_id(), slug, title, kind, book.public, by, now, [version], now, now)
        book.docs[doc.id] = doc
        return doc

    def _publish(self, doc: Doc, title: str, body: str, by: User) -> None:
        now = self.clock()
        doc.title, doc.updated_at = title, now
        if body != doc.body:
            doc.content_updated_at = now
        doc.versions.append(Version(self.state.next_id(), title, body, by, now))
        for book in self.state.books.values():
            for node in book.toc:
                if node.doc_id == doc.id:
                    node.title = title

    # -- the API

    def _routes(self) -> Router:
        router = Router()
        add = cast("Callable[[str, str, Callable[..., Response]], None]", router.add)
        add("GET", f"{BASE}/hello", lambda _: _data({"message": f"Hello {self.me.name}"}))
        add("GET", f"{BASE}/user", lambda _: _data(self.me.shown()))
        add("GET", f"{BASE}/repos/docs/{{doc}}", self._read_anywhere)
        add("GET", f"{BASE}/doc_versions", self._versions)
        add("GET", f"{BASE}/doc_versions/{{version}}", self._version)
        for one in (f"{BASE}/repos/{{book}}", f"{BASE}/repos/{{owner}}/{{book}}"):
            add("GET", f"{one}/docs", self._list)
            add("POST", f"{one}/docs", self._create)
            add("GET", f"{one}/toc", self._toc)
            add("PUT", f"{one}/toc", self._change_toc)
            add("GET", f"{one}/docs/{{doc}}", self._read)
            add("PUT", f"{one}/docs/{{doc}}", self._update)
            add("DELETE", f"{one}/docs/{{doc}}", self._delete)
            add("GET", one, self._book_detail)
        return router

    def _book(self, key: str, owner: str = "") -> Book:
        for book in self.state.books.values():
            is_it = (book.owner, book.slug) == (owner, key) if owner else str(book.id) == key
            if is_it and book.is_visible:
                return book
        raise Refusal(404, "Not Found")

    def _doc(self, book: Book, key: str) -> Doc:
        if found := book.by_key(key):
            return found
        raise Refusal(404, "Not Found")

    def _book_detail(self, request: Request, book: str, owner: str = "") -> Response:
        return _data({**shapes.book(self._book(book, owner)), "toc_yml": ""})

    def _list(self, request: Request, book: str, owner: str = "") -> Response:
        found, wants_deleted = self._book(book, owner), request.get("deleted") == "true"
        docs = [doc for doc in found.docs.values() if (doc.deleted_at is not None) == wants_deleted]
        if since := request.get("changed_at_gte"):
            docs = [doc for doc in docs if instant_text(doc.updated_at) >= since]
        try:
            offset, limit = int(request.get("offset", "0")), min(MOST, int(request.get("limit", str(MOST))))
        except ValueError:
            raise Refusal(400, "Bad Request") from None
        page = self._served(request, docs[offset : offset + limit])
        extra = request.get("optional_properties").split(",")
        listed: Json = {"data": [shapes.doc(doc, found, extra) for doc in page]}
        return json_response({"meta": {"total": len(docs)}, **listed} if self.has_totals else listed)

    def _served(self, request: Request, page: list[Doc]) -> list[Doc]:
        fault = self.faults.take(request.method, request.path, PAGE_FAULTS)
        previous = self._last_pages.get(request.path, page)
        self._last_pages[request.path] = page
        match fault.kind if fault else None:
            case "short_page":
                return page[: max(1, len(page) // 2)]
            case "empty_page":
                return []
            case "repeated_page":
                return previous
            case "edited_between_pages" if page:
                self.edit(page[-1], body=page[-1].body + "\n\n改了一句")
        return page

    def _read(self, request: Request, book: str, doc: str, owner: str = "") -> Response:
        found = self._book(book, owner)
        return _data(shapes.detail(self._doc(found, doc), found))

    def _read_anywhere(self, request: Request, doc: str) -> Response:
        found = self.state.doc(doc)
        if found is None or not found[0].is_visible:
            raise Refusal(404, "Not Found")
        return _data(shapes.detail(found[1], found[0]))

    def _create(self, request: Request, book: str, owner: str = "") -> Response:
        found, body = self._book(book, owner), _object(request)
        slug = str(body.get("slug") or self.state.random_text(16))
        _check(body, is_new=True)
        if found.by_key(slug):
            raise Refusal(422, "路径 已存在")
        doc = self._make(
            found, str(body.get("title") or "无标题"), str(body["body"]), slug, body.get("format", "markdown"), self.me
        )
        doc.public = int(body.get("public", found.public))
        return _data(shapes.detail(doc, found))

    def _update(self, request: Request, book: str, doc: str, owner: str = "") -> Response:
        found, body = self._book(book, owner), _object(request)
        one = self._doc(found, doc)
        _check(body, is_new=False)
        if "public" in body:
            one.public = int(body["public"])
        new = normalised(str(body["body"])) if "body" in body else one.body
        if "body" in body and one.format == "lake" and self.ignores_markdown and not body.get("_force_asl"):
            new = one.body
        elif "body" in body:
            one.format, one.cards = body.get("format", "markdown"), ()
        if (new, body.get("title") or one.title) != (one.body, one.title):
            self._publish(one, str(body.get("title") or one.title), new, self.me)
        return _data(shapes.detail(one, found))

    def _delete(self, request: Request, book: str, doc: str, owner: str = "") -> Response:
        found = self._book(book, owner)
        one = self._doc(found, doc)
        shown = shapes.doc(one, found, ())
        self.delete(one)
        return _data(shown)

    def _versions(self, request: Request) -> Response:
        found = self.state.doc(request.get("doc_id"))
        if found is None:
            raise Refusal(404, "Not Found")
        return _data([shapes.version(found[1], item) for item in reversed(found[1].versions[-100:])])

    def _version(self, request: Request, version: str) -> Response:
        for book in self.state.books.values():
            for doc in book.current():
                for item in doc.versions:
                    if str(item.id) == version:
                        return _data(
                            {**shapes.version(doc, item), "body": item.body, "body_md": item.body, "format": doc.format}
                        )
        raise Refusal(404, "Not Found")

    def _toc(self, request: Request, book: str, owner: str = "") -> Response:
        return _data(shapes.toc(self._book(book, owner)))

    def _change_toc(self, request: Request, book: str, owner: str = "") -> Response:
        found, body = self._book(book, owner), _object(request)
        if self.refuses_toc:
            raise Refusal(403, "没有权限")
        if body.get("action_mode") not in ("sibling", "child"):
            raise Refusal(422, "action_mode is required")
        if body.get("action") == "appendNode" and not body.get("node_uuid"):
            target = str(body.get("target_uuid") or "")
            if target and target not in {node.uuid for node in found.toc}:
                raise Refusal(422, "target_uuid not found")
            for doc_id in body.get("doc_ids") or []:
                one = self._doc(found, str(doc_id))
                found.toc.append(Node(self.state.random_text(16), "DOC", one.title, one.id, target))
        elif body.get("action") == "removeNode":
            gone = str(body.get("node_uuid") or "")
            found.toc = [node for node in found.toc if node.uuid != gone]
        else:
            raise Refusal(422, "action is not supported here")
        return _data(shapes.toc(found))


def _data(data: Any) -> Response:
    return json_response({"data": data})


def _object(request: Request) -> Json:
    body = request.json()
    if not isinstance(body, dict):
        raise Refusal(400, "Bad Request")
    return body


def _check(body: Json, *, is_new: bool) -> None:
    if is_new and not isinstance(body.get("body"), str):
        raise Refusal(422, "body is required")
    if body.get("public", 0) not in (0, 1, 2) or body.get("format", "markdown") not in ("markdown", "html", "lake"):
        raise Refusal(422, "Validation Failed")
    if "slug" in body and not _SLUG.fullmatch(str(body["slug"])):
        raise Refusal(422, "路径 只能包含字母、数字、-、_ 和 .")
    if len(str(body.get("body") or "").encode()) > LARGEST:
        raise Refusal(422, "正文过长")
