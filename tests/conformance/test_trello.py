"""Trello keeps the promises of its ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from connectors.trello import CONNECTOR
from sandbox.story import GROWTH_PLAN, story
from sandbox.trello import KEY, TOKEN, TrelloSimulator, seed
from sync.core.ports import ConnectionSettings, LinkEnd
from sync.core.values import LinkSide, RawRecord, Ref
from tests.conformance.directory_suite import DirectoryFaults, DirectorySuite
from tests.conformance.replies_suite import RepliesFaults, RepliesSuite
from tests.conformance.source_faults import SourceFaults, empty_database, store
from tests.conformance.source_suite import SourceSuite
from tests.conformance.subjects import Clock, Wire, hurry, served
from tests.conformance.tracker_suite import TrackerFaults, TrackerSuite

__all__ = ["empty_database", "store"]


class TrelloSubject:
    """The story's boards, of which one is collected."""

    name, kind, scope = "trello-main", "task", "销售部看板"
    other = LinkEnd(Ref("jira-main:task:1"), "PAY-77", "支付接口开发", "https://company.atlassian.net/browse/PAY-77")

    def __init__(self, simulator: TrelloSimulator, wire: Wire, clock: Clock) -> None:
        self.simulator, self.wire, self.clock, self.state_ = simulator, wire, clock, simulator.state
        self.opened: list[Any] = []
        boards = {board["name"]: str(key) for key, board in self.state_.boards.items()}
        self.board, self.elsewhere = boards[self.scope], boards[GROWTH_PLAN]
        self.source = self.tracker = self.replies = self.connect()
        self.directory = self.connect(scopes=(self.scope, GROWTH_PLAN))
        self.task = Ref.of(self.name, "task", self.make("要写的任务"))

    def connect(self, token: str = "", scopes: tuple[str, ...] = (scope,)) -> Any:
        self.settings = ConnectionSettings(
            self.name, "trello", self.wire.url, installation="demo", scopes=scopes,
            credentials={"key": KEY, "token": token or TOKEN}, requests_per_second=5000,
        )  # fmt: skip
        self.opened.append(hurry(CONNECTOR.connect(self.settings)))
        return self.opened[-1]

    def truth(self) -> Mapping[str, str]:
        cards = self.state_.cards
        return {key: str(cards[key]["name"]) for key in self.state_.cards_of_board[self.board]}

    def title_of(self, record: RawRecord) -> str:
        return CONNECTOR.record_from_raw(record, self.settings).title

    def make(self, title: str) -> str:
        return str(self.simulator.add_card(self.board, "待办", title)["id"])

    def edit(self, item_id: str, title: str) -> None:
        self.simulator.edit_card(item_id, name=title)

    def restrict(self, item_id: str) -> None:
        self.simulator.set_permission(self.board, "private")

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        move = partial(self.simulator.move_card, list_name="待办", board=self.elsewhere)
        return {"deleted": self.simulator.delete, "moved": move}

    def hide_scope(self) -> None:
        self.simulator.set_permission(self.board, "private")
        self.simulator.leave_board(self.board, "tieline")

    def delay_listings(self) -> None:
        """Trello's lists are read from where they are written."""

    def state(self) -> object:
        return (len(self.state_.actions), sorted((key, str(card)) for key, card in self.state_.cards.items()))

    def request_count(self) -> int:
        return int(self.source.remote.request_count)

    def comments(self) -> list[str]:
        mine = self.simulator.id_tieline
        return [
            key
            for key, action in self.state_.actions.items()
            if action["type"] == "commentCard"
            and action["idMemberCreator"] == mine
            and action["data"]["card"]["id"] == self.task.key
        ]

    def links(self) -> int:
        lists = [self.state_.checklists[key] for key in self.state_.checklists_of_card[self.task.key]]
        return sum(len(item["checkItems"]) for item in lists) + len(self.state_.attachments[self.task.key])

    def rest(self) -> None:
        self.clock.now += timedelta(minutes=1)

    def account_ids(self) -> list[str]:
        return list(self.state_.memberships[self.board])

    def edit_comment(self, comment_id: str) -> None:
        self.simulator.edit_comment(comment_id, "手工改写")

    def delete_comment(self, comment_id: str) -> None:
        self.simulator.delete_comment(comment_id)

    def comment_by_hand(self, text: str) -> None:
        self.simulator.add_comment(self.task.key, text, by="liu-yang")

    def wait(self) -> None:
        self.clock.now += timedelta(seconds=1)

    def comment_as_us(self, text: str) -> None:
        self.simulator.add_comment(self.task.key, text, by="tieline")

    def quote_by_hand(self, quoted: str, words: str) -> None:
        self.comment_by_hand(f"> {quoted}\n\n{words}")

    def link_by_hand(self, side: LinkSide) -> None:
        if side == "waits_for":
            self.simulator.add_checklist(self.task.key, "依赖", (self.other.url,), by="liu-yang")
        else:
            self.simulator.attach(self.task.key, self.other.url, "支付", by="liu-yang")

    def delete_task(self) -> None:
        self.simulator.delete(self.task.key)

    def people(self) -> set[str]:
        members = {*self.state_.memberships[self.board], *self.state_.memberships[self.elsewhere]}
        return {str(self.state_.members[key]["fullName"]) for key in members}

    def join(self, name: str) -> None:
        member = self.simulator.add_member(f"u{len(self.state_.members)}", name)
        self.state_.memberships[self.elsewhere][member] = {"idMember": member, "memberType": "normal"}


@pytest.fixture
def subject() -> Iterator[TrelloSubject]:
    clock = Clock()
    simulator = TrelloSimulator(clock=clock, enforce_limits=False)
    seed(simulator, story(date(2026, 11, 24)), {})
    wire = served(simulator)
    made = TrelloSubject(simulator, wire, clock)
    yield made
    for connection in made.opened:
        connection.close()


class TestTrelloAsSource(SourceSuite):
    pass


class TestTrelloUnderFaults(SourceFaults):
    pass


class TestBigBoardUnderFaults(SourceFaults):
    """A board that Trello does not serve in one answer."""

    @pytest.fixture(autouse=True)
    def shrink(self, subject: TrelloSubject) -> None:
        subject.state_.max_nested_cards = 3


class TestTrelloAsTracker(TrackerSuite):
    pass


class TestTrelloTrackerUnderFaults(TrackerFaults):
    pass


class TestTrelloAsReplies(RepliesSuite):
    pass


class TestTrelloRepliesUnderFaults(RepliesFaults):
    pass


class TestTrelloAsDirectory(DirectorySuite):
    pass


class TestTrelloDirectoryUnderFaults(DirectoryFaults):
    pass
