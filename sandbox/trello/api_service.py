"""/1/members, organizations, actions, search, batch, tokens, webhooks, and single fields of anything."""

from __future__ import annotations

from dataclasses import replace

from sandbox.http import query_from_string
from sandbox.trello import things, views
from sandbox.trello.access import can_read
from sandbox.trello.api_cards import own_comment, put_card
from sandbox.trello.call import Call, route
from sandbox.trello.ids import OBJECT_ID, instant_from_text
from sandbox.trello.params import Params
from sandbox.trello.state import NOT_FOUND, Refusal, Thing
from sandbox.trello.webhooks import create_webhook, show_webhook

MAX_BATCH = 10


def _member(call: Call) -> Thing:
    return call.state.member(call.member_key(call.ids["id"]))


@route("GET", "/members/{id}")
def get_member(call: Call) -> object:
    """A member; the address only to themselves, and only with the ``account`` scope."""
    member = _member(call)
    shown = views.show(call.state, views.MEMBER, member, call.params.text("fields", "all"))
    is_own = member["id"] == call.token.id_member and call.token.has_account
    if "email" in shown and is_own:
        shown["email"] = member.get("email")
    if call.params.text("boards"):
        shown["boards"] = _boards(call, member, call.params.text("boards"), call.params.text("board_fields", "all"))
    return shown


def _boards(call: Call, member: Thing, wanted: str, fields: str) -> list[Thing]:
    keep = {"open": (False,), "closed": (True,)}.get(wanted, (True, False))
    found = [
        board for board in call.state.boards.values()
        if member["id"] in call.state.memberships[board["id"]] and board["closed"] in keep
        and can_read(call.state, call.token.id_member, board)
    ]  # fmt: skip
    return [views.show(call.state, views.BOARD, board, fields) for board in found]


@route("GET", "/members/{id}/boards")
def get_member_boards(call: Call) -> object:
    filters = ("all", "closed", "members", "open", "organization", "public", "starred")
    return _boards(call, _member(call), call.params.choice("filter", "all", filters), call.params.text("fields", "all"))


@route("GET", "/members/{id}/cards")
def get_member_cards(call: Call) -> object:
    member, state = _member(call), call.state
    boards = [key for key in state.boards if can_read(state, call.token.id_member, state.boards[key])]
    found = [state.cards[item] for key in boards for item in state.cards_of_board[key]]
    mine = [card for card in found if member["id"] in card["idMembers"] and not card["closed"]]
    return [views.show_card(state, card, call.params) for card in mine]


@route("GET", "/members/{id}/organizations")
def get_member_organizations(call: Call) -> object:
    member, fields = _member(call), call.params.text("fields", "all")
    found = [item for item in call.state.organizations.values() if member["id"] in item["idMembers"]]
    return [views.show(call.state, views.ORGANIZATION, item, fields) for item in found]


def _organization(call: Call) -> Thing:
    key = call.ids["id"]
    for item in call.state.organizations.values():
        if key in (item["id"], item["name"]):
            return item
    raise Refusal(404, NOT_FOUND)


@route("GET", "/organizations/{id}")
def get_organization(call: Call) -> object:
    return views.show(call.state, views.ORGANIZATION, _organization(call), call.params.text("fields", "all"))


@route("GET", "/organizations/{id}/boards")
def get_organization_boards(call: Call) -> object:
    organization, fields = _organization(call), call.params.text("fields", "all")
    keep = {"open": (False,), "closed": (True,)}.get(call.params.text("filter", "all"), (True, False))
    return [
        views.show(call.state, views.BOARD, board, fields)
        for board in call.state.boards.values()
        if board["idOrganization"] == organization["id"]
        and board["closed"] in keep
        and can_read(call.state, call.token.id_member, board)
    ]


@route("GET", "/organizations/{id}/members", "/organizations/{id}/members/{filter}")
def get_organization_members(call: Call) -> object:
    fields = call.params.text("fields", "id,username,fullName")
    members = (call.state.members[key] for key in _organization(call)["idMembers"])
    return [views.show(call.state, views.MEMBER, member, fields) for member in members]


def _action(call: Call) -> Thing:
    """Any action by its id, the hidden types too."""
    if not OBJECT_ID.fullmatch(call.ids["id"]):
        raise Refusal(400, "invalid id")
    action = call.state.actions.get(call.ids["id"])
    if action is None:
        raise Refusal(404, NOT_FOUND)
    if "board" in action["data"] and action["data"]["board"]["id"] in call.state.boards:
        call.board(key=action["data"]["board"]["id"])
    return action


