"""The markdown of Feishu's cards. Pure. Every mark of a text is written as an entity, so no text becomes markup."""

from __future__ import annotations

import re

from sync.core.chat_text import Dialect, chat_markdown
from sync.core.chat_text import cut as _cut
from sync.core.rich_text import Lozenge, RichText

_MARKS = re.compile(r"[&<>*_~`\[\]()#+\-!|\\$:@\"'{}=]")
_LEADING_NUMBER = re.compile(r"^(\s*\d+)\.")
_ACCOUNT = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_BROKEN = r"(&#?\w{0,6}|<[^>]{0,90}|\[[^\]]*(\]\([^)]*)?)$"
COLOURS = {"grey": "grey", "green": "green", "yellow": "orange", "red": "red", "blue": "blue"}


def escaped(text: str) -> str:
    """The text so that it shows as it is, on one line."""
    shown = _MARKS.sub(lambda found: f"&#{ord(found[0])};", text.replace("\n", " ").replace("\r", " "))
    return _LEADING_NUMBER.sub(r"\1&#46;", shown)


def is_account(account_id: str) -> bool:
    """Whether this may stand in a mention; ``all`` may not."""
    return bool(_ACCOUNT.fullmatch(account_id)) and account_id.lower() != "all"


def _bullet(depth: int, number: int | None) -> str:
    return "    " * depth + ("- " if number is None else f"{number}. ")


def _lozenge(item: Lozenge) -> str:
    return f"<font color='{COLOURS[item.colour]}'>{escaped(item.text)}</font>"


DIALECT = Dialect(
    escaped,
    lambda _, account_id: f"<at id={account_id}></at>",
    is_account,
    _lozenge,
    _bullet,
    italic="*",
    struck="~~",
    quote="&#62; ",
    divider=" &#124; ",
)


def markdown_from(blocks: RichText) -> str:
    """The blocks, one after the other."""
    return chat_markdown(blocks, DIALECT)


def cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, ended with an ellipsis where some were left out."""
    return _cut(text, most, _BROKEN)
