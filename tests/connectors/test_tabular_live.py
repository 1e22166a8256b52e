"""Spreadsheets as programs really save them, and drop folders as people really use them."""

from __future__ import annotations

import io
import os
import time
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import openpyxl
import pytest

from connectors.tabular import CONNECTOR
from connectors.tabular.client import Tabular
from sync.core.errors import ConfigError, Nonsense, NotFound, Refused, TryLater
from sync.core.metrics import MetricQuery
from sync.core.ports import ConnectionSettings
from sync.core.values import RawRecord
from tests.end_to_end.company import tieline

TABLE = "采购任务"
TEXT = "编号,事项,人数\nCG-1,采购服务器,3\nCG-2,采购交换机,\n"
PASSWORD = "Zq7-password-of-the-reader"


def folder_settings(folder: Path, quiet_s: float = 0, **rules: Any) -> ConnectionSettings:
    tables = {TABLE: {"file": "采购*", "key": "编号", "title": "事项", **rules}}
    options = {"folder": str(folder), "quiet_s": quiet_s, "tables": tables}
    return ConnectionSettings("caigou", "tabular", "", "folder", scopes=(TABLE,), options=options)


def titles(source: Tabular) -> dict[str, str]:
    settings = folder_settings(Path("/"))
    return {raw.ref.key: CONNECTOR.record_from_raw(raw, settings).title for raw in records(source)}


def records(source: Tabular) -> list[RawRecord]:
    return [raw for shard in source.shards("rows", None, TABLE) for page in source.fetch(shard) for raw in page]


def opened(folder: Path, **rules: Any) -> Tabular:
    return Tabular(folder_settings(folder, **rules))


# -- files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_text_file_is_read_as_whatever_program_saved_it(tmp_path: Path, encoding: str, delimiter: str) -> None:
    (tmp_path / "采购.csv").write_bytes(TEXT.replace(",", delimiter).replace("\n", "\r\n").encode(encoding))
    assert titles(opened(tmp_path)) == {f"{TABLE}/CG-1": "采购服务器", f"{TABLE}/CG-2": "采购交换机"}


def test_a_text_in_no_known_encoding_asks_for_its_name(tmp_path: Path) -> None:
    (tmp_path / "采购.csv").write_bytes("编号,事项\nCG-1,Müller\n".encode()[:-4] + b"\xff\xff\xff")
    with pytest.raises(Nonsense, match=r"采购.csv is no text in utf-8 or gb18030; name its `encoding`"):
        records(opened(tmp_path))
    (tmp_path / "采购.csv").write_bytes("编号,事项\nCG-1,服务器\n".encode("utf-16-le"))
    assert titles(opened(tmp_path, encoding="utf-16-le"))[f"{TABLE}/CG-1"] == "服务器"


def test_cells_may_hold_delimiters_quotes_and_lines(tmp_path: Path) -> None:
    (tmp_path / "采购.csv").write_text('编号,事项\nCG-1,"甲, ""乙""\n丙"\nCG-2,丁\n', encoding="utf-8")
    assert titles(opened(tmp_path)) == {f"{TABLE}/CG-1": '甲, "乙"\n丙', f"{TABLE}/CG-2": "丁"}


def test_a_missing_quotation_mark_is_an_error_with_its_line_and_no_half_table(tmp_path: Path) -> None:
    (tmp_path / "采购.csv").write_text('编号,事项\nCG-1,甲\nCG-2,"乙\nCG-3,丙\n', encoding="utf-8")
    with pytest.raises(Nonsense, match=r"采购.csv line 3"):
        records(opened(tmp_path))


def workbook(**sheets: Any) -> Any:
    book: Any = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return book


def test_a_spreadsheet_keeps_its_types_and_merged_cells_hold_for_all_their_rows(tmp_path: Path) -> None:
    head = ["编号", "事项", "部门", "计划完成", "金额"]
    rows: list[list[Any]] = [
        head,
        [12, "甲", "采购部", date(2026, 11, 30), 1200.5],
        [13.0, "乙", None, date(2026, 12, 1), 800],
        [None] * 5,
    ]
    book = workbook(说明=[["只是说明"]], 任务=[["2026 年采购计划"], *rows])
    book["任务"].merge_cells("C3:C4")
    book.save(tmp_path / "采购.xlsx")
    source = opened(tmp_path, sheet="任务", header_line=2)
    found = {raw.ref.key: CONNECTOR.record_from_raw(raw, folder_settings(tmp_path)).values for raw in records(source)}
    assert found == {
        f"{TABLE}/12": {"编号": 12, "事项": "甲", "部门": "采购部", "计划完成": "2026-11-30", "金额": "1200.5"},
        f"{TABLE}/13": {"编号": 13, "事项": "乙", "部门": "采购部", "计划完成": "2026-12-01", "金额": 800},
    }
    table = source.read_metric(MetricQuery(TABLE, {"columns": ["计划完成", "金额"]})).table
    assert [column.type for column in table.columns] == ["date", "number"]
    assert table.rows == ((date(2026, 11, 30), Decimal("1200.5")), (date(2026, 12, 1), Decimal(800)))
    with pytest.raises(Refused, match=r"采购.xlsx has no sheet '没有'; it has 说明, 任务"):
        records(opened(tmp_path, sheet="没有"))


