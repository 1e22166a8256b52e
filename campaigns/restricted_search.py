"""Where a canary can be found: as it stands, and in every spelling in which a program could have carried it somewhere."""

from __future__ import annotations

import base64
import random
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import unescape
from urllib.parse import unquote

CONSONANTS = "bcdfghjkmnpqrstvwxz"
DIGITS = "23456789"


def new_core(chance: random.Random) -> str:
    """Twelve letters and digits that no language, id or digest has: the same in small and capital letters, in NFC and NFD."""
    return "".join(chance.choice(CONSONANTS if place % 3 else DIGITS) for place in range(1, 13)) + "y"


def dressed(core: str, chance: random.Random) -> str:
    """A text around a core that every writer has to spell its own way: Chinese, markup, quotes, accents, an emoji."""
    before = chance.choice(("", "关于", "<b>", "é", "[", "*", '"', "’"))
    after = chance.choice(("名单核对", ' & "co" <i>', "é\u0301", "](x)", "😀 计划", "'); --", "{panel}", "\\u0041|"))
    return f"{before}{core}{after}"


@lru_cache(maxsize=65_536)
def spellings(core: str) -> tuple[str, ...]:
    """The core in small letters, and what is left of it in base64 wherever it begins, in hexadecimal, escapes and entities."""
    plain = core.lower()
    forms = {plain}
    for text in {core, plain}:
        data = text.encode()
        forms.add(data.hex())
        forms.add("".join(f"\\u{ord(letter):04x}" for letter in text))
        forms.add("".join(f"&#{ord(letter)};" for letter in text))
        forms.add("".join(f"&#x{ord(letter):x};" for letter in text))
        forms.add("".join(f"%{ord(letter):02x}" for letter in text))
        for shift in range(3):  # the letters that depend on no neighbour
            encoded = base64.b64encode(b"\0" * shift + data + b"\0" * ((-shift - len(data)) % 3)).decode()
            inner = encoded[4 if shift else 0 : len(encoded) - 4 if (shift + len(data)) % 3 else len(encoded)]
            forms.add(inner)
            forms.add(inner.replace("+", "-").replace("/", "_"))
    return tuple(sorted(forms, key=len))


def readings(text: str) -> tuple[str, str]:
    """A text as it stands and as its reader sees it: entities, URL and JSON escapes undone, in NFC and without line ends of tables."""
    shown = unescape(unescape(unquote(text)))
    shown = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), shown)
    return text, unicodedata.normalize("NFC", shown).lower()


class Haystack:
    """One text, read once for many needles."""

    def __init__(self, text: str | bytes) -> None:
        whole = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        self.raw, self.shown = readings(whole)

    def holds(self, core: str) -> bool:
        return core.lower() in self.shown or any(form in self.raw for form in spellings(core))


def found_in(text: str | bytes, cores: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(what, core) of those cores, given by what they are, that a text gives away."""
    hay = Haystack(text)
    for what, core in cores.items():
        if hay.holds(core):
            yield what, core


def around(text: str | bytes, core: str, width: int = 60) -> str:
    """The words around a core, to be told in a report."""
    whole = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    low = whole.lower()
    for form in (core.lower(), *spellings(core)):
        place = low.find(form.lower())
        if place >= 0:
            return whole[max(0, place - width) : place + len(form) + width].replace("\n", "⏎")
    return whole[:width]
