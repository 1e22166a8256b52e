"""Rich text as WeCom's Markdown: bold, links, code, quotations, three colours, people. Pure.

It knows no escapes, so a sign that would become markup is followed by an invisible word joiner (U+2060), or written as its double.
"""

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

JOINER = "\u2060"
COLOURS = {"grey": "comment", "green": "info", "yellow": "warning", "red": "warning", "blue": "info"}
_MARKS = re.compile(r"[<\[*_~]|\](?=\()")
_LINE_START = re.compile(r"^(\s*)([#>\-+]|\d+\.)")
_ACCOUNT = re.compile(r"[A-Za-z0-9_\-@.]{1,64}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONE = re.compile("[\ud800-\udfff]")


def escaped(text: str) -> str:
    """The text so that it shows as it is, on one line."""
    flat = _LONE.sub("\ufffd", _CONTROL.sub("", text.replace("\r", " ").replace("\n", " "))).replace("`", "ˋ")
    return _LINE_START.sub(rf"\1\2{JOINER}", _MARKS.sub(lambda found: found[0] + JOINER, flat))


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
    kept = data[: max(0, most - 3)].decode(errors="ignore")
    at = kept.rfind("\n")
    kept = kept[:at] if at > 0 else re.sub(r"(<[^>]{0,90}|\[[^\]]*(\]\([^)]*)?)$", "", kept)
    return kept + "…"


def plain_from(blocks: RichText) -> str:
    """The blocks as plain text, for cards, which know no Markdown."""
    shown = "\n".join(line for block in blocks for line in _lines(block))
    shown = re.sub(r"\[([^\]]*)\]\((https?://[^)]*)\)", r"\1", re.sub(r"</?font[^>]*>|<@[^>]*>", "", shown))
    return shown.replace("**", "").replace(JOINER, "")


def _lines(block: Block, depth: int = 0) -> Iterator[str]:
    match block:
        case Paragraph(content):
            yield _inlines(content)
        case Heading(_, content):
            yield f"**{_inlines(content)}**"
        case BulletList() | NumberedList():
            yield from _items(block, depth)
        case Quote() | Panel():
            if isinstance(block, Panel) and block.title:
                yield f"**{escaped(block.title)}**"
            yield from (f"> {line}" for inner in block.content for line in _lines(inner, depth))
        case _:
            yield from _flat(block)


def _flat(block: Block) -> Iterator[str]:
    match block:
        case Table(header, rows):
            yield from ("｜".join(_inlines(cell) for cell in row) for row in (header, *rows))
        case CodeBlock(text):
            yield from (escaped(line) for line in text.split("\n"))
        case Picture(alt):
            yield f"（{escaped(alt)}）"
        case Rule():
            yield "———"
        case _:
            return


def _items(block: BulletList | NumberedList, depth: int) -> Iterator[str]:
    """WeCom draws no lists: a dot or a number stands before each entry."""
    first = block.start if isinstance(block, NumberedList) else 0
    for number, item in enumerate(block.items, start=first):
        sign = f"{number}、" if isinstance(block, NumberedList) else "• "
        done = {None: "", True: "☑ ", False: "☐ "}[item.is_done]
        lines = [line for inner in item.content for line in _lines(inner, depth + 1)]
        yield f"{'　' * depth}{sign}{done}{lines[0] if lines else ''}"
        yield from lines[1:]


def _inlines(content: Inlines) -> str:
    return "".join(_inline(item) for item in content)


def _inline(item: Inline) -> str:
    match item:
        case Text(text):
            shown = escaped(text)
            return f"**{shown}**" if item.is_bold and shown.strip() else shown
        case Anchor(text, url):
            target = url_of(url)
            return f"[{_label(text or url)}]({target})" if target else escaped(f"{text} {url}")
        case PageLink(text):
            return escaped(text)
        case PersonMention(name, account_id):
            return f"<@{account_id}>" if is_account(account_id) else escaped(f"@{name}")
        case Lozenge(text, colour):
            return f'<font color="{COLOURS[colour]}">{escaped(text)}</font>'
        case LineBreak():
            return "\n"


def _label(text: str) -> str:
    """A link's words: no bracket may end them."""
    return escaped(text.replace("[", "［").replace("]", "］"))


def is_account(account_id: str) -> bool:
    """Whether this may stand in a mention; ``all`` may not."""
    return bool(_ACCOUNT.fullmatch(account_id)) and account_id.lower().lstrip("@") != "all"
