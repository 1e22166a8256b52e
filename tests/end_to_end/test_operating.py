"""Running Tieline day by day: what a listing may say, what a service survives, what a configuration may hold."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sync.app import build
from sync.cli.serve import Service
from sync.core.errors import TryLater
from tests.end_to_end.company import Company, spawn
from tests.end_to_end.traces import Thing, things

SECRET, SECRET_ISSUE = "核心商户赔付名单", "PAY-3"
SALES = "销售部看板"


# -- restricted records in listings


def test_a_finding_about_a_restricted_record_does_not_quote_it(company: Company) -> None:
    company.rewrite("mappings/jira-main.yaml", "due: duedate", "due: summary")
    company.say("run", "--accept-first-run")
    said = [company.say("findings", "--state", "all", *more).expect(0).out for more in ((), ("--json",))]
    assert SECRET not in "".join(said)
    bad = {item["key"]: item for item in json.loads(said[1]) if item["kind"] == "bad_value"}
    by_value = {item["parameters"]["value"]: item for item in bad.values()}
    assert len(by_value) == 2
    hidden = by_value.pop("***")
    assert (hidden["parameters"]["text"], hidden["parameters"]["count"]) == ("", 1)
    [told] = by_value.values()
    assert told["parameters"]["text"]
    assert all(word in told["text"] for word in ("读不懂", "due", "mappings/jira-main.yaml:"))


def test_a_status_of_a_restricted_record_that_is_not_mapped_stands_in_no_key(company: Company) -> None:
    company.rewrite("mappings/jira-main.yaml", "status: status.name", "status: summary")
    company.say("run", "--accept-first-run")
    findings = company.say("findings", "--json").expect(0)
    kinds = [item["kind"] for item in findings.json()]
    assert "unmapped_status" in kinds
    assert SECRET not in findings.out
    assert SECRET not in company.say("tasks").expect(0).out + company.say("tasks", "--json").expect(0).out


def test_a_restricted_task_tells_neither_who_nor_where(company: Company) -> None:
    company.world.jira_cloud.edit_issue(SECRET_ISSUE, description="依赖：OPS-77", labels=["机密"])
    company.say("collect").expect(0)
    [secret] = [task for task in company.say("tasks", "--json").json() if task["visibility"] == "restricted"]
    assert [secret[name] for name in ("owner", "parent")] == [None, None]
    assert [secret[name] for name in ("assignments", "labels")] == [[], []]
    assert [secret[name] for name in ("key", "url", "project", "vendor_status")] == ["", "", "", ""]
    assert secret["department"] == "tieline:department:技术部"
    [reference] = company.say("dependencies", "--external", "--json").expect(0).json()
    assert (reference["record"], reference["title"]) == (secret["ref"], "")
    assert reference["text"].startswith("受限任务")
    assert "OPS-77" not in company.say("dependencies", "--external").expect(0).out


def test_an_export_goes_by_the_record_and_says_what_it_leaves_out(company: Company, tmp_path: Path) -> None:
    company.say("collect").expect(0)
    line = {
        "ref": "jira-main:task:99999", "version": "1", "updated_at": "2026-11-20T00:00:00Z",
        "fetched_at": "2026-11-20T00:00:00Z", "payload": {"visibility": "restricted"},
    }  # fmt: skip
    (tmp_path / "one.jsonl").write_text(json.dumps(line, separators=(",", ":")) + "\n")
    company.say("raw", "import", tmp_path / "one.jsonl").expect(0)
    said = company.say("raw", "export", tmp_path / "all.jsonl").expect(0).out
    refs = [json.loads(text)["ref"] for text in (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()]
    assert "jira-main:task:99999" in refs
    [secret] = [task for task in company.say("tasks", "--json").json() if task["visibility"] == "restricted"]
    assert secret["ref"] not in refs
    assert f"{len(refs)} records" in said
    assert " 0 restricted" not in said


# -- a private board


def test_a_private_board_is_masked_until_somebody_says_it_may_be_quoted(company: Company) -> None:
    trello = company.world.trello
    board = next(item for item in trello.state.boards.values() if item["name"] == SALES)
    trello.set_permission(board["id"], "private")

    def titles() -> list[str]:
        company.say("collect").expect(0)
        tasks = company.say("tasks", "--json").json()
        return [task["title"] for task in tasks if task["ref"].startswith("trello-main:") and "受限" in task["title"]]

    def doctor() -> dict[str, Any]:
        [probe] = [
            item for item in company.say("doctor", "--json").json()["trello-main"] if "quote" in item["operation"]
        ]
        return dict(probe)

    assert titles()
    assert f"masked elsewhere: {SALES}" in doctor()["detail"]
    for name in (board["name"], board["id"], board["shortLink"]):
        company.configure(connections__trello_main__quoted_boards=[name])
        assert titles() == []
        assert f"quoted_boards says so: {SALES}" in doctor()["detail"]
        company.configure(connections__trello_main__quoted_boards=[])
        assert titles()


# -- findings and words


def test_words_that_mean_nothing_are_usage_errors(company: Company) -> None:
    company.say("findings", "--state", "opne").expect(2)
    company.say("tasks", "--status", "finished").expect(2)


def test_fail_on_counts_what_stands_whatever_is_listed(settled: Company) -> None:
    settled.say("findings", "--state", "resolved", "--fail-on", "warning").expect(1)
    settled.rewrite("tieline.yaml", "  delays: {}", "  delays: {min_slip_days: 200}")
    settled.run(0)
    assert settled.say("findings", "--state", "all", "--json").json()
    settled.say("findings", "--state", "all", "--fail-on", "warning").expect(0)


def test_a_run_that_a_brake_stopped_is_called_refused(company: Company) -> None:
    company.say("run").expect(4)
    company.say("apply").expect(4)
    assert [run["outcome"] for run in company.say("runs", "--json").json()] == ["refused", "refused"]


# -- configuration


def test_check_names_a_missing_sop_folder(company: Company) -> None:
    company.say("check").expect(0)
    company.rewrite("tieline.yaml", "folder: sops", "folder: soaps")
    line = next(number for number, text in enumerate(company.text("tieline.yaml").splitlines(), 1) if "soaps" in text)
    problem = company.say("check").expect(2).problem
    assert all(word in problem for word in ("tieline.yaml", f"line {line}", "jobs.sops.folder", "soaps"))


def test_a_password_that_is_kept_elsewhere_is_not_shown(company: Company) -> None:
    url = "postgresql://tieline:p%40ss-w0rd@127.0.0.1:1/tieline"
    for more in ("", "?password=p%40ss-w0rd"):
        said = company.process("tasks", TIELINE_DATABASE=url + more)
        assert said.code == 70
        assert not any(text in said.out + said.err for text in ("p%40ss-w0rd", "p@ss-w0rd"))


# -- the service


def test_a_taken_port_stops_the_service_before_it_writes(company: Company) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        company.configure(serve={"port": port}, limits={"max_first_run_changes": 100})
        with company.silence():
            problem = company.process("serve").expect(2).problem
    assert all(word in problem for word in ("tieline.yaml", f"127.0.0.1:{port}", "serve.port"))
    assert not (company.folder / "tieline.sqlite").exists()


def test_nothing_that_a_cycle_raises_ends_the_service(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(company.config, build(company.config))
    good = service.app
    company.config.write_text("connections: [", encoding="utf-8")

    def break_down(**_: object) -> None:
        service.stopping.set()
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(good.engine, "cycle", break_down)
    service.run()
    assert service.app is good
    assert service.health().last_exit_code == 70
    assert "a mistake of ours" in service.health().detail
    good.close()


def test_a_service_asked_to_stop_ends_its_write_and_no_more(company: Company, undisturbed: Counter[Thing]) -> None:
    company.configure(limits={"max_first_run_changes": 100})
    service = Service(company.config, build(company.config))
    service.stopping.set()
    with pytest.raises(TryLater, match="stopping"):
        service._cycle()
    assert service.app.store.pending_intents() == []
    service.app.close()
    assert len(things(company)) < len(undisturbed)
    company.run(0, "--accept-first-run")
    assert things(company) == undisturbed


def test_a_signal_in_the_middle_of_writing_leaves_nothing_half_done(
    company: Company, undisturbed: Counter[Thing]
) -> None:
    company.configure(serve={"port": 0}, limits={"max_first_run_changes": 100})
    for simulator in company.world.simulators.values():
        simulator.faults.latency_s = 0.05
    running = spawn("serve", "--config", company.config)
    ends_at = time.monotonic() + 40
    while not company.writes() and time.monotonic() < ends_at:
        time.sleep(0.02)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    assert "Traceback" not in out + err
    for simulator in company.world.simulators.values():
        simulator.faults.latency_s = 0
    last = company.say("runs", "--json").json()[0]
    assert last["ended_at"] is not None
    company.run(0, "--accept-first-run")
    assert things(company) == undisturbed
