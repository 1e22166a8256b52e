"""What ``tieline serve`` answers: `/health` for containers, `/metrics` for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel


class Health(BaseModel):
    """The service's own state. ``is_healthy`` is false when no cycle has ended within three intervals."""

    is_healthy: bool
    last_cycle_at: str | None
    last_exit_code: int | None
    detail: str


def api(health: Callable[[], Health]) -> FastAPI:
    """The HTTP API over a function that tells the service's health."""
    app = FastAPI(title="Tieline", docs_url=None, redoc_url=None)

    @app.get("/health")
    def read_health(response: Response) -> Health:
        state = health()
        response.status_code = 200 if state.is_healthy else 503
        return state

    @app.get("/metrics")
    def read_metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app
