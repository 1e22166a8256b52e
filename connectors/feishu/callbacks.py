"""What Feishu calls back with: its check of the address, pressed buttons, words said to the bot. Pure but for the clock."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.feishu.cards import card_from
from sync.core.decode import decoded
from sync.core.errors import AccessDenied, Nonsense
from sync.core.hooks import HookRequest
from sync.core.messages import Answer, CallbackReply, Message
from sync.core.ports import ConnectionSettings

WINDOW_S = 3600
RECEIVED = {"zh": "已收到", "en": "Received"}


def answers_from(request: HookRequest, settings: ConnectionSettings) -> CallbackReply:
    """Authenticated by the Encrypt Key where there is one, else by the Verification Token; without both nobody is believed."""
    key = settings.credentials.get("encrypt_key", "").strip()
    token = settings.credentials.get("verification_token", "").strip()
    if not key and not token:
        raise AccessDenied(
            "Feishu: a callback needs the credential encrypt_key or verification_token（事件与回调 > 加密策略）"
        )
    said = _object(request.body)
    if key:
        said = _object(decrypted(key, str(said.get("encrypt") or "")))
    is_check = said.get("type") == "url_verification"
    if key and not is_check:
        _require_signature(request, key)
    if token or not key:
        _require_token(said, token)
    if is_check:
        return CallbackReply(msgspec.json.encode({"challenge": str(said.get("challenge") or "")}))
    answer = answer_of(said)
    is_press = event_type(said) == "card.action.trigger"
    if not is_press or answer is None:
        return CallbackReply(b"{}", answers=(answer,) if answer else ())
    mark, said_at_once = answer.mark, toast(settings.language)

    def changed(message: Message) -> bytes:
        return msgspec.json.encode({**said_at_once, "card": {"type": "raw", "data": card_from(mark, message)}})

    return CallbackReply(msgspec.json.encode(said_at_once), answers=(answer,), changed=changed)


def toast(language: str) -> dict[str, Any]:
    """What whoever pressed a button sees at once."""
    return {"toast": {"type": "success", "content": RECEIVED["zh" if language.startswith("zh") else "en"]}}


def event_type(said: Mapping[str, Any]) -> str:
    """``card.action.trigger``, ``im.message.receive_v1``, …"""
    return str(_part(said, "header").get("event_type") or "")


def answer_of(said: Mapping[str, Any]) -> Answer | None:
    """The answer that an event brings; None for any other event."""
    kind, header, event = event_type(said), _part(said, "header"), _part(said, "event")
    if kind == "card.action.trigger":
        return _pressed(header, event)
    if kind == "im.message.receive_v1":
        return _said_to_us(header, event)
    return None


def decrypted(key: str, text: str) -> bytes:
    """AES-256-CBC under the SHA-256 of the Encrypt Key; the first block is the IV."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    try:
        data = base64.b64decode(text, validate=True)
        decryptor = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(data[:16])).decryptor()
        plain = decryptor.update(data[16:]) + decryptor.finalize()
        pad = plain[-1]
    except (ValueError, IndexError, binascii.Error) as error:
        raise AccessDenied("Feishu: a callback that does not open with the Encrypt Key") from error
    if not 1 <= pad <= 16 or plain[-pad:] != bytes([pad]) * pad:
        raise AccessDenied("Feishu: a callback that does not open with the Encrypt Key")
    return plain[:-pad]


def _require_signature(request: HookRequest, key: str) -> None:
    given = request.headers.get("x-lark-signature", "")
    at, nonce = request.headers.get("x-lark-request-timestamp", ""), request.headers.get("x-lark-request-nonce", "")
    right = hashlib.sha256(f"{at}{nonce}{key}".encode() + request.body).hexdigest()
    if not hmac.compare_digest(given.encode(), right.encode()):
        raise AccessDenied("Feishu: the signature of a callback does not fit")
    if at.isdigit() and abs(time.time() - int(at)) > WINDOW_S:
        raise AccessDenied("Feishu: a callback of another hour")


def _require_token(said: Mapping[str, Any], token: str) -> None:
    given = str(said.get("token") or _part(said, "header").get("token") or "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise AccessDenied("Feishu: the Verification Token of a callback does not fit")


def _pressed(header: Mapping[str, Any], event: Mapping[str, Any]) -> Answer | None:
    action, context = _part(event, "action"), _part(event, "context")
    value = _part(action, "value")
    account = str(_part(event, "operator").get("open_id") or "")
    if not account:
        return None
    return Answer(
        str(header.get("event_id") or ""),
        account,
        action=str(value.get("action") or ""),
        mark=str(value.get("mark") or ""),
        message_id=str(context.get("open_message_id") or ""),
        room_id=str(context.get("open_chat_id") or ""),
        reply_to=str(event.get("token") or ""),
        at=_instant(header.get("create_time")),
    )


def _said_to_us(header: Mapping[str, Any], event: Mapping[str, Any]) -> Answer | None:
    sender, message = _part(event, "sender"), _part(event, "message")
    account = str(_part(sender, "sender_id").get("open_id") or "")
    if not account or sender.get("sender_type") != "user" or message.get("message_type") != "text":
        return None
    try:
        words = str(_object(str(message.get("content") or "").encode()).get("text") or "")
    except Nonsense:
        return None
    return Answer(
        str(header.get("event_id") or ""),
        account,
        text=re.sub(r"@_(user_\d+|all)\s*", "", words).strip(),
        message_id=str(message.get("parent_id") or ""),
        room_id=str(message.get("chat_id") or ""),
        at=_instant(header.get("create_time")),
    )


def _instant(value: object) -> datetime | None:
    """Milliseconds, or microseconds in card callbacks."""
    text = str(value or "")
    if not text.isdecimal() or len(text) > 17:
        return None
    return datetime.fromtimestamp(int(text) / (1_000_000 if len(text) > 14 else 1000), UTC)


def _part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, dict) else {}


def _object(body: bytes) -> Mapping[str, Any]:
    said = decoded(body, what="JSON of a Feishu callback")
    if not isinstance(said, dict):
        raise Nonsense(expected="a JSON object", sample=said)
    return said
