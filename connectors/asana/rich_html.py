"""RichText as Asana's HTML for comments, and Asana's HTML read again. Pure.

A comment knows ``strong em u s code ol ul li a`` and line ends, nothing else, and must be well-formed XML. Asana rewrites what it is sent
(links get attributes, names of linked things their present words), so two texts are compared by what they say.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from html import escape
from html.parser import HTMLParser

from sync.core.errors import CannotExpress
from sync.core.markdown_text import is_safe_url
from sync.core.marks import Kept, is_mark_line, kept_from, mark_from, mark_line
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

SIGNS = {"info": "ℹ️", "note": "📝", "tip": "💡", "warning": "⚠️"}
BOXES = {True: "☑ ", False: "☐ ", None: ""}
LIST_TAGS = ("<ul>", "<ol>")
# Not allowed in XML, whatever stands for them.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_LONE = re.compile("[\ud800-\udfff]")
_SAYING = frozenset({"strong", "em", "u", "s", "code", "ol", "ul", "li", "h1", "h2", "hr", "pre", "blockquote"})
_LINES = frozenset({"body", "ol", "ul", "li", "h1", "h2", "hr", "pre", "blockquote", "p", "br"})


def comment_html(body: RichText, mark: str, as_stored: str = "") -> str:
    """The comment as it is sent: the body, and our mark on its last line. ``as_stored`` is what the body's digest became, where known."""
    block = block_of_comment(body)
    line = mark_line(mark, Kept(block, as_stored or block))
    return f"<body>{_blocks(body)}\n\n{_text(line)}</body>"


def comment_plain(html: str) -> str:
    """The same without any markup, for a text that Asana does not take as HTML."""
    return _read(html).plain()


def block_of_comment(body: RichText) -> str:
    """A digest of what a comment with this body says."""
    return said_digest(f"<body>{_blocks(body)}</body>")


def said_digest(html: str) -> str:
    """A digest of what a comment says without our mark line; how Asana spells a link, and kinds of white space, do not count."""
    return hashlib.blake2b(_read(html).said().encode(), digest_size=6).hexdigest()


def mark_in(html: str) -> str:
    """The mark that a comment of ours ends with; empty when no line is one."""
    return mark_from(_read(html).plain())


def kept_in(html: str) -> Kept | None:
    """What the mark line remembers of our last write."""
    return kept_from(_read(html).plain())


# -- writing


def _blocks(blocks: Iterable[Block]) -> str:
    """Paragraphs stand apart by an empty line; a list makes its own room."""
    text = ""
    for block in blocks:
        if not (said := _block(block)):
            continue
        is_beside_list = said.startswith(LIST_TAGS) or text.endswith(("</ul>", "</ol>"))
        text += said if not text else f"\n{said}" if is_beside_list else f"\n\n{said}"
    return text


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return _inlines(block.content)
        case Heading():
            return _wrapped("strong", _plain(block.content))
        case CodeBlock():
            return "\n".join(_wrapped("code", line) for line in block.text.splitlines())
        case Rule():
            return "———"
        case Contents():
            raise CannotExpress("a comment in Asana has no table of contents")
        case Picture():
            return _picture(block)
        case _:
            return _container(block)


def _container(block: BulletList | NumberedList | Table | Quote | Panel) -> str:
    match block:
        case BulletList():
            return _list("ul", [_item(item) for item in block.items])
        case NumberedList() if block.start == 1:
            return _list("ol", [_item(item) for item in block.items])
        case NumberedList():
            numbered = enumerate(block.items, block.start)
            return "\n".join(f"{number}. {_item(item)}" for number, item in numbered)
        case Table():
            return _table(block)
        case Quote():
            said = _blocks(block.content)
            return f"{_text('> ')}{said}" if said else ""
        case Panel():
            title = f" {_wrapped('strong', block.title)}" if block.title.strip() else ""
            return f"{SIGNS[block.kind]}{title}\n{_blocks(block.content)}".rstrip()


def _list(tag: str, items: list[str]) -> str:
    return f"<{tag}>{''.join(f'<li>{item}</li>' for item in items)}</{tag}>" if items else ""


