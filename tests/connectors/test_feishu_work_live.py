"""Tasks over HTTP: what is asked and what is saved, every request against the contract; and a table through the commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.feishu import CONNECTOR
from sandbox.feishu.table_api import shown_text
from sandbox.feishu.task_api import APP
from sandbox.feishu.work_state import CHOICE, DATE, LINK, PERSON, TEXT
from sync.config import load_config
from sync.core.errors import AccessDenied, CannotExpress, ConfigError, NotFound, Refused
from sync.core.ports import Cursor, LinkEnd
from sync.core.values import Ref
from tests.conformance.feishu_work import CREDENTIALS, TableSubject, TasksSubject
from tests.conformance.subjects import MARK, read, text
from tests.connectors.contract import feishu_contracts
from tests.connectors.feishu_work_stage import asked, assert_in_contract, open_stage
from tests.end_to_end.company import tieline


@pytest.fixture
def table() -> Iterator[TableSubject]:
    with open_stage(TableSubject) as made:
        yield made


@pytest.fixture
def tasks() -> Iterator[TasksSubject]:
    with open_stage(TasksSubject) as made:
        yield made


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return feishu_contracts(tmp_path_factory.mktemp("contracts"), "auth", "bitable", "task", "wiki")


# -- tasks


def test_every_request_about_tasks_is_in_the_contract(tasks: TasksSubject, contracts: Path) -> None:
    item = tasks.make("一")
    tasks.source.identify()
    tasks.source.vocabulary()
    list(tasks.source.probes())
    read(tasks.source, "tasks", tasks.scope)
    tasks.source.look_up("tasks", item)
    made = tasks.tracker.add_comment(tasks.task, MARK, text("一"))
    edited = tasks.tracker.edit_comment(tasks.task, made, MARK, text("二"))
    tasks.tracker.remove_comment(tasks.task, edited)
    link = tasks.tracker.add_link(tasks.task, tasks.other, "waits_for", MARK)
    tasks.tracker.remove_link(tasks.task, link)
    assert_in_contract(tasks, contracts)


def test_a_poll_reads_what_is_open_and_what_was_done_since(tasks: TasksSubject) -> None:
    done_before = tasks.simulator.add_task(tasks.list, "早就做完", completed_at="1764000000000").guid
    tasks.clock.now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    now_ms = str(int(tasks.clock.now.timestamp() * 1000))
    done_now = tasks.simulator.add_task(tasks.list, "刚做完", completed_at=now_ms).guid
    tasks.wire.forget()
    cursor = Cursor("tasks", tasks.scope, tasks.clock.now - timedelta(minutes=1))
    assert [record.ref.key for record in read(tasks.source, "tasks", tasks.scope, cursor)] == [done_now]
    assert not any(path.endswith(done_before) for path in asked(tasks))
    assert done_before in {record.ref.key for record in read(tasks.source, "tasks", tasks.scope)}


def test_a_task_costs_one_request_and_a_list_three(tasks: TasksSubject) -> None:
    for number in range(50):
        tasks.simulator.add_task(tasks.list, f"第 {number} 件")
    tasks.source.settings.options["subtasks"] = False
    tasks.wire.forget()
    found = len(read(tasks.source, "tasks", tasks.scope))
    assert len(asked(tasks)) == found + 3


def test_a_list_may_be_named_by_its_guid_and_a_name_must_mean_one(tasks: TasksSubject) -> None:
    assert read(tasks.source, "tasks", tasks.list.guid)
    twin = tasks.simulator.add_list(tasks.scope)
    with pytest.raises(ConfigError) as caught:
        read(tasks.source, "tasks", tasks.scope)
    assert twin.guid in str(caught.value)
    with pytest.raises(NotFound, match="清单成员"):
        read(tasks.source, "tasks", "没有的清单")


def test_a_task_that_is_not_ours_to_see_is_hidden(tasks: TasksSubject) -> None:
    item = tasks.make("一")
    assert tasks.source.look_up("tasks", item) == "here"
    tasks.simulator.move_task(item, tasks.elsewhere)
    tasks.elsewhere.is_shared = False
    assert tasks.source.look_up("tasks", item) == "hidden"


def test_subtasks_are_left_out_where_the_admin_says_so(tasks: TasksSubject) -> None:
    tasks.make("占位")
    child = tasks.simulator.add_task(None, "子任务", parent=tasks.parent).guid
    tasks.source.settings.options["subtasks"] = False
    assert child not in {record.ref.key for record in read(tasks.source, "tasks", tasks.scope)}
    tasks.source.settings.options["subtasks"] = True
    assert child in {record.ref.key for record in read(tasks.source, "tasks", tasks.scope)}


def test_a_comment_of_another_application_is_not_ours(tasks: TasksSubject) -> None:
    made = tasks.tracker.add_comment(tasks.task, MARK, text("一"))
    [comment] = tasks.work.tasks[tasks.task.key].comments
    comment.creator = {**APP, "id": "cli_another"}
    assert tasks.tracker.find_comment(tasks.task, MARK) is None
    assert list(tasks.tracker.marks_on(tasks.task)) == [MARK]
    with pytest.raises(AccessDenied, match="清单成员"):
        tasks.tracker.edit_comment(tasks.task, made, MARK, text("二"))


def test_a_comment_as_a_colleague_reads_it(tasks: TasksSubject) -> None:
    tasks.tracker.add_comment(tasks.task, MARK, text("支付接口开发晚 3 个工作日"))
    [comment] = tasks.work.tasks[tasks.task.key].comments
    words, blank, mark = comment.content.split("\n")
    assert (words, blank, mark.startswith(f"[{MARK} ")) == ("支付接口开发晚 3 个工作日", "", True)


def test_a_dependency_on_another_tool_cannot_be_said(tasks: TasksSubject) -> None:
    elsewhere = LinkEnd(Ref("jira-main:task:1"), "PAY-77", "支付接口开发", "https://jira.example/browse/PAY-77")
    for act in (tasks.tracker.add_link, tasks.tracker.find_link):
        with pytest.raises(CannotExpress, match="the comment tells it"):
            act(tasks.task, elsewhere, "waits_for", MARK)


def test_what_already_waits_the_other_way_round_is_refused_and_stays(tasks: TasksSubject) -> None:
    tasks.simulator.wait(tasks.other.ref.key, tasks.task.key)
    with pytest.raises(Refused, match="the other way round"):
        tasks.tracker.add_link(tasks.task, tasks.other, "waits_for", MARK)
    assert tasks.work.tasks[tasks.other.ref.key].waits_for == [tasks.task.key]


def test_a_dependency_is_read_back_as_the_link_that_was_written(tasks: TasksSubject) -> None:
    made = tasks.tracker.add_link(tasks.task, tasks.other, "blocks", MARK)
    [record] = [item for item in read(tasks.source, "tasks", tasks.scope) if item.ref == tasks.task]
    [link] = CONNECTOR.record_from_raw(record, tasks.settings).links
    assert (link.id, link.is_outward) == (made.id, True)


# -- through the commands

CONFIG = """
database: sqlite:///tieline.db
mappings: mappings
connections:
  caigou:
    type: feishu
    variant: bitable
    base_url: {base_url}
    app_id: env:FEISHU_APP_ID
    app_secret: env:FEISHU_APP_SECRET
    tables: {{采购任务: {{url: "{url}", notices: Tieline}}}}
