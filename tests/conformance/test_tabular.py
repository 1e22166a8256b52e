"""Spreadsheets and databases keep the promises of their ports."""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.tabular import CONNECTOR
from sync.core.metrics import Cell, MetricQuery
from sync.core.ports import ConnectionSettings, Cursor
from sync.core.values import RawRecord
from tests.conformance.metrics_suite import MetricSourceSubject, MetricSourceSuite
from tests.conformance.source_suite import SourceSuite, empty_database, store
from tests.conformance.subjects import Clock, SourceSubject, read

__all__ = ["empty_database", "store"]

COLUMNS = ("编号", "事项", "仅限")
RULES = {"key": "编号", "title": "事项", "restricted": "仅限"}


class RowsSubject:
    """A table of tasks that a department keeps by hand; ``_write`` puts it where it is read from, ``_hide`` takes that away."""

    name, kind, scope = "caigou", "task", "采购任务"

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.serial = folder, Clock(), 0
        self.rows: dict[str, dict[str, str]] = {}
        self.source = CONNECTOR.connect(self._settings())
        self.make("先有的任务")

    def _settings(self) -> ConnectionSettings:
        raise NotImplementedError

    def _write(self) -> None:
        raise NotImplementedError

    def hide_scope(self) -> None:
        raise NotImplementedError

    def truth(self) -> Mapping[str, str]:
        return {f"{self.scope}/{key}": row["事项"] for key, row in self.rows.items()}

    def title_of(self, record: RawRecord) -> str:
        return CONNECTOR.record_from_raw(record, self._settings()).title

    def make(self, title: str) -> str:
        self.serial += 1
        key = f"CG-{self.serial}"
        self.rows[key] = {"编号": key, "事项": title, "仅限": ""}
        self._write()
        return f"{self.scope}/{key}"

    def edit(self, item_id: str, title: str) -> None:
        self.rows[item_id.split("/")[1]]["事项"] = title
        self._write()

    def restrict(self, item_id: str) -> None:
        self.rows[item_id.split("/")[1]]["仅限"] = "是"
        self._write()

    def _delete(self, item_id: str) -> None:
        del self.rows[item_id.split("/")[1]]
        self._write()

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        return {"deleted": self._delete}

    def delay_listings(self) -> None:
        """A table is read from where it is written."""

    def state(self) -> object:
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in self.folder.iterdir()}

    def request_count(self) -> int:
        return int(self.source.remote.request_count)


class FolderSubject(RowsSubject):
    """A CSV file in a drop folder."""

    def _settings(self) -> ConnectionSettings:
        tables = {self.scope: {"file": "采购*.csv", **RULES}}
        options = {"folder": str(self.folder), "quiet_s": 0, "tables": tables}
        return ConnectionSettings(self.name, "tabular", "", "folder", scopes=(self.scope,), options=options)

    def _write(self) -> None:
        path = self.folder / "采购-2026.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows.values())
        saved_at = self.clock().timestamp()
        os.utime(path, (saved_at, saved_at))

    def hide_scope(self) -> None:
        (self.folder / "采购-2026.csv").unlink()


class DatabaseSubject(RowsSubject):
    """A table of a database."""

    def _settings(self) -> ConnectionSettings:
        tables = {self.scope: {"query": "SELECT * FROM tasks ORDER BY 编号", **RULES}}
        url = {"url": f"sqlite:///{self.folder / 'reports.db'}"}
        return ConnectionSettings(
            self.name, "tabular", "", "sql", scopes=(self.scope,), options={"tables": tables}, credentials=url
        )

    def _write(self) -> None:
        with closing(sqlite3.connect(self.folder / "reports.db")) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS tasks (编号 TEXT, 事项 TEXT, 仅限 TEXT)")
            database.execute("DELETE FROM tasks")
            database.executemany(
                "INSERT INTO tasks VALUES (?, ?, ?)", [tuple(row.values()) for row in self.rows.values()]
            )

    def hide_scope(self) -> None:
        self.source.close()
        (self.folder / "reports.db").unlink()
        self.source = CONNECTOR.connect(self._settings())


