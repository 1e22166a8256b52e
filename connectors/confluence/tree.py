"""Confluence storage format as a small tree: a strict parser that knows where each element stands, and the writer.

Storage format is a fragment of XML with several roots, undeclared prefixes (``ac:``, ``ri:``) and HTML's named
entities; the parser declares them around it. What comes out of the writer is well-formed whatever went in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from html.entities import codepoint2name
from xml.parsers import expat

from sync.core.errors import Nonsense

DEEPEST = 200
_ROOT = "storage"
_XML_ENTITIES = ("amp", "lt", "gt", "quot", "apos")
# XML 1.0 section 2.2: what may stand in a document. Lone surrogates cannot be sent as UTF-8 either.
_ALLOWED_CONTROLS = (0x09, 0x0A, 0x0D)


@dataclass
class Cdata:
    """A CDATA section: text that is written without escaping."""

    text: str


@dataclass
class Element:
    """One element, names as written with their prefix. ``start`` and ``end`` are byte offsets of the whole element in the
    parsed text's UTF-8 (-1 for an element that was made here)."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    start: int = -1
    end: int = -1

    def elements(self) -> Iterator[Element]:
        """The direct child elements."""
        return (child for child in self.children if isinstance(child, Element))

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in document order."""
        yield self
        for child in self.elements():
            yield from child.walk()

    def text(self) -> str:
        """All text below, CDATA included."""
        return "".join(_text_of(child) for child in self.children)

    def parameter(self, name: str) -> str:
        """The text of a macro's parameter; empty when it has none of that name."""
        named = (each for each in self.elements() if each.tag == "ac:parameter")
        return next((each.text() for each in named if each.attributes.get("ac:name", "") == name), "")


Node = Element | Cdata | str


def _text_of(node: Node) -> str:
    match node:
        case str():
            return node
        case Cdata():
            return node.text
        case Element():
            return node.text()


@cache
def _head() -> bytes:
    """What is put before a fragment: its own entity table is all the DTD there can be, so no text can bring a bomb."""
    names = sorted((name, code) for code, name in codepoint2name.items() if name not in _XML_ENTITIES)
    table = "".join(f'<!ENTITY {name} "&#{code};">' for name, code in names)
    return f"<!DOCTYPE {_ROOT} [{table}]><{_ROOT}>".encode()


class _Builder:
    def __init__(self) -> None:
        self.root = Element(_ROOT)
        self._stack = [self.root]
        self._cdata: Cdata | None = None
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = False
        self.parser.StartElementHandler = self._open
        self.parser.EndElementHandler = self._close
        self.parser.CharacterDataHandler = self._add_text
        self.parser.StartCdataSectionHandler = self._open_cdata
        self.parser.EndCdataSectionHandler = self._close_cdata

    def _here(self) -> int:
        return self.parser.CurrentByteIndex - len(_head())

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._stack) > DEEPEST:
            raise Nonsense(expected=f"storage format nested at most {DEEPEST} deep", found=tag)
        element = Element(tag, attributes, start=self._here())
        if self._stack[-1] is not self.root or tag != _ROOT or self.root.start != -1:
            self._stack[-1].children.append(element)
            self._stack.append(element)
        else:
            self.root.start = 0

    def _close(self, tag: str) -> None:
        if len(self._stack) > 1:
            self._stack.pop().end = self._here()

    def _add_text(self, text: str) -> None:
        if self._cdata is not None:
            self._cdata.text += text
        elif (siblings := self._stack[-1].children) and isinstance(siblings[-1], str):
            siblings[-1] += text
        else:
            siblings.append(text)

    def _open_cdata(self) -> None:
        self._cdata = Cdata("")
        self._stack[-1].children.append(self._cdata)

    def _close_cdata(self) -> None:
        self._cdata = None


def parse(text: str) -> Element:
    """The fragment as the children of one root. Raises Nonsense when it is not well-formed, brings a DTD or nests too deep."""
    builder = _Builder()
    content = text.encode("utf-8", "surrogatepass")
    try:
        builder.parser.Parse(_head() + content + f"</{_ROOT}>".encode(), True)
    except expat.ExpatError as error:
        message = expat.ErrorString(error.code)
        raise Nonsense(expected=f"well-formed storage format ({message})", sample=text[:200]) from error
    _set_ends(builder.root, content)
    return builder.root


def _set_ends(root: Element, content: bytes) -> None:
    """Expat tells where an end tag begins, but of an empty element where it is over: make every end the latter."""
    for element in root.walk():
        is_empty = not element.children and content[element.end - 2 : element.end] == b"/>"
        if element is not root and not is_empty:
            element.end = content.index(b">", element.end) + 1
    root.start, root.end = 0, len(content)


def clean(text: str) -> str:
    """The text without the characters that XML 1.0 cannot hold."""
    return "".join(character for character in text if _is_allowed(ord(character)))


def _is_allowed(code: int) -> bool:
    if code < 0x20:
        return code in _ALLOWED_CONTROLS
    return not 0xD800 <= code <= 0xDFFF and code not in (0xFFFE, 0xFFFF)


def _escaped(text: str) -> str:
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(text: str) -> str:
    # A parser turns a plain line break or tab in an attribute into a blank; as references they survive.
    text = _escaped(text).replace('"', "&quot;")
    return text.replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")


def serialise(nodes: Sequence[Node]) -> str:
    """The nodes as storage format: all text escaped, illegal characters left out, ``]]>`` split, empty elements closed."""
    return "".join(_serialised(node) for node in nodes)


def _serialised(node: Node) -> str:
    match node:
        case str():
            return _escaped(node)
        case Cdata():
            return "<![CDATA[" + clean(node.text).replace("]]>", "]]]]><![CDATA[>") + "]]>"
        case Element():
            attributes = "".join(f' {name}="{_quoted(value)}"' for name, value in node.attributes.items())
            if not node.children:
                return f"<{node.tag}{attributes}/>"
            return f"<{node.tag}{attributes}>{serialise(node.children)}</{node.tag}>"
