"""DingTalk's quirks over HTTP and WebSocket against the simulator, every request against the contract, and another client's view."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from unittest import mock

import pytest

from connectors.dingtalk import CONNECTOR
from sandbox.dingtalk import CLIENT_ID, CLIENT_SECRET, DingTalkSimulator, seed, simulator
from sandbox.dingtalk.seed import ROBOT_TOKEN
from sandbox.dingtalk.state import Call
from sandbox.dingtalk.stream import BOT, CARD
from sandbox.story import story
from sync.core.errors import AccessDenied, CannotExpress, LostAnswer, NotFound, Refused, TryLater
from sync.core.messages import Answer, Button, Contact, Listener, Message
from sync.core.ports import ConnectionSettings
from sync.core.values import Ref
from tests.conformance.subjects import MARK, hurry, served, text
from tests.conformance.test_dingtalk import DingTalkSubject, PlainSubject, RobotSubject
from tests.connectors.contract import SPECS

SPEC = SPECS / "dingtalk" / "dingtalk-v1.sdk-derived.json"
SAID = Message(text("支付接口晚了"), "延期", "red", (Button("我来处理", "ack:1", is_primary=True),))


@cache
def operations() -> dict[tuple[str, str], Any]:
    """The new API's operations; the old one is in no contract."""
    modules = json.loads(SPEC.read_text(encoding="utf-8"))["modules"].values()
    return {(one["method"], one["pathname"]): one for module in modules for one in module["operations"]}


def check_in_contract(method: str, path: str, body: bytes) -> None:
    """Method, path and the names of the body's fields: the SDK tells no more."""
    if not path.startswith("/v1.0/"):
        return
    operation = operations()[method, path]
    sent = json.loads(body) if body else {}
    assert set(sent) <= set(operation["body"]), (path, set(sent) - set(operation["body"]))


def stage(kind: type[DingTalkSubject], *, enforce_limits: bool = False) -> DingTalkSubject:
    simulator = DingTalkSimulator(clock=lambda: datetime.now(UTC), enforce_limits=enforce_limits)
    seed(simulator, story(date(2026, 11, 24)))
    return kind(simulator, served(simulator))


@pytest.fixture
def group() -> Iterator[DingTalkSubject]:
    made = stage(DingTalkSubject)
    yield made
    made.connection.close()
    if not SPEC.exists():
        pytest.skip(f"{SPEC} is not on this machine")
    for entry in made.wire._sandbox.requests("dingtalk"):
        check_in_contract(entry.method, entry.path, entry.body)


# -- tokens, rights, quota


def test_each_api_has_a_token_of_its_own_which_is_renewed_once(group: DingTalkSubject) -> None:
    made = group.messenger.send_message(group.room, MARK, SAID)
    list(group.organisation.departments())
    group.simulator.drop_tokens()
    group.wire.forget()
    group.messenger.edit_message(group.room, made, MARK, Message(text("好了")))
    assert [one.rpartition("/")[2] for one in group.wire.requests()] == ["instances", "accessToken", "instances"]
    group.wire.forget()
    next(iter(group.organisation.departments()))
    assert [one.rpartition("/")[2] for one in group.wire.requests()[:3]] == ["listsub", "gettoken", "listsub"]


def test_a_missing_right_is_named(group: DingTalkSubject) -> None:
    group.state_.permissions.discard("Card.Instance.Write")
    with pytest.raises(AccessDenied, match=r"权限管理：开通 Card\.Instance\.Write"):
        group.messenger.send_message(group.room, MARK, SAID)


def test_a_month_that_is_used_up_is_not_asked_again_and_again(group: DingTalkSubject) -> None:
    group.state_.is_quota_used = True
    for _ in range(3):
        with pytest.raises(TryLater):
            group.messenger.send_message(group.room, MARK, SAID)
    assert sum("createAndDeliver" in request for request in group.wire.requests()) == 1


def test_doctor_tells_of_the_template(group: DingTalkSubject) -> None:
    assert [probe for probe in group.connection.probes() if probe.is_ok is False] == []
    plain = stage(PlainSubject)
    [bad] = [probe for probe in plain.connection.probes() if probe.is_ok is False]
    plain.connection.close()
    assert (bad.operation, "card_template_id" in bad.cure) == ("card template", True)
    wrong = hurry(CONNECTOR.connect(ConnectionSettings(
        "d", "dingtalk", group.wire.url, "app", credentials={"client_id": CLIENT_ID, "client_secret": "not-the-secret-00"})))  # fmt: skip
    [refused] = list(wrong.probes())
    wrong.close()
    assert (refused.operation, refused.is_ok) == ("sign in", False)


# -- what is said


