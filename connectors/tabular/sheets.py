"""Reads a table out of a drop folder: the newest file that fits, whole and at rest, whatever program saved it."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from connectors.tabular.tables import TableRules
from sync.core.cells import Line, Sheet, header_from, is_blank, plain
from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused, TielineError, TryLater

MOST_BYTES = 50_000_000
MOST_UNPACKED = 200_000_000
MOST_LINES = 200_000
SPREADSHEETS = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"})
TEXTS = frozenset({".csv", ".tsv", ".txt"})
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def newest_file(folder: Path, table: str, rules: TableRules) -> Path:
    """The newest file in the folder that fits the table's name or pattern (of two saved in one instant the last by name). Files that
    programs keep beside an open one (``~$…``, ``.…``) do not count. Raises NotFound, AccessDenied, or TryLater for a share that does
    not answer.
    """
    try:
        if not folder.is_dir():
            raise NotFound(f"{table}: the folder {folder} is not there; mount it, or change `folder`")
        root = folder.resolve()
        found = [path for path in folder.glob(rules.file) if path.is_file() and not path.name.startswith((".", "~$"))]
        inside = [path for path in found if path.resolve().is_relative_to(root)]
        if not inside:
            raise NotFound(f"{table}: no file {rules.file} in {folder}")
        return max(inside, key=lambda path: (path.stat().st_mtime_ns, path.name))
    except PermissionError:
        denied = True
    except OSError as error:
        denied, trouble = False, error.strerror or type(error).__name__
    if denied:
        raise AccessDenied(f"{table}: {folder} may not be read by this process; give it read rights")
    raise TryLater(f"{table}: {folder}: {trouble}", reason="server")


def sheet_from_file(path: Path, table: str, rules: TableRules, quiet_s: float, zone: str) -> Sheet:
    """The table that a file holds. Raises TryLater while somebody is still saving it, Nonsense when it is not what its name says, Refused
    when it is another table than the rules describe.
    """
    data, saved_at = _at_rest(path, table, quiet_s)
    if path.suffix.lower() in SPREADSHEETS:
        rows = _spreadsheet_rows(data, path.name, rules)
    elif path.suffix.lower() in TEXTS:
        rows = _text_rows(data, path.name, rules)
    else:
        raise Refused(f"{table}: {path.name} is no table; it reads {', '.join(sorted(SPREADSHEETS | TEXTS))}")
    return _sheet(list(rows), path.name, rules, saved_at, zone)


def _at_rest(path: Path, table: str, quiet_s: float) -> tuple[bytes, datetime]:
    """All bytes of a file that did not change while it was read, nor in the ``quiet_s`` before: half a copied CSV reads like a whole
    one.
    """
    trouble: TielineError
    try:
        before = path.stat()
        if before.st_size > MOST_BYTES:
            raise Refused(f"{table}: {path.name} has {before.st_size:,} bytes; at most {MOST_BYTES:,} are read")
        data = path.read_bytes()
        after = path.stat()
    except PermissionError:
        trouble = AccessDenied(f"{table}: {path.name} may not be read by this process; give it read rights")
    except FileNotFoundError:
        trouble = TryLater(f"{table}: {path.name} was taken away while it was read", reason="server")
    except OSError as error:
        trouble = TryLater(f"{table}: {path.name}: {error.strerror or type(error).__name__}", reason="server")
    else:
        is_same = (
            (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size) == (after.st_mtime_ns, len(data))
        )
        if is_same and not 0 <= time.time() - after.st_mtime < quiet_s:
            return data, datetime.fromtimestamp(after.st_mtime, UTC)
        trouble = TryLater(f"{table}: {path.name} is still being saved; the next run reads it", reason="server")
    raise trouble


def _spreadsheet_rows(data: bytes, place: str, rules: TableRules) -> Iterator[tuple[int, Sequence[Any]]]:
    _require_modest(data, place)
    unread = "a spreadsheet, whole and without a password; it may have been copied in part, or be protected"
    sheet: CalamineSheet | None = None
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = list(book.sheet_names)
        if not rules.sheet and names:
            sheet = book.get_sheet_by_index(0)
        elif rules.sheet in names:
            sheet = book.get_sheet_by_name(rules.sheet)
        rows = [] if sheet is None else sheet.to_python(skip_empty_area=False)
        merged = [] if sheet is None else list(sheet.merged_cell_ranges or [])
    except CalamineError:
        names, rows, merged = [], [], []
        is_read = False
    else:
        is_read = True
    if not is_read:
        raise Nonsense(f"{place}: expected {unread}", expected=unread, sample=data[:8])
    if sheet is None:
        raise Refused(f"{place} has no sheet {rules.sheet!r}; it has {', '.join(names) or 'none'}")
    _fill_merged(rows, merged)
    yield from enumerate(rows, 1)


def _fill_merged(rows: list[list[Any]], merged: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    """What people merged holds for all its cells; a merge may reach beyond what is used of the sheet."""
    for (top, left), (bottom, right) in merged:
        for row in rows[top : bottom + 1]:
            width = len(row[left : right + 1])
            row[left : left + width] = [rows[top][left]] * width if width else []


def _require_modest(data: bytes, place: str) -> None:
    """A small file that unpacks to gigabytes is refused before it is unpacked."""
    size = 0
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as packed:  # what is none, its reader tells
        size = sum(item.file_size for item in packed.infolist())
    if size > MOST_UNPACKED:
        raise Refused(f"{place} unpacks to {size:,} bytes; at most {MOST_UNPACKED:,} are read")


def _text_rows(data: bytes, place: str, rules: TableRules) -> Iterator[tuple[int, Sequence[str]]]:
    text = _decoded(data, place, rules.encoding)
    lines = text.splitlines()
    head = lines[rules.header_line - 1] if len(lines) >= rules.header_line else ""
    delimiter = rules.delimiter or max(",\t;|", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    trouble = ""
    begins = 1
    try:
        for row in reader:
            yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        trouble = f"{place} line {begins}: {error}; a quotation mark may be missing"
    if trouble:
        raise Nonsense(trouble, expected="CSV", sample=data[:8])


def _decoded(data: bytes, place: str, encoding: str) -> str:
    """The text in the encoding the rules name, or by its mark, or UTF-8, or what Excel saves in China."""
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    tried = [encoding] if encoding else [marked] if marked else ["utf-8", "gb18030"]
    for name in tried:
        try:
            return data.decode(name)
        except UnicodeError:
            continue
    raise Nonsense(f"{place} is no text in {' or '.join(tried)}; name its `encoding`", expected="text", sample=data[:8])


def _sheet(
    rows: list[tuple[int, Sequence[Any]]], place: str, rules: TableRules, saved_at: datetime, zone: str
) -> Sheet:
    """The table below its header line. Blank lines say nothing; a line with more cells than there are columns is no proper row."""
    begins = next((index for index, (number, _) in enumerate(rows) if number >= rules.header_line), None)
    if begins is None:
        raise Refused(f"{place} is empty: expected the columns' names in line {rules.header_line}")
    columns = header_from(rows[begins][1])
    check_columns(columns, place, rules)
    lines: list[Line] = []
    troubles: dict[int, str] = {}
    for number, cells in rows[begins + 1 :]:
        if is_blank(cells):
            continue
        if len(lines) >= MOST_LINES:
            raise Refused(f"{place} has more than {MOST_LINES:,} rows")
        if len(cells) > len(columns) and not is_blank(cells[len(columns) :]):
            troubles[number] = f"{place} line {number} has {len(cells)} cells under {len(columns)} columns"
        padded = [*cells[: len(columns)], *[None] * (len(columns) - len(cells))]
        lines.append(Line(number, tuple(plain(cell, zone) for cell in padded)))
    return Sheet(place, columns, tuple(lines), saved_at, troubles)


def check_columns(columns: Sequence[str], place: str, rules: TableRules) -> None:
    """Raises Refused for columns that the rules name and the table lacks, or that it has twice."""
    named = [name for name in columns if name]
    if missing := [name for name in rules.columns if name not in named]:
        raise Refused(f"{place} has no column {', '.join(missing)}; it has {', '.join(named) or 'none'}")
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise Refused(f"{place} has {', '.join(twice)} twice; give each column a name of its own")
