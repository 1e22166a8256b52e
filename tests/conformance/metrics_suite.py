"""What every MetricSource, MetricCatalog and MetricSink promises."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Protocol

import pytest

from sandbox.faults import FaultKind
from sync.core.errors import AccessDenied, Conflict, LostAnswer, Nonsense, NotFound, Refused, TryLater
from sync.core.metrics import (
    Cell,
    Column,
    Definitions,
    MetricCatalog,
    MetricDefinition,
    MetricQuery,
    MetricSink,
    MetricSource,
    Table,
    TableContent,
)
from tests.conformance.subjects import MARK, OTHER_MARK, Wire

COLUMNS = (
    Column("task", "text"),
    Column("late_days", "integer"),
    Column("share", "number"),
    Column("is_late", "boolean"),
    Column("due", "date"),
    Column("updated_at", "instant"),
)
UPDATED = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)


def row(task: str, late_days: int | None = 3) -> tuple[Cell, ...]:
    return (task, late_days, Decimal("0.25"), True, date(2026, 9, 30), UPDATED)


ROWS = (row("支付接口开发"), row("支付流程测试", 0), row("\"引号\", 逗号\n换行 <b> 'x' =1+1 😀", None))


class MetricSourceSubject(Protocol):
    """A source of numbers whose ``query`` brings exactly ``rows`` (sorted as text); ``missing`` names something that is not there,
    ``bad`` a query that the tool refuses.
    """

    source: MetricSource
    query: MetricQuery
    missing: MetricQuery
    bad: MetricQuery

    def rows(self) -> list[dict[str, Cell]]: ...

    def change(self) -> None:
        """A number changes."""
        ...

    def grow(self) -> None:
        """More rows than the tool gives in one answer."""
        ...


class RemoteMetricSourceSubject(MetricSourceSubject, Protocol):
    """A source of numbers over the wire."""

    wire: Wire


def read(subject: MetricSourceSubject) -> list[dict[str, Cell]]:
    table = subject.source.read_metric(subject.query).table
    names = [column.name for column in table.columns]
    return sorted((dict(zip(names, cells, strict=True)) for cells in table.rows), key=str)


class MetricSourceSuite:
    """The promises of ``MetricSource``."""

    def test_it_is_a_metric_source(self, subject: MetricSourceSubject) -> None:
        assert isinstance(subject.source, MetricSource)

    def test_rows_come_typed_as_they_are(self, subject: MetricSourceSubject) -> None:
        assert read(subject) == sorted(subject.rows(), key=str)
        assert any(isinstance(cell, int | Decimal) for cells in subject.rows() for cell in cells.values())

    def test_what_changed_is_read(self, subject: MetricSourceSubject) -> None:
        before = read(subject)
        subject.change()
        assert read(subject) == sorted(subject.rows(), key=str) != before

    def test_all_rows_come_or_it_is_said_that_they_do_not(self, subject: MetricSourceSubject) -> None:
        subject.grow()
        reading = subject.source.read_metric(subject.query)
        if reading.is_whole:
            assert read(subject) == sorted(subject.rows(), key=str)
        else:
            assert reading.reason
            assert len(reading.table.rows) < len(subject.rows())

    def test_what_is_not_there_is_not_found(self, subject: MetricSourceSubject) -> None:
        with pytest.raises(NotFound):
            subject.source.read_metric(subject.missing)

    def test_a_query_that_the_tool_does_not_take_is_refused_in_its_words(self, subject: MetricSourceSubject) -> None:
        with pytest.raises(Refused) as caught:
            subject.source.read_metric(subject.bad)
        assert str(caught.value)


class MetricSourceFaults:
    """A MetricSource under faults: the rows, or an error; never a part of them."""

    @pytest.mark.parametrize(
        "kind", ["rate_limited", "server_error", "slow", "reset", "lost_answer", "html", "truncated"]
    )
    def test_a_passing_fault_costs_no_row(self, subject: RemoteMetricSourceSubject, kind: FaultKind) -> None:
        read(subject)
        subject.wire.forget()
        read(subject)
        for skip in range(len(subject.wire.requests())):
            subject.wire.plan(kind, skip=skip, value=1 if kind == "rate_limited" else 0.02)
            assert read(subject) == sorted(subject.rows(), key=str)
            subject.wire.clear()

    @pytest.mark.parametrize("kind", ["server_error", "reset", "html", "truncated", "unauthorized"])
    def test_a_fault_that_stays_is_an_error(self, subject: RemoteMetricSourceSubject, kind: FaultKind) -> None:
        subject.wire.plan(kind, times=10_000)
        with pytest.raises(AccessDenied if kind == "unauthorized" else (TryLater, Nonsense)):
            read(subject)


class MetricCatalogSubject(Protocol):
    """A source of numbers named ``defined`` that the tool can explain: ``meanings`` is what its authors wrote. ``missing`` is not there."""

    catalog: MetricCatalog
    defined: str
    missing: MetricQuery

    def meanings(self) -> list[MetricDefinition]: ...

    def redefine(self) -> None:
        """An author changes a formula."""
        ...

    def define_many(self) -> None:
        """More numbers than the tool tells in one answer."""
        ...

    def hide_some(self) -> None:
        """Something of it is hidden from our account."""
        ...


class RemoteMetricCatalogSubject(MetricCatalogSubject, Protocol):
    """A catalogue over the wire."""

    wire: Wire


def told_by(subject: MetricCatalogSubject) -> Definitions:
    return subject.catalog.definitions(subject.defined)


class MetricCatalogSuite:
    """The promises of ``MetricCatalog``."""

    def test_it_is_a_metric_catalog(self, subject: MetricCatalogSubject) -> None:
        assert isinstance(subject.catalog, MetricCatalog)

    def test_each_number_is_told_once_as_its_authors_wrote_it(self, subject: MetricCatalogSubject) -> None:
        told = told_by(subject)
        assert list(told.items) == subject.meanings()
        assert (told.is_whole, told.reason) == (True, "")
        assert [item.name for item in told.items] == sorted({item.name for item in told.items})
        assert any(item.formula for item in told.items)
        assert any(item.tables for item in told.items)
        assert all(item.owner for item in told.items)

    def test_what_was_redefined_is_told(self, subject: MetricCatalogSubject) -> None:
        before = told_by(subject)
        subject.redefine()
        assert list(told_by(subject).items) == subject.meanings() != list(before.items)

    def test_many_are_all_told(self, subject: MetricCatalogSubject) -> None:
        subject.define_many()
        told = told_by(subject)
        assert told.is_whole
        assert list(told.items) == subject.meanings()
        assert len(told.items) > 200

    def test_what_is_hidden_is_never_taken_for_not_there(self, subject: MetricCatalogSubject) -> None:
        subject.hide_some()
        told = told_by(subject)
        assert not told.is_whole
        assert told.reason

    def test_a_source_that_is_not_there_is_not_found(self, subject: MetricCatalogSubject) -> None:
        with pytest.raises(NotFound):
            subject.catalog.definitions(subject.missing.source)


class MetricCatalogFaults:
    """A MetricCatalog under faults: all of it, or an error."""

    @pytest.mark.parametrize(
        "kind", ["rate_limited", "server_error", "slow", "reset", "lost_answer", "html", "truncated"]
    )
    def test_a_passing_fault_costs_no_definition(self, subject: RemoteMetricCatalogSubject, kind: FaultKind) -> None:
        told_by(subject)
        subject.wire.forget()
        told_by(subject)
        for skip in range(len(subject.wire.requests())):
            subject.wire.plan(kind, skip=skip, value=1 if kind == "rate_limited" else 0.02)
            told = told_by(subject)
            assert (list(told.items), told.is_whole) == (subject.meanings(), True)
            subject.wire.clear()

    @pytest.mark.parametrize("kind", ["server_error", "reset", "html", "truncated", "unauthorized"])
    def test_a_fault_that_stays_is_an_error(self, subject: RemoteMetricCatalogSubject, kind: FaultKind) -> None:
        subject.wire.plan(kind, times=10_000)
        with pytest.raises(AccessDenied if kind == "unauthorized" else (TryLater, Nonsense)):
            told_by(subject)


class MetricSinkSubject(Protocol):
    """A sink and its tables as people see them. ``names_are_unique`` is false where a table of somebody else's may have the same name."""

    sink: MetricSink
    place: str
    names_are_unique: bool

    def rows(self, name: str) -> list[dict[str, Cell]]:
        """The rows that a reader of our table of this name sees; the tool's own way with dates and numbers turned back."""
        ...

    def tables(self) -> list[str]:
        """The names of all tables in the place."""
        ...

    def make_by_hand(self, name: str) -> None:
        """A colleague's table of this name."""
        ...


