"""The campaign of restricted records, in its short form; and what it must notice."""

from __future__ import annotations

import base64
import random

import pytest

from campaigns import restricted
from campaigns.restricted_search import found_in, new_core

NEEDED = (
    "worlds", "runs", "commands looked at", "scripted stories", "masks seen at vendors", "masks seen in outputs", "places searched",
    "writes searched", "messages searched", "canaries searched for", "people closed", "people restricted",
)  # fmt: skip


def test_what_is_restricted_is_named_nowhere() -> None:
    report = restricted.run(seed=20261125, scale=0.0, workers=1)
    assert report.divergences == []
    assert {what for what in NEEDED if not report.counts[what]} == set()


def test_a_broken_product_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By one break; the others are tried by ``python -m campaigns sabotage``."""
    monkeypatch.setattr(restricted, "SHORT_WORLDS", 3)
    with restricted.SABOTAGES["quote_restricted_title"]():
        assert restricted.run(seed=20261125, scale=0.0, workers=1).divergences


@pytest.mark.parametrize(
    "form",
    [
        "{}", "x{}x", "%{:02x}", "&#{};", "&#x{:x};", "\\u{:04x}", "hex", "base64", "base64 of x", "base64 of xx", "capitals",
    ],
)  # fmt: skip
def test_a_canary_is_found_in_every_spelling(form: str) -> None:
    core = new_core(random.Random(7))
    text = {
        "hex": core.encode().hex(),
        "base64": base64.b64encode(core.encode()).decode(),
        "base64 of x": base64.b64encode(f"x{core}".encode()).decode(),
        "base64 of xx": base64.b64encode(f"xx{core}yyy".encode()).decode(),
        "capitals": core.upper(),
    }.get(form, form.format(core) if form in ("{}", "x{}x") else "".join(form.format(ord(letter)) for letter in core))
    assert list(found_in(f"before {text} after", {"it": core})) == [("it", core)]
    assert list(found_in(f"before {text} after", {"it": new_core(random.Random(8))})) == []
