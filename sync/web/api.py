"""What ``tieline serve`` answers: `/health` for containers, `/metrics` for Prometheus; `/hooks/<connection>` and
`/answers/<connection>` for vendors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from sync.core.hooks import HookRequest
from sync.core.messages import CallbackReply
from sync.web.answers import request_from
from sync.web.hooks import STATUS, Hooks

MOST_BODY = 4 * 1024 * 1024
MOST_AT_ONCE = 16
BODY_WITHIN_S = 10.0
Callbacks = Callable[[str, HookRequest], CallbackReply]


class Health(BaseModel):
    """The service's own state. ``is_healthy`` is false when no cycle has ended within three intervals."""

    is_healthy: bool
    last_cycle_at: str | None
    last_exit_code: int | None
    detail: str


def api(health: Callable[[], Health], hooks: Hooks, callbacks: Callbacks | None = None) -> FastAPI:
    """The HTTP API over a function that tells the service's health, and over what takes webhooks and chats' callbacks."""
    app = FastAPI(title="Tieline", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.get("/health")
    def read_health(response: Response) -> Health:
        state = health()
        response.status_code = 200 if state.is_healthy else 503
        return state

    @app.get("/metrics")
    def read_metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    add_hooks(app, hooks)
    if callbacks:
        add_answers(app, callbacks)
    return app


def add_hooks(app: FastAPI, hooks: Hooks) -> None:
    """Deliveries by POST. GET and HEAD answer 200 where deliveries are taken: Trello asks so before it registers."""
    under_way = asyncio.Semaphore(MOST_AT_ONCE)

    @app.api_route("/hooks/{connection}", methods=["GET", "HEAD"])
    def read_hook(connection: str) -> Response:
        return Response(status_code=200 if hooks.takes(connection) else 404)

    @app.post("/hooks/{connection}")
    async def take_delivery(connection: str, request: Request) -> Response:
        if under_way.locked():
            return Response(status_code=503)
        async with under_way:
            status = await _take(hooks, connection, request)
            return Response(
                status_code=status, headers=hooks.echoed(connection, request.headers) if status == 200 else None
            )


def add_answers(app: FastAPI, callbacks: Callbacks) -> None:
    """Chats' callbacks: GET where a vendor checks the address, POST for what people answered. The reply is the vendor's own."""
    under_way = asyncio.Semaphore(MOST_AT_ONCE)

    @app.api_route("/answers/{connection}", methods=["GET", "POST"])
    async def take_answer(connection: str, request: Request) -> Response:
        if under_way.locked():
            return Response(status_code=503)
        async with under_way:
            try:
                body = await asyncio.wait_for(_body(request), BODY_WITHIN_S)
            except (TimeoutError, ClientDisconnect):
                return Response(status_code=408)
            if body is None:
                return Response(status_code=413)
            asked = request_from(request.method, str(request.url), request.headers, dict(request.query_params), body)
            reply = await run_in_threadpool(callbacks, connection, asked)
            return Response(reply.body, reply.status, media_type=reply.content_type)


async def _take(hooks: Hooks, connection: str, request: Request) -> int:
    if not hooks.takes(connection):
        hooks.count(connection, "unknown")
        return STATUS["unknown"]
    try:
        body = await asyncio.wait_for(_body(request), BODY_WITHIN_S)
    except (TimeoutError, ClientDisconnect):
        return 408
    if body is None:
        hooks.count(connection, "too_large")
        return STATUS["too_large"]
    headers = {name.lower(): value for name, value in request.headers.items()}
    return STATUS[await run_in_threadpool(hooks.receive, connection, headers, body, str(request.url))]


async def _body(request: Request) -> bytes | None:
    """The raw bytes, which are what was signed; None when there are too many."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            return None
    return bytes(body)
