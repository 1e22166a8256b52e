"""Confluence, Cloud and Data Center, keeps the promises of its ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import pytest

from connectors.confluence import CONNECTOR
from sandbox.confluence import Confluence, access
from sandbox.confluence.seed import seed
from sandbox.story import story
from sync.core.ports import ConnectionSettings
from sync.core.values import RawRecord
from tests.conformance.knowledge_base_suite import KnowledgeBaseFaults, KnowledgeBaseSuite
from tests.conformance.source_faults import SourceFaults, empty_database, store
from tests.conformance.source_suite import SourceSuite
from tests.conformance.subjects import Clock, Wire, hurry, served

__all__ = ["empty_database", "store"]


class ConfluenceSubject:
    """A site with the story and one more space that is not collected."""

    name, kind = "wiki", "document"
    takes_files = takes_labels = True

    def __init__(self, simulator: Confluence, wire: Wire, clock: Clock) -> None:
        self.simulator, self.wire, self.clock, self.site = simulator, wire, clock, simulator.site
        self.is_cloud = simulator.variant == "cloud"
        self.scope = self.space = "TEAM" if self.is_cloud else "OPS"
        self.elsewhere = self.site.add_space("ELSE", "别处", simulator.tieline_id()).key
        self.opened: list[Any] = []
        self.source = self.base = self.connect()

    def connect(self, token: str = "") -> Any:
        mail = {"email": access.EMAIL} if self.is_cloud else {}
        known = access.CLASSIC_TOKEN if self.is_cloud else access.PAT
        self.settings = ConnectionSettings(
            self.name, "confluence", self.wire.url + ("" if self.is_cloud else "/confluence"), variant=self.simulator.variant,
            installation="demo", scopes=(self.scope,), credentials={**mail, "token": token or known}, requests_per_second=5000,
        )  # fmt: skip
        self.opened.append(hurry(CONNECTOR.connect(self.settings)))
        return self.opened[-1]

    def titles(self) -> Mapping[str, str]:
        space = self.site.space_by_key(self.space)
        mine = [page for page in self.site.pages.values() if space and page.space_id == space.id]
        return {page.id: page.title for page in mine if page.status == "current" and page.kind == "page"}

    truth = titles

    def title_of(self, record: RawRecord) -> str:
        return CONNECTOR.record_from_raw(record, self.settings).title

    def make(self, title: str) -> str:
        return self.simulator.create_page(self.space, title, f"<p>{title}</p>").id

    def edit(self, item_id: str, title: str) -> None:
        self.simulator.edit_page(item_id, title=title)

    def restrict(self, item_id: str) -> None:
        self.simulator.restrict(item_id, readers=(self.simulator.tieline_id(),))

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        return {"deleted": self.simulator.trash, "hidden": self.simulator.purge, "archived": self.simulator.archive}

    def hide_scope(self) -> None:
        self.simulator.hide_space(self.scope)

    def delay_listings(self) -> None:
        self.simulator.index_lag_s = 3600

    def state(self) -> object:
        return {page.id: (page.status, len(page.versions), str(page)) for page in self.site.pages.values()}

    def request_count(self) -> int:
        return int(self.source.remote.request_count)

    def text(self, page_id: str) -> str:
        return self.site.pages[page_id].latest.storage

    def home(self) -> str:
        space = self.site.space_by_key(self.space)
        return space.homepage_id if space else ""

    def files(self, page_id: str) -> Mapping[str, int]:
        return {
            name: len(self.site.attachments[key].versions) for name, key in self.site.pages[page_id].attachments.items()
        }

    def labels(self, page_id: str) -> set[str]:
        return {name.partition(":")[2] for name in self.site.pages[page_id].labels}

    def write(self, title: str, text: str) -> str:
        storage = text if text.startswith("<") else f"<p>{text}</p>"
        return self.simulator.create_page(self.space, title, storage, by="zhao.min").id

    def write_below(self, page_id: str, text: str) -> None:
        self.simulator.edit_page(page_id, storage=f"{self.text(page_id)}<p>{text}</p>", by="zhao.min")

    def write_inside(self, page_id: str, text: str) -> None:
        # Our block is what lies between the paragraphs of its two anchors.
        start, frame, rest = self.text(page_id).partition("</ac:structured-macro></p>")
        self.simulator.edit_page(page_id, storage=f"{start}{frame}<p>{text}</p>{rest}", by="zhao.min")

    def rename(self, page_id: str, title: str) -> None:
        self.simulator.edit_page(page_id, title=title, by="zhao.min")

    def comment_inline(self, page_id: str, selection: str) -> None:
        self.simulator.comment_inline(page_id, selection, "<p>？</p>", by="zhao.min")

    def has_inline_comment(self, page_id: str) -> bool:
        comments = [self.site.comments[key] for key in self.site.pages[page_id].comments]
        return [each.resolution for each in comments if each.kind == "inline"] == ["open"]

    def restore(self, page_id: str) -> None:
        self.simulator.restore(page_id)

    def purge(self, page_id: str) -> None:
        self.simulator.purge(page_id)


@pytest.fixture(params=["cloud", "dc"])
def subject(request: pytest.FixtureRequest) -> Iterator[ConfluenceSubject]:
    clock, context = Clock(), "" if request.param == "cloud" else "/confluence"
    simulator = Confluence(f"confluence-{request.param}", clock, variant=request.param, context=context)
    seed(simulator, story(date(2026, 11, 24)), {})
    wire = served(simulator)
    made = ConfluenceSubject(simulator, wire, clock)
    yield made
    for connection in made.opened:
        connection.close()


class TestConfluenceAsSource(SourceSuite):
    pass


class TestConfluenceUnderFaults(SourceFaults):
    pass


class TestConfluenceAsKnowledgeBase(KnowledgeBaseSuite):
    pass


class TestConfluenceKnowledgeBaseUnderFaults(KnowledgeBaseFaults):
    pass
