"""Definitions out of Tableau, and sign-in by a connected app, over real HTTP; Tableau's own client beside ours."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import tableauserverclient

from sandbox.http import Request, Response, json_response, text_response
from sandbox.tableau import CLIENT_ID, SECRET_ID, SECRET_VALUE, SITE, TOKEN_NAME, TOKEN_SECRET, USER, TableauSimulator
from sandbox.tableau.state import View
from sync.core.errors import AccessDenied, Refused, TryLater
from sync.core.metrics import Column, Definitions, MetricQuery, Table, TableContent
from tests.conformance.subjects import MARK
from tests.connectors.tableau_bench import Bench
from tests.end_to_end.company import tieline

tsc: Any = tableauserverclient
APP = {"client_id": CLIENT_ID, "secret_id": SECRET_ID, "secret_value": SECRET_VALUE, "user": USER}


class Site(TableauSimulator):
    """One whose clock is ours, and whose Metadata API answers with ``instead`` where that is set, or ends the session when first asked."""

    instead: Response | None = None
    ends_session = False
    ahead = timedelta()

    def __init__(self) -> None:
        super().__init__("tableau", lambda: datetime.now(UTC) + self.ahead)

    def handle(self, request: Request) -> Response:
        if self.instead and request.path.endswith("/graphql"):
            return self.instead
        if self.ends_session and request.path.endswith("/graphql"):
            self.ends_session = False
            self.end_session()
        return super().handle(request)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(Site())
    yield made
    made.close()


def told(bench: Bench) -> Definitions:
    found: Definitions = bench.tableau.definitions("支付/概览")
    return found


def names(found: Definitions) -> list[str]:
    return [item.name for item in found.items]


def add_numbers(bench: Bench, view: View, count: int) -> None:
    table = bench.simulator.add_table("dw", "pay", "orders")
    for number in range(count):
        bench.simulator.add_field(view, f"指标 {number:03}", table)


def questions(bench: Bench) -> int:
    return sum(entry.path.endswith("/graphql") for entry in bench.sandbox.requests("tableau"))


# -- definitions


def test_of_a_dashboard_the_numbers_of_all_its_sheets_are_told_hidden_ones_too(bench: Bench) -> None:
    for sheet in bench.simulator.add_dashboard(bench.view, "趋势", "排名"):
        bench.simulator.add_field(sheet, f"{sheet.name}值", formula="SUM([金额])")
    found = told(bench)
    assert (names(found), found.is_whole) == (["排名值", "趋势值"], True)
    assert {item.url for item in found.items} == {""}


def test_what_was_written_on_the_sheet_itself_is_told(bench: Bench) -> None:
    bench.simulator.add_field(bench.view, "临时计算", formula="SUM([金额]) * 0.9", is_on_sheet=True)
    [item] = told(bench).items
    assert (item.name, item.formula, item.dataset) == ("临时计算", "SUM([金额]) * 0.9", "支付")


def test_only_measures_are_numbers(bench: Bench) -> None:
    """A group is a field of its own type with a role; a set has none, and nobody knows of what Tableau calls unknown."""
    published = bench.simulator.add_datasource(bench.project, "支付明细")
    for kind, role in (("GroupField", "DIMENSION"), ("BinField", "DIMENSION"), ("SetField", ""), ("", "MEASURE")):
        bench.simulator.add_field(bench.view, f"{kind} {role}", role=role, kind=kind)
        bench.simulator.add_field(bench.view, f"{kind} {role}", role=role, kind=kind, datasource=published)
    found = told(bench)
    assert ([item.dataset for item in found.items], found.is_whole) == (["支付 数据", "支付明细"], True)
    bench.simulator.add_field(bench.view, "折扣", role="UNKNOWN")
    found = told(bench)
    assert (names(found), found.is_whole) == ([" MEASURE", " MEASURE"], False)
    assert "whether 折扣 is a number" in found.reason


def test_an_answer_that_would_hold_too_much_is_asked_for_in_pieces(bench: Bench) -> None:
    add_numbers(bench, bench.view, 60)
    bench.simulator.metadata.node_limit = 100
    found = told(bench)
    assert (len(found.items), found.is_whole) == (60, True)
    assert questions(bench) < 20


def test_what_cannot_be_asked_for_in_smaller_pieces_is_told_not_to_be_whole(bench: Bench) -> None:
    add_numbers(bench, bench.view, 3)
    bench.simulator.metadata.node_limit = 6
    found = told(bench)
    assert not found.is_whole
    assert "node limit" in found.reason
    assert questions(bench) < 12


@pytest.mark.parametrize(
    ("code", "words"),
    [("BACKFILL_RUNNING", "Still creating the Metadata API Store"), ("PERMISSIONS_MODE_SWITCHED", "filtered")],
)
def test_a_warning_beside_the_data_is_told_and_the_data_kept(bench: Bench, code: str, words: str) -> None:
    add_numbers(bench, bench.view, 1)
    bench.simulator.metadata.warnings = [(code, words)]
    found = told(bench)
    assert (len(found.items), found.is_whole) == (1, False)
    assert words in found.reason


def test_a_page_size_that_was_made_smaller_costs_nothing(bench: Bench) -> None:
    add_numbers(bench, bench.view, 1)
    bench.simulator.metadata.warnings = [("MAX_PAGE_SIZE_EXCEEDED", "smaller")]
    assert told(bench).is_whole


def test_custom_sql_that_tableau_cannot_read_is_told(bench: Bench) -> None:
    bench.simulator.add_field(bench.view, "金额", has_custom_sql=True)
    assert "支付 数据 has custom SQL" in told(bench).reason


def test_hidden_names_are_counted_and_the_cure_is_said(bench: Bench) -> None:
    add_numbers(bench, bench.view, 2)
    bench.simulator.metadata.sees_assets = False
    found = told(bench)
    assert [item.tables for item in found.items] == [(), ()]
    assert found.reason.startswith("2 names")
    assert "derived permissions" in found.reason


def test_a_view_that_is_not_indexed_yet_is_told(bench: Bench) -> None:
    bench.simulator.metadata.state = type(bench.simulator.state)()
    found = told(bench)
    assert (found.items, found.is_whole) == ((), False)
    assert "does not know this view" in found.reason


def test_where_the_metadata_api_is_off_the_command_that_turns_it_on_is_named(bench: Bench) -> None:
    site: Any = bench.simulator
    site.metadata.is_on = False
    with pytest.raises(Refused, match="tsm maintenance metadata-services enable"):
        told(bench)
    site.instead = text_response("<h1>404</h1>", 404, "text/html")  # a Server that is older still
    with pytest.raises(Refused, match="tsm maintenance metadata-services enable"):
        told(bench)


def test_a_pause_asked_for_with_status_200_is_a_pause(bench: Bench) -> None:
    site: Any = bench.simulator
    error = {"message": "Rate exceeded.", "extensions": {"code": "RATE_EXCEEDED", "severity": "ERROR"}}
    site.instead = json_response({"errors": [error], "data": None})
    with pytest.raises(TryLater, match="Rate exceeded") as caught:
        told(bench)
    assert caught.value.reason == "rate_limited"


def test_doctor_tells_whether_definitions_can_be_told(bench: Bench) -> None:
    add_numbers(bench, bench.view, 1)

    def probe() -> Any:
        return next(item for item in bench.tableau.probes() if "Metadata" in item.operation)

    assert (probe().is_ok, probe().detail) == (True, "1 tables visible")
    bench.simulator.metadata.sees_assets = False
    assert (probe().is_ok, "derived permissions" in probe().cure) == (None, True)
    bench.simulator.metadata.is_on = False
    assert (probe().is_ok, "tsm maintenance" in probe().cure) == (None, True)


def test_an_ended_session_is_begun_anew_for_a_question(bench: Bench) -> None:
    site: Any = bench.simulator
    add_numbers(bench, bench.view, 1)
    site.ends_session = True
    assert len(told(bench).items) == 1
    assert bench.simulator.sign_ins == 2


# -- a connected app


def app(bench: Bench, **changes: str) -> Any:
    return bench.connect(credentials={**APP, **changes})


def test_a_connected_app_may_do_all_that_we_do(bench: Bench) -> None:
    """The simulator opens a call only to the scope that Tableau's documentation names for it."""
    add_numbers(bench, bench.view, 1)
    tableau = app(bench)
    content = TableContent("运营", "tieline_status", Table((Column("任务", "text"),), (("一",),)))
    made = tableau.put_table(MARK, content, None)
    assert tableau.find_table("运营", MARK, "tieline_status") == made
    tableau.remove_table(made)
    assert len(tableau.definitions("支付/概览").items) == 1
    assert len(tableau.read_metric(MetricQuery("支付/概览")).table.rows) == 3
    assert all(probe.is_ok is not False for probe in tableau.probes())
    assert tableau.identify().account.id == bench.simulator.state.user_id


