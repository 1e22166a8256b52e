"""Bitable over HTTP: what is asked and what is saved, what stands in a cell, rights in the console's words, every request against the contract."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.feishu.table_api import shown_text
from sandbox.feishu.work_state import NUMBER
from sync.core.errors import AccessDenied, CannotExpress, NotFound, Refused
from sync.core.ports import Cursor
from sync.core.values import Ref
from tests.conformance.feishu_work import TableSubject, WrittenTableSubject
from tests.conformance.subjects import MARK, OTHER_MARK, read, text
from tests.connectors.contract import feishu_contracts
from tests.connectors.feishu_work_stage import asked, assert_in_contract, open_stage


@pytest.fixture
def table() -> Iterator[TableSubject]:
    with open_stage(TableSubject) as made:
        yield made


@pytest.fixture
def written() -> Iterator[WrittenTableSubject]:
    with open_stage(WrittenTableSubject) as made:
        yield made


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return feishu_contracts(tmp_path_factory.mktemp("contracts"), "auth", "bitable", "task", "wiki")


# -- reading


def test_every_request_about_tables_is_in_the_contract(table: TableSubject, contracts: Path) -> None:
    row = table.make("一")
    table.source.identify()
    table.source.vocabulary()
    list(table.source.probes())
    read(table.source, "rows", table.scope)
    [list(table.source.fetch(shard)) for shard in table.source.pick("rows", table.scope, [row])]
    list(table.source.census("rows", table.scope))
    table.source.look_up("rows", row)
    assert_in_contract(table, contracts)


def test_five_hundred_rows_cost_one_request(table: TableSubject) -> None:
    for number in range(1_200):
        table.simulator.add_row(table.table, 事项=shown_text(f"第 {number} 行"))
    table.wire.forget()
    assert len(read(table.source, "rows", table.scope)) == 1_201
    assert [path.rpartition("/")[2] for path in asked(table)].count("search") == 3


def test_only_changed_rows_are_kept_of_a_page(table: TableSubject) -> None:
    table.clock.now += timedelta(hours=3)
    row = table.make("新")
    cursor = Cursor("rows", table.scope, table.clock.now - timedelta(minutes=1))
    assert [record.ref.key for record in read(table.source, "rows", table.scope, cursor)] == [row]


def test_a_table_that_is_kept_in_a_wiki_is_found_through_its_node(table: TableSubject, contracts: Path) -> None:
    node = table.simulator.keep_in_wiki(table.table)
    table.settings.options["tables"][table.scope]["url"] = f"https://acme.feishu.cn/wiki/{node}?table={table.table.id}"
    table.source.settings.options["tables"][table.scope]["url"] = (
        f"https://acme.feishu.cn/wiki/{node}?table={table.table.id}"
    )
    assert len(read(table.source, "rows", table.scope)) == 1
    assert_in_contract(table, contracts)


def test_rights_that_are_missing_are_told_in_the_consoles_words(table: TableSubject) -> None:
    table.table.is_shared = False
    [failed] = [probe for probe in table.source.probes() if probe.is_ok is False]
    assert "添加文档应用" in failed.detail + failed.cure
    with pytest.raises(NotFound, match=r"采购任务.*添加文档应用"):
        table.source.vocabulary()
    table.table.is_shared = True
    table.simulator.take_scopes("bitable:")
    with pytest.raises((AccessDenied, NotFound), match="bitable:app"):
        read(table.source, "rows", table.scope)


def test_a_table_that_the_admin_renamed_in_the_settings_moved(table: TableSubject) -> None:
    row_id = table.make("一").rpartition("/")[2]
    assert table.source.look_up("rows", f"从前的名字/{row_id}") == "moved"


# -- writing


def test_every_request_that_writes_in_a_table_is_in_the_contract(written: WrittenTableSubject, contracts: Path) -> None:
    list(written.source.probes())
    made = written.tracker.add_comment(written.task, MARK, text("一"))
    edited = written.tracker.edit_comment(written.task, made, MARK, text("二"))
    link = written.tracker.add_link(written.task, written.other, "waits_for", MARK)
    written.tracker.remove_link(written.task, link)
    written.tracker.remove_comment(written.task, edited)
    assert written.tracker.marks_on(written.task) == ()
    node = written.simulator.keep_in_wiki(written.table)
    rules = written.source.settings.options["tables"][written.scope]
    rules["url"] = f"https://acme.feishu.cn/wiki/{node}?table={written.table.id}"
    written.tracker.add_link(written.task, written.other, "blocks", MARK)
    assert written.links() == 1
    assert_in_contract(written, contracts)
    assert [request.split()[0] for request in written.wire.requests()].count("PUT") == 6


def test_a_cell_as_a_colleague_reads_it(written: WrittenTableSubject) -> None:
    written.write("周三和王芳对过，看 https://wiki.example/p/1\n\n  她说没问题")
    written.tracker.add_comment(written.task, MARK, text("支付接口开发晚 3 个工作日"))
    written.tracker.add_link(written.task, written.other, "waits_for", MARK)
    words = re.sub(r" [0-9a-f]{12}\]", "]", written.words())
    assert words == (
        "周三和王芳对过，看 https://wiki.example/p/1\n\n  她说没问题\n\n"
        f"—— Tieline ——\n支付接口开发晚 3 个工作日\n[{MARK}]\n"
        f"等待：PAY-77 支付接口开发 https://jira.example/browse/PAY-77 [{MARK}]"
    )


def test_what_people_write_around_a_notice_stays_and_is_no_conflict(written: WrittenTableSubject) -> None:
    written.write("上面的话")
    made = written.tracker.add_comment(written.task, MARK, text("一"))
    written.comment_by_hand("下面的话")
    edited = written.tracker.edit_comment(written.task, made, MARK, text("二"))
    written.write(f"更上面的话\n{written.words()}")
    written.tracker.remove_comment(written.task, edited)
    assert written.words() == "更上面的话\n上面的话\n下面的话"


def test_eight_at_once_write_in_one_cell_and_none_is_lost(written: WrittenTableSubject) -> None:
    written.simulator.faults.latency_s = 0.002
    marks = [f"tieline:demo:{number:016x}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda mark: written.tracker.add_comment(written.task, mark, text("一")), marks))
    assert sorted(written.comments()) == marks


@pytest.mark.parametrize(
    "segment",
    [
        {"text": "@王芳", "type": "mention", "mentionType": "User", "token": "ou_1"},
        {"text": "会议纪要", "type": "url", "link": "https://wiki.example/p/1"},
    ],
)
def test_a_cell_that_is_more_than_text_is_read_and_not_written(
    written: WrittenTableSubject, segment: dict[str, str]
) -> None:
    made = written.tracker.add_comment(written.task, MARK, text("一"))
    cell = [*written.row.fields["Tieline"], {"text": "\n", "type": "text"}, segment]
    written.simulator.edit_row(written.table, written.row.id, Tieline=cell)
    assert written.tracker.find_comment(written.task, MARK) == made
    writes: tuple[Callable[[], object], ...] = (
        lambda: written.tracker.edit_comment(written.task, made, MARK, text("二")),
        lambda: written.tracker.remove_comment(written.task, made),
        lambda: written.tracker.add_link(written.task, written.other, "blocks", MARK),
    )
    for write in writes:
        with pytest.raises(CannotExpress, match=r"column Tieline.*mention"):
            write()
    assert written.row.fields["Tieline"] == cell


def test_no_right_is_told_as_no_right_and_never_as_a_row_that_is_gone(written: WrittenTableSubject) -> None:
    made = written.tracker.add_comment(written.task, MARK, text("一"))
    written.table.is_editable = False
    with pytest.raises(AccessDenied, match="可编辑"):
        written.tracker.add_comment(written.task, OTHER_MARK, text("一"))
    written.row.is_forbidden = True
    with pytest.raises(AccessDenied, match="高级权限"):
        written.tracker.remove_comment(written.task, made)
    written.table.is_shared = False
    with pytest.raises(AccessDenied, match="添加文档应用"):
        written.tracker.find_comment(written.task, MARK)
    written.table.is_shared = written.table.is_editable = True
    written.row.is_forbidden = False
    written.simulator.take_scopes("base:record")
    with pytest.raises(AccessDenied, match="base:record:update"):
        written.tracker.remove_comment(written.task, made)
    assert written.comments() == [made.id]


@pytest.mark.parametrize("kind", [None, NUMBER])
def test_a_column_that_is_not_there_or_no_text_is_named(written: WrittenTableSubject, kind: int | None) -> None:
    del written.table.columns["Tieline"]
    if kind:
        written.table.columns["Tieline"] = kind
    failed = [probe for probe in written.source.probes() if probe.is_ok is False]
    assert [probe.operation for probe in failed] == ["find column Tieline in table 采购任务"]
    assert "新建一列「文本」" in failed[0].cure
    with pytest.raises(Refused, match=r"Tieline.*新建一列「文本」"):
        written.tracker.find_comment(written.task, MARK)


def test_a_table_without_a_column_for_us_says_so(table: TableSubject) -> None:
    task = Ref.of("feishu-work", "task", table.make("一"))
    with pytest.raises(CannotExpress, match="notices"):
        table.tracker.add_comment(task, MARK, text("一"))
    with pytest.raises(Refused, match="names no table"):
        table.tracker.find_comment(Ref.of("feishu-work", "task", "从前的名字/rec1"), MARK)
