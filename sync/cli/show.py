"""Values as JSON of a documented shape (docs/cli.md), and as tables for people."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sync.remote import redact

WIDE = 200
# What a terminal obeys or a reader cannot see: controls (escape sequences, C1, DEL), half characters; and format characters, which
# join emoji and break words but also turn a line around (bidi overrides).
SHOWN_AS_MARK, DROPPED = frozenset({"Cc", "Cs"}), frozenset({"Cf"})
# In JSON, where controls below a blank are escapes already: DEL and C1, line separators, bidi overrides, half characters.
_LIVE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# Where output goes to a file or another program nobody scrolls sideways: refs are not broken over lines there.
console = Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else WIDE)


def json_text(data: object) -> str:
    """Indented JSON; instants in UTC with Z, dates as YYYY-MM-DD, refs as text; secrets masked."""
    plain = msgspec.to_builtins(data, enc_hook=_plain, str_keys=True)
    try:
        document = msgspec.json.format(msgspec.json.encode(plain), indent=2).decode()
    except UnicodeEncodeError:  # half a character, which only an escape can say
        document = json.dumps(plain, indent=2, ensure_ascii=False)
    return without_live_characters(redact(document))


def without_live_characters(document: str) -> str:
    """JSON that means the same, with what a terminal obeys or what turns a line around written as escapes."""
    return _LIVE.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def say_json(data: object) -> None:
    """The document on standard output."""
    print(json_text(data))  # noqa: T201


def _plain(value: object) -> object:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON shape")


def say_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; text from outside is printed as it is, never as markup or escape sequences."""
    table = Table(title=Text(title), title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


def say(text: str = "") -> None:
    """A line of plain text."""
    console.print(Text(printable(text)), soft_wrap=True)


def printable(value: object) -> str:
    """A cell's text: empty for None, secrets masked, control characters (terminal escapes) shown as �, invisible format characters
    (bidi overrides) left out; line ends stay.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = redact(str(value))
    return text if text.isprintable() else "".join(map(_printable_character, text))


def _printable_character(character: str) -> str:
    category = unicodedata.category(character)
    if character == "\n" or category not in SHOWN_AS_MARK | DROPPED:
        return character
    return "" if category in DROPPED else "�"


def counts_text(counts: Mapping[str, int]) -> str:
    """ "create comment 2, create link 1", or "nothing"."""
    return ", ".join(f"{word} {number}" for word, number in sorted(counts.items())) or "nothing"
