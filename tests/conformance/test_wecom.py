"""WeCom keeps the promises of its ports: an application in its group and to a person, a robot, and an AI bot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from connectors.wecom import CONNECTOR
from sandbox.story import story
from sandbox.wecom import AGENT, BOT_ID, BOT_SECRET, CORP, SECRET, WeComSimulator, seed
from sandbox.wecom.messages import mentioned, shown
from sandbox.wecom.seed import BOT_GROUP, GROUP, ROBOT_KEY
from sync.core.messages import Contact
from sync.core.ports import ConnectionSettings
from sync.core.values import Ref
from tests.conformance.directory_suite import DirectoryFaults, DirectorySuite
from tests.conformance.messenger_suite import MessengerFaults, MessengerSuite
from tests.conformance.organisation_suite import OrganisationFaults, OrganisationSuite
from tests.conformance.subjects import Wire, hurry, served

CREDENTIALS = {
    "app": {"corp_secret": SECRET},
    "robot": {"webhook": ROBOT_KEY},
    "ai-bot": {"bot_secret": BOT_SECRET},
}


class WeComSubject:
    """The story's company; the application's group is the room."""

    tells_absences = remembers = can_edit = False
    variant = "app"

    def __init__(self, simulator: WeComSimulator, wire: Wire) -> None:
        self.simulator, self.wire, self.state_ = simulator, wire, simulator.state
        keeper, colleague = list(self.state_.people.values())[:2]
        options: dict[str, dict[str, Any]] = {
            "app": {"corp_id": CORP, "agent_id": AGENT, "room_keepers": [keeper.userid]},
            "ai-bot": {"bot_id": BOT_ID},
        }
        settings = ConnectionSettings(
            "wecom-main", "wecom", wire.url, self.variant, credentials=CREDENTIALS[self.variant],
            options=options.get(self.variant, {}), requests_per_second=5000,
        )  # fmt: skip
        self.connection: Any = hurry(CONNECTOR.connect(settings))
        self.messenger = self.organisation = self.directory = self.connection
        self.makes_rooms = self.variant == "app"
        self.colleague = (
            colleague.userid,
            Contact(colleague.email, f"+86{colleague.mobile}") if self.makes_rooms else Contact(),
        )
        self.room, self.key = self._room()

    def _room(self) -> tuple[Ref, str]:
        return Ref.of("wecom-main", "room", GROUP), GROUP

    def said(self) -> list[str]:
        return [shown(one) for one in self.simulator.said_in(self.key)]

    def lose_next_answer(self) -> None:
        self.wire.plan("lost_answer", match=r"^POST .*/send$")

    def notified(self) -> list[str]:
        return [account for one in self.simulator.said_in(self.key) for account in mentioned(one)]

    def members(self, room: Ref) -> set[str]:
        return set(self.state_.groups[room.key].members)

    def rooms(self) -> int:
        return len(self.state_.groups) - 1

    def tree(self) -> Mapping[str, str]:
        return {str(key): str(one.parent) if one.parent else "" for key, one in self.state_.departments.items()}

    def heads(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for one in self._working():
            for key in one.leads:
                found.setdefault(str(key), set()).add(one.userid)
        return found

    def _working(self) -> list[Any]:
        return [one for one in self.state_.people.values() if one.status != 5]

    def people(self) -> Any:
        return {one.userid: {str(key) for key in one.departments} for one in self._working()}

    def join(self, name: str, department: str = "1") -> str:
        return self.simulator.add_person(f"new{len(self.state_.people)}", name, (int(department),)).userid

    def leave(self, account_id: str) -> None:
        self.state_.people[account_id].status = 5

    def go_away(self, account_id: str) -> None:
        """WeCom does not tell."""

    def take_right_away(self) -> None:
        self.state_.may_read_directory = False


class PersonSubject(WeComSubject):
    """Somebody's own chat: cards with buttons, changed once."""

    can_edit = True

    def _room(self) -> tuple[Ref, str]:
        return Ref.of("wecom-main", "person", self.colleague[0]), self.colleague[0]


class RobotSubject(WeComSubject):
    variant = "robot"

    def _room(self) -> tuple[Ref, str]:
        return Ref.of("wecom-main", "room", "项目群机器人"), ROBOT_KEY


class BotSubject(WeComSubject):
    """An AI bot in a group where somebody spoke to it."""

    variant = "ai-bot"

    def _room(self) -> tuple[Ref, str]:
        return Ref.of("wecom-main", "room", BOT_GROUP), BOT_GROUP

    def lose_next_answer(self) -> None:
        self.wire.plan("lost_answer", match=r"^POST /aibot_send_msg$")


class BotPersonSubject(BotSubject):
    """An AI bot and somebody who spoke to it."""

    def _room(self) -> tuple[Ref, str]:
        return Ref.of("wecom-main", "person", self.colleague[0]), self.colleague[0]


class DirectorySubject(WeComSubject):
    def people(self) -> Any:
        return {one.name for one in self._working()}


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> Iterator[WeComSubject]:
    simulator = WeComSimulator(clock=lambda: datetime.now(UTC), enforce_limits=False)
    seed(simulator, story(date(2026, 11, 24)))
    found: WeComSubject = request.cls.kind(simulator, served(simulator))
    yield found
    found.connection.close()


class TestWeComInGroups(MessengerSuite):
    kind = WeComSubject


class TestWeComInGroupsUnderFaults(MessengerFaults):
    kind = WeComSubject


class TestWeComToPeople(MessengerSuite):
    kind = PersonSubject


class TestWeComToPeopleUnderFaults(MessengerFaults):
    kind = PersonSubject


class TestWeComRobot(MessengerSuite):
    kind = RobotSubject


class TestWeComRobotUnderFaults(MessengerFaults):
    kind = RobotSubject


class TestWeComAiBotInGroups(MessengerSuite):
    kind = BotSubject


class TestWeComAiBotInGroupsUnderFaults(MessengerFaults):
    kind = BotSubject


class TestWeComAiBotToPeople(MessengerSuite):
    kind = BotPersonSubject


class TestWeComAiBotToPeopleUnderFaults(MessengerFaults):
    kind = BotPersonSubject


class TestWeComAsOrganisation(OrganisationSuite):
    kind = WeComSubject


class TestWeComOrganisationUnderFaults(OrganisationFaults):
    kind = WeComSubject


class TestWeComAsDirectory(DirectorySuite):
    kind = DirectorySubject


class TestWeComDirectoryUnderFaults(DirectoryFaults):
    kind = DirectorySubject
