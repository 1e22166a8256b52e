"""Readings of everything that need more calls than a run may spend: they go on over runs, end, and hold up nothing that changes meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from sync import collect as collect_module
from sync import feeds, reading
from sync.collect import collect
from sync.core.certificate import Certificate
from sync.core.errors import StoreUnavailable, TryLater
from sync.core.hooks import Told
from sync.core.ports import Cursor, Shard
from sync.core.values import RawRecord
from sync.reading import Cadence, Collected, Site
from sync.store.store import Store
from sync.whole import begin, go_on
from tests.cycle.lagging import LaggingSource
from tests.cycle.test_horizons import HOUR, ledger, mapped, stored

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


def loaded(store: Store, source: Portioned, scopes: str = "AB") -> None:
    """Forty items, read more than a day ago."""
    for number in range(MANY):
        source.put(f"k{number:02}", "first", "B" if number % 4 == 3 else "A")
    for wait in (MINUTE, HOUR):
        source.wait(wait)
        for scope, key in (("A", "k01"), ("B", "k03")):
            source.put(key, f"moves the fresh horizon {source.now}", scope)
        source.begin_run()
        assert read(store, source, scopes=scopes).certificate(source.now).is_complete
    source.wait(25 * HOUR)


def read(store: Store, source: Portioned, cadence: Cadence | None = None, scopes: str = "AB") -> Collected:
    site = Site("fake", source, tuple(scopes), 1, lambda: source.requests, cadence or Cadence())
    return collect(site, store, mapped, started=source.identify().now, at=source.now)


def turn(store: Store, source: Portioned, cadence: Cadence | None = None, scopes: str = "AB") -> Certificate:
    """A run ten minutes later, before which an item was edited: that edit is there after it."""
    source.wait(10 * MINUTE)
    source.put("k20", f"edited at {source.now}")
    source.begin_run()
    try:
        certificate = read(store, source, cadence, scopes).certificate(source.now)
    except Killed:
        certificate = Certificate("fake", "*", "*", 0, 0, {}, 0, is_complete=False, reason="killed", at=source.now)
    assert stored(store)["k20"] == source.truth()["k20"], "what changed is read first"
    return certificate


def cursors(store: Store) -> list[Cursor]:
    found = [store.cursor("fake", "items", scope) for scope in ("A", "B")]
    return [cursor for cursor in found if cursor]


@pytest.fixture(params=["by groups of ids", "by pages"])
def is_paged(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "by pages")


def test_a_periodic_rereading_in_portions_ends_and_holds_up_nothing(ledger: Store, is_paged: bool) -> None:
    source = Portioned(rereads_after_h=24, is_paged=is_paged)
    loaded(ledger, source)
    source.touch("k38", "restricted now")
    source.calls, began, told = 10, source.now + 10 * MINUTE, list[str]()
    while (not told or told[-1]) and len(told) < 9:
        certificate = turn(ledger, source)
        assert certificate.is_complete, "as between two re-readings"
        told.append(certificate.reason)
    assert 2 < len(told) < 9
    assert told[0].startswith("A is read again as a whole since 2026-11-24 03:11 UTC: ")
    assert stored(ledger) == source.truth()
    assert {(cursor.whole_at, cursor.loading_since) for cursor in cursors(ledger)} == {(began, None)}
    assert not ledger.asked_for("fake", "items", "A")


@pytest.mark.parametrize("is_deadly", [False, True])
def test_a_gap_in_portions_ends_and_proves_nothing_before(
    ledger: Store, is_paged: bool, is_deadly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "COMMITTED_AT_ONCE", 4)
    source, rarely = Telling(is_paged=is_paged), Cadence(census_every=1000 * HOUR)
    loaded(ledger, source)
    source.touch("k38", "moved to another section")
    source.delete("k05")
    source.forget()
    source.calls, turns, is_complete = 12, 0, False
    while not is_complete:
        source.is_deadly = is_deadly and not turns % 2
        is_complete, turns = turn(ledger, source, rarely).is_complete, turns + 1
        assert is_complete == (stored(ledger) == source.truth()), "counted, too, though no census is due"
        assert turns < 12
        if turns == 1:
            source.touch("k36", "told while everything is read again")
        elif turns == 2 and not is_deadly:
            assert stored(ledger)["k36"].startswith("told"), "with the next run"
    assert turns > 2
    assert {cursor.feed for cursor in cursors(ledger)} == {str(len(source.told))}
    assert turn(ledger, source, rarely).is_complete
    assert not any(cursor.is_gap for cursor in cursors(ledger))


def test_a_gap_begins_a_rereading_that_is_under_way_again(ledger: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has come to may have changed since, and no feed told."""
    monkeypatch.setattr(feeds, "REST_AFTER_WHOLE", timedelta(0))
    source = Telling(rereads_after_h=24)
    loaded(ledger, source)
    source.calls = 12
    assert turn(ledger, source).is_complete
    assert "k00" in ledger.asked_for("fake", "items", "A")
    source.touch("k00", "untold")
    source.forget()
    turns = 0
    while not turn(ledger, source).is_complete:
        source.forget()  # one more does not begin it again, or it would never end
        assert (turns := turns + 1) < 9
    assert turns > 1
    assert stored(ledger) == source.truth()


