"""The in-memory fakes keep the promises of the ports they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from sync.core.errors import NotFound
from sync.core.ports import LinkEnd
from sync.core.rich_text import Paragraph, Text
from sync.core.values import LinkSide, RawRecord, Ref
from tests.conformance.directory_suite import DirectorySuite
from tests.conformance.knowledge_base_suite import KnowledgeBaseSuite
from tests.conformance.source_suite import SourceSuite, empty_database, store
from tests.conformance.subjects import Clock, text
from tests.conformance.tracker_suite import TrackerSuite
from tests.fakes import Comment, FakeDirectory, FakeKnowledgeBase, FakeSource, FakeTracker, StoredPage

__all__ = ["empty_database", "store"]
WHOLE = 1_000_000


class TestFakeSource(SourceSuite):
    @pytest.fixture
    def subject(self) -> Any:
        return FakeSourceSubject()


class FakeSourceSubject:
    name, scope, kind = "fake", "S", "task"

    def __init__(self) -> None:
        self.clock, self.numbers = Clock(), count(1)
        self.source = FakeSource(clock=self.clock)
        self.make("故事")

    def truth(self) -> Mapping[str, str]:
        return {key: payload.decode() for key, (_, _, payload) in self.source.items.items()}

    def title_of(self, record: RawRecord) -> str:
        return record.payload.decode()

    def make(self, title: str) -> str:
        key = f"{next(self.numbers):04}"
        self.source.put(key, title.encode())
        return key

    def edit(self, item_id: str, title: str) -> None:
        self.source.put(item_id, title.encode())

    def restrict(self, item_id: str) -> None:
        self.source.restricted.add(item_id)

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        words: tuple[Any, ...] = ("moved", "archived", "deleted", "hidden")
        return {word: partial(self.source.remove, why=word) for word in words}

    def hide_scope(self) -> None:
        self.source.is_hidden = True

    def delay_listings(self) -> None:
        self.source.index_lag_s = 3600

    def state(self) -> object:
        return dict(self.source.items)

    def request_count(self) -> int:
        return self.source.requests
