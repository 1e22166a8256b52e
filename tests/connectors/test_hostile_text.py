"""What the fuzz campaign found in the writers, each as one small case: text that came true, or was lost, where two pieces met."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from connectors.confluence.storage import storage_from_rich_text
from connectors.jira.adf import adf_from_rich_text
from connectors.jira.clean import safe_url
from connectors.jira.wiki import wiki_from_rich_text
from connectors.trello.markdown import HAIR_SPACE, JOINER, markdown_from
from sync.core.rich_text import (
    Anchor,
    Block,
    BulletList,
    CodeBlock,
    Heading,
    Inline,
    LineBreak,
    ListItem,
    Lozenge,
    NumberedList,
    PageLink,
    Panel,
    Paragraph,
    PersonMention,
    Rule,
    Table,
    Text,
)


def line(*content: Inline) -> Paragraph:
    return Paragraph(content)


def html(markdown: str) -> str:
    return str(MarkdownIt("js-default", {"html": False, "breaks": True}).render(markdown)).replace("\n", "")


def test_a_link_to_a_page_is_its_text_in_jira() -> None:
    body = (line(PageLink("延期说明", "延期说明")),)
    assert adf_from_rich_text(body)["content"][0]["content"] == [{"type": "text", "text": "延期说明"}]
    assert wiki_from_rich_text(body) == "延期说明"


@pytest.mark.parametrize(
    ("content", "wiki"),
    [
        ((Text("h1"), Text(". x")), "h1&#46; x"),
        ((Text("http:"), PersonMention("//evil.example")), "http&#58;//evil.example"),
        ((Text("&"), Text("lt;")), "&amp;lt;"),
        ((Text("mailto:x@y.example"),), "mailto&#58;x@y.example"),
        ((Text("C:\\/>"),), "C&#58;&#92;/>"),
        ((Text("a"), LineBreak(), Text(" ")), "a"),
        ((Anchor("\x00", "https://x.example/"),), "[https&#58;//x.example/|https://x.example/]"),
    ],
)
def test_nothing_comes_true_in_wiki_markup(content: tuple[Inline, ...], wiki: str) -> None:
    assert wiki_from_rich_text((Paragraph(content),)) == wiki


def test_a_cells_last_line_break_does_not_take_the_wall() -> None:
    assert wiki_from_rich_text((Table((), (((Text("a"), LineBreak()), (Text("b"),)),)),)) == "|a|b|"


def test_an_entry_without_words_is_an_entry_and_holds_no_rule() -> None:
    assert wiki_from_rich_text((BulletList((ListItem((Rule(),)), ListItem(()))),)) == "* &nbsp;\n* &nbsp;"


@pytest.mark.parametrize("url", ["http:///x", "https://?a", "https://#a"])
def test_an_address_without_a_host_is_no_link(url: str) -> None:
    assert safe_url(url) == ""
    assert "](" not in markdown_from((line(Anchor("x", url)),))


def test_a_link_without_words_shows_its_address_on_a_page() -> None:
    said = storage_from_rich_text((line(Anchor("\x00", "https://x.example/")),), is_cloud=True)
    assert said == '<p><a href="https://x.example/">https://x.example/</a></p>'


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ((Text("@"), Text("all")), f"@{JOINER}all"),
        ((Text("http:"), Text("//evil.example")), f"http:{JOINER}//evil.{JOINER}example"),
        ((Text("a", is_code=True), Text("b", is_code=True)), f"<code>a</code>{HAIR_SPACE}<code>b</code>"),
        ((Text("a", is_bold=True), Lozenge("b")), f"<strong>a</strong>{HAIR_SPACE}<strong>b</strong>"),
        (
            (Text("前"), Text("a\x80", is_bold=True, is_italic=True), Text("后")),
            f"前{HAIR_SPACE}<em><strong>a\x80</strong></em>{HAIR_SPACE}后",
        ),
        ((Text("half \ud800"),), "half \ufffd"),
        ((Text("a"), LineBreak(), LineBreak(), Text("b")), "a<br>b"),
    ],
)
def test_pieces_stay_what_they_are_in_trello(content: tuple[Inline, ...], shown: str) -> None:
    assert html(markdown_from((Paragraph(content),))) == f"<p>{shown}</p>"


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        (Heading(1, (Text("C #"),)), "<h1>C #</h1>"),
        (CodeBlock("a\r\nb\x00"), "<pre><code>a\nb</code></pre>"),
        (BulletList((ListItem((Rule(),)),)), "<ul><li><hr></li></ul>"),
        (
            BulletList((ListItem((BulletList((ListItem(()), ListItem((Rule(),)))),)),)),
            f"<ul><li><ul><li>{JOINER}</li><li><hr></li></ul></li></ul>",
        ),
        (BulletList((ListItem((Heading(1, (Text("a"),)),), is_done=True),)), "<ul><li><p>✅</p><h1>a</h1></li></ul>"),
        (ListItem((line(), Rule())), "<ul><li><hr></li></ul>"),
        (
            ListItem((line(Text("a")), NumberedList((ListItem((line(Text("b")),)),), start=3))),
            '<ul><li><p>a</p><ol start="3"><li>b</li></ol></li></ul>',
        ),
        (Table(((Text("a"),),), (((Text(" "),),), ((Text("b"),),))), "<ul><li>a：b</li></ul>"),
        (
            Panel("tip", (line(Text("x")),), "t\ud800"),
            "<blockquote><p>💡 <strong>t\ufffd</strong></p><p>x</p></blockquote>",
        ),
    ],
)
def test_blocks_stay_what_they_are_in_trello(block: Block | ListItem, shown: str) -> None:
    said = html(markdown_from((BulletList((block,)) if isinstance(block, ListItem) else block,)))
    assert said.replace("\n", "") == shown.replace("\n", "")


def test_an_address_with_an_entity_leads_where_it_says() -> None:
    said = html(markdown_from((line(Anchor("x", "https://x.example/?a=1&lt;=2")),)))
    assert said == '<p><a href="https://x.example/?a=1&amp;lt;=2">x</a></p>'
