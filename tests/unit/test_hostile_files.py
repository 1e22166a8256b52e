"""What the fuzz campaign found in the readers, each as one small case: a clear error or a bounded reading, never a traceback."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from connectors.confluence import records as confluence
from connectors.jira.records import light_issue
from connectors.trello import records as trello
from jobs.sops.source import MAX_BYTES, read_folder
from sync.core.errors import ConfigError, Nonsense, RecordError
from sync.core.markdown import rich_text_from_markdown
from sync.core.markdown_text import is_relative_url, markdown_from_rich_text
from sync.core.ports import ConnectionSettings
from sync.core.rich_text import Anchor, CodeBlock, LineBreak, Paragraph, Table, Text
from sync.core.source_files import SourceFile
from sync.core.values import RawRecord, Ref
from sync.mapping.paths import BadPath, expression
from sync.mapping.patterns import BadPattern, compiled
from sync.mapping.yaml import MAX_LINE, load
from sync.remote import Reply
from sync.store.raw import raw_from_line

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SETTINGS = ConnectionSettings("x", "x", "https://x.example")
DEEP = b'{"id":' * 100_000
HOSTILE = (DEEP, b'{"\xff":"1"}', b'{"id":"\xff"}', b'{"id":' + b"9" * 5000 + b"}")


@pytest.mark.parametrize("payload", HOSTILE)
def test_an_answer_that_is_no_answer_is_nonsense(payload: bytes) -> None:
    for read in (light_issue, trello.head_from_card, lambda item: confluence.raw_from_item("c", "S", item, NOW)):
        with pytest.raises(Nonsense):
            read(payload)
    for module, kind in ((trello, "task"), (confluence, "document")):
        with pytest.raises((Nonsense, RecordError)):
            module.record_from_raw(RawRecord(Ref.of("x", kind, "1"), payload, "1", NOW, NOW), SETTINGS)
    with pytest.raises(Nonsense):
        Reply(200, {}, payload).read()


def test_a_page_without_an_id_is_nonsense() -> None:
    with pytest.raises(Nonsense):
        confluence.raw_from_item("c", "S", b'{"id":""}', NOW)


def test_a_raw_line_without_end_is_nonsense() -> None:
    with pytest.raises(Nonsense):
        raw_from_line(DEEP.decode())


@pytest.mark.parametrize(
    "odd", [{"ancestors": {"a": 1}}, {"properties": {"results": 1.5}}, {"createdAt": "0001-01-01T00:00:00+14:00"}]
)
def test_a_page_with_an_odd_part_is_read(odd: dict[str, object]) -> None:
    payload = msgspec.json.encode({"id": "1", "title": "t", **odd})
    record = confluence.record_from_raw(RawRecord(Ref.of("x", "document", "1"), payload, "1", NOW, NOW), SETTINGS)
    assert record.title == "t"


@pytest.mark.parametrize(
    ("text", "line"),
    [('a: 1\nb: "\\ud800"', 2), ('a: "\\0"', 1), ("a: 1\n#" + "#" * MAX_LINE, 2), ('a: "\\UFFFFFFFF"', 0)],
)
def test_yaml_may_not_smuggle_by_escapes_nor_keep_the_parser_busy(text: str, line: int) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text.encode(), "x.yaml")
    assert [problem.line for problem in caught.value.problems] == [line]


@pytest.mark.parametrize(
    "text", ["|".join(["[@,@]"] * 20), "|".join(["{a:@,b:@}"] * 20), "map(&[@,@],[@,@])|" * 5 + "[@,@]"]
)
def test_a_jmespath_cannot_double_without_end(text: str) -> None:
    with pytest.raises(BadPath, match="repeat"):
        expression(text)


def test_a_jmespath_refuses_at_run_time_what_only_the_record_shows() -> None:
    with pytest.raises(ValueError, match="more than"):
        expression("join(a, b)")({"a": "x" * 2000, "b": ["y"] * 2000})
    with pytest.raises(ValueError, match=r"deep|depth"):
        expression("!" * 480 + "a")({"a": 1})


def test_a_pattern_that_python_warns_of_is_refused() -> None:
    with pytest.raises(BadPattern, match="nested set"):
        compiled("[[:alpha:]](?P<key>a)")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x" * (MAX_BYTES + 1), "too large"),
        (b"---\nk: " + b"x" * 30_000 + b"\n---\n", "front matter is too large"),
        (b'---\ntitle: "\\UFFFFFFFF"\n---\n', "cannot be read"),
        (b"---\ntitle: 0x" + b"f" * 5000 + b"\n---\n", "title: expected one text"),
        (b'---\ntitle: "\\ud800"\n---\n', "half a character"),
        (b'---\nlabels: ["a\\0"]\n---\n', "control character"),
    ],
)
def test_a_hostile_sop_is_a_problem(content: bytes, words: str) -> None:
    folder = read_folder([SourceFile("a.md", content)])
    assert [words in problem.text for problem in folder.problems] == [True]


def test_a_long_chain_of_parents_is_placed_and_a_circle_is_named() -> None:
    files = [SourceFile(f"{n}.md", f"---\nparent: {n - 1}.md\ntitle: t{n}\n---\n".encode()) for n in range(1, 2000)]
    folder = read_folder([SourceFile("0.md", b"# t0"), *files])
    assert [sop.path for sop in folder.sops] == [f"{n}.md" for n in range(2000)]
    circle = [SourceFile(f"{a}.md", f"---\nparent: {b}.md\n---\n".encode()) for a, b in ("xy", "yx", "zx")]
    assert {problem.text for problem in read_folder(circle).problems} == {"its parents form a circle"}


@pytest.mark.parametrize("text", ["[" * 60_000, "[a]: /" + "x" * 100_000 + "\n\n" + "[a]" * 1000])
def test_markdown_made_to_keep_us_busy_is_shown_as_typed(text: str) -> None:
    assert rich_text_from_markdown(text) == (CodeBlock(text),)


def test_markdown_is_one_line_where_it_must_be_and_says_only_whole_characters() -> None:
    content = (Text("a\rb"), Text(" \ud800"), LineBreak(), Text(" "))
    assert markdown_from_rich_text((Paragraph(content),)) == "a b \ufffd\n"
    assert markdown_from_rich_text((Paragraph((Anchor("\x00", "https://x.example/?&#38;"),)),)).startswith("[https://x")


@pytest.mark.parametrize("url", ["\\\\host\\x", "/\\host", "//host", "\\x"])
def test_a_backslash_is_a_slash_to_a_browser(url: str) -> None:
    assert not is_relative_url(url)


def test_code_in_a_table_keeps_its_bars_and_backslashes() -> None:
    table = Table(((Text("a\\|b|", is_code=True),),), ())
    assert rich_text_from_markdown(markdown_from_rich_text((table,))) == (table,)
