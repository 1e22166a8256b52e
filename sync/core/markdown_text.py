"""Markdown out: the document tree as CommonMark with tables, everything a person may have typed escaped. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import urlsplit

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

_ALERTS: dict[PanelKind, str] = {"info": "NOTE", "tip": "TIP", "note": "IMPORTANT", "warning": "WARNING"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~&#!])")
_LINE_START = re.compile(r"^(\s*)([-+=:]|\d{1,9}[.)])")
SAFE_SCHEMES = frozenset({"http", "https", "mailto"})
_LONE = re.compile("[\ud800-\udfff]")  # half a character, which UTF-8 cannot say
_LINE_END = re.compile(r"\r\n?|\n")
HAIR_SPACE = "\u200a"
_RULE = re.compile(r"\s*([-*])\s*(?:\1\s*){2,}")
_LAST_BREAKS = re.compile(r"(?:\\\n\s*)+$")  # at the end of a block a line break would be a backslash
_NEEDLESS = re.compile(rf"^{HAIR_SPACE}|{HAIR_SPACE}+$|(?<=[ \n]){HAIR_SPACE}|{HAIR_SPACE}(?=[ \n])")
_TOUCHING = re.compile(r"[`*~][`*~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def is_safe_url(url: str) -> bool:
    """Whether an address may be a link: http and https with a host, or mailto."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme not in SAFE_SCHEMES or re.search(r"[\x00-\x20\x7f]", url):
        return False
    return bool(parts.path) if parts.scheme == "mailto" else bool(parts.netloc)


def is_relative_url(url: str) -> bool:
    """Whether an address names something beside the text it stands in: no scheme (RFC 3986 4.2: no colon before a slash), no host."""
    # Browsers read a backslash as a slash: "\\\\host" is a host too.
    return bool(url) and not re.match(r"\\|/[/\\]", url) and not re.match(r"[^/?#]*:", url) and not _CONTROL.search(url)


def markdown_from_rich_text(blocks: RichText) -> str:
    """Markdown that reads back as the same tree, as far as Markdown can say it.

    A lozenge becomes bold text, a person their name, a link to a page its text; a link that may not be followed its text.
    """
    text = _LONE.sub("\ufffd", "\n\n".join(_written(blocks)))
    return f"{text}\n" if text else ""


def _written(blocks: Iterable[Block]) -> list[str]:
    return [text for _, text in _each_written(blocks)]


def _each_written(blocks: Iterable[Block]) -> list[tuple[Block, str]]:
    """Blocks that say something, with their Markdown. A list after a list of its kind takes another bullet, or the two would be one."""
    pairs: list[tuple[Block, str]] = []
    last: Block | None = None
    is_other = False
    for block in blocks:
        is_list = isinstance(block, BulletList | NumberedList)
        is_other = is_list and type(last) is type(block) and not is_other
        text = _list_text(block, is_other) if isinstance(block, BulletList | NumberedList) else _block(block)
        if text:
            pairs.append((block, text))
            last = block
    return pairs


def _block(block: Block) -> str:
    match block:
        case Paragraph(content=content):
            return _line_safe(_inlines(content))
        case Heading(level=level, content=content):
            return f"{'#' * max(1, min(6, level))} {_one_line(content)}".rstrip()
        case CodeBlock(text=text, language=language):
            return _code(text, language)
        case Quote(content=content):
            quoted = "\n\n".join(_written(content))
            return _prefixed(quoted, "> ") if quoted else ""
        case Panel():
            return _panel(block)
        case Table():
            return _table(block)
        case Picture(alt=alt, filename=filename, url=url):
            return f"![{_escaped(alt)}]({_target(url or filename)})" if url or filename else _line_safe(_escaped(alt))
        case Rule():
            return "___"  # dashes or stars in a list entry would swallow the entry
        case Contents():
            return "[TOC]"
    return ""


def _panel(panel: Panel) -> str:
    headline = f"[!{_ALERTS[panel.kind]}] {_escaped(panel.title)}".rstrip()
    return _prefixed("\n\n".join([headline, *_written(panel.content)]), "> ")


def _code(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    word = re.sub(r"[^\w+#.-]", "", language)
    return f"{fence}{word}\n{_CONTROL.sub('', _LINE_END.sub(chr(10), text))}\n{fence}"


def _list_text(block: BulletList | NumberedList, is_other: bool) -> str:
    texts = [_item_text(item) for item in block.items]
    markers = [_marker(block, number, is_other) for number in range(len(texts))]
    if any(_RULE.fullmatch((marker + text).partition("\n")[0]) for marker, text in zip(markers, texts, strict=True)):
        markers = ["+ "] * len(
            texts
        )  # a list that begins with a list that begins with one: three dashes would be a rule
    lines = [(marker + _indented(text, len(marker))).rstrip() for marker, text in zip(markers, texts, strict=True)]
    return "\n\n".join(lines) if _is_loose(block) else "\n".join(lines)


def _item_text(item: ListItem) -> str:
    box = "" if item.is_done is None else "[x] " if item.is_done else "[ ] "
    pairs = _each_written(item.content)
    content = [text for _, text in pairs]
    if box and not (pairs and isinstance(pairs[0][0], Paragraph)):
        content = [box.rstrip(), *content]
        box = ""
    return box + "\n\n".join(content)


def _marker(block: BulletList | NumberedList, number: int, is_other: bool) -> str:
    if isinstance(block, NumberedList):
        return f"{block.start + number}{')' if is_other else '.'} "
    return "* " if is_other else "- "


def _is_loose(block: BulletList | NumberedList) -> bool:
    return any(len(item.content) > 1 for item in block.items)


def _indented(text: str, width: int) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *(f"{' ' * width}{line}" if line else "" for line in rest)])


