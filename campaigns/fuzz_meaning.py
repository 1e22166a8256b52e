"""What a reader should see of a document tree: the oracle. It walks the tree itself and asks no writer of the product.

A document is a list of *blocks* (whatever stands apart: paragraph, cell, entry, code), each its whole text and its *atoms*: runs of
text with their styles, links with their targets, mentions, lozenges, pictures, code. Two readings are equal when their blocks are.
Stated normalisation: characters that a format cannot hold are left out, every run of blanks and line ends is one blank, lone surrogates
and U+FFFD are left out, and so are the invisible word joiner and hair space that a format puts between signs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from sync.core.rich_text import (
    Anchor,
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
    Rule,
    Table,
    Text,
)

Atom = tuple[str, ...]  # (kind, text, style or target)
Token = Atom | None  # None: a new block begins
Block = tuple[str, tuple[Atom, ...]]
LEFT_OUT = re.compile("[\u2060\u200a\ufffd\ufffe\uffff\ud800-\udfff]")
INVISIBLE = re.compile("[\u2060\ufffd\ufffe\uffff\ud800-\udfff]")
SURE = re.compile(r"https?://[^/?#\s@]+(?:@[^/?#\s@]+)?[/?#]\S*", re.IGNORECASE)


class Injected(Exception):
    """Something stands in an output that no tree can have put there. The message says what."""


def where(url: str) -> str:
    """Where an address leads, whatever is percent-encoded in it."""
    return unquote(unquote(url)).replace("://xn--fsqu00a.", "://例子.")  # a Markdown parser writes hosts in ASCII


def link(text: str, url: str) -> Atom:
    """A link as it was read; one without words of its own shows its address."""
    text = LEFT_OUT.sub("", text)
    return ("a", "" if not text.strip() or where(text) == where(url) else text, where(url))


def styles(bold: bool, italic: bool, code: bool, struck: bool) -> str:
    return "b" * bold + "c" * code + "i" * italic + "s" * struck


@dataclass(frozen=True)
class Dialect:
    """What a format can say and how it says what it cannot; ``drop`` are the characters that it cannot hold."""

    name: str
    drop: re.Pattern[str]
    blank: re.Pattern[str] | None = None
    refused_link: Callable[[str, str], str] = lambda text, _url: text
    mention: Callable[[str, str], Atom] = lambda name, _id: ("t", name, "")
    page_link: Callable[[str, str], Atom] = lambda text, _title: ("t", text, "")
    lozenge: Callable[[str, str], Atom] = lambda text, _colour: ("t", text, "b")
    box: Callable[[bool], str] = lambda is_done: "☑ " if is_done else "☐ "
    has_rule: bool = True
    contents: Atom | None = None
    is_box_apart: bool = True
    has_alt: bool = True
    code_alone: bool = False  # code goes with no other style
    is_spacing_kept: bool = True  # False: the format trims and sets blanks of its own, so that blanks are not compared
    line_break: Token = ("t", "\n", "")
    # The place of a block among others: "" or the innermost of "list", "quote" and "panel" that holds it.
    heading_style: Callable[[str], str] = lambda _place: ""
    table: Callable[[Dialect, Table, str], Iterator[Token]] = field(
        default=lambda dialect, table, _: grid(dialect, table)
    )
    title: Callable[[Panel], Iterator[Token]] = field(default=lambda panel: titled(panel))
    order: Callable[[Sequence[Any]], Sequence[Any]] = lambda content: content
    inner: Callable[[str, str], str] = lambda _outer, inner: inner
    code: Callable[[str], str] = lambda text: text

    def kept(self, text: str) -> str:
        """The characters that the format can hold."""
        text = self.drop.sub("", text)
        return self.blank.sub(" ", text) if self.blank else text

    def gist(self, text: str) -> str:
        return " ".join(LEFT_OUT.sub("", self.kept(text)).split())


def folded(tokens: Iterable[Token], dialect: Dialect) -> list[Block]:
    """The tokens as blocks: neighbouring runs of one style joined, blanks collapsed, empty runs and blocks gone."""
    blocks: list[Block] = []
    run: list[Atom] = []
    for token in (*tokens, None):
        if token is None:
            if run and (block := _block_from(run, dialect))[1]:
                blocks.append(block)
            run = []
        elif run and token[0] == "t" and run[-1][0] == "t" and run[-1][2] == token[2]:
            run[-1] = ("t", run[-1][1] + token[1], token[2])
        else:
            run.append(token)
    return blocks


def _block_from(run: Sequence[Atom], dialect: Dialect) -> Block:
    gist = dialect.gist
    kept: list[Atom] = []
    run = [atom for atom in run if atom[0] != "lozenge" or gist(atom[1])]
    for kind, text, *rest in run:
        shown = gist(text)
        if kind == "t" and not shown:
            continue
        if kind == "t" and kept and kept[-1][0] == "t" and kept[-1][2] == rest[0]:
            kept[-1] = ("t", f"{kept[-1][1]}{shown}", rest[0])  # only blanks of another style stood between
            continue
        kept.append((kind, shown, *rest))
    joined = [("t", atom[1].replace(" ", ""), *atom[2:]) if atom[0] == "t" else atom for atom in kept]
    whole = gist("".join(atom[1] for atom in run))
    return whole if dialect.is_spacing_kept else whole.replace(" ", ""), tuple(joined)


def meant(tree: Sequence[Any], dialect: Dialect) -> list[Block]:
    """What a reader of the dialect should see."""
    return folded(blocks_of(dialect, tree), dialect)


def blocks_of(dialect: Dialect, blocks: Sequence[Any], place: str = "") -> Iterator[Token]:
    for block in blocks:
        yield None
        match block:
            case Paragraph(content=content):
                yield from line(dialect, content)
            case Heading(content=content):
                yield from _emphasised(line(dialect, content), dialect.heading_style(place))
            case BulletList(items=items) | NumberedList(items=items):
                for item in items:
                    yield from _item(dialect, item, dialect.inner(place, "list"))
            case Quote(content=content):
                yield from blocks_of(dialect, content, dialect.inner(place, "quote"))
            case Table():
                yield from dialect.table(dialect, block, place)
            case Panel():
                yield from dialect.title(block)
                yield None
                yield from blocks_of(dialect, block.content, dialect.inner(place, "panel"))
            case _:
                yield from _leaf(dialect, block)
        yield None


def _emphasised(tokens: Iterable[Token], style: str) -> Iterator[Token]:
    """Text that a format shows bold instead of as a heading; code stays as it is."""
    for token in tokens:
        is_changed = style and token and token[0] == "t" and not {style, "c"} & set(token[2])
        yield ("t", token[1], "".join(sorted(token[2] + style))) if token and is_changed else token


def _leaf(dialect: Dialect, block: Any) -> Iterator[Token]:
    match block:
        case CodeBlock(text=text):
            yield ("code", dialect.code(text), "")
        case Picture(alt=alt, url=url):
            yield ("img", alt if dialect.has_alt else "", where(url))
        case Rule():
            if dialect.has_rule:
                yield ("rule", "", "")
        case Contents():
            yield dialect.contents


def _item(dialect: Dialect, item: ListItem, place: str) -> Iterator[Token]:
    yield None
    if item.is_done is not None and (box := dialect.box(item.is_done)):
        yield ("t", box, "")
        said = [block for block in item.content if _is_drawn(block) or meant((block,), dialect)]
        if not dialect.is_box_apart and said and isinstance(said[0], Paragraph):
            yield from line(dialect, said[0].content)
            yield from blocks_of(dialect, said[1:], place)
            return
        yield None
    yield from blocks_of(dialect, dialect.order(item.content), place)


def _is_drawn(block: Any) -> bool:
    """Blocks that are seen though nothing stands in them."""
    if isinstance(block, BulletList | NumberedList):
        return bool(block.items)
    if isinstance(block, Quote | Panel):
        return isinstance(block, Panel) or any(map(_is_drawn, block.content))
    if isinstance(block, Paragraph):  # signs that no reading tells apart are written nevertheless
        return any(INVISIBLE.search(str(getattr(part, "text", getattr(part, "name", "")))) for part in block.content)
    return isinstance(block, Heading) or (isinstance(block, Table) and any((block.header, *block.rows)))


def grid(dialect: Dialect, table: Table) -> Iterator[Token]:
    for row in (table.header, *table.rows):
        for cell in row:
            yield None
            yield from line(dialect, cell)


def titled(panel: Panel) -> Iterator[Token]:
    if panel.title:
        yield ("t", panel.title, "b")


def rows_as_lines(dialect: Dialect, table: Table) -> Iterator[Token]:
    """A table where none can stand: each row is one line, bars between its cells."""
    for row in (table.header, *table.rows):
        yield None
        for number, cell in enumerate(row):
            if number:
                yield ("t", " | ", "")
            yield from line(dialect, cell)


def line(dialect: Dialect, content: Inlines) -> Iterator[Token]:
    """The inlines' tokens, without a break at the end, or one that only blanks follow: nobody sees it."""
    tokens = [_inline(dialect, part) for part in content]
    end = len(tokens)
    for place in range(len(tokens) - 1, -1, -1):
        if isinstance(content[place], LineBreak):
            end = place
        elif (token := tokens[place]) and (token[0] not in ("t", "lozenge") or dialect.kept(token[1]).strip()):
            break
    yield from tokens[:end]


def _inline(dialect: Dialect, part: Inline) -> Token:
    match part:
        case Text(text, bold, italic, code, struck):
            if code and dialect.code_alone:
                bold = italic = struck = False
            return ("t", text, styles(bold, italic, code, struck))
        case Anchor(text, url):
            if SURE.fullmatch(url):
                return ("a", "" if not dialect.gist(text) or where(text) == where(url) else text, where(url))
            return ("t", dialect.refused_link(text, url), "")
        case PageLink(text, title):
            return dialect.page_link(text, title)
        case PersonMention(name, account_id):
            return dialect.mention(name, account_id)
        case Lozenge(text, colour):
            return dialect.lozenge(text, colour)
        case LineBreak():
            return dialect.line_break
