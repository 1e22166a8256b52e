"""Tables as Power BI sends and takes them, pure: typed rows out of DAX answers, push schemas, the digest of what a table says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sync.core.decode import unreadable
from sync.core.errors import CannotExpress
from sync.core.metrics import Cell, Column, ColumnType, Table, TableContent

LONGEST_TEXT = 4_000
MOST_COLUMNS = 75
DATA_TYPES: Mapping[ColumnType, str] = {
    "text": "String", "integer": "Int64", "number": "Decimal", "boolean": "Boolean", "date": "DateTime", "instant": "DateTime",
}  # fmt: skip
_COLUMN = re.compile(r"(?:.*?)\[(.*)\]", re.DOTALL)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")


def table_from_rows(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows of a DAX answer as a typed table. ``Table[Column]`` and ``[Alias]`` lose what is not the name, unless two would be one.

    A column of DateTime values is one of dates when every one is a midnight without a zone: Power BI has no type for days.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row))
    short = [_COLUMN.fullmatch(key) for key in keys]
    names = [found[1] if found else key for found, key in zip(short, keys, strict=True)]
    names = [name if names.count(name) == 1 else key for name, key in zip(names, keys, strict=True)]
    types = [_type_of([row.get(key) for row in rows]) for key in keys]
    cells = (tuple(_cell(row.get(key), kind) for key, kind in zip(keys, types, strict=True)) for row in rows)
    return Table(tuple(Column(name, kind) for name, kind in zip(names, types, strict=True)), tuple(cells))


def _type_of(values: Iterable[Any]) -> ColumnType:
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return "boolean"
    if known and all(isinstance(value, int) and not isinstance(value, bool) for value in known):
        return "integer"
    if known and all(isinstance(value, int | Decimal) and not isinstance(value, bool) for value in known):
        return "number"
    if known and all(isinstance(value, str) and _TIME.fullmatch(value) for value in known):
        return "date" if all(re.search(r"T00:00(:00(\.0+)?)?$", value) for value in known) else "instant"
    return "text"


def _cell(value: Any, kind: ColumnType) -> Cell:
    if value is None:
        return None
    match kind:
        case "number":
            return Decimal(value)
        case "date":
            return date.fromisoformat(value[:10])
        case "instant":
            return instant_from(value)
        case "text":
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    typed: Cell = value
    return typed


def instant_from(text: str) -> datetime:
    """An instant in UTC: fractions have any number of digits here, and a zone only at times."""
    head, _, fraction = text.rstrip("Z").partition(".")
    digits = re.match(r"\d*", fraction)
    micro = (digits[0] if digits else "")[:6].ljust(6, "0")
    zone = fraction[len(digits[0]) :] if digits and fraction else ""
    found = datetime.fromisoformat(f"{head}.{micro}{zone}" if fraction else head)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def decoded(body: bytes) -> Any:
    """JSON with its numbers exact. Raises Nonsense for anything else."""
    try:
        return json.loads(body or b"null", parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        trouble = type(error).__name__
    raise unreadable("JSON", body, trouble)  # not from the error, which holds the whole answer


def pushed(content: TableContent) -> list[dict[str, Any]]:
    """The rows as a push dataset takes them: long texts cut with "…", days and instants as DateTime in UTC."""
    names = [column.name for column in content.table.columns]
    return [dict(zip(names, (_pushed_cell(cell) for cell in row), strict=True)) for row in content.table.rows]


def _pushed_cell(cell: Cell) -> Any:
    if isinstance(cell, str):
        text = cell.replace("\0", "")
        return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(cell, date):
        return f"{cell.isoformat()}T00:00:00"
    return cell


def encoded(value: object) -> bytes:
    """JSON in which a Decimal is a number with all its digits."""
    text = json.dumps(value, ensure_ascii=False, default=lambda number: f"\0{number}\0")
    return re.sub(r'"\\u0000(-?[0-9.E+-]+)\\u0000"', r"\1", text).encode()


def columns_of(columns: Sequence[Column]) -> list[dict[str, str]]:
    """The columns of a push table. Raises CannotExpress for more than Power BI takes."""
    if len(columns) > MOST_COLUMNS:
        raise CannotExpress(f"a push dataset takes {MOST_COLUMNS} columns, not {len(columns)}")
    return [{"name": column.name, "dataType": DATA_TYPES[column.type]} for column in columns]


def digest_of(content: TableContent) -> str:
    """What the table says, in few characters."""
    text = encoded([columns_of(content.table.columns), pushed(content)])
    return hashlib.sha256(text).hexdigest()[:16]