class TabularSourceSuite(SourceSuite):
    """A table is always read whole: its rows have no dates that anybody may trust, so a cursor narrows nothing."""

    def test_with_a_cursor_what_changed_since_it_is_read_and_the_overlap(
        self, subject: SourceSubject, stream: str
    ) -> None:
        edited = subject.make("要改的")
        subject.edit(edited, "改过的")
        found = read(subject.source, stream, subject.scope, Cursor(stream, subject.scope, subject.clock.now))
        assert {record.ref.key: subject.title_of(record) for record in found} == subject.truth()

    def test_there_is_no_upper_bound_in_time(self, subject: SourceSubject, stream: str) -> None:
        subject.clock.now = subject.clock.now.replace(year=2036)
        item = subject.make("来自未来")
        found = read(subject.source, stream, subject.scope, Cursor(stream, subject.scope, subject.clock.now))
        assert item in {record.ref.key for record in found}


class TestFolderSource(TabularSourceSuite):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> FolderSubject:
        (tmp_path / "drop").mkdir()
        return FolderSubject(tmp_path / "drop")


class TestDatabaseSource(TabularSourceSuite):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Iterator[DatabaseSubject]:
        (tmp_path / "data").mkdir()
        subject = DatabaseSubject(tmp_path / "data")
        yield subject
        subject.source.close()


class SurveySubject:
    """What people answered in a survey, by month."""

    query, missing = MetricQuery("满意度"), MetricQuery("离职率")

    def __init__(self, folder: Path) -> None:
        self.folder, self.answers = (
            folder,
            [(date(2026, 10, 31), 41, Decimal("4.25"), "客服"), (date(2026, 11, 30), 38, Decimal("4.5"), "销售")],
        )
        self.source = self._connect()
        self._write()

    def _connect(self) -> Any:
        raise NotImplementedError

    def _write(self) -> None:
        raise NotImplementedError

    def rows(self) -> list[dict[str, Cell]]:
        return [dict(zip(("月份", "人数", "得分", "部门"), answer, strict=True)) for answer in self.answers]

    def change(self) -> None:
        day, people, _, department = self.answers[0]
        self.answers[0] = (day, people + 1, Decimal("3.5"), department)
        self._write()

    def grow(self) -> None:
        self.answers += [(date(2026, 12, 31), number, Decimal("0.1"), f"第 {number} 组") for number in range(3_000)]
        self._write()


class SurveyFileSubject(SurveySubject):
    bad = MetricQuery("满意度", {"columns": ["没有这一列"]})

    def _connect(self) -> Any:
        options = {"folder": str(self.folder), "quiet_s": 0, "tables": {"满意度": {"file": "满意度.csv"}}}
        return CONNECTOR.connect(ConnectionSettings("wenjuan", "tabular", "", "folder", options=options))

    def _write(self) -> None:
        with (self.folder / "满意度.csv").open("w", encoding="gb18030", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("月份", "人数", "得分", "部门"))
            writer.writerows(self.answers)


class SurveyDatabaseSubject(SurveySubject):
    bad = MetricQuery("写错的")

    def _connect(self) -> Any:
        types = {"月份": "date", "得分": "number"}
        tables = {"满意度": {"query": "SELECT * FROM survey", "types": types}, "写错的": {"query": "SELEC 1"}}
        url = {"url": f"sqlite:///{self.folder / 'survey.db'}"}
        return CONNECTOR.connect(
            ConnectionSettings("wenjuan", "tabular", "", "sql", options={"tables": tables}, credentials=url)
        )

    def _write(self) -> None:
        with closing(sqlite3.connect(self.folder / "survey.db")) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS survey (月份 TEXT, 人数 INTEGER, 得分 REAL, 部门 TEXT)")
            database.execute("DELETE FROM survey")
            rows = [
                (day.isoformat(), people, float(score), department) for day, people, score, department in self.answers
            ]
            database.executemany("INSERT INTO survey VALUES (?, ?, ?, ?)", rows)


class TestFolderMetrics(MetricSourceSuite):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> MetricSourceSubject:
        return SurveyFileSubject(tmp_path)


class TestDatabaseMetrics(MetricSourceSuite):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Iterator[MetricSourceSubject]:
        subject = SurveyDatabaseSubject(tmp_path)
        yield subject
        subject.source.close()
