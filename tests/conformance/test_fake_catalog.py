"""The definitions in memory keep the MetricCatalog's promises."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sync.core.metrics import MetricDefinition, MetricQuery
from sync.core.values import Account
from tests.conformance.metrics_suite import MetricCatalogSuite
from tests.fake_catalog import FakeMetricCatalog

OWNER = Account("5b7c", "王芳")


class FakeCatalogSubject:
    defined = "支付/交付"
    missing = MetricQuery("支付/没有这个")

    def __init__(self) -> None:
        late = MetricDefinition("逾期", tables=("dw.orders",), owner=OWNER)
        self.kept = [late, MetricDefinition("转化率", "[订单数] / [访问数]", owner=OWNER)]
        self.catalog = FakeMetricCatalog({self.defined: self.kept})

    def meanings(self) -> list[MetricDefinition]:
        return sorted(self.kept, key=lambda item: item.name)

    def redefine(self) -> None:
        self.kept[1] = replace(self.kept[1], formula="[订单数] / [访客数]")

    def define_many(self) -> None:
        self.kept += [MetricDefinition(f"指标 {number:03}", owner=OWNER) for number in range(250)]

    def hide_some(self) -> None:
        self.catalog.hidden.add("逾期")


class TestFakeCatalog(MetricCatalogSuite):
    @pytest.fixture
    def subject(self) -> FakeCatalogSubject:
        return FakeCatalogSubject()
