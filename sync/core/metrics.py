"""Numbers that other tools hold, and the unified view put where they can be charted: tables with typed columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from msgspec import Struct, field

from sync.core.values import Account

if TYPE_CHECKING:
    from sync.core.ports import Written

ColumnType = Literal["text", "integer", "number", "boolean", "date", "instant"]
Cell = str | int | Decimal | bool | date | datetime | None
"""Numbers with a fraction are Decimal; instants are aware UTC."""


class Column(Struct, frozen=True):
    """A column's name and type. Names are unique in their table."""

    name: str
    type: ColumnType


class Table(Struct, frozen=True):
    """Rows under typed columns, in a stated order. Each row has a cell per column. Out of a ledger cells come as JSON has them; ``typed``
    gives them back.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...] = ()


_FROM_JSON: Mapping[ColumnType, Callable[[Any], Cell]] = {
    "text": str,
    "integer": int,
    "number": lambda cell: Decimal(str(cell)),
    "boolean": bool,
    "date": lambda cell: cell if isinstance(cell, date) else date.fromisoformat(cell),
    "instant": lambda cell: cell if isinstance(cell, datetime) else datetime.fromisoformat(cell),
}


def typed(table: Table) -> Table:
    """The table with each cell as its column's type says."""
    readers = [_FROM_JSON[column.type] for column in table.columns]
    rows = (
        tuple(None if cell is None else read(cell) for read, cell in zip(readers, row, strict=True))
        for row in table.rows
    )
    return Table(table.columns, tuple(rows))


class MetricQuery(Struct, frozen=True):
    """Which numbers to read. ``source`` names a view, dataset, file or statement as the connector's page in docs/connectors says;
    ``options`` are the connector's own (filters, a DAX or SQL text, a sheet)."""

    source: str
    options: Mapping[str, Any] = field(default_factory=dict)


class Reading(Struct, frozen=True):
    """What a query brought. ``as_of`` is when the data itself was last made (a refresh, a file's time), None where the tool does not
    tell. ``is_whole`` False: the tool cut the answer short, and ``reason`` says why; a cut answer is never taken for a whole one."""

    table: Table
    as_of: datetime | None = None
    is_whole: bool = True
    reason: str = ""


@runtime_checkable
class MetricSource(Protocol):
    """Reads numbers."""

    def read_metric(self, query: MetricQuery) -> Reading:
        """The rows of the query now, typed: a number is a number, however the tool shows it. Raises NotFound when the source is gone,
        Refused with the vendor's own words when it does not take the query, Nonsense for an answer that is no table."""
        ...


class MetricDefinition(Struct, frozen=True):
    """What one number is, as its tool says. ``name`` is as its authors call it; ``formula`` is in the tool's own language, empty for a
    column taken as it is. ``dataset`` is where it is defined, ``tables`` what its data comes from, named as the tool names them; ``owner``
    answers for it in the tool, ``url`` leads people there.
    """

    name: str
    formula: str = ""
    description: str = ""
    dataset: str = ""
    tables: tuple[str, ...] = ()
    owner: Account | None = None
    url: str = ""


class Definitions(Struct, frozen=True):
    """The numbers behind a source, sorted by name. ``is_whole`` False: something is missing or hidden from our account, and ``reason``
    says what and what to do; that a number or a table is not named then proves nothing."""

    items: tuple[MetricDefinition, ...] = ()
    is_whole: bool = True
    reason: str = ""


@runtime_checkable
class MetricCatalog(Protocol):
    """Tells where numbers come from."""

    def definitions(self, source: str) -> Definitions:
        """Each number that the source shows now, once; ``source`` is named as in a ``MetricQuery``. Raises NotFound when the source is
        gone, Refused or AccessDenied with what to change where the tool tells nothing of this kind."""
        ...


class TableContent(Struct, frozen=True):
    """A table as it should stand. ``place`` is the project, workspace or folder; ``keys`` are the columns that name a row."""

    place: str
    name: str
    table: Table
    keys: tuple[str, ...] = ()


@runtime_checkable
class MetricSink(Protocol):
    """Keeps a table of ours. It is ours by its mark, never by its name."""

    def find_table(self, place: str, mark: str, name: str) -> Written | None:
        """Our table with this mark, or None; one of that name without our mark is not returned. ``block`` is as ``block_of_table``,
        and empty for one that was begun and not ended."""
        ...

    def put_table(self, mark: str, content: TableContent, table: Written | None) -> Written:
        """Make the table, or replace its rows (and columns) with these. A reader sees the old rows or the new ones where the vendor can do
        that. Raises Conflict when somebody's table of that name is there, or ours changed since ``table``; LostAnswer when it may or may
        not have been done: doing it again leaves the same rows once."""
        ...

    def remove_table(self, table: Written) -> None:
        """Take our table away; one already gone is no error."""
        ...

    def block_of_table(self, content: TableContent) -> str:
        """The ``block`` that a table with this content has. Pure."""
        ...
