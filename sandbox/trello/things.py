"""What can be done around cards: boards, lists, labels, custom fields, comments, attachments, checklists."""

from __future__ import annotations

from sandbox.trello.cards import change_card
from sandbox.trello.journal import list_words, record
from sandbox.trello.params import MAX_TEXT
from sandbox.trello.state import Actor, Refusal, State, Thing, discard_sorted

COLORS = (
    "green", "yellow", "orange", "red", "purple", "blue", "sky", "lime", "pink", "black",
)  # fmt: skip


def new_board(
    state: State, by: Actor, name: str, id_organization: str | None, permission_level: str = "private"
) -> Thing:
    """A board without lists whose only member is its maker, as administrator."""
    board: Thing = {
        "id": state.new_id(), "name": name, "desc": "", "closed": False, "dateClosed": None, "dateLastActivity": None,
        "idOrganization": id_organization, "idMemberCreator": by.id_member,
        "prefs": {
            "permissionLevel": permission_level, "hideVotes": False, "voting": "disabled", "comments": "members",
            "invitations": "members", "selfJoin": True, "cardCovers": True, "isTemplate": False, "cardAging": "regular",
            "calendarFeedEnabled": False, "background": "blue", "backgroundColor": "#0079BF",
        },
    }  # fmt: skip
    state.keep_board(board)
    join_board(state, board, by.id_member, "admin")
    record(state, by, "createBoard", {}, board=board)
    return board


def join_board(state: State, board: Thing, id_member: str, kind: str = "normal") -> None:
    membership = state.memberships[board["id"]].get(id_member)
    state.memberships[board["id"]][id_member] = {
        "id": membership["id"] if membership else state.new_id(), "idMember": id_member, "memberType": kind,
        "unconfirmed": False, "deactivated": False,
    }  # fmt: skip


def new_list(state: State, by: Actor, board: Thing, name: str, pos: object = "bottom") -> Thing:
    item: Thing = {
        "id": state.new_id(), "name": name, "closed": False, "pos": state.position(board["id"], pos),
        "idBoard": board["id"], "softLimit": None, "creationMethod": None, "subscribed": False,
    }  # fmt: skip
    state.keep_list(item)
    record(state, by, "createList", {"list": list_words(state, item["id"])}, board=board, list_ids=(item["id"],))
    return item


def change_list(state: State, by: Actor, item: Thing, changes: Thing) -> Thing:
    """Rename, archive, reposition a list, or move it whole to another board (no card actions then: api-docs #112)."""
    for field in ("name", "closed"):
        if field in changes and changes[field] != item[field]:
            old, item[field] = item[field], changes[field]
            data = {"old": {field: old}, "list": {**list_words(state, item["id"]), field: changes[field]}}
            board = state.boards[item["idBoard"]]
            record(state, by, "updateList", data, board=board, list_ids=(item["id"],))
    if "idBoard" in changes and changes["idBoard"] != item["idBoard"]:
        _move_list(state, by, item, changes["idBoard"])
    if "pos" in changes:
        item["pos"] = state.position(item["idBoard"], changes["pos"])
    return item


def _move_list(state: State, by: Actor, item: Thing, id_board: str) -> None:
    words = list_words(state, item["id"])
    record(state, by, "moveListFromBoard", {"list": words}, board=state.boards[item["idBoard"]], list_ids=(item["id"],))
    state.lists_of_board[item["idBoard"]].remove(item["id"])
    state.lists_of_board[id_board].append(item["id"])
    item["idBoard"] = id_board
    for id_card in list(state.cards_of_list[item["id"]]):
        card = state.cards[id_card]
        state.forget_place(card)
        card.update(idBoard=id_board, idLabels=[], idShort=state.next_id_short(id_board))
        state.keep_card(card)
    record(state, by, "moveListToBoard", {"list": words}, board=state.boards[id_board], list_ids=(item["id"],))


def new_label(state: State, by: Actor, board: Thing, name: str, color: str | None) -> Thing:
    if color is not None and color.split("_")[0] not in COLORS:
        raise Refusal(400, "invalid value for color")
    label = state.keep_label({"id": state.new_id(), "idBoard": board["id"], "name": name, "color": color})
    record(state, by, "createLabel", {"label": dict(label)}, board=board)
    return label


def new_custom_field(
    state: State, by: Actor, board: Thing, name: str, kind: str, options: tuple[str, ...] = ()
) -> Thing:
    """A custom field's definition: text, number, date, checkbox or list (with options)."""
    identifier = state.new_id()
    definition: Thing = {
        "id": identifier, "idModel": board["id"], "modelType": "board", "fieldGroup": identifier * 2, "name": name,
        "pos": state.position(f"fields:{board['id']}", "bottom"), "type": kind, "display": {"cardFront": True},
    }  # fmt: skip
    if kind == "list":
        definition["options"] = []
        for text in options:
            add_option(state, definition, text)
    state.keep_custom_field(definition)
    record(state, by, "createCustomField", {"customField": {"id": identifier, "name": name}}, board=board)
    return definition


def add_option(state: State, definition: Thing, text: str) -> Thing:
    option: Thing = {
        "id": state.new_id(), "idCustomField": definition["id"], "value": {"text": text}, "color": "none",
        "pos": 16384 * (len(definition["options"]) + 1),
    }  # fmt: skip
    definition["options"].append(option)
    return option


def add_comment(state: State, by: Actor, card: Thing, text: str) -> Thing:
    require_text(text)
    state.comment_counts[card["id"]] += 1
    data = {"text": text, "textData": {"emoji": {}}, "list": list_words(state, card["idList"])}
    return record(state, by, "commentCard", data, card=card, list_ids=(card["idList"],))


