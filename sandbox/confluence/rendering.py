"""Storage format to the HTML that a reader sees: every word escaped, nothing passed through raw."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlsplit

from sandbox.confluence.storage import Cdata, Node, StorageError, parse

KEPT = frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "strong",
        "b",
        "em",
        "i",
        "u",
        "s",
        "del",
        "sub",
        "sup",
        "small",
        "code",
        "pre",
        "blockquote",
        "hr",
        "br",
        "span",
        "div",
        "table",
        "tbody",
        "thead",
        "tfoot",
        "tr",
        "th",
        "td",
        "colgroup",
        "col",
    ]
)
KEPT_ATTRIBUTES = frozenset({"colspan", "rowspan", "start"})
PANELS = ("info", "note", "warning", "tip", "panel")
STATUS_COLOURS = frozenset({"Green", "Yellow", "Red", "Blue", "Purple", "Grey"})
_HEADING = re.compile(r"h[1-6]")


@dataclass(frozen=True)
class Links:
    """Where a rendered page's links lead. All answer addresses for an ``href`` or ``src``; None means a dead link."""

    attachment: Callable[[str], str | None] = lambda name: "#" + quote(name)
    page: Callable[[str, str], str | None] = lambda _space_key, _title: None
    user: Callable[[str], str] = lambda word: word
    children: Iterable[tuple[str, str]] = ()  # (title, address) of child pages


def html_from_storage(storage: str, links: Links = Links()) -> str:
    """The rendered body. A body that does not parse (loaded from elsewhere) is shown as text."""
    try:
        root = parse(storage)
    except StorageError:
        return f"<pre>{escape(storage)}</pre>"
    return _Renderer(root, links).inside(root)


