"""What is read of Trello's answers in one light pass: only what is needed, every key allowed to be missing. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from sync.core.values import Visibility


class Named(Struct):
    """What the light pass reads of a list, a label, a member, a custom field or a checklist."""

    id: str = ""
    name: str | None = None
    fullName: str | None = None  # noqa: N815
    closed: bool | None = None
    idCard: str | None = None  # noqa: N815


class Option(Struct):
    """A choice of a list field."""

    id: str | None = None
    value: Raw = Raw(b"null")


class FieldDefinition(Named):
    """A custom field, list or member by its names."""

    type: str | None = None
    options: list[Option] | None = None


class FieldValue(Struct):
    """A custom field's value on a card, as far as its version needs it."""

    idCustomField: str | None = None  # noqa: N815
    value: Raw = Raw(b"null")
    idValue: str | None = None  # noqa: N815


class Entry(Struct):
    """An attachment or a check item, as far as a version needs it."""

    id: str | None = None
    name: str | None = None
    url: str | None = None
    state: str | None = None
    idMember: str | None = None  # noqa: N815


class CardChecklist(Struct):
    """A checklist with its items."""

    id: str | None = None
    name: str | None = None
    checkItems: list[Entry] | None = None  # noqa: N815


class CardHead(Struct):
    """The light pass over a card: identity, place, date, and whatever an edit may change."""

    id: str
    idBoard: str | None = None  # noqa: N815
    idList: str | None = None  # noqa: N815
    dateLastActivity: str | None = None  # noqa: N815
    isTemplate: bool | None = None  # noqa: N815
    cardRole: str | None = None  # noqa: N815
    name: str | None = None
    desc: str | None = None
    due: str | None = None
    start: str | None = None
    dueComplete: bool | None = None  # noqa: N815
    dateCompleted: str | None = None  # noqa: N815
    closed: bool | None = None
    idMembers: list[str] | None = None  # noqa: N815
    labels: list[Named] | None = None
    attachments: list[Entry] | None = None
    customFieldItems: list[FieldValue] | None = None  # noqa: N815
    checklists: list[CardChecklist] | None = None


class BoardPrefs(Struct):
    """Who may see a board: private, org, enterprise or public."""

    permissionLevel: str | None = None  # noqa: N815


class Board(Struct):
    """A board as it was read, with what its cards refer to; each thing by id, in its own bytes."""

    id: str
    name: str
    url: str
    closed: bool
    visibility: Visibility
    lists: Mapping[str, Raw]
    custom_fields: Mapping[str, Raw]
    members: Mapping[str, Raw]
    checklists: Mapping[str, list[Raw]]  # by card id

    def words(self) -> bytes:
        """The board as a card's payload shows it: without dates, so that a card's bytes change only with the card."""
        return msgspec.json.encode({"id": self.id, "name": self.name, "url": self.url, "closed": self.closed})


class BoardAnswer(Struct):
    """``GET /boards/{id}`` with whatever was asked to hang on it."""

    id: str
    name: str | None = None
    url: str | None = None
    closed: bool | None = None
    prefs: BoardPrefs | None = None
    lists: list[Raw] | None = None
    customFields: list[Raw] | None = None  # noqa: N815
    members: list[Raw] | None = None
    checklists: list[Raw] | None = None
    cards: list[Raw] | None = None


class ActionData(Struct):
    """What the light pass reads of an action's data."""

    card: Named | None = None
    dateLastEdited: str | None = None  # noqa: N815


class ActionHead(Struct):
    """The light pass over an action."""

    id: str
    type: str | None = None
    date: str | None = None
    data: ActionData | None = None
