from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.core.markdown import rich_text_from_markdown as read
from sync.core.markdown_text import markdown_from_rich_text as write
from sync.core.rich_text import (
    Anchor,
    Block,
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
)  # fmt: skip


def words(text: str) -> Paragraph:
    return Paragraph((Text(text),))


@pytest.mark.parametrize(
    ("markdown", "tree"),
    [
        ("# 标题 **粗**", (Heading(1, (Text("标题 "), Text("粗", is_bold=True))),)),
        ("a\nb", (words("a b"),)),
        ("a\\\nb", (Paragraph((Text("a"), LineBreak(), Text("b"))),)),
        (
            "*斜* ~~删~~ `码`",
            (
                Paragraph(
                    (
                        Text("斜", is_italic=True),
                        Text(" "),
                        Text("删", is_struck=True),
                        Text(" "),
                        Text("码", is_code=True),
                    )
                ),
            ),
        ),
        ("[TOC]", (Contents(),)),
        ("[[_TOC_]]", (Contents(),)),
        ("> 引", (Quote((words("引"),)),)),
        ("> [!NOTE]\n> 注意", (Panel("info", (words("注意"),)),)),
        ("> [!TIP]\n> 好", (Panel("tip", (words("好"),)),)),
        ("> [!IMPORTANT]\n> 要", (Panel("note", (words("要"),)),)),
        ("> [!CAUTION]\n>\n> 危", (Panel("warning", (words("危"),)),)),
        ("> [!OTHER]\n> x", (Quote((words("[!OTHER] x"),)),)),
        ("- [ ] 待\n- [x] 完", (BulletList((ListItem((words("待"),), False), ListItem((words("完"),), True))),)),
        ("- [x]y", (BulletList((ListItem((words("[x]y"),)),)),)),
        ("3. c\n4. d", (NumberedList((ListItem((words("c"),)), ListItem((words("d"),))), 3),)),
        ("```py\nx = 1\n```", (CodeBlock("x = 1", "py"),)),
        ("---", (Rule(),)),
        ("|a|b|\n|-|-|\n|1|2|", (Table(((Text("a"),), (Text("b"),)), (((Text("1"),), (Text("2"),)),)),)),
        ("![图](img/a%20b.png)", (Picture("图", filename="img/a b.png"),)),
        ("![图](https://x.y/z.png)", (Picture("图", url="https://x.y/z.png"),)),
        ("前 ![图](a.png) 后", (words("前"), Picture("图", filename="a.png"), words("后"))),
        ("[站](https://x.y)", (Paragraph((Anchor("站", "https://x.y"),)),)),
        ("<mailto:a@b.cn>", (Paragraph((Anchor("mailto:a@b.cn", "mailto:a@b.cn"),)),)),
        ("<b>x</b>", (words("<b>x</b>"),)),
        ("", ()),
    ],
)
def test_reads(markdown: str, tree: RichText) -> None:
    assert read(markdown) == tree


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "vbscript:x",
        "//host/x",
        "http:///x",
        "mailto:",
    ],
)
def test_other_addresses_lead_nowhere(url: str) -> None:
    text = str(read(f"[字](<{url}>) ![图](<{url}>)"))
    assert "Anchor" not in text
    assert "url='" not in text.replace("url=''", "")
    assert "字" in text


def test_raw_html_is_text() -> None:
    tree = read('<script>alert("x")</script>\n\n<div onclick=1>\n\nhi <img src=x onerror=1>')
    assert all(isinstance(block, Paragraph) for block in tree)
    assert "<script>" in str(tree)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    read(text)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_typed_text_never_becomes_markup(text: str) -> None:
    tree = read(write((Paragraph((Text(text),)),)))
    assert all(isinstance(block, Paragraph) for block in tree)
    parts = [part for block in tree if isinstance(block, Paragraph) for part in block.content]
    assert all(part == Text(part.text) for part in parts if isinstance(part, Text))
    assert all(isinstance(part, Text) for part in parts)


