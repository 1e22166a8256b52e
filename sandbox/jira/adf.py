"""Atlassian Document Format: is a document well formed, and plain ways between it and wiki text.

The rules are the structure rules of Atlassian's published ADF schema: which nodes exist and what may stand in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sandbox.jira.state import Json

INLINE = frozenset({"text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status", "mediaInline", "placeholder",
                    "inlineExtension"})  # fmt: skip
BLOCKS = frozenset({"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "blockquote", "panel", "rule", "table",
                    "taskList", "decisionList", "mediaSingle", "mediaGroup", "expand", "blockCard", "embedCard", "extension",
                    "bodiedExtension", "layoutSection"})  # fmt: skip
CELL = BLOCKS - {"table", "expand", "bodiedExtension", "layoutSection"} | {"nestedExpand"}
ITEM = frozenset({"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle", "taskList", "extension"})
CHILDREN: dict[str, frozenset[str]] = {
    "doc": BLOCKS, "paragraph": INLINE, "heading": INLINE, "codeBlock": frozenset({"text"}),
    "bulletList": frozenset({"listItem"}), "orderedList": frozenset({"listItem"}), "listItem": ITEM,
    "blockquote": ITEM | {"mediaGroup"}, "panel": ITEM | {"heading", "rule", "blockCard", "mediaGroup", "decisionList"},
    "table": frozenset({"tableRow"}), "tableRow": frozenset({"tableCell", "tableHeader"}), "tableCell": CELL,
    "tableHeader": CELL, "taskList": frozenset({"taskItem", "taskList", "blockTaskItem"}), "taskItem": INLINE,
    "blockTaskItem": frozenset({"paragraph", "extension"}), "decisionList": frozenset({"decisionItem"}), "decisionItem": INLINE,
    "mediaSingle": frozenset({"media", "caption"}), "mediaGroup": frozenset({"media"}), "caption": INLINE,
    "expand": CELL, "nestedExpand": CELL, "bodiedExtension": BLOCKS - {"bodiedExtension"},
    "layoutSection": frozenset({"layoutColumn"}), "layoutColumn": BLOCKS - {"layoutSection"},
}  # fmt: skip
LEAVES = frozenset({"text", "hardBreak", "rule", "mention", "emoji", "inlineCard", "date", "status", "media", "mediaInline",
                    "blockCard", "embedCard", "extension", "inlineExtension", "placeholder"})  # fmt: skip
NON_EMPTY = frozenset({"bulletList", "orderedList", "listItem", "blockquote", "panel", "tableRow", "table", "tableCell",
                       "tableHeader", "mediaSingle", "mediaGroup", "taskList", "decisionList", "expand"})  # fmt: skip
MARKS = frozenset({"strong", "em", "code", "strike", "underline", "link", "subsup", "textColor", "backgroundColor", "annotation",
                   "alignment", "indentation", "border", "breakout", "dataConsumer", "fragment", "fontSize"})  # fmt: skip
NEEDED_ATTRIBUTES = {
    "heading": ("level",), "panel": ("panelType",), "mention": ("id",), "emoji": ("shortName",), "date": ("timestamp",),
    "status": ("text", "color"), "media": ("type",), "mediaInline": ("id", "collection"), "taskList": ("localId",),
    "taskItem": ("localId", "state"), "decisionList": ("localId",), "decisionItem": ("localId", "state"),
    "extension": ("extensionKey", "extensionType"), "inlineExtension": ("extensionKey", "extensionType"),
    "bodiedExtension": ("extensionKey", "extensionType"), "layoutColumn": ("width",), "link": ("href",),
    "textColor": ("color",), "subsup": ("type",),
}  # fmt: skip
NODE_KEYS = frozenset({"type", "attrs", "content", "marks", "text", "version"})


def problem(document: object) -> str | None:
    """What is wrong with an ADF document, or None when nothing is."""
    if not isinstance(document, dict) or document.get("type") != "doc":
        return "not a doc node"
    if type(document.get("version")) is not int or document["version"] != 1:
        return "version must be 1"
    if not isinstance(document.get("content"), list) or set(document) != {"type", "version", "content"}:
        return "a doc has type, version and content"
    return _children_problem(document)


def _children_problem(node: Json) -> str | None:
    kind = node["type"]
    content = node.get("content", [])
    if not isinstance(content, list):
        return f"{kind}: content is not a list"
    if kind in LEAVES and "content" in node:
        return f"{kind}: takes no content"
    if kind in NON_EMPTY and not content:
        return f"{kind}: content is empty"
    for child in content:
        if not isinstance(child, dict) or child.get("type") not in CHILDREN.get(kind, frozenset()):
            return f"{kind}: may not hold {child.get('type') if isinstance(child, dict) else child!r}"
        if wrong := _node_problem(child) or _children_problem(child):
            return wrong
    return None


def _node_problem(node: Json) -> str | None:
    kind = node["type"]
    if unknown := set(node) - NODE_KEYS:
        return f"{kind}: unknown {sorted(unknown)}"
    if kind == "text" and not (isinstance(node.get("text"), str) and node["text"]):
        return "text: must be a non-empty string"
    if kind != "text" and "text" in node:
        return f"{kind}: takes no text"
    return _attributes_problem(node) or _marks_problem(node)


def _attributes_problem(node: Json) -> str | None:
    attributes = node.get("attrs", {})
    if not isinstance(attributes, dict):
        return f"{node['type']}: attrs is not an object"
    if missing := [name for name in NEEDED_ATTRIBUTES.get(node["type"], ()) if name not in attributes]:
        return f"{node['type']}: lacks {missing}"
    if node["type"] == "heading" and attributes["level"] not in range(1, 7):
        return "heading: level is 1 to 6"
    if node["type"] in ("inlineCard", "blockCard", "embedCard") and not {"url", "data", "datasource"} & set(attributes):
        return f"{node['type']}: lacks url"
    return None


def _marks_problem(node: Json) -> str | None:
    marks = node.get("marks", [])
    if not isinstance(marks, list):
        return f"{node['type']}: marks is not a list"
    for mark in marks:
        if not isinstance(mark, dict) or mark.get("type") not in MARKS:
            return f"{node['type']}: unknown mark {mark!r}"
        if wrong := _attributes_problem(mark):
            return wrong
    kinds = [mark["type"] for mark in marks]
    if len(kinds) != len(set(kinds)):
        return f"{node['type']}: the same mark twice"
    if "code" in kinds and set(kinds) - {"code", "link", "annotation"}:
        return "text: code goes with link and annotation only"
    return None


LINK = re.compile(r"\[(?:([^\]|\n]+)\|)?((?:https?|mailto):[^\]\s|]+)\]|\*(\S(?:[^*\n]*\S)?)\*|\{\{([^}\n]+)\}\}")


def document_from_wiki(text: str) -> Json:
    """Wiki text as ADF: paragraphs, headings, bullets, links, bold and code; anything else stays as it is written."""
    blocks: list[Json] = []
    for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        blocks.extend(_blocks(part))
    return {"type": "doc", "version": 1, "content": blocks}


def _blocks(part: str) -> Iterator[Json]:
    lines: list[str] = []
    items: list[Json] = []
    for line in [*part.split("\n"), ""]:
        bullet = re.match(r"[*-] +(.+)", line)
        heading = re.match(r"h([1-6])\. +(.+)", line)
        if lines and (bullet or heading or not line):
            yield {"type": "paragraph", "content": _inline("\n".join(lines))}
            lines = []
        if items and not bullet:
            yield {"type": "bulletList", "content": items}
            items = []
        if bullet:
            items.append({"type": "listItem", "content": [{"type": "paragraph", "content": _inline(bullet[1])}]})
        elif heading:
            yield {"type": "heading", "attrs": {"level": int(heading[1])}, "content": _inline(heading[2])}
        elif line:
            lines.append(line)


def _inline(text: str) -> list[Json]:
    nodes: list[Json] = []
    end = 0
    for match in LINK.finditer(text):
        nodes.extend(_plain(text[end : match.start()]))
        label, href, bold, code = match.groups()
        mark: Json = {"type": "strong"} if bold else {"type": "code"}
        if href:
            mark = {"type": "link", "attrs": {"href": href}}
        nodes.append({"type": "text", "text": bold or code or label or href, "marks": [mark]})
        end = match.end()
    return [*nodes, *_plain(text[end:])]


def _plain(text: str) -> Iterator[Json]:
    for number, line in enumerate(text.split("\n")):
        if number:
            yield {"type": "hardBreak"}
        if line:
            yield {"type": "text", "text": line}


def wiki_from_document(node: Any) -> str:
    """An ADF document as wiki text; nodes without a wiki form give the text inside them."""
    kind = node.get("type")
    inner = [wiki_from_document(child) for child in node.get("content", ())]
    if kind == "text":
        return _marked(node)
    text = "".join(inner)
    attributes = node.get("attrs", {})
    forms = {
        "hardBreak": "\n",
        "rule": "----",
        "heading": f"h{attributes.get('level')}. {text}",
        "codeBlock": "{code}\n" + text + "\n{code}",
        "tableRow": f"|{'|'.join(inner)}|",
        "mention": f"[~accountid:{attributes.get('id')}]",
        "bulletList": "\n".join(f"* {item}" for item in inner),
        "orderedList": "\n".join(f"# {item}" for item in inner),
    }
    forms |= dict.fromkeys(("inlineCard", "blockCard", "embedCard"), f"[{attributes.get('url', '')}]")
    forms |= dict.fromkeys(("emoji", "status"), str(attributes.get("text") or attributes.get("shortName", "")))
    forms |= dict.fromkeys(("doc", "blockquote", "panel", "expand"), "\n\n".join(inner))
    forms |= dict.fromkeys(("table", "listItem", "taskList", "decisionList"), "\n".join(inner))
    return forms.get(kind, text)


def _marked(node: Json) -> str:
    text = str(node["text"])
    for mark in node.get("marks", ()):
        match mark["type"]:
            case "strong":
                text = f"*{text}*"
            case "em":
                text = f"_{text}_"
            case "code":
                text = "{{" + text + "}}"
            case "strike":
                text = f"-{text}-"
            case "link":
                text = f"[{text}|{mark['attrs']['href']}]"
    return text


def as_document(body: str | Json | None) -> Json | None:
    return document_from_wiki(body) if isinstance(body, str) else body


def as_wiki(body: str | Json | None) -> str | None:
    return wiki_from_document(body) if isinstance(body, dict) else body
