"""Hearing answers over DingTalk's Stream mode: no public address is needed, and several processes may listen at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
import structlog
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.sync.connection import Connection

from connectors.dingtalk.callbacks import press_of, words_of
from connectors.dingtalk.cards import update_of
from connectors.dingtalk.site import Site
from sync.core.errors import LostAnswer, Nonsense, TryLater
from sync.core.instants import instant_from_ms
from sync.core.messages import Answer, Heard
from sync.remote import keep_secret

CARD, BOT = "/v1.0/card/instances/callback", "/v1.0/im/bot/messages/get"
LOOK_S, REST_S = 0.9, 5.0
SUBSCRIPTIONS = [{"type": "CALLBACK", "topic": CARD}, {"type": "CALLBACK", "topic": BOT}]

log = structlog.get_logger()


class AnswerListener:
    """The Listener port of an application."""

    site: Site

    def listen(self, heard: Heard, is_over: Callable[[], bool]) -> None:
        """Connect, hear, and connect again: DingTalk closes each connection now and then."""
        while not is_over():
            try:
                self._hear(endpoint(self.site), heard, is_over)
            except (TryLater, Nonsense, OSError, WebSocketException) as error:
                log.info("long_connection_ended", connection=self.site.settings.name, reason=type(error).__name__)
            _wait(random.uniform(0.2, REST_S), is_over)  # noqa: S311  # jitter, also after a clean end

    def _hear(self, url: str, heard: Heard, is_over: Callable[[], bool]) -> None:
        with _connected(url) as channel:
            while not is_over():
                try:
                    data = channel.recv(timeout=LOOK_S)
                except TimeoutError:
                    continue
                frame = _object(data)
                topic = str(_part(frame, "headers").get("topic") or "")
                if frame.get("type") == "SYSTEM" and topic == "disconnect":
                    return
                if frame.get("type") == "SYSTEM":
                    channel.send(_acknowledged(frame, str(frame.get("data") or "{}")))
                else:
                    self._answer(channel, frame, topic, heard)

    def _answer(self, channel: Connection, frame: Mapping[str, Any], topic: str, heard: Heard) -> None:
        """Acknowledged only when ``heard`` returned."""
        try:
            response = reply_to(topic, frame, heard)
        except Exception as error:  # noqa: BLE001  # whatever it was: this one is not acknowledged, the others go on
            log.warning("answer_not_taken", connection=self.site.settings.name, reason=type(error).__name__)
            return
        channel.send(_acknowledged(frame, msgspec.json.encode({"response": response}).decode()))


def endpoint(site: Site) -> str:
    """Where to connect, with a ticket of one use. Raises AccessDenied for refused credentials."""
    body = {"clientId": site.client_id, "clientSecret": site.secret, "subscriptions": SUBSCRIPTIONS}
    try:
        said = site.remote.send("POST", "/v1.0/gateway/connections/open", json=body, is_safe=True).read()
    except LostAnswer as error:
        raise TryLater(str(error), reason="server") from error
    place, ticket = (said.get("endpoint"), said.get("ticket")) if isinstance(said, dict) else (None, None)
    if not isinstance(place, str) or not place.startswith(("wss://", "ws://")) or not isinstance(ticket, str):
        raise Nonsense(expected="an endpoint and a ticket", sample=said)
    keep_secret(ticket)
    return f"{place}?ticket={quote(ticket, safe='')}"


def reply_to(topic: str, frame: Mapping[str, Any], heard: Heard) -> Mapping[str, Any]:
    """What a callback is acknowledged with: other variables of the card where ``heard`` says so."""
    answer = answer_of(topic, frame)
    if answer is None:
        return {}
    message = heard(answer)
    if message is None or topic != CARD:
        return {}
    return update_of(answer.mark, message)


def answer_of(topic: str, frame: Mapping[str, Any]) -> Answer | None:
    """The answer that a callback brings; None for any other."""
    headers, data = _part(frame, "headers"), _object(frame.get("data"))
    identity, at = str(headers.get("messageId") or ""), instant_from_ms(headers.get("time"))
    if topic == CARD:
        return press_of(data, identity, at)
    return words_of(data, identity, at) if topic == BOT else None


def _acknowledged(frame: Mapping[str, Any], data: str) -> str:
    message_id = str(_part(frame, "headers").get("messageId") or "")
    headers = {"messageId": message_id, "contentType": "application/json"}
    return msgspec.json.encode({"code": 200, "headers": headers, "message": "OK", "data": data}).decode()


def _connected(url: str) -> ClientConnection:
    try:
        return connect(url, proxy=None, open_timeout=10, close_timeout=1, max_size=None)
    except InvalidStatus as error:
        status = error.response.status_code
    raise TryLater(f"DingTalk: the gateway answered {status}", reason="server")


def _object(data: object) -> Mapping[str, Any]:
    raw = data if isinstance(data, bytes) else str(data or "").encode("utf-8", "replace")
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, dict) else {}


def _wait(seconds: float, is_over: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not is_over() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_S))
