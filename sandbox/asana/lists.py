"""Lists as Asana pages them: an offset that only Asana can make, pages that may be short or empty, ``next_page`` null on the last."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sandbox.asana import shapes
from sandbox.asana.refusal import Refusal
from sandbox.asana.state import Json
from sandbox.faults import PAGE_FAULTS
from sandbox.http import Request, Response, json_response

if TYPE_CHECKING:
    from sandbox.asana.simulator import AsanaSimulator

MOST, UNPAGED = 100, 1000


class Lists:
    def __init__(self, simulator: AsanaSimulator) -> None:
        self.simulator = simulator
        self._offsets: dict[str, str] = {}  # token to the id of the last item before it
        self._last: dict[str, list[Json]] = {}

    def of(self, request: Request, things: list[Json]) -> Response:
        """The page of these things that the request asks for. Refuses a limit over 100 and an offset that is not ours."""
        fields = [name for name in request.get("opt_fields").split(",") if name] or list(shapes.COMPACT)
        start, limit = self._start(request, things), self._limit(request)
        page = things[start : start + limit]
        served, more = self._served(request, page), len(things) > start + limit
        follows = served[-1] if served else things[start - 1] if start else None
        if len(served) < len(page) and served is not None:
            more = True
        body: Json = {"data": [shapes.chosen(thing, fields) for thing in served]}
        if request.get("limit"):
            body["next_page"] = self._next(request, follows) if more else None
        return json_response(body)

    def _limit(self, request: Request) -> int:
        text = request.get("limit")
        if not text:
            return UNPAGED
        if not text.isdecimal() or not 1 <= int(text) <= MOST:
            raise Refusal(400, "limit: Must be between 1 and 100")
        return int(text)

    def _start(self, request: Request, things: list[Json]) -> int:
        token = request.get("offset")
        if not token:
            return 0
        if token not in self._offsets:
            raise Refusal(400, "offset: Your pagination token is invalid or has expired")
        before = self._offsets[token]
        return next((index + 1 for index, thing in enumerate(things) if thing["gid"] == before), 0) if before else 0

    def _next(self, request: Request, before: Json | None) -> Json:
        token = "eyJ0" + secrets.token_urlsafe(24)
        self._offsets[token] = str(before["gid"]) if before else ""
        path = request.path.removeprefix("/api/1.0")
        return {
            "offset": token,
            "path": f"{path}?offset={token}",
            "uri": f"https://app.asana.com/api/1.0{path}?offset={token}",
        }

    def _served(self, request: Request, page: list[Json]) -> list[Json]:
        fault = self.simulator.faults.take(request.method, request.path, PAGE_FAULTS)
        previous = self._last.get(request.path, page)
        self._last[request.path] = page
        match fault.kind if fault else None:
            case "short_page":
                return page[: max(1, len(page) // 2)]
            case "empty_page":
                return []
            case "repeated_page":
                return previous
            case "edited_between_pages" if page and page[-1]["gid"] in self.simulator.state.tasks:
                self.simulator.edit_task(str(page[-1]["gid"]), notes="改了一句")
        return page


def one(request: Request, thing: Json, status: int = 200) -> Response:
    """One thing, whole but for what must be asked for, or with the fields that were."""
    fields = [name for name in request.get("opt_fields").split(",") if name]
    left_out = ("dependencies", "dependents", "html_text")
    shown = (
        shapes.chosen(thing, fields) if fields else {key: value for key, value in thing.items() if key not in left_out}
    )
    return json_response({"data": shown}, status)
