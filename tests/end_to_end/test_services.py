"""The commands that stay: `sandbox` and `serve`, as processes of their own that begin, answer and end."""

from __future__ import annotations

import json
import random
import re
import signal
import socket
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.company import Company, process, spawn, tieline


def wait_for(url: str, running: subprocess.Popen[str]) -> httpx.Response:
    """The first good answer of a process that has just been started."""
    ends_at = time.monotonic() + 20
    while running.poll() is None and time.monotonic() < ends_at:
        try:
            return httpx.get(url, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
    raise AssertionError(running.communicate(timeout=5) if running.poll() is not None else "no answer")


def free_port(count: int = 1) -> int:
    """The first of so many ports in a row that are free now; another worker of these tests looks elsewhere."""
    for port in random.sample(range(20000, 32000, 10), 100):
        try:
            for number in range(port, port + count):
                with socket.create_server(("127.0.0.1", number)):
                    pass
        except OSError:
            continue
        return port
    raise AssertionError("no free port")


def test_sandbox_serves_the_sites_and_what_is_loaded_into_them(tmp_path: Path) -> None:
    issue = {
        "id": "90001", "key": "ARC-1", "self": "http://jira/rest/api/2/issue/90001",
        "fields": {"summary": "An archived issue", "project": {"id": "900", "key": "ARC", "name": "Archive"},
                   "status": {"id": "3", "name": "In Progress"}, "issuetype": {"id": "1", "name": "Task"},
                   "created": "2020-01-01T00:00:00.000+0000", "updated": "2020-01-01T00:00:00.000+0000"},
    }  # fmt: skip
    file = tmp_path / "issues.jsonl"
    file.write_text(json.dumps(issue) + "\n", encoding="utf-8")
    port = free_port(5)
    running = spawn("sandbox", "--port", str(port), "--load", f"jira-dc={file}")
    try:
        assert "支付接口开发" in wait_for(f"http://127.0.0.1:{port}/browse/PAY-1", running).text
        assert "An archived issue" in wait_for(f"http://127.0.0.1:{port + 1}/browse/ARC-1", running).text
        assert process("sandbox", "--port", str(port)).expect(2).problem
    finally:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=10)
    assert running.returncode == 0
    assert "export TRELLO_TOKEN=" in out
    assert "Traceback" not in out + err


@pytest.mark.parametrize("load", ["jira-cloud", "nothing=here.jsonl", "jira-dc=/no/such/file.jsonl"])
def test_sandbox_names_what_it_cannot_load(load: str) -> None:
    assert load in tieline("sandbox", "--port", str(free_port(5)), "--load", load).expect(2).problem


def test_serve_runs_cycles_answers_and_ends_when_asked(company: Company) -> None:
    company.configure(serve={"port": free_port()}, limits={"max_first_run_changes": 100})
    company.say("health").expect(3)
    running = spawn("serve", "--config", company.config)
    try:
        port = re.search(r"port: (\d+)", company.text("tieline.yaml"))
        assert port
        wait_for(f"http://127.0.0.1:{port[1]}/health", running)
        ends_at = time.monotonic() + 30
        state: dict[str, Any] = {}
        while state.get("last_cycle_at") is None and time.monotonic() < ends_at:
            said = company.say("health").expect(0)
            state = said.json()
            time.sleep(0.1)
        assert (state["is_healthy"], state["last_exit_code"]) == (True, 0)
        assert datetime.fromisoformat(state["last_cycle_at"])
        assert "tieline_requests_total" in httpx.get(f"http://127.0.0.1:{port[1]}/metrics", trust_env=False).text
    finally:
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=20)
    assert running.returncode == 0, err
    assert "Traceback" not in out + err
    company.say("health").expect(3)
    with company.silence():
        company.run(0)


def test_a_second_service_on_the_same_port_says_so(company: Company) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        company.configure(serve={"port": taken.getsockname()[1]}, limits={"max_changes": 0})
        said = company.process("serve").expect(2)
    assert "port" in said.problem
