"""In-memory ports with real rules: versions, marks, other people's edits, and answers that get lost on order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from sync.core.errors import CannotExpress, Conflict, LostAnswer, NotFound, Refused, Unreachable
from sync.core.ports import (
    Cursor,
    LinkEnd,
    Page,
    PageContent,
    Probe,
    Shard,
    SiteIdentity,
    Stream,
    Written,
)
from sync.core.replies import By, Reply
from sync.core.rich_text import Paragraph, RichText, Text
from sync.core.values import Account, LinkSide, RawRecord, Ref, Visibility
from sync.core.vocabulary import Vocabulary

LONGEST = 32_767
START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
US = Account("tieline", "Tieline")


@dataclass
class Comment:
    id: str
    mark: str
    body: RichText
    version: int = 1
    is_ours: bool = True
    kept: str = ""  # what its mark keeps: the digest of our last write
    author: Account = US
    at: datetime = START
    visibility: Visibility = "open"

    def edit(self) -> None:
        """Somebody writes something else."""
        self.version += 1
        self.body = (Paragraph((Text(f"手工改写 {self.version}"),)),)


def digest_of_text(body: RichText) -> str:
    """What a text says, in few characters."""
    return hashlib.sha256(msgspec.json.encode(body)).hexdigest()[:16]


def _reply_from(comment: Comment) -> Reply:
    said = (block.content for block in comment.body if isinstance(block, Paragraph))
    words = "\n".join("".join(part.text for part in line if isinstance(part, Text)) for line in said)
    kept = "\n".join(line for line in words.splitlines() if not line.startswith(">"))
    by: By = (
        "us"
        if comment.is_ours or comment.author.id == US.id
        else "other"
        if comment.author.id.startswith("robot")
        else "person"
    )
    return Reply(comment.id, comment.author, kept, comment.at, by, comment.visibility)


def _written_from(comment: Comment) -> Written:
    block = digest_of_text(comment.body)
    return Written(comment.id, str(comment.version), block=block, is_untouched=block == comment.kept)


@dataclass
class FakeTracker:
    """Comments and links per task. ``lose_next`` makes the next write commit and its answer vanish."""

    comments: dict[Ref, list[Comment]] = field(default_factory=dict)
    links: dict[Ref, dict[str, tuple[str, LinkSide]]] = field(default_factory=dict)
    gone: set[Ref] = field(default_factory=set)
    writes: int = 0
    lose_next: bool = False
    on_write: Callable[[], None] = lambda: None
    now: datetime = START
    reads: int = 0
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def say(self, task: Ref, words: str, who: str = "li-na", visibility: Visibility = "open") -> Comment:
        """Somebody writes below the task."""
        made = self._comment_of(task, "", (Paragraph((Text(words),)),))
        made.is_ours, made.author, made.visibility = False, Account(who, who), visibility
        return made

    def replies(self, task: Ref, since: datetime) -> Sequence[Reply]:
        self._expect(task)
        self.reads += 1
        return tuple(_reply_from(item) for item in self.comments.get(task, ()) if item.at >= since)

    def _comment_of(self, task: Ref, mark: str, body: RichText) -> Comment:
        self.now += timedelta(seconds=1)
        made = Comment(str(next(self._ids)), mark, body, kept=digest_of_text(body), at=self.now)
        self.comments.setdefault(task, []).append(made)
        return made

    def find_comment(self, task: Ref, mark: str) -> Written | None:
        found = next((item for item in self.comments.get(task, []) if item.mark == mark), None)
        return _written_from(found) if found else None

    def block_of_comment(self, body: RichText) -> str:
        return digest_of_text(body)

    def marks_on(self, task: Ref) -> Sequence[str]:
        return tuple(dict.fromkeys(item.mark for item in self.comments.get(task, []) if item.mark))

    def add_comment(self, task: Ref, mark: str, body: RichText) -> Written:
        self._expect(task)
        if len(str(body)) > LONGEST:
            raise CannotExpress
        return self._answer(_written_from(self._comment_of(task, mark, body)))

    def edit_comment(self, task: Ref, comment: Written, mark: str, body: RichText) -> Written:
        found = self._comment(task, comment)
        found.body, found.version, found.kept = body, found.version + 1, digest_of_text(body)
        return self._answer(_written_from(found))

    def remove_comment(self, task: Ref, comment: Written) -> None:
        if any(item.id == comment.id for item in self.comments.get(task, [])):
            self.comments[task].remove(self._comment(task, comment))
        self._answer(comment)

    def find_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written | None:
        for link_id, said in self.links.get(task, {}).items():
            if said == (other.ref, side):
                return Written(link_id, "1", is_ours=False)
        return None

    def add_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written:
        self._expect(task)
        link_id = str(next(self._ids))
        self.links.setdefault(task, {})[link_id] = (other.ref, side)
        return self._answer(Written(link_id, "1"))

    def remove_link(self, task: Ref, link: Written) -> None:
        if not link.is_ours:
            raise Refused("not ours")
        self.links.get(task, {}).pop(link.id, None)
        self._answer(link)

    def delete(self, task: Ref) -> None:
        """Somebody deletes the task with all that stands on it."""
        self.gone.add(task)
        self.comments.pop(task, None)
        self.links.pop(task, None)

    def _expect(self, task: Ref) -> None:
        if task in self.gone:
            raise NotFound

    def _comment(self, task: Ref, comment: Written) -> Comment:
        found = next((item for item in self.comments.get(task, []) if item.id == comment.id), None)
        if found is None:
            raise NotFound
        if str(found.version) != comment.version:
            raise Conflict(expected=comment.version, found=str(found.version))
        return found

    def _answer(self, written: Written) -> Written:
        self.writes += 1
        self.on_write()
        if self.lose_next:
            self.lose_next = False
            raise LostAnswer
        return written


@dataclass
class StoredPage:
    """``body`` is our block, ``outside`` what people wrote beside it, ``commented`` the words that carry an inline comment; ``kept``
    the digest of our last write, which the page's mark keeps.
    """

    page: Page
    body: RichText
    attachments: dict[str, bytes]
    outside: str = ""
    commented: str = ""
    uploads: dict[str, int] = field(default_factory=dict)
    kept: str = ""

    def edit(self, **changes: Any) -> None:
        """Save the page again, by whomever: a new version, and what our block says now."""
        self.body = changes.pop("body", self.body)
        block = digest_of_text(self.body) if changes.get("mark", self.page.mark) else ""
        version = str(int(self.page.version) + 1)
        is_untouched = bool(block) and block == self.kept
        self.page = replace(self.page, **{"version": version, "block": block, "is_untouched": is_untouched, **changes})


@dataclass
class FakeKnowledgeBase:
    """Pages by id. A title is taken once per space; a page without our mark is somebody else's."""

    connection: str = "kb"
    pages: dict[str, StoredPage] = field(default_factory=dict)
    writes: int = 0
    lose_next: bool = False
    puts_off_labels: bool = False
    _ids: Iterator[int] = field(default_factory=lambda: count(100))

    def find_page(self, space: str, mark: str, title: str) -> Page | None:
        return next((item.page for item in self._current() if item.page.mark == mark), None)

    def page_titled(self, space: str, title: str) -> Page | None:
        named = (item.page for item in self._current() if item.page.space == space)
        return next((page for page in named if page.title.casefold() == title.casefold()), None)

    def get_page(self, ref: Ref) -> Page:
        if ref.key not in self.pages:
            raise NotFound
        return self.pages[ref.key].page

    def create_page(self, mark: str, content: PageContent) -> Page:
        for item in self._current():
            if item.page.space == content.space and item.page.title.casefold() == content.title.casefold():
                raise Conflict(f"a page called {content.title!r} exists in {content.space}", "no page", item.page.url)
        key = str(next(self._ids))
        page = Page(
            ref=Ref.of(self.connection, "document", key),
            title=content.title,
            space=content.space,
            version="1",
            url=f"https://kb.example/{key}",
            parent=content.parent,
            labels=() if self.puts_off_labels else content.labels,
            mark=mark,
            block=digest_of_text(content.body),
            is_untouched=True,
        )
        self.pages[key] = StoredPage(page, content.body, {}, kept=page.block)
        self._attach(self.pages[key], content)
        return self._answer(page)

    def update_page(self, page: Page, mark: str, content: PageContent) -> Page:
        stored = self._expect(page)
        if stored.page.mark != mark:
            raise Refused("not ours")
        stored.kept = digest_of_text(content.body)
        parent = content.parent or stored.page.parent
        labels = stored.page.labels if self.puts_off_labels else content.labels
        stored.edit(body=content.body, title=content.title, parent=parent, labels=labels)
        self._attach(stored, content)
        return self._answer(stored.page)

    def block_of_page(self, content: PageContent) -> str:
        return digest_of_text(content.body)

    def remove_page(self, page: Page) -> None:
        stored = self._expect(page)
        if not stored.page.mark:
            raise Refused("not ours")
        stored.page = replace(stored.page, status="trashed")
        self._answer(page)

    def _attach(self, stored: StoredPage, content: PageContent) -> None:
        for name, data in content.attachments:
            if stored.attachments.get(name) != data:
                stored.attachments[name] = data
                stored.uploads[name] = stored.uploads.get(name, 0) + 1

    def _current(self) -> list[StoredPage]:
        return [item for item in self.pages.values() if item.page.status == "current"]

    def _expect(self, page: Page) -> StoredPage:
        if page.ref.key not in self.pages:
            raise NotFound
        stored = self.pages[page.ref.key]
        if stored.page.version != page.version:
            raise Conflict(expected=page.version, found=stored.page.version)
        return stored

    def _answer(self, page: Page) -> Page:
        self.writes += 1
        if self.puts_off_labels:
            self.puts_off_labels = False
            raise Unreachable("no connection for the labels, which come after the body")
        if self.lose_next:
            self.lose_next = False
            raise LostAnswer
        return page


