"""A third-party judge: the published MCP server for Jira and Confluence works against the Data Center simulators, unpatched.

It takes a site for Cloud only when its host is under atlassian.net, so the Cloud simulators cannot be tried with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from sandbox.confluence import Confluence, access
from sandbox.confluence.seed import seed as seed_confluence
from sandbox.jira import PERSONAL_ACCESS_TOKEN, JiraSimulator
from sandbox.jira import seed as seed_jira
from sandbox.server import Sandbox
from sandbox.story import story
from tests.sandbox.judges import judge_environment, run_judge

SCRIPT = Path(__file__).with_name("mcp_atlassian_script.py")


@pytest.fixture(scope="module")
def judge() -> Path:
    return judge_environment("mcp-atlassian==0.23.1")


@pytest.fixture
def box() -> Iterator[Sandbox]:
    told = story(date(2026, 11, 23))
    jira = JiraSimulator("jira-dc", "dc")
    confluence = Confluence("confluence-dc", variant="dc", context="/confluence")
    with Sandbox([jira, confluence]) as sandbox:
        seed_jira(jira, told, sandbox.urls())
        seed_confluence(confluence, told, sandbox.urls())
        yield sandbox


@pytest.mark.parametrize("tool", ["jira", "confluence"])
def test_it_reads_and_writes(
    judge: Path, box: Sandbox, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIRA_URL", box.url("jira-dc"))
    monkeypatch.setenv("JIRA_PERSONAL_TOKEN", PERSONAL_ACCESS_TOKEN)
    monkeypatch.setenv("CONFLUENCE_URL", box.url("confluence-dc") + "/confluence")
    monkeypatch.setenv("CONFLUENCE_PERSONAL_TOKEN", access.PAT)
    assert f"{tool} done" in run_judge(judge, str(SCRIPT), tool, cwd=tmp_path)
    writes = [entry for entry in box.requests(f"{tool}-dc") if entry.method != "GET"]
    assert len(writes) >= 5
