"""Our part of a page: found between two anchors, replaced without touching a byte outside, compared by what it says.

An anchor macro is invisible to readers, both editors keep it, and the text between the two may hold anything (a macro
with a body may not: the Cloud editor forbids nesting them). Anchor names use letters, digits, ``-``, ``.`` and ``_`` only,
because the Cloud editor drops anchors with other characters (sphinxcontrib-confluencebuilder PR#866). The second anchor also
keeps the version that we saved and the digest of what we said in it: saved in one step with the block, it tells our own last
write from a person's even when the property's update was lost.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from connectors.confluence.storage import macro
from connectors.confluence.tree import Element, Node, parse, serialise

MARKER = "ac:inline-comment-marker"
_START, _END = "tieline-start-", "tieline-end-"
# Elements that hold blocks: our block may stand in one of these (people wrap pages into layouts), never inside a line.
_BLOCK_HOLDERS = frozenset({"storage", "ac:layout-cell", "ac:rich-text-body", "td", "th", "div", "blockquote"})
# What says something. Everything else (ids, widths, layout, schema versions) is the editors' own and changes by itself.
_TELLING = frozenset(
    (
        *("href", "src", "start", "colspan", "rowspan", "ac:name", "ac:alt", "ac:anchor"),
        *("ri:filename", "ri:value", "ri:account-id", "ri:userkey", "ri:username", "ri:content-title", "ri:space-key"),
    )
)
_TELLING_PARAMETERS = frozenset({"", "language", "title", "colour", "maxLevel", "key", "jqlQuery"})
_OWN_NUMBERS = frozenset({"ac:task-id", "ac:task-uuid"})
_DROPPED = frozenset({"colgroup", "col", *_OWN_NUMBERS})
_CELLS = frozenset({"li", "td", "th", "ac:task-body", "ac:rich-text-body"})
_KEPT = re.compile(r"\.v([0-9]{1,9})\.([0-9a-f]{32})")
_CONTEXTS = frozenset({"tr", "li", "ac:task", "p", "h1", "h2", "h3", "h4", "h5", "h6"})


@dataclass(frozen=True)
class Kept:
    """What the anchor keeps of our last write: the version we saved and the digest of our block in it."""

    version: int
    digest: str


@dataclass(frozen=True)
class OwnBlock:
    """Where our block stands in a body: byte offsets of what lies between the two anchors' own paragraphs, and of the second
    anchor's name. ``kept`` is None on pages from before it was.
    """

    mark: str
    start: int
    end: int
    content: str
    name_start: int
    name_end: int
    kept: Kept | None = None

    @property
    def is_empty(self) -> bool:
        return not _canonical(parse(self.content).children)


def anchors(mark: str) -> tuple[str, str]:
    """The names of the two anchors that frame our block."""
    name = "".join(_name_part(character) for character in mark)
    return _START + name, _END + name


def _name_part(character: str) -> str:
    if character == ":":
        return "."
    if character.isascii() and (character.isalnum() or character == "-"):
        return character
    return "".join(f"_{byte:02x}" for byte in character.encode())


def _mark_from(name: str) -> str:
    parts = re.split(r"((?:_[0-9a-f]{2})+)", name)
    return "".join(
        bytes.fromhex(part.replace("_", "")).decode(errors="replace") if index % 2 else part.replace(".", ":")
        for index, part in enumerate(parts)
    )


def wrap(mark: str, content: str, version: int = 1) -> str:
    """A body that is nothing but our block, as it is saved in this version."""
    first, last = anchors(mark)
    start, end = (serialise([Element("p", {}, [macro("anchor", [("", name)])])]) for name in (first, last))
    return f"{start}{content}{end.replace(last, _end_name(mark, content, version))}"


def _end_name(mark: str, content: str, version: int) -> str:
    return f"{anchors(mark)[1]}.v{version}.{digest(content)}"


def marks_in(body: str) -> tuple[str, ...]:
    """The marks of all start anchors in a body, in order."""
    names = (_name_of(path) for path in _anchors_in(parse(body), ()))
    return tuple(_mark_from(name.removeprefix(_START)) for name in names if name.startswith(_START))


Path = tuple[Element, ...]


def _anchors_in(element: Element, path: Path) -> Iterator[Path]:
    path = (*path, element)
    if element.tag == "ac:structured-macro" and element.attributes.get("ac:name") == "anchor":
        yield path
    for child in element.elements():
        yield from _anchors_in(child, path)


def _name_of(path: Path) -> str:
    return path[-1].parameter("").strip()


def _is_end(name: str, end_name: str) -> bool:
    return name == end_name or bool(name.startswith(end_name) and _KEPT.fullmatch(name[len(end_name) :]))


def find_block(body: str, mark: str) -> OwnBlock | None:
    """Our block, or None when the body has none that is whole: each anchor once, in order, blocks between them."""
    start_name, end_name = anchors(mark)
    found = list(_anchors_in(parse(body), ()))
    starts = [path for path in found if _name_of(path) == start_name]
    ends = [path for path in found if _is_end(_name_of(path), end_name)]
    if len(starts) != 1 or len(ends) != 1:
        return None
    shared = 0
    for ours, theirs in zip(starts[0], ends[0], strict=False):
        if ours is not theirs:
            break
        shared += 1
    holder, first, last = starts[0][shared - 1], starts[0][shared], ends[0][shared]
    if holder.tag not in _BLOCK_HOLDERS or first.end > last.start:
        return None
    content = body.encode("utf-8", "surrogatepass")[first.end : last.start].decode("utf-8", "surrogatepass")
    name = next(
        each for each in ends[0][-1].elements() if each.tag == "ac:parameter" and not each.attributes.get("ac:name")
    )
    kept = _KEPT.fullmatch(_name_of(ends[0])[len(end_name) :])
    return OwnBlock(
        mark, first.end, last.start, content, name.start, name.end, Kept(int(kept[1]), kept[2]) if kept else None
    )


def has_anchor(body: str, mark: str) -> bool:
    """True when at least one of our two anchors is left."""
    start_name, end_name = anchors(mark)
    names = map(_name_of, _anchors_in(parse(body), ()))
    return any(name == start_name or _is_end(name, end_name) for name in names)


def replace_block(body: str, block: OwnBlock, content: str, version: int) -> str:
    """The body with other content in our block, saved as this version; every byte outside the two anchors' frame stays."""
    data = body.encode("utf-8", "surrogatepass")
    name = serialise([Element("ac:parameter", {"ac:name": ""}, [_end_name(block.mark, content, version)])])
    parts = (
        data[: block.start],
        content.encode(),
        data[block.end : block.name_start],
        name.encode(),
        data[block.name_end :],
    )
    return b"".join(parts).decode("utf-8", "surrogatepass")


