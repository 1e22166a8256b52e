"""A chat in memory with a chat's real rules: rooms that remember, a robot that does not, a vendor that knows a message by our own id."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from sync.core.errors import CannotExpress, LostAnswer, NotFound, Refused
from sync.core.markdown import markdown_from_rich_text
from sync.core.messages import Contact, Found, Message, NewRoom
from sync.core.ports import Written
from sync.core.rich_text import PersonMention, mapped
from sync.core.values import Ref

LONGEST = 4000


@dataclass
class Said:
    """One message as it stands in a room."""

    id: str
    mark: str
    message: Message
    version: int = 1

    @property
    def text(self) -> str:
        """What people see: title, words and buttons, as far as a room shows them."""
        shown = "\n".join([self.message.title, markdown_from_rich_text(self.message.body)])
        cut = shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
        return "\n".join([cut, *(button.text for button in self.message.buttons)])

    @property
    def mentioned(self) -> list[str]:
        """The account ids that it notified."""
        found: list[str] = []

        def note(node: object) -> object:
            if isinstance(node, PersonMention) and node.account_id:
                found.append(node.account_id)
            return node

        mapped(self.message.body, note)
        return found

    def written(self) -> Written:
        return Written(self.id, str(self.version), is_untouched=True)


@dataclass
class FakeMessenger:
    """Rooms with what was said in them. A webhook robot (``is_robot``) answers with a code and keeps nothing to look up or change;
    with ``repeatable`` it knows a message by our mark for so many seconds, as some vendors do; one that ``is_blind`` can change what it
    said, and not look it up.
    """

    is_robot: bool = False
    repeatable: float = 0.0
    is_blind: bool = False
    limit: int = 0
    people: dict[str, Contact] = field(default_factory=dict)  # account id: how they may be found
    rooms: dict[str, set[str]] = field(default_factory=dict)  # made by us: key to members
    said: dict[Ref, list[Said]] = field(default_factory=dict)
    writes: int = 0
    lose_next: bool = False
    on_write: Callable[[], None] = lambda: None
    _ids: Iterator[int] = field(default_factory=lambda: count(1))
    _marks: dict[str, str] = field(default_factory=dict)  # mark of a room: its key

    def find_message(self, room: Ref, mark: str) -> Written | None:
        if self.is_robot or self.is_blind:
            raise CannotExpress("a robot cannot look up what it said")
        found = next((item for item in self.said.get(room, []) if item.mark == mark), None)
        return found.written() if found else None

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        same = (item for item in self.said.get(room, []) if (item.mark, item.message) == (mark, message))
        known = next(same, None)
        if known and self.repeatable:
            return self._answer(known.written())
        said = Said(str(next(self._ids)), mark, message)
        self.said.setdefault(room, []).append(said)
        return self._answer(Written(said.id, "1") if self.is_robot else said.written())

    def edit_message(self, room: Ref, written: Written, mark: str, message: Message) -> Written:
        found = next((item for item in self.said.get(room, []) if item.id == written.id), None)
        if self.is_robot:
            raise CannotExpress("a robot cannot change what it said")
        if found is None:
            raise NotFound
        found.message, found.version = message, found.version + 1
        return self._answer(found.written())

    def repeatable_s(self, room: Ref, message: Message) -> float:
        return self.repeatable

    def per_minute(self, room: Ref) -> int:
        return self.limit

    def mergeable_bytes(self, room: Ref) -> int:
        return 4_000 if self.is_robot else 0

    def make_room(self, mark: str, title: str, members: Sequence[str], owner: str = "") -> NewRoom:
        if self.is_robot:
            raise CannotExpress("a robot makes no rooms")
        if not set(members) & self.people.keys():
            raise Refused("none of these people is known", 400, "members")
        key = self._marks.setdefault(mark, f"room{len(self._marks)}")
        missing = self._join(key, members)
        self.writes += 1
        return NewRoom(key, missing)

    def invite(self, room: Ref, members: Sequence[str]) -> tuple[str, ...]:
        if room.key not in self.rooms:
            raise NotFound
        return self._join(room.key, members)

    def find_people(self, contacts: Sequence[Contact]) -> Found:
        by_contact = {contact: account for account, contact in self.people.items()}
        return {contact: by_contact[contact] for contact in contacts if contact in by_contact}

    def _join(self, key: str, members: Sequence[str]) -> tuple[str, ...]:
        self.rooms.setdefault(key, set()).update(set(members) & self.people.keys())
        return tuple(member for member in members if member not in self.people)

    def _answer(self, written: Written) -> Written:
        self.writes += 1
        self.on_write()
        if self.lose_next:
            self.lose_next = False
            raise LostAnswer
        return written
