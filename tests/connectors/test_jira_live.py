"""The Jira connector against the simulator over real HTTP, both variants; every request is held against the vendor's contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.jira import CONNECTOR
from connectors.jira.client import Jira
from sandbox.faults import Fault
from sandbox.http import Request, Response, json_response
from sandbox.jira import (
    ACCOUNT_EMAIL,
    API_TOKEN,
    CLOUD_ID,
    PERSONAL_ACCESS_TOKEN,
    SCOPED_TOKEN,
    JiraSimulator,
    seed,
)
from sandbox.server import Sandbox
from sandbox.story import story
from sync.core.errors import (
    AccessDenied,
    Conflict,
    LostAnswer,
    Nonsense,
    NotFound,
    Refused,
    TielineError,
)
from sync.core.ports import ConnectionSettings, Cursor, Directory, LinkEnd, Source, Tracker
from sync.core.rich_text import Paragraph, PersonMention, RichText, Text
from sync.core.values import Record, Ref
from sync.remote import redact
from tests.connectors.contract import SPECS, assert_request_in_contract

CONTRACTS = {
    "cloud": (SPECS / "jira-cloud/jira-cloud-v3.swagger-v3.v3.json", ""),
    "dc": (SPECS / "jira-dc/jira-software-dc-10.3-openapi.json", "/rest"),
}
MARK, OTHER_MARK = "tieline:demo:0123456789abcdef", "tieline:demo:fedcba9876543210"
CARD = LinkEnd(Ref("trello-main:task:5f"), "T-1", "支付流程测试", "https://trello.com/c/abc123")
NOTE: RichText = (Paragraph((Text("「支付接口开发」比计划晚 3 个工作日"),)),)
NEWS: RichText = (Paragraph((Text("已完成，{可以开始}了"),)),)


class Clock:
    """A clock that tests move; every look is a millisecond later."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


class Bench:
    """A seeded simulator and connections to it. ``project`` holds ``first``, which blocks ``second``."""

    def __init__(self, variant: str, simulator: JiraSimulator, sandbox: Sandbox, clock: Clock) -> None:
        self.variant, self.simulator, self.sandbox, self.clock = variant, simulator, sandbox, clock
        self.is_cloud = variant == "cloud"
        self.project = "PAY" if self.is_cloud else "MKT"
        self.first, self.second = ("PAY-1", "PAY-4") if self.is_cloud else ("MKT-2", "MKT-1")
        self._open: list[Jira] = []
        self.jira = self.connect()

    def connect(self, **changes: Any) -> Jira:
        cloud = {"email": ACCOUNT_EMAIL, "token": API_TOKEN}
        settings = ConnectionSettings(
            name="jira-main", type="jira", variant=self.variant, base_url=self.sandbox.url(self.simulator.name),
            browse_base="https://company.example", scopes=(self.project,), fields=("description", "customfield_10015"),
            credentials=cloud if self.is_cloud else {"token": PERSONAL_ACCESS_TOKEN}, requests_per_second=2000,
            in_flight=4, installation="demo", zone="UTC",
        )  # fmt: skip
        connection = CONNECTOR.connect(msgspec.structs.replace(settings, **changes))
        assert isinstance(connection, Jira)
        self._open.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._open:
            connection.close()

    def records(
        self, cursor: Cursor | None = None, stream: str = "issues", jira: Jira | None = None
    ) -> dict[str, Record]:
        """What a collect would keep, read as the caller does: shards in parallel."""
        source = jira or self.jira
        with ThreadPoolExecutor(4) as pool:
            pages = pool.map(lambda shard: list(source.fetch(shard)), source.shards(stream, cursor, self.project))
            raws = [raw for shard in pages for page in shard for raw in page]
        assert len({raw.ref for raw in raws}) == len(raws)
        return {raw.ref.key: CONNECTOR.record_from_raw(raw, source.site.settings) for raw in raws}

    def census(self) -> set[str]:
        return {key for page in self.jira.census("issues", self.project) for key in page}

    def task(self, key: str) -> Ref:
        return Ref.of("jira-main", "task", str(self.simulator.issue(key).id))

    def end(self, key: str) -> LinkEnd:
        return LinkEnd(self.task(key), key, "", f"https://company.example/browse/{key}")

    def many(self, count: int) -> None:
        for number in range(count):
            self.simulator.create_issue(self.project, f"task {number}")

    def sent(self, pattern: str) -> list[str]:
        lines = [f"{request.method} {request.path}" for request in self.sandbox.requests(self.simulator.name)]
        return [line for line in lines if re.search(pattern, line)]

    def assert_contract(self) -> None:
        spec, base = CONTRACTS[self.variant]
        for request in self.sandbox.requests(self.simulator.name):
            path = request.path.removeprefix(f"/ex/jira/{CLOUD_ID}")
            body = request.body
            if self.variant == "dc" and body and "/properties/" in path:
                # The document types a property's body as text, meaning JSON as text: its own words ask for "a valid, non-empty JSON".
                body = msgspec.json.encode(body.decode())
            beside = {"/_edge/tenant_info"} | ({"/rest/api/2/serverInfo"} if self.is_cloud else set())
            if path not in beside:
                assert_request_in_contract(spec, request.method, path, request.query, body, base_path=base)


