"""The gateway of an AI bot (智能机器人): one live connection, frames with acks, pings, what people say and press."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.faults import FaultKind, Faults
from sandbox.server import LOGIN_PAGE, TRANSPORT_FAULTS
from sandbox.sockets import Channel
from sandbox.wecom.messages import NOT_PUBLISHED, check_card, content_of
from sandbox.wecom.state import BOT_ID, BOT_SECRET, Json, Refusal, Said, State

PER_MINUTE, PER_HOUR, UPDATE_S = 30, 1000, 5.0
ANSWERED: dict[FaultKind, tuple[int, str]] = {
    "rate_limited": (45009, "api freq out of limit"),
    "server_error": (-1, "system busy"),
    "unauthorized": (853000, "invalid bot_id or secret"),
}


@dataclass
class Press:
    """A pressed button that may still be answered: until when, and which card it changes."""

    until: float
    said: Said


@dataclass
class AiBot:
    """One bot. ``updated`` are the req_ids of presses that were answered; ``talked`` the chats in which somebody spoke to the bot."""

    state: State
    faults: Faults
    lock: threading.RLock
    monotonic: Callable[[], float] = time.monotonic
    enforce_limits: bool = True
    answers_pings: bool = True
    talked: set[str] = field(default_factory=set)
    pings: int = 0
    kicks: int = 0
    subscribed: int = 0
    updated: list[str] = field(default_factory=list)
    live: tuple[Channel, asyncio.AbstractEventLoop] | None = None
    arrived: threading.Condition = field(default_factory=threading.Condition)
    _presses: dict[str, Press] = field(default_factory=dict)
    _times: dict[str, list[float]] = field(default_factory=dict)

    # -- what people do

    def talk(self, userid: str, words: str, chatid: str = "") -> None:
        """Somebody says something to the bot, in a group or alone."""
        self.talked.add(chatid or userid)
        content = f"@Tieline {words}" if chatid else words  # 接收消息: a group's text begins with the mention
        body = {**_from(userid, chatid), "msgtype": "text", "text": {"content": content}}
        if self.live:
            self._deliver("aibot_msg_callback", body)

    def press(self, said: Said, by: str, key: str = "", msgid: str = "", within_s: float = 3.0) -> bool:
        """Somebody presses a button of a card, the first where none is named; whether the card was changed in answer to it."""
        key = key or str(said.content["button_list"][0]["key"])
        card = {"event_key": key, "task_id": said.task_id, "card_type": said.content["card_type"]}
        chatid = said.room if said.room not in self.state.people else ""
        body = {
            **_from(by, chatid),
            "msgtype": "event",
            "event": {"eventtype": "template_card_event", "template_card_event": card},
        }
        req_id = secrets.token_hex(8)
        self._presses[req_id] = Press(self.monotonic() + UPDATE_S, said)
        self._deliver("aibot_event_callback", {**body, "msgid": msgid or body["msgid"]}, req_id)
        with self.arrived:
            return self.arrived.wait_for(lambda: req_id in self.updated, within_s)

    def hang_up(self) -> None:
        """The gateway closes the connection, as it does now and then."""
        if self.live:
            channel, loop = self.live
            asyncio.run_coroutine_threadsafe(channel.close(), loop).result(5)

    def _deliver(self, cmd: str, body: Json, req_id: str = "") -> None:
        if self.live is None:
            raise RuntimeError("nobody is connected")
        channel, loop = self.live
        frame = {"cmd": cmd, "headers": {"req_id": req_id or secrets.token_hex(8)}, "body": body}
        asyncio.run_coroutine_threadsafe(channel.send(json.dumps(frame, ensure_ascii=False)), loop).result(5)

    # -- the gateway

    async def serve(self, channel: Channel) -> None:
        await channel.accept()
        try:
            while (data := await channel.receive()) is not None:
                frame = json.loads(data)
                if not await self._take(channel, frame):
                    await channel.close()
                    return
        finally:
            if self.live and self.live[0] is channel:
                self.live = None

    async def _take(self, channel: Channel, frame: Json) -> bool:
        """Act on a frame and answer it; false when the connection breaks instead."""
        cmd = str(frame.get("cmd"))
        fault = self.faults.take("POST", f"/{cmd}", TRANSPORT_FAULTS) if cmd != "ping" else None
        kind = fault.kind if fault else None
        if fault and kind == "slow":
            await asyncio.sleep(fault.value)
        if kind == "reset":
            return False
        code, words = ANSWERED.get(kind, (0, "ok")) if kind else (0, "ok")
        if not code and kind != "html":
            code, words = await self._answered(channel, cmd, frame)
        if kind == "lost_answer":
            return False
        if cmd == "ping" and not self.answers_pings:
            return True
        said = json.dumps({"headers": frame.get("headers"), "errcode": code, "errmsg": words})
        await channel.send({"html": LOGIN_PAGE, "truncated": said[: len(said) // 2]}.get(kind, said) if kind else said)
        return kind not in ("html", "truncated")

    async def _answered(self, channel: Channel, cmd: str, frame: Json) -> tuple[int, str]:
        try:
            if cmd == "aibot_subscribe":
                await self._subscribe(channel, frame["body"])
            else:
                self._obey(channel, cmd, frame)
        except Refusal as refusal:
            return refusal.code, refusal.words
        return 0, "ok"

    async def _subscribe(self, channel: Channel, body: Json) -> None:
        if (body.get("bot_id"), body.get("secret")) != (BOT_ID, BOT_SECRET):
            raise Refusal(853000, "invalid bot_id or secret")
        last, self.live = self.live, (channel, asyncio.get_running_loop())
        self.subscribed += 1
        if last and last[0] is not channel:
            self.kicks += 1
            event = {"msgtype": "event", "event": {"eventtype": "disconnected_event"}}
            frame = {"cmd": "aibot_event_callback", "headers": {"req_id": secrets.token_hex(8)}, "body": event}
            await last[0].send(json.dumps(frame))
            await last[0].close()

    def _obey(self, channel: Channel, cmd: str, frame: Json) -> None:
        if self.live is None or self.live[0] is not channel:
            raise Refusal(NOT_PUBLISHED, "not subscribed")
        with self.lock:
            if cmd == "ping":
                self.pings += 1
            elif cmd == "aibot_send_msg":
                self._say(frame["body"])
            elif cmd == "aibot_respond_update_msg":
                self._update(str(frame["headers"]["req_id"]), frame["body"])
            else:
                raise Refusal(40066, "invalid cmd")

    def _say(self, body: Json) -> None:
        chatid = str(body.get("chatid") or "")
        if chatid not in self.talked:
            raise Refusal(NOT_PUBLISHED, "the chat has not talked to the bot")
        is_person = chatid in self.state.people
        if body.get("chat_type", 0) not in (0, 1 if is_person else 2):
            raise Refusal(40058, "chat_type does not fit the chatid")
        content = content_of(body, ("markdown", "template_card"))
        self._count(chatid)
        self.state.said.append(Said(chatid, body["msgtype"], content, [], str(content.get("task_id") or "")))

    def _count(self, chatid: str) -> None:
        now = self.monotonic()
        times = [at for at in self._times.get(chatid, ()) if now - at < 3600]
        if self.enforce_limits and (len(times) >= PER_HOUR or sum(now - at < 60 for at in times) >= PER_MINUTE):
            raise Refusal(45009, "api freq out of limit")
        self._times[chatid] = [*times, now]

    def _update(self, req_id: str, body: Json) -> None:
        """Once for each press, within five seconds, and the same card."""
        press = self._presses.pop(req_id, None)
        if press is None or press.until < self.monotonic():
            raise Refusal(846605, "invalid req_id")
        card = body.get("template_card") or {}
        if body.get("response_type") != "update_template_card" or card.get("task_id") != press.said.task_id:
            raise Refusal(40058, "invalid template_card")
        check_card(card)
        press.said.content = card
        with self.arrived:
            self.updated.append(req_id)
            self.arrived.notify_all()


def _from(userid: str, chatid: str) -> Json:
    body: Json = {"msgid": secrets.token_hex(8), "aibotid": BOT_ID, "from": {"userid": userid}}
    body |= {"create_time": int(time.time()), "chattype": "group" if chatid else "single"}
    return {**body, "chatid": chatid} if chatid else body
