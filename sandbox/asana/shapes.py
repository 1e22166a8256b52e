"""Things as Asana shows them, and which of their fields an answer has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sandbox.asana import html
from sandbox.asana.state import Attachment, Json, Project, Section, State, Story, Task, User

# What a list shows of anything that it was not asked for.
COMPACT = ("gid", "resource_type", "name", "resource_subtype")


def instant(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z" if at else None


def chosen(thing: Any, fields: Sequence[str]) -> Any:
    """Of a thing only the fields that ``opt_fields`` names (dotted paths), its id always."""
    if isinstance(thing, list):
        return [chosen(item, fields) for item in thing]
    if not isinstance(thing, dict):
        return thing
    picked: Json = {name: thing[name] for name in ("gid", "resource_type") if name in thing}
    below: dict[str, list[str]] = {}
    for field in fields:
        name, _, rest = field.partition(".")
        if name in thing:
            below.setdefault(name, []).extend([rest] if rest else [])
    for name, wanted in below.items():
        value = thing[name]
        is_thing = isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict))
        # A thing asked for whole comes compact.
        picked[name] = chosen(value, wanted or COMPACT) if is_thing else value
    return picked


def user(one: User) -> Json:
    return {"gid": one.gid, "resource_type": "user", "name": one.name, "email": one.email}


def person(one: User | None) -> Json | None:
    return {"gid": one.gid, "resource_type": "user", "name": one.name} if one else None


def project(state: State, one: Project) -> Json:
    return {
        "gid": one.gid, "resource_type": "project", "name": one.name, "archived": one.archived, "privacy_setting": one.privacy,
        "modified_at": instant(one.modified_at), "permalink_url": f"{state.public_url}/1/{state.workspace}/project/{one.gid}",
        "workspace": {"gid": state.workspace, "resource_type": "workspace", "name": "公司"},
    }  # fmt: skip


def named(kind: str, one: Project | Section | Task | Story) -> Json:
    """Anything as events name it."""
    name = {"name": one.name} if not isinstance(one, Story) else {"resource_subtype": one.subtype}
    return {"gid": one.gid, "resource_type": kind, **name}


def place(state: State, one: Task) -> Json | None:
    """What a task was made in: its project, or the task that it is a subtask of."""
    for gid in one.places:
        return named("project", state.projects[gid])
    return named("task", state.tasks[one.parent]) if one.parent in state.tasks else None


def task(state: State, one: Task) -> Json:
    details = one.details
    due_at, start_at = details.get("due_at"), details.get("start_at")
    return {
        "gid": one.gid, "resource_type": "task", "name": one.name, "resource_subtype": details.get("resource_subtype", "default_task"),
        "notes": details.get("notes", ""), "completed": one.completed_at is not None, "completed_at": instant(one.completed_at),
        "completed_by": person(one.completed_by), "due_on": details.get("due_on") or (due_at or "")[:10] or None, "due_at": due_at,
        "start_on": details.get("start_on") or (start_at or "")[:10] or None, "start_at": start_at, "assignee": person(one.assignee),
        "created_at": instant(one.created_at), "created_by": person(one.by), "modified_at": instant(one.modified_at),
        "parent": _named(state, one.parent), "num_subtasks": len(state.subtasks(one.gid)), "is_rendered_as_separator": one.is_separator,
        "permalink_url": f"{state.public_url}/1/{state.workspace}/task/{one.gid}", "actual_time_minutes": None,
        "memberships": [_membership(state, gid, section) for gid, section in one.places.items()],
        "projects": [{"gid": gid, "resource_type": "project", "name": state.projects[gid].name} for gid in one.places],
        "tags": [{"gid": state.tags[name], "resource_type": "tag", "name": name} for name in details.get("tags", ())],
        "followers": [person(one.by)], "dependencies": [_named(state, gid) for gid in one.dependencies],
        "dependents": [_named(state, gid) for gid in state.dependents(one.gid)], "custom_fields": _fields(state, one),
    }  # fmt: skip


def _named(state: State, gid: str | None) -> Json | None:
    if gid is None:
        return None
    found = state.tasks.get(gid)
    return {
        "gid": gid,
        "resource_type": "task",
        "name": found.name if found else "",
        "resource_subtype": "default_task",
    }


def _membership(state: State, gid: str, section: str) -> Json:
    one = state.projects[gid]
    found = next((item for item in one.sections if item.gid == section), one.sections[0])
    return {
        "project": {"gid": gid, "resource_type": "project", "name": one.name},
        "section": {"gid": found.gid, "resource_type": "section", "name": found.name},
    }


def _fields(state: State, one: Task) -> list[Json]:
    values = one.details.get("custom_fields", {})
    found = []
    for gid in one.places:
        for field in state.projects[gid].fields:
            value = values.get(field.gid)
            shown: Json = {"gid": field.gid, "resource_type": "custom_field", "name": field.name, "type": field.kind}
            shown["display_value"] = None if value is None else str(value)
            if field.kind == "enum":
                name = next((name for name, option in field.options.items() if option == value), None)
                shown["display_value"] = name
                shown["enum_value"] = {"gid": value, "resource_type": "enum_option", "name": name} if name else None
            elif field.kind == "date":
                shown["date_value"] = value
                shown["display_value"] = value and value.get("date")
            elif field.kind == "people":
                shown["people_value"] = [person(state.users[user]) for user in value or ()]
            else:
                shown[f"{field.kind}_value"] = value
            found.append(shown)
    return found


def story(state: State, one: Story, on: Task) -> Json:
    names = {gid: user.name or "" for gid, user in state.users.items()}
    is_comment = one.subtype == "comment_added"
    return {
        "gid": one.gid, "resource_type": "story", "resource_subtype": one.subtype, "type": "comment" if is_comment else "system",
        "text": html.plain(one.html), "html_text": html.shown(one.html, names), "created_by": person(one.by),
        "created_at": instant(one.at), "is_edited": one.is_edited, "target": _named(state, on.gid),
    }  # fmt: skip


def attachment(one: Attachment) -> Json:
    return {
        "gid": one.gid, "resource_type": "attachment", "name": one.name, "resource_subtype": one.subtype, "host": one.subtype,
        "view_url": one.url, "download_url": None, "permanent_url": f"https://app.asana.com/app/asana/-/get_asset?asset_id={one.gid}",
    }  # fmt: skip
