"""What a Trello site knows: every object by id, and who belongs to what. Objects are dicts in the vendor's own spelling."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.trello.ids import iso, object_id, short_link

Thing = dict[str, Any]

# They exist, arrive by webhook and by GET /actions/{id}, and are in no listing (trello-archive/api-docs #45).
HIDDEN_ACTION_TYPES = frozenset(
    {
        "createCheckItem", "updateCheckItem", "deleteCheckItem", "addLabelToCard", "removeLabelFromCard", "updateComment",
        "deleteComment", "copyChecklist", "createLabel", "updateLabel", "deleteLabel", "voteOnCard",
    }
)  # fmt: skip
NOT_FOUND = "The requested resource was not found."


class Refusal(Exception):
    """The vendor's refusal: a status and a body, plain text or a JSON object."""

    def __init__(self, status: int, body: str | Thing) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Actor:
    """Who does something: a member, through an application (our API key) or, with None, by hand."""

    id_member: str
    id_app: str | None = None


@dataclass
class State:
    """One site. ``now`` is the site's clock; ``on_action`` is told of every action, hidden ones too."""

    name: str
    now: Callable[[], datetime]
    public_url: str
    hidden_action_types: frozenset[str] = HIDDEN_ACTION_TYPES
    max_nested_cards: int = 10_000
    max_nested_checklists: int = 10_000
    search_lag_s: float = 10.0
    on_action: Callable[[Thing], None] = lambda _: None

    boards: dict[str, Thing] = field(default_factory=dict)
    lists: dict[str, Thing] = field(default_factory=dict)
    cards: dict[str, Thing] = field(default_factory=dict)
    checklists: dict[str, Thing] = field(default_factory=dict)
    labels: dict[str, Thing] = field(default_factory=dict)
    members: dict[str, Thing] = field(default_factory=dict)
    organizations: dict[str, Thing] = field(default_factory=dict)
    custom_fields: dict[str, Thing] = field(default_factory=dict)
    actions: dict[str, Thing] = field(default_factory=dict)
    webhooks: dict[str, Thing] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    board_by_link: dict[str, str] = field(default_factory=dict)
    card_by_link: dict[str, str] = field(default_factory=dict)
    member_by_name: dict[str, str] = field(default_factory=dict)
    memberships: dict[str, dict[str, Thing]] = field(default_factory=lambda: defaultdict(dict))
    lists_of_board: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    labels_of_board: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    fields_of_board: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    cards_of_board: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    cards_of_list: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    checklists_of_card: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    checklist_of_item: dict[str, str] = field(default_factory=dict)
    attachments: dict[str, list[Thing]] = field(default_factory=lambda: defaultdict(list))
    field_items: dict[str, dict[str, Thing]] = field(default_factory=lambda: defaultdict(dict))
    plugin_data: dict[str, list[Thing]] = field(default_factory=lambda: defaultdict(list))
    actions_of: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    comment_counts: Counter[str] = field(default_factory=Counter)
    positions: dict[str, tuple[float, float]] = field(default_factory=dict)
    last_pages: dict[str, list[str]] = field(default_factory=dict)
    _last_id_short: Counter[str] = field(default_factory=Counter)
    _counter: int = 0

    def new_id(self) -> str:
        """A fresh ObjectId that carries the clock's time."""
        self._counter += 1
        return object_id(self.now(), self.name, self._counter)

    def stamp(self) -> str:
        return iso(self.now())

    def next_id_short(self, id_board: str) -> int:
        self._last_id_short[id_board] += 1
        return self._last_id_short[id_board]

    def position(self, id_home: str, wanted: object) -> float:
        """A ``pos`` in a list (or checklist): above the first, below the last, or the number given."""
        low, high = self.positions.get(id_home, (32768.0, 0.0))
        if wanted == "top":
            number = low / 2
        elif wanted in ("bottom", None, ""):
            number = high + 16384
        else:
            number = _positive(wanted)
        self.positions[id_home] = (min(low, number), max(high, number))
        return number

    def keep_board(self, board: Thing) -> Thing:
        board.setdefault("shortLink", short_link(board["id"]))
        self.boards[board["id"]] = board
        self.board_by_link[board["shortLink"]] = board["id"]
        return board

    def keep_member(self, member: Thing) -> Thing:
        self.members[member["id"]] = member
        self.member_by_name[member["username"]] = member["id"]
        return member

    def keep_list(self, item: Thing) -> Thing:
        if item["id"] not in self.lists:
            self.lists_of_board[item["idBoard"]].append(item["id"])
        self.lists[item["id"]] = item
        return item

    def keep_label(self, label: Thing) -> Thing:
        if label["id"] not in self.labels:
            self.labels_of_board[label["idBoard"]].append(label["id"])
        self.labels[label["id"]] = label
        return label

    def keep_custom_field(self, definition: Thing) -> Thing:
        if definition["id"] not in self.custom_fields:
            self.fields_of_board[definition["idModel"]].append(definition["id"])
        self.custom_fields[definition["id"]] = definition
        return definition

    def keep_checklist(self, checklist: Thing) -> Thing:
        if checklist["id"] not in self.checklists:
            self.checklists_of_card[checklist["idCard"]].append(checklist["id"])
        self.checklists[checklist["id"]] = checklist
        for item in checklist["checkItems"]:
            self.checklist_of_item[item["id"]] = checklist["id"]
        return checklist

    def keep_card(self, card: Thing) -> Thing:
        """File a card under its board and list; it must have its id, idBoard, idList, idShort and shortLink."""
        if card["id"] in self.cards:
            self.forget_place(self.cards[card["id"]])
        self.cards[card["id"]] = card
        self.card_by_link[card["shortLink"]] = card["id"]
        self._last_id_short[card["idBoard"]] = max(self._last_id_short[card["idBoard"]], card["idShort"])
        insort(self.cards_of_board[card["idBoard"]], card["id"])
        self.cards_of_list[card["idList"]][card["id"]] = None
        return card

    def forget_place(self, card: Thing) -> None:
        """Take a card out of its board's and list's index."""
        discard_sorted(self.cards_of_board[card["idBoard"]], card["id"])
        self.cards_of_list[card["idList"]].pop(card["id"], None)

    def keep_action(self, action: Thing, *owners: str) -> Thing:
        """File an action under the models it is about; a hidden type is kept but listed nowhere."""
        self.actions[action["id"]] = action
        if action["type"] not in self.hidden_action_types:
            for owner in owners:
                insort(self.actions_of[owner], action["id"])
        return action

    def board(self, key: str) -> Thing:
        return _found(self.boards, self.board_by_link.get(key, key))

    def card(self, key: str) -> Thing:
        return _found(self.cards, self.card_by_link.get(key, key))

    def member(self, key: str) -> Thing:
        return _found(self.members, self.member_by_name.get(key, key))


def _positive(wanted: object) -> float:
    try:
        number = float(str(wanted))
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise Refusal(400, "invalid value for pos")
    return number


def _found(things: dict[str, Thing], identifier: str) -> Thing:
    try:
        return things[identifier]
    except KeyError:
        raise Refusal(404, NOT_FOUND) from None


def discard_sorted(ids: list[str], identifier: str) -> None:
    """Remove one id from a sorted list, if it is there."""
    index = bisect_left(ids, identifier)
    if index < len(ids) and ids[index] == identifier:
        del ids[index]
