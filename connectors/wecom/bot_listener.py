"""Hearing answers over an AI bot's long connection: no public address is needed, and only one connection may live."""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog

from connectors.wecom.answers import OUT_OF_REACH, decipher
from connectors.wecom.cards import answered_card, pressed
from connectors.wecom.line import LOOK_S, Line, part
from connectors.wecom.switchboard import TAKEN, Switchboard
from sync.core.errors import Conflict, TielineError, TryLater
from sync.core.instants import instant_from_s
from sync.core.messages import Answer, Heard
from sync.core.ports import ConnectionSettings

UPDATE, EVENT = "aibot_respond_update_msg", "aibot_event_callback"
REST_S, ANSWER_S = 5.0, 5.0

log = structlog.get_logger()


class BotListener:
    """The Listener port of an AI bot."""

    settings: ConnectionSettings
    board: Switchboard
    secret: str

    def listen(self, heard: Heard, is_over: Callable[[], bool]) -> None:
        """Connect, hear, and connect again; but never after another program took the connection: that raises Conflict."""
        with self.board.listening():
            while not is_over():
                try:
                    self._hear(heard, is_over)
                except TryLater as error:
                    log.info("long_connection_ended", connection=self.settings.name, reason=type(error).__name__)
                if self.board.is_taken:
                    raise Conflict(OUT_OF_REACH[TAKEN])
                _wait(random.uniform(0.2, REST_S), is_over)  # noqa: S311  # jitter

    def _hear(self, heard: Heard, is_over: Callable[[], bool]) -> None:
        with self.board.opened(self.secret) as line:
            while not is_over() and not line.is_over:
                if frame := line.next(LOOK_S):
                    self._answer(line, frame, heard)

    def _answer(self, line: Line, frame: Mapping[str, Any], heard: Heard) -> None:
        """A pressed card is changed only when ``heard`` returned what it shall be; what it raises leaves the card as it is."""
        answer = answer_of(frame)
        if answer is None:
            return
        if answer.text:  # where an admin reads a group's id, which the console does not show
            log.info("spoken_to", connection=self.settings.name, room=answer.room_id or answer.account_id)
        try:
            message = heard(answer)
            if message is None or not answer.action:
                return
            card = answered_card(answer.mark, answer.message_id, message)
            body = {"response_type": "update_template_card", "template_card": card}
            decipher(200, {}, line.ask(UPDATE, body, _req_id(frame), ANSWER_S))
        except TielineError as error:
            log.warning("card_not_changed", connection=self.settings.name, reason=str(error))
        except Exception as error:  # noqa: BLE001  # whatever it was: this one is not answered, the others go on
            log.warning("answer_not_taken", connection=self.settings.name, reason=type(error).__name__)


def answer_of(frame: Mapping[str, Any]) -> Answer | None:
    """The answer that a callback brings; None for any other. Pure."""
    body = part(frame, "body")
    account, room = str(part(body, "from").get("userid") or ""), str(body.get("chatid") or "")
    if not account:
        return None
    at = instant_from_s(body.get("create_time"))
    if frame.get("cmd") == EVENT:
        event = part(body, "event")
        if event.get("eventtype") != "template_card_event":
            return None
        said = part(event, "template_card_event")
        action, mark = pressed(str(said.get("event_key") or ""))
        task = str(said.get("task_id") or "")
        return Answer(
            _identity(frame), account, action=action, mark=mark, message_id=task, room_id=room,
            reply_to=_req_id(frame), at=at,
        )  # fmt: skip
    words = str(part(body, "text").get("content") or "").strip()
    words = (
        re.sub(r"^@\S+\s+", "", words) if room else words
    )  # 接收消息: a group's text begins with "@" and the bot's name
    return Answer(_identity(frame), account, text=words, room_id=room, at=at) if words else None


def _identity(frame: Mapping[str, Any]) -> str:
    """The message's own id; where there is none, one that follows from what came."""
    body = part(frame, "body")
    given = str(body.get("msgid") or "")
    return given or hashlib.sha256(_req_id(frame).encode() + msgspec.json.encode(body, order="sorted")).hexdigest()[:32]


def _req_id(frame: Mapping[str, Any]) -> str:
    return str(part(frame, "headers").get("req_id") or "")


def _wait(seconds: float, is_over: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not is_over() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_S))