def test_a_rereading_that_was_left_no_calls_goes_before_the_census_once(ledger: Store) -> None:
    source = Portioned(rereads_after_h=24)
    loaded(ledger, source)
    source.touch("k38", "restricted now")
    source.calls = 6  # for what changed, and a census
    ends = [turn(ledger, source)]
    assert "no calls were left for it: raise calls_per_run of fake" in ends[0].reason
    while stored(ledger) != source.truth():
        ends.append(turn(ledger, source))
        assert ends[-1].is_complete or ends[-2].is_complete, "and the census is not left without any either"
        assert len(ends) < 40


def test_scopes_take_turns_where_one_is_due_again_when_it_ends(ledger: Store) -> None:
    source = Portioned(rereads_after_h=0.5)
    loaded(ledger, source)
    source.touch("k39", "restricted now")
    source.calls, turns = 9, 0
    while stored(ledger)["k39"] == "first":
        turn(ledger, source)
        assert (turns := turns + 1) < 7, "the other scope was read twice"


def test_the_first_load_of_a_scope_that_was_added_does_not_hold_up_the_others(ledger: Store, is_paged: bool) -> None:
    source = Portioned(is_paged=is_paged)
    for number in range(MANY):
        source.put(f"n{number:02}", "new", "B")
    loaded(ledger, source, "A")
    source.calls, turns = 8, 0
    while not turn(ledger, source, scopes="BA").is_complete:
        assert (turns := turns + 1) < 30
    assert turns > 2
    assert stored(ledger) == source.truth()


def test_more_than_can_be_read_singly_is_read_whole_in_portions(ledger: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect_module, "MOST_SINGLY", 5)
    source, rarely = Telling(), Cadence(census_every=1000 * HOUR)
    loaded(ledger, source)
    for number in range(0, MANY, 4):
        source.touch(f"k{number:02}", "moved to another section")
    source.calls, turns = 8, 0
    while not turn(ledger, source, rarely).is_complete:
        assert (turns := turns + 1) < 12
    assert turns > 1
    assert stored(ledger) == source.truth()


def test_more_changes_than_a_runs_calls_last_are_read_over_runs(ledger: Store, is_paged: bool) -> None:
    source = Portioned(is_paged=is_paged)
    loaded(ledger, source)
    for number in range(1, MANY, 2):
        source.put(f"k{number:02}", "while nobody looked", "B" if number % 4 == 3 else "A")
    source.wait(20 * MINUTE)
    source.calls, turns, is_complete = 7, 0, False
    while not is_complete:
        source.begin_run()
        is_complete = read(ledger, source).certificate(source.now).is_complete
        source.wait(20 * MINUTE)
        assert (turns := turns + 1) < 15
    assert turns > 2
    assert stored(ledger) == source.truth()


def test_what_is_asked_for_in_vain_is_not_asked_for_in_every_run(ledger: Store) -> None:
    """Access was lost in the middle of it, and the census buries nothing: a run's calls would go to the same items for ever."""
    source = Portioned()
    loaded(ledger, source)
    site = Site("fake", source, ("A", "B"), 1, lambda: 0)
    cursor = replace(begin(site, ledger, cursors(ledger)[0], source.now), is_listed=True)
    ledger.note_asked("fake", "items", "A", ["k20"])
    source.hidden, source.calls, refused = set(source.history), 2, 0
    while refused < 4:
        source.begin_run()
        try:
            go_on(site, ledger, mapped, Collected("fake"), lambda *_: None, source.streams()[0], cursor)
            break
        except TryLater:
            refused += 1
    assert refused == 3


@pytest.mark.parametrize("calls", range(5, 14))
def test_one_burst_holds_up_no_count_for_ever_however_many_calls_there_are(ledger: Store, calls: int) -> None:
    source = Portioned()
    loaded(ledger, source)
    source.put("k03", "edited too", "B")
    for number in range(MANY):
        if number % 4 != 3:
            source.put(f"k{number:02}", "all at once", "A")
    source.calls = calls
    for _ in range(12):
        source.begin_run()
        report = read(ledger, source, Cadence(census_every=HOUR))
        source.wait(HOUR)
    assert report.certificate(source.now).is_complete
    assert stored(ledger) == source.truth()


def test_what_the_database_may_not_have_kept_is_asked_for_again(ledger: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Portioned(rereads_after_h=24)
    loaded(ledger, source)
    source.touch("k20", "told by nothing")
    keep, was_busy = reading._keep, list[bool]()

    def busy_once(batch: Sequence[RawRecord], *rest: Any) -> None:
        if not was_busy and any(record.ref.key == "k20" for record in batch):
            was_busy.append(True)
            raise StoreUnavailable("database is locked")
        keep(batch, *rest)

    monkeypatch.setattr(reading, "_keep", busy_once)
    for _ in range(3):
        source.begin_run()
        read(ledger, source)
        source.wait(MINUTE)
    assert was_busy
    assert stored(ledger) == source.truth()