class RemoteMetricSinkSubject(MetricSinkSubject, Protocol):
    """A sink over the wire."""

    wire: Wire


def content(place: str, *rows: tuple[Cell, ...], columns: tuple[Column, ...] = COLUMNS) -> TableContent:
    return TableContent(place, "tieline_status", Table(columns, rows), ("task",))


def told(rows: tuple[tuple[Cell, ...], ...], columns: tuple[Column, ...] = COLUMNS) -> list[dict[str, Cell]]:
    names = [column.name for column in columns]
    return sorted((dict(zip(names, cells, strict=True)) for cells in rows), key=str)


class MetricSinkSuite:
    """The promises of ``MetricSink``."""

    def test_it_is_a_metric_sink(self, subject: MetricSinkSubject) -> None:
        assert isinstance(subject.sink, MetricSink)

    def test_a_table_is_made_found_and_reads_as_it_was_put(self, subject: MetricSinkSubject) -> None:
        assert subject.sink.find_table(subject.place, MARK, "tieline_status") is None
        wanted = content(subject.place, *ROWS)
        made = subject.sink.put_table(MARK, wanted, None)
        assert sorted(subject.rows("tieline_status"), key=str) == told(ROWS)
        found = subject.sink.find_table(subject.place, MARK, "tieline_status")
        assert found
        assert (found.id, found.block) == (made.id, subject.sink.block_of_table(wanted))

    def test_new_rows_replace_the_old(self, subject: MetricSinkSubject) -> None:
        made = subject.sink.put_table(MARK, content(subject.place, *ROWS), None)
        wanted = content(subject.place, row("支付接口开发", 5))
        subject.sink.put_table(MARK, wanted, made)
        assert subject.rows("tieline_status") == told((row("支付接口开发", 5),))
        assert subject.tables().count("tieline_status") == 1
        found = subject.sink.find_table(subject.place, MARK, "tieline_status")
        assert found
        assert found.block == subject.sink.block_of_table(wanted) != made.block

    def test_no_rows_at_all_are_a_table_too(self, subject: MetricSinkSubject) -> None:
        made = subject.sink.put_table(MARK, content(subject.place, *ROWS), None)
        subject.sink.put_table(MARK, content(subject.place), made)
        assert subject.rows("tieline_status") == []

    def test_columns_may_change(self, subject: MetricSinkSubject) -> None:
        made = subject.sink.put_table(MARK, content(subject.place, *ROWS), None)
        columns = (*COLUMNS[:2], Column("负责部门", "text"))
        rows: tuple[tuple[Cell, ...], ...] = (("支付接口开发", 4, "技术部"),)
        subject.sink.put_table(MARK, content(subject.place, *rows, columns=columns), made)
        assert subject.rows("tieline_status") == told(rows, columns)

    def test_many_rows_all_arrive(self, subject: MetricSinkSubject) -> None:
        rows = tuple(row(f"任务 {number:05}", number) for number in range(10_500))
        subject.sink.put_table(MARK, content(subject.place, *rows), None)
        assert sorted(subject.rows("tieline_status"), key=str) == told(rows)

    def test_somebody_elses_table_is_never_taken_over(self, subject: MetricSinkSubject) -> None:
        subject.make_by_hand("tieline_status")
        assert subject.sink.find_table(subject.place, MARK, "tieline_status") is None
        if subject.names_are_unique:
            with pytest.raises(Conflict):
                subject.sink.put_table(MARK, content(subject.place, *ROWS), None)
        else:
            subject.sink.put_table(MARK, content(subject.place, *ROWS), None)
            assert subject.tables().count("tieline_status") == 2

    def test_another_mark_is_not_ours(self, subject: MetricSinkSubject) -> None:
        subject.sink.put_table(MARK, content(subject.place, *ROWS), None)
        assert subject.sink.find_table(subject.place, OTHER_MARK, "tieline_status") is None

    def test_a_table_is_removed_and_that_twice(self, subject: MetricSinkSubject) -> None:
        made = subject.sink.put_table(MARK, content(subject.place, *ROWS), None)
        subject.sink.remove_table(made)
        subject.sink.remove_table(made)
        assert subject.tables() == []


