"""`POST /hooks/<connection>` over real HTTP: who is let in, what is kept, what is answered, and how much may come."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from sync.core.errors import StoreUnavailable
from sync.store.store import Store
from sync.web import api as web
from tests.end_to_end.company import Company
from tests.hooks.desk import SIGNED, Desk, delivery, listening, served

EXAMPLES = Path(__file__).parents[2] / "mappings" / "examples"
SECRET = "秘密 of the address/+"
ISSUE = {"webhookEvent": "jira:issue_updated", "issue": {"id": "10001", "fields": {"project": {"key": "PAY"}}}}
EVENTS: dict[str, Any] = {
    "jira-main": ISSUE,
    "jira-finance": {**ISSUE, "issue": {"id": "10001"}},
    "trello-main": {"action": {"id": "51f9424bcd6e040f3c002412", "data": {"card": {"id": "51f9424bcd6e040f3c00c001"}}}},
    "confluence-ops": {"event": "page_updated", "page": {"id": 98305}},
}


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with listening(tmp_path / "company") as made:
        yield made


@pytest.fixture
def desk(company: Company) -> Iterator[Desk]:
    with served(company) as made:
        yield made


def post(desk: Desk, name: str, body: bytes, headers: dict[str, str]) -> int:
    answer = httpx.post(f"{desk.url}/hooks/{name}", content=body, headers=headers, trust_env=False)
    assert answer.content == b"", "a stranger learns nothing from the answer"
    return answer.status_code


def metric(desk: Desk, connection: str, outcome: str) -> float:
    wanted = f'tieline_hooks_total{{connection="{connection}",outcome="{outcome}"}} '
    lines = httpx.get(f"{desk.url}/metrics", trust_env=False).text.splitlines()
    return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))


@pytest.mark.parametrize("name", SIGNED)
def test_a_signed_delivery_is_kept_once_and_wakes_the_service(desk: Desk, name: str) -> None:
    body, headers = delivery(name, EVENTS[name], desk.url)
    assert post(desk, name, body, headers) == 200
    assert post(desk, name, body, headers) == 200
    assert len(desk.app.store.waiting_hints(name)) == 1
    assert desk.woken == 1


@pytest.mark.parametrize("name", SIGNED)
def test_a_wrong_signature_is_refused_and_counted(desk: Desk, name: str) -> None:
    before = metric(desk, name, "refused")
    body, headers = delivery(name, EVENTS[name], desk.url, "somebody else's secret")
    assert post(desk, name, body, headers) == 401
    assert post(desk, name, body, {}) == 401
    assert metric(desk, name, "refused") == before + 2
    assert desk.hooks.refused(name) == 2
    assert (desk.app.store.waiting_hints(name), desk.woken) == ([], 0)
    assert post(desk, name, *delivery(name, EVENTS[name], desk.url)) == 200
    assert desk.hooks.refused(name) == 0


def test_a_vendor_that_signs_nothing_shows_the_secret_in_the_address(
    company: Company, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("YUQUE_TOKEN", "yuque-token-of-nobody")
    monkeypatch.setenv("YUQUE_HOOK", SECRET)
    shutil.copy(EXAMPLES / "yuque.yaml", company.folder / "mappings" / "yuque-main.yaml")
    connection = {
        "type": "yuque",
        "base_url": "http://127.0.0.1:1",
        "token": "env:YUQUE_TOKEN",
        "webhook_secret": "env:YUQUE_HOOK",
    }
    company.configure(**{"connections__yuque-main": connection})
    event = {"data": {"id": 41, "book": {"namespace": "team/handbook"}, "webhook_subject_type": "update"}}
    with served(company) as desk:
        for query, status in ((f"?token={quote(SECRET)}", 200), ("?token=falsch", 401), ("", 401)):
            answer = httpx.post(f"{desk.url}/hooks/yuque-main{query}", json=event, trust_env=False)
            assert answer.status_code == status, query
        assert [hint.id for hint in desk.app.store.waiting_hints("yuque-main")] == ["41"]
    said = capfd.readouterr()
    assert quote(SECRET) not in said.out + said.err


@pytest.mark.parametrize("name", ["nobody", "confluence-main", "tieline", "..%2f", "a\\b", "%00"])
def test_deliveries_for_nobody_are_not_found(desk: Desk, name: str) -> None:
    """Confluence Cloud sends none to us; nothing a stranger names becomes a label of a metric."""
    before = metric(desk, "", "unknown")
    assert httpx.post(f"{desk.url}/hooks/{name}", content=b"{}", trust_env=False).status_code == 404
    assert metric(desk, "", "unknown") == before + ("%2f" not in name)


def test_events_that_name_nothing_are_accepted(desk: Desk) -> None:
    payloads: list[object] = [{"webhookEvent": "jira:version_released"}, {"test": True}, [], "text", None]
    for payload in payloads:
        assert post(desk, "jira-main", *delivery("jira-main", payload, desk.url)) == 200
    assert (desk.app.store.waiting_hints("jira-main"), desk.woken) == ([], 0)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_trellos_question_before_it_registers_is_answered(desk: Desk, method: str) -> None:
    def ask(name: str) -> int:
        return httpx.request(method, f"{desk.url}/hooks/{name}", trust_env=False).status_code

    assert (ask("trello-main"), ask("nobody")) == (200, 404)


def test_the_configured_address_is_the_one_that_is_signed(company: Company) -> None:
    company.configure(serve={"public_url": "https://tieline.example.org/sub/"})
    with served(company) as desk:
        signed = delivery("trello-main", EVENTS["trello-main"], "https://tieline.example.org/sub")
        assert post(desk, "trello-main", *signed) == 200
        asked = delivery("trello-main", EVENTS["trello-main"], desk.url)
        assert post(desk, "trello-main", *asked) == 401


def test_a_connection_without_a_secret_takes_nothing(company: Company) -> None:
    text = company.text("tieline.yaml").replace("    webhook_secret: env:JIRA_HOOK\n", "")
    company.config.write_text(text, encoding="utf-8")
    with served(company) as desk:
        body, headers = delivery("jira-main", ISSUE, desk.url)
        assert post(desk, "jira-main", body, headers) == 401


def test_a_secret_that_cannot_be_read_refuses_and_ends_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JIRA_HOOK")
    with served(company) as desk:
        assert post(desk, "jira-main", *delivery("jira-main", ISSUE, desk.url)) == 401
        assert desk.app.connections.site("jira-main").name == "jira-main", "collecting does not need it"


def test_too_much_is_not_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MOST_BODY", 1000)
    assert post(desk, "jira-main", b"x" * 1001, {}) == 413

    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 100

    answer = httpx.post(f"{desk.url}/hooks/jira-main", content=endless(), trust_env=False)
    assert answer.status_code == 413
    assert metric(desk, "jira-main", "too_large") >= 2


def test_a_body_that_never_comes_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "BODY_WITHIN_S", 0.2)
    host, port = desk.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as line:
        line.sendall(b"POST /hooks/jira-main HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        assert line.recv(100).startswith(b"HTTP/1.1 408")


def test_a_store_that_cannot_be_used_asks_the_vendor_to_come_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save_hints", full)
        assert post(desk, "jira-main", *delivery("jira-main", ISSUE, desk.url)) == 503
    assert post(desk, "jira-main", *delivery("jira-main", ISSUE, desk.url)) == 200
    assert len(desk.app.store.waiting_hints("jira-main")) == 1


def test_many_at_once_are_answered_at_once_and_no_vendor_is_asked(desk: Desk, company: Company) -> None:
    company.world.forget_requests()
    items = [{**ISSUE, "timestamp": int(time.time() * 1000) + number} for number in range(120)]
    signed = [delivery("jira-main", item, desk.url) for item in items]
    with ThreadPoolExecutor(8) as pool, httpx.Client(base_url=desk.url, trust_env=False) as client:
        started = time.monotonic()
        sent = pool.map(lambda item: client.post("/hooks/jira-main", content=item[0], headers=item[1]), signed)
        assert {answer.status_code for answer in sent} == {200}
        assert time.monotonic() - started < 10
    assert len(desk.app.store.waiting_hints("jira-main")) == 120
    assert company.world.requests("jira-cloud") == []


def test_more_at_once_than_we_hold_are_told_to_come_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    host, port = desk.url.removeprefix("http://").split(":")
    lines = [socket.create_connection((host, int(port)), timeout=5) for _ in range(web.MOST_AT_ONCE)]
    try:
        for line in lines:
            line.sendall(b"POST /hooks/jira-main HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        time.sleep(0.3)
        assert post(desk, "jira-main", *delivery("jira-main", ISSUE, desk.url)) == 503
    finally:
        for line in lines:
            line.close()
    time.sleep(0.3)
    assert post(desk, "jira-main", *delivery("jira-main", ISSUE, desk.url)) == 200
