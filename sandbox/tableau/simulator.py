"""Tableau's REST API in XML for one site, and what people do in the browser."""

from __future__ import annotations

import csv
import io
import secrets
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from sandbox.faults import Faults
from sandbox.http import BadRequest, Request, Response, Router, html_response, json_response, text_response
from sandbox.multipart import parts_of
from sandbox.tableau import pages, shapes
from sandbox.tableau.connected_app import Untrusted, is_allowed, scopes_in
from sandbox.tableau.metadata import Metadata
from sandbox.tableau.state import Datasource, Field, Project, State, Table, View, Workbook

TOKEN_NAME, TOKEN_SECRET = "tieline", "qm2Zp6hRT4y0sT8vX1kL==:8fKd0aVbN3"
SITE = "acme"
VERSION, OLD = "3.27", "2.4"
LARGEST = 64 * 1024 * 1024


class Refusal(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, code: str, summary: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.summary, self.detail = status, code, summary, detail


class TableauSimulator:
    """One site in memory. ``session`` is the token of the one session that the personal access token has, ``app_sessions`` those that a
    connected app began, with their scopes; with ``forgets_descriptions`` publishing keeps none.
    """

    def __init__(self, name: str = "tableau", clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.name, self.clock, self.faults = name, clock, Faults()
        self.lock = threading.RLock()
        self.state = State()
        self.metadata = Metadata(self.state)
        self.session, self.app_sessions = "", dict[str, frozenset[str]]()
        self.version = VERSION
        self.used_tokens: set[str] = set()
        self.sign_ins = 0
        self.forgets_descriptions = False
        self.asked: list[dict[str, str]] = []  # how each view's data was asked for
        self._router = self._routes()

    # -- the simulator's own protocol

    def handle(self, request: Request) -> Response:
        with self.lock:
            if not request.path.startswith("/api/"):
                found = pages.html(self.state, request.path) if request.method == "GET" else None
                return html_response(found) if found else html_response("<h1>Not Found</h1>", 404)
            try:
                return self._answer(request)
            except Refusal as refusal:
                return shapes.error(refusal.status, refusal.code, refusal.summary, refusal.detail)
            except (BadRequest, ET.ParseError):
                return shapes.error(
                    400, "400000", "Bad Request", "The content of the request body is missing or incomplete."
                )

    def _answer(self, request: Request) -> Response:
        found = self._router.find(request)
        if found is None:
            raise Refusal(404, "404000", "Resource Not Found", "The resource could not be found.")
        handler, values = found
        if not request.path.endswith(("/serverInfo", "/auth/signin")):
            self._check_caller(request, values.pop("site", self.state.site_id))
        values.pop("version", None)
        return handler(request, **values)

    def _check_caller(self, request: Request, site: str) -> None:
        said = request.headers.get("x-tableau-auth")
        if not said:
            raise Refusal(401, "401000", "Unauthorized Access", "No authentication credentials were provided.")
        scopes = self.app_sessions.get(said)
        is_open = said == self.session if scopes is None else is_allowed(scopes, request.method, request.path)
        if not is_open:
            raise Refusal(401, "401002", "Unauthorized Access", "Invalid authentication credentials were provided.")
        if site != self.state.site_id:
            raise Refusal(404, "404000", "Resource Not Found", f"Site {site} could not be found.")

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        answer = shapes.error(429, "429000", "Too Many Requests", "Too many requests were made.")
        return Response(429, answer.body, {**answer.headers, "retry-after": str(retry_after_s)})

    def unauthorized(self, request: Request) -> Response:
        return shapes.error(401, "401002", "Unauthorized Access", "Invalid authentication credentials were provided.")

    def server_error(self, request: Request) -> Response:
        return text_response("<h1>Internal Server Error</h1>", 500, "text/html")

    def load(self, payload: dict[str, Any]) -> str:
        raise ValueError("this simulator takes no payloads")

    def pages(self) -> list[tuple[str, str]]:
        return pages.paths(self.state)

    # -- what people do

    def add_project(self, name: str) -> Project:
        project = Project(self.state.next_id(), name)
        self.state.projects[project.id] = project
        return project

    def add_view(self, project: Project, workbook: str, name: str, header: list[str], rows: list[list[str]]) -> View:
        """A view of a workbook, which is made where there is none of this name."""
        found = next(
            (item for item in self.state.workbooks.values() if (item.name, item.project) == (workbook, project)), None
        )
        if found is None:
            found = Workbook(self.state.next_id(), workbook, project)
            self.state.workbooks[found.id] = found
        view = View(self.state.next_id(), name, header, rows)
        found.views.append(view)
        return view

    def add_table(self, database: str, schema: str, name: str) -> Table:
        """A table that data comes from; known to the site once a field has it."""
        return Table(self.state.next_id(), database, schema, name)

    def add_field(self, view: View, name: str, *tables: Table, **more: Any) -> Field:
        """A field that the view's author placed on it."""
        field = Field(self.state.next_id(), name, tables=tables, **more)
        view.fields.append(field)
        return field

    def add_dashboard(self, view: View, *sheets: str) -> list[View]:
        """The view is a dashboard of these sheets, which are hidden: no list has them."""
        view.sheets = [View(self.state.next_id(), name, [], is_hidden=True) for name in sheets]
        return view.sheets

    def add_datasource(self, project: Project, name: str, file: bytes = b"", description: str = "") -> Datasource:
        item = Datasource(self.state.next_id(), name, project, file, description, self.clock())
        self.state.datasources[item.id] = item
        return item

    def end_session(self) -> None:
        """An admin, or another sign-in with the same token, ends it; an admin, all of a connected app."""
        self.session = ""
        self.app_sessions.clear()

    # -- the API

    def _routes(self) -> Router:
        router = Router()
        add = cast("Callable[[str, str, Callable[..., Response]], None]", router.add)
        base = "/api/{version}"
        site = f"{base}/sites/{{site}}"
        add("GET", f"{base}/serverInfo", self._server_info)
        add("POST", f"{base}/auth/signin", self._sign_in)
        add("POST", f"{base}/auth/signout", self._sign_out)
        for kind in ("projects", "workbooks", "views", "datasources"):
            add("GET", f"{site}/{kind}", lambda request, kind=kind: self._list(request, kind))
        add("GET", f"{site}/workbooks/{{workbook}}/views", self._views_of)
        add("GET", f"{site}/views/{{view}}/data", self._data)
        add("GET", f"{site}/views/{{view}}", self._view)
        add("POST", f"{site}/datasources", self._publish)
        add("PUT", f"{site}/datasources/{{datasource}}", self._update)
        add("DELETE", f"{site}/datasources/{{datasource}}", self._delete)
        add("POST", "/api/metadata/graphql", lambda request: json_response(self.metadata.answer(request.json())))
        return router

    def _server_info(self, request: Request) -> Response:
        if not request.path.startswith((f"/api/{OLD}/", "/api/3.")):
            raise Refusal(404, "404000", "Resource Not Found", "Unknown version.")
        return shapes.server_info(self.version)

    def _sign_in(self, request: Request) -> Response:
        root = ET.fromstring(request.body)
        said, site = root.find(".//credentials"), root.find(".//site")
        if said is None or site is None or site.get("contentUrl") != SITE:
            raise Refusal(401, "401001", "Login error", "The personal access token you provided is invalid.")
        token = f"{secrets.token_hex(8)}|{secrets.token_hex(8)}|{self.state.site_id}"
        if said.get("jwt"):
            self.app_sessions[token] = self._trusted(said.get("jwt") or "")
        elif (said.get("personalAccessTokenName"), said.get("personalAccessTokenSecret")) == (TOKEN_NAME, TOKEN_SECRET):
            self.session = token
        else:
            raise Refusal(401, "401001", "Login error", "The personal access token you provided is invalid.")
        self.sign_ins += 1
        return shapes.credentials(token, self.state, SITE)

    def _trusted(self, token: str) -> frozenset[str]:
        try:
            return scopes_in(token, self.clock(), self.used_tokens)
        except Untrusted as error:
            words = f"Error signing in to Tableau Server ({error.number})"
            raise Refusal(401, "401001", "Signin Error", words) from error

    def _sign_out(self, request: Request) -> Response:
        said = request.headers.get("x-tableau-auth") or ""
        if self.app_sessions.pop(said, None) is None:
            self.session = ""
        return Response(204)

    def _list(self, request: Request, kind: str) -> Response:
        things = {
            "projects": self.state.projects.values(), "workbooks": self.state.workbooks.values(),
            "views": [view for workbook in self.state.workbooks.values() for view in workbook.views],
            "datasources": self.state.datasources.values(),
        }[kind]  # fmt: skip
        return self._page(request, kind, list(cast("list[Any]", things)))

    def _page(self, request: Request, kind: str, things: list[Any]) -> Response:
        for part in request.get("filter").split(",") if request.get("filter") else ():
            field, operator, value = (*part.split(":", 2), "", "")[:3]
            if (field, operator) != ("name", "eq"):
                raise Refusal(400, "400006", "Bad Request", f"Invalid filter {part}")
            things = [thing for thing in things if thing.name == value]
        number, size = int(request.get("pageNumber", "1")), int(request.get("pageSize", "100"))
        if not 1 <= size <= 1000 or (number - 1) * size > len(things):
            raise Refusal(400, "400006", "Bad Request", "Invalid page number or size")
        page = things[(number - 1) * size : number * size]
        return shapes.listing(kind, page, self.state, (number, size, len(things)))

    def _views_of(self, request: Request, workbook: str) -> Response:
        found = self.state.workbooks.get(workbook)
        if found is None:
            raise Refusal(404, "404006", "Resource Not Found", f"Workbook '{workbook}' could not be found.")
        return shapes.listing("views", found.views, self.state, None)

    def _found_view(self, view: str) -> View:
        if found := self.state.view(view):
            return found[1]
        raise Refusal(404, "404011", "Resource Not Found", f"View '{view}' could not be found.")

    def _view(self, request: Request, view: str) -> Response:
        return shapes.one("view", self._found_view(view), self.state)

    def _data(self, request: Request, view: str) -> Response:
        found, rows = self._found_view(view), None
        self.asked.append({name: values[-1] for name, values in request.query.items()})
        rows = found.rows
        for name, values in request.query.items():
            if name.startswith("vf_") and not name.startswith("vf_Parameters."):
                rows = self._filtered(found, rows, name.removeprefix("vf_"), values[-1])
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerows([found.header, *rows])
        return text_response(text.getvalue(), content_type="text/csv;charset=UTF-8")

    def _filtered(self, view: View, rows: list[list[str]], caption: str, text: str) -> list[list[str]]:
        if caption not in view.header:
            raise Refusal(400, "400000", "Bad Request", f"There is no field {caption} in the view.")
        index, wanted = view.header.index(caption), _values(text)
        return [row for row in rows if row[index] in wanted]

    def _publish(self, request: Request) -> Response:
        parts = {part.name: part for part in parts_of(request)}
        if (
            not request.headers.get("content-type", "").startswith("multipart/mixed")
            or "tableau_datasource" not in parts
        ):
            raise Refusal(400, "400011", "Bad Request", "The request must be multipart/mixed with a file.")
        root = ET.fromstring(parts["request_payload"].data)
        said, place = root.find("datasource"), root.find(".//project")
        project = self.state.projects.get(place.get("id") or "") if place is not None else None
        file = parts["tableau_datasource"].data
        if said is None or project is None or len(file) > LARGEST or request.get("datasourceType") != "hyper":
            raise Refusal(400, "400011", "Bad Request", "The data source cannot be published.")
        name, description = said.get("name") or "", said.get("description") or ""
        if self.forgets_descriptions:
            description = ""
        there = next(
            (item for item in self.state.datasources.values() if (item.name, item.project) == (name, project)), None
        )
        if there is not None and request.get("overwrite") != "true":
            raise Refusal(
                409, "409004", "Resource Conflict", f"A data source named {name} exists in the project already."
            )
        item = there or self.add_datasource(project, name)
        item.file, item.description, item.updated_at = file, description, self.clock()
        return shapes.one("datasource", item, self.state, 201)

    def _found(self, datasource: str) -> Datasource:
        if datasource not in self.state.datasources:
            raise Refusal(404, "404004", "Resource Not Found", f"Datasource '{datasource}' could not be found.")
        return self.state.datasources[datasource]

    def _update(self, request: Request, datasource: str) -> Response:
        item, said = self._found(datasource), ET.fromstring(request.body).find("datasource")
        if said is not None and said.get("description") is not None:
            item.description, item.updated_at = said.get("description") or "", self.clock()
        return shapes.one("datasource", item, self.state)

    def _delete(self, request: Request, datasource: str) -> Response:
        del self.state.datasources[self._found(datasource).id]
        return Response(204)


def _values(text: str) -> set[str]:
    """The values of a filter: parted by commas, but for one behind a backslash."""
    values, at = [""], 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            values[-1] += text[at + 1]
            at += 2
            continue
        if text[at] == ",":
            values.append("")
        else:
            values[-1] += text[at]
        at += 1
    return set(values)
