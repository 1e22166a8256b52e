"""What is said in a room is said once: where it can be looked up it is found again, where it cannot it stays unsure and is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from sync.apply import apply
from sync.core.messages import Message
from sync.core.plan import Desired, MessageContent
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Ref
from sync.noticed import skip_findings
from sync.retract import undo
from sync.store.store import Store
from tests.cycle.test_apply import Targets, comment, cycle, planned
from tests.fake_chat import FakeMessenger

ROOM = Ref("a:room:coordination")
SAID = MessageContent(Message((Paragraph((Text("可以开始了：支付流程测试"),)),)))
STARTS = Desired("delays:told:1", "delays", ROOM, "can_start", {"task": "支付流程测试"}, SAID, "why", ("a",))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/t.sqlite") as store:
        store.migrate()
        yield store


@pytest.mark.parametrize("is_robot", [True, False])
def test_a_message_is_said_once(ledger: Store, is_robot: bool) -> None:
    targets = Targets(chat=FakeMessenger(is_robot))
    cycle(ledger, targets, [STARTS])
    again, _ = cycle(ledger, targets, [STARTS])
    assert again.changes == ()
    assert targets.chat.writes == 1


def test_a_lost_answer_is_looked_up_where_the_room_remembers(ledger: Store) -> None:
    targets = Targets(chat=FakeMessenger(lose_next=True))
    cycle(ledger, targets, [STARTS])
    cycle(ledger, targets, [STARTS])
    assert (targets.chat.writes, ledger.pending_intents()) == (1, [])


def test_a_robots_lost_answer_is_one_unsure_shown_and_never_sent_again(ledger: Store) -> None:
    targets = Targets(chat=FakeMessenger(is_robot=True, lose_next=True))
    _, first = cycle(ledger, targets, [STARTS])
    assert len(first.unsure) == 1  # type: ignore[attr-defined]
    for _ in range(3):
        plan, outcome = cycle(ledger, targets, [STARTS])
        assert ([skip.reason for skip in plan.skips], plan.changes) == (["unsure"], ())
        assert [finding.severity for finding in skip_findings(plan)] == ["critical"]
        assert outcome.written == []  # type: ignore[attr-defined]
    assert targets.chat.writes == 1
    assert [intent.state for intent in ledger.pending_intents()] == ["unsure"]


def test_death_between_saying_and_hearing_is_one_unsure_as_well(ledger: Store) -> None:
    targets = Targets(chat=FakeMessenger(is_robot=True))
    (change,) = planned(ledger, targets, [STARTS]).changes
    ledger.add_intent(ledger.begin_run("apply"), change)
    targets.chat.send_message(ROOM, change.mark, SAID.said)
    plan, _ = cycle(ledger, targets, [STARTS])
    assert [skip.reason for skip in plan.skips] == ["unsure"]
    assert targets.chat.writes == 1


def test_undo_says_that_a_message_cannot_be_taken_back(ledger: Store) -> None:
    targets = Targets()
    run = ledger.begin_run("apply")
    apply(planned(ledger, targets, [STARTS]), targets, ledger, run)
    entries = [(entry.change, entry.before) for entry in ledger.changes_of_run(run)]
    outcome, kept = undo(entries, targets, ledger, ledger.begin_run("undo"))
    assert outcome.written == []
    assert [item.reason for item in kept] == ["said"]


def test_where_the_vendor_knows_our_own_id_a_lost_answer_is_settled_by_saying_it_again(ledger: Store) -> None:
    targets = Targets(chat=FakeMessenger(lose_next=True, repeatable=3600.0))
    cycle(ledger, targets, [STARTS])
    assert [len(said) for said in targets.chat.said.values()] == [1]
    assert ledger.pending_intents() == []


@pytest.mark.parametrize(("known_for_s", "skips"), [(3600.0, []), (30.0, ["unsure"]), (0.0, ["unsure"])])
def test_death_before_the_answer_is_settled_while_the_vendor_still_knows_our_id(
    ledger: Store, known_for_s: float, skips: list[str]
) -> None:
    chat = FakeMessenger(repeatable=known_for_s, is_blind=True)
    targets = Targets(chat=chat)
    (change,) = planned(ledger, targets, [STARTS]).changes
    ledger.add_intent(ledger.begin_run("apply"), change)
    chat.send_message(ROOM, change.mark, SAID.said)
    plan, _ = cycle(ledger, targets, [STARTS])
    assert [skip.reason for skip in plan.skips] == skips
    assert [len(said) for said in chat.said.values()] == [1]
    assert len(ledger.pending_intents()) == len(skips)


def test_news_that_a_robot_cannot_put_in_place_is_said_anew(ledger: Store) -> None:
    targets = Targets(chat=FakeMessenger(is_robot=True))
    cycle(ledger, targets, [STARTS])
    news = replace(STARTS, facts={"task": "支付流程测试", "by": "张三"})
    cycle(ledger, targets, [news])
    cycle(ledger, targets, [news])
    assert targets.chat.writes == 2


@pytest.mark.parametrize("is_robot", [True, False])
def test_a_ledger_that_forgot_says_nothing_again_that_may_have_been_said(tmp_path: Path, is_robot: bool) -> None:
    """A database restored from a backup: the comment out there tells that it is older, and the room cannot be asked."""
    targets = Targets(chat=FakeMessenger(is_robot, is_blind=True))
    for name in ("first", "restored"):
        with Store.open(f"sqlite:///{tmp_path}/{name}.sqlite") as ledger:
            ledger.migrate()
            plan, _ = cycle(ledger, targets, [comment(), STARTS])
            assert bool(plan.unremembered) is (name == "restored")
            again, _ = cycle(ledger, targets, [comment(), STARTS])
            assert again.changes == ()
            if name == "restored":
                news = replace(STARTS, facts={"task": "支付流程测试", "by": "张三"})
                cycle(ledger, targets, [comment(), news])
    assert [len(said) for said in targets.chat.said.values()] == [2], "once, and the news once"


def many(count: int) -> list[Desired]:
    def one(number: int) -> Desired:
        said = MessageContent(Message((Paragraph((Text(f"第 {number} 件晚了"),)),), "延期"))
        return replace(STARTS, key=f"delays:told:{number}", facts={"task": str(number)}, content=said)

    return [one(number) for number in range(count)]


def test_many_at_once_in_a_robots_room_are_told_together_and_each_is_told(ledger: Store) -> None:
    chat = FakeMessenger(is_robot=True, limit=20)
    targets = Targets(chat=chat)
    _, outcome = cycle(ledger, targets, many(30))
    assert len(outcome.written) == 30  # type: ignore[attr-defined]
    assert chat.writes < 6
    words = "".join(str(message) for messages in chat.said.values() for message in messages)
    assert all(f"第 {number} 件晚了" in words for number in range(30))
    again, _ = cycle(ledger, targets, many(30))
    assert (again.changes, ledger.pending_intents()) == ((), [])


@pytest.mark.parametrize(("is_robot", "count", "limit"), [(True, 5, 20), (False, 30, 20), (True, 30, 0)])
def test_a_few_and_those_that_can_be_changed_are_said_by_themselves(
    ledger: Store, is_robot: bool, count: int, limit: int
) -> None:
    chat = FakeMessenger(is_robot=is_robot, limit=limit)
    cycle(ledger, Targets(chat=chat), many(count))
    assert chat.writes == count


def test_what_was_told_together_and_not_heard_is_unsure_for_each_and_never_said_again(ledger: Store) -> None:
    chat = FakeMessenger(is_robot=True, limit=20, lose_next=True)
    targets = Targets(chat=chat)
    _, first = cycle(ledger, targets, many(8))
    lost = len(first.unsure)  # type: ignore[attr-defined]
    assert lost >= 2
    said = chat.writes
    plan, _ = cycle(ledger, targets, many(8))
    assert ([skip.reason for skip in plan.skips], plan.changes, chat.writes) == (["unsure"] * lost, (), said)
