"""Hostile files and answers: each a name and what reads it. Big ones are made inside the process that reads them."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from connectors.confluence import blocks
from connectors.confluence import records as confluence
from connectors.confluence.storage import storage_from_rich_text
from connectors.jira import records as jira
from connectors.trello import records as trello
from jobs.sops.source import read_folder
from sync.config import load_config
from sync.core.markdown import markdown_from_rich_text, rich_text_from_markdown
from sync.core.ports import ConnectionSettings
from sync.core.source_files import SourceFile
from sync.core.values import RawRecord, Ref
from sync.mapping.paths import expression, fields_of_expression, steps_from_path
from sync.mapping.patterns import keys_in
from sync.mapping.schema import parse_all
from sync.mapping.yaml import load
from sync.remote import Reply
from sync.store.raw import raw_from_line

Act = Callable[[], object]
NOW = datetime(2026, 11, 25, tzinfo=UTC)
MEGABYTES = 1_000_000
DEEP = 100_000


# -- YAML


def laughs(opening: str, closing: str, levels: int = 30) -> str:
    lines = [f"a0: &a0 {opening}x{closing}"]
    lines += [f"a{n}: &a{n} {opening}{', '.join([f'*a{n - 1}'] * 9)}{closing}" for n in range(1, levels)]
    return "\n".join(lines)


YAMLS: dict[str, Callable[[], bytes | str]] = {
    "billion laughs": lambda: laughs("[", "]"),
    "million laughs in one list": lambda: "a: &a [" + "x, " * 1000 + "]\nb: &b [" + "*a, " * 1000 + "]\nc: [" + "*b, " * 1000 + "]",
    "quadratic text": lambda: "a: &a " + "x" * 100_000 + "\nb: [" + "*a, " * 100_000 + "]",
    "alias of itself": lambda: "a: &a [*a]",
    "alias loop": lambda: "a: &a {b: &b {c: *a}}",
    "alias undefined": lambda: "a: *nobody",
    "a million aliases": lambda: "a: &a x\nb: [" + "*a, " * 900_000 + "]",
    "too large": lambda: b"a: " + b"x" * 5 * MEGABYTES,
    "one long text": lambda: "a: " + "x" * (3 * MEGABYTES),
    "one long quoted text": lambda: 'a: "' + "\\x41" * 700_000 + '"',
    "long folded text": lambda: "a: >\n" + "  x\n" * 700_000,
    "long comment": lambda: "a: 1 #" + "#" * (3 * MEGABYTES),
    "many comments": lambda: "# x\n" * 900_000,
    "many keys": lambda: "".join(f"k{n}: {n}\n" for n in range(300_000)),
    "many equal keys": lambda: "k: 1\n" * 700_000,
    "many items": lambda: "- x\n" * 900_000,
    "many empty lines": lambda: "\n" * (3 * MEGABYTES),
    "many blanks": lambda: "a:" + " " * (3 * MEGABYTES) + "b",
    "many anchors": lambda: "".join(f"- &a{n} x\n" for n in range(200_000)),
    "many documents": lambda: "---\n" * 900_000,
    "long key": lambda: "k" * (2 * MEGABYTES) + ": 1",
    "deep lists": lambda: "[" * DEEP,
    "deep whole lists": lambda: "[" * DEEP + "]" * DEEP,
    "deep maps": lambda: "{a: " * DEEP,
    "deep blocks": lambda: "".join(" " * n + "a:\n" for n in range(2000)),
    "deep dashes": lambda: "- " * DEEP,
    "deep keys": lambda: "? " * DEEP,
    "deep quotes": lambda: "'" * DEEP,
    "colons": lambda: ": " * DEEP,
    "ampersands": lambda: "&a " * DEEP,
    "tags": lambda: "! " * DEEP,
    "python object": lambda: "a: !!python/object/apply:os.system [id]",
    "python name": lambda: "!!python/name:os.system",
    "tag directive": lambda: "%TAG ! tag:yaml.org,2002:python/\n---\na: !object/apply:os.system [id]",
    "half directive": lambda: "%YAML",
    "directive bomb": lambda: "%TAG !a! tag:x\n" * DEEP + "---\na: 1",
    "merge key": lambda: "a: &a {x: 1}\nb: {<<: *a}",
    "list as key": lambda: "? [a, b]\n: 1",
    "map as key": lambda: "{{a: 1}: 2}",
    "number as key": lambda: "1: a\n2.5: b\nnull: c\ntrue: d\n~: e",
    "date as key": lambda: "2026-01-01: a",
    "equal keys": lambda: "task: {title: a}\ntask: {title: b}",
    "tabs": lambda: "task:\n\ttitle: summary",
    "NUL": lambda: "a: b\x00c",
    "escaped NUL": lambda: 'version: "1\\0"\nscope: ["\\0"]\nstatus: {"\\0": todo}',
    "lone surrogate": lambda: 'version: 1\nscope: ["\\ud800"]\nstatus: {"\\ud800x": todo}\ntask: {title: "\\udfff"}',
    "lone surrogates everywhere": lambda: 'people: {"\\ud800": {name: "\\ud800"}}\ndepartments: {"\\ud800": {name: "\\ud800"}}',
    "escape beyond Unicode": lambda: 'a: "\\UFFFFFFFF"',
    "half an escape": lambda: 'a: "\\u12"',
    "control characters": lambda: "a: \x01\x1b[31m\x7f",
    "C1 characters": lambda: "a: \x85\x9b31m",
    "bidi marks": lambda: "version: 1\nscope: [\u202ePAY\u2066]",
    "non-characters": lambda: "a: \ufffe\uffff",
    "BOM": lambda: b"\xef\xbb\xbfversion: 1\nscope: [PAY]\n",
    "BOM inside": lambda: "a: 1\n\ufeffb: 2",
    "UTF-16": lambda: "version: 1\n".encode("utf-16"),
    "UTF-32": lambda: "version: 1\n".encode("utf-32"),
    "GBK": lambda: "范围: [支付]".encode("gbk"),
    "invalid UTF-8": lambda: b"a: \xff\xfe\xfa",
    "overlong UTF-8": lambda: b"a: \xc0\xaf",
    "encoded surrogates": lambda: b"a: \xed\xa0\x80",
    "empty": lambda: b"",
    "only a text": lambda: "just words",
    "only a list": lambda: "- a\n- b",
    "unclosed quote": lambda: 'a: "b\nc: d\n',
    "unclosed bracket": lambda: "a: [b\nc: d\n",
    "CR line ends": lambda: "version: 1\rscope: [PAY]\r",
    "CRLF line ends": lambda: "version: 1\r\nscope: [PAY]\r\n",
    "huge number": lambda: "version: " + "9" * 100_000,
    "huge exponent": lambda: "version: 1e999999999\nscope: [1e999999999]",
    "hex bomb": lambda: "version: 0x" + "f" * 100_000,
    "octal, binary, sexagesimal": lambda: "version: 0o17\nscope: [0b11, 190:20:30]",
    "impossible date": lambda: "a: 2026-13-45\nb: 9999999-01-01",
    "wrong types": lambda: "version: [1]\nscope: {a: b}\nstatus: [x]\ntask: 7\nraci: text\ndependencies: {a: 1}\npeople: 5\ncalendars: x",
    "nulls": lambda: "version:\nscope:\nstatus:\ntask:\nraci:\ndependencies:\npeople:\ndepartments:\ncalendars:\nconnections:",
    "many mistakes": lambda: "version: 1\nscope: [PAY]\nstatus: {" + ", ".join(f"s{n}: nonsense{n}" for n in range(20_000)) + "}",
}  # fmt: skip
CONFIG = "tieline.yaml"
FILES = (CONFIG, "jira.yaml", "people.yaml", "departments.yaml", "calendar.yaml")


def bytes_of(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def read_yaml(make: Callable[[], bytes | str]) -> None:
    """Through the loader; what it takes must be said again as it was."""
    load(bytes_of(make()), "x.yaml").texts()


def read_folder_file(name: str, make: Callable[[], bytes | str]) -> None:
    files = {"jira.yaml": b"version: 1\nscope: [PAY]\n", name: bytes_of(make())}
    msgspec.json.encode(parse_all(files, {"jira": "jira.yaml"}), enc_hook=str)


def read_config(make: Callable[[], bytes | str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tieline.yaml"
        path.write_bytes(bytes_of(make()))
        load_config(path)


def yaml_acts() -> Iterator[tuple[str, Act]]:
    """Each through the loader, and through the whole reading of one of the files, in turn: all of them start with the loader."""
    for number, (name, make) in enumerate(YAMLS.items()):
        yield f"yaml: {name}", functools.partial(read_yaml, make)
        file = FILES[number % len(FILES)]
        read = read_config if file == CONFIG else functools.partial(read_folder_file, file)
        yield f"{file}: {name}", functools.partial(read, make)


# -- expressions and patterns

RECORD: dict[str, Any] = {
    "a": [[1, 2, [3]]] * 50,
    "text": "x" * 30_000,
    "list": ["y"] * 2000,
    "deep": {"deep": {"deep": {}}},
}
EXPRESSIONS: dict[str, str] = {
    "doubled lists": "|".join(["[@,@]"] * 80),
    "doubled lists as text": "to_string(" + "|".join(["[@,@]"] * 70) + ")",
    "doubled text": "text|" + "|".join(["join('',[@,@])"] * 32),
    "doubled objects": "|".join(["{a:@,b:@}"] * 50),
    "doubled by map": "|".join(["map(&[@,@],[@,@])"] * 27),
    "joined by text": "join(text, list)",
    "nots": "!" * 480 + "a", "parentheses": "(" * 240 + "a" + ")" * 240, "open": "(" * 499, "brackets": "[" * 499,
    "whole brackets": "[" * 240 + "@" + "]" * 240, "dots": "a" + ".a" * 240, "flattens": "a" + "[]" * 240, "stars": "a" + "[*]" * 160,
    "ors": "a" + "||a" * 160, "filters": "a" + "[?a]" * 120, "nested filters": "[?" * 160 + "a" + "]" * 160, "calls": "not_null(" * 50 + "a" + ")" * 50,
    "literal": "`" + "[" * 480 + "`", "number": "a[" + "9" * 480 + "]", "slices": "a[::0]", "reversed": "a[-999999999:999999999:-1]", "too long": "a" * 501,
    "unknown call": "system('id')", "wrong call": "lower(list)", "quotes": '"' * 499, "surrogate": '"\\ud800"', "nul": "a\x00b", "empty": "",
}  # fmt: skip
PATTERNS = (
    r"(?P<key>(a+)+)$", r"(?P<key>(a|a)*)b", r"(?P<key>.*a.*b.*c)d", r"(?P<key>a*a*a*a*)b", r"(?P<key>(?:a{0,19}){0,19})c", r"(?P<key>a)\1",
    r"(?P<key>\w+\s*\w+\s*\w+\s*)x", r"(?P<key>(?=.*a)(?=.*b).*)c", r"(?P<key>a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaa)", r"(?P<key>[^x]*[^y]*[^z]*)x",
    r"(?:依赖|depends on)[:：]?\s*(?P<key>[A-Z][A-Z0-9]+-\d+)", r"依赖.*?(?P<key>[A-Z]+-\d+)", r"a.*b.*(?P<key>c)d", r"\s*(?P<key>\S+)\s*$", r"(?P<key>.+)$",
    r"(?P<key>.{1,200}x)", r"(?:x|y|z)*?(?P<key>a)", r"(?P<key>a{99999999})", "(" * 150 + "(?P<key>a)" + ")" * 150, "(?P<key>" + "[" * 250, "[[:alpha:]](?P<key>a)",
    r"(?P<key>\d+)(?:,\d+)*$", r"(?P<key>a*)+b", r"(?P<key>(?:a?){50})b", r"(?<=a)(?P<key>.*)(?<!b)c", r"(?P<key>(?i:A+)(?:a+))b", "(?P<key>\ud800)", "(?P<key>\x00+)",
)  # fmt: skip
TEXTS = (
    "A" * 20_000,
    "依赖" * 10_000,
    "ab" * 10_000,
    "依赖 " * 6_000,
    " " * 20_000,
    "a b " * 5_000,
    "1,1" * 6_000,
    "\x00" * 9_000,
    "xyz" * 7_000,
)


def evaluate(text: str) -> None:
    """A result is bounded, also when it is written down, as each value of a record is."""
    try:
        read, _ = expression(text), fields_of_expression(text)
        found = read(RECORD)
    except ValueError as error:
        if not str(error):
            raise
        return  # a path that cannot be read, or a function that refuses its input: said with the mapping's line
    if len(msgspec.json.encode(found)) > 50 * MEGABYTES:
        raise MemoryError("the result explodes")


def match(pattern: str) -> None:
    for text in TEXTS:
        list(keys_in(pattern, text))


def expression_acts() -> Iterator[tuple[str, Act]]:
    for name, text in EXPRESSIONS.items():
        yield f"jmespath: {name}", functools.partial(evaluate, text)
        yield f"path: {name}", functools.partial(steps_from_path, text)
    for pattern in PATTERNS:
        yield f"pattern: {pattern[:40]!r}", functools.partial(match, pattern)


# -- SOPs

SOPS: dict[str, Callable[[], bytes | str]] = {
    "deep quotes": lambda: ">" * DEEP + "x", "deep lists": lambda: "- " * 20_000 + "x", "deep brackets": lambda: "[" * DEEP, "deep emphasis": lambda: "*a " * 50_000,
    "stars": lambda: "*" * DEEP, "unders": lambda: "_a" * 50_000, "backticks": lambda: "".join("`" * n + " " for n in range(700)), "tildes": lambda: "~~a" * 30_000,
    "many links": lambda: "[a](https://x.example/) " * 50_000, "many open links": lambda: "[a](" * 50_000, "many images": lambda: "![a](b.png) " * 50_000,
    "nested links": lambda: "[" * 20_000 + "a" + "](x)" * 20_000, "definitions": lambda: "".join(f"[r{n}]: /x\n" for n in range(30_000)) + "[r1] " * 30_000,
    "long definition": lambda: "[a]: /" + "x" * 500_000 + "\n\n" + "[a]" * 2_000, "huge table": lambda: "|a" * 2_000 + "|\n" + "|-" * 2_000 + "|\n" + ("|b" * 2_000 + "|\n") * 50,
    "wide table of nothing": lambda: "|" * 20_000 + "\n" + "|-" * 20_000 + "\n" + "x\n" * 100, "long table": lambda: "|a|b|\n|-|-|\n" + "|c|d|\n" * 50_000,
    "entities": lambda: "&amp;" * 100_000, "half entities": lambda: "&#" * 100_000, "autolinks": lambda: "<https://x.example/" * 30_000, "html": lambda: "<b " * 100_000,
    "comments": lambda: "<!--" * 100_000, "cdata": lambda: "<![CDATA[" * 50_000, "headings": lambda: "# a\n" * 50_000, "rules": lambda: "---\n\n" * 50_000,
    "backslashes": lambda: "\\" * 200_000, "blank lines": lambda: "\n" * 500_000, "one long line": lambda: "x" * 2_000_000, "fences": lambda: "```\n" * 100_001,
    "unclosed fence": lambda: "```\n" + "]]>\n" * 100_000, "numbered": lambda: "999999999. a\n" * 10_000, "NUL": lambda: "a\x00b", "surrogate entity": lambda: "&#xD800; &#x110000;",
    "invalid UTF-8": lambda: b"# \xff", "BOM": lambda: b"\xef\xbb\xbf# a", "CRLF": lambda: "---\r\ntitle: a\r\n---\r\n# b\r\n", "no end of front matter": lambda: "---\ntitle: a\n",
    "laughs": lambda: f"---\n{laughs('[', ']')}\n---\n", "laughing labels": lambda: f"---\n{laughs('[', ']')}\nlabels: *a29\n---\n", "laughing title": lambda: f"---\n{laughs('[', ']')}\ntitle: *a29\n---\n",
    "deep front matter": lambda: f"---\na: {'[' * DEEP}\n---\n", "deep blocks": lambda: "---\n" + "".join(" " * n + "a:\n" for n in range(2000)) + "---\n",
    "large front matter": lambda: "---\n" + "".join(f"k{n}: {n}\n" for n in range(100_000)) + "---\n", "long front matter text": lambda: f"---\ntitle: {'x' * 1_000_000}\n---\n",
    "front matter tags": lambda: "---\ntitle: !!python/object/apply:os.system [id]\n---\n", "front matter twice": lambda: "---\ntitle: a\ntitle: b\n---\n",
    "hex title": lambda: "---\ntitle: 0x" + "f" * 20_000 + "\n---\n", "escape beyond Unicode": lambda: '---\ntitle: "\\UFFFFFFFF"\n---\n', "half directive": lambda: "---\n%YAML\n---\n", "undefined alias": lambda: "---\na: *b\n---\n", "number title": lambda: "---\ntitle: " + "9" * 20_000 + "\n---\n", "date title": lambda: "---\ntitle: 2026-01-01\nid: 2026-13-45\n---\n",
    "surrogate title": lambda: '---\ntitle: "\\ud800"\nid: "\\ud800"\nlabels: ["\\ud800"]\n---\n', "NUL title": lambda: '---\ntitle: "a\\0b"\n---\n', "list title": lambda: "---\ntitle: [a]\n---\n",
    "bool title": lambda: "---\ntitle: yes\nid: true\nparent: false\nlabels: no\n---\n", "parent out": lambda: "---\nparent: ../../../etc/passwd\n---\n", "parent nul": lambda: '---\nparent: "\\0"\n---\n',
    "set": lambda: "---\n? a\n? b\n---\n", "binary": lambda: "---\ntitle: !!binary AAAA\n---\n", "omap": lambda: "---\nlabels: !!omap [a: 1]\n---\n", "merge": lambda: "---\na: &a {title: x}\n<<: *a\n---\n",
    "self": lambda: "---\na: &a [*a]\nlabels: *a\n---\n", "title of lines": lambda: "---\ntitle: |\n  a\n  b\n---\n",
}  # fmt: skip


def read_sop(make: Callable[[], bytes | str]) -> None:
    """The file through the folder, and its text into a page and back into Markdown."""
    folder = read_folder([SourceFile("a.md", bytes_of(make())), SourceFile("index.md", b"# top")])
    for problem in folder.problems:
        if not problem.path or not problem.text or len(problem.text) > 10_000:
            raise AssertionError(f"an unclear problem: {problem.path} {problem.text[:100]}")
    for sop in folder.sops:
        msgspec.json.encode((sop.title, sop.id, sop.labels, sop.parent))
        text = rich_text_from_markdown(sop.markdown)
        storage_from_rich_text(text, is_cloud=True).encode()
        markdown_from_rich_text(text).encode()


def long_chain() -> None:
    """A chain of parents as long as a folder can have."""
    files = [SourceFile(f"{n}.md", f"---\nparent: {n - 1}.md\ntitle: t{n}\n---\n".encode()) for n in range(1, 3000)]
    read_folder([SourceFile("0.md", b"# t0"), *files])


def sop_acts() -> Iterator[tuple[str, Act]]:
    for name, make in SOPS.items():
        yield f"sop: {name}", functools.partial(read_sop, make)
    yield "sop: 3,000 parents", long_chain


# -- vendors' answers

JSONS: dict[str, Callable[[], bytes]] = {
    "deep lists": lambda: b"[" * DEEP, "whole deep lists": lambda: b"[" * DEEP + b"]" * DEEP, "deep objects": lambda: b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "900 deep": lambda: b'{"id":"1","fields":' + b'{"a":' * 900 + b"1" + b"}" * 901, "400 deep": lambda: b'{"id":"1","fields":' + b'{"a":' * 400 + b"1" + b"}" * 401,
    "huge number": lambda: b'{"id":' + b"9" * 100_000 + b"}", "huge exponent": lambda: b'{"id":"1","fields":{"a":1e999}}', "NaN": lambda: b'{"id":NaN}',
    "negative zero": lambda: b'{"id":-0.0,"fields":{"a":-0}}', "lone surrogate": lambda: b'{"id":"1","fields":{"summary":"\\ud800"}}', "NUL": lambda: b'{"id":"1","fields":{"summary":"a\\u0000b"}}',
    "invalid UTF-8": lambda: b'{"id":"1","fields":{"summary":"\xff"}}', "invalid UTF-8 in a key": lambda: b'{"\xff":"1"}', "UTF-16": lambda: '{"id":"1"}'.encode("utf-16"), "BOM": lambda: b'\xef\xbb\xbf{"id":"1"}',
    "truncated": lambda: b'{"id":"1","fields":{"summ', "empty": lambda: b"", "blank": lambda: b"   ", "null": lambda: b"null", "text": lambda: b'"x"', "number": lambda: b"7", "HTML": lambda: b"<html>429</html>",
    "trailing": lambda: b'{"id":"1"} x', "twice": lambda: b'{"id":"1","id":{"a":1}}', "long text": lambda: b'{"id":"1","fields":{"summary":"' + b"x" * 20 * MEGABYTES + b'"}}',
    "many fields": lambda: b'{"id":"1","fields":{' + b",".join(b'"f%d":%d' % (n, n) for n in range(300_000)) + b"}}", "many items": lambda: b'{"id":"1","fields":{"a":[' + b"1," * 2 * MEGABYTES + b"1]}}",
}  # fmt: skip
RECORDS = {"jira": jira.record_from_raw, "trello": trello.record_from_raw, "confluence": confluence.record_from_raw}
KINDS = {"jira": ("task", "history"), "trello": ("task", "history"), "confluence": ("document",)}


def settings_of(vendor: str) -> ConnectionSettings:
    return ConnectionSettings(vendor, vendor, "https://x.example", "cloud")


def read_record(vendor: str, kind: str, payload: bytes) -> None:
    raw = RawRecord(Ref.of(vendor, kind, "1"), payload, "1", NOW, NOW)
    RECORDS[vendor](raw, settings_of(vendor))


def read_answer(payload: bytes) -> None:
    Reply(200, {}, payload).read()


def head_of(vendor: str, payload: bytes) -> None:
    heads: dict[str, Callable[[bytes], object]] = {
        "jira": jira.light_issue, "trello": trello.head_from_card, "confluence": lambda item: confluence.raw_from_item("c", "S", item, NOW),
    }  # fmt: skip
    heads[vendor](payload)


def page_body(text: str) -> None:
    blocks.marks_in(text)
    blocks.find_block(text, "tieline:x:0123456789abcdef")
    blocks.carry_comments(text, "<p>x</p>")


BODIES: dict[str, Callable[[], str]] = {
    "deep": lambda: "<p>" * DEEP, "whole deep": lambda: "<div>" * 5000 + "</div>" * 5000, "199 deep": lambda: "<div>" * 199 + "</div>" * 199, "DTD": lambda: '<!DOCTYPE x [<!ENTITY a "b">]><p>&a;</p>',
    "unknown entity": lambda: "<p>&bomb;</p>", "external entity": lambda: '<!ENTITY x SYSTEM "file:///etc/passwd">&x;', "controls": lambda: "<p>\x00\x01</p>", "surrogate": lambda: "<p>\ud800</p>",
    "end of root": lambda: "</storage><storage>", "many elements": lambda: "<p>x</p>" * 200_000, "many attributes": lambda: "<p " + " ".join(f'a{n}="1"' for n in range(50_000)) + "/>", "long text": lambda: "x" * 5 * MEGABYTES,
    "instruction": lambda: "<?php system('id') ?>", "markers": lambda: '<ac:inline-comment-marker ac:ref="1">' * 190 + "x" + "</ac:inline-comment-marker>" * 190,
}  # fmt: skip


def answer_acts() -> Iterator[tuple[str, Act]]:
    for name, make in JSONS.items():
        yield f"answer: {name}", lambda make=make: read_answer(make())  # type: ignore[misc]
        yield f"raw line: {name}", lambda make=make: raw_from_line(make().decode("utf-8", "replace"))  # type: ignore[misc]
        for vendor, kinds in KINDS.items():
            yield f"{vendor} item: {name}", lambda vendor=vendor, make=make: head_of(vendor, make())  # type: ignore[misc]
            for kind in kinds:
                yield f"{vendor} {kind}: {name}", lambda v=vendor, k=kind, make=make: read_record(v, k, make())  # type: ignore[misc]
    for name, body in BODIES.items():
        yield f"page: {name}", lambda body=body: page_body(body())  # type: ignore[misc]
