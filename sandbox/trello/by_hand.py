"""Colleagues at work: what people do in the browser, for tests and the seed. Everything is done by name and by hand."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

from sandbox.trello import cards, things
from sandbox.trello.ids import iso
from sandbox.trello.journal import record
from sandbox.trello.state import Actor, State, Thing


class ByHand:
    """The browser side of a site. Members are named by username, cards by id or short link; nothing carries an app."""

    state: State
    lock: threading.RLock

    def add_member(self, username: str, full_name: str, email: str | None = None) -> str:
        """A person with an account; returns the id."""
        with self.lock:
            initials = "".join(word[0] for word in full_name.split())[:3].upper()
            member: Thing = {
                "id": self.state.new_id(), "username": username, "fullName": full_name, "initials": initials,
                "memberType": "normal", "confirmed": True, "idOrganizations": [], "email": email,
            }  # fmt: skip
            return str(self.state.keep_member(member)["id"])

    def add_organization(self, name: str, display_name: str, usernames: list[str]) -> str:
        """A workspace with its members; returns the id."""
        with self.lock:
            members = [self.state.member(username) for username in usernames]
            organization: Thing = {
                "id": self.state.new_id(), "name": name, "displayName": display_name, "desc": "",
                "idMemberCreator": members[0]["id"], "idMembers": [member["id"] for member in members],
            }  # fmt: skip
            self.state.organizations[organization["id"]] = organization
            for member in members:
                member["idOrganizations"].append(organization["id"])
            return str(organization["id"])

    def add_board(
        self, name: str, by: str, lists: tuple[str, ...] = ("To Do", "Doing", "Done"), *,
        organization: str | None = None, permission_level: str = "org", members: tuple[str, ...] = (),
    ) -> Thing:  # fmt: skip
        """A board with lists and members; ``by`` is its administrator."""
        with self.lock:
            board = things.new_board(self.state, self.actor(by), name, organization, permission_level)
            for username in members:
                things.join_board(self.state, board, self.state.member(username)["id"])
            for title in lists:
                things.new_list(self.state, self.actor(by), board, title)
            return board

    def leave_board(self, board: str, username: str) -> None:
        """Take a member off a board; with ``permissionLevel: private`` they lose sight of it."""
        with self.lock:
            del self.state.memberships[self.state.board(board)["id"]][self.state.member(username)["id"]]

    def set_permission(self, board: str, level: str) -> None:
        """Who may see the board; its feed tells, as of other changes of the board itself."""
        with self.lock:
            item = self.state.board(board)
            before, item["prefs"]["permissionLevel"] = item["prefs"]["permissionLevel"], level
            old = {"old": {"prefs": {"permissionLevel": before}}}
            record(self.state, self.actor("", item["id"]), "updateBoard", old, board=item)

    def find_list(self, board: str, name: str) -> Thing:
        """The list of that name on a board; raises KeyError when there is none."""
        for key in self.state.lists_of_board[self.state.board(board)["id"]]:
            if self.state.lists[key]["name"] == name:
                return self.state.lists[key]
        raise KeyError(name)

    def find_card(self, name: str) -> Thing:
        """The first card of exactly that name on any board; raises KeyError when there is none."""
        for card in self.state.cards.values():
            if card["name"] == name:
                return card
        raise KeyError(name)

    def add_card(self, board: str, list_name: str, name: str, by: str = "", **fields: Any) -> Thing:
        """A new card; fields in the vendor's spelling, ``due`` and ``start`` may be datetimes."""
        with self.lock:
            id_list = self.find_list(board, list_name)["id"]
            return cards.new_card(self.state, self.actor(by, board), id_list, name, **_plain(fields))

    def edit_card(self, card: str, by: str = "", **fields: Any) -> Thing:
        """Set fields of a card by hand (``due``, ``desc``, ``idMembers``, ``pos`` …)."""
        with self.lock:
            thing = self.state.card(card)
            return cards.change_card(self.state, self.actor(by, thing["idBoard"]), thing, _plain(fields))

    def move_card(self, card: str, list_name: str, by: str = "", board: str | None = None) -> Thing:
        """Put a card into another list, on its own board or on another."""
        with self.lock:
            id_board = self.state.board(board or self.state.card(card)["idBoard"])["id"]
            return self.edit_card(card, by, idBoard=id_board, idList=self.find_list(id_board, list_name)["id"])

    def archive(self, card: str, by: str = "") -> Thing:
        return self.edit_card(card, by, closed=True)

    def archive_list(self, board: str, list_name: str, by: str = "") -> Thing:
        """Archive a list; its cards stay open and are no longer ``visible``."""
        with self.lock:
            return things.change_list(
                self.state, self.actor(by, board), self.find_list(board, list_name), {"closed": True}
            )

    def delete(self, card: str, by: str = "") -> None:
        """Delete a card for good."""
        with self.lock:
            thing = self.state.card(card)
            cards.delete_card(self.state, self.actor(by, thing["idBoard"]), thing)

    def add_comment(self, card: str, text: str, by: str = "") -> Thing:
        with self.lock:
            thing = self.state.card(card)
            return things.add_comment(self.state, self.actor(by, thing["idBoard"]), thing, text)

    def edit_comment(self, action: str, text: str) -> Thing:
        """The author, whoever that is, rewrites a comment by hand."""
        with self.lock:
            comment = self.state.actions[action]
            return things.change_comment(self.state, Actor(comment["idMemberCreator"]), comment, text)

    def delete_comment(self, action: str) -> None:
        with self.lock:
            comment = self.state.actions[action]
            things.delete_comment(self.state, Actor(comment["idMemberCreator"]), comment)

    def attach(self, card: str, url: str, name: str = "", by: str = "") -> Thing:
        with self.lock:
            thing = self.state.card(card)
            return things.attach(self.state, self.actor(by, thing["idBoard"]), thing, url, name)

    def detach(self, card: str, attachment: str, by: str = "") -> None:
        with self.lock:
            thing = self.state.card(card)
            found = next(item for item in self.state.attachments[thing["id"]] if item["id"] == attachment)
            things.detach(self.state, self.actor(by, thing["idBoard"]), thing, found)

    def add_checklist(self, card: str, name: str, items: tuple[str, ...] = (), by: str = "") -> Thing:
        with self.lock:
            thing = self.state.card(card)
            made = things.new_checklist(self.state, self.actor(by, thing["idBoard"]), thing, name)
            for item in items:
                things.add_check_item(self.state, self.actor(by, thing["idBoard"]), made, item)
            return made

    def add_check_item(self, checklist: str, name: str, by: str = "") -> Thing:
        with self.lock:
            thing = self.state.checklists[checklist]
            return things.add_check_item(self.state, self.actor(by, self._home(thing)), thing, name)

    def tick(self, check_item: str, by: str = "", *, done: bool = True) -> Thing:
        """Tick an item off, or (``done=False``) open it again."""
        return self._change_item(check_item, by, {"state": "complete" if done else "incomplete"})

    def rename_check_item(self, check_item: str, name: str, by: str = "") -> Thing:
        return self._change_item(check_item, by, {"name": name})

    def delete_check_item(self, check_item: str, by: str = "") -> None:
        with self.lock:
            checklist, item = self._item(check_item)
            things.delete_check_item(self.state, self.actor(by, self._home(checklist)), checklist, item)

    def set_field(self, card: str, field_name: str, value: str | None, by: str = "") -> Thing:
        """Set a custom field by its name; a list field by its option's text; None clears."""
        with self.lock:
            thing = self.state.card(card)
            definitions = (self.state.custom_fields[key] for key in self.state.fields_of_board[thing["idBoard"]])
            definition = next(item for item in definitions if item["name"] == field_name)
            options = {option["value"]["text"]: option["id"] for option in definition.get("options", ())}
            key = "checked" if definition["type"] == "checkbox" else definition["type"]
            id_value = options[value] if options and value is not None else None
            plain = None if options or value is None else {key: value}
            return cards.set_custom_field(
                self.state, self.actor(by, thing["idBoard"]), thing, definition, plain, id_value
            )

    def label(self, card: str, name: str, by: str = "", color: str | None = "blue") -> Thing:
        """Put a label on a card by its name; the board gets the label if it has none of that name."""
        with self.lock:
            thing = self.state.card(card)
            board, actor = self.state.boards[thing["idBoard"]], self.actor(by, thing["idBoard"])
            labels = (self.state.labels[key] for key in self.state.labels_of_board[board["id"]])
            found = next((item for item in labels if item["name"] == name), None)
            found = found or things.new_label(self.state, actor, board, name, color)
            cards.add_label(self.state, actor, thing, found["id"])
            return found

    def add_plugin_data(self, card: str, id_plugin: str, value: str) -> None:
        """What a Power-Up keeps on a card: a text in a format of its own. Moves nothing that polling sees."""
        with self.lock:
            entry: Thing = {"id": self.state.new_id(), "idPlugin": id_plugin, "scope": "card", "value": value}
            id_card = self.state.card(card)["id"]
            self.state.plugin_data[id_card].append({**entry, "idModel": id_card, "access": "shared"})

    def _change_item(self, check_item: str, by: str, changes: Thing) -> Thing:
        with self.lock:
            checklist, item = self._item(check_item)
            return things.change_check_item(self.state, self.actor(by, self._home(checklist)), checklist, item, changes)

    def _item(self, check_item: str) -> tuple[Thing, Thing]:
        checklist = self.state.checklists[self.state.checklist_of_item[check_item]]
        return checklist, next(item for item in checklist["checkItems"] if item["id"] == check_item)

    def _home(self, checklist: Thing) -> str:
        return str(self.state.cards[checklist["idCard"]]["idBoard"])

    def actor(self, username: str, board: str = "") -> Actor:
        """The named member, or else the board's first (its administrator)."""
        if username:
            return Actor(self.state.member(username)["id"])
        return Actor(next(iter(self.state.memberships[self.state.board(board)["id"]])))


def _plain(fields: Thing) -> Thing:
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in fields.items()}
