"""Everything that breaks in real life: one clear sentence, the right exit code, nothing lost, and the next run heals."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from sandbox.faults import Fault, FaultKind
from sandbox.trello.gate import TOKEN
from sync import gate
from tests.end_to_end.company import Company, Said, founded
from tests.end_to_end.traces import Thing, things

ALWAYS = 100_000
DATABASE = "tieline.sqlite"


def told(said: Said, code: int, *words: str) -> Said:
    """The command ended with this code, without a traceback, and said these words to people."""
    said.expect(code)
    for word in words:
        assert word in said.out + said.problem, f"{word!r} is not said\n{said.out}\n{said.problem}"
    return said


def heals(company: Company, undisturbed: Counter[Thing]) -> None:
    """The next run is complete and leaves what an undisturbed first run leaves; the one after it is quiet."""
    answer = company.run(0, "--accept-first-run")
    assert all(item["certificate"]["is_complete"] for item in answer["collect"].values())
    assert things(company) == undisturbed
    with company.silence():
        company.run(0)


def hour_passes(company: Company) -> None:
    """Pauses that vendors asked for are over, here and in the database."""
    gate._gates.clear()
    with closing(sqlite3.connect(company.folder / DATABASE)) as database, database:
        database.execute("DELETE FROM leases WHERE name LIKE 'pause:%'")


# -- a token


@pytest.mark.parametrize(
    ("site", "connection"),
    [
        ("jira-cloud", "jira-main"),
        ("jira-dc", "jira-finance"),
        ("trello", "trello-main"),
        ("confluence-cloud", "confluence-main"),
    ],
)
@pytest.mark.parametrize("after", [0, 4])
def test_a_token_that_stops_working_while_collecting(
    company: Company, undisturbed: Counter[Thing], site: str, connection: str, after: int
) -> None:
    faults = company.world.simulators[site].faults
    faults.plan(Fault("unauthorized", times=ALWAYS, skip=after))
    said = told(company.say("run", "--accept-first-run"), 5, connection)
    assert "NOT COMPLETE" in said.out
    assert told(company.say("certify"), 5, connection)
    faults.clear()
    heals(company, undisturbed)


def test_a_revoked_token_names_its_connection_and_where_to_get_a_new_one(
    company: Company, undisturbed: Counter[Thing]
) -> None:
    trello = company.world.trello
    token = trello.tokens[TOKEN]
    trello.revoke_token(TOKEN)
    told(company.say("run", "--accept-first-run"), 5, "trello-main", "invalid token")
    told(company.say("doctor"), 5, "trello-main", "sign in")
    assert not [thing for thing in things(company) if thing[0].startswith("trello") and thing[1] == "comment"]
    trello.tokens[TOKEN] = token
    heals(company, undisturbed)


def test_a_token_that_stops_working_while_writing(company: Company, undisturbed: Counter[Thing]) -> None:
    company.world.jira_cloud.faults.plan(Fault("unauthorized", match="POST .*/comment$", times=ALWAYS))
    told(company.say("run", "--accept-first-run"), 5, "failed", "jira-main")
    company.world.jira_cloud.faults.clear()
    heals(company, undisturbed)


def test_a_missing_secret_is_named(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRELLO_TOKEN")
    told(company.say("check"), 2, "TRELLO_TOKEN", "tieline.yaml")
    told(company.say("collect", "trello-main"), 2, "TRELLO_TOKEN")


# -- a URL


def test_a_host_that_does_not_answer(company: Company, undisturbed: Counter[Thing]) -> None:
    right = company.world.url("jira-cloud")
    company.rewrite("tieline.yaml", f"base_url: {right}", "base_url: http://127.0.0.1:9")
    told(company.say("run", "--accept-first-run"), 3, "jira-main", "127.0.0.1")
    company.rewrite("tieline.yaml", "base_url: http://127.0.0.1:9", f"base_url: {right}")
    heals(company, undisturbed)


@pytest.mark.parametrize(("site", "connection"), [("jira-cloud", "jira-main"), ("confluence-dc", "confluence-ops")])
def test_a_wrong_path(company: Company, undisturbed: Counter[Thing], site: str, connection: str) -> None:
    right = company.world.url(site)
    company.rewrite("tieline.yaml", f"base_url: {right}", f"base_url: {right}/nowhere")
    told(company.say("run", "--accept-first-run"), 5, connection)
    company.rewrite("tieline.yaml", f"base_url: {right}/nowhere", f"base_url: {right}")
    heals(company, undisturbed)


def test_another_site_under_a_known_name_is_refused(
    settled: Company, tmp_path: Path, undisturbed: Counter[Thing]
) -> None:
    right = settled.world.url("jira-dc")
    with founded(tmp_path / "other") as other:
        wrong = other.world.url("jira-dc")
        settled.rewrite("tieline.yaml", f"base_url: {right}", f"base_url: {wrong}")
        told(settled.say("run"), 2, "jira-finance")
        assert other.writes() == []
    settled.rewrite("tieline.yaml", f"base_url: {wrong}", f"base_url: {right}")
    heals(settled, undisturbed)


# -- a line of a file


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("mappings/jira-main.yaml", "已完成: done", "已完成: finished", ("status.已完成", "done")),
        ("mappings/jira-main.yaml", "  due: duedate", "  deu: duedate", ("deu", "due")),
        ("mappings/jira-main.yaml", "  due: duedate", "  due: *duedate", ("duedate",)),
        ("mappings/people.yaml", "department: 财务部", "department: 财物部", ("财物部", "财务部")),
        ("tieline.yaml", "zone: Asia/Shanghai", "zone: Asia/Shanghia", ("zone", "Asia/Shanghai")),
        ("tieline.yaml", "type: trello", "type: trelo", ("trelo", "trello")),
    ],
)
def test_a_broken_line_is_named_before_anything_is_touched(
    settled: Company, file: str, old: str, new: str, words: tuple[str, ...]
) -> None:
    settled.rewrite(file, old, new)
    line = next(number for number, text in enumerate(settled.text(file).splitlines(), 1) if new.strip() in text)
    settled.world.forget_requests()
    for command in ("check", "run", "tasks"):
        said = told(settled.say(command), 2, file, *words)
        assert said.out == ""
    assert f"line {line} " in said.problem
    assert all(settled.world.requests(site) == [] for site in settled.world.simulators)
    settled.rewrite(file, new, old)
    with settled.silence():
        settled.run(0)


# -- a date in a record


def test_a_date_that_is_none_is_shown_with_its_line_and_the_rest_goes_on(
    company: Company, undisturbed: Counter[Thing]
) -> None:
    site = company.world.jira_cloud.site
    issue = site.any_issue("PAY-1")
    good = issue.extra["customfield_10015"]
    site.put(replace(issue, extra={**issue.extra, "customfield_10015": "下周三"}))
    answer = company.first_run()
    assert answer["collect"]["jira-main"]["certificate"]["is_complete"]
    [finding] = [item for item in company.say("findings", "--json").json() if item["job"] == "engine"]
    assert "mappings/jira-main.yaml" in finding["text"]
    assert "下周三" in finding["text"]
    assert finding["subjects"] == [f"jira-main:task:{issue.id}"]
    [task] = [item for item in company.say("tasks", "--json").json() if item["key"] == "PAY-1"]
    assert (task["start"], task["title"]) == (None, "支付接口开发")
    company.world.jira_cloud.edit_issue("PAY-1", customfield_10015=good)
    heals(company, undisturbed)
    assert [item for item in company.say("findings", "--json").json() if item["job"] == "engine"] == []


# -- the database


def test_a_database_of_garbage_is_named_and_kept(company: Company, undisturbed: Counter[Thing]) -> None:
    file = company.folder / DATABASE
    file.write_bytes(b"this is no database\n" * 1000)
    with company.silence():
        said = told(company.process("run", "--accept-first-run"), 70, DATABASE, "backup")
    assert len(said.problem.splitlines()) == 1
    assert file.read_bytes() == b"this is no database\n" * 1000
    file.unlink()
    heals(company, undisturbed)


def test_a_database_damaged_in_the_middle_is_named(settled: Company) -> None:
    sqlite3.connect(settled.folder / DATABASE).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    file = settled.folder / DATABASE
    content = bytearray(file.read_bytes())
    content[4096 : len(content) - 4096] = b"\xff" * (len(content) - 8192)
    file.write_bytes(content)
    with settled.silence():
        told(settled.say("run"), 70, DATABASE, "backup")


def test_a_folder_that_cannot_be_made_is_named(company: Company) -> None:
    (company.folder / "taken").write_text("a file")
    company.configure(database="sqlite:///taken/deeper/tieline.sqlite")
    told(company.process("run"), 2, "taken")


def test_a_missing_folder_is_made(company: Company, undisturbed: Counter[Thing]) -> None:
    company.configure(database="sqlite:///not/yet/there/tieline.sqlite")
    heals(company, undisturbed)
    assert (company.folder / "not/yet/there/tieline.sqlite").is_file()


@contextmanager
def database_told(pragma: str) -> Iterator[None]:
    """Every connection to the database begins with this pragma of SQLite."""

    def tell(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", tell)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", tell)


def test_a_full_disk_at_any_moment_loses_nothing(company: Company, undisturbed: Counter[Thing]) -> None:
    stopped = 0
    for pages in range(10, 1000, 20):
        with database_told(f"max_page_count = {pages}"):
            said = company.say("run", "--accept-first-run")
        if said.code == 0:
            break
        told(said, 70, "the disk is full", DATABASE)
        stopped += 1
    assert stopped >= 3
    heals(company, undisturbed)


def test_a_database_that_may_only_be_read(settled: Company, undisturbed: Counter[Thing]) -> None:
    with database_told("query_only = ON"), settled.silence():
        told(settled.say("run"), 70, DATABASE, "read-only")
    heals(settled, undisturbed)


# -- the network


BROKEN: tuple[FaultKind, ...] = ("reset", "truncated", "lost_answer", "server_error")


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize(("site", "connection"), [("jira-cloud", "jira-main"), ("trello", "trello-main")])
def test_the_network_breaks_half_way_through_collecting(
    company: Company, undisturbed: Counter[Thing], kind: FaultKind, site: str, connection: str
) -> None:
    faults = company.world.simulators[site].faults
    faults.plan(Fault(kind, times=ALWAYS, skip=4))
    told(company.say("run", "--accept-first-run"), 3, connection, "NOT COMPLETE")
    faults.clear()
    heals(company, undisturbed)


@pytest.mark.parametrize("kind", BROKEN)
def test_the_network_hiccups_while_writing(company: Company, undisturbed: Counter[Thing], kind: FaultKind) -> None:
    for simulator in company.world.simulators.values():
        simulator.faults.plan(Fault(kind, match="^(POST|PUT) .*(comment|remotelink|checkItems|pages|content)", times=1))
    company.say("run", "--accept-first-run")
    heals(company, undisturbed)


@pytest.mark.parametrize("kind", BROKEN)
def test_the_network_breaks_half_way_through_writing(
    company: Company, undisturbed: Counter[Thing], kind: FaultKind
) -> None:
    for simulator in company.world.simulators.values():
        simulator.faults.plan(Fault(kind, match="^(POST|PUT) .*(comment|remotelink|pages)", times=ALWAYS, skip=1))
    said = company.say("run", "--accept-first-run")
    assert said.code in (3, 5)
    told(said, said.code)
    for simulator in company.world.simulators.values():
        simulator.faults.clear()
    heals(company, undisturbed)


# -- what vendors say


@pytest.mark.parametrize(("site", "connection"), [("jira-cloud", "jira-main"), ("confluence-cloud", "confluence-main")])
def test_a_long_pause_is_not_slept_through(
    company: Company, undisturbed: Counter[Thing], site: str, connection: str
) -> None:
    company.world.simulators[site].faults.plan(Fault("rate_limited", skip=3, value=3600))
    told(company.say("run", "--accept-first-run"), 3, connection)
    limited = [(asked.method, asked.path) for asked in company.world.requests(site) if asked.status == 429]
    assert len(limited) == 1
    company.world.forget_requests()
    gate._gates.clear()  # as a scheduled container begins: what is known of the pause stands in the database
    told(company.say("run", "--accept-first-run"), 3, connection)
    again = [(asked.method, asked.path) for asked in company.world.requests(site)]
    assert limited[0] not in again, "it is not asked again before the pause is over"
    assert not again or site == "jira-cloud", "a quota holds everything, a burst its endpoint only"
    hour_passes(company)
    heals(company, undisturbed)


def test_a_long_pause_while_writing_leaves_the_rest_for_the_next_run(
    company: Company, undisturbed: Counter[Thing]
) -> None:
    fault = Fault("rate_limited", match="POST .*/comment$", value=3600)
    company.world.jira_cloud.faults.plan(fault)
    said = told(company.say("run", "--accept-first-run", "--json"), 3)
    assert {item["target"].split(":")[0] for item in said.json()["apply"]["deferred"]} == {"jira-main"}
    hour_passes(company)
    heals(company, undisturbed)


@pytest.mark.parametrize(
    ("site", "connection"),
    [("jira-cloud", "jira-main"), ("trello", "trello-main"), ("confluence-dc", "confluence-ops")],
)
def test_a_login_page_is_told_as_one(company: Company, undisturbed: Counter[Thing], site: str, connection: str) -> None:
    faults = company.world.simulators[site].faults
    faults.plan(Fault("html", times=ALWAYS))
    told(company.say("run", "--accept-first-run"), 3, connection, "HTML page")
    faults.clear()
    heals(company, undisturbed)
