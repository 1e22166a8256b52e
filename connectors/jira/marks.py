"""How a comment of ours is known: its mark, and the digest of what we wrote, kept with it. Pure.

Cloud keeps both in the comment's property, sent in the same request as the text. Data Center keeps them in two anchors that
show nothing, on the last line of the text. The digest tells our own words from a person's edit whoever the author is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sync.core.marks import Kept

MARK_PROPERTY = "tieline.mark"
_OWN_ANCHOR = re.compile(r"\{anchor:(tieline[:.][^{}\s]*)\}")
_KEPT_ANCHOR = re.compile(r"tieline\.said:([0-9a-f]{12})(?:\.([0-9a-f]{12}))?")
DEEPEST = 100
# What of a node's attributes says something; of a node that is not named here everything does but its local id.
_TELLING: Mapping[str, tuple[str, ...]] = {
    "paragraph": (), "bulletList": (), "listItem": (), "table": (), "tableRow": (), "tableCell": (), "tableHeader": (),
    "blockquote": (), "rule": (), "mediaSingle": (), "heading": ("level",), "panel": ("panelType",), "orderedList": ("order",),
    "codeBlock": ("language",), "media": ("url", "id", "alt"), "mention": ("id",), "status": ("text", "color"),
    "inlineCard": ("url",), "blockCard": ("url",), "embedCard": ("url",), "taskItem": ("state",), "link": ("href",),
}  # fmt: skip
_USUAL = {"order": 1}  # what Jira may leave out or put in


def anchor(mark: str) -> str:
    """Our mark as wiki markup that shows nothing."""
    return f"{{anchor:{mark}}}"


def kept_anchor(kept: Kept) -> str:
    """The digest of what we wrote, as an anchor beside the mark's."""
    more = "" if kept.as_stored == kept.block else f".{kept.as_stored}"
    return f"{{anchor:tieline.said:{kept.block}{more}}}"


def property_value(mark: str, kept: Kept) -> dict[str, str]:
    """The comment property: mark and digest."""
    stored = {} if kept.as_stored == kept.block else {"stored": kept.as_stored}
    return {"mark": mark, "block": kept.block, **stored}


def marks_in(comment: Mapping[str, Any]) -> tuple[str, ...]:
    """Every Tieline mark that a comment carries, as property or anchor, each once."""
    value = _property(comment)
    found = [value] if isinstance(value, str) else [value.get("mark")] if isinstance(value, Mapping) else []
    body = comment.get("body")
    names = _OWN_ANCHOR.findall(body) if isinstance(body, str) else []
    return tuple(
        dict.fromkeys(str(name) for name in (*found, *names) if name and not _KEPT_ANCHOR.fullmatch(str(name)))
    )


def is_marked(comment: Mapping[str, Any], mark: str) -> bool:
    """True when a comment carries the mark: as property, or as the anchor in a wiki body."""
    return mark in marks_in(comment)


def kept_in(comment: Mapping[str, Any]) -> Kept | None:
    """What the comment remembers of our last write; None for one from before digests were kept."""
    body = comment.get("body")
    if isinstance(body, str):
        names = [match for name in _OWN_ANCHOR.findall(body) if (match := _KEPT_ANCHOR.fullmatch(name))]
        return Kept(names[-1][1], names[-1][2] or names[-1][1]) if names else None
    value = _property(comment)
    if not isinstance(value, Mapping) or not isinstance(value.get("block"), str):
        return None
    return Kept(value["block"], str(value.get("stored") or value["block"]))


def block_of(standing: str, kept: Kept | None) -> tuple[str, bool]:
    """The block of a comment whose text has this digest now, and whether it is as we left it."""
    is_untouched = kept is not None and kept.as_stored == standing
    return (kept.block if kept and is_untouched else standing), is_untouched


def _property(comment: Mapping[str, Any]) -> object:
    for item in comment.get("properties") or ():
        if isinstance(item, Mapping) and item.get("key") == MARK_PROPERTY:
            return item.get("value")
    return None


def digest_of_body(body: object) -> str:
    """A digest of what a comment's body says, ADF or wiki text: local ids, trailing blanks and default attributes do not change it."""
    if isinstance(body, str):
        return _digest(_plain_lines(_OWN_ANCHOR.sub("", body)))
    return _digest(_said(body, 0))


def _digest(said: object) -> str:
    return hashlib.blake2b(msgspec.json.encode(said, order="deterministic"), digest_size=6).hexdigest()


def _plain_lines(text: str) -> str:
    """Without what editors and servers change by themselves: kinds of line ends, blanks at ends of lines, repeated empty lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")


def _said(node: object, depth: int) -> list[object]:
    """A node as plain lists: type, telling attributes, marks and content; neighbouring texts of one style are one."""
    if not isinstance(node, Mapping) or depth > DEEPEST:
        return [str(node)]
    kind = str(node.get("type"))
    if kind == "text":
        marks = [[mark.get("type"), _telling(mark)] for mark in _mappings(node.get("marks"))]
        return ["text", re.sub(r"\s+", " ", str(node.get("text") or "")), sorted(marks, key=msgspec.json.encode)]
    children = node.get("content")
    inside = [_said(child, depth + 1) for child in children] if isinstance(children, list) else []
    if kind == "codeBlock":
        code = "".join(str(child.get("text") or "") for child in _mappings(children))
        return [kind, _telling(node), _plain_lines(code)]
    return [kind, _telling(node), _trimmed(child for child in inside if child[:3] != ["paragraph", {}, []])]


def _telling(node: Mapping[str, Any]) -> dict[str, object]:
    attrs = node.get("attrs")
    if not isinstance(attrs, Mapping):
        return {}
    names = _TELLING.get(str(node.get("type")), tuple(name for name in attrs if name != "localId"))
    return {name: attrs[name] for name in names if attrs.get(name) not in (None, "", _USUAL.get(name))}


def _mappings(items: object) -> list[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _trimmed(children: Iterable[list[object]]) -> list[list[object]]:
    """Texts of one style joined, blanks at the edges of a line and line breaks at its end gone."""
    joined: list[list[object]] = []
    for child in children:
        last = joined[-1] if joined else None
        if child[0] == "text" and last and last[0] == "text" and last[2] == child[2]:
            joined[-1] = ["text", re.sub(r" +", " ", f"{last[1]}{child[1]}"), last[2]]
        else:
            joined.append(child)
    for edge, strip in ((0, str.lstrip), (-1, str.rstrip)):
        while joined and joined[edge][0] in ("text", "hardBreak"):
            text = strip(str(joined[edge][1])) if joined[edge][0] == "text" else ""
            if text:
                joined[edge] = ["text", text, joined[edge][2]]
                break
            joined.pop(edge)
    return joined