def bench_of(variant: str) -> Iterator[Bench]:
    clock = Clock()
    simulator = JiraSimulator(f"jira-{variant}", variant, clock=clock)  # type: ignore[arg-type]
    seed(simulator, story(date(2026, 11, 24)), {f"jira-{variant}": "https://company.example"})
    with Sandbox([simulator]) as sandbox:
        made = Bench(variant, simulator, sandbox, clock)
        yield made
        made.close()
        made.assert_contract()


@pytest.fixture(params=["cloud", "dc"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    yield from bench_of(request.param)


@pytest.fixture
def cloud() -> Iterator[Bench]:
    yield from bench_of("cloud")


@pytest.fixture
def dc() -> Iterator[Bench]:
    yield from bench_of("dc")


def test_it_offers_its_ports(bench: Bench) -> None:
    assert isinstance(bench.jira, Source)
    assert isinstance(bench.jira, Tracker)
    assert isinstance(bench.jira, Directory)


def test_identify_and_fingerprint(bench: Bench) -> None:
    bench.simulator.time_zone = "America/New_York"
    me = bench.jira.identify()
    assert me.zone == "America/New_York"
    assert me.account.email == ACCOUNT_EMAIL
    assert me.now is not None
    assert me.fingerprint == (f"jira-cloud:{CLOUD_ID}" if bench.is_cloud else f"jira:{bench.simulator.public_url}")


def test_refused_credentials_and_silent_anonymity(bench: Bench) -> None:
    secrets = {"email": ACCOUNT_EMAIL, "token": "wrong-token"}
    stranger = bench.connect(credentials=secrets)
    for ask in (stranger.identify, lambda: list(stranger.shards("issues", None, bench.project)), stranger.vocabulary):
        with pytest.raises(AccessDenied):
            ask()
    assert [probe.operation for probe in stranger.probes() if probe.is_ok is False]


def test_a_scoped_token_works_through_the_gateway_only(cloud: Bench) -> None:
    scoped = {"email": ACCOUNT_EMAIL, "token": SCOPED_TOKEN}
    with pytest.raises(AccessDenied, match="cloud_id"):
        cloud.connect(credentials=scoped).identify()
    options = {"cloud_id": CLOUD_ID, "gateway_url": cloud.sandbox.url("jira-cloud")}
    jira = cloud.connect(credentials=scoped, options=options)
    assert jira.identify().fingerprint == cloud.jira.identify().fingerprint
    assert len(cloud.records(jira=jira)) == 4
    assert jira.vocabulary().scopes == {"PAY": "支付平台"}
    written = jira.add_link(cloud.task("PAY-2"), cloud.end("PAY-3"), "blocks", MARK)
    jira.remove_link(cloud.task("PAY-2"), written)


def test_the_story_is_read_whole(cloud: Bench) -> None:
    records = {record.key: record for record in cloud.records().values()}
    assert set(records) == {"PAY-1", "PAY-2", "PAY-3", "PAY-4"}
    first = records["PAY-1"]
    assert first.title == "支付接口开发"
    assert first.url == "https://company.example/browse/PAY-1"
    assert {"PAY-1", first.url, f"{cloud.sandbox.url('jira-cloud')}/browse/PAY-1"} == set(first.aliases)
    assert first.values["assignee"].name == "张伟"
    assert isinstance(first.values["duedate"], date)
    assert isinstance(first.values["customfield_10015"], date)
    assert first.values["description"].startswith("对接新支付网关")
    assert first.values["status"]["name"] == "进行中"
    assert records["PAY-3"].visibility == "restricted"
    assert first.visibility == "open"
    link, back = first.links[0], records["PAY-4"].links[0]
    assert (link.is_outward, link.words, link.other_key) == (True, "blocks", "PAY-4")
    assert (back.is_outward, back.words, back.other_key) == (False, "is blocked by", "PAY-1")
    assert link.id == back.id
    assert set(cloud.census()) == {record.ref.key for record in records.values()}


def test_history_of_cloud_is_a_stream(cloud: Bench) -> None:
    assert [stream.name for stream in cloud.jira.streams()] == ["issues", "history"]
    history = cloud.records(stream="history")[cloud.task("PAY-1").key]
    assert history.ref.kind == "history"
    fields = [item["field"] for change in history.values["changeHistories"] for item in change["items"]]
    assert "duedate" in fields
    assert all(change["created"].tzinfo for change in history.values["changeHistories"])


def test_history_of_data_center_comes_with_the_issue(dc: Bench) -> None:
    assert [stream.name for stream in dc.jira.streams()] == ["issues"]
    dc.simulator.edit_issue("MKT-1", duedate=date(2026, 12, 24))
    changes = dc.records()[dc.task("MKT-1").key].values["changeHistories"]
    assert changes[-1]["items"][0]["field"] == "duedate"
    plain = dc.connect(options={"history": False})
    assert all("changeHistories" not in record.values for record in dc.records(jira=plain).values())


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cloud's pages of ids, small enough for many of them."""
    monkeypatch.setattr("connectors.jira.source.CENSUS_PAGE", 40)


def test_many_pages_are_read_whole(bench: Bench, small_pages: None) -> None:
    bench.many(230)
    small = bench.connect(options={"page_size": 50})
    assert set(bench.records(jira=small)) == set(bench.records()) == bench.census()
    assert len(bench.census()) >= 232


@pytest.mark.parametrize("kind", ["short_page", "empty_page", "edited_between_pages"])
def test_spoiled_pages_lose_nothing(bench: Bench, kind: Any, small_pages: None) -> None:
    bench.many(130)
    small = bench.connect(options={"page_size": 40})
    bench.simulator.faults.plan(Fault(kind, "search", times=2, skip=1))
    assert set(bench.records(jira=small)) == bench.census()


def test_a_repeated_page_ends_in_nonsense_or_in_everything(bench: Bench, small_pages: None) -> None:
    bench.many(130)
    everything = bench.census()
    small = bench.connect(options={"page_size": 40})
    bench.simulator.faults.plan(Fault("repeated_page", "search", times=50, skip=1))
    try:
        found = set(bench.records(jira=small))
    except Nonsense:
        return
    assert found == everything


@pytest.mark.parametrize("kind", ["server_error", "rate_limited", "html", "truncated", "reset", "lost_answer"])
def test_transport_faults_are_survived_while_reading(bench: Bench, kind: Any) -> None:
    bench.simulator.faults.plan(Fault(kind, "search|bulkfetch", times=1, value=0))
    assert set(bench.records()) == bench.census()


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai", "Pacific/Kiritimati"])
def test_what_changed_is_read_whatever_the_accounts_zone(bench: Bench, zone: str) -> None:
    bench.simulator.time_zone = zone
    bench.clock.now += timedelta(hours=3)
    since = bench.clock.now
    bench.simulator.edit_issue(bench.first, summary="改了")
    assert {record.key for record in bench.records(Cursor("issues", bench.project, since)).values()} == {bench.first}
    bench.clock.now += timedelta(minutes=5)
    overlapped = bench.records(Cursor("issues", bench.project, bench.clock.now))
    assert {record.key for record in overlapped.values()} == {bench.first}
    bench.clock.now += timedelta(hours=1)
    assert bench.records(Cursor("issues", bench.project, bench.clock.now)) == {}


def test_a_new_link_changes_the_version_even_where_jira_leaves_updated_alone(bench: Bench) -> None:
    def versions() -> dict[str, str]:
        shards = bench.jira.shards("issues", None, bench.project)
        return {raw.ref.key: raw.version for shard in shards for page in bench.jira.fetch(shard) for raw in page}

    bench.simulator.site.links_touch_updated = False
    before = versions()
    bench.simulator.link("Relates", bench.first, bench.second)
    after = versions()
    assert {key for key in after if after[key] != before[key]} == {
        bench.task(bench.first).key,
        bench.task(bench.second).key,
    }


def test_an_invisible_project_is_named(bench: Bench) -> None:
    bench.simulator.hide_project(bench.project)
    since = Cursor("issues", bench.project, bench.clock.now + timedelta(days=1))
    for ask in (
        lambda: list(bench.jira.shards("issues", None, bench.project)),
        lambda: list(bench.jira.shards("issues", since, bench.project)),
        lambda: list(bench.jira.census("issues", bench.project)),
        lambda: list(bench.jira.census("issues", "NO-SUCH")),
    ):
        with pytest.raises(NotFound, match=f"{bench.project}|NO-SUCH"):
            ask()


def test_pick_reads_past_the_index_and_leaves_out_what_is_gone(bench: Bench) -> None:
    bench.simulator.index_lag_s = 3600
    new = bench.simulator.create_issue(bench.project, "just made")
    wanted = [str(new.id), bench.task(bench.first).key, "99999999"]
    shards = list(bench.jira.pick("issues", bench.project, wanted))
    found = [raw.ref.key for shard in shards for page in bench.jira.fetch(shard) for raw in page]
    assert sorted(found) == sorted(wanted[:2])


def test_bulk_that_cannot_be_read_is_bisected(cloud: Bench) -> None:
    cloud.many(6)
    ids = sorted(cloud.census())
    shard = next(iter(cloud.jira.pick("issues", "PAY", ids)))
    cloud.simulator.faults.plan(Fault("html", "bulkfetch", times=5))
    cloud.jira.remote._sleep = lambda _: None
    assert {raw.ref.key for page in cloud.jira.fetch(shard) for raw in page} == set(ids)
    assert len(cloud.sent("bulkfetch")) > 5


def test_look_up_tells_where_a_missing_issue_is(bench: Bench) -> None:
    task = bench.task(bench.first)
    assert bench.jira.look_up("issues", task.key) == "here"
    bench.simulator.add_project("ELSE", "Elsewhere")
    bench.simulator.move_issue(bench.first, "ELSE")
    assert bench.jira.look_up("issues", task.key) == "moved"
    gone = bench.task(bench.second)
    bench.simulator.delete(bench.second)
    assert bench.jira.look_up("issues", gone.key) == "hidden"


def test_vocabulary_is_the_sites_own(bench: Bench) -> None:
    words = bench.jira.vocabulary()
    names = [(item.id, item.name) for item in words.fields]
    assert ("customfield_10015", "Start date") in names
    assert ("进行中" if bench.is_cloud else "In Progress") in words.statuses
    assert "Blocks" in [item.name for item in words.link_types]
    assert bench.project in words.scopes


def test_probes_name_the_missing_permission(bench: Bench) -> None:
    assert all(probe.is_ok for probe in bench.jira.probes() if probe.operation != "clock")
    bench.simulator.deny("LINK_ISSUES")
    bad = [probe for probe in bench.jira.probes() if probe.is_ok is False and probe.operation != "clock"]
    assert [probe.operation for probe in bad] == [f"create link in {bench.project}"]
    assert "Link Issues" in bad[0].cure
    wrong = bench.connect(variant="dc" if bench.is_cloud else "cloud")
    assert next(iter(wrong.probes())).is_ok is False
    bench.sandbox.forget_requests()  # the other variant's addresses are not in this contract


def test_accounts(bench: Bench) -> None:
    people = [account for page in bench.jira.accounts() for account in page]
    assert len({account.id for account in people}) == len(people) >= 7
    assert ("张伟" if bench.is_cloud else "Zhang Wei") in [account.name for account in people]


class Listing(JiraSimulator):
    """A Data Center of 10.3 or later, which lists all people; two a page."""

    def handle(self, request: Request) -> Response:
        if not request.path.endswith("/user/list"):
            return super().handle(request)
        people = [f"JIRAUSER{number}" for number in range(5)]
        start = int(request.get("cursor", "0"))
        values = [{"key": key, "name": key.lower(), "displayName": key} for key in people[start : start + 2]]
        is_last = start + 2 >= len(people)
        return json_response(
            {"values": values, "isLast": is_last} | ({} if is_last else {"nextCursor": str(start + 2)})
        )


def test_accounts_where_data_center_lists_them(dc: Bench) -> None:
    dc.simulator.__class__ = Listing
    people = [account.id for page in dc.jira.accounts() for account in page]
    assert people == [f"JIRAUSER{number}" for number in range(5)]
    assert not dc.sent("user/search")


def test_a_comment_lives_once_and_is_edited_in_place(bench: Bench) -> None:
    task, jira = bench.task(bench.first), bench.jira
    assert jira.find_comment(task, MARK) is None
    written = jira.add_comment(task, MARK, NOTE)
    assert jira.find_comment(task, MARK) == written
    assert jira.find_comment(task, OTHER_MARK) is None
    assert written.url.startswith(f"https://company.example/browse/{bench.first}?focusedCommentId=")
    bench.clock.now += timedelta(minutes=1)
    edited = jira.edit_comment(task, written, MARK, NEWS)
    assert edited.id == written.id
    assert edited.version != written.version
    assert jira.find_comment(task, MARK) == edited
    with pytest.raises(Conflict):
        jira.edit_comment(task, written, MARK, NOTE)
    with pytest.raises(Conflict):
        jira.remove_comment(task, written)
    jira.remove_comment(task, edited)
    jira.remove_comment(task, edited)
    assert jira.find_comment(task, MARK) is None
    with pytest.raises(NotFound):
        jira.edit_comment(task, edited, MARK, NOTE)


def test_our_comment_is_found_behind_many_newer_ones_and_after_a_persons_edit(bench: Bench) -> None:
    task = bench.task(bench.first)
    written = bench.jira.add_comment(task, MARK, NOTE)
    for number in range(250):
        bench.simulator.comment(bench.first, f"comment {number}")
    bench.simulator.faults.plan(Fault("short_page", "GET .*/comment"), Fault("empty_page", "GET .*/comment"))
    found = bench.jira.find_comment(task, MARK)
    assert found is not None
    assert found.id == written.id
    if bench.is_cloud:
        return
    bench.simulator.edit_comment(bench.first, written.id, "手工改写")
    changed = bench.jira.find_comment(task, MARK)
    assert changed is not None
    assert changed.version != written.version


def test_a_lost_answer_is_found_again(bench: Bench) -> None:
    task = bench.task(bench.first)
    bench.simulator.faults.plan(Fault("lost_answer", r"POST .*/comment$"))
    with pytest.raises(LostAnswer):
        bench.jira.add_comment(task, MARK, NOTE)
    assert bench.jira.find_comment(task, MARK) is not None
    assert len(bench.sent(r"POST .*/comment$")) == 1


def test_people_are_mentioned_by_what_the_site_knows_them_by(bench: Bench) -> None:
    people = {account.name: account for page in bench.jira.accounts() for account in page}
    person = people["张伟" if bench.is_cloud else "Zhang Wei"]
    body: RichText = (Paragraph((PersonMention(person.name, person.id), Text("，请看"))),)
    bench.jira.add_comment(bench.task(bench.first), MARK, body)
    sent = [request.body for request in bench.sandbox.requests(bench.simulator.name) if request.method == "POST"][-1]
    wanted = f'"id":"{person.id}"' if bench.is_cloud else f"[~{person.login}]"
    assert wanted.encode() in sent


@pytest.mark.parametrize("side", ["blocks", "waits_for"])
def test_a_native_link_reads_the_right_way_from_both_ends(bench: Bench, side: Any) -> None:
    here, there = ("PAY-2", "PAY-3") if bench.is_cloud else ("MKT-1", "MKT-2")
    task, other = bench.task(here), bench.end(there)
    assert bench.jira.find_link(task, other, side, MARK) is None
    written = bench.jira.add_link(task, other, side, MARK)
    assert written.is_ours
    assert bench.jira.find_link(task, other, side, MARK) == written
    opposite: Any = "waits_for" if side == "blocks" else "blocks"
    assert bench.jira.find_link(task, other, opposite, MARK) is None
    from_there = bench.jira.find_link(other.ref, bench.end(here), opposite, OTHER_MARK)
    assert from_there is not None
    assert not from_there.is_ours
    reads = {record.key: record.links for record in bench.records().values()}
    words = next(link.words for link in reads[here] if link.other_key == there)
    assert words == ("blocks" if side == "blocks" else "is blocked by")
    assert bench.jira.add_link(task, other, side, MARK) == written
    assert len(bench.sent("POST .*/issueLink")) == 1
    bench.jira.remove_link(task, written)
    bench.jira.remove_link(task, written)
    assert bench.jira.find_link(task, other, side, MARK) is None


def test_a_persons_link_is_found_and_never_removed(bench: Bench) -> None:
    if not bench.is_cloud:
        bench.simulator.link("Blocks", bench.first, bench.second)
    found = bench.jira.find_link(bench.task(bench.first), bench.end(bench.second), "blocks", MARK)
    assert found is not None
    assert not found.is_ours
    with pytest.raises(Refused):
        bench.jira.remove_link(bench.task(bench.first), found)


def test_a_link_type_that_reads_the_other_way_round(bench: Bench) -> None:
    name = "依赖" if bench.is_cloud else "Depends"
    jira = bench.connect(options={"link_type": name, "link_outward": "successor"})
    here, there = ("PAY-2", "PAY-3") if bench.is_cloud else ("MKT-1", "MKT-2")
    jira.add_link(bench.task(here), bench.end(there), "waits_for", MARK)
    link = next(item for item in bench.records()[bench.task(here).key].links if item.other_key == there)
    assert (link.type_name, link.is_outward) == (name, True)


class Backwards(JiraSimulator):
    """A site that takes inwardIssue for the other end."""

    def handle(self, request: Request) -> Response:
        if request.method == "POST" and request.path.endswith("/issueLink"):
            sent = request.json()
            sent["inwardIssue"], sent["outwardIssue"] = sent["outwardIssue"], sent["inwardIssue"]
            request = Request(
                request.method,
                request.path,
                request.query,
                request.headers,
                msgspec.json.encode(sent),
                request.base_url,
            )
        return super().handle(request)


def test_a_reversed_link_is_undone(bench: Bench) -> None:
    bench.simulator.__class__ = Backwards
    here, there = ("PAY-2", "PAY-3") if bench.is_cloud else ("MKT-1", "MKT-2")
    with pytest.raises(Nonsense, match="the other way round"):
        bench.jira.add_link(bench.task(here), bench.end(there), "blocks", MARK)
    assert not bench.simulator.site.links or all(
        {link.source, link.target} != {bench.simulator.issue(here).id, bench.simulator.issue(there).id}
        for link in bench.simulator.site.links.values()
    )


def test_a_link_to_another_tool_is_a_remote_link(bench: Bench) -> None:
    task, jira = bench.task(bench.first), bench.jira
    assert jira.find_link(task, CARD, "blocks", MARK) is None
    written = jira.add_link(task, CARD, "blocks", MARK)
    assert jira.find_link(task, CARD, "blocks", MARK) == written
    assert jira.add_link(task, CARD, "blocks", MARK) == written
    assert len(bench.sent("POST .*/remotelink")) == 1
    assert jira.find_link(task, CARD, "waits_for", OTHER_MARK) is None
    seen = jira.find_link(task, CARD, "blocks", OTHER_MARK)
    assert seen is not None
    assert not seen.is_ours
    jira.remove_link(task, written)
    jira.remove_link(task, written)
    assert jira.find_link(task, CARD, "blocks", MARK) is None


def test_a_persons_remote_link_to_the_same_place_counts(bench: Bench) -> None:
    task = bench.task(bench.first)
    body = {"object": {"url": CARD.url, "title": "测试卡片"}}
    bench.jira.remote.send("POST", f"{bench.jira.site.api}/issue/{task.key}/remotelink", json=body)
    found = bench.jira.find_link(task, CARD, "blocks", MARK)
    assert found is not None
    assert not found.is_ours


def test_errors_are_ours_under_every_transport_fault_while_writing(bench: Bench) -> None:
    task = bench.task(bench.first)
    bench.jira.remote._sleep = lambda _: None
    kinds: Sequence[Any] = ("server_error", "html", "truncated", "reset", "lost_answer", "unauthorized")
    for number, kind in enumerate(kinds):
        mark = f"tieline:demo:{number:016x}"
        bench.simulator.faults.plan(Fault(kind, r"POST .*/comment$"))
        with pytest.raises(TielineError):
            bench.jira.add_comment(task, mark, NOTE)
        is_made = bench.jira.find_comment(task, mark) is not None
        assert is_made == (kind in ("truncated", "lost_answer"))


def test_data_centers_silent_cap_is_learnt_from_its_first_answer(dc: Bench) -> None:
    dc.many(1100)
    greedy = dc.connect(options={"page_size": 5000, "history": False})
    assert len(list(greedy.shards("issues", None, "MKT"))) == 2
    assert len(dc.records(jira=greedy)) == len({key for page in greedy.census("issues", "MKT") for key in page}) == 1102


class ServiceDesk(JiraSimulator):
    """A site whose projects are Jira Service Management's."""

    def handle(self, request: Request) -> Response:
        answer = super().handle(request)
        body = re.sub(rb'"projectTypeKey": ?"\w+"', b'"projectTypeKey":"service_desk"', answer.body)
        return Response(answer.status, body, answer.headers)


@pytest.mark.parametrize("wanted", ["internal", "public"])
def test_service_desk_comments_are_internal_unless_told(cloud: Bench, wanted: str) -> None:
    cloud.simulator.__class__ = ServiceDesk
    jira = cloud.connect(options={"jsm_comments": wanted})
    written = jira.add_comment(cloud.task("PAY-1"), MARK, NOTE)
    jira.edit_comment(cloud.task("PAY-1"), written, MARK, NEWS)
    bodies = [request.body for request in cloud.sandbox.requests("jira-cloud") if b"tieline.mark" in request.body]
    assert len(bodies) == 2
    assert all((b"sd.public.comment" in body) == (wanted == "internal") for body in bodies)


def test_a_comments_visibility_survives_our_edit(bench: Bench) -> None:
    task = bench.task(bench.first)
    path = f"{bench.jira.site.api}/issue/{task.key}/comment"
    made = bench.jira.add_comment(task, MARK, NOTE)
    narrow = bench.jira._body(MARK, NOTE, False, {"type": "role", "value": "Developers"})
    bench.jira.remote.send("PUT", f"{path}/{made.id}", json=narrow)
    standing = bench.jira.find_comment(task, MARK)
    assert standing is not None
    bench.jira.edit_comment(task, standing, MARK, NEWS)
    shown = bench.jira.remote.send("GET", f"{path}/{made.id}").read()
    assert shown["visibility"]["value"] == "Developers"


def test_no_secret_is_told(bench: Bench) -> None:
    bench.simulator.faults.plan(Fault("unauthorized", "myself"))
    with pytest.raises(AccessDenied) as caught:
        bench.jira.identify()
    assert API_TOKEN not in redact(str(caught.value) + API_TOKEN)
    assert PERSONAL_ACCESS_TOKEN not in str(caught.value)


class Forgetful(JiraSimulator):
    """A Cloud that leaves the first issue out of every bulk answer without a word."""

    def handle(self, request: Request) -> Response:
        answer = super().handle(request)
        if not request.path.endswith("/issue/bulkfetch"):
            return answer
        page = msgspec.json.decode(answer.body)
        return json_response(page | {"issues": page["issues"][1:]})


def test_what_a_bulk_answer_leaves_out_is_asked_for_alone(cloud: Bench) -> None:
    cloud.simulator.__class__ = Forgetful
    assert set(cloud.records()) == cloud.census()
    assert len(cloud.sent(r"GET .*/issue/\d+$")) == 1


def test_an_issue_made_while_windows_are_read_is_not_missed(dc: Bench) -> None:
    small = dc.connect(options={"page_size": 1})
    shards = list(small.shards("issues", None, "MKT"))
    assert len(shards) == 2
    new = dc.simulator.create_issue("MKT", "made meanwhile")
    assert str(new.id) in {raw.ref.key for shard in shards for page in small.fetch(shard) for raw in page}


def test_a_token_that_comes_again_is_nonsense(cloud: Bench, small_pages: None) -> None:
    cloud.many(130)
    cloud.simulator.faults.plan(Fault("repeated_page", "search/jql", times=500))
    with pytest.raises(Nonsense, match="nextPageToken"):
        list(cloud.jira.census("issues", "PAY"))


def test_the_wrong_variant_is_told(cloud: Bench) -> None:
    secrets = {"user": ACCOUNT_EMAIL, "password": API_TOKEN}
    probe = next(iter(cloud.connect(variant="dc", credentials=secrets).probes()))
    assert (probe.is_ok, probe.cure) == (False, "set variant: cloud")
    cloud.sandbox.forget_requests()  # the other variant's address is not in this contract
