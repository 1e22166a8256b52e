"""Our block in a document's Markdown: framed by two lines that say so and carry our mark. Pure.

Yuque gives Markdown back in its own spelling (anchors above headings, other blanks), so what a block says is compared as the document
tree that it reads as, never as text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from markdown_it import MarkdownIt
from msgspec import Struct

from sync.core.errors import CannotExpress
from sync.core.markdown import markdown_from_rich_text, rich_text_from_markdown
from sync.core.rich_text import Contents, Paragraph, Picture, RichText, Text, mapped

LARGEST = 5_000_000
JOINER = "\u2060"
_FIRST: dict[str, str] = {
    "zh-CN": "以下由 Tieline 自动更新，想补充请写在这一段之外。",
    "en": "Kept up to date by Tieline; please write above or below this part.",
}
_LAST: dict[str, str] = {"zh-CN": "以上由 Tieline 自动更新。", "en": "End of the part kept by Tieline."}
_PICTURE: dict[str, str] = {
    "zh-CN": "（图：{alt}。语雀的接口传不了图片，请到别处看。）",
    "en": "(Picture: {alt}. Yuque takes no pictures from programs; see it elsewhere.)",
}
_FRAME = re.compile(r"`\[(tieline:[^\s\[\]`]+:[0-9a-f]{16})(?: ([0-9a-f]{16})\.([0-9a-f]{12}))?\]`")
_ANCHOR = re.compile(r'<a name="[^"]*"></a>\n?')
_parser = MarkdownIt("commonmark", {"html": False})


class OwnBlock(Struct, frozen=True):
    """Where our block stands: character offsets of what lies between its two frame lines, and of the whole with them. ``kept`` and
    ``title`` are digests of what we last wrote: the block, and the document's title.
    """

    mark: str
    start: int
    end: int
    outer_start: int
    outer_end: int
    content: str
    kept: str
    title: str

    @property
    def is_empty(self) -> bool:
        return not self.content.strip()


def slug_of(mark: str) -> str:
    """The path of our document: it follows from the mark, so that a document made twice is refused, and a copy is none of ours."""
    installation, digest = mark.split(":")[1:3] if mark.count(":") == 2 else ("", mark)
    return f"tl-{digest}-{hashlib.sha256(installation.encode()).hexdigest()[:8]}"


def mark_of(slug: str, body: str, installation: str) -> str:
    """The mark of a document with this path; "" when it is not a Tieline's. Another installation's is told by the frame only."""
    own = f"tieline:{installation}:{slug[3:19]}"
    marks = [own, *(found[1] for found in _FRAME.finditer(body))]
    return next((mark for mark in marks if slug_of(mark) == slug), "")


def wrap(mark: str, content: str, title: str, language: str) -> str:
    """Our block with its frame."""
    kept = f"{digest(content)}.{title_digest(title)}"
    return f"{_FIRST[language]} `[{mark}]`\n\n{content.strip(chr(10))}\n\n{_LAST[language]} `[{mark} {kept}]`\n"


def find_block(body: str, mark: str) -> OwnBlock | None:
    """Our block, or None when the body has none that is whole: each frame line once, in order."""
    first: list[tuple[int, int, re.Match[str]]] = []
    last: list[tuple[int, int, re.Match[str]]] = []
    for start, end, line in _lines(body):
        for found in _FRAME.finditer(line):
            if found[1] == mark:
                (last if found[2] else first).append((start, end, found))
    if len(first) != 1 or len(last) != 1 or first[0][1] > last[0][0]:
        return None
    (outer_start, start, _), (end, outer_end, found) = first[0], last[0]
    return OwnBlock(mark, start, end, outer_start, outer_end, body[start:end], found[2], found[3])


def has_frame(body: str, mark: str) -> bool:
    """Whether one of our two lines is left."""
    return any(found[1] == mark for _, _, line in _lines(body) for found in _FRAME.finditer(line))


def _lines(body: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, line) of each line outside code blocks, wherever these stand: in a list, in a quotation."""
    # Only line feeds are counted, here and by the parser.
    tokens = _parser.parse(re.sub(r"\r(?!\n)", " ", body))
    code = {
        number
        for token in tokens
        if token.type in ("fence", "code_block") and token.map
        for number in range(*token.map)
    }
    at = 0
    for number, line in enumerate(body.split("\n")):
        end = min(at + len(line) + 1, len(body))
        if number not in code:
            yield at, end, line
        at = end


def replace_block(body: str, block: OwnBlock | None, mark: str, content: str, title: str, language: str) -> str:
    """The body with this content in our block, or with the block at its end; every character outside stays."""
    if block is None:
        return (
            f"{body.rstrip(chr(10))}\n\n{wrap(mark, content, title, language)}"
            if body.strip()
            else wrap(mark, content, title, language)
        )
    return body[: block.outer_start] + wrap(mark, content, title, language) + body[block.outer_end :]


def digest(content: str) -> str:
    """A digest of what Markdown says, however it is spelled."""
    tree = rich_text_from_markdown(_ANCHOR.sub("", content))
    return hashlib.blake2b(msgspec.json.encode(tree), digest_size=8).hexdigest()


def title_digest(title: str) -> str:
    """A digest of a title."""
    return hashlib.blake2b(title.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def markdown_of(body: RichText, language: str) -> str:
    """The body in Yuque's Markdown: its own outline stands for a table of contents, pictures that would be uploaded are named, and dollar
    signs make no formula. Raises CannotExpress for what is larger than Yuque takes.
    """

    def change(node: Any) -> Any:
        if isinstance(node, Contents):
            return Paragraph(())
        if isinstance(node, Picture) and not node.url:
            words = _PICTURE[language].format(alt=node.alt or node.filename)
            return Paragraph((Text(words, is_italic=True),))
        if isinstance(node, Text) and not node.is_code and "$" in node.text:
            return msgspec.structs.replace(node, text=node.text.replace("$", f"${JOINER}"))
        return node

    text = markdown_from_rich_text(mapped(body, change))
    if len(text.encode("utf-8", "replace")) > LARGEST - 10_000:
        raise CannotExpress(f"a Yuque document holds {LARGEST:,} bytes, this one has more")
    return text
