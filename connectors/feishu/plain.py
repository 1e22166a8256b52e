"""Rich text as plain text, for what of Feishu holds no more: comments on tasks, cells of tables. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from sync.core.chat_text import Dialect, chat_markdown
from sync.core.marks import is_mark_line
from sync.core.rich_text import Anchor, RichText, Text, mapped

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
PLAIN = Dialect(
    escaped=lambda text: " ".join(_UNFIT.sub("", text).split(" ")),
    mention=lambda name, _: f"@{name}",
    is_account=lambda _: False,
    lozenge=lambda item: f"【{item.text}】" if item.text.strip() else "",
    bullet=lambda depth, number: "  " * depth + ("· " if number is None else f"{number}. "),
    bold="",
    rule="———",
)


def plain_text(body: RichText) -> str:
    """The body without markup: a link's address behind its words."""

    def spelled(node: Any) -> Any:
        if not isinstance(node, Anchor):
            return node
        return Text(node.text if node.text == node.url or not node.url else f"{node.text} {node.url}".strip())

    return "\n".join(line.rstrip() for line in chat_markdown(mapped(body, spelled), PLAIN).split("\n")).strip()


def said_digest(text: str) -> str:
    """A digest of a comment's text without our mark line; blanks at ends of lines and empty lines do not count."""
    said = [line.rstrip() for line in text.splitlines() if line.strip() and not is_mark_line(line)]
    return hashlib.blake2b("\n".join(said).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
