"""The directory (contact/v3)."""

from __future__ import annotations

from typing import Any

from sandbox.feishu.call import Call, texts
from sandbox.feishu.state import Department, Person, Refusal

# As Go reads them, which is how the SDK of Python may send them.
BOOLEANS = ("true", "True", "TRUE", "1", "false", "False", "FALSE", "0")
BASE = ("contact:contact.base:readonly", "contact:department.organize:readonly", "contact:contact:readonly_as_app")


def batch_get_id(call: Call) -> dict[str, Any]:
    call.state.require_scope("contact:user.id:readonly")
    body = call.body()
    found: list[dict[str, str]] = []
    for many, one in (("emails", "email"), ("mobiles", "mobile")):
        for value in texts(body.get(many), many):
            people = call.state.people.values()
            # Numbers of the mainland are kept without a country code.
            match = next(
                (item for item in people if value and getattr(item, one) == value and not item.is_resigned), None
            )
            found.append({one: value, **({"user_id": match.open_id} if match else {})})
    return {"user_list": found}


def children(call: Call) -> dict[str, Any]:
    call.state.require_scope(*BASE)
    call.params(
        user_id_type=("open_id", "user_id", "union_id"),
        department_id_type=("department_id", "open_department_id"),
        fetch_child=BOOLEANS,
    )
    root = call.ids["department_id"]
    _require_department(call, root)
    below = _below(call, root, call.request.get("fetch_child") in BOOLEANS[:4])
    return call.page([_department(one) for one in below], 50)


def find_by_department(call: Call) -> dict[str, Any]:
    call.state.require_scope(*BASE)
    department = call.request.get("department_id")
    _require_department(call, department)
    people = [one for one in call.state.people.values() if not one.is_resigned]
    return call.page([_person(one) for one in people if department in (one.departments or ["0"])], 50)


def _require_department(call: Call, department: str) -> None:
    if department != "0" and department not in call.state.departments:
        raise Refusal(40004, "no dept authority error")


def _below(call: Call, root: str, is_deep: bool) -> list[Department]:
    """Deepest first where all are asked for: Feishu promises no order."""
    direct = [one for one in call.state.departments.values() if one.parent == root]
    return [*(item for one in direct for item in _below(call, one.id, True)), *direct] if is_deep else direct


def _department(one: Department) -> dict[str, Any]:
    leaders = [{"leaderType": 1, "leaderID": one.leader}] if one.leader else []
    return {
        "name": one.name, "department_id": one.id[-8:], "open_department_id": one.id, "parent_department_id": one.parent,
        "leader_user_id": one.leader, "leaders": leaders, "status": {"is_deleted": False}, "member_count": 0,
    }  # fmt: skip


def _person(one: Person) -> dict[str, Any]:
    status = {"is_frozen": False, "is_resigned": False, "is_activated": True, "is_exited": False, "is_unjoin": False}
    return {
        "open_id": one.open_id, "union_id": one.open_id.replace("ou_", "on_"), "name": one.name, "en_name": one.en_name,
        "email": one.email, "mobile": f"+86{one.mobile}" if one.mobile else "", "status": status,
        "department_ids": one.departments or ["0"], "leader_user_id": one.leader,
    }  # fmt: skip
