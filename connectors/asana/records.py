"""Asana's tasks as raw records, and raw records as generic records. Pure.

A task is kept as ``{"task": …, "project": …, "attachments": […]}``: its own bytes beside what is needed to read it alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from connectors.asana.shapes import Project
from connectors.asana.values import objects, task_values, text_from
from sync.core.decode import decoded
from sync.core.errors import Nonsense
from sync.core.instants import instant_from_text
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, Link, Mention, RawRecord, Record, Ref, Visibility

TASK = "task"
APP = "https://app.asana.com"
_SPACE = re.compile(r"https?://[^/]+/1/\d+/")
DEPENDENCY = "dependency"
# One list call brings all of these; dependencies and dependents are told only when asked for.
FIELDS = (
    "name,notes,resource_subtype,approval_status,completed,completed_at,completed_by.name,due_on,due_at,start_on,start_at,assignee.name,"
    "created_at,created_by,modified_at,parent,num_subtasks,permalink_url,is_rendered_as_separator,actual_time_minutes,"
    "memberships.project.name,memberships.section.name,tags.name,followers.name,"
    "dependencies,dependents,custom_fields.name,custom_fields.type,custom_fields.display_value,"
    "custom_fields.enum_value.name,custom_fields.multi_enum_values.name,custom_fields.number_value,custom_fields.text_value,"
    "custom_fields.date_value,custom_fields.people_value.name"
)
THIN_FIELDS = "modified_at,num_subtasks,parent,is_rendered_as_separator,memberships.project"


class Head(Struct, frozen=True):
    """The light pass over a task. ``projects`` are the ids of those it lies in itself; a subtask mostly lies in none."""

    gid: str
    modified_at: datetime | None
    projects: frozenset[str]
    parent: str
    has_subtasks: bool
    is_separator: bool


def head_from(raw: Raw | bytes) -> Head:
    """Raises Nonsense for what is no task at all; whatever else is odd counts as not said."""
    task = decoded(raw, dict[str, Any], "a task")
    gid = text_from(task.get("gid"))
    if not gid:
        raise Nonsense(expected="a task with its gid", sample=task)
    places = (membership.get("project") for membership in objects(task.get("memberships")))
    count = task.get("num_subtasks")
    return Head(
        gid,
        instant_from_text(task.get("modified_at")),
        frozenset(str(place["gid"]) for place in places if isinstance(place, dict) and place.get("gid")),
        str((task.get("parent") or {}).get("gid") or "") if isinstance(task.get("parent"), dict) else "",
        # An answer that does not tell may hide some.
        count is None or (isinstance(count, int) and count > 0),
        task.get("is_rendered_as_separator") is True,
    )


def raw_from_task(
    raw: Raw | bytes,
    head: Head,
    connection: str,
    scope: str,
    project: Project,
    attachments: Sequence[Raw] | None,
) -> RawRecord:
    """One task with what is needed to read it alone. Its version covers what a mapping can read of it: renaming a section or making a
    project private moves no task's ``modified_at``.
    """
    words = msgspec.json.encode({"gid": project.gid, "name": project.name, "permalink_url": project.permalink_url})
    attached = (
        b"" if attachments is None else b',"attachments":[' + b",".join(bytes(item) for item in attachments) + b"]"
    )
    payload = b'{"task":' + bytes(raw) + b',"project":' + words + attached + b"}"
    fetched_at = datetime.now(UTC)
    facts = msgspec.json.encode(_sorted(decoded(payload)), order="deterministic")
    digest = hashlib.blake2b(facts, digest_size=8).hexdigest()
    updated_at = head.modified_at or fetched_at
    return RawRecord(
        Ref.of(connection, TASK, head.gid), payload, f"{updated_at.isoformat() if head.modified_at else ''}~{digest}", updated_at,
        fetched_at, "attachments" if attachments is not None else "", scope, _visibility(project),
    )  # fmt: skip


def _visibility(project: Project) -> Visibility:
    """A project that everybody of the workspace may read is open; one that does not say is taken as private."""
    return "open" if project.privacy_setting == "public_to_workspace" else "restricted"


def _sorted(value: Any) -> Any:
    """The same whichever order Asana lists things in."""
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted(
            (_sorted(item) for item in value), key=lambda item: msgspec.json.encode(item, order="deterministic")
        )
    return value


def is_quoted(project: Mapping[str, Any], settings: ConnectionSettings) -> bool:
    """Whether the admin lets tasks of this project be named elsewhere. The raw record stays restricted: only its reading changes."""
    return bool({project.get("gid"), project.get("name")} & set(settings.options.get("quoted_projects") or ()))


def record_from_raw(raw: RawRecord, settings: ConnectionSettings) -> Record:
    """Decode a task once; unknown and missing keys are tolerated. Raises Nonsense for bytes that are none."""
    payload = decoded(raw.payload, what="a stored record")
    task = payload.get("task") if isinstance(payload, dict) else None
    if not isinstance(task, dict):
        raise Nonsense(expected="a task as it was stored", sample=raw.payload[:200].decode(errors="replace"))
    project = payload.get("project") if isinstance(payload.get("project"), dict) else {}
    values = task_values(task, project)
    gid = raw.ref.key
    url = str(task.get("permalink_url") or f"{APP}/0/0/{gid}/f")
    return Record(
        ref=raw.ref,
        key=gid,
        title=str(task.get("name") or ""),
        url=url,
        updated_at=raw.updated_at,
        values=values,
        scope=raw.scope,
        visibility="open" if raw.visibility == "open" or is_quoted(project, settings) else "restricted",
        aliases=_aliases(gid, url, values["memberships"]),
        links=tuple(_links(gid, task)),
        mentions=tuple(_mentions(payload.get("attachments"))),
        accounts=_accounts(values),
    )


def _aliases(gid: str, url: str, memberships: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The addresses under which people copy a task: of each project it lies in, in today's form and the old ``/0/<project>/<task>``."""
    places = [
        str((item.get("project") or {}).get("gid") or "")
        for item in memberships
        if isinstance(item.get("project"), dict)
    ]
    old = [f"{APP}/0/{place}/{gid}{end}" for place in ("0", *places) for end in ("", "/f")]
    space = _SPACE.match(url)
    new = [f"{space[0]}project/{place}/task/{gid}" for place in places] + [f"{space[0]}task/{gid}"] if space else []
    return tuple(dict.fromkeys((gid, url, *new, *old)))