def _item(item: ListItem) -> str:
    return BOXES[item.is_done] + "\n".join(said for block in item.content if (said := _block(block)))


def _table(table: Table) -> str:
    """A list of rows, each cell behind its column's name: a comment draws no tables."""
    heads = [_inlines(cell).replace("\n", " ") for cell in table.header]
    rows = []
    for row in table.rows:
        cells = [_inlines(cell).replace("\n", " ") for cell in row]
        named = zip((*heads, *[""] * len(cells)), cells, strict=False)
        if said := [f"{head}：{cell}" if head.strip() else cell for head, cell in named if cell.strip()]:
            rows.append("；".join(said))
    return _list("ul", rows) if rows else "；".join(heads)


def _picture(picture: Picture) -> str:
    if not picture.url:
        raise CannotExpress(f"a comment in Asana cannot show the attached picture {picture.filename!r}")
    return _anchor(picture.alt or picture.url, picture.url)


def _inlines(content: Inlines) -> str:
    return "".join(map(_inline, content))


def _inline(item: Inline) -> str:
    match item:
        case Text():
            return _styled(item)
        case Anchor():
            return _anchor(item.text, item.url)
        case PageLink():
            return _text(item.text)
        case PersonMention() if item.account_id.isdecimal():
            return f'<a data-asana-gid="{item.account_id}"/>'
        case PersonMention():
            return _text(item.name)
        case Lozenge():
            return _wrapped("strong", item.text)
        case LineBreak():
            return "\n"


def _styled(item: Text) -> str:
    if not item.text.strip():
        return _text(item.text)
    if item.is_code:
        return _wrapped("code", item.text)
    said = _text(item.text)
    for tag, is_so in (("s", item.is_struck), ("em", item.is_italic), ("strong", item.is_bold)):
        said = f"<{tag}>{said}</{tag}>" if is_so else said
    return said


def _anchor(text: str, url: str) -> str:
    shown = _text(text).strip() or _text(url)
    # Asana would put a linked task's present name in place of our words.
    return f'<a href="{escape(url)}" data-asana-dynamic="false">{shown}</a>' if is_safe_url(url) else _text(text or url)


def _wrapped(tag: str, text: str) -> str:
    said = _text(text)
    return f"<{tag}>{said}</{tag}>" if said.strip() else ""


def _plain(content: Inlines) -> str:
    """A heading's words; nothing may stand inside another bold."""
    words = [str(getattr(item, "text", "") or getattr(item, "name", "")) for item in content]
    return " ".join("".join(words).split())


def _text(text: str) -> str:
    return escape(_UNFIT.sub("", _LONE.sub("\ufffd", text)), quote=False)


# -- reading


class _Reader(HTMLParser):
    """What a comment says: its words, the tags that mean something, and where its links lead."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._words: list[str] = []
        self._lines: list[str] = []
        self._link: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            named = dict(attrs)
            gid = named.get("data-asana-gid")
            self._link = (f"#{gid}" if gid else named.get("href") or "", [])
        self._tag(tag, "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link:
            target, words = self._link
            self._link = None
            shown = "".join(words)
            # An address that Asana made a link of itself says no more than its text; a mention's words are Asana's.
            self._words.append(
                shown if shown == target else f"\0a {target}\0{'' if target[:1] == '#' else shown}\0/a\0"
            )
        self._tag(tag, "/")

    def _tag(self, tag: str, sign: str) -> None:
        if tag in _SAYING:
            self._words.append(f"\0{sign}{tag}\0")
        if tag in _LINES:
            self._lines.append("\n")

    def handle_data(self, data: str) -> None:
        self._lines.append(data)
        said = "\n".join(line for line in data.split("\n") if not is_mark_line(line))
        (self._link[1] if self._link else self._words).append(said)

    def said(self) -> str:
        """The whole as one line: words, and tags between zeros."""
        return re.sub(r" ?(\0[^\0]*\0) ?", r"\1", " ".join("".join(self._words).split())).strip()

    def plain(self) -> str:
        """The words alone, lines as a reader sees them."""
        return "".join(self._lines).strip()


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader
