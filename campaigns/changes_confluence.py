"""What people do in Confluence spaces, done to the simulator and written into the campaign's own book of what should be true."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from campaigns.changes_truth import Book, Item, Place, instant, milliseconds, truncated
from sandbox.confluence import burst
from sandbox.confluence.access import TIELINE
from sandbox.confluence.simulator import Confluence
from sandbox.confluence.state import Page, Space

AUTHOR = "5b1000000000000000000009"
LABELS = ("urgent", "q4", "sop")
LATE, LATE_S = 0.2, 240.0
PAGES_OF_BRANCH = 40
FEWEST = 45


class ConfluenceDesk:
    """Changes to one Confluence site. Every method does one change at the clock's instant and says what kind it was.

    Each space is a home page, branches below it and leaves below those; whole branches are closed and opened, leaves do the rest.
    """

    def __init__(
        self, simulator: Confluence, name: str, spaces: Sequence[tuple[str, bool]], chance: random.Random
    ) -> None:
        self.simulator, self.site, self.chance = simulator, simulator.site, chance
        self.book = Book(name, "document")
        self._count = 0
        self.branches: dict[str, list[str]] = {}
        self._storage = self.site.saved("<p>正文</p>")
        self._spaces: dict[str, Space] = {}
        for key, is_collected in spaces:
            self.book.places[key] = Place(key, is_collected)
            self._spaces[key] = self.site.add_space(key, f"Space {key}", AUTHOR)
            home = self.site.pages[self._spaces[key].homepage_id]
            self._keep(home, key, self.site.clock(), self.site.clock())
            self.branches[key] = []
        self._kinds = _table(self)

    def found(self, count: int) -> None:
        names, collected = list(self.book.places), self.book.collected()
        for key in names:
            for _ in range(max(2, count // len(collected) // PAGES_OF_BRANCH)):
                page = self._new_page(key, self._spaces[key].homepage_id, *self._at())
                self.branches[key].append(page.id)
        while len(self.book.items) < max(count, FEWEST):
            self.create(self.chance.choice(collected) if self.chance.random() < 0.93 else self.chance.choice(names))

    def change(self) -> str:
        """One random change; what kind it was."""
        return self.chance.choices(self._kinds[0], self._kinds[1])[0]()

    def create(self, place: str = "") -> str:
        place = place or self.chance.choice(list(self.book.places))
        self._new_page(place, self.chance.choice(self.branches[place]), *self._at())
        return "create"

    def edit(self) -> str:
        item = self._drawn()
        self._edit(item, self.site.pages[item.id].title)
        return "edit text"

    def retitle(self) -> str:
        self._edit(self._drawn(), self._title())
        return "edit title"

    def label(self) -> str:
        """No new version: only who reads the page itself sees it."""
        item = self._drawn()
        names = tuple(sorted(self.chance.sample(LABELS, self.chance.randrange(3))))
        page = self.site.pages[item.id]
        page.labels = {
            f"global:{name}": self.site.label_ids.setdefault(f"global:{name}", self.site.new_id()) for name in names
        }
        self._lazily(item, {"labels": names})
        return "labels"

    def hang(self) -> str:
        """Under another branch of its space; no new version."""
        item = self._leaf()
        parent = self.chance.choice(self.branches[item.place])
        self.site.place(self.site.pages[item.id], parent)
        self._lazily(item, {"parent": parent})
        self._settle_readers(item)
        return "move in the tree"

    def restrict(self) -> str:
        """Readers named, ourselves among them; or open again."""
        item = self._drawn() if self.chance.random() < 0.97 else self._branch()
        page = self.site.pages[item.id]
        if TIELINE.account_id not in page.readers and page.readers:
            return self.edit()
        self.site.restrict(page, () if page.readers else (AUTHOR, TIELINE.account_id), None)
        self._settle_readers(item)
        return "readers"

    def hide(self) -> str:
        """Readers named, and we are none of them."""
        if len(self.book.hidden) > len(self.book.items) // 30:
            return self.show()
        item = self._leaf()
        self.site.restrict(self.site.pages[item.id], (AUTHOR,), None)
        self._settle_readers(item)
        return "right revoked"

    def show(self) -> str:
        if not len(self.book.hidden):
            return self.edit()
        item = self.book.items[self.book.hidden.draw(self.chance)]
        self.site.restrict(self.site.pages[item.id], (), None)
        self._settle_readers(item)
        return "right returned"

    def edit_hidden(self) -> str:
        if not len(self.book.hidden):
            return self.edit()
        self._edit(self.book.items[self.book.hidden.draw(self.chance)], self._title())
        return "edit of a hidden item"

    def put_away(self) -> str:
        item = self._leaf()
        is_binned = self.chance.random() < 0.6
        self.site.set_status(self.site.pages[item.id], "trashed" if is_binned else "archived")
        item.presence = "deleted" if is_binned else "archived"
        self.book.note(item, self.site.clock())
        return "delete" if is_binned else "archive"

    def restore(self) -> str:
        if not len(self.book.put_away):
            return self.edit()
        item = self.book.items[self.book.put_away.draw(self.chance)]
        self.site.set_status(self.site.pages[item.id], "current")
        item.presence = "live"
        self.book.note(item, self.site.clock())
        return "restore"

    def purge(self) -> str:
        item = self._leaf()
        self.site.forget(self.site.pages[item.id])
        item.presence = "purged"
        self.book.note(item, self.site.clock())
        return "purge"

    def move(self) -> str:
        """To another space; the version stays."""
        item = self._leaf()
        place = self.book.destination(item, self.chance)
        parent = self.chance.choice(self.branches[place])
        burst.move_to_space(self.site, self.site.pages[item.id], self._spaces[place], parent)
        item.place = place
        self._lazily(item, {"parent": parent, "space": self._spaces[place].id, "scope": place})
        self._settle_readers(item)
        return "move to another space"

    def shut(self, place: str) -> str:
        self.simulator.hide_space(place)
        self.book.shut(place, True, self.site.clock())
        return "whole place hidden"

    def open(self, place: str) -> str:
        self.simulator.hide_space(place, is_hidden=False)
        self.book.shut(place, False, self.site.clock())
        return "whole place back"

    def check(self) -> str:
        """The simulator's state against the book: what differs first, or nothing."""
        status = {"live": "current", "archived": "archived", "deleted": "trashed"}
        alive = 0
        for item in self.book.items.values():
            page = self.site.pages.get(item.id)
            if (page is None) != (item.presence == "purged"):
                return f"{item.id}: presence {item.presence}"
            if page is None:
                continue
            alive += 1
            facts, latest = item.facts, page.latest
            mine = (
                facts["title"],
                facts["version"],
                facts["updated"],
                facts["parent"],
                facts["space"],
                status[item.presence],
            )
            if mine != (
                latest.title,
                latest.number,
                milliseconds(latest.when),
                page.parent_id,
                page.space_id,
                page.status,
            ):
                return f"{item.id}: {mine} is not {latest}"
        return "" if alive == len(self.site.pages) else f"{alive} pages, not {len(self.site.pages)}"

    def _new_page(self, place: str, parent: str, at: datetime, seen: datetime) -> Page:
        page = burst.create(self.site, self._spaces[place], self._title(), self._storage, AUTHOR, at, parent)
        self._keep(page, place, at, seen)
        return page

    def _keep(self, page: Page, place: str, at: datetime, seen: datetime) -> None:
        facts = {
            "title": page.title, "version": 1, "updated": milliseconds(at), "parent": page.parent_id, "labels": (), "space": page.space_id,
            "restricted": False, "scope": place,
        }  # fmt: skip
        item = self.book.add(Item(page.id, place, facts, seen))
        self._settle_readers(item)

    def _edit(self, item: Item, title: str) -> None:
        at, seen = self._at(item)
        burst.edit(self.site, self.site.pages[item.id], title, AUTHOR, at)
        item.facts |= {"title": title, "version": item.facts["version"] + 1, "updated": milliseconds(at)}
        item.lazy.clear()
        self.book.note(item, seen)

    def _lazily(self, item: Item, facts: dict[str, object]) -> None:
        """Facts changed that no version tells of."""
        now = self.site.clock()
        item.lazy |= {name: now for name, value in facts.items() if item.facts[name] != value}
        item.facts |= facts
        self.book.note(item, self.site.clock())

    def _settle_readers(self, item: Item) -> None:
        """Readers are inherited: what was done to a page is done to all below it."""
        page = self.site.pages[item.id]
        for each in (page, *self.site.descendants(page)):
            chain = [*self._above(each), each]
            below = self.book.items[each.id]
            below.is_hidden = any(link.readers and TIELINE.account_id not in link.readers for link in chain)
            self._lazily(below, {"restricted": any(link.readers for link in chain)})

    def _above(self, page: Page) -> list[Page]:
        above = []
        while page.parent_id is not None:
            page = self.site.pages[page.parent_id]
            above.append(page)
        return above

    def _at(self, *items: Item) -> tuple[datetime, datetime]:
        """(the instant that the vendor writes down, the instant from which on it can be seen); an item's own date never goes back"""
        seen = self.site.clock()
        late = self.chance.random() * LATE_S if self.chance.random() < LATE else 0.0
        at = truncated(seen - timedelta(seconds=late))
        return max([at, *(instant(item.facts["updated"]) for item in items)]), seen

    def _drawn(self) -> Item:
        return self.book.items[self.book.visible.draw(self.chance)]

    def _leaf(self) -> Item:
        for _ in range(1000):
            item = self._drawn()
            if (
                not self.site.pages[item.id].children
                and item.id not in self.branches[item.place]
                and item.facts["parent"]
            ):
                return item
        raise RuntimeError("no leaves are left")

    def _branch(self) -> Item:
        return self.book.items[self.chance.choice(self.branches[self.chance.choice(list(self.branches))])]

    def _title(self) -> str:
        self._count += 1
        return f"页面 {self._count}"


def _table(desk: ConfluenceDesk) -> tuple[list[Callable[[], str]], list[float]]:
    weights: dict[Callable[[], str], float] = {
        desk.edit: 45, desk.retitle: 20, desk.label: 4, desk.hang: 3, desk.restrict: 3, desk.hide: 2, desk.show: 2, desk.edit_hidden: 2,
        desk.put_away: 4, desk.restore: 3, desk.purge: 1, desk.move: 3, desk.create: 4,
    }  # fmt: skip
    return list(weights), list(weights.values())
