"""Asana's events between two censuses: what moves no date and what no list shows is seen with the next run, and nothing rests on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asana
import pytest
from asana.rest import ApiException

from connectors.asana import CONNECTOR
from sandbox.asana import TOKEN
from sandbox.faults import Fault
from sync.collect import collect
from sync.core.errors import TryLater
from sync.core.hooks import Hint
from sync.core.ports import ConnectionSettings
from sync.core.values import RawRecord
from sync.hints import collect_hinted
from sync.reading import Cadence, Collected, Site
from sync.store.store import Store
from tests.connectors.test_asana_live import FIRST, SECOND, Bench, bench

__all__ = ["bench"]
SETTINGS = ConnectionSettings("asana-main", "asana", "")


class Office:
    """A workspace that is collected again and again, and counted once a month, with nothing read again for its own sake."""

    def __init__(self, bench: Bench, store: Store) -> None:
        self.bench, self.store, self.simulator = bench, store, bench.simulator
        self.asana = bench.connect(reread_hours=0)
        self.one, self.other, _ = bench.task("一"), bench.task("二"), bench.task("还在")
        self.elsewhere = bench.task("别处", bench.second)
        self.run()
        self.later(hours=3)
        for gid in (self.one, self.elsewhere):
            self.simulator.edit_task(gid, notes="改过")
        self.run()
        self.later(hours=1)

    def later(self, **by: float) -> None:
        self.simulator.clock.now += timedelta(**by)  # type: ignore[attr-defined]

    @property
    def site(self) -> Site:
        cadence = Cadence(census_every=timedelta(days=30))
        return Site("asana-main", self.asana, (FIRST, SECOND), 2, lambda: 0, cadence)

    def collect(self) -> Collected:
        """One run; only what it asked for is left in the log."""
        self.bench.sandbox.forget_requests()
        return collect(self.site, self.store, lambda _: {}, at=self.simulator.clock())

    def run(self) -> list[str]:
        """A run that ends well; the requests that it made after a token was asked for in each project."""
        report = self.collect()
        assert report.error is None
        assert all(item.is_complete for item in report.certificates)
        return [text for text in self.bench.requests() if text != "GET /events"]

    def records(self) -> dict[str, RawRecord]:
        return {raw.ref.key: raw for raw in self.store.iter_raw("asana-main")}

    def section(self, gid: str) -> object:
        return CONNECTOR.record_from_raw(self.records()[gid], SETTINGS).values["section"]

    def gone(self) -> dict[str, str]:
        return {ref.key: item.reason for ref, item in self.store.tombstones("asana-main").items()}

    def tokens(self) -> list[str]:
        found = [self.store.cursor("asana-main", "tasks", scope) for scope in (FIRST, SECOND)]
        return [cursor.feed if cursor else "" for cursor in found]


@pytest.fixture
def office(bench: Bench, tmp_path: Path) -> Iterator[Office]:
    with Store.open(f"sqlite:///{tmp_path}/tieline.db") as store:
        store.migrate()
        yield Office(bench, store)


def test_a_quiet_run_asks_each_project_once_for_events_and_counts_nothing(office: Office) -> None:
    before = office.tokens()
    office.run()
    assert office.bench.requests().count("GET /events") == 2
    # The project itself, what changed, and its list for subtasks; a census would list each once more.
    assert office.bench.requests().count("GET /tasks") == 4
    assert all(before)
    assert all(now != then for now, then in zip(office.tokens(), before, strict=True))


@pytest.mark.parametrize("is_deaf", [False, True])
def test_what_is_deleted_or_taken_out_is_seen_without_waiting_for_the_census(office: Office, is_deaf: bool) -> None:
    office.simulator.events.is_deaf = is_deaf
    office.simulator.delete_task(office.one)
    office.simulator.take_out(office.other, office.bench.first)
    office.run()
    assert office.gone() == ({} if is_deaf else {office.one: "hidden", office.other: "moved"})
    office.later(days=31)
    office.run()
    assert office.gone() == {office.one: "hidden", office.other: "moved"}, "the census is the truth"
    if not is_deaf:
        office.simulator.restore_task(office.one)
        office.run()
        assert office.gone() == {office.other: "moved"}
        assert office.one in office.records()


@pytest.mark.parametrize("is_deaf", [False, True])
def test_what_moves_no_date_is_read_by_itself_and_nothing_is_counted(office: Office, is_deaf: bool) -> None:
    office.simulator.events.is_deaf = is_deaf
    office.simulator.drag(office.other, office.bench.first, "进行中")
    office.simulator.depend(office.elsewhere, office.other, is_dated=False)
    office.later(hours=1)
    read = [text for text in office.run() if text.startswith(f"GET /tasks/{office.other}")]
    assert office.section(office.other) == ("待办" if is_deaf else "进行中")
    links = CONNECTOR.record_from_raw(office.records()[office.other], SETTINGS).links
    assert [link.other_id for link in links] == ([] if is_deaf else [office.elsewhere])
    assert read == ([] if is_deaf else [f"GET /tasks/{office.other}"]), "once, however many events name it"
    assert office.bench.requests().count("GET /tasks") == 4


def test_of_many_that_moved_no_date_the_list_is_read_and_not_each(office: Office) -> None:
    many = [office.bench.task(f"第 {number} 件") for number in range(101)]
    office.run()
    office.later(hours=1)
    office.simulator.edit_task(office.one, notes="更晚的事")
    office.run()
    for gid in many:
        office.simulator.drag(gid, office.bench.first, "进行中")
    assert not [text for text in office.run() if text.startswith("GET /tasks/")]
    assert {office.section(gid) for gid in many} == {"进行中"}


def test_what_the_list_brought_is_not_read_again(office: Office) -> None:
    office.simulator.edit_task(office.one, name="改了名")
    office.simulator.comment(office.one, "看一下")
    assert not [text for text in office.run() if office.one in text]


def test_a_task_of_two_projects_stays_in_the_first_whichever_tells(office: Office) -> None:
    office.simulator.state.tasks[office.elsewhere].places[office.bench.first.gid] = office.bench.first.sections[0].gid
    office.simulator.edit_task(office.elsewhere, notes="两处都有")
    office.run()
    office.later(hours=1)
    office.simulator.edit_task(office.one, notes="更晚的事")
    office.run()
    office.simulator.drag(office.elsewhere, office.bench.second, "进行中")
    assert office.run().count(f"GET /tasks/{office.elsewhere}") == 1
    assert office.records()[office.elsewhere].scope == FIRST
    office.simulator.delete_task(office.elsewhere)
    office.run()
    office.simulator.restore_task(office.elsewhere)
    office.simulator.faults.plan(
        Fault("server_error", r"/events$", times=5)
    )  # the first project's feed; the second tells
    office.run()
    assert office.elsewhere not in office.records()
    office.run()
    assert office.records()[office.elsewhere].scope == FIRST
    office.simulator.take_out(office.elsewhere, office.bench.first)
    office.run()
    assert office.records()[office.elsewhere].scope == SECOND


def test_a_webhook_about_a_task_that_was_taken_out_brings_the_next_cycle_forward(office: Office) -> None:
    def needs_look() -> bool:
        hint = Hint("delivery", "tasks", "", office.other, "removed")
        return collect_hinted(office.site, office.store, lambda _: {}, [hint]).needs_look

    assert not needs_look()
    office.simulator.take_out(office.other, office.bench.first)
    assert needs_look()


def test_a_token_is_kept_until_what_it_told_was_counted(office: Office) -> None:
    office.simulator.delete_task(office.one)
    before = office.tokens()
    office.simulator.faults.plan(Fault("server_error", r"^GET /api/1\.0/tasks$", times=10_000, skip=4))
    assert isinstance(office.collect().error, TryLater)
    assert (office.tokens()[0], office.gone()) == (before[0], {})
    office.simulator.faults.clear()
    office.run()
    assert office.gone() == {office.one: "hidden"}


def test_a_task_that_cannot_be_read_holds_up_its_token_and_nothing_else(office: Office) -> None:
    office.simulator.drag(office.other, office.bench.first, "进行中")
    before = office.tokens()
    office.simulator.faults.plan(Fault("html", rf"/tasks/{office.other}$", times=10_000))
    office.run()
    assert [now == then for now, then in zip(office.tokens(), before, strict=True)] == [True, False]
    office.simulator.faults.clear()
    office.run()
    assert office.section(office.other) == "进行中"


def test_a_token_that_expired_is_a_gap_and_the_project_is_read_whole_and_counted(office: Office) -> None:
    office.simulator.drag(office.other, office.bench.first, "进行中")
    office.simulator.delete_task(office.one)
    office.later(hours=25)
    office.run()
    assert (office.section(office.other), office.gone()) == ("进行中", {office.one: "hidden"})
    quiet = office.run()
    assert len(quiet) < 10
    # A vendor that forgets every token has its project read whole once in an hour.
    office.simulator.drag(office.other, office.bench.first, "待办")
    office.simulator.events._tokens.clear()
    office.run()
    assert office.section(office.other) == "进行中"
    office.later(minutes=61)
    office.run()
    assert office.section(office.other) == "待办"


def test_events_that_were_half_read_are_a_gap_as_asana_does_not_go_back(office: Office) -> None:
    for number in range(150):
        office.simulator.comment(office.one, f"第 {number} 句")
    office.simulator.drag(office.other, office.bench.first, "进行中")
    office.later(hours=2)
    # Three pages are asked for; then the database is away, and the token from which they began is still ours.
    token = office.tokens()[0]
    asked = office.asana.told_since("tasks", FIRST, token)
    assert set(asked.ids) == {office.one, office.other}
    assert office.asana.told_since("tasks", FIRST, token).is_gap
    office.run()
    assert office.section(office.other) == "进行中"


def test_a_flood_is_a_gap_and_is_not_waded_through(office: Office) -> None:
    for number in range(350):
        office.simulator.comment(office.one, f"第 {number} 句")  # two events each
    office.simulator.drag(office.other, office.bench.first, "进行中")
    office.later(hours=2)
    office.run()
    assert office.bench.requests().count("GET /events") == 5 + 1 + 1, "five pages, a new token, the other project"
    assert office.section(office.other) == "进行中"
    office.run()
    assert office.bench.requests().count("GET /events") == 2


@pytest.mark.parametrize("trouble", ["forbidden", "server_error", "html", "rate_limited"])
def test_without_events_everything_is_collected_as_ever_and_doctor_says_so(office: Office, trouble: Any) -> None:
    before = office.tokens()
    if trouble == "forbidden":
        office.simulator.events.is_allowed = False
    else:
        office.simulator.faults.plan(Fault(trouble, r"/events$", times=10_000, value=0.01))
    office.simulator.edit_task(office.one, name="照样看到")
    office.run()
    assert CONNECTOR.record_from_raw(office.records()[office.one], SETTINGS).title == "照样看到"
    assert office.tokens() == before
    heard = [probe for probe in office.asana.probes() if probe.operation.startswith("hear of changes")]
    assert [probe.is_ok for probe in heard] == [None, None]
    assert all("nothing is lost" in probe.cure for probe in heard)


def test_asanas_own_client_follows_the_simulators_events(bench: Bench) -> None:
    """Without its iterator, which on ``has_more`` begins again for ever (python-asana 199)."""
    configuration = asana.Configuration()
    configuration.host, configuration.access_token = f"{bench.sandbox.url('asana')}/api/1.0", TOKEN
    events, project = asana.EventsApi(asana.ApiClient(configuration)), bench.first.gid

    def ask(token: str) -> Any:
        return events.get_events(project, {"sync": token} if token else {}, full_payload=True)

    def new_token(token: str) -> str:
        with pytest.raises(ApiException) as caught:
            ask(token)
        assert caught.value.status == 412
        return str(json.loads(caught.value.body)["sync"])

    first = new_token("")
    assert first != new_token("what-nobody-gave-out")
    assert ask(first)["data"] == []
    bench.task("别处的", bench.second)
    gid = bench.task("客服话术")
    child = bench.simulator.add_task(None, "评审", parent=gid).gid
    second = ask(first)["sync"]
    for number in range(60):
        bench.simulator.comment(gid, f"第 {number} 句")
    told = ask(second)
    assert ask(second) == told, "the same token tells the same"
    assert (len(told["data"]), told["has_more"]) == (100, True)
    assert {event["resource"]["gid"] for event in told["data"]} > {gid, child}
    added = next(event for event in told["data"] if event["resource"]["gid"] == gid)
    assert (added["action"], added["parent"]["gid"]) == ("added", project)
    rest = ask(told["sync"])
    assert (rest["has_more"], len(rest["data"]) > 0) == (False, True)
    new_token(second)  # there is no way back
    bench.simulator.clock.now += timedelta(hours=25)  # type: ignore[attr-defined]
    new_token(rest["sync"])
