"""Markdown in: text as the one document tree. Pure. Raw HTML is text; only http, https and mailto lead anywhere.

Markdown out is ``markdown_from_rich_text``, made in ``sync.core.markdown_text``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from sync.core.markdown_text import is_relative_url, is_safe_url, markdown_from_rich_text
from sync.core.rich_text import (
    Anchor,
    Block,
    BulletList,
    CodeBlock,
    Contents,
    Heading,
    Inline,
    Inlines,
    LineBreak,
    ListItem,
    NumberedList,
    Panel,
    PanelKind,
    Paragraph,
    Picture,
    Quote,
    RichText,
    Rule,
    Table,
    Text,
)

__all__ = ["markdown_from_rich_text", "rich_text_from_markdown"]

MOST_WORK = 2_000_000_000  # a bracket looks for its end in the rest of its paragraph: about a second
MOST_ADDRESSES = 10  # times the text: "[a]" may stand for an address of any length
MOST_NESTED = 100  # levels; markdown-it leaves out what lies deeper, so such a text is shown as it was typed
_BOX = re.compile(r"\[([ xX])\](?:[ \t]+|(?=\n)|$)")
_ALERT = re.compile(r"\[!(note|tip|important|warning|caution)\][ \t]*([^\n]*)(?:\n|$)", re.IGNORECASE)
_CONTENTS = re.compile(r"\[\[?_?TOC_?\]?\]", re.IGNORECASE)
# GitHub's alerts as our panels: its five kinds fall on our four.
_PANELS: dict[str, PanelKind] = {
    "note": "info", "tip": "tip", "important": "note", "warning": "warning", "caution": "warning",
}  # fmt: skip


class _Parser(MarkdownIt):
    """Parses every link, so that one that may not be followed is text without its brackets rather than raw markup."""

    def validateLink(self, url: str) -> bool:  # noqa: N802  # the library's name
        return True


class _TooMuch(ValueError):
    """The text would take for ever, or grow without measure."""


def _refuse_endless_work(state: StateCore) -> None:
    work = sum(token.content.count("[") * len(token.content) for token in state.tokens if token.type == "inline")
    if work > MOST_WORK:
        raise _TooMuch


def _take_boxes_and_alerts(state: StateCore) -> None:
    """Take "[x] " and "[!NOTE]" out of the source before its inline parse, so that an escaped "\\[x]" stays text."""
    for opening, _, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if inline.type != "inline" or opening.level != inline.level - 2:
            continue
        if opening.type == "list_item_open" and (box := _BOX.match(inline.content)):
            opening.meta["is_done"] = box[1] != " "
            inline.content = inline.content[box.end() :]
        elif opening.type == "blockquote_open" and (alert := _ALERT.match(inline.content)):
            opening.meta["panel"] = _PANELS[alert[1].lower()]
            opening.meta["title"] = unescapeAll(alert[2].strip())
            inline.content = inline.content[alert.end() :]


_parser = _Parser("commonmark", {"html": False, "maxNesting": MOST_NESTED}).enable(["table", "strikethrough"])
_parser.core.ruler.after("block", "boxes_and_alerts", _take_boxes_and_alerts)
_parser.core.ruler.after("block", "endless_work", _refuse_endless_work)


def rich_text_from_markdown(text: str) -> RichText:
    """CommonMark with tables, strike-through, task lists, GitHub alerts and ``[TOC]``; the front matter is gone already.

    A picture with a relative path is one of the page's files; one with a forbidden address is its alt text. A relative link stays a
    link, its address as typed: the caller knows where it leads. What is nested absurdly deep, or made to keep a reader busy, is shown
    as it was typed.
    """
    try:
        tokens = _parser.parse(text.replace("\x00", "\ufffd"))
    except _TooMuch:
        return (CodeBlock(text),)
    addresses = sum(len(str(part.attrs.get("href") or part.attrs.get("src") or ""))
                    for token in tokens for part in token.children or ())  # fmt: skip
    if any(token.level >= MOST_NESTED - 2 for token in tokens) or addresses > MOST_ADDRESSES * (len(text) + 10_000):
        return (CodeBlock(text),)
    return tuple(_blocks(_Tokens(tokens), None))


class _Tokens:
    """The parser's flat tokens, read once from front to back."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._position = 0

    def next(self) -> Token | None:
        if self._position >= len(self._tokens):
            return None
        self._position += 1
        return self._tokens[self._position - 1]

    def until(self, closing: str | None) -> Iterator[Token]:
        """Tokens up to the closing one, which is taken too."""
        while (token := self.next()) and token.type != closing:
            yield token


