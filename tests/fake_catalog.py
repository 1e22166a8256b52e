"""Definitions in memory, as their authors wrote them; some may be hidden from us."""

from __future__ import annotations

from dataclasses import dataclass, field

from sync.core.errors import NotFound
from sync.core.metrics import Definitions, MetricDefinition


@dataclass
class FakeMetricCatalog:
    """Sources and the numbers they show. Of those in ``hidden`` nothing is told but that they are."""

    sources: dict[str, list[MetricDefinition]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def definitions(self, source: str) -> Definitions:
        if source not in self.sources:
            raise NotFound(f"there is no {source!r}")
        items = [item for item in self.sources[source] if item.name not in self.hidden]
        items.sort(key=lambda item: item.name)
        is_whole = len(items) == len(self.sources[source])
        return Definitions(tuple(items), is_whole, "" if is_whole else "some are hidden from this account")
