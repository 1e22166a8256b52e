"""Power BI over real HTTP: the token's life, names, what a reader sees; every request is in the vendor's contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msal
import pytest
import requests

from connectors.powerbi import CONNECTOR
from sandbox.powerbi import CLIENT_ID, CLIENT_SECRET, TENANT, PowerBISimulator
from sandbox.powerbi.state import PushTable
from sandbox.server import Sandbox
from sync.core.errors import AccessDenied, CannotExpress, ConfigError, NotFound
from sync.core.metrics import Column, MetricQuery, Table, TableContent
from sync.core.ports import ConnectionSettings
from tests.connectors.contract import SPECS, assert_request_in_contract

SPEC = SPECS / "powerbi" / "powerbi.swagger2.json"
MARK = "tieline:demo:0123456789abcdef"
CONTENT = TableContent(
    "运营", "状态 表", Table((Column("task", "text"), Column("days", "integer")), (("支付接口开发", 3),))
)


class Bench:
    """A tenant behind its port, and connections to it."""

    def __init__(self) -> None:
        self.simulator = PowerBISimulator()
        self.sandbox = Sandbox([self.simulator]).start()
        self.url = self.sandbox.url("powerbi")
        self.opened: list[Any] = []
        self.powerbi = self.connect()

    def connect(self, **credentials: str) -> Any:
        given = {"tenant": TENANT, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **credentials}
        settings = ConnectionSettings(
            "bi-main",
            "powerbi",
            self.url,
            "global",
            credentials=given,
            options={"authority": self.url},
            requests_per_second=5000,
        )
        self.opened.append(CONNECTOR.connect(settings))
        return self.opened[-1]

    def tokens(self) -> int:
        return sum(entry.path.endswith("/token") for entry in self.sandbox.requests("powerbi"))


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    for entry in made.sandbox.requests("powerbi"):
        if entry.path.startswith("/v1.0"):
            assert_request_in_contract(SPEC, entry.method, entry.path, entry.query, entry.body)
    for connection in made.opened:
        connection.close()
    made.sandbox.stop()


def test_one_token_serves_until_it_ends_and_is_then_taken_anew(bench: Bench) -> None:
    assert bench.powerbi.identify().fingerprint == f"powerbi:{TENANT}"
    bench.powerbi.find_table("运营", MARK, "x")
    bench.powerbi.find_table("运营", MARK, "x")
    assert bench.tokens() == 1
    bench.simulator.end_tokens()  # 403 TokenExpired, though msal thinks it good for an hour
    bench.powerbi.put_table(MARK, CONTENT, None)
    assert bench.tokens() == 2


@pytest.mark.parametrize(
    ("credentials", "cure"),
    [
        ({"client_secret": "wrong"}, "copy its Value, not its Secret ID"),
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, "check client_id and tenant"),
        ({"tenant": "nowhere.example"}, "check tenant"),
    ],
)
def test_a_refused_sign_in_names_the_cure_and_no_secret(bench: Bench, credentials: dict[str, str], cure: str) -> None:
    with pytest.raises(AccessDenied) as caught:
        bench.connect(**credentials).identify()
    assert cure in str(caught.value)
    assert CLIENT_SECRET not in str(caught.value)


def test_a_workspace_that_the_app_does_not_belong_to_is_told_with_its_cure(bench: Bench) -> None:
    bench.simulator.state.add_workspace("财务", is_member=False)
    with pytest.raises(NotFound, match="Manage access"):
        bench.powerbi.find_table("财务", MARK, "x")


def test_a_name_that_means_several_is_an_error_that_names_their_ids(bench: Bench) -> None:
    twin = bench.simulator.state.add_workspace("运营")
    with pytest.raises(ConfigError) as caught:
        bench.powerbi.find_table("运营", MARK, "x")
    assert twin.id in str(caught.value)
    assert bench.powerbi.find_table(twin.id, MARK, "x") is None


def test_doctor_names_what_is_missing(bench: Bench) -> None:
    assert {probe.is_ok for probe in bench.powerbi.probes()} == {True, None}
    bench.simulator.workspace.is_member = False
    bad = [probe for probe in bench.powerbi.probes() if probe.is_ok is False]
    assert bad
    assert all("Manage access" in probe.cure for probe in bad)


def test_a_push_dataset_may_be_refused_by_then(bench: Bench) -> None:
    bench.simulator.state.may_push = False
    with pytest.raises(Exception, match="31 October 2027"):
        bench.powerbi.put_table(MARK, CONTENT, None)


def test_a_name_that_power_bi_does_not_take_is_refused_before_anything_is_made(bench: Bench) -> None:
    with pytest.raises(CannotExpress):
        bench.powerbi.put_table(MARK, TableContent("运营", "a/b", CONTENT.table), None)
    assert bench.simulator.workspace.datasets == {}


def test_while_rows_are_replaced_nobody_takes_the_table_for_whole(bench: Bench) -> None:
    made = bench.powerbi.put_table(MARK, CONTENT, None)
    (dataset,) = bench.simulator.workspace.datasets.values()
    about = next(table for name, table in dataset.tables.items() if name != CONTENT.name)
    about.rows.append({"sequence": 99, "digest": "writing", "columns": ""})
    found = bench.powerbi.find_table("运营", MARK, CONTENT.name)
    assert (found.block, found.id) == ("", made.id)


def test_data_is_as_old_as_the_last_refresh_that_succeeded(bench: Bench) -> None:
    model = bench.simulator.state.add_dataset(bench.simulator.workspace, "交付")
    model.tables["Site"] = PushTable("Site", {"Late": "Int64"}, [{"Late": 3}])
    model.refreshes = [
        {"requestId": "3", "startTime": "2026-11-24T03:00:00Z", "status": "Unknown"},  # under way
        {"requestId": "2", "startTime": "2026-11-24T02:00:00Z", "endTime": "2026-11-24T02:10:00Z", "status": "Failed"},
        {
            "requestId": "1",
            "startTime": "2026-11-24T01:00:00Z",
            "endTime": "2026-11-24T01:10:00.55Z",
            "status": "Completed",
        },
    ]
    reading = bench.powerbi.read_metric(MetricQuery("交付", {"workspace": "运营", "dax": "EVALUATE 'Site'"}))
    assert reading.as_of.isoformat() == "2026-11-24T01:10:00.550000+00:00"
    assert reading.table.rows == ((3,),)


def test_a_query_without_its_parts_is_a_mistake_that_is_named(bench: Bench) -> None:
    with pytest.raises(ConfigError, match="dax"):
        bench.powerbi.read_metric(MetricQuery("交付", {"workspace": "运营"}))


def test_msal_and_plain_rest_find_the_simulator_as_microsoft_documents_it(bench: Bench) -> None:
    """A judge that is not our code: the library's own sign-in, then requests as the documentation writes them."""

    class Plain:
        """msal insists on https; the simulator speaks http."""

        def get(self, url: str, **rest: Any) -> requests.Response:
            return requests.get(url.replace("https://login.microsoftonline.com", bench.url), timeout=5, **rest)

        def post(self, url: str, **rest: Any) -> requests.Response:
            return requests.post(url.replace("https://login.microsoftonline.com", bench.url), timeout=5, **rest)

        def close(self) -> None: ...

    library: Any = msal
    app = library.ConfidentialClientApplication(
        CLIENT_ID, authority=f"https://login.microsoftonline.com/{TENANT}", client_credential=CLIENT_SECRET, http_client=Plain(),
        instance_discovery=False,
    )  # fmt: skip
    token = app.acquire_token_for_client(scopes=["https://analysis.windows.net/powerbi/api/.default"])["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    groups = requests.get(f"{bench.url}/v1.0/myorg/groups", headers=headers, timeout=5).json()
    assert [item["name"] for item in groups["value"]] == ["运营"]
    assert requests.get(f"{bench.url}/v1.0/myorg/groups", timeout=5).status_code == 401
