"""Feishu's own client (lark-oapi) against our simulator: what it sends is taken, what it is answered it understands."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from sandbox.feishu import APP_ID, APP_SECRET, FeishuSimulator, seed
from sandbox.feishu.seed import TEAM_CHAT_ID
from sandbox.feishu.simulator import shown
from sandbox.feishu.table_api import shown_text
from sandbox.feishu.work_state import TEXT
from sandbox.story import story
from tests.conformance.subjects import served

# In a process of its own: it takes three seconds to import, and an event loop with it.
CLIENT = """
import json, sys
import lark_oapi as lark
from lark_oapi.api.bitable.v1 import (
    AppTableRecord, BatchGetAppTableRecordRequest, BatchGetAppTableRecordRequestBody, ListAppTableFieldRequest,
    SearchAppTableRecordRequest, SearchAppTableRecordRequestBody, UpdateAppTableRecordRequest,
)
from lark_oapi.api.contact.v3 import BatchGetIdUserRequest, BatchGetIdUserRequestBody
from lark_oapi.api.im.v1 import CreateMessageRequest, CreateMessageRequestBody, PatchMessageRequest, PatchMessageRequestBody
from lark_oapi.api.task.v2 import (
    AddDependenciesTaskRequest, AddDependenciesTaskRequestBody, CreateCommentRequest, GetTaskRequest, InputComment, ListCommentRequest,
    TaskDependency, TasksTasklistRequest,
)
from lark_oapi.api.docx.v1 import RawContentDocumentRequest
from lark_oapi.api.drive.v2 import GetPermissionPublicRequest
from lark_oapi.api.wiki.v2 import GetNodeSpaceRequest, ListSpaceNodeRequest, ListSpaceRequest

given = json.loads(sys.argv[1])
client = lark.Client.builder().app_id(given["app_id"]).app_secret(given["secret"]).domain(given["url"]).log_level(lark.LogLevel.ERROR).build()
told = {}

def keep(name, answer, pick):
    told[name] = pick(getattr(answer, "data", None)) if answer.success() else [answer.code, answer.msg]

card = {"schema": "2.0", "config": {"update_multi": True}, "body": {"elements": [{"tag": "markdown", "content": "支付接口晚了"}]}}
body = CreateMessageRequestBody.builder().receive_id(given["chat"]).msg_type("interactive").content(json.dumps(card)).uuid("u1").build()
request = CreateMessageRequest.builder().receive_id_type("chat_id").request_body(body).build()
first, again = client.im.v1.message.create(request), client.im.v1.message.create(request)
keep("same", first, lambda data: data.message_id == again.data.message_id)
card["body"]["elements"][0]["content"] = "已解除"
body = PatchMessageRequestBody.builder().content(json.dumps(card)).build()
keep("patched", client.im.v1.message.patch(PatchMessageRequest.builder().message_id(first.data.message_id).request_body(body).build()), lambda _: True)
keep("unknown", client.im.v1.message.patch(PatchMessageRequest.builder().message_id("om_nobody").request_body(body).build()), lambda _: True)
body = BatchGetIdUserRequestBody.builder().emails([given["email"], "nobody@x.example"]).build()
request = BatchGetIdUserRequest.builder().user_id_type("open_id").request_body(body).build()
keep("people", client.contact.v3.user.batch_get_id(request), lambda data: [user.user_id for user in data.user_list])
body = SearchAppTableRecordRequestBody.builder().automatic_fields(True).build()
request = SearchAppTableRecordRequest.builder().app_token(given["base"]).table_id(given["table"]).page_size(100).request_body(body).build()
keep("rows", client.bitable.v1.app_table_record.search(request), lambda data: [data.total, [item.fields for item in data.items]])
request = ListAppTableFieldRequest.builder().app_token(given["base"]).table_id(given["table"]).page_size(100).build()
keep("columns", client.bitable.v1.app_table_field.list(request),
     lambda data: [[item.field_name, item.type, item.is_primary, item.ui_type] for item in data.items])
def rewrite(fields):
    request = UpdateAppTableRecordRequest.builder().app_token(given["base"]).table_id(given["table"]).record_id(given["row"])
    return client.bitable.v1.app_table_record.update(
        request.user_id_type("open_id").request_body(AppTableRecord.builder().fields(fields).build()).build())
keep("wrote", rewrite({"Tieline": given["cell"]}), lambda data: data.record.fields)
body = BatchGetAppTableRecordRequestBody.builder().record_ids([given["row"], "recNobody"]).automatic_fields(True).build()
request = BatchGetAppTableRecordRequest.builder().app_token(given["base"]).table_id(given["table"]).request_body(body).build()
keep("cells", client.bitable.v1.app_table_record.batch_get(request),
     lambda data: [[item.fields.get("Tieline") for item in data.records], data.absent_record_ids])
