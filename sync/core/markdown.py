"""Markdown in: CommonMark with tables, strikethrough, check boxes and alerts becomes rich text. Pure.

The way out is ``sync.core.markdown_text``; ``markdown_from_rich_text`` is given on from here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from msgspec.structs import replace

from sync.core.markdown_text import ALERTS, is_unsafe_url, markdown_from_rich_text
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
    Paragraph,
    Picture,
    Quote,
    RichText,
    Rule,
    Table,
    Text,
)

__all__ = ["markdown_from_rich_text", "rich_text_from_markdown"]

MOST_NESTED = 100  # levels; beyond it markdown-it leaves text out, so such a text is shown as it was typed
_BOX = re.compile(r"\[([ xX])\](?:[ \t]+|(?=\n)|$)")
_ALERT = re.compile(rf"\[!({'|'.join(ALERTS)})\][ \t]*([^\n]*)(?:\n|$)", re.IGNORECASE)
_TOC = re.compile(r"\[toc\]", re.IGNORECASE)
_STYLES = {"strong": "is_bold", "em": "is_italic", "s": "is_struck"}


def rich_text_from_markdown(text: str) -> RichText:
    """The text as rich text; any text is accepted.

    Raw HTML is shown as text. Links to http, https and mailto, and relative ones, stay links; any other scheme becomes plain text.
    A relative picture names a file, one on the web keeps its URL. ``> [!NOTE]`` makes a panel, ``[TOC]`` a table of contents.
    """
    tokens = _parser().parse(text)
    if any(token.level >= MOST_NESTED - 2 for token in tokens):
        return (CodeBlock(text),)
    return _blocks(iter(tokens))


class _Parser(MarkdownIt):
    """Keeps link targets as they were typed: which ones are links is decided here, and where relative ones lead by the caller."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's own name
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url if is_unsafe_url(url) or "://" not in url else super().normalizeLink(url)


@cache
def _parser() -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False, "maxNesting": MOST_NESTED}).enable(["table", "strikethrough"])
    parser.core.ruler.after("block", "boxes_and_alerts", _take_boxes_and_alerts)
    return parser


def _take_boxes_and_alerts(state: StateCore) -> None:
    """Take "[x] " and "[!NOTE]" out of the source before it is parsed further, so that an escaped "\\[x]" stays text."""
    for opening, _, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if inline.type != "inline" or opening.level != inline.level - 2:
            continue
        if opening.type == "list_item_open" and (box := _BOX.match(inline.content)):
            opening.meta["is_done"] = box[1] != " "
            inline.content = inline.content[box.end() :]
        elif opening.type == "blockquote_open" and (alert := _ALERT.match(inline.content)):
            opening.meta["alert"] = alert[1].upper()
            opening.meta["title"] = unescapeAll(alert[2].strip())
            inline.content = inline.content[alert.end() :]


def _blocks(tokens: Iterator[Token], end: str = "") -> RichText:
    blocks: list[Block] = []
    for token in tokens:
        if token.type == end:
            break
        blocks.extend(_block(token, tokens))
    return tuple(blocks)


def _block(token: Token, tokens: Iterator[Token]) -> Sequence[Block]:
    """The blocks that begin with this token; takes from ``tokens`` what belongs to them."""
    match token.type:
        case "paragraph_open":
            return _paragraph(_inline_token(tokens))
        case "heading_open":
            return [Heading(int(token.tag[1:]), _flat(_inlines(_inline_token(tokens))))]
        case "bullet_list_open":
            return [BulletList(_items(tokens, "bullet_list_close"))]
        case "ordered_list_open":
            return [NumberedList(_items(tokens, "ordered_list_close"), int(token.attrs.get("start", 1)))]
        case "blockquote_open":
            return [_quote(token, _blocks(tokens, "blockquote_close"))]
        case "table_open":
            return [_table(tokens)]
        case "fence" | "code_block":
            language = unescapeAll(token.info).split(maxsplit=1)
            return [CodeBlock(token.content.removesuffix("\n"), language[0] if language else "")]
        case "hr":
            return [Rule()]
        case _:
            return []


def _inline_token(tokens: Iterator[Token]) -> Token:
    inline = next(tokens)
    next(tokens)  # the closing token
    return inline


def _paragraph(inline: Token) -> list[Block]:
    """A paragraph; its pictures stand between the text before and after them."""
    if _TOC.fullmatch(inline.content.strip()):
        return [Contents()]
    blocks: list[Block] = []
    run: list[Inline] = []
    for part in [*_inlines(inline), None]:
        if part is None or isinstance(part, Picture):
            if content := _trimmed(run):
                blocks.append(Paragraph(content))
            run = []
            blocks += [part] if part else []
        else:
            run.append(part)
    return blocks