def link_id(predecessor: str, successor: str) -> str:
    """A dependency has no id of its own: the same from both ends."""
    return f"{predecessor}>{successor}"


def _links(gid: str, task: Mapping[str, Any]) -> Iterator[Link]:
    """What the task waits for, and what waits for it."""
    for other in objects(task.get("dependencies")):
        if key := text_from(other.get("gid")):
            yield Link(
                link_id(key, gid),
                DEPENDENCY,
                DEPENDENCY,
                False,
                "is blocked by",
                key,
                key,
                str(other.get("name") or ""),
            )
    for other in objects(task.get("dependents")):
        if key := text_from(other.get("gid")):
            yield Link(
                link_id(gid, key), DEPENDENCY, DEPENDENCY, True, "blocks", key, key, str(other.get("name") or "")
            )


def _mentions(attachments: object) -> Iterator[Mention]:
    """Attached addresses; an uploaded file's is its own and names nothing."""
    for item in objects(attachments):
        if item.get("resource_subtype") == "external" and item.get("view_url"):
            yield Mention("attachment", str(item.get("gid") or ""), str(item.get("name") or ""), str(item["view_url"]))


def _accounts(values: Mapping[str, Any]) -> tuple[Account, ...]:
    people = [values.get(name) for name in ("assignee", "created_by", "completed_by")]
    people += [
        *values["followers"],
        *(item for value in values["custom_fields"].values() if isinstance(value, list) for item in value),
    ]
    found = {item.id: item for item in people if isinstance(item, Account)}
    return tuple(found.values())
