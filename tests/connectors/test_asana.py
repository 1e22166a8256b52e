"""Asana without a wire: what its answers mean, tasks as records, and rich text as its comments take it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.asana import CONNECTOR
from connectors.asana.answers import decipher, is_signed_out
from connectors.asana.records import head_from, raw_from_task
from connectors.asana.rich_html import block_of_comment, comment_html, comment_plain, kept_in, mark_in, said_digest
from connectors.asana.shapes import Project
from connectors.asana.values import custom_field_value
from sandbox.asana import html as simulated
from sync.core.errors import AccessDenied, CannotExpress, Nonsense, NotFound, Refused, TryLater
from sync.core.marks import Kept
from sync.core.ports import ConnectionSettings
from sync.core.rich_text import (
    Anchor,
    BulletList,
    CodeBlock,
    Contents,
    Heading,
    LineBreak,
    ListItem,
    Lozenge,
    NumberedList,
    Panel,
    Paragraph,
    PersonMention,
    Picture,
    Quote,
    RichText,
    Table,
    Text,
)
from sync.core.values import Account, RawRecord, Record
from tests.conformance.subjects import MARK, text
from tests.conformance.texts import rich_texts

SETTINGS = ConnectionSettings("a", "asana", "", "cloud", scopes=("客服上线准备",))
PROJECT = Project("1201", "客服上线准备", False, "public_to_workspace")

# -- answers


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (400, Refused, "project: Missing input"),
        (401, AccessDenied, "developer console"),
        (402, Refused, "paid plan"),
        (403, AccessDenied, "Share > Invite"),
        (404, NotFound, "project: Missing input"),
        (412, Refused, "project: Missing input"),
        (429, TryLater, "project: Missing input"),
        (451, Refused, "project: Missing input"),
        (500, TryLater, "6 sad squid"),
        (302, Nonsense, "redirect"),
    ],
)
def test_what_an_error_means(status: int, error: type[Exception], words: str) -> None:
    body = {
        "errors": [{"message": "project: Missing input", "help": "…", "phrase": "6 sad squid snuggle softly"}, "odd"]
    }
    with pytest.raises(error, match=words):
        decipher(status, {}, json.dumps(body).encode())


def test_only_a_refused_token_ends_the_sign_in() -> None:
    for status, expected in ((401, True), (403, False)):
        with pytest.raises(AccessDenied) as caught:
            decipher(status, {}, b"{}")
        assert is_signed_out(caught.value) is expected


def test_a_new_token_for_events_is_an_answer() -> None:
    decipher(412, {}, b'{"errors": [{"message": "Sync token invalid or too old."}], "sync": "de4774f6"}')
    for body in (b'{"sync": ""}', b'{"sync": 1}', b"<html>precondition failed</html>", b"[]"):
        with pytest.raises(Refused):
            decipher(412, {}, body)


def test_the_pause_that_asana_asks_for_is_kept() -> None:
    with pytest.raises(TryLater) as caught:
        decipher(429, {"retry-after": "37"}, b"")
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 37


@pytest.mark.parametrize("body", [b"", b"<html>sign in</html>", b"[1]", b"[" * 100_000, b"\xff"])
def test_what_is_no_answer_of_asanas_is_told_and_never_quoted(body: bytes) -> None:
    with pytest.raises(Nonsense):
        decipher(200, {}, body)
    with pytest.raises(Refused) as caught:
        decipher(400, {}, body)
    assert "sign in" not in str(caught.value)


# -- records

TASK: dict[str, Any] = {
    "gid": "9007199254740993117", "resource_type": "task", "name": "支付流程测试", "notes": "依赖：PAY-77", "completed": False,
    "due_on": "2026-12-01", "due_at": None, "start_on": "2026-11-24", "modified_at": "2026-11-23T09:07:01.120Z",
    "created_at": "2026-11-01T00:00:00.000Z", "assignee": {"gid": "9", "name": "王芳"}, "num_subtasks": 0, "parent": None,
    "memberships": [
        {"project": {"gid": "77", "name": "别处"}, "section": {"gid": "1", "name": "想法"}},
        {"project": {"gid": "1201", "name": "客服上线准备"}, "section": {"gid": "78", "name": "进行中"}},
    ],
    "tags": [{"gid": "3", "name": "上线"}], "dependencies": [{"gid": "1199"}], "dependents": [{"gid": "1300"}],
    "permalink_url": "https://app.asana.com/1/55/task/9007199254740993117",
    "custom_fields": [
        {"gid": "4578", "name": "优先级", "type": "enum", "enum_value": {"gid": "1", "name": "高"}, "display_value": "高"},
        {"gid": "4579", "name": "工时", "type": "number", "number_value": 3.5},
        {"gid": "4580", "name": "工时", "type": "text", "text_value": "半天"},
        {"gid": "4581", "name": "评审人", "type": "people", "people_value": [{"gid": "8", "name": None}]},
        {"gid": "4582", "name": "上线日", "type": "date", "date_value": {"date": "2026-12-05", "date_time": None}},
        {"gid": "4583", "name": "编号", "type": "custom_id", "display_value": "KF-12"},
    ],
}  # fmt: skip


def raw(task: dict[str, Any], project: Project = PROJECT, **more: Any) -> RawRecord:
    data = msgspec.Raw(msgspec.json.encode(task))
    return raw_from_task(data, head_from(data), "a", "客服上线准备", project, more.get("attachments"))


def record(task: dict[str, Any], project: Project = PROJECT, settings: ConnectionSettings = SETTINGS) -> Record:
    return CONNECTOR.record_from_raw(raw(task, project), settings)


def test_a_task_keeps_asanas_names_and_types() -> None:
    found = record(TASK)
    assert (found.ref, found.key, found.title) == ("a:task:9007199254740993117", "9007199254740993117", "支付流程测试")
    values = found.values
    assert (values["due_on"], values["start_on"]) == (date(2026, 12, 1), date(2026, 11, 24))
    assert values["modified_at"] == datetime(2026, 11, 23, 9, 7, 1, 120_000, tzinfo=UTC) == found.updated_at
    assert (values["section"], values["state"], values["tags"]) == ("进行中", "进行中", ["上线"])
    assert values["assignee"] == Account("9", "王芳")
    fields = values["custom_fields"]
    assert (fields["优先级"], fields["工时"], fields["4580"]) == ("高", 3.5, "半天")
    assert (fields["上线日"], fields["编号"], fields["评审人"]) == (date(2026, 12, 5), "KF-12", [Account("8")])
    assert {account.id for account in found.accounts} == {"9", "8"}


def test_dependencies_are_the_same_link_from_both_ends() -> None:
    waits, blocks = record(TASK).links
    assert (waits.id, waits.is_outward, waits.other_id) == ("1199>9007199254740993117", False, "1199")
    assert (blocks.id, blocks.is_outward, blocks.other_id) == ("9007199254740993117>1300", True, "1300")
    other = record({"gid": "1199", "dependents": [{"gid": "9007199254740993117"}]})
    assert [link.id for link in other.links] == [waits.id]


def test_a_completed_task_is_completed_wherever_it_lies() -> None:
    assert record({**TASK, "completed": True}).values["state"] == "completed"
    assert record({**TASK, "memberships": []}).values["state"] == "incomplete"


def test_a_task_is_found_by_the_addresses_that_people_copy() -> None:
    gid, app = TASK["gid"], "https://app.asana.com"
    places = (
        f"{app}/0/1201/{gid}",
        f"{app}/0/0/{gid}/f",
        f"{app}/1/55/project/77/task/{gid}",
        f"{app}/1/55/task/{gid}",
    )
    assert {gid, TASK["permalink_url"], *places} <= {*record(TASK).aliases}


@pytest.mark.parametrize("privacy", ["private", "private_to_team", None, "something_new"])
def test_a_task_of_a_project_that_not_everybody_reads_is_restricted_unless_the_admin_quotes_it(
    privacy: str | None,
) -> None:
    project = Project("1201", "客服上线准备", privacy_setting=privacy)
    assert record(TASK, project).visibility == "restricted"
    for word in ("1201", "客服上线准备"):
        quoted = msgspec.structs.replace(SETTINGS, options={"quoted_projects": [word]})
        assert record(TASK, project, quoted).visibility == "open"
        assert raw(TASK, project).visibility == "restricted"


def test_a_version_covers_what_moves_no_date_and_no_order() -> None:
    before = raw(TASK).version
    assert raw({**TASK, "memberships": TASK["memberships"][::-1]}).version == before
    assert raw(dict(reversed(TASK.items()))).version == before
    section = {**TASK["memberships"][1], "section": {"gid": "78", "name": "测试中"}}
    assert raw({**TASK, "memberships": [TASK["memberships"][0], section]}).version != before
    assert raw({**TASK, "dependencies": []}).version != before
    assert raw(TASK, Project("1201", "改了名", False, "public_to_workspace")).version != before


def test_attached_addresses_are_mentions_and_files_are_not() -> None:
    attachments = [
        {
            "gid": "1",
            "name": "等待：PAY-77",
            "resource_subtype": "external",
            "view_url": "https://jira.example/browse/PAY-77",
        },
        {"gid": "2", "name": "图.png", "resource_subtype": "asana", "view_url": "https://app.asana.com/x"},
    ]
    kept = raw(TASK, attachments=[msgspec.Raw(msgspec.json.encode(item)) for item in attachments])
    [mention] = CONNECTOR.record_from_raw(kept, SETTINGS).mentions
    assert (mention.where, mention.id, mention.title, mention.text) == (
        "attachment", "1", "等待：PAY-77", "https://jira.example/browse/PAY-77",
    )  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("gid", "name", "section", "project")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(TASK)), JSON))
def test_an_odd_task_is_read_as_far_as_it_goes(odd: dict[str, Any]) -> None:
    found = record({**TASK, **odd, "gid": "1"})
    assert found.key == "1"
    msgspec.json.encode(found.values)


def test_what_is_no_task_at_all_is_an_error() -> None:
    for data in (b"[]", b"null", b'{"name":"x"}', b'{"gid":', b"\xff"):
        with pytest.raises(Nonsense):
            head_from(data)


def test_the_types_of_custom_fields() -> None:
    assert custom_field_value({"type": "multi_enum", "multi_enum_values": [{"name": "甲"}, None]}) == ["甲"]
    said = {"date": "2026-12-05", "date_time": "2026-12-05T08:00:00.000Z"}
    assert custom_field_value({"type": "date", "date_value": said}) == datetime(2026, 12, 5, 8, tzinfo=UTC)
    assert custom_field_value({"type": "enum", "enum_value": None}) is None


# -- rich text

BODY: RichText = (
    Heading(2, (Text("延期"),)),
    Paragraph(
        (
            Text("支付接口开发", is_bold=True),
            Text(" 晚 3 天 <b>&"),
            LineBreak(),
            PersonMention("王芳", "1201"),
            PersonMention("外人"),
        )
    ),
    BulletList(
        (
            ListItem((Paragraph((Text("联调"),)),), is_done=True),
            ListItem((BulletList((ListItem((Paragraph((Text("内"),)),)),)),)),
        )
    ),
    NumberedList((ListItem((Paragraph((Text("先"),)),)),), start=3),
    Table(((Text("任务"),), (Text("到期"),)), (((Text("甲"),), (Lozenge("逾期"),)),)),
    CodeBlock("a < b\nc"),
    Quote((Paragraph((Anchor("看板", "https://jira.example/?a=1&b=2"), Anchor("坏", "javascript:x"))),)),
    Panel("warning", (Paragraph((Text("请改期"),)),), "注意"),
)
HTML = (
    "<body><strong>延期</strong>\n\n<strong>支付接口开发</strong> 晚 3 天 &lt;b&gt;&amp;\n<a data-asana-gid=\"1201\"/>外人\n"
    "<ul><li>☑ 联调</li><li><ul><li>内</li></ul></li></ul>\n3. 先\n<ul><li>任务：甲；到期：<strong>逾期</strong></li></ul>\n"
    "<code>a &lt; b</code>\n<code>c</code>\n\n&gt; <a href=\"https://jira.example/?a=1&amp;b=2\" data-asana-dynamic=\"false\">看板</a>坏\n\n"
    "⚠️ <strong>注意</strong>\n请改期\n\n[tieline:demo:0123456789abcdef {block}]</body>"
)  # fmt: skip


def test_a_comment_as_it_is_sent() -> None:
    sent = comment_html(BODY, MARK)
    assert sent == HTML.replace("{block}", block_of_comment(BODY))
    assert "支付接口开发 晚 3 天 <b>&" in comment_plain(sent)


@given(rich_texts(("1201", "9")))
def test_any_comment_is_taken_and_reads_back_as_what_was_meant(body: RichText) -> None:
    try:
        sent = comment_html(body, MARK)
    except CannotExpress:
        return
    for stored in (sent, simulated.shown(sent, {"1201": "王芳 <x>"})):
        block = block_of_comment(body)
        assert (mark_in(stored), kept_in(stored), said_digest(stored)) == (MARK, Kept(block, block), block)
    simulated.parsed(sent)


@given(st.text())
def test_nothing_that_people_typed_becomes_markup(words: str) -> None:
    root = ET.fromstring(comment_html((Paragraph((Text(words),)),), MARK))
    assert [node.tag for node in root.iter()] == ["body"]


def test_asanas_own_spelling_is_no_edit_and_a_persons_is() -> None:
    sent = comment_html((Paragraph((Text("看 https://x.example/a"), PersonMention("王芳", "12"))),), MARK)
    shown = simulated.shown(sent, {"12": "王芳"})
    assert shown != sent
    assert said_digest(shown) == said_digest(sent)
    assert said_digest(shown.replace("王芳", "王芳芳")) == said_digest(sent)
    assert said_digest(shown.replace("看", "看看")) != said_digest(sent)
    assert said_digest(shown.replace('data-asana-gid="12"', 'data-asana-gid="13"')) != said_digest(sent)
    link = comment_html((Paragraph((Anchor("看板", "https://x.example/a"),)),), MARK)
    assert said_digest(link.replace("example/a", "example/b")) != said_digest(link)


def test_words_written_below_our_mark_leave_it_ours_and_are_an_edit() -> None:
    sent = comment_html(text("一"), MARK)
    edited = sent.replace("</body>", "\n已和产品确认</body>")
    assert mark_in(edited) == MARK
    assert said_digest(edited) != said_digest(sent)
    assert mark_in("<body>转发 [tieline:demo:0123456789abcdef]</body>") == ""


@pytest.mark.parametrize("block", [Contents(), Picture("图", "a.png")])
def test_what_a_comment_cannot_say(block: Any) -> None:
    with pytest.raises(CannotExpress):
        comment_html((block,), MARK)
