"""The campaign of human edits, in its short form; and what it must notice."""

from __future__ import annotations

import pytest

from campaigns import edits

NEEDED = (
    "human edits", "cycles over an unchanged world", "cycles of a second installation", "pages updated by us", "comments updated by us",
    "page: edits between our look and our write", "comment: edits between our look and our write", "page: take the title first",
    "page: copy", "page: move", "page: rename", "page: trash", "page: write inside", "page: comment inline",
)  # fmt: skip


def test_no_word_of_theirs_is_lost_and_no_page_of_theirs_taken_over() -> None:
    report = edits.run(seed=20261125, scale=0.0, workers=1)
    assert report.divergences == []
    assert {what for what in NEEDED if not report.counts[what]} == set()
    assert report.figures["comment windows measured"] > 0


@pytest.mark.parametrize("name", ["ignore_versions"])
def test_a_broken_product_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "SHORT", 120)
    with edits.SABOTAGES[name]():
        assert edits.run(seed=20261125, scale=0.0, workers=1).divergences
