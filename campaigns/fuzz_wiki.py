r"""What a reader sees of Jira's wiki markup: a renderer of its own, written from Jira's "Text Formatting Notation Help".

``\`` before a sign shows the sign, ``\\`` breaks the line, an entity shows its character. Everything else that Jira makes something of
is recognised here, whether we ever write it or not: what no tree can have meant is Injected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from campaigns.fuzz_meaning import Dialect, Injected, Token, grid, link, rows_as_lines, where
from connectors.jira import wiki as product
from sync.core.rich_text import BulletList, NumberedList, RichText

UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]")
LOGIN = "l.na"
KNOWN = "5b10a2844c20165700ede21g"
STYLES = {"*": "b", "_": "i", "-": "s"}
COLOURS = {"#5e6c84": "grey", "#006644": "green", "#974f0c": "yellow", "#bf2600": "red", "#0747a6": "blue"}
CODE = re.compile(r"\{code(?::([A-Za-z0-9#+-]+))?\}\n(.*?)\n\{code\}", re.DOTALL)
INLINE = re.compile(
    r"(?P<escape>\\[!-/:-@\[-`{-~])"
    r"|\{(?P<braced>[*_-])\}|(?P<mono>\{\{|\}\})|\{color(?P<colour>:#[0-9a-f]{6})?\}"
    r"|\[~(?P<login>[^\]\n]*)\]|\[(?P<label>(?:[^\\\]\[|\n]|\\.)*)\|(?P<href>[^\]\n]*)\]|\[(?P<bare>(?:[^\\\]\n]|\\.)*)\]"
    r"|!(?P<image>[^!\s](?:[^!\n]*[^!\s])?)!"
    r"|(?P<macro>\{[^}\n]*\})|(?P<url>(?:https?|ftp|file)://|mailto:)"
    r"|(?P<smiley>:-?[)(DPp]|;-?\)|\([xyi!?/*+-]\))|(?P<dash>(?<![-\w])-{2,3}(?![-\w]))|(?P<cited>\?\?)"
)
SIGN = re.compile(r"[*_+^~{}\[\]|]|(?<![^\W_])-(?=\S)|(?<=\S)-(?![^\W_])")
ENTITY = re.compile(r"&#?\w+;")
FRAME = re.compile(r"(?<!\\)(?:\{quote\}|\{panel(?::bgColor=#[0-9a-f]{6})?\})")
START = re.compile(r"\s*(?:h([1-6])\. |bq\. |([*#-]+) |(\|))")

DIALECT = Dialect(
    "jira wiki",
    drop=UNFIT,
    mention=lambda name, account_id: ("@", "", LOGIN) if account_id == KNOWN else ("t", name, ""),
    lozenge=lambda text, colour: ("lozenge", text, colour),
    has_alt=False,
    has_rule=False,
    line_break=None,
    # An entry's own text is one line: entries below it come after all of it.
    order=lambda content: sorted(content, key=lambda block: isinstance(block, BulletList | NumberedList)),
    table=lambda dialect, table, place: rows_as_lines(dialect, table) if place == "list" else grid(dialect, table),
    code=lambda text: text.replace("{code", "{\u200bcode"),
)


def write(tree: RichText, _is_cloud: bool) -> str:
    return product.wiki_from_rich_text(tree, {KNOWN: LOGIN})


def read(text: str) -> list[Token]:
    text.encode()
    return list(_blocks(text))


def _blocks(text: str) -> Iterator[Token]:
    place = 0
    for found in CODE.finditer(text):
        yield from _framed(text[place : found.start()])
        yield None
        yield ("code", found[2], "")
        yield None
        place = found.end()
    yield from _framed(text[place:])


def _framed(text: str) -> Iterator[Token]:
    """Quotations and panels are macros: they begin and end wherever they stand."""
    for part in FRAME.split(text):
        yield from _lines(part)
        yield None


def _lines(text: str) -> Iterator[Token]:
    for written in text.split("\n"):
        bare = written.strip()
        if not bare or re.fullmatch(r"-{4,}", bare):
            yield None
        else:
            yield from _line(written)


def _line(written: str) -> Iterator[Token]:
    found = START.match(written)
    if found is None:
        yield from _boxed(written)
        yield None
        return
    if written.lstrip().startswith("bq."):
        raise Injected(f"a quotation: {written[:80]}")
    yield None
    if found[3]:
        for cell in _cells(written.strip()):
            yield None
            yield from _inlines(cell.replace("\x00", "|"))
    else:
        yield from _boxed(written[found.end() :])
    yield None


def _boxed(text: str) -> Iterator[Token]:
    """A line's text; a check box in front of it stands apart."""
    if text.lstrip().startswith(("☑", "☐")):
        yield ("t", text.lstrip()[0], "")
        yield None
        text = text.lstrip()[1:]
    yield from _inlines(text)


