"""Asana keeps the promises of its ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from connectors.asana import CONNECTOR
from sandbox.asana import TOKEN, AsanaSimulator
from sync.core.ports import ConnectionSettings, LinkEnd
from sync.core.values import LinkSide, RawRecord, Ref
from tests.conformance.directory_suite import DirectoryFaults, DirectorySuite
from tests.conformance.replies_suite import RepliesFaults, RepliesSuite
from tests.conformance.source_faults import SourceFaults, empty_database, store
from tests.conformance.source_suite import SourceSuite
from tests.conformance.subjects import Clock, Wire, hurry, served
from tests.conformance.tracker_suite import LinkFaults, LinkSuite, MutualLinkSuite, TrackerFaults, TrackerSuite

__all__ = ["empty_database", "store"]


class AsanaSubject:
    """A workspace with two projects, of which one is collected; every second task is a subtask."""

    name, kind, scope = "asana-main", "task", "客服上线准备"
    other = LinkEnd(Ref("jira-main:task:1"), "PAY-77", "支付接口开发", "https://company.atlassian.net/browse/PAY-77")

    def __init__(self, simulator: AsanaSimulator, wire: Wire, clock: Clock) -> None:
        self.simulator, self.wire, self.clock, self.state_ = simulator, wire, clock, simulator.state
        self.project = simulator.add_project(self.scope)
        self.elsewhere = simulator.add_project("别处")
        self.opened: list[Any] = []
        self.source = self.tracker = self.replies = self.directory = self.connect()
        self.parent = simulator.add_task(self.project, "上线清单")
        self.task = Ref.of(self.name, "task", simulator.add_task(self.project, "要写的任务").gid)
        self._count = 0

    def connect(self, token: str = "", **options: Any) -> Any:
        self.settings = ConnectionSettings(
            self.name, "asana", self.wire.url, "cloud", installation="demo", scopes=(self.scope,),
            credentials={"token": token or TOKEN}, requests_per_second=5000, options=options,
        )  # fmt: skip
        self.opened.append(hurry(CONNECTOR.connect(self.settings)))
        return self.opened[-1]

    def truth(self) -> Mapping[str, str]:
        tasks = self.state_.tasks.values()
        return {task.gid: task.name for task in tasks if self.project in self.state_.home(task)}

    def title_of(self, record: RawRecord) -> str:
        return CONNECTOR.record_from_raw(record, self.settings).title

    def make(self, title: str) -> str:
        self._count += 1
        if self._count % 2:
            return self.simulator.add_task(self.project, title).gid
        return self.simulator.add_task(None, title, parent=self.parent.gid).gid

    def edit(self, item_id: str, title: str) -> None:
        self.simulator.edit_task(item_id, name=title)

    def restrict(self, item_id: str) -> None:
        self.simulator.set_privacy(self.project, "private")

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        return {
            "hidden": self.simulator.delete_task,
            "moved": lambda item: self.simulator.move_task(item, self.elsewhere),
        }

    def hide_scope(self) -> None:
        self.project.is_visible = False

    def delay_listings(self) -> None:
        """Asana's lists are read from where they are written; its search lags, and we do not search."""

    def state(self) -> object:
        tasks = self.state_.tasks.values()
        return [(task.gid, task.name, len(task.stories), task.modified_at, len(task.attachments)) for task in tasks]

    def request_count(self) -> int:
        return int(self.source.remote.request_count)

    def comments(self) -> list[str]:
        found = self.state_.tasks.get(self.task.key)
        stories = found.stories if found else []
        return [one.gid for one in stories if one.subtype == "comment_added" and one.by is self.simulator.me]

    def links(self) -> int:
        found = self.state_.tasks[self.task.key]
        return len(found.attachments) + len(found.dependencies) + len(self.state_.dependents(found.gid))

    def rest(self) -> None:
        self.clock.now += timedelta(minutes=1)

    def account_ids(self) -> list[str]:
        return list(self.state_.users)

    def edit_comment(self, comment_id: str) -> None:
        self.simulator.edit_comment(comment_id, "手工改写")

    def delete_comment(self, comment_id: str) -> None:
        self.simulator.delete_comment(comment_id)

    def comment_by_hand(self, text: str) -> None:
        self.simulator.comment(self.task.key, text)

    def wait(self) -> None:
        self.clock.now += timedelta(seconds=1)

    def comment_as_us(self, text: str) -> None:
        self.simulator.comment(self.task.key, text, by=self.simulator.me)

    def quote_by_hand(self, quoted: str, words: str) -> None:
        self.comment_by_hand(f"> {quoted}\n{words}")

    def link_by_hand(self, side: LinkSide) -> None:
        words = "等待" if side == "waits_for" else "Blocks"
        self.simulator.attach(self.task.key, f"{words} 支付", self.other.url)

    def delete_task(self) -> None:
        self.simulator.delete_task(self.task.key)

    def people(self) -> set[str]:
        return {user.name for user in self.state_.users.values() if user.name}

    def join(self, name: str) -> None:
        self.simulator.add_user(name)


class WithinAsana(AsanaSubject):
    """Links between two tasks of Asana: native dependencies."""

    def __init__(self, simulator: AsanaSimulator, wire: Wire, clock: Clock) -> None:
        super().__init__(simulator, wire, clock)
        gid = simulator.add_task(self.elsewhere, "支付接口开发").gid
        self.other = LinkEnd(Ref.of(self.name, "task", gid), gid, "支付接口开发", f"https://app.asana.com/0/0/{gid}")

    def link_by_hand(self, side: LinkSide) -> None:
        ends = (self.other.ref.key, self.task.key)
        self.simulator.depend(*(ends if side == "waits_for" else ends[::-1]))

    def turn_links_round(self) -> None:
        self.simulator.turns_round = True


def staged(kind: type[AsanaSubject]) -> Iterator[AsanaSubject]:
    clock = Clock()
    simulator = AsanaSimulator("asana", clock)
    made = kind(simulator, served(simulator), clock)
    yield made
    for connection in made.opened:
        connection.close()


@pytest.fixture
def subject() -> Iterator[AsanaSubject]:
    yield from staged(AsanaSubject)


class TestAsanaAsSource(SourceSuite):
    pass


class TestAsanaUnderFaults(SourceFaults):
    pass


class TestAsanaAsTracker(TrackerSuite):
    pass


class TestAsanaTrackerUnderFaults(TrackerFaults):
    pass


class TestAsanaAsReplies(RepliesSuite):
    pass


class TestAsanaRepliesUnderFaults(RepliesFaults):
    pass


class TestAsanaDependencies(LinkSuite, MutualLinkSuite):
    @pytest.fixture
    def subject(self) -> Iterator[AsanaSubject]:
        yield from staged(WithinAsana)


class TestAsanaDependenciesUnderFaults(LinkFaults):
    @pytest.fixture
    def subject(self) -> Iterator[AsanaSubject]:
        yield from staged(WithinAsana)


class TestAsanaAsDirectory(DirectorySuite):
    pass


class TestAsanaDirectoryUnderFaults(DirectoryFaults):
    pass