def test_with_a_route_cards_ask_to_be_called_back_and_doctor_tells_what_is_missing(group: DingTalkSubject) -> None:
    by_http = hurry(CONNECTOR.connect(ConnectionSettings(
        "d", "dingtalk", group.wire.url, "app", credentials={"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
        options={"card_template_id": group.card_template, "callback_route_key": "tieline"})))  # fmt: skip
    [probe] = [one for one in by_http.probes() if one.operation == "hear pressed cards"]
    assert (probe.is_ok, "callback_secret" in probe.cure) == (False, True)
    with pytest.raises(Refused, match="callbackRouteKey"):
        by_http.send_message(group.room, MARK, SAID)
    group.simulator.state.routes["tieline"] = ("https://tieline.example.org/answers/d", "s")
    made = by_http.send_message(group.room, MARK, SAID)
    assert [one.route for one in group.simulator.state.said if one.key == made.id] == ["tieline"]
    by_http.close()


def test_a_card_that_came_nowhere_is_refused_though_the_answer_is_a_success(group: DingTalkSubject) -> None:
    group.state_.groups[group.key].has_robot = False
    with pytest.raises(Refused, match=r"机器人不在群内.*加进群"):
        group.messenger.send_message(group.room, MARK, SAID)
    with pytest.raises(Refused, match="用户不存在"):
        group.messenger.send_message(Ref.of("ding-main", "person", "nobody"), MARK, SAID)
    assert group.said() == []


@pytest.mark.parametrize(
    "answer", [{}, {"success": True}, {"success": True, "result": {"deliverResults": []}}, {"result": None}]
)
def test_a_success_that_tells_nothing_of_where_the_card_came_is_a_lost_answer(
    group: DingTalkSubject, answer: Any
) -> None:
    deliver = simulator.NEW["POST", "/v1.0/card/instances/createAndDeliver"]

    def silent(call: Call) -> Any:
        deliver(call)
        return answer

    with (
        mock.patch.dict(simulator.NEW, {("POST", "/v1.0/card/instances/createAndDeliver"): silent}),
        pytest.raises(LostAnswer),
    ):
        group.messenger.send_message(group.room, MARK, SAID)
    assert len(group.said()) == 1


def test_a_message_that_reached_nobody_is_refused_and_one_held_back_comes_later() -> None:
    plain = stage(PlainSubject)
    with pytest.raises(Refused, match="nobody-at-all"):
        plain.messenger.send_message(Ref.of("ding-main", "person", "nobody-at-all"), MARK, SAID)
    plain.state_.flow_controlled.add(plain.key)
    with pytest.raises(TryLater):
        plain.messenger.send_message(plain.room, MARK, SAID)
    assert plain.said() == []
    with pytest.raises(CannotExpress, match="card_template_id"):
        plain.messenger.edit_message(plain.room, plain_written(plain), MARK, SAID)
    plain.connection.close()


def plain_written(plain: DingTalkSubject) -> Any:
    plain.state_.flow_controlled.clear()
    return plain.messenger.send_message(plain.room, MARK, SAID)


def test_a_card_that_is_gone_is_not_found(group: DingTalkSubject) -> None:
    made = group.messenger.send_message(group.room, MARK, SAID)
    group.state_.said.clear()
    with pytest.raises(NotFound):
        group.messenger.edit_message(group.room, made, MARK, SAID)


def test_a_groups_title_is_short_and_without_a_template_there_is_none(group: DingTalkSubject) -> None:
    made = group.messenger.make_room(MARK, "突发：支付接口挂了，请马上处理，三十分钟内响应", [group.colleague[0]])
    assert len(group.state_.groups[made.key].title) == 20
    group.connection.group_template = ""
    with pytest.raises(CannotExpress, match="group_template_id"):
        group.messenger.make_room(MARK, "突发", [group.colleague[0]])


# -- people


def test_addresses_are_looked_for_in_the_directory_which_is_read_once(group: DingTalkSubject) -> None:
    everybody = [Contact(email=one.email.upper()) for one in group.state_.people.values()]
    assert len(group.messenger.find_people(everybody)) == len(everybody)
    group.wire.forget()
    assert len(group.messenger.find_people(everybody)) == len(everybody)
    assert group.wire.requests() == []


# -- robots


def test_a_robot_that_is_too_fast_is_silent_for_ten_minutes() -> None:
    robot = stage(RobotSubject, enforce_limits=True)
    try:
        for number in range(20):
            robot.messenger.send_message(robot.room, f"tieline:demo:{number:016x}", Message(text(f"第 {number} 条")))
        with pytest.raises(TryLater) as caught:
            robot.messenger.send_message(robot.room, MARK, SAID)
        assert caught.value.retry_after
        assert caught.value.retry_after.total_seconds() > 500
        assert len(robot.said()) == 20
    finally:
        robot.connection.close()


def test_a_robots_secrets_are_never_told_and_a_wrong_one_is() -> None:
    robot = stage(RobotSubject)
    try:
        robot.connection.secret = "SEC-of-another-robot"
        with pytest.raises(AccessDenied, match="加签") as caught:
            robot.messenger.send_message(robot.room, MARK, SAID)
        assert ROBOT_TOKEN not in str(caught.value) + robot.messenger.identify().fingerprint
    finally:
        robot.connection.close()


# -- Stream mode


class Hearing:
    """A listener in a thread of its own, and what it heard."""

    def __init__(self, subject: DingTalkSubject) -> None:
        self.stream = subject.simulator.stream
        self.heard: list[Answer] = []
        self.fails = self.is_over = False
        self.thread = threading.Thread(target=subject.connection.listen, args=(self.take, lambda: self.is_over))

    def take(self, answer: Answer) -> Message | None:
        if self.fails:
            raise ValueError
        self.heard.append(answer)
        return Message(text("已由张伟处理")) if answer.action else None

    def wait(self) -> None:
        until = time.monotonic() + 10
        while not self.stream.channels and time.monotonic() < until:
            time.sleep(0.02)
        assert self.stream.channels


@pytest.fixture
def hearing(group: DingTalkSubject) -> Iterator[Hearing]:
    made = Hearing(group)
    made.thread.start()
    made.wait()
    yield made
    made.is_over = True
    made.thread.join(8)
    assert not made.thread.is_alive()


def test_a_pressed_button_is_heard_and_answered_with_other_variables(group: DingTalkSubject, hearing: Hearing) -> None:
    assert isinstance(group.connection, Listener)
    assert hearing.stream.topics == {CARD, BOT}
    made = group.messenger.send_message(group.room, MARK, SAID)
    reply = hearing.stream.press(made.id, group.colleague[0], {"action": "ack:1", "mark": MARK})
    assert reply
    [answer] = hearing.heard
    assert (answer.action, answer.mark, answer.message_id, answer.account_id) == (
        "ack:1",
        MARK,
        made.id,
        group.colleague[0],
    )
    assert reply["code"] == 200
    assert reply["data"]["response"]["cardData"]["cardParamMap"]["content"] == "已由张伟处理"
    assert reply["data"]["response"]["cardData"]["cardParamMap"]["button1"] == ""


def test_words_are_heard_pings_are_echoed_and_what_was_not_taken_is_not_acknowledged(hearing: Hearing) -> None:
    words = {"msgId": "w1", "senderStaffId": "0001", "conversationId": "cid1", "text": {"content": "收到"}}
    assert hearing.stream.deliver("CALLBACK", BOT, words)
    assert [one.text for one in hearing.heard] == ["收到"]
    echoed = hearing.stream.deliver("SYSTEM", "ping", {"opaque": "o-1"})
    assert echoed
    assert echoed["data"] == {"opaque": "o-1"}
    hearing.fails = True
    assert hearing.stream.deliver("CALLBACK", BOT, words, within_s=0.4) is None
    hearing.fails = False
    assert hearing.stream.deliver("CALLBACK", BOT, words)


def test_it_comes_back_when_the_gateway_closes_the_connection(hearing: Hearing) -> None:
    hearing.stream.kick()
    time.sleep(0.2)
    hearing.wait()
    assert hearing.stream.deliver("CALLBACK", BOT, {"msgId": "w", "senderStaffId": "1", "text": {"content": "在"}})


def test_refused_credentials_end_it(group: DingTalkSubject) -> None:
    wrong = hurry(CONNECTOR.connect(ConnectionSettings(
        "d", "dingtalk", group.wire.url, "app", credentials={"client_id": CLIENT_ID, "client_secret": "not-the-secret-00"})))  # fmt: skip
    with pytest.raises(AccessDenied):
        wrong.listen(lambda _: None, lambda: False)
    wrong.close()


# -- another client's view of the simulator

CLIENT = """
import asyncio, sys
from dingtalk_stream import AckMessage, CallbackHandler, CardCallbackMessage, Credential, DingTalkStreamClient

class Handler(CallbackHandler):
    async def process(self, callback):
        said = CardCallbackMessage.from_dict(callback.data)
        return AckMessage.STATUS_OK, {"cardData": {"cardParamMap": {"state": f"{said.user_id} {said.card_instance_id}"}}}

client = DingTalkStreamClient(Credential(sys.argv[1], sys.argv[2]))
client.register_callback_handler("/v1.0/card/instances/callback", Handler())
asyncio.run(client.start())
"""


def test_the_vendors_own_client_finds_its_gateway_in_the_simulator() -> None:
    subject = stage(DingTalkSubject)
    environment = {**os.environ, "DINGTALK_OPENAPI_ENDPOINT": subject.wire.url}
    command = [sys.executable, "-c", CLIENT, CLIENT_ID, CLIENT_SECRET]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
        try:
            until = time.monotonic() + 20
            while not subject.simulator.stream.channels and time.monotonic() < until:
                time.sleep(0.05)
            reply = subject.simulator.stream.press("tl-1", "0001", {"action": "ack:1"})
        finally:
            client.kill()
    subject.connection.close()
    assert reply
    assert reply["data"]["response"]["cardData"]["cardParamMap"]["state"] == "0001 tl-1"
