"""Hostile strings and document trees, made cheaply from a seed. Only values; nothing here knows any format."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

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

MARK = "tieline:other:0123456789abcdef"
# What ends, opens or escapes something in one of the formats, and what renderers make something of by themselves.
MARKUP = (
    '"', "'", "<", ">", "&", "`", "``", "```", "~~~", "\\", "\\\\", "*", "**", "***", "_", "__", "~", "~~", "-", "--", "---", "+", "^",
    "??", "|", "||", "||a||", "|a|b|", "{", "}", "{{", "}}", "[", "]", "(", ")", "!", "#", "# ", "=", "===", ":", ";", ",", "@", "$",
    "]]>", "<![CDATA[", "]]", "<!--", "-->", "<?xml ?>", "<!DOCTYPE x [", "</", "/>", "<b>", "</b>", "<br/>", "<p>", "</p></td>",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "</script>", "</style>", "</title>",
    '" onmouseover="alert(1)', "' onload='x", "<a href=\"javascript:alert(1)\">x</a>", "</text></svg><script>", "&amp;", "&lt;b&gt;",
    "&#60;", "&#x3c;", "&nbsp;", "&copy", "&#0;", "&#xD800;", "&bomb;", "&#x1F600;", "&#42;", "{macro}", "{code}", "{code:java}",
    "{noformat}", "{quote}", "{panel}", "{panel:title=x}", "{color:red}", "{color}", "{html}<b>{html}", "{anchor:x}", "{*}", "{_}", "{-}",
    f"{{anchor:{MARK}}}", f"[{MARK}]", "[~admin]", "[~accountid:5b1]", "[x|http://evil.example]", "[http://evil.example]", "[^file.txt]",
    "[#anchor]", "[mailto:a@b.example]", "!image.png!", "!http://evil.example/x.png!", "!x|width=1!", "h1. x", "h6. ", "bq. x", "----",
    "* item", "# item", "- item", "1. item", "12) item", "> quote", "    indented", "\tindented", "[ ] box", "[x] box", "[TOC]", "[!NOTE]",
    "![x](http://evil.example/x.png)", "[x](http://evil.example)", "[x](javascript:alert(1))", "<http://evil.example>", "[x]: http://e",
    "[x][y]", "*bold*", "_it_", "-struck-", "+ins+", "^sup^", "~sub~", "{{mono}}", "**b**", "~~s~~", "`c`", "@all", "@board", "@lina",
    ":fire:", ":)", ";)", ":P", "(y)", "(!)", "(x)", "(*)", "http://evil.example/x", "https://evil.example", "www.evil.example",
    "evil.example/x", "a.b@corp.example", "mailto:x@y.example", "file:///etc/passwd", "javascript:alert(1)", "data:text/html,<b>",
    "//evil.example/x", "https://user:secret@evil.example/", "ftp://e.example/", "PAY-1", "2026-11-23", "%s", "%(x)s", "{0}", "{x.y}", "${x}",
    "{{ x }}", "{% x %}", "<%= x %>", "=cmd|' /C calc'!A0", "../../etc/passwd", "..\\..\\x", "CON", "\\u0000", "\\n", "\\x1b[31m",
)  # fmt: skip
WORDS = (
    "支付接口开发", "依赖", "任务", "已延期 3 天", "：", "，", "。", "「", "」", "（", "）", "技术部", "a", "b", "x", "7", "10:30:00", "word", "Zhang Wei",
    "é", "e\u0301", "ß", "İ", "ﬁ", "①", "\u3000", "안녕", "שלום", "مرحبا", "ไทย", "नमस्ते", " ", "  ", " a ", "v1.2.3", "a-b", "snake_case_name",
)  # fmt: skip
INVISIBLE = (
    "\u202e", "\u202d", "\u2066", "\u2069", "\u200e", "\u200f", "\u061c", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u180e",
    "\u034f", "\u115f", "\ufe0f", "\u0301\u0302\u0303", "\U000e0041", "😀", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇨🇳", "𠮷", "\U0001f9d1\U0001f3fd", "\U0010fffd", "\u2028",
    "\u2029", "\x85", "\xa0", "\n", "\r\n", "\r", "\n\n", "\t", "\x0b", "\x0c",
)  # fmt: skip
BROKEN = (
    "\x00", "\x01", "\x07", "\x08", "\x1b[31m", "\x1b]0;owned\x07", "\x1c", "\x1f", "\x7f", "\x80", "\x9b1m", "\x9f", "\ud800", "\udfff", "\udc80",
    "\ude00\ud83d", "\ufffe", "\uffff", "\U0001fffe", "\ufffd",
)  # fmt: skip
FRAGMENTS = MARKUP * 3 + WORDS * 5 + INVISIBLE * 2 + BROKEN
# Addresses that surely are links everywhere, and such that never may be one.
HOSTS = ("https://acme.example/browse/PAY-1", "http://10.0.0.1:8080/x", "https://trello.com/c/AbC123xy/1-x", "https://例子.example/页",
         "HTTPS://acme.example/", "https://user:secret@acme.example/p")  # fmt: skip
TAILS = ("", "", "?a=1&b=2", "?q=%E6%94%AF&x=%2F", "#f", "/a(b)c", '/"x"', "/<b>", "/'x", "/]]>", "/|x", "/]x[", "/{macro}", "/*x*_y_~z~", "/!x!",
         "/`c`", "/\\x", "/&amp;&lt;", "/支付", "/😀", "/&copy=1", "/--x--", "/^y^", "/??z??", "/$1", "/:)", "/\u202ex", "/a;b,c")  # fmt: skip
NEVER = ("javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "\x01javascript:alert(1)",
         "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd", "//evil.example/x", "ftp://e.example/x", "https://", "http:///x",
         "jar:http://x!/", "javascript://acme.example/%0aalert(1)", "\\\\server\\share", "blob:https://x/1", "intent://x#Intent;end", "")  # fmt: skip
COLOURS = ("grey", "green", "yellow", "red", "blue")
PANELS = ("info", "note", "tip", "warning")


class Corpus:
    """Strings and trees of one seed; counts the strings it gave."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.strings = 0
        self.given: list[str] = []  # the strings since somebody emptied it
        self._choices = self.random.choices
        self._makers: Sequence[Callable[[int], Block]] = (
            self._paragraph, self._paragraph, self._paragraph, self._heading, self._bullets, self._numbered, self._table, self._table,
            self._code, self._quote, self._panel, self._picture, self._rule, self._contents,
        )  # fmt: skip

    def string(self) -> str:
        """One hostile string: fragments; now and then any characters at all, or very long."""
        text = self._string()
        self.strings += 1
        self.given.append(text)
        return text

    def _string(self) -> str:
        draw = self.random.random()
        if draw < 0.03:
            return "".join(chr(self.random.randrange(0x110000)) for _ in range(self.random.randrange(1, 12)))
        if draw < 0.0302:
            return "".join(self._choices(FRAGMENTS, k=2)) * 1500
        if draw < 0.05:
            return "".join(self._choices(WORDS, k=3)) + self.random.choice(
                (" ", "\n", "\r\n", "\t", "\\", "\u3000", "\x00")
            )
        return "".join(self._choices(FRAGMENTS, k=1 + int(draw * 5)))

    def sure_url(self) -> str:
        return self.random.choice(HOSTS) + self.random.choice(TAILS)

    def doubtful_url(self) -> str:
        """An address that may or may not be one: hostile characters anywhere in it."""
        parts = ["http", "s", ":", "//", "acme.example", "/x"]
        parts.insert(self.random.randrange(len(parts)), self.random.choice(FRAGMENTS))
        return "".join(parts)

    def _account(self) -> str:
        return self.random.choice(("", "5b10a2844c20165700ede21g", "712020:0e4f-11", self.string()))

    def inline(self) -> Inline:
        draw = self.random.random()
        if draw < 0.6:
            flags = [self.random.random() < 0.15 for _ in range(4)] if draw < 0.35 else [False] * 4
            return Text(self.string(), *flags)
        if draw < 0.7:
            return Anchor(self.string(), self.sure_url() if draw < 0.66 else self.random.choice(NEVER))
        if draw < 0.78:
            return PersonMention(self.string(), self._account())
        if draw < 0.86:
            return Lozenge(self.string(), self.random.choice(COLOURS))  # type: ignore[arg-type]
        if draw < 0.93:
            return PageLink(self.string(), self.string())
        return LineBreak()

    def inlines(self) -> Inlines:
        return tuple(self.inline() for _ in range(self.random.randrange(5)))

    def blocks(self, depth: int = 0, most: int = 3) -> RichText:
        return tuple(self._block(depth) for _ in range(self.random.randrange(1, most + 1)))

    def tree(self) -> RichText:
        """A whole document of a few dozen strings."""
        return self.blocks(0, 12)

    def _block(self, depth: int) -> Block:
        if depth >= 3:
            return self._paragraph(depth)
        return self.random.choice(self._makers)(depth)

    def _paragraph(self, _depth: int) -> Block:
        return Paragraph(self.inlines())

    def _heading(self, _depth: int) -> Block:
        return Heading(self.random.randrange(0, 8), self.inlines())

    def _items(self, depth: int) -> tuple[ListItem, ...]:
        boxes = (None, None, True, False)
        return tuple(
            ListItem(self.blocks(depth + 1, 2), self.random.choice(boxes)) for _ in range(self.random.randrange(4))
        )

    def _bullets(self, depth: int) -> Block:
        return BulletList(self._items(depth))

    def _numbered(self, depth: int) -> Block:
        return NumberedList(self._items(depth), self.random.choice((1, 1, 0, 3, 999)))

    def _table(self, _depth: int) -> Block:
        width = self.random.randrange(4)
        rows = tuple(tuple(self.inlines() for _ in range(width)) for _ in range(self.random.randrange(3)))
        return Table(tuple(self.inlines() for _ in range(width)) if self.random.random() < 0.8 else (), rows)

    def _code(self, _depth: int) -> Block:
        end = self.random.choice(("", "", "]]>", "{code}", "\n```", "\n{noformat}"))
        return CodeBlock(self.string() + end, self.random.choice(("", "python", "c++", self.string())))

    def _quote(self, depth: int) -> Block:
        return Quote(self.blocks(depth + 1, 2))

    def _panel(self, depth: int) -> Block:
        title = self.string() if self.random.random() < 0.5 else ""
        return Panel(self.random.choice(PANELS), self.blocks(depth + 1, 2), title)  # type: ignore[arg-type]

    def _picture(self, _depth: int) -> Block:
        return Picture(self.string(), url=self.sure_url())

    def _rule(self, _depth: int) -> Block:
        return Rule()

    def _contents(self, _depth: int) -> Block:
        return Contents(self.random.randrange(1, 7))
