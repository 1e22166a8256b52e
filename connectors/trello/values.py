"""A card's payload as a plain tree of values, under Trello's own names. Pure and tolerant: real bodies lack keys and add others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sync.core.instants import instant_from_text
from sync.core.values import Account

_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
# Everything below is an instant, due and start too: the web page shows them as dates in the reader's zone.
INSTANTS = ("due", "start", "dateLastActivity", "dateCompleted", "dateClosed")


def created_from_id(identifier: str) -> datetime | None:
    """When an object was made: the first eight hex digits of its id are UNIX seconds. None for an id of another kind."""
    return datetime.fromtimestamp(int(identifier[:8], 16), UTC) if is_object_id(identifier) else None


def is_object_id(identifier: str) -> bool:
    """True for 24 hex digits."""
    return _OBJECT_ID.fullmatch(identifier) is not None


def account_from_member(member: Mapping[str, Any], is_active: bool = True) -> Account:
    """A member; the e-mail is told only to the token's own member."""
    return Account(
        id=str(member.get("id") or ""),
        name=str(member.get("fullName") or ""),
        email=text_from(member.get("email")),
        login=text_from(member.get("username")),
        is_active=is_active,
    )


def card_values(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The card's own fields, with ``list``, ``board``, ``members``, ``customFields`` (by name and by id) and ``checklists`` filled in.

    ``listClosed`` tells that the card's list is archived: such a card is out of sight though itself not ``closed``.
    """
    card = _object(payload.get("card"))
    members = {str(member.get("id")): account_from_member(member) for member in _objects(payload.get("members"))}
    home = _object(payload.get("list"))
    values: dict[str, Any] = {key: value for key, value in card.items() if key not in ("members", "customFieldItems")}
    values |= {key: instant_from_text(card.get(key)) for key in INSTANTS}
    values |= {
        "list": home,
        "listClosed": bool(home.get("closed")),
        "closed": bool(card.get("closed")),
        "board": _object(payload.get("board")),
        "labels": [{**label, "name": label.get("name") or ""} for label in _objects(card.get("labels"))],
        "members": [_account(members, key) for key in _texts(card.get("idMembers"))],
        "customFields": _custom_fields(_objects(card.get("customFieldItems")), _objects(payload.get("customFields"))),
        "checklists": _checklists(_objects(payload.get("checklists")) or _objects(card.get("checklists")), members),
        "attachments": [
            {**item, "date": instant_from_text(item.get("date"))} for item in _objects(card.get("attachments"))
        ],
    }
    if identifier := str(card.get("id") or ""):
        values["dateCreated"] = created_from_id(identifier)
    return values


def _account(members: Mapping[str, Account], identifier: str) -> Account:
    """Somebody who left the board is still on the card, by id alone."""
    return members.get(identifier) or Account(identifier)


def _checklists(checklists: Iterable[Mapping[str, Any]], members: Mapping[str, Account]) -> list[dict[str, Any]]:
    return [
        {
            "id": checklist.get("id"),
            "name": checklist.get("name") or "",
            "checkItems": [
                {
                    "id": item.get("id"),
                    "name": item.get("name") or "",
                    "state": item.get("state") or "incomplete",
                    "due": instant_from_text(item.get("due")),
                    "member": _account(members, str(item["idMember"])) if item.get("idMember") else None,
                }
                for item in sorted(_objects(checklist.get("checkItems")), key=_position)
            ],
        }
        for checklist in sorted(checklists, key=_position)
    ]


def _position(thing: Mapping[str, Any]) -> float:
    position = thing.get("pos")
    return float(position) if isinstance(position, int | float) else 0.0


def _custom_fields(items: Iterable[Mapping[str, Any]], definitions: list[dict[str, Any]]) -> dict[str, Any]:
    """Values by the field's id and by its name; of two fields with one name, the name means the first of the board."""
    by_id = {text_from(item.get("idCustomField")): item for item in items}
    values: dict[str, Any] = {}
    for definition in sorted(definitions, key=_position):
        identifier = text_from(definition.get("id"))
        item = by_id.get(identifier)
        if identifier is not None and item is not None:
            value = custom_field_value(definition, item)
            values[identifier] = value
            values.setdefault(str(definition.get("name") or identifier), value)
    return values


def custom_field_value(definition: Mapping[str, Any], item: Mapping[str, Any]) -> object:
    """A value by its definition. Trello writes all of them as texts; a list's value is the chosen option's text."""
    said = _object(item.get("value"))
    match definition.get("type"):
        case "list":
            options = {text_from(option.get("id")): option for option in _objects(definition.get("options"))}
            return _object(_object(options.get(text_from(item.get("idValue")))).get("value")).get("text")
        case "number":
            return _number(said.get("number"))
        case "checkbox":
            return said.get("checked") == "true"
        case "date":
            return instant_from_text(said.get("date"))
        case _:
            return next(iter(said.values()), None)


def _number(text: object) -> int | float | str | None:
    if text is None:
        return None
    try:
        number = float(str(text))
    except ValueError:
        return str(text)
    return int(number) if number.is_integer() and "." not in str(text) and "e" not in str(text).lower() else number


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_from(value: object) -> str | None:
    """A text or number as text; None for all else."""
    return str(value) if isinstance(value, str | int | float) and value else None


def _texts(value: object) -> list[str]:
    return [str(item) for item in value if item] if isinstance(value, list) else []
