"""WeCom's answers, texts, cards and callbacks; its published vectors."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.wecom import CONNECTOR
from connectors.wecom.answers import decipher
from connectors.wecom.callbacks import opened
from connectors.wecom.cards import (
    CARD_TEXT,
    MARKDOWN_BYTES,
    card_from,
    chat_id_of,
    has_buttons,
    markdown_of,
    pressed,
    task_id_of,
)
from connectors.wecom.markdown import escaped, is_account, markdown_from
from connectors.wecom.robot import key_of
from sandbox.wecom import AES_KEY, CALLBACK_TOKEN, CORP, WeComSimulator
from sandbox.wecom.crypto import encrypted
from sandbox.wecom.messages import MENTION
from sync.core.chat_text import cut
from sync.core.envelopes import signature
from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused, TielineError, TryLater
from sync.core.hooks import HookRequest
from sync.core.messages import Button, CallbackReply, Message
from sync.core.ports import ConnectionSettings
from sync.core.rich_text import Anchor, Paragraph, PersonMention, RichText, Text
from sync.tokens import is_stale_token
from tests.conformance.subjects import MARK, OTHER_MARK, text
from tests.conformance.texts import rich_texts

# -- answers


def said(code: object, words: str = "", **more: object) -> bytes:
    return json.dumps({"errcode": code, "errmsg": words, **more}).encode()


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (said(-1, "system busy"), TryLater, "system busy"),
        (said(6000), TryLater, "6000"),
        (said(45009, "api freq out of limit"), TryLater, "45009"),
        (said(40014, "invalid access_token"), AccessDenied, "40014"),
        (said(42001), AccessDenied, "42001"),
        (said(40001, "invalid credential, hint: [167]"), AccessDenied, "corp_secret"),
        (said(60020, "not allow to access from your ip, from ip: 203.0.113.7"), AccessDenied, r"203\.0\.113\.7.*企业可信IP"),
        (said(81013, "all invalid", invaliduser="zhangsan"), Refused, "zhangsan.*可见范围"),
        (said(48002, "api forbidden"), AccessDenied, "根部门"),
        (said(93000, "invalid webhook url"), AccessDenied, "消息推送"),
        (said(60111, "userid not found"), NotFound, "60111"),
        (said(86003), NotFound, "86003"),
        (said(45002, "content size out of limit"), Refused, "45002"),
        (said(123456), Refused, "123456"),
        (said("0"), Nonsense, "errcode"),
        (said(False), Nonsense, "errcode"),
        (b'{"msgid": "1"}', Nonsense, "errcode"),
        (b"<html>", Nonsense, "HTML"),
        (b"", Nonsense, "empty"),
        (b"\xff", Nonsense, "errcode"),
    ],
)  # fmt: skip
def test_the_errcode_decides(body: bytes, error: type[TielineError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        decipher(200, {}, body)
    if isinstance(caught.value, AccessDenied):
        assert is_stale_token(caught.value) == (b"40014" in body or b"42001" in body)
    if b"45009" in body:
        assert isinstance(caught.value, TryLater)
        assert caught.value.retry_after
        assert (caught.value.reason, caught.value.retry_after.total_seconds()) == ("rate_limited", 60)


def test_success_is_errcode_0_alone() -> None:
    decipher(200, {}, said(0, "ok"))
    decipher(200, {}, said(0, "ok; Warning: wrong json format. "))
    with pytest.raises(TryLater):
        decipher(502, {}, said(0, "ok"))


# -- texts


@given(rich_texts())
def test_any_message_fits_and_names_nobody(body: RichText) -> None:
    shown = markdown_of(Message(body, title="延期"))
    assert len(shown.encode()) <= MARKDOWN_BYTES
    assert {*MENTION.findall(shown)} <= {"nobody"}


def test_signs_of_markup_are_broken() -> None:
    assert escaped("[点](https://x)") == "[\u2060点]\u2060(https://x)"
    assert escaped("# 标题") == "#\u2060 标题"
    assert escaped("<@all> `x` **y**") == "<\u2060@all> ˋxˋ *\u2060*\u2060y*\u2060*\u2060"
    assert escaped("一\n二\x00\ud800") == "一 二\ufffd"
    assert markdown_from(text("1. 一", "- 二", "> 三")) == "1.\u2060 一\n-\u2060 二\n>\u2060 三"


def test_a_link_cannot_be_ended_by_its_words_or_address() -> None:
    body = (Paragraph((Anchor("a](https://evil.example)[b", "https://x.example/a)b c"),)),)
    assert markdown_from(body) == "[a］(https://evil.example)［b](https://x.example/a%29b%20c)"
    assert "](" not in markdown_from((Paragraph((Anchor("点", "javascript:alert(1)"),)),))


@pytest.mark.parametrize(
    ("account", "is_one"),
    [("ZhangSan", True), ("a.b-c_d@x", True), ("all", False), ("@all", False), ("a>b", False), ("", False)],
)
def test_who_may_be_named(account: str, is_one: bool) -> None:
    assert is_account(account) == is_one
    shown = markdown_from((Paragraph((PersonMention("张三", account),)),))
    assert MENTION.findall(shown) == ([account] if is_one else [])


@given(st.text(), st.integers(3, 60))
def test_a_cut_text_is_whole_utf8(words: str, most: int) -> None:
    words = words.encode("utf-8", "ignore").decode()
    shown = cut(words, most)
    assert len(shown.encode()) <= most
    assert shown == words or shown.endswith("…")


# -- cards


def message(*buttons: Button, words: str = "支付接口开发比计划晚 3 天") -> Message:
    return Message(text(words), title="延期提醒", buttons=buttons)


def test_a_card_keeps_to_wecoms_lengths() -> None:
    long = Message(text("字" * 500), title="标" * 80, buttons=tuple(Button("按" * 30, f"a:{n}") for n in range(9)))
    card = card_from(MARK, long)
    assert (len(card["main_title"]["title"]), len(card["sub_title_text"]), len(card["button_list"])) == (
        26,
        CARD_TEXT,
        6,
    )
    assert all(len(button["text"]) == 10 for button in card["button_list"])
    assert card["main_title"]["title"].endswith("…")


def test_words_that_must_be_kept_go_without_a_card_where_it_would_cut_them() -> None:
    press = Button("我来处理", "ack:1")
    short, long = (
        Message(text("字" * length), buttons=(press,), keeps_words=True) for length in (CARD_TEXT, CARD_TEXT + 1)
    )
    assert has_buttons(short)
    assert not has_buttons(long)
    assert "字" * (CARD_TEXT + 1) in markdown_of(long)


def test_a_cards_id_follows_from_mark_and_words() -> None:
    ack = Button("我来处理", "ack:1")
    first = card_from(MARK, message(ack))
    assert first["task_id"] == card_from(MARK, message(ack))["task_id"] == task_id_of(MARK, message(ack))
    assert (
        len(
            {
                first["task_id"],
                card_from(OTHER_MARK, message(ack))["task_id"],
                card_from(MARK, message(ack, words="晚 4 天"))["task_id"],
            }
        )
        == 3
    )
    assert pressed(first["button_list"][0]["key"]) == ("ack:1", MARK)
    assert pressed("somebody-elses") == ("somebody-elses", "")


def test_a_button_that_leads_somewhere_is_a_link_everywhere() -> None:
    lead = Button("打开任务", "open", url="https://jira.example.com/browse/PAY-1")
    card = card_from(MARK, message(lead))
    assert (card["card_type"], card["jump_list"][0]["url"], card["card_action"]["url"]) == (
        "text_notice",
        lead.url,
        lead.url,
    )
    assert markdown_of(message(lead)).endswith(f"[打开任务]({lead.url})")
    assert "我来处理" not in markdown_of(message(Button("我来处理", "ack:1")))


def test_the_plain_text_of_a_card_has_no_markup() -> None:
    body = (
        Paragraph((Text("粗", is_bold=True), PersonMention("张三", "ZhangSan"), Anchor("任务", "https://x.example"))),
    )
    card = card_from(MARK, Message(body, buttons=(Button("好", "ok"),)))
    assert (card["main_title"]["title"], card["sub_title_text"], card["jump_list"][0]["title"]) == (
        "粗任务",
        "粗任务",
        "任务",
    )


def test_a_groups_id_is_32_letters_and_digits() -> None:
    assert chat_id_of(MARK).isalnum()
    assert (len(chat_id_of(MARK)), chat_id_of(MARK) == chat_id_of(OTHER_MARK)) == (32, False)


@pytest.mark.parametrize("webhook", ["abc-1", " abc-1 ", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=abc-1"])
def test_a_robots_key_may_be_given_as_the_whole_address(webhook: str) -> None:
    assert key_of(webhook) == "abc-1"


# -- callbacks

SETTINGS = ConnectionSettings(
    "wecom-main", "wecom", "", "app", options={"corp_id": CORP},
    credentials={"callback_token": CALLBACK_TOKEN, "callback_aes_key": AES_KEY},
)  # fmt: skip
PRESS = (
    "<xml><FromUserName>ZhangSan</FromUserName><MsgType>event</MsgType><Event>template_card_event</Event>{more}</xml>"
)


def call(
    query: dict[str, str], body: bytes = b"", method: str = "POST", settings: ConnectionSettings = SETTINGS
) -> CallbackReply:
    assert CONNECTOR.answers_from
    return CONNECTOR.answers_from(
        HookRequest({}, body, "https://tieline.example/answers/wecom-main", method, query), settings
    )


def test_the_vendors_published_vectors() -> None:
    token, key, corp = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7"
    echo = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
    assert signature(token, "1409659589", "263014780", echo) == "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"
    assert opened(echo, key, corp) == b"1616140317555161061"
    with pytest.raises(AccessDenied, match="another company"):
        opened(echo, key, "wx0000000000000000")


def test_the_check_of_the_address_is_answered_with_the_plain_word() -> None:
    reply = call(WeComSimulator().check("7654321"), method="GET")
    assert (reply.body, reply.status, reply.content_type) == (b"7654321", 200, "text/plain")


def test_a_pressed_button_is_an_answer() -> None:
    simulator = WeComSimulator()
    more = f"<CreateTime>1764000000</CreateTime><EventKey>ack:1 {MARK}</EventKey><TaskId>t1</TaskId><ResponseCode>c1</ResponseCode>"
    query, body = simulator.delivery(PRESS.format(more=more))
    [answer] = call(query, body).answers
    assert (answer.account_id, answer.action, answer.mark, answer.message_id, answer.reply_to) == (
        "ZhangSan",
        "ack:1",
        MARK,
        "t1",
        "c1",
    )
    assert answer.at == datetime.fromtimestamp(1764000000, UTC)
    [again] = call(*simulator.delivery(PRESS.format(more=more), nonce="another")).answers
    assert again.id == answer.id  # delivered again


def test_words_said_to_the_application_are_an_answer() -> None:
    inner = "<xml><FromUserName>LiSi</FromUserName><CreateTime>1764000000</CreateTime><MsgType>text</MsgType><Content><![CDATA[ 收到 <b> ]]></Content><MsgId>42</MsgId></xml>"
    [answer] = call(*WeComSimulator().delivery(inner)).answers
    assert (answer.id, answer.account_id, answer.text) == ("42", "LiSi", "收到 <b>")


@pytest.mark.parametrize(
    "inner",
    [
        "<xml><MsgType>event</MsgType></xml>",
        "<xml><FromUserName>x</FromUserName><MsgType>event</MsgType><Event>enter_agent</Event></xml>",
        "no xml",
        "<xml>",
    ],
)
def test_other_events_are_acknowledged_and_none(inner: str) -> None:
    reply = call(*WeComSimulator().delivery(inner))
    assert (reply.body, reply.answers) == (b"success", ())


def test_a_document_type_is_refused_even_where_it_is_signed() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><xml><FromUserName>&b;</FromUserName></xml>'
    with pytest.raises(AccessDenied, match="document type"):
        call(*WeComSimulator().delivery(bomb))


def test_who_does_not_know_the_secrets_is_not_believed() -> None:
    simulator = WeComSimulator()
    query, body = simulator.delivery(PRESS.format(more=""))
    late = str(int(time.time()) - 7200)
    encrypt = body.decode().partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]
    old = {"timestamp": late, "msg_signature": signature(CALLBACK_TOKEN, late, "nonce-1", encrypt)}
    for wrong, words in (
        ({"msg_signature": ""}, "signature"), ({"nonce": "x"}, "signature"), ({"timestamp": "1"}, "signature"), (old, "another hour"),
    ):  # fmt: skip
        with pytest.raises(AccessDenied, match=words):
            call({**query, **wrong}, body)
    for broken in (b"", b"<xml></xml>", b"<Encrypt>%%</Encrypt>", body[:-60]):
        with pytest.raises(AccessDenied):
            call(query, broken)
    with pytest.raises(AccessDenied, match="callback_aes_key"):
        call(query, body, settings=msgspec.structs.replace(SETTINGS, credentials={"callback_token": CALLBACK_TOKEN}))
    with pytest.raises(AccessDenied, match="another company"):
        call(*simulator.delivery(PRESS.format(more=""), receiver="wwothercompany0001"))


@given(st.binary(max_size=80), st.binary(min_size=1, max_size=40))
def test_whatever_is_in_an_envelope_is_opened_or_refused(inner: bytes, noise: bytes) -> None:
    whole = encrypted(inner, AES_KEY, CORP)
    if inner:
        assert opened(whole, AES_KEY, CORP) == inner
    broken = whole[: len(noise)] + noise.hex() + whole[len(noise) :]
    with pytest.raises(AccessDenied):
        opened(broken, AES_KEY, CORP)
