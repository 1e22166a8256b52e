"""Asana's rich text: what it takes, and how it gives it back."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import escape

ALLOWED = frozenset({"body", "strong", "em", "u", "s", "code", "ol", "ul", "li", "a"})
_URL = re.compile(r"https?://[^\s<]+")


class BadText(Exception):
    """Markup that Asana does not take."""


def parsed(html: str) -> ET.Element:
    """The text as a tree. Raises BadText for what is not well-formed, or uses a tag or attribute that a comment does not know."""
    try:
        root = ET.fromstring(html)
    except ET.ParseError as error:
        raise BadText(f"XML is invalid: {error}") from error
    if root.tag != "body":
        raise BadText("XML is invalid: the root must be body")
    for node in root.iter():
        if node.tag not in ALLOWED:
            raise BadText(f"XML is invalid: {node.tag} is not supported")
        if node.attrib and (
            node.tag != "a" or not set(node.attrib) <= {"href", "data-asana-gid", "data-asana-dynamic"}
        ):
            raise BadText(f"XML is invalid: attributes of {node.tag}")
    return root


def shown(html: str, names: dict[str, str]) -> str:
    """The text as Asana gives it: links with more attributes, people by their present names, bare addresses as links."""
    return f"<body>{_inside(parsed(html), names, in_link=False)}</body>"


def _inside(node: ET.Element, names: dict[str, str], *, in_link: bool) -> str:
    text = _words(node.text, in_link=in_link)
    for child in node:
        text += _element(child, names) + _words(child.tail, in_link=in_link)
    return text


def _element(node: ET.Element, names: dict[str, str]) -> str:
    if node.tag != "a":
        return f"<{node.tag}>{_inside(node, names, in_link=False)}</{node.tag}>"
    gid = node.get("data-asana-gid")
    if gid:
        name = f"@{names[gid]}" if gid in names else "Private User"
        target = f"https://app.asana.com/0/profile/{gid}"
        return f'<a href="{target}" data-asana-accessible="true" data-asana-gid="{gid}" data-asana-type="user">{escape(name)}</a>'
    return f'<a href="{escape(node.get("href") or "")}">{_inside(node, names, in_link=True)}</a>'


def _words(text: str | None, *, in_link: bool) -> str:
    said = escape(text or "", quote=False)
    return said if in_link else _URL.sub(lambda match: f'<a href="{escape(match[0])}">{match[0]}</a>', said)


def plain(html: str) -> str:
    """The text without markup."""

    def words(node: ET.Element) -> str:
        gid = node.get("data-asana-gid")
        inner = (node.text or "") + "".join(words(child) + (child.tail or "") for child in node)
        end = "\n" if node.tag == "li" else ""
        return (f"https://app.asana.com/0/profile/{gid}" if gid else inner) + end

    return words(parsed(html))