keep("no column", rewrite({"没有的列": "x"}), lambda _: True)
keep("no text", rewrite({"Tieline": 3}), lambda _: True)
keep("listed", client.task.v2.tasklist.tasks(TasksTasklistRequest.builder().tasklist_guid(given["list"]).page_size(50).build()),
     lambda data: [item.summary for item in data.items])
dependency = TaskDependency.builder().type("prev").task_guid(given["other"]).build()
body = AddDependenciesTaskRequestBody.builder().dependencies([dependency]).build()
keep("depends", client.task.v2.task.add_dependencies(AddDependenciesTaskRequest.builder().task_guid(given["task"]).request_body(body).build()),
     lambda data: [[item.type, item.task_guid] for item in data.dependencies])
keep("task", client.task.v2.task.get(GetTaskRequest.builder().task_guid(given["task"]).build()), lambda data: data.task.summary)
comment = InputComment.builder().content("看一下").resource_type("task").resource_id(given["task"]).build()
keep("comment", client.task.v2.comment.create(CreateCommentRequest.builder().request_body(comment).build()), lambda data: data.comment.content)
request = ListCommentRequest.builder().resource_type("task").resource_id(given["task"]).page_size(50).build()
keep("comments", client.task.v2.comment.list(request), lambda data: [item.content for item in data.items])
keep("spaces", client.wiki.v2.space.list(ListSpaceRequest.builder().page_size(50).build()),
     lambda data: [[item.space_id, item.name, item.visibility] for item in data.items])
keep("nodes", client.wiki.v2.space_node.list(ListSpaceNodeRequest.builder().space_id(given["space"]).page_size(50).build()),
     lambda data: [[item.node_token, item.obj_token, item.obj_type, item.title, item.has_child] for item in data.items])
request = GetNodeSpaceRequest.builder().token(given["document"]).obj_type("docx").build()
keep("node", client.wiki.v2.space.get_node(request), lambda data: [data.node.node_token, data.node.obj_edit_time.isdecimal()])
keep("no node", client.wiki.v2.space.get_node(GetNodeSpaceRequest.builder().token("wikcnNobody").build()), lambda _: True)
request = RawContentDocumentRequest.builder().document_id(given["document"]).build()
keep("words", client.docx.v1.document.raw_content(request), lambda data: data.content)
request = GetPermissionPublicRequest.builder().token(given["page"]).type("wiki").build()
keep("locked", client.drive.v2.permission_public.get(request), lambda data: data.permission_public.lock_switch)
print(json.dumps(told))
"""


@pytest.fixture
def simulator() -> FeishuSimulator:
    made = FeishuSimulator("feishu-judge", lambda: datetime.now(UTC), enforce_limits=False)
    seed(made, story(date(2026, 11, 24)))
    return made


def test_feishus_own_client_speaks_with_the_simulator(simulator: FeishuSimulator) -> None:
    wire = served(simulator)
    table = simulator.add_table("采购任务", {"事项": TEXT, "Tieline": TEXT})
    row = simulator.add_row(table, 事项=shown_text("采购服务器"))
    address = "https://jira.example/browse/PAY-1"
    tasks = simulator.add_list("上线清单")
    task, other = (simulator.add_task(tasks, name).guid for name in ("一", "二"))
    space = simulator.add_space("运营手册")
    page = simulator.write_page(space, "值班 SOP", "先看监控")
    page.is_locked = True
    person = next(iter(simulator.state.people.values()))
    given = {
        "url": wire.url, "app_id": APP_ID, "secret": APP_SECRET, "chat": TEAM_CHAT_ID, "email": person.email, "base": table.base,
        "table": table.id, "list": tasks.guid, "task": task, "other": other, "space": space.id, "page": page.node, "document": page.obj,
        "row": row.id, "cell": f"等待：{address} 王芳",
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", CLIENT, json.dumps(given)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told.pop("unknown")[0], told.pop("no node")[0]) == (230001, 131005)
    assert [told.pop(name)[0] for name in ("no column", "no text")] == [1254045, 1254060]
    assert told.pop("columns") == [["事项", TEXT, True, "Text"], ["Tieline", TEXT, False, "Text"]]
    assert told.pop("wrote") == {"Tieline": f"等待：{address} 王芳"}
    segments = [("等待：", "text"), (address, "url"), (" 王芳", "text")]
    [[cell], absent] = told.pop("cells")
    assert [(one["text"], one["type"]) for one in cell] == segments
    assert absent == ["recNobody"]
    assert told == {
        "same": True, "patched": True, "people": [person.open_id, None], "rows": [1, [{"事项": [{"text": "采购服务器", "type": "text"}]}]],
        "listed": ["一", "二"], "depends": [["prev", other]], "task": "一", "comment": "看一下", "comments": ["看一下"],
        "spaces": [[space.id, "运营手册", "public"]], "nodes": [[page.node, page.obj, "docx", "值班 SOP", False]],
        "node": [page.node, True], "words": "值班 SOP\n先看监控\n", "locked": True,
    }  # fmt: skip
    assert [shown(said).strip() for said in simulator.said_in(TEAM_CHAT_ID)] == ["已解除"]
