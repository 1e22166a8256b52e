"""DingTalk keeps the promises of its ports: an application with and without a card template, to a person, and a robot; and the todos that it may read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from connectors.dingtalk import CONNECTOR
from sandbox.dingtalk import CLIENT_ID, CLIENT_SECRET, DingTalkSimulator, seed
from sandbox.dingtalk.messages import shown
from sandbox.dingtalk.seed import GROUP, ROBOT_SECRET, ROBOT_TOKEN
from sandbox.dingtalk.state import CARD_TEMPLATE, GROUP_TEMPLATE
from sandbox.story import story
from sync.core.errors import TryLater
from sync.core.messages import Contact
from sync.core.ports import ConnectionSettings
from sync.core.values import Ref
from tests.conformance.dingtalk_work import TodoSubject
from tests.conformance.directory_suite import DirectoryFaults, DirectorySuite
from tests.conformance.messenger_suite import MessengerFaults, MessengerSuite
from tests.conformance.organisation_suite import OrganisationFaults, OrganisationSuite
from tests.conformance.source_faults import SourceFaults, empty_database, store
from tests.conformance.source_suite import SourceSuite
from tests.conformance.subjects import Clock, RemoteSourceSubject, SourceSubject, Wire, hurry, served

__all__ = ["empty_database", "store"]

CREDENTIALS = {
    "app": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
    "robot": {"webhook": ROBOT_TOKEN, "sign_secret": ROBOT_SECRET},
}


class DingTalkSubject:
    """The story's organisation; its project's group is the room."""

    tells_absences = remembers = False
    can_edit = True
    variant, card_template = "app", CARD_TEMPLATE

    def __init__(self, simulator: DingTalkSimulator, wire: Wire) -> None:
        self.simulator, self.wire, self.state_ = simulator, wire, simulator.state
        options = {"card_template_id": self.card_template, "group_template_id": GROUP_TEMPLATE}
        settings = ConnectionSettings(
            "ding-main", "dingtalk", wire.url, self.variant, credentials=CREDENTIALS[self.variant],
            options=options if self.variant == "app" else {}, requests_per_second=5000,
        )  # fmt: skip
        self.connection: Any = hurry(CONNECTOR.connect(settings))
        if self.variant == "app":
            self.connection.site.old_remote._sleep = self.connection.pauses.append
        self.messenger = self.organisation = self.directory = self.connection
        self.makes_rooms = self.variant == "app"
        one = next(iter(self.state_.people.values()))
        self.colleague = (one.userid, Contact(one.email, f"+86{one.mobile}") if self.makes_rooms else Contact())
        self.room, self.key = self._room()

    def _room(self) -> tuple[Ref, str]:
        return Ref.of("ding-main", "room", GROUP), GROUP

    def said(self) -> list[str]:
        return [shown(one) for one in self.simulator.said_in(self.key)]

    def lose_next_answer(self) -> None:
        self.wire.plan("lost_answer", match=r"^POST .*/(createAndDeliver|send|batchSend)$")

    def notified(self) -> list[str]:
        return [account for one in self.simulator.said_in(self.key) for account in one.at]

    def members(self, room: Ref) -> set[str]:
        return set(self.state_.groups[room.key].members)

    def rooms(self) -> int:
        return len(self.state_.groups) - 1

    def tree(self) -> Mapping[str, str]:
        return {str(key): str(one.parent) if one.parent != 1 else "" for key, one in self.state_.departments.items()}

    def heads(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for one in self._working():
            for key in one.leads:
                found.setdefault(str(key), set()).add(one.userid)
        return found

    def _working(self) -> list[Any]:
        return [one for one in self.state_.people.values() if one.userid not in self.state_.left]

    def people(self) -> Any:
        return {one.userid: {str(key) for key in one.departments if key != 1} for one in self._working()}

    def join(self, name: str, department: str = "1") -> str:
        return self.simulator.add_person(f"new{len(self.state_.people)}", name, (int(department),)).userid

    def leave(self, account_id: str) -> None:
        self.state_.left.add(account_id)

    def go_away(self, account_id: str) -> None:
        """DingTalk does not tell."""

    def take_right_away(self) -> None:
        self.state_.permissions.discard("qyapi_get_member")


class PersonSubject(DingTalkSubject):
    """Somebody's own chat."""

    def _room(self) -> tuple[Ref, str]:
        return Ref.of("ding-main", "person", self.colleague[0]), self.colleague[0]

    def notified(self) -> list[str]:
        """Whoever is written to alone is notified; the words name them."""
        return [
            self.key
            for said in self.said()
            if "@" in said.replace("@\u2060all", "").replace("<\u2060@", "") and "张伟" in said
        ]


