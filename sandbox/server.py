"""Serve simulators over real HTTP: one port each, one event loop, faults and latency applied on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Self

import uvicorn

from sandbox.faults import Fault, FaultKind
from sandbox.http import Request, Response, Simulator, html_response, json_response, query_from_string, text_response
from sandbox.sockets import serve_socket

TRANSPORT_FAULTS: tuple[FaultKind, ...] = (
    "rate_limited", "server_error", "slow", "reset", "lost_answer", "html", "unauthorized", "truncated",
)  # fmt: skip
LOGIN_PAGE = "<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>"
MAX_LOGGED_REQUESTS = 100_000

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class LoggedRequest:
    """One request that reached a simulator. Headers are not kept: they carry credentials."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    body: bytes
    status: int
    fault: str | None
    content_type: str = ""


class Sandbox:
    """Running simulators. ``url(name)`` is where one answers; ``requests(name)`` is what reached it.

    Use as a context manager, or start() and stop(). Ports are free ones unless given by name. ``clock`` is the vendors' own clock,
    as every answer tells it in its ``Date``.
    """

    def __init__(
        self,
        simulators: list[Simulator],
        ports: Mapping[str, int] | None = None,
        host: str = "127.0.0.1",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.simulators = {simulator.name: simulator for simulator in simulators}
        self._clock = clock
        self._host = host
        self._sockets: dict[str, socket.socket] = {}
        for name in self.simulators:
            # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms.
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, (ports or {}).get(name, 0)))
            self._sockets[name] = listener
        self._by_port = {item.getsockname()[1]: name for name, item in self._sockets.items()}
        self._log: dict[str, deque[LoggedRequest]] = {
            name: deque(maxlen=MAX_LOGGED_REQUESTS) for name in self.simulators
        }
        config = uvicorn.Config(
            self._asgi,
            interface="asgi3",
            proxy_headers=False,
            log_level="critical",
            lifespan="off",
            access_log=False,
            date_header=False,  # the simulated vendors' clock is told, not this machine's
            loop="asyncio",
            ws="websockets-sansio",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def url(self, name: str) -> str:
        return f"http://{self._host}:{self._sockets[name].getsockname()[1]}"

    def urls(self) -> dict[str, str]:
        return {name: self.url(name) for name in self.simulators}

    def requests(self, name: str) -> list[LoggedRequest]:
        return list(self._log[name])

    def forget_requests(self) -> None:
        for log in self._log.values():
            log.clear()

    def start(self) -> Self:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the sandbox server did not start")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(timeout=5)
        for listener in self._sockets.values():
            listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._server.serve(sockets=list(self._sockets.values())))

    async def _asgi(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await serve_socket(self.simulators[self._by_port[scope["server"][1]]], scope, receive, send)
            return
        if scope["type"] != "http":
            return
        name = self._by_port[scope["server"][1]]
        simulator = self.simulators[name]
        request = await _request_from_scope(scope, receive, self.url(name))
        if request.path.startswith("/_sandbox/"):
            await self._send(send, self._control(name, request))
            return
        if simulator.faults.latency_s:
            await asyncio.sleep(simulator.faults.latency_s)
        await self._answer(name, simulator, request, send)

    async def _answer(self, name: str, simulator: Simulator, request: Request, send: Send) -> None:
        fault = simulator.faults.take(request.method, request.path, TRANSPORT_FAULTS)
        kind = fault.kind if fault else None
        if fault and kind == "slow":
            await asyncio.sleep(fault.value)
        response = Response(0) if kind == "reset" else _respond(simulator, request, fault)
        content_type = request.headers.get("content-type", "")
        self._log[name].append(
            LoggedRequest(
                request.method, request.path, request.query, request.body, response.status, kind, content_type
            )
        )
        if kind in ("reset", "lost_answer") or (kind == "truncated" and not response.body):
            _drop_connection(send)
        elif kind == "truncated":
            await self._send(send, response, keep=len(response.body) // 2)
            _drop_connection(send)
        else:
            await self._send(send, response)

    async def _send(self, send: Send, response: Response, keep: int | None = None) -> None:
        date = format_datetime(self._clock().astimezone(UTC), usegmt=True)
        await _send(send, Response(response.status, response.body, {"date": date, **response.headers}), keep)

    def _control(self, name: str, request: Request) -> Response:
        """What a test or an admin may do to a simulator from outside; not part of any vendor's API."""
        simulator = self.simulators[name]
        what = request.path.removeprefix("/_sandbox/")
        if (request.method, what) == ("GET", "requests"):
            return json_response([_shown(entry) for entry in self._log[name]])
        if (request.method, what) == ("GET", "count"):
            return json_response({"requests": len(self._log[name])})
        if (request.method, what) == ("GET", "faults"):
            return json_response([asdict(fault) for fault in simulator.faults.pending()])
        if (request.method, what) == ("POST", "faults"):
            try:
                simulator.faults.plan(*[Fault(**item) for item in request.json()])
            except (TypeError, ValueError) as error:
                return text_response(f"not a fault script: {error}", 400)
            return json_response({"planned": len(simulator.faults.pending())})
        if (request.method, what) == ("DELETE", "faults"):
            simulator.faults.clear()
            return json_response({"planned": 0})
        if (request.method, what) == ("POST", "latency"):
            simulator.faults.latency_s = float(request.get("seconds", "0"))
            return json_response({"latency_s": simulator.faults.latency_s})
        if (request.method, what) == ("POST", "load"):
            return _load(simulator, request.body)
        return text_response("no such sandbox control", 404)


def _respond(simulator: Simulator, request: Request, fault: Fault | None) -> Response:
    match fault.kind if fault else None:
        case "rate_limited":
            return simulator.rate_limited(request, int(fault.value) if fault else 1)
        case "server_error":
            return simulator.server_error(request)
        case "unauthorized":
            return simulator.unauthorized(request)
        case "html":
            return html_response(LOGIN_PAGE)
        case _:
            return simulator.handle(request)


def _load(simulator: Simulator, body: bytes) -> Response:
    """Load JSON lines of real payloads; the answer counts what they became and names the lines that are not JSON."""
    counts: dict[str, int] = {}
    problems: list[str] = []
    for number, line in enumerate(_lines(body), start=1):
        try:
            word = simulator.load(json.loads(line))
            counts[word] = counts.get(word, 0) + 1
        except (ValueError, KeyError, TypeError) as error:
            problems.append(f"line {number}: {error!r}")
    return json_response({"loaded": counts, "problems": problems}, 200 if not problems else 422)


def _lines(body: bytes) -> Iterator[bytes]:
    return (line for line in body.split(b"\n") if line.strip())


def _shown(entry: LoggedRequest) -> dict[str, Any]:
    return {**asdict(entry), "body": entry.body.decode(errors="replace"), "query": dict(entry.query)}


async def _request_from_scope(scope: dict[str, Any], receive: Receive, base_url: str) -> Request:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
    query = query_from_string(scope["query_string"].decode("latin-1"))
    path = scope["raw_path"].decode("latin-1").partition("?")[0]
    return Request(scope["method"], path, query, headers, bytes(body), base_url)


async def _send(send: Send, response: Response, keep: int | None = None) -> None:
    headers = {"content-length": str(len(response.body)), **response.headers}
    start = [(key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": start})
    body = response.body if keep is None else response.body[:keep]
    await send({"type": "http.response.body", "body": body, "more_body": keep is not None})


def _drop_connection(send: Send) -> None:
    """Close the socket without an answer. uvicorn's send is a bound method of the cycle that owns the transport."""
    send.__self__.transport.abort()  # type: ignore[attr-defined]
