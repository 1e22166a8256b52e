"""The in-memory fakes keep the promises of the ports they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any

import pytest

from sync.core.ports import LinkEnd, Page
from sync.core.rich_text import Paragraph
from sync.core.values import LinkSide, RawRecord, Ref
from tests.conformance.directory_suite import DirectorySuite
from tests.conformance.knowledge_base_suite import KnowledgeBaseSuite
from tests.conformance.replies_suite import RepliesSuite
from tests.conformance.source_suite import SourceSuite, empty_database, store
from tests.conformance.subjects import text
from tests.conformance.tracker_suite import TrackerSuite
from tests.fakes import FakeDirectory, FakeKnowledgeBase, FakeSource, FakeTracker, StoredPage

__all__ = ["empty_database", "store"]


HOME = "1"


class FakeSourceSubject:
    name, scope, kind = "fake", "S", "task"

    def __init__(self) -> None:
        self.source = self.clock = FakeSource()
        self.numbers, self.is_lagging = count(1), False
        self.make("故事")

    def truth(self) -> Mapping[str, str]:
        return {key: payload.decode() for key, (_, _, payload) in self.source.items.items()}

    def title_of(self, record: RawRecord) -> str:
        return record.payload.decode()

    def make(self, title: str) -> str:
        key = f"{next(self.numbers):04}"
        self.edit(key, title)
        return key

    def edit(self, item_id: str, title: str) -> None:
        self.source.put(item_id, title.encode())
        if self.is_lagging:
            self.source.hidden_from_listing.add(item_id)

    def restrict(self, item_id: str) -> None:
        self.source.restricted.add(item_id)

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        words: tuple[Any, ...] = ("moved", "archived", "deleted", "hidden")
        return {word: partial(self.source.remove, why=word) for word in words}

    def hide_scope(self) -> None:
        self.source.is_hidden = True

    def delay_listings(self) -> None:
        self.is_lagging = True

    def state(self) -> object:
        return dict(self.source.items)

    def request_count(self) -> int:
        return self.source.requests


class FakeTrackerSubject:
    task = Ref("fake:task:1")
    other = LinkEnd(Ref("jira-main:task:1"), "PAY-1", "支付接口开发", "https://company.example/browse/PAY-1")

    def __init__(self) -> None:
        self.tracker = self.replies = FakeTracker()

    def comments(self) -> list[str]:
        return [each.id for each in self.tracker.comments.get(self.task, []) if each.is_ours]

    def links(self) -> int:
        return len(self.tracker.links.get(self.task, {}))

    def rest(self) -> None:
        """Nothing is budgeted in memory."""

    def account_ids(self) -> list[str]:
        return ["li-na"]

    def edit_comment(self, comment_id: str) -> None:
        next(each for each in self.tracker.comments[self.task] if each.id == comment_id).edit()

    def delete_comment(self, comment_id: str) -> None:
        self.tracker.comments[self.task] = [each for each in self.tracker.comments[self.task] if each.id != comment_id]

    def comment_by_hand(self, words: str) -> None:
        self.tracker.say(self.task, words)

    def wait(self) -> None:
        """Each comment is a second later."""

    def comment_as_us(self, text: str) -> None:
        self.tracker.say(self.task, text, "tieline")

    def quote_by_hand(self, quoted: str, words: str) -> None:
        self.comment_by_hand(f"> {quoted}\n{words}")

    def link_by_hand(self, side: LinkSide) -> None:
        self.tracker.links.setdefault(self.task, {})["by hand"] = (self.other.ref, side)

    def delete_task(self) -> None:
        self.tracker.delete(self.task)

    def delay_listings(self) -> None:
        """Nothing lags in memory."""


class FakeKnowledgeBaseSubject:
    space = "S"
    takes_files = takes_labels = True

    def __init__(self) -> None:
        self.base, self.numbers = FakeKnowledgeBase(), count(2)

    def titles(self) -> Mapping[str, str]:
        return {key: each.page.title for key, each in self.base.pages.items() if each.page.status == "current"}

    def text(self, page_id: str) -> str:
        stored = self.base.pages[page_id]
        words = (part.text for block in stored.body if isinstance(block, Paragraph) for part in block.content)  # type: ignore[union-attr]
        return "\n".join((*words, stored.outside))

    def home(self) -> str:
        return HOME

    def files(self, page_id: str) -> Mapping[str, int]:
        return self.base.pages[page_id].uploads

    def labels(self, page_id: str) -> set[str]:
        return set(self.base.pages[page_id].page.labels)

    def write(self, title: str, words: str) -> str:
        key = f"by-hand-{next(self.numbers)}"
        page = Page(Ref.of("kb", "document", key), title, self.space, "1", f"https://kb.example/{key}")
        self.base.pages[key] = StoredPage(page, (), {}, outside=words)
        return key

    def write_below(self, page_id: str, words: str) -> None:
        self.base.pages[page_id].outside += words
        self.base.pages[page_id].edit()

    def write_inside(self, page_id: str, words: str) -> None:
        self.base.pages[page_id].edit(body=(*self.base.pages[page_id].body, *text(words)))

    def rename(self, page_id: str, title: str) -> None:
        self.base.pages[page_id].edit(title=title)

    def comment_inline(self, page_id: str, selection: str) -> None:
        self.base.pages[page_id].commented = selection

    def has_inline_comment(self, page_id: str) -> bool:
        return self.base.pages[page_id].commented in self.text(page_id)

    def restore(self, page_id: str) -> None:
        self.base.pages[page_id].edit(status="current")

    def purge(self, page_id: str) -> None:
        del self.base.pages[page_id]

    def delay_listings(self) -> None:
        """Nothing lags in memory."""


class FakeDirectorySubject:
    def __init__(self) -> None:
        self.directory = FakeDirectory(["张伟", "李娜", "王芳"])

    def people(self) -> set[str]:
        return set(self.directory.names)

    def join(self, name: str) -> None:
        self.directory.names.append(name)


class TestFakeSource(SourceSuite):
    @pytest.fixture
    def subject(self) -> FakeSourceSubject:
        return FakeSourceSubject()


class TestFakeTracker(TrackerSuite):
    @pytest.fixture
    def subject(self) -> FakeTrackerSubject:
        return FakeTrackerSubject()


class TestFakeReplies(RepliesSuite):
    @pytest.fixture
    def subject(self) -> FakeTrackerSubject:
        return FakeTrackerSubject()


class TestFakeKnowledgeBase(KnowledgeBaseSuite):
    @pytest.fixture
    def subject(self) -> FakeKnowledgeBaseSubject:
        return FakeKnowledgeBaseSubject()


class TestFakeDirectory(DirectorySuite):
    @pytest.fixture
    def subject(self) -> FakeDirectorySubject:
        return FakeDirectorySubject()
