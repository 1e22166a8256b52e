"""Where a sheet's numbers come from, as the Metadata API tells it: the questions in GraphQL, and what its answers mean. Pure.

Types and fields are those of help.tableau.com/current/api/metadata_api (reference). An answer with status 200 may bring errors beside its
data ("Common Errors" there): some refuse, some cut the answer, some only tell that it is not whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from connectors.tableau.answers import ENABLE, RIGHTS, troubles
from sync.core.errors import AccessDenied, Nonsense, Refused, TielineError
from sync.core.metrics import MetricDefinition
from sync.core.values import Account

PLACE = """query place($luid: String!) {
  sheetsConnection(first: 1, filter: {luid: $luid}) { nodes { id } }
  dashboardsConnection(first: 1, filter: {luid: $luid}) { nodes { sheets { id } } }
}"""

_PERSON = "luid name username email"
# DataField is every field that holds data; sets, hierarchies and combined fields are none, and have no role.
_ROLE = "... on DataField { role } ... on CalculatedField { formula } ... on BinField { formula }"
_DATASET = f"datasource {{ name containsUnsupportedCustomSql ... on PublishedDatasource {{ owner {{ {_PERSON} }} }} }}"
_FIELD = f"""__typename id name description {_DATASET} {_ROLE}
          upstreamTables {{ name ... on DatabaseTable {{ fullName database {{ name }} }} }}
          ... on DatasourceField {{ remoteField {{ __typename name description {_DATASET} {_ROLE} }} }}"""

FIELDS = f"""query fields($sheet: ID!, $first: Int!, $after: String) {{
  sheetsConnection(first: 1, filter: {{id: $sheet}}) {{
    nodes {{
      path
      workbook {{ name owner {{ {_PERSON} }} }}
      worksheetFields {{ __typename id name description role formula }}
      sheetFieldInstancesConnection(first: $first, after: $after) {{
        nodes {{
          {_FIELD}
        }}
        pageInfo {{ hasNextPage endCursor }}
      }}
    }}
  }}
}}"""

WITHOUT_ROLE = ("CombinedField", "CombinedSetField", "HierarchyField", "SetField")

PROBE = "query probe { databaseTablesConnection(first: 20) { nodes { id name } } }"

HIDDEN = (
    "{count} names of tables or fields are hidden from this account: turn on Settings > General > Automatically grant authorized users "
    "access to metadata about databases and tables (derived permissions), or with Data Management give the account View on them (外部资产)"
)
NO_ROLE = "Tableau does not tell whether {name} is a number, so it is left out"
CUSTOM_SQL = "{name} has custom SQL that Tableau cannot read: tables may be missing"
_CUT = ("NODE_LIMIT_EXCEEDED", "NullValueInNonNullableField")
_HARMLESS = ("MAX_PAGE_SIZE_EXCEEDED",)  # the cursor leads on all the same


class Answer(Struct, frozen=True):
    """The data of an answer. ``is_cut``: a smaller question would bring more; ``notes`` say why it is not whole."""

    data: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    is_cut: bool = False


def answer_from(document: Mapping[str, Any]) -> Answer:
    """What was answered. Raises AccessDenied or Refused, with what to change, where nothing useful was."""
    found, data = [(code, words.rstrip(". ")) for code, words in troubles(document)], document.get("data")
    for code, words in found:
        if refusal := _refusal(code, words):
            raise refusal
    is_cut = any(code in _CUT or "time limit" in words.lower() for code, words in found)
    notes = tuple(f"Tableau says: {words}" for code, words in found if code not in _HARMLESS)
    if isinstance(data, dict):
        return Answer(data, notes, is_cut)
    if is_cut:
        return Answer({}, notes, is_cut)
    if found:
        raise Refused(vendor_code=found[0][0], vendor_message=found[0][1])
    raise Nonsense(expected="data of the Metadata API", sample=document)


def _refusal(code: str, words: str) -> TielineError | None:
    if code == "ACCESS_DENIED":
        return AccessDenied(f"Tableau's Metadata API: {words}; {RIGHTS}")
    if code == "FEATURE_DISABLED":
        return Refused(f"Tableau's Metadata API: {words}; {ENABLE}", vendor_code=code, vendor_message=words)
    if code == "FILTER_REQUIRED":
        text = f"Tableau's Metadata API: {words}; give the account a site role of an administrator"
        return Refused(text, vendor_code=code, vendor_message=words)
    return None


def sheets_in(answer: Answer) -> list[str]:
    """The ids of the sheets that a view is: itself, or those that a dashboard shows (hidden ones have no other name)."""
    found = [str(node.get("id")) for node in nodes(answer.data, "sheetsConnection")]
    for dashboard in nodes(answer.data, "dashboardsConnection"):
        found += [str(sheet["id"]) for sheet in _objects(dashboard.get("sheets")) if sheet.get("id")]
    return list(dict.fromkeys(found))


def nodes(holder: Mapping[str, Any], connection: str) -> Iterator[Mapping[str, Any]]:
    """The things of one page; what an answer that was cut left out is not there."""
    page = holder.get(connection)
    yield from _objects(page.get("nodes") if isinstance(page, dict) else None)


def next_page(sheet: Mapping[str, Any]) -> str | None:
    """The cursor of the next page of a sheet's fields; None after the last."""
    page = sheet.get("sheetFieldInstancesConnection")
    info = page.get("pageInfo") if isinstance(page, dict) else None
    if not isinstance(info, dict) or not info.get("hasNextPage"):
        return None
    return str(info.get("endCursor") or "")


