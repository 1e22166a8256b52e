"""A task as a plain tree of values, under Asana's own names. Pure and tolerant: real bodies lack keys and add others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sync.core.instants import instant_from_text
from sync.core.values import Account

INSTANTS = ("completed_at", "created_at", "modified_at", "due_at", "start_at")
DATES = ("due_on", "start_on")
PEOPLE = ("assignee", "created_by", "completed_by")
COMPLETED, INCOMPLETE = "completed", "incomplete"


def task_values(task: Mapping[str, Any], project: Mapping[str, Any]) -> dict[str, Any]:
    """The task's own fields; ``section`` is where it lies in the collected project, ``state`` says ``completed`` or the section's name
    (``incomplete`` where there is no section), and ``custom_fields`` are by name and by gid.
    """
    memberships = objects(task.get("memberships"))
    section = _section(memberships, str(project.get("gid") or ""))
    is_completed = task.get("completed") is True
    values: dict[str, Any] = {**task}
    values |= {name: instant_from_text(task.get(name)) for name in INSTANTS}
    values |= {name: _date(task.get(name)) for name in DATES}
    values |= {name: account_from(task.get(name)) for name in PEOPLE}
    return values | {
        "notes": str(task.get("notes") or ""),
        "completed": is_completed,
        "memberships": memberships,
        "project": dict(project),
        "section": section,
        "state": COMPLETED if is_completed else section or INCOMPLETE,
        "tags": [str(tag.get("name") or "") for tag in objects(task.get("tags"))],
        "followers": [found for item in objects(task.get("followers")) if (found := account_from(item))],
        "custom_fields": _custom_fields(objects(task.get("custom_fields"))),
    }


def account_from(person: object) -> Account | None:
    """Somebody as a task names them; one who was deleted has an id and no name."""
    if not isinstance(person, dict) or not person.get("gid"):
        return None
    return Account(str(person["gid"]), str(person.get("name") or ""), text_from(person.get("email")))


def _section(memberships: list[dict[str, Any]], project_gid: str) -> str:
    for membership in memberships:
        project, section = membership.get("project"), membership.get("section")
        if isinstance(project, dict) and str(project.get("gid")) == project_gid and isinstance(section, dict):
            return str(section.get("name") or "")
    return ""


def _custom_fields(fields: list[dict[str, Any]]) -> dict[str, Any]:
    """Values by the field's gid and by its name; of two fields with one name, the name means the first on the task."""
    values: dict[str, Any] = {}
    for item in fields:
        value = custom_field_value(item)
        if gid := text_from(item.get("gid")):
            values[gid] = value
        if name := text_from(item.get("name")):
            values.setdefault(name, value)
    return values


def custom_field_value(item: Mapping[str, Any]) -> object:
    """A value by its field's type; of a type that is not known here (a formula, a reference), what Asana shows."""
    match item.get("type"):
        case "text":
            return item.get("text_value")
        case "number":
            return item.get("number_value")
        case "enum":
            chosen = item.get("enum_value")
            return chosen.get("name") if isinstance(chosen, dict) else None
        case "multi_enum":
            return [str(option.get("name") or "") for option in objects(item.get("multi_enum_values"))]
        case "date":
            said = item.get("date_value")
            said = said if isinstance(said, dict) else {}
            return instant_from_text(said.get("date_time")) or _date(said.get("date"))
        case "people":
            return [found for person in objects(item.get("people_value")) if (found := account_from(person))]
        case _:
            return item.get("display_value")


def _date(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; nothing else counts."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_from(value: object) -> str | None:
    """A text or number as text; None for all else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None