def _prefixed(text: str, prefix: str) -> str:
    return "\n".join(f"{prefix}{line}" if line else prefix.rstrip() for line in text.split("\n"))


def _table(table: Table) -> str:
    width = max([len(table.header), *(len(row) for row in table.rows)], default=0)
    if not width:
        return ""

    def line(cells: Iterable[Inlines]) -> str:
        # A bar inside a code span or an address would end the cell; tables take the backslash away again.
        texts = [re.sub(r"(?<!\\)\|", r"\\|", _one_line(tuple(map(_barred, cell)))) for cell in cells]
        return "| " + " | ".join(texts + [""] * (width - len(texts))) + " |"

    return "\n".join([line(table.header), "|" + " --- |" * width, *(line(row) for row in table.rows)])


def _barred(part: Inline) -> Inline:
    """Code with its bars escaped, also those behind a backslash of its own."""
    return replace(part, text=part.text.replace("|", "\\|")) if isinstance(part, Text) and part.is_code else part


def _one_line(content: Inlines) -> str:
    return _inlines(tuple(Text(" ") if isinstance(part, LineBreak) else part for part in content)).replace("\n", " ")


def _line_safe(text: str) -> str:
    """No line of a paragraph may begin like a list, a heading's underline or code."""
    lines = [_LINE_START.sub(_escape_start, line.strip(" \t")) for line in text.split("\n")]
    return "\n".join(line for line in lines if line)


def _escape_start(found: re.Match[str]) -> str:
    mark = found[2]
    return f"{found[1]}{mark[:-1]}\\{mark[-1]}"


def _inlines(content: Inlines) -> str:
    text = ""
    for part in map(_inline, content):
        # Two runs whose signs would be read as one are kept apart.
        text += HAIR_SPACE + part if text and part and _TOUCHING.fullmatch(text[-1] + part[0]) else part
    return _NEEDLESS.sub("", _LAST_BREAKS.sub("", text))


def _inline(part: Inline) -> str:
    match part:
        case Text():
            return _styled(part)
        case Anchor(text=text, url=url):
            is_link = is_safe_url(url) or is_relative_url(url)
            shown = text if _flat(text).strip() or not is_link else url
            return f"[{_escaped(shown)}]({_target(url)})" if is_link else _escaped(text)
        case PageLink(text=text):
            return _escaped(text)
        case PersonMention(name=name):
            return _escaped(f"@{name}")
        case Lozenge(text=text):
            return _styled(Text(text, is_bold=True))
        case LineBreak():
            return "\\\n"


def _styled(text: Text) -> str:
    """The text with its marks; blanks at its edges stay outside them, where Markdown wants them."""
    plain = _LONE.sub("\ufffd", _flat(text.text))
    inner = plain.strip()
    if not inner:
        return " " if plain else ""
    lead, tail = plain[: len(plain) - len(plain.lstrip())], plain[len(plain.rstrip()) :]
    signs = text.is_italic + text.is_bold + text.is_struck
    edges = ("*", "*") if signs and (signs > 1 or text.is_code) else (inner[0], inner[-1])
    before, after = map(_beside, edges) if signs else ("", "")
    inner = _code_span(inner) if text.is_code else _escaped(inner)
    if text.is_italic:
        inner = f"*{inner}*"
    if text.is_bold:
        inner = f"**{inner}**"
    if text.is_struck:
        inner = f"~~{inner}~~"
    return f"{lead}{before}{inner}{after}{tail}"


def _beside(edge: str) -> str:
    """A hair space outside emphasis that begins or ends with a sign: CommonMark (6.2) sees no emphasis where a letter touches it."""
    return HAIR_SPACE if unicodedata.category(edge)[0] in "PS" else ""


def _flat(text: str) -> str:
    return _CONTROL.sub("", _LINE_END.sub(" ", text))


def _code_span(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", _flat(text))


def _target(url: str) -> str:
    """An address or path as a link target, with what would end it percent-encoded."""
    encoded = re.sub(r"[\x00-\x20<>\\`\x7f]", lambda found: f"%{ord(found.group()):02X}", url)
    encoded = re.sub(r"([()*_~])", r"\\\1", encoded)
    return encoded.replace("&", "&amp;") if re.search(r"&#?\w+;", encoded) else encoded
