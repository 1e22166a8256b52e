"""The in-memory rooms keep the Messenger's promises: one that remembers, one whose vendor knows our own id, and a robot that does not."""

from __future__ import annotations

import pytest

from sync.core.messages import Contact
from sync.core.values import Ref
from tests.conformance.messenger_suite import MessengerSuite
from tests.fake_chat import FakeMessenger

ZHANG_WEI = ("ou_1", Contact(email="zhang.wei@example.com"))


class FakeMessengerSubject:
    room = Ref("chat:room:1")
    colleague = ZHANG_WEI

    def __init__(self, kind: str) -> None:
        is_robot = kind == "robot"
        self.messenger = FakeMessenger(is_robot, 3600.0 if kind == "repeatable" else 0.0, people=dict([ZHANG_WEI]))
        self.remembers = self.can_edit = self.makes_rooms = not is_robot

    def said(self) -> list[str]:
        return [item.text for item in self.messenger.said.get(self.room, [])]

    def lose_next_answer(self) -> None:
        self.messenger.lose_next = True

    def notified(self) -> list[str]:
        return [account for item in self.messenger.said.get(self.room, []) for account in item.mentioned]

    def members(self, room: Ref) -> set[str]:
        return self.messenger.rooms[room.key]

    def rooms(self) -> int:
        return len(self.messenger.rooms)


class TestFakeMessenger(MessengerSuite):
    @pytest.fixture(params=["remembers", "repeatable", "robot"])
    def subject(self, request: pytest.FixtureRequest) -> FakeMessengerSubject:
        return FakeMessengerSubject(request.param)
