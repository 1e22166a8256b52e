"""One small document tree for every text Tieline writes. Vendor dialects are made from it beside their connector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

PanelKind = Literal["info", "note", "tip", "warning"]
Colour = Literal["grey", "green", "yellow", "red", "blue"]


class Text(Struct, frozen=True, tag=True):
    """A run of plain text and how it stands out."""

    text: str
    is_bold: bool = False
    is_italic: bool = False
    is_code: bool = False
    is_struck: bool = False


class Anchor(Struct, frozen=True, tag=True):
    """Text that leads to a URL."""

    text: str
    url: str


class PageLink(Struct, frozen=True, tag=True):
    """Text that leads to another page of the same space, named by its title; tools that link only by URL show the text."""

    text: str
    title: str


class PersonMention(Struct, frozen=True, tag=True):
    """A person named so that the tool can notify or link them. ``account_id`` is the vendor's id; without one it is the plain name."""

    name: str
    account_id: str = ""


class Lozenge(Struct, frozen=True, tag=True):
    """A short coloured word (a status)."""

    text: str
    colour: Colour = "grey"


class LineBreak(Struct, frozen=True, tag=True):
    """A new line inside a paragraph."""


Inline = Text | Anchor | PageLink | PersonMention | Lozenge | LineBreak
Inlines = tuple[Inline, ...]


class Paragraph(Struct, frozen=True, tag=True):
    """Running text."""

    content: Inlines


class Heading(Struct, frozen=True, tag=True):
    """A heading of level 1 to 6."""

    level: int
    content: Inlines


class ListItem(Struct, frozen=True, tag=True):
    """One entry of a list; ``is_done`` makes it a checkbox (None: not a checkbox)."""

    content: tuple[Block, ...]
    is_done: bool | None = None


class BulletList(Struct, frozen=True, tag=True):
    """Unordered entries."""

    items: tuple[ListItem, ...]


class NumberedList(Struct, frozen=True, tag=True):
    """Ordered entries, counted from ``start``."""

    items: tuple[ListItem, ...]
    start: int = 1


class Table(Struct, frozen=True, tag=True):
    """A header row and body rows; each cell is inline content."""

    header: tuple[Inlines, ...]
    rows: tuple[tuple[Inlines, ...], ...]


class CodeBlock(Struct, frozen=True, tag=True):
    """Preformatted text."""

    text: str
    language: str = ""


class Quote(Struct, frozen=True, tag=True):
    """Quoted blocks."""

    content: tuple[Block, ...]


class Panel(Struct, frozen=True, tag=True):
    """A framed note."""

    kind: PanelKind
    content: tuple[Block, ...]
    title: str = ""


class Picture(Struct, frozen=True, tag=True):
    """A picture: attached to the page by file name, or elsewhere by URL."""

    alt: str
    filename: str = ""
    url: str = ""


class Rule(Struct, frozen=True, tag=True):
    """A horizontal line."""


class Contents(Struct, frozen=True, tag=True):
    """A table of contents, made by the tool where it can."""

    depth: int = 3


Block = Paragraph | Heading | BulletList | NumberedList | Table | CodeBlock | Quote | Panel | Picture | Rule | Contents
RichText = tuple[Block, ...]


def mapped(blocks: RichText, change: Callable[[Any], Any]) -> RichText:
    """The same tree with ``change`` applied to every block, list item and inline, children first."""
    return tuple(_mapped_node(block, change) for block in blocks)


def _mapped_node(node: Any, change: Callable[[Any], Any]) -> Any:
    changes: dict[str, Any] = {}
    for name in ("content", "items", "header", "rows"):
        if hasattr(node, name):
            changes[name] = _mapped_tuple(getattr(node, name), change)
    return change(replace(node, **changes) if changes else node)


def _mapped_tuple(nodes: tuple[Any, ...], change: Callable[[Any], Any]) -> tuple[Any, ...]:
    return tuple(
        _mapped_tuple(node, change) if isinstance(node, tuple) else _mapped_node(node, change) for node in nodes
    )
