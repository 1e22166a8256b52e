"""To-dos (VTODO of RFC 5545, relations of RFC 9253) as raw records, and raw records as generic records. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Component

from sync.core.errors import Nonsense
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, Link, RawRecord, Record, Ref

TASK = "task"
PARENT, CHILD, SIBLING = "PARENT", "CHILD", "SIBLING"
STATUSES = ("NEEDS-ACTION", "IN-PROCESS", "COMPLETED", "CANCELLED")


def raw_from_todo(
    path: str, etag: str, data: str, at: datetime, connection: str, scope: str, fetched_at: datetime
) -> RawRecord:
    """One resource as it came, also one that cannot be read: what reads it tells so. ``at`` is the server's own time of its last change:
    a program's may be anything.
    """
    body = data.encode()
    version = etag or hashlib.blake2b(body, digest_size=8).hexdigest()
    return RawRecord(
        Ref.of(connection, TASK, path), body, version, at, fetched_at, "", scope, "open" if _is_open(body) else "restricted"
    )  # fmt: skip


def _is_open(body: bytes) -> bool:
    try:
        return str(todo_from(body).get("CLASS") or "PUBLIC").upper() == "PUBLIC"
    except Nonsense:
        return False


def todo_from(body: bytes) -> Component:
    """The to-do of a resource; of a repeated one, what all have in common. Raises Nonsense for what has none."""
    try:
        found = [item for item in Calendar.from_ical(body).walk("VTODO") if "RECURRENCE-ID" not in item]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        trouble = type(error).__name__
    else:
        if found:
            return found[0]
        trouble = "none in it"
    raise Nonsense(expected=f"a calendar with a to-do ({trouble})", sample=body)


def record_from_raw(raw: RawRecord, settings: ConnectionSettings) -> Record:
    """Decode a to-do once; what is odd in it counts as not said."""
    todo = todo_from(raw.payload)
    uid = _text(todo, "UID")
    values = {**_values(todo, ZoneInfo(settings.zone)), "list": raw.scope}
    people = [values["organizer"], *values["attendees"]]
    return Record(
        ref=raw.ref,
        key=uid or raw.ref.key,
        title=values["summary"],
        url=values["url"],
        updated_at=raw.updated_at,
        values=values,
        scope=raw.scope,
        visibility=raw.visibility,
        aliases=tuple(dict.fromkeys(text for text in (uid, raw.ref.key, values["url"]) if text)),
        links=tuple(_links(todo, uid)),
        accounts=tuple({person.id: person for person in people if person}.values()),
    )


def _values(todo: Component, zone: ZoneInfo) -> dict[str, Any]:
    status = _text(todo, "STATUS").upper()
    completed = _moment(todo, "COMPLETED", zone)
    parents = [str(value) for value, kind in _related(todo) if kind == PARENT]
    return {
        "summary": " ".join(_text(todo, "SUMMARY").split()),
        "description": _text(todo, "DESCRIPTION"),
        "status": status if status in STATUSES else "COMPLETED" if completed else STATUSES[0],
        "start": _moment(todo, "DTSTART", zone),
        "due": _moment(todo, "DUE", zone),
        "completed": completed,
        "created": _moment(todo, "CREATED", zone),
        "last_modified": _moment(todo, "LAST-MODIFIED", zone),
        "priority": _number(todo, "PRIORITY"),
        "percent_complete": _number(todo, "PERCENT-COMPLETE"),
        "categories": _categories(todo),
        "location": _text(todo, "LOCATION"),
        "url": _text(todo, "URL"),
        "uid": _text(todo, "UID"),
        "parent": parents[0] if parents else None,
        "organizer": next(iter(_people(todo, "ORGANIZER")), None),
        "attendees": _people(todo, "ATTENDEE"),
    }


def _text(todo: Component, name: str) -> str:
    value = todo.get(name)
    return str(value[0] if isinstance(value, list) and value else value or "")


def _number(todo: Component, name: str) -> int | None:
    text = _text(todo, name)
    return int(text) if text.isdecimal() else None


def _moment(todo: Component, name: str, zone: ZoneInfo) -> date | datetime | None:
    """A day, or an instant in UTC. A time without a zone is wherever its reader is: the connection's zone."""
    value = todo.get(name)
    value = value[0] if isinstance(value, list) and value else value
    said = getattr(value, "dt", None)
    if isinstance(said, datetime):
        return (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(UTC)
    return said if isinstance(said, date) else None


def _categories(todo: Component) -> list[str]:
    found = todo.get("CATEGORIES")
    groups = found if isinstance(found, list) else [found] if found else []
    return [str(category) for group in groups for category in getattr(group, "cats", [group])]


def _people(todo: Component, name: str) -> list[Account]:
    """Those named by an address; their id is the address in small letters."""
    found = todo.get(name)
    people = found if isinstance(found, list) else [found] if found else []
    accounts = []
    for person in people:
        kind, _, address = str(person).partition(":")
        if kind.lower() == "mailto" and address:
            accounts.append(Account(address.lower(), str(getattr(person, "params", {}).get("CN") or ""), address))
    return accounts


def _related(todo: Component) -> Iterator[tuple[Any, str]]:
    found = todo.get("RELATED-TO")
    for value in found if isinstance(found, list) else [found] if found else []:
        yield value, str(getattr(value, "params", {}).get("RELTYPE") or PARENT).upper()


def _links(todo: Component, uid: str) -> Iterator[Link]:
    """What the to-do itself says of another, by the word that it uses (``DEPENDS-ON``, ``FINISHTOSTART``); being a part is no link."""
    for value, kind in _related(todo):
        if kind not in (PARENT, CHILD, SIBLING):
            yield Link(f"{uid}>{value}:{kind}", kind, kind, True, kind.lower(), "", str(value))
