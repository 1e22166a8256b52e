"""The dependency graph as an SVG: positions from graphlay, drawn with fonts that know Chinese; no script, all text escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

import graphlay

MOST_NODES = 150  # graphlay takes seconds beyond a few hundred, and nobody reads such a picture
FONTS = "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','Source Han Sans SC',sans-serif"
NODE_HEIGHT, CHARACTER, LONGEST_TITLE, MARGIN = 46, 7.2, 34, 16
COLOURS = {"late": ("#fff1f0", "#cf1322"), "done": ("#f6ffed", "#389e0d"), "open": ("#f0f5ff", "#1d39c4")}

EMPTY = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1" viewBox="0 0 1 1"></svg>'


def picture(graph: Mapping[str, Any]) -> bytes:
    """The graph as SVG bytes, the same for the same facts; empty when there is nothing to draw or too much to read."""
    nodes, links = graph["nodes"], graph["links"]
    if not links or len(nodes) > MOST_NODES:
        return b""
    drawing = graphlay.Graph()
    sizes = [_width(node) for node in nodes]
    for index, width in enumerate(sizes):
        drawing.node(index, width=width, height=NODE_HEIGHT)
    for link in links:
        drawing.edge(link["from"], link["to"])
    placed = graphlay.layout(drawing, options={"direction": "leftright"})
    parts = [_edge(edge["points"], link["is_late"]) for edge, link in zip(placed.edges, links, strict=True)]
    parts += [
        _node(node, place["center"], width) for node, place, width in zip(nodes, placed.nodes, sizes, strict=True)
    ]
    return _document(parts, placed)


def _document(parts: list[str], placed: graphlay.Layout) -> bytes:
    points = [point for edge in placed.edges for point in edge["points"]]
    points += [
        {"x": node["center"]["x"] + side * node["size"]["width"] / 2, "y": node["center"]["y"] + side * NODE_HEIGHT / 2}
        for node in placed.nodes
        for side in (-1, 1)
    ]
    left, top = min(point["x"] for point in points) - MARGIN, min(point["y"] for point in points) - MARGIN
    width = max(point["x"] for point in points) + MARGIN - left
    height = max(point["y"] for point in points) + MARGIN - top
    arrow = (
        '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L10 5L0 10z" fill="#595959"/></marker></defs>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" font-family="{FONTS}">'
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" fill="#fff"/>'
        f"{arrow}{''.join(parts)}</svg>"
    ).encode()


def _node(node: Mapping[str, Any], center: Mapping[str, float], width: float) -> str:
    fill, line = COLOURS["late" if node["is_late"] else "done" if node["is_done"] else "open"]
    x, y = center["x"], center["y"]
    who = " · ".join(text for text in (node["department"], node["owner"]) if text)
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - NODE_HEIGHT / 2:.1f}" width="{width:.1f}" height="{NODE_HEIGHT}" rx="6" '
        f'fill="{fill}" stroke="{line}"/>'
        f'<text x="{x:.1f}" y="{y - 3:.1f}" text-anchor="middle" font-size="13" fill="#1f1f1f">{_text(_short(node["title"]))}</text>'
        f'<text x="{x:.1f}" y="{y + 14:.1f}" text-anchor="middle" font-size="11" fill="#595959">{_text(who)}</text>'
    )


def _edge(points: list[Mapping[str, float]], is_late: bool) -> str:
    path = " ".join(f"{'L' if index else 'M'}{point['x']:.1f} {point['y']:.1f}" for index, point in enumerate(points))
    colour, width = ("#cf1322", 2) if is_late else ("#8c8c8c", 1.2)
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" marker-end="url(#arrow)"/>'


def _width(node: Mapping[str, Any]) -> float:
    who = f"{node['department']} · {node['owner']}"
    return 28 + CHARACTER * max(_columns(_short(node["title"])), _columns(who), 8)


def _columns(text: str) -> int:
    """Width in half-width characters; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _short(title: str) -> str:
    kept, columns = "", 0
    for character in title:
        columns += _columns(character)
        if columns > LONGEST_TITLE:
            return kept + "…"
        kept += character
    return kept


def _text(text: str) -> str:
    """Escaped, and without the characters that XML 1.0 does not allow."""
    allowed = (c for c in text if c in "\t\n\r" or "\x20" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff")
    return escape("".join(allowed))
