"""Canaries: secrets that stand nowhere else in the world, and every way in which a text can repeat one. Knows nothing of the product."""

from __future__ import annotations

import base64
import html
import json
import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

# A shorter trace stands by chance within digests and marks: four characters of base64 were found so in 1 of 300 companies.
BY_CHANCE = 6
PIECE = 14  # so many characters from the beginning of a long secret tell it
SPECIAL = "%+/=\"'&?#\\<>:@ "
FOREIGN = "密钥éß"
KINDS = ("plain", "plain", "special", "escaped", "word", "three", "foreign", "two_lines")


@dataclass(frozen=True)
class Canary:
    """One secret, what it is for, and what stands before it where both travel in base64 (``user:``)."""

    name: str
    text: str
    before: str = ""
    kind: str = "plain"

    @property
    def is_long(self) -> bool:
        return len(self.text) >= 12

    def traces(self) -> Iterator[tuple[str, str]]:
        """(how, text) of everything that must not be found."""
        for how, encode in ENCODERS.items():
            form = encode(self.text)
            if len(form) >= 4:
                yield how, form
        if self.before:
            yield "base64 of the pair", _base64(f"{self.before}:{self.text}")
            yield "URL-safe base64 of the pair", _urlsafe(f"{self.before}:{self.text}").rstrip("=")
        if len(self.text) > PIECE:
            yield "its beginning", self.text[:PIECE]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _urlsafe(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _swapped(text: str) -> str:
    return text.translate(str.maketrans("'\"", "\"'"))


ENCODERS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "quoted for a URL": lambda text: quote(text, safe=""),
    "quoted for a path": quote,
    "quoted for a form": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "repr": lambda text: repr(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
    "HTML": html.escape,
    "other quotes": _swapped,
    "base64": _base64,
    "URL-safe base64": lambda text: _urlsafe(text).rstrip("="),
}


@dataclass
class Canaries:
    """All that one case hides, and the search for them."""

    chance: random.Random
    all: list[Canary] = field(default_factory=list)

    def new(self, name: str, kind: str, before: str = "") -> Canary:
        made = Canary(name, self._text(kind), before, kind)
        self.all.append(made)
        return made

    def _text(self, kind: str) -> str:
        core = "".join(self.chance.choices(string.ascii_letters + string.digits, k=self.chance.randint(20, 40)))
        if kind == "within" and self.all and self.all[-1].is_long:  # one secret stands within another
            return self.all[-1].text[:-2]
        if kind in ("special", "escaped"):
            chosen = SPECIAL.strip() if kind == "special" else "\"'\\/%+="
            at = self.chance.randrange(4, len(core) - 4)
            return core[:at] + "".join(self.chance.sample(chosen, 4)) + core[at:]
        if kind == "word":
            return f"{core[:3]}{self.chance.choice('%+=~')}{core[3:7]}"
        if kind == "three":
            return f"{core[0]}~{core[1]}"
        if kind == "foreign":
            return core[:10] + FOREIGN + core[10:]
        return f"{core[:16]}\n{core[16:]}" if kind == "two_lines" else core

    def found_in(self, data: bytes, but: frozenset[str] = frozenset(), *, is_only_long: bool = False) -> list[str]:
        """What of the canaries stands in these bytes, told so that a person sees how; nothing of the secret itself."""
        found = []
        for canary in self.all:
            if canary.name in but or (is_only_long and not canary.is_long):
                continue
            for how, form in canary.traces():
                if _stands(form, data):
                    found.append(f"{canary.name} ({canary.kind}) {how}")
            if len(canary.text) < 4 and _stands(canary.text, data):
                found.append(f"{canary.name} ({canary.kind}) plain")
        return found


def _stands(form: str, data: bytes) -> bool:
    """Anywhere; a short form only as a word of its own."""
    if len(form) >= BY_CHANCE:
        return form.encode() in data
    return re.search(rb"(?<!\w)" + re.escape(form.encode()) + rb"(?!\w)", data) is not None
