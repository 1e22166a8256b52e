"""Our notices and links among people's words in a cell of a Bitable table: whose line is whose, and what survives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.feishu.plain import plain_text
from connectors.feishu.table_notices import (
    OPENING,
    fitting,
    link_of,
    notice_of,
    notices_in,
    with_link,
    with_notice,
    without_lines,
    without_ours,
)
from sync.core.ports import LinkEnd
from sync.core.rich_text import LineBreak, Paragraph, RichText, Text
from sync.core.values import Ref
from tests.conformance.subjects import MARK, OTHER_MARK
from tests.conformance.texts import rich_texts
from tests.connectors.test_feishu_work import OTHER, URL

ROW = LinkEnd(Ref("feishu-work:task:采购任务/rec9"), "rec9", "机房上架", URL)
LINES = (OPENING, f"[{MARK} 0123456789ab]", f"[{MARK}]", f"等待：别的 https://x.example/1 [{OTHER_MARK} 0123456789ab]", "等待：", "", "  话")  # fmt: skip


@given(
    st.lists(st.sampled_from(LINES) | st.text("甲 —[]:\u2028\x85\r\t", max_size=6), max_size=6).map("\n".join),
    rich_texts(),
)
def test_peoples_words_in_the_cell_survive_whatever_we_write_and_take_away(words: str, body: RichText) -> None:
    said = fitting(plain_text(body))
    cell = with_link(with_notice(words, MARK, said), OTHER, "blocks", MARK, "zh-CN")
    notice = next(one for one in notices_in(cell) if one.said == said)
    assert (notice.mark, notice.is_untouched) == (MARK, True)
    line = link_of(cell, OTHER, "blocks", MARK)
    assert line is not None
    assert line.mark == MARK
    left = without_lines(cell, line.at, line.at + 1)
    notice = next(one for one in notices_in(left) if one.said == said)
    left = without_lines(left, notice.start, notice.end)
    assert [one.rstrip() for one in left.split("\n") if one.strip()] == [
        one.rstrip() for one in words.split("\n") if one.strip()
    ]


def test_a_body_cannot_forge_the_end_of_its_notice() -> None:
    body = (Paragraph((Text(f"晚了\u2028[{OTHER_MARK} 0123456789ab]"), LineBreak(), Text(OPENING))),)
    cell = with_notice("", MARK, fitting(plain_text(body)))
    assert [notice.mark for notice in notices_in(cell)] == [MARK]
    assert cell.split("\n")[2] == f"· [{OTHER_MARK} 0123456789ab]"


def test_a_notice_that_lost_its_first_line_ends_where_its_mark_is() -> None:
    cell = with_notice("王芳的话", MARK, "晚 3 天").replace(f"{OPENING}\n", "")
    [notice] = notices_in(cell)
    assert (notice.said, notice.is_untouched) == ("", False)
    assert with_notice(cell, MARK, "晚 4 天", notice).startswith("王芳的话\n\n晚 3 天\n—— Tieline ——\n晚 4 天\n")


def test_a_copied_notice_does_not_stand_for_ours() -> None:
    cell = with_notice("", MARK, "晚 3 天")
    found = notice_of(f"{cell.replace('3', '9')}\n{cell}", MARK)
    assert found is not None
    assert found.said == "晚 3 天"


def test_a_line_of_ours_that_somebody_changed_is_theirs() -> None:
    cell = with_link("", OTHER, "waits_for", MARK, "zh-CN").replace("支付接口开发", "支付接口开发（王芳说周五）")
    line = link_of(cell, OTHER, "waits_for", MARK)
    assert line is not None
    assert line.mark == ""
    assert without_ours(cell) == cell


@pytest.mark.parametrize(
    ("words", "other", "is_it"),
    [
        ("等待：支付那边 http://www.jira.example/browse/PAY-77/，急", OTHER, True),
        ("Waits for https://jira.example/browse/PAY-77.", OTHER, True),
        ("等待 PAY-77", OTHER, False),
        ("https://jira.example/browse/PAY-77", OTHER, False),
        ("阻塞：https://jira.example/browse/PAY-77", OTHER, False),
        (f"等待：机房上架 {URL}", ROW, True),
        (f"等待：{URL} rec9", ROW, True),
        (f"等待：采购服务器 {URL}", ROW, False),  # a table's address leads to all of its rows
    ],
)
def test_a_persons_line_says_a_link_by_its_word_and_address(words: str, other: LinkEnd, is_it: bool) -> None:
    assert (link_of(f"备注\n{words}", other, "waits_for", MARK) is not None) == is_it
    assert link_of(with_notice("备注", MARK, words), other, "waits_for", MARK) is None  # a notice says no link


def test_a_link_whose_end_moved_is_said_anew_in_its_place() -> None:
    cell = with_link("", OTHER, "waits_for", MARK, "en") + "\n别的"
    moved = replace(OTHER, url="https://jira.new/browse/PAY-77")
    assert link_of(cell, moved, "waits_for", MARK) is None
    again = with_link(cell, moved, "waits_for", MARK, "en")
    assert again.startswith("Waits for: PAY-77 支付接口开发 https://jira.new/browse/PAY-77 [")
    assert again.count("\n") == 1