@route("GET", "/actions/{id}")
def get_action(call: Call) -> object:
    return views.show_action(call.state, _action(call), call.params)


@route("GET", "/actions/{id}/board")
def get_action_board(call: Call) -> object:
    board = call.state.board(_action(call)["data"].get("board", {}).get("id", ""))
    return views.show(call.state, views.BOARD, board, call.params.text("fields", "all"))


@route("GET", "/actions/{id}/card")
def get_action_card(call: Call) -> object:
    card = call.state.card(_action(call)["data"].get("card", {}).get("id", ""))
    return views.show(call.state, views.CARD, card, call.params.text("fields", "all"))


@route("PUT", "/actions/{id}", "/actions/{id}/text")
def put_action(call: Call) -> object:
    text = call.params.text("value" if call.request.path.endswith("/text") else "text")
    action = things.change_comment(call.state, call.by, own_comment(call, call.ids["id"]), text)
    return views.show_action(call.state, action, Params({}))


@route("DELETE", "/actions/{id}")
def delete_action(call: Call) -> object:
    things.delete_comment(call.state, call.by, own_comment(call, call.ids["id"]))
    return {"_value": None}


@route("GET", "/search")
def search(call: Call) -> object:
    """Cards and boards whose text holds every word; a card that changed in the last seconds is not found yet."""
    params, state = call.params, call.state
    words = params.text("query").lower().split()
    if not words:
        raise Refusal(400, "invalid value for query")
    kinds = params.text("modelTypes", "all").split(",")
    scope = params.ids("idBoards") if params.text("idBoards") not in ("", "mine") else list(state.boards)
    boards = [state.boards[key] for key in scope if key in state.boards]
    boards = [board for board in boards if can_read(state, call.token.id_member, board)]
    found: Thing = {
        "options": {
            "terms": [{"text": word} for word in words], "modifiers": [], "modelTypes": kinds,
            "partial": params.flag("partial"),
        }
    }  # fmt: skip
    if {"all", "cards"} & set(kinds):
        limit, page = params.number("cards_limit", 10, 1, 1000), params.number("cards_page", 0, 0, 100)
        cards = [card for board in boards for card in _matching_cards(call, board, words)]
        fields = params.text("card_fields", "all")
        chosen = cards[page * limit : (page + 1) * limit]
        found["cards"] = [views.show(state, views.CARD, card, fields, "card_fields") for card in chosen]
    if {"all", "boards"} & set(kinds):
        matching = [board for board in boards if all(word in board["name"].lower() for word in words)]
        fields = params.text("board_fields", "name,idOrganization")
        limit = params.number("boards_limit", 10, 1, 1000)
        found["boards"] = [views.show(state, views.BOARD, board, fields, "board_fields") for board in matching[:limit]]
    return found


def _matching_cards(call: Call, board: Thing, words: list[str]) -> list[Thing]:
    now, found = call.state.now(), []
    for identifier in reversed(call.state.cards_of_board[board["id"]]):
        card = call.state.cards[identifier]
        text = f"{card['name']}\n{card['desc']}".lower()
        age_s = (now - instant_from_text(card["dateLastActivity"])).total_seconds()
        if all(word in text for word in words) and age_s >= call.state.search_lag_s:
            found.append(card)
    return found


@route("GET", "/batch")
def batch(call: Call) -> object:
    """Up to ten GETs in one; each answer is ``{"200": …}`` or an error object."""
    urls = [part for part in call.params.text("urls").split(",") if part]
    if not urls or len(urls) > MAX_BATCH or not all(url.startswith("/") for url in urls):
        raise Refusal(400, "invalid value for urls")
    answers: list[Thing] = []
    for url in urls:
        path, _, query = url.partition("?")
        status, body = call.inner(replace(call.request, path=f"/1{path}", query=query_from_string(query)))
        if status == 200:
            answers.append({"200": body})
        else:
            message = body if isinstance(body, str) else body["message"] if isinstance(body, dict) else ""
            answers.append({"name": "Error", "message": message, "statusCode": status})
    return answers


def _own_token(call: Call) -> None:
    if call.ids["token"] != call.token.value:
        raise Refusal(401, "invalid token")


def _own_webhooks(call: Call) -> list[Thing]:
    return [item for item in call.state.webhooks.values() if item["token"] == call.token.value]


