"""Todos 待办 as raw records, and raw records as generic records. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from sync.core.decode import decoded
from sync.core.errors import Nonsense
from sync.core.instants import instant_from_ms
from sync.core.ports import ConnectionSettings, no_records
from sync.core.values import Account, RawRecord, Record, Ref, Visibility

TASK = "task"
DONE, OPEN = "done", "todo"
TIMES = ("createdTime", "modifiedTime", "dueTime", "startTime", "finishTime")
PEOPLE = ("executorIds", "participantIds")


def raw_from_todo(
    todo: Mapping[str, Any],
    executors: Iterable[str],
    people: Mapping[str, Mapping[str, str]],
    connection: str,
    scope: str,
    fetched_at: datetime,
) -> RawRecord:
    """One todo as it was read by itself, with those in whose lists it stood and the names of whoever is known. Raises Nonsense for what
    has no id. The answer's own number (``requestId``) is another each time, and left out."""
    key = str(todo.get("id") or "")
    if not key:
        raise Nonsense(expected="a todo with its id", sample=todo)
    kept = {name: value for name, value in todo.items() if name != "requestId"}
    named = {one: dict(people[one]) for one in _ids(todo, executors) if one in people}
    payload = msgspec.json.encode({"todo": kept, "executors": list(executors), "people": named}, order="deterministic")
    at = instant_from_ms(todo.get("modifiedTime")) or instant_from_ms(todo.get("createdTime")) or fetched_at
    version = f"{todo.get('modifiedTime') or ''}~{hashlib.blake2b(payload, digest_size=8).hexdigest()}"
    return RawRecord(Ref.of(connection, TASK, key), payload, version, at, fetched_at, "", scope)


def record_from_raw(raw: RawRecord, settings: ConnectionSettings) -> Record:
    """A todo by DingTalk's own names; ``state`` says ``done`` or ``todo``. Raises Nonsense for bytes that are none."""
    if settings.variant != "todo":
        return no_records(raw, settings)
    payload: Any = decoded(raw.payload, what="a stored record")
    todo = payload.get("todo") if isinstance(payload, dict) else None
    if not isinstance(todo, dict):
        raise Nonsense(expected="a todo as it was stored", sample=payload)
    people = payload.get("people")
    values = _values(todo, _texts(payload.get("executors")), people if isinstance(people, dict) else {})
    url = url_of(todo)
    mentioned = [values["creator"], *values["executors"], *values["participants"]]
    return Record(
        ref=raw.ref,
        key=raw.ref.key,
        title=str(todo.get("subject") or ""),
        url=url,
        updated_at=raw.updated_at,
        values=values,
        scope=raw.scope,
        visibility=_visibility(raw, settings.options),
        aliases=tuple(text for text in (raw.ref.key, url) if text),
        accounts=tuple({person.id: person for person in mentioned if person}.values()),
    )


def _visibility(raw: RawRecord, options: Mapping[str, Any]) -> Visibility:
    """Where people's private notes may be among them, none is named elsewhere: DingTalk does not tell which are private."""
    is_for_few = options.get("personal") or raw.scope in (options.get("restricted_scopes") or ())
    return "restricted" if is_for_few else raw.visibility


def _values(todo: Mapping[str, Any], listed: list[str], people: Mapping[str, Any]) -> dict[str, Any]:
    """Those in whose lists it stood carry it out for certain, so they come first; the others by the ids that the todo tells."""
    told = _texts(todo.get("executorIds"))
    executors = [*(one for one in told if one in listed), *(one for one in listed if one not in told)]
    executors += [one for one in told if one not in listed]
    return {
        **todo,
        **{name: instant_from_ms(todo.get(name)) for name in TIMES},
        "creator": _account(todo.get("creatorId"), people),
        "executors": [found for one in executors if (found := _account(one, people))],
        "participants": [found for one in _texts(todo.get("participantIds")) if (found := _account(one, people))],
        "state": DONE if todo.get("done") is True else OPEN,
    }


def url_of(todo: Mapping[str, Any]) -> str:
    """Where it is opened in a browser, else in the app; most todos lead to the application that made them."""
    places = todo.get("detailUrl")
    if not isinstance(places, dict):
        return ""
    found = (str(places.get(name) or "") for name in ("pcUrl", "appUrl"))
    return next((place for place in found if place.startswith(("https://", "http://"))), "")


def _ids(todo: Mapping[str, Any], executors: Iterable[str]) -> list[str]:
    told = [one for name in PEOPLE for one in _texts(todo.get(name))]
    return sorted({*executors, *told, str(todo.get("creatorId") or "")})


def _account(union_id: object, people: Mapping[str, Any]) -> Account | None:
    if not isinstance(union_id, str | int) or not union_id:
        return None
    known = people.get(str(union_id))
    if not isinstance(known, dict):
        return Account(str(union_id))
    login, email = str(known.get("userid") or "") or None, str(known.get("email") or "") or None
    return Account(str(union_id), str(known.get("name") or ""), email, login)


def _texts(value: object) -> list[str]:
    return [str(one) for one in value if isinstance(one, str | int)] if isinstance(value, list) else []
