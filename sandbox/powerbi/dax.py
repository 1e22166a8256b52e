"""The little DAX that the simulator understands: EVALUATE a table, the first rows of one, or chosen columns of one."""

from __future__ import annotations

import re
from typing import Any

from sandbox.powerbi.state import Dataset

MOST_ROWS, MOST_VALUES = 100_000, 1_000_000
_TABLE = re.compile(r"EVALUATE\s+'([^']+)'", re.IGNORECASE)
_TOP = re.compile(
    r"EVALUATE\s+TOPN\(\s*(\d+)\s*,\s*'([^']+)'\s*,\s*'[^']+'\[([^\]]+)\]\s*,\s*(ASC|DESC)\s*\)", re.IGNORECASE
)
_CHOSEN = re.compile(
    r"EVALUATE\s+SELECTCOLUMNS\(\s*'([^']+)'((?:\s*,\s*\"[^\"]+\"\s*,\s*'[^']+'\[[^\]]+\])+)\s*\)", re.IGNORECASE
)
_PAIR = re.compile(r"\"([^\"]+)\"\s*,\s*'[^']+'\[([^\]]+)\]")


class DaxError(Exception):
    """The query is refused, in the engine's words."""


def evaluate(dataset: Dataset, query: str) -> list[dict[str, Any]]:
    """The rows of a query, named as the engine names them."""
    text = query.strip()
    if found := _TOP.fullmatch(text):
        table = _table(dataset, found[2])
        rows = sorted(table.rows, key=lambda row: row.get(found[3]) or 0, reverse=found[4].upper() == "DESC")
        return [_named(table.name, table.columns, row) for row in rows[: int(found[1])]]
    if found := _TABLE.fullmatch(text):
        table = _table(dataset, found[1])
        return [_named(table.name, table.columns, row) for row in table.rows]
    if found := _CHOSEN.fullmatch(text):
        table, pairs = _table(dataset, found[1]), _PAIR.findall(found[2])
        return [{f"[{alias}]": row.get(column) for alias, column in pairs} for row in table.rows]
    raise DaxError("Query (1, 1) The syntax for the query is incorrect.")


def _table(dataset: Dataset, name: str) -> Any:
    if name not in dataset.tables:
        raise DaxError(f"Query (1, 10) Cannot find table '{name}'.")
    return dataset.tables[name]


def _named(table: str, columns: dict[str, str], row: dict[str, Any]) -> dict[str, Any]:
    return {f"{table}[{column}]": row.get(column) for column in columns}
