"""A delay told in a chat room, and a colleague who takes it on with a button: over the long connection, and by a callback."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import dingtalk
from sandbox.dingtalk.callbacks import EVENT_AES_KEY, EVENT_TOKEN
from sandbox.dingtalk.state import Group
from sandbox.faults import Fault
from sandbox.feishu import APP_ID, APP_SECRET, FeishuSimulator
from sandbox.server import Sandbox
from sync.answers import Ear
from sync.app import build
from sync.core.answering import denial
from sync.core.errors import TryLater
from sync.core.messages import Answer
from sync.turn import hold
from sync.web.answers import Listeners, ear_of, hearing_of
from tests.end_to_end.company import Company, founded
from tests.hooks.desk import eventually, served

TOKEN = "verification-token"
AT = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


@dataclass
class Chat:
    """A company that tells its delays in one Feishu group."""

    company: Company
    feishu: FeishuSimulator
    room: str
    zhang_wei: str

    def cards(self) -> list[dict[str, Any]]:
        return [said.content for said in self.feishu.said_in(self.room)]

    def press(self, event_id: str, words: str = "支付流程测试") -> dict[str, Any]:
        """The event of a pressed 我来处理 on the card about this task."""
        card = next(card for card in self.cards() if words in json.dumps(card, ensure_ascii=False))
        value = next(
            behavior["value"]
            for element in card["body"]["elements"]
            for behavior in element.get("behaviors", ())
            if behavior["type"] == "callback"
        )
        header = {
            "event_id": event_id,
            "event_type": "card.action.trigger",
            "create_time": "1764036000000000",
            "token": TOKEN,
        }
        context = {"open_message_id": "om_1", "open_chat_id": self.room}
        return {
            "schema": "2.0", "header": header,
            "event": {"operator": {"open_id": self.zhang_wei}, "token": "c-1", "context": context, "action": {"value": value}},
        }  # fmt: skip

    def words(self, event_id: str, text: str) -> dict[str, Any]:
        """The event of words that 张伟 says to the bot in the room."""
        header = {"event_id": event_id, "event_type": "im.message.receive_v1", "token": TOKEN}
        message = {"message_type": "text", "chat_id": self.room, "content": json.dumps({"text": f"@_user_1 {text}"})}
        sender = {"sender_id": {"open_id": self.zhang_wei}, "sender_type": "user"}
        return {"schema": "2.0", "header": header, "event": {"sender": sender, "message": message}}

    def replies(self) -> str:
        """What was said to 张伟 alone."""
        return unescape(json.dumps([said.content for said in self.feishu.said_in(self.zhang_wei)], ensure_ascii=False))

    def findings(self, state: str) -> list[Any]:
        said = self.company.say("findings", "--json", "--state", state).expect(0)
        return [item for item in said.json() if item["kind"] == "delay"]


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with pytest.MonkeyPatch.context() as patch, founded(tmp_path / "company") as company:
        feishu = FeishuSimulator("feishu", enforce_limits=False)
        person = feishu.add_person("张伟", "zhang.wei@example.com")
        room = feishu.add_chat("交付群")
        patch.setenv("FEISHU_ID", APP_ID)
        patch.setenv("FEISHU_SECRET", APP_SECRET)
        patch.setenv("FEISHU_TOKEN", TOKEN)
        with Sandbox([feishu]) as sandbox:
            connection = {
                "type": "feishu", "variant": "app", "base_url": sandbox.url("feishu"), "app_id": "env:FEISHU_ID",
                "app_secret": "env:FEISHU_SECRET", "verification_token": "env:FEISHU_TOKEN",
            }  # fmt: skip
            company.configure(
                connections__chat_main=connection,
                jobs__delays={"rooms": [{"connection": "chat_main", "room": room}]},
            )
            people = company.text("mappings/people.yaml")
            assert "zhang-wei" in people
            yield Chat(company, feishu, room, person)


def pressed_values(card: dict[str, Any]) -> list[dict[str, str]]:
    """What the buttons of a card answer."""
    behaviors = [item for element in card["body"]["elements"] for item in element.get("behaviors", ())]
    return [item["value"] for item in behaviors if item["type"] == "callback"]


def state_of(chat: Chat, key: str) -> str:
    [found] = [item for item in chat.company.say("dependencies", "--json").expect(0).json() if item["key"] == key]
    return str(found["state"])


def test_a_room_hears_of_each_delay_once_and_an_unchanged_world_is_silent(chat: Chat) -> None:
    chat.company.first_run()
    cards = chat.cards()
    assert len(cards) == len(chat.findings("open")) > 1
    assert len({json.dumps(card, ensure_ascii=False) for card in cards}) == len(cards)
    assert not [card for card in cards if "核心商户赔付名单" in json.dumps(card, ensure_ascii=False)]
    chat.company.run(0)
    assert chat.cards() == cards


def test_a_press_over_the_long_connection_takes_the_delay_on(chat: Chat) -> None:
    chat.company.first_run()
    app = build(chat.company.config)
    assert hearing_of(app, "chat_main") == "shared"
    listeners = Listeners(lambda: app)
    listeners.start()
    try:
        eventually(lambda: chat.feishu.long.channels)
        reply: Any = chat.feishu.long.deliver(chat.press("e1"))
        assert "在处理" in json.dumps(reply, ensure_ascii=False)
        assert "我来处理" not in json.dumps(reply["data"]["card"], ensure_ascii=False)
        assert len(chat.findings("acknowledged")) == 1
        again: Any = chat.feishu.long.deliver(chat.press("e1"))
        assert again["data"]["card"] == reply["data"]["card"]
        assert len(app.store.chat_answers()) == 1
        chat.feishu.long.deliver(chat.words("w1", "突发 PAY-1 接口全部超时"))
        eventually(lambda: "已记为突发：PAY-1 支付接口开发" in chat.replies())
        chat.feishu.long.deliver(chat.words("w1", "突发 PAY-1 接口全部超时"))
        chat.feishu.long.deliver(chat.words("w2", "已解决 PAY-1"))
        eventually(lambda: "已解决：PAY-1 支付接口开发" in chat.replies())
        assert len(chat.feishu.said_in(chat.zhang_wei)) == 2, "each is answered once, and to whoever wrote it"
        [incident] = [
            item
            for item in chat.company.say("findings", "--json", "--state", "all").json()
            if item["kind"] == "incident"
        ]
        assert [(event["kind"], event["by"], event["name"]) for event in incident["events"]] == [
            ("opened", "tieline:person:zhang-wei", "张伟"),
            ("solved", "tieline:person:zhang-wei", "张伟"),
        ]
    finally:
        listeners.stop()
        app.close()


def test_a_press_by_callback_is_believed_only_with_the_token(chat: Chat) -> None:
    chat.company.first_run()
    with served(chat.company) as desk:

        def post(name: str, said: object) -> httpx.Response:
            return httpx.post(f"{desk.url}/answers/{name}", json=said, trust_env=False)

        forged = chat.press("e1")
        forged["header"]["token"] = "somebody else's"
        assert post("chat_main", forged).status_code == 401
        assert post("jira-main", forged).status_code == 404
        assert post("nowhere", forged).status_code == 404
        check = {"type": "url_verification", "challenge": "abc", "token": TOKEN}
        assert post("chat_main", check).json() == {"challenge": "abc"}
        assert chat.findings("acknowledged") == []
        shown = post("chat_main", chat.press("e1")).json()
        assert shown["toast"]["type"] == "success"
        assert "张伟 在处理" in json.dumps(shown["card"], ensure_ascii=False)
        assert len(chat.findings("acknowledged")) == 1


def test_two_who_press_at_once_one_takes_it_on(chat: Chat) -> None:
    chat.company.first_run()
    app = build(chat.company.config)
    value = chat.press("e1")["event"]["action"]["value"]
    ear = ear_of(app, "chat_main")
    answers = [Answer(f"e{number}", f"ou_{number}", value["action"], mark=value["mark"]) for number in range(8)]
    shown: list[Any] = []
    threads = [threading.Thread(target=lambda one=one: shown.append(ear.hear(one, AT))) for one in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [item for item in app.store.chat_answers() if item.outcome]
    assert (len(taken), len(app.store.chat_answers())) == (1, 8)
    assert all(shown)
    app.close()


def test_a_button_of_a_delay_that_is_over_does_nothing(chat: Chat) -> None:
    chat.company.first_run()
    app = build(chat.company.config)
    ear: Ear = ear_of(app, "chat_main")
    gone = hashlib.sha256(b"delays:delay:nothing").hexdigest()[:32]
    assert ear.hear(Answer("e9", "ou_1", f"ack:{gone}", mark="tieline:demo:0"), AT) is None
    assert [item.outcome for item in app.store.chat_answers()] == [""]
    app.close()


def test_a_dependency_that_is_denied_in_a_digest_is_none_until_somebody_says_otherwise(chat: Chat) -> None:
    chat.company.configure(jobs__digests={"chats": [{"connection": "chat_main"}], "is_at_any_time": True})
    chat.company.first_run()
    [digest] = [said.content for said in chat.feishu.said_in(chat.zhang_wei)]
    value = next(value for value in pressed_values(digest) if value["action"].startswith("not_dep:"))
    app = build(chat.company.config)
    [key] = [item.key for item in app.store.load_dependencies() if denial(item.key) == value["action"]]
    ear = ear_of(app, "chat_main")
    shown = ear.hear(Answer("d1", chat.zhang_wei, value["action"], mark=value["mark"]), AT)
    assert shown
    assert "张伟 说这不是依赖（11-25 09:00）" in repr(shown.body)
    assert not [button for button in shown.buttons if button.action == value["action"]]
    later = ear.hear(Answer("d2", "ou_somebody", value["action"], mark=value["mark"]), AT + timedelta(hours=1))
    assert later == shown  # who said it first is remembered
    assert [item.outcome for item in app.store.chat_answers()].count(f"rejected:{key}") == 1
    app.close()
    chat.company.run(0)
    assert state_of(chat, key) == "rejected"
    [found] = [item for item in chat.company.say("dependencies", "--json").expect(0).json() if item["key"] == key]
    assert (found["answer"]["answer"], found["answer"]["by"]) == ("rejected", "张伟")
    assert key not in {item["key"].removeprefix("delays:delay:") for item in chat.findings("open")}
    assert len(chat.feishu.said_in(chat.zhang_wei)) == 1
    chat.company.run(0)
    assert state_of(chat, key) == "rejected"
    assert chat.company.say("confirm", key, "--by", "李娜", "--json").expect(0).json()["by"] == "李娜"
    assert "is a dependency, says 李娜" in chat.company.say("confirm", key, "--by", "王芳").expect(0).out
    chat.company.rewrite("mappings/trello-main.yaml", "confidence_threshold: 0.8", "confidence_threshold: 0.95")
    chat.company.run(0)
    assert state_of(chat, key) == "confirmed"  # however unsure it is by the mapping now
    assert "proposed" in {item["state"] for item in chat.company.say("dependencies", "--json").expect(0).json()}
    assert "says 王芳" in chat.company.say("reject", key, "--by", "王芳").expect(0).out
    assert "not the key of a dependency" in chat.company.say("reject", key[:-3]).expect(2).problem


def test_what_only_one_process_may_hear_is_heard_by_whoever_holds_the_lease(chat: Chat) -> None:
    app = build(chat.company.config)
    with hold(app.store, "hear chat_main") as is_mine:
        assert is_mine()
        with (
            pytest.raises(TryLater, match="listens already"),
            hold(app.store, "hear chat_main", "{other} listens already"),
        ):
            raise AssertionError("two hold it")
    with hold(app.store, "hear chat_main") as is_mine:
        assert is_mine()
    app.close()


def test_the_owner_is_named_by_the_directory_of_the_chat(chat: Chat) -> None:
    chat.company.first_run()
    assert [card for card in chat.cards() if f"<at id={chat.zhang_wei}>" in json.dumps(card, ensure_ascii=False)]
    before = len(chat.feishu.state.people)
    chat.feishu.add_person("新同事", "new@example.com")
    chat.company.run(0)  # read once a day
    app = build(chat.company.config)
    assert len(app.store.organisations()["chat_main"].house.employees) <= before
    app.close()


def test_a_directory_that_cannot_be_read_is_a_finding_and_no_more(chat: Chat) -> None:
    chat.feishu.take_scopes("contact:")
    chat.company.first_run()
    assert chat.cards()
    said = chat.company.say("findings", "--json").expect(0).json()
    [found] = [item for item in said if item["kind"] == "directory_not_read"]
    assert "contact:" in found["text"]


def test_dingtalk_by_callback_a_press_is_taken_once_and_shown_at_once(tmp_path: Path) -> None:
    """The address passes DingTalk's check, a card's press acknowledges the delay and changes the card, words are heard, others refused."""
    ding = dingtalk.DingTalkSimulator("dingtalk", enforce_limits=False)
    who, room = ding.add_person("0001", "张伟", email="zhang.wei@example.com").userid, "cid0001"
    ding.state.groups[room] = Group(room, "支付项目群", [who])
    secrets = {
        "ID": dingtalk.CLIENT_ID,
        "SECRET": dingtalk.CLIENT_SECRET,
        "TOKEN": EVENT_TOKEN,
        "KEY": EVENT_AES_KEY,
        "CARD": "card's",
    }
    with (
        pytest.MonkeyPatch.context() as patch, founded(tmp_path / "company") as company, Sandbox([ding]) as sandbox,
    ):  # fmt: skip
        for name, value in secrets.items():
            patch.setenv(f"DING_{name}", value)
        connection = {
            "type": "dingtalk", "variant": "app", "base_url": sandbox.url("dingtalk"), "client_id": "env:DING_ID",
            "client_secret": "env:DING_SECRET", "card_template_id": dingtalk.CARD_TEMPLATE, "callback_route_key": "tieline",
            "callback_token": "env:DING_TOKEN", "callback_aes_key": "env:DING_KEY", "callback_secret": "env:DING_CARD",
        }  # fmt: skip
        company.configure(
            connections__ding_main=connection, jobs__delays={"rooms": [{"connection": "ding_main", "room": room}]}
        )
        with served(company) as desk:
            url = f"{desk.url}/answers/ding_main"
            ding.state.routes["tieline"] = (url, "card's")
            ding.callbacks.robot_url = url
            assert ding.callbacks.save_event_url(url)
            company.first_run()
            card = next(one for one in ding.said_in(room) if "支付流程测试" in str(one.content))
            pressed = {"action": card.content["action1"], "mark": card.content["mark"]}
            ding.state.routes["tieline"] = (url, "forged")
            ding.callbacks.press(card, who, pressed)
            assert ding.callbacks.answers[-1][0] == 401
            assert desk.app.store.chat_answers() == []
            ding.state.routes["tieline"] = (url, "card's")
            ding.faults.plan(Fault("repeated_delivery", "/deliveries/card$"))
            ding.callbacks.press(card, who, pressed)
            assert [status for status, _ in ding.callbacks.answers[-2:]] == [200, 200]
            assert ("在处理" in card.content["content"], card.content["button1"]) == (True, "")
            assert [item.outcome != "" for item in desk.app.store.chat_answers()] == [True]
            ding.callbacks.say("收到", who, room)
            assert json.loads(ding.callbacks.answers[-1][1]) == {"msgtype": "empty"}
            assert len(desk.app.store.chat_answers()) == 2
            assert len([item for item in desk.app.store.findings("acknowledged") if item.finding.kind == "delay"]) == 1
