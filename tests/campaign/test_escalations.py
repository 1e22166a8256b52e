"""The campaign of escalations, in its short form; and what it must notice."""

from __future__ import annotations

import pytest

from campaigns import escalations
from campaigns.escalations_world import PLACES

NEEDED = (
    "answers in the very second", "cases across a change of daylight saving", "clock: around_the_clock", "clock: working_time",
    "runs after a time without any", "steps told", "steps told in a later episode", "steps told that others were missed before",
    *(f"place: {place.name}" for place in PLACES),
)  # fmt: skip


def test_whom_the_clock_asks_and_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(escalations, "SHORT", 400)
    report = escalations.run(seed=20261125, scale=0.0, workers=1)
    assert report.divergences == []
    assert {what for what in NEEDED if not report.counts[what]} == set()


@pytest.mark.parametrize("name", sorted(escalations.SABOTAGES))
def test_a_broken_clock_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(escalations, "ENOUGH", 1)
    with escalations.SABOTAGES[name]():
        assert escalations.run(seed=20261125, scale=0.0, workers=1).divergences
