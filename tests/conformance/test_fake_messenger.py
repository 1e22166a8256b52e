"""The in-memory rooms keep the Messenger's promises: one that remembers, and a robot that does not."""

from __future__ import annotations

import pytest

from sync.core.values import Ref
from tests.conformance.messenger_suite import MessengerSuite
from tests.fakes import FakeMessenger


class FakeMessengerSubject:
    room = Ref("chat:room:1")

    def __init__(self, is_robot: bool) -> None:
        self.messenger = FakeMessenger(is_robot)
        self.remembers = not is_robot

    def said(self) -> list[str]:
        return [item.id for item in self.messenger.said.get(self.room, [])]

    def lose_next_answer(self) -> None:
        self.messenger.lose_next = True


class TestFakeMessenger(MessengerSuite):
    @pytest.fixture(params=[False, True], ids=["remembers", "robot"])
    def subject(self, request: pytest.FixtureRequest) -> FakeMessengerSubject:
        return FakeMessengerSubject(request.param)
