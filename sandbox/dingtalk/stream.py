"""Stream mode as DingTalk's gateway serves it: tickets of one use, frames, pings, callbacks to one of the connected clients."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.sockets import Channel

CARD, BOT = "/v1.0/card/instances/callback", "/v1.0/im/bot/messages/get"


@dataclass
class StreamConnections:
    """Who is connected. ``answers`` holds what came back for a frame, by message id."""

    tickets: set[str] = field(default_factory=set)
    channels: list[tuple[Channel, asyncio.AbstractEventLoop]] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    topics: set[str] = field(default_factory=set)

    def open(self, base_url: str, body: Mapping[str, Any]) -> dict[str, str]:
        """Where to connect, and the ticket for it."""
        self.topics = {str(one.get("topic")) for one in body.get("subscriptions") or ()}
        ticket = secrets.token_hex(8) + "/+="  # it must be quoted
        self.tickets.add(ticket)
        return {"endpoint": base_url.replace("http", "ws", 1) + "/connect", "ticket": ticket}

    async def serve(self, query: Mapping[str, tuple[str, ...]], channel: Channel) -> None:
        ticket = query.get("ticket", ("",))[-1]
        if ticket not in self.tickets:
            await channel.reject(401, {})
            return
        self.tickets.discard(ticket)
        await channel.accept()
        mine = (channel, asyncio.get_running_loop())
        self.channels.append(mine)
        try:
            while (data := await channel.receive()) is not None:
                said = json.loads(data)
                with self.arrived:
                    self.answers[said["headers"]["messageId"]] = {**said, "data": json.loads(said.get("data") or "{}")}
                    self.arrived.notify_all()
        finally:
            self.channels.remove(mine)

    def deliver(self, kind: str, topic: str, data: Mapping[str, Any], within_s: float = 3.0) -> dict[str, Any] | None:
        """Send a frame to one client at random; what it answered."""
        channel, loop = random.choice(self.channels)
        key = secrets.token_hex(8)
        headers = {"topic": topic, "messageId": key, "contentType": "application/json", "time": "1764000000000"}
        frame = {"specVersion": "1.0", "type": kind, "headers": headers, "data": json.dumps(data, ensure_ascii=False)}
        asyncio.run_coroutine_threadsafe(channel.send(json.dumps(frame, ensure_ascii=False)), loop).result(5)
        with self.arrived:
            self.arrived.wait_for(lambda: key in self.answers, within_s)
        return self.answers.get(key)

    def press(
        self, out_track_id: str, by: str, parameters: Mapping[str, str], within_s: float = 3.0
    ) -> dict[str, Any] | None:
        """Somebody presses a button of a card."""
        content = json.dumps({"cardPrivateData": {"actionIds": ["press"], "params": dict(parameters)}})
        data = {
            "outTrackId": out_track_id,
            "userId": by,
            "corpId": "ding0001",
            "spaceType": "IM",
            "spaceId": "cid0001",
            "content": content,
            "extension": "{}",
        }
        return self.deliver("CALLBACK", CARD, data, within_s)

    def kick(self) -> None:
        """Every connection is closed from this side, after it was told."""
        for channel, loop in list(self.channels):
            frame = {
                "specVersion": "1.0",
                "type": "SYSTEM",
                "headers": {"topic": "disconnect", "messageId": "bye"},
                "data": "{}",
            }
            asyncio.run_coroutine_threadsafe(channel.send(json.dumps(frame)), loop).result(5)
            asyncio.run_coroutine_threadsafe(channel.close(), loop).result(5)
