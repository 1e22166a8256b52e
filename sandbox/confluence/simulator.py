"""The simulator: which door a request comes in by, who it is, and in which shape it is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sandbox.confluence import v1_content, v1_parts, v1_restrictions, v1_search, v2_pages, v2_parts, webhooks
from sandbox.confluence.access import (
    ALL_SCOPES,
    CLOUD_ID,
    TIELINE,
    basic_credentials,
    basic_failure,
    check_may,
    cloud_caller,
    dc_caller,
    unauthorized,
)
from sandbox.confluence.call import Call, Route, Settings
from sandbox.confluence.errors import Refusal, gateway_error, v1_error, v2_error
from sandbox.confluence.humans import Humans
from sandbox.confluence.load import load_payload
from sandbox.confluence.site import Site, Variant
from sandbox.confluence.web import answer_browser, listed_pages
from sandbox.faults import Faults
from sandbox.http import Request, Response, Router, json_response

GATEWAY = "/ex/confluence/"
STALE = (
    "org.springframework.orm.hibernate5.HibernateOptimisticLockingFailureException: Object of class Content was "
    "optimistic locked; nested exception is org.hibernate.StaleObjectStateException: Row was updated or deleted by "
    "another transaction. Transaction rolled back"
)


class Confluence(Humans):
    """One Confluence site over HTTP.

    ``public_url`` is where people open things (``http://host:port``, without ``/wiki`` or context path); empty means
    the address that was asked. ``context`` is Data Center's context path. ``settings`` switches what admins switch;
    ``scopes`` is what the gateway's tokens were granted. ``media_leaks`` counts downloads that reached the media host
    with our credentials, which no client should send there.
    """

    def __init__(
        self,
        name: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        public_url: str = "",
        variant: Variant = "cloud",
        context: str = "",
    ) -> None:
        self.name = name
        self.public_url = public_url
        self.variant: Variant = variant
        self.context = "/wiki" if variant == "cloud" else context.rstrip("/")
        self.faults = Faults()
        self.settings = Settings()
        self.scopes = ALL_SCOPES
        self.media_leaks = 0
        self.site = Site(variant, clock)
        self.site.add_user(TIELINE)
        self.lock = threading.RLock()
        self.webhooks = webhooks.Webhooks(self.site, self.faults)
        self._router = Router()
        for method, template, function in _routes(variant):
            self._router.add(method, template, _Endpoint(self, function))

    @property
    def index_lag_s(self) -> float:
        """How many seconds CQL is behind the truth."""
        return self.site.index_lag_s

    @index_lag_s.setter
    def index_lag_s(self, seconds: float) -> None:
        self.site.index_lag_s = seconds

    def switch(self, **settings: bool) -> None:
        """Change settings of the site, e.g. ``switch(v1_content_is_open=False)``."""
        self.settings = replace(self.settings, **settings)

    def handle(self, request: Request) -> Response:
        with self.lock:
            if request.path == "/_edge/tenant_info" and self.variant == "cloud":
                return json_response({"cloudId": CLOUD_ID})
            page = answer_browser(self, request)
            return page if page is not None else self._api(request)

    def _api(self, request: Request) -> Response:
        is_gateway = request.path.startswith(GATEWAY)
        path = self._inner_path(request.path)
        if path is None:
            return gateway_error(404, "Not Found") if is_gateway else v1_error(404, "null for uri: " + request.path)
        request = replace(request, path=path)
        found = self._router.find(request)
        if found is None:
            allowed = sorted(set(self._router.methods_for(path)))
            status, words = (405, "Method Not Allowed") if allowed else (404, f"null for uri: {path}")
            answer = _refused(Refusal(status, words), request, is_gateway=False)
            return replace(answer, headers={**answer.headers, "allow": ", ".join(allowed)}) if allowed else answer
        caller = self._caller(request, is_gateway=is_gateway)
        if isinstance(caller, Response):
            return caller
        call = Call(
            request,
            self.site,
            caller,
            self.faults,
            self.settings,
            self.public_url or request.base_url,
            self.context,
            is_gateway,
        )
        return self._answer(call, found)

    def _inner_path(self, path: str) -> str | None:
        """The path as the routes spell it: ``/wiki/api/v2/…`` or ``/rest/api/…``; None behind a wrong door.

        Clients reach the gateway with and without ``/wiki`` (md2conf and confluencebuilder leave it out).
        """
        if path.startswith(GATEWAY):
            cloud_id, _, rest = path.removeprefix(GATEWAY).partition("/")
            if self.variant != "cloud" or cloud_id != CLOUD_ID:
                return None
            path = "/wiki/" + rest.removeprefix("wiki/")
        elif not path.startswith(f"{self.context}/"):
            return None
        path = path.rstrip("/")
        if path.startswith(f"{self.context}/rest/api"):
            path = path.removeprefix(self.context)
            for alias in ("/rest/api/latest/", "/rest/api/1.0/"):
                path = path.replace(alias, "/rest/api/", 1) if self.variant == "dc" else path
        return path

    def _caller(self, request: Request, *, is_gateway: bool) -> Any:
        """The caller, or the 401 to answer with."""
        if self.variant == "cloud":
            caller = cloud_caller(request, is_gateway=is_gateway, scopes=self.scopes)
            return caller or unauthorized(is_gateway=is_gateway, is_v2="/api/v2" in request.path)
        caller = dc_caller(request)
        if caller is None:
            return basic_failure() if basic_credentials(request) else unauthorized(is_gateway=False, is_v2=False)
        return caller

    def _answer(self, call: Call, found: tuple[Any, dict[str, str]]) -> Response:
        endpoint, path_values = found
        try:
            check_may(call.caller, call.request.method, call.request.path)
            answer: Response = endpoint.answer(call, path_values)
        except Refusal as refusal:
            answer = _refused(refusal, call.request, is_gateway=call.is_gateway)
        return replace(answer, headers={**answer.headers, **self._limit_headers()})

    def _limit_headers(self) -> dict[str, str]:
        if self.variant == "cloud":
            return {"x-ratelimit-limit": "65000", "x-ratelimit-remaining": "64000"}
        return {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "99"}

    # -- what the sandbox asks for by itself

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        headers = {"retry-after": str(retry_after_s), "x-ratelimit-remaining": "0"}
        if self.variant == "cloud":
            reset = self.site.clock().timestamp() + retry_after_s
            reset_at = datetime.fromtimestamp(reset, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            headers |= {"x-ratelimit-limit": "65000", "x-ratelimit-reset": reset_at, "x-ratelimit-nearlimit": "true"}
            headers |= {"ratelimit-reason": "confluence-quota-global-based", "beta-ratelimit-reason": "quota"}
        else:
            headers |= {"x-ratelimit-limit": "100", "x-ratelimit-fillrate": "1", "x-ratelimit-interval-seconds": "1"}
        answer = _refused(Refusal(429, "Rate limit exceeded"), request, is_gateway=request.path.startswith(GATEWAY))
        return replace(answer, headers={**answer.headers, **headers})

    def unauthorized(self, request: Request) -> Response:
        return unauthorized(is_gateway=request.path.startswith(GATEWAY), is_v2="/api/v2" in request.path)

    def server_error(self, request: Request) -> Response:
        """500; on a write with the words of the sporadic optimistic-lock failure."""
        words = STALE if request.method in ("PUT", "DELETE") else "Internal Server Error"
        return _refused(Refusal(500, words), request, is_gateway=False)

    def load(self, payload: dict[str, Any]) -> str:
        with self.lock:
            return load_payload(self.site, payload)

    def pages(self) -> list[tuple[str, str]]:
        with self.lock:
            return listed_pages(self)


class _Endpoint:
    """A route's function, in the form that the router keeps."""

    def __init__(self, simulator: Confluence, function: Callable[..., Response]) -> None:
        self.simulator = simulator
        self.function = function

    def answer(self, call: Call, path_values: dict[str, str]) -> Response:
        return self.function(call, **path_values)

    def __call__(self, request: Request, /, **_path_values: str) -> Response:
        return self.simulator.handle(request)


def _refused(refusal: Refusal, request: Request, *, is_gateway: bool) -> Response:
    """The refusal in the shape of its API; the gateway's own refusals (scope, removed endpoints) in the gateway's."""
    if is_gateway and refusal.status in (401, 410, 429):
        return gateway_error(refusal.status, refusal.message)
    if "/api/v2" in request.path:
        return v2_error(refusal.status, refusal.message)
    return v1_error(refusal.status, refusal.message)


def _gone_unless_open(function: Callable[..., Response]) -> Callable[..., Response]:
    """v1 content CRUD on Cloud: removed on the gateway, and on the site too where the switch says so."""

    def handler(call: Call, **path_values: str) -> Response:
        if call.is_gateway or not call.settings.v1_content_is_open:
            error = {"code": 410, "message": "GoneException: This deprecated endpoint has been removed."}
            return json_response({**error, "statusCode": 410}, 410)
        return function(call, **path_values)

    return handler


def _routes(variant: Variant) -> tuple[Route, ...]:
    both = (*v1_search.ROUTES, *v1_restrictions.BOTH, *v1_parts.BOTH)
    if variant == "dc":
        return (*both, *v1_parts.DC, *v1_parts.PROPERTIES, *v1_content.CRUD, *webhooks.DC)
    removed = tuple((m, path, _gone_unless_open(f)) for m, path, f in (*v1_parts.PROPERTIES, *v1_content.CRUD))
    cloud = (*v1_search.CLOUD, *v1_content.CLOUD, *v1_restrictions.CLOUD, *v1_parts.CLOUD)
    return (*v2_pages.ROUTES, *v2_parts.ROUTES, *both, *cloud, *removed)
