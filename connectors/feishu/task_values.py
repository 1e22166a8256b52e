"""Tasks 任务 (task v2) as raw records, and raw records as generic records. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from connectors.feishu.table_rows import TASK
from sync.core.decode import decoded
from sync.core.errors import Nonsense
from sync.core.instants import instant_from_ms
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, Link, RawRecord, Record, Ref

DEPENDENCY = "dependency"
DONE, OPEN = "done", "todo"


def raw_from_task(
    task: Mapping[str, Any], names: Mapping[str, str], connection: str, scope: str, fetched_at: datetime
) -> RawRecord:
    """One task with the names of its list's sections. Raises Nonsense for what has no guid."""
    guid = task.get("guid")
    if not isinstance(guid, str) or not guid:
        raise Nonsense(expected="a task with its guid", sample=task)
    at = instant_from_ms(task.get("updated_at")) or instant_from_ms(task.get("created_at")) or fetched_at
    payload = msgspec.json.encode({"task": dict(task), "sections": dict(names)}, order="deterministic")
    version = f"{task.get('updated_at') or ''}~{hashlib.blake2b(payload, digest_size=8).hexdigest()}"
    return RawRecord(Ref.of(connection, TASK, guid), payload, version, at, fetched_at, "", scope)


def record_from_task(raw: RawRecord, payload: Mapping[str, Any], settings: ConnectionSettings) -> Record:
    """A task by Feishu's own names; ``section`` is where it lies in its list, ``state`` says ``done`` or the section (``todo`` without)."""
    task = payload.get("task")
    if not isinstance(task, dict):
        raise Nonsense(expected="a task as it was stored", sample=payload)
    sections = payload.get("sections")
    values = _values(task, sections if isinstance(sections, dict) else {}, settings.zone)
    url = str(task.get("url") or f"https://applink.feishu.cn/client/todo/detail?guid={raw.ref.key}")
    short = str(task.get("task_id") or "")
    people = [values["creator"], *values["assignees"], *values["followers"]]
    return Record(
        ref=raw.ref,
        key=short or raw.ref.key,
        title=str(task.get("summary") or ""),
        url=url,
        updated_at=raw.updated_at,
        values=values,
        scope=raw.scope,
        visibility="restricted"
        if raw.scope in (settings.options.get("restricted_tasklists") or ())
        else raw.visibility,
        aliases=tuple(dict.fromkeys(text for text in (raw.ref.key, short, url) if text)),
        links=tuple(_links(raw.ref.key, task)),
        accounts=tuple({person.id: person for person in people if person}.values()),
    )


def _values(task: Mapping[str, Any], sections: Mapping[str, Any], zone: str) -> dict[str, Any]:
    members = _objects(task.get("members"))
    places = [str(place.get("section_guid") or "") for place in _objects(task.get("tasklists"))]
    section = next((str(sections[place]) for place in places if sections.get(place)), "")
    completed = instant_from_ms(task.get("completed_at")) if str(task.get("completed_at") or "0") != "0" else None
    return {
        **task,
        "completed_at": completed,
        "created_at": instant_from_ms(task.get("created_at")),
        "updated_at": instant_from_ms(task.get("updated_at")),
        "due": _day(task.get("due"), zone),
        "start": _day(task.get("start"), zone),
        "creator": _account(task.get("creator")),
        "assignees": [found for item in members if item.get("role") == "assignee" and (found := _account(item))],
        "followers": [found for item in members if item.get("role") == "follower" and (found := _account(item))],
        "section": section,
        "state": DONE if completed else section or OPEN,
        "custom_fields": _custom_fields(_objects(task.get("custom_fields"))),
    }


def _day(said: object, zone: str) -> date | datetime | None:
    """An all-day time is a date: its instant is midnight in UTC. Any other is an instant, and its date is the connection's zone's."""
    if not isinstance(said, dict):
        return None
    at = instant_from_ms(said.get("timestamp"))
    if at is None:
        return None
    return at.date() if said.get("is_all_day") is True else at.astimezone(ZoneInfo(zone)).astimezone(UTC)


def _custom_fields(fields: list[dict[str, Any]]) -> dict[str, Any]:
    """Values by the field's name and guid; of a choice its id, as Feishu tells no more here."""
    values: dict[str, Any] = {}
    for item in fields:
        kind = str(item.get("type") or "")
        value = item.get(f"{kind}_value")
        if kind == "datetime":
            value = instant_from_ms(value)
        elif kind == "member":
            value = [found for member in _objects(value) if (found := _account(member))]
        for name in (item.get("guid"), item.get("name")):
            if name:
                values.setdefault(str(name), value)
    return values


def _links(guid: str, task: Mapping[str, Any]) -> Iterator[Link]:
    """``prev`` is a task that this one waits for, ``next`` one that waits for this."""
    for item in _objects(task.get("dependencies")):
        other = str(item.get("task_guid") or "")
        if other and item.get("type") == "prev":
            yield Link(link_id(other, guid), DEPENDENCY, DEPENDENCY, False, "is blocked by", other, other)
        elif other and item.get("type") == "next":
            yield Link(link_id(guid, other), DEPENDENCY, DEPENDENCY, True, "blocks", other, other)


def link_id(predecessor: str, successor: str) -> str:
    """A dependency has no id of its own: the same from both ends."""
    return f"{predecessor}>{successor}"


def _account(person: object) -> Account | None:
    if not isinstance(person, dict) or not person.get("id") or person.get("type") == "app":
        return None
    return Account(str(person["id"]), str(person.get("name") or ""))


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def task_from(data: Mapping[str, Any]) -> dict[str, Any]:
    """The task of an answer. Raises Nonsense."""
    found = data.get("task")
    if not isinstance(found, dict) or not found.get("guid"):
        raise Nonsense(expected="a task with its guid", sample=data)
    return decoded(msgspec.json.encode(found), dict[str, Any], "a task")
