"""/1/cards: the card itself, its comments, attachments, labels, members and custom field values."""

from __future__ import annotations

from sandbox.http import Response
from sandbox.trello import cards, listing, things, views
from sandbox.trello.call import Call, route
from sandbox.trello.ids import OBJECT_ID
from sandbox.trello.params import Params, json_value
from sandbox.trello.state import NOT_FOUND, Actor, Refusal, Thing

CARD_ROLES = ("separator", "board", "mirror", "link", "null")
SCALARS = ("address", "locationName", "coordinates", "idAttachmentCover", "dueReminder", "cover", "mirrorSourceId")


def changes_from_params(call: Call, params: Params, id_board: str | None) -> Thing:
    """The card fields that a request sets, checked. ``id_board`` is the card's board; None for a card to be made."""
    changes: Thing = {name: params.text(name) for name in ("name", "desc") if name in params}
    changes |= {name: params.instant(name) for name in ("due", "start") if name in params}
    changes |= {
        name: params.flag(name) for name in ("closed", "dueComplete", "isTemplate", "subscribed") if name in params
    }
    changes |= {name: json_value(params.values[name]) for name in SCALARS if name in params}
    changes |= {name: params.ids(name) for name in ("idMembers", "idLabels") if name in params}
    if any(identifier not in call.state.members for identifier in changes.get("idMembers", ())):
        raise Refusal(400, "invalid value for idMembers")
    if "pos" in params and params.text("pos"):
        changes["pos"] = params.text("pos")
    if "cardRole" in params:
        role = params.choice("cardRole", "null", CARD_ROLES)
        changes["cardRole"] = None if role == "null" else role
    if params.text("idBoard"):
        changes["idBoard"] = id_board = call.board(write=True, key=params.text("idBoard"))["id"]
    if params.text("idList"):
        changes["idList"] = cards.require_list(call.state, params.text("idList"), id_board)["id"]
    if "idLabels" in changes and id_board is not None:
        cards.require_labels(call.state, id_board, changes["idLabels"])
    return changes


def answer_card(call: Call, card: Thing) -> Thing:
    return views.show_card(call.state, card, Params({}))


@route("POST", "/cards")
def post_card(call: Call) -> object:
    """A new card, or a copy of ``idCardSource``."""
    state = call.state
    home = cards.require_list(state, call.params.text("idList"))
    call.board(write=True, key=home["idBoard"])
    changes = changes_from_params(call, call.params, home["idBoard"])
    changes.pop("idList"), changes.pop("idBoard", None)
    if source_key := call.params.text("idCardSource"):
        source = call.card(key=source_key)
        changes = {
            "name": source["name"],
            "desc": source["desc"],
            "due": source["due"],
            "start": source["start"],
            **changes,
        }
    card = cards.new_card(state, call.by, home["id"], changes.pop("name", ""), **changes)
    if url := call.params.text("urlSource"):
        things.attach(state, call.by, card, url, url)
    return {**answer_card(call, card), "attachments": list(state.attachments[card["id"]]), "stickers": [], "limits": {}}


@route("GET", "/cards/{id}")
def get_card(call: Call) -> object:
    state, params, card = call.state, call.params, call.card()
    shown = views.show_card(state, card, params)
    if params.flag("board"):
        fields = params.text("board_fields", views.BOARD_DEFAULT)
        shown["board"] = views.show(state, views.BOARD, state.boards[card["idBoard"]], fields, "board_fields")
    if params.flag("list"):
        shown["list"] = views.show(state, views.LIST, state.lists[card["idList"]])
    if wanted := params.text("actions"):
        shown["actions"] = _actions(call, card["id"], wanted, "actions_", "action_")
    return shown


@route("PUT", "/cards/{id}")
def put_card(call: Call) -> object:
    card = call.card(write=True)
    cards.change_card(call.state, call.by, card, changes_from_params(call, call.params, card["idBoard"]))
    return answer_card(call, card)


@route("DELETE", "/cards/{id}")
def delete_card(call: Call) -> object:
    cards.delete_card(call.state, call.by, call.card(write=True))
    return {"limits": {}}


def _actions(call: Call, owner: str, wanted: str, paging_prefix: str = "", prefix: str = "") -> list[Thing]:
    state, params = call.state, call.params
    keeps = listing.action_filter(wanted)
    limit = params.number(f"{paging_prefix}limit", 50, 0, listing.MAX_PAGE)
    ids = listing.newest_first(state.actions_of.get(owner, []), params, paging_prefix)
    readable = (key for key in ids if keeps(state.actions[key]))
    page = listing.take_page(readable, limit)
    return listing.serve_page(
        call,
        page,
        lambda key: views.show_action(state, state.actions[key], params, prefix),
        lambda key: _edit(call, key),
    )


def _edit(call: Call, id_action: str) -> None:
    """A colleague says something on the card of an action, after the page was made."""
    about = call.state.actions[id_action]["data"].get("card", {}).get("id")
    if about in call.state.cards:
        things.add_comment(
            call.state, Actor(call.state.actions[id_action]["idMemberCreator"]), call.state.cards[about], "稍等"
        )


