"""Hearing answers over Feishu's long connection: no public address is needed, and several processes may listen at once."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import structlog
from msgspec.structs import replace
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.sync.connection import Connection

from connectors.feishu.callbacks import answer_of, event_type, toast
from connectors.feishu.cards import card_from
from connectors.feishu.frames import CONTROL, DATA, Frame, decoded, encoded
from connectors.feishu.site import Site
from sync.core.errors import AccessDenied, Conflict, LostAnswer, Nonsense, TryLater
from sync.core.messages import Heard
from sync.remote import keep_secret

TOO_MANY = "1000040350"
LOOK_S = 0.9
MOST_PIECES = 1000

log = structlog.get_logger()


class AnswerListener:
    """The Listener port of an application."""

    site: Site

    def listen(self, heard: Heard, is_over: Callable[[], bool]) -> None:
        """Connect, hear, and connect again after as long as Feishu asks."""
        while not is_over():
            config: Mapping[str, Any] = {}
            try:
                url, config = endpoint(self.site)
                self._hear(url, config, heard, is_over)
            except (TryLater, Nonsense, OSError, WebSocketException) as error:
                log.info("long_connection_ended", connection=self.site.settings.name, reason=type(error).__name__)
            nonce = _seconds(config, "ReconnectNonce", 30)
            _wait(random.uniform(0, nonce), is_over)  # noqa: S311  # jitter

    def _hear(self, url: str, config: Mapping[str, Any], heard: Heard, is_over: Callable[[], bool]) -> None:
        service = int((parse_qs(urlsplit(url).query).get("service_id") or ["0"])[0] or 0)
        every_s, pinged = _seconds(config, "PingInterval", 120), time.monotonic()
        pieces: dict[str, dict[int, bytes]] = {}
        with _connected(url) as channel:
            while not is_over():
                if time.monotonic() - pinged >= every_s:
                    channel.send(encoded(Frame(service=service, method=CONTROL, headers={"type": "ping"})))
                    pinged = time.monotonic()
                try:
                    data = channel.recv(timeout=LOOK_S)
                except TimeoutError:
                    continue
                frame = decoded(data if isinstance(data, bytes) else data.encode())
                if frame.method == CONTROL:
                    every_s = _ping_interval(frame, every_s)
                elif frame.method == DATA and (whole := _whole(frame, pieces)) is not None:
                    self._answer(channel, frame, whole, heard)

    def _answer(self, channel: Connection, frame: Frame, payload: bytes, heard: Heard) -> None:
        """Acknowledged only when ``heard`` returned; what it raises leaves the event to be delivered again."""
        began = time.monotonic()
        try:
            reply = reply_to(payload, heard, self.site.settings.language)
        except Exception as error:  # noqa: BLE001  # whatever it was: this event is not acknowledged, the others go on
            log.warning("answer_not_taken", connection=self.site.settings.name, reason=type(error).__name__)
            return
        spent = str(int((time.monotonic() - began) * 1000))
        headers = {**frame.headers, "biz_rt": spent}
        said = {"code": 200, "headers": None, "data": base64.b64encode(reply).decode() if reply else None}
        channel.send(encoded(replace(frame, headers=headers, payload=msgspec.json.encode(said))))


def endpoint(site: Site) -> tuple[str, Mapping[str, Any]]:
    """Where to connect this time, and how often to ping. Raises AccessDenied for refused credentials."""
    body = {"AppID": site.app_id, "AppSecret": site.settings.credentials["app_secret"].strip()}
    try:
        said = site.remote.send(
            "POST", "/callback/ws/endpoint", json=body, headers={"locale": "zh"}, is_safe=True
        ).read()
    except LostAnswer as error:
        raise TryLater(str(error), reason="server") from error
    data = said.get("data")
    url = data.get("URL") if isinstance(data, dict) else None
    if not isinstance(url, str) or not url.startswith(("wss://", "ws://")):
        raise Nonsense(expected="the URL of a long connection", sample=said)
    keep_secret(*(parse_qs(urlsplit(url).query).get("ticket") or ()))
    config = data.get("ClientConfig") if isinstance(data, dict) else None
    return url, config if isinstance(config, dict) else {}


def reply_to(payload: bytes, heard: Heard, language: str) -> bytes:
    """What an event is acknowledged with: a toast and, where ``heard`` says so, another card for a pressed button."""
    try:
        said = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b""
    answer = answer_of(said) if isinstance(said, dict) else None
    if answer is None:
        return b""
    message = heard(answer)
    if event_type(said) != "card.action.trigger":
        return b""
    reply = toast(language)
    if message is not None:
        reply["card"] = {"type": "raw", "data": card_from(answer.mark, message)}
    return msgspec.json.encode(reply)


def _connected(url: str) -> ClientConnection:
    try:
        return connect(url, proxy=None, ping_interval=None, open_timeout=10, close_timeout=1, max_size=None)
    except InvalidStatus as error:
        headers = error.response.headers
        status, code = headers.get("Handshake-Status", ""), headers.get("Handshake-Autherrcode", "")
        words = f"Feishu: {status} {headers.get('Handshake-Msg', '')}"
        if code == TOO_MANY:
            raise Conflict(f"{words}; an application may have 50 long connections") from error
        if status in ("514", "403"):
            raise AccessDenied(f"{words}; 开发者后台 > 事件与回调：订阅方式选「长连接」") from error
        raise TryLater(words, reason="server") from error


def _whole(frame: Frame, pieces: dict[str, dict[int, bytes]]) -> bytes | None:
    """The payload once all its pieces are here."""
    try:
        total, seq = int(frame.headers.get("sum") or 1), int(frame.headers.get("seq") or 0)
    except ValueError:
        return None
    if total <= 1:
        return frame.payload
    if total > MOST_PIECES or not 0 <= seq < total:
        return None
    if len(pieces) > MOST_PIECES:
        pieces.clear()
    key = frame.headers.get("message_id", "")
    mine = pieces.setdefault(key, {})
    mine[seq] = frame.payload
    if len(mine) < total:
        return None
    del pieces[key]
    return b"".join(mine[number] for number in range(total))


def _ping_interval(frame: Frame, before: float) -> float:
    """A pong may tell another interval."""
    if frame.headers.get("type") != "pong" or not frame.payload:
        return before
    try:
        said = msgspec.json.decode(frame.payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return before
    return _seconds(said, "PingInterval", before) if isinstance(said, dict) else before


def _seconds(config: Mapping[str, Any], name: str, usual: float) -> float:
    value = config.get(name)
    return float(value) if isinstance(value, int | float) and value > 0 else usual


def _wait(seconds: float, is_over: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not is_over() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_S))
