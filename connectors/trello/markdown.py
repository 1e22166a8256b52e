"""RichText as Trello Markdown (comments). Pure.

Trello renders CommonMark with single line breaks kept, bare URLs linked, ``@name`` notifying and ``:word:`` becoming an emoji; it
knows no tables and no check boxes in lists. Text from outside is escaped so that it stays text: backslashes against markup, an
invisible word joiner (U+2060) where only a broken word keeps Trello from linking or notifying.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, urlsplit

from sync.core.errors import CannotExpress
from sync.core.marks import Kept, is_mark_line, kept_from, mark_line
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
HAIR_SPACE = "\u200a"
PANEL_SIGNS = {"info": "ℹ️", "note": "📝", "tip": "💡", "warning": "⚠️"}
BOXES = {True: "✅", False: "⬜"}
_MARKUP = re.compile(r"[\\`*_\[\]<>~|!]")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_MENTION = re.compile(r"(?<![A-Za-z0-9_])@(?=[A-Za-z0-9_])")
_EMOJI = re.compile(r"(?<![0-9]):(?=[A-Za-z0-9_+-]+:)")
_SCHEME = re.compile(r":(?=//)|(?<=mailto):", re.IGNORECASE)
_DOMAIN_DOT = re.compile(r"(?<=[A-Za-z0-9-])\.(?=[A-Za-z]{2})")
_LINE_START = re.compile(r"^(?:([#+=-])|(\d{1,9})([.)])(?=\s|$))")
_LONE = re.compile("[\ud800-\udfff]")  # half a character, which UTF-8 cannot say
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNFIT_IN_URL = re.compile(r"[\x00-\x1f\x7f]")
_TOUCHING = re.compile(r"[`*~][`*~]|[A-Za-z0-9_]@")
_WIDE_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")


def comment_text(body: RichText, mark: str, usernames: Mapping[str, str] | None = None) -> str:
    """The comment as it is sent: the body, and our mark with the digest of the body alone on the last line."""
    text = markdown_from(body, usernames)
    block, as_stored = block_of_comment(body), said_digest(text)
    return f"{text}\n\n{mark_line(mark, Kept(block, as_stored))}".lstrip("\n")


def block_of_comment(body: RichText) -> str:
    """A digest of what a comment with this body says."""
    return said_digest(markdown_from(body))


def is_as_written(text: str) -> bool:
    """Whether a comment's text is just what a Tieline wrote, by the digest in its own mark line."""
    kept = kept_from(text)
    return kept is not None and kept.as_stored == said_digest(text)