@route("GET", "/cards/{id}/actions")
def get_card_actions(call: Call) -> object:
    return _actions(call, call.card()["id"], call.params.text("filter", "commentCard,updateCard:idList"))


@route("GET", "/boards/{id}/actions")
def get_board_actions(call: Call) -> object:
    return _actions(call, call.board()["id"], call.params.text("filter", "all"))


@route("GET", "/lists/{id}/actions")
def get_list_actions(call: Call) -> object:
    return _actions(call, call.thing(call.state.lists, "list")["id"], call.params.text("filter", "all"))


@route("GET", "/members/{id}/actions")
def get_member_actions(call: Call) -> object:
    member = call.state.member(call.member_key(call.ids["id"]))
    return _actions(call, member["id"], call.params.text("filter", "all"))


@route("GET", "/organizations/{id}/actions")
def get_organization_actions(call: Call) -> object:
    if call.ids["id"] not in call.state.organizations:
        raise Refusal(404, NOT_FOUND)
    return _actions(call, call.ids["id"], call.params.text("filter", "all"))


@route("POST", "/cards/{id}/actions/comments")
def post_comment(call: Call) -> object:
    card = call.card(write=True)
    action = things.add_comment(call.state, call.by, card, call.params.text("text"))
    return views.show_action(call.state, action, Params({}))


@route("PUT", "/cards/{id}/actions/{idAction}/comments")
def put_comment(call: Call) -> object:
    action = own_comment(call, call.ids["idAction"], call.card(write=True)["id"])
    return views.show_action(
        call.state, things.change_comment(call.state, call.by, action, call.params.text("text")), Params({})
    )


@route("DELETE", "/cards/{id}/actions/{idAction}/comments")
def delete_comment(call: Call) -> object:
    things.delete_comment(call.state, call.by, own_comment(call, call.ids["idAction"], call.card(write=True)["id"]))
    return {"_value": None}


def own_comment(call: Call, id_action: str, id_card: str | None = None) -> Thing:
    """The comment, for its author only. Raises 400, 404 or 401 as the vendor does."""
    if not OBJECT_ID.fullmatch(id_action):
        raise Refusal(400, "invalid id")
    action = call.state.actions.get(id_action)
    if action is None or (id_card and action["data"].get("card", {}).get("id") != id_card):
        raise Refusal(404, NOT_FOUND)
    if action["type"] != "commentCard":
        raise Refusal(400, "action is not a comment")
    call.card(write=True, key=action["data"]["card"]["id"])
    if action["idMemberCreator"] != call.token.id_member:
        raise Refusal(401, "unauthorized permission requested")
    return action


@route("GET", "/cards/{id}/attachments")
def get_attachments(call: Call) -> object:
    fields = call.params.text("fields", "all")
    attachments = call.state.attachments.get(call.card()["id"], ())
    return [views.show(call.state, views.ATTACHMENT, item, fields) for item in attachments]


@route("POST", "/cards/{id}/attachments")
def post_attachment(call: Call) -> object:
    """Attach ``url``, or the multipart ``file``; one of the two must be there."""
    params, card, upload = call.params, call.card(write=True), call.params.upload
    name, url = params.text("name"), params.text("url")
    if len(name) > 256:
        raise Refusal(400, "invalid value for name")
    if upload is not None:
        mime_type = params.text("mimeType") or upload.mime_type
        made = things.attach(call.state, call.by, card, "", name or upload.name, upload.content, mime_type)
    elif url.startswith(("http://", "https://")):
        made = things.attach(call.state, call.by, card, url, name)
    else:
        raise Refusal(400, "invalid value for url" if url else "Must provide either url or file")
    return {**views.show(call.state, views.ATTACHMENT, made), "limits": {}}


def _attachment(call: Call, card: Thing) -> Thing:
    for item in call.state.attachments.get(card["id"], ()):
        if item["id"] == call.ids["idAttachment"]:
            return item
    raise Refusal(404, NOT_FOUND)


@route("GET", "/cards/{id}/attachments/{idAttachment}")
def get_attachment(call: Call) -> object:
    fields = call.params.text("fields", "all")
    return views.show(call.state, views.ATTACHMENT, _attachment(call, call.card()), fields)


@route("DELETE", "/cards/{id}/attachments/{idAttachment}")
def delete_attachment(call: Call) -> object:
    card = call.card(write=True)
    things.detach(call.state, call.by, card, _attachment(call, card))
    return {"limits": {}}


@route("GET", "/cards/{id}/attachments/{idAttachment}/download/{fileName}")
def download_attachment(call: Call) -> object:
    """The uploaded bytes; only the Authorization header opens them, key and token in the query do not."""
    if not call.request.headers.get("authorization", "").startswith("OAuth"):
        raise Refusal(401, "unauthorized permission requested")
    attachment = _attachment(call, call.card())
    if attachment["id"] not in call.state.files:
        raise Refusal(404, NOT_FOUND)
    mime_type = attachment["mimeType"] or "application/octet-stream"
    return Response(200, call.state.files[attachment["id"]], {"content-type": mime_type})


