"""Numbers out of Power BI: a DAX query on a semantic model, and how old its data is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.powerbi.answers import words_of
from connectors.powerbi.site import Json, Site, field
from connectors.powerbi.tables import instant_from, table_from_rows
from sync.core.errors import AccessDenied, ConfigError, Nonsense, NotFound, Problem, Refused
from sync.core.metrics import MetricQuery, Reading

NEWEST = 20
CUT = ("more than", "exceed", "truncat", "limit")


class Reader:
    """The port MetricSource. ``query.source`` is the semantic model, by name or id; options: ``workspace`` and ``dax``."""

    site: Site

    def read_metric(self, query: MetricQuery) -> Reading:
        """The rows of the query now. Power BI answers 200 where it cut rows off: that is told, never taken for all of them."""
        place, dax = str(query.options.get("workspace") or ""), str(query.options.get("dax") or "")
        missing = [name for name, text in (("workspace", place), ("dax", dax)) if not text]
        if missing:
            raise ConfigError([Problem(self.site.settings.name, 0, name, "missing in the query") for name in missing])
        workspace = self.site.workspace_id(place)
        dataset = self.site.dataset_id(workspace, query.source)
        rows, reason = rows_from(self.site.query(workspace, dataset, dax))
        as_of = self._as_of(workspace, dataset)
        return Reading(table_from_rows(rows), as_of, is_whole=not reason, reason=reason)

    def _as_of(self, workspace: str, dataset: str) -> datetime | None:
        """When the newest refresh that succeeded had ended; None where none is told (push data, live connections, no right)."""
        try:
            refreshes = self.site.listed(f"/groups/{workspace}/datasets/{dataset}/refreshes", f"?$top={NEWEST}")
        except (AccessDenied, NotFound, Refused):
            return None
        ends = [field(item, "endTime") for item in refreshes if field(item, "status") == "Completed"]
        found = [at for text in ends if text and (at := instant_from(str(text)))]
        return max(found, default=None)


def rows_from(answer: Json) -> tuple[list[dict[str, Any]], str]:
    """The rows, and why they are not all. Raises Refused for an error that brought no rows."""
    results = field(answer, "results")
    result = results[0] if isinstance(results, list) and results and isinstance(results[0], dict) else {}
    tables = field(result, "tables")
    table = tables[0] if isinstance(tables, list) and tables and isinstance(tables[0], dict) else {}
    rows = field(table, "rows")
    error = field(answer, "error") or field(result, "error") or field(table, "error")
    if error:
        code, words = words_of(error)
        if isinstance(rows, list) and rows and any(sign in words.lower() for sign in CUT):
            return [row for row in rows if isinstance(row, dict)], words or code
        raise Refused(status=200, vendor_code=code, vendor_message=words)
    if not isinstance(rows, list):
        raise Nonsense(expected="results with a table of rows", sample=answer)
    return [row for row in rows if isinstance(row, dict)], ""
