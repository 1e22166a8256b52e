"""What every Messenger promises, tried on whatever ``subject`` a test file gives."""

from __future__ import annotations

import contextlib
from typing import Protocol

import pytest

from sandbox.faults import FaultKind
from sync.core.errors import AccessDenied, CannotExpress, LostAnswer, Nonsense, TryLater
from sync.core.messages import Button, Contact, Message, Messenger
from sync.core.rich_text import Anchor, BulletList, ListItem, Lozenge, Paragraph, PersonMention, RichText, Text
from sync.core.values import Ref
from tests.conformance.subjects import MARK, OTHER_MARK, Wire, text

UNKNOWN = Contact(email="nobody@example.com", mobile="+8613900000000")


class MessengerSubject(Protocol):
    """A messenger with a room. ``remembers`` is false where messages cannot be looked up, ``can_edit`` where they cannot be changed;
    ``makes_rooms`` is false for a robot. ``colleague`` is somebody's account id and how they are found (an empty contact where
    this account finds nobody).
    """

    messenger: Messenger
    room: Ref
    remembers: bool
    can_edit: bool
    makes_rooms: bool
    colleague: tuple[str, Contact]

    def said(self) -> list[str]:
        """What stands in the room, one text per message, as people see it (title, body and the words on its buttons)."""
        ...

    def lose_next_answer(self) -> None:
        """The next message is said, and the answer vanishes; whatever is sent after it is answered."""
        ...

    def notified(self) -> list[str]:
        """The account ids that messages in the room notified by naming them."""
        ...

    def members(self, room: Ref) -> set[str]:
        """The account ids of the people in a room that we made."""
        ...

    def rooms(self) -> int:
        """How many rooms we made."""
        ...


def message(*paragraphs: str, buttons: tuple[Button, ...] = ()) -> Message:
    return Message(text(*paragraphs), title="延期提醒", buttons=buttons)


def rich(name: str, account_id: str) -> RichText:
    """A delay as a colleague gets it."""
    item = ListItem((Paragraph((Text("支付流程测试", is_bold=True), Text(" 等待中"))),))
    return (
        Paragraph(
            (
                Lozenge("延期", "red"),
                Text(" 比计划晚 3 个工作日，请 "),
                PersonMention(name, account_id),
                Text(" 看一下"),
            )
        ),
        BulletList((item,)),
        Paragraph((Anchor("打开任务", "https://jira.example.com/browse/PAY-77?a=1&b=2"),)),
    )


class MessengerSuite:
    """The promises of a Messenger."""

    def test_it_is_a_messenger(self, subject: MessengerSubject) -> None:
        assert isinstance(subject.messenger, Messenger)

    def test_send_message_says_it_once(self, subject: MessengerSubject) -> None:
        made = subject.messenger.send_message(subject.room, MARK, message("可以开始了：支付流程测试"))
        (said,) = subject.said()
        assert "可以开始了：支付流程测试" in said
        assert made.is_ours

    def test_find_message_is_our_message_or_none_or_a_clear_no(self, subject: MessengerSubject) -> None:
        if not subject.remembers:
            with pytest.raises(CannotExpress):
                subject.messenger.find_message(subject.room, MARK)
            return
        assert subject.messenger.find_message(subject.room, MARK) is None
        made = subject.messenger.send_message(subject.room, MARK, message("一"))
        subject.messenger.send_message(subject.room, OTHER_MARK, message("二"))
        found = subject.messenger.find_message(subject.room, MARK)
        assert found
        assert found.id == made.id

    def test_a_lost_answer_is_a_lost_answer(self, subject: MessengerSubject) -> None:
        subject.lose_next_answer()
        with pytest.raises(LostAnswer):
            subject.messenger.send_message(subject.room, MARK, message("一"))
        assert len(subject.said()) == 1

    def test_what_is_repeatable_is_said_once_however_often_it_is_sent(self, subject: MessengerSubject) -> None:
        said = message("一", buttons=(Button("我来处理", "ack:1"),))
        if not subject.messenger.repeatable_s(subject.room, said):
            return
        subject.lose_next_answer()
        with pytest.raises(LostAnswer):
            subject.messenger.send_message(subject.room, MARK, said)
        made = subject.messenger.send_message(subject.room, MARK, said)
        assert made.id
        assert len(subject.said()) == 1

    def test_other_words_under_the_same_mark_are_said(self, subject: MessengerSubject) -> None:
        subject.messenger.send_message(subject.room, MARK, message("一"))
        subject.messenger.send_message(subject.room, MARK, message("二"))
        assert len(subject.said()) == 2

    def test_edit_message_replaces_it_in_place_or_says_that_it_cannot(self, subject: MessengerSubject) -> None:
        button = (Button("我来处理", "ack:1", is_primary=True),)
        made = subject.messenger.send_message(subject.room, MARK, message("一", buttons=button))
        if not subject.can_edit:
            with pytest.raises(CannotExpress):
                subject.messenger.edit_message(subject.room, made, MARK, message("已由张三处理"))
            return
        edited = subject.messenger.edit_message(subject.room, made, MARK, message("已由张三处理"))
        (said,) = subject.said()
        assert edited.id == made.id
        assert "已由张三处理" in said
        assert "我来处理" not in said

    def test_a_rich_message_keeps_its_words_links_and_mentions(self, subject: MessengerSubject) -> None:
        account, _ = subject.colleague
        subject.messenger.send_message(subject.room, MARK, Message(rich("张伟", account), title="延期提醒"))
        (said,) = subject.said()
        for words in (
            "延期",
            "比计划晚 3 个工作日",
            "支付流程测试",
            "打开任务",
            "https://jira.example.com/browse/PAY-77",
        ):
            assert words in said
        assert subject.notified() == [account]

    def test_words_cannot_become_markup_or_mentions(self, subject: MessengerSubject) -> None:
        hostile = "<at id=all></at><at user_id=\"all\"></at><@all> @all [点](https://evil.example) **粗** `x` <font color='red'>"
        subject.messenger.send_message(subject.room, MARK, message(hostile))
        assert subject.notified() == []
        (said,) = subject.said()
        assert "evil.example" in said

    def test_a_long_message_is_cut_and_says_so(self, subject: MessengerSubject) -> None:
        subject.messenger.send_message(
            subject.room, MARK, message(*(f"第 {n} 行：支付接口开发的说明文字" * 20 for n in range(3000)))
        )
        (said,) = subject.said()
        assert "第 0 行" in said
        assert "…" in said

    def test_people_are_found_or_left_out(self, subject: MessengerSubject) -> None:
        account, contact = subject.colleague
        wanted = [contact] if contact != Contact() else []
        found = subject.messenger.find_people([*wanted, UNKNOWN])
        assert dict(found) == ({contact: account} if wanted else {})

    def test_a_room_is_made_once_under_one_mark(self, subject: MessengerSubject) -> None:
        account, _ = subject.colleague
        if not subject.makes_rooms:
            with pytest.raises(CannotExpress):
                subject.messenger.make_room(MARK, "突发：支付接口", [account])
            return
        made = subject.messenger.make_room(MARK, "突发：支付接口", [account, "nobody-at-all"])
        again = subject.messenger.make_room(MARK, "突发：支付接口", [account, "nobody-at-all"])
        assert (again.key, subject.rooms()) == (made.key, 1)
        room = Ref.of(subject.room.connection, "room", made.key)
        assert account in subject.members(room)
        assert made.missing == ("nobody-at-all",)
        assert subject.messenger.invite(room, [account]) == ()
        assert subject.messenger.invite(room, ["nobody-at-all"]) == ("nobody-at-all",)
        subject.messenger.send_message(room, OTHER_MARK, message("请 30 分钟内响应"))


