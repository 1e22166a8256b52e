"""The campaign of schedules in its short form, what it must notice, and its oracle against the document's own examples."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campaigns import schedules
from campaigns.report import Report
from campaigns.schedules_graphs import Graphs
from campaigns.schedules_halves import Spot, Worked
from campaigns.schedules_network import network_of
from campaigns.schedules_oracle import Oracle
from sync.core.calendar import Calendar
from sync.core.values import Dependency, Ref, Task

NEEDED = ("tasks moved by another", "tasks open-ended", "tasks with slack", "circles", "targets", "changed dates")
FIRST, SECOND = Ref("a:task:1"), Ref("b:task:2")
NATIONAL_DAY = Calendar(
    "china",
    days_off=frozenset(date(2026, 10, 1) + timedelta(days=day) for day in range(7)),
    extra_workdays=frozenset({date(2026, 10, 10)}),
)
CHRISTMAS = Calendar(
    "office", days_off=frozenset({date(2026, 12, 25)}), half_days=frozenset({date(2026, 12, 24)})
)  # fmt: skip


def test_schedule_and_oracle_say_the_same() -> None:
    report = schedules.run(seed=20261125, scale=0.0, workers=1)
    assert report.divergences == []
    assert {what for what in NEEDED if not report.counts[what]} == set()


@pytest.mark.parametrize("name", sorted(schedules.SABOTAGES))
def test_a_broken_schedule_is_noticed(name: str) -> None:
    with schedules.SABOTAGES[name]():
        assert any("the product says" in text for text in _found("20261125:0"))


def test_the_oracle_knows_the_documents_golden_week() -> None:
    slipped = _task(FIRST, status="done", due=date(2026, 9, 30), finished=datetime(2026, 10, 10, 4, tzinfo=UTC))
    waiting = _task(SECOND, start=date(2026, 10, 8), due=date(2026, 10, 10))
    oracle = _oracle(NATIONAL_DAY, Dependency(FIRST, SECOND), slipped, waiting)
    assert (oracle.finish(FIRST), oracle.slip(FIRST)) == (date(2026, 10, 10), 3)
    assert (oracle.start(SECOND), oracle.finish(SECOND)) == (date(2026, 10, 12), date(2026, 10, 14))
    assert (oracle.driver(SECOND), oracle.critical_path(SECOND)) == (FIRST, (FIRST, SECOND))


def test_the_oracle_knows_the_documents_half_day() -> None:
    before = _task(FIRST, start=date(2026, 12, 21), due=date(2026, 12, 24))
    after = _task(SECOND, start=date(2026, 12, 22), due=date(2026, 12, 22))
    oracle = _oracle(CHRISTMAS, Dependency(FIRST, SECOND, lag_minutes=240), before, after)
    assert (oracle.start(SECOND), oracle.finish(SECOND)) == (date(2026, 12, 28), date(2026, 12, 29))


def _found(seed: str) -> Iterator[str]:
    """What differs, graph by graph, in the half of the short form in which nothing differs unbroken."""
    source, report = Graphs(seed), Report("schedules", 0)
    for number in range(schedules.SHORT // 2):
        graph = source.graph(number)
        yield from schedules.compared(graph, {}, report)
        yield from schedules.compared_what_if(graph, {}, report)


def _task(ref: Ref, **fields: Any) -> Task:
    given = {"status": "todo", **fields}
    return Task(ref=ref, key=ref.key, title="", vendor_status="", url="", updated_at=datetime(2026, 9, 1, tzinfo=UTC), **given)  # fmt: skip


def _oracle(calendar: Calendar, dependency: Dependency, *tasks: Task) -> Oracle:
    spot = Spot(calendar, ZoneInfo("Asia/Shanghai"), date(2026, 9, 1))
    halves = Worked(calendar)
    return Oracle(
        network_of(
            {task.ref: task for task in tasks}, [dependency], {task.ref: spot for task in tasks}, {task.ref: halves for task in tasks}
        )
    )  # fmt: skip
