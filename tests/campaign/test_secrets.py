"""The campaign of secrets, in its short form; what it must notice; and the leaks it found."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from campaigns import secrets as campaign
from sync.cli.log import set_up_logging
from sync.config import load_config, read_secret
from sync.core.errors import ConfigError, Nonsense, TryLater
from sync.core.secrets import keep_secret, redact, redact_pieces
from sync.core.values import RawRecord, Ref
from sync.remote import Remote

SECRET = "Zq%7+/k=\"W'9vLmXoP3tRb"


def test_no_secret_leaves() -> None:
    report = campaign.run(seed=20261125, scale=0.0, workers=1)
    assert report.divergences == []
    assert report.counts["companies"] == campaign.SHORT
    for needed in ("errors looked at", "requests looked at", "command: run", "network: reset"):
        assert report.counts[needed], needed
    assert len([kind for kind in report.counts if kind.startswith("hostile: ")]) >= 6


@pytest.mark.parametrize("name", sorted(campaign.SABOTAGES))
def test_a_broken_product_is_noticed(name: str) -> None:
    with campaign.SABOTAGES[name]():
        assert campaign.part(20261125, 0, 6).divergences


def test_every_form_of_a_secret_is_masked() -> None:
    keep_secret(SECRET)
    for how, form in campaign.Canary("it", SECRET).traces():
        assert form not in redact_pieces(f"said {form} again"), how


def test_a_secret_of_three_characters_is_masked_as_a_word_only() -> None:
    keep_secret("Q7x")
    assert redact("token=Q7x, but not Q7xyz or 1Q7x") == "token=***, but not Q7xyz or 1Q7x"


@pytest.mark.parametrize("cut", [13, 17, 21])
def test_a_secret_that_was_cut_is_masked(cut: int) -> None:
    keep_secret(SECRET)
    assert SECRET[:13] not in str(TryLater(f"answered 500: {SECRET[:cut]}"))
    assert SECRET[-13:] not in str(TryLater(f"{SECRET[-cut:]} is what the body ends with"))
    assert SECRET[:13] not in repr(Nonsense(expected="JSON", sample="x" * (200 - cut) + SECRET))


def test_a_secret_deep_in_a_log_line_is_masked() -> None:
    keep_secret(SECRET)
    with redirect_stderr(io.StringIO()) as said:
        set_up_logging(is_quiet=False)
        structlog.get_logger().warning("sent", headers={"authorization": [f"Bearer {SECRET}"]})
    line = json.loads(said.getvalue())
    assert line["headers"] == {"authorization": ["Bearer ***"]}


def test_a_header_that_cannot_be_sent_is_refused_without_quoting_it() -> None:
    with pytest.raises(ConfigError, match="cannot be sent") as caught:
        Remote("jira-main", "http://localhost", {"authorization": "Bearer first-half\nsecond-half"}, lambda *_: None)
    assert "half" not in repr(caught.value)


def test_a_secret_file_of_another_encoding_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"half-a-secret\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        read_secret("file:token", tmp_path)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "address", ["http://me:a/b@host", "http://me:a#b@host", "http://host:x", "http://[x", "http://h?token=x"]
)
def test_a_password_in_an_address_is_refused_whatever_stands_in_it(tmp_path: Path, address: str) -> None:
    config = tmp_path / "tieline.yaml"
    connection = f'{{type: jira, variant: dc, base_url: "{address}", token: "env:T"}}'
    config.write_text(f"connections:\n  jira-main: {connection}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="not an address") as caught:
        load_config(config)
    assert address not in str(caught.value)


def test_a_record_that_repeats_a_secret_is_kept_without_it() -> None:
    keep_secret(SECRET)
    at = datetime(2026, 11, 25, tzinfo=UTC)
    payload = json.dumps({"summary": f"支付 {SECRET}"}).encode()
    raw = RawRecord(Ref("jira-main:task:1"), payload, "1", at, at)
    assert json.loads(raw.payload) == {"summary": "支付 ***"}
