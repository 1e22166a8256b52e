"""/1/checklists, check items, /1/labels and /1/customFields."""

from __future__ import annotations

from sandbox.trello import things, views
from sandbox.trello.call import Call, route
from sandbox.trello.state import NOT_FOUND, Refusal, Thing

ITEM_STATES = ("complete", "incomplete", "true", "false")


def _show(call: Call, checklist: Thing) -> Thing:
    return views.show(call.state, views.CHECKLIST, checklist, call.params.text("fields", "all"))


@route("GET", "/cards/{id}/checklists")
def get_card_checklists(call: Call) -> object:
    return [_show(call, item) for item in views.checklists(call.state, call.card()["id"])]


@route("POST", "/cards/{id}/checklists", "/checklists")
def post_checklist(call: Call) -> object:
    """A new checklist on a card, or (``idChecklistSource``) a copy of another with its items, all open."""
    params = call.params
    card = call.card(write=True, key=call.ids.get("id") or params.text("idCard") or "-")
    source = None
    if params.text("idChecklistSource"):
        source = call.thing(call.state.checklists, "card", key=params.text("idChecklistSource"))
    name = params.text("name") or (source["name"] if source else "Checklist")
    made = things.new_checklist(call.state, call.by, card, name, params.text("pos") or "bottom")
    for item in source["checkItems"] if source else ():
        things.add_check_item(call.state, call.by, made, item["name"])
    return {**views.show(call.state, views.CHECKLIST, made), "limits": {}}


@route("GET", "/checklists/{id}")
def get_checklist(call: Call) -> object:
    return _show(call, call.thing(call.state.checklists, "card"))


@route("PUT", "/checklists/{id}")
def put_checklist(call: Call) -> object:
    checklist = call.thing(call.state.checklists, "card", write=True)
    if call.params.text("name"):
        checklist["name"] = call.params.text("name")
    if call.params.text("pos"):
        checklist["pos"] = call.state.position(checklist["idCard"], call.params.text("pos"))
    return views.show(call.state, views.CHECKLIST, checklist)


@route("DELETE", "/checklists/{id}")
def delete_checklist(call: Call) -> object:
    things.delete_checklist(call.state, call.by, call.thing(call.state.checklists, "card", write=True))
    return {"limits": {}}


@route("DELETE", "/cards/{id}/checklists/{idChecklist}")
def delete_card_checklist(call: Call) -> object:
    checklist = call.thing(call.state.checklists, "card", write=True, key=call.ids["idChecklist"])
    if checklist["idCard"] != call.card(write=True)["id"]:
        raise Refusal(404, NOT_FOUND)
    things.delete_checklist(call.state, call.by, checklist)
    return {"limits": {}}


@route("GET", "/checklists/{id}/board")
def get_checklist_board(call: Call) -> object:
    checklist = call.thing(call.state.checklists, "card")
    board = call.state.boards[call.state.cards[checklist["idCard"]]["idBoard"]]
    return views.show(call.state, views.BOARD, board, call.params.text("fields", views.BOARD_DEFAULT))


@route("GET", "/checklists/{id}/cards")
def get_checklist_cards(call: Call) -> object:
    card = call.state.cards[call.thing(call.state.checklists, "card")["idCard"]]
    return [views.show_card(call.state, card, call.params)]


@route("GET", "/checklists/{id}/checkItems")
def get_check_items(call: Call) -> object:
    return views.show(call.state, views.CHECKLIST, call.thing(call.state.checklists, "card"))["checkItems"]


@route("POST", "/checklists/{id}/checkItems")
def post_check_item(call: Call) -> object:
    checklist, name = call.thing(call.state.checklists, "card", write=True), call.params.text("name")
    if not name.strip() or len(name) > 16_384:
        raise Refusal(400, "invalid value for name")
    pos = call.params.text("pos") or "bottom"
    checked = call.params.flag("checked")
    return {**things.add_check_item(call.state, call.by, checklist, name, checked=checked, pos=pos), "limits": {}}


def _item(call: Call, *, write: bool = False) -> tuple[Thing, Thing]:
    """Checklist and item that the path names, by the card or by the checklist."""
    identifier = call.ids["idCheckItem"]
    id_checklist = call.state.checklist_of_item.get(identifier)
    if id_checklist is None:
        raise Refusal(404, NOT_FOUND)
    checklist = call.thing(call.state.checklists, "card", write=write, key=id_checklist)
    owner = call.card()["id"] if "/cards/" in call.request.path else call.ids["id"]
    if owner not in (checklist["idCard"], checklist["id"]):
        raise Refusal(404, NOT_FOUND)
    return checklist, next(item for item in checklist["checkItems"] if item["id"] == identifier)


