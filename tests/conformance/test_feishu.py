"""Feishu keeps the promises of its ports, as an application and as a robot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from connectors.feishu import CONNECTOR
from sandbox.feishu import APP_ID, APP_SECRET, FeishuSimulator, seed
from sandbox.feishu.seed import ROBOT_TOKEN, TEAM_CHAT
from sandbox.feishu.simulator import mentioned, shown
from sandbox.story import story
from sync.core.messages import Contact
from sync.core.ports import ConnectionSettings
from sync.core.values import Ref
from tests.conformance.directory_suite import DirectoryFaults, DirectorySuite
from tests.conformance.feishu_work import TableSubject, TasksSubject, WikiSubject, WorkSubject, WrittenTableSubject
from tests.conformance.messenger_suite import MessengerFaults, MessengerSuite
from tests.conformance.organisation_suite import OrganisationFaults, OrganisationSuite
from tests.conformance.source_faults import SourceFaults, empty_database, store
from tests.conformance.source_suite import SourceSuite
from tests.conformance.subjects import Clock, SourceSubject, Wire, hurry, served
from tests.conformance.tracker_suite import MutualLinkSuite, TrackerFaults, TrackerSuite

__all__ = ["empty_database", "store"]

CREDENTIALS = {
    "app": {"app_id": APP_ID, "app_secret": APP_SECRET},
    "robot": {"webhook": ROBOT_TOKEN, "sign_secret": "robot-sign-secret-0001"},
}


class FeishuSubject:
    """The story's company; its project's chat is the room."""

    tells_absences = False

    def __init__(self, simulator: FeishuSimulator, wire: Wire, variant: str, rate: float = 5000) -> None:
        self.simulator, self.wire, self.state_ = simulator, wire, simulator.state
        settings = ConnectionSettings(
            "feishu-main", "feishu", wire.url, variant, credentials=CREDENTIALS[variant], requests_per_second=rate
        )
        self.connection: Any = hurry(CONNECTOR.connect(settings))
        self.messenger = self.organisation = self.directory = self.connection
        self.remembers = False
        self.can_edit = self.makes_rooms = variant == "app"
        self.chat = next(key for key, chat in self.state_.chats.items() if chat.name == TEAM_CHAT)
        self.room = Ref.of("feishu-main", "room", self.chat if variant == "app" else "项目群机器人")
        person = next(iter(self.state_.people.values()))
        contact = Contact(email=person.email, mobile=f"+86{person.mobile}")
        self.colleague = (person.open_id, contact if variant == "app" else Contact())

    def said(self) -> list[str]:
        return [shown(one) for one in self.simulator.said_in(self.chat)]

    def lose_next_answer(self) -> None:
        self.wire.plan("lost_answer", match=r"^POST .*/(im/v1/messages|bot/v2/hook/.*)$")

    def notified(self) -> list[str]:
        return [account for one in self.simulator.said_in(self.chat) for account in mentioned(one)]

    def members(self, room: Ref) -> set[str]:
        return self.state_.chats[room.key].members

    def rooms(self) -> int:
        return sum(chat.is_made_by_app for chat in self.state_.chats.values())

    def tree(self) -> Mapping[str, str]:
        return {key: one.parent.removeprefix("0") for key, one in self.state_.departments.items()}

    def heads(self) -> Mapping[str, set[str]]:
        return {key: {one.leader} for key, one in self.state_.departments.items() if one.leader}

    def _working(self) -> Mapping[str, Any]:
        return {key: one for key, one in self.state_.people.items() if not one.is_resigned}

    def people(self) -> Any:
        return {key: set(one.departments) for key, one in self._working().items()}

    def join(self, name: str, department: str = "") -> str:
        return self.simulator.add_person(name, departments=(department,) if department else ())

    def leave(self, account_id: str) -> None:
        self.simulator.resign(account_id)

    def go_away(self, account_id: str) -> None:
        """Feishu does not tell."""

    def take_right_away(self) -> None:
        self.simulator.take_scopes("contact:")


class FeishuDirectorySubject(FeishuSubject):
    def people(self) -> Any:
        return {one.name for one in self._working().values()}


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> Iterator[FeishuSubject]:
    simulator = FeishuSimulator(clock=lambda: datetime.now(UTC), enforce_limits=False)
    seed(simulator, story(date(2026, 11, 24)))
    found: FeishuSubject = request.cls.kind(simulator, served(simulator), request.cls.variant)
    yield found
    found.connection.close()


class TestFeishuAsMessenger(MessengerSuite):
    variant, kind = "app", FeishuSubject


class TestFeishuMessengerUnderFaults(MessengerFaults):
    variant, kind = "app", FeishuSubject


class TestFeishuRobotAsMessenger(MessengerSuite):
    variant, kind = "robot", FeishuSubject


class TestFeishuRobotUnderFaults(MessengerFaults):
    variant, kind = "robot", FeishuSubject


class TestFeishuAsOrganisation(OrganisationSuite):
    variant, kind = "app", FeishuSubject


class TestFeishuOrganisationUnderFaults(OrganisationFaults):
    variant, kind = "app", FeishuSubject


class TestFeishuAsDirectory(DirectorySuite):
    variant, kind = "app", FeishuDirectorySubject


class TestFeishuDirectoryUnderFaults(DirectoryFaults):
    variant, kind = "app", FeishuDirectorySubject


def at_work(kind: type[WorkSubject]) -> Iterator[WorkSubject]:
    clock = Clock()
    simulator = FeishuSimulator("feishu", clock, enforce_limits=False)
    made = kind(simulator, served(simulator), clock)
    yield made
    for connection in made.opened:
        connection.close()


class TestBitableAsSource(SourceSuite):
    @pytest.fixture
    def subject(self) -> Iterator[WorkSubject]:
        yield from at_work(TableSubject)


class TestBitableUnderFaults(SourceFaults):
    @pytest.fixture
    def subject(self) -> Iterator[WorkSubject]:
        yield from at_work(TableSubject)


class TestBitableAsTracker(TrackerSuite):
    @pytest.fixture
    def subject(self) -> Iterator[WorkSubject]:
        yield from at_work(WrittenTableSubject)


class TestBitableTrackerUnderFaults(TrackerFaults):
    writes = removals = r"^PUT "

    @pytest.fixture
    def subject(self) -> Iterator[WorkSubject]:
        yield from at_work(WrittenTableSubject)


class TestWikiAsSource(SourceSuite):
    @pytest.fixture
    def subject(self) -> Iterator[WorkSubject]:
        yield from at_work(WikiSubject)


class TestWikiUnderFaults(SourceFaults):
    @pytest.fixture
    def subject(self) -> Iterator[WorkSubject]:
        yield from at_work(WikiSubject)


class TestTasksAsSource(SourceSuite):
    @pytest.fixture
    def subject(self) -> Iterator[WorkSubject]:
        yield from at_work(TasksSubject)

    def test_a_restricted_item_is_marked_and_an_open_one_is_not(self, subject: SourceSubject, stream: str) -> None:
        """Feishu shows a task to whoever sees its list; which lists are not for everybody, the admin says (tests/connectors/test_feishu_work.py)."""


class TestTasksUnderFaults(SourceFaults):
    @pytest.fixture
    def subject(self) -> Iterator[WorkSubject]:
        yield from at_work(TasksSubject)


class TestTasksAsTracker(TrackerSuite):
    @pytest.fixture
    def subject(self) -> Iterator[WorkSubject]:
        yield from at_work(TasksSubject)


class TestTasksDependencies(MutualLinkSuite):
    @pytest.fixture
    def subject(self) -> Iterator[WorkSubject]:
        yield from at_work(TasksSubject)


class TestTasksTrackerUnderFaults(TrackerFaults):
    @pytest.fixture
    def subject(self) -> Iterator[WorkSubject]:
        yield from at_work(TasksSubject)
