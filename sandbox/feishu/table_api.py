"""Bases and tables (bitable/v1)."""

from __future__ import annotations

import re
from typing import Any

from sandbox.feishu.call import Call, texts
from sandbox.feishu.state import Refusal
from sandbox.feishu.work_state import CHOICE, DATE, NUMBER, TEXT, Row, Table

READ, EDIT = ("bitable:app:readonly", "bitable:app"), ("base:record:update", "bitable:app")
# By type of column: what a cell is written as, and the code for anything else.
TAKEN: dict[int, tuple[Any, int]] = {
    TEXT: (str, 1254060), NUMBER: (int | float, 1254061), CHOICE: (str, 1254062), DATE: (int, 1254064),
}  # fmt: skip
LARGEST = 100_000
_ADDRESS = re.compile(r"(https?://[^\s，。；）]+)")


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


def update(call: Call) -> dict[str, Any]:
    """Only the columns that are sent; null empties a cell. The answer tells them as they were sent."""
    call.state.require_scope(*EDIT)
    table, sent = _table(call), call.body().get("fields")
    if not table.is_editable:
        raise Refusal(91403, "Forbidden", 403)
    row = table.rows.get(call.ids["record_id"])
    if row is None:
        raise Refusal(1254043, "RecordIdNotFound", 200)
    if row.is_forbidden:
        raise Refusal(1254302, "Permission denied.", 403)
    if not isinstance(sent, dict) or not sent:
        raise Refusal(1254001, "WrongRequestBody", 200)
    for name, value in sent.items():
        _require_fitting(table, name, value)
    row.fields |= {
        name: written_text(value or "") if table.columns[name] == TEXT else value for name, value in sent.items()
    }
    row.modified_ms = int(call.state.now().timestamp() * 1000)
    return {"record": {"record_id": row.id, "id": row.id, "fields": sent}}


def _require_fitting(table: Table, name: str, value: object) -> None:
    if name not in table.columns:
        raise Refusal(1254045, "FieldNameNotFound", 200)
    kind, code = TAKEN.get(table.columns[name], (object, 0))
    if value is not None and not isinstance(value, kind):
        raise Refusal(code, "FieldConvFail", 200)
    if isinstance(value, str) and len(value) > LARGEST:
        raise Refusal(1254130, "TooLargeCell", 200)


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


def written_text(words: str) -> list[dict[str, str]]:
    """A text as it is kept: addresses in it become segments of their own."""
    parts = (part for part in _ADDRESS.split(words) if part)
    return [
        {"text": part, "type": "url", "link": part} if _ADDRESS.fullmatch(part) else {"text": part, "type": "text"}
        for part in parts
    ]
