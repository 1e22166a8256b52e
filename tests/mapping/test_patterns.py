from __future__ import annotations

import time

import pytest

from sync.mapping.paths import BadPath, expression, steps_from_path
from sync.mapping.patterns import BadPattern, compiled, keys_in


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?P<key>(a+)+)$", r"(?P<key>(a|a)*)b", r"(?P<key>.*a.*b.*c)d", r"(?P<key>a)\1", r"(?P<key>(?:a{0,19}){0,19})c",
        r"(?P<key>a*a*a*a*)b", r"(?P<key>a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaaaaaaaaaa)", r"(?P<key>(.*)x(.*)x(.*))x",
        "x" * 301, "(?P<key>a", "PAY-1",
    ],
)  # fmt: skip
def test_patterns_that_cannot_be_used_are_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern",
    [r"(?:依赖|depends on)[:：]?\s*(?P<key>[A-Z][A-Z0-9]+-\d+)", r"依赖.*?(?P<key>[A-Z]+-\d+)", r"a.*b.*(?P<key>c)d"],
)
def test_what_is_let_in_is_quick_on_the_worst_text(pattern: str) -> None:
    start = time.process_time()
    for text in ("A" * 20_000, "依赖" * 10_000, "ab" * 10_000, "依赖 " * 6_000, " " * 20_000):
        list(keys_in(pattern, text))
    assert time.process_time() - start < 4


def test_keys_are_found_once_and_across_pieces() -> None:
    text = "依赖: PAY-1\n" + "x" * 195 + "依赖: PAY-2 依赖: pay-1"
    assert list(keys_in(r"依赖: (?P<key>[A-Z]+-\d+)", text)) == ["PAY-1", "PAY-2", "pay-1"]


@pytest.mark.parametrize("path", ["", "a..b", "[0]", "a[x]", "a.", '"a', "a[0]b", "a" * 501])
def test_broken_paths(path: str) -> None:
    with pytest.raises(BadPath):
        steps_from_path(path)


def test_a_jmespath_that_refuses_its_input_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="lower"):
        expression("lower(f)")({"f": [1]})
