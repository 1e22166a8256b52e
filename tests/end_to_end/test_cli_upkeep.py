"""Commands for who keeps a company's Tieline: explain, dates, remap, undo, doctor, raw export and import."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.core.values import Finding, Ref
from sync.store.store import Store
from tests.end_to_end.company import Company, Said
from tests.end_to_end.shapes import CONNECTIONS, PROBE, STEP, check_outcome, has

# -- explain and remap


def test_explain_by_ref_key_and_url(known: Company) -> None:
    [task] = [item for item in known.say("tasks", "--json").json() if item["key"] == "PAY-1"]
    shape = known.say("explain", task["ref"], "--json").expect(0).json()
    has(shape, {"ref", "raw", "steps", "dependencies", "findings", "published"})
    has(shape["raw"], {"version", "updated_at", "fetched_at", "scope"})
    for step in shape["steps"]:
        has(step, STEP)
    for item in shape["published"]:
        has(item, {"key", "kind", "url", "run", "at"})
    assert known.say("explain", "PAY-1", "--json").expect(0).json() == shape
    assert known.say("explain", task["url"], "--json").expect(0).json() == shape
    [due] = known.say("explain", "PAY-1", "due", "--json").expect(0).json()["steps"]
    line = known.text("mappings/jira-main.yaml").splitlines()[due["line"] - 1]
    assert (due["file"], line.strip(), due["value"]) == ("mappings/jira-main.yaml", "due: duedate", task["due"])
    assert f"mappings/jira-main.yaml line {due['line']}" in known.say("explain", "PAY-1", "due").expect(0).out
    assert "PAY-99" in known.say("explain", "PAY-99").expect(2).problem
    assert "due" in known.say("explain", "PAY-1", "deu").expect(2).problem


def test_dates_tell_the_chain_and_what_another_date_would_move(known: Company) -> None:
    tasks = {item["title"]: item for item in known.say("tasks", "--json").json()}
    flow, api = tasks["支付流程测试"], tasks["支付接口开发"]
    shape = known.say("dates", flow["ref"], "--json").expect(0).json()
    has(shape, {"forecast", "slack", "impact", "chain", "drag", "moves"})
    assert [(item["ref"], item["driver"]) for item in shape["chain"]] == [(flow["ref"], api["ref"]), (api["ref"], None)]
    assert shape["chain"][0]["rule"] == "S5"
    later = date.fromisoformat(api["due"]) + timedelta(days=14)
    moves = known.say("dates", api["key"], "--due", later.isoformat(), "--json").expect(0).json()["moves"]
    assert {api["ref"], flow["ref"]} <= {item["ref"] for item in moves}
    told = known.say("dates", flow["ref"]).expect(0).out
    assert "产品部「支付流程测试」要等技术部「支付接口开发」完成" in told
    assert "支付接口开发" in known.say("dates", api["ref"], "--due", later.isoformat()).expect(0).out
    assert "PAY-99" in known.say("dates", "PAY-99").expect(2).problem
    for way in (f"{later:%Y/%-m/%-d}", f"{later.month}月{later.day}日"):
        assert known.say("dates", api["key"], "--due", way, "--json").expect(0).json()["moves"] == moves
    closed = [item["ref"] for item in tasks.values() if item["visibility"] == "restricted"]
    assert closed
    assert all("按以往的经验" not in known.say("dates", ref).expect(0).out for ref in closed)
    assert shape["likely"].keys() == {"p50", "p85", "basis", "sample", "reason", "counts_from"}
    assert (shape["likely"]["basis"], shape["likely"]["reason"]) == ("plan", "thin")
    assert "只能按计划" in told.replace("\n", "")


def test_explain_tells_whose_history_a_likely_day_rests_on(known: Company) -> None:
    [task] = [item for item in known.say("tasks", "--json").json() if item["key"] == "PAY-1"]
    told: dict[str, Any] = {
        "due": None,
        "planned": "2026-10-08",
        "expected": "2026-10-19",
        "slip_days": 4,
        "is_about_start": True,
    }
    told |= {
        "likely": "2026-10-16",
        "likely_by": "2026-10-19",
        "estimated_on": "2026-09-28",
        "sample": 40,
        "scale": "lateness",
    }
    told |= {"whose": task["department"], "basis": "department"}
    refs = (Ref(task["ref"]), Ref(task["ref"]))
    finding = Finding("delays:forecast_conflict:x", "forecast_conflict", "info", refs, "forecast_conflict", told)
    with Store.open(f"sqlite:///{known.folder / 'tieline.sqlite'}") as store:
        store.sync_findings({"another": [finding]}, datetime.now(UTC), [])
        shown = known.say("explain", "PAY-1").expect(0).out.replace("\n", "")
        shape = known.say("explain", "PAY-1", "--json").expect(0).json()
        listed = known.say("findings").expect(0).out.replace("\n", "")
        store.sync_findings({"another": []}, datetime.now(UTC), ["another"])
    assert "技术部这类任务通常要到 2026-10-16 前后才做完" in shown
    assert "按以往的进度可能赶不上" in listed
    assert "2026-09-28 算的：情况相同的任务，一半最晚 2026-10-16 做完" in shown
    assert "依据是技术部近一年做完的 40 个任务" in shown
    assert [item["basis"] for item in shape["findings"] if item["kind"] != "forecast_conflict"] == [""] * (
        len(shape["findings"]) - 1
    )


BAD_DAYS = {
    ("--due", "soon"): "--due soon  is no certain day; such as 20",
    ("--due", ""): "--due ''  is no certain day",
    ("--due", "2026-13-45"): "without its year",
    ("--start", "1949-12-31"): "--start 1949-12-31  is a slip of the keyboard; a day from 1950-01-01 to 2150-12-31",
    ("--due", "2151-01-01"): "a slip of the keyboard",
    ("--start", "2027-01-02", "--due", "2027/1/1"): "--due 2027-01-01  the start would be after the due date\n",
    ("--due", "1951-01-01"): "and the task itself starts on 20",
    ("--start", "2149-01-01"): "and the task itself is due on 20",
}


def test_dates_refuse_a_day_that_cannot_be_meant(known: Company) -> None:
    for days, words in BAD_DAYS.items():
        assert words in known.say("dates", "PAY-1", *days).expect(2).problem + "\n"


def test_one_line_maps_a_new_status_and_explain_names_it(company: Company) -> None:
    company.rewrite("mappings/jira-main.yaml", "  进行中: in_progress\n", "")
    company.first_run()
    unmapped = [item for item in company.say("findings", "--json").json() if item["kind"] == "unmapped_status"]
    assert any("进行中" in item["text"] for item in unmapped)
    company.rewrite("mappings/jira-main.yaml", "  待办: todo\n", "  待办: todo\n  进行中: in_progress\n")
    with company.silence():
        shown = company.say("remap", "--dry-run", "--json").expect(0).json()
    has(shown, {"changed", "dependencies", "skipped"})
    assert shown["dependencies"].keys() == {"added", "removed"}
    ref = f"jira-main:task:{company.world.jira_cloud.issue('PAY-1').id}"
    assert {"ref": ref, "field": "status", "before": "unknown", "after": "in_progress"} in shown["changed"]
    assert "Nothing was changed" in company.say("remap", "--dry-run").expect(0).out
    [task] = [item for item in company.say("tasks", "--json").json() if item["key"] == "PAY-1"]
    assert task["status"] == "unknown"
    company.say("remap").expect(0)
    [task] = [item for item in company.say("tasks", "--json").json() if item["key"] == "PAY-1"]
    assert task["status"] == "in_progress"
    [step] = company.say("explain", "PAY-1", "status", "--json").expect(0).json()["steps"]
    assert company.text("mappings/jira-main.yaml").splitlines()[step["line"] - 1] == "  进行中: in_progress"
    assert company.say("remap", "--dry-run", "--json").expect(0).json()["changed"] == []


# -- undo


def test_undo_has_the_shape_of_an_outcome_and_names_an_unknown_run(company: Company) -> None:
    run = company.first_run()["run"]
    check_outcome(company.say("undo", run, "--json").expect(0).json())
    said = company.say("undo", "20200101T000000-00000000")
    assert said.code == 2
    assert "20200101T000000-00000000" in said.problem


# -- doctor


def probes(said: Said) -> dict[str, list[dict[str, Any]]]:
    shape: dict[str, list[dict[str, Any]]] = said.json()
    for items in shape.values():
        for item in items:
            has(item, PROBE)
    return shape


def test_doctor_is_green_on_the_sandbox(known: Company) -> None:
    shape = probes(known.say("doctor", "--json").expect(0))
    assert shape.keys() == CONNECTIONS | {"bi-main", "chat-main"}
    assert "Everything needed is there." in known.say("doctor").expect(0).out


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("jira-main", "field: customfield_10015, name: Start date", "field: customfield_99999, name: Start date"),
        ("jira-main", "  已完成: done", "  已完结: done"),
        ("jira-main", "link: Blocks", "link: Blockz"),
        ("jira-main", "scope: [PAY]", "scope: [PEY]"),
        ("trello-main", "scope: [产品部看板,", "scope: [产品部的看板,"),
        ("confluence-main", "scope: [TEAM]", "scope: [TAEM]"),
    ],
)
def test_doctor_names_what_the_site_does_not_have(company: Company, file: str, old: str, new: str) -> None:
    company.rewrite(f"mappings/{file}.yaml", old, new)
    said = company.say("doctor", "--json")
    assert said.code in (2, 5)
    bad = [item for item in probes(said.expect(said.code))[file] if item["is_ok"] is False]
    wrong = next(word for word in re.split(r"[ :\[\],.{}]+", new) if word not in re.split(r"[ :\[\],.{}]+", old))
    assert any(wrong in f"{item['operation']} {item['detail']} {item['cure']}" for item in bad), bad


@pytest.mark.parametrize("permission", ["LINK_ISSUES", "ADD_COMMENTS", "BROWSE_PROJECTS"])
def test_doctor_names_a_missing_permission(company: Company, permission: str) -> None:
    company.world.jira_cloud.deny(permission)
    said = company.say("doctor").expect(5)
    assert "MISSING" in said.out
    assert permission.split("_", maxsplit=1)[0].title() in said.out


def test_doctor_names_a_bad_token(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_DC_TOKEN", "not-the-token-at-all")
    said = company.say("doctor").expect(5)
    assert "jira-finance" in said.out
    assert "not-the-token-at-all" not in said.out + said.err


# -- raw export and import


def test_raw_records_go_out_and_come_into_an_empty_database(known: Company, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    known.say("raw", "export", file).expect(0)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 10
    other = Company(known.world, tmp_path / "other")
    shutil.copytree(known.folder, other.folder, ignore=shutil.ignore_patterns("*.sqlite*"))
    assert f"{len(lines)} records are new" in other.say("raw", "import", file).expect(0).out
    hidden = [task["ref"] for task in known.say("tasks", "--json").json() if task["visibility"] == "restricted"]
    tasks = [task for task in known.say("tasks", "--json").json() if task["ref"] not in hidden]
    assert other.say("tasks", "--json").json() == tasks
    assert f"{len(lines)} were known" in other.say("raw", "import", file).expect(0).out
    one = tmp_path / "one.jsonl"
    known.say("raw", "export", one, "--connection", "trello-main").expect(0)
    assert all('"ref":"trello-main:' in line for line in one.read_text(encoding="utf-8").splitlines())


def test_a_line_that_is_no_record_imports_nothing(known: Company, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    known.say("raw", "export", file).expect(0)
    with file.open("a", encoding="utf-8") as lines:
        lines.write("{broken\n")
    count = len(file.read_text(encoding="utf-8").splitlines())
    other = Company(known.world, tmp_path / "other")
    shutil.copytree(known.folder, other.folder, ignore=shutil.ignore_patterns("*.sqlite*"))
    said = other.say("raw", "import", file).expect(2)
    assert f"line {count}" in said.problem
    assert other.say("tasks", "--json").json() == []
    assert "nowhere.jsonl" in other.say("raw", "import", tmp_path / "nowhere.jsonl").expect(2).problem
