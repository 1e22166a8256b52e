"""What a Yuque space holds: people, books, documents with their published versions, and each book's table of contents."""

from __future__ import annotations

import itertools
import random
import re
import string
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
_HEADING = re.compile(r"#{1,6} ")


@dataclass
class User:
    id: int
    login: str
    name: str

    def shown(self) -> Json:
        return {"id": self.id, "type": "User", "login": self.login, "name": self.name, "avatar_url": ""}


@dataclass
class Version:
    """A published version; the newest is what the document says."""

    id: int
    title: str
    body: str
    user: User
    at: datetime


@dataclass
class Doc:
    """``cards`` are things that only Yuque's own editor can say (boards, embedded files); ``draft`` is what somebody types right now."""

    id: int
    slug: str
    title: str
    format: str
    public: int
    creator: User
    created_at: datetime
    versions: list[Version]
    updated_at: datetime
    content_updated_at: datetime
    is_published: bool = True
    kind: str = "Doc"
    deleted_at: datetime | None = None
    deleted_slug: str = ""
    cards: tuple[str, ...] = ()
    comments: list[str] = field(default_factory=list)

    @property
    def latest(self) -> Version:
        return self.versions[-1]

    @property
    def body(self) -> str:
        return self.latest.body


@dataclass
class Node:
    """A line of a table of contents."""

    uuid: str
    type: str
    title: str
    doc_id: int = 0
    parent: str = ""


@dataclass
class Book:
    id: int
    slug: str
    name: str
    owner: str
    public: int = 2
    is_visible: bool = True
    docs: dict[int, Doc] = field(default_factory=dict)
    toc: list[Node] = field(default_factory=list)  # as shown, from top to bottom

    @property
    def namespace(self) -> str:
        return f"{self.owner}/{self.slug}"

    def current(self) -> Iterator[Doc]:
        """The documents that are not in the recycle bin, oldest first."""
        return (doc for doc in self.docs.values() if doc.deleted_at is None)

    def by_key(self, key: str) -> Doc | None:
        """The document with this id or slug."""
        return next((doc for doc in self.current() if key in (str(doc.id), doc.slug)), None)


class State:
    """Everything, with ids as Yuque gives them: numbers, and random slugs."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.books: dict[int, Book] = {}
        self._ids = itertools.count(41_000_001)
        self._chance = random.Random("yuque")

    def next_id(self) -> int:
        return next(self._ids)

    def random_text(self, length: int) -> str:
        return "".join(self._chance.choices(string.ascii_lowercase + string.digits, k=length))

    def doc(self, key: str) -> tuple[Book, Doc] | None:
        """A current document by its id, wherever it lies."""
        for book in self.books.values():
            if key.isdecimal() and (found := book.docs.get(int(key))) and found.deleted_at is None:
                return book, found
        return None


def normalised(markdown: str) -> str:
    """Markdown as Yuque gives it back: an anchor above each heading, one kind of line end, no blanks behind lines of text."""
    lines, fence = [], ""
    for line in markdown.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if mark and (not fence or (line.strip() == mark[1] and mark[1].startswith(fence))):
            fence = "" if fence else mark[1]
        elif not fence and _HEADING.match(line):
            lines.append(f'<a name="{zlib.crc32(line.encode()) % 0xFFFFF:05x}"></a>')
        lines.append(line)
    return "\n".join(lines).strip("\n")


def instant_text(at: datetime) -> str:
    """An instant as the API spells it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