def test_what_markdown_cannot_say_is_said_plainly() -> None:
    tree = (Paragraph((Lozenge("延期"), Text(" "), PersonMention("张伟", "id"), Text(" "), PageLink("看板", "页"))),)
    assert write(tree) == "**延期** @张伟 看板\n"
    assert write((Panel("info", (words("x"),), "标题"),)) == "> [!NOTE] 标题\n>\n> x\n"


PLAIN = st.text(st.sampled_from("abc 依赖*_`[]<>#&|\\~!-+=1.)："), min_size=1, max_size=12).map(str.strip).filter(bool)
# A mark next to other text is not always one for CommonMark (CJK punctuation beside **): a mark here stands between blanks.
WORD = st.text(st.sampled_from("abc依赖12"), min_size=1, max_size=6)
STYLED = st.builds(Text, WORD, is_bold=st.booleans(), is_italic=st.booleans(), is_struck=st.booleans())
CODE = st.builds(lambda text: Text(text, is_code=True), st.text(st.sampled_from("ab`|*\\<"), min_size=1, max_size=6))
ANCHOR = st.builds(Anchor, PLAIN, st.sampled_from(["https://a.b/c?x=1&y=2", "mailto:a@b.c", "http://h/(x)"]))
PART = st.one_of(STYLED, ANCHOR)


def _content(parts: list[Text | Anchor]) -> tuple[Text | Anchor, ...]:
    found: list[Text | Anchor] = []
    for number, part in enumerate(parts):
        found += [part] if number == 0 else [Text(" / "), part]
    joined: list[Text | Anchor] = []
    for part in found:
        last = joined[-1] if joined else None
        if isinstance(part, Text) and isinstance(last, Text) and Text("", *_style(part)) == Text("", *_style(last)):
            joined[-1] = Text(last.text + part.text, *_style(last))
        else:
            joined.append(part)
    return tuple(joined)


def _style(text: Text) -> tuple[bool, bool, bool, bool]:
    return text.is_bold, text.is_italic, text.is_code, text.is_struck


CONTENT = st.one_of(
    st.lists(PART, min_size=1, max_size=4).map(_content),
    PLAIN.map(lambda text: (Text(" ".join(text.split())),)),
    CODE.map(lambda part: (part,)).filter(lambda content: "|" not in content[0].text or "\\" not in content[0].text),
)
LEAF: st.SearchStrategy[Block] = st.one_of(
    st.builds(Paragraph, CONTENT.filter(lambda content: content != (Text("[TOC]"),))),
    st.builds(Heading, st.integers(1, 6), CONTENT),
    st.builds(
        CodeBlock,
        st.text(st.sampled_from("ab` \n~"), max_size=20).filter(lambda text: text != ""),
        st.sampled_from(["", "python", "c++"]),
    ),
    st.just(Rule()),
    st.just(Contents()),
    st.builds(Picture, WORD, filename=st.sampled_from(["a.png", "图/b c.png"])),
)


def _table(rows: list[list[tuple[Text | Anchor, ...]]]) -> Table:
    return Table(tuple(rows[0]), tuple(tuple(row) for row in rows[1:]))


TABLE = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(CONTENT, min_size=width, max_size=width), min_size=1, max_size=3)
).map(_table)  # fmt: skip


def _nested(children: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    blocks = st.lists(children, min_size=1, max_size=3).map(tuple)
    items = st.lists(st.builds(ListItem, blocks), min_size=1, max_size=3).map(tuple)
    boxes = st.lists(
        st.builds(ListItem, st.builds(Paragraph, CONTENT).map(lambda block: (block,)), st.booleans()), min_size=1, max_size=3
    ).map(tuple)  # fmt: skip
    return st.one_of(
        st.builds(BulletList, items),
        st.builds(BulletList, boxes),
        st.builds(NumberedList, items, st.integers(0, 99)),
        st.builds(Quote, blocks),
        st.builds(Panel, st.sampled_from(["info", "note", "tip", "warning"]), blocks),
    )


TREE = st.lists(st.recursive(st.one_of(LEAF, TABLE), _nested, max_leaves=6), max_size=4).map(tuple)


@settings(deadline=None, max_examples=300)
@given(TREE)
def test_a_tree_survives_markdown(tree: RichText) -> None:
    assert read(write(tree)) == tree
