"""Feishu's pure parts: what answers mean, cards, signatures and callbacks."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import timedelta

import pytest

from connectors.feishu import CONNECTOR
from connectors.feishu.answers import decipher
from connectors.feishu.callbacks import answers_from
from connectors.feishu.cards import card_from, uuid_of
from connectors.feishu.chat import _written
from connectors.feishu.markdown import cut, markdown_from
from connectors.feishu.robot import signature, token_of
from sync.core.errors import AccessDenied, CannotExpress, LostAnswer, Nonsense, NotFound, Refused, TryLater
from sync.core.hooks import HookRequest
from sync.core.messages import Button, Message
from sync.core.ports import ConnectionSettings
from sync.core.rich_text import Anchor, Paragraph, PersonMention, Text
from sync.tokens import is_stale_token

KEY, TOKEN = "test key", "v-token"


def body(code: int, msg: str = "", **more: object) -> bytes:
    return json.dumps({"code": code, "msg": msg, **more}).encode()


@pytest.mark.parametrize("status", [400, 429, 200])
def test_throttling_is_told_by_the_code_whatever_the_status(status: int) -> None:
    with pytest.raises(TryLater) as caught:
        decipher(status, {"X-Ogw-Ratelimit-Reset": "7"}, body(99991400, "request trigger frequency limit"))
    assert (caught.value.retry_after, caught.value.reason) == (timedelta(seconds=7), "rate_limited")


def test_a_chat_that_is_throttled_stops_no_other() -> None:
    with pytest.raises(TryLater) as caught:
        decipher(400, {}, body(230020))
    assert caught.value.scope == "item"


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (200, 99991663, AccessDenied), (400, 230002, AccessDenied), (400, 230011, NotFound), (400, 230031, CannotExpress),
        (200, 230001, Refused), (200, 19021, AccessDenied), (500, 1500, TryLater),
    ],
)  # fmt: skip
def test_the_code_in_the_body_decides(status: int, code: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        decipher(status, {}, body(code, "no"))


def test_success_and_nonsense() -> None:
    decipher(200, {}, body(0, "ok", tenant_access_token="t-1"))
    for data in (b"<html>", b"", b"[]", b'{"msg":"ok"}', b'{"code":true}', b'{"code":[1]}'):
        with pytest.raises(Nonsense):
            decipher(200, {}, data)


def test_a_missing_scope_is_named() -> None:
    error = {"permission_violations": [{"type": "action_scope_required", "subject": "im:chat:readonly"}]}
    with pytest.raises(AccessDenied, match=r"im:chat:readonly.*发布") as caught:
        decipher(400, {}, body(99991672, "Access denied", error=error))
    assert not is_stale_token(caught.value)
    with pytest.raises(AccessDenied, match=r"contact:user\.id:readonly"):
        decipher(400, {}, body(99991672, "One of the following scopes is required: [contact:user.id:readonly]"))


def test_other_words_are_another_message() -> None:
    assert uuid_of("oc_1", "m", "a") == uuid_of("oc_1", "m", "a")
    assert len({uuid_of("oc_1", "m", "a"), uuid_of("oc_1", "m", "b"), uuid_of("oc_2", "m", "a")}) == 3
    assert len(uuid_of("oc_1", "m", "a")) <= 50


def test_words_become_no_markup() -> None:
    words = markdown_from((Paragraph((Text("<at id=all></at> [a](https://x) **b**"), PersonMention("全体", "all"))),))
    assert not set("<>[]*") & set(words)
    assert markdown_from((Paragraph((PersonMention("张伟", "ou_1"),)),)) == "<at id=ou_1></at>"
    assert "javascript:" not in markdown_from((Paragraph((Anchor("a", "javascript:x"),)),))


@pytest.mark.parametrize("paragraphs", [["支付" * 40_000], ["**支付" * 9] * 4000, ['"\\' * 30_000]])
def test_a_card_is_cut_to_what_is_allowed(paragraphs: list[str]) -> None:
    message = Message(tuple(Paragraph((Text(words),)) for words in paragraphs), title="延期提醒" * 200)
    card = card_from("m", message)
    assert 20_000 < len(json.dumps(card, ensure_ascii=False).encode()) < 30_000
    assert card["body"]["elements"][0]["content"].endswith("…")


def test_a_cut_leaves_no_half_mark() -> None:
    assert cut("ab&#42;&#42;", 9) == "ab…"
    assert cut("支付支付", 10) == "支付…"


def test_buttons_call_back_or_lead_somewhere_or_are_left_out() -> None:
    message = Message((), buttons=(Button("处理", "ack:1"), Button("看", "", "https://x.example/a")))
    first, second = card_from("m", message)["body"]["elements"][1:]
    assert first["behaviors"] == [{"type": "callback", "value": {"action": "ack:1", "mark": "m"}}]
    assert second["behaviors"] == [{"type": "open_url", "default_url": "https://x.example/a"}]
    assert [item["text"]["content"] for item in card_from("m", message, is_robot=True)["body"]["elements"][1:]] == [
        "看"
    ]


def test_the_robots_words_are_the_key_of_its_signature() -> None:
    import hmac

    right = base64.b64encode(hmac.new(b"1599360473\nsecret", digestmod=hashlib.sha256).digest()).decode()
    assert signature(1599360473, "secret") == right
    assert token_of(" https://open.feishu.cn/open-apis/bot/v2/hook/abc-1/ ") == token_of("abc-1") == "abc-1"


def settings(**credentials: str) -> ConnectionSettings:
    return ConnectionSettings("f", "feishu", "", "app", credentials={"app_id": "a", "app_secret": "b", **credentials})


def sealed(plain: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    pad, iv = 16 - len(plain) % 16, b"0123456789abcdef"
    box = Cipher(algorithms.AES(hashlib.sha256(KEY.encode()).digest()), modes.CBC(iv)).encryptor()
    return json.dumps({"encrypt": base64.b64encode(iv + box.update(plain + bytes([pad]) * pad)).decode()}).encode()


def signed(data: bytes, at: float | None = None) -> HookRequest:
    stamp = str(int(time.time() if at is None else at))
    headers = {
        "x-lark-request-timestamp": stamp,
        "x-lark-request-nonce": "n",
        "x-lark-signature": hashlib.sha256(f"{stamp}n{KEY}".encode() + data).hexdigest(),
    }
    return HookRequest(headers, data, "https://t.example/hook")


PRESSED = {
    "schema": "2.0",
    "header": {"event_id": "e1", "event_type": "card.action.trigger", "create_time": "1764036000000000", "token": TOKEN},
    "event": {
        "operator": {"open_id": "ou_1"}, "token": "c-1", "context": {"open_message_id": "om_1", "open_chat_id": "oc_1"},
        "action": {"tag": "button", "value": {"action": "ack:1", "mark": "m"}},
    },
}  # fmt: skip


def test_the_published_test_vector_opens() -> None:
    """From Feishu's own page about encrypted events."""
    from connectors.feishu.callbacks import decrypted

    assert decrypted("test key", "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=") == b"hello world"


