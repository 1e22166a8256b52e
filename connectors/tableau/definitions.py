"""Definitions out of Tableau's Metadata API: which numbers a view shows, by which formula, from which data source and tables, and whose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.tableau.answers import ENABLE, RIGHTS
from connectors.tableau.lineage import (
    FIELDS,
    HIDDEN,
    PLACE,
    PROBE,
    answer_from,
    fields_of,
    next_page,
    nodes,
    sheets_in,
    tables_visible,
)
from connectors.tableau.site import Site
from sync.core.errors import AccessDenied, Nonsense, Refused, TielineError
from sync.core.metrics import Definitions, MetricDefinition
from sync.core.ports import Probe

MOST_FIELDS = 100  # fields in one answer, which may hold 20,000 things: fewer are asked for where that is too much
UNKNOWN = "Tableau's Metadata API does not know this view: what was just published is indexed a little later; ask again in a while"
OPERATION = "tell where numbers come from (Metadata API)"
ONLY_FOR = "only `tieline definitions` needs it"


class DefinitionReader:
    """The port MetricCatalog. ``source`` is a view, by id or ``Workbook/View``; of a dashboard all its sheets are told."""

    site: Site

    def definitions(self, source: str) -> Definitions:
        """The view's numbers: its measures, calculated or not."""
        view = self.site.view(source)
        answer = answer_from(self.site.query(PLACE, {"luid": str(view.id)}))
        notes, found = dict.fromkeys(answer.notes), dict[str, MetricDefinition]()
        sheets = sheets_in(answer)
        if not sheets:
            notes[UNKNOWN] = None
        hidden = 0
        for sheet in sheets:
            for page in self._pages(sheet, notes):
                for told in fields_of(page, self.site.browser_url):
                    hidden += told.hidden
                    notes.update({told.note: None} if told.note else {})
                    if told.definition:
                        found[told.id] = told.definition
        if hidden:
            notes[HIDDEN.format(count=hidden)] = None
        items = sorted(set(found.values()), key=lambda item: (item.name, item.dataset, item.formula))
        return Definitions(tuple(items), is_whole=not notes, reason="; ".join(notes))

    def _pages(self, sheet: str, notes: dict[str, None]) -> Iterator[Mapping[str, Any]]:
        """A sheet, with one page of its fields at a time. An answer that was cut is asked for again in smaller pieces."""
        first, after = MOST_FIELDS, None
        while True:
            answer = answer_from(self.site.query(FIELDS, {"sheet": sheet, "first": first, "after": after}))
            if answer.is_cut and first > 1:
                first //= 2
                continue
            notes.update(dict.fromkeys(answer.notes))
            found = next(nodes(answer.data, "sheetsConnection"), None)
            if found is None:
                notes.setdefault(UNKNOWN)
                return
            yield found
            before, after = after, next_page(found)
            if after is None:
                return
            if after in ("", before):
                raise Nonsense(expected="the next page of a sheet's fields", found="the same cursor again")

    def catalog_probe(self) -> Probe:
        """Whether definitions can be told. Not to have them is no fault of a connection that only reads and publishes."""
        try:
            answer = answer_from(self.site.query(PROBE, {}))
        except (AccessDenied, Refused) as error:
            cure = RIGHTS if isinstance(error, AccessDenied) else ENABLE
            return Probe(OPERATION, None, f"{error}; {ONLY_FOR}", cure)
        except TielineError as error:
            return Probe(OPERATION, is_ok=False, detail=str(error))
        seen, hidden = tables_visible(answer)
        if hidden:
            return Probe(OPERATION, None, f"{ONLY_FOR}; {seen} tables visible", HIDDEN.format(count=hidden))
        return Probe(OPERATION, is_ok=True, detail="; ".join(answer.notes) or f"{seen} tables visible")
