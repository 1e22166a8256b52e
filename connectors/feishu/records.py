"""Raw records of Feishu's work as generic records: rows of Bitable tables 多维表格, tasks 任务 and pages of wikis 知识库. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.feishu.table_rows import record_from_row
from connectors.feishu.task_values import record_from_task
from connectors.feishu.wiki_pages import record_from_page
from sync.core.decode import decoded
from sync.core.errors import Nonsense
from sync.core.ports import ConnectionSettings, no_records
from sync.core.values import RawRecord, Record


def record_from_raw(raw: RawRecord, settings: ConnectionSettings) -> Record:
    """Decode a row, a task or a page once; unknown and missing keys are tolerated. Raises Nonsense for bytes that are none."""
    payload: Any = decoded(raw.payload, what="a stored record")
    if not isinstance(payload, Mapping):
        raise Nonsense(expected="a JSON object", sample=raw.payload[:200].decode(errors="replace"))
    match settings.variant:
        case "bitable":
            return record_from_row(raw, payload, settings)
        case "tasks":
            return record_from_task(raw, payload, settings)
        case "wiki":
            return record_from_page(raw, payload, settings)
        case _:
            return no_records(raw, settings)
