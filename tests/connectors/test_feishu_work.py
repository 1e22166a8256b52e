"""Rows of Bitable tables and tasks of Feishu without a wire: cells as values, days as dates, comments as plain text."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.feishu import CONNECTOR
from connectors.feishu.answers import decipher
from connectors.feishu.plain import plain_text, said_digest
from connectors.feishu.table_notices import with_link, with_notice
from connectors.feishu.table_rows import Column, Columns, TableRules, plain_value, raw_from_row, table_problems
from connectors.feishu.task_values import raw_from_task
from sandbox.feishu.table_api import written_text
from sync.core.errors import AccessDenied, CannotExpress, ConfigError, Nonsense, NotFound, TryLater
from sync.core.ports import ConnectionSettings, LinkEnd
from sync.core.rich_text import (
    Anchor,
    BulletList,
    Heading,
    LineBreak,
    ListItem,
    NumberedList,
    Paragraph,
    PersonMention,
    RichText,
    Table,
    Text,
)
from sync.core.values import Account, Record, Ref
from tests.conformance.subjects import MARK
from tests.conformance.texts import rich_texts

URL = "https://acme.feishu.cn/base/bascn1?table=tbl1&view=vew1"
OTHER = LinkEnd(Ref("jira-main:task:10077"), "PAY-77", "支付接口开发", "https://jira.example/browse/PAY-77")
AT = datetime(2026, 11, 25, tzinfo=UTC)
COLUMNS = Columns(
    [
        Column("f1", "事项", 1, is_primary=True),
        Column("f2", "截止", 5),
        Column("f3", "前置", 18),
        Column("f4", "编号", 1005),
        Column("f5", "标签", 4),
    ]
)


def settings(variant: str = "bitable", **options: Any) -> ConnectionSettings:
    given = options or {"tables": {"采购任务": {"url": URL}}}
    return ConnectionSettings("feishu-work", "feishu", "", variant, options=given)


# -- answers


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (1254040, NotFound, "Feishu"),
        (1470404, NotFound, "Feishu"),
        (131005, NotFound, "Feishu"),
        (91403, AccessDenied, "添加文档应用"),
        (1254302, AccessDenied, "高级权限"),
        (1470403, AccessDenied, "清单成员"),
        (1254290, TryLater, "Feishu"),
        (1254291, TryLater, "Feishu"),
        (1254112, TryLater, "Feishu"),
        (1254130, CannotExpress, "holds no more"),
        (1254304, AccessDenied, "高级权限"),
        (1254607, TryLater, "Feishu"),
    ],
)
def test_a_code_decides_whatever_the_status(code: int, kind: type[Exception], words: str) -> None:
    for status in (200, 400, 403, 404):
        with pytest.raises(kind, match=words):
            decipher(status, {}, json.dumps({"code": code, "msg": "x"}).encode())


# -- tables


@pytest.mark.parametrize(
    ("tables", "setting"),
    [
        (None, "tables"),
        ({}, "tables"),
        ({"采购任务": "x"}, "tables.采购任务"),
        ({"采购任务": {"url": "https://acme.feishu.cn/base/bascn1"}}, "tables.采购任务.url"),
        ({"采购任务": {"url": URL, "columns": []}}, "tables.采购任务.columns"),
    ],
)
def test_a_table_that_is_described_wrongly_is_named_with_a_cure(tables: object, setting: str) -> None:
    [(path, text, hint)] = table_problems({"tables": tables})
    assert (path, bool(text), bool(hint)) == (setting, True, True)
    row = raw_from_row(b'{"record_id":"r","fields":{}}', COLUMNS, TableRules("采购任务", URL), "a", AT)
    with pytest.raises(ConfigError):
        CONNECTOR.record_from_raw(row, settings(tables=tables))


def test_of_a_connection_all_tables_are_written_to_or_none() -> None:
    one, other = {"url": URL, "notices": "Tieline"}, {"url": URL, "title": "事项"}

    def problems(**tables: Any) -> list[tuple[str, str, str]]:
        return list(table_problems({"tables": tables}))

    assert problems(甲=one, 乙=one) == problems(甲=other, 乙=other) == []
    assert [setting for setting, *_ in problems(甲=one, 乙=other)] == ["tables.乙.notices"]
    assert [setting for setting, *_ in problems(甲={**one, "notices": ""})] == ["tables.甲.notices"]
    assert "people's own" in problems(甲={**other, "notices": "事项"})[0][1]
    assert CONNECTOR.offered("bitable", {"tables": {"甲": one}}) == ("source", "tracker")
    assert CONNECTOR.offered("bitable", {"tables": {"甲": other}}) == ("source",)
    assert CONNECTOR.offered("tasks", {}) == ("source", "tracker")


def test_an_address_tells_the_base_or_the_wikis_node_and_the_table() -> None:
    base, wiki = TableRules("a", URL), TableRules("a", "https://acme.feishu.cn/wiki/wikcn1/?table=tbl2")
    assert (base.token, base.table_id, base.is_in_wiki) == ("bascn1", "tbl1", False)
    assert (wiki.token, wiki.table_id, wiki.is_in_wiki) == ("wikcn1", "tbl2", True)


@pytest.mark.parametrize(
    ("cell", "kind", "value"),
    [
        ([{"text": "支付", "type": "text"}, {"text": "压测", "type": "text"}], 1, "支付压测"),
        (3.5, 2, 3.5),
        ("进行中", 3, "进行中"),
        (["甲", "乙"], 4, ["甲", "乙"]),
        (["甲"], 4, ["甲"]),
        (1764000000000, 5, datetime(2025, 11, 24, 16, tzinfo=UTC)),
        (True, 7, True),
        ([{"id": "ou_1", "name": "王芳", "email": "w@x.example"}], 11, [Account("ou_1", "王芳", "w@x.example")]),
        ({"text": "看板", "link": "https://x.example/1"}, 15, "https://x.example/1"),
        ({"link_record_ids": ["rec1", "rec2"]}, 18, ["rec1", "rec2"]),
        ({"type": 2, "value": [7]}, 20, 7),
        ({"type": 1, "value": [{"text": "晚 3 天", "type": "text"}]}, 20, "晚 3 天"),
        ({"type": 5, "value": [1764000000000]}, 19, datetime(2025, 11, 24, 16, tzinfo=UTC)),
        ([{"text": "KF-12", "type": "text"}], 1005, "KF-12"),
        (None, 1, None),
        ([], 1, []),
        ("not a number", 5, None),
    ],
)
def test_a_cell_is_read_by_its_columns_type(cell: Any, kind: int, value: Any) -> None:
    assert plain_value(cell, kind) == value


def row(**fields: Any) -> dict[str, Any]:
    return {
        "record_id": "rec9",
        "fields": fields,
        "last_modified_time": 1764000000000,
        "created_by": {"id": "ou_1", "name": "王芳"},
    }


def record(said: dict[str, Any], **rules: Any) -> Record:
    table = {"url": URL, **rules}
    raw = raw_from_row(msgspec.json.encode(said), COLUMNS, TableRules("采购任务", **table), "feishu-work", AT)
    return CONNECTOR.record_from_raw(raw, settings(tables={"采购任务": table}))


def test_a_row_is_a_task_called_by_its_primary_column() -> None:
    found = record(
        row(事项=[{"text": "采购 服务器", "type": "text"}], 前置={"link_record_ids": ["rec1"]}, 编号="KF-12"),
        key="编号",
    )
    assert (found.ref, found.key, found.title, found.url) == (
        "feishu-work:task:采购任务/rec9",
        "KF-12",
        "采购 服务器",
        URL,
    )
    assert found.values["前置"] == ["rec1"]
    assert {"KF-12", "rec9"} <= {*found.aliases}
    assert found.updated_at == datetime(2025, 11, 24, 16, tzinfo=UTC)
    assert record(row(事项="甲", 标签=["乙"]), title="标签").title == "['乙']"
    assert record(row()).title == "rec9"


def test_what_we_wrote_in_a_row_is_no_word_of_the_departments() -> None:
    cell = with_link(with_notice("依赖：PAY-1", MARK, "依赖：PAY-2"), OTHER, "waits_for", MARK, "zh-CN")
    assert record(row(事项="甲", Tieline=written_text(cell)), notices="Tieline").values["Tieline"] == "依赖：PAY-1"
    assert "PAY-2" in str(record(row(事项="甲", Tieline=written_text(cell))).values["Tieline"])


def test_a_row_that_is_for_some_only_is_restricted() -> None:
    for cell, expected in (
        (True, "restricted"),
        ([{"text": "是", "type": "text"}], "restricted"),
        (False, "open"),
        (None, "open"),
        ([], "open"),
    ):
        assert record(row(事项="甲", 仅限=cell), restricted="仅限").visibility == expected


def test_a_version_tells_edits_and_not_the_order_of_keys() -> None:
    def version(said: dict[str, Any]) -> str:
        return raw_from_row(msgspec.json.encode(said), COLUMNS, TableRules("采购任务", URL), "a", AT).version

    one = row(事项="甲", 截止=1764000000000)
    assert version(one) == version(dict(reversed(one.items()))) == version({**one, "shared_url": "https://x"})
    assert version(one) != version(row(事项="甲", 截止=1764000000001))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**14)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("text", "link", "id", "name", "value", "type", "link_record_ids")), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(("事项", "截止", "前置", "标签", "别的")), JSON))
def test_an_odd_row_is_read_as_far_as_it_goes(fields: dict[str, Any]) -> None:
    msgspec.json.encode(record(row(**fields)).values)


def test_what_is_no_row_is_an_error() -> None:
    for data in (b"[]", b'{"fields":{}}', b'{"record_id":"r"}', b"{", b"\xff"):
        with pytest.raises(Nonsense):
            raw_from_row(data, COLUMNS, TableRules("a", URL), "a", AT)


# -- tasks

TASK: dict[str, Any] = {
    "guid": "e297ddff-06ca-4166-b917-4ce57cd3a7a0", "task_id": "t100007", "summary": "支付流程测试", "completed_at": "0",
    "due": {"timestamp": "1764547200000", "is_all_day": True}, "start": {"timestamp": "1764000000000", "is_all_day": False},
    "members": [{"id": "ou_1", "type": "user", "role": "assignee", "name": "王芳"}, {"id": "ou_2", "type": "user", "role": "follower"},
                {"id": "cli_1", "type": "app", "role": "follower"}],
    "created_at": "1763000000000", "updated_at": "1764000000123", "url": "https://applink.feishu.cn/client/todo/detail?guid=e2",
    "tasklists": [{"tasklist_guid": "L", "section_guid": "S2"}],
    "dependencies": [{"type": "prev", "task_guid": "P"}, {"type": "next", "task_guid": "N"}, {"type": "odd", "task_guid": "X"}],
    "custom_fields": [
        {"guid": "c1", "type": "number", "number_value": "3.5", "name": "工时"},
        {"guid": "c2", "type": "datetime", "datetime_value": "1764000000000", "name": "上线日"},
        {"guid": "c3", "type": "member", "member_value": [{"id": "ou_3", "type": "user"}], "name": "评审"},
    ],
}  # fmt: skip


def task(said: dict[str, Any], **options: Any) -> Record:
    raw = raw_from_task(said, {"S1": "待办", "S2": "进行中"}, "feishu-work", "上线清单", AT)
    return CONNECTOR.record_from_raw(raw, settings("tasks", x=1, **options))


def test_a_task_keeps_feishus_names_and_types() -> None:
    found = task(TASK)
    assert (found.key, found.title, found.url) == ("t100007", "支付流程测试", TASK["url"])
    values = found.values
    assert (values["due"], values["start"]) == (date(2025, 12, 1), datetime(2025, 11, 24, 16, tzinfo=UTC))
    assert (values["section"], values["state"], values["completed_at"]) == ("进行中", "进行中", None)
    assert (values["assignees"], values["followers"]) == ([Account("ou_1", "王芳")], [Account("ou_2")])
    assert values["custom_fields"] == {
        "c1": "3.5", "工时": "3.5", "c2": datetime(2025, 11, 24, 16, tzinfo=UTC), "上线日": datetime(2025, 11, 24, 16, tzinfo=UTC),
        "c3": [Account("ou_3")], "评审": [Account("ou_3")],
    }  # fmt: skip
    assert [(link.id, link.is_outward) for link in found.links] == [
        (f"P>{TASK['guid']}", False),
        (f"{TASK['guid']}>N", True),
    ]


def test_a_done_task_is_done_wherever_it_lies() -> None:
    done = task({**TASK, "completed_at": "1764000000000"})
    assert (done.values["state"], done.values["completed_at"]) == ("done", datetime(2025, 11, 24, 16, tzinfo=UTC))
    assert task({**TASK, "tasklists": []}).values["state"] == "todo"


def test_tasks_of_a_list_that_the_admin_calls_restricted_are() -> None:
    assert task(TASK).visibility == "open"
    assert task(TASK, restricted_tasklists=["上线清单"]).visibility == "restricted"


def test_a_version_covers_sections_and_dependencies() -> None:
    def version(said: dict[str, Any], names: dict[str, str]) -> str:
        return raw_from_task(said, names, "a", "x", AT).version

    one = version(TASK, {"S2": "进行中"})
    assert one == version(dict(reversed(TASK.items())), {"S2": "进行中"})
    assert len({one, version(TASK, {"S2": "改名"}), version({**TASK, "dependencies": []}, {"S2": "进行中"})}) == 3


@given(st.dictionaries(st.sampled_from(sorted(TASK)), JSON))
def test_an_odd_task_is_read_as_far_as_it_goes(odd: dict[str, Any]) -> None:
    msgspec.json.encode(task({**TASK, **odd, "guid": "g"}).values)


# -- comments

BODY: RichText = (
    Heading(2, (Text("延期", is_bold=True),)),
    Paragraph(
        (Text("支付接口开发 "), Anchor("看板", "https://jira.example/1"), LineBreak(), PersonMention("王芳", "ou_1"))
    ),
    BulletList((ListItem((Paragraph((Text("联调"),)),), is_done=True),)),
    NumberedList((ListItem((Paragraph((Text("先"),)),)), ListItem((Paragraph((Text("后"),)),)))),
    Table(((Text("任务"),), (Text("到期"),)), (((Text("甲"),), (Text("明天"),)),)),
)


def test_a_comment_is_plain_text_that_reads_well() -> None:
    assert plain_text(BODY) == (
        "延期\n支付接口开发 看板 https://jira.example/1\n@王芳\n· ☑ 联调\n1. 先\n2. 后\n任务 | 到期\n甲 | 明天"
    )  # fmt: skip


@given(rich_texts(("ou_1",)))
def test_the_digest_does_not_depend_on_blanks_that_nobody_sees(body: RichText) -> None:
    said = plain_text(body)
    assert said_digest(said) == said_digest(
        "\n\n" + said.replace("\n", " \n\n") + "\n\n[tieline:demo:0123456789abcdef 0123456789ab]"
    )
    assert said_digest(said) != said_digest(said + "\n多一句")
    said.encode()
