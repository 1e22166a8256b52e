"""WeCom's Markdown: bold, links, quotations, three colours, people. Pure.

It knows no escapes, so a sign that would become markup is followed by an invisible word joiner (U+2060), or written as its double.
"""

from __future__ import annotations

import re

from sync.core.chat_text import Dialect, chat_markdown
from sync.core.rich_text import Lozenge, RichText

JOINER = "\u2060"
COLOURS = {"grey": "comment", "green": "info", "yellow": "warning", "red": "warning", "blue": "info"}
_MARKS = re.compile(r"[<\[*_~]|\](?=\()")
_LINE_START = re.compile(r"^(\s*)([#>\-+]|\d+\.)")
_ACCOUNT = re.compile(r"[A-Za-z0-9_\-@.]{1,64}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONE = re.compile("[\ud800-\udfff]")


def escaped(text: str) -> str:
    """The text so that it shows as it is, on one line."""
    flat = _LONE.sub("\ufffd", _CONTROL.sub("", text.replace("\r", " ").replace("\n", " "))).replace("`", "ˋ")
    return _LINE_START.sub(rf"\1\2{JOINER}", _MARKS.sub(lambda found: found[0] + JOINER, flat))


def is_account(account_id: str) -> bool:
    """Whether this may stand in a mention; ``all`` may not."""
    return bool(_ACCOUNT.fullmatch(account_id)) and account_id.lower().lstrip("@") != "all"


def _bullet(depth: int, number: int | None) -> str:
    """WeCom draws no lists: a dot or a number stands before each entry."""
    return "　" * depth + ("• " if number is None else f"{number}、")


def _label(text: str) -> str:
    """A link's words: no bracket may end them."""
    return escaped(text.replace("[", "［").replace("]", "］"))


def _lozenge(item: Lozenge) -> str:
    return f'<font color="{COLOURS[item.colour]}">{escaped(item.text)}</font>'


DIALECT = Dialect(
    escaped,
    lambda _, account_id: f"<@{account_id}>",
    is_account,
    _lozenge,
    _bullet,
    divider="｜",
    rule="———",
    label=_label,
)


def markdown_from(blocks: RichText) -> str:
    """The blocks, one after the other."""
    return chat_markdown(blocks, DIALECT)


def plain_from(blocks: RichText) -> str:
    """The blocks as plain text, for cards, which know no Markdown."""
    shown = re.sub(r"</?font[^>]*>|<@[^>]*>", "", markdown_from(blocks))
    shown = re.sub(r"\[([^\]]*)\]\((https?://[^)]*)\)", r"\1", shown)
    return shown.replace("**", "").replace(JOINER, "")
