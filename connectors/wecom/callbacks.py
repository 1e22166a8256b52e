"""What WeCom calls back with: its check of the address, pressed buttons, words said to the application. Pure but for the clock."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from xml.etree import ElementTree as ET

from connectors.wecom.cards import pressed
from sync.core import envelopes
from sync.core.errors import AccessDenied
from sync.core.hooks import HookRequest
from sync.core.instants import instant_from_s
from sync.core.messages import Answer, CallbackReply
from sync.core.ports import ConnectionSettings

WINDOW_S = 3600
_ENCRYPT = re.compile(rb"<Encrypt>\s*(?:<!\[CDATA\[)?\s*([A-Za-z0-9+/=]+)\s*(?:\]\]>)?\s*</Encrypt>")


def answers_from(request: HookRequest, settings: ConnectionSettings) -> CallbackReply:
    """Believed only with the signature of the callback's Token, and opened with its EncodingAESKey."""
    token = settings.credentials.get("callback_token", "").strip()
    key = settings.credentials.get("callback_aes_key", "").strip()
    if not token or not key:
        raise AccessDenied(
            "WeCom: a callback needs callback_token and callback_aes_key（应用 > 接收消息 > 设置 API 接收）"
        )
    text = request.query.get("echostr", "") if request.method == "GET" else _encrypted(request.body)
    _require_signature(request, token, text)
    receiver = str(settings.options.get("corp_id") or "").strip()
    said = opened(text, key, receiver)
    if request.method == "GET":
        return CallbackReply(said, content_type="text/plain")
    answer = answer_of(said)
    return CallbackReply(b"success", content_type="text/plain", answers=(answer,) if answer else ())


def opened(text: str, aes_key: str, receiver: str) -> bytes:
    """What stands in the envelope, for us. Raises AccessDenied for anything that does not open, or is for another company."""
    found = envelopes.opened(text, aes_key)
    if found is None:
        raise AccessDenied("WeCom: a callback that does not open with callback_aes_key")
    if receiver and not hmac.compare_digest(found[1], receiver.encode()):
        raise AccessDenied("WeCom: a callback for another company; check corp_id")
    return found[0]


def answer_of(said: bytes) -> Answer | None:
    """The answer that an event brings; None for any other event."""
    fields = _fields(said)
    account, kind = fields.get("FromUserName", ""), fields.get("MsgType", "")
    if not account:
        return None
    at = instant_from_s(fields.get("CreateTime", ""))
    if kind == "event" and fields.get("Event") == "template_card_event":
        action, mark = pressed(fields.get("EventKey", ""))
        # Delivered again it has the same sender and second (fact sheet section 5).
        found = f"{account}.{fields.get('CreateTime', '')}.{fields.get('EventKey', '')}"
        identity = hashlib.sha256(found.encode()).hexdigest()[:32]
        code, task = fields.get("ResponseCode", ""), fields.get("TaskId", "")
        return Answer(identity, account, action=action, mark=mark, message_id=task, reply_to=code, at=at)
    if kind == "text" and fields.get("Content", "").strip():
        return Answer(
            fields.get("MsgId", ""), account, text=fields["Content"].strip(), room_id=fields.get("ChatId", ""), at=at
        )
    return None


def _fields(said: bytes) -> dict[str, str]:
    """The plain fields of an event. It was signed and enciphered by WeCom; entities have no business in it all the same."""
    if b"<!" in said.replace(b"<![CDATA[", b""):
        raise AccessDenied("WeCom: a callback with a document type")
    try:
        root = ET.fromstring(said)  # noqa: S314 - without a document type there is nothing to expand
    except ET.ParseError:
        return {}
    return {child.tag: child.text or "" for child in root}


def _encrypted(body: bytes) -> str:
    found = _ENCRYPT.search(body)
    if not found:
        raise AccessDenied("WeCom: a callback without Encrypt")
    return found[1].decode()


def _require_signature(request: HookRequest, token: str, text: str) -> None:
    given = request.query.get("msg_signature", "")
    at, nonce = request.query.get("timestamp", ""), request.query.get("nonce", "")
    if not text or not hmac.compare_digest(given.encode(), envelopes.signature(token, at, nonce, text).encode()):
        raise AccessDenied("WeCom: the signature of a callback does not fit callback_token")
    if at.isdigit() and abs(time.time() - int(at)) > WINDOW_S:
        raise AccessDenied("WeCom: a callback of another hour")
