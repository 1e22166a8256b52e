"""What `check` and `doctor` say of webhooks, and what tieline.yaml may not hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sync.core.hooks import Hint
from sync.store.store import Store
from tests.end_to_end.company import Company
from tests.hooks.desk import listening


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with listening(tmp_path / "company") as made:
        yield made


def test_check_names_what_is_missing(company: Company) -> None:
    said = company.say("check").expect(0).out
    assert "trello-main: no webhook is registered, as serve.public_url is not set" in said
    assert "jira-main: an admin registers the webhook by hand: <address of this service>/hooks/jira-main" in said
    company.configure(serve={"public_url": "https://tieline.example.org"})
    text = company.text("tieline.yaml").replace("    webhook_secret: env:TRELLO_HOOK\n", "")
    company.config.write_text(text, encoding="utf-8")
    said = company.say("check").expect(0).out
    assert "trello-main: no webhooks, as it has no webhook_secret" in said
    assert "by hand: https://tieline.example.org/hooks/jira-main" in said
    assert "confluence-main" not in "".join(line for line in said.splitlines() if "webhook" in line)


def test_check_names_a_secret_that_cannot_be_read_and_a_run_does_without(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRELLO_HOOK")
    problem = company.say("check").expect(2).problem
    assert "connections.trello-main.webhook_secret" in problem
    assert "TRELLO_HOOK" in problem
    company.first_run()


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("connections__trello-main__webhook_secret", "plain text", "a secret may not stand in this file"),
        ("connections__confluence-main__webhook_secret", "env:X", "sends no webhooks"),
        ("serve__public_url", "ftp://tieline.example.org", "not an address"),
        ("serve__public_url", "https://me:secret@tieline.example.org", "not an address"),
        ("serve__public_url", "https://tieline.example.org/?a=b", "not an address"),
        ("serve__public_url", "tieline.example.org", "not an address"),
    ],
)
def test_what_may_not_stand_in_the_file(company: Company, setting: str, value: str, words: str) -> None:
    company.configure(**{setting: value})
    problem = company.say("check").expect(2).problem
    assert words in problem
    assert "plain text" not in problem
    assert "me:secret" not in problem


def test_doctor_tells_whether_they_reach_us(company: Company) -> None:
    company.configure(serve={"public_url": "https://tieline.example.org"})
    company.say("collect").expect(0)
    found = company.say("doctor", "--json").expect(0).json()
    probes = {name: [item for item in items if item["operation"] == "webhooks"] for name, items in found.items()}
    assert probes["confluence-main"] == []
    assert {name: items[0]["is_ok"] for name, items in probes.items() if items} == {
        "jira-main": None,
        "jira-finance": None,
        "trello-main": None,
        "confluence-ops": None,
    }
    assert "administrator" in probes["jira-finance"][0]["detail"]
    assert "/hooks/jira-main" in probes["jira-main"][0]["cure"]
    with Store.open(f"sqlite:///{company.folder}/tieline.sqlite") as store:
        store.save_hints("jira-main", [Hint("d", "issues", "PAY", "10001")], datetime.now(UTC))
    found = company.say("doctor", "--json").expect(0).json()
    (probe,) = [item for item in found["jira-main"] if item["operation"] == "webhooks"]
    assert (probe["is_ok"], probe["cure"]) == (True, "")
