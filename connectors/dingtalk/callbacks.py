"""What DingTalk calls back with where its answers come to a public address: pressed cards, words said to the robot, and events, of which
only the check of the address concerns us. Pure but for the clock and the salt of what is sealed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from connectors.dingtalk.cards import pressed, update_of
from sync.core.decode import decoded
from sync.core.envelopes import SALT, opened, sealed
from sync.core.envelopes import signature as envelope_signature
from sync.core.errors import AccessDenied, Nonsense
from sync.core.hooks import HookRequest
from sync.core.instants import instant_from_ms
from sync.core.messages import Answer, CallbackReply, Message
from sync.core.ports import ConnectionSettings

WINDOW_S = 3600  # DingTalk's own
CARD_WINDOW_S = 300  # a card's signature covers the time alone, so it is not believed for long
EVENTS = "开发者后台 > 应用 > 事件与回调：签名 token 填进 callback_token，加密 aes_key 填进 callback_aes_key"
CARDS = "注册卡片回调地址（/v1.0/card/callbacks/register）时的 apiSecret 填进 callback_secret"
ROBOT = "开发者后台 > 应用 > 凭证与基础信息：核对 client_secret"


def answers_from(request: HookRequest, settings: ConnectionSettings) -> CallbackReply:
    """Each kind is believed by its own secret only: an event by its token and key, a pressed card by the secret of its registration,
    words by the application's own. Raises AccessDenied for anything else, and for what is old.
    """
    said = decoded(request.body, what="JSON of a DingTalk callback")
    if not isinstance(said, dict):
        raise Nonsense(expected="a JSON object", sample=said)
    if "encrypt" in said:
        return _event(request, settings, str(said["encrypt"] or ""))
    if "x-ddpaas-signature" in request.headers or "outTrackId" in said:
        return _card(request, settings, said)
    return _words(request, settings, said)


def press_of(data: Mapping[str, Any], identity: str, at: datetime | None) -> Answer | None:
    """The answer of a pressed card; None for any other callback of a card."""
    if not data.get("userId"):
        return None
    action, mark = pressed(data.get("content"))
    room, card = str(data.get("spaceId") or ""), str(data.get("outTrackId") or "")
    return Answer(identity, str(data["userId"]), action=action, mark=mark, message_id=card, room_id=room, at=at)


def words_of(data: Mapping[str, Any], identity: str, at: datetime | None) -> Answer | None:
    """The answer of words said to the robot; None where nobody of the organisation says anything."""
    text = data.get("text")
    words = str(text.get("content") or "").strip() if isinstance(text, dict) else ""
    if not data.get("senderStaffId") or not words:
        return None
    room = str(data.get("conversationId") or "")
    return Answer(str(data.get("msgId") or identity), str(data["senderStaffId"]), text=words, room_id=room, at=at)


def _card(request: HookRequest, settings: ConnectionSettings, said: Mapping[str, Any]) -> CallbackReply:
    secret, at = _credential(settings, "callback_secret"), request.headers.get("x-ddpaas-signature-timestamp", "")
    if not secret:
        raise AccessDenied(f"DingTalk: a pressed card that comes by HTTP needs callback_secret; {CARDS}")
    _require(request.headers.get("x-ddpaas-signature", ""), _keyed(secret, at), "pressed card", CARDS)
    _require_recent(at, CARD_WINDOW_S)
    # The press has no id: delivered again it is the same time and the same words.
    identity = hashlib.sha256(at.encode() + b"\0" + request.body).hexdigest()[:32]
    answer = (
        press_of(said, identity, instant_from_ms(at))
        if said.get("type", "actionCallback") == "actionCallback"
        else None
    )
    if answer is None:
        return CallbackReply(b"{}")
    mark = answer.mark

    def changed(message: Message) -> bytes:
        return msgspec.json.encode(update_of(mark, message))

    return CallbackReply(b"{}", answers=(answer,), changed=changed)


def _words(request: HookRequest, settings: ConnectionSettings, said: Mapping[str, Any]) -> CallbackReply:
    secret, at = _credential(settings, "client_secret"), request.headers.get("timestamp", "")
    if not secret:
        raise AccessDenied("DingTalk: only a connection of variant app is called back")
    _require(request.headers.get("sign", ""), _keyed(secret, f"{at}\n{secret}"), "message to the robot", ROBOT)
    _require_recent(at, WINDOW_S)
    identity = hashlib.sha256(at.encode() + b"\0" + request.body).hexdigest()[:32]
    answer = words_of(said, identity, instant_from_ms(said.get("createAt")) or instant_from_ms(at))
    return CallbackReply(b'{"msgtype":"empty"}', answers=(answer,) if answer else ())


def _event(request: HookRequest, settings: ConnectionSettings, text: str) -> CallbackReply:
    """Whatever it tells, it is acknowledged in DingTalk's way, or the address does not pass its check."""
    token, key = _credential(settings, "callback_token"), _credential(settings, "callback_aes_key")
    if not token or not key:
        raise AccessDenied(f"DingTalk: an event that comes by HTTP needs callback_token and callback_aes_key; {EVENTS}")
    query = request.query
    given = query.get("msg_signature") or query.get("signature", "")
    at, nonce = query.get("timestamp") or query.get("timeStamp", ""), query.get("nonce", "")
    _require(given, envelope_signature(token, at, nonce, text), "event", EVENTS)
    _require_recent(at, WINDOW_S)
    found, receiver = opened(text, key), _credential(settings, "client_id")
    if found is None:
        raise AccessDenied(f"DingTalk: an event that does not open with callback_aes_key; {EVENTS}")
    if not hmac.compare_digest(found[1], receiver.encode()):
        raise AccessDenied("DingTalk: an event for another application; check client_id")
    return CallbackReply(_success(token, key, receiver))


def _success(token: str, key: str, receiver: str) -> bytes:
    now, nonce = str(int(time.time() * 1000)), secrets.token_hex(8)
    text = sealed(b"success", key, receiver, secrets.token_bytes(SALT))
    said = {
        "msg_signature": envelope_signature(token, now, nonce, text),
        "encrypt": text,
        "timeStamp": now,
        "nonce": nonce,
    }
    return msgspec.json.encode(said)


def _keyed(secret: str, text: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _require(given: str, right: str, what: str, cure: str) -> None:
    if not hmac.compare_digest(given.encode(), right.encode()):
        raise AccessDenied(f"DingTalk: the signature of a callback ({what}) does not fit; {cure}")


def _require_recent(at: str, window_s: float) -> None:
    """``at`` was signed: milliseconds, or seconds as DingTalk's own examples of events have it."""
    instant = instant_from_ms(f"{at}000" if len(at) <= 10 else at)
    if instant is None or abs(time.time() - instant.timestamp()) > window_s:
        raise AccessDenied("DingTalk: a callback of another time; check this machine's clock")


def _credential(settings: ConnectionSettings, name: str) -> str:
    return settings.credentials.get(name, "").strip()
