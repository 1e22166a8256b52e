"""The smallest simulator: counts what reaches it and answers JSON. For tests of the wire itself."""

from __future__ import annotations

from typing import Any

from sandbox.faults import Faults
from sandbox.http import Request, Response, json_response, text_response


class EchoSimulator:
    name = "echo"

    def __init__(self) -> None:
        self.faults = Faults()
        self.handled: list[str] = []
        self.headers: list[dict[str, str]] = []

    def handle(self, request: Request) -> Response:
        self.handled.append(f"{request.method} {request.path}")
        self.headers.append(dict(request.headers))
        return json_response({"n": len(self.handled), "path": request.path})

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        return json_response({"message": "too many"}, 429, {"retry-after": str(retry_after_s)})

    def unauthorized(self, request: Request) -> Response:
        return text_response("invalid token", 401)

    def server_error(self, request: Request) -> Response:
        return json_response({"message": "oops"}, 500)

    def load(self, payload: dict[str, Any]) -> str:
        return "nothing"

    def pages(self) -> list[tuple[str, str]]:
        return []
