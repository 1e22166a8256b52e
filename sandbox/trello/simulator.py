"""The Trello simulator: one site behind one door, and the same site as colleagues use it by hand."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sandbox.faults import Faults
from sandbox.http import Request, Response, html_response, json_response, text_response
from sandbox.trello import api_boards, api_cards, api_checklists, api_service, pages
from sandbox.trello.by_hand import ByHand
from sandbox.trello.call import Call, Token, find_route
from sandbox.trello.gate import KEY, TOKEN, Limits, check_token, credentials, too_many
from sandbox.trello.load import load
from sandbox.trello.params import params_from_request
from sandbox.trello.state import Refusal, State
from sandbox.trello.webhooks import Deliveries

API_MODULES = (api_boards, api_cards, api_checklists, api_service)  # imported for their routes, in this order
SINGULAR = re.compile(r"/1/(board|card|list|checklist|label|member|action|organization|token|webhook)(?=/|$)")
TIELINE = "tieline"
FOUNDED = datetime(
    2026, 1, 5, 1, 0, tzinfo=UTC
)  # when our account was made, whatever the clock says: same ids each time


class TrelloSimulator(ByHand):
    """One Trello site in memory. The sandbox's account is the member ``tieline``; see ``KEY`` and ``TOKEN``.

    ``monotonic`` is the clock of the rate-limit windows (real time by default, whatever ``clock`` says).
    """

    def __init__(
        self,
        name: str = "trello",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        public_url: str = "https://trello.com",
        *,
        enforce_limits: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.faults = Faults()
        self._clock = clock
        self._pinned: datetime | None = None
        self.lock = threading.RLock()
        self.state = State(name, self.now, public_url or "https://trello.com")
        self.deliveries = Deliveries(self.state, self.faults)
        self.state.on_action = self.deliveries.tell
        self.limits = Limits(monotonic, enforce_limits)
        self.keys = {KEY}
        self.tokens: dict[str, Token] = {}
        with self.at(FOUNDED):
            self.id_tieline = self.add_member(TIELINE, "Tieline", "tieline@example.com")
            self.tokens[TOKEN] = Token(TOKEN, self.state.new_id(), self.id_tieline, self.state.stamp())

    @property
    def public_url(self) -> str:
        """Where people open boards and cards; part of every URL that the API tells."""
        return self.state.public_url

    @public_url.setter
    def public_url(self, value: str) -> None:
        self.state.public_url = (value or "https://trello.com").rstrip("/")

    def now(self) -> datetime:
        return self._pinned or self._clock()

    @contextmanager
    def at(self, instant: datetime) -> Iterator[None]:
        """Let what is done inside have happened at another time (the seeded past)."""
        self._pinned, before = instant, self._pinned
        try:
            yield
        finally:
            self._pinned = before

    def issue_token(
        self, username: str, *, can_write: bool = True, has_account: bool = False, expires: str | None = None
    ) -> str:
        """A token of another member for our key, always the same text for the same asking."""
        value = "ATTA" + hashlib.sha256(f"{username} {can_write} {has_account} {expires}".encode()).hexdigest()
        id_member = self.state.member(username)["id"]
        self.tokens[value] = Token(
            value, self.state.new_id(), id_member, self.state.stamp(), can_write, has_account, expires
        )
        return value

    def revoke_token(self, value: str) -> None:
        """From now on the token is ``invalid token``; its webhooks are gone."""
        self.tokens.pop(value, None)
        for item in [item for item in self.state.webhooks.values() if item["token"] == value]:
            del self.state.webhooks[item["id"]]

    def handle(self, request: Request) -> Response:
        with self.lock:
            path = request.path.rstrip("/") or "/"
            if path != "/1" and not path.startswith("/1/"):
                return self._page(request.method, path)
            path = SINGULAR.sub(r"/1/\1s", path).replace("/customfields", "/customFields")
            headers = {"x-trello-version": "1.242759.0"}
            try:
                key, token = check_token(request, self.keys, self.tokens, self.state)
                batched = len(request.get("urls").split(",")) if path == "/1/batch" else 1
                self.limits.count(key, token.value, path, batched)
                status, body = self._answer(replace(request, path=path), token)
            except Refusal as refusal:
                status, body = refusal.status, refusal.body
            key, value = credentials(request)
            return _response(status, body, {**headers, **self.limits.headers(key, value)})

    def _answer(self, request: Request, token: Token) -> tuple[int, object]:
        """Status and body of an authorised request; a Response stands for itself."""
        found = find_route(request.method, request.path.removeprefix("/1"))
        if found is None:
            return 404, f"Cannot {request.method} {request.path}"
        answer, ids = found
        try:
            call = Call(
                self.state, self.faults, request, params_from_request(request), token, self.id_app, ids,
                self.revoke_token, lambda inner: self._answer(inner, token),
            )  # fmt: skip
            return 200, answer(call)
        except Refusal as refusal:
            return refusal.status, refusal.body

    @property
    def id_app(self) -> str:
        """The application behind our API key, as ``appCreator.id`` names it."""
        return "5e40446acc3ae64e435cabc9"

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        """The vendor's 429. It names no time to wait; ``retry_after_s`` is only how long this fault was meant."""
        key, token = credentials(request)
        headers = {**self.limits.headers(key, token), "x-rate-limit-api-token-remaining": "0"}
        return json_response(too_many("API_TOKEN_LIMIT_EXCEEDED"), 429, headers)

    def unauthorized(self, request: Request) -> Response:
        return text_response("invalid token", 401)

    def server_error(self, request: Request) -> Response:
        return html_response("<!doctype html><html><body><h1>500 Internal Server Error</h1></body></html>", 500)

    def load(self, payload: dict[str, Any]) -> str:
        with self.lock:
            return load(self.state, payload, self.id_tieline)

    def pages(self) -> list[tuple[str, str]]:
        return pages.page_paths(self.state)

    def _page(self, method: str, path: str) -> Response:
        if method not in ("GET", "HEAD"):
            return text_response(f"Cannot {method} {path}", 404)
        html = pages.page_html(self.state, path)
        return html_response(html) if html is not None else text_response("Not found", 404)


def _response(status: int, body: object, headers: dict[str, str]) -> Response:
    """Objects and lists as JSON, words as the plain text that Trello refuses in."""
    if isinstance(body, Response):
        return Response(body.status, body.body, {**body.headers, **headers})
    if isinstance(body, str):
        return Response(status, body.encode(), {"content-type": "text/plain; charset=utf-8", **headers})
    return json_response(body, status, headers)