def _blocks(tokens: _Tokens, closing: str | None) -> Iterator[Block]:
    for token in tokens.until(closing):
        kind = token.type
        if kind == "paragraph_open":
            yield from _paragraph(tokens)
        elif kind == "heading_open":
            yield Heading(int(token.tag[1]), _content(tokens, "heading_close"))
        elif kind == "bullet_list_open":
            yield BulletList(tuple(_items(tokens, "bullet_list_close")))
        elif kind == "ordered_list_open":
            start = token.attrs.get("start", 1)
            yield NumberedList(tuple(_items(tokens, "ordered_list_close")), int(start))
        elif kind == "blockquote_open":
            yield _quote(token, tuple(_blocks(tokens, "blockquote_close")))
        elif kind == "table_open":
            yield _table(tokens)
        else:
            yield from _leaf(token)


def _leaf(token: Token) -> Iterator[Block]:
    if token.type in ("fence", "code_block"):
        yield CodeBlock(token.content.removesuffix("\n"), (token.info.split() or [""])[0])
    elif token.type == "hr":
        yield Rule()


def _content(tokens: _Tokens, closing: str) -> Inlines:
    """The inline content up to the closing token. It cannot hold pictures: a link to each stands there, so that none is lost."""
    found = [
        part for token in tokens.until(closing) if token.type == "inline" for part in _inlines(token.children or [])
    ]
    return _trimmed(_joined([_link_to(part) if isinstance(part, Picture) else part for part in found]))


def _link_to(picture: Picture) -> Anchor:
    source = picture.url or picture.filename
    return Anchor(picture.alt or source, source)


def _paragraph(tokens: _Tokens) -> Iterator[Block]:
    """A paragraph; a picture in it stands between its parts as a block of its own, as our tree has no pictures in text."""
    run: list[Inline] = []
    inline = list(tokens.until("paragraph_close"))
    if len(inline) == 1 and _CONTENTS.fullmatch(inline[0].content.strip()):
        yield Contents()
        return
    for part in (part for token in inline for part in _inlines(token.children or [])):
        if isinstance(part, Picture):
            yield from _flushed(run)
            run = []
            yield part
        else:
            run.append(part)
    yield from _flushed(run)


def _flushed(run: list[Inline]) -> Iterator[Block]:
    content = _trimmed(_joined(run))
    if content:
        yield Paragraph(content)


def _trimmed(content: Inlines) -> Inlines:
    """Without line breaks and blanks at the edges, which a picture leaves behind."""
    parts = list(content)
    while parts and _is_blank(parts[0]):
        parts.pop(0)
    while parts and _is_blank(parts[-1]):
        parts.pop()
    if parts and isinstance(first := parts[0], Text):
        parts[0] = Text(first.text.lstrip(), *_style(first))
    if parts and isinstance(last := parts[-1], Text):
        parts[-1] = Text(last.text.rstrip(), *_style(last))
    return tuple(parts)


def _is_blank(part: Inline) -> bool:
    return isinstance(part, LineBreak) or (isinstance(part, Text) and not part.text.strip())


def _joined(parts: Sequence[Inline]) -> Inlines:
    """Neighbouring texts of one style as one text, empty ones gone, and the source's line ends as spaces."""
    found: list[Inline] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Text) and isinstance(last, Text) and _style(part) == _style(last):
            found[-1] = Text(last.text + part.text, *_style(last))
        elif not isinstance(part, Text) or part.text:
            found.append(part)
    return tuple(Text(_unwrapped(part.text), *_style(part)) if isinstance(part, Text) else part for part in found)