jobs:
  delays: {{}}
"""


def test_a_tables_rows_are_tasks_that_wait_for_one_another_and_hear_of_delays(
    table: TableSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(f"FEISHU_{name.upper()}", value)
    (tmp_path / "mappings").mkdir()
    example = Path(__file__).parents[2] / "mappings/examples/feishu.yaml"
    (tmp_path / "mappings/caigou.yaml").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "mappings/departments.yaml").write_text(
        "departments:\n  procurement: {name: 采购部}\n  it: {name: 信息部}\n", encoding="utf-8"
    )
    url = table.options()["tables"][table.scope]["url"]
    config = tmp_path / "tieline.yaml"
    only_read = CONFIG.replace(", notices: Tieline", "").format(base_url=table.wire.url, url=url)
    config.write_text(only_read, encoding="utf-8")
    assert load_config(config).offered("caigou") == ("source",)
    config.write_text(CONFIG.format(base_url=table.wire.url, url=url), encoding="utf-8")
    table.table.columns |= {
        "状态": CHOICE,
        "部门": TEXT,
        "负责人": PERSON,
        "计划开始": DATE,
        "计划完成": DATE,
        "实际完成": DATE,
        "前置任务": LINK,
        "备注": TEXT,
        "Tieline": TEXT,
    }
    due = int(datetime(2026, 11, 29, 16, tzinfo=UTC).timestamp() * 1000)  # midnight of the 30th in Shanghai
    people = [{"id": "ou_1", "name": "王芳"}]
    first = table.simulator.add_row(
        table.table,
        事项=shown_text("采购服务器"),
        状态="进行中",
        部门=shown_text("采购部"),
        计划完成=due,
        负责人=people,
    )
    second = table.simulator.add_row(
        table.table,
        事项=shown_text("机房上架"),
        状态="未开始",
        部门=shown_text("信息部"),
        计划开始=due - 3 * 86_400_000,
        前置任务={"link_record_ids": [first.id]},
        Tieline=shown_text("周三和王芳对过"),
    )

    def say(*words: str) -> Any:
        said = tieline(*words, "--config", config, "--json")
        assert said.code in (0, 5), said
        return said.json()

    assert tieline("check", "--config", config).code == 0
    assert say("collect")["connections"]["caigou"]["error"] is None
    tasks = {task["title"]: task for task in say("tasks")}
    assert (tasks["采购服务器"]["status"], tasks["采购服务器"]["due"]) == ("in_progress", "2026-11-30")
    assert tasks["采购服务器"]["department"] == "tieline:department:procurement"
    assert tasks["采购服务器"]["owner"] == "caigou:account:ou_1"
    [dependency] = say("dependencies")
    assert (dependency["predecessor"], dependency["successor"]) == (
        f"caigou:task:{table.scope}/{first.id}", f"caigou:task:{table.scope}/{second.id}",
    )  # fmt: skip

    def cells() -> list[str]:
        return [table.simulator.words_in(table.table, row.id, "Tieline") for row in (first, second)]

    kinds = [item["kind"] for item in say("run", "--accept-first-run")["apply"]["written"]]
    assert sorted(kinds) == ["comment", "comment", "link", "link"]
    said = cells()
    assert said[0].startswith(f"阻塞：机房上架 {url} [tieline:tieline:")
    assert said[1].startswith(f"周三和王芳对过\n等待：采购服务器 {url} [tieline:tieline:")
    assert all(text.count("—— Tieline ——\n跨部门依赖延期提醒\n") == 1 for text in said)
    assert say("run")["apply"]["written"] == []  # what we wrote is no news to us
    assert cells() == said
    say("retract", "--yes")
    assert cells() == ["", "周三和王芳对过"]
