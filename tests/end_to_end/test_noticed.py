"""What else is noticed: an end that is gone, a ledger from a backup, a second Tieline, a text that two programs fight over."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.end_to_end.company import Company, founded
from tests.end_to_end.traces import things


@pytest.fixture
def company(tmp_path: Path) -> Any:
    with founded(tmp_path / "company") as made:
        made.run(0, "--accept-first-run")
        yield made


def kinds(company: Company) -> Counter[str]:
    return Counter(item["kind"] for item in company.say("findings", "--json").json())


def test_a_successor_that_waits_for_a_deleted_task_is_told(company: Company) -> None:
    company.world.jira_cloud.delete("PAY-1")
    company.run(0)
    assert kinds(company)["gone_predecessor"] >= 1
    said = company.say("findings").out
    assert "前置任务不在了" in said.replace("\n", "")


def test_a_ledger_from_yesterdays_backup_writes_nothing_twice(company: Company) -> None:
    before, database = things(company), company.folder / "tieline.sqlite"
    backup = company.folder / "backup.sqlite"
    shutil.copy(database, backup)
    company.world.jira_cloud.edit_issue("PAY-1", duedate="2027-03-01")
    company.run(0)
    after = things(company)
    for stale in company.folder.glob("tieline.sqlite*"):
        stale.unlink()
    shutil.copy(backup, database)
    with company.silence():
        company.run(0)
    assert kinds(company)["unremembered"] == 1
    assert things(company) == after
    assert before.total() == after.total()


def test_a_ledger_that_was_lost_finds_everything_again(company: Company) -> None:
    before = things(company)
    for stale in company.folder.glob("tieline.sqlite*"):
        stale.unlink()
    with company.silence():
        company.run(0, "--accept-first-run")
    assert things(company) == before


def test_a_second_tieline_on_the_same_tasks_says_nothing_twice(company: Company, tmp_path: Path) -> None:
    before = company.writes()
    other = Company(company.world, tmp_path / "other")
    shutil.copytree(company.folder, other.folder, ignore=shutil.ignore_patterns("*.sqlite*"))
    config = YAML().load(other.config.read_text(encoding="utf-8"))
    config["installation"] = "globex"
    with other.config.open("w", encoding="utf-8") as file:
        YAML().dump(config, file)
    other.say("run", "--accept-first-run")
    written = [entry for entry in company.writes()[len(before) :] if "comment" in entry.path]
    assert written == []
    assert kinds(other)["second_installation"] >= 2
