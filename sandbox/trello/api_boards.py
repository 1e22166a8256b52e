"""/1/boards and /1/lists."""

from __future__ import annotations

from sandbox.trello import listing, things, views
from sandbox.trello.call import Call, route
from sandbox.trello.cards import change_card, require_list
from sandbox.trello.ids import OBJECT_ID
from sandbox.trello.journal import record
from sandbox.trello.params import Params
from sandbox.trello.state import NOT_FOUND, Actor, Refusal, State, Thing

LIST_FILTERS = ("all", "open", "closed", "none", "visible")
MEMBER_FILTERS = ("none", "all", "normal", "admins", "owners")
EDITOR = "（补充说明）"


def board_view(call: Call, board: Thing, fields: str = "") -> Thing:
    return views.show(call.state, views.BOARD, board, fields or call.params.text("fields") or views.BOARD_DEFAULT)


@route("GET", "/boards/{id}")
def get_board(call: Call) -> object:
    """A board with whatever hangs on it, in one answer, as the parameters ask."""
    state, params, board = call.state, call.params, call.board()
    shown = board_view(call, board)
    if (wanted := params.choice("lists", "none", LIST_FILTERS)) != "none":
        shown["lists"] = _lists(state, board, wanted, params.text("list_fields", "all"))
    if (wanted := params.choice("cards", "none", listing.CARD_FILTERS)) != "none":
        ids = [key for key in reversed(state.cards_of_board[board["id"]]) if _keeps(state, key, wanted)]
        shown["cards"] = _card_views(state, ids, params, "card_")
    if params.choice("checklists", "none", ("all", "none")) == "all":
        fields = params.text("checklist_fields", "all")
        shown["checklists"] = [views.show(state, views.CHECKLIST, item, fields) for item in _checklists(state, board)]
    if params.choice("labels", "none", ("all", "none", "true", "false")) in ("all", "true"):
        shown["labels"] = _labels(state, board, params, "label_fields", "labels_limit")
    if (wanted := params.choice("members", "none", (*MEMBER_FILTERS, "true", "false"))) not in ("none", "false"):
        shown["members"] = _members(state, board, wanted, params.text("member_fields", views.MEMBER_SHORT))
    if params.text("memberships", "none") != "none":
        shown["memberships"] = list(state.memberships[board["id"]].values())
    if params.flag("customFields"):
        shown["customFields"] = _custom_fields(state, board)
    _add_rest(call, board, shown)
    return shown


def _add_rest(call: Call, board: Thing, shown: Thing) -> None:
    state, params = call.state, call.params
    if params.flag("pluginData"):
        shown["pluginData"] = list(state.plugin_data.get(board["id"], ()))
    if params.flag("organization") and board["idOrganization"] in state.organizations:
        organization = state.organizations[board["idOrganization"]]
        fields = params.text("organization_fields", "all")
        shown["organization"] = views.show(state, views.ORGANIZATION, organization, fields)
    if wanted := params.text("actions"):
        keeps = listing.action_filter(wanted)
        limit = params.number("actions_limit", 50, 0, listing.MAX_PAGE)
        ids = listing.newest_first(state.actions_of[board["id"]], params, "actions_")
        chosen = listing.take_page((key for key in ids if keeps(state.actions[key])), limit)
        shown["actions"] = [views.show_action(state, state.actions[key], params, "action_") for key in chosen]


def _keeps(state: State, id_card: str, wanted: str) -> bool:
    return listing.keep_card(state, state.cards[id_card], wanted)


def _card_views(state: State, ids: list[str], params: Params, prefix: str = "") -> list[Thing]:
    """Cards with what hangs on them; more than the vendor serves at once is its 403."""
    if len(ids) > state.max_nested_cards:
        raise Refusal(403, {"error": "API_TOO_MANY_CARDS_REQUESTED", "message": "Requested too many cards"})
    return [views.show_card(state, state.cards[key], params, prefix) for key in ids]


def _lists(state: State, board: Thing, wanted: str, fields: str) -> list[Thing]:
    found = sorted((state.lists[key] for key in state.lists_of_board[board["id"]]), key=lambda item: float(item["pos"]))
    keep = {"all": (True, False), "closed": (True,), "open": (False,), "visible": (False,)}.get(wanted, ())
    return [views.show(state, views.LIST, item, fields, "list_fields") for item in found if item["closed"] in keep]


def _checklists(state: State, board: Thing) -> list[Thing]:
    found = [item for key in state.cards_of_board[board["id"]] for item in views.checklists(state, key)]
    if len(found) > state.max_nested_checklists:
        raise Refusal(403, {"error": "API_TOO_MANY_CHECKLISTS_REQUESTED", "message": "Too many checklists requested"})
    return found


