"""Registrations at the vendors: made, watched, switched on again, removed; never anybody else's. Over real HTTP against the simulators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import Fault
from sandbox.jira.gate import PERSONAL_ACCESS_TOKEN
from sandbox.trello import TOKEN
from sync.app import build
from sync.core.errors import NotFound
from sync.core.hooks import Hint, Webhook, Webhooks
from sync.store.hints import Registration
from sync.store.store import Store
from sync.web.registrations import watch_webhooks
from sync.webhooks import Wanted, watch
from tests.end_to_end.company import Company
from tests.hooks.desk import Desk, delivery, listening, served

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
REGISTERED = ("jira-finance", "trello-main", "confluence-ops")


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with listening(tmp_path / "company") as made:
        made.world.jira_dc.webhooks.is_admin = made.world.confluence_dc.webhooks.is_admin = True
        yield made


@pytest.fixture
def desk(company: Company) -> Iterator[Desk]:
    with served(company) as made:
        yield made


def public(company: Company, desk: Desk, url: str | None = None, **changes: Any) -> None:
    """Say where we are reached, and read the configuration again."""
    company.configure(serve__public_url=desk.url if url is None else url, **changes)
    fresh = build(company.config)
    last, desk.app = desk.app, fresh
    last.close()


def problems(desk: Desk, at: datetime = NOW) -> dict[str, str]:
    """What is wrong, by connection."""
    found = watch_webhooks(desk.app, desk.hooks.refused, at)
    return {str(item.parameters["connection"]): str(item.parameters["detail"]) for item in found}


def standing(company: Company) -> dict[str, list[str]]:
    """The callback addresses of all that is registered anywhere."""
    world = company.world
    return {
        "jira-finance": [item["url"] for item in world.jira_dc.webhooks.items.values()],
        "trello-main": [item["callbackURL"] for item in world.trello.state.webhooks.values()],
        "confluence-ops": [item["url"] for item in world.confluence_dc.webhooks.items.values()],
    }


def ours(desk: Desk) -> dict[str, list[str]]:
    """What should stand, by what was collected: Trello has one for each board."""
    boards = len(desk.app.mappings.connections["trello-main"].scope)
    return {name: [f"{desk.url}/hooks/{name}"] * (boards if name == "trello-main" else 1) for name in REGISTERED}


def test_without_a_public_address_nothing_is_registered_and_nothing_is_wrong(company: Company, desk: Desk) -> None:
    company.world.forget_requests()
    assert problems(desk) == {}
    assert all(hooks == [] for hooks in standing(company).values())
    assert company.writes() == []


def test_with_one_everything_is_registered_once_and_then_left_alone(company: Company, desk: Desk) -> None:
    public(company, desk)
    assert problems(desk) == {}
    assert standing(company) == ours(desk)
    assert len(desk.app.store.registrations()) == sum(map(len, ours(desk).values()))
    with company.silence():
        assert problems(desk) == {}
    paths = " ".join(request.path for name in ("trello", "jira-dc") for request in company.world.requests(name))
    assert TOKEN not in paths, "a token in an address is noted by proxies"
    assert PERSONAL_ACCESS_TOKEN not in paths


def test_what_is_missing_or_switched_off_is_mended(company: Company, desk: Desk) -> None:
    public(company, desk)
    problems(desk)
    world = company.world
    next(iter(world.trello.state.webhooks.values())).update(active=False, consecutiveFailures=40)
    world.jira_dc.webhooks.items.clear()
    next(iter(world.confluence_dc.webhooks.items.values()))["active"] = False
    found = problems(desk)
    assert set(found) == {"trello-main", "confluence-ops"}
    assert "40 failed" in found["trello-main"]
    assert problems(desk) == {}
    assert standing(company) == ours(desk)
    assert all(item["active"] for item in world.trello.state.webhooks.values())


def test_without_a_public_address_again_ours_are_removed_and_only_ours(company: Company, desk: Desk) -> None:
    world = company.world
    world.jira_dc.webhooks.add("http://other.example.org/hooks/jira-finance", "x", ("jira:issue_updated",))
    world.confluence_dc.webhooks.add("http://other.example.org/hooks/confluence-ops", "x")
    others = standing(company)
    public(company, desk)
    problems(desk)
    public(company, desk, "")
    assert problems(desk) == {}
    assert standing(company) == others
    assert desk.app.store.registrations() == []


def test_a_new_address_takes_the_place_of_the_old_one(company: Company, desk: Desk) -> None:
    public(company, desk, desk.url.replace("127.0.0.1", "localhost"))
    problems(desk)
    public(company, desk)
    problems(desk)
    assert standing(company) == ours(desk)


def test_a_second_installation_on_a_copied_database_leaves_the_firsts_alone(company: Company, desk: Desk) -> None:
    public(company, desk)
    problems(desk)
    first = standing(company)
    public(company, desk, desk.url.replace("127.0.0.1", "localhost"), installation="second")
    problems(desk)
    assert {name: hooks[: len(first[name])] for name, hooks in standing(company).items()} == first
    public(company, desk, "", installation="second")
    problems(desk)
    assert standing(company) == first


def test_a_database_that_forgot_takes_up_what_stands(company: Company, desk: Desk) -> None:
    public(company, desk)
    problems(desk)
    for item in desk.app.store.registrations():
        desk.app.store.forget_registration(item.connection, item.id)
    assert problems(desk) == {}
    assert standing(company) == ours(desk)
    assert {item.connection for item in desk.app.store.registrations()} == set(REGISTERED)


def test_an_answer_that_was_lost_does_not_double_a_registration(company: Company, desk: Desk) -> None:
    public(company, desk)
    for simulator in company.world.simulators.values():
        simulator.faults.plan(Fault("lost_answer", r"POST .*webhook"))
    assert set(problems(desk)) == set(REGISTERED)
    assert problems(desk) == {}
    assert standing(company) == ours(desk)


def test_an_account_that_may_not_register_is_a_finding_until_a_delivery_arrives(company: Company, desk: Desk) -> None:
    company.world.jira_dc.webhooks.is_admin = company.world.confluence_dc.webhooks.is_admin = False
    public(company, desk)
    assert set(problems(desk)) == {"jira-finance", "confluence-ops"}
    (first, *_) = [item for item in desk.app.store.findings("open") if item.job == "webhooks"]
    assert (first.finding.kind, first.finding.severity) == ("webhook_inactive", "warning")
    told = desk.app.store.findings("open")
    assert "secret" not in " ".join(str(item.finding.parameters) for item in told).replace("webhook_secret", "")
    for name in ("jira-finance", "confluence-ops"):
        desk.app.store.save_hints(name, [Hint("d", "issues", "", "1")], NOW)
    assert problems(desk, NOW + timedelta(hours=1)) == {}
    assert [item for item in desk.app.store.findings("open") if item.job == "webhooks"] == []
    assert set(problems(desk, NOW + timedelta(days=8))) == {"jira-finance", "confluence-ops"}


def test_deliveries_with_another_secret_are_a_finding_until_a_good_one_comes(company: Company, desk: Desk) -> None:
    public(company, desk)
    desk.hooks.receive("jira-main", {"x-hub-signature": "sha256=00"}, b"{}", "")
    assert set(problems(desk)) == {"jira-main"}
    assert "1 deliveries without the right signature" in problems(desk)["jira-main"]
    body, headers = delivery("jira-main", {"test": True}, desk.url)
    assert (
        desk.hooks.receive("jira-main", {name.lower(): value for name, value in headers.items()}, body, "") == "ignored"
    )
    assert problems(desk) == {}


def test_a_vendor_that_is_down_is_a_finding_and_no_more(company: Company, desk: Desk) -> None:
    public(company, desk)
    company.world.trello.faults.plan(Fault("unauthorized", ".*", times=50))
    assert set(problems(desk)) == {"trello-main"}
    company.world.trello.faults.clear()
    assert problems(desk) == {}


def test_a_callback_that_does_not_answer_is_a_finding(company: Company, desk: Desk) -> None:
    public(company, desk, "http://127.0.0.1:9")
    assert set(problems(desk)) == {"trello-main"}, "Trello asks the address before it registers; the others do not"
    assert "200" in problems(desk)["trello-main"]


def test_a_scope_that_is_collected_no_more_is_watched_no_more(company: Company, desk: Desk) -> None:
    public(company, desk)
    problems(desk)
    scopes = desk.app.mappings.connections["jira-finance"].scope
    company.world.jira_dc.add_project("MORE", "More")
    mapping = company.folder / "mappings" / "jira-finance.yaml"
    old = next(line for line in mapping.read_text(encoding="utf-8").splitlines() if line.startswith("scope:"))
    company.rewrite("mappings/jira-finance.yaml", old, f"scope: [{', '.join(scopes)}, MORE]")
    public(company, desk)
    assert problems(desk) == {}
    (item,) = company.world.jira_dc.webhooks.items.values()
    assert "MORE" in item["filters"]["issue-related-events-section"]


# -- expiry, which none of these vendors has, against a fake with real rules


class Expiring:
    """A vendor whose registrations live for ten days and can be renewed while they stand."""

    def __init__(self) -> None:
        self.items: dict[str, Webhook] = {}
        self.now = NOW
        self.made = 0

    def groups(self, scopes: Sequence[str]) -> Sequence[tuple[str, ...]]:
        return [(scope,) for scope in scopes]

    def registered(self, known: Sequence[str]) -> list[Webhook]:
        return list(self._alive().values())

    def register(self, callback_url: str, scopes: tuple[str, ...], secret: str) -> Webhook:
        self.made += 1
        hook = Webhook(str(self.made), callback_url, scopes, expires_at=self.now + timedelta(days=10))
        self.items[hook.id] = hook
        return hook

    def renew(self, webhook: Webhook, secret: str) -> Webhook:
        if webhook.id not in self._alive():
            raise NotFound
        until = self.now + timedelta(days=10)
        self.items[webhook.id] = Webhook(webhook.id, webhook.callback_url, webhook.scopes, expires_at=until)
        return self.items[webhook.id]

    def remove(self, webhook: Webhook) -> None:
        self.items.pop(webhook.id, None)

    def _alive(self) -> dict[str, Webhook]:
        return {key: hook for key, hook in self.items.items() if hook.expires_at and hook.expires_at > self.now}


def test_what_expires_is_renewed_before_it_does_and_made_again_after(store: Store) -> None:
    vendor = Expiring()
    assert isinstance(vendor, Webhooks)
    wanted = Wanted("here", "tieline", "https://tieline/hooks/here", ("A", "B"), "secret")
    for _ in range(30):
        assert watch(vendor, store, wanted, vendor.now) == []
        assert len(vendor._alive()) == 2
        vendor.now += timedelta(days=1)
    assert vendor.made == 2
    vendor.now += timedelta(days=40)
    assert watch(vendor, store, wanted, vendor.now) == []
    assert (vendor.made, len(vendor._alive()), len(store.registrations())) == (4, 2, 2)


def test_a_registration_that_calls_elsewhere_by_now_is_not_ours(store: Store) -> None:
    vendor = Expiring()
    theirs = vendor.register("https://elsewhere/hooks/here", ("A",), "")
    store.put_registration(Registration("here", theirs.id, "https://tieline/hooks/here", ("A",), "tieline"))
    watch(vendor, store, Wanted("here", "tieline", ""), NOW)
    assert list(vendor.items) == [theirs.id]
    assert store.registrations() == []
