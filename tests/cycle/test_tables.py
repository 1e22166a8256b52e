"""A table is put once, kept true, found again after a lost answer, and taken away whole. Real store, tables in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sync.apply import apply
from sync.core.metrics import Column, Table, TableContent, typed
from sync.core.plan import Desired, TableAsContent
from sync.core.values import Ref
from sync.retract import undo
from sync.store.store import Store
from tests.cycle.test_apply import Targets, cycle, planned
from tests.fake_sink import FakeMetricSink, Killed

COLUMNS = (Column("task", "text"), Column("share", "number"), Column("due", "date"), Column("at", "instant"))
ROW = ("支付接口开发", Decimal("0.5"), date(2026, 9, 30), datetime(2026, 9, 30, 1, tzinfo=UTC))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/t.sqlite") as store:
        store.migrate()
        yield store


def status(*rows: tuple[object, ...]) -> Desired:
    content = TableAsContent(TableContent("运营", "tieline_status", Table(COLUMNS, rows), ("task",)))
    place = Ref("a:project:ops")
    return Desired("view:table:1", "view", place, "status_table", {"rows": len(rows)}, content, "why", ("a",))


def test_a_table_is_put_once_and_an_unchanged_world_writes_nothing(ledger: Store) -> None:
    targets = Targets()
    cycle(ledger, targets, [status(ROW)])
    again, _ = cycle(ledger, targets, [status(ROW)])
    assert (again.changes, targets.sink.writes) == ((), 1)


def test_new_rows_replace_the_old(ledger: Store) -> None:
    targets = Targets()
    cycle(ledger, targets, [status(ROW)])
    cycle(ledger, targets, [status(ROW, ("支付流程测试", *ROW[1:]))])
    (table,) = targets.sink.tables
    assert table.content.table.rows == (ROW, ("支付流程测试", *ROW[1:]))


def test_a_lost_answer_is_settled_by_looking(ledger: Store) -> None:
    targets = Targets(sink=FakeMetricSink(lose_next=True))
    cycle(ledger, targets, [status(ROW)])
    cycle(ledger, targets, [status(ROW)])
    assert (targets.sink.writes, ledger.pending_intents()) == (1, [])


@pytest.mark.parametrize("is_new", [True, False])
def test_a_table_that_a_dead_run_left_half_written_is_put_whole(ledger: Store, is_new: bool) -> None:
    targets = Targets()
    if not is_new:
        cycle(ledger, targets, [status(ROW)])
    rows = (ROW, ("支付流程测试", *ROW[1:]))
    targets.sink.dies_halfway = True
    with pytest.raises(Killed):
        cycle(ledger, targets, [status(*rows)])
    cycle(ledger, targets, [status(*rows)])
    assert [(table.is_whole, table.content.table.rows) for table in targets.sink.tables] == [(True, rows)]
    writes = targets.sink.writes
    cycle(ledger, targets, [status(*rows)])
    assert (targets.sink.writes, ledger.pending_intents()) == (writes, [])


def test_what_the_ledger_keeps_of_a_table_is_typed_again(ledger: Store) -> None:
    cycle(ledger, Targets(), [status(ROW)])
    content = ledger.published()["view:table:1"].content
    assert isinstance(content, TableAsContent)
    assert typed(content.table.table) == Table(COLUMNS, (ROW,))


def test_undo_takes_a_new_table_away_and_says_of_new_rows_why_the_old_are_not_put_back(ledger: Store) -> None:
    targets = Targets()
    runs = []
    for rows in ((ROW,), (ROW, ROW)):
        runs.append(ledger.begin_run("apply"))
        apply(planned(ledger, targets, [status(*rows)]), targets, ledger, runs[-1])
    outcomes = []
    for run in reversed(runs):
        entries = [(entry.change, entry.before) for entry in ledger.changes_of_run(run)]
        outcomes.append(undo(entries, targets, ledger, ledger.begin_run("undo")))
    assert [[item.reason for item in kept] for _, kept in outcomes] == [["derived"], []]
    assert targets.sink.tables == []
