"""Pull N issues from a simulated Jira Cloud that allows 20 requests in any second and answers 429 with Retry-After above it.

Run: ``.venv/bin/python -m benchmarks.limited [issues] [rounds]`` (default 10000 1). Each contender is a process of its own; the
simulator is another one. Printed: seconds, requests, how many of them were turned away, and how many issues arrived. "paced"
is told the vendor's limit (``requests_per_second: 20``); "unpaced" believes in 1,000 a second and learns from answers alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import httpx

from benchmarks.collect import ATLASSIAN, CONFIG, FIELDS, JIRA, MAPPING, measure
from sandbox.http import Request, Response
from sandbox.jira import ACCOUNT_EMAIL, API_TOKEN, JiraSimulator
from sandbox.server import Sandbox

MOST, WINDOW_S = 20, 1.0


class LimitedSimulator(JiraSimulator):
    """Turns away what exceeds 20 requests in the last second; what is turned away is not counted."""

    _recent: ClassVar[deque[float]] = deque()
    _lock = threading.Lock()

    def handle(self, request: Request) -> Response:
        with self._lock:
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - WINDOW_S:
                self._recent.popleft()
            if len(self._recent) >= MOST:
                return self.rate_limited(request, 1)
            self._recent.append(now)
        return super().handle(request)


def serve(count: int) -> None:
    now = [datetime(2026, 1, 5, tzinfo=UTC)]
    simulator = LimitedSimulator("jira-cloud", "cloud", clock=lambda: now[0])
    simulator.add_user("zhang-wei", "张伟", "zhang.wei@example.com")
    simulator.add_project("PAY", "支付平台")
    for number in range(count):
        now[0] += timedelta(seconds=30)
        simulator.create_issue("PAY", f"支付接口开发 {number}", assignee="zhang-wei", description="x" * 1500)
    with Sandbox([simulator]) as sandbox:
        print(sandbox.url("jira-cloud"), flush=True)
        while True:
            time.sleep(60)


def turned_away(url: str) -> int:
    return sum(1 for item in httpx.get(f"{url}/_sandbox/requests", timeout=60).json() if item["status"] == 429)


def row(who: str, command: list[str], folder: Path, url: str) -> None:
    time.sleep(2 * WINDOW_S)  # everybody begins with a whole window
    before = turned_away(url)
    seconds, requests, _, output = measure(command, folder, url)
    issues = output.strip()
    if issues.startswith("{"):
        issues = json.loads(output)["connections"]["jira-main"]["certificate"]["stored"]
    print(f"{who:<34}{seconds:>9.1f}{requests:>10}{turned_away(url) - before:>13}{issues!s:>9}", flush=True)


def one_round(url: str) -> None:
    values = {"email": ACCOUNT_EMAIL, "token": API_TOKEN, "fields": FIELDS}
    tieline = [sys.executable, "-m", "sync.cli.main", "collect", "--json"]
    for who, rate in (("tieline collect, paced", 20), ("tieline collect, unpaced", 1000)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "mappings").mkdir()
            (folder / "mappings" / "jira-main.yaml").write_text(MAPPING)
            text = CONFIG.format(url=url).replace("requests_per_second: 1000", f"requests_per_second: {rate}")
            (folder / "tieline.yaml").write_text(text)
            row(who, tieline, folder, url)
    with tempfile.TemporaryDirectory() as name:
        for who, script in (("jira", JIRA), ("atlassian-python-api", ATLASSIAN)):
            try:
                row(who, [sys.executable, "-c", script.format(**values), url], Path(name), url)
            except SystemExit as error:
                print(f"{who:<34}{'failed':>9}  {error}")


def main(count: int, rounds: int) -> None:
    command = [sys.executable, "-m", "benchmarks.limited", "serve", str(count)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = (server.stdout.readline() if server.stdout else "").strip()
        print(f"{count} issues, {MOST} requests in {WINDOW_S:.0f} s, {rounds} round(s)")
        print(f"{'who':<34}{'seconds':>9}{'requests':>10}{'turned away':>13}{'issues':>9}")
        for _ in range(rounds):
            one_round(url)
    finally:
        server.kill()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    else:
        given = sys.argv[1:]
        main(int(given[0]) if given else 10_000, int(given[1]) if len(given) > 1 else 1)