def require_text(text: str) -> None:
    if not text.strip() or len(text) > MAX_TEXT:
        raise Refusal(400, "invalid value for text")


def change_comment(state: State, by: Actor, action: Thing, text: str) -> Thing:
    """Rewrite a comment in place; the feed does not tell (updateComment is a hidden type)."""
    require_text(text)
    old = action["data"]["text"]
    action["data"] = {**action["data"], "text": text, "dateLastEdited": state.stamp()}
    data = {"old": {"text": old}, "action": {"id": action["id"], "text": text}}
    record(state, by, "updateComment", data, card=state.cards[action["data"]["card"]["id"]])
    return action


def delete_comment(state: State, by: Actor, action: Thing) -> None:
    card = state.cards[action["data"]["card"]["id"]]
    del state.actions[action["id"]]
    organization = state.boards[card["idBoard"]].get("idOrganization") or ""
    for owner in (card["id"], card["idBoard"], card["idList"], organization, action["idMemberCreator"]):
        discard_sorted(state.actions_of[owner], action["id"])
    state.comment_counts[card["id"]] -= 1
    record(state, by, "deleteComment", {"action": {"id": action["id"]}}, card=card)


def attach(
    state: State, by: Actor, card: Thing, url: str, name: str, content: bytes | None = None, mime_type: str = ""
) -> Thing:
    """Attach a URL or (with content) a file. The same URL twice makes two attachments."""
    identifier = state.new_id()
    if content is not None:
        url = f"{state.public_url}/1/cards/{card['id']}/attachments/{identifier}/download/{name}"
        state.files[identifier] = content
    attachments = state.attachments[card["id"]]
    attachment: Thing = {
        "id": identifier, "bytes": None if content is None else len(content), "date": state.stamp(), "edgeColor": None,
        "idMember": by.id_member, "isUpload": content is not None, "mimeType": mime_type, "name": name or url,
        "previews": [], "url": url, "pos": 16384 * (len(attachments) + 1), "fileName": None if content is None else name,
    }  # fmt: skip
    attachments.append(attachment)
    words = {"id": identifier, "name": attachment["name"], "url": url}
    record(state, by, "addAttachmentToCard", {"attachment": words}, card=card)
    return attachment


def detach(state: State, by: Actor, card: Thing, attachment: Thing) -> None:
    state.attachments[card["id"]].remove(attachment)
    state.files.pop(attachment["id"], None)
    words = {"id": attachment["id"], "name": attachment["name"]}
    record(state, by, "deleteAttachmentFromCard", {"attachment": words}, card=card)


def new_checklist(state: State, by: Actor, card: Thing, name: str, pos: object = "bottom") -> Thing:
    checklist: Thing = {
        "id": state.new_id(), "name": name, "idCard": card["id"], "idBoard": card["idBoard"],
        "pos": state.position(card["id"], pos), "checkItems": [],
    }  # fmt: skip
    state.keep_checklist(checklist)
    record(state, by, "addChecklistToCard", {"checklist": {"id": checklist["id"], "name": name}}, card=card)
    return checklist


def delete_checklist(state: State, by: Actor, checklist: Thing) -> None:
    card = state.cards[checklist["idCard"]]
    state.checklists_of_card[card["id"]].remove(checklist["id"])
    del state.checklists[checklist["id"]]
    words = {"id": checklist["id"], "name": checklist["name"]}
    record(state, by, "removeChecklistFromCard", {"checklist": words}, card=card)


def add_check_item(
    state: State, by: Actor, checklist: Thing, name: str, *, checked: bool = False, pos: object = "bottom"
) -> Thing:
    """Add an item; polling does not tell (createCheckItem is a hidden type), only the card's activity date moves."""
    item: Thing = {
        "idChecklist": checklist["id"], "state": "complete" if checked else "incomplete", "id": state.new_id(),
        "name": name, "nameData": None, "pos": state.position(checklist["id"], pos), "due": None, "dueReminder": None,
        "idMember": None,
    }  # fmt: skip
    checklist["checkItems"].append(item)
    state.checklist_of_item[item["id"]] = checklist["id"]
    _tell_item(state, by, checklist, item, "createCheckItem")
    return item


def change_check_item(state: State, by: Actor, checklist: Thing, item: Thing, changes: Thing) -> Thing:
    """Set fields of an item; a change of ``state`` is told in feeds, any other is not."""
    told: Thing = {field: changes[field] for field in ("name", "due", "idMember") if field in changes}
    if any(item[field] != value for field, value in told.items()):
        item.update(told)
        _tell_item(state, by, checklist, item, "updateCheckItem")
    if changes.get("state", item["state"]) != item["state"]:
        item["state"] = changes["state"]
        _tell_item(state, by, checklist, item, "updateCheckItemStateOnCard")
    if "pos" in changes:
        item["pos"] = state.position(checklist["id"], changes["pos"])
    return item


def delete_check_item(state: State, by: Actor, checklist: Thing, item: Thing) -> None:
    checklist["checkItems"].remove(item)
    del state.checklist_of_item[item["id"]]
    _tell_item(state, by, checklist, item, "deleteCheckItem")


def _tell_item(state: State, by: Actor, checklist: Thing, item: Thing, kind: str) -> None:
    data = {
        "checklist": {"id": checklist["id"], "name": checklist["name"]},
        "checkItem": {"id": item["id"], "name": item["name"], "state": item["state"]},
    }
    record(state, by, kind, data, card=state.cards[checklist["idCard"]])


def archive_all(state: State, by: Actor, id_list: str) -> None:
    for id_card in list(state.cards_of_list[id_list]):
        change_card(state, by, state.cards[id_card], {"closed": True})
