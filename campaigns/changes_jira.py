"""What people do to a Jira site, done to the simulator and written into the campaign's own book of what should be true."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from campaigns.changes_truth import Book, Item, Place, instant, milliseconds, truncated
from sandbox.jira import burst
from sandbox.jira.simulator import JiraSimulator

PEOPLE = ("zhang-wei", "li-na", "zhao-min", "wang-fang", "liu-yang", "sun-li")
LABELS = ("urgent", "q4", "支付", "backend", "later")
STATUSES = ("10000", "3", "10001")
SECURITY = {"id": "10200", "name": "核心组", "description": ""}
LATE, LATE_S = (
    0.2,
    240.0,
)  # a slow transaction's own instant lies up to four minutes before anybody can see what it wrote


class JiraDesk:
    """Changes to one Jira site. Every method does one change at the clock's instant and says what kind it was."""

    def __init__(
        self, simulator: JiraSimulator, name: str, projects: Sequence[tuple[str, bool]], chance: random.Random
    ) -> None:
        self.simulator, self.site, self.chance = simulator, simulator.site, chance
        self.book = Book(name, "task")
        self.has_history = False
        for key in PEOPLE:
            simulator.add_user(key, key)
        self._project_ids: dict[str, str] = {}
        for key, is_collected in projects:
            self._project_ids[key] = simulator.add_project(key, f"Project {key}").id
            self.book.places[key] = Place(key, is_collected)
        self._links: dict[str, tuple[str, str]] = {}
        self._kinds = _table(self)

    def found(self, count: int) -> None:
        """The issues that are there in the beginning."""
        names = list(self.book.places)
        collected = self.book.collected()
        for number in range(count):
            self.create(
                place=collected[number % len(collected)] if self.chance.random() < 0.93 else self.chance.choice(names)
            )

    def change(self) -> str:
        """One random change; what kind it was."""
        return self.chance.choices(self._kinds[0], self._kinds[1])[0]()

    # -- one change each

    def create(self, place: str = "") -> str:
        place = place or self.chance.choice(list(self.book.places))
        at, seen = self._at()
        status, due, labels, owner = self._status(), self._due(), self._labels(), self._person()
        values = {"summary": self._title(), "status_id": status, "due": due, "labels": labels, "assignee": owner}
        issue = burst.create(self.site, self._project_ids[place], at, "zhang-wei", values)
        facts: dict[str, Any] = {
            "key": issue.key, "title": issue.summary, "status": status, "owner": self._account(owner),
            "due": due.isoformat() if due else None, "labels": tuple(sorted(labels)), "parent": None,
            "updated": milliseconds(at), "links": frozenset(), "scope": place, "restricted": False,
        }  # fmt: skip
        self.book.add(Item(str(issue.id), place, facts, seen))
        return "create"

    def edit(self) -> str:
        """A person edits a field; on a board, mostly what was just moved is edited again."""
        title, status = self._title(), self._status()
        due, labels, owner = self._due(), self._labels(), self._person()
        attribute, value, name, meant = self.chance.choices(
            (
                ("summary", title, "title", title),
                ("status_id", status, "status", status),
                ("due", due, "due", due.isoformat() if due else None),
                ("labels", labels, "labels", tuple(sorted(labels))),
                ("assignee", owner, "owner", self._account(owner)),
            ),
            (3, 3, 2, 1, 2),
        )[0]
        self._edit(self._drawn(), {attribute: value}, {name: meant})
        return f"edit {name}"

    def touch(self) -> str:
        """A comment: nothing that we keep changes but the date."""
        self._edit(self._drawn(), {}, {})
        return "comment"

    def set_parent(self) -> str:
        item, parent = self._drawn(), self._drawn()
        if item is parent or self.chance.random() < 0.3:
            self._edit(item, {"parent": None}, {"parent": None})
        else:
            self._edit(item, {"parent": int(parent.id)}, {"parent": parent.id})
        return "parent"

    def secure(self) -> str:
        """A security level set or taken off; we may still see the issue."""
        item = self._drawn()
        is_restricted = not item.facts["restricted"]
        self._edit(item, {"security": SECURITY if is_restricted else None}, {"restricted": is_restricted})
        return "security level"

    def link(self) -> str:
        source, target = self._drawn(), self._drawn()
        at, seen = self._at(source, target)
        made = None if source is target else burst.link(self.site, "10000", int(source.id), int(target.id), at)
        if made is None:
            return self.touch()
        self._links[str(made.id)] = (source.id, target.id)
        for item in (source, target):
            item.facts["links"] |= {str(made.id)}
            self._note(item, at, seen)
        return "link"

    def unlink(self) -> str:
        if not self._links:
            return self.link()
        link_id = next(iter(self._links))
        at, seen = self._at(*(self.book.items[end] for end in self._links[link_id]))
        burst.unlink(self.site, int(link_id), at)
        self._unlinked(link_id, at, seen)
        return "unlink"

    def delete(self) -> str:
        item = self._drawn()
        _, seen = self._at()
        at = truncated(self.site.now())
        for link_id in list(item.facts["links"]):
            self._unlinked(link_id, at, seen, is_touched=False)
        for child in list(self.site.children.get(int(item.id), ())):
            self._orphan(str(child))
        self.site.drop(self.site.issues[int(item.id)])
        item.presence = "purged"  # Jira has no bin, and says the same of a deleted and of a forbidden issue
        self.book.note(item, seen)
        return "delete"

    def move(self) -> str:
        """Into another project: a new key, the same id."""
        item = self._drawn()
        place = self.book.destination(item, self.chance)
        at, seen = self._at(item)
        issue = burst.move(self.site, int(item.id), self._project_ids[place], at, "li-na")
        item.place = place
        item.facts |= {"key": issue.key, "scope": place}
        self._note(item, at, seen)
        return "move with a new key"

    def hide(self) -> str:
        if len(self.book.hidden) > len(self.book.items) // 30:
            return self.show()
        item = self._drawn()
        self.simulator.hide_issue(item.id)
        item.is_hidden = True
        self.book.note(item, self.site.now())
        return "right revoked"

    def show(self) -> str:
        if not len(self.book.hidden):
            return self.touch()
        item = self.book.items[self.book.hidden.draw(self.chance)]
        self.simulator.hide_issue(item.id, is_hidden=False)
        item.is_hidden = False
        self.book.note(item, self.site.now())
        return "right returned"

    def edit_hidden(self) -> str:
        """Somebody goes on working where we cannot look."""
        if not len(self.book.hidden):
            return self.touch()
        title = self._title()
        self._edit(self.book.items[self.book.hidden.draw(self.chance)], {"summary": title}, {"title": title})
        return "edit of a hidden item"

    # -- whole projects

    def shut(self, place: str) -> str:
        """Rights on a whole project revoked, or the project archived."""
        if self.chance.random() < 0.5:
            self.simulator.hide_project(place)
            word = "whole place hidden"
        else:
            self.simulator.set_project_status(place, "archived")
            word = "whole place archived"
        self.book.shut(place, True, self.site.now())
        return word

    def open(self, place: str) -> str:
        self.simulator.hide_project(place, is_hidden=False)
        self.simulator.set_project_status(place, "live")
        self.book.shut(place, False, self.site.now())
        return "whole place back"

    def check(self) -> str:
        """The simulator's state against the book: what differs first, or nothing."""
        site, alive = self.site, 0
        for item in self.book.items.values():
            issue = site.issues.get(int(item.id))
            if (issue is None) != (item.presence == "purged"):
                return f"{item.id}: presence {item.presence}"
            if issue is None:
                continue
            alive += 1
            facts = item.facts
            mine = (
                facts["key"],
                facts["title"],
                facts["status"],
                facts["labels"],
                facts["updated"],
                facts["parent"],
                facts["restricted"],
            )
            parent = None if issue.parent is None else str(issue.parent)
            theirs = (
                issue.key,
                issue.summary,
                issue.status_id,
                tuple(sorted(issue.labels)),
                milliseconds(issue.updated),
                parent,
            )
            if mine != (*theirs, bool(issue.security)) or (issue.id in site.hidden_issues) != item.is_hidden:
                return f"{item.id}: {mine} is not {theirs}"
        return "" if alive == len(site.issues) else f"{alive} issues, not {len(site.issues)}"

    # -- parts

    def _edit(self, item: Item, values: dict[str, Any], facts: dict[str, Any]) -> None:
        at, seen = self._at(item)
        burst.edit(self.site, int(item.id), at, "zhang-wei", values, has_history=self.has_history)
        item.facts |= facts
        self._note(item, at, seen)

    def _note(self, item: Item, at: datetime, seen: datetime) -> None:
        item.facts["updated"] = milliseconds(at)
        self.book.note(item, seen)

    def _unlinked(self, link_id: str, at: datetime, seen: datetime, *, is_touched: bool = True) -> None:
        for end in self._links.pop(link_id):
            item = self.book.items[end]
            if item.presence == "live":
                item.facts["links"] -= {link_id}
                if is_touched:
                    self._note(item, at, seen)
                else:
                    self.book.note(item, seen)

    def _orphan(self, child: str) -> None:
        """Who deletes a parent takes its children out first."""
        self._edit(self.book.items[child], {"parent": None}, {"parent": None})

    def _at(self, *items: Item) -> tuple[datetime, datetime]:
        """(the instant that the vendor writes down, the instant from which on it can be seen); an item's own date never goes back"""
        seen = self.site.now()
        late = self.chance.random() * LATE_S if self.chance.random() < LATE else 0.0
        at = truncated(seen - timedelta(seconds=late))
        return max([at, *(instant(item.facts["updated"]) for item in items)]), seen

    def _drawn(self) -> Item:
        return self.book.items[self.book.visible.draw(self.chance)]

    def _account(self, key: str | None) -> str | None:
        if key is None:
            return None
        user = self.site.users[key]
        return user.account_id if self.site.variant == "cloud" else user.server_key

    def _title(self) -> str:
        return f"支付接口 {self.chance.randrange(10**9)}"

    def _status(self) -> str:
        return self.chance.choice(STATUSES)

    def _due(self) -> date | None:
        return date(2026, 11, 1) + timedelta(days=self.chance.randrange(90)) if self.chance.random() < 0.9 else None

    def _labels(self) -> tuple[str, ...]:
        return tuple(self.chance.sample(LABELS, self.chance.randrange(3)))

    def _person(self) -> str | None:
        return self.chance.choice((*PEOPLE, None))


def _table(desk: JiraDesk) -> tuple[list[Callable[[], str]], list[float]]:
    weights: dict[Callable[[], str], float] = {
        desk.edit: 60, desk.touch: 6, desk.set_parent: 4, desk.secure: 3, desk.link: 2, desk.unlink: 2, desk.create: 4.2, desk.delete: 3.5,
        desk.move: 6, desk.hide: 2, desk.show: 2, desk.edit_hidden: 2,
    }  # fmt: skip
    return list(weights), list(weights.values())
