"""What stands at a target is judged by the digest in its own mark: ours though the ledger forgot, a person's though the account is ours."""

from __future__ import annotations

import pytest

from sync.core.messages import Message
from sync.core.plan import MOST_REWRITES, Adoption, Desired, Existing, MessageContent, Plan, digest_of
from sync.core.ports import Written
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Ref
from tests.unit.test_plan import KEY, desired, plan, published

ROOM = Ref("chat:room:1")
SAID = MessageContent(Message((Paragraph((Text("可以开始了：支付流程测试"),)),)))


def standing(version: str, block: str, wanted: str = "", *, is_untouched: bool = True, intended: str = "") -> Existing:
    return Existing(Written("c1", version, block=block, is_untouched=is_untouched), intended, desired_block=wanted)


def ledger(days: int = 3, version: str = "1", block: str = "v1", rewrites: int = 0):  # type: ignore[no-untyped-def]
    return published(desired(days), written=Written("c1", version, block=block), rewrites=rewrites)


def test_a_ledger_from_yesterday_adopts_what_already_says_what_is_desired() -> None:
    made = plan([desired(4)], [ledger()], {KEY: standing("2", "v2", "v2")})
    assert made.changes == ()
    assert [type(item) for item in made.adoptions] == [Adoption]
    assert made.unremembered == (KEY,)


def test_a_ledger_that_forgot_everything_adopts_and_does_not_write() -> None:
    made = plan([desired()], [], {KEY: standing("7", "v1", "v1")})
    assert (made.changes, len(made.adoptions), made.unremembered) == ((), 1, (KEY,))


def test_a_ledger_that_forgot_updates_what_nobody_touched_and_keeps_what_somebody_did() -> None:
    (change,) = plan([desired()], [], {KEY: standing("7", "old", "v1")}).changes
    assert change.operation == "update"
    made = plan([desired()], [], {KEY: standing("7", "by hand", "v1", is_untouched=False)})
    assert ([skip.reason for skip in made.skips], made.changes) == (["edited"], ())


def test_our_own_write_after_a_crash_is_adopted_and_a_person_who_came_after_it_is_kept() -> None:
    wanted = digest_of("delay", {"days": 4})
    made = plan([desired(4)], [ledger()], {KEY: standing("2", "v2 as kept", "v2", intended=wanted)})
    assert (made.changes, len(made.adoptions)) == ((), 1)
    made = plan([desired(4)], [ledger()], {KEY: standing("2", "by hand", "v2", is_untouched=False, intended=wanted)})
    assert ([skip.reason for skip in made.skips], made.changes) == (["edited"], ())


def test_a_crash_before_the_write_is_written_on_what_still_stands_as_we_left_it() -> None:
    wanted = digest_of("delay", {"days": 4})
    (change,) = plan([desired(4)], [ledger()], {KEY: standing("1", "v1", "v2", intended=wanted)}).changes
    assert (change.operation, change.rewrites) == ("update", 0)


def test_two_writers_on_one_text_are_stopped_after_two_rewrites() -> None:
    item, entry = desired(), ledger()
    versions = 1
    for expected in range(1, MOST_REWRITES + 1):
        versions += 1
        (change,) = plan([item], [entry], {KEY: standing(str(versions), "theirs", "v1")}).changes
        assert change.rewrites == expected
        versions += 1
        entry = ledger(version=str(versions), rewrites=change.rewrites)
    made = plan([item], [entry], {KEY: standing(str(versions + 1), "theirs", "v1")})
    assert ([skip.reason for skip in made.skips], made.changes) == (["oscillating"], ())


def test_an_own_change_is_no_rewrite() -> None:
    (change,) = plan([desired(4)], [ledger(rewrites=1)], {KEY: standing("1", "v1", "v2")}).changes
    assert change.rewrites == 0


def test_where_another_installation_writes_nothing_is_said_twice() -> None:
    made = plan([desired()], [], {KEY: Existing(None, other_mark="tieline:globex:0123456789abcdef")})
    assert [(skip.reason, skip.detail) for skip in made.skips] == [("second_installation", "globex")]
    assert made.changes == ()


def message(key: str = "delays:told:a") -> Desired:
    return Desired(key, "delays", ROOM, "can_start", {}, SAID, "because", ())


def test_a_message_is_sent_once_and_one_that_cannot_be_looked_up_is_never_sent_again() -> None:
    item = message()
    assert [change.kind for change in plan([item], [], {item.key: Existing(None)}).changes] == ["message"]
    made = plan([item], [], {item.key: Existing(None, is_unsure=True)})
    assert ([skip.reason for skip in made.skips], made.changes) == (["unsure"], ())


def test_what_was_said_stays_said() -> None:
    said = published(message(), kind="message", content=SAID)
    assert plan([], [said], {}) == Plan()


@pytest.mark.parametrize("block", ["v1", ""])
def test_nothing_differs_and_nothing_is_written(block: str) -> None:
    entry = ledger(block=block)
    assert plan([desired()], [entry], {KEY: standing("1", block, block)}) == Plan()
