"""Rich text as Confluence storage format. Pure; only elements and macros that both Cloud editors and Data Center know.

Sources: Atlassian's storage format page; the fact sheet's section 8. Whatever text comes in, the output is well-formed,
and no text can become markup.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import assert_never
from urllib.parse import urlsplit

from connectors.confluence.tree import Cdata, Element, Node, clean, serialise
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

# Status colours by the macro's own names; grey is what it shows without a colour.
_COLOURS = {"green": "Green", "yellow": "Yellow", "red": "Red", "blue": "Blue", "grey": ""}
_LANGUAGE = re.compile(r"[A-Za-z0-9+#._-]{1,40}")


def storage_from_rich_text(text: RichText, is_cloud: bool, missing: Collection[str] = ()) -> str:
    """The text as storage format. ``is_cloud`` decides how people are named (account id there, user key on Data Center);
    pictures from files named in ``missing`` become a line of text.
    """
    return serialise(_Writer(is_cloud, missing).blocks(text))


def macro(name: str, parameters: Iterable[tuple[str, str]] = (), body: Node | None = None) -> Element:
    """A structured macro; parameters without a value are left out."""
    children: list[Node] = [Element("ac:parameter", {"ac:name": key}, [value]) for key, value in parameters if value]
    if body is not None:
        children.append(body)
    return Element("ac:structured-macro", {"ac:name": name, "ac:schema-version": "1"}, children)


def is_web_url(url: str) -> bool:
    """True for an absolute http or https URL; anything else (javascript:, data:, file:) is never made a link or a picture."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False
    has_controls = any(character < " " or character == "\x7f" for character in url.strip())
    return parts.scheme.lower() in ("http", "https") and bool(parts.netloc) and not has_controls


class _Writer:
    """Holds what must be counted over a text: the numbers of tasks, which have to differ within a page."""

    def __init__(self, is_cloud: bool, missing: Collection[str] = ()) -> None:
        self._is_cloud = is_cloud
        self._missing = missing
        self._tasks = 0

    def blocks(self, blocks: Iterable[Block]) -> list[Node]:
        nodes: list[Node] = []
        for block in blocks:
            nodes += self._block(block)
        return nodes

    def _block(self, block: Block) -> list[Node]:
        match block:
            case BulletList(items):
                return self._items(items, "ul", {})
            case NumberedList(items, start):
                return self._items(items, "ol", {} if start == 1 else {"start": str(start)})
            case Quote(content):
                return [Element("blockquote", {}, self.blocks(content))]
            case Panel(kind, content, title):
                body = Element("ac:rich-text-body", {}, self.blocks(content))
                return [macro(kind, [("title", title)], body)]
            case Picture(alt, filename) if filename in self._missing:
                return [Element("p", {}, [f"（图片「{alt or filename}」没能上传，暂缺）"])]
            case Picture():
                return [_picture(block)]
            case _:
                return [self._leaf(block)]

    def _leaf(self, block: Paragraph | Heading | Table | CodeBlock | Rule | Contents) -> Node:
        match block:
            case Paragraph(content):
                return Element("p", {}, self._inlines(content))
            case Heading(level, content):
                return Element(f"h{min(6, max(1, level))}", {}, self._inlines(content))
            case Table():
                return self._table(block)
            case CodeBlock(text, language):
                known = language if _LANGUAGE.fullmatch(language) else ""
                return macro("code", [("language", known)], Element("ac:plain-text-body", {}, [Cdata(text)]))
            case Rule():
                return Element("hr")
            case Contents(depth):
                return macro("toc", [("maxLevel", str(depth))])
            case _:
                assert_never(block)

    def _table(self, table: Table) -> Element:
        rows = [self._row(table.header, "th")] if table.header else []
        rows += [self._row(row, "td") for row in table.rows]
        return Element("table", {}, [Element("tbody", {}, list(rows))])

    def _row(self, cells: Sequence[Inlines], tag: str) -> Node:
        return Element("tr", {}, [Element(tag, {}, [Element("p", {}, self._inlines(cell))]) for cell in cells])

    def _items(self, items: Sequence[ListItem], tag: str, attributes: dict[str, str]) -> list[Node]:
        """A list; runs of checkboxes become task lists of their own, because the two cannot share one."""
        nodes: list[Node] = []
        run: list[ListItem] = []
        for item in (*items, None):
            if run and (item is None or (item.is_done is None) != (run[0].is_done is None)):
                if run[0].is_done is None:
                    nodes.append(Element(tag, dict(attributes), [self._item(each) for each in run]))
                else:
                    nodes.append(Element("ac:task-list", {}, [self._task(each) for each in run]))
                run = []
            if item is not None:
                run.append(item)
        return nodes

    def _item(self, item: ListItem) -> Node:
        return Element("li", {}, self.blocks(item.content))

    def _task(self, item: ListItem) -> Node:
        self._tasks += 1
        number = str(self._tasks)
        return Element(
            "ac:task",
            {},
            [
                Element("ac:task-id", {}, [number]),
                Element("ac:task-status", {}, ["complete" if item.is_done else "incomplete"]),
                Element("ac:task-body", {}, self._task_body(item.content)),
            ],
        )

    def _task_body(self, content: Sequence[Block]) -> list[Node]:
        # A task's body is inline in both editors: a single paragraph goes in without its frame.
        if len(content) == 1 and isinstance(content[0], Paragraph):
            return self._inlines(content[0].content)
        return self.blocks(content)

    def _inlines(self, content: Inlines) -> list[Node]:
        return [node for inline in content for node in self._inline(inline)]

    def _inline(self, inline: Inline) -> list[Node]:
        match inline:
            case Text():
                return _marked(inline)
            case Anchor(text, url):
                if not is_web_url(url):
                    return [text if text == url or not url else f"{text} ({url})"]
                return [Element("a", {"href": url.strip()}, [text if clean(text).strip() else url])]
            case PageLink(text, title):
                body = Element("ac:link-body", {}, [text or title])
                return [Element("ac:link", {}, [Element("ri:page", {"ri:content-title": title}), body])]
            case PersonMention(name, account_id):
                return [self._person(account_id)] if account_id else [name]
            case Lozenge(text, colour):
                return [macro("status", [("colour", _COLOURS[colour]), ("title", text)])]
            case LineBreak():
                return [Element("br")]
            case _:
                assert_never(inline)

    def _person(self, account_id: str) -> Node:
        attribute = "ri:account-id" if self._is_cloud else "ri:userkey"
        return Element("ac:link", {}, [Element("ri:user", {attribute: account_id})])


def _marked(text: Text) -> list[Node]:
    node: Node = text.text
    marks = ((text.is_code, "code"), (text.is_struck, "s"), (text.is_italic, "em"), (text.is_bold, "strong"))
    for is_on, tag in marks:
        if is_on:
            node = Element(tag, {}, [node])
    return [node]


def _picture(picture: Picture) -> Node:
    attributes = {"ac:alt": picture.alt} if picture.alt else {}
    if picture.filename:
        return Element("ac:image", attributes, [Element("ri:attachment", {"ri:filename": picture.filename})])
    if is_web_url(picture.url):
        return Element("ac:image", attributes, [Element("ri:url", {"ri:value": picture.url.strip()})])
    return Element("p", {}, [picture.alt])
