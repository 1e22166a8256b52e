"""Pull N issues from a simulated Jira Cloud at a given latency: Tieline beside ``jira`` and ``atlassian-python-api``, in one run.

Run: ``.venv/bin/python -m benchmarks.collect [issues] [latency_s] [rounds]`` (default 20000 0.15 1). Each contender is a process of
its own; the simulator is another one. Printed: seconds, requests, peak memory, and how many issues arrived. Tieline also stores
and maps them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from sandbox.jira import ACCOUNT_EMAIL, API_TOKEN, JiraSimulator
from sandbox.server import Sandbox

FIELDS = "summary,status,updated,created,duedate,assignee,project,issuelinks,labels,priority,issuetype,description"
MAPPING = """
version: 1
scope: [PAY]
status: {待办: todo, 进行中: in_progress, 已完成: done}
task:
  title: summary
  vendor_status: status.name
  owner: assignee
  due: duedate
  labels: labels
  priority: priority.name
dependencies:
  - {link: Blocks, outward: predecessor}
"""
CONFIG = """
database: sqlite:///t.sqlite
connections:
  jira-main:
    {{type: jira, variant: cloud, base_url: {url}, email: env:JIRA_EMAIL, token: env:JIRA_TOKEN,
      requests_per_second: 1000, in_flight: 16, history: false}}
"""
JIRA = """
import sys
from jira import JIRA
client = JIRA(server=sys.argv[1], options={{"rest_api_version": "3"}}, basic_auth=({email!r}, {token!r}), timeout=60)
issues = client.search_issues("project = PAY ORDER BY id", maxResults=0, fields={fields!r})
print(len(issues))
"""
ATLASSIAN = """
import sys
from atlassian.jira import JiraCloud
client = JiraCloud(sys.argv[1], username={email!r}, password={token!r}, api_version=3)
issues, token = [], None
while True:
    page = client.enhanced_jql("project = PAY ORDER BY id", fields={fields!r}, nextPageToken=token, limit=100)
    issues += page["issues"]
    token = page.get("nextPageToken")
    if not token:
        break
print(len(issues))
"""


def serve(count: int, latency_s: float) -> None:
    """A simulated site with that many issues, until it is killed; prints its address."""
    now = [datetime(2026, 1, 5, tzinfo=UTC)]
    simulator = JiraSimulator("jira-cloud", "cloud", clock=lambda: now[0])
    simulator.add_user("zhang-wei", "张伟", "zhang.wei@example.com")
    simulator.add_project("PAY", "支付平台")
    for number in range(count):
        now[0] += timedelta(seconds=30)
        issue = simulator.create_issue(
            "PAY",
            f"支付接口开发 {number}",
            assignee="zhang-wei",
            duedate="2026-12-01",
            description="x" * 1500,
            labels=["支付"],
        )
        if number % 3 == 2:
            simulator.link("Blocks", f"PAY-{number}", issue.key)
    simulator.faults.latency_s = latency_s
    with Sandbox([simulator]) as sandbox:
        print(sandbox.url("jira-cloud"), flush=True)
        while True:
            time.sleep(60)


def measure(command: list[str], folder: Path, url: str) -> tuple[float, int, int, str]:
    """Seconds, requests, peak megabytes and standard output of a command."""
    before = httpx.get(f"{url}/_sandbox/count").json()["requests"]
    output = folder / "out.txt"
    started = time.perf_counter()
    with output.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=subprocess.DEVNULL, env=environment(folder))
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{command[:3]} failed with {status}")
    requests = httpx.get(f"{url}/_sandbox/count").json()["requests"] - before
    return seconds, requests, usage.ru_maxrss // 1024, output.read_text()


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "JIRA_EMAIL": ACCOUNT_EMAIL,
        "JIRA_TOKEN": API_TOKEN,
        "TIELINE_CONFIG": str(folder / "tieline.yaml"),
    }


def main(count: int, latency_s: float, rounds: int) -> None:
    command = [sys.executable, "-m", "benchmarks.collect", "serve", str(count), str(latency_s)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = (server.stdout.readline() if server.stdout else "").strip()
        print(f"{count} issues, {latency_s * 1000:.0f} ms, {rounds} round(s)")
        print(f"{'who':<34}{'seconds':>9}{'requests':>10}{'peak MB':>9}{'issues':>9}")
        for _ in range(rounds):
            one_round(url)
    finally:
        server.kill()


def one_round(url: str) -> None:
    values = {"email": ACCOUNT_EMAIL, "token": API_TOKEN, "fields": FIELDS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mappings").mkdir()
        (folder / "mappings" / "jira-main.yaml").write_text(MAPPING)
        (folder / "tieline.yaml").write_text(CONFIG.format(url=url))
        for who, script in (("jira", JIRA), ("atlassian-python-api", ATLASSIAN)):
            row(who, *measure([sys.executable, "-c", script.format(**values), url], folder, url))
        tieline = [sys.executable, "-m", "sync.cli.main", "collect", "--json"]
        for who in ("tieline collect (stored, mapped)", "tieline collect again (idle)"):
            seconds, requests, peak, output = measure(tieline, folder, url)
            certificate = json.loads(output)["connections"]["jira-main"]["certificate"]
            row(who, seconds, requests, peak, str(certificate["stored"]))


def row(who: str, seconds: float, requests: int, peak: int, issues: str) -> None:
    print(f"{who:<34}{seconds:>9.1f}{requests:>10}{peak:>9}{issues.strip():>9}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]), float(sys.argv[3]))
    else:
        given = sys.argv[1:]
        main(
            int(given[0]) if given else 20_000,
            float(given[1]) if len(given) > 1 else 0.15,
            int(given[2]) if len(given) > 2 else 1,
        )
