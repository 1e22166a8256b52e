"""Asana's webhooks: the handshake while one is made, deliveries as hints, and who may not deliver. Over real HTTP on both sides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from connectors.asana.hooks import hints_from, target_of, token_of
from sandbox.asana.seed import PROJECT
from sandbox.asana.webhooks import signature
from sync.app import build
from sync.core.errors import AccessDenied
from sync.core.hooks import HookRequest
from sync.core.ports import ConnectionSettings
from sync.web.registrations import watch_webhooks
from tests.end_to_end.company import Company
from tests.hooks.desk import Desk, eventually, listening, served

SECRET = "asana's hook 5f4e3d2c"
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """A company that collects Asana too."""
    monkeypatch.setenv("ASANA_HOOK", SECRET)
    with listening(tmp_path / "company") as made:
        example = Path(__file__).parents[2] / "mappings/examples/asana.yaml"
        (made.config.parent / "mappings/asana-main.yaml").write_text(
            example.read_text(encoding="utf-8"), encoding="utf-8"
        )
        config = YAML(typ="safe").load(made.config)
        config["connections"]["asana-main"] = {
            "type": "asana", "base_url": made.world.url("asana"), "token": "env:ASANA_TOKEN", "webhook_secret": "env:ASANA_HOOK",
        }  # fmt: skip
        with made.config.open("w", encoding="utf-8") as file:
            YAML().dump(config, file)
        yield made


@pytest.fixture
def desk(company: Company) -> Iterator[Desk]:
    with served(company) as made:
        company.configure(serve__public_url=made.url)
        made.app.close()
        made.app = build(company.config)
        yield made


def problems(desk: Desk) -> dict[str, str]:
    found = watch_webhooks(desk.app, desk.hooks.refused, NOW)
    return {str(item.parameters["connection"]): str(item.parameters["detail"]) for item in found}


def test_a_webhook_is_made_with_a_handshake_and_what_it_delivers_is_a_hint(company: Company, desk: Desk) -> None:
    asana = company.world.asana
    assert "asana-main" not in problems(desk)
    [item] = asana.webhooks.items.values()
    assert item.target == target_of(f"{desk.url}/hooks/asana-main", SECRET)
    assert SECRET not in item.target
    assert "asana-main" not in problems(desk)
    assert len(asana.webhooks.items) == 1, "one that stands is not doubled"
    project = next(one for one in asana.state.projects.values() if one.name == PROJECT)
    task = next(task for task in asana.state.tasks.values() if project.gid in task.places)
    asana.edit_task(task.gid, name="改了名")
    eventually(lambda: desk.app.store.waiting_hints("asana-main"))
    [hint] = desk.app.store.waiting_hints("asana-main")
    assert (hint.stream, hint.id, hint.event) == ("tasks", task.gid, "changed")
    asana.webhooks.heartbeat()
    eventually(lambda: asana.webhooks.courier.statuses == [200, 200])
    assert len(desk.app.store.waiting_hints("asana-main")) == 1


def test_a_webhook_that_asana_switched_off_is_made_anew_and_told(company: Company, desk: Desk) -> None:
    asana = company.world.asana
    problems(desk)
    [item] = asana.webhooks.items.values()
    item.is_active, item.last_failure = False, "connection refused"
    assert "connection refused" in problems(desk)["asana-main"]
    [again] = asana.webhooks.items.values()
    assert (again.gid != item.gid, again.is_active) == (True, True)
    assert "asana-main" not in problems(desk)


@pytest.mark.parametrize("query", ["", "?token=", f"?token={SECRET}", "?token=0123456789abcdef0123456789abcdef"])
def test_a_stranger_is_refused_and_told_nothing(desk: Desk, query: str) -> None:
    url = f"{desk.url}/hooks/asana-main{query}"
    answer = httpx.post(url, content=b"{}", headers={"X-Hook-Secret": "a" * 64}, trust_env=False)
    assert (answer.status_code, "x-hook-secret" in answer.headers) == (401, False)


def test_the_handshake_repeats_the_secret(desk: Desk) -> None:
    url = target_of(f"{desk.url}/hooks/asana-main", SECRET)
    answer = httpx.post(url, content=b"", headers={"X-Hook-Secret": "a" * 64}, trust_env=False)
    assert (answer.status_code, answer.headers["X-Hook-Secret"]) == (200, "a" * 64)
    assert desk.app.store.waiting_hints("asana-main") == []


def _hints(payload: Any) -> list[str]:
    settings = ConnectionSettings("asana-main", "asana", "", "cloud", credentials={"webhook_secret": SECRET})
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    request = HookRequest({}, body, "", query={"token": token_of(SECRET)})
    return [hint.id for hint in hints_from(request, settings)]


def test_which_task_an_event_is_about() -> None:
    story = {"gid": "888", "resource_type": "story"}
    task = {"gid": "1202", "resource_type": "task"}
    added = {"action": "added", "resource": story, "parent": task, "created_at": "2026-11-23T09:07:01.000Z"}
    assert _hints({"events": [added, added]}) == ["1202"]
    assert _hints({"events": [{"action": "changed", "resource": task, "parent": None}]}) == ["1202"]
    assert _hints({"events": [{"action": "added", "resource": "x", "parent": task}]}) == ["1202"]
    subtask = {"action": "added", "resource": {"gid": "1203", "resource_type": "task"}, "parent": task}
    assert _hints({"events": [subtask]}) == ["1203"]
    for odd in (
        b"",
        b"{",
        b"[]",
        {"events": None},
        {"events": [1, {}, {"resource": {"resource_type": "task"}}, {"resource": "x"}]},
    ):
        assert _hints(odd) == []
    with pytest.raises(AccessDenied):
        hints_from(HookRequest({}, b"", "", query={"token": token_of("")}), ConnectionSettings("a", "asana", ""))


def test_the_published_vector_of_asanas_signature() -> None:
    secret = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81"
    expected = "10468027b67df18c739cc4794c6fc2d2806dcaaf2259fc3e1ed9d26433659853"
    assert signature(secret, b'{"events":[]}') == expected
