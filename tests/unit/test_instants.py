"""Instants as vendors write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.instants import instant_from_ms, instant_from_s, instant_from_text

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NO_INSTANTS: tuple[object, ...] = (None, "", 0, "0", True, "²", "1e3", "12:00", [], {}, 10**30, "9" * 5000, "soon")


@pytest.mark.parametrize("text", ["2026-11-23T12:00:00Z", "2026-11-23T20:00:00.000+08:00", "2026-11-23T12:00:00"])
def test_text_is_told_in_utc(text: str) -> None:
    assert instant_from_text(text) == NOON


def test_numbers_and_texts_of_numbers_mean_the_same() -> None:
    seconds = int(NOON.timestamp())
    assert instant_from_s(seconds) == instant_from_s(str(seconds)) == NOON
    assert instant_from_ms(seconds * 1000) == instant_from_ms(f"{seconds}000") == NOON


@pytest.mark.parametrize("value", NO_INSTANTS)
def test_what_is_no_instant_is_none(value: object) -> None:
    assert (instant_from_text(value), instant_from_ms(value), instant_from_s(value)) == (None, None, None)


@given(st.integers() | st.text() | st.floats() | st.none() | st.booleans() | st.lists(st.integers()))
def test_nothing_is_an_error(value: object) -> None:
    for read in (instant_from_text, instant_from_ms, instant_from_s):
        found = read(value)
        assert found is None or found.tzinfo is UTC
