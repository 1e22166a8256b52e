"""Rows of Bitable tables, pure: where a table lies, a row's cells as plain values, and the row as a record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct

from connectors.feishu.table_notices import cell_text, without_ours
from sync.core.decode import decoded
from sync.core.errors import ConfigError, Nonsense, Problem
from sync.core.instants import instant_from_ms
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, RawRecord, Record, Ref

TASK = "task"
SETTINGS = frozenset({"url", "key", "title", "restricted", "notices"})
TEXT, NUMBER, DATE, CREATED, MODIFIED = 1, 2, 5, 1001, 1002
LINKS = (18, 21)  # to rows of this or another table


class TableRules(Struct, frozen=True):
    """A table as the admin describes it: its address in the browser, and the columns that say what a row is called (the primary one where
    none is named), by which key it is known, and that only some may read it.
    """

    name: str
    url: str
    key: str = ""
    title: str = ""
    restricted: str = ""
    notices: str = ""

    @property
    def token(self) -> str:
        """The base's token, or the wiki node's that holds it."""
        return urlsplit(self.url).path.rstrip("/").rpartition("/")[2]

    @property
    def is_in_wiki(self) -> bool:
        return "/wiki/" in urlsplit(self.url).path

    @property
    def table_id(self) -> str:
        return (parse_qs(urlsplit(self.url).query).get("table") or [""])[0]


def tables_of(settings: ConnectionSettings) -> dict[str, TableRules]:
    """The tables by the names that the mapping's scope uses. Raises ConfigError naming the setting."""
    said = settings.options.get("tables")
    if problem := next(iter(table_problems({"tables": said})), None):
        path, text, hint = problem
        raise ConfigError([Problem("tieline.yaml", 0, f"connections.{settings.name}.{path}", text, hint)])
    assert isinstance(said, Mapping)  # table_problems has looked
    return {str(name): TableRules(name=str(name), **rules) for name, rules in said.items()}


