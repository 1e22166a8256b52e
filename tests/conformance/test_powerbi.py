"""Power BI keeps the promises of its ports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.powerbi import CONNECTOR
from sandbox.powerbi import CLIENT_ID, CLIENT_SECRET, TENANT, PowerBISimulator
from sandbox.powerbi.state import PushTable
from sync.core.metrics import Cell, MetricQuery
from sync.core.ports import ConnectionSettings
from tests.conformance.metrics_suite import MetricSinkFaults, MetricSinkSuite, MetricSourceFaults, MetricSourceSuite
from tests.conformance.subjects import Clock, Wire, hurry, served

COLUMNS = {
    "区域": "String",
    "Late": "Int64",
    "Share": "Decimal",
    "Due": "DateTime",
    "At": "DateTime",
    "Open": "Boolean",
}


class PowerBISubject:
    """The workspace 运营 with one semantic model that somebody made, and our connection."""

    place = "运营"
    names_are_unique = False
    query = MetricQuery("交付", {"workspace": "运营", "dax": "EVALUATE 'Site'"})
    missing = MetricQuery("没有这个", {"workspace": "运营", "dax": "EVALUATE 'Site'"})
    bad = MetricQuery("交付", {"workspace": "运营", "dax": "EVALUATE 'Nowhere'"})

    def __init__(self, simulator: PowerBISimulator, wire: Wire) -> None:
        self.simulator, self.wire = simulator, wire
        self.model = simulator.state.add_dataset(simulator.workspace, "交付")
        self.site = self.model.tables["Site"] = PushTable("Site", dict(COLUMNS))
        for number in range(3):
            self._row(number)
        self.connection = self.source = self.sink = self.connect()

    def _row(self, number: int) -> None:
        self.site.rows.append(
            {
                "区域": f"华东 {number}",
                "Late": number,
                "Share": 0.25,
                "Due": "2026-09-30T00:00:00",
                "At": "2026-11-24T02:30:00.1234567Z",
                "Open": None if number == 1 else True,
            }
        )

    def connect(self) -> Any:
        settings = ConnectionSettings(
            "bi-main", "powerbi", self.wire.url, "global", requests_per_second=5000, options={"authority": self.wire.url},
            credentials={"tenant": TENANT, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
        )  # fmt: skip
        connection = hurry(CONNECTOR.connect(settings))
        connection._door._sleep = connection.pauses.append
        return connection

    # -- as a source

    def _typed(self, row: dict[str, Any]) -> dict[str, Cell]:
        at = datetime(2026, 11, 24, 2, 30, 0, 123456, tzinfo=UTC)
        return {**row, "Share": Decimal("0.25"), "Due": date(2026, 9, 30), "At": at}

    def change(self) -> None:
        self.site.rows[0]["Late"] = 99

    def grow(self) -> None:
        for number in range(3, 100_010):
            self._row(number)

    # -- as a sink, and as a source: what people see

    def rows(self, name: str = "") -> list[dict[str, Cell]]:
        if not name:
            return [self._typed(row) for row in self.site.rows]
        found = [item for item in self.simulator.workspace.datasets.values() if item.name == name and item.tables]
        table = found[-1].tables[name]
        dates = {key for key in table.columns if key == "due"}
        return [{key: self._back(value, key in dates) for key, value in row.items()} for row in table.rows]

    def _back(self, value: Any, is_date: bool) -> Cell:
        if isinstance(value, float):
            return Decimal(str(value))
        if isinstance(value, str) and value.endswith("Z"):
            return datetime.fromisoformat(value)
        if is_date and isinstance(value, str):
            return date.fromisoformat(value[:10])
        typed: Cell = value
        return typed

    def tables(self) -> list[str]:
        return [item.name for item in self.simulator.workspace.datasets.values() if item is not self.model]

    def make_by_hand(self, name: str) -> None:
        made = self.simulator.state.add_dataset(self.simulator.workspace, name, is_push=True)
        made.tables["Other"] = PushTable("Other", {"x": "Int64"})


@pytest.fixture
def subject() -> Iterator[PowerBISubject]:
    simulator = PowerBISimulator(clock=Clock())
    made = PowerBISubject(simulator, served(simulator))
    yield made
    made.connection.close()


class TestPowerBIAsSource(MetricSourceSuite):
    pass


class TestPowerBISourceUnderFaults(MetricSourceFaults):
    pass


class TestPowerBIAsSink(MetricSinkSuite):
    pass


class TestPowerBISinkUnderFaults(MetricSinkFaults):
    pass
