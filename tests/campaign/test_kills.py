"""The campaign of kills, in its short form; and what it must notice."""

from __future__ import annotations

import pytest

from campaigns import kills

NEEDED = (
    "kills inside", "kills by SIGKILL", "killed: write carried out, not answered", "killed: write not sent", "killed: after add_intent",
    "killed: transaction, not committed", "fault on a write: lost answer", "rival runs", "worlds", "runs that ended",
)  # fmt: skip


def test_what_is_written_is_written_once_whenever_the_run_dies() -> None:
    report = kills.run(seed=20261125, scale=0.0, workers=1)
    assert report.divergences == []
    assert {what for what in NEEDED if not report.counts[what]} == set()


@pytest.mark.parametrize("name", ["retry_post_blindly"])
def test_a_broken_product_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills, "SHORT_COMPANY", 0)
    monkeypatch.setattr(kills, "SHORT_INSIDE", 30)
    with kills.SABOTAGES[name]():
        assert kills.run(seed=20261125, scale=0.0, workers=1).divergences
