"""What each item should be, kept beside the simulators by the campaign itself: the oracle. Nothing here asks the product."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Presence = Literal["live", "archived", "deleted", "purged"]
Facts = dict[str, Any]
LEAVING = 0.08


@dataclass(slots=True, eq=False)
class Item:
    """One issue, card or page. ``facts`` is what its record must say; ``place`` the project, board or space it is in.

    ``changed_at`` is when the last change could first be seen, ``reasons`` why it may have been found gone since it was last seen there,
    ``lazy`` the facts that changed with no vendor date telling of it, and when.
    """

    id: str
    place: str
    facts: Facts
    changed_at: datetime
    presence: Presence = "live"
    is_hidden: bool = False
    revision: int = 0
    reasons: set[str] = field(default_factory=set)
    lazy: dict[str, datetime] = field(default_factory=dict)


@dataclass(eq=False)
class Place:
    """A project, board or space. ``is_collected``: the mapping names it; ``is_shut``: archived or our rights were revoked."""

    name: str
    is_collected: bool
    is_shut: bool = False
    changed_at: datetime = datetime(2000, 1, 1, tzinfo=UTC)


class Pool:
    """Ids to draw from at random, with cheap removal."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._at: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._at

    def add(self, item_id: str) -> None:
        if item_id not in self._at:
            self._at[item_id] = len(self._ids)
            self._ids.append(item_id)

    def discard(self, item_id: str) -> None:
        at = self._at.pop(item_id, None)
        if at is None:
            return
        last = self._ids.pop()
        if last != item_id:
            self._ids[at] = last
            self._at[last] = at

    def draw(self, chance: random.Random) -> str:
        return self._ids[int(chance.random() * len(self._ids))]


class Book:
    """All items of one site as they should be. ``scope_of`` turns a place into the scope the product stores."""

    def __init__(self, connection: str, kind: str) -> None:
        self.connection, self.kind = connection, kind
        self.items: dict[str, Item] = {}
        self.places: dict[str, Place] = {}
        self.visible = Pool()  # live and not hidden, wherever
        self.hidden = Pool()
        self.put_away = Pool()  # archived or in the trash: may come back
        self.dirty: set[str] = set()

    def ref(self, item_id: str) -> str:
        return f"{self.connection}:{self.kind}:{item_id}"

    def collected(self) -> tuple[str, ...]:
        return tuple(place.name for place in self.places.values() if place.is_collected)

    def add(self, item: Item) -> Item:
        self.items[item.id] = item
        self.note(item, item.changed_at)
        return item

    def destination(self, item: Item, chance: random.Random) -> str:
        """Where an item moves to: now and then out of what is collected, and from there always back."""
        is_leaving = self.places[item.place].is_collected and chance.random() < LEAVING
        places = [
            place.name
            for place in self.places.values()
            if place.is_collected != is_leaving and place.name != item.place
        ]
        return chance.choice(places)

    def note(self, item: Item, at: datetime) -> None:
        """An item changed, and the change can be seen from this instant on."""
        item.changed_at = at
        item.revision += 1
        self.dirty.add(item.id)
        if not self.is_there(item):
            item.reasons |= self.reasons_for(item)
        is_visible = item.presence == "live" and not item.is_hidden
        (self.visible.add if is_visible else self.visible.discard)(item.id)
        (self.hidden.add if item.is_hidden and item.presence == "live" else self.hidden.discard)(item.id)
        (self.put_away.add if item.presence in ("archived", "deleted") else self.put_away.discard)(item.id)

    def is_there(self, item: Item) -> bool:
        """Whether the store must hold it: it lives, we may see it, and its place is collected. A place that is shut keeps what it had."""
        return item.presence == "live" and not item.is_hidden and self.places[item.place].is_collected

    def reasons_for(self, item: Item) -> set[str]:
        """Why a direct read finds it gone, as it stands now."""
        place = self.places[item.place]
        if item.presence == "purged" or item.is_hidden or (place.is_shut and not place.is_collected):
            return {"hidden"}
        if item.presence != "live":
            return {item.presence}
        return {"moved"}

    def shut(self, name: str, is_shut: bool, at: datetime) -> None:
        """Take a place away from us as a whole, or give it back."""
        self.places[name].is_shut = is_shut
        self.places[name].changed_at = at
        if not self.places[name].is_collected:  # what a census finds of those that moved there depends on it
            for item in self.items.values():
                if item.place == name and not self.is_there(item):
                    item.reasons |= self.reasons_for(item)

    def there(self) -> Iterator[Item]:
        return (item for item in self.items.values() if self.is_there(item))

    def count_there(self) -> int:
        return sum(1 for _ in self.there())


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def instant(number: int) -> datetime:
    """The instant of milliseconds since 1970, exactly."""
    return datetime.fromtimestamp(number // 1000, UTC) + timedelta(milliseconds=number % 1000)


def truncated(at: datetime) -> datetime:
    """To the millisecond, as every vendor keeps instants."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Which facts differ, and how."""
    names = [name for name in wanted if wanted[name] != found.get(name)]
    return ", ".join(f"{name}: should be {wanted[name]!r}, is {found.get(name)!r}" for name in names)
