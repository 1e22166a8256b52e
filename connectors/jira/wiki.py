r"""RichText to the wiki markup that Jira Data Center takes; nothing that a person can type becomes markup. Pure.

Source: Jira's "Text Formatting Notation Help". A backslash before a sign shows the sign; where the renderer knows no backslash
(``h1.``, ``:)``, a backslash itself) the character is written as an HTML entity, which the renderer leaves standing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from connectors.jira.clean import List, box, clean, clean_lines, safe_url
from sync.core.errors import CannotExpress
from sync.core.rich_text import (
    Anchor,
    Block,
    BulletList,
    CodeBlock,
    Contents,
    Heading,
    Inline,
    Inlines,
    LineBreak,
    ListItem,
    Lozenge,
    NumberedList,
    PageLink,
    Panel,
    Paragraph,
    PersonMention,
    Picture,
    Quote,
    RichText,
    Rule,
    Table,
    Text,
)

COLOURS = {"grey": "#5e6c84", "green": "#006644", "yellow": "#974f0c", "red": "#bf2600", "blue": "#0747a6"}
PANELS = {"info": "#deebff", "note": "#eae6ff", "tip": "#e3fcef", "warning": "#fffae6"}
_SIGNS = re.compile(r"[{}\[\]|*_+^~!()]")
_HYPHEN = re.compile(r"(?<![^\W_])-|-(?![^\W_])")  # between letters or digits it is only a hyphen: PAY-1, 2026-11-23
_LINE_START = re.compile(r"^(\s*)(?:(h[1-6]|bq)\.|([#>]))")
# Where no backslash helps: an entity, a backslash, smileys, and the colon of a bare address, which would become a link.
_ENTITIES = re.compile(r"&(?=#?\w+;)|\\|[:;](?=-?[)(DPp/|\\])|[:;](?=-?\\[)(])|(?<=mailto):", re.IGNORECASE)


def wiki_from_rich_text(body: RichText, logins: Mapping[str, str] | None = None) -> str:
    """The markup. ``logins`` maps account ids to login names, which Jira mentions people by; unknown ones are plain names."""
    return "\n\n".join(text for block in body if (text := _block(block, logins or {})))


def escape(text: str) -> str:
    """The text so that the renderer shows exactly it, in one line."""
    safe = _ENTITIES.sub(lambda match: "&amp;" if match[0] == "&" else f"&#{ord(match[0])};", clean(text))
    safe = _SIGNS.sub(lambda match: "\\" + match[0], safe)
    safe = _HYPHEN.sub(r"\\-", safe).replace("??", r"\?\?")
    return _LINE_START.sub(_escaped_start, safe)


def _escaped_start(match: re.Match[str]) -> str:
    if match[2]:
        return f"{match[1]}{match[2]}&#46;"
    return match[1] + ("\\#" if match[3] == "#" else "&gt;")


def _block(block: Block, logins: Mapping[str, str]) -> str:
    match block:
        case Paragraph(content):
            return _inlines(content, logins, "\n")
        case Heading(level, content):
            return f"h{min(max(level, 1), 6)}. {_inlines(content, logins)}"
        case BulletList() | NumberedList():
            return "\n".join(_lines(block, "", logins))
        case Table(header, rows):
            return _table(header, rows, logins)
        case CodeBlock(text, language):
            return _code(text, language)
        case _:
            return _framed(block, logins)


def _framed(block: Block, logins: Mapping[str, str]) -> str:
    match block:
        case Quote(content):
            return f"{{quote}}\n{wiki_from_rich_text(content, logins)}\n{{quote}}"
        case Panel(kind, content, title):
            # The title stands inside: a macro's parameters know no escape.
            head: RichText = (Paragraph((Text(title, is_bold=True),)),) if title.strip() else ()
            return f"{{panel:bgColor={PANELS[kind]}}}\n{wiki_from_rich_text((*head, *content), logins)}\n{{panel}}"
        case Picture(_, filename, url):
            return _picture(filename, url)
        case Rule():
            return "----"
        case Contents():
            return ""  # a comment has no table of contents
        case _:
            raise CannotExpress(f"Jira has no {type(block).__name__}")


def _picture(filename: str, url: str) -> str:
    target = safe_url(url) or (filename if re.fullmatch(r"[\w.-]+", filename) else "")
    if not target:
        raise CannotExpress(f"a Jira comment cannot show the picture {filename or url!r}")
    return f"!{target}!"


def _code(text: str, language: str) -> str:
    # The macro ends at the next {code}, whatever stands around it; a zero-width space keeps ours open.
    body = clean_lines(text).replace("{code", "{\u200bcode")
    parameter = f":{language}" if re.fullmatch(r"[A-Za-z0-9#+-]+", language) else ""
    return f"{{code{parameter}}}\n{body}\n{{code}}"


def _lines(block: List, prefix: str, logins: Mapping[str, str]) -> Iterator[str]:
    stars = prefix + ("*" if isinstance(block, BulletList) else "#")
    for item in block.items:
        yield from _item(item, stars, logins)


def _item(item: ListItem, stars: str, logins: Mapping[str, str]) -> Iterator[str]:
    inner = [block for block in item.content if not isinstance(block, BulletList | NumberedList)]
    texts = [text for block in inner if (text := _inside_line(block, logins))]
    said = f"{box(item)}{f' {BREAK} '.join(texts)}"
    # An entry without a word would be read as a plain star: a blank that no renderer drops stands in it.
    yield f"{stars} {said.rstrip() or EMPTY}"
    for block in item.content:
        if isinstance(block, BulletList | NumberedList):
            yield from _lines(block, stars, logins)


BREAK, EMPTY = "\\\\", "&nbsp;"


def _inside_line(block: Block, logins: Mapping[str, str]) -> str:
    match block:
        case Paragraph(content) | Heading(_, content):
            return _inlines(content, logins)
        case Rule():
            return ""  # a line must begin its line, which an item's text never does
        case Table(header, rows):
            # A row of a table must begin its line, which an item's text never does.
            lines = (" \\| ".join(_inlines(cell, logins) for cell in row) for row in (header, *rows) if row)
            return f" {BREAK} ".join(lines)
        case _:
            return _block(block, logins)


def _table(header: tuple[Inlines, ...], rows: tuple[tuple[Inlines, ...], ...], logins: Mapping[str, str]) -> str:
    def row(wall: str, cells: tuple[Inlines, ...]) -> str:
        # Two walls side by side would begin a header cell, so an empty cell holds a space.
        return wall + wall.join(_inlines(cell, logins) or " " for cell in cells) + wall

    lines = [row("||", header)] if header else []
    return "\n".join([*lines, *(row("|", cells) for cells in rows if cells)])


def _inlines(content: Inlines, logins: Mapping[str, str], line_break: str = f" {BREAK} ") -> str:
    parts = [
        line_break if isinstance(inline, LineBreak) else _inline(inline, logins) for inline in _merged(content, logins)
    ]
    text = "".join(parts).strip()
    while text.endswith(BREAK):  # nobody sees it, and before a cell's wall it would be read as an escaped bar
        text = text.removesuffix(BREAK).rstrip()
    return text


def _merged(content: Inlines, logins: Mapping[str, str]) -> Iterator[Inline]:
    """The inlines with neighbours that are plain text as one: escaped apart, ``h1`` and ``. x`` would make a heading."""
    plain = ""
    for inline in content:
        text = _plain_text(inline, logins)
        if text is None:
            yield from [Text(plain)] if plain else []
            yield inline
        plain = "" if text is None else plain + text
    yield from [Text(plain)] if plain else []


def _plain_text(inline: Inline, logins: Mapping[str, str]) -> str | None:
    """What is shown as text without any mark; None for everything else."""
    match inline:
        case Lozenge(text) if not clean(text).strip():
            return ""
        case Text(text) if inline == Text(text) or not clean(text).strip():
            return text
        case Anchor(text, url) if not safe_url(url):
            return text
        case PersonMention(name, account_id) if not _login(account_id, logins):
            return name
        case PageLink(text):
            return text
    return None


def _login(account_id: str, logins: Mapping[str, str]) -> str:
    login = logins.get(account_id, "")
    return login if re.fullmatch(r"[^\s\[\]|{}~\\]+", login) else ""


def _inline(inline: Inline, logins: Mapping[str, str]) -> str:
    match inline:
        case Text(text):
            return _text(inline, text)
        case Anchor(text, url):
            target = safe_url(url).replace("*", "%2A").replace("~", "%7E")
            return f"[{escape(text if clean(text).strip() else target)}|{target}]"
        case PersonMention(_, account_id):
            return f"[~{_login(account_id, logins)}]"
        case Lozenge(text, colour):
            return f"{{color:{COLOURS[colour]}}}{_mark('*', escape(text))}{{color}}" if text.strip() else ""
        case _:
            return "\n"


def _text(style: Text, text: str) -> str:
    shown = escape(text)
    core = shown.strip()
    if not core:
        return shown
    before, after = shown[: len(shown) - len(shown.lstrip())], shown[len(shown.rstrip()) :]
    if style.is_code:
        core = f"{{{{{core}}}}}"
    for sign, is_wanted in (("-", style.is_struck), ("_", style.is_italic), ("*", style.is_bold)):
        core = _mark(sign, core) if is_wanted else core
    return before + core + after


def _mark(sign: str, text: str) -> str:
    """``{*}text{*}``: the form that also works beside a letter, as every Chinese character is."""
    return f"{{{sign}}}{text}{{{sign}}}"


def mentioned_accounts(body: RichText) -> frozenset[str]:
    """The account ids of all people mentioned in the text."""
    return frozenset(_mentioned(body))


def _mentioned(node: object) -> Iterator[str]:
    if isinstance(node, PersonMention):
        if node.account_id:
            yield node.account_id
    elif isinstance(node, tuple):
        for child in node:
            yield from _mentioned(child)
    elif hasattr(node, "__struct_fields__"):
        for name in node.__struct_fields__:
            yield from _mentioned(getattr(node, name))
