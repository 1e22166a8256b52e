"""Cells of spreadsheets, CSV files, databases and charts, brought to one set of values; and the types of their columns. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from sync.core.errors import Refused
from sync.core.metrics import Cell, Column, ColumnType

_EXACT = 10**15  # beyond it a float does not tell whole numbers apart
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
# As tools show them: 1,234.50  ¥1,234  -$5  (5)  12.5%
_NUMBER = re.compile(r"(?P<minus>-|\()?[¥￥$€£]?(?P<digits>(\d{1,3}(,\d{3})+|\d+)(\.\d+)?)(?P<percent>%)?(?P<end>\))?")
_DAY = re.compile(r"(\d{4})[-/年](\d{1,2})[-/月](\d{1,2})日?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
_BOOLEANS = {"true": True, "false": False, "是": True, "否": False}
_NO = {"", "false", "0", "no", "n", "否"}


class Line(Struct, frozen=True):
    """A row: the line it stands on (from 1; for a query the row's number), and its cells in the order of the columns."""

    number: int
    cells: tuple[Any, ...]


class Sheet(Struct, frozen=True):
    """A table as it stands there now. ``place`` names it to people (``采购.xlsx``); ``as_of`` is when the data itself was last saved, None
    where nobody tells. ``troubles`` are lines that are no proper rows, with what is wrong.
    """

    place: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    as_of: datetime | None = None
    troubles: Mapping[int, str] = {}
    is_whole: bool = True

    def position(self, name: str) -> int:
        """Where a column stands. Raises ValueError."""
        return self.columns.index(name)


def plain(value: object, zone: str) -> Cell:
    """Blank text is nothing; whole floats are whole numbers, other floats Decimals; a date at midnight stays the instant it is; local
    times are the zone's.
    """
    if value is None or isinstance(value, bool | int | Decimal):
        return value
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float):
        return _number_from(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    if isinstance(value, date):
        return value
    return _as_text(value)


def _number_from(value: float) -> Cell:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < _EXACT else Decimal(repr(value))


def _as_text(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, time) else str(value)


def text_of(cell: object) -> str:
    """A cell as people would type it: the key ``12``, not ``12.0``."""
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return format(cell, "f") if isinstance(cell, Decimal) else str(cell)


def says_yes(cell: object) -> bool:
    """A cell of a column that asks yes or no: anything but blank, 0, no, 否."""
    return text_of(cell).strip().casefold() not in _NO


def _integer(cell: Cell) -> int | None:
    if isinstance(cell, str) and _INTEGER.fullmatch(cell):
        return int(cell)
    return cell if isinstance(cell, int) and not isinstance(cell, bool) else None


def _number(cell: Cell) -> Decimal | None:
    if isinstance(cell, str) and (found := _NUMBER.fullmatch(cell)) and not re.match(r"0\d", found["digits"]):
        if (found["minus"] == "(") != bool(found["end"]):
            return None
        share = Decimal("0.01") if found["percent"] else Decimal(1)
        return Decimal(found["digits"].replace(",", "")) * share * (-1 if found["minus"] else 1)
    if isinstance(cell, int | Decimal) and not isinstance(cell, bool):
        return Decimal(cell)
    return None


def _boolean(cell: Cell) -> bool | None:
    return _BOOLEANS.get(cell.casefold()) if isinstance(cell, str) else cell if isinstance(cell, bool) else None


def _date(cell: Cell) -> date | None:
    if isinstance(cell, str) and (found := _DAY.fullmatch(cell)):
        try:
            return date(*(int(part) for part in found.groups()))
        except ValueError:
            return None
    return cell if isinstance(cell, date) and not isinstance(cell, datetime) else None


def _instant(cell: Cell, zone: str = "UTC") -> datetime | None:
    if isinstance(cell, str) and _INSTANT.fullmatch(cell):
        try:
            found = plain(datetime.fromisoformat(cell), zone)
        except ValueError:
            return None
        return found if isinstance(found, datetime) else None
    return cell if isinstance(cell, datetime) else None


def instant_of(cell: Cell, zone: str) -> datetime | None:
    """When a cell says something happened; a date alone is its noon in the zone. None for anything else."""
    day = _date(cell)
    return datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC) if day else _instant(cell, zone)


def typed_column(
    name: str, cells: Sequence[tuple[int, Cell]], wanted: ColumnType | None, place: str, zone: str
) -> tuple[Column, list[Cell]]:
    """A column with its cells, typed: as ``wanted``, else by the narrowest type that all its cells have (text fits any).

    ``cells`` are (line, cell). Raises Refused naming the line of a cell that is not as wanted.
    """
    readers: dict[ColumnType, Callable[[Cell], Cell]] = {
        "integer": _integer, "number": _number, "boolean": _boolean, "date": _date,
        "instant": lambda cell: instant_of(cell, zone) if wanted == "instant" else _instant(cell, zone),
        "text": lambda cell: text_of(cell),
    }  # fmt: skip
    if wanted:
        return Column(name, wanted), list(_read_all(name, cells, wanted, readers[wanted], place))
    there = [cell for _, cell in cells if cell is not None]
    for kind, read in readers.items():
        if there and all(read(cell) is not None for cell in there):
            return Column(name, kind), [None if cell is None else read(cell) for _, cell in cells]
    return Column(name, "text"), [None for _ in cells]


def _read_all(
    name: str, cells: Iterable[tuple[int, Cell]], wanted: ColumnType, read: Callable[[Cell], Cell], place: str
) -> Iterable[Cell]:
    for line, cell in cells:
        try:
            found = None if cell is None else read(cell)
        except (ArithmeticError, InvalidOperation):
            found = None
        if cell is not None and found is None:
            raise Refused(f"{place} line {line}: the cell under {name} is no {wanted}; mend it, or change types.{name}")
        yield found


def is_blank(cells: Iterable[object]) -> bool:
    """Whether a row says nothing at all."""
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells)


def header_from(cells: Sequence[object]) -> tuple[str, ...]:
    """The columns' names, line breaks and doubled blanks made one blank; "" where there is none."""
    return tuple(" ".join(text_of(plain(cell, "UTC")).split()) for cell in cells)


def as_json(cell: object) -> Any:
    """A cell as it is stored: JSON's own values as they are, everything else as text."""
    if isinstance(cell, timedelta):
        return str(cell)
    return cell if cell is None or isinstance(cell, str | int | bool | list | dict) else text_of(cell)