def test_a_merge_may_reach_beyond_what_is_used(tmp_path: Path) -> None:
    book = workbook(任务=[["编号", "事项"], ["CG-1", "甲"]])
    for cells in ("B2:D9", "F20:G21", "A5:B6"):
        book["任务"].merge_cells(cells)
    book.save(tmp_path / "采购.xlsx")
    assert titles(opened(tmp_path))[f"{TABLE}/CG-1"] == "甲"


def test_half_a_spreadsheet_or_something_else_is_no_table(tmp_path: Path) -> None:
    book = io.BytesIO()
    workbook(任务=[["编号", "事项"], ["CG-1", "甲"]]).save(book)
    broken = book.getvalue()[:200] + bytes(400) + book.getvalue()[-120:]  # its end is there, what it lists is not
    for data in (book.getvalue()[:-200], b"<html>login", b"", b"PK\x03\x04", broken):
        (tmp_path / "采购.xlsx").write_bytes(data)
        with pytest.raises(Nonsense, match=r"采购.xlsx"):
            records(opened(tmp_path))


def test_a_file_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "采购.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(2):
            packed.writestr(f"xl/worksheets/sheet{number}.xml", b" " * 101_000_000)
    with pytest.raises(Refused, match="unpacks to 202,000,000 bytes"):
        records(opened(tmp_path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "采购.csv is empty: expected the columns' names in line 1"),
        ("序号,事项\n1,甲\n", "采购.csv has no column 编号; it has 序号, 事项"),
        ("编号,事项,事项\n1,甲,乙\n", "采购.csv has 事项 twice"),
    ],
)
def test_a_table_that_is_not_the_one_described_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "采购.csv").write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as caught:
        records(opened(tmp_path))
    assert words in str(caught.value)


def test_short_rows_blank_rows_and_rows_too_long(tmp_path: Path) -> None:
    (tmp_path / "采购.csv").write_text("编号,事项\nCG-1\n\n,\nCG-2,乙,,\nCG-3,丙,多\n", encoding="utf-8")
    source = opened(tmp_path)
    assert [raw.ref.key for raw in records(source)] == [f"{TABLE}/CG-1", f"{TABLE}/CG-2", f"{TABLE}/CG-3"]
    bad = [probe for probe in source.probes() if probe.is_ok is False]
    assert [probe.detail for probe in bad] == ["1 are no tasks: 采购.csv line 6 has 3 cells under 2 columns"]
    with pytest.raises(Refused, match=r"采购.csv line 6 has 3 cells under 2 columns"):
        source.read_metric(MetricQuery(TABLE))


# -- the folder


