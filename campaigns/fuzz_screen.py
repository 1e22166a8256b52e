"""What reaches eyes without a vendor between: the status page's picture, the demo's list of pages, tables, JSON and log lines."""

from __future__ import annotations

import html
import io
import json
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import structlog

from campaigns.fuzz_meaning import Injected
from campaigns.fuzz_storage import ILLEGAL, active_in_html
from jobs.status_view import picture as svg
from sync.cli import demo_pages, show
from sync.cli.log import set_up_logging

SVG = "{http://www.w3.org/2000/svg}"
SVG_ATTRIBUTES = {
    "svg": {"width", "height", "viewBox", "font-family"}, "rect": {"x", "y", "width", "height", "rx", "fill", "stroke"},
    "text": {"x", "y", "text-anchor", "font-size", "fill"}, "path": {"d", "fill", "stroke", "stroke-width", "marker-end"},
    "defs": set(), "marker": {"id", "viewBox", "refX", "refY", "markerWidth", "markerHeight", "orient"},
}  # fmt: skip
# What a terminal obeys, or what turns a line around: C0 but the line end, DEL, C1, bidi controls.
LIVE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
SHORTENED = 34  # columns, as the picture promises


def same_line(text: str) -> str:
    """Text as XML keeps it: without what it cannot hold, line ends as one kind, blanks collapsed."""
    return " ".join(ILLEGAL.sub("", text).split())


def check_picture(strings: Sequence[str]) -> None:
    """Draw every three strings as a task's title, department and owner."""
    nodes = [
        {"title": title, "department": department, "owner": owner, "is_late": False, "is_done": False}
        for title, department, owner in zip(*[iter(strings)] * 3, strict=False)
    ]
    drawn = svg.picture({"nodes": nodes, "links": [{"from": 0, "to": len(nodes) - 1, "is_late": True}]})
    texts: list[str] = []
    for element in ET.fromstring(drawn).iter():
        tag = element.tag.removeprefix(SVG)
        if tag not in SVG_ATTRIBUTES or set(element.attrib) - SVG_ATTRIBUTES[tag]:
            raise Injected(f"svg {element.tag} {element.attrib}")
        if tag == "text":
            texts.append(element.text or "")
        elif (element.text or "").strip():
            raise Injected(f"svg text in {tag}: {element.text!r}")
    for node, title, who in zip(nodes, texts[::2], texts[1::2], strict=True):
        _check_title(str(node["title"]), title)
        wanted = " · ".join(str(node[name]) for name in ("department", "owner") if node[name])
        if same_line(who) != same_line(wanted):
            raise Injected(f"svg shows {who!r} for {wanted!r}")


def _check_title(meant: str, shown: str) -> None:
    """The whole title, or as much of it as fits and an ellipsis."""
    whole, seen = same_line(meant), same_line(shown)
    if seen == whole and "…" not in meant:
        return
    is_cut = seen.endswith("…") and whole.startswith(seen[:-1].strip()) and _columns(meant) > SHORTENED
    if seen != whole and not is_cut:
        raise Injected(f"svg shows {shown!r} for {meant!r}")


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


class _Outline(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data

    def handle_comment(self, data: str) -> None:
        raise Injected(f"a comment {data!r}")

    def handle_decl(self, decl: str) -> None:
        raise Injected(f"a declaration {decl!r}")

    def handle_pi(self, data: str) -> None:
        raise Injected(f"an instruction {data!r}")


def check_list_of_pages(strings: Sequence[str]) -> None:
    """The demo's index and its pages' rewritten links, with every string as a page's title, address and site."""
    addresses = [f"http://x.example/{number}" for number in range(len(strings))]
    names = {address: f"{number:02}-jira.html" for number, address in enumerate(addresses)}
    pages = [("site", title, address) for title, address in zip(strings, addresses, strict=True)]
    outline = _outline(demo_pages._section(strings[0], pages, names))
    if [tag for tag, _ in outline.tags] != ["h2", "ul", *["li", "a"] * len(strings)]:
        raise Injected(f"the list of pages has {outline.tags}")
    for (_, attributes), name in zip(outline.tags[3::2], names.values(), strict=True):
        if attributes != {"href": name}:
            raise Injected(f"the list of pages has {attributes}")
    seen, wanted = outline.texts[:1] + outline.texts[3::2], [strings[0], *strings]
    if [_shown(text) for text in seen] != [_shown(text) for text in wanted]:
        raise Injected(f"the list of pages shows {seen} for {wanted}")
    _check_saved_page(strings, names)


def _check_saved_page(strings: Sequence[str], names: dict[str, str]) -> None:
    """A page whose texts look like links: rewriting them changes no text and makes no tag."""
    page = "".join(f'<p title="{html.escape(text)}">{html.escape(text)}</p>' for text in strings)
    saved = demo_pages.Saved("01.html", "http://x.example/", _utf8(page))
    rewritten = demo_pages._with_local_links(saved, names).decode()
    if rewritten != _utf8(page).decode() or active_in_html(rewritten):
        raise Injected(f"saved page {rewritten[:200]!r}")


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _outline(page: str) -> _Outline:
    outline = _Outline()
    outline.feed(page)
    outline.close()
    return outline


def _shown(text: str) -> str:
    return " ".join(re.sub("[\ud800-\udfff\ufffd\x00]", "", text).split())


def check_terminal(strings: Sequence[str]) -> None:
    """Tables' cells and JSON: nothing that a terminal obeys, and the JSON says exactly what was meant."""
    for text in strings:
        said = show.printable(text)
        if LIVE.search(said):
            raise Injected(f"{said!r} is printed")
        kept = [c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs", "Cf")]
        if said.replace("�", "") != "".join(kept).replace("�", ""):
            raise Injected(f"{said!r} is printed for {text!r}")
    document = {"strings": list(strings), **{text: number for number, text in enumerate(strings)}}
    said = show.json_text(document)
    if LIVE.search(said) or _paired(json.loads(said)) != _paired(document):
        raise Injected(f"JSON says {said[:300]!r}")


def _paired(value: Any) -> Any:
    """Two halves of a character side by side are one character to JSON."""
    if isinstance(value, dict):
        return {_paired(key): _paired(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_paired(item) for item in value]
    return (
        value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if isinstance(value, str) else value
    )


class LogLines:
    """The product's log on a stream like standard error."""

    def __enter__(self) -> LogLines:
        self._bytes = io.BytesIO()
        self._before = sys.stderr
        sys.stderr = io.TextIOWrapper(self._bytes, "utf-8", errors="backslashreplace", write_through=True)
        set_up_logging(is_quiet=False)
        self._log = structlog.get_logger()
        return self

    def __exit__(self, *_: object) -> None:
        sys.stderr = self._before
        structlog.reset_defaults()

    def check(self, strings: Sequence[str]) -> None:
        """One event of these values is one line, and reads back as them."""
        values = {f"k{number}": text for number, text in enumerate(strings)}
        self._log.info(strings[0], **values)
        written = self._bytes.getvalue().decode()
        self._bytes.seek(0)
        self._bytes.truncate()
        if written.count("\n") != 1 or LIVE.search(written):
            raise Injected(f"a log line {written[:300]!r}")
        read: dict[str, Any] = json.loads(written)
        if any(_paired(read[name]) != _paired(text) for name, text in [*values.items(), ("event", strings[0])]):
            raise Injected(f"the log says {written[:300]!r}")


def batches(strings: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (strings[start : start + size] for start in range(0, len(strings), size))
