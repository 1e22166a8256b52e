"""The tables in memory keep the MetricSink's promises."""

from __future__ import annotations

from typing import Any

import pytest

from sync.core.metrics import Cell, Table, TableContent
from tests.conformance.metrics_suite import MetricSinkSuite
from tests.fake_sink import FakeMetricSink, KeptTable


class FakeSinkSubject:
    place = "运营"
    names_are_unique = True

    def __init__(self) -> None:
        self.sink = FakeMetricSink()

    def rows(self, name: str) -> list[dict[str, Cell]]:
        table = next(item.content.table for item in self.sink.tables if item.content.name == name)
        names = [column.name for column in table.columns]
        found: list[dict[str, Any]] = [dict(zip(names, cells, strict=True)) for cells in table.rows]
        return found

    def tables(self) -> list[str]:
        return [item.content.name for item in self.sink.tables]

    def make_by_hand(self, name: str) -> None:
        self.sink.tables.append(KeptTable("by-hand", "", TableContent(self.place, name, Table(()))))


class TestFakeSink(MetricSinkSuite):
    @pytest.fixture
    def subject(self) -> FakeSinkSubject:
        return FakeSinkSubject()