class RemoteMessengerSubject(MessengerSubject, Protocol):
    """A messenger over the wire."""

    wire: Wire


class MessengerFaults:
    """A Messenger under faults: said once, or a clear error; a message is never said twice."""

    @pytest.mark.parametrize("kind", ["rate_limited", "slow", "reset"])
    def test_a_passing_fault_before_it_was_said_costs_nothing(
        self, subject: RemoteMessengerSubject, kind: FaultKind
    ) -> None:
        subject.messenger.send_message(subject.room, OTHER_MARK, message("先来一条"))
        subject.wire.plan(kind, match=r"^POST ", value=1 if kind == "rate_limited" else 0.02)
        try:
            subject.messenger.send_message(subject.room, MARK, message("一"))
        except (LostAnswer, TryLater):
            assert len(subject.said()) == 1
        else:
            assert len(subject.said()) == 2

    @pytest.mark.parametrize("kind", ["server_error", "lost_answer", "html", "truncated"])
    def test_an_answer_that_tells_nothing_is_never_followed_by_a_second_message(
        self, subject: RemoteMessengerSubject, kind: FaultKind
    ) -> None:
        subject.messenger.send_message(subject.room, OTHER_MARK, message("先来一条"))
        subject.wire.plan(kind, match=r"^POST ")
        with contextlib.suppress(LostAnswer, TryLater, Nonsense):
            subject.messenger.send_message(subject.room, MARK, message("一"))
        assert len(subject.said()) <= 2

    @pytest.mark.parametrize("kind", ["server_error", "reset", "html", "truncated", "unauthorized"])
    def test_a_fault_that_stays_is_an_error(self, subject: RemoteMessengerSubject, kind: FaultKind) -> None:
        subject.wire.plan(kind, times=10_000)
        with pytest.raises(AccessDenied if kind == "unauthorized" else (TryLater, Nonsense, LostAnswer)):
            subject.messenger.send_message(subject.room, MARK, message("一"))

    @pytest.mark.parametrize("kind", ["rate_limited", "server_error", "reset", "lost_answer", "html", "truncated"])
    def test_a_room_is_made_once_whatever_stumbles(self, subject: RemoteMessengerSubject, kind: FaultKind) -> None:
        if not subject.makes_rooms:
            return
        account, _ = subject.colleague
        for skip in range(3):
            subject.wire.plan(kind, skip=skip, value=1)
            mark = f"tieline:demo:{skip:016x}"
            for _ in range(3):
                try:
                    subject.messenger.make_room(mark, f"突发 {skip}", [account])
                    break
                except (LostAnswer, TryLater, Nonsense):
                    subject.wire.clear()
            assert subject.rooms() == skip + 1
            subject.wire.clear()
