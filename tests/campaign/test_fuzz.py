"""The fuzz campaign's short form finds nothing, and finds something as soon as one thing is broken."""

from __future__ import annotations

import pytest

from campaigns import fuzz
from campaigns.fuzz_adf import has_schema
from campaigns.fuzz_bounds import MEGABYTE, MOST_MB, bounded

FORMATS = (
    "confluence storage",
    "jira adf",
    "jira wiki",
    "trello markdown",
    "markdown",
    "svg picture",
    "html pages",
    "tables and json",
    "log lines",
)
TRIED = ("adf_empty_text", "log_lines_live", "raw_svg_text", "trello_mentions_live")
"""Of the breaks one of each kind of format; the others are tried by ``python -m campaigns sabotage``."""


def test_the_short_form_finds_nothing() -> None:
    report = fuzz.run(seed=1, scale=0, workers=1)
    assert report.divergences == []
    assert all(report.counts[f"strings through {name}"] >= fuzz.SHORT for name in FORMATS)
    assert report.counts["documents"] > 100
    assert report.counts["hostile inputs refused clearly"] > 20
    assert report.counts["mutated answers"] > 1000
    assert has_schema() == ("ADF schema" not in report.figures)


@pytest.mark.parametrize("name", TRIED)
def test_a_broken_product_is_found_out(name: str) -> None:
    with fuzz.SABOTAGES[name]():
        assert fuzz.outgoing("1:0").divergences or fuzz.outgoing("1:1").divergences


def test_a_hostile_input_ends_at_its_limits() -> None:
    assert "MemoryError" in bounded(lambda: bytearray((MOST_MB + 100) * MEGABYTE)).broken
    assert bounded(lambda: 1 / 0).broken.startswith("ZeroDivisionError")
    assert bounded(lambda: None).broken == ""