def _items(tokens: Iterator[Token], end: str) -> tuple[ListItem, ...]:
    items: list[ListItem] = []
    for token in tokens:
        if token.type == end:
            break
        items.append(ListItem(_blocks(tokens, "list_item_close"), token.meta.get("is_done")))
    return tuple(items)


def _quote(token: Token, content: RichText) -> Quote | Panel:
    if alert := token.meta.get("alert"):
        return Panel(ALERTS[alert], content, token.meta["title"])
    return Quote(content)


def _table(tokens: Iterator[Token]) -> Table:
    rows: list[list[Inlines]] = []
    for token in tokens:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_flat(_inlines(token)))
    return Table(tuple(rows[0]), tuple(tuple(row) for row in rows[1:]))


def _inlines(inline: Token) -> list[Inline | Picture]:
    parts: list[Inline | Picture] = []
    style = Text("")
    link: Token | None = None
    words = ""
    for child in inline.children or []:
        name, _, side = child.type.rpartition("_")
        if name in _STYLES:
            style = replace(style, **{_STYLES[name]: side == "open"})
        elif child.type == "link_open":
            link, words = child, ""
        elif child.type == "link_close" and link is not None:
            parts += _link(words, str(link.attrs.get("href", "")))
            link = None
        elif child.type == "image":
            parts += _picture(child)
        elif link is not None:
            words += _plain(child)
        else:
            parts.append(LineBreak() if child.type == "hardbreak" else _text(child, style))
    return _joined(parts)


def _text(child: Token, style: Text) -> Text:
    if child.type == "code_inline":
        return replace(style, text=child.content, is_code=True)
    return replace(style, text=_plain(child))


def _plain(child: Token) -> str:
    return "\n" if child.type in ("softbreak", "hardbreak") else child.content


def _link(words: str, url: str) -> list[Inline | Picture]:
    words = _unwrapped(words)
    if not url or is_unsafe_url(url):
        return [Text(words)] if words else []
    return [Anchor(words, url)] if words else []  # a link around a picture only: the picture stands for it


def _picture(image: Token) -> list[Inline | Picture]:
    alt = _unwrapped("".join(_plain(child) for child in image.children or []))
    source = str(image.attrs.get("src", ""))
    if not source or is_unsafe_url(source) or source.lower().startswith("mailto:"):
        return [Text(alt)] if alt else []
    is_on_web = source.lower().startswith(("http://", "https://"))
    return [Picture(alt, url=source) if is_on_web else Picture(alt, filename=source)]


def _joined(parts: list[Inline | Picture]) -> list[Inline | Picture]:
    """Runs of one style as one text, with the source's line ends as spaces (or nothing between Chinese characters)."""
    joined: list[Inline | Picture] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, Text) and isinstance(last, Text) and replace(last, text="") == replace(part, text=""):
            joined[-1] = replace(last, text=last.text + part.text)
        elif not isinstance(part, Text) or part.text:
            joined.append(part)
    return [replace(part, text=_unwrapped(part.text)) if isinstance(part, Text) else part for part in joined]


def _unwrapped(text: str) -> str:
    """Line ends inside a paragraph: a space, but nothing where a Chinese sentence was merely wrapped."""
    first, *rest = text.split("\n")
    for line in rest:
        is_chinese = bool(first and line and _is_wide(first[-1]) and _is_wide(line[0]))
        first += line if is_chinese else f" {line}"
    return first


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _flat(parts: list[Inline | Picture]) -> Inlines:
    """Parts for a place that cannot hold a picture: a link to it stands there instead, so that it is not lost."""
    return _trimmed(
        [
            Anchor(part.alt or part.filename or part.url, part.filename or part.url)
            if isinstance(part, Picture)
            else part
            for part in parts
        ]
    )


def _trimmed(run: list[Inline]) -> Inlines:
    """Without the white space that stands around pictures and line breaks at the ends."""
    while run and (isinstance(run[0], LineBreak) or (isinstance(run[0], Text) and run[0].text.isspace())):
        run = run[1:]
    while run and (isinstance(run[-1], LineBreak) or (isinstance(run[-1], Text) and run[-1].text.isspace())):
        run = run[:-1]
    if run and isinstance(run[0], Text) and not run[0].is_code:
        run = [replace(run[0], text=run[0].text.lstrip()), *run[1:]]
    if run and isinstance(run[-1], Text) and not run[-1].is_code:
        run = [*run[:-1], replace(run[-1], text=run[-1].text.rstrip())]
    return tuple(run)
