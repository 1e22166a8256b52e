"""Rich text as a browser shows it: an ADF document as HTML, every text escaped, links only where a browser may follow them."""

from __future__ import annotations

import re
from html import escape

from sandbox.jira.adf import document_from_wiki
from sandbox.jira.state import Json

TAGS = {
    "paragraph": "p", "bulletList": "ul", "orderedList": "ol", "listItem": "li", "codeBlock": "pre", "blockquote": "blockquote",
    "table": "table", "tableRow": "tr", "tableHeader": "th", "tableCell": "td", "taskList": "ul", "taskItem": "li",
}  # fmt: skip
ESCAPED = 0xE000  # where an escaped character waits, out of reach of the markup
MARK_TAGS = {"strong": "b", "em": "i", "code": "code", "strike": "s", "underline": "u"}


def html_from_wiki(text: str) -> str:
    """Wiki text as HTML: ``\\*`` is a plain asterisk, ``{*}`` an asterisk that is markup anywhere, an anchor is not seen."""
    text = re.sub(r"\\([!-/:-@\[-`{-~])", lambda match: chr(ESCAPED + ord(match[1])), text)
    text = re.sub(r"\{anchor:[^}\n]*\}", "", text).replace("{*}", "*").rstrip()
    shown = html_from_document(document_from_wiki(text))
    return re.sub("[\ue021-\ue07e]", lambda match: escape(chr(ord(match[0]) - ESCAPED)), shown)


def html_from_document(node: Json) -> str:
    """An ADF node as HTML; a node without a form of its own shows what is inside it."""
    kind, attributes = node.get("type"), node.get("attrs", {})
    inner = "".join(html_from_document(child) for child in node.get("content", ()))
    match kind:
        case "text":
            return _marked(node)
        case "hardBreak":
            return "<br>"
        case "rule":
            return "<hr>"
        case "heading":
            return f"<h{attributes['level']}>{inner}</h{attributes['level']}>"
        case "panel":
            return f'<div class="box">{inner}</div>'
        case "inlineCard" | "blockCard" | "embedCard":
            url = str(attributes.get("url", ""))
            return _link(url, escape(url))
        case "mention" | "emoji" | "status" | "date":
            word = attributes.get("text") or attributes.get("shortName") or attributes.get("timestamp") or ""
            return f"<b>{escape(str(word))}</b>"
    tag = TAGS.get(str(kind))
    return f"<{tag}>{inner}</{tag}>" if tag else inner


def _marked(node: Json) -> str:
    shown = escape(node["text"])
    for mark in node.get("marks", ()):
        if mark["type"] == "link":
            shown = _link(str(mark["attrs"]["href"]), shown)
        elif tag := MARK_TAGS.get(mark["type"]):
            shown = f"<{tag}>{shown}</{tag}>"
    return shown


def _link(url: str, shown: str) -> str:
    if not url.startswith(("http://", "https://", "mailto:")):
        return shown
    return f'<a href="{escape(url)}" rel="noreferrer">{shown}</a>'
