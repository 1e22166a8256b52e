"""DingTalk's own client (alibabacloud-dingtalk) against our simulator: what it sends is taken, what it is answered it understands."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime

from sandbox.dingtalk import CARD_TEMPLATE, CLIENT_ID, CLIENT_SECRET, DingTalkSimulator, seed
from sandbox.dingtalk.seed import GROUP
from sandbox.story import story
from tests.conformance.subjects import served

# In a process of its own: it brings an HTTP stack and an event loop with it.
CLIENT = """
import json, sys
from alibabacloud_dingtalk.card_1_0 import models as card
from alibabacloud_dingtalk.card_1_0.client import Client as Card
from alibabacloud_dingtalk.oauth2_1_0 import models as auth
from alibabacloud_dingtalk.oauth2_1_0.client import Client as Auth
from alibabacloud_dingtalk.robot_1_0 import models as robot
from alibabacloud_dingtalk.robot_1_0.client import Client as Robot
from alibabacloud_dingtalk.todo_1_0 import models as todo
from alibabacloud_dingtalk.todo_1_0.client import Client as Todo
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions

given = json.loads(sys.argv[1])
config, runtime, told = Config(protocol="http", region_id="central", endpoint=given["host"]), RuntimeOptions(), {}

def keep(name, ask, pick):
    try:
        told[name] = pick(ask().body)
    except Exception as error:
        told[name] = str(getattr(error, "code", "")) or repr(error)

wrong = auth.GetAccessTokenRequest(app_key=given["id"], app_secret="not-the-secret")
keep("refused", lambda: Auth(config).get_access_token_with_options(wrong, {}, runtime), lambda body: body.access_token)
request = auth.GetAccessTokenRequest(app_key=given["id"], app_secret=given["secret"])
token = Auth(config).get_access_token_with_options(request, {}, runtime).body.access_token

def headers(model):
    made = model()
    made.x_acs_dingtalk_access_token = token
    return made

text = robot.OrgGroupSendRequest(
    msg_key="sampleMarkdown", msg_param=json.dumps({"title": "延期", "text": "支付接口晚了"}), open_conversation_id=given["group"],
    robot_code=given["id"],
)
keep("said", lambda: Robot(config).org_group_send_with_options(text, headers(robot.OrgGroupSendHeaders), runtime), lambda body: bool(body.process_query_key))
people = robot.BatchSendOTORequest(msg_key="sampleText", msg_param=json.dumps({"content": "在吗"}), robot_code=given["id"], user_ids=[given["person"], "nobody"])
keep("people", lambda: Robot(config).batch_send_otowith_options(people, headers(robot.BatchSendOTOHeaders), runtime),
     lambda body: body.invalid_staff_id_list)
model = card.CreateAndDeliverRequestImGroupOpenDeliverModel(robot_code=given["id"])
deliver = card.CreateAndDeliverRequest(
    card_template_id=given["template"], out_track_id="t1", callback_type="STREAM", user_id_type=1,
    card_data=card.CreateAndDeliverRequestCardData(card_param_map={"title": "延期", "body": "晚 3 天"}),
    open_space_id=f"dtv1.card//IM_GROUP.{given['group']}", im_group_open_deliver_model=model,
    im_group_open_space_model=card.CreateAndDeliverRequestImGroupOpenSpaceModel(support_forward=True),
)
def place():
    return Card(config).create_and_deliver_with_options(deliver, headers(card.CreateAndDeliverHeaders), runtime)
route = card.RegisterCallbackRequest(api_secret="a-secret", callback_route_key="r1", callback_url="https://tieline.example.org/answers/ding")
keep("route", lambda: Card(config).register_callback_with_options(route, headers(card.RegisterCallbackHeaders), runtime),
     lambda body: [body.success, body.result.callback_url, body.result.api_secret])
keep("card", place, lambda body: [one.success for one in body.result.deliver_results])
keep("twice", place, lambda body: body.success)
change = card.UpdateCardRequest(
    out_track_id="t1", card_data=card.UpdateCardRequestCardData(card_param_map={"body": "已解除"}),
    card_update_options=card.UpdateCardRequestCardUpdateOptions(update_card_data_by_key=True),
)
keep("changed", lambda: Card(config).update_card_with_options(change, headers(card.UpdateCardHeaders), runtime), lambda body: body.success)

