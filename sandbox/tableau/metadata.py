"""The Metadata API of a site: what it tells of sheets, dashboards, their fields and tables. Types as in help.tableau.com's reference."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sandbox.tableau.graphql import SCALAR, Invalid, Schema, run
from sandbox.tableau.state import Field, Person, State, Table, View, Workbook

NODE_LIMIT = 20_000
MOST_IN_PAGE = 1000


def _fields(scalars: str, **things: str) -> dict[str, str]:
    return {**dict.fromkeys(scalars.split(), SCALAR), **things}


_FIELD = "id name description isHidden folderName fullyQualifiedName"
_FIELD_THINGS = {"datasource": "Datasource", "upstreamTables": "DatabaseTable"}
_VIEW = "id luid name path createdAt updatedAt index documentViewId"
SCHEMA = Schema(
    types={
        "Query": _fields(
            "", sheetsConnection="SheetsConnection", dashboardsConnection="DashboardsConnection",
            databaseTablesConnection="DatabaseTablesConnection", workbooksConnection="WorkbooksConnection",
        ),
        "SheetsConnection": _fields("totalCount", nodes="Sheet", pageInfo="PageInfo"),
        "DashboardsConnection": _fields("totalCount", nodes="Dashboard", pageInfo="PageInfo"),
        "WorkbooksConnection": _fields("totalCount", nodes="Workbook", pageInfo="PageInfo"),
        "DatabaseTablesConnection": _fields("totalCount", nodes="DatabaseTable", pageInfo="PageInfo"),
        "FieldsConnection": _fields("totalCount", nodes="Field", pageInfo="PageInfo"),
        "PageInfo": _fields("hasNextPage endCursor"),
        "Workbook": _fields("id luid name projectName uri description", owner="TableauUser", sheets="Sheet"),
        "Dashboard": _fields(_VIEW, workbook="Workbook", sheets="Sheet"),
        "Sheet": _fields(
            _VIEW, workbook="Workbook", worksheetFields="CalculatedField", sheetFieldInstances="Field",
            sheetFieldInstancesConnection="FieldsConnection",
        ),
        "Field": _fields(_FIELD, **_FIELD_THINGS),
        "ColumnField": _fields(f"{_FIELD} role dataType aggregation", **_FIELD_THINGS),
        "CalculatedField": _fields(f"{_FIELD} role dataType aggregation formula", **_FIELD_THINGS),
        "BinField": _fields(f"{_FIELD} role dataType formula binSize", **_FIELD_THINGS),
        "GroupField": _fields(f"{_FIELD} role dataType hasOther", **_FIELD_THINGS),
        "SetField": _fields(_FIELD, **_FIELD_THINGS),
        "HierarchyField": _fields(_FIELD, **_FIELD_THINGS),
        "DataField": _fields(f"{_FIELD} role dataType", **_FIELD_THINGS),
        "DatasourceField": _fields(_FIELD, remoteField="Field", **_FIELD_THINGS),
        "Datasource": _fields("id name containsUnsupportedCustomSql hasExtracts"),
        "EmbeddedDatasource": _fields("id name containsUnsupportedCustomSql hasExtracts", workbook="Workbook"),
        "PublishedDatasource": _fields(
            "id luid name containsUnsupportedCustomSql hasExtracts projectName description", owner="TableauUser"
        ),
        "DatabaseTable": _fields("id luid name fullName schema connectionType description", database="Database"),
        "Database": _fields("id luid name connectionType"),
        "TableauUser": _fields("id luid name username email domain"),
    },
    kinds={
        "Field": ("ColumnField", "CalculatedField", "BinField", "GroupField", "SetField", "HierarchyField", "DatasourceField"),
        "DataField": ("ColumnField", "CalculatedField", "BinField", "GroupField"),
        "Datasource": ("EmbeddedDatasource", "PublishedDatasource"),
    },
)  # fmt: skip


class Metadata:
    """What the site tells, and how it is set up. ``sees_assets`` False: the names of tables are hidden from the account. ``warnings`` come
    with every answer, as (code, words); ``node_limit`` is how many things an answer may hold."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.is_on, self.sees_assets, self.node_limit = True, True, NODE_LIMIT
        self.warnings: list[tuple[str, str]] = []

    def answer(self, document: Any) -> dict[str, Any]:
        """To a body of ``query`` and ``variables``. Nothing but 200 comes of it, whatever is wrong."""
        if not self.is_on:
            words = "Can't run the query because the Metadata API has not been enabled yet."
            return {"errors": [_error("FEATURE_DISABLED", words, "ERROR")], "data": None}
        said = document if isinstance(document, dict) else {}
        try:
            data = run(SCHEMA, str(said.get("query") or ""), said.get("variables") or {}, self._root())
        except Invalid as error:
            return {"errors": [{"message": str(error), "extensions": {"classification": "ValidationError"}}]}
        errors = [_error(code, words, "WARNING") for code, words in self.warnings]
        if _count(data) > self.node_limit:
            words = "Showing partial results. The request exceeded the node limit."
            return {"errors": [*errors, _error("NODE_LIMIT_EXCEEDED", words, "WARNING")], "data": _thinned(data)}
        return {"data": data, **({"errors": errors} if errors else {})}

    def _root(self) -> dict[str, Any]:
        books = list(self.state.workbooks.values())
        views = [(book, view) for book in books for view in book.views]
        inner = [(book, sheet) for book, view in views for sheet in view.sheets or ()]
        sheets = {view.id: (book, view) for book, view in [*views, *inner] if view.sheets is None}
        tables = {table.id: table for _, view in sheets.values() for field in view.fields for table in field.tables}
        return {
            "__typename": "Query",
            "workbooksConnection": _connection([self._workbook(book) for book in books]),
            "sheetsConnection": _connection([self._sheet(*pair) for pair in sheets.values()]),
            "dashboardsConnection": _connection([self._board(*pair) for pair in views if pair[1].sheets]),
            "databaseTablesConnection": _connection([self._table(table) for table in tables.values()]),
        }

    def _workbook(self, book: Workbook) -> dict[str, Any]:
        owner = _person(book.owner, self.state)
        return {"__typename": "Workbook", "id": f"w{book.id}", "luid": book.id, "name": book.name, "owner": owner}

    def _view(self, kind: str, book: Workbook, view: View) -> dict[str, Any]:
        path = "" if view.is_hidden else f"{book.name}/{view.name}"
        luid = "" if view.is_hidden else view.id
        shown = {"__typename": kind, "id": f"s{view.id}", "luid": luid, "name": view.name, "path": path}
        return {**shown, "workbook": self._workbook(book)}

    def _sheet(self, book: Workbook, view: View) -> dict[str, Any]:
        fields = sorted(view.fields, key=lambda item: item.id)
        own = [self._field(book, field) for field in fields if field.is_on_sheet]
        instances = [self._field(book, field) for field in fields if not field.is_on_sheet]
        shown = self._view("Sheet", book, view)
        connection = {"sheetFieldInstancesConnection": _connection(instances), "sheetFieldInstances": instances}
        return {**shown, "worksheetFields": own, **connection}

    def _board(self, book: Workbook, view: View) -> dict[str, Any]:
        return {**self._view("Dashboard", book, view), "sheets": [self._sheet(book, one) for one in view.sheets or ()]}

    def _field(self, book: Workbook, field: Field) -> dict[str, Any]:
        """Of an embedded data source; what it has from a published one stands there, behind ``remoteField``."""
        kind = field.kind or ("CalculatedField" if field.formula else "ColumnField")
        tables = [self._table(table) for table in field.tables]
        told: dict[str, Any] = {
            "__typename": kind,
            "id": f"f{field.id}",
            "name": field.name,
            "description": field.description,
        }
        told |= {"role": field.role, "formula": field.formula or None, "upstreamTables": tables}
        embedded = {
            "__typename": "EmbeddedDatasource", "id": f"e{book.id}", "name": f"{book.name} 数据",
            "containsUnsupportedCustomSql": field.has_custom_sql,
        }  # fmt: skip
        if field.datasource is None:
            return {**told, "datasource": embedded}
        source = field.datasource
        published = {
            "__typename": "PublishedDatasource", "id": f"p{source.id}", "luid": source.id, "name": source.name,
            "containsUnsupportedCustomSql": field.has_custom_sql, "owner": _person(source.owner, self.state),
        }  # fmt: skip
        remote = {**told, "id": f"r{field.id}", "datasource": published}
        here = {"__typename": "DatasourceField", "id": told["id"], "name": field.name, "upstreamTables": tables}
        return {**here, "datasource": embedded, "remoteField": remote}

    def _table(self, table: Table) -> dict[str, Any]:
        """Obfuscated, an asset that the account may not see keeps its ids and nothing else."""
        shown: dict[str, Any] = {"__typename": "DatabaseTable", "id": f"t{table.id}", "luid": table.id}
        database = {"__typename": "Database", "id": f"d{table.database}"}
        if self.sees_assets:
            shown |= {"name": table.name, "fullName": f"[{table.schema}].[{table.name}]", "schema": table.schema}
            database["name"] = table.database
        return {**shown, "database": database}


