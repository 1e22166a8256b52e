"""The short form of the campaign of changes, and that it can fail."""

from __future__ import annotations

from campaigns import changes

SEED = 11
TRIED = (
    "changes", "quiet points", "bursts within a minute", "changes between two requests", "changes that came late into the index",
    "green certificates of scopes", "certificates of scopes that are not green", "rows of the store compared",
    "payloads decoded and compared fact by fact", "runs: dirty", "runs: quiet", "fault: run cut off in the middle", "fault: rate_limited",
    "fault: reset", "fault: lost_answer", "fault: truncated", "fault: server_error", "fault: short_page", "fault: empty_page",
    "fault: repeated_page", "change: delete", "change: move with a new key", "change: move to another board",
    "change: move to another space", "change: right revoked", "change: right returned", "change: whole place hidden",
    "change: whole place back", "change: archive", "change: restore", "change: create",
)  # fmt: skip


def test_nothing_is_lost_and_no_certificate_is_falsely_green() -> None:
    report = changes.run(seed=SEED, scale=0.0, workers=1)
    assert report.divergences == []
    assert [what for what in TRIED if not report.counts[what]] == []
    assert report.counts["changes"] >= changes.SHORT.changes


def test_a_broken_product_is_found_out() -> None:
    """By one break; the others are tried by ``python -m campaigns sabotage``."""
    with changes.SABOTAGES["zone_literal"]():
        report = changes.run(seed=SEED, scale=0.0, workers=1)
    assert report.divergences
