"""Yuque keeps the promises of its ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from connectors.yuque import CONNECTOR, blocks
from sandbox.yuque import TOKEN, YuqueSimulator
from sandbox.yuque.state import Doc
from sync.core.ports import ConnectionSettings
from sync.core.values import RawRecord
from tests.conformance.knowledge_base_suite import KnowledgeBaseFaults, KnowledgeBaseSuite
from tests.conformance.source_faults import SourceFaults, empty_database, store
from tests.conformance.source_suite import SourceSuite
from tests.conformance.subjects import Clock, KnowledgeBaseSubject, Wire, hurry, served

__all__ = ["empty_database", "store"]


class YuqueSubject:
    """A space with a handbook and one more book that is not collected."""

    name, kind, scope = "yuque-main", "document", "team/handbook"
    space = scope
    takes_files = takes_labels = False

    def __init__(self, simulator: YuqueSimulator, wire: Wire, clock: Clock) -> None:
        self.simulator, self.wire, self.clock = simulator, wire, clock
        self.book = simulator.add_book("handbook", "运营手册")
        self.elsewhere = simulator.add_book("elsewhere", "别处")
        self.opened: list[Any] = []
        self.source = self.base = self.connect()
        self.index = self.simulator.write(self.book, "首页", "目录").id

    def connect(self, token: str = "") -> Any:
        self.settings = ConnectionSettings(
            self.name, "yuque", self.wire.url, "cloud", installation="demo", scopes=(self.scope,),
            credentials={"token": token or TOKEN}, requests_per_second=5000,
        )  # fmt: skip
        self.opened.append(hurry(CONNECTOR.connect(self.settings)))
        return self.opened[-1]

    def _doc(self, doc_id: str) -> Doc:
        return next(book.docs[int(doc_id)] for book in self.simulator.state.books.values() if int(doc_id) in book.docs)

    def titles(self) -> Mapping[str, str]:
        return {str(doc.id): doc.title for doc in self.book.current()}

    truth = titles

    def title_of(self, record: RawRecord) -> str:
        return CONNECTOR.record_from_raw(record, self.settings).title

    def make(self, title: str) -> str:
        return str(self.simulator.write(self.book, title, f"{title}的正文").id)

    def edit(self, item_id: str, title: str) -> None:
        self.simulator.edit(self._doc(item_id), title=title)

    def restrict(self, item_id: str) -> None:
        self.simulator.edit(self._doc(item_id), public=0)

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        return {
            "deleted": lambda item: self.simulator.delete(self._doc(item)),
            "hidden": lambda item: self.simulator.purge(self._doc(item)),
            "moved": lambda item: self.simulator.move(self._doc(item), self.elsewhere),
        }

    def hide_scope(self) -> None:
        self.book.is_visible = False

    def delay_listings(self) -> None:
        """Yuque's lists are read from where they are written."""

    def state(self) -> object:
        return [(doc.id, doc.title, len(doc.versions), doc.deleted_at) for doc in self.book.docs.values()]

    def request_count(self) -> int:
        return int(self.source.remote.request_count)

    def text(self, page_id: str) -> str:
        return self._doc(page_id).body

    def home(self) -> str:
        return ""

    def files(self, page_id: str) -> Mapping[str, int]:
        return {}

    def labels(self, page_id: str) -> set[str]:
        return set()

    def write(self, title: str, text: str) -> str:
        return str(self.simulator.write(self.book, title, text).id)

    def write_below(self, page_id: str, text: str) -> None:
        self.simulator.edit(self._doc(page_id), body=f"{self.text(page_id)}\n\n{text}")

    def write_inside(self, page_id: str, text: str) -> None:
        frame, body = "以上由 Tieline", self.text(page_id)
        assert frame in body
        self.simulator.edit(self._doc(page_id), body=body.replace(frame, f"{text}\n\n{frame}"))

    def rename(self, page_id: str, title: str) -> None:
        self.simulator.edit(self._doc(page_id), title=title)

    def comment_inline(self, page_id: str, selection: str) -> None:
        self._doc(page_id).comments.append(selection)

    def has_inline_comment(self, page_id: str) -> bool:
        return any(words in self.text(page_id) for words in self._doc(page_id).comments)

    def restore(self, page_id: str) -> None:
        self.simulator.restore(self._doc(page_id))

    def purge(self, page_id: str) -> None:
        self.simulator.purge(self._doc(page_id))


@pytest.fixture
def subject() -> Iterator[YuqueSubject]:
    clock = Clock()
    simulator = YuqueSimulator("yuque", clock)
    made = YuqueSubject(simulator, served(simulator), clock)
    yield made
    for connection in made.opened:
        connection.close()


class TestYuqueAsSource(SourceSuite):
    pass


class TestYuqueUnderFaults(SourceFaults):
    pass


class TestYuqueAsKnowledgeBase(KnowledgeBaseSuite):
    pass


class TestYuqueKnowledgeBaseUnderFaults(KnowledgeBaseFaults):
    pass


def test_the_language_of_the_frame_is_the_connections(subject: KnowledgeBaseSubject) -> None:
    assert set(blocks._FIRST) == set(blocks._LAST) == set(blocks._PICTURE) == {"zh-CN", "en"}