class MetricSinkFaults:
    """A MetricSink under faults: after whatever went wrong, putting it again leaves one table with the rows once."""

    @pytest.mark.parametrize("kind", ["rate_limited", "server_error", "reset", "lost_answer", "html", "truncated"])
    def test_it_is_put_once_whatever_stumbles(self, subject: RemoteMetricSinkSubject, kind: FaultKind) -> None:
        wanted = content(subject.place, *ROWS)
        for skip in range(8):
            subject.wire.plan(kind, skip=skip, value=1)
            with contextlib.suppress(LostAnswer, TryLater, Nonsense, Conflict):
                table = subject.sink.find_table(subject.place, MARK, "tieline_status")
                subject.sink.put_table(MARK, wanted, table)
            subject.wire.clear()
            table = subject.sink.find_table(subject.place, MARK, "tieline_status")
            if table is None or table.block != subject.sink.block_of_table(wanted):
                subject.sink.put_table(MARK, wanted, table)
            assert sorted(subject.rows("tieline_status"), key=str) == told(ROWS)
            assert subject.tables().count("tieline_status") == 1
            wanted = content(subject.place, *ROWS, row(f"第 {skip} 次"))
            made = subject.sink.find_table(subject.place, MARK, "tieline_status")
            subject.sink.put_table(MARK, wanted, made)
            wanted = content(subject.place, *ROWS)

    @pytest.mark.parametrize("kind", ["server_error", "reset", "html", "truncated", "unauthorized"])
    def test_a_fault_that_stays_is_an_error(self, subject: RemoteMetricSinkSubject, kind: FaultKind) -> None:
        subject.wire.plan(kind, times=10_000)
        with pytest.raises(AccessDenied if kind == "unauthorized" else (TryLater, Nonsense, LostAnswer)):
            subject.sink.put_table(MARK, content(subject.place, *ROWS), None)