def said_digest(text: str) -> str:
    """A digest of a comment's text without our mark line; kinds of line ends, blanks at ends of lines and empty lines do not count."""
    lines = (line.rstrip() for line in text.splitlines())
    said = [line for line in lines if line and not is_mark_line(line)]
    return hashlib.blake2b("\n".join(said).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def mention_ids(body: RichText) -> set[str]:
    """The accounts that the body mentions, to be known by user name before it can be written."""
    return {item.account_id for item in _walk(body) if isinstance(item, PersonMention) and item.account_id}


def _walk(blocks: RichText) -> Iterator[Inline]:
    for block in blocks:
        match block:
            case Paragraph() | Heading():
                yield from block.content
            case BulletList() | NumberedList():
                for item in block.items:
                    yield from _walk(item.content)
            case Quote() | Panel():
                yield from _walk(block.content)
            case Table():
                for cells in (block.header, *block.rows):
                    for cell in cells:
                        yield from cell
            case _:
                pass


def markdown_from(body: RichText, usernames: Mapping[str, str] | None = None) -> str:
    """The body in Trello Markdown. ``usernames`` maps account ids to user names; nobody else is notified, only named.

    Raises CannotExpress for a picture that is not on the web and for a table of contents: a comment has neither.
    """
    names = usernames or {}
    text = "\n\n".join(part for block in body if (part := _block(block, names)))
    return _LONE.sub("\ufffd", text)


def _block(block: Block, names: Mapping[str, str]) -> str:
    match block:
        case Paragraph():
            return _lines(block.content, names)
        case Heading():
            # Number signs at a heading's end would be taken for its closing.
            text = re.sub(r"(?<!\\)#+$", r"\\\g<0>", _line(block.content, names))
            return f"{'#' * min(6, max(1, block.level))} {text}"
        case CodeBlock():
            return _code_block(block)
        case Picture():
            return _picture(block)
        case Rule():
            return "---"
        case Contents():
            raise CannotExpress("a Trello comment has no table of contents")
        case _:
            return _container(block, names)


def _container(block: BulletList | NumberedList | Table | Quote | Panel, names: Mapping[str, str]) -> str:
    match block:
        case BulletList():
            return "\n".join(_item("- ", item, names) for item in block.items)
        case NumberedList():
            numbered = enumerate(block.items, max(0, block.start))
            return "\n".join(_item(f"{number}. ", item, names) for number, item in numbered)
        case Table():
            return _table(block, names)
        case Quote():
            quoted = markdown_from(block.content, names)
            return _quoted(quoted) if quoted else ""
        case Panel():
            title = " " + _bold(block.title) if block.title.strip() else ""
            return _quoted(f"{PANEL_SIGNS[block.kind]}{title}\n\n{markdown_from(block.content, names)}".rstrip())


def _item(marker: str, item: ListItem, names: Mapping[str, str]) -> str:
    """An entry; whatever follows its first line is indented to the marker's width (CommonMark 5.2)."""
    # An entry that began with two empty lines would end with them: what says nothing is left out.
    # Dashes behind a bullet would make a rule of the whole line.
    parts = ((block, "___" if isinstance(block, Rule) else _block(block, names)) for block in item.content)
    said = [(block, part) for block, part in parts if part]
    text = "" if item.is_done is None else f"{BOXES[item.is_done]} "
    if text and not (said and isinstance(said[0][0], Paragraph)):
        text = f"{text.rstrip()}\n\n"  # a heading, code or rule begins its own line
    for number, (block, part) in enumerate(said):
        text += (_gap(block, part) if number else "") + part
    first, *rest = (text or JOINER).split("\n")  # bullets without a word in one line would be a rule
    indent = " " * len(marker)
    return "\n".join([marker + first, *(f"{indent}{line}" if line else "" for line in rest)])


def _gap(block: Block, said: str) -> str:
    """What parts a block from the one above it. Only a list that begins with 1 and a word can follow a paragraph's line at once."""
    is_list = isinstance(block, BulletList | NumberedList)
    return "\n" if is_list and re.match(r"(?:-|1\.) \S", said) else "\n\n"


def _table(table: Table, names: Mapping[str, str]) -> str:
    """A list of rows, each cell behind its column's name: Trello does not draw tables."""
    heads = [_line(cell, names) for cell in table.header]
    rows = []
    for row in table.rows:
        cells = [_line(cell, names) for cell in row]
        if said := [f"{head}：{cell}" if head else cell for head, cell in _paired(heads, cells) if cell]:
            rows.append(_guarded("；".join(said)))
    return "\n".join(f"- {row}" for row in rows) if rows else _guarded("；".join(heads))


def _paired(heads: list[str], cells: list[str]) -> list[tuple[str, str]]:
    return [(heads[index] if index < len(heads) else "", cell) for index, cell in enumerate(cells)]


def _code_block(block: CodeBlock) -> str:
    text = _CONTROL.sub("", re.sub(r"\r\n?", "\n", block.text)).rstrip()
    fence = "`" * max(3, _longest_run(text) + 1)
    language = re.sub(r"[^A-Za-z0-9+#-]", "", block.language)
    return f"{fence}{language}\n{_unmentioned(text)}\n{fence}"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _picture(picture: Picture) -> str:
    if not picture.url:
        raise CannotExpress(f"a Trello comment cannot show the attached picture {picture.filename!r}")
    url = _safe_url(picture.url)
    return f"![{escape(picture.alt)}]({url})" if url else escape(picture.alt)


def _lines(content: Inlines, names: Mapping[str, str]) -> str:
    """A paragraph: its lines end where a LineBreak stands, and none of them begins like a heading, list or rule."""
    text = _joined(_inline(item, names) for item in _merged(content, names))
    lines = (_guarded(line) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)  # an empty line would end the paragraph


def _joined(parts: Iterable[str]) -> str:
    """The inlines side by side: two runs whose signs would be read as one are kept apart."""
    text = ""
    for part in parts:
        text += HAIR_SPACE + part if text and part and _TOUCHING.fullmatch(text[-1] + part[0]) else part
    return text


def _merged(content: Inlines, names: Mapping[str, str]) -> Iterator[Inline]:
    """The inlines with neighbours that are plain text as one: escaped apart, ``@`` and ``all`` would notify everybody."""
    plain = ""
    for item in content:
        text = _plain_text(item, names)
        if text is None:
            yield from [Text(plain)] if plain else []
            yield item
        plain = "" if text is None else plain + text
    yield from [Text(plain)] if plain else []


def _plain_text(item: Inline, names: Mapping[str, str]) -> str | None:
    """What is shown as text without any mark; None for everything else."""
    match item:
        case Lozenge() if not _WIDE_SPACE.sub(" ", item.text).strip():
            return ""
        case Text() if item == Text(item.text) or not _WIDE_SPACE.sub(" ", item.text).strip():
            return item.text
        case Anchor() if not _safe_url(item.url):
            return item.text or item.url
        case PersonMention() if not _username(item, names):
            return item.name
        case PageLink():
            return item.text
    return None


def _username(person: PersonMention, names: Mapping[str, str]) -> str:
    name = names.get(person.account_id, "")
    return name if re.fullmatch(r"[A-Za-z0-9_]+", name) else ""


def _line(content: Inlines, names: Mapping[str, str]) -> str:
    return _lines(tuple(Text(" ") if isinstance(item, LineBreak) else item for item in content), names)


def _guarded(line: str) -> str:
    line = line.strip(" \t")
    return _LINE_START.sub(lambda match: f"\\{match[1]}" if match[1] else f"{match[2]}\\{match[3]}", line)


def _inline(item: Inline, names: Mapping[str, str]) -> str:
    """One inline; a LineBreak is a new line, which Trello keeps."""
    match item:
        case Text():
            return _code(item.text) if item.is_code else _styled(item)
        case Anchor():
            return f"[{escape(item.text if escape(item.text).strip() else item.url)}]({_safe_url(item.url)})"
        case PersonMention():
            return f"@{_username(item, names)} "
        case Lozenge():
            return _bold(item.text)
        case PageLink():
            return escape(item.text)
        case LineBreak():
            return "\n"


def _bold(text: str) -> str:
    return _styled(Text(text, is_bold=True))


def _styled(item: Text) -> str:
    """Emphasis around the words, never around the blanks at their ends (CommonMark 6.2)."""
    signs = "**" * item.is_bold + "~~" * item.is_struck + "*" * item.is_italic
    text = _LONE.sub("\ufffd", _WIDE_SPACE.sub(" ", item.text))
    core = text.strip()
    if not signs or not core:
        return escape(text)
    head, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    before, after = ("*", "*") if item.is_bold + item.is_struck + item.is_italic > 1 else (core[0], core[-1])
    return f"{head}{_beside(before)}{signs}{escape(core)}{signs[::-1]}{_beside(after)}{tail}"


def _beside(edge: str) -> str:
    """A hair space outside emphasis that begins or ends with punctuation or other signs: without it CommonMark (6.2) does not see
    the emphasis where a Chinese character touches the stars.
    """
    return HAIR_SPACE if unicodedata.category(edge)[0] in "PS" else ""


def _code(text: str) -> str:
    text = _unmentioned(_WIDE_SPACE.sub(" ", text)).strip()
    if not text:
        return ""
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def escape(text: str) -> str:
    """The text so that Trello shows exactly it: no markup, no link, no mention, no emoji, no mark of ours, one line."""
    text = _WIDE_SPACE.sub(" ", text)
    text = _SCHEME.sub(f":{JOINER}", text)
    text = _EMOJI.sub(f":{JOINER}", text)
    text = _DOMAIN_DOT.sub(f".{JOINER}", text)
    text = _unmentioned(text)
    text = _MARKUP.sub(lambda match: f"\\{match[0]}", text)
    return _ENTITY.sub(r"\\&", text)


def _unmentioned(text: str) -> str:
    return _MENTION.sub(f"@{JOINER}", text)


def _safe_url(url: str) -> str:
    """The URL with nothing in it that could end a Markdown link; empty when it is no web or mail address."""
    url = url.strip()
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if _UNFIT_IN_URL.search(url):
        return ""
    if not (parts.netloc if parts.scheme in ("http", "https") else parts.scheme == "mailto" and parts.path):
        return ""
    # A reader decodes entities in an address too, so that "&lt;" would lead to "<".
    return _ENTITY.sub("&amp;", quote(_LONE.sub("", url), safe="%/:=&?~#+!$,;'@*-._|"))