def made(subject, **more):
    return todo.CreateTodoTaskRequest(
        subject=subject, source_id=subject, executor_ids=given["unions"], due_time=1796032800000, description="依赖：PAY-1",
        detail_url=todo.CreateTodoTaskRequestDetailUrl(pc_url="https://oa.example.com/1", app_url="https://oa.example.com/m/1"), **more)

me, other = given["unions"]
created = Todo(config).create_todo_task_with_options(me, made("采购服务器"), headers(todo.CreateTodoTaskHeaders), runtime).body
told["todo"] = [created.subject, created.done, created.executor_ids == given["unions"], created.due_time]
keep("exists", lambda: Todo(config).create_todo_task_with_options(me, made("采购服务器"), headers(todo.CreateTodoTaskHeaders), runtime), lambda body: body.id)

def listed(who, done, model=todo.QueryOrgTodoTasksHeaders, **more):
    found, token = [], "0"
    while token:
        ask = todo.QueryOrgTodoTasksRequest(is_done=done, role_types=[["executor"]], next_token=token)
        body = Todo(config).query_org_todo_tasks_with_options(who, ask, headers(model), runtime).body
        found += body.todo_cards
        token = body.next_token
    return found

for number in range(25):
    Todo(config).create_todo_task_with_options(me, made(f"第 {number} 件"), headers(todo.CreateTodoTaskHeaders), runtime)
[mine] = [card for card in listed(other, False) if card.task_id == created.id]
told["listed"] = [len(listed(me, False)), mine.subject, mine.is_done, mine.due_time, mine.creator_id == me, mine.detail_url.pc_url, mine.todo_type]
finish = todo.UpdateTodoTaskRequest(done=True)
keep("finished", lambda: Todo(config).update_todo_task_with_options(me, created.id, finish, headers(todo.UpdateTodoTaskHeaders), runtime), lambda body: body.result)
keep("whole", lambda: Todo(config).get_todo_task_with_options(other, created.id, headers(todo.GetTodoTaskHeaders), runtime),
     lambda body: [body.done, body.description, bool(body.finish_time), bool(body.modified_time), body.detail_url.app_url, bool(body.request_id)])
told["done"] = [card.task_id == created.id for card in listed(other, True)]
wide = todo.QueryOrgTodoByUserRequest(is_done=False, max_results=20, need_personal_todo=True, next_token="0", role_types=[["executor"]])
def everything():
    return Todo(config).query_org_todo_by_user_with_options(me, wide, headers(todo.QueryOrgTodoByUserHeaders), runtime)
keep("wide", everything, lambda body: [body.max_results, len(body.todo_cards), bool(body.next_token)])
keep("deleted", lambda: Todo(config).delete_todo_task_with_options(
    me, created.id, todo.DeleteTodoTaskRequest(), headers(todo.DeleteTodoTaskHeaders), runtime), lambda body: body.result)
keep("gone", lambda: Todo(config).get_todo_task_with_options(me, created.id, headers(todo.GetTodoTaskHeaders), runtime), lambda body: body.id)
print(json.dumps(told))
"""


def test_dingtalks_own_client_speaks_with_the_simulator() -> None:
    simulator = DingTalkSimulator("dingtalk-judge", lambda: datetime.now(UTC), enforce_limits=False)
    seed(simulator, story(date(2026, 11, 24)))
    simulator.state.permissions.add("Custom.Todo.Read")
    wire = served(simulator)
    person = next(iter(simulator.state.people))
    unions = [one.unionid for one in simulator.state.people.values()][:2]
    given = {
        "host": wire.url.removeprefix("http://"), "id": CLIENT_ID, "secret": CLIENT_SECRET, "group": GROUP, "person": person,
        "template": CARD_TEMPLATE, "unions": unions,
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", CLIENT, json.dumps(given)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told.pop("refused")
    assert told == {
        "said": True,
        "people": ["nobody"],
        "route": [True, "https://tieline.example.org/answers/ding", "a-secret"],
        "card": [True],
        "twice": "param.outTrackIdDuplicated",
        "changed": True,
        "todo": ["采购服务器", False, True, 1796032800000],
        "exists": "todo.taskCreate.paramError",
        "listed": [26, "采购服务器", False, 1796032800000, True, "https://oa.example.com/1", "TODO"],
        "finished": True,
        "whole": [True, "依赖：PAY-1", True, True, "https://oa.example.com/m/1", True],
        "done": [True],
        "wide": [20, 20, True],
        "deleted": True,
        "gone": "ResourceNotFound.TaskNotExist",
    }
    [kept] = [said for said in simulator.state.said if said.key == "t1"]
    assert kept.content["body"] == "已解除"
