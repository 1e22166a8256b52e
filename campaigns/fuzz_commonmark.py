"""What a reader sees of the core's own Markdown, raw HTML and all, and whether our reader takes back what our writer said."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt

from campaigns.fuzz_markdown import Reading
from campaigns.fuzz_meaning import Dialect, Injected, Token, meant
from sync.core import markdown_text as product
from sync.core.markdown import rich_text_from_markdown
from sync.core.rich_text import Panel, RichText

ALERTS = {"info": "NOTE", "tip": "TIP", "note": "IMPORTANT", "warning": "WARNING"}
PARSER = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(["table", "strikethrough"])
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _title(panel: Panel) -> Iterator[Token]:
    yield ("t", f"[!{ALERTS[panel.kind]}] {panel.title}", "")


DIALECT = Dialect(
    "markdown",
    drop=CONTROL,
    mention=lambda name, _: ("t", f"@{name}", ""),
    box=lambda is_done: "[x] " if is_done else "[ ] ",
    is_box_apart=False,
    contents=("t", "[TOC]", ""),
    title=_title,
    is_spacing_kept=False,
)


def write(tree: RichText, _is_cloud: bool) -> str:
    return product.markdown_from_rich_text(tree)


def read(text: str) -> list[Token]:
    text.encode()
    return list(Reading(PARSER.parse(text), is_trello=False).tokens())


def taken_back(text: str, tree: RichText) -> None:
    """Raise Injected when our own reader makes another meaning of the text than the tree had."""
    again, wanted = meant(rich_text_from_markdown(text), DIALECT), meant(tree, DIALECT)
    if again != wanted:
        raise Injected(
            f"read back as {next((pair for pair in zip(again, wanted, strict=False) if pair[0] != pair[1]), None)!r}"
        )
