"""What a reader sees of an Atlassian Document, judged by the published JSON Schema and by the sandbox's own strict rules."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jsonschema import Draft4Validator

from campaigns.fuzz_meaning import LEFT_OUT, Atom, Dialect, Injected, Token, grid, link, rows_as_lines, where
from connectors.jira import adf as product
from sandbox.jira.adf import problem
from sync.core.rich_text import RichText, Table

SHARED = Path(os.environ.get("TIELINE_SHARED") or Path(__file__).resolve().parents[2] / "shared")
SCHEMA = SHARED / "specs/adf/full.json"
Json = dict[str, Any]
MARKS = {"strong": "b", "em": "i", "code": "c", "strike": "s"}
COLOURS = {"neutral": "grey"}
BLOCKS = frozenset({"doc", "paragraph", "heading", "bulletList", "orderedList", "listItem", "blockquote", "panel", "table", "tableRow",
                    "tableHeader", "tableCell"})  # fmt: skip
# Strings on which no rule of the schema rests but that they are texts, empty or not.
FREE = frozenset({"text", "href", "url", "alt", "id", "language"})
# C0 and C1 controls and non-characters; line ends become blanks.
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]")


def _one_line(account_id: str) -> str:
    return " ".join(LEFT_OUT.sub("", UNFIT.sub("", account_id)).split())


def _table(dialect: Dialect, table: Table, place: str) -> Iterator[Token]:
    return rows_as_lines(dialect, table) if place else grid(dialect, table)


DIALECT = Dialect(
    "jira adf",
    drop=UNFIT,
    mention=lambda name, account_id: ("@", f"@{name}", _one_line(account_id)) if account_id else ("t", name, ""),
    lozenge=lambda text, colour: ("lozenge", text, colour),
    code_alone=True,
    has_rule=False,
    table=_table,
    # A list and a quotation hold no heading, whatever stands between.
    heading_style=lambda place: "b" if place in ("list", "quote") else "",
    inner=lambda outer, inner: outer if outer in ("list", "quote") else inner,
)


def write(tree: RichText, _is_cloud: bool) -> Json:
    return product.adf_from_rich_text(tree)


def read(document: Json) -> list[Token]:
    """The tokens of a document. Raises Injected for what is not ADF or is none of ours."""
    msgspec.json.encode(document)
    if wrong := problem(document) or schema_problem(document):
        raise Injected(wrong)
    return list(_node(document))


def _node(node: Json) -> Iterator[Token]:
    kind, attrs = node["type"], node.get("attrs", {})
    if kind == "text":
        yield _text(node)
    elif kind in BLOCKS:
        yield None
        for place, child in enumerate(node["content"]):
            yield from _node(child)
            if not place and child.get("text") in ("☑ ", "☐ "):
                yield None  # a check box stands apart from what it is for
        yield None
    elif kind == "hardBreak":
        yield ("t", "\n", "")
    elif kind == "mention":
        yield ("@", attrs["text"], _one_line(attrs["id"]))
    elif kind == "status":
        yield ("lozenge", attrs["text"], COLOURS.get(attrs["color"], attrs["color"]))
    elif kind == "rule":
        yield None  # a list and a quotation may not hold one
    else:
        yield None
        yield _framed(node, kind, attrs)
        yield None


def _framed(node: Json, kind: str, attrs: Json) -> Atom:
    if kind == "codeBlock":
        return ("code", "".join(child["text"] for child in node["content"]), "")
    if kind == "mediaSingle":
        (media,) = node["content"]
        return ("img", media["attrs"].get("alt", ""), where(media["attrs"]["url"]))
    raise Injected(f"the node {kind} {attrs}")


def _text(node: Json) -> Atom:
    marks = node.get("marks", [])
    links = [mark["attrs"]["href"] for mark in marks if mark["type"] == "link"]
    if links:
        return link(node["text"], links[0])
    return ("t", node["text"], "".join(sorted(MARKS[mark["type"]] for mark in marks)))


@cache
def _validator() -> Draft4Validator | None:
    return Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))) if SCHEMA.is_file() else None


def has_schema() -> bool:
    """Whether the published schema lies beside the checkout."""
    return _validator() is not None


# Where a node of a kind may stand, from the inside out; others stand in the document itself.
WRAPS = {
    "listItem": ("bulletList",),
    "tableRow": ("table",),
    "tableCell": ("tableRow", "table"),
    "tableHeader": ("tableRow", "table"),
}
INLINE = frozenset({"text", "hardBreak", "mention", "status"})
WHOLE = INLINE | {"mediaSingle", "codeBlock"}  # judged with all that is in them
_paragraph: Json = {"type": "paragraph", "content": []}
_list_item: Json = {"type": "listItem", "content": [_paragraph]}
_cell: Json = {"type": "tableCell", "content": [_paragraph]}
# A smallest valid node of each kind that we write: it stands for a child that is judged by itself.
STANDINS: dict[str, Json] = {
    "paragraph": _paragraph,
    "heading": {"type": "heading", "attrs": {"level": 1}, "content": []},
    "bulletList": {"type": "bulletList", "content": [_list_item]},
    "orderedList": {"type": "orderedList", "content": [_list_item]},
    "listItem": _list_item,
    "blockquote": {"type": "blockquote", "content": [_paragraph]},
    "panel": {"type": "panel", "attrs": {"panelType": "info"}, "content": [_paragraph]},
    "table": {"type": "table", "content": [{"type": "tableRow", "content": [_cell]}]},
    "tableRow": {"type": "tableRow", "content": [_cell]},
    "tableCell": _cell,
    "text": {"type": "text", "text": "x"},
    "hardBreak": {"type": "hardBreak"},
    "mention": {"type": "mention", "attrs": {"id": "x"}},
    "status": {"type": "status", "attrs": {"text": "x", "color": "red"}},
    "tableHeader": {"type": "tableHeader", "content": [_paragraph]},
}
_verdicts: dict[bytes, str | None] = {}


def shapes_judged() -> int:
    """How many distinct shapes of nodes the schema itself was asked about."""
    return len(_verdicts)


def schema_problem(document: Json) -> str | None:
    """What the schema says against a document.

    The schema is a grammar whose rules for a kind of node are the same wherever it stands (without marks on blocks, of which we write
    none), and hold child by child. So each node is judged once per shape: free texts reduced to "x", and with one child of each kind
    that it has, which is judged by itself.
    """
    if _validator() is None:
        return None
    if set(document) != {"type", "version", "content"} or type(document["version"]) is not int:
        return f"not a document: {sorted(document)}"
    return _verdict(document) or _inside(document)


def _inside(node: Json) -> str | None:
    for child in node.get("content", ()):
        if wrong := _verdict(child) or (None if child["type"] in WHOLE else _inside(child)):
            return wrong
    return None


def _verdict(node: Json) -> str | None:
    reduced = {key: _free(value, key) for key, value in node.items() if key != "content"}
    if "content" not in node:
        return _once(reduced)
    children = {child["type"]: child for child in node["content"]}
    if not children:
        return _once({**reduced, "content": []})
    for kind, child in children.items():
        standin = STANDINS.get(kind) or {key: _free(value, key) for key, value in child.items()}
        if wrong := _once({**reduced, "content": [standin]}):
            return wrong
    return None


def _once(shape: Json) -> str | None:
    key = msgspec.json.encode(shape)
    if key not in _verdicts:
        _verdicts[key] = _judged(shape)
    return _verdicts[key]


def _judged(node: Json) -> str | None:
    kind = node["type"]
    for outer in ("paragraph",) if kind in INLINE else WRAPS.get(kind, ()):
        node = {"type": outer, "content": [node]}
    document = node if kind == "doc" else {"type": "doc", "version": 1, "content": [node]}
    validator = _validator()
    error = next(validator.iter_errors(document), None) if validator else None
    return f"schema: {kind}: {error.message[:200]}" if error else None


def _free(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _free(child, key) for key, child in value.items()}
    if isinstance(value, list):
        return [_free(child, name) for child in value]
    return ("x" if value else "") if name in FREE and isinstance(value, str) else value
