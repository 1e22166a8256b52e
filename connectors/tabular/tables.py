"""What an admin says of each table under ``tables`` in tieline.yaml, and every mistake in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath, PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct

from sync.core.errors import ConfigError, Problem
from sync.core.metrics import ColumnType
from sync.core.ports import ConnectionSettings


class TableRules(Struct, frozen=True, forbid_unknown_fields=True):
    """One table. In a folder ``file`` is its name or a pattern (the newest file that fits counts), in a database ``query`` its SELECT.

    ``key`` are the columns that name a row for ever; a table without is read as numbers only. ``restricted`` is true for a table that few
    may see, or the column that says so of a row. ``types`` say how a column is read as numbers where its cells do not tell.
    """

    file: str = ""
    query: str = ""
    key: str | list[str] = ""
    title: str = ""
    updated_at: str = ""
    people: list[str] = []
    restricted: bool | str = False
    types: dict[str, ColumnType] = {}
    sheet: str = ""
    header_line: int = 1
    encoding: str = ""
    delimiter: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The key's columns."""
        return (self.key,) if isinstance(self.key, str) and self.key else tuple(self.key)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that these rules name."""
        named = (*self.keys, self.title, self.updated_at, *self.people, *self.types)
        return tuple(dict.fromkeys([*(name for name in named if name), *self._restricted_column()]))

    def _restricted_column(self) -> Iterator[str]:
        if isinstance(self.restricted, str):
            yield self.restricted


def tables_of(settings: ConnectionSettings) -> Mapping[str, TableRules]:
    """The tables by name. Raises ConfigError that names every mistake; those that the file alone tells are told by `tieline check`."""
    problems = list(check_options(settings.variant, settings.options))
    tables = {} if problems else _rules_by_name(settings.options["tables"])
    problems += [
        (f"tables.{scope}.key", "missing", "tasks are collected from it, so a column must name its rows")
        for scope in settings.scopes
        if scope in tables and not tables[scope].keys
    ]
    if problems:
        raise ConfigError([Problem(f"connections.{settings.name}", 0, *problem) for problem in problems])
    return tables


def check_options(variant: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(setting, what is wrong, what to do) of every mistake."""
    folder = options.get("folder")
    if variant == "folder" and not (isinstance(folder, str) and PurePath(folder).is_absolute()):
        yield "folder", "missing or not absolute", "the folder's whole path as this process sees it, such as /data/drop"
    said = options.get("tables")
    if not isinstance(said, Mapping) or not said:
        yield "tables", "missing", "name each table: tables: {采购任务: {file: 采购*.xlsx, key: 编号}}"
        return
    for name, rules in said.items():
        try:
            read = msgspec.convert(rules, TableRules, strict=False)
        except msgspec.ValidationError as error:
            yield f"tables.{name}", str(error), f"it takes {', '.join(TableRules.__struct_fields__)}"
            continue
        yield from ((f"tables.{name}.{field}", text, hint) for field, text, hint in _mistakes(read, variant))


def _rules_by_name(said: Mapping[Any, Any]) -> dict[str, TableRules]:
    return {str(name): msgspec.convert(rules, TableRules, strict=False) for name, rules in said.items()}


def _mistakes(rules: TableRules, variant: str) -> Iterator[tuple[str, str, str]]:
    """(field, what is wrong, what to do)."""
    wanted, other = ("file", "query") if variant == "folder" else ("query", "file")
    if not getattr(rules, wanted):
        yield wanted, "missing", "a file name or pattern" if wanted == "file" else "a SELECT"
    if getattr(rules, other):
        yield other, f"not for the variant {variant}", f"write {wanted}"
    path = PurePosixPath(rules.file)
    if rules.file and (path.is_absolute() or PurePath(rules.file).is_absolute() or ".." in path.parts):
        yield "file", f"{rules.file!r} leads out of the folder", "a name or pattern below folder"
    if rules.header_line < 1:
        yield "header_line", f"{rules.header_line}: lines count from 1", ""
    if rules.delimiter and len(rules.delimiter) != 1:
        yield "delimiter", f"{rules.delimiter!r} is not one character", ""
    if rules.encoding:
        try:
            "".encode(rules.encoding)
        except LookupError:
            yield "encoding", f"{rules.encoding!r} is no encoding", "utf-8, gb18030 or utf-16"