def digest(content: str) -> str:
    """A digest of what the content says: ids, attribute order, layout, comment markers and spacing do not change it."""
    canonical = _canonical(parse(content).children)
    return hashlib.sha256(msgspec.json.encode(canonical)).hexdigest()[:32]


Canonical = list[object]


def _canonical(nodes: Sequence[Node], parent: str = "") -> Canonical:
    """Nodes as plain lists: text with its spacing collapsed, elements as [tag, telling attributes, content]."""
    out: Canonical = []
    for node in nodes:
        if isinstance(node, str):
            _add_text(out, _one_line(node))
        elif not isinstance(node, Element):
            _add_text(out, node.text)
        elif node.tag == MARKER or (node.tag == "p" and parent in _CELLS):
            for part in _canonical(node.children, parent):
                _add_text(out, part) if isinstance(part, str) else out.append(part)
        elif (said := _canonical_element(node)) is not None:
            out.append(said)
    trimmed = [part.strip() if isinstance(part, str) and (not index or index == len(out) - 1) else part
               for index, part in enumerate(out)]  # fmt: skip
    return [part for part in trimmed if part not in ("", " ")]


def _add_text(out: Canonical, text: str) -> None:
    if out and isinstance(out[-1], str):
        out[-1] = re.sub(r" +", " ", out[-1] + text)
    else:
        out.append(text)


def _canonical_element(element: Element) -> Canonical | None:
    if element.tag in _DROPPED:
        return None
    if element.tag == "ac:parameter" and element.attributes.get("ac:name", "") not in _TELLING_PARAMETERS:
        return None
    content = _canonical(element.children, element.tag)
    if element.tag == "p" and not content:
        return None
    # A server that writes a line break in an attribute plainly reads it back as a blank.
    telling = sorted([name, _one_line(value)] for name, value in element.attributes.items() if name in _TELLING)
    if element.tag == "ac:structured-macro":
        # Servers keep macro parameters in an order of their own.
        content = sorted(content, key=lambda part: msgspec.json.encode(part) if _is_parameter(part) else b"\xff")
    return [element.tag, telling, content]


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _is_parameter(part: object) -> bool:
    return isinstance(part, list) and bool(part) and part[0] == "ac:parameter"


# -- inline comments


@dataclass
class _Run:
    """A run of text in a tree: its parent, its index there and the words of the row, entry or paragraph around it."""

    parent: Element
    index: int
    text: str
    context: str


def carry_comments(old: str, new: str) -> tuple[str, tuple[str, ...]]:
    """The new content with the old one's inline comment markers set around the same words, and the refs that found no place.

    Words that stand once in the new content are found by themselves; words that stand there several times only where
    the row, entry or paragraph around them is the same as before.
    """
    if MARKER not in old:
        return new, ()
    target = parse(new)
    lost: list[str] = []
    for marker, context in _markers(parse(old), ""):
        ref, words = marker.attributes.get("ac:ref", ""), marker.text()
        place = _place_for(words, context, list(_runs(target, "")))
        if place is None:
            lost.append(ref)
            continue
        before, _, after = place.text.partition(words)
        parts: list[Node] = [before, Element(MARKER, {"ac:ref": ref}, [words]), after]
        place.parent.children[place.index : place.index + 1] = [part for part in parts if part != ""]
    return serialise(target.children), tuple(dict.fromkeys(lost))


def comment_refs(body: str) -> frozenset[str]:
    """The inline comments whose markers stand in a body."""
    if MARKER not in body:
        return frozenset()
    return frozenset(each.attributes.get("ac:ref", "") for each in parse(body).walk() if each.tag == MARKER)


def _context_of(element: Element, context: str) -> str:
    return " ".join(element.text().split()) if element.tag in _CONTEXTS and not context else context


def _markers(element: Element, context: str) -> Iterator[tuple[Element, str]]:
    context = _context_of(element, context)
    for child in element.elements():
        if child.tag == MARKER:
            yield child, context
        yield from _markers(child, context)


def _runs(element: Element, context: str) -> Iterator[_Run]:
    context = _context_of(element, context)
    for index, child in enumerate(element.children):
        if isinstance(child, str):
            yield _Run(element, index, child, context)
        elif isinstance(child, Element) and child.tag not in (MARKER, "ac:parameter", *_OWN_NUMBERS, "ac:task-status"):
            yield from _runs(child, context)


def _place_for(words: str, context: str, runs: list[_Run]) -> _Run | None:
    if not words.strip():
        return None
    places = [run for run in runs for _ in range(run.text.count(words))]
    if len(places) > 1:
        places = [run for run in places if run.context == context]
    return places[0] if len(places) == 1 else None
