"""What we registered at the vendors is retracted with what we wrote, and comes back only after `resume`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sync.web.registrations import watch_webhooks
from tests.end_to_end.company import Company
from tests.hooks.desk import Desk, listening, served

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with listening(tmp_path / "company") as made:
        made.world.jira_dc.webhooks.is_admin = made.world.confluence_dc.webhooks.is_admin = True
        yield made


@pytest.fixture
def desk(company: Company) -> Iterator[Desk]:
    with served(company) as made:
        company.configure(serve__public_url=made.url)
        yield made


def standing(company: Company) -> list[str]:
    """The callback addresses of all that is registered anywhere."""
    world = company.world
    found = [item["url"] for each in (world.jira_dc, world.confluence_dc) for item in each.webhooks.items.values()]
    return sorted(found + [item["callbackURL"] for item in world.trello.state.webhooks.values()])


def watch(company: Company) -> None:
    from sync.app import build

    app = build(company.config)
    try:
        assert watch_webhooks(app, lambda _: 0, NOW) == []
    finally:
        app.close()


def test_webhooks_go_with_the_rest_and_stay_away_until_resume(company: Company, desk: Desk) -> None:
    company.world.jira_dc.webhooks.add("http://other.example.org/hooks/x", "x", ("jira:issue_updated",))
    others = standing(company)
    watch(company)
    everything = standing(company)
    assert len(everything) > len(others) + 2
    company.say("retract", "--job", "delays", "--yes").expect(0)
    assert standing(company) == everything
    company.say("retract", "--connection", "trello-main", "--yes").expect(0)
    left = standing(company)
    assert 0 < len(left) < len(everything)
    watch(company)
    assert standing(company) == left
    company.say("retract", "--yes").expect(0)
    assert standing(company) == others
    watch(company)
    assert standing(company) == others
    company.say("resume").expect(0)
    watch(company)
    assert standing(company) == everything