def table_problems(options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(setting, what is wrong, what to do) of the option ``tables``."""
    said = options.get("tables")
    if not isinstance(said, Mapping) or not said:
        yield "tables", "missing", "write tables: {采购任务: {url: <the table's address in the browser>}}"
        return
    for name, rules in said.items():
        if not isinstance(rules, Mapping):
            yield f"tables.{name}", "not a table's settings", "write {url: <the table's address in the browser>}"
            continue
        for setting in sorted(set(map(str, rules)) - SETTINGS):
            yield (
                f"tables.{name}.{setting}",
                "not a setting of a table",
                f"expected one of {', '.join(sorted(SETTINGS))}",
            )
        table = TableRules(str(name), str(rules.get("url") or ""))
        if not table.token or not table.table_id:
            hint = "open the table in the browser and copy its address: https://….feishu.cn/base/…?table=tbl…"
            yield f"tables.{name}.url", "no address of a table", hint
    yield from _notices_problems({name: rules for name, rules in said.items() if isinstance(rules, Mapping)})


def _notices_problems(said: Mapping[Any, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Of a connection either all tables are written to or none: what it offers holds for all of them."""
    if not is_written_to({"tables": said}):
        return
    for name, rules in said.items():
        column = rules.get("notices")
        if not isinstance(column, str) or not column.strip():
            hint = "name a column of text, or read this table by a connection of its own"
            yield f"tables.{name}.notices", "missing, while another table has one", hint
        elif column in [rules.get(setting) for setting in ("key", "title", "restricted")]:
            yield (
                f"tables.{name}.notices",
                f"{column!r} is a column of people's own",
                "name one that is kept for Tieline",
            )


def is_written_to(options: Mapping[str, Any]) -> bool:
    """Whether the admin named a column to write in, at any table."""
    said = options.get("tables")
    tables = said.values() if isinstance(said, Mapping) else ()
    return any(isinstance(rules, Mapping) and "notices" in rules for rules in tables)


class Column(Struct, frozen=True):
    """A column as Feishu lists it."""

    field_id: str
    field_name: str
    type: int = 0
    is_primary: bool = False
    ui_type: str | None = None


class Columns:
    """A table's columns by name."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.all = tuple(columns)
        self.types = {column.field_name: column.type for column in columns}
        self.primary = next((column.field_name for column in columns if column.is_primary), "")


def raw_from_row(row: bytes, columns: Columns, rules: TableRules, connection: str, fetched_at: datetime) -> RawRecord:
    """One row with what is needed to read it alone. Raises Nonsense for what has no record_id."""
    said = decoded(row, dict[str, Any], "a row")
    row_id, fields = said.get("record_id"), said.get("fields")
    if not isinstance(row_id, str) or not row_id or not isinstance(fields, dict):
        raise Nonsense(expected="a row with record_id and fields", sample=said)
    types = {name: columns.types[name] for name in sorted(fields) if name in columns.types}
    about = msgspec.json.encode({"types": types, "primary": columns.primary, "url": rules.url}, order="deterministic")
    at = instant_from_ms(said.get("last_modified_time")) or instant_from_ms(said.get("created_time"))
    digest = hashlib.blake2b(
        msgspec.json.encode([said.get("fields"), types], order="deterministic"), digest_size=8
    ).hexdigest()
    is_restricted = bool(rules.restricted) and bool(plain_value(fields.get(rules.restricted), 0))
    return RawRecord(
        Ref.of(connection, TASK, f"{rules.name}/{row_id}"), b'{"row":' + row + b',"about":' + about + b"}",
        f"{at.isoformat() if at else ''}~{digest}", at or fetched_at, fetched_at, "", rules.name, "restricted" if is_restricted else "open",
    )  # fmt: skip


def plain_value(value: Any, kind: int) -> Any:
    """A cell as text, number, truth, instant, person or a list of these. Rich text loses its styles, a link its address is kept."""
    if kind in (DATE, CREATED, MODIFIED) and not isinstance(value, list | dict):
        return instant_from_ms(value)
    if isinstance(value, dict):
        return _plain_object(value)
    if isinstance(value, list):
        return _plain_list(value, kind)
    return value


def _plain_object(value: Mapping[str, Any]) -> Any:
    if "link_record_ids" in value or "record_ids" in value:
        ids = value.get("link_record_ids") or value.get("record_ids")
        return [str(item) for item in ids] if isinstance(ids, list) else []
    if "link" in value:
        return str(value.get("link") or value.get("text") or "")
    if "value" in value:  # a formula or a lookup, with the type of what it shows
        inner = value.get("type")
        return plain_value(value["value"], inner if isinstance(inner, int) else 0)
    if "id" in value and "name" in value:
        return Account(
            str(value["id"]), str(value.get("name") or ""), str(value["email"]) if value.get("email") else None
        )
    return value.get("text") if "text" in value else dict(value)


def _plain_list(values: Sequence[Any], kind: int) -> Any:
    found = [plain_value(value, kind) for value in values]
    is_text = (
        kind not in LINKS
        and values
        and all(isinstance(value, dict) and "text" in value and "link" not in value for value in values)
    )
    if is_text:  # segments of one text
        return "".join(str(item or "") for item in found)
    if len(found) == 1 and kind not in (4, *LINKS) and not isinstance(found[0], Account):
        return found[0]
    return found


def record_from_row(raw: RawRecord, payload: Mapping[str, Any], settings: ConnectionSettings) -> Record:
    """A row as a task: its cells by the names of their columns."""
    row, about = payload.get("row"), payload.get("about")
    if not isinstance(row, dict) or not isinstance(about, dict):
        raise Nonsense(expected="a row as it was stored", sample=payload)
    types, fields = _object(about.get("types")), _object(row.get("fields"))
    values: dict[str, Any] = {name: plain_value(value, types.get(name, 0)) for name, value in fields.items()}
    rules = tables_of(settings).get(raw.scope) or TableRules(raw.scope, str(about.get("url") or ""))
    if rules.notices in fields:  # what we wrote there is no word of the department's
        values[rules.notices] = _words_of_people(fields[rules.notices])
    row_id = raw.ref.key.rpartition("/")[2]
    key = _words(values.get(rules.key)) or row_id
    url = str(row.get("record_url") or row.get("shared_url") or about.get("url") or "")
    people = [item for value in values.values() for item in (value if isinstance(value, list) else [value])]
    return Record(
        ref=raw.ref,
        key=key,
        title=_words(values.get(rules.title or str(about.get("primary") or ""))) or key,
        url=url,
        updated_at=raw.updated_at,
        values=values | {name: plain_value(row.get(name), 0) for name in ("created_by", "last_modified_by")},
        scope=raw.scope,
        visibility=raw.visibility,
        aliases=tuple(dict.fromkeys(text for text in (key, row_id, str(row.get("record_url") or "")) if text)),
        accounts=tuple({item.id: item for item in people if isinstance(item, Account)}.values()),
    )


def _words_of_people(value: object) -> str:
    try:
        return without_ours(cell_text(value)[0])
    except Nonsense:
        return ""


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _words(value: object) -> str:
    if value is None or isinstance(value, bool):
        return ""
    return value.name if isinstance(value, Account) else " ".join(str(value).split())
