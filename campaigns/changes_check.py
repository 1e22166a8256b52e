"""The store against the truth: everything at a quiet point, and after any run what its certificates claim."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from campaigns.changes_reading import derived_found, derived_wanted, facts_from
from campaigns.changes_truth import Book, Item, differences
from sync.core.certificate import Certificate

COLUMNS = "ref, scope, visibility, gone_reason, payload"
Row = tuple[str, str, str, str | None, bytes]


class Desk(Protocol):
    """One site's people: its book, and what they can do."""

    book: Book

    def change(self) -> str: ...

    def shut(self, place: str) -> str: ...

    def open(self, place: str) -> str: ...

    def check(self) -> str:
        """The first difference between the simulator and the book; empty when there is none."""
        ...


class Judge:
    """Compares one company's store with its desks' books. What was found right is not decoded again while neither the stored bytes
    nor the truth moved. ``are_lazy_facts_due``: whether facts that no vendor date tells of are part of the promise.
    """

    def __init__(
        self,
        desks: Mapping[str, Desk],
        database: sqlite3.Connection,
        clock: Callable[[], datetime],
        lazy_h: Mapping[str, float],
    ) -> None:
        self._desks, self._database, self._clock, self._lazy_h = desks, database, clock, lazy_h
        self._right: dict[str, tuple[int, str, str, int]] = {}
        self._derived: dict[str, tuple[int, int]] = {}
        self.compared = self.decoded = 0

    # -- at a quiet point

    def quiet(self, name: str) -> Iterator[str]:
        """Everything that is wrong with one connection when nothing changes any more."""
        book = self._desks[name].book
        shut = [place for place in book.places.values() if place.is_collected and place.is_shut]
        query = f"SELECT {COLUMNS} FROM raw_records WHERE connection = ? AND kind = ?"  # our own words
        stored: set[str] = set()
        for row in self._database.execute(query, (name, book.kind)):
            key = row[0].rpartition(":")[2]
            stored.add(key)
            item = book.items.get(key)
            if item is None:
                yield f"{row[0]} is stored and was never there"
            elif shut:
                yield from self._kept(book, item, row, min(place.changed_at for place in shut))
            else:
                yield from self._whole(book, item, row)
        if not shut:
            yield from (f"{book.ref(item.id)} is missing" for item in book.there() if item.id not in stored)
            yield from self._model(name, book)

    def _kept(self, book: Book, item: Item, row: Row, since: datetime) -> Iterator[str]:
        """Rights on a whole place are gone: what was there before may not be marked as gone."""
        if row[3] is not None and book.is_there(item) and item.changed_at < since:
            yield f"{row[0]} is marked {row[3]} though only our access was lost"

    def _whole(self, book: Book, item: Item, row: Row) -> Iterator[str]:
        self.compared += 1
        if row[3] is not None:
            if book.is_there(item):
                yield f"{row[0]} is marked {row[3]} and is there"
            elif row[3] not in item.reasons:
                yield f"{row[0]} is marked {row[3]}; right is {' or '.join(sorted(item.reasons))}"
        elif not book.is_there(item):
            yield f"{row[0]} is stored as if it were there; it is gone ({', '.join(sorted(item.reasons))})"
        else:
            item.reasons.clear()
            if problem := self._content(book.connection, item, row):
                yield problem

    def _content(self, name: str, item: Item, row: Row) -> str:
        ref, scope, visibility, _, payload = row
        unproven = self._unproven(name, item)
        mark = (hash(payload), scope, visibility, item.revision if not unproven else -1)
        if self._right.get(ref) == mark:
            return ""
        self.decoded += 1
        found = facts_from(name, payload, scope, visibility)
        wanted = {key: value for key, value in item.facts.items() if key not in unproven}
        if problem := differences(wanted, found):
            return f"{ref}: {problem}"
        if not unproven:
            self._right[ref] = mark
        return ""

    def _unproven(self, name: str, item: Item) -> set[str]:
        """The facts whose change no date tells of, and which the product need not have read again yet."""
        if not item.lazy:
            return set()
        hours = self._lazy_h.get(name)
        since = self._clock() - timedelta(hours=hours) if hours else None
        return {fact for fact, at in item.lazy.items() if since is None or at > since}

    def _model(self, name: str, book: Book) -> Iterator[str]:
        """The tasks or documents made of the records."""
        table = "tasks" if book.kind == "task" else "documents"
        query = f"SELECT ref, value FROM {table} WHERE ref >= ? AND ref < ?"  # our own words
        found: set[str] = set()
        for ref, value in self._database.execute(query, (f"{name}:", f"{name};")):
            key = ref.rpartition(":")[2]
            found.add(key)
            item = book.items.get(key)
            if item is None or not book.is_there(item):
                yield f"{ref} is in {table} and is gone"
                continue
            mark = (hash(value), item.revision if not item.lazy else -1)
            if item.lazy or self._derived.get(ref) != mark:
                problem = differences(self._derived_wanted(name, item), derived_found(name, value))
                if problem:
                    yield f"{ref} in {table}: {problem}"
                else:
                    self._derived[ref] = mark
        yield from (f"{book.ref(item.id)} is not in {table}" for item in book.there() if item.id not in found)

    def _derived_wanted(self, name: str, item: Item) -> dict[str, Any]:
        wanted = derived_wanted(name, item.facts)
        if "restricted" in self._unproven(name, item):
            del wanted["visibility"]
        return wanted

    # -- after any run

    def claims(self, name: str, certificates: Iterable[Certificate]) -> Iterator[str]:
        """What green certificates claim and is not so: every change up to ``settled_at`` must be here."""
        book = self._desks[name].book
        proven = {
            item.scope: item.settled_at
            for item in certificates
            if item.is_complete and item.settled_at and item.stream in ("issues", "cards", "pages")
        }
        wanted = [key for key in book.dirty if self._is_claimed(book, book.items[key], proven)]
        for start in range(0, len(wanted), 500):
            refs = [book.ref(key) for key in wanted[start : start + 500]]
            marks = ",".join("?" * len(refs))
            query = f"SELECT {COLUMNS} FROM raw_records WHERE ref IN ({marks})"  # our own words
            rows = {row[0]: row for row in self._database.execute(query, refs)}
            for ref in refs:
                item = book.items[ref.rpartition(":")[2]]
                yield from self._claimed(book, item, rows.get(ref))

    def _is_claimed(self, book: Book, item: Item, proven: Mapping[str, datetime]) -> bool:
        settled, place = proven.get(item.place), book.places[item.place]
        return settled is not None and item.changed_at <= settled and place.changed_at <= settled and not place.is_shut

    def _claimed(self, book: Book, item: Item, row: Row | None) -> Iterator[str]:
        """Of what is gone from a scope only that it does not stand there any more."""
        if book.is_there(item):
            if row is None or row[3] is not None:
                yield f"{book.ref(item.id)} is {row[3] if row else 'missing'} and is there"
            elif problem := self._content(book.connection, item, row):
                yield problem
        elif row is not None and row[3] is None and row[1] == item.place:
            yield f"{book.ref(item.id)} is stored as if it were there; it is gone ({', '.join(sorted(item.reasons))})"
