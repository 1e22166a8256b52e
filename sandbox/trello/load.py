"""Real payloads become state: a nested board read, a card, any single object, or a recorded exchange."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from sandbox.trello.ids import short_link
from sandbox.trello.state import State, Thing

PREFS = {"permissionLevel": "org", "selfJoin": True}


def load(state: State, payload: dict[str, Any], id_reader: str) -> str:
    """Put one payload into the state and say what it became: "board", "card" …, or "nothing".

    ``id_reader`` becomes a member of the boards, so that the sandbox's account can read them. What a payload refers to
    without holding it (the board of a lone card) is made as a stub that a later payload fills. Raises ValueError for
    an object that is no Trello payload at all.
    """
    if "uri" in payload and "status" in payload:
        return _load_exchange(state, payload, id_reader)
    for kind in ("board", "card"):
        if isinstance(payload.get(kind), dict) and "id" not in payload:
            payload = payload[kind]
    word = _load_object(state, payload, id_reader)
    if word == "nothing":
        raise ValueError("neither a Trello object nor a recorded exchange")
    return word


def _load_exchange(state: State, payload: Thing, id_reader: str) -> str:
    """What a recorded GET or write answered; refusals, counts and lone fields become nothing."""
    body = payload.get("resp_json")
    if body is None and payload.get("resp_text"):
        body = _decoded(payload["resp_text"])
    if payload["status"] != 200:
        return "nothing"
    found = body if isinstance(body, list) else [body]
    hanging = re.search(r"/cards/([0-9a-f]{24})/(attachments|pluginData)(?:[/?]|$)", payload["uri"])
    if hanging:
        return _hang(state, hanging[1], hanging[2], found)
    words = [_load_object(state, item, id_reader) for item in found if isinstance(item, dict) and "id" in item]
    return words[0] if words else "nothing"


def _hang(state: State, id_card: str, kind: str, found: list[Any]) -> str:
    """Attachments and Power-Up data do not name their card: the recorded path does."""
    shelf = (state.attachments if kind == "attachments" else state.plugin_data)[id_card]
    known = {entry["id"] for entry in shelf}
    shelf.extend(dict(item) for item in found if isinstance(item, dict) and item.get("id") not in {*known, None})
    return "attachment" if kind == "attachments" else "plugin data"


def _decoded(text: str) -> object:
    """Bodies that the recorder kept as base64."""
    try:
        return json.loads(base64.b64decode(text, validate=True))
    except ValueError:
        return None


def _load_object(state: State, item: Thing, id_reader: str) -> str:
    for word, marks, loader in KINDS:
        if all(mark in item for mark in marks):
            loader(state, item, id_reader)
            return word
    return "nothing"


def _load_board(state: State, item: Thing, id_reader: str) -> None:
    nested = {name: item.pop(name, None) or [] for name in NESTED} if any(name in item for name in NESTED) else {}
    known = state.boards.get(item["id"], {})
    link = item.get("shortLink") or (item.get("shortUrl") or "").rpartition("/")[2] or short_link(item["id"])
    board: Thing = {
        "name": "", "desc": "", "closed": False, "dateClosed": None, "dateLastActivity": None, "idOrganization": None,
        "idMemberCreator": None, **known, **item, "shortLink": link,
    }  # fmt: skip
    board["prefs"] = {**PREFS, **(board.get("prefs") or {})}
    state.keep_board(board)
    membership = {"id": state.new_id(), "idMember": id_reader, "memberType": "normal", "unconfirmed": False}
    state.memberships[board["id"]].setdefault(id_reader, membership)
    for name in NESTED:
        for thing in nested.get(name, ()):
            _load_object(state, _with_home(name, thing, board["id"]), id_reader)
            if name == "members":
                joined = {**membership, "id": state.new_id(), "idMember": thing["id"]}
                state.memberships[board["id"]].setdefault(thing["id"], joined)


NESTED = ("members", "labels", "lists", "customFields", "cards", "checklists", "actions")


def _with_home(name: str, thing: Thing, id_board: str) -> Thing:
    """A nested object read with few fields, with its board named and what tells its kind filled in."""
    if name == "members":
        return thing
    if name == "lists":
        return {"pos": 16384, "closed": False, "idBoard": id_board, **thing}
    return thing if name in ("customFields", "actions") else {"idBoard": id_board, **thing}


def _load_list(state: State, item: Thing, id_reader: str) -> None:
    _stub_board(state, item["idBoard"], id_reader)
    known = state.lists.get(item["id"], {})
    state.keep_list({"softLimit": None, "creationMethod": None, "subscribed": False, **known, **item})
    state.position(item["idBoard"], item["pos"] if item["pos"] > 0 else None)


def _load_card(state: State, item: Thing, id_reader: str) -> None:
    _stub_board(state, item["idBoard"], id_reader)
    if item["idList"] not in state.lists:
        stub = {"id": item["idList"], "name": "", "closed": False, "pos": 16384, "idBoard": item["idBoard"]}
        _load_list(state, stub, id_reader)
    hanging = {
        name: item.get(name) or []
        for name in ("attachments", "customFieldItems", "checklists", "pluginData", "members")
    }
    known = state.cards.get(item["id"], {})
    card: Thing = {**CARD_BLANK, "dateLastActivity": state.stamp(), **known}
    card.update({name: value for name, value in item.items() if name not in (*hanging, "badges", "url", "shortUrl")})
    card.setdefault("shortLink", short_link(item["id"]))
    if "idShort" not in card:
        card["idShort"] = state.next_id_short(card["idBoard"])
    state.keep_card(card)
    state.comment_counts[card["id"]] = (item.get("badges") or {}).get("comments", 0)
    for label in item.get("labels") or []:
        state.keep_label({"idBoard": card["idBoard"], **label})
    for thing in (*hanging["members"], *hanging["checklists"], *hanging["customFieldItems"]):
        _load_object(state, {"idCard": card["id"], **thing} if "checkItems" in thing else thing, id_reader)
    for id_member in card["idMembers"]:
        if id_member not in state.members:
            _load_member(state, {"id": id_member, "username": f"user{id_member[-8:]}", "fullName": ""}, id_reader)
    if hanging["attachments"]:
        state.attachments[card["id"]] = [dict(entry) for entry in hanging["attachments"]]
    if hanging["pluginData"]:
        state.plugin_data[card["id"]] = [dict(entry) for entry in hanging["pluginData"]]


CARD_BLANK: Thing = {
    "name": "", "desc": "", "closed": False, "due": None, "start": None, "dueComplete": False, "dueReminder": None,
    "idMembers": [], "idLabels": [], "idMembersVoted": [], "isTemplate": False, "cardRole": None, "mirrorSourceId": None,
    "dateCompleted": None, "dateClosed": None, "idAttachmentCover": None, "cover": {}, "pos": 16384, "subscribed": False,
}  # fmt: skip


def _load_checklist(state: State, item: Thing, _: str) -> None:
    """A checklist whose card is not here is left out: it could not be shown anywhere."""
    if item["idCard"] in state.cards:
        state.keep_checklist(
            {"name": "", "pos": 16384, **item, "checkItems": [dict(entry) for entry in item["checkItems"]]}
        )


def _load_label(state: State, item: Thing, id_reader: str) -> None:
    _stub_board(state, item["idBoard"], id_reader)
    state.keep_label({"name": "", **item})


def _load_member(state: State, item: Thing, _: str) -> None:
    blank = {"memberType": "normal", "confirmed": True, "idOrganizations": [], "initials": "", "fullName": ""}
    state.keep_member({**blank, **state.members.get(item["id"], {}), **item})


def _load_custom_field(state: State, item: Thing, id_reader: str) -> None:
    _stub_board(state, item["idModel"], id_reader)
    state.keep_custom_field(dict(item))


def _load_field_item(state: State, item: Thing, _: str) -> None:
    state.field_items[item["idModel"]][item["idCustomField"]] = dict(item)


def _load_organization(state: State, item: Thing, id_reader: str) -> None:
    members = {id_reader, *(item.get("idMembers") or [])}
    state.organizations[item["id"]] = {"desc": "", "idMemberCreator": None, **item, "idMembers": sorted(members)}


def _load_action(state: State, item: Thing, id_reader: str) -> None:
    """An action is filed under its doer and whatever it names; its creator becomes a member if he is given."""
    if creator := item.get("memberCreator"):
        _load_member(state, creator, id_reader)
    names = (item["data"].get(name) for name in ("card", "list", "listBefore", "listAfter", "board", "organization"))
    owners = {word["id"] for word in names if word and "id" in word} | {item["idMemberCreator"]}
    kept = {name: value for name, value in item.items() if name not in ("memberCreator", "display", "entities")}
    if item["id"] not in state.actions:
        state.keep_action({"appCreator": None, "limits": {}, **kept}, *owners)


def _stub_board(state: State, id_board: str, id_reader: str) -> None:
    if id_board not in state.boards:
        _load_board(state, {"id": id_board, "prefs": {}}, id_reader)


Loader = Callable[[State, Thing, str], None]
KINDS: tuple[tuple[str, tuple[str, ...], Loader], ...] = (
    ("action", ("id", "idMemberCreator", "data", "type", "date"), _load_action),
    ("card", ("id", "idBoard", "idList"), _load_card),
    ("checklist", ("id", "idCard", "checkItems"), _load_checklist),
    ("custom field item", ("id", "idCustomField", "idModel"), _load_field_item),
    ("custom field", ("id", "idModel", "type", "name"), _load_custom_field),
    ("list", ("id", "idBoard", "pos", "closed"), _load_list),
    ("label", ("id", "idBoard", "color"), _load_label),
    ("organization", ("id", "displayName"), _load_organization),
    ("member", ("id", "username"), _load_member),
    ("board", ("id", "prefs"), _load_board),
    ("board", ("id", "lists"), _load_board),
    ("board", ("id", "cards"), _load_board),
)
