"""Cells, columns and rows of spreadsheets and queries; and what an admin may get wrong in their settings."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.tabular.records import raw_from_row, record_from_raw, rows_of
from connectors.tabular.tables import TableRules, tables_of
from sync.core.cells import Line, Sheet, header_from, plain, text_of, typed_column
from sync.core.errors import ConfigError, Nonsense, RecordError, Refused
from sync.core.metrics import Cell
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, RawRecord

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
RULES = TableRules(file="采购.csv", key="编号", title="事项", people=["负责人"], updated_at="更新")
COLUMNS = ("编号", "事项", "负责人", "更新")


def settings(scopes: tuple[str, ...] = (), variant: str = "folder", **options: Any) -> ConnectionSettings:
    options = {"folder": "/data/drop", **options}
    return ConnectionSettings("caigou", "tabular", "", variant, options=options, scopes=scopes)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (" 支付 ", "支付"), ("   ", None), (12.0, 12), (0.1, Decimal("0.1")), (1e300, Decimal("1e300")), (float("nan"), None),
        (float("inf"), None), (True, True), (date(2026, 11, 25), date(2026, 11, 25)), (time(9, 30), "09:30:00"),
        (timedelta(hours=30), "1 day, 6:00:00"), (b"\x01\xff", "01ff"),
        (datetime(2026, 11, 25, 9, 0), datetime(2026, 11, 25, 1, 0, tzinfo=UTC)),  # noqa: DTZ001 - as spreadsheets have it
    ],
)  # fmt: skip
def test_a_cell_is_brought_to_one_set_of_values(value: object, cell: Cell) -> None:
    assert plain(value, "Asia/Shanghai") == cell


def test_columns_names_are_one_line() -> None:
    assert header_from(["计划\n完成 ", None, "  ", 2026.0]) == ("计划 完成", "", "", "2026")


@pytest.mark.parametrize(
    ("cells", "kind", "read"),
    [
        (["1", "2", None], "integer", [1, 2, None]),
        (["1", "2.50"], "number", [Decimal(1), Decimal("2.50")]),
        (["1,234.5", "-3"], "number", [Decimal("1234.5"), Decimal(-3)]),
        (["12.5%", "7%"], "number", [Decimal("0.125"), Decimal("0.07")]),
        (["007", "012"], "text", ["007", "012"]),  # a number with a leading zero is a name
        (["1,23"], "text", ["1,23"]),
        (["2026-11-05", "2026/11/5", "2026年11月5日"], "date", [date(2026, 11, 5)] * 3),
        (["2026-02-30"], "text", ["2026-02-30"]),
        (["2026-11-25 09:00"], "instant", [datetime(2026, 11, 25, 1, 0, tzinfo=UTC)]),
        (["是", "否"], "boolean", [True, False]),
        ([1, "待定"], "text", ["1", "待定"]),
        ([1, Decimal("0.5")], "number", [Decimal(1), Decimal("0.5")]),
        ([True, 1], "text", ["True", "1"]),
        ([None, None], "text", [None, None]),
    ],
)  # fmt: skip
def test_a_column_has_the_narrowest_type_that_all_its_cells_have(
    cells: list[Cell], kind: str, read: list[Cell]
) -> None:
    column, found = typed_column("列", list(enumerate(cells, 2)), None, "表.csv", "Asia/Shanghai")
    assert (column.type, found) == (kind, read)


def test_a_stated_type_names_the_line_of_the_cell_that_is_none() -> None:
    with pytest.raises(
        Refused, match=r"表.csv line 3: the cell under 得分 is no number; mend it, or change types.得分"
    ):
        typed_column("得分", [(2, "4.5"), (3, "弃权")], "number", "表.csv", "UTC")
    column, found = typed_column("工号", [(2, 12), (3, None)], "text", "表.csv", "UTC")
    assert (column.type, found) == ("text", ["12", None])
    _, found = typed_column("日", [(2, "2026-11-25")], "instant", "表.csv", "Asia/Shanghai")
    assert found == [datetime(2026, 11, 25, 4, 0, tzinfo=UTC)]


@given(
    st.lists(
        st.one_of(st.none(), st.integers(-(10**15), 10**15), st.text(max_size=20), st.booleans(), st.dates()),
        max_size=8,
    )
)
def test_whatever_stands_in_a_column_no_cell_is_lost(values: list[Any]) -> None:
    cells = [plain(value, "UTC") for value in values]
    _, found = typed_column("列", list(enumerate(cells)), None, "表", "UTC")
    assert [cell is None for cell in found] == [cell is None for cell in cells]


def sheet(*rows: tuple[Cell, ...], troubles: dict[int, str] | None = None) -> Sheet:
    lines = tuple(Line(number, row) for number, row in enumerate(rows, 2))
    return Sheet("采购.csv", COLUMNS, lines, NOW, troubles or {})


def raws(table: Sheet, rules: TableRules = RULES) -> list[RawRecord]:
    return [
        raw_from_row(row, line, table, rules, "caigou", "采购任务", "Asia/Shanghai", NOW)
        for line, row in rows_of(table, rules)
    ]


def test_a_row_becomes_a_record_with_its_people_and_its_own_time() -> None:
    [raw] = raws(sheet(("CG-1", "采购服务器", "wang@example.com", "2026-11-20")))
    record = record_from_raw(raw, settings())
    assert (raw.ref, record.key, record.title) == ("caigou:task:采购任务/CG-1", "CG-1", "采购服务器")
    assert record.updated_at == datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
    assert record.values["负责人"] == Account("wang@example.com", "wang@example.com", "wang@example.com")
    assert record.aliases == ("采购任务/CG-1", "CG-1")
    [raw] = raws(sheet((7, "采购服务器", None, None)))
    assert record_from_raw(raw, settings()).aliases == ("采购任务/7",)  # a bare number names nothing
    assert raw.updated_at == NOW


def test_rows_without_a_key_or_with_an_earlier_ones_are_kept_and_say_so() -> None:
    made = raws(
        sheet(
            ("CG-1", "甲", None, None), ("CG-1", "乙", None, None), (None, "丙", None, None), ("CG-1", "丁", None, None)
        )
    )
    assert [raw.ref.key for raw in made] == ["采购任务/CG-1", "采购任务/CG-1 #2", "采购任务/line 4", "采购任务/CG-1 #3"]
    assert record_from_raw(made[0], settings()).title == "甲"
    texts = []
    for raw in made[1:]:
        with pytest.raises(RecordError) as caught:
            record_from_raw(raw, settings())
        texts.append(str(caught.value))
    assert texts == [
        "采购.csv line 3 has the 编号 of line 2", "采购.csv line 4 has no 编号", "采购.csv line 5 has the 编号 of line 2"
    ]  # fmt: skip


def test_a_version_is_what_the_row_says_and_not_where_it_stands() -> None:
    first, second = ("CG-1", "甲", None, None), ("CG-2", "乙", None, None)
    one, other = raws(sheet(first, second)), raws(sheet(second, first))
    assert {raw.ref: (raw.version, raw.payload) for raw in one} == {
        raw.ref: (raw.version, raw.payload) for raw in other
    }


def test_a_key_may_be_of_several_columns_and_a_table_may_be_restricted() -> None:
    rules = TableRules(file="x.csv", key=["编号", "事项"], restricted=True)
    [raw] = raws(sheet(("A", "b", None, None)), rules)
    assert (raw.ref.key, raw.visibility) == ("采购任务/A · b", "restricted")


def test_what_is_stored_and_is_no_row_is_nonsense() -> None:
    raw = RawRecord(raws(sheet(("CG-1", "甲", None, None)))[0].ref, b"{}", "1", NOW, NOW)
    with pytest.raises(Nonsense):
        record_from_raw(raw, settings())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ["tables", "missing"]),
        ({"tables": []}, ["tables", "missing"]),
        ({"tables": {"采购": {"key": "编号"}}}, ["tables.采购.file", "missing"]),
        ({"tables": {"采购": {"file": "../秘密.csv"}}}, ["tables.采购.file", "leads out of the folder"]),
        ({"tables": {"采购": {"file": "/etc/passwd"}}}, ["tables.采购.file", "leads out of the folder"]),
        ({"tables": {"采购": {"file": "x.csv", "spalte": 1}}}, ["tables.采购", "spalte", "header_line"]),
        (
            {"tables": {"采购": {"file": "x.csv", "query": "SELECT 1"}}},
            ["tables.采购.query", "not for the variant folder"],
        ),
        ({"tables": {"采购": {"file": "x.csv", "header_line": 0}}}, ["tables.采购.header_line"]),
        ({"tables": {"采购": {"file": "x.csv", "delimiter": "ab"}}}, ["tables.采购.delimiter"]),
        ({"tables": {"采购": {"file": "x.csv", "encoding": "gbk18"}}}, ["tables.采购.encoding", "gb18030"]),
        ({"tables": {"采购": {"file": "x.csv"}}, "scopes": ("采购",)}, ["tables.采购.key", "must name its rows"]),
        ({"tables": {"采购": {"file": "x.csv"}}, "variant": "sql"}, ["tables.采购.query", "missing"]),
    ],
)
def test_every_mistake_of_the_settings_is_named(options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        tables_of(settings(**options))
    assert [word for word in ("connections.caigou", *words) if word not in str(caught.value)] == []


def test_text_of_a_key_is_as_people_type_it() -> None:
    assert [text_of(cell) for cell in (12, Decimal("1E+2"), None, date(2026, 1, 2))] == ["12", "100", "", "2026-01-02"]
