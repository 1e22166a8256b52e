"""What a reader sees of Markdown: Trello's (by the parser of the sandbox's card pages) and the core's own (by CommonMark with tables)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it.token import Token as Parsed

from campaigns.fuzz_meaning import Atom, Dialect, Injected, Token, line, link, where
from connectors.trello import markdown as trello
from sandbox.trello.pages import MARKDOWN
from sync.core.rich_text import Contents, Panel, RichText, Rule, Table, mapped

UNFIT = re.compile("[\x00-\x1f\x7f]+")
KNOWN, USERNAME = "5b10a2844c20165700ede21g", "lina"
SIGNS = {"info": "ℹ️", "note": "📝", "tip": "💡", "warning": "⚠️"}
OURS = re.compile(rf"@{USERNAME}(?![A-Za-z0-9_])")
STYLES = {"strong": "b", "em": "i", "s": "s"}
BOXES = ("✅", "⬜")
# What Trello makes something of in plain text: addresses, mentions, emoji.
LIVE = re.compile(r"://|[Mm][Aa][Ii][Ll][Tt][Oo]:(?!\u2060)|(?<![A-Za-z0-9_])@[A-Za-z0-9_]|(?<![0-9]):[A-Za-z0-9_+-]+:")


def _title(panel: Panel) -> Iterator[Token]:
    yield ("t", SIGNS[panel.kind] + " ", "")
    if panel.title:
        yield ("t", panel.title, "b")


def _rows(dialect: Dialect, table: Table, _place: str) -> Iterator[Token]:
    """Trello draws no tables: each row is an entry, each cell behind its column's name."""
    heads = [[token for token in line(dialect, cell) if token] for cell in table.header]
    is_shown = False
    for row in table.rows:
        yield None
        is_first = True
        for column, cell in enumerate(row):
            said = [token for token in line(dialect, cell) if token]
            if not _seen(said):
                continue
            yield from () if is_first else (("t", "；", ""),)
            is_first, is_shown = False, True
            head = heads[column] if column < len(heads) else []
            if _seen(head):
                yield from (*head, ("t", "：", ""))
            yield from said
    if not is_shown:
        for number, head in enumerate(heads):
            yield from [("t", "；", "")] if number else []
            yield from head


def _seen(atoms: Sequence[Atom]) -> bool:
    return any(UNFIT.sub("", atom[1]).strip() or atom[0] == "a" for atom in atoms)


DIALECT = Dialect(
    "trello markdown",
    drop=re.compile("(?!)"),
    blank=UNFIT,
    mention=lambda name, account_id: ("t", f"@{USERNAME} ", "") if account_id == KNOWN else ("t", name, ""),
    box=lambda is_done: BOXES[0] if is_done else BOXES[1],
    title=_title,
    table=_rows,
    code_alone=True,
    is_spacing_kept=False,
    code=lambda text: re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", text).rstrip(),
    refused_link=lambda text, url: text or url,
)


def prepared(tree: RichText) -> RichText:
    """The tree without tables of contents, which Trello refuses by a clear error."""
    return mapped(tree, lambda node: Rule() if isinstance(node, Contents) else node)


def write(tree: RichText, _is_cloud: bool) -> str:
    return trello.markdown_from(tree, {KNOWN: USERNAME})


def read(text: str) -> list[Token]:
    text.encode()
    return list(Reading(MARKDOWN.parse(text), is_trello=True).tokens())


class Reading:
    """Markdown tokens as ours; whatever our writers never write is Injected."""

    def __init__(self, parsed: Sequence[Parsed], is_trello: bool) -> None:
        self.parsed = parsed
        self.is_trello = is_trello

    def tokens(self) -> Iterator[Token]:
        for token in self.parsed:
            kind = token.type
            if kind == "inline":
                yield from self._inline(token.children or [])
            elif kind in ("fence", "code_block"):
                yield from (None, ("code", token.content.removesuffix("\n"), ""), None)
            elif kind == "hr":
                yield from (None, ("rule", "", ""), None)
            elif kind.endswith(("_open", "_close")):
                yield None
            else:
                raise Injected(f"{kind} {token.content[:80]!r}")

    def _inline(self, children: Sequence[Parsed]) -> Iterator[Token]:
        active: list[str] = []
        opened: tuple[str, list[str]] | None = None
        seen = ""
        if self.is_trello and children and children[0].content.startswith(BOXES):
            yield ("t", children[0].content[0], "")
            yield None
            children = [children[0].copy(content=children[0].content[1:]), *children[1:]]
        for child in children:
            kind, _, end = child.type.rpartition("_")
            if kind in STYLES:
                seen += " "
                active.append(STYLES[kind]) if end == "open" else active.remove(STYLES[kind])
            elif child.type == "link_open":
                opened = (str(child.attrs["href"]), [])
            elif child.type == "link_close" and opened:
                yield link("".join(opened[1]), opened[0])
                opened = None
            else:
                atom = self._atom(child, "".join(sorted(set(active))))
                seen += atom[1] if atom[0] == "t" and "c" not in atom[2] and not opened else " "
                if opened is None:
                    yield from (None, atom, None) if atom[0] == "img" else (atom,)
                else:
                    opened[1].append(atom[1])
        if self.is_trello and (found := LIVE.search(OURS.sub("", seen))):
            raise Injected(f"{found[0]!r} is live in {seen[:120]!r}")

    def _atom(self, child: Parsed, style: str) -> Atom:
        kind = child.type
        if kind in ("text", "text_special"):
            return ("t", child.content, style)
        if kind == "code_inline":
            return ("t", child.content, "".join(sorted(style + "c")))
        if kind in ("softbreak", "hardbreak"):
            return ("t", "\n", "")
        if kind == "image":
            alt = "".join(inner.content for inner in child.children or ())
            return ("img", alt, where(str(child.attrs["src"])))
        raise Injected(f"{kind} {child.content[:80]!r}")
