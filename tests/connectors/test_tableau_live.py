"""Tableau over real HTTP: one session for all, names that mean several things, what somebody else published; its own client beside ours."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from unittest import mock

import pytest
import tableauserverclient

from sandbox.faults import Fault
from sandbox.http import Request, Response, text_response
from sandbox.tableau import SITE, TOKEN_NAME, TOKEN_SECRET, TableauSimulator
from sync.core.errors import AccessDenied, ConfigError, Conflict, NotFound, TryLater
from sync.core.metrics import Column, MetricQuery, Table, TableContent
from tests.conformance.subjects import MARK, OTHER_MARK, Clock
from tests.connectors.tableau_bench import Bench
from tests.shared import SHARED

EXCHANGES = SHARED / "specs" / "tableau" / "tsc_exchanges.jsonl"
tsc: Any = tableauserverclient


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def content(*names: str, place: str = "运营") -> TableContent:
    return TableContent(place, "tieline_status", Table((Column("任务", "text"),), tuple((name,) for name in names)))


# -- signing in


def test_who_we_are_and_which_site(bench: Bench) -> None:
    identity = bench.tableau.identify()
    assert identity.fingerprint == f"tableau:{bench.simulator.state.site_id}"
    assert identity.account.id == bench.simulator.state.user_id
    for wrong in ({"secret": "a-secret-of-nobody-31d2"}, {"site": "elsewhere"}):
        with pytest.raises(AccessDenied, match="personal access token"):
            bench.connect(**wrong).identify()


def test_all_threads_share_one_session_and_one_of_them_begins_it_anew(bench: Bench) -> None:
    with ThreadPoolExecutor(6) as pool:
        for _ in range(2):
            found = list(pool.map(lambda _: bench.read(), range(12)))
            assert all(rows == found[0] for rows in found)
            bench.simulator.end_session()
    assert bench.simulator.sign_ins == 2


def test_a_session_that_another_sign_in_ended_is_begun_anew(bench: Bench) -> None:
    other = bench.connect()
    for _ in range(2):
        assert len(bench.read()) == 3
        assert len(other.read_metric(MetricQuery("支付/概览")).table.rows) == 3
    assert bench.simulator.sign_ins == 4


def test_refused_credentials_are_tried_once(bench: Bench) -> None:
    bench.sandbox.forget_requests()
    with pytest.raises(AccessDenied):
        bench.connect(secret="a-secret-of-nobody-31d2").read_metric(MetricQuery("支付/概览"))
    assert sum(entry.path.endswith("/signin") for entry in bench.sandbox.requests("tableau")) == 1


def test_the_secret_and_the_session_travel_where_they_must_and_nowhere_else(bench: Bench) -> None:
    bench.read()
    for entry in bench.sandbox.requests("tableau"):
        assert (TOKEN_SECRET.encode() in entry.body) == entry.path.endswith("/signin")
        assert bench.simulator.session.partition("|")[0] not in entry.path


def test_doctor_tells_what_is_visible_and_what_is_missing(bench: Bench) -> None:
    probes = {probe.operation: probe for probe in bench.tableau.probes()}
    assert [probe.is_ok for probe in probes.values()] == [True, True, True, True, True, None]
    assert probes["sign in"].detail == "version 3.27"
    assert "发布" in probes["publish a data source"].cure or "Publish" in probes["publish a data source"].cure
    [failed, *_] = [probe for probe in bench.connect(site="elsewhere").probes() if probe.is_ok is False]
    assert "/site/" in failed.cure


# -- reading


def test_filters_and_age_are_said_as_tableau_reads_them(bench: Bench) -> None:
    assert bench.read(filters={"区域": ["华东", "西,南"]}) == [("华东", 1), ("西,南", 3)]
    assert bench.simulator.asked[-1]["maxAge"] == "5"
    assert bench.read(filters={"区域": "华南"}, max_age=1) == [("华南", 2)]
    assert bench.simulator.asked[-1]["maxAge"] == "1"
    bench.read(parameters={"周": 47})
    assert bench.simulator.asked[-1]["vf_Parameters.周"] == "47"


def test_a_view_may_be_named_by_its_id_and_a_name_must_mean_one(bench: Bench) -> None:
    by_id = bench.tableau.read_metric(MetricQuery(bench.view.id)).table
    assert by_id == bench.tableau.read_metric(MetricQuery("支付/概览")).table
    bench.simulator.add_view(bench.simulator.add_project("另一个"), "支付", "概览", ["x"], [])
    with pytest.raises(ConfigError) as caught:
        bench.read()
    assert bench.view.id in str(caught.value)
    with pytest.raises(NotFound, match="Workbook/View"):
        bench.tableau.read_metric(MetricQuery("概览"))


@pytest.mark.parametrize("name", ["收入:华东,华南", "a[b]", "反斜\\杠", "a=b&c d+e%"])
def test_names_with_a_filters_own_signs_are_found(bench: Bench, name: str) -> None:
    for number in range(3):
        bench.simulator.add_project(f"其他 {number}")
    project = bench.simulator.add_project(name)
    assert bench.tableau.put_table(MARK, content("一", place=name), None)
    assert [item.project for item in bench.simulator.state.datasources.values()] == [project]


# -- publishing


def test_a_table_says_whose_it_is_to_people(bench: Bench) -> None:
    bench.tableau.put_table(MARK, content("一"), None)
    [item] = bench.simulator.state.datasources.values()
    assert item.description.startswith("由 Tieline 自动更新")
    assert MARK in item.description
    english = bench.connect(language="en")
    english.put_table(OTHER_MARK, content("一", place=bench.simulator.add_project("English").id), None)
    assert list(bench.simulator.state.datasources.values())[-1].description.startswith("Kept by Tieline")


def test_a_data_source_keeps_its_id_when_its_rows_change(bench: Bench) -> None:
    made = bench.tableau.put_table(MARK, content("一"), None)
    again = bench.tableau.put_table(MARK, content("二"), made)
    assert (again.id, again.version != made.version, again.block != made.block) == (made.id, True, True)


def test_ours_that_changed_since_is_a_conflict(bench: Bench) -> None:
    made = bench.tableau.put_table(MARK, content("一"), None)
    bench.tableau.put_table(MARK, content("二"), made)
    with pytest.raises(Conflict):
        bench.tableau.put_table(MARK, content("三"), made)


def test_one_whose_mark_somebody_took_away_is_theirs(bench: Bench) -> None:
    made = bench.tableau.put_table(MARK, content("一"), None)
    bench.simulator.state.datasources[made.id].description = "王芳接管"
    assert bench.tableau.find_table("运营", MARK, "tieline_status") is None
    with pytest.raises(NotFound):
        bench.tableau.put_table(MARK, content("二"), made)
    with pytest.raises(Conflict, match="somebody else"):
        bench.tableau.put_table(MARK, content("二"), None)


def test_a_tableau_that_keeps_no_description_while_publishing_is_told_it_once_more(bench: Bench) -> None:
    bench.simulator.forgets_descriptions = True
    made = bench.tableau.put_table(MARK, content("一"), None)
    assert bench.tableau.find_table("运营", MARK, "tieline_status") == made


def test_without_the_library_publishing_says_what_to_install(bench: Bench) -> None:
    with (
        mock.patch.dict("sys.modules", {"tableauhyperapi": None}),
        pytest.raises(ConfigError, match=r"tieline\[tableau\]"),
    ):
        bench.tableau.put_table(MARK, content("一"), None)
    assert bench.simulator.state.datasources == {}


# -- limits


def test_a_long_pause_is_for_the_next_run(bench: Bench) -> None:
    bench.simulator.faults.plan(Fault("rate_limited", times=1000, value=1800))
    with pytest.raises(TryLater) as caught:
        bench.read()
    assert caught.value.retry_after
    assert caught.value.retry_after.total_seconds() > 1700


# -- the vendor's own client, and what it was recorded with


def test_tableaus_own_client_reads_the_simulator(bench: Bench) -> None:
    bench.tableau.put_table(MARK, content("一"), None)
    for number in range(120):
        bench.simulator.add_project(f"项目 {number:03}")
    server = tsc.Server(bench.sandbox.url("tableau"), use_server_version=True)
    with server.auth.sign_in(tsc.PersonalAccessTokenAuth(TOKEN_NAME, TOKEN_SECRET, SITE)):
        assert server.version == "3.27"
        assert len(list(tsc.Pager(server.projects))) == 121
        [source] = server.datasources.filter(name="tieline_status")
        assert source.project_name == "运营"
        [workbook] = server.workbooks.filter(name="支付")
        server.workbooks.populate_views(workbook)
        [view] = workbook.views
        server.views.populate_csv(view)
        assert b"".join(view.csv).decode().splitlines()[0] == "区域,订单"
        with pytest.raises(tsc.ServerResponseError) as caught:
            server.views.get_by_id("00000000-0000-4000-8000-000000000000")
        assert caught.value.code == "404011"
        server.datasources.delete(source.id)


class Replay(TableauSimulator):
    """Answers whatever is asked after the sign-in with one recorded answer."""

    recorded = Response()

    def handle(self, request: Request) -> Response:
        if request.path.endswith(("/serverInfo", "/signin")):
            return super().handle(request)
        return self.recorded


def recorded_lists() -> Iterator[tuple[str, str, Response, int]]:
    """(test, kind, answer, number of things in it) of each list that was recorded."""
    kinds = {"workbooks": "workbook", "views": "view", "datasources": "datasource", "projects": "project"}
    for line in EXCHANGES.read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        kind, body = exchange["url"].partition("?")[0].rpartition("/")[2], exchange["resp_body"] or ""
        if exchange["method"] == "GET" and kind in kinds and exchange["status"] == 200 and "totalAvailable" in body:
            answer = text_response(body, 200, exchange["resp_content_type"] or "application/xml")
            things = next(node for node in ET.fromstring(body).iter() if _local(node) == kind)
            yield exchange["test"], kind, answer, sum(_local(node) == kinds[kind] for node in things)


def _local(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]


def test_recorded_lists_are_read_through_our_reader_to_the_last_item() -> None:
    if not EXCHANGES.exists():
        pytest.skip(f"{EXCHANGES} is not on this machine")
    replay = Replay("tableau", Clock())
    bench = Bench(replay)
    found, wanted = {}, {}
    for number, (test, kind, answer, count) in enumerate(recorded_lists()):
        replay.recorded = answer
        wanted[number, test] = count
        found[number, test] = len(bench.tableau.site.ask(partial(_listed, kind)))
    bench.close()
    assert found == wanted
    assert len(found) > 10


def _listed(kind: str, server: Any) -> list[Any]:
    return list(getattr(server, kind).get()[0])
