"""What people do on Trello boards, done to the simulator and written into the campaign's own book of what should be true."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns.changes_truth import Book, Item, Place, instant, milliseconds, truncated
from sandbox.trello import cards, things
from sandbox.trello.ids import iso
from sandbox.trello.journal import record
from sandbox.trello.simulator import TIELINE, TrelloSimulator
from sandbox.trello.state import Actor, Thing

PEOPLE = ("zhang-wei", "li-na", "zhao-min")
LISTS = ("待办", "进行中", "已完成")
OTHER_NAMES = {
    "待办": "To Do",
    "进行中": "In Progress",
    "已完成": "Done",
    "To Do": "待办",
    "In Progress": "进行中",
    "Done": "已完成",
}
LABELS = ("urgent", "q4", "支付")
LATE, LATE_S = 0.2, 240.0


class TrelloDesk:
    """Changes to one Trello site. Every method does one change at the clock's instant and says what kind it was."""

    def __init__(self, simulator: TrelloSimulator, boards: Sequence[tuple[str, bool]], chance: random.Random) -> None:
        self.simulator, self.state, self.chance = simulator, simulator.state, chance
        self.book = Book("trello", "task")
        people = [simulator.add_member(name, name.title()) for name in PEOPLE]
        self._people = tuple(people)
        organization = simulator.add_organization("acme", "Acme", [*PEOPLE, TIELINE])
        self._by = Actor(people[0])
        self._levels: dict[str, str] = {}
        for name, is_collected in boards:
            board = simulator.add_board(
                name, PEOPLE[0], LISTS, organization=organization, members=(*PEOPLE[1:], TIELINE)
            )
            for label in LABELS:
                things.new_label(self.state, self._by, board, label, "blue")
            self.book.places[board["id"]] = Place(board["id"], is_collected)
            self._levels[board["id"]] = "org"
        self._kinds = _table(self)

    def found(self, count: int) -> None:
        names, collected = list(self.book.places), self.book.collected()
        for number in range(count):
            self.create(
                collected[number % len(collected)] if self.chance.random() < 0.93 else self.chance.choice(names)
            )

    def change(self) -> str:
        """One random change; what kind it was."""
        return self.chance.choices(self._kinds[0], self._kinds[1])[0]()

    def create(self, place: str = "") -> str:
        place = place or self.chance.choice(list(self.book.places))
        at, seen = self._at()
        due = self._due()
        with self.simulator.at(at):
            card = cards.new_card(self.state, self._by, self._list(place), self._title(), due=due)
        self.book.add(Item(card["id"], place, self._facts(card, at), seen))
        return "create"

    def _facts(self, card: Thing, at: datetime) -> dict[str, Any]:
        return {
            "title": card["name"], "status": self.state.lists[card["idList"]]["name"], "list": card["idList"], "owner": (),
            "due": card["due"], "is_done": False, "closed": False, "labels": (), "board": card["idBoard"], "updated": milliseconds(at),
            "restricted": self._is_private(card["idBoard"]), "scope": card["idBoard"],
        }  # fmt: skip

    def edit(self) -> str:
        title, due = self._title(), self._due()
        item = self._drawn()
        name, field, value = self.chance.choices(
            (
                ("title", "name", title),
                ("due", "due", due),
                ("is_done", "dueComplete", not item.facts["is_done"]),
                ("closed", "closed", not item.facts["closed"]),
            ),
            (4, 3, 2, 1),
        )[0]
        self._edit(item, {field: value}, {name: value})
        return f"edit {name}"

    def move_list(self) -> str:
        item = self._drawn()
        id_list = self._list(item.place)
        self._edit(item, {"idList": id_list}, {"list": id_list, "status": self.state.lists[id_list]["name"]})
        return "edit status"

    def label(self) -> str:
        """Labels move the card's date; no listing of actions tells of them."""
        item = self._drawn()
        ids = [key for key in self.state.labels_of_board[item.place] if self.chance.random() < 0.4]
        names = tuple(sorted(self.state.labels[key]["name"] for key in ids))
        self._edit(item, {"idLabels": ids}, {"labels": names})
        return "edit labels"

    def assign(self) -> str:
        item = self._drawn()
        people = self.chance.sample(self._people, self.chance.randrange(3))
        self._edit(item, {"idMembers": people}, {"owner": tuple(sorted(people))})
        return "edit owner"

    def comment(self) -> str:
        item = self._drawn()
        at, seen = self._at(item)
        with self.simulator.at(at):
            things.add_comment(self.state, self._by, self.state.cards[item.id], "好的")
        self._note(item, at, seen)
        return "comment"

    def delete(self) -> str:
        item = self._drawn()
        cards.delete_card(self.state, self._by, self.state.cards[item.id])
        item.presence = "deleted"
        self.book.note(item, self.simulator.now())
        self.book.put_away.discard(item.id)  # Trello has no bin
        return "delete"

    def move(self) -> str:
        """To another board: labels stay behind."""
        item = self._drawn()
        place = self.book.destination(item, self.chance)
        id_list = self._list(place)
        item.place = place
        facts = {
            "list": id_list, "status": self.state.lists[id_list]["name"], "labels": (), "board": place, "scope": place,
            "restricted": self._is_private(place),
        }  # fmt: skip
        self._edit(item, {"idBoard": place, "idList": id_list}, facts)
        return "move to another board"

    def make_template(self) -> str:
        """A card that becomes a template is no work any more."""
        item = self._drawn()
        item.presence = "archived"
        self._edit(item, {"isTemplate": True}, {})
        return "archive"

    def restore(self) -> str:
        if not len(self.book.put_away):
            return self.comment()
        item = self.book.items[self.book.put_away.draw(self.chance)]
        item.presence = "live"
        self._edit(item, {"isTemplate": False}, {})
        return "restore"

    def rename_list(self) -> str:
        """A list gets its other name: every card in it says another status, and no card's date moves."""
        place = self.chance.choice(list(self.book.places))
        item = self.state.lists[self._list(place)]
        things.change_list(self.state, self._by, item, {"name": OTHER_NAMES[item["name"]]})
        for card_id in self.state.cards_of_list[item["id"]]:
            self.book.items[card_id].facts["status"] = item["name"]
            self.book.note(self.book.items[card_id], self.simulator.now())
        return "list renamed"

    def turn_private(self) -> str:
        """Who may see a board changes, and with it all its cards."""
        place = self.chance.choice(list(self.book.places))
        if self.book.places[place].is_shut:
            return self.comment()
        board = self.state.boards[place]
        old = board["prefs"]["permissionLevel"]
        self._levels[place] = board["prefs"]["permissionLevel"] = "org" if old == "private" else "private"
        record(self.state, self._by, "updateBoard", {"old": {"prefs": {"permissionLevel": old}}}, board=board)
        for card_id in self.state.cards_of_board[place]:
            self.book.items[card_id].facts["restricted"] = old != "private"
            self.book.note(self.book.items[card_id], self.simulator.now())
        return "board's readers changed"

    def shut(self, place: str) -> str:
        self.state.boards[place]["prefs"]["permissionLevel"] = "private"
        self.simulator.leave_board(place, TIELINE)
        self.book.shut(place, True, self.simulator.now())
        return "whole place hidden"

    def open(self, place: str) -> str:
        board = self.state.boards[place]
        board["prefs"]["permissionLevel"] = self._levels[place]
        things.join_board(self.state, board, self.state.member(TIELINE)["id"])
        self.book.shut(place, False, self.simulator.now())
        return "whole place back"

    def check(self) -> str:
        """The simulator's state against the book: what differs first, or nothing."""
        alive = 0
        for item in self.book.items.values():
            card = self.state.cards.get(item.id)
            if (card is None) != (item.presence == "deleted"):
                return f"{item.id}: presence {item.presence}"
            if card is None:
                continue
            alive += 1
            facts = item.facts
            mine = (
                facts["title"],
                facts["list"],
                facts["due"],
                facts["is_done"],
                facts["closed"],
                facts["board"],
                iso(instant(facts["updated"])),
            )
            names = ("name", "idList", "due", "dueComplete", "closed", "idBoard", "dateLastActivity")
            if mine != tuple(card[name] for name in names) or card["isTemplate"] != (item.presence == "archived"):
                return f"{item.id}: {mine} is not {[card[name] for name in names]}"
        return "" if alive == len(self.state.cards) else f"{alive} cards, not {len(self.state.cards)}"

    def forget_old_actions(self, before: datetime) -> None:
        """Keep memory small: actions older than anything that is still asked for."""
        bound = f"{int(before.timestamp()):08x}" + "0" * 16
        for ids in self.state.actions_of.values():
            ids[:] = [key for key in ids if key >= bound]
        for key in [key for key in self.state.actions if key < bound]:
            del self.state.actions[key]

    def _edit(self, item: Item, changes: Thing, facts: dict[str, Any]) -> None:
        at, seen = self._at(item)
        card = self.state.cards[item.id]
        before = card["dateLastActivity"]
        with self.simulator.at(at):
            cards.change_card(self.state, self._by, card, changes)
        is_moved = card["dateLastActivity"] != before
        item.facts |= facts
        # Who sets what stands there already changes nothing.
        self._note(item, at if is_moved else instant(item.facts["updated"]), seen)

    def _note(self, item: Item, at: datetime, seen: datetime) -> None:
        item.facts["updated"] = milliseconds(at)
        self.book.note(item, seen)

    def _at(self, *items: Item) -> tuple[datetime, datetime]:
        """(the instant that the vendor writes down, the instant from which on it can be seen); an item's own date never goes back"""
        seen = self.simulator.now()
        late = self.chance.random() * LATE_S if self.chance.random() < LATE else 0.0
        at = truncated(seen - timedelta(seconds=late))
        return max([at, *(instant(item.facts["updated"]) for item in items)]), seen

    def _drawn(self) -> Item:
        return self.book.items[self.book.visible.draw(self.chance)]

    def _list(self, place: str) -> str:
        return self.chance.choice(self.state.lists_of_board[place])

    def _is_private(self, place: str) -> bool:
        """Whether only its members see a board; one that is shut to us will be as it was before."""
        return self._levels[place] == "private"

    def _title(self) -> str:
        return f"支付流程 {self.chance.randrange(10**9)}"

    def _due(self) -> str | None:
        day = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=self.chance.randrange(90 * 24))
        return iso(day) if self.chance.random() < 0.9 else None


def _table(desk: TrelloDesk) -> tuple[list[Callable[[], str]], list[float]]:
    weights: dict[Callable[[], str], float] = {
        desk.edit: 55, desk.move_list: 14, desk.label: 6, desk.assign: 6, desk.comment: 5, desk.create: 4, desk.delete: 3.5, desk.move: 5,
        desk.make_template: 1.5, desk.restore: 1.5, desk.rename_list: 0.05, desk.turn_private: 0.05,
    }  # fmt: skip
    return list(weights), list(weights.values())
