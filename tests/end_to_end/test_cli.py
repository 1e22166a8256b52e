"""Every command with and without --json: the shapes and exit codes of docs/cli.md. Those of upkeep are beside, in test_cli_upkeep.py."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.cli.cycle import opened
from sync.core.talks import TALK
from sync.core.values import Finding, Ref
from tests.end_to_end.company import ROOT, Company, process, tieline
from tests.end_to_end.shapes import (
    CERTIFICATE,
    CONNECTIONS,
    DEPENDENCY,
    EVENT,
    EVIDENCE,
    FINDING,
    INSTANT,
    RUN,
    TASK,
    check_collected,
    check_outcome,
    check_plan,
    has,
)

DOCUMENTED = re.findall(r"^\| `tieline ([a-z]+)", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), re.M)


# -- the list of commands


def test_every_documented_command_is_there_and_helps() -> None:
    assert len(DOCUMENTED) >= 18
    helped = tieline("--help").expect(0).out
    for name in set(DOCUMENTED):
        assert name in helped
        assert tieline(name, "--help").expect(0).out


def test_a_word_that_is_no_command_is_a_usage_error() -> None:
    assert "No such command" in process("colect").expect(2).err
    tieline("raw", "exprot").expect(2)
    tieline("findings", "--fail-on", "dreadful").expect(2)


def test_version_and_schema() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", tieline("version").expect(0).out)
    for name in ("mapping", "people", "departments", "calendar", "config"):
        assert tieline("schema", name).expect(0).json()["type"] == "object"
    tieline("schema", "colours").expect(2)


@pytest.mark.parametrize("command", ["check", "collect", "plan", "apply", "run", "tasks", "doctor", "health", "runs"])
def test_a_configuration_that_is_not_there_is_named(tmp_path: Path, command: str) -> None:
    said = tieline(command, "--config", tmp_path / "none.yaml").expect(2)
    assert "none.yaml" in said.problem
    assert "tieline init" in said.problem


def test_the_configuration_may_stand_before_the_command_or_in_the_environment(known: Company) -> None:
    assert tieline("--config", known.config, "check").expect(0).out == known.say("check").out
    assert process("check", TIELINE_CONFIG=str(known.config)).expect(0).out == known.say("check").out


# -- init and check


def test_init_writes_a_first_configuration_and_never_overwrites(tmp_path: Path, monkeypatch: Any) -> None:
    for name in ("JIRA_EMAIL", "JIRA_TOKEN", "TRELLO_KEY", "TRELLO_TOKEN"):
        monkeypatch.setenv(name, "something")
    tieline("init", tmp_path).expect(0)
    assert tieline("check", "--config", tmp_path / "tieline.yaml").expect(0).out
    files = {path: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.yaml")}
    assert len(files) >= 6
    changed = tmp_path / "mappings" / "people.yaml"
    changed.write_text("# mine\n", encoding="utf-8")
    (tmp_path / "mappings" / "calendar.yaml").unlink()
    said = tieline("init", tmp_path).expect(0)
    assert said.out.count("kept") == len(files) - 1
    assert changed.read_text(encoding="utf-8") == "# mine\n"
    assert set(tmp_path.rglob("*.yaml")) == files.keys()


def test_check_names_every_mistake_of_every_file_at_once(company: Company) -> None:
    company.rewrite("mappings/jira-main.yaml", "已完成: done", "已完成: finished")
    company.rewrite("mappings/trello-main.yaml", "title: name", "titel: name")
    company.rewrite("mappings/people.yaml", "department: 财务部", "department: 财物部")
    said = company.say("check").expect(2)
    for words in ("mappings/jira-main.yaml: 1 problem", "status.已完成", "did you mean", "titel", "财物部"):
        assert words in said.problem


# -- collect, plan, apply, run, certify


def test_collect_ends_with_one_documented_object(company: Company) -> None:
    answer = company.say("collect", "--json").expect(0).json()
    assert answer["run"]
    check_collected(answer["connections"])
    jira = answer["connections"]["jira-main"]
    assert (jira["skipped"], jira["error"]) == ({}, None)
    assert jira["fetched"] == jira["stored"] >= jira["certificate"]["counted"] >= 4
    assert jira["requests"] > 0
    again = company.say("collect", "jira-main", "--json").expect(0).json()["connections"]
    assert again.keys() == {"jira-main"}
    assert again["jira-main"]["stored"] == 0
    assert re.search(r"complete: (\d+) there = \1 here", company.say("collect", "jira-main").expect(0).out)
    said = company.say("collect", "jira-mian").expect(2)
    assert "jira-main" in said.problem


def test_a_connection_that_is_not_due_is_told_and_read_on_request(company: Company) -> None:
    company.configure(connections__trello_main__every_minutes=240)
    notes = company.say("check").expect(0).out
    assert "trello-main: read every 4 h: a delay is told, and one that is over is ended, up to so much later" in notes
    assert "cadence" in {item["operation"] for item in company.say("doctor", "--json").json()["trello-main"]}
    first = company.say("collect", "--json").expect(0).json()["connections"]["trello-main"]
    company.world.forget_requests()
    assert re.search(
        r"not due until \d{4}-\d\d-\d\d \d\d:\d\d UTC", " ".join(company.say("collect").expect(0).out.split())
    )
    said = company.say("collect", "--json").expect(0).json()["connections"]["trello-main"]
    assert not company.world.requests("trello")
    assert said["requests"] == said["fetched"] == 0
    assert INSTANT.fullmatch(said["not_due_until"])
    assert {**said["certificate"], "scopes": ()} == {**first["certificate"], "scopes": ()}
    assert company.say("collect", "--json", "trello-main").json()["connections"]["trello-main"]["not_due_until"] is None
    assert company.run(0, "--accept-first-run")["collect"]["trello-main"]["requests"] == 0
    assert company.run(0, "--all")["collect"]["trello-main"]["requests"] > 0
    company.configure(connections__trello_main__every_minutes=20_000)
    assert "connections.trello-main.every_minutes" in company.say("check").expect(2).problem


def test_certify_says_what_was_never_collected(company: Company) -> None:
    assert company.say("certify", "--json").expect(5).json() == dict.fromkeys(CONNECTIONS)
    company.say("collect", "jira-main").expect(0)
    said = company.say("certify").expect(5)
    assert "trello-main: never collected" in said.out
    company.say("collect").expect(0)
    shapes = company.say("certify", "--json").expect(0).json()
    for shape in shapes.values():
        has(shape, CERTIFICATE)


def test_plan_apply_and_run_have_their_shapes(company: Company) -> None:
    answer = company.say("run", "--json").expect(4).json()
    has(answer, {"run", "collect", "plan", "apply", "findings"})
    check_collected(answer["collect"])
    check_plan(answer["plan"])
    assert answer["findings"]["opened"] > 0
    planned = company.say("plan", "--json").expect(0).json()
    check_plan(planned)
    assert sum(planned["counts"].values()) == len(planned["changes"])
    assert company.say("plan").expect(0).out.count("create") >= len(planned["changes"])
    check_outcome(company.say("apply", "--json", "--accept-first-run").expect(0).json())
    check_outcome(company.say("run", "--json").expect(0).json()["apply"])
    assert "0 written" in company.say("run").expect(0).out


def test_a_limit_refuses_the_whole_plan(company: Company) -> None:
    company.configure(limits={"max_changes": 3})
    with company.silence():
        said = company.say("run", "--accept-first-run").expect(4)
    assert "limits.max_changes" in said.problem


def test_findings_fail_a_run_only_when_asked(known: Company) -> None:
    known.say("findings").expect(0)
    known.say("findings", "--fail-on", "critical").expect(0)
    known.say("findings", "--fail-on", "warning").expect(1)
    known.say("run", "--fail-on", "warning").expect(1)
    known.say("run", "--fail-on", "critical").expect(0)


# -- listings


def test_tasks(known: Company) -> None:
    tasks = known.say("tasks", "--json").expect(0).json()
    assert [task["ref"] for task in tasks] == sorted(task["ref"] for task in tasks)
    for task in tasks:
        has(task, TASK)
        assert INSTANT.fullmatch(task["updated_at"])
        for name in ("start", "due"):
            assert task[name] is None or date.fromisoformat(task[name])
        for item in task["assignments"]:
            has(item, {"holder", "role"})
    [secret] = [task for task in tasks if task["visibility"] == "restricted"]
    assert (secret["key"], secret["url"]) == ("", "")
    assert secret["title"].startswith("受限任务")
    engineering = known.say("tasks", "--json", "--department", "技术部").expect(0).json()
    assert {task["department"] for task in engineering} == {"tieline:department:技术部"}
    assert known.say("tasks", "--json", "--department", "Engineering").expect(0).json() == engineering
    done = known.say("tasks", "--json", "--status", "done").expect(0).json()
    assert {task["status"] for task in done} == {"done"}
    assert "支付接口开发" in known.say("tasks").expect(0).out


def test_dependencies_findings_and_runs(known: Company) -> None:
    dependencies = known.say("dependencies", "--json").expect(0).json()
    assert [item["key"] for item in dependencies] == sorted(item["key"] for item in dependencies)
    for item in dependencies:
        has(item, DEPENDENCY)
        assert item["state"] in ("confirmed", "proposed", "rejected")
        for evidence in item["evidence"]:
            has(evidence, EVIDENCE)
    findings = known.say("findings", "--json").expect(0).json()
    order = ["critical", "warning", "info"]
    ranks = [order.index(item["severity"]) for item in findings]
    assert ranks == sorted(ranks)
    for item in findings:
        has(item, FINDING)
        assert item["events"][0]["kind"] == "opened"
        for event in item["events"]:
            has(event, EVENT)
        assert INSTANT.fullmatch(item["since"])
    runs = known.say("runs", "--json").expect(0).json()
    started = [run["started_at"] for run in runs]
    assert started == sorted(started, reverse=True)
    for run in runs:
        has(run, RUN)
    for command in (["dependencies"], ["findings"], ["runs"], ["dependencies", "--relations"]):
        assert known.say(*command).expect(0).out


def test_what_is_answered_about_a_finding(known: Company) -> None:
    def delay() -> Any:
        return next(
            item for item in known.say("findings", "--state", "all", "--json").json() if item["kind"] == "delay"
        )

    key, day = delay()["key"], datetime.now(UTC).date() + timedelta(days=30)
    assert "declined, says somebody else" in known.say("answer", key, "decline", "--by", "somebody else").expect(0).out
    said = known.say("answer", key, "promise", str(day), "--by", "张伟", "--json").expect(0).json()
    has(said, EVENT)
    assert (said["by"], said["day"], delay()["state"]) == ("tieline:person:zhang-wei", str(day), "acknowledged")
    assert "took it on already" in known.say("answer", key, "ack").expect(2).problem
    known.say("answer", key, "reason", "goal").expect(0)
    known.say("answer", key, "decline", "--by", "zhang-wei").expect(0)
    kinds = [event["kind"] for event in delay()["events"]]
    assert (kinds, delay()["state"]) == (["opened", "declined", "promised", "stated", "declined"], "open")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["answer", "delays:nothing", "ack"], "not the key of a finding"),
        (["answer", "KEY", "promise"], "is no date from today on; such as"),
        (["answer", "KEY", "promise", "2020-01-01"], "is no date from today on"),
        (["answer", "KEY", "reason", "weather"], "one of resources, goal, conflict"),
        (["answer", "KEY", "ack", "now"], "takes no value"),
        (["incident", "open", "PAY-999"], "names nothing that is stored"),
        (["incident", "solve", "PAY-1"], "has no open incident"),
    ],
)
def test_an_answer_that_cannot_be_kept_is_a_plain_error(known: Company, arguments: list[str], words: str) -> None:
    key = next(item["key"] for item in known.say("findings", "--json").json() if item["kind"] == "delay")
    assert words in known.say(*(key if word == "KEY" else word for word in arguments)).expect(2).problem


def test_an_incident_stands_until_it_is_solved(known: Company) -> None:
    opened = known.say("incident", "open", "PAY-1", "--note", "接口全部超时", "--json").expect(0).json()
    assert opened["is_new"]
    assert not known.say("incident", "open", "pay-1", "--json").expect(0).json()["is_new"]
    assert "突发：" in (text := known.say("findings").expect(0).out)
    assert "接口全部超时" in text.replace("\n", "")
    known.say("plan").expect(0)
    assert "Solved: PAY-1" in known.say("incident", "solve", "PAY-1", "--by", "李娜").expect(0).out
    [shape] = [
        item for item in known.say("findings", "--state", "all", "--json").json() if item["key"] == opened["key"]
    ]
    assert [(event["kind"], event["note"]) for event in shape["events"]] == [("opened", "接口全部超时"), ("solved", "")]
    restricted = next(task for task in known.say("tasks", "--json").json() if task["visibility"] == "restricted")
    assert "is restricted" in known.say("incident", "open", restricted["ref"]).expect(2).problem


def test_a_talk_is_noted_for_the_group_and_shown_to_nobody_who_does_not_ask_for_it(known: Company) -> None:
    assert "no talk is suggested" in known.say("talk", "张伟", "date", "2030-01-01").expect(2).problem
    assert "is not one person" in known.say("talk", "zhang-wie").expect(2).problem
    assert "No talk with 张伟" in known.say("talk", "zhang-wei").expect(0).out
    zhang, day = Ref("tieline:person:zhang-wei"), datetime.now(UTC).date() + timedelta(days=30)
    with opened(known.config) as app:
        finding = Finding(f"escalations:talk:{zhang}#1-2", TALK, "info", (zhang,), TALK, {"name": "张伟", "count": 3})
        app.store.sync_findings({"escalations": [finding]}, datetime.now(UTC), ())
    assert "is no date" in known.say("talk", "张伟", "date", "2020-01-01").expect(2).problem
    assert "says nothing" in known.say("talk", "张伟", "decided").expect(2).problem
    said = known.say("talk", "张伟", "date", str(day), "--by", "李娜", "--json").expect(0).json()
    assert (said["kind"], said["day"], said["by"]) == ("talk_set", str(day), "tieline:person:li-na")
    known.say("talk", "zhang.wei@example.com", "decided", "先把联调交给陈杰").expect(0)
    (talk,) = known.say("talk", "zhang-wei", "--json").expect(0).json()
    assert [(item["kind"], item["note"]) for item in talk["kept"]] == [
        ("talk_set", ""),
        ("talk_decided", "先把联调交给陈杰"),
    ]
    assert "先把联调" in known.say("talk", "zhang-wei").expect(0).out
    listed = known.say("findings", "--state", "all", "--json").expect(0).out
    assert "talk_decided" in listed
    assert "先把联调" not in listed
    assert "李娜" not in json.dumps(
        [item["events"] for item in json.loads(listed) if item["kind"] == TALK], ensure_ascii=False
    )


def test_relations_and_external_references(company: Company) -> None:
    jira = company.world.jira_cloud
    jira.link("Relates", "PAY-1", "PAY-4")
    jira.edit_issue("PAY-4", description="依赖：OPS-77")
    company.say("collect").expect(0)
    [relation] = company.say("dependencies", "--relations", "--json").expect(0).json()
    has(relation, {"source", "target", "word", "evidence"})
    [reference] = company.say("dependencies", "--external", "--json").expect(0).json()
    has(reference, {"record", "text", "side", "relation", "title", "evidence"})
    assert reference["text"] == "OPS-77"
