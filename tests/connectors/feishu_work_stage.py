"""A simulated Feishu with tables or tasks and connections to it, for the live tests; what was asked, and whether the contract knows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.feishu import FeishuSimulator
from tests.conformance.feishu_work import WorkSubject
from tests.conformance.subjects import Clock, served
from tests.connectors.contract import assert_request_in_contract


@contextmanager
def open_stage(kind: type[WorkSubject]) -> Iterator[Any]:
    """A subject of this kind on a simulator of its own; what it connected is closed at the end."""
    clock = Clock()
    simulator = FeishuSimulator("feishu-work", clock, enforce_limits=False)
    made = kind(simulator, served(simulator), clock)
    yield made
    for connection in made.opened:
        connection.close()


def assert_in_contract(subject: WorkSubject, contracts: Path) -> None:
    for one in subject.wire._sandbox.requests("feishu-work"):
        name = one.path.split("/")[2]
        assert_request_in_contract(contracts / f"{name}.json", one.method, one.path, one.query, one.body)


def asked(subject: WorkSubject) -> list[str]:
    return [
        request.partition("/open-apis")[2].split("?")[0]
        for request in subject.wire.requests()
        if "internal" not in request
    ]