class PlainSubject(PersonSubject):
    """No card template: Markdown, which nobody can change."""

    can_edit, card_template = False, ""


class RobotSubject(DingTalkSubject):
    variant, can_edit = "robot", False


class DirectorySubject(DingTalkSubject):
    def people(self) -> Any:
        return {one.name for one in self._working()}


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> Iterator[DingTalkSubject]:
    simulator = DingTalkSimulator(clock=lambda: datetime.now(UTC), enforce_limits=False)
    seed(simulator, story(date(2026, 11, 24)))
    found: DingTalkSubject = request.cls.kind(simulator, served(simulator))
    yield found
    found.connection.close()


class TestDingTalkInGroups(MessengerSuite):
    kind = DingTalkSubject


class TestDingTalkInGroupsUnderFaults(MessengerFaults):
    kind = DingTalkSubject


class TestDingTalkToPeople(MessengerSuite):
    kind = PersonSubject


class TestDingTalkToPeopleUnderFaults(MessengerFaults):
    kind = PersonSubject


class TestDingTalkWithoutCards(MessengerSuite):
    kind = PlainSubject


class TestDingTalkWithoutCardsUnderFaults(MessengerFaults):
    kind = PlainSubject


class TestDingTalkRobot(MessengerSuite):
    kind = RobotSubject


class TestDingTalkRobotUnderFaults(MessengerFaults):
    kind = RobotSubject


class TestDingTalkAsOrganisation(OrganisationSuite):
    kind = DingTalkSubject


class TestDingTalkOrganisationUnderFaults(OrganisationFaults):
    kind = DingTalkSubject


class TestDingTalkAsDirectory(DirectorySuite):
    kind = DirectorySubject


class TestDingTalkDirectoryUnderFaults(DirectoryFaults):
    kind = DirectorySubject


def at_work() -> Iterator[TodoSubject]:
    clock = Clock()
    simulator = DingTalkSimulator(clock=clock, enforce_limits=False)
    made = TodoSubject(simulator, served(simulator), clock)
    yield made
    for connection in made.opened:
        connection.close()


class TestTodosAsSource(SourceSuite):
    @pytest.fixture
    def subject(self) -> Iterator[TodoSubject]:
        yield from at_work()

    def test_a_restricted_item_is_marked_and_an_open_one_is_not(self, subject: SourceSubject, stream: str) -> None:
        """DingTalk shows a todo to those who are on it; whose are not for everybody, the admin says (tests/connectors/test_dingtalk_todo.py)."""


class TestTodosUnderFaults(SourceFaults):
    @pytest.fixture
    def subject(self) -> Iterator[TodoSubject]:
        yield from at_work()

    def test_the_pause_that_is_asked_for_is_kept_and_a_long_one_is_for_the_next_run(
        self, subject: RemoteSourceSubject
    ) -> None:
        """DingTalk does not say how long: we wait ourselves, longer each time, and then leave it for the next run."""
        connection = subject.connect()
        subject.wire.plan("rate_limited", times=2)
        connection.identify()
        assert max(connection.pauses) > 0.1
        connection.pauses.clear()
        subject.wire.plan("rate_limited", times=10_000)
        with pytest.raises(TryLater):
            connection.identify()
        assert max(connection.pauses, default=0) <= 65
