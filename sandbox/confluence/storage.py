"""Confluence storage format: a strict parser, a small tree, and the rewriting that the server does on every save.

Storage format is a fragment of XML with several roots and the undeclared prefixes ``ac:`` and ``ri:``. The error words
follow the vendor's parser (Woodstox): ``Error parsing xhtml: ... at [row,col {unknown-source}]: [1,22]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.entities import codepoint2name
from xml.parsers import expat

PREFIXES = ("ac", "ri", "at")
XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
_ROOT = "xml"
_DOCTYPE = "".join(
    f'<!ENTITY {name} "&#{code};">' for code, name in sorted(codepoint2name.items()) if name not in XML_ENTITIES
)
_HEAD = f"<!DOCTYPE {_ROOT} [{_DOCTYPE}]>\n<{_ROOT}>"
_MACRO_ORDER = ("ac:name", "ac:schema-version", "ac:local-id", "ac:macro-id")


class StorageError(Exception):
    """The fragment is not well-formed storage format; the text is the vendor's."""


@dataclass(frozen=True)
class Cdata:
    """A CDATA section, kept apart because the server keeps it."""

    text: str


@dataclass
class Node:
    """One element: tag and attribute names as written, prefix included."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | Cdata | str] = field(default_factory=list)

    def nodes(self) -> Iterator[Node]:
        """Direct child elements."""
        return (child for child in self.children if isinstance(child, Node))

    def walk(self) -> Iterator[Node]:
        """This element and all below it, in document order."""
        yield self
        for child in self.nodes():
            yield from child.walk()

    def first(self, tag: str) -> Node | None:
        return next((node for node in self.nodes() if node.tag == tag), None)

    def text(self) -> str:
        """All text below, CDATA included."""
        return "".join(
            child if isinstance(child, str) else child.text if isinstance(child, Cdata) else child.text()
            for child in self.children
        )

    def parameter(self, name: str) -> str:
        """The text of a macro's ``ac:parameter``; empty when it has none."""
        found = (n for n in self.nodes() if n.tag == "ac:parameter" and n.attributes.get("ac:name", "") == name)
        return next((node.text() for node in found), "")


class _Builder:
    """Turns expat's events into nodes and its complaints into the vendor's words."""

    def __init__(self) -> None:
        self.root = Node("")
        self.stack = [self.root]
        self._cdata: list[str] | None = None
        self.parser = expat.ParserCreate()
        self.parser.ordered_attributes = True
        self.parser.buffer_text = False
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartCdataSectionHandler = self._start_cdata
        self.parser.EndCdataSectionHandler = self._end_cdata

    def _start(self, tag: str, attributes: list[str]) -> None:
        pairs = dict(zip(attributes[::2], attributes[1::2], strict=True))
        for name in (tag, *pairs):
            prefix, colon, _ = name.partition(":")
            if colon and prefix not in PREFIXES and prefix != "xml":
                raise StorageError(self.message(f'Undeclared namespace prefix "{prefix}"'))
        node = Node(tag, pairs)
        self.stack[-1].children.append(node)
        self.stack.append(node)

    def _end(self, _tag: str) -> None:
        self.stack.pop()

    def _text(self, text: str) -> None:
        if self._cdata is not None:
            self._cdata.append(text)
            return
        children = self.stack[-1].children
        if children and isinstance(children[-1], str):
            children[-1] += text
        else:
            children.append(text)

    def _start_cdata(self) -> None:
        self._cdata = []

    def _end_cdata(self) -> None:
        self.stack[-1].children.append(Cdata("".join(self._cdata or [])))
        self._cdata = None

    def message(self, what: str) -> str:
        row, column = max(1, self.parser.ErrorLineNumber - 1), self.parser.ErrorColumnNumber + 1
        if row == 1:
            column = max(1, column - len(f"<{_ROOT}>"))
        return f"Error parsing xhtml: {what}\n at [row,col {{unknown-source}}]: [{row},{column}]"


def parse(text: str) -> Node:
    """The fragment as a tree under a nameless root; raises StorageError with the vendor's words and place.

    Refuses what XML 1.0 refuses: open tags, bare ampersands, control characters (raw or as references), unknown
    entities, prefixes other than ac: and ri:. HTML entities are known.
    """
    builder = _Builder()
    try:
        builder.parser.Parse((_HEAD + text + f"</{_ROOT}>").encode("utf-8"), True)
    except UnicodeEncodeError as error:
        raise StorageError(builder.message(f"Illegal character (code 0x{ord(error.object[error.start]):x})")) from error
    except expat.ExpatError as error:
        raise StorageError(builder.message(_complaint(error, builder, text))) from error
    return Node("", {}, builder.root.children[0].children if isinstance(builder.root.children[0], Node) else [])