def _person(person: Person | None, state: State) -> dict[str, Any]:
    if person is None:
        person = Person(state.user_id, "tieline", "Tieline")
    return {
        "__typename": "TableauUser", "id": f"u{person.id}", "luid": person.id, "username": person.login,
        "name": person.name, "email": person.email or None,
    }  # fmt: skip


def _connection(things: list[dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def page(first: int = 100, after: str | None = None, filter: Mapping[str, Any] | None = None) -> dict[str, Any]:  # noqa: A002
        found = [thing for thing in things if all(thing.get(name) == value for name, value in (filter or {}).items())]
        begin = int(base64.b64decode(after)) if after else 0
        end = begin + min(first, MOST_IN_PAGE)
        info = {"__typename": "PageInfo", "hasNextPage": end < len(found)}
        info["endCursor"] = base64.b64encode(str(end).encode()).decode() if found[begin:end] else None
        return {"__typename": "", "nodes": found[begin:end], "pageInfo": info, "totalCount": len(found)}

    return page


def _error(code: str, words: str, severity: str) -> dict[str, Any]:
    return {"message": words, "path": None, "extensions": {"severity": severity, "code": code}}


def _objects(data: Any) -> Iterator[Any]:
    if isinstance(data, dict):
        yield data
    inner: Iterable[Any] = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    for item in inner:
        yield from _objects(item)


def _count(data: Any) -> int:
    return sum(1 for _ in _objects(data))


def _thinned(data: dict[str, Any]) -> dict[str, Any]:
    """What is left of an answer that holds too much: things deep down are missing, and their places are null."""
    return {
        name: {**value, "nodes": [dict.fromkeys(node) for node in value["nodes"]]}
        if isinstance(value, dict) and value.get("nodes")
        else value
        for name, value in data.items()
    }