def test_sessions_of_a_connected_app_stand_side_by_side_and_each_token_is_used_once(bench: Bench) -> None:
    one, other = app(bench), app(bench)
    for _ in range(2):
        one.definitions("支付/概览")
        other.definitions("支付/概览")
    assert bench.simulator.sign_ins == 2
    bench.simulator.end_session()
    one.definitions("支付/概览")
    assert (bench.simulator.sign_ins, len(bench.simulator.used_tokens)) == (3, 3)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("client_id", "no such connected app"),
        ("secret_id", "no such secret"),
        ("secret_value", "the token has ended"),
        ("user", "no such user"),
    ],
)
def test_what_is_wrong_with_a_connected_app_is_named(bench: Bench, setting: str, words: str) -> None:
    with pytest.raises(AccessDenied, match=words) as caught:
        app(bench, **{setting: "a-wrong-one-3f19c2d7e8a9b0c1d2e3f4a5b6"}).identify()
    assert "Settings > Connected Apps" in str(caught.value)
    assert SECRET_VALUE not in str(caught.value)


def test_a_clock_that_is_wrong_is_named(bench: Bench) -> None:
    site: Any = bench.simulator
    site.ahead = timedelta(hours=1)
    with pytest.raises(AccessDenied, match="clock must be right"):
        app(bench).identify()


