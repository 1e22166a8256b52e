"""DingTalk's callbacks to a public address: its published vector, another client's view, and whatever is not to be believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from wechatpy.crypto import PrpCrypto, _get_signature

from connectors.dingtalk import CONNECTOR
from sync.core.envelopes import opened, sealed, signature
from sync.core.errors import AccessDenied, Nonsense
from sync.core.hooks import HookRequest
from sync.core.messages import CallbackReply, Message
from sync.core.ports import ConnectionSettings
from tests.conformance.subjects import MARK, text

TOKEN, KEY, OWNER = "mryue", "Yue0EfdN5900c1ce5cf6A152c63DDe1808a60c5ecd7", "ding6ccabc44d2c8d38b"
APP_SECRET, CARD_SECRET = "the-application's-secret", "the-registration's-secret"
SETTINGS = ConnectionSettings(
    "ding-main", "dingtalk", "", "app",
    credentials={
        "client_id": OWNER, "client_secret": APP_SECRET, "callback_token": TOKEN, "callback_aes_key": KEY, "callback_secret": CARD_SECRET,
    },
)  # fmt: skip
PRESS: Mapping[str, Any] = {
    "type": "actionCallback", "outTrackId": "tl-1", "corpId": "ding1", "userId": "0001",
    "content": json.dumps({"cardPrivateData": {"actionIds": ["1"], "params": {"action": "ack:1", "mark": MARK}}}),
}  # fmt: skip
WORDS: Mapping[str, Any] = {
    "msgtype": "text", "text": {"content": " 收到 "}, "msgId": "w1", "senderStaffId": "0002", "conversationId": "cid1", "createAt": 1764000000000,
}  # fmt: skip


def call(
    body: object, headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None, **credentials: str
) -> CallbackReply:
    assert CONNECTOR.answers_from
    settings = msgspec.structs.replace(SETTINGS, credentials={**SETTINGS.credentials, **credentials})
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return CONNECTOR.answers_from(
        HookRequest(headers or {}, data, "https://tieline.example/answers/ding", "POST", query or {}), settings
    )


def now(ago_s: float = 0) -> str:
    return str(int((time.time() - ago_s) * 1000))


def keyed(secret: str, words: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), words.encode(), hashlib.sha256).digest()).decode()


def of_card(at: str, secret: str = CARD_SECRET) -> dict[str, str]:
    return {"x-ddpaas-signature-timestamp": at, "x-ddpaas-signature": keyed(secret, at)}


def of_robot(at: str, secret: str = APP_SECRET) -> dict[str, str]:
    return {"timestamp": at, "sign": keyed(secret, f"{at}\n{secret}")}


def of_event(at: str, envelope: str, token: str = TOKEN) -> dict[str, str]:
    return {"msg_signature": signature(token, at, "n1", envelope), "timestamp": at, "nonce": "n1"}


def test_the_vendors_published_vector() -> None:
    """The example at the end of its DingCallbackCrypto3.py; being of 2020, a callback it is no more."""
    envelope = "0vJiX6vliEpwG3U45CtXqi+m8PXbQRARJ8p8BbDuD1EMTDf0jKpQ79QS93qEk7XHpP6u+oTTrd15NRPvNvmBKyDCYxxOK+HZeKju4yhELOFchzNukR+t8SB/qk4ROMu3"
    given = "03044561471240d4a14bb09372dfcfd4fd0e40cb"
    assert signature(TOKEN, "1608001896814", "WL4PK6yA", envelope) == given
    assert opened(envelope, KEY) == (b'{"EventType":"check_url"}', OWNER.encode())
    query = {"msg_signature": given, "timestamp": "1608001896814", "nonce": "WL4PK6yA"}
    with pytest.raises(AccessDenied, match="another time"):
        call({"encrypt": envelope}, query=query)


@pytest.mark.parametrize("name", ["msg_signature", "signature"])
@pytest.mark.parametrize(
    "inner", ['{"EventType":"check_url"}', '{"EventType":"user_add_org","UserId":["1"]}', "no JSON"]
)
def test_an_event_is_acknowledged_sealed_as_another_client_reads_it(name: str, inner: str) -> None:
    envelope = PrpCrypto(base64.b64decode(KEY + "=")).encrypt(inner, OWNER).decode()
    query = of_event(now(), envelope)
    reply = call({"encrypt": envelope}, query={name: query.pop("msg_signature"), **query})
    said = json.loads(reply.body)
    assert (reply.status, reply.answers, said.keys()) == (200, (), {"msg_signature", "encrypt", "timeStamp", "nonce"})
    assert PrpCrypto(base64.b64decode(KEY + "=")).decrypt(said["encrypt"], OWNER) == "success"
    assert said["msg_signature"] == _get_signature(TOKEN, said["timeStamp"], said["nonce"], said["encrypt"])


def test_a_pressed_card_is_an_answer_and_changes_the_card_with_its_reply() -> None:
    headers = of_card(at := now())
    reply = call(PRESS, headers)
    [answer] = reply.answers
    assert (answer.account_id, answer.action, answer.mark, answer.message_id) == ("0001", "ack:1", MARK, "tl-1")
    assert answer.at
    assert int(answer.at.timestamp() * 1000) == int(at)
    assert reply.body == b"{}"
    assert reply.changed
    shown = json.loads(reply.changed(Message(text("已由张伟处理"))))
    assert shown["cardData"]["cardParamMap"]["content"] == "已由张伟处理"
    assert shown["cardUpdateOptions"] == {"updateCardDataByKey": True}
    assert call(PRESS, headers).answers[0].id == answer.id, "the same delivery again"
    assert call({**PRESS, "userId": "0009"}, headers).answers[0].id != answer.id, "another's press in the same moment"
    assert call({**PRESS, "type": "dynamicData"}, headers).answers == ()


def test_words_said_to_the_robot_are_an_answer_and_it_says_nothing_back() -> None:
    reply = call(WORDS, of_robot(now()))
    [answer] = reply.answers
    assert (answer.id, answer.account_id, answer.text, answer.room_id) == ("w1", "0002", "收到", "cid1")
    assert json.loads(reply.body) == {"msgtype": "empty"}
    for nothing in ({**WORDS, "senderStaffId": ""}, {**WORDS, "text": None}, {**WORDS, "text": {"content": "  "}}):
        assert call(nothing, of_robot(now())).answers == ()


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "signature"),
        ({"x-ddpaas-signature": ""}, "signature"),
        (of_card("0", "somebody else's"), "signature"),
        ({**of_card("1764000000000"), "x-ddpaas-signature-timestamp": "1764000000001"}, "signature"),
        (of_robot(now()), "signature"),  # the secret of another kind of callback opens nothing here
    ],
)  # fmt: skip
def test_a_card_is_not_believed_with(headers: Mapping[str, str], words: str) -> None:
    with pytest.raises(AccessDenied, match=words):
        call(PRESS, headers)


def test_what_is_old_is_not_believed() -> None:
    assert call(PRESS, of_card(now(200))).answers
    assert call(WORDS, of_robot(now(3000))).answers
    envelope = sealed(b"{}", KEY, OWNER, bytes(16))
    assert call({"encrypt": envelope}, query=of_event(str(int(time.time())), envelope)).status == 200, "in seconds"
    for body, headers, query in (
        (PRESS, of_card(now(400)), {}), (PRESS, of_card(now(-400)), {}), (PRESS, of_card("soon"), {}), (PRESS, of_card(""), {}),
        (WORDS, of_robot(now(3700)), {}), (WORDS, of_robot(""), {}),
        ({"encrypt": envelope}, {}, of_event(now(3700), envelope)), ({"encrypt": envelope}, {}, of_event("", envelope)),
    ):  # fmt: skip
        with pytest.raises(AccessDenied, match="another time"):
            call(body, headers, query)


def test_who_does_not_know_the_secrets_is_not_believed() -> None:
    envelope, at = sealed(b"{}", KEY, OWNER, bytes(16)), now()
    good = of_event(at, envelope)
    for wrong in ({"msg_signature": ""}, {"nonce": "x"}, {"timestamp": now(1)}, of_event(at, envelope, "other")):
        with pytest.raises(AccessDenied, match="signature"):
            call({"encrypt": envelope}, query={**good, **wrong})
    with pytest.raises(AccessDenied, match="signature"):
        call({"encrypt": envelope[:-8]}, query=good)
    for broken in ("", "%%", envelope[:64], envelope[:-4] + "AAA="):
        with pytest.raises(AccessDenied, match="does not open"):
            call({"encrypt": broken}, query=of_event(at, broken))
    other = sealed(b"{}", KEY, "dingsomebodyelse", bytes(16))
    with pytest.raises(AccessDenied, match="another application"):
        call({"encrypt": other}, query=of_event(at, other))
    for wrong in ({}, {"sign": "x"}, of_robot(at, "wrong"), of_card(at, "wrong")):
        with pytest.raises(AccessDenied, match="signature"):
            call(WORDS, wrong)


def test_without_a_secret_nobody_is_believed_not_even_who_signs_with_none() -> None:
    envelope, at = sealed(b"{}", KEY, OWNER, bytes(16)), now()
    with pytest.raises(AccessDenied, match="callback_secret"):
        call(PRESS, of_card(at, ""), callback_secret="")
    with pytest.raises(AccessDenied, match="variant app"):
        call(WORDS, of_robot(at, ""), client_secret=" ")
    for token, key in (("", KEY), (TOKEN, "")):
        with pytest.raises(AccessDenied, match="callback_token and callback_aes_key"):
            call({"encrypt": envelope}, query=of_event(at, envelope, token), callback_token=token, callback_aes_key=key)
    for nonsense in (b"", b"[]", b"\xff", b"<xml/>"):
        with pytest.raises(Nonsense):
            call(nonsense, of_robot(at))