def _labels(state: State, board: Thing, params: Params, fields: str = "fields", limit: str = "limit") -> list[Thing]:
    ids = state.labels_of_board[board["id"]][: params.number(limit, 50, 0, listing.MAX_PAGE)]
    return [views.show(state, views.LABEL, state.labels[key], params.text(fields, "all"), fields) for key in ids]


def _members(state: State, board: Thing, wanted: str, fields: str) -> list[Thing]:
    kinds = {"normal": ("normal",), "admins": ("admin",), "owners": ("admin",)}.get(wanted)
    found = state.memberships[board["id"]].values()
    chosen = [state.members[item["idMember"]] for item in found if kinds is None or item["memberType"] in kinds]
    return [views.show(state, views.MEMBER, member, fields, "member_fields") for member in chosen]


def _custom_fields(state: State, board: Thing) -> list[Thing]:
    return [state.custom_fields[key] for key in state.fields_of_board[board["id"]]]


@route("GET", "/boards/{id}/cards", "/boards/{id}/cards/{filter}", "/lists/{id}/cards")
def get_cards(call: Call) -> object:
    """Cards newest first by creation. Without ``limit`` all at once; ``cards/{filter}`` also takes one card's id."""
    state, params, wanted = call.state, call.params, call.ids.get("filter", "")
    if OBJECT_ID.fullmatch(wanted):
        board, card = call.board(), call.card(key=wanted)
        if card["idBoard"] != board["id"]:
            raise Refusal(404, NOT_FOUND)
        return views.show_card(state, card, params)
    if "/lists/" in call.request.path:
        ids = sorted(state.cards_of_list[call.thing(state.lists, "list")["id"]])
    else:
        ids = state.cards_of_board[call.board()["id"]]
    wanted = wanted or params.text("filter", "visible")
    if wanted not in listing.CARD_FILTERS:
        raise Refusal(400, "invalid value for filter")
    keys = (key for key in listing.newest_first(ids, params) if _keeps(state, key, wanted))
    if not any(params.text(name) for name in ("limit", "before", "since")):
        return _card_views(state, list(keys), params)
    page = listing.take_page(keys, params.number("limit", listing.MAX_PAGE, 0, listing.MAX_PAGE))

    def edit(id_card: str) -> None:
        card = state.cards[id_card]
        colleague = next(iter(state.memberships[card["idBoard"]]), call.token.id_member)
        change_card(state, Actor(colleague), card, {"desc": card["desc"] + EDITOR})

    return listing.serve_page(call, page, lambda key: _card_views(state, [key], params)[0], edit)


@route("GET", "/boards/{id}/lists", "/boards/{id}/lists/{filter}")
def get_lists(call: Call) -> object:
    wanted = call.ids.get("filter") or call.params.text("filter", "open")
    if wanted not in LIST_FILTERS:
        raise Refusal(400, "invalid value for filter")
    shown = _lists(call.state, call.board(), wanted, call.params.text("fields", "all"))
    if (cards := call.params.choice("cards", "none", listing.CARD_FILTERS)) != "none":
        for item in shown:
            ids = [key for key in call.state.cards_of_list[item["id"]] if _keeps(call.state, key, cards)]
            item["cards"] = _card_views(call.state, ids, call.params, "card_")
    return shown


@route("GET", "/boards/{id}/members")
def get_members(call: Call) -> object:
    wanted = call.params.choice("filter", "all", MEMBER_FILTERS)
    return _members(call.state, call.board(), wanted, call.params.text("fields", "id,username,fullName"))


@route("GET", "/boards/{id}/memberships")
def get_memberships(call: Call) -> object:
    return list(call.state.memberships[call.board()["id"]].values())


@route("GET", "/boards/{id}/labels")
def get_labels(call: Call) -> object:
    return _labels(call.state, call.board(), call.params)


@route("POST", "/boards/{id}/labels")
def post_label(call: Call) -> object:
    color = call.params.text("color") or None
    return things.new_label(call.state, call.by, call.board(write=True), call.params.text("name"), color)


@route("GET", "/boards/{id}/customFields")
def get_custom_fields(call: Call) -> object:
    return _custom_fields(call.state, call.board())


@route("GET", "/boards/{id}/checklists")
def get_checklists(call: Call) -> object:
    fields = call.params.text("fields", "all")
    return [views.show(call.state, views.CHECKLIST, item, fields) for item in _checklists(call.state, call.board())]


@route("POST", "/boards")
def post_board(call: Call) -> object:
    """A new board; with lists and the six colours of labels unless told otherwise."""
    state, params = call.state, call.params
    if not params.text("name").strip():
        raise Refusal(400, "invalid value for name")
    id_organization = params.text("idOrganization") or None
    if id_organization is not None and id_organization not in state.organizations:
        raise Refusal(400, "invalid value for idOrganization")
    level = params.choice("prefs_permissionLevel", "private", ("private", "org", "public"))
    board = things.new_board(state, call.by, params.text("name"), id_organization, level)
    board["desc"] = params.text("desc")
    for name in ("To Do", "Doing", "Done") if params.flag("defaultLists", default=True) else ():
        things.new_list(state, call.by, board, name)
    for color in things.COLORS[:6] if params.flag("defaultLabels", default=True) else ():
        things.new_label(state, call.by, board, "", color)
    return board_view(call, board)


