"""``calls_per_run``: a run that has used its calls keeps what it read, and the next ones finish the rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.jira import ACCOUNT_EMAIL, API_TOKEN, PERSONAL_ACCESS_TOKEN, JiraSimulator
from sandbox.server import Sandbox
from sync import gate
from tests.end_to_end.company import tieline

CONFIG = """
database: sqlite:///t.sqlite
connections:
  jira-main: {{type: jira, variant: {variant}, base_url: "{url}", {credentials}, requests_per_second: 2000, history: false,
    page_size: 100, calls_per_run: {calls}}}
"""
MAPPING = """
version: 1
scope: [PAY]
status: {待办: todo, 进行中: in_progress, 已完成: done}
task: {title: summary, vendor_status: status.name}
"""
ISSUES = 1500


@pytest.fixture(params=["cloud", "dc"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, str]]:
    now = [datetime(2026, 1, 5, tzinfo=UTC)]
    simulator = JiraSimulator("jira", request.param, clock=lambda: now[0])
    simulator.add_user("zhang-wei", "张伟", "zhang.wei@example.com")
    simulator.add_project("PAY", "支付平台")
    for number in range(ISSUES):
        now[0] += timedelta(minutes=2)
        simulator.create_issue("PAY", f"支付接口开发 {number}", assignee="zhang-wei")
    with Sandbox([simulator]) as running:
        yield running, request.param


def prepare(folder: Path, sandbox: Sandbox, variant: str, calls: int, patch: pytest.MonkeyPatch) -> None:
    (folder / "mappings").mkdir(exist_ok=True)
    (folder / "mappings" / "jira-main.yaml").write_text(MAPPING, encoding="utf-8")
    cloud = "email: env:T_EMAIL, token: env:T_TOKEN"
    text = CONFIG.format(
        variant=variant,
        url=sandbox.url("jira"),
        calls=calls,
        credentials=cloud if variant == "cloud" else "token: env:T_TOKEN",
    )
    (folder / "tieline.yaml").write_text(text, encoding="utf-8")
    patch.setenv("T_EMAIL", ACCOUNT_EMAIL)
    patch.setenv("T_TOKEN", API_TOKEN if variant == "cloud" else PERSONAL_ACCESS_TOKEN)
    patch.setenv("TIELINE_CONFIG", str(folder / "tieline.yaml"))


def test_a_load_larger_than_a_runs_calls_ends_after_some_runs(
    sandbox: tuple[Sandbox, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, variant = sandbox
    prepare(tmp_path, running, variant, 0, monkeypatch)
    whole = tieline("collect", "--json").expect(0).json()["connections"]["jira-main"]
    for file in tmp_path.glob("t.sqlite*"):
        file.unlink()
    calls = {"cloud": 9, "dc": 26}[variant]
    assert calls < whole["requests"]
    prepare(tmp_path, running, variant, calls, monkeypatch)
    stored, ends = [0], []
    for _ in range(12):
        running.forget_requests()
        gate._gates.clear()  # a process of its own
        said = tieline("collect", "--json")
        report = said.json()["connections"]["jira-main"]
        assert len(running.requests("jira")) <= calls
        stored.append(stored_now(tmp_path))
        ends.append(said.code)
        if said.code == 0:
            break
        assert "calls of this run" in report["error"]
        assert not report["certificate"]["is_complete"], "a run that did not end proves nothing"
    assert ends[-1] == 0, f"{whole['requests']} calls, {calls} a run: {stored} {ends}"
    assert len(ends) >= 2
    assert stored == sorted(stored), "what was read is kept"
    assert stored[1] > 0
    assert report["certificate"]["is_complete"]
    assert report["certificate"]["stored"] == ISSUES


def test_a_budget_too_small_for_any_progress_says_so(
    sandbox: tuple[Sandbox, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, variant = sandbox
    prepare(tmp_path, running, variant, 2, monkeypatch)
    said = tieline("collect", "--json").expect(3)
    assert "raise calls_per_run of jira-main" in said.json()["connections"]["jira-main"]["error"]
    assert len(running.requests("jira")) == 2


def stored_now(folder: Path) -> int:
    from sync.store.store import Store

    with Store.open(f"sqlite:///{folder / 't.sqlite'}") as store:
        return len(store.ids_read_since("jira-main", "task", "PAY", datetime(2000, 1, 1, tzinfo=UTC)))
