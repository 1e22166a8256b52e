"""DingTalk's answers, texts, cards, signatures and frames."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dingtalk import CONNECTOR
from connectors.dingtalk.answers import decipher
from connectors.dingtalk.cards import MOST_BYTES, card_id_of, id_of, named_in, parameters_of, pressed, text_of, title_of
from connectors.dingtalk.client import place_of
from connectors.dingtalk.listener import BOT, CARD, answer_of
from connectors.dingtalk.markdown import ROBOT, escaped, is_account, markdown_from
from connectors.dingtalk.robot import signature, token_of
from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused, TielineError, TryLater
from sync.core.messages import Button, Message
from sync.core.rich_text import Anchor, Paragraph, PersonMention, RichText, Text
from sync.tokens import is_stale_token
from tests.conformance.subjects import MARK, OTHER_MARK, text
from tests.conformance.texts import rich_texts


def new(code: str, words: str = "", **more: object) -> bytes:
    return json.dumps({"code": code, "message": words, "requestid": "r", **more}).encode()


def old(code: object, words: str = "", **more: object) -> bytes:
    return json.dumps({"errcode": code, "errmsg": words, **more}).encode()


DENIED = "Forbidden.AccessDenied.AccessTokenPermissionDenied"


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, new("invalidClientIdOrSecret"), AccessDenied, "Client Secret"),
        (401, new("InvalidAuthentication"), AccessDenied, "InvalidAuthentication"),
        (403, new(DENIED, accessdenieddetail={"requiredScopes": ["Card.Instance.Write"]}), AccessDenied, "Card.Instance.Write"),
        (403, new(DENIED, accessdenieddetail="?"), AccessDenied, "权限点"),
        (403, new("Forbidden.AccessDenied.ApiCountLimitForOrg"), TryLater, "this month"),
        (404, new("card.notExist"), NotFound, "card.notExist"),
        (400, new("invalidParameter"), Refused, "invalidParameter"),
        (400, new("send.too.fast"), TryLater, "too.fast"),
        (429, new("Throttling.Api"), TryLater, "Throttling"),
        (503, new("ServiceUnavailable"), TryLater, "503"),
        (504, b"<html>", TryLater, "504"),
        (200, b"<html>", Nonsense, "HTML"),
        (200, b"[]", Nonsense, "object"),
        (302, b"", Nonsense, "redirect"),
        (200, b'{"status": 1111, "wait": 5, "punish": "deny"}', TryLater, "blocks"),
        (200, old(40014), AccessDenied, "40014"),
        (200, old(40089), AccessDenied, "Client Secret"),
        (200, old(60121), NotFound, "60121"),
        (200, old(88, sub_code="60011", sub_msg="qyapi_get_member"), AccessDenied, "qyapi_get_member.*全部员工"),
        (200, old(88, sub_code="90018"), TryLater, "90018"),
        (200, old(88, sub_code="15", sub_msg="isp.top-remote-connection-timeout"), TryLater, "15"),
        (200, old(90020), TryLater, "this month"),
        (200, old(-1), TryLater, "-1"),
        (200, old(130101, "send too fast", status=1111, wait=5, punish="deny"), TryLater, "130101"),
        (200, old(310000, "sign not match"), AccessDenied, "加签"),
        (200, old(300005), AccessDenied, "webhook"),
        (200, old(400602), Refused, "400602"),
        (200, old("0"), Nonsense, "errcode"),
    ],
)  # fmt: skip
def test_an_answer_means(status: int, body: bytes, error: type[TielineError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        decipher(status, {}, body)
    if isinstance(caught.value, AccessDenied):
        assert is_stale_token(caught.value) == (status == 401 or b"40014" in body)


def test_how_long_a_pause_is() -> None:
    pauses = {"robot": (old(130101), 600), "month": (old(90020), 86_400), "address": (b'{"status": 1111}', 300)}
    for body, seconds in pauses.values():
        with pytest.raises(TryLater) as caught:
            decipher(200, {}, body)
        assert caught.value.retry_after
        assert (caught.value.reason, caught.value.retry_after.total_seconds()) == ("rate_limited", seconds)
    with pytest.raises(TryLater) as caught:
        decipher(200, {}, old(90020))
    assert caught.value.scope == "quota"


def test_success() -> None:
    decipher(200, {}, old(0, "ok"))
    decipher(200, {}, b'{"success": true}')


# -- texts and cards


@given(rich_texts())
def test_any_message_fits_and_every_variable_is_text(body: RichText) -> None:
    found = parameters_of(MARK, Message(body, title="延期", buttons=(Button("好", "ok"),)))
    assert all(isinstance(value, str) for value in found.values())
    assert len(found["content"].encode()) <= MOST_BYTES
    assert set(named_in(body)) <= {"nobody"}


def test_signs_of_markup_are_broken() -> None:
    assert (
        escaped("[点](https://x) @all **y** `z`")
        == "[\u2060点]\u2060(https://x) @\u2060all *\u2060*\u2060y*\u2060*\u2060 ˋzˋ"
    )
    assert markdown_from(text("# 一", "1. 二")) == "#\u2060 一\n\n1.\u2060 二"
    body = (Paragraph((Anchor("a](https://evil.example)[b", "https://x.example/a)b"),)),)
    assert markdown_from(body) == "[a］(https://evil.example)［b](https://x.example/a%29b)"


def test_who_is_named_stands_in_a_robots_text_by_id_and_in_a_card_by_name() -> None:
    body = (Paragraph((PersonMention("张伟", "0001"), PersonMention("所有人", "all"), Text("看一下"))),)
    assert markdown_from(body) == "@\u2060张伟@\u2060所有人看一下"
    assert markdown_from(body, ROBOT) == "@0001 @\u2060所有人看一下"
    assert named_in(body) == {"0001": "张伟"}
    assert [is_account(account) for account in ("0001", "a$b", "all", "a b", "")] == [True, True, False, False, False]


def message(*buttons: Button, words: str = "比计划晚 3 天") -> Message:
    return Message(text(words), "延期提醒", buttons=buttons)


def test_all_variables_are_said_each_time_so_that_old_buttons_go_away() -> None:
    lead, ack = Button("打开任务", "open", url="https://x.example/1"), Button("我来处理", "ack:1")
    before, after = parameters_of(MARK, message(lead, ack)), parameters_of(MARK, message())
    assert (before["button1"], before["action1"], before["mark"]) == ("我来处理", "ack:1", MARK)
    assert before["content"].endswith("[打开任务](https://x.example/1)")
    assert before.keys() == after.keys()
    assert [after[f"button{number}"] for number in (1, 2, 3)] == ["", "", ""]


def test_other_words_rooms_and_marks_are_other_cards() -> None:
    ids = {
        card_id_of(room, mark, message(words=words))
        for room in ("a", "b")
        for mark in (MARK, OTHER_MARK)
        for words in ("一", "二")
    }
    assert len(ids) == 8
    assert id_of(MARK) == id_of(MARK) != id_of(OTHER_MARK)


def test_a_title_is_one_short_line() -> None:
    assert title_of(Message(text("x"), title="一\n二")) == "一 二"
    assert len(title_of(Message(text("x"), title="长" * 99))) == 60
    assert title_of(Message(text("x"))) == "Tieline"
    assert text_of(Message(text("长" * 20_000))).endswith("…")


# -- robots


def test_the_signature_is_the_vendors() -> None:
    # base64 of HMAC-SHA256 with the secret as key over "<ms>\n<secret>" (fact sheet section 2), computed with openssl.
    assert signature(1_577_262_236_757, "this is secret") == "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="


@pytest.mark.parametrize("webhook", ["abc1", " abc1\n", "https://oapi.dingtalk.com/robot/send?access_token=abc1"])
def test_a_robots_token_may_be_given_as_the_whole_address(webhook: str) -> None:
    assert token_of(webhook) == "abc1"


def test_what_a_robot_says_is_counted_together() -> None:
    assert place_of("POST", "/robot/send", b"").items == ("robot",)
    assert place_of("POST", "/v1.0/card/instances/createAndDeliver", b"").items == ()


# -- answers


def test_a_pressed_button_is_read_out_of_json_in_json() -> None:
    content = json.dumps({"cardPrivateData": {"actionIds": ["x"], "params": {"action": "ack:1", "mark": MARK}}})
    data = json.dumps({"outTrackId": "tl-1", "userId": "0001", "spaceId": "cid1", "content": content})
    answer = answer_of(CARD, {"headers": {"messageId": "m1", "time": "1764000000000"}, "data": data})
    assert answer
    assert (answer.id, answer.account_id, answer.action, answer.mark, answer.message_id) == (
        "m1",
        "0001",
        "ack:1",
        MARK,
        "tl-1",
    )
    assert answer.at
    assert answer.at.year == 2025


def test_words_said_to_the_robot_are_an_answer() -> None:
    data = json.dumps({"msgId": "w1", "senderStaffId": "0002", "conversationId": "cid1", "text": {"content": " 收到 "}})
    answer = answer_of(BOT, {"headers": {"messageId": "m2"}, "data": data})
    assert answer
    assert (answer.id, answer.account_id, answer.text, answer.room_id) == ("w1", "0002", "收到", "cid1")


@given(
    st.sampled_from([CARD, BOT, "other"]),
    st.none() | st.text() | st.dictionaries(st.text(), st.none() | st.text()) | st.integers(),
)
def test_any_other_frame_is_none(topic: str, data: object) -> None:
    assert answer_of(topic, {"headers": data, "data": data if isinstance(data, str) else json.dumps(data)}) is None
    assert pressed(data) == ("", "")


def test_an_application_hears_without_a_public_address() -> None:
    assert CONNECTOR.hears == {"app": "shared"}
