"""Feishu's long connection as its open platform serves it: tickets, frames, pings, events to one of the connected clients."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.sockets import Channel

MOST = 50


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def chunk(number: int, data: bytes) -> bytes:
    return varint(number * 8 + 2) + varint(len(data)) + data


def frame(method: int, headers: Mapping[str, str], payload: bytes, seq: int = 1) -> bytes:
    """A pbbp2.Frame."""
    numbers = b"".join(varint(number * 8) + varint(value) for number, value in ((1, seq), (2, 77), (3, 1), (4, method)))
    pairs = b"".join(chunk(5, chunk(1, key.encode()) + chunk(2, value.encode())) for key, value in headers.items())
    return numbers + pairs + chunk(8, payload)


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of each field: a number, or bytes."""
    at = 0

    def number() -> int:
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(data):
        key = number()
        value: Any = number()
        if key & 7 == 2:
            value, at = data[at : at + value], at + value
        yield key >> 3, value


def headers_of(data: bytes) -> dict[str, str]:
    pairs = [dict(fields(value)) for number, value in fields(data) if number == 5]
    return {pair[1].decode(): pair[2].decode() for pair in pairs}


@dataclass
class LongConnections:
    """Who is connected. ``answers`` holds what came back for an event, by message id."""

    tickets: set[str] = field(default_factory=set)
    channels: list[tuple[Channel, asyncio.AbstractEventLoop]] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    pings: int = 0
    ping_interval: int = 120

    def config(self) -> dict[str, int]:
        """What a client is told when it asks where to connect, and again with every pong."""
        return {
            "ReconnectCount": -1,
            "ReconnectInterval": 120,
            "ReconnectNonce": 1,
            "PingInterval": self.ping_interval,
        }

    def endpoint(self, base_url: str) -> dict[str, Any]:
        ticket = secrets.token_hex(8)
        self.tickets.add(ticket)
        url = f"{base_url.replace('http', 'ws', 1)}/ws/v2?device_id=1&service_id=33554678&ticket={ticket}"
        return {"URL": url, "ClientConfig": self.config()}

    async def serve(self, query: Mapping[str, tuple[str, ...]], channel: Channel) -> None:
        ticket = query.get("ticket", ("",))[-1]
        if ticket not in self.tickets or len(self.channels) >= MOST:
            code = "1000040350" if ticket in self.tickets else "1000040345"
            refusal = {"Handshake-Status": "514", "Handshake-Msg": "auth failed", "Handshake-Autherrcode": code}
            await channel.reject(403, refusal)
            return
        self.tickets.discard(ticket)
        await channel.accept()
        mine = (channel, asyncio.get_running_loop())
        self.channels.append(mine)
        try:
            while (data := await channel.receive()) is not None:
                await self._take(data if isinstance(data, bytes) else data.encode(), channel)
        finally:
            self.channels.remove(mine)

    async def _take(self, data: bytes, channel: Channel) -> None:
        values, headers = dict(fields(data)), headers_of(data)
        if values.get(4) == 0 and headers.get("type") == "ping":
            self.pings += 1
            await channel.send(frame(0, {"type": "pong"}, json.dumps(self.config()).encode()))
            return
        said = json.loads(values[8])
        inner = json.loads(base64.b64decode(said["data"])) if said.get("data") else {}
        with self.arrived:
            self.answers[headers["message_id"]] = {"code": said["code"], "data": inner}
            self.arrived.notify_all()

    def deliver(self, event: Mapping[str, Any], pieces: int = 1, within_s: float = 3.0) -> dict[str, Any] | None:
        """Send an event to one client at random, in so many pieces; what it answered within 3 seconds."""
        channel, loop = random.choice(self.channels)
        key, data = secrets.token_hex(8), json.dumps(event, ensure_ascii=False).encode()
        size = -(-len(data) // pieces)
        for seq in range(pieces):
            headers = {"type": "event", "message_id": key, "sum": str(pieces), "seq": str(seq), "trace_id": "t"}
            sending = channel.send(frame(1, headers, data[seq * size : (seq + 1) * size]))
            asyncio.run_coroutine_threadsafe(sending, loop).result(5)
        with self.arrived:
            self.arrived.wait_for(lambda: key in self.answers, within_s)
        return self.answers.get(key)

    def kick(self) -> None:
        """Every connection is closed from this side."""
        for channel, loop in list(self.channels):
            asyncio.run_coroutine_threadsafe(channel.close(), loop).result(5)
