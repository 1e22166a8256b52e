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
keep("card", place, lambda body: [one.success for one in body.result.deliver_results])
keep("twice", place, lambda body: body.success)
change = card.UpdateCardRequest(
    out_track_id="t1", card_data=card.UpdateCardRequestCardData(card_param_map={"body": "已解除"}),
    card_update_options=card.UpdateCardRequestCardUpdateOptions(update_card_data_by_key=True),
)
keep("changed", lambda: Card(config).update_card_with_options(change, headers(card.UpdateCardHeaders), runtime), lambda body: body.success)
print(json.dumps(told))
"""


def test_dingtalks_own_client_speaks_with_the_simulator() -> None:
    simulator = DingTalkSimulator("dingtalk-judge", lambda: datetime.now(UTC), enforce_limits=False)
    seed(simulator, story(date(2026, 11, 24)))
    wire = served(simulator)
    person = next(iter(simulator.state.people))
    given = {
        "host": wire.url.removeprefix("http://"), "id": CLIENT_ID, "secret": CLIENT_SECRET, "group": GROUP, "person": person,
        "template": CARD_TEMPLATE,
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
        "card": [True],
        "twice": "param.outTrackIdDuplicated",
        "changed": True,
    }
    [kept] = [said for said in simulator.state.said if said.key == "t1"]
    assert kept.content["body"] == "已解除"
