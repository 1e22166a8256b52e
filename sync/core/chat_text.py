"""Rich text as the Markdown of chats: a dialect says how each spells it, what is the same for all stands here. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sync.core.rich_text import (
    Anchor,
    Block,
    BulletList,
    CodeBlock,
    Heading,
    Inline,
    Inlines,
    LineBreak,
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


@dataclass(frozen=True)
class Dialect:
    """How a chat writes. ``escaped`` makes a text show as it is, on one line; ``mention`` is for somebody who is notified (an account that
    passed ``is_account``); ``bullet`` begins an entry from its depth and number (None: unordered); the signs stand around styled text.
    """

    escaped: Callable[[str], str]
    mention: Callable[[str, str], str]
    is_account: Callable[[str], bool]
    lozenge: Callable[[Lozenge], str]
    bullet: Callable[[int, int | None], str]
    bold: str = "**"
    italic: str = ""
    struck: str = ""
    quote: str = "> "
    divider: str = " | "
    rule: str = "---"
    label: Callable[[str], str] | None = None  # a link's words, where brackets are not escaped


def chat_markdown(blocks: RichText, dialect: Dialect) -> str:
    """The blocks, one after the other, a line each."""
    return "\n".join(line for block in blocks for line in _lines(block, dialect))


def cut(text: str, most: int, broken: str = r"(<[^>]{0,90}|\[[^\]]*(\]\([^)]*)?)$") -> str:
    """At most so many bytes of UTF-8, ended with an ellipsis where some were left out; whole lines where they are short. ``broken`` is what
    markup may look like when it was cut in two."""
    data = text.encode()
    if len(data) <= most:
        return text
    kept = data[: max(0, most - 3)].decode(errors="ignore")
    at = kept.rfind("\n")
    return (kept[:at] if at > 0 else re.sub(broken, "", kept)) + "…"


def web_url(url: str) -> str:
    """A URL that cannot end its link; empty for anything but the web's."""
    if not re.match(r"https?://", url, re.IGNORECASE):
        return ""
    return re.sub(r"[\s()<>\[\]\"'\\`]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), url)


def _lines(block: Block, dialect: Dialect, depth: int = 0) -> Iterator[str]:
    match block:
        case Paragraph(content):
            yield _inlines(content, dialect)
        case Heading(_, content):
            yield f"{dialect.bold}{_inlines(content, dialect)}{dialect.bold}"
        case BulletList() | NumberedList():
            yield from _items(block, dialect, depth)
        case Quote() | Panel():
            yield from _framed(block, dialect, depth)
        case _:
            yield from _flat(block, dialect)


def _framed(block: Quote | Panel, dialect: Dialect, depth: int) -> Iterator[str]:
    sign = dialect.quote if isinstance(block, Quote) else ""
    if isinstance(block, Panel) and block.title:
        yield f"{dialect.bold}{dialect.escaped(block.title)}{dialect.bold}"
    yield from (f"{sign}{line}" for inner in block.content for line in _lines(inner, dialect, depth))


def _flat(block: Block, dialect: Dialect) -> Iterator[str]:
    match block:
        case Table(header, rows):
            yield from (dialect.divider.join(_inlines(cell, dialect) for cell in row) for row in (header, *rows))
        case CodeBlock(text):
            yield from (dialect.escaped(line) for line in text.split("\n"))
        case Picture(alt):
            yield dialect.escaped(f"[{alt}]")
        case Rule():
            yield dialect.rule
        case _:
            return


def _items(block: BulletList | NumberedList, dialect: Dialect, depth: int) -> Iterator[str]:
    first = block.start if isinstance(block, NumberedList) else 0
    for number, item in enumerate(block.items, start=first):
        sign = dialect.bullet(depth, number if isinstance(block, NumberedList) else None)
        done = {None: "", True: "☑ ", False: "☐ "}[item.is_done]
        lines = [line for inner in item.content for line in _lines(inner, dialect, depth + 1)]
        yield f"{sign}{done}{lines[0] if lines else ''}"
        yield from lines[1:]


def _inlines(content: Inlines, dialect: Dialect) -> str:
    return "".join(_inline(item, dialect) for item in content)


def _inline(item: Inline, dialect: Dialect) -> str:
    match item:
        case Text():
            return _styled(item, dialect)
        case Anchor(text, url):
            target, words = web_url(url), dialect.label or dialect.escaped
            return f"[{words(text or url)}]({target})" if target else dialect.escaped(f"{text} {url}")
        case PageLink(text):
            return dialect.escaped(text)
        case PersonMention(name, account_id):
            is_known = dialect.is_account(account_id)
            return dialect.mention(name, account_id) if is_known else dialect.escaped(f"@{name}")
        case Lozenge():
            return dialect.lozenge(item)
        case LineBreak():
            return "\n"


def _styled(item: Text, dialect: Dialect) -> str:
    shown = dialect.escaped(item.text)
    if not shown.strip():
        return shown
    for is_set, sign in (
        (item.is_struck, dialect.struck),
        (item.is_italic, dialect.italic),
        (item.is_bold, dialect.bold),
    ):
        shown = f"{sign}{shown}{sign}" if is_set else shown
    return shown
