"""Markdown out: rich text as CommonMark with tables, check boxes and alerts, for the command line and for tests. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby

from msgspec.structs import replace

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
    Lozenge,
    NumberedList,
    PageLink,
    Panel,
    PanelKind,
    Paragraph,
    PersonMention,
    Picture,
    Quote,
    RichText,
    Rule,
    Table,
    Text,
)

ALERTS: Mapping[str, PanelKind] = {
    "NOTE": "info",
    "TIP": "tip",
    "IMPORTANT": "note",
    "WARNING": "warning",
    "CAUTION": "warning",
}
_ALERT_OF = {kind: word for word, kind in reversed(ALERTS.items())}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_SAFE_SCHEMES = ("http", "https", "mailto")
_IGNORED_IN_URL = re.compile(r"[\x00-\x20\x7f]")
_MARKUP = re.compile(r"[\\`*\[\]~]|<(?=\S)|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
_LINE_START = re.compile(r"^(?:(\d{1,9})([.)])(?=\s|$)|(#{1,6}(?=\s|$)|>|\||:(?=-)|=|\+(?=\s|$)|-(?=[\s:|-]|$)))")
_CLOSING_HASHES = re.compile(r"(?:^|(?<=\s))#+$")


def is_unsafe_url(url: str) -> bool:
    """True for every scheme but http, https and mailto; white space and control characters hide none (browsers skip them)."""
    scheme = _SCHEME.match(_IGNORED_IN_URL.sub("", url))
    return scheme is not None and scheme[1].lower() not in _SAFE_SCHEMES


def markdown_from_rich_text(blocks: RichText) -> str:
    """The blocks as Markdown that reads back as the same tree where Markdown can say it; text is escaped so that it stays text.

    What Markdown has no word for is shown: a lozenge as code, a mention as "@name", a page link as ``[[title|text]]``.
    Emphasis that CommonMark would not read back (beside Chinese punctuation) is left out, its text kept.
    """
    parts: list[str] = []
    last: Block | None = None
    is_other = False
    for block in blocks:
        # Two lists in a row would read back as one: the second takes the other marker.
        is_other = type(last) is type(block) and not is_other
        if part := _block(block, is_other):
            parts.append(part)
            last = block
    return "\n\n".join(parts)


def _block(block: Block, is_other: bool = False) -> str:
    match block:
        case Paragraph(content):
            return _lines(content)
        case Heading(level, content):
            text = _CLOSING_HASHES.sub(r"\\\g<0>", _line(content))
            return f"{'#' * min(6, max(1, level))} {text}".rstrip()
        case Table():
            return _table(block)
        case CodeBlock():
            return _code_block(block)
        case Picture(alt, filename, url):
            return f"![{_escaped(alt)}]({_target(url or filename)})" if url or filename else _lines((Text(alt),))
        case Rule():
            return "___"
        case Contents():
            return "[TOC]"
        case _:
            return _container(block, is_other)


def _container(block: BulletList | NumberedList | Quote | Panel, is_other: bool) -> str:
    match block:
        case BulletList(items):
            return "\n".join(_item("* " if is_other else "- ", item) for item in items)
        case NumberedList(items, start):
            dot = ")" if is_other else "."
            return "\n".join(_item(f"{number}{dot} ", item) for number, item in enumerate(items, max(0, start)))
        case Quote(content):
            return _quoted(markdown_from_rich_text(content))
        case Panel(kind, content, title):
            headline = f"[!{_ALERT_OF[kind]}] {_escaped(' '.join(title.split()))}".rstrip()
            return _quoted(f"{headline}\n\n{markdown_from_rich_text(content)}".rstrip())


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _item(marker: str, item: ListItem) -> str:
    """An entry; whatever follows its first line is indented to the marker's width (CommonMark 5.2)."""
    text = markdown_from_rich_text(item.content)
    if item.is_done is not None:
        is_beside = bool(item.content) and isinstance(item.content[0], Paragraph)
        text = f"[{'x' if item.is_done else ' '}]{' ' if is_beside else chr(10) * 2}{text}".rstrip()
    first, *rest = text.split("\n")
    indent = " " * len(marker)
    return "\n".join([(marker + first).rstrip(), *(f"{indent}{line}" if line else "" for line in rest)])


def _table(table: Table) -> str:
    width = max((len(row) for row in (table.header, *table.rows)), default=0)
    rows = [[*(_cell(cell) for cell in row), *[""] * (width - len(row))] for row in (table.header, *table.rows)]
    lines = [f"| {' | '.join(row)} |" for row in (rows[0], ["---"] * width, *rows[1:])]
    return "\n".join(lines) if width else ""


def _cell(content: Inlines) -> str:
    return _line(content).replace("|", "\\|")


def _code_block(block: CodeBlock) -> str:
    fence = "`" * max(3, _longest_run(block.text) + 1)
    return f"{fence}{re.sub(r'[^\w+#.-]', '', block.language)}\n{block.text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _lines(content: Inlines) -> str:
    """Paragraph text: each line break is a new line, and no line begins like a heading, list, quote, table or rule."""
    runs = [tuple(run) for is_break, run in groupby(_split(content), lambda item: item is None) if not is_break]
    return "\\\n".join(_guarded(_spelled(run)) for run in runs if run)


def _split(content: Inlines) -> Iterable[Inline | None]:
    return (None if isinstance(item, LineBreak) else item for item in content)


def _line(content: Inlines) -> str:
    return _spelled(tuple(Text(" ") if isinstance(item, LineBreak) else item for item in content))
