"""The little HTTP that every simulator speaks: a request value, a response value and a router."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

from sandbox.faults import Faults

JSON = "application/json;charset=UTF-8"


class BadRequest(Exception):
    """The body is not what the vendor would read; simulators turn it into their own 400."""


@dataclass(frozen=True)
class Request:
    """One HTTP request as a simulator sees it. Header names are lower case; ``path`` is as sent, percent-encoded."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    body: bytes
    base_url: str

    def get(self, name: str, default: str = "") -> str:
        """The last value of a query parameter, or the default."""
        return self.query.get(name, (default,))[-1]

    def get_all(self, name: str) -> tuple[str, ...]:
        return self.query.get(name, ())

    def json(self) -> Any:
        """The decoded JSON body; raises BadRequest when it is not JSON."""
        try:
            return json.loads(self.body or b"null")
        except (ValueError, UnicodeDecodeError) as error:
            raise BadRequest(str(error)) from error


@dataclass(frozen=True)
class Response:
    """One HTTP response: status, body and headers."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response. Non-ASCII text is sent as UTF-8, as the vendors do."""
    return Response(status, json.dumps(data, ensure_ascii=False).encode(), {"content-type": JSON, **(headers or {})})


def text_response(text: str, status: int = 200, content_type: str = "text/plain;charset=UTF-8") -> Response:
    return Response(status, text.encode(), {"content-type": content_type})


def html_response(text: str, status: int = 200) -> Response:
    return text_response(text, status, "text/html;charset=UTF-8")


def query_from_string(text: str) -> dict[str, tuple[str, ...]]:
    """Query string to values per name, in order; empty values are kept."""
    values: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        values[name] = (*values.get(name, ()), value)
    return values


class Handler(Protocol):
    def __call__(self, request: Request, /, **path_values: str) -> Response: ...


class Router:
    """Method and path template (``/issue/{key}``) to handler; the first template that matches wins."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, template: str, handler: Handler) -> None:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))
        self._routes.append((method, re.compile(pattern), handler))

    def route(self, method: str, *templates: str) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            for template in templates:
                self.add(method, template, handler)
            return handler

        return register

    def find(self, request: Request) -> tuple[Handler, dict[str, str]] | None:
        """The handler and the path's values; None when no template matches method and path."""
        for method, pattern, handler in self._routes:
            if method == request.method and (match := pattern.fullmatch(request.path)):
                return handler, {name: unquote(value) for name, value in match.groupdict().items()}
        return None

    def methods_for(self, path: str) -> Iterator[str]:
        for method, pattern, _ in self._routes:
            if pattern.fullmatch(path):
                yield method


class Simulator(Protocol):
    """One simulated vendor site: state in memory, answers as the vendor would.

    ``name`` is the site's name in the sandbox (``jira-cloud``); ``faults`` is the script of things that go wrong.
    ``load`` takes one real payload (one JSON line) and returns a word for what it became.
    """

    name: str
    faults: Faults

    def handle(self, request: Request) -> Response: ...

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        """The vendor's own 429, headers and body."""
        ...

    def unauthorized(self, request: Request) -> Response:
        """The vendor's own answer to an expired token."""
        ...

    def server_error(self, request: Request) -> Response:
        """The vendor's own 500."""
        ...

    def load(self, payload: dict[str, Any]) -> str: ...

    def pages(self) -> list[tuple[str, str]]:
        """(title, path) of the plain pages that show what a team would see, most telling first."""
        ...
