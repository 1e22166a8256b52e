"""Text made fit for Jira: no character that JSON, ADF or the wiki renderer would choke on. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote

from sync.core.rich_text import BulletList, ListItem, NumberedList

# C0 and C1 controls but tab and newline; lone surrogates and non-characters are not text at all.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_LONE = re.compile("[\ud800-\udfff]")
_NEWLINES = re.compile("[ \t]*[\n\x85\u2028\u2029]+[ \t]*")


def clean_lines(text: str) -> str:
    """The text with only newlines and tabs left of all control characters; lone surrogates become U+FFFD."""
    paired = text.replace("\r\n", "\n").replace("\r", "\n")
    return _LONE.sub("\ufffd", _UNFIT.sub("", paired))


def clean(text: str) -> str:
    """Like ``clean_lines``, in one line."""
    return _NEWLINES.sub(" ", clean_lines(text))


def safe_url(url: str) -> str:
    """The URL if a link may lead there (http, https, mailto), with what could end it quoted; else an empty text."""
    text = _LONE.sub("", _UNFIT.sub("", url)).strip()
    if not re.match(r"(https?://[^\s/?#]|mailto:\S)", text, re.IGNORECASE):
        return ""
    return quote(text, safe=":/?#@&=+,;$%.-_~()*'")


def box(item: ListItem) -> str:
    """The checkbox before a list item's text, where it is one: both dialects show it as a character."""
    if item.is_done is None:
        return ""
    return "☑ " if item.is_done else "☐ "


List = BulletList | NumberedList