def test_the_newest_file_counts_and_what_programs_keep_beside_it_does_not(tmp_path: Path) -> None:
    for age, name in (
        (300, "采购-旧.csv"),
        (200, "采购-新.csv"),
        (0, "~$采购-新.csv"),
        (0, ".采购.csv.swp"),
        (0, "别的.csv"),
    ):
        (tmp_path / name).write_text(f"编号,事项\n1,{name}\n", encoding="utf-8")
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    assert titles(opened(tmp_path)) == {f"{TABLE}/1": "采购-新.csv"}
    assert list(titles(opened(tmp_path, file="采购-旧.csv")).values()) == ["采购-旧.csv"]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    (tmp_path / "secret.csv").write_text(TEXT, encoding="utf-8")
    (tmp_path / "drop" / "采购.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(NotFound, match="no file"):
        records(opened(tmp_path / "drop"))


def test_a_file_that_is_being_saved_waits_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "采购.csv"
    path.write_text(TEXT, encoding="utf-8")
    waiting = CONNECTOR.connect(folder_settings(tmp_path, quiet_s=10))
    with pytest.raises(TryLater, match=r"采购.csv is still being saved"):
        records(waiting)
    os.utime(path, (time.time() - 11, time.time() - 11))
    assert len(records(waiting)) == 2
    os.utime(path, (time.time() + 3600, time.time() + 3600))  # a share whose clock is ahead
    assert len(records(waiting)) == 2


@pytest.mark.parametrize("deed", ["grows", "is replaced", "is taken away"])
def test_a_file_that_changes_while_it_is_read_is_never_half_read(tmp_path: Path, deed: str) -> None:
    path = tmp_path / "采购.csv"
    path.write_text(TEXT[:30], encoding="utf-8")
    whole = Path.read_bytes

    def read_and(file: Path) -> bytes:
        data = whole(file)
        if deed == "grows":
            file.write_text(TEXT, encoding="utf-8")
        elif deed == "is replaced":
            (tmp_path / "new").write_text(TEXT, encoding="utf-8")
            (tmp_path / "new").replace(file)
        else:
            file.unlink()
        return data

    source = opened(tmp_path)
    with mock.patch.object(Path, "read_bytes", read_and), pytest.raises(TryLater, match=r"采购.csv"):
        records(source)
    if deed != "is taken away":
        assert len(records(source)) == 2


def test_a_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    source = opened(tmp_path / "drop")
    with pytest.raises(NotFound, match="mount it, or change `folder`"):
        source.identify()
    [probe] = source.probes()
    assert (probe.operation, probe.is_ok, probe.cure) == (
        f"read {TABLE}",
        False,
        f"mend the file 采购*, or tables.{TABLE} in tieline.yaml",
    )
    with pytest.raises(ConfigError, match="folder"):
        CONNECTOR.connect(
            ConnectionSettings(
                "caigou", "tabular", "", "folder", options={"folder": "drop", "tables": {"x": {"file": "x"}}}
            )
        )


def test_a_pdf_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "采购.pdf").write_bytes(b"%PDF")
    with pytest.raises(Refused, match=r"采购.pdf is no table; it reads .csv"):
        records(opened(tmp_path))


# -- through the commands

CONFIG = """
database: sqlite:///tieline.db
mappings: mappings
connections:
  caigou:
    type: tabular
    variant: folder
    folder: {folder}
    quiet_s: 0
    tables:
      采购任务: {{file: "采购*.csv", key: 编号, title: 事项, people: [负责人], updated_at: 更新}}
"""


def test_a_spreadsheets_rows_are_tasks_that_wait_for_one_another(tmp_path: Path) -> None:
    folder, mappings = tmp_path / "drop", tmp_path / "mappings"
    folder.mkdir()
    mappings.mkdir()
    example = (Path(__file__).parents[2] / "mappings/examples/tabular.yaml").read_text(encoding="utf-8")
    (mappings / "caigou.yaml").write_text(example, encoding="utf-8")
    (mappings / "departments.yaml").write_text(
        "departments:\n  procurement: {name: 采购部}\n  engineering: {name: 技术部}\n", encoding="utf-8"
    )
    (tmp_path / "tieline.yaml").write_text(CONFIG.format(folder=folder), encoding="utf-8")
    rows = "编号,事项,状态,部门,负责人,计划完成,前置任务,更新\n"
    rows += "CG-1,采购服务器,进行中,采购部,王芳,2026/11/20,,2026-11-18\nCG-2,机房上架,未开始,技术部,李雷,2026年11月30日,CG-1,\nCG-1,重复,未开始,,,,,\n"
    (folder / "采购-2026.csv").write_bytes(rows.encode("gb18030"))
    config = tmp_path / "tieline.yaml"

    def say(*words: str) -> Any:
        said = tieline(*words, "--config", config, "--json")
        assert said.code in (0, 5), said
        return said.json()

    assert tieline("check", "--config", config).code == 0
    collected = say("collect")["connections"]["caigou"]
    assert (collected["fetched"], collected["skipped"], collected["error"]) == (3, {"unreadable": 1}, None)
    tasks = {task["key"]: task for task in say("tasks")}
    assert {key: (task["status"], task["department"], task["due"]) for key, task in tasks.items()} == {
        "CG-1": ("in_progress", "tieline:department:procurement", "2026-11-20"),
        "CG-2": ("todo", "tieline:department:engineering", "2026-11-30"),
    }
    [dependency] = say("dependencies")
    assert (dependency["predecessor"], dependency["successor"]) == (tasks["CG-1"]["ref"], tasks["CG-2"]["ref"])
    told = tieline("explain", f"caigou:task:{TABLE}/CG-1 #2", "--config", config)
    assert "采购-2026.csv line 4 has the 编号 of line 2" in told.out + told.problem
    examined = tieline("doctor", "--config", config)
    assert examined.code == 5
    assert "mend these rows" in examined.out
