"""A Tableau site behind its port, and connections to it."""

from __future__ import annotations

from typing import Any

from connectors.tableau import CONNECTOR
from sandbox.server import Sandbox
from sandbox.tableau import SITE, TOKEN_NAME, TOKEN_SECRET, TableauSimulator
from sync.core.metrics import MetricQuery
from sync.core.ports import ConnectionSettings
from tests.conformance.subjects import Clock


class Bench:
    """A site behind its port, and connections to it."""

    def __init__(self, simulator: TableauSimulator | None = None) -> None:
        self.simulator = simulator or TableauSimulator("tableau", Clock())
        self.project = self.simulator.add_project("运营")
        self.view = self.simulator.add_view(
            self.project, "支付", "概览", ["区域", "订单"], [["华东", "1"], ["华南", "2"], ["西,南", "3"]]
        )
        self.sandbox = Sandbox([self.simulator]).start()
        self.opened: list[Any] = []
        self.tableau = self.connect()

    def connect(self, **changes: Any) -> Any:
        token = {"token_name": TOKEN_NAME, "token_secret": changes.get("secret", TOKEN_SECRET)}
        settings = ConnectionSettings(
            "bi-main", "tableau", self.sandbox.url("tableau"), "cloud", requests_per_second=5000, language=changes.get("language", "zh-CN"),
            options={"site": changes.get("site", SITE)}, credentials=changes.get("credentials", token),
        )  # fmt: skip
        self.opened.append(CONNECTOR.connect(settings))
        self.opened[-1].remote._sleep = lambda _: None
        return self.opened[-1]

    def read(self, **options: Any) -> list[tuple[Any, ...]]:
        return list(self.tableau.read_metric(MetricQuery("支付/概览", options)).table.rows)

    def close(self) -> None:
        for connection in self.opened:
            connection.close()
        self.sandbox.stop()
