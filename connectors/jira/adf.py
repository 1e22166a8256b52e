"""RichText to the Atlassian Document Format that Jira Cloud's v3 API takes, and ADF to plain text. Pure.

Jira answers 400 to an empty text node, an unknown node or a node in a place where it may not stand, so blocks that a parent
may not hold are said with blocks that it may (a heading in a list becomes a bold line). Source: the ADF JSON schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.jira.clean import box, clean, clean_lines, safe_url
from sync.core.errors import CannotExpress
from sync.core.rich_text import (
    Anchor,
    Block,
    BulletList,
    CodeBlock,
    Contents,
    Heading,
    Inline,
    Inlines,
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

Node = dict[str, Any]
COLOURS = {"grey": "neutral", "green": "green", "yellow": "yellow", "red": "red", "blue": "blue"}
IN_LIST = frozenset({"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle"})
IN_QUOTE = IN_LIST
IN_PANEL = frozenset({"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "mediaSingle", "rule"})
DEEPEST = 100


def adf_from_rich_text(body: RichText) -> Node:
    """The document. Raises CannotExpress for a picture by file name: ADF shows attachments by an id that Jira does not tell."""
    return {"type": "doc", "version": 1, "content": _blocks(body)}


def _blocks(blocks: Iterable[Block]) -> list[Node]:
    return [node for block in blocks for node in _block(block)]


def _block(block: Block) -> list[Node]:
    match block:
        case Paragraph(content):
            return [_paragraph(content)]
        case Heading(level, content):
            return [{"type": "heading", "attrs": {"level": min(max(level, 1), 6)}, "content": _inlines(content)}]
        case BulletList(items):
            return _listed("bulletList", items, {})
        case NumberedList(items, start):
            return _listed("orderedList", items, {"attrs": {"order": max(start, 0)}})
        case Quote(content):
            return [{"type": "blockquote", "content": _fit(_blocks(content), IN_QUOTE) or [_paragraph(())]}]
        case _:
            return _framed(block)


def _framed(block: Block) -> list[Node]:
    match block:
        case Table(header, rows):
            return _table(header, rows)
        case CodeBlock(text, language):
            code = clean_lines(text)
            attrs = {"attrs": {"language": clean(language)}} if language else {}
            return [{"type": "codeBlock", **attrs, "content": [{"type": "text", "text": code}] if code else []}]
        case Panel(kind, content, title):
            head = [_paragraph((Text(title, is_bold=True),))] if clean(title).strip() else []
            inside = _fit([*head, *_blocks(content)], IN_PANEL) or [_paragraph(())]
            return [{"type": "panel", "attrs": {"panelType": kind}, "content": inside}]
        case Picture(alt, filename, url):
            return [_picture(alt, filename, url)]
        case Rule():
            return [{"type": "rule"}]
        case Contents():
            return []  # a comment has no table of contents
        case _:
            raise CannotExpress(f"Jira has no {type(block).__name__}")


def _picture(alt: str, filename: str, url: str) -> Node:
    target = safe_url(url)
    if not target:
        raise CannotExpress(f"a Jira comment shows pictures by URL only, not {filename or url!r}")
    media = {"type": "external", "url": target} | ({"alt": clean(alt)} if alt else {})
    return {"type": "mediaSingle", "attrs": {"layout": "center"}, "content": [{"type": "media", "attrs": media}]}


def _listed(kind: str, items: tuple[ListItem, ...], attrs: Node) -> list[Node]:
    if not items:
        return []
    return [{"type": kind, **attrs, "content": [_item(item) for item in items]}]


def _item(item: ListItem) -> Node:
    content = _fit(_blocks(item.content), IN_LIST)
    # Jira wants a list item to begin with running text.
    if not content or content[0]["type"] != "paragraph":
        content.insert(0, _paragraph(()))
    if mark := box(item):
        content[0] = {"type": "paragraph", "content": [{"type": "text", "text": mark}, *content[0]["content"]]}
    return {"type": "listItem", "content": content}


def _table(header: tuple[Inlines, ...], rows: tuple[tuple[Inlines, ...], ...]) -> list[Node]:
    width = max((len(row) for row in (header, *rows)), default=0)
    if not width:
        return []

    def row(kind: str, cells: tuple[Inlines, ...]) -> Node:
        padded = (*cells, *(() for _ in range(width - len(cells))))
        return {"type": "tableRow", "content": [{"type": kind, "content": [_paragraph(cell)]} for cell in padded]}

    head = [row("tableHeader", header)] if header else []
    return [{"type": "table", "content": [*head, *(row("tableCell", cells) for cells in rows)]}]


def _fit(nodes: list[Node], allowed: frozenset[str]) -> list[Node]:
    """The nodes with what the parent may not hold said otherwise: headings and rows as lines, frames opened, rules left out."""
    fitted: list[Node] = []
    for node in nodes:
        match node["type"]:
            case kind if kind in allowed:
                fitted.append(node)
            case "heading":
                fitted.append({"type": "paragraph", "content": [_strong(inline) for inline in node["content"]]})
            case "table":
                fitted.extend(_line_from_row(row) for row in node["content"])
            case "panel" | "blockquote":
                fitted.extend(_fit(node["content"], allowed))
    return fitted


def _strong(inline: Node) -> Node:
    marks = inline.get("marks", [])
    if inline["type"] != "text" or any(mark["type"] in ("code", "strong") for mark in marks):
        return inline
    return {**inline, "marks": [*marks, {"type": "strong"}]}


def _line_from_row(row: Node) -> Node:
    cells = [cell["content"][0]["content"] for cell in row["content"]]
    content: list[Node] = []
    for number, cell in enumerate(cells):
        content += [{"type": "text", "text": " | "}] if number else []
        content += cell
    return {"type": "paragraph", "content": content}


def _paragraph(content: Inlines) -> Node:
    return {"type": "paragraph", "content": _inlines(content)}


def _inlines(content: Inlines) -> list[Node]:
    return [node for inline in content if (node := _inline(inline)) is not None]


def _inline(inline: Inline) -> Node | None:
    match inline:
        case Text(text):
            return _text(clean(text), _marks(inline))
        case Anchor(text, url):
            target = safe_url(url)
            shown = clean(text) if clean(text).strip() or not target else target
            return _text(shown, [{"type": "link", "attrs": {"href": target}}] if target else [])
        case PersonMention(name, account_id) if account_id:
            return {"type": "mention", "attrs": {"id": clean(account_id), "text": f"@{clean(name)}"}}
        case PersonMention(name):
            return _text(clean(name), [])
        case PageLink(text):
            return _text(clean(text), [])
        case Lozenge(text, colour):
            word = clean(text)
            return {"type": "status", "attrs": {"text": word, "color": COLOURS[colour]}} if word else None
        case _:
            return {"type": "hardBreak"}


def _marks(text: Text) -> list[Node]:
    if text.is_code:
        return [{"type": "code"}]  # code stands with no other mark but a link
    wanted = (("strong", text.is_bold), ("em", text.is_italic), ("strike", text.is_struck))
    return [{"type": name} for name, is_wanted in wanted if is_wanted]


def _text(text: str, marks: list[Node]) -> Node | None:
    if not text:
        return None
    return {"type": "text", "text": text, **({"marks": marks} if marks else {})}


def is_adf(value: object) -> bool:
    """True for a whole ADF document."""
    return isinstance(value, dict) and value.get("type") == "doc" and isinstance(value.get("content", []), list)


def plain_text(document: Mapping[str, Any]) -> str:
    """What a reader sees of an ADF document, as plain lines. Nodes that we do not know are read through."""
    lines = "".join(_plain(document, 0)).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def own_words(document: Mapping[str, Any]) -> str:
    """The same without what is quoted and whom it calls upon: what the author says."""
    return plain_text(_without(document, frozenset({"blockquote", "mention"}), 0))


def _without(node: Mapping[str, Any], kinds: frozenset[str], depth: int) -> Node:
    children = node.get("content")
    if not isinstance(children, list) or depth > DEEPEST:
        return dict(node)
    kept = (child for child in children if isinstance(child, dict) and child.get("type") not in kinds)
    return {**node, "content": [_without(child, kinds, depth + 1) for child in kept]}


LEAVES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "hardBreak": lambda _: "\n",
    "mention": lambda attrs: str(attrs.get("text") or attrs.get("id") or ""),
    "emoji": lambda attrs: str(attrs.get("text") or attrs.get("shortName") or ""),
    "status": lambda attrs: str(attrs.get("text") or ""),
    "inlineCard": lambda attrs: str(attrs.get("url") or ""),
    "blockCard": lambda attrs: str(attrs.get("url") or "") + "\n",
    "embedCard": lambda attrs: str(attrs.get("url") or "") + "\n",
    "date": lambda attrs: _day(attrs.get("timestamp")),
}
LINES = frozenset({"paragraph", "heading", "codeBlock", "tableRow", "taskItem", "decisionItem"})


def _plain(node: object, depth: int) -> Iterable[str]:
    if not isinstance(node, dict) or depth > DEEPEST:
        return
    kind, attrs = node.get("type"), node.get("attrs")
    if kind == "text":
        yield str(node.get("text") or "")
    elif isinstance(kind, str) and kind in LEAVES:
        yield LEAVES[kind](attrs if isinstance(attrs, dict) else {})
    else:
        children = node.get("content")
        inside = (
            "".join(part for child in children for part in _plain(child, depth + 1))
            if isinstance(children, list)
            else ""
        )
        if kind in ("tableCell", "tableHeader"):
            yield inside.strip("\n").replace("\n", " ") + "\t"
        else:
            yield inside
            if isinstance(kind, str) and kind in LINES:
                yield "\n"


def _day(timestamp: object) -> str:
    """ADF dates are milliseconds, as text."""
    try:
        return datetime.fromtimestamp(int(str(timestamp)) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""