def test_an_older_tableau_that_knows_no_connected_apps_is_named(bench: Bench) -> None:
    bench.simulator.version = "3.16"
    with pytest.raises(Refused, match="knows no connected apps"):
        app(bench).identify()


def test_the_apps_secret_never_travels(bench: Bench) -> None:
    app(bench).definitions("支付/概览")
    assert all(SECRET_VALUE.encode() not in entry.body for entry in bench.sandbox.requests("tableau"))


# -- Tableau's own client as judge of the simulator


def test_tableaus_own_client_asks_the_simulators_metadata_api(bench: Bench) -> None:
    add_numbers(bench, bench.view, 25)
    server = tsc.Server(bench.sandbox.url("tableau"), use_server_version=True)
    with server.auth.sign_in(tsc.PersonalAccessTokenAuth(TOKEN_NAME, TOKEN_SECRET, SITE)):
        page = "nodes { name } pageInfo { hasNextPage endCursor }"
        inner = f"sheetFieldInstancesConnection(first: $first, after: $afterToken) {{ {page} }}"
        query = f"query all($first: Int, $afterToken: String) {{ sheetsConnection {{ nodes {{ {inner} }} }} }}"
        found = server.metadata.paginated_query(query, {"first": 10, "afterToken": None}, abort_on_error=True)
        sheets = [result["data"]["sheetsConnection"]["nodes"][0] for result in found["pages"]]
        assert [len(sheet["sheetFieldInstancesConnection"]["nodes"]) for sheet in sheets] == [10, 10, 5]
        with pytest.raises(tsc.server.endpoint.exceptions.GraphQLError, match="FieldUndefined"):
            server.metadata.query("{ sheetsConnection { nodes { titel } } }", abort_on_error=True)


def test_tableaus_own_client_signs_in_with_a_token_of_a_connected_app(bench: Bench) -> None:
    def token(lives: timedelta) -> str:
        claims = {
            "iss": CLIENT_ID, "sub": USER, "aud": "tableau", "jti": str(uuid.uuid4()), "scp": ["tableau:content:read"],
            "exp": datetime.now(UTC) + lives,
        }  # fmt: skip
        return jwt.encode(claims, SECRET_VALUE, "HS256", headers={"kid": SECRET_ID})

    server = tsc.Server(bench.sandbox.url("tableau"), use_server_version=True)
    with server.auth.sign_in(tsc.JWTAuth(token(timedelta(minutes=5)), site_id=SITE)):
        assert [project.name for project in server.projects.get()[0]] == ["运营"]
        [workbook] = server.workbooks.filter(name="支付")
        server.workbooks.populate_views(workbook)
        [view] = workbook.views
        server.views.populate_csv(view)
        with pytest.raises(tsc.server.endpoint.exceptions.NotSignedInError):  # no scope to download
            b"".join(view.csv)
    with pytest.raises(tsc.server.endpoint.exceptions.FailedSignInError):
        server.auth.sign_in(tsc.JWTAuth(token(timedelta(minutes=11)), site_id=SITE))


# -- the command


def test_the_command_shows_definitions_and_ends_with_5_when_they_are_not_whole(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_TABLEAU", SECRET_VALUE)
    config = tmp_path / "tieline.yaml"
    config.write_text(
        f"""\
installation: acme
database: sqlite:///{tmp_path / "t.sqlite"}
connections:
  charts:
    type: tableau
    variant: server
    base_url: {bench.sandbox.url("tableau")}
    site: {SITE}
    client_id: {CLIENT_ID}
    secret_id: {SECRET_ID}
    secret_value: env:T_TABLEAU
    user: {USER}
""",
        encoding="utf-8",
    )
    orders = bench.simulator.add_table("dw", "pay", "orders")
    bench.simulator.add_field(bench.view, "转化率", orders, formula="[订单数] / [访问数]")
    ask = ("definitions", "charts", "支付/概览", "--config", config)
    shape = tieline(*ask, "--json").expect(0).json()
    [item] = shape.pop("items")
    assert shape == {"connection": "charts", "source": "支付/概览", "is_whole": True, "reason": ""}
    assert (item["formula"], item["tables"], item["owner"]["login"]) == (
        "[订单数] / [访问数]", ["dw.pay.orders"], "tieline",
    )  # fmt: skip
    bench.simulator.metadata.sees_assets = False
    shown = tieline(*ask).expect(5).out
    assert "[订单数] / [访问数]" in shown
    assert "Not all of it: 1 names" in shown
    assert "not a connection" in tieline("definitions", "chart", "x", "--config", config).expect(2).problem