@route("POST", "/cards/{id}/idLabels")
def post_card_label(call: Call) -> object:
    card = call.card(write=True)
    for identifier in call.params.ids("value") or [""]:
        cards.add_label(call.state, call.by, card, identifier)
    return card["idLabels"]


@route("DELETE", "/cards/{id}/idLabels/{idLabel}")
def delete_card_label(call: Call) -> object:
    cards.remove_label(call.state, call.by, call.card(write=True), call.ids["idLabel"])
    return {"_value": None}


@route("POST", "/cards/{id}/labels")
def post_new_card_label(call: Call) -> object:
    card = call.card(write=True)
    board, color = call.state.boards[card["idBoard"]], call.params.text("color") or None
    label = things.new_label(call.state, call.by, board, call.params.text("name"), color)
    cards.add_label(call.state, call.by, card, label["id"])
    return label


def _card_members(call: Call, card: Thing) -> list[Thing]:
    fields = call.params.text("fields", views.MEMBER_SHORT)
    return [views.show(call.state, views.MEMBER, call.state.members[item], fields) for item in card["idMembers"]]


@route("GET", "/cards/{id}/members")
def get_card_members(call: Call) -> object:
    return _card_members(call, call.card())


@route("POST", "/cards/{id}/idMembers")
def post_card_member(call: Call) -> object:
    card = call.card(write=True)
    cards.add_member(call.state, call.by, card, call.params.text("value"))
    return _card_members(call, card)


@route("DELETE", "/cards/{id}/idMembers/{idMember}")
def delete_card_member(call: Call) -> object:
    card = call.card(write=True)
    cards.remove_member(call.state, call.by, card, call.ids["idMember"])
    return _card_members(call, card)


@route("GET", "/cards/{id}/customFieldItems")
def get_custom_field_items(call: Call) -> object:
    return list(call.state.field_items.get(call.card()["id"], {}).values())


@route("PUT", "/cards/{id}/customField/{idCustomField}/item")
def put_custom_field_item(call: Call) -> object:
    definition = call.thing(call.state.custom_fields, "board", key=call.ids["idCustomField"])
    value, id_value = json_value(call.params.values.get("value")), call.params.values.get("idValue")
    return cards.set_custom_field(call.state, call.by, call.card(write=True), definition, value, id_value)


@route("PUT", "/cards/{id}/customFields")
def put_custom_field_items(call: Call) -> object:
    """Several fields at once: ``{"customFieldItems": [{"idCustomField", "value" | "idValue"}]}``."""
    card, items = call.card(write=True), call.params.values.get("customFieldItems")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Refusal(400, "Invalid custom field item value.")
    for item in items:
        definition = call.thing(call.state.custom_fields, "board", key=str(item.get("idCustomField")))
        cards.set_custom_field(call.state, call.by, card, definition, item.get("value"), item.get("idValue"))
    return list(call.state.field_items.get(card["id"], {}).values())


@route("GET", "/cards/{id}/pluginData")
def get_plugin_data(call: Call) -> object:
    return list(call.state.plugin_data.get(call.card()["id"], ()))


@route("GET", "/boards/{id}/pluginData")
def get_board_plugin_data(call: Call) -> object:
    return list(call.state.plugin_data.get(call.board()["id"], ()))


@route("GET", "/cards/{id}/board")
def get_card_board(call: Call) -> object:
    board = call.state.boards[call.card()["idBoard"]]
    return views.show(call.state, views.BOARD, board, call.params.text("fields", views.BOARD_DEFAULT))


@route("GET", "/cards/{id}/list")
def get_card_list(call: Call) -> object:
    return views.show(
        call.state, views.LIST, call.state.lists[call.card()["idList"]], call.params.text("fields", "all")
    )


def _voters(call: Call, card: Thing) -> list[Thing]:
    return [
        views.show(call.state, views.MEMBER, call.state.members[key], views.MEMBER_SHORT)
        for key in card["idMembersVoted"]
    ]


@route("GET", "/cards/{id}/membersVoted")
def get_voters(call: Call) -> object:
    return _voters(call, call.card())


@route("POST", "/cards/{id}/membersVoted")
def post_vote(call: Call) -> object:
    card, id_member = call.card(write=True), call.params.text("value")
    if id_member not in call.state.members:
        raise Refusal(400, "invalid value for value")
    if id_member in card["idMembersVoted"]:
        raise Refusal(400, "member has already voted on the card")
    card["idMembersVoted"] = [*card["idMembersVoted"], id_member]
    return {"_value": None}


@route("DELETE", "/cards/{id}/membersVoted/{idMember}")
def delete_vote(call: Call) -> object:
    card = call.card(write=True)
    if call.ids["idMember"] not in card["idMembersVoted"]:
        raise Refusal(400, "member has not voted on the card")
    card["idMembersVoted"] = [key for key in card["idMembersVoted"] if key != call.ids["idMember"]]
    return {"_value": None}
