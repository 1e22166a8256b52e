"""What can be done to a card: made, changed, moved, copied, deleted, and its people, labels and custom fields set."""

from __future__ import annotations

from typing import Any

from sandbox.trello.ids import OBJECT_ID, short_link
from sandbox.trello.journal import board_words, list_words, record
from sandbox.trello.state import Actor, Refusal, State, Thing, discard_sorted

SILENT = (
    "pos",
    "dueReminder",
    "subscribed",
    "idAttachmentCover",
)  # change without an action and without a new activity date
QUIET = ("cover", "address", "locationName", "coordinates", "isTemplate", "cardRole")  # activity date moves, no action
TOLD = ("name", "desc", "due", "start", "dueComplete", "closed")


def new_card(state: State, by: Actor, id_list: str, name: str, **given: Any) -> Thing:
    """Make a card at the bottom of a list (or where ``pos`` says). Other card fields may be given by name."""
    home = state.lists[id_list]
    identifier = state.new_id()
    card: Thing = {
        "id": identifier, "name": name, "desc": "", "closed": False, "due": None, "start": None, "dueComplete": False,
        "dueReminder": None, "idBoard": home["idBoard"], "idList": id_list, "idMembers": [], "idLabels": [],
        "idMembersVoted": [], "idShort": state.next_id_short(home["idBoard"]), "shortLink": short_link(identifier),
        "isTemplate": False, "cardRole": None, "mirrorSourceId": None, "dateCompleted": None, "dateClosed": None,
        "dateLastActivity": state.stamp(), "idAttachmentCover": None, "address": None, "locationName": None,
        "coordinates": None, "creationMethod": None, "subscribed": False,
        "cover": {"idAttachment": None, "color": None, "idUploadedBackground": None, "size": "normal", "brightness": "light"},
    }  # fmt: skip
    card.update(given)
    card["pos"] = state.position(id_list, given.get("pos"))
    require_labels(state, card["idBoard"], card["idLabels"])
    state.keep_card(card)
    record(state, by, "createCard", {"list": list_words(state, id_list)}, card=card, list_ids=(id_list,))
    for id_member in card["idMembers"]:
        _tell_member(state, by, card, id_member, "addMemberToCard")
    return card


def change_card(state: State, by: Actor, card: Thing, changes: Thing) -> Thing:
    """Set fields of a card. One action per told field; a value that is already there changes nothing."""
    if "idBoard" in changes and changes["idBoard"] != card["idBoard"]:
        _move_to_board(state, by, card, changes["idBoard"], changes.get("idList"))
    elif "idList" in changes and changes["idList"] != card["idList"]:
        _move_to_list(state, by, card, changes["idList"])
    for field in TOLD:
        if field in changes and changes[field] != card[field]:
            _tell_change(state, by, card, field, changes[field])
    for field in SILENT:
        if field in changes:
            card[field] = state.position(card["idList"], changes[field]) if field == "pos" else changes[field]
    for field in QUIET:
        if field in changes and changes[field] != card[field]:
            card[field] = changes[field]
            touch(state, card)
    _replace_sets(state, by, card, changes)
    return card


def _replace_sets(state: State, by: Actor, card: Thing, changes: Thing) -> None:
    """``idMembers`` and ``idLabels`` in a PUT replace the whole set; each one that comes or goes is told."""
    members: list[str] = changes["idMembers"] if "idMembers" in changes else card["idMembers"]
    for id_member in sorted(set(members) ^ set(card["idMembers"])):
        (remove_member if id_member in card["idMembers"] else add_member)(state, by, card, id_member)
    labels: list[str] = changes["idLabels"] if "idLabels" in changes else card["idLabels"]
    for id_label in sorted(set(labels) ^ set(card["idLabels"])):
        (remove_label if id_label in card["idLabels"] else add_label)(state, by, card, id_label)


def touch(state: State, card: Thing) -> None:
    """Move the activity date of a card and its board without any action."""
    card["dateLastActivity"] = state.boards[card["idBoard"]]["dateLastActivity"] = state.stamp()


def _tell_change(state: State, by: Actor, card: Thing, field: str, value: object) -> None:
    old, card[field] = card[field], value
    if field == "closed":
        card["dateClosed"] = state.stamp() if value else None
    if field == "dueComplete":
        card["dateCompleted"] = state.stamp() if value else None
    data = {"old": {field: old}, "card": {field: value}, "list": list_words(state, card["idList"])}
    record(state, by, "updateCard", data, card=card, list_ids=(card["idList"],))


def _move_to_list(state: State, by: Actor, card: Thing, id_list: str) -> None:
    """There is no moveCardToList: a list move is updateCard with ``old.idList``, ``listBefore`` and ``listAfter``."""
    before = card["idList"]
    state.forget_place(card)
    card["idList"] = id_list
    card["pos"] = state.position(id_list, None)
    state.keep_card(card)
    data = {
        "old": {"idList": before}, "card": {"idList": id_list},
        "listBefore": list_words(state, before), "listAfter": list_words(state, id_list),
    }  # fmt: skip
    record(state, by, "updateCard", data, card=card, list_ids=(before, id_list))


def _move_to_board(state: State, by: Actor, card: Thing, id_board: str, id_list: str | None) -> None:
    """The short number changes; labels and custom field values of the old board stay behind."""
    old_board, old_list = state.boards[card["idBoard"]], card["idList"]
    target = id_list or next((item for item in state.lists_of_board[id_board] if not state.lists[item]["closed"]), None)
    if target is None or state.lists[target]["idBoard"] != id_board:
        raise Refusal(400, "invalid value for idList")
    leaving = {"boardTarget": {"id": id_board}, "list": list_words(state, old_list)}
    record(state, by, "moveCardFromBoard", leaving, card=card, list_ids=(old_list,))
    state.forget_place(card)
    card.update(idBoard=id_board, idList=target, idShort=state.next_id_short(id_board), idLabels=[])
    card["idMembers"] = [member for member in card["idMembers"] if member in state.memberships[id_board]]
    state.field_items.pop(card["id"], None)
    card["pos"] = state.position(target, None)
    state.keep_card(card)
    arriving = {"boardSource": board_words(old_board), "list": list_words(state, target)}
    record(state, by, "moveCardToBoard", arriving, card=card, list_ids=(target,))


