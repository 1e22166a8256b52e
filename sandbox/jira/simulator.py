"""The simulated Jira site as a web server sees it: doors, routing, errors and the few addresses outside the REST API."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import unquote

from sandbox.faults import Faults
from sandbox.http import BadRequest, Request, Response, Router, html_response, json_response, text_response
from sandbox.jira import archive, browse, comment_api, gate, issue_api, link_api, search_api, site_api
from sandbox.jira.call import Call, JiraError, Resource
from sandbox.jira.gate import TurnedAway
from sandbox.jira.people import People
from sandbox.jira.reference import furnish
from sandbox.jira.state import Issue, Language, Site, User, Variant
from sandbox.jira.webhooks import PATH, Webhooks

API = re.compile(r"/rest/api/(2|3|latest)(/.*)")
MULTIPART = re.compile(r"/issue/[^/]+/attachments")
CLOUD_ROUTES = (
    *search_api.CLOUD, *site_api.CLOUD, issue_api.CREATE_META, issue_api.CHANGELOG, comment_api.BULK, link_api.CONTENT,
)  # fmt: skip
BOTH_ROUTES = (*site_api.BOTH, *link_api.BOTH, *comment_api.BOTH, *issue_api.BOTH)
OPEN_TO_ALL = frozenset({"/serverInfo"})


class JiraSimulator(People):
    """One Jira site. ``variant`` is "cloud" (REST v3 and v2) or "dc" (Data Center 10.x, REST v2).

    ``time_zone`` is the integration account's own, in which quoted JQL dates are read; ``index_lag_s`` makes searches see
    the past; ``links_touch_updated`` says whether a link moves ``updated`` (the vendor does not say).
    """

    def __init__(
        self,
        name: str = "jira-cloud",
        variant: Variant = "cloud",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        public_url: str = "",
        language: Language | None = None,
    ) -> None:
        own: Language = language or ("zh" if variant == "cloud" else "en")
        super().__init__(Site(variant, own, clock))
        self.name = name
        self.public_url = public_url
        self.faults = Faults()
        self.write_meter = gate.WriteMeter()
        self.webhooks = Webhooks(self.site, self.faults)
        furnish(self.site)
        self.add_user("tieline", "tieline", gate.ACCOUNT_EMAIL, kind="atlassian")
        self.site.account = "tieline"
        self._router = self._routes()

    def _routes(self) -> Router:
        router = Router()
        specific = CLOUD_ROUTES if self.site.variant == "cloud" else search_api.SERVER
        for method, template, resource in (*specific, *BOTH_ROUTES):
            router.add(method, template, partial(self._call, resource))
        return router

    @property
    def index_lag_s(self) -> float:
        return self.site.index_lag_s

    @index_lag_s.setter
    def index_lag_s(self, seconds: float) -> None:
        self.site.index_lag_s = seconds

    @property
    def time_zone(self) -> str:
        return self.site.users[self.site.account].zone

    @time_zone.setter
    def time_zone(self, zone: str) -> None:
        self.site.users[self.site.account] = replace(self.site.users[self.site.account], zone=zone)

    def handle(self, request: Request) -> Response:
        """Answer one request. Holds the site's lock, so that a colleague's edit never falls into the middle of it."""
        with self.site.lock:
            found = API.fullmatch(self._inside(request.path).rstrip("/"))
            if not found:
                return self._outside_api(request)
            try:
                user = gate.caller_of(self.site, request)
                response = self._answer(request, found[1], found[2], user)
            except TurnedAway as away:
                user, response = None, away.response
            return Response(
                response.status, response.body, {**gate.headers_for(self.site, request, user), **response.headers}
            )

    def _inside(self, path: str) -> str:
        """The path without the gateway's prefix; a foreign cloud id stays and is nowhere."""
        is_gateway = self.site.variant == "cloud" and path.startswith(f"{gate.GATEWAY}/")
        return path.removeprefix(gate.GATEWAY) if is_gateway else path

    def _answer(self, request: Request, version: str, path: str, user: User | None) -> Response:
        version = version if version != "latest" else ("3" if self.site.variant == "cloud" else "2")
        if version == "3" and self.site.variant == "dc":
            return self._nowhere(request)
        if user is None and self.site.variant == "cloud" and path not in OPEN_TO_ALL:
            return gate.refused(self.site)
        inner = replace(request, path=path)
        found = self._router.find(inner)
        if found is None:
            allowed = sorted(set(self._router.methods_for(path)))
            return self._wrong_method(allowed) if allowed else self._nowhere(request)
        kind = request.headers.get("content-type", "")
        if request.method in ("POST", "PUT") and not MULTIPART.fullmatch(path) and "json" not in kind:
            return json_response({"message": "HTTP 415 Unsupported Media Type", "status-code": 415}, 415)
        handler, values = found
        try:
            return handler(request, _version=version, **values)
        except JiraError as error:
            return json_response(error.body, error.status)
        except BadRequest as error:
            return json_response({"errorMessages": [f"There was an error parsing JSON. {error}"], "errors": {}}, 400)

    def _call(self, resource: Resource, request: Request, /, _version: str, **values: str) -> Response:
        browse_url = self.public_url or request.base_url
        user, language = gate.caller_of(self.site, request), gate.language_of(self.site, request)
        spend = partial(self._spend_write, request)
        return resource(Call(self.site, self.faults, request, _version, user, language, browse_url, spend, values))

    def _spend_write(self, request: Request, issue: Issue) -> None:
        """Per-issue write limits, Cloud only: 20 in 2 seconds, 100 in 30."""
        if self.site.variant == "cloud" and (wait := self.write_meter.wait_s(issue)) > 0:
            raise TurnedAway(gate.too_many(self.site, request, math.ceil(wait), "jira-per-issue-on-write"))

    def _nowhere(self, request: Request) -> Response:
        return json_response({"message": f"null for uri: {request.base_url}{request.path}", "status-code": 404}, 404)

    def _wrong_method(self, allowed: list[str]) -> Response:
        body = {"message": "HTTP 405 Method Not Allowed", "status-code": 405}
        return json_response(body, 405, {"allow": ", ".join(allowed)})

    def _outside_api(self, request: Request) -> Response:
        """tenant_info, application links (administrators only), downloads, and the pages people look at."""
        path, is_cloud = unquote(request.path), self.site.variant == "cloud"
        if is_cloud and path == "/_edge/tenant_info":
            return json_response({"cloudId": gate.CLOUD_ID})
        if path.startswith("/rest/applinks/"):
            return self._application_links(request)
        if path.startswith(PATH):
            return self._webhooks(request, path)
        if is_cloud and (found := re.fullmatch(r"/media/file/(\d+)/binary", path)):
            return self._file(found[1])
        if not is_cloud and (found := re.fullmatch(r"/secure/attachment/(\d+)/.+", path)):
            is_known = gate.caller_of(self.site, request) is not None
            return self._file(found[1]) if is_known else html_response("<h1>Log in</h1>", 401)
        if request.method == "GET" and (shown := browse.page_for(self.site, self.name, path)):
            return html_response(shown)
        return (
            self._nowhere(request) if path.startswith(("/rest/", "/ex/")) else html_response("<h1>Not found</h1>", 404)
        )

    def _webhooks(self, request: Request, path: str) -> Response:
        try:
            user = gate.caller_of(self.site, request)
        except TurnedAway as away:
            return away.response
        return self.webhooks.answer(request, path, user)

    def _application_links(self, request: Request) -> Response:
        try:
            user = gate.caller_of(self.site, request)
        except TurnedAway as away:
            return away.response
        if user is None:
            return gate.refused(self.site)
        return json_response({"message": "Client must be authenticated as an administrator to access this resource.",
                              "status-code": 403}, 403)  # fmt: skip

    def _file(self, number: str) -> Response:
        home = self.site.issues.get(self.site.attachment_home.get(int(number), -1))
        for item in home.attachments if home else ():
            if str(item.id) == number:
                return link_api.content_of(item)
        return text_response("No such file", 404)

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        return gate.too_many(self.site, request, retry_after_s, "jira-burst-based")

    def unauthorized(self, request: Request) -> Response:
        refused = gate.refused(self.site)
        return Response(401, refused.body, {**gate.headers_for(self.site, request, None), **refused.headers})

    def server_error(self, request: Request) -> Response:
        body = {"errorMessages": ["Internal server error"], "errors": {}}
        return json_response(body, 500, gate.headers_for(self.site, request, None))

    def load(self, payload: dict[str, Any]) -> str:
        with self.site.lock:
            return archive.load_issue(self.site, payload)

    def pages(self) -> list[tuple[str, str]]:
        with self.site.lock:
            return browse.page_list(self.site)
