"""DingTalk's Markdown: headings, bold, italic, links, lists, quotations, colours, people. Pure.

Which signs it lets be escaped is not published, so one that would become markup is followed by an invisible word joiner (U+2060).
"""

from __future__ import annotations

import re

from sync.core.chat_text import Dialect, chat_markdown
from sync.core.rich_text import Lozenge, RichText

JOINER = "\u2060"
COLOURS = {"grey": "#8F959E", "green": "#2EA121", "yellow": "#DC9B04", "red": "#D83931", "blue": "#245BDB"}
_MARKS = re.compile(r"[<\[*_~!@]|\](?=\()")
_LINE_START = re.compile(r"^(\s*)([#>\-+=]|\d+\.)")
_ACCOUNT = re.compile(r"[A-Za-z0-9_\-.$]{1,64}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONE = re.compile("[\ud800-\udfff]")


def escaped(text: str) -> str:
    """The text so that it shows as it is, on one line; nobody is named by it."""
    flat = _LONE.sub("\ufffd", _CONTROL.sub("", text.replace("\r", " ").replace("\n", " "))).replace("`", "ˋ")
    return _LINE_START.sub(rf"\1\2{JOINER}", _MARKS.sub(lambda found: found[0] + JOINER, flat))


def is_account(account_id: str) -> bool:
    """Whether this may stand in a mention; ``all`` may not."""
    return bool(_ACCOUNT.fullmatch(account_id)) and account_id.lower() != "all"


def _bullet(depth: int, number: int | None) -> str:
    return "    " * depth + ("- " if number is None else f"{number}. ")


def _label(text: str) -> str:
    return escaped(text.replace("[", "［").replace("]", "］"))


def _lozenge(item: Lozenge) -> str:
    return f"<font color={COLOURS[item.colour]}>{escaped(item.text)}</font>"


CARD = Dialect(
    escaped, lambda name, _: f"@{JOINER}{name}", is_account, _lozenge, _bullet, italic="*", divider="｜", label=_label
)
# A robot's message names somebody by ``@`` and the id, which must stand in the text as well as beside it.
ROBOT = Dialect(
    escaped, lambda _, account: f"@{account} ", is_account, _lozenge, _bullet, italic="*", divider="｜", label=_label
)


def markdown_from(blocks: RichText, dialect: Dialect = CARD) -> str:
    """The blocks, one after the other. A single line end is no line to DingTalk, so two stand between them."""
    return chat_markdown(blocks, dialect).replace("\n", "\n\n")