def _objects(found: object) -> Iterator[Mapping[str, Any]]:
    yield from (item for item in (found if isinstance(found, list) else ()) if isinstance(item, dict))


class Told(Struct, frozen=True):
    """One field of a sheet. ``hidden`` counts names that our account may not see; ``definition`` is None where it has no name, and of what
    is no number: only measures are."""

    id: str
    definition: MetricDefinition | None
    hidden: int = 0
    note: str = ""


def fields_of(sheet: Mapping[str, Any], site_url: str) -> Iterator[Told]:
    """The fields of one page of a sheet, and those written on the sheet itself. ``site_url`` is the site's address in a browser."""
    url = f"{site_url}/views/{sheet['path']}" if sheet.get("path") else ""
    workbook = _object(sheet, "workbook")
    own = {"datasource": {"name": workbook.get("name")}}
    for field in _objects(sheet.get("worksheetFields")):
        yield _told({**field, **own}, workbook, url)
    for field in nodes(sheet, "sheetFieldInstancesConnection"):
        yield _told(field, workbook, url)


def _told(field: Mapping[str, Any], workbook: Mapping[str, Any], url: str) -> Told:
    """A field of an embedded data source that stands for one of a published data source is told as that one."""
    origin = _object(field, "remoteField") or field
    dataset = _object(origin, "datasource")
    tables, hidden = _tables(field)
    note = CUSTOM_SQL.format(name=dataset.get("name")) if dataset.get("containsUnsupportedCustomSql") else ""
    name = field.get("name") or origin.get("name")
    if not name:
        return Told(str(field.get("id")), None, hidden + 1, note)
    if (is_number := _is_number(origin)) is not True:
        return Told(str(field.get("id")), None, note="" if is_number is False else NO_ROLE.format(name=name))
    definition = MetricDefinition(
        str(name),
        str(origin.get("formula") or ""),
        str(origin.get("description") or field.get("description") or ""),
        str(dataset.get("name") or ""),
        tables,
        _account(_object(dataset, "owner") or _object(workbook, "owner")),
        url,
    )
    return Told(str(field.get("id")), definition, hidden, note)


def _is_number(origin: Mapping[str, Any]) -> bool | None:
    """Whether a field is a measure; None where Tableau does not tell (UNKNOWN, or the published field is hidden from us)."""
    if origin.get("__typename") in WITHOUT_ROLE:
        return False
    return {"MEASURE": True, "DIMENSION": False}.get(str(origin.get("role")))


def _tables(field: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    """The tables' names as ``database.schema.table``, and how many have none for us."""
    found, hidden = set(), 0
    for table in _objects(field.get("upstreamTables")):
        name = str(table.get("fullName") or table.get("name") or "").replace("[", "").replace("]", "")
        database = str(_object(table, "database").get("name") or "")
        if not name:
            hidden += 1
        else:
            found.add(name if not database or name.startswith(f"{database}.") else f"{database}.{name}")
    return tuple(sorted(found)), hidden


def _account(person: Mapping[str, Any]) -> Account | None:
    if not person.get("luid"):
        return None
    login, email = (str(person[key]) if person.get(key) else None for key in ("username", "email"))
    return Account(str(person["luid"]), str(person.get("name") or login or ""), email, login)


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def tables_visible(answer: Answer) -> tuple[int, int]:
    """(with a name, without) of the first tables of the site."""
    found = [bool(node.get("name")) for node in nodes(answer.data, "databaseTablesConnection")]
    return sum(found), len(found) - sum(found)