class _Renderer:
    def __init__(self, root: Node, links: Links) -> None:
        self.links = links
        self.headings = [node for node in root.walk() if _HEADING.fullmatch(node.tag)]
        self.anchors = {id(node): f"h-{number}" for number, node in enumerate(self.headings, start=1)}

    def inside(self, node: Node | None) -> str:
        return "".join(self.item(child) for child in node.children) if node else ""

    def item(self, item: Node | Cdata | str) -> str:
        if isinstance(item, str):
            return escape(item)
        if isinstance(item, Cdata):
            return escape(item.text)
        handler = _ELEMENTS.get(item.tag)
        if handler is not None:
            return handler(self, item)
        if item.tag in KEPT:
            return self.plain(item)
        if item.tag == "a":
            return _anchor(safe_address(item.attributes.get("href", "")), self.inside(item))
        if item.tag == "time":
            return f'<time class="date">{escape(item.attributes.get("datetime", ""))}</time>'
        return self.inside(item)

    def plain(self, node: Node) -> str:
        kept = {name: value for name, value in node.attributes.items() if name in KEPT_ATTRIBUTES}
        if id(node) in self.anchors:
            kept["id"] = self.anchors[id(node)]
        attributes = "".join(f' {name}="{escape(value)}"' for name, value in kept.items())
        if node.tag in ("br", "hr", "col"):
            return f"<{node.tag}{attributes}>"
        return f"<{node.tag}{attributes}>{self.inside(node)}</{node.tag}>"

    def macro(self, node: Node) -> str:
        name = node.attributes.get("ac:name", "")
        rich, plain = node.first("ac:rich-text-body"), node.first("ac:plain-text-body")
        title = escape(node.parameter("title"))
        if name in PANELS:
            head = f'<p class="panel-title"><strong>{title}</strong></p>' if title else ""
            return f'<div class="panel panel-{name}">{head}{self.inside(rich)}</div>'
        match name:
            case "status":
                colour = node.parameter("colour")
                colour = colour if colour in STATUS_COLOURS else "Grey"
                return f'<span class="status status-{colour.lower()}">{title}</span>'
            case "code" | "noformat":
                head = f'<p class="code-title">{title}</p>' if title else ""
                return f"{head}<pre><code>{escape(plain.text() if plain else '')}</code></pre>"
            case "expand":
                return f"<details><summary>{title or '点击展开'}</summary>{self.inside(rich)}</details>"
            case "toc":
                return self.contents()
            case "children":
                return _list(_anchor(address, escape(text)) for text, address in self.links.children)
            case "anchor":
                return f'<a id="{escape(node.parameter(""), quote=True)}"></a>'
            case "jira":
                return f'<span class="jira">{escape(node.parameter("key") or node.parameter("jqlQuery"))}</span>'
        if rich is not None:
            return self.inside(rich)
        return f'<span class="macro">{escape(name)}{": " + escape(plain.text()) if plain else ""}</span>'

    def contents(self) -> str:
        return _list(
            f'<a class="toc-{each.tag}" href="#{self.anchors[id(each)]}">{escape(each.text())}</a>'
            for each in self.headings
        )

    def image(self, node: Node) -> str:
        source: str | None = None
        for child in node.nodes():
            if child.tag == "ri:attachment":
                source = self.links.attachment(child.attributes.get("ri:filename", ""))
            elif child.tag == "ri:url":
                source = safe_address(child.attributes.get("ri:value", ""))
        width = node.attributes.get("ac:width", "")
        size = f' width="{width}"' if width.isascii() and width.isdigit() else ""
        label = escape(node.attributes.get("ac:alt", ""))
        if not source:
            return f'<span class="missing">[{label or "image"}]</span>'
        return f'<img src="{escape(source)}" alt="{label}"{size}>'

    def link(self, node: Node) -> str:
        target = next((child for child in node.nodes() if child.tag.startswith("ri:")), None)
        body = node.first("ac:link-body") or node.first("ac:plain-text-link-body")
        text = self.inside(body)
        if target is None:
            return _anchor("#" + quote(node.attributes.get("ac:anchor", "")), text)
        names = target.attributes
        if target.tag == "ri:user":
            word = names.get("ri:account-id") or names.get("ri:userkey") or names.get("ri:username") or ""
            return f'<span class="mention">@{escape(self.links.user(word))}</span>'
        if target.tag == "ri:attachment":
            name = names.get("ri:filename", "")
            return _anchor(self.links.attachment(name), text or escape(name))
        title = names.get("ri:content-title", "")
        return _anchor(self.links.page(names.get("ri:space-key", ""), title), text or escape(title))

    def task(self, node: Node) -> str:
        status = node.first("ac:task-status")
        is_done = status is not None and status.text().strip() == "complete"
        return f'<li class="task">{"☑" if is_done else "☐"} {self.inside(node.first("ac:task-body"))}</li>'


def safe_address(address: str) -> str | None:
    """An address that a link may carry: http, https, mailto or a relative one; never script."""
    try:
        scheme = urlsplit(address.strip()).scheme.lower()
    except ValueError:
        return None
    return address.strip() if scheme in ("", "http", "https", "mailto") else None


def _anchor(address: str | None, text: str) -> str:
    """``text`` is HTML already."""
    return f'<a href="{escape(address)}">{text}</a>' if address else f'<span class="missing">{text}</span>'


def _list(items: Iterable[str]) -> str:
    inside = "".join(f"<li>{item}</li>" for item in items)
    return f'<ul class="toc">{inside}</ul>' if inside else ""


_ELEMENTS: dict[str, Callable[[_Renderer, Node], str]] = {
    "ac:structured-macro": _Renderer.macro,
    "ac:macro": _Renderer.macro,
    "ac:image": _Renderer.image,
    "ac:link": _Renderer.link,
    "ac:task": _Renderer.task,
    "ac:task-list": lambda renderer, node: f'<ul class="tasks">{renderer.inside(node)}</ul>',
    "ac:inline-comment-marker": lambda renderer, node: f'<mark class="commented">{renderer.inside(node)}</mark>',
    "ac:emoticon": lambda _, node: escape(node.attributes.get("ac:emoji-fallback", "🙂")),
    "ac:adf-extension": lambda renderer, node: renderer.inside(node.first("ac:adf-fallback") or node),
    **{tag: lambda _renderer, _node: "" for tag in ("ac:parameter", "ac:placeholder", "script", "style")},
}
