"""What Tieline writes in the cell of text that the admin named for it: notices between two lines of ours, and a line for each link. Pure.

    —— Tieline ——
    支付接口开发晚 3 个工作日
    [tieline:demo:0123456789abcdef 0a1b2c3d4e5f]
    等待：PAY-77 支付接口开发 https://jira.example/browse/PAY-77 [tieline:demo:fedcba9876543210 0a1b2c3d4e5f]

People may write in the same cell: whatever is not exactly ours is theirs, and stays word for word.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from connectors.feishu.plain import said_digest
from sync.core.errors import Nonsense
from sync.core.links import same_place
from sync.core.marks import Kept, is_mark_line, kept_from, mark_from, mark_line
from sync.core.ports import LinkEnd
from sync.core.values import LinkSide

OPENING = "—— Tieline ——"
WORDS: dict[LinkSide, tuple[str, str]] = {"waits_for": ("等待", "Waits for"), "blocks": ("阻塞", "Blocks")}
LONGEST_TITLE = 255
_URL = re.compile(r"https?://[^\s<>\"\])，。；、）】》]+")
_LINK = re.compile(
    r"(?P<word>等待|阻塞|waits for|blocks)(?P<said>[:：\s].*?)(?:\s\[(?P<mark>tieline:[^\s\[\]]+:[0-9a-f]{16}) (?P<kept>[0-9a-f]{12})\])?",
    re.IGNORECASE,
)


class Notice(Struct, frozen=True):
    """Lines ``start`` to ``end`` (not included) of a cell. One whose first line somebody took away is its mark alone."""

    mark: str
    start: int
    end: int
    said: str
    kept: Kept
    version: str

    @property
    def is_untouched(self) -> bool:
        return said_digest(self.said) == self.kept.as_stored


class LinkLine(Struct, frozen=True):
    """Line ``at`` says that the row waits for, or blocks, something. ``mark`` is empty for a line that a person wrote or changed."""

    at: int
    side: LinkSide
    said: str
    mark: str
    version: str


def cell_text(value: object) -> tuple[str, bool]:
    """A cell's text, and whether it is no more than that: a person who is mentioned, or words that lead somewhere, would not survive being
    written back as text. Raises Nonsense for what is no text."""
    if value is None or isinstance(value, str):
        return value or "", True
    segments: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) and isinstance(one.get("text"), str) for one in segments):
        raise Nonsense(expected="a cell of text", sample=value)
    return "".join(one["text"] for one in segments), all(_is_plain(one) for one in segments)


def _is_plain(segment: Mapping[str, object]) -> bool:
    """An address that Feishu found in the text is found again when the text is written."""
    if segment.get("type", "text") == "text":
        return not segment.get("link")
    text, link = (unquote(str(segment.get(name) or "")).strip().rstrip("/") for name in ("text", "link"))
    return segment.get("type") == "url" and link in (text, f"http://{text}", f"https://{text}", f"mailto:{text}")


def notices_in(text: str) -> Sequence[Notice]:
    """All notices, from the top; a mark without its digest is somebody's quotation."""
    found: list[Notice] = []
    lines, opening = text.split("\n"), None
    for at, line in enumerate(lines):
        if line.strip() == OPENING:
            opening = at
        elif is_mark_line(line) and (kept := kept_from(line)):
            start = at if opening is None else opening
            said = "\n".join(lines[start + 1 : at])
            found.append(Notice(mark_from(line), start, at + 1, said, kept, _digest(*lines[start : at + 1])))
            opening = None
    return found


def notice_of(text: str, mark: str) -> Notice | None:
    """The notice of this mark; of several (somebody copied it) the first that still says what we wrote."""
    found = [one for one in notices_in(text) if one.mark == mark]
    return next((one for one in found if one.is_untouched), found[0] if found else None)


def with_notice(text: str, mark: str, said: str, standing: Notice | None = None) -> str:
    """The cell with a notice at its end, or in place of the one that stands."""
    digest = said_digest(said)
    lines = [OPENING, *said.split("\n"), mark_line(mark, Kept(digest, digest))]
    if standing is None:
        return "\n".join([text.rstrip(), "", *lines]) if text.strip() else "\n".join(lines)
    return _replaced(text, standing.start, standing.end, lines)


