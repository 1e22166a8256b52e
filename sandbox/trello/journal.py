"""Actions: what happened, as Trello tells it in feeds and to webhooks, and the activity date that moves with it."""

from __future__ import annotations

from sandbox.trello.ids import iso
from sandbox.trello.state import Actor, State, Thing


def record(
    state: State, by: Actor, kind: str, data: Thing, *, card: Thing | None = None, board: Thing | None = None,
    list_ids: tuple[str, ...] = (), gone: bool = False,
) -> Thing:  # fmt: skip
    """Write one action and move ``dateLastActivity`` of its card and board. ``gone`` is for a card just deleted."""
    if card is not None:
        board = state.boards[card["idBoard"]]
        data = {**data, "card": {**card_words(card, with_name=not gone), **data.get("card", {})}}
    if board is not None and "board" not in data:
        data = {**data, "board": board_words(board)}
    at = state.now()
    action: Thing = {
        "id": state.new_id(),
        "idMemberCreator": by.id_member,
        "data": data,
        "type": kind,
        "date": iso(at),
        "appCreator": {"id": by.id_app} if by.id_app else None,
        "limits": {},
    }
    owners = [by.id_member, *list_ids]
    if board is not None:
        board["dateLastActivity"] = iso(at)
        owners += [board["id"], board.get("idOrganization") or ""]
    if card is not None:
        card["dateLastActivity"] = iso(at)
        owners.append(card["id"])
    state.keep_action(action, *[owner for owner in owners if owner])
    state.on_action(action)
    return action


def card_words(card: Thing, *, with_name: bool = True) -> Thing:
    """How an action names a card. A deleted card keeps its ids only."""
    words: Thing = {"id": card["id"], "idShort": card["idShort"], "shortLink": card["shortLink"]}
    return {**words, "name": card["name"]} if with_name else words


def board_words(board: Thing) -> Thing:
    return {"id": board["id"], "name": board["name"], "shortLink": board["shortLink"]}


def list_words(state: State, id_list: str) -> Thing:
    return {"id": id_list, "name": state.lists[id_list]["name"]}