@route("GET", "/tokens/{token}")
def get_token(call: Call) -> object:
    _own_token(call)
    token = call.token
    models = ((token.id_member, "Member"), ("*", "Board"), ("*", "Organization"))
    shown: Thing = {
        "id": token.id, "identifier": "tieline", "idMember": token.id_member, "dateCreated": token.created,
        "dateExpires": token.expires,
        "permissions": [
            {"idModel": key, "modelType": kind, "read": True, "write": token.can_write} for key, kind in models
        ],
    }  # fmt: skip
    if call.params.flag("webhooks"):
        shown["webhooks"] = [show_webhook(item) for item in _own_webhooks(call)]
    return shown


@route("GET", "/tokens/{token}/member")
def get_token_member(call: Call) -> object:
    _own_token(call)
    return views.show(
        call.state, views.MEMBER, call.state.members[call.token.id_member], call.params.text("fields", "all")
    )


@route("DELETE", "/tokens/{token}")
def delete_token(call: Call) -> object:
    """Revoke the token; the webhooks made with it die too."""
    _own_token(call)
    for item in _own_webhooks(call):
        del call.state.webhooks[item["id"]]
    call.revoke(call.token.value)
    return {"_value": None}


@route("GET", "/tokens/{token}/webhooks")
def get_token_webhooks(call: Call) -> object:
    _own_token(call)
    return [show_webhook(item) for item in _own_webhooks(call)]


@route("POST", "/webhooks", "/tokens/{token}/webhooks")
def post_webhook(call: Call) -> object:
    if "token" in call.ids:
        _own_token(call)
    _require_model(call, call.params.text("idModel"))
    return show_webhook(create_webhook(call.state, call.token.value, call.params))


def _require_model(call: Call, id_model: str) -> None:
    """The board, card, list, member or workspace must be there and readable."""
    if id_model in call.state.boards:
        call.board(key=id_model)
    elif id_model in call.state.cards:
        call.card(key=id_model)
    elif not any(id_model in kind for kind in (call.state.lists, call.state.members, call.state.organizations)):
        raise Refusal(400, "invalid value for idModel")


def _webhook(call: Call) -> Thing:
    item = call.state.webhooks.get(call.ids.get("idWebhook") or call.ids["id"])
    if item is None or item["token"] != call.token.value:
        raise Refusal(404, NOT_FOUND)
    return item


@route("GET", "/webhooks/{id}", "/tokens/{token}/webhooks/{idWebhook}")
def get_webhook(call: Call) -> object:
    return show_webhook(_webhook(call))


@route("PUT", "/webhooks/{id}", "/tokens/{token}/webhooks/{idWebhook}")
def put_webhook(call: Call) -> object:
    item, params = _webhook(call), call.params
    item.update({name: params.text(name) for name in ("description", "callbackURL", "idModel") if name in params})
    if "active" in params:
        item["active"] = params.flag("active")
        item.update(consecutiveFailures=0, firstConsecutiveFailDate=None)
    return show_webhook(item)


@route("DELETE", "/webhooks/{id}", "/tokens/{token}/webhooks/{idWebhook}")
def delete_webhook(call: Call) -> object:
    del call.state.webhooks[_webhook(call)["id"]]
    return {"_value": None}


@route("GET", "/cards/{id}/{field}")
def get_card_field(call: Call) -> object:
    return _one_field(views.show(call.state, views.CARD, call.card(), call.ids["field"], "field"), call)


@route("GET", "/boards/{id}/{field}")
def get_board_field(call: Call) -> object:
    return _one_field(views.show(call.state, views.BOARD, call.board(), call.ids["field"], "field"), call)


@route("GET", "/checklists/{id}/{field}")
def get_checklist_field(call: Call) -> object:
    checklist = call.thing(call.state.checklists, "card")
    return _one_field(views.show(call.state, views.CHECKLIST, checklist, call.ids["field"], "field"), call)


@route("GET", "/members/{id}/{field}")
def get_member_field(call: Call) -> object:
    return _one_field(views.show(call.state, views.MEMBER, _member(call), call.ids["field"], "field"), call)


def _one_field(shown: Thing, call: Call) -> object:
    """A single value is wrapped in ``_value``; an object or a list stands for itself."""
    value = shown.get(call.ids["field"])
    return value if isinstance(value, dict | list) else {"_value": value}


@route("PUT", "/cards/{id}/{field}")
def put_card_field(call: Call) -> object:
    """One field by its name, ``?value=``: older than the contract, still answered (recorded for idBoard and idList)."""
    values = {**call.params.values, call.ids["field"]: call.params.values.get("value")}
    return put_card(replace(call, params=Params(values)))