@route("GET", "/checklists/{id}/checkItems/{idCheckItem}", "/cards/{id}/checkItem/{idCheckItem}")
def get_check_item(call: Call) -> object:
    return _item(call)[1]


@route("PUT", "/cards/{id}/checkItem/{idCheckItem}", "/cards/{id}/checklist/{idChecklist}/checkItem/{idCheckItem}")
def put_check_item(call: Call) -> object:
    params = call.params
    checklist, item = _item(call, write=True)
    changes: Thing = {}
    if params.text("name"):
        changes["name"] = params.text("name")
    if "state" in params:
        changes["state"] = (
            "complete" if params.choice("state", "incomplete", ITEM_STATES) in ("complete", "true") else "incomplete"
        )
    if "due" in params:
        changes["due"] = params.instant("due")
    if "idMember" in params:
        changes["idMember"] = params.text("idMember") or None
    if params.text("pos"):
        changes["pos"] = params.text("pos")
    return things.change_check_item(call.state, call.by, checklist, item, changes)


@route("DELETE", "/checklists/{id}/checkItems/{idCheckItem}", "/cards/{id}/checkItem/{idCheckItem}")
def delete_check_item(call: Call) -> object:
    checklist, item = _item(call, write=True)
    things.delete_check_item(call.state, call.by, checklist, item)
    return {"limits": {}}


@route("POST", "/labels")
def post_label(call: Call) -> object:
    if "color" not in call.params:
        raise Refusal(400, "invalid value for color")
    board = call.board(write=True, key=call.params.text("idBoard") or "-")
    color = call.params.text("color") or None
    label = things.new_label(call.state, call.by, board, call.params.text("name"), None if color == "null" else color)
    return {**label, "limits": {}}


@route("GET", "/labels/{id}")
def get_label(call: Call) -> object:
    return views.show(
        call.state, views.LABEL, call.thing(call.state.labels, "board"), call.params.text("fields", "all")
    )


@route("PUT", "/labels/{id}")
def put_label(call: Call) -> object:
    label = call.thing(call.state.labels, "board", write=True)
    if "name" in call.params:
        label["name"] = call.params.text("name")
    if "color" in call.params:
        color = call.params.choice("color", "null", (*things.COLORS, "null"))
        label["color"] = None if color == "null" else color
    return label


@route("DELETE", "/labels/{id}")
def delete_label(call: Call) -> object:
    label = call.thing(call.state.labels, "board", write=True)
    del call.state.labels[label["id"]]
    call.state.labels_of_board[label["idBoard"]].remove(label["id"])
    for id_card in call.state.cards_of_board[label["idBoard"]]:
        card = call.state.cards[id_card]
        card["idLabels"] = [item for item in card["idLabels"] if item != label["id"]]
    return {"limits": {}}


@route("POST", "/customFields")
def post_custom_field(call: Call) -> object:
    board = call.board(write=True, key=call.params.text("idModel") or "-")
    kind = call.params.choice("type", "", ("text", "number", "date", "checkbox", "list"))
    if not call.params.text("name").strip():
        raise Refusal(400, "invalid value for name")
    options = call.params.values.get("options") or ()
    texts = tuple(str(item["value"]["text"]) for item in options if isinstance(item, dict) and "value" in item)
    return things.new_custom_field(call.state, call.by, board, call.params.text("name"), kind, texts)


@route("GET", "/customFields/{id}")
def get_custom_field(call: Call) -> object:
    definition = call.thing(call.state.custom_fields, "board")
    return views.show(call.state, views.CUSTOM_FIELD, definition, call.params.text("fields", "all"))


@route("GET", "/customFields/{id}/options")
def get_options(call: Call) -> object:
    """The options of a list field. Only here the vendor writes ``_id`` for ``id`` (recorded)."""
    options = call.thing(call.state.custom_fields, "board").get("options", [])
    return [
        {"_id": item.get("id"), "color": item["color"], "value": item["value"], "pos": item["pos"]} for item in options
    ]


@route("POST", "/customFields/{id}/options")
def post_option(call: Call) -> object:
    definition, value = call.thing(call.state.custom_fields, "board", write=True), call.params.values.get("value")
    if definition["type"] != "list" or not isinstance(value, dict) or not value.get("text"):
        raise Refusal(400, "invalid value for value")
    return things.add_option(call.state, definition, str(value["text"]))


@route("GET", "/customFields/{id}/options/{idOption}")
def get_option(call: Call) -> object:
    for option in call.thing(call.state.custom_fields, "board").get("options", []):
        if option["id"] == call.ids["idOption"]:
            return option
    raise Refusal(404, NOT_FOUND)
