"""What a reader sees of Confluence storage format, by the sandbox's strict parser and a list of all that may stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

from campaigns.fuzz_meaning import Atom, Dialect, Injected, Token, link, where
from connectors.confluence import storage as product
from sandbox.confluence.rendering import html_from_storage
from sandbox.confluence.storage import Cdata, Node, parse
from sync.core.rich_text import Panel, RichText

# XML 1.0, 2.2 Char: everything else cannot stand in a document.
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
STYLES = {"strong": "b", "em": "i", "code": "c", "s": "s"}
BLOCKS = frozenset(
    {
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
        "table",
        "tbody",
        "tr",
        "th",
        "td",
        "blockquote",
        "ac:task-list",
    }
)
ATTRIBUTES: dict[str, frozenset[str]] = {
    "ol": frozenset({"start"}), "a": frozenset({"href"}), "ac:image": frozenset({"ac:alt"}), "ri:url": frozenset({"ri:value"}),
    "ri:page": frozenset({"ri:content-title"}), "ri:user": frozenset({"ri:account-id", "ri:userkey"}),
    "ac:structured-macro": frozenset({"ac:name", "ac:schema-version"}),
}  # fmt: skip
MACROS = {"status": {"colour", "title"}, "code": {"language"}, "toc": {"maxLevel"},
          **{key: {"title"} for key in ("info", "note", "tip", "warning")}}  # fmt: skip
COLOURS = {"Green": "green", "Yellow": "yellow", "Red": "red", "Blue": "blue", "": "grey"}
LANGUAGE = re.compile(r"[A-Za-z0-9+#._-]{1,40}")


def _title(panel: Panel) -> Iterator[Token]:
    if panel.title:
        yield ("title", panel.title, "")


def _mention(name: str, account_id: str) -> Atom:
    return ("@", "", ILLEGAL.sub("", account_id)) if account_id else ("t", name, "")


DIALECT = Dialect(
    "confluence storage",
    drop=ILLEGAL,
    refused_link=lambda text, url: text if text == url or not url else f"{text} ({url})",
    mention=_mention,
    page_link=lambda text, title: ("page", text or title, ILLEGAL.sub("", title)),
    lozenge=lambda text, colour: ("lozenge", text, colour),
    box=lambda _: "",
    contents=("contents", "", ""),
    title=_title,
)


def write(tree: RichText, is_cloud: bool) -> str:
    return product.storage_from_rich_text(tree, is_cloud=is_cloud)


def read(text: str) -> list[Token]:
    """The tokens of a body. Raises what the strict parser raises, and Injected for anything that we never write."""
    text.encode()
    return list(_children(parse(text), ""))


def _children(node: Node, style: str) -> Iterator[Token]:
    for child in node.children:
        if isinstance(child, str):
            yield ("t", child, style)
        elif isinstance(child, Cdata):
            raise Injected(f"CDATA in {node.tag}")
        else:
            yield from _node(child, style)


def _node(node: Node, style: str) -> Iterator[Token]:
    tag = node.tag
    if set(node.attributes) - ATTRIBUTES.get(tag, frozenset()):
        raise Injected(f"attributes of {tag}: {node.attributes}")
    if tag in STYLES:
        yield from _children(node, "".join(sorted(style + STYLES[tag])))
    elif tag in BLOCKS:
        yield None
        yield from _children(node, style)
        yield None
    elif tag == "ac:task":
        yield None
        yield from _children(_only(node, ("ac:task-id", "ac:task-status", "ac:task-body"))[2], style)
        yield None
    elif tag in ("br", "hr"):
        yield from [("t", "\n", "")] if tag == "br" else _apart(("rule", "", ""))
    elif tag == "a":
        yield link(_text(node), node.attributes["href"])
    else:
        yield from _special(node)


def _special(node: Node) -> Iterator[Token]:
    if node.tag == "ac:structured-macro":
        yield from _macro(node)
    elif node.tag == "ac:image":
        (target,) = _only(node, ("ri:url",))
        yield from _apart(("img", node.attributes.get("ac:alt", ""), where(target.attributes["ri:value"])))
    elif node.tag == "ac:link":
        target, *body = node.nodes()
        if target.tag == "ri:page" and len(body) == 1 and body[0].tag == "ac:link-body":
            yield ("page", _text(body[0]), target.attributes["ri:content-title"])
        elif target.tag == "ri:user" and not body and len(target.attributes) == 1:
            yield ("@", "", next(iter(target.attributes.values())))
        else:
            raise Injected(f"a link to {target.tag}")
    else:
        raise Injected(f"the element {node.tag}")


def _macro(node: Node) -> Iterator[Token]:
    name = node.attributes["ac:name"]
    parameters = {n.attributes["ac:name"]: _text(n) for n in node.nodes() if n.tag == "ac:parameter" and _is_plain(n)}
    if name not in MACROS or set(parameters) - MACROS[name]:
        raise Injected(f"the macro {name} with {parameters}")
    bodies = [child for child in node.nodes() if child.tag != "ac:parameter"]
    if name == "status":
        yield ("lozenge", parameters.get("title", ""), COLOURS[parameters.get("colour", "")])
    elif name == "toc":
        yield from _apart(("contents", "", ""))
    elif name == "code":
        if not LANGUAGE.fullmatch(parameters.get("language", "x")):
            raise Injected(f"the language {parameters}")
        code = "".join(part.text if isinstance(part, Cdata) else str(part) for part in bodies[0].children)
        yield from _apart(("code", code, ""))
    else:
        yield None
        if "title" in parameters:
            yield ("title", parameters["title"], "")
        yield None
        yield from _children(bodies[0], "")
        yield None


def _apart(atom: Atom) -> Iterator[Token]:
    """What is a block of its own."""
    yield None
    yield atom
    yield None


def _is_plain(parameter: Node) -> bool:
    if set(parameter.attributes) != {"ac:name"}:
        raise Injected(f"attributes of a parameter: {parameter.attributes}")
    return True


def _text(node: Node) -> str:
    if any(not isinstance(child, str) for child in node.children):
        raise Injected(f"markup in {node.tag}: {node.children}")
    return "".join(str(child) for child in node.children)


def _only(node: Node, tags: Sequence[str]) -> list[Node]:
    found = list(node.nodes())
    if [child.tag for child in found] != list(tags):
        raise Injected(f"{node.tag} holds {[child.tag for child in found]}")
    return found


class _Active(HTMLParser):
    """Looks for what a browser would run, or follow to where nobody meant."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style", "svg", "iframe", "object", "form", "meta", "link"):
            self.found.append(tag)
        for name, value in attrs:
            is_address = name in ("href", "src")
            if name.startswith("on") or (
                is_address and not re.match(r"https?://|#|mailto:", value or "", re.IGNORECASE)
            ):
                self.found.append(f"{tag} {name}={value!r}")


def active_in_html(html: str) -> list[str]:
    parser = _Active()
    parser.feed(html)
    parser.close()
    return parser.found


def shown_as_html(storage: str) -> list[str]:
    """What is active in the page that the sandbox renders of a body."""
    return active_in_html(html_from_storage(storage))