def _unwrapped(text: str) -> str:
    """A line end inside a paragraph is a space, but nothing where a Chinese sentence was merely wrapped."""
    first, *rest = text.split("\n")
    for line in rest:
        is_chinese = (
            first and line and {unicodedata.east_asian_width(each) for each in first[-1] + line[0]} <= {"W", "F"}
        )
        first += line if is_chinese else f" {line}"
    return first


def _style(text: Text) -> tuple[bool, bool, bool, bool]:
    return text.is_bold, text.is_italic, text.is_code, text.is_struck


def _inlines(tokens: Sequence[Token]) -> Iterator[Inline | Picture]:
    marks = {"strong": 0, "em": 0, "s": 0}
    anchor: list[str] | None = None
    url = ""
    for token in tokens:
        name, _, end = token.type.rpartition("_")
        if name in marks:
            marks[name] += 1 if end == "open" else -1
        elif token.type == "link_open":
            anchor, url = [], str(token.attrs.get("href", ""))
        elif token.type == "link_close":
            yield from _anchor(_unwrapped("".join(anchor or [])), url)
            anchor = None
        else:
            for part in _inline(token, marks):
                if anchor is None:
                    yield part
                else:
                    anchor.append(
                        part.text if isinstance(part, Text) else part.alt if isinstance(part, Picture) else " "
                    )


def _inline(token: Token, marks: dict[str, int]) -> Iterator[Inline | Picture]:
    bold, italic, struck = marks["strong"] > 0, marks["em"] > 0, marks["s"] > 0
    if token.type in ("text", "text_special", "html_inline") and token.content:
        yield Text(token.content, bold, italic, is_struck=struck)
    elif token.type == "code_inline":
        yield Text(token.content, bold, italic, is_code=True, is_struck=struck)
    elif token.type == "hardbreak":
        yield LineBreak()
    elif token.type == "softbreak":
        yield Text("\n", bold, italic, is_struck=struck)
    elif token.type == "image":
        yield from _picture(token)


def _anchor(text: str, url: str) -> Iterator[Inline]:
    address = url if is_safe_url(url) else unquote(url)
    if is_safe_url(address) or is_relative_url(address):
        yield Anchor(text or address, address)
    elif text:
        yield Text(text)


def _picture(token: Token) -> Iterator[Inline | Picture]:
    alt, source = _plain(token.children or []), str(token.attrs.get("src", ""))
    try:
        parts = urlsplit(source)
    except ValueError:
        parts = None
    if parts and parts.scheme in ("http", "https") and parts.netloc:
        yield Picture(alt, url=source)
    elif parts and not parts.scheme and not parts.netloc and parts.path:
        yield Picture(alt, filename=unquote(parts.path))
    elif alt:
        yield Text(alt)


def _plain(tokens: Sequence[Token]) -> str:
    return "".join(token.content if not token.children else _plain(token.children) for token in tokens)


def _items(tokens: _Tokens, closing: str) -> Iterator[ListItem]:
    for token in tokens.until(closing):
        if token.type == "list_item_open":
            yield ListItem(tuple(_blocks(tokens, "list_item_close")), token.meta.get("is_done"))


def _quote(token: Token, content: RichText) -> Block:
    """A quotation; ``[!NOTE]`` on its first line made it a panel."""
    return Panel(token.meta["panel"], content, token.meta["title"]) if "panel" in token.meta else Quote(content)


def _table(tokens: _Tokens) -> Table:
    rows: list[tuple[Inlines, ...]] = []
    row: list[Inlines] = []
    for token in tokens.until("table_close"):
        if token.type in ("th_open", "td_open"):
            closing: Literal["th_close", "td_close"] = "th_close" if token.type == "th_open" else "td_close"
            row.append(_content(tokens, closing))
        elif token.type == "tr_close":
            rows.append(tuple(row))
            row = []
    return Table(rows[0] if rows else (), tuple(rows[1:]))
