"""What every Messenger promises, tried on whatever ``subject`` a test file gives."""

from __future__ import annotations

from typing import Protocol

import pytest

from sync.core.errors import CannotExpress, LostAnswer
from sync.core.ports import Messenger
from sync.core.values import Ref
from tests.conformance.subjects import MARK, OTHER_MARK, text


class MessengerSubject(Protocol):
    """A messenger with a room. ``remembers`` is false for a robot, whose messages cannot be looked up or changed."""

    messenger: Messenger
    room: Ref
    remembers: bool

    def said(self) -> list[str]:
        """The ids of what stands in the room, as people see it."""
        ...

    def lose_next_answer(self) -> None:
        """The next message is said, and the answer vanishes."""
        ...


class MessengerSuite:
    """The promises of a Messenger."""

    def test_it_is_a_messenger(self, subject: MessengerSubject) -> None:
        assert isinstance(subject.messenger, Messenger)

    def test_send_message_says_it_once(self, subject: MessengerSubject) -> None:
        made = subject.messenger.send_message(subject.room, MARK, text("可以开始了：支付流程测试"))
        assert subject.said() == [made.id]
        assert made.is_ours

    def test_find_message_is_our_message_or_none_or_a_clear_no(self, subject: MessengerSubject) -> None:
        if not subject.remembers:
            with pytest.raises(CannotExpress):
                subject.messenger.find_message(subject.room, MARK)
            return
        assert subject.messenger.find_message(subject.room, MARK) is None
        made = subject.messenger.send_message(subject.room, MARK, text("一"))
        subject.messenger.send_message(subject.room, OTHER_MARK, text("二"))
        assert subject.messenger.find_message(subject.room, MARK) == made

    def test_a_lost_answer_is_a_lost_answer(self, subject: MessengerSubject) -> None:
        subject.lose_next_answer()
        with pytest.raises(LostAnswer):
            subject.messenger.send_message(subject.room, MARK, text("一"))
        assert len(subject.said()) == 1

    def test_edit_message_replaces_it_in_place_or_says_that_it_cannot(self, subject: MessengerSubject) -> None:
        made = subject.messenger.send_message(subject.room, MARK, text("一"))
        if not subject.remembers:
            with pytest.raises(CannotExpress):
                subject.messenger.edit_message(subject.room, made, MARK, text("二"))
            return
        edited = subject.messenger.edit_message(subject.room, made, MARK, text("二"))
        assert (edited.id, subject.said()) == (made.id, [made.id])
        assert edited.version != made.version