@dataclass
class FakeSource:
    """Items of one scope with versions; a page holds two of them. Faithful to Source's promises, without a vendor."""

    connection: str = "fake"
    scope: str = "S"
    kind: str = "task"
    items: dict[str, tuple[int, datetime, bytes]] = field(default_factory=dict)
    gone: dict[str, Literal["moved", "archived", "deleted", "hidden"]] = field(default_factory=dict)
    hidden_from_listing: set[str] = field(default_factory=set)
    restricted: set[str] = field(default_factory=set)
    is_hidden: bool = False
    requests: int = 0
    now: datetime = START

    def put(self, key: str, payload: bytes) -> None:
        version = self.items[key][0] + 1 if key in self.items else 1
        self.now += timedelta(minutes=1)
        self.items[key] = (version, self.now, payload)

    def remove(self, key: str, why: Literal["moved", "archived", "deleted", "hidden"] = "deleted") -> None:
        del self.items[key]
        self.gone[key] = why

    def identify(self) -> SiteIdentity:
        return SiteIdentity("fake-site", Account("me", "Tieline"))

    def vocabulary(self) -> Vocabulary:
        return Vocabulary(scopes={} if self.is_hidden else {self.scope: self.scope})

    def probes(self) -> Iterator[Probe]:
        yield Probe(f"read {self.scope}", is_ok=not self.is_hidden, cure="give Tieline access")

    def streams(self) -> Sequence[Stream]:
        return (Stream("items", self.kind),)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        self._ask(scope)
        since = cursor.since - timedelta(minutes=10) if cursor else datetime.min.replace(tzinfo=UTC)
        wanted = [
            key
            for key, (_, updated_at, _) in sorted(self.items.items())
            if updated_at >= since and key not in self.hidden_from_listing
        ]
        yield from self.pick(stream, scope, wanted)

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        for start in range(0, len(shard.ids), 2):
            self._ask(shard.scope)
            yield [self._record(key) for key in shard.ids[start : start + 2] if key in self.items]

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        for start in range(0, len(ids), 4):
            yield Shard(stream, scope, tuple(ids[start : start + 4]))

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        self._ask(scope)
        yield sorted(self.items)

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        return "here" if item_id in self.items else self.gone.get(item_id, "deleted")

    def _ask(self, scope: str) -> None:
        self.requests += 1
        if self.is_hidden:
            raise NotFound(f"{scope} is not visible to this account")

    def _record(self, key: str) -> RawRecord:
        version, updated_at, payload = self.items[key]
        return RawRecord(
            ref=Ref.of(self.connection, self.kind, key),
            payload=payload,
            version=str(version),
            updated_at=updated_at,
            fetched_at=self.now,
            scope=self.scope,
            visibility="restricted" if key in self.restricted else "open",
        )


@dataclass
class FakeDirectory:
    """Accounts by name, two to a page."""

    names: list[str] = field(default_factory=list)

    def accounts(self) -> Iterator[Sequence[Account]]:
        for start in range(0, len(self.names), 2):
            yield [Account(f"id of {name}", name) for name in self.names[start : start + 2]]