def delete_card(state: State, by: Actor, card: Thing) -> None:
    """Remove a card for good. What was told about it before leaves the board's feed; deleteCard keeps ids only."""
    for id_action in state.actions_of.pop(card["id"], []):
        for owner in (card["idBoard"], card["idList"]):
            discard_sorted(state.actions_of[owner], id_action)
    state.forget_place(card)
    del state.cards[card["id"]], state.card_by_link[card["shortLink"]]
    for id_checklist in state.checklists_of_card.pop(card["id"], []):
        state.checklists.pop(id_checklist, None)
    state.attachments.pop(card["id"], None)
    state.field_items.pop(card["id"], None)
    data = {"list": list_words(state, card["idList"])}
    record(state, by, "deleteCard", data, card=card, list_ids=(card["idList"],), gone=True)


def add_member(state: State, by: Actor, card: Thing, id_member: str) -> None:
    if id_member in card["idMembers"]:
        raise Refusal(400, "member is already on the card")
    if id_member not in state.memberships[card["idBoard"]]:
        raise Refusal(
            400, "invalid value for value" if id_member not in state.members else "member is not on the board"
        )
    card["idMembers"] = [*card["idMembers"], id_member]
    _tell_member(state, by, card, id_member, "addMemberToCard")


def remove_member(state: State, by: Actor, card: Thing, id_member: str) -> None:
    if id_member not in card["idMembers"]:
        raise Refusal(400, "member is not on the card")
    card["idMembers"] = [item for item in card["idMembers"] if item != id_member]
    _tell_member(state, by, card, id_member, "removeMemberFromCard")


def _tell_member(state: State, by: Actor, card: Thing, id_member: str, kind: str) -> None:
    member = {"id": id_member, "name": state.members[id_member]["fullName"]}
    record(state, by, kind, {"idMember": id_member, "member": member}, card=card)


def require_labels(state: State, id_board: str, ids: list[str]) -> None:
    if any(state.labels.get(item, {}).get("idBoard") != id_board for item in ids):
        raise Refusal(400, "invalid value for idLabels")


def add_label(state: State, by: Actor, card: Thing, id_label: str) -> None:
    if id_label in card["idLabels"]:
        raise Refusal(400, "that label is already on the card")
    require_labels(state, card["idBoard"], [id_label])
    card["idLabels"] = [*card["idLabels"], id_label]
    _tell_label(state, by, card, id_label, "addLabelToCard")


def remove_label(state: State, by: Actor, card: Thing, id_label: str) -> None:
    if id_label not in card["idLabels"]:
        raise Refusal(400, "that label is not on the card")
    card["idLabels"] = [item for item in card["idLabels"] if item != id_label]
    _tell_label(state, by, card, id_label, "removeLabelFromCard")


def _tell_label(state: State, by: Actor, card: Thing, id_label: str, kind: str) -> None:
    label = state.labels[id_label]
    record(state, by, kind, {"label": {field: label[field] for field in ("id", "name", "color")}}, card=card)


def set_custom_field(state: State, by: Actor, card: Thing, definition: Thing, value: object, id_value: object) -> Thing:
    """Set or clear one custom field of a card; the item as it stands, ``{}`` when cleared.

    Values are texts whatever the type; a list field is set by ``idValue``. Raises Refusal(400) for what does not fit.
    """
    if definition["idModel"] != card["idBoard"]:
        raise Refusal(400, "Invalid custom field item value.")
    items = state.field_items[card["id"]]
    before = items.get(definition["id"])
    if value in ("", None) and id_value in ("", None):
        items.pop(definition["id"], None)
        item: Thing = {}
    else:
        item = {
            "id": before["id"] if before else state.new_id(),
            **_checked_value(definition, value, id_value),
            "idCustomField": definition["id"], "idModel": card["id"], "modelType": "card",
        }  # fmt: skip
        items[definition["id"]] = item
    data = {
        "old": {"value": before.get("value") if before else None, "idValue": before.get("idValue") if before else None},
        "customField": {field: definition[field] for field in ("id", "name", "type")}, "customFieldItem": item,
    }  # fmt: skip
    record(state, by, "updateCustomFieldItem", data, card=card)
    return item


def _checked_value(definition: Thing, value: object, id_value: object) -> Thing:
    kind = definition["type"]
    if kind == "list":
        if any(option["id"] == id_value for option in definition["options"]):
            return {"value": None, "idValue": id_value}
    elif isinstance(value, dict) and len(value) == 1:
        key = "checked" if kind == "checkbox" else kind
        text = value.get(key)
        if isinstance(text, str) and _fits(kind, text):
            return {"value": {key: text}, "idValue": None}
    raise Refusal(400, "Invalid custom field item value.")


def _fits(kind: str, text: str) -> bool:
    if kind == "number":
        try:
            float(text)
        except ValueError:
            return False
    return kind != "checkbox" or text in ("true", "false")


def require_list(state: State, id_list: str, id_board: str | None = None) -> Thing:
    """The list a card shall stand in; a list of another board than the card's is refused."""
    home = state.lists.get(id_list) if OBJECT_ID.fullmatch(id_list) else None
    if home is None or (id_board is not None and home["idBoard"] != id_board):
        raise Refusal(400, "invalid value for idList")
    return home