def without_lines(text: str, start: int, end: int) -> str:
    """The cell without these lines, and without the empty one that we put above them."""
    lines = text.split("\n")
    while start > 0 and not lines[start - 1].strip():
        start -= 1
    left = _replaced(text, start, end, [])
    return left.strip("\n") if left.strip() else ""


def without_ours(text: str) -> str:
    """What people wrote in the cell."""
    for notice in reversed(notices_in(text)):
        text = without_lines(text, notice.start, notice.end)
    for line in reversed(links_in(text)):
        text = without_lines(text, line.at, line.at + 1) if line.mark else text
    return text


def fitting(said: str) -> str:
    """Words as they stand in a notice: a line that looks like one of ours is set off from them."""
    return "\n".join(
        f"· {line}" if line.strip() == OPENING or is_mark_line(line) else line for line in said.splitlines()
    )


def links_in(text: str) -> Sequence[LinkLine]:
    """The lines that say a link, outside of notices."""
    covered = {at for notice in notices_in(text) for at in range(notice.start, notice.end)}
    found: list[LinkLine] = []
    for at, line in enumerate(text.split("\n")):
        match = _LINK.fullmatch(line.strip())
        if match is None or at in covered:
            continue
        side: LinkSide = "waits_for" if match["word"].casefold() in ("等待", "waits for") else "blocks"
        is_ours = match["mark"] is not None and match["kept"] == _link_digest(side, match["said"])
        found.append(LinkLine(at, side, match["said"], match["mark"] if is_ours else "", _digest(line)))
    return found


def link_of(text: str, other: LinkEnd, side: LinkSide, mark: str) -> LinkLine | None:
    """The line that says this link already: ours by its mark, else anybody's by its address."""
    lines = [line for line in links_in(text) if line.side == side]
    ours = (line for line in lines if line.mark == mark and (not other.url or same_place(_address(line), other.url)))
    return next(ours, None) or next((line for line in lines if not line.mark and _leads_to(line.said, other)), None)


def with_link(text: str, other: LinkEnd, side: LinkSide, mark: str, language: str) -> str:
    """The cell with our line for this link at its end, or in place of the one of the same mark."""
    chinese, english = WORDS[side]
    word, colon = (chinese, "：") if language.startswith("zh") else (english, ": ")
    is_known = other.key not in (other.ref.key, other.ref.key.rpartition("/")[2])  # nobody knows a row by its id
    title = f"{other.key} {other.title}" if is_known and not other.title.startswith(other.key) else other.title
    said = f"{colon}{' '.join(title.split())[:LONGEST_TITLE]} {other.url}"
    line = f"{word}{said} [{mark} {_link_digest(side, said)}]"
    standing = next((one for one in links_in(text) if one.mark == mark), None)
    if standing:
        return _replaced(text, standing.at, standing.at + 1, [line])
    return f"{text.rstrip()}\n{line}" if text.strip() else line


def _leads_to(said: str, other: LinkEnd) -> bool:
    """Whether a person's words lead to the other end. The address of a table leads to all of its rows: then they must also name the row."""
    if not any(same_place(url.rstrip(".,;"), other.url) for url in _URL.findall(said)):
        return False
    parts = urlsplit(other.url)
    is_table = "table" in parse_qs(parts.query) and any(part in parts.path for part in ("/base/", "/wiki/"))
    names = (other.ref.key.rpartition("/")[2], other.key, other.title)
    return not is_table or any(name and name in said for name in names)


def _address(line: LinkLine) -> str:
    """Where a line of ours leads."""
    return line.said.rpartition(" ")[2]


def _replaced(text: str, start: int, end: int, new: Sequence[str]) -> str:
    lines = text.split("\n")
    lines[start:end] = new
    return "\n".join(lines)


def _link_digest(side: LinkSide, said: str) -> str:
    return hashlib.blake2b(
        f"{side} {' '.join(said.lstrip(':：').split())}".encode("utf-8", "surrogatepass"), digest_size=6
    ).hexdigest()


def _digest(*lines: str) -> str:
    return hashlib.blake2b(
        "\n".join(line.rstrip() for line in lines).encode("utf-8", "surrogatepass"), digest_size=8
    ).hexdigest()
