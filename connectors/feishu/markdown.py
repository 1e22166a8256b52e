"""Rich text as the markdown of Feishu's cards. Pure. Every mark of a text is written as an entity, so no text becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterator

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

_MARKS = re.compile(r"[&<>*_~`\[\]()#+\-!|\\$:@\"'{}=]")
_LEADING_NUMBER = re.compile(r"^(\s*\d+)\.")
_ACCOUNT = re.compile(r"[A-Za-z0-9_\-]{1,64}")
COLOURS = {"grey": "grey", "green": "green", "yellow": "orange", "red": "red", "blue": "blue"}


def escaped(text: str) -> str:
    """The text so that it shows as it is, on one line."""
    shown = _MARKS.sub(lambda found: f"&#{ord(found[0])};", text.replace("\n", " ").replace("\r", " "))
    return _LEADING_NUMBER.sub(r"\1&#46;", shown)


def url_of(url: str) -> str:
    """A URL that cannot end its link; empty for anything but the web's."""
    if not re.match(r"https?://", url, re.IGNORECASE):
        return ""
    return re.sub(r"[\s()<>\[\]\"'\\`]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), url)


def markdown_from(blocks: RichText) -> str:
    """The blocks, one after the other."""
    return "\n".join(line for block in blocks for line in _lines(block))


def cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, ended with an ellipsis where some were left out; whole lines where they are short."""
    data = text.encode()
    if len(data) <= most:
        return text
    kept = data[: most - 3].decode(errors="ignore")
    at = kept.rfind("\n")
    kept = kept[:at] if at > 0 else re.sub(r"(&#?\w{0,6}|<[^>]{0,90}|\[[^\]]*(\]\([^)]*)?)$", "", kept)
    return kept + "…"


def _lines(block: Block, depth: int = 0) -> Iterator[str]:
    match block:
        case Paragraph(content):
            yield _inlines(content)
        case Heading(_, content):
            yield f"**{_inlines(content)}**"
        case BulletList() | NumberedList():
            yield from _items(block, depth)
        case Quote() | Panel():
            yield from _framed(block, depth)
        case _:
            yield from _flat(block)


def _framed(block: Quote | Panel, depth: int) -> Iterator[str]:
    sign = "&#62; " if isinstance(block, Quote) else ""
    if isinstance(block, Panel) and block.title:
        yield f"**{escaped(block.title)}**"
    yield from (f"{sign}{line}" for inner in block.content for line in _lines(inner, depth))


def _flat(block: Block) -> Iterator[str]:
    match block:
        case Table(header, rows):
            yield from (" &#124; ".join(_inlines(cell) for cell in row) for row in (header, *rows))
        case CodeBlock(text):
            yield from (escaped(line) for line in text.split("\n"))
        case Picture(alt):
            yield escaped(f"[{alt}]")
        case Rule():
            yield "---"
        case _:
            return


def _items(block: BulletList | NumberedList, depth: int) -> Iterator[str]:
    first = block.start if isinstance(block, NumberedList) else 0
    for number, item in enumerate(block.items, start=first):
        sign = f"{number}." if isinstance(block, NumberedList) else "-"
        done = {None: "", True: "☑ ", False: "☐ "}[item.is_done]
        lines = [line for inner in item.content for line in _lines(inner, depth + 1)]
        yield f"{'    ' * depth}{sign} {done}{lines[0] if lines else ''}"
        yield from lines[1:]


def _inlines(content: Inlines) -> str:
    return "".join(_inline(item) for item in content)


def _inline(item: Inline) -> str:
    match item:
        case Text():
            return _text(item)
        case Anchor(text, url):
            target = url_of(url)
            return f"[{escaped(text)}]({target})" if target else escaped(f"{text} {url}")
        case PageLink(text):
            return escaped(text)
        case PersonMention(name, account_id):
            return f"<at id={account_id}></at>" if is_account(account_id) else escaped(f"@{name}")
        case Lozenge(text, colour):
            return f"<font color='{COLOURS[colour]}'>{escaped(text)}</font>"
        case LineBreak():
            return "\n"


def is_account(account_id: str) -> bool:
    """Whether this may stand in a mention; ``all`` may not."""
    return bool(_ACCOUNT.fullmatch(account_id)) and account_id.lower() != "all"


def _text(item: Text) -> str:
    shown = escaped(item.text)
    if not shown.strip():
        return shown
    for is_set, sign in ((item.is_struck, "~~"), (item.is_italic, "*"), (item.is_bold, "**")):
        shown = f"{sign}{shown}{sign}" if is_set else shown
    return shown
