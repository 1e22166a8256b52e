"""A group of people is made once, grows, and is never taken back; what is said in it waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync.apply import apply
from sync.core.errors import LostAnswer
from sync.core.messages import Contact, Message, NewRoom
from sync.core.plan import NO_ROOM, Desired, MessageContent, RoomContent
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Ref
from sync.retract import undo
from sync.store.store import Store
from tests.cycle.test_apply import Targets, cycle, planned
from tests.fake_chat import FakeMessenger

MADE = Ref("a:room:room0")
PEOPLE = {name: Contact(email=f"{name}@example.com") for name in ("zhang", "chen", "wang")}
SAID = Message((Paragraph((Text("请 30 分钟内响应"),)),))


def room(*members: str) -> Desired:
    content = RoomContent("突发：支付接口", members)
    return Desired("e:room:1", "e", Ref("a:room:new"), "room", {"members": list(members)}, content, "why", ("a",))


def first_word() -> Desired:
    """What is said in the room, wherever that will be."""
    content = MessageContent(SAID, room_key="e:room:1")
    return Desired("e:step:1", "e", Ref("a:room:new"), "step", {}, content, "why", ("a",))


@dataclass
class Forgetful(FakeMessenger):
    """The next room is made, and the answers vanish."""

    lost: int = 0

    def make_room(self, *arguments: Any, **named: Any) -> NewRoom:
        made = super().make_room(*arguments, **named)
        if self.lost:
            self.lost -= 1
            raise LostAnswer
        return made


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/t.sqlite") as store:
        store.migrate()
        yield store


def test_a_room_is_made_before_what_is_said_in_it_and_both_once(ledger: Store) -> None:
    targets = Targets(chat=FakeMessenger(people=PEOPLE))
    for _ in range(3):
        plan, _ = cycle(ledger, targets, [first_word(), room("zhang", "chen", "gone")])
    assert plan.changes == ()
    assert targets.chat.rooms == {"room0": {"zhang", "chen"}}
    assert [item.message for item in targets.chat.said[MADE]] == [SAID]
    entries = ledger.published()
    assert entries["e:step:1"].target == MADE
    assert entries["e:room:1"].written.version == "gone"


def test_who_is_asked_later_is_brought_in(ledger: Store) -> None:
    targets = Targets(chat=FakeMessenger(people=PEOPLE))
    cycle(ledger, targets, [room("zhang")])
    plan, _ = cycle(ledger, targets, [room("zhang", "wang")])
    assert [change.operation for change in plan.changes] == ["update"]
    assert targets.chat.rooms == {"room0": {"zhang", "wang"}}
    plan, _ = cycle(ledger, targets, [])
    assert (plan.changes, plan.skips) == ((), ())


@pytest.mark.parametrize("lost", [1, 2])
def test_a_lost_answer_makes_no_second_room(ledger: Store, lost: int) -> None:
    targets = Targets(chat=Forgetful(people=PEOPLE, lost=lost))
    _, first = cycle(ledger, targets, [room("zhang"), first_word()])
    assert len(first.unsure) == lost - 1  # type: ignore[attr-defined]
    assert [change.key for change, _ in first.deferred] == ["e:step:1"] * (lost - 1)  # type: ignore[attr-defined]
    cycle(ledger, targets, [room("zhang"), first_word()])
    assert (list(targets.chat.rooms), len(targets.chat.said[MADE])) == (["room0"], 1)
    assert ledger.pending_intents() == []


def test_death_after_the_room_was_made_makes_no_second_one(ledger: Store) -> None:
    targets = Targets(chat=FakeMessenger(people=PEOPLE))
    (change,) = planned(ledger, targets, [room("zhang")]).changes
    ledger.add_intent(ledger.begin_run("apply"), change)
    targets.chat.make_room(change.mark, "突发：支付接口", ["zhang"])
    cycle(ledger, targets, [room("zhang"), first_word()])
    assert (list(targets.chat.rooms), len(targets.chat.said[MADE])) == (["room0"], 1)


@pytest.mark.parametrize("chat", [FakeMessenger(is_robot=True), FakeMessenger()], ids=["robot", "nobody known"])
def test_where_no_room_can_be_made_that_is_remembered_with_the_reason(ledger: Store, chat: FakeMessenger) -> None:
    targets = Targets(chat=chat)
    _, outcome = cycle(ledger, targets, [room("zhang"), first_word()])
    entry = ledger.published()["e:room:1"]
    assert (entry.written.id, bool(entry.written.version)) == (NO_ROOM, True)
    assert [change.key for change, _ in outcome.deferred] == ["e:step:1"]  # type: ignore[attr-defined]
    assert chat.said == {}


def test_a_room_that_could_not_be_made_is_made_when_others_are_asked(ledger: Store) -> None:
    targets = Targets(chat=FakeMessenger())
    cycle(ledger, targets, [room("zhang")])
    targets.chat.people = PEOPLE
    cycle(ledger, targets, [room("zhang", "wang"), first_word()])
    assert (targets.chat.rooms, len(targets.chat.said[MADE])) == ({"room0": {"zhang", "wang"}}, 1)


def test_undo_leaves_people_where_they_are(ledger: Store) -> None:
    targets = Targets(chat=FakeMessenger(people=PEOPLE))
    run = ledger.begin_run("apply")
    apply(planned(ledger, targets, [room("zhang")]), targets, ledger, run)
    entries = [(entry.change, entry.before) for entry in ledger.changes_of_run(run)]
    _, kept = undo(entries, targets, ledger, ledger.begin_run("undo"))
    assert [item.reason for item in kept] == ["said"]
    assert targets.chat.rooms == {"room0": {"zhang"}}