def _cells(row: str) -> list[str]:
    wall = "||" if row.startswith("||") else "|"
    if not row.endswith(wall):
        raise Injected(f"a row without its last wall: {row[-80:]!r}")
    inside = _outside_links(row[len(wall) : -len(wall)])
    return re.split(rf"(?<!\\){re.escape(wall)}", inside)


def _outside_links(written: str) -> str:
    """The row with the bars inside links hidden: they do not end a cell."""
    return re.sub(r"(?<!\\)\[(?:[^\\\]\[|\n]|\\.)*\|[^\]\n]*\]", lambda found: found[0].replace("|", "\x00"), written)


def _inlines(text: str) -> Iterator[Token]:
    for number, part in enumerate(re.split(r"(?<!\\)((?:\\\\)+)(?=\s|$)", text)):
        if number % 2:
            yield None
        else:
            yield from _Line(part).tokens()


class _Line:
    """One line's inline markup, read from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.styles: list[str] = []
        self.lozenge: str | None = None
        self.word = ""

    def tokens(self) -> Iterator[Token]:
        place = 0
        for found in INLINE.finditer(self.text):
            yield from self._plain(place, found.start())
            yield from self._special(found)
            place = found.end()
        yield from self._plain(place, len(self.text))
        if self.styles or self.lozenge is not None:
            raise Injected(f"markup that does not end: {self.styles} {self.text[:120]!r}")

    def _plain(self, start: int, end: int) -> Iterator[Token]:
        """Text without markup: a sign that may begin or end a phrase is not left open in it, but for a hyphen inside a word."""
        if found := SIGN.search(self.text, start, end):
            raise Injected(f"the sign {found[0]!r} stands open in {self.text[:120]!r}")
        yield from self._shown(ENTITY.sub(lambda entity: unescape(entity[0]), self.text[start:end]))

    def _shown(self, text: str) -> Iterator[Token]:
        if self.lozenge is not None:
            self.word += text
        elif text:
            yield ("t", text, "".join(sorted(self.styles)))

    def _special(self, found: re.Match[str]) -> Iterator[Token]:
        kind = found.lastgroup
        if found["escape"]:
            yield from self._shown(found["escape"][1])
        elif found["braced"] or found["mono"]:
            self._toggle((found["mono"] and "c") or STYLES[found["braced"]], found["mono"])
        elif found[0].startswith("{color"):
            yield from self._colour(found["colour"])
        elif found["login"] is not None:
            yield ("@", "", found["login"])
        elif found["href"] is not None:
            yield link(_label(found["label"]), found["href"])
        elif found["image"]:
            yield from (None, ("img", "", where(found["image"])), None)
        else:
            raise Injected(f"{kind} {found[0]!r} in {self.text[:120]!r}")

    def _toggle(self, style: str, mono: str | None) -> None:
        if self.lozenge is not None and style == "b":
            return
        if mono == "}}" or (mono is None and style in self.styles):
            if style not in self.styles:
                raise Injected(f"}}}} without {{{{ in {self.text[:120]!r}")
            self.styles.remove(style)
        else:
            self.styles.append(style)

    def _colour(self, colour: str | None) -> Iterator[Token]:
        if colour and self.lozenge is None:
            self.lozenge, self.word = COLOURS[colour[1:]], ""
        elif not colour and self.lozenge is not None:
            yield ("lozenge", self.word, self.lozenge)
            self.lozenge = None
        else:
            raise Injected(f"a colour in {self.text[:120]!r}")


def _label(text: str) -> str:
    """A link's own words; markup in them is none of ours."""
    atoms = [token for token in _Line(text).tokens() if token]
    if any(atom[0] != "t" or atom[2] for atom in atoms):
        raise Injected(f"markup in a link's words: {text[:120]!r}")
    return "".join(atom[1] for atom in atoms)
