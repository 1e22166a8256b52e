"""One long connection of an AI bot: it signs in, asks and is answered, pings, and takes what WeCom calls back with."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect

from connectors.wecom.answers import decipher
from sync.core.errors import AccessDenied, LostAnswer, Refused, TielineError, Unreachable

SUBSCRIBE, PING, KICKED = "aibot_subscribe", "ping", "disconnected_event"
CALLBACKS = ("aibot_msg_callback", "aibot_event_callback")
PING_S, MOST_MISSED = 30.0, 2
ACK_S, LOOK_S = 10.0, 0.5

Frame = Mapping[str, Any]


class Line:
    """Safe to use from several threads. It ends by ``close``, when WeCom hangs up or stays silent, or when ``may_stay`` says no.

    ``idle_s``: ends by itself when nothing was asked for so long (0: never). ``on_end`` is called once, by whoever ended it.
    """

    def __init__(
        self,
        url: str,
        may_stay: Callable[[], bool] = lambda: True,
        idle_s: float = 0.0,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._may_stay, self._idle_s, self._on_end = may_stay, idle_s, on_end
        self._waiting: dict[str, SimpleQueue[bytes]] = {}
        self._callbacks: SimpleQueue[Frame] = SimpleQueue()
        self._lock = threading.Lock()
        self._used = self._pinged = time.monotonic()
        self._missed = 0
        self.is_over = self.is_kicked = False
        self._channel = _connected(url)
        threading.Thread(target=self._read, name="wecom line", daemon=True).start()

    def sign_in(self, bot_id: str, secret: str) -> None:
        """Raises AccessDenied for refused credentials, Unreachable when the gateway does not answer as it should."""
        try:
            decipher(200, {}, self.ask(SUBSCRIBE, {"bot_id": bot_id, "secret": secret}))
        except AccessDenied:
            raise
        except Refused as error:  # no list of this cmd's errcodes is published
            raise AccessDenied(str(error)) from error
        except TielineError as error:
            raise Unreachable(f"the gateway did not let us in: {error}") from error

    def ask(self, cmd: str, body: object, req_id: str = "", within_s: float = ACK_S) -> bytes:
        """The answer to a frame, as it came. Raises Unreachable when nothing was sent, LostAnswer when no answer came."""
        key = req_id or f"{cmd}_{int(time.time() * 1000)}_{uuid.uuid4().hex[:8]}"
        answered: SimpleQueue[bytes] = SimpleQueue()
        with self._lock:
            if self.is_over or self._channel.state is not State.OPEN:
                raise Unreachable("the long connection has ended")
            self._waiting[key] = answered
        self._used = time.monotonic()
        try:
            self._send(cmd, key, body)
            said = answered.get(timeout=within_s)
        except (Empty, ConnectionClosed, OSError) as error:
            raise LostAnswer(f"{cmd}: no answer over the long connection") from error
        finally:
            self._waiting.pop(key, None)
        if not said:
            raise LostAnswer(f"{cmd}: the long connection ended before the answer")
        return said

    def next(self, within_s: float) -> Frame | None:
        """What WeCom called back with next; None when nothing came."""
        try:
            return self._callbacks.get(timeout=within_s)
        except Empty:
            return None

    def close(self) -> None:
        """Hang up; whoever waits for an answer is told that it is lost."""
        with self._lock:
            if self.is_over:
                return
            self.is_over = True
            waiting = list(self._waiting.values())
        for answered in waiting:
            answered.put(b"")
        self._channel.close()
        with suppress(TielineError):  # a lease that cannot be given back now ends by itself
            self._on_end()

    def _send(self, cmd: str, key: str, body: object = None) -> None:
        frame = {"cmd": cmd, "headers": {"req_id": key}}
        self._channel.send(msgspec.json.encode(frame if body is None else {**frame, "body": body}).decode())

    def _read(self) -> None:
        try:
            while not self.is_over and self._goes_on():
                try:
                    data = self._channel.recv(timeout=LOOK_S)
                except TimeoutError:
                    continue
                if not self._take(data if isinstance(data, bytes) else data.encode("utf-8", "replace")):
                    break
        except (ConnectionClosed, OSError):
            pass
        finally:
            self.close()

    def _goes_on(self) -> bool:
        """Ping when it is time; whether the other side still answers, and we may and want to stay."""
        now = time.monotonic()
        if self._idle_s and now - self._used > self._idle_s and not self._waiting:
            return False
        if now - self._pinged >= PING_S:
            if self._missed >= MOST_MISSED:
                return False
            self._missed, self._pinged = self._missed + 1, now
            self._send(PING, f"{PING}_{int(time.time() * 1000)}_{uuid.uuid4().hex[:8]}")
        return self._may_stay()

    def _take(self, data: bytes) -> bool:
        """Hand a frame to whom it is for; false for one after which nothing more is to be heard here."""
        try:
            frame = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False  # no gateway of WeCom's, such as a proxy's page
        if not isinstance(frame, dict):
            return False
        if frame.get("cmd") in CALLBACKS:
            if part(part(frame, "body"), "event").get("eventtype") == KICKED:
                self.is_kicked = True
                return False
            self._callbacks.put(frame)
            return True
        key = str(part(frame, "headers").get("req_id") or "")
        if key.startswith(f"{PING}_"):
            self._missed = 0
        elif (answered := self._waiting.get(key)) is not None:
            answered.put(data)
        return True


def part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within an object, empty where there is none."""
    found = said.get(name)
    return found if isinstance(found, dict) else {}


def _connected(url: str) -> ClientConnection:
    try:
        return connect(url, proxy=None, ping_interval=None, open_timeout=10, close_timeout=1, max_size=None)
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
        raise Unreachable(f"no long connection to {url}: {error}") from error


def signed_in(line: Line, bot_id: str, secret: str) -> Line:
    """The line once it is signed in; it is closed when that fails."""
    try:
        line.sign_in(bot_id, secret)
    except BaseException:
        line.close()
        raise
    return line
