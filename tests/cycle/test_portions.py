"""Readings of everything that need more calls than a run may spend: they go on over runs, end, and hold up nothing that changes meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from msgspec.structs import replace

from sync.core.errors import TryLater
from sync.core.hooks import Told
from sync.core.ports import Cursor, Shard
from sync.core.values import RawRecord
from sync.reading import Collected
from sync.store.store import Store
from tests.cycle.lagging import LaggingSource
from tests.cycle.test_horizons import HOUR, ledger, run, stored

__all__ = ["ledger"]
MINUTE = timedelta(minutes=1)


@dataclass
class Portioned(LaggingSource):
    """Answers ``calls`` requests a run. ``is_paged``: its lists come as one shard, page by page, as those of most vendors do."""

    calls: int = 0
    left: int = 0
    is_paged: bool = False
    is_deadly: bool = False
    read: list[str] = field(default_factory=list)

    def begin_run(self) -> None:
        self.left = self.calls or 10_000

    def _ask(self) -> None:
        if not self.left and self.is_deadly:
            raise Killed
        if not self.left:
            raise TryLater("no calls are left", reason="call_budget")
        self.left -= 1
        super()._ask()

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        if cursor or not self.is_paged:
            yield from super().shards(stream, cursor, scope)
        else:
            yield Shard(stream, scope, position={"pages": True})

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        shards = [shard] if shard.ids else super().shards(shard.stream, None, shard.scope)
        for each in shards:
            for page in super().fetch(each):
                self.read += [record.ref.key for record in page]
                yield page

    def touch(self, key: str, text: str) -> None:
        """Change what no date and no list of changes tells."""
        self.history[key][-1] = replace(self.history[key][-1], text=text)


class Killed(BaseException):
    """The process is killed: nothing of ours may catch it."""


@dataclass
class Telling(Portioned):
    """Has a feed: of the touched items after the token's number. It forgets tokens on demand."""

    told: list[str] = field(default_factory=list)
    forgotten: int = 0

    def told_since(self, stream: str, scope: str, token: str) -> Told:
        self._ask()
        begin, end = int(token or "-1"), str(len(self.told))
        if begin < self.forgotten:
            return Told(end, is_gap=True)
        return Told(end, tuple(dict.fromkeys(self.told[begin:])))

    def touch(self, key: str, text: str) -> None:
        super().touch(key, text)
        self.told.append(key)

    def forget(self) -> None:
        """What it would have told is lost."""
        self.told.append("k00")
        self.forgotten = len(self.told)


MANY = 40


def loaded(store: Store, source: Portioned) -> None:
    """Forty items, read a day ago."""
    for number in range(MANY):
        source.put(f"k{number:02}", "first", "B" if number % 4 == 3 else "A")
    for wait in (MINUTE, HOUR):
        source.wait(wait)
        for scope, key in (("A", "k01"), ("B", "k03")):
            source.put(key, f"moves the fresh horizon {source.now}", scope)
        source.begin_run()
        assert run(store, source).certificate(source.now).is_complete
    source.wait(25 * HOUR)
    source.read.clear()


def turn(store: Store, source: Portioned) -> Collected:
    """A run ten minutes later, before which an item was edited: that edit is there after it."""
    source.wait(10 * MINUTE)
    source.put("k20", f"edited at {source.now}")
    source.begin_run()
    report = run(store, source)
    assert stored(store)["k20"] == source.truth()["k20"], "what changed is read first"
    return report


def whole_at(store: Store) -> set[object]:
    cursors = [store.cursor("fake", "items", scope) for scope in ("A", "B")]
    return {cursor.whole_at for cursor in cursors if cursor}


@pytest.mark.parametrize("is_paged", [False, True])
def test_a_periodic_rereading_in_portions_ends_and_holds_up_nothing(ledger: Store, is_paged: bool) -> None:
    source = Portioned(rereads_after_h=24, is_paged=is_paged)
    loaded(ledger, source)
    source.touch("k38", "restricted now")
    source.calls = 10
    for turns in range(1, 12):
        certificate = turn(ledger, source).certificate(source.now)
        assert certificate.is_complete
        began = source.now - (turns - 1) * 10 * MINUTE
        if "read again" not in certificate.reason:
            break
    assert 2 < turns < 11
    assert stored(ledger) == source.truth()
    assert whole_at(ledger) == {began}


@pytest.mark.parametrize("is_paged", [False, True])
def test_a_gap_in_portions_ends_and_proves_nothing_before(ledger: Store, is_paged: bool) -> None:
    source = Telling(is_paged=is_paged)
    loaded(ledger, source)
    source.touch("k38", "moved to another section")
    source.delete("k05")
    source.forget()
    source.calls = 10
    for turns in range(1, 15):
        is_complete = turn(ledger, source).certificate(source.now).is_complete
        assert is_complete == (stored(ledger) == source.truth())
        if is_complete:
            break
    assert 2 < turns < 11