def test_a_pressed_button_is_an_answer_and_a_toast() -> None:
    reply = answers_from(
        signed(sealed(json.dumps(PRESSED).encode())), settings(encrypt_key=KEY, verification_token=TOKEN)
    )
    (answer,) = reply.answers
    assert (answer.id, answer.account_id, answer.action, answer.mark) == ("e1", "ou_1", "ack:1", "m")
    assert (answer.message_id, answer.room_id, answer.reply_to) == ("om_1", "oc_1", "c-1")
    assert answer.at
    assert answer.at.year == 2025
    assert json.loads(reply.body)["toast"]["type"] == "success"


def test_the_check_of_an_address_is_answered() -> None:
    check = json.dumps({"type": "url_verification", "challenge": "abc", "token": TOKEN}).encode()
    plain = answers_from(HookRequest({}, check, ""), settings(verification_token=TOKEN))
    assert json.loads(plain.body) == {"challenge": "abc"}
    assert json.loads(answers_from(HookRequest({}, sealed(check), ""), settings(encrypt_key=KEY)).body) == {
        "challenge": "abc"
    }


def test_words_said_to_the_bot_are_an_answer() -> None:
    event = {
        "sender": {"sender_id": {"open_id": "ou_2"}, "sender_type": "user"},
        "message": {"message_type": "text", "content": '{"text":"@_user_1 我来处理"}', "chat_id": "oc_1"},
    }
    said = {"header": {"event_id": "e2", "event_type": "im.message.receive_v1", "token": TOKEN}, "event": event}
    (answer,) = answers_from(HookRequest({}, json.dumps(said).encode(), ""), settings(verification_token=TOKEN)).answers
    assert (answer.text, answer.account_id) == ("我来处理", "ou_2")


def test_whoever_cannot_prove_to_be_feishu_is_refused() -> None:
    data = sealed(json.dumps(PRESSED).encode())
    with_key = settings(encrypt_key=KEY)
    forged = HookRequest({**signed(data).headers, "x-lark-signature": "0" * 64}, data, "")
    plain = HookRequest({}, json.dumps({**PRESSED, "header": {**PRESSED["header"], "token": "x"}}).encode(), "")  # type: ignore[dict-item]
    for request, given in (
        (forged, with_key), (signed(data, at=time.time() - 7200), with_key), (signed(b'{"encrypt":"AAAA"}'), with_key),
        (HookRequest({}, json.dumps(PRESSED).encode(), ""), with_key), (plain, settings(verification_token=TOKEN)),
        (plain, settings()), (signed(data), settings(encrypt_key=KEY, verification_token="other")),
    ):  # fmt: skip
        with pytest.raises(AccessDenied):
            answers_from(request, given)


def test_the_manifest_says_what_each_variant_offers() -> None:
    assert CONNECTOR.offered("robot") == ("messenger",)
    assert CONNECTOR.offered("app") == ("messenger", "organisation", "directory")


@pytest.mark.parametrize("message_id", [None, "", 7])
def test_a_message_that_was_taken_without_an_id_may_stand_there(message_id: object) -> None:
    with pytest.raises(LostAnswer):
        _written(message_id, "uuid")