@route("PUT", "/boards/{id}")
def put_board(call: Call) -> object:
    state, params, board = call.state, call.params, call.board(write=True)
    changes: Thing = {name: params.text(name) for name in ("name", "desc") if name in params}
    if "closed" in params:
        changes["closed"] = params.flag("closed")
    for name, value in changes.items():
        if board[name] != value:
            old, board[name] = board[name], value
            record(state, call.by, "updateBoard", {"old": {name: old}}, board=board)
    prefs = params.values.get("prefs")
    if isinstance(prefs, dict):
        if prefs.get("permissionLevel", "org") not in ("private", "org", "public"):
            raise Refusal(400, "invalid value for prefs_permissionLevel")
        old = {name: board["prefs"].get(name) for name in prefs}
        board["prefs"] = {**board["prefs"], **prefs}
        record(state, call.by, "updateBoard", {"old": {"prefs": old}}, board=board)
    return board_view(call, board)


@route("PUT", "/boards/{id}/members/{idMember}")
def put_board_member(call: Call) -> object:
    state, board = call.state, call.board(write=True)
    member = state.member(call.ids["idMember"])
    kind = call.params.choice("type", "normal", ("admin", "normal", "observer"))
    things.join_board(state, board, member["id"], kind)
    added = {"memberType": kind, "idMemberAdded": member["id"]}
    record(state, call.by, "addMemberToBoard", added, board=board)
    memberships = list(state.memberships[board["id"]].values())
    return {"id": board["id"], "members": _members(state, board, "all", views.MEMBER_SHORT), "memberships": memberships}


@route("DELETE", "/boards/{id}/members/{idMember}")
def delete_board_member(call: Call) -> object:
    board = call.board(write=True)
    member = call.state.member(call.ids["idMember"])
    if call.state.memberships[board["id"]].pop(member["id"], None) is None:
        raise Refusal(400, "member is not on the board")
    return board_view(call, board)


@route("GET", "/lists/{id}")
def get_list(call: Call) -> object:
    item = call.thing(call.state.lists, "list")
    return views.show(call.state, views.LIST, item, call.params.text("fields", "id,name,closed,pos,softLimit,idBoard"))


@route("GET", "/lists/{id}/board")
def get_list_board(call: Call) -> object:
    return board_view(call, call.board(key=call.thing(call.state.lists, "list")["idBoard"]))


@route("POST", "/lists", "/boards/{id}/lists")
def post_list(call: Call) -> object:
    id_board = call.ids.get("id") or call.params.text("idBoard")
    if not id_board:
        raise Refusal(400, "invalid value for idBoard")
    if not call.params.text("name").strip():
        raise Refusal(400, "invalid value for name")
    board = call.board(write=True, key=id_board)
    item = things.new_list(call.state, call.by, board, call.params.text("name"), call.params.text("pos") or "top")
    return {**views.show(call.state, views.LIST, item, "id,name,closed,pos,idBoard"), "limits": {}}


@route("PUT", "/lists/{id}", "/lists/{id}/{field}")
def put_list(call: Call) -> object:
    """Change a list; ``PUT /lists/{id}/closed?value=true`` says one field."""
    params, item = call.params, call.thing(call.state.lists, "list", write=True)
    if "field" in call.ids:
        params = Params({call.ids["field"]: params.values.get("value")})
    changes: Thing = {name: params.text(name) for name in ("name", "pos", "idBoard") if name in params}
    if "closed" in params:
        changes["closed"] = params.flag("closed")
    if "idBoard" in changes:
        call.board(write=True, key=changes["idBoard"])
    things.change_list(call.state, call.by, item, changes)
    return views.show(call.state, views.LIST, item, "id,name,closed,pos,idBoard")


@route("POST", "/lists/{id}/archiveAllCards")
def archive_all_cards(call: Call) -> object:
    things.archive_all(call.state, call.by, call.thing(call.state.lists, "list", write=True)["id"])
    return {}


@route("POST", "/lists/{id}/moveAllCards")
def move_all_cards(call: Call) -> object:
    state = call.state
    id_list = call.thing(state.lists, "list", write=True)["id"]
    target = require_list(state, call.params.text("idList"), call.params.text("idBoard") or None)
    moved = [state.cards[key] for key in list(state.cards_of_list[id_list])]
    for card in moved:
        change_card(state, call.by, card, {"idBoard": target["idBoard"], "idList": target["id"]})
    return [{name: card[name] for name in ("id", "idBoard", "idList", "pos")} for card in moved]
