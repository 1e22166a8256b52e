"""The Trello connector writes to the simulator over real HTTP: comments and links."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest

from sandbox.faults import Fault
from sync.core.errors import (
    CannotExpress,
    Conflict,
    LostAnswer,
    NotFound,
    Refused,
)
from sync.core.marks import mark_from
from sync.core.ports import LinkEnd
from sync.core.rich_text import Paragraph, PersonMention, RichText
from sync.core.values import Ref
from tests.connectors.trello_bench import JIRA, MARK, OTHER_MARK, PRODUCT, SALES, Bench, open_bench, text


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as made:
        yield made


def test_a_comment_lives_and_is_edited_in_place(bench: Bench) -> None:
    task = bench.card("支付流程测试")
    assert bench.trello.find_comment(task, MARK) is None
    made = bench.trello.add_comment(task, MARK, text("比计划晚 3 个工作日 @all"))
    assert bench.trello.find_comment(task, MARK) == made
    assert bench.trello.find_comment(task, OTHER_MARK) is None
    stored = bench.simulator.state.actions[made.id]["data"]["text"]
    assert re.search(rf"\n\n\[{MARK} [0-9a-f]{{12}}\]$", stored)
    assert "@all" not in stored
    edited = bench.trello.edit_comment(task, made, MARK, text("可以开始了"))
    assert (edited.id, edited.version != made.version) == (made.id, True)
    assert bench.trello.find_comment(task, MARK) == edited
    bench.trello.remove_comment(task, edited)
    bench.trello.remove_comment(task, edited)
    assert bench.trello.find_comment(task, MARK) is None
    with pytest.raises(NotFound):
        bench.trello.edit_comment(task, edited, MARK, text("x"))


def test_a_comment_edited_by_hand_is_left_alone(bench: Bench) -> None:
    task = bench.card("支付流程测试")
    made = bench.trello.add_comment(task, MARK, text("一"))
    by_hand = f"我改过\n\n[{MARK}]"
    bench.simulator.edit_comment(made.id, by_hand)
    with pytest.raises(Conflict) as caught:
        bench.trello.edit_comment(task, made, MARK, text("二"))
    assert caught.value.expected == made.version != caught.value.found
    with pytest.raises(Conflict):
        bench.trello.remove_comment(task, made)
    assert bench.simulator.state.actions[made.id]["data"]["text"] == by_hand


def test_our_comment_is_found_behind_a_thousand_others_and_copies_are_not_ours(bench: Bench) -> None:
    task = bench.card("支付流程测试")
    bench.simulator.add_comment(task.key, f"抄来的\n\n[{MARK}]", by="li-na")
    assert bench.trello.find_comment(task, MARK) is None
    made = bench.trello.add_comment(task, MARK, text("一"))
    bench.simulator.add_comment(task.key, f"转发\n\n[{MARK}]", by="li-na")
    for number in range(1001):
        bench.simulator.add_comment(task.key, f"第 {number} 条", by="li-na")
    assert bench.trello.find_comment(task, MARK) == made


def test_a_lost_answer_is_looked_for(bench: Bench) -> None:
    task = bench.card("支付流程测试")
    bench.simulator.faults.plan(Fault("lost_answer", match="POST .*/comments"))
    with pytest.raises(LostAnswer):
        bench.trello.add_comment(task, MARK, text("一"))
    found = bench.trello.find_comment(task, MARK)
    assert found is not None
    assert bench.simulator.state.comment_counts[task.key] == 1
    bench.simulator.faults.plan(Fault("lost_answer", match="POST .*/checkItems"))
    with pytest.raises(LostAnswer):
        bench.trello.add_link(task, LinkEnd(JIRA.ref, "PAY-9", "x", "https://x.example/PAY-9"), "waits_for", MARK)
    assert (
        bench.trello.find_link(task, LinkEnd(JIRA.ref, "", "", "https://x.example/PAY-9"), "waits_for", MARK)
        is not None
    )


def test_only_members_of_the_board_are_mentioned(bench: Bench) -> None:
    task = bench.card("支付流程测试")
    board = bench.trello.site.board_id(PRODUCT)
    lina, outside = (bench.simulator.add_member(name, "李丽") for name in ("lili", "outsider"))
    bench.simulator.state.memberships[board][lina] = {"idMember": lina, "memberType": "normal"}
    body: RichText = (Paragraph((PersonMention("李丽", lina), PersonMention("外人", outside))),)
    made = bench.trello.add_comment(task, MARK, body)
    assert bench.simulator.state.actions[made.id]["data"]["text"].startswith("@lili 外人\n")


def test_a_comment_too_long_is_refused_before_it_is_sent(bench: Bench) -> None:
    with pytest.raises(CannotExpress):
        bench.trello.add_comment(bench.card("支付流程测试"), MARK, text("长" * 16_400))


def test_a_link_says_what_the_card_waits_for(bench: Bench) -> None:
    task, other = bench.card("支付功能上线说明"), JIRA
    assert bench.trello.find_link(task, other, "waits_for", MARK) is None
    made = bench.trello.add_link(task, other, "waits_for", MARK)
    assert made.is_ours
    record = bench.records()[task.key]
    mention = next(item for item in record.mentions if item.id == made.id)
    assert (mention.where, mention.title, mention.text) == ("checklist", "依赖", other.url)
    assert len(record.values["checklists"]) == 1
    found = bench.trello.find_link(task, other, "waits_for", MARK)
    assert found is not None
    assert (found.id, found.is_ours) == (made.id, False)
    assert bench.trello.find_link(task, other, "blocks", MARK) is None
    with pytest.raises(Refused):
        bench.trello.remove_link(task, found)
    bench.trello.remove_link(task, made)
    bench.trello.remove_link(task, made)
    assert bench.trello.find_link(task, other, "waits_for", MARK) is None


def test_a_link_says_what_the_card_blocks(bench: Bench) -> None:
    task, other = bench.card("支付功能上线说明"), JIRA
    made = bench.trello.add_link(task, other, "blocks", MARK)
    assert bench.simulator.state.attachments[task.key][-1]["name"] == "支付接口开发"
    found = bench.trello.find_link(task, msgspec.structs.replace(other, url=other.url + "/"), "blocks", MARK)
    assert found is not None
    assert found.id == made.id
    bench.trello.remove_link(task, made)
    assert bench.trello.find_link(task, other, "blocks", MARK) is None
    bench.simulator.delete(task.key)
    bench.trello.remove_link(task, made)


def test_a_persons_link_with_a_slug_already_says_it(bench: Bench) -> None:
    task, other = bench.card("支付功能上线说明"), bench.card("支付流程测试")
    url = f"https://trello.com/c/{bench.simulator.state.cards[other.key]['shortLink']}"
    found = bench.trello.find_link(task, LinkEnd(other, "", "支付流程测试", url), "waits_for", MARK)
    assert found is not None
    assert not found.is_ours


def test_the_checklist_speaks_the_connections_language(bench: Bench) -> None:
    english = bench.connect(language="en")
    task = Ref.of(
        "trello-main",
        "task",
        bench.simulator.add_card(bench.trello.site.board_id(SALES), "待办", "新", by="liu-yang")["id"],
    )
    english.add_link(task, JIRA, "waits_for", MARK)
    bench.trello.add_link(task, LinkEnd(JIRA.ref, "", "", "https://x.example/2"), "waits_for", MARK)
    names = [
        bench.simulator.state.checklists[key]["name"] for key in bench.simulator.state.checklists_of_card[task.key]
    ]
    assert names == ["Depends on"]
    with pytest.raises(CannotExpress):
        english.add_link(task, LinkEnd(JIRA.ref, "PAY-1", "x", ""), "waits_for", MARK)


def test_a_mark_in_our_own_text_is_not_a_mark(bench: Bench) -> None:
    task = bench.card("支付流程测试")
    made = bench.trello.add_comment(task, MARK, text(f"[{OTHER_MARK}]"))
    assert mark_from(bench.simulator.state.actions[made.id]["data"]["text"]) == MARK
    assert bench.trello.find_comment(task, OTHER_MARK) is None
