"""Any text that Tieline could write: every block and inline, odd characters, people who can be mentioned and who cannot."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

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

_SEEN = "支付接口开发 比计划晚 3 天 😀 👩‍👩‍👧 \u202e\u00a0\t\n <b>&amp; &#60; {code} {anchor:x} [a|b] *y* _z_ @all :smile: h1. # - --- \\ `"
_words = st.text(st.sampled_from(_SEEN), max_size=12) | st.text(max_size=8)
_urls = st.sampled_from(
    ("https://company.example/browse/PAY-1?a=b|c#d", "mailto:a@b.example", "javascript:alert(1)", "x y")
)
_colours = st.sampled_from(("grey", "green", "yellow", "red", "blue"))
_kinds = st.sampled_from(("info", "note", "tip", "warning"))


def _inlines(account_ids: Sequence[str]) -> st.SearchStrategy[tuple[Inline, ...]]:
    ids = st.sampled_from(("", "nobody", *account_ids))
    inline = st.one_of(
        st.builds(Text, _words, st.booleans(), st.booleans(), st.booleans(), st.booleans()),
        st.builds(Anchor, _words, _urls),
        st.builds(PersonMention, _words.filter(str.strip), ids),
        st.builds(Lozenge, _words, _colours),
        st.just(LineBreak()),
    )
    return st.lists(inline, max_size=4).map(tuple)


def _holders(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    content = st.lists(inner, max_size=3).map(tuple)
    items = st.lists(st.builds(ListItem, content, st.sampled_from((None, True, False))), max_size=3).map(tuple)
    return st.one_of(
        st.builds(BulletList, items),
        st.builds(NumberedList, items, st.integers(0, 9)),
        st.builds(Quote, content),
        st.builds(Panel, _kinds, content, _words),
    )


def rich_texts(account_ids: Sequence[str] = ()) -> st.SearchStrategy[RichText]:
    """Texts that say something, so that no vendor takes them for empty."""
    inlines = _inlines(account_ids)
    rows = st.lists(st.lists(inlines, max_size=3).map(tuple), max_size=3).map(tuple)
    leaf = st.one_of(
        st.builds(Paragraph, inlines),
        st.builds(Heading, st.integers(1, 6), inlines),
        st.builds(Table, st.lists(inlines, max_size=3).map(tuple), rows),
        st.builds(CodeBlock, _words, st.sampled_from(("", "python", "c++", "a b"))),
        st.builds(Picture, _words, st.just(""), st.just("https://company.example/p.png")),
        st.just(Rule()),
    )
    block = st.recursive(leaf, _holders, max_leaves=6)
    said = Paragraph((Text("比计划晚 3 个工作日"),))
    return st.lists(block, max_size=4).map(lambda blocks: (said, *blocks))
