"""The table of all tasks for tools that draw charts: typed rows, nothing restricted, nothing that grows by itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from jobs.status_view.judge import StatusSettings, StatusTable, judge
from jobs.status_view.rows import COLUMNS
from sync.core.metrics import Cell, typed
from sync.core.plan import TableAsContent
from sync.core.values import Ref
from sync.core.view import ConnectionFacts, View
from tests.jobs.story import API, AT, FLOW, story

LATER = datetime(2026, 10, 10, 1, 0, tzinfo=UTC)
SETTINGS = StatusSettings(tables=(StatusTable("bi-main", "运营"),))


def content(view: View) -> TableAsContent:
    sink = ConnectionFacts("bi-main", "powerbi", ports=("metric_sink",))
    (item,) = judge(replace(view, connections={**view.connections, "bi-main": sink}), SETTINGS, {}).desired
    assert isinstance(item.content, TableAsContent)
    return item.content


def rows(view: View) -> dict[str, dict[str, Cell]]:
    names = [column.name for column in COLUMNS]
    found: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in content(view).table.table.rows]
    return {row["task"]: row for row in found}


def test_every_task_is_a_typed_row() -> None:
    view = story()
    table = content(view).table
    assert (table.place, table.name, table.keys) == ("运营", "tieline_status", ("task",))
    assert typed(table.table) == table.table
    assert set(rows(view)) == set(view.tasks)
    api, flow = rows(view)[API], rows(view)[FLOW]
    assert (flow["expected_start"], flow["slip_days"], flow["is_late"]) == (date(2026, 10, 12), 3, True)
    assert (flow["waits_for"], api["is_awaited_by"], api["department"]) == (1, 1, "技术部")


def test_a_restricted_task_keeps_its_row_and_not_its_words() -> None:
    view = story(flow={"visibility": "restricted"})
    row = rows(view)[FLOW]
    assert view.tasks[FLOW].title not in str(row)
    assert (row["url"], row["owner"], row["vendor_status"]) == ("", "", "")
    assert "受限任务" in str(row["title"])


@pytest.mark.parametrize("changes", [{}, {"api": {"due": date(2026, 9, 25)}}])
def test_passing_days_change_no_number(changes: dict[str, Any]) -> None:
    """Once it is past due, nothing moves with today."""
    first = rows(story(at=LATER + timedelta(days=10), **changes))
    assert rows(story(at=LATER + timedelta(days=30), **changes)) == first


def test_ended_tasks_expect_nothing() -> None:
    row = rows(story(api={"status": "done", "finished": AT}))[Ref(API)]
    assert (row["expected_finish"], row["slip_days"], row["is_late"], row["finished"]) == (None, None, False, AT)
