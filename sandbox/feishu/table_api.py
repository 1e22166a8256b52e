"""Bases and tables (bitable/v1)."""

from __future__ import annotations

from typing import Any

from sandbox.feishu.call import Call, texts
from sandbox.feishu.state import Refusal
from sandbox.feishu.work_state import Row, Table

READ = ("bitable:app:readonly", "bitable:app")


def get_base(call: Call) -> dict[str, Any]:
    call.state.require_scope(*READ)
    tables = [one for one in call.state.work.tables.values() if one.base == call.ids["app_token"]]
    if not tables:
        raise Refusal(1254040, "BaseTokenNotFound", 200)
    if not any(one.is_shared for one in tables):
        raise Refusal(91403, "Forbidden", 403)
    return {"app": {"app_token": tables[0].base, "name": "部门表格", "revision": 1, "is_advanced": False}}


def _table(call: Call) -> Table:
    call.state.require_scope(*READ)
    found = call.state.work.tables.get(call.ids["table_id"])
    if found is None or found.base != call.ids["app_token"]:
        raise Refusal(1254041, "TableIdNotFound", 200)
    if not found.is_shared:
        raise Refusal(91403, "Forbidden", 403)
    return found


def fields(call: Call) -> dict[str, Any]:
    table = _table(call)
    items = [
        {"field_id": f"fld{index:07}", "field_name": name, "type": kind, "is_primary": index == 0, "ui_type": "Text"}
        for index, (name, kind) in enumerate(table.columns.items())
    ]
    return call.page(items, 100)


def search(call: Call) -> dict[str, Any]:
    table, body = _table(call), call.body()
    wanted = body.get("field_names")
    if wanted is not None and (not isinstance(wanted, list) or set(wanted) - set(table.columns)):
        raise Refusal(1254045, "FieldNameNotFound", 200)
    rows = [row for row in table.rows.values() if not row.is_forbidden]
    page = call.page([_shown(row, wanted, bool(body.get("automatic_fields"))) for row in rows], 500)
    return {**page, "total": len(rows)}


def batch_get(call: Call) -> dict[str, Any]:
    table, body = _table(call), call.body()
    ids = texts(body.get("record_ids"), "record_ids", 100)
    found = [table.rows[key] for key in ids if key in table.rows]
    return {
        "records": [_shown(row, None, bool(body.get("automatic_fields"))) for row in found if not row.is_forbidden],
        "forbidden_record_ids": [row.id for row in found if row.is_forbidden],
        "absent_record_ids": [key for key in ids if key not in table.rows],
    }


def _shown(row: Row, wanted: list[str] | None, has_automatic: bool) -> dict[str, Any]:
    person = {"id": "ou_colleague00000000000000000000", "name": "赵敏", "en_name": "", "email": "", "avatar_url": ""}
    automatic = {
        "created_time": row.created_ms,
        "last_modified_time": row.modified_ms,
        "created_by": person,
        "last_modified_by": person,
    }
    # An empty cell is not told at all.
    told = {
        name: value
        for name, value in row.fields.items()
        if value not in (None, "", []) and (wanted is None or name in wanted)
    }
    return {"record_id": row.id, "fields": told, **(automatic if has_automatic else {})}


def shown_text(words: str) -> list[dict[str, str]]:
    """A cell of text as a search gives it: segments."""
    return [{"text": words, "type": "text"}] if words else []
