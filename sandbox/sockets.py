"""WebSockets for simulators that speak them: such a simulator has ``async def websocket(path, query, channel)``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from sandbox.http import query_from_string


class Channel:
    """One socket. ``accept`` or ``reject`` first; ``receive`` is None once the other side closed it."""

    def __init__(
        self, receive: Callable[[], Awaitable[dict[str, Any]]], send: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> None:
        self._receive, self._send = receive, send

    async def accept(self) -> None:
        await self._send({"type": "websocket.accept"})

    async def reject(self, status: int, headers: Mapping[str, str]) -> None:
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "websocket.http.response.start", "status": status, "headers": pairs})
        await self._send({"type": "websocket.http.response.body", "body": b"", "more_body": False})

    async def receive(self) -> bytes | str | None:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            return None
        data: bytes | str | None = message.get("bytes")
        return data if data is not None else str(message.get("text") or "")

    async def send(self, data: bytes | str) -> None:
        name = "bytes" if isinstance(data, bytes) else "text"
        await self._send({"type": "websocket.send", name: data})

    async def close(self, code: int = 1000) -> None:
        """Hang up; nothing when the other side was faster (uvicorn's ClientDisconnected is an OSError)."""
        with suppress(OSError):
            await self._send({"type": "websocket.close", "code": code})


async def serve_socket(
    simulator: object,
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Hand one socket to its simulator; one that speaks no sockets turns it away."""
    channel = Channel(receive, send)
    await receive()  # websocket.connect
    serve = getattr(simulator, "websocket", None)
    if serve is None:
        await channel.reject(404, {})
        return
    await serve(scope["path"], query_from_string(scope["query_string"].decode("latin-1")), channel)
