"""Power BI's REST API and its sign-in service behind one door, for one tenant and one service principal."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sandbox.faults import Faults
from sandbox.http import BadRequest, Request, Response, Router, html_response, json_response, query_from_string
from sandbox.powerbi import pages
from sandbox.powerbi.dax import MOST_ROWS, MOST_VALUES, DaxError, evaluate
from sandbox.powerbi.state import CLIENT_ID, CLIENT_SECRET, TENANT, TYPES, Dataset, Json, PushTable, State, Workspace

BASE = "/v1.0/myorg"
BATCH, MOST_COLUMNS, LONGEST_TEXT = 10_000, 75, 4_000
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
TOKEN_LASTS = timedelta(minutes=60)


class Refusal(Exception):
    """The vendor's own error: status, code and words."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class PowerBISimulator:
    """One tenant in memory; ``workspace`` is one that our app belongs to."""

    def __init__(self, name: str = "powerbi", clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.name, self.clock, self.faults = name, clock, Faults()
        self.lock = threading.RLock()
        self.state = State()
        self.tokens: dict[str, datetime] = {}
        self.secrets = {CLIENT_SECRET}
        self.workspace = self.state.add_workspace("运营")
        self._router = self._routes()

    def end_tokens(self) -> None:
        """Every token has just ended."""
        self.tokens = dict.fromkeys(self.tokens, self.clock() - timedelta(seconds=1))

    # -- the simulator's own protocol

    def handle(self, request: Request) -> Response:
        with self.lock:
            if request.path.startswith(f"/{TENANT}/"):
                return self._sign_in(request)
            if request.method == "GET" and request.path.startswith("/groups/"):
                return html_response(pages.html(self.state, request.path))
            if not request.path.startswith(BASE):
                return json_response(
                    {"error": "invalid_tenant", "error_description": "AADSTS90002: Tenant not found."}, 400
                )
            try:
                self._check_token(request)
                return self._answer(request)
            except Refusal as refusal:
                return _refused(refusal)
            except BadRequest:
                return _refused(Refusal(400, "InvalidRequest", "The body is not JSON."))

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        words = (
            "You have exceeded the amount of requests allowed in the current time frame and further requests will fail."
        )
        return json_response({"message": words}, 429, {"retry-after": str(retry_after_s)})

    def unauthorized(self, request: Request) -> Response:
        if request.path.startswith(f"/{TENANT}/"):
            return json_response(
                {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}, 401
            )
        return Response(401)

    def server_error(self, request: Request) -> Response:
        return json_response({"error": {"code": "InternalServerError", "message": "An error has occurred."}}, 500)

    def load(self, payload: dict[str, Any]) -> str:
        raise ValueError("this simulator takes no payloads")

    def pages(self) -> list[tuple[str, str]]:
        return pages.paths(self.state)

    # -- signing in

    def _sign_in(self, request: Request) -> Response:
        path = request.path.removeprefix(f"/{TENANT}")
        own = (
            f"https://login.microsoftonline.com/{TENANT}"  # as the service tells it, whatever address it was reached by
        )
        if path == "/v2.0/.well-known/openid-configuration":
            return json_response(
                {
                    "issuer": f"{own}/v2.0",
                    "token_endpoint": f"{own}/oauth2/v2.0/token",
                    "authorization_endpoint": f"{own}/oauth2/v2.0/authorize",
                    "device_authorization_endpoint": f"{own}/oauth2/v2.0/devicecode",
                }
            )
        if (request.method, path) != ("POST", "/oauth2/v2.0/token"):
            return Response(404)
        form = query_from_string(request.body.decode())
        said = {name: values[-1] for name, values in form.items()}
        if said.get("grant_type") != "client_credentials" or not said.get("scope", "").endswith("/.default"):
            return json_response(
                {"error": "invalid_scope", "error_description": "AADSTS1002012: scope is not valid."}, 400
            )
        if said.get("client_id") != CLIENT_ID:
            return json_response(
                {"error": "unauthorized_client", "error_description": "AADSTS700016: no such app."}, 400
            )
        if said.get("client_secret") not in self.secrets:
            words = "AADSTS7000215: Invalid client secret provided."
            return json_response({"error": "invalid_client", "error_description": words}, 401)
        token = f"token-{len(self.tokens) + 1}"
        self.tokens[token] = self.clock() + TOKEN_LASTS
        return json_response(
            {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}
        )

    def _check_token(self, request: Request) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            raise Refusal(401, "")
        if self.tokens[token] <= self.clock():
            raise Refusal(403, "TokenExpired", "Access token has expired, resubmit with a new access token")

    # -- the API

    def _answer(self, request: Request) -> Response:
        found = self._router.find(request)
        if found is None:
            return Response(404)
        handler, values = found
        return handler(request, **values)

    def _routes(self) -> Router:
        router, one = Router(), f"{BASE}/groups/{{group}}/datasets/{{dataset}}"
        add = cast("Callable[[str, str, Callable[..., Response]], None]", router.add)
        add("GET", f"{BASE}/groups", self._groups)
        add("GET", f"{BASE}/groups/{{group}}/datasets", self._datasets)
        add("POST", f"{BASE}/groups/{{group}}/datasets", self._make)
        add("DELETE", one, self._delete)
        add("GET", f"{one}/tables", self._tables)
        add("GET", f"{one}/refreshes", self._refreshes)
        add("POST", f"{one}/executeQueries", self._query)
        add("PUT", f"{one}/tables/{{table}}", self._change)
        add("POST", f"{one}/tables/{{table}}/rows", self._add)
        add("DELETE", f"{one}/tables/{{table}}/rows", self._empty)
        return router

    def _groups(self, request: Request) -> Response:
        top, skip = int(request.get("$top", "100")), int(request.get("$skip", "0"))
        mine = [item for item in self.state.workspaces.values() if item.is_member]
        page = [{"id": item.id, "name": item.name, "isOnDedicatedCapacity": False} for item in mine[skip : skip + top]]
        return _listing(page)

    def _group(self, key: str) -> Workspace:
        found = self.state.workspaces.get(key)
        if found is None or not found.is_member:
            raise Refusal(403, "PowerBINotAuthorizedException", "")
        return found

    def _dataset(self, group: str, key: str) -> Dataset:
        found = self._group(group).datasets.get(key)
        if found is None:
            raise Refusal(404, "PowerBIEntityNotFound", "")
        return found

    def _table(self, group: str, dataset: str, name: str) -> PushTable:
        found = self._dataset(group, dataset)
        if not found.is_push:
            raise Refusal(403, "Forbidden", "The dataset is not a push dataset.")
        if name not in found.tables:
            raise Refusal(404, "PowerBIEntityNotFound", "")
        return found.tables[name]

    def _datasets(self, request: Request, group: str) -> Response:
        found = self._group(group).datasets.values()
        return _listing(
            [
                {"id": item.id, "name": item.name, "addRowsAPIEnabled": item.is_push, "isRefreshable": not item.is_push}
                for item in found
            ]
        )

    def _make(self, request: Request, group: str) -> Response:
        body = _object(request)
        if not self.state.may_push or body.get("defaultMode") == "Streaming":
            raise Refusal(403, "FeatureDeprecatedError", "Creation of streaming dataset is deprecated.")
        if body.get("defaultMode") != "Push" or not body.get("name") or not isinstance(body.get("tables"), list):
            raise Refusal(400, "InvalidRequest", "name, defaultMode and tables are needed.")
        made = self.state.add_dataset(self._group(group), str(body["name"]), is_push=True)
        for table in body["tables"]:
            made.tables[table["name"]] = PushTable(table["name"], _columns(table))
        shown = {
            "id": made.id,
            "name": made.name,
            "defaultRetentionPolicy": request.get("defaultRetentionPolicy", "None"),
        }
        return json_response(shown, 201)

    def _delete(self, request: Request, group: str, dataset: str) -> Response:
        self._dataset(group, dataset)
        del self._group(group).datasets[dataset]
        return Response(200)

    def _tables(self, request: Request, group: str, dataset: str) -> Response:
        found = self._dataset(group, dataset)
        if not found.is_push:
            raise Refusal(404, "ItemNotFound", "Dataset is not Push API dataset.")
        return _listing([{"name": table.name} for table in found.tables.values()])

    def _refreshes(self, request: Request, group: str, dataset: str) -> Response:
        found = self._dataset(group, dataset)
        if found.is_push:
            raise Refusal(415, "InvalidDatasetForRefresh", "Push datasets are not refreshed.")
        return _listing(found.refreshes[: int(request.get("$top", "60"))])

    def _query(self, request: Request, group: str, dataset: str) -> Response:
        found, body = self._dataset(group, dataset), _object(request)
        if not self.state.may_query or found.has_row_security:
            raise Refusal(403, "PowerBINotAuthorizedException", "")
        queries = body.get("queries")
        if not isinstance(queries, list) or len(queries) != 1:
            raise Refusal(400, "InvalidRequest", "Only one query is supported.")
        try:
            rows = evaluate(found, str(queries[0].get("query")))
        except DaxError as error:
            raise Refusal(400, "DatasetExecuteQueriesError", str(error)) from error
        width = max((len(row) for row in rows), default=1)
        most = min(MOST_ROWS, MOST_VALUES // max(1, width))
        if not (body.get("serializerSettings") or {}).get("includeNulls"):
            rows = [{key: value for key, value in row.items() if value is not None} for row in rows]
        result: Json = {"tables": [{"rows": rows[:most]}]}
        if len(rows) > most:
            result["error"] = {"code": "DaxRowCountExceeded", "message": f"More than {most} rows in a query result"}
        return json_response({"results": [result]})

    def _change(self, request: Request, group: str, dataset: str, table: str) -> Response:
        found, body = self._table(group, dataset, table), _object(request)
        found.columns = _columns(body)
        return json_response({"name": found.name, "columns": body["columns"]})

    def _add(self, request: Request, group: str, dataset: str, table: str) -> Response:
        found, rows = self._table(group, dataset, table), _object(request).get("rows")
        if not isinstance(rows, list) or len(rows) > BATCH:
            raise Refusal(400, "InvalidRequest", f"At most {BATCH} rows in a request.")
        for row in rows:
            _check_row(found, row)
        found.rows.extend(rows)
        return Response(200)

    def _empty(self, request: Request, group: str, dataset: str, table: str) -> Response:
        self._table(group, dataset, table).rows.clear()
        return Response(200)


def _columns(table: Json) -> dict[str, str]:
    columns = table.get("columns")
    if not isinstance(columns, list) or not 0 < len(columns) <= MOST_COLUMNS:
        raise Refusal(400, "InvalidRequest", f"1 to {MOST_COLUMNS} columns.")
    found = {str(column.get("name")): str(column.get("dataType")) for column in columns}
    if len(found) != len(columns) or not set(found.values()) <= TYPES:
        raise Refusal(400, "InvalidRequest", "A column's name or dataType is wrong.")
    return found


def _check_row(table: PushTable, row: object) -> None:
    if not isinstance(row, dict) or not set(row) <= set(table.columns):
        raise Refusal(400, "InvalidRequest", "A row has a column that the table has not.")
    for name, value in row.items():
        kind = table.columns[name]
        fits = {
            "Int64": isinstance(value, int) and not isinstance(value, bool),
            "Double": isinstance(value, int | float), "Decimal": isinstance(value, int | float),
            "Boolean": isinstance(value, bool), "String": isinstance(value, str) and len(value) <= LONGEST_TEXT,
            "DateTime": isinstance(value, str) and bool(_TIME.fullmatch(value)),
        }  # fmt: skip
        if value is not None and not fits[kind]:
            raise Refusal(400, "InvalidRequest", f"{name} is no {kind}.")


def _object(request: Request) -> Json:
    body = request.json()
    if not isinstance(body, dict):
        raise Refusal(400, "InvalidRequest", "The body is no object.")
    return body


def _listing(values: list[Json]) -> Response:
    return json_response({"@odata.context": "http://wabi/v1.0/myorg/$metadata", "value": values})


def _refused(refusal: Refusal) -> Response:
    if refusal.status == 401:
        return Response(401)
    inner: Json = {"code": refusal.code}
    if refusal.code == "DatasetExecuteQueriesError":
        detail = {"code": "DetailsMessage", "detail": {"type": 1, "value": refusal.message}}
        inner["pbi.error"] = {"code": refusal.code, "parameters": {}, "details": [detail], "exceptionCulprit": 1}
    elif refusal.message:
        inner["message"] = refusal.message
    return Response(
        refusal.status, json.dumps({"error": inner}).encode(), {"content-type": "application/json", "requestid": "r-1"}
    )