def _complaint(error: expat.ExpatError, builder: _Builder, text: str) -> str:
    """Woodstox's words for expat's error codes."""
    lines = (_HEAD + text + f"</{_ROOT}>").split("\n")
    rest = lines[error.lineno - 1][error.offset :] if error.lineno <= len(lines) else ""
    expected = builder.stack[-1].tag or _ROOT
    match expat.ErrorString(error.code):
        case expat.errors.XML_ERROR_TAG_MISMATCH:
            name = rest.removeprefix("</").partition(">")[0].strip()
            return f"Unexpected close tag </{name}>; expected </{expected}>."
        case expat.errors.XML_ERROR_UNDEFINED_ENTITY:
            return f'Undeclared general entity "{rest.removeprefix("&").partition(";")[0]}"'
        case expat.errors.XML_ERROR_BAD_CHAR_REF:
            return f"Illegal character entity: {rest.partition(';')[0]};"
        case expat.errors.XML_ERROR_DUPLICATE_ATTRIBUTE:
            return f"Duplicate attribute '{rest.partition('=')[0].strip()}'."
        case _:
            character = rest[:1]
            if character and ord(character) < 32:
                return f"Illegal character ((CTRL-CHAR, code {ord(character)}))"
            return f"Unexpected character '{character}' (code {ord(character) if character else 0}) in content"


def storage_from_text(text: str) -> str:
    """Plain text escaped for a text node, with the named entities the server writes."""
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    name = codepoint2name.get(ord(character))
    return f"&{name};" if name else character


def serialise(node: Node) -> str:
    """The children of a node as storage format, in the server's spelling: ``<br />``, named entities, split CDATA."""
    return "".join(_serialised(child) for child in node.children)


def _serialised(item: Node | Cdata | str) -> str:
    if isinstance(item, str):
        return storage_from_text(item)
    if isinstance(item, Cdata):
        return "<![CDATA[" + item.text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
    attributes = "".join(f' {name}="{storage_from_text(value)}"' for name, value in item.attributes.items())
    if not item.children:
        return f"<{item.tag}{attributes} />"
    return f"<{item.tag}{attributes}>{serialise(item)}</{item.tag}>"


def rewrite(text: str, new_id: Callable[[], str], *, has_local_ids: bool) -> str:
    """What the server keeps of what was sent: macro ids and (Cloud) local ids added, attributes in its own order,
    entities normalised. So a fetched body never equals the sent one. Raises StorageError.
    """
    root = parse(text)
    for node in root.walk():
        if node.tag == "ac:structured-macro":
            node.attributes.setdefault("ac:schema-version", "1")
            node.attributes.setdefault("ac:macro-id", new_id())
        if has_local_ids and node.tag in ("ac:structured-macro", "table", "ac:image"):
            node.attributes.setdefault("ac:local-id", new_id())
        if node.tag == "ac:structured-macro":
            names = [n for n in _MACRO_ORDER if n in node.attributes]
            names += sorted(n for n in node.attributes if n not in _MACRO_ORDER)
        else:
            names = sorted(node.attributes)
        node.attributes = {name: node.attributes[name] for name in names}
    return serialise(root)


def plain_text(text: str) -> str:
    """The words of a body, for search and excerpts; blocks are parted by a blank."""
    words: list[str] = []
    for node in parse(text).walk():
        words += [c if isinstance(c, str) else c.text for c in node.children if not isinstance(c, Node)]
    return " ".join(" ".join(words).split())


def mark_selection(text: str, selection: str, ref: str, index: int = 0) -> str | None:
    """The body with an inline comment marker around the index-th occurrence of the selection.

    None when no single run of text holds it: the vendor then refuses the comment.
    """
    root = parse(text)
    seen = 0
    for node in root.walk():
        for position, child in enumerate(node.children):
            if not isinstance(child, str) or selection not in child:
                continue
            occurrences = child.count(selection)
            if seen + occurrences <= index:
                seen += occurrences
                continue
            parts = child.split(selection)
            at = index - seen + 1
            before, after = selection.join(parts[:at]), selection.join(parts[at:])
            marker = Node("ac:inline-comment-marker", {"ac:ref": ref}, [selection])
            node.children[position : position + 1] = [part for part in (before, marker, after) if part]
            return serialise(root)
    return None


def marker_refs(text: str) -> set[str]:
    """The inline comment references that the body still holds."""
    nodes = parse(text).walk()
    return {node.attributes.get("ac:ref", "") for node in nodes if node.tag == "ac:inline-comment-marker"}
