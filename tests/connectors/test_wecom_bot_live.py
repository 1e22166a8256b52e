"""An AI bot over its long connection: pressed buttons, pings, hang-ups, one connection alone, and what may be said to whom."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from connectors.wecom import CONNECTOR, bot_listener, line, switchboard
from connectors.wecom.bot_listener import answer_of
from connectors.wecom.cards import answered_card
from connectors.wecom.client import BOT_GATEWAY, WeComBot
from connectors.wecom.line import Line
from sandbox.faults import Fault
from sandbox.wecom import BOT_ID, BOT_SECRET, WeComSimulator
from sandbox.wecom.seed import BOT_GROUP
from sync.core.errors import AccessDenied, Conflict, LostAnswer, Refused, TielineError, TryLater, Unreachable
from sync.core.messages import Answer, Button, Listener, Message
from sync.core.ports import ConnectionSettings
from sync.core.values import Ref
from sync.remote import REQUESTS
from tests.conformance.subjects import MARK, OTHER_MARK, hurry, served, text
from tests.conformance.test_wecom import BotSubject
from tests.connectors.test_wecom_live import stage

ACK = Button("我来处理", "ack:1", is_primary=True)
SAID = Message(text("支付接口晚了"), "延期", "red", (ACK,))
PRESSED = {
    "cmd": "aibot_event_callback",
    "headers": {"req_id": "r1"},
    "body": {
        "msgid": "m1",
        "create_time": 1764036000,
        "from": {"userid": "ZhangWei"},
        "chatid": "wr1",
        "msgtype": "event",
        "event": {
            "eventtype": "template_card_event",
            "template_card_event": {
                "event_key": "ack:1 mark",
                "task_id": "t1",
                "card_type": "button_interaction",
                "selected_items": {"selected_item": []},
            },
        },
    },
}


class Hearing:
    """A listener in a thread of its own, what it heard, and what ended it."""

    def __init__(self) -> None:
        self.subject: Any = stage(BotSubject)
        self.bot = self.subject.simulator.bot
        self.heard: list[Answer] = []
        self.fails = self.is_over = False
        self.ended_by: TielineError | None = None
        self.thread = threading.Thread(target=self.listen)

    def listen(self) -> None:
        try:
            self.subject.connection.listen(lambda answer: self.take(answer), lambda: self.is_over)
        except TielineError as error:
            self.ended_by = error

    def take(self, answer: Answer) -> Message | None:
        if self.fails:
            raise ValueError
        self.heard.append(answer)
        return Message(text("支付接口晚了", "张伟 在处理")) if answer.action else None

    def say(self) -> Any:
        self.subject.messenger.send_message(self.subject.room, MARK, SAID)
        return self.subject.simulator.said_in(BOT_GROUP)[-1]


def until(is_so: Any, within_s: float = 8.0) -> None:
    ends = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < ends, "it never came to be"
        time.sleep(0.02)


@pytest.fixture
def hearing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hearing]:
    monkeypatch.setattr(bot_listener, "REST_S", 0.2)
    made = Hearing()
    made.thread.start()
    until(lambda: made.bot.live)
    yield made
    made.is_over = True
    made.thread.join(5)
    assert not made.thread.is_alive()
    made.subject.connection.close()


# -- hearing


def test_a_pressed_button_is_heard_and_its_card_changed_within_the_same_request(hearing: Hearing) -> None:
    assert isinstance(hearing.subject.connection, Listener)
    said = hearing.say()
    assert hearing.bot.press(said, "ZhangWei", msgid="m1")
    [answer] = hearing.heard
    assert (answer.id, answer.action, answer.mark, answer.account_id) == ("m1", "ack:1", MARK, "ZhangWei")
    assert (answer.room_id, answer.message_id) == (BOT_GROUP, said.task_id)
    assert "张伟 在处理" in json.dumps(said.content, ensure_ascii=False)
    assert "button_list" not in said.content
    assert (hearing.bot.subscribed, hearing.bot.kicks) == (1, 0)  # it was said over the listener's own connection


def test_what_was_not_taken_is_not_answered_and_the_next_one_is(hearing: Hearing) -> None:
    said = hearing.say()
    hearing.fails = True
    assert not hearing.bot.press(said, "ZhangWei", within_s=0.4)
    hearing.fails = False
    assert hearing.bot.press(said, "ZhangWei")


def test_an_answer_that_comes_too_late_changes_nothing_and_breaks_nothing(hearing: Hearing) -> None:
    said = hearing.say()
    now = time.monotonic()
    hearing.bot.monotonic = lambda: now
    before = said.content

    def slow(answer: Answer) -> Message | None:
        hearing.bot.monotonic = lambda: now + 6
        return Message(text("太晚"))

    hearing.take = slow  # type: ignore[method-assign]
    assert not hearing.bot.press(said, "ZhangWei", within_s=0.4)
    assert said.content == before
    assert hearing.thread.is_alive()


def test_words_said_to_the_bot_tell_the_rooms_id(hearing: Hearing) -> None:
    with capture_logs() as logs:
        hearing.bot.talk("LiNa", "@提醒 在吗", "wrNewGroup")
        until(lambda: hearing.heard)
    [answer] = hearing.heard
    assert (answer.text, answer.room_id, answer.account_id) == ("@提醒 在吗", "wrNewGroup", "LiNa")
    assert [entry["room"] for entry in logs if entry["event"] == "spoken_to"] == ["wrNewGroup"]
    hearing.subject.messenger.send_message(Ref.of("wecom-main", "room", "wrNewGroup"), MARK, SAID)
    assert len(hearing.subject.simulator.said_in("wrNewGroup")) == 1


# -- the connection


def test_it_pings_and_comes_back_when_the_gateway_hangs_up(hearing: Hearing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PING_S", 0.1)
    until(lambda: hearing.bot.pings >= 3)
    hearing.bot.hang_up()
    until(lambda: hearing.bot.subscribed == 2)
    assert hearing.bot.press(hearing.say(), "ZhangWei")


def test_two_pings_without_an_answer_end_the_connection(hearing: Hearing, monkeypatch: pytest.MonkeyPatch) -> None:
    hearing.bot.answers_pings = False
    monkeypatch.setattr(line, "PING_S", 0.1)
    until(lambda: hearing.bot.subscribed >= 2)
    assert hearing.bot.kicks == 0


def test_another_program_that_takes_the_connection_is_left_with_it(hearing: Hearing) -> None:
    stranger = Line(hearing.subject.connection.board.url)
    stranger.sign_in(BOT_ID, BOT_SECRET)
    hearing.thread.join(5)
    assert isinstance(hearing.ended_by, Conflict)
    with pytest.raises(Unreachable, match="another program") as refused:
        hearing.say()
    assert refused.value.reason == "taken"
    time.sleep(0.3)
    assert (hearing.bot.subscribed, hearing.bot.kicks, stranger.is_over) == (2, 1, False)
    [probe] = [one for one in hearing.subject.connection.probes() if one.is_ok is False]
    assert "智能机器人" in probe.cure
    stranger.close()


def test_a_sender_waits_for_the_listener_that_is_just_connecting(hearing: Hearing) -> None:
    hearing.bot.faults.plan(Fault("server_error", "^POST /aibot_subscribe"))
    hearing.bot.hang_up()
    until(lambda: hearing.subject.connection.board._live() is None)
    assert hearing.say()
    assert hearing.bot.kicks == 0


def test_a_sender_opens_nothing_while_a_listener_cannot_connect(
    hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboard, "WAIT_S", 0.1)
    hearing.bot.faults.plan(Fault("server_error", "^POST /aibot_subscribe", times=10_000))
    hearing.bot.hang_up()
    until(lambda: hearing.subject.connection.board._live() is None)
    opened: list[str] = []
    hearing.subject.connection.alone = lambda: opened.append("own")
    with pytest.raises(Unreachable, match="not there just now"):
        hearing.say()
    assert opened == []


def test_refused_credentials_end_it_and_say_where_they_stand() -> None:
    wire = served(WeComSimulator("wecom"))
    settings = ConnectionSettings(
        "w", "wecom", wire.url, "ai-bot", credentials={"bot_secret": "wrong-one"}, options={"bot_id": BOT_ID}
    )
    connection = hurry(CONNECTOR.connect(settings))
    with pytest.raises(AccessDenied, match=r"853000.*bot_secret"):
        connection.listen(lambda _: None, lambda: False)
    with pytest.raises(AccessDenied, match="853000"):
        connection.send_message(Ref.of("w", "person", "ZhangWei"), MARK, SAID)
    assert [one.operation for one in connection.probes() if one.is_ok is False] == ["sign in"]
    connection.close()


# -- saying


def test_a_chat_that_nobody_spoke_in_is_refused_with_what_to_do() -> None:
    subject: Any = stage(BotSubject)
    with pytest.raises(Refused, match="@ 机器人"):
        subject.messenger.send_message(Ref.of("wecom-main", "room", "wrSilent"), MARK, SAID)
    subject.connection.close()


def test_more_than_a_minute_takes_is_left_for_later() -> None:
    subject: Any = stage(BotSubject, enforce_limits=True)
    for number in range(30):
        subject.simulator.bot._say(
            {"chatid": BOT_GROUP, "msgtype": "markdown", "markdown": {"content": f"第 {number} 条"}}
        )
    with pytest.raises(TryLater) as refused:
        subject.messenger.send_message(subject.room, MARK, SAID)
    assert not isinstance(refused.value, LostAnswer)
    assert len(subject.said()) == 30
    subject.connection.close()


def test_a_run_that_may_not_connect_sends_nothing() -> None:
    subject: Any = stage(BotSubject)
    before = REQUESTS.labels("wecom-main", "POST", "unreachable")._value.get()

    def elsewhere() -> Any:
        raise TryLater("serve on host-1 has it")

    subject.connection.alone = elsewhere
    with pytest.raises(Unreachable, match="host-1") as refused:
        subject.messenger.send_message(subject.room, MARK, SAID)
    assert not isinstance(refused.value, LostAnswer)
    assert (subject.said(), subject.simulator.bot.subscribed) == ([], 0)
    assert subject.connection.pauses == []  # nor is the run held up by trying again
    assert REQUESTS.labels("wecom-main", "POST", "unreachable")._value.get() == before + 1
    [probe] = [one for one in subject.connection.probes() if one.operation == "long connection"]
    assert probe.is_ok is None
    subject.connection.close()


def test_a_connection_of_its_own_ends_by_itself_and_gives_the_lease_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.wecom.switchboard.IDLE_S", 0.1)
    subject: Any = stage(BotSubject)
    held: list[str] = []

    class Lease:
        def __enter__(self) -> Any:
            held.append("taken")
            return lambda: True

        def __exit__(self, *_: object) -> None:
            held.append("given back")

    subject.connection.alone = Lease
    subject.messenger.send_message(subject.room, MARK, SAID)
    subject.messenger.send_message(subject.room, OTHER_MARK, SAID)
    until(lambda: subject.simulator.bot.live is None)
    until(lambda: held == ["taken", "given back"])
    subject.connection.close()


def test_the_usual_gateway_is_wecoms_own() -> None:
    settings = ConnectionSettings(
        "w",
        "wecom",
        CONNECTOR.default_base_url,
        "ai-bot",
        credentials={"bot_secret": "s3cret-x"},
        options={"bot_id": "b"},
    )
    connection = WeComBot(settings)
    assert connection.board.url == "wss://openws.work.weixin.qq.com"
    assert connection.remote.base_url == BOT_GATEWAY
    connection.close()


def test_what_is_missing_in_the_settings_is_told_by_its_name() -> None:
    assert CONNECTOR.check_options
    assert [path for path, _, _ in CONNECTOR.check_options("ai-bot", {})] == ["bot_id"]
    assert list(CONNECTOR.check_options("ai-bot", {"bot_id": "b"})) == []
    assert CONNECTOR.hears == {"ai-bot": "exclusive"}


# -- what comes, as values


def test_a_press_is_read() -> None:
    at = datetime.fromtimestamp(1764036000, UTC)
    wanted = Answer("m1", "ZhangWei", "ack:1", mark="mark", message_id="t1", room_id="wr1", reply_to="r1", at=at)
    assert answer_of(PRESSED) == wanted


@pytest.mark.parametrize(("room", "words"), [("wr1", "突发 PAY-1"), ("", "@Tieline 突发 PAY-1")])
def test_words_in_a_group_are_read_without_the_bots_name(room: str, words: str) -> None:
    body = {"from": {"userid": "a"}, "chatid": room, "text": {"content": "@Tieline 突发 PAY-1"}}
    heard = answer_of({"cmd": "aibot_msg_callback", "body": body})
    assert heard
    assert (heard.text, heard.room_id) == (words, room)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"from": {}},
        {"from": {"userid": "a"}, "event": {"eventtype": "enter_chat"}},
        {"from": {"userid": "a"}, "event": "x"},
        {"from": "a", "event": {"eventtype": "template_card_event"}},
    ],
)
def test_anything_else_is_no_answer(body: object) -> None:
    assert answer_of({**PRESSED, "body": body}) is None
    assert answer_of({"cmd": "aibot_msg_callback", "body": body}) is None


def test_who_pressed_shows_also_where_the_text_was_cut() -> None:
    card = answered_card("m", "t1", Message(text("支付接口开发的说明文字" * 30, "张伟 在处理（11-25 09:00）"), "延期"))
    assert card["main_title"]["desc"] == "张伟 在处理（11-25 09:00）"
    assert card["task_id"] == "t1"
    assert "desc" not in answered_card("m", "t1", Message(text("短", "张伟 在处理"), "延期"))["main_title"]
