from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.core.errors import ConfigError
from sync.mapping.yaml import MAX_BYTES, Node, load


def problem(text: bytes) -> tuple[int, str, str]:
    with pytest.raises(ConfigError) as caught:
        load(text, "f.yaml")
    found = caught.value.problems[0]
    return found.line, found.path, found.text


def test_scalars_stay_what_was_written() -> None:
    node = load("On: No\n012: 2026-12-31\nx: ~\ny: ''\nz: 1.50\n是: yes\n".encode(), "f")
    assert node.texts() == {"On": "No", "012": "2026-12-31", "x": None, "y": "", "z": "1.50", "是": "yes"}


def test_values_follow_the_core_schema() -> None:
    node = load(b"[1, 0x10, 1.5, true, 'true', null, on, 2026-12-31, -3, 1e3]", "f")
    assert node.values() == [1, 16, 1.5, True, "true", None, "on", "2026-12-31", -3, 1000.0]


def test_lines_by_dotted_path_and_by_steps() -> None:
    node = load(b"a:\n  b.c:\n    - x\n    -\n      d: 1\n", "f")
    assert [node.line(path) for path in ("", "a", "a.b.c", "a.b.c.0", "a.b.c.1.d", "a.b.c.9")] == [1, 1, 2, 3, 5, 2]
    assert node.line(("a", "b.c", 1, "d")) == 5


def test_all_duplicate_keys_are_named_with_both_lines() -> None:
    with pytest.raises(ConfigError) as caught:
        load(b"a:\n  x: 1\n  y: 1\n  x: 2\nb: 1\na: 2\n", "f")
    assert [(item.line, item.path, item.text) for item in caught.value.problems] == [
        (4, "a.x", "written twice (first on line 2)"),
        (6, "a", "written twice (first on line 1)"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"a: 1\nb:\n\t- c\n", 3, "a tab cannot indent YAML"),
        (b"a: 1\nb: \x00\n", 2, "contains the character U+0000"),
        (b"a: 1\nb: \x1b[0m\n", 2, "contains the character U+001B"),
        ("a: 1\nb: 中\n".encode("gbk"), 2, "not UTF-8 text"),
        (b"a: 1\n--- \nb: 1\n", 2, "a second document begins (---)"),
        (
            b"a: !!python/object/apply:os.system [ls]\n",
            1,
            "the tag tag:yaml.org,2002:python/object/apply:os.system is not allowed",
        ),
        (b"a: !x y\n", 1, "the tag !x is not allowed"),
        (b"a: *b\n", 1, "the alias *b is not defined above"),
        (b"a: &a [*a]\n", 1, "the alias *a refers to itself"),
        (b"a: &x {b: 1}\nc:\n  <<: *x\n", 3, "merge keys (<<) are not YAML 1.2"),
        (b"? [a, b]\n: c\n", 1, "a key must be plain text"),
        (b"a: b: c\n", 1, "not YAML: ': ' stands where no key can be"),
        (
            b"a: 1\nb: [1,\n",
            3,
            "not YAML: expected the node content, but found '<stream end>' while parsing a flow node",
        ),
        (b"[" * 5000, 1, "nested deeper than 50 levels"),
        (b"\n".join(b" " * n + b"- " for n in range(80)), 51, "nested deeper than 50 levels"),
        (b"a" * (MAX_BYTES + 1), 0, "too large: 4,000,001 bytes, at most 4,000,000"),
    ],
)
def test_what_is_no_good_yaml_is_named_with_its_line(text: bytes, line: int, words: str) -> None:
    found = problem(text)
    assert (found[0], found[2]) == (line, words)


def test_a_billion_laughs_stop_early() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    start = time.process_time()
    assert "more than 200,000 entries" in problem("\n".join(lines).encode())[2]
    assert time.process_time() - start < 1


def test_an_alias_stands_for_its_anchor() -> None:
    assert load(b"a: &x {b: [1]}\nc: *x\n", "f").texts() == {"a": {"b": ["1"]}, "c": {"b": ["1"]}}


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert load(b"", "f") == load(b"# only a comment\n", "f") == Node(1, {})


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(st.sampled_from("ab:-[]{}&*!|>%@`'\"#,?~ \n\t<=.0中"), max_size=40).map(str.encode),
    )
)
def test_no_text_makes_a_traceback(text: bytes) -> None:
    try:
        node = load(text, "f.yaml")
    except ConfigError:
        return
    node.texts()
    node.values()
