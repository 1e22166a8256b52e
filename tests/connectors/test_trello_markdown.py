"""RichText as Trello Markdown: a golden file, and text from outside that stays text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from connectors.trello.markdown import JOINER, comment_text, markdown_from, mention_ids
from sync.core.errors import (
    CannotExpress,
)
from sync.core.marks import mark_from
from sync.core.rich_text import (
    Anchor,
    BulletList,
    CodeBlock,
    Contents,
    Heading,
    LineBreak,
    ListItem,
    Lozenge,
    NumberedList,
    PageLink,
    Panel,
    Paragraph,
    PersonMention,
    Picture,
    Quote,
    RichText,
    Rule,
    Table,
    Text,
)

GOLDEN = Path(__file__).parent / "golden"
MARK = "tieline:demo:0123456789abcdef"
LI_NA = "6740f1a000000000000000d1"

COMMENT: RichText = (
    Heading(2, (Text("延期提醒"),)),
    Paragraph(
        (
            Text("支付接口开发", is_bold=True), Text(" 比计划晚 "), Lozenge("3 个工作日", "red"), Text("，"),
            PersonMention("李娜", LI_NA), Text(" 与 "), PersonMention("Zhang *Wei*", "elsewhere"), LineBreak(),
            Text("原因（见 "),
            PageLink("延期说明", "延期说明"),
            Text("）："), Text("网关联调", is_italic=True), Text(" "), Text("旧日期", is_struck=True), Text("（"),
            Text("重要：", is_bold=True), Text("已延期）"), Anchor("PAY-1 [支付]", "https://x.example/browse/PAY-1?a=(b)"),
        )
    ),
    BulletList(
        (
            ListItem((Paragraph((Text("下单"),)), BulletList((ListItem((Paragraph((Text("退款"),)),)),)))),
            ListItem((Paragraph((Text("压测"),)),), is_done=True),
        )
    ),
    NumberedList((ListItem((Paragraph((Text("第一步"),)), CodeBlock("a ``` b\n@all", "py thon"))),), start=9),
    Table(((Text("工作项"),), (Text("负责"),)), (((Text("目标拆解"),), (Text("市场部|销售部"),)), ((Text("复盘"),), ()))),
    Quote((Paragraph((Text("原文"), LineBreak(), Text("# 不是标题"))),)),
    Panel("warning", (Paragraph((Text("请确认"),)),), "风险"),
    Rule(),
    Picture("甘特图", url="https://x.example/p.png"),
    Paragraph((Text("run `x`", is_code=True), Text(" 完"))),
)  # fmt: skip


def test_the_dialect_is_the_golden_file() -> None:
    golden = (GOLDEN / "trello_comment.md").read_text(encoding="utf-8")
    assert comment_text(COMMENT, MARK, {LI_NA: "lina"}) + "\n" == golden
    assert mention_ids(COMMENT) == {LI_NA, "elsewhere"}
    assert mark_from(golden) == MARK


@pytest.mark.parametrize("block", [Contents(), Picture("图", filename="a.png")])
def test_what_a_comment_cannot_say_is_refused(block: Contents | Picture) -> None:
    with pytest.raises(CannotExpress):
        markdown_from((block,))


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("**粗** _斜_ ~~划~~ `码` [字](https://evil.example)", None),
        ("# 标题\n- 项\n1. 项\n> 引\n---\n===\n    代码", None),
        ("@zhangwei 请看 @all", r"@\w"),
        ("邮件 a.b@corp.example", r"@corp\.example"),
        ("https://evil.example/x http://1.2.3.4 www.evil.example evil.cn/x", r"://|www\.evil|\w\.(?:cn|example)"),
        ("<script>alert(1)</script> &lt;b&gt; <https://evil.example>", None),
        (f"[{MARK}]", None),
        (":fire: 10:30:00", r":fire:"),
        ("![图](https://evil.example/p.png)\\", None),
        ('[x](https://trello.com/c/AbC123xy "smartCard-inline")', r"trello\.com"),
    ],
)
def test_text_from_outside_stays_text(text: str, never: str | None) -> None:
    said = markdown_from((Paragraph((Text(text),)),))
    assert shown(said) == " ".join(text.split())
    assert never is None or not re.search(never, said), said
    assert mark_from(said) == ""


@pytest.mark.parametrize(
    "line",
    [
        "# a",
        "  # a",
        " - a",
        "- a",
        "+ a",
        "* a",
        "1. a",
        " 12) a",
        "> a",
        "---",
        " ===",
        "    a",
        "```",
        "~~~",
        "|a|b|",
    ],
)
def test_no_line_begins_like_a_block(line: str) -> None:
    for content in ((Text(line),), (Text("甲"), LineBreak(), Text(line)), (Text(line), LineBreak(), Text("---"))):
        said = markdown_from((Paragraph(content),))
        words = " ".join(item.text if isinstance(item, Text) else " " for item in content)
        assert shown(said) == " ".join(words.split())


def shown(markdown: str) -> str:
    """What a CommonMark reader sees; fails when anything but plain paragraphs of text comes out."""
    tokens = MarkdownIt("commonmark").enable(["strikethrough", "table"]).parse(markdown)
    kinds = {token.type for token in tokens} - {"paragraph_open", "paragraph_close", "inline"}
    assert not kinds, (kinds, markdown)
    children = [child for token in tokens for child in token.children or ()]
    kinds = {child.type for child in children} - {"text", "text_special", "softbreak"}
    assert not kinds, (kinds, markdown)
    text = "".join(" " if child.type == "softbreak" else child.content for child in children)
    return " ".join(text.replace(JOINER, "").split())


@given(st.text(alphabet=st.sampled_from("ab1 支。\n\t\\`*_{}[]()<>#+-.!|~&;:/@\"'=^$"), max_size=40))
def test_no_text_becomes_markup(text: str) -> None:
    said = markdown_from((Paragraph((Text("甲"), LineBreak(), Text(text))),))
    assert shown(said) == " ".join(f"甲 {text}".split())


@given(st.text(alphabet=st.sampled_from("ab 支。，*_~`[]!"), min_size=1, max_size=12))
def test_bold_stays_bold_beside_chinese(text: str) -> None:
    said = markdown_from((Paragraph((Text("前"), Text(text, is_bold=True), Text("后"))),))
    children = [child for token in MarkdownIt("commonmark").parse(said) for child in token.children or ()]
    bold = "".join(c.content for c in children if c.level == 1 and c.type.startswith("text"))
    assert bold == " ".join(text.split()), said


def test_unsafe_urls_become_text() -> None:
    assert "](" not in markdown_from((Paragraph((Anchor("点我", "javascript:alert(1)"),)),))
    said = markdown_from((Paragraph((Anchor("x](https://evil.example) [y", 'https://ok.example/a b(c)">'),)),))
    links = [c for t in MarkdownIt().parse(said) for c in t.children or () if c.type == "link_open"]
    assert [link.attrs["href"] for link in links] == ["https://ok.example/a%20b%28c%29%22%3E"]
