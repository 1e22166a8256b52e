"""Tableau keeps the promises of its ports. What was published is read with Tableau's own library."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import tableauhyperapi as hyper

from connectors.tableau import CONNECTOR
from sandbox.tableau import SITE, TOKEN_NAME, TOKEN_SECRET, TableauSimulator
from sandbox.tableau.state import Person
from sync.core.metrics import Cell, MetricDefinition, MetricQuery
from sync.core.ports import ConnectionSettings
from sync.core.values import Account
from tests.conformance.metrics_suite import (
    MetricCatalogFaults,
    MetricCatalogSuite,
    MetricSinkFaults,
    MetricSinkSuite,
    MetricSourceFaults,
    MetricSourceSuite,
)
from tests.conformance.subjects import Clock, Wire, hurry, served

HEADER = ["区域", "Late", "Share", "Due", "At", "Open"]


def rows_in(file: bytes) -> list[dict[str, Cell]]:
    """What a .hyper file says."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.hyper"
        path.write_bytes(file)
        silence = hyper.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU
        with (
            hyper.HyperProcess(silence, parameters={"log_config": ""}) as process,
            hyper.Connection(process.endpoint, str(path)) as connection,
        ):
            name = hyper.TableName("Extract", "Extract")
            columns = connection.catalog.get_table_definition(name).columns
            names = [column.name.unescaped for column in columns]
            found = connection.execute_list_query(f"SELECT * FROM {name}")
            return [dict(zip(names, map(_back, row), strict=True)) for row in found]


def _back(cell: Any) -> Cell:
    if isinstance(cell, float):
        return Decimal(str(cell))
    if isinstance(cell, hyper.Timestamp):
        return datetime(cell.year, cell.month, cell.day, cell.hour, cell.minute, cell.second, cell.microsecond, UTC)
    if isinstance(cell, hyper.Date):
        return date(cell.year, cell.month, cell.day)
    typed: Cell = cell
    return typed


class TableauSubject:
    """The project 运营 with one view that somebody made, and our connection."""

    place = "运营"
    names_are_unique = True
    query = MetricQuery("支付/交付")
    defined = "支付/交付"
    missing = MetricQuery("支付/没有这个")
    bad = MetricQuery("支付/交付", {"filters": {"没有这一列": "1"}})

    def __init__(self, simulator: TableauSimulator, wire: Wire) -> None:
        self.simulator, self.wire = simulator, wire
        self.project = simulator.add_project("运营")
        rows = [self._row(number) for number in range(3)]
        self.view = simulator.add_view(self.project, "支付", "交付", HEADER, rows)
        self._define()
        self.connection = self.source = self.catalog = self.sink = self.connect()

    def _define(self) -> None:
        """One number of the workbook's own, one calculated in a published data source that somebody else answers for; and a dimension."""
        orders = self.simulator.add_table("dw", "pay", "orders")
        visits = self.simulator.add_table("dw", "web", "visits")
        data = self.simulator.add_datasource(self.project, "支付明细")
        data.owner = Person("5b7c", "wang.fang", "王芳", "wang.fang@acme.example")
        self.simulator.add_field(self.view, "区域", orders, role="DIMENSION")
        self.simulator.add_field(self.view, "Late", orders, description="逾期天数")
        formula = "[订单数] / SUM([访问数])"
        self.share = self.simulator.add_field(self.view, "Share", visits, orders, formula=formula, datasource=data)

    def meanings(self) -> list[MetricDefinition]:
        server = Account(self.simulator.state.user_id, "Tieline", None, "tieline")
        told = []
        for field in self.view.fields[1:]:
            data, owner = field.datasource.name if field.datasource else "支付 数据", server
            if field.datasource:
                owner = Account("5b7c", "王芳", "wang.fang@acme.example", "wang.fang")
            tables = tuple(sorted(f"{table.database}.{table.schema}.{table.name}" for table in field.tables))
            url = f"{self.wire.url}/#/site/{SITE}/views/支付/交付"
            told.append(MetricDefinition(field.name, field.formula, field.description, data, tables, owner, url))
        return sorted(told, key=lambda item: item.name)

    def redefine(self) -> None:
        self.share.formula = "[订单数] / [访客数]"

    def define_many(self) -> None:
        for number in range(250):
            self.simulator.add_field(self.view, f"指标 {number:03}", *self.share.tables)

    def hide_some(self) -> None:
        self.simulator.metadata.sees_assets = False

    def _row(self, number: int) -> list[str]:
        is_open = "" if number == 1 else "True"
        return [
            f'华东 {number}, "引号"\n换行',
            f"{number * 1200:,}",
            "12.5%",
            "2026/9/30",
            "2026-11-24T02:30:00Z",
            is_open,
        ]

    def connect(self) -> Any:
        settings = ConnectionSettings(
            "bi-main", "tableau", self.wire.url, "cloud", requests_per_second=5000, options={"site": SITE},
            credentials={"token_name": TOKEN_NAME, "token_secret": TOKEN_SECRET},
        )  # fmt: skip
        return hurry(CONNECTOR.connect(settings))

    def change(self) -> None:
        self.view.rows[0][1] = "99,000"

    def grow(self) -> None:
        self.view.rows += [self._row(number) for number in range(3, 5_000)]

    def rows(self, name: str = "") -> list[dict[str, Cell]]:
        if name:
            return rows_in(next(item.file for item in self.simulator.state.datasources.values() if item.name == name))
        at = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
        return [
            {
                "区域": row[0], "Late": Decimal(row[1].replace(",", "")), "Share": Decimal("0.125"), "Due": date(2026, 9, 30), "At": at,
                "Open": True if row[5] else None,
            }
            for row in self.view.rows
        ]  # fmt: skip

    def tables(self) -> list[str]:
        return [item.name for item in self.simulator.state.datasources.values() if not item.owner]

    def make_by_hand(self, name: str) -> None:
        self.simulator.add_datasource(self.project, name, description="王芳的表")


@pytest.fixture
def subject() -> Iterator[TableauSubject]:
    simulator = TableauSimulator("tableau", Clock())
    made = TableauSubject(simulator, served(simulator))
    yield made
    made.connection.close()


class TestTableauAsSource(MetricSourceSuite):
    pass


class TestTableauSourceUnderFaults(MetricSourceFaults):
    pass


class TestTableauAsCatalog(MetricCatalogSuite):
    pass


class TestTableauCatalogUnderFaults(MetricCatalogFaults):
    pass


class TestTableauAsSink(MetricSinkSuite):
    pass


class TestTableauSinkUnderFaults(MetricSinkFaults):
    pass
