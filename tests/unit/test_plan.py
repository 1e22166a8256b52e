"""The three-way rule: what is written, what is left alone, and that an unchanged world writes nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.brakes import Accepted, Limits, check_limits
from sync.core.diff import diff, keys_to_look_at
from sync.core.errors import UnsafePlan
from sync.core.plan import (
    Adoption,
    Change,
    CommentContent,
    Desired,
    Existing,
    LinkContent,
    Plan,
    Published,
    digest_of,
    mark_of,
)
from sync.core.ports import LinkEnd, Written
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Ref

TASK = Ref("jira-main:task:10063")
OTHER = Ref("trello-main:task:5f1")
BODY = CommentContent((Paragraph((Text("晚 3 个工作日"),)),))
LINK = LinkContent(LinkEnd(OTHER, "", "支付流程测试", "https://trello.com/c/x"), "blocks")


def desired(days: int = 3, key: str = "delays:comment:a", content: CommentContent | LinkContent = BODY) -> Desired:
    return Desired(key, "delays", TASK, "delay", {"days": days}, content, "because", ("jira-main", "trello-main"))


def published(item: Desired, version: str = "1", **changes: object) -> Published:
    values: dict[str, object] = {
        "key": item.key,
        "job": item.job,
        "target": item.target,
        "kind": item.kind,
        "written": Written("c1", version),
        "digest": digest_of(item.message, item.facts),
        "message": item.message,
        "facts": item.facts,
        "content": item.content,
        "rests_on": item.rests_on,
        "run": "r1",
        "at": datetime(2026, 11, 23, tzinfo=UTC),
        "target_version": "t1",
    }
    return Published(**{**values, **changes})  # type: ignore[arg-type]


def plan(
    items: list[Desired],
    ledger: list[Published],
    existing: dict[str, Existing],
    fresh: tuple[str, ...] = ("jira-main", "trello-main"),
) -> Plan:
    return diff("acme", items, {entry.key: entry for entry in ledger}, existing, fresh)


def here(version: str = "1", block: str = "", is_ours: bool = True, digest: str = "") -> Existing:
    return Existing(Written("c1", version, block=block, is_ours=is_ours), digest)


NOTHING = Existing(None)
KEY = "delays:comment:a"


def test_new_is_created_once() -> None:
    made = plan([desired()], [], {KEY: NOTHING}).changes
    assert [change.operation for change in made] == ["create"]
    assert made[0].mark == mark_of("acme", KEY)


def test_same_and_same_is_nothing() -> None:
    item = desired()
    assert plan([item], [published(item)], {}) == Plan()
    assert plan([item], [published(item)], {KEY: here()}) == Plan()


def test_changed_and_same_is_an_update_with_the_expected_version() -> None:
    (change,) = plan([desired(4)], [published(desired())], {KEY: here()}).changes
    assert (change.operation, change.expected) == ("update", Written("c1", "1"))


@pytest.mark.parametrize("days", [3, 4])
def test_a_human_edit_is_left_alone_and_told(days: int) -> None:
    made = plan([desired(days)], [published(desired())], {KEY: here("2")})
    assert made.changes == ()
    assert [skip.reason for skip in made.skips] == ["edited"]


def test_an_edit_outside_our_block_does_not_stop_an_update() -> None:
    ledger = published(desired(), written=Written("c1", "1", block="ours"))
    (change,) = plan([desired(4)], [ledger], {KEY: here("5", block="ours")}).changes
    assert change.expected == Written("c1", "5", block="ours")
    assert plan([desired()], [ledger], {KEY: here("5", block="ours")}) == Plan()


def test_what_people_deleted_is_not_made_again() -> None:
    made = plan([desired()], [published(desired())], {KEY: NOTHING})
    assert made.changes == ()
    assert [skip.reason for skip in made.skips] == ["gone"]


def test_stale_data_sends_nothing_and_removes_nothing() -> None:
    ledger = published(desired(key="delays:link:b", content=LINK))
    made = plan([desired()], [ledger], {KEY: NOTHING}, fresh=("jira-main",))
    assert made.changes == ()
    assert {skip.reason for skip in made.skips} == {"held"}


def test_a_link_of_ours_is_withdrawn_a_link_of_theirs_is_not() -> None:
    ours = published(desired(key="delays:link:b", content=LINK))
    theirs = published(desired(key="delays:link:c", content=LINK), written=Written("l2", "1", is_ours=False))
    made = plan([], [ours, theirs], {})
    assert [(change.operation, change.key) for change in made.changes] == [("remove", "delays:link:b")]


def test_a_comment_is_never_removed_behind_the_jobs_back() -> None:
    made = plan([], [published(desired())], {})
    assert made.changes == ()
    assert [skip.reason for skip in made.skips] == ["orphaned"]


def test_a_link_that_stands_there_is_adopted_not_written() -> None:
    item = desired(key="delays:link:b", content=LINK)
    made = plan([item], [], {item.key: here(is_ours=False)})
    assert made.changes == ()
    assert made.adoptions == (Adoption(item, Written("c1", "1", is_ours=False)),)


def test_after_a_lost_answer_the_found_comment_is_adopted_when_it_says_what_we_meant() -> None:
    item = desired()
    meant = digest_of(item.message, item.facts)
    assert plan([item], [], {KEY: here(digest=meant)}).adoptions == (Adoption(item, Written("c1", "1")),)
    (change,) = plan([item], [], {KEY: here(digest="older")}).changes
    assert change.operation == "update"


def test_undone_stays_undone_until_the_facts_change() -> None:
    item = desired()
    ledger = published(item, state="undone")
    assert [skip.reason for skip in plan([item], [ledger], {KEY: NOTHING}).skips] == ["undone"]
    (change,) = plan([desired(4)], [ledger], {KEY: NOTHING}).changes
    assert change.operation == "create"


def test_only_new_changed_and_moved_targets_are_looked_at() -> None:
    item, moved, new = desired(), desired(key="delays:comment:m"), desired(key="delays:comment:n")
    ledger = {entry.key: entry for entry in (published(item), published(moved))}
    versions = {item.key: "t1", moved.key: "t2", new.key: "t1"}
    assert keys_to_look_at([item, moved, new], ledger, versions) == [moved, new]
    assert keys_to_look_at([desired(4)], ledger, versions) == [desired(4)]


def test_a_digest_covers_facts_not_their_order_or_type_of_date() -> None:
    assert digest_of("m", {"a": 1, "b": date(2026, 11, 23)}) == digest_of("m", {"b": "2026-11-23", "a": 1})
    assert digest_of("m", {"a": 1}) != digest_of("m", {"a": 2})
    assert digest_of("m", {"r": TASK}) == digest_of("m", {"r": str(TASK)})


def changes(creates: int, updates: int) -> Plan:
    item = desired()
    create = plan([item], [], {KEY: NOTHING}).changes[0]
    update = plan([desired(4)], [published(item)], {KEY: here()}).changes[0]
    return Plan((create,) * creates + (update,) * updates)


def test_brakes() -> None:
    limits = Limits(max_changes=5, max_share=0.3, share_from=10, max_first_run_changes=0)
    check_limits(Plan(), 0, limits, Accepted())
    check_limits(changes(1, 0), 0, limits, Accepted(is_first_run=True))
    check_limits(changes(5, 0), 1, limits, Accepted())
    check_limits(changes(0, 3), 10, limits, Accepted())
    check_limits(changes(0, 5), 9, limits, Accepted())
    for refused, count in ((changes(1, 0), 0), (changes(6, 0), 1), (changes(0, 4), 10)):
        with pytest.raises(UnsafePlan):
            check_limits(refused, count, limits, Accepted())


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), unique_by=lambda pair: pair[0]))
def test_applying_a_plan_leaves_nothing_to_plan(wanted: list[tuple[str, int]]) -> None:
    items = [desired(days, key=f"delays:comment:{name}") for name, days in wanted]
    first = plan(items, [], {item.key: NOTHING for item in items})
    assert len(first.changes) == len(items)
    ledger = [published(item) for item in items]
    assert plan(items, ledger, {item.key: here() for item in items}) == Plan()
    assert isinstance(first.changes, tuple)
    assert all(isinstance(change, Change) for change in first.changes)
