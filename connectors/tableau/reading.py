"""Numbers out of Tableau: what a view shows, as CSV. Tableau formats them as displayed, so they are read as people would read them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.tableau.site import Site, tsc
from sync.core.cells import plain, typed_column
from sync.core.errors import Nonsense
from sync.core.metrics import MetricQuery, Reading, Table

MAX_AGE = 5  # minutes; a look past the cache runs the view's query


class ViewReader:
    """The port MetricSource. ``query.source`` is a view, by id or ``Workbook/View``; options: ``filters`` (caption: value or values),
    ``parameters``, and ``max_age`` in minutes.
    """

    site: Site

    def read_metric(self, query: MetricQuery) -> Reading:
        """The rows of the view now. When its data was last made, Tableau does not tell here."""
        view = self.site.view(query.source)
        options = _options(query.options)
        data = self.site.ask(lambda server: _csv(server, view, options))
        return Reading(table_from_csv(data, query.source, self.site.settings.zone))


def _csv(server: Any, view: Any, options: Any) -> bytes:
    server.views.populate_csv(view, options)
    return b"".join(view.csv)


def _options(said: Mapping[str, object]) -> Any:
    options = tsc.CSVRequestOptions(maxage=max(1, int(str(said.get("max_age") or MAX_AGE))))
    filters, parameters = said.get("filters"), said.get("parameters")
    for caption, wanted in (filters if isinstance(filters, Mapping) else {}).items():
        options.vf(str(caption), filter_text(wanted))
    for name, wanted in (parameters if isinstance(parameters, Mapping) else {}).items():
        options.parameter(str(name), _word(wanted))
    return options


def filter_text(wanted: object) -> str:
    """A value or several. A comma parts them, so one inside a value is escaped."""
    values = wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [wanted]
    return ",".join(_word(value).replace("\\", "\\\\").replace(",", "\\,") for value in values)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def table_from_csv(data: bytes, place: str, zone: str) -> Table:
    """Typed columns out of what a view shows: each by the narrowest type that all its cells have. Of two columns with one name the second
    is numbered. Raises Nonsense for what is no table.
    """
    try:
        text = data.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        trouble = str(error) if isinstance(error, csv.Error) else "not UTF-8"
        raise Nonsense(expected=f"{place} as CSV ({trouble})", found="something else") from None
    if not lines:
        return Table(())
    names, rows = _named(lines[0]), lines[1:]
    if uneven := next((number for number, row in enumerate(rows, 2) if row and len(row) != len(names)), None):
        raise Nonsense(expected=f"{place} with {len(names)} columns", found=f"another number of them on line {uneven}")
    kept = [row for row in rows if row]
    columns, cells = [], []
    for index, name in enumerate(names):
        read = [(number, plain(row[index], zone)) for number, row in enumerate(kept, 2)]
        column, values = typed_column(name, read, None, place, zone)
        columns.append(column)
        cells.append(values)
    return Table(tuple(columns), tuple(zip(*cells, strict=True)) if cells else ())


def _named(names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        wanted, number = " ".join(name.split()), 2
        unique = wanted
        while unique in found:
            unique, number = f"{wanted} {number}", number + 1
        found.append(unique)
    return found
