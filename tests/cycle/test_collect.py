"""Collecting loses nothing: cursors, censuses, tombstones and certificates against a faithful in-memory source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from sync.collect import collect
from sync.core.errors import TryLater
from sync.core.ports import Shard
from sync.core.values import RawRecord, Ref
from sync.reading import Collected, Site
from sync.store.store import Store
from tests.fakes import START, FakeSource


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/t.sqlite") as store:
        store.migrate()
        yield store


def mapped(records: Sequence[RawRecord]) -> Mapping[str, int]:
    return {}


def run(store: Store, source: FakeSource, threads: int = 3) -> Collected:
    return collect(Site("fake", source, ("S",), threads, lambda: 0), store, mapped)


def source_with(count: int) -> FakeSource:
    source = FakeSource()
    for number in range(count):
        source.put(f"k{number:02}", b"{}")
    return source


def stored(store: Store) -> dict[str, bytes]:
    return {record.ref.key: record.payload for record in store.iter_raw("fake")}


def truth(source: FakeSource) -> dict[str, bytes]:
    return {key: payload for key, (_, _, payload) in source.items.items()}


def test_everything_is_stored_and_certified(ledger: Store) -> None:
    source = source_with(11)
    report = run(ledger, source)
    assert stored(ledger) == truth(source)
    assert report.certificate(START).is_complete
    assert (report.fetched, report.stored) == (11, 11)


def test_a_second_run_stores_nothing_new(ledger: Store) -> None:
    source = source_with(11)
    run(ledger, source)
    assert run(ledger, source).stored == 0


def test_an_item_that_listings_hide_is_found_by_the_census(ledger: Store) -> None:
    source = source_with(5)
    source.hidden_from_listing.add("k03")
    assert run(ledger, source).certificate(START).is_complete
    assert "k03" in stored(ledger)


def test_a_deleted_item_gets_a_tombstone_with_its_reason(ledger: Store) -> None:
    source = source_with(5)
    run(ledger, source)
    source.remove("k01", "moved")
    source.remove("k02", "deleted")
    assert run(ledger, source).certificate(START).is_complete
    gone = ledger.tombstones("fake")
    assert {ref.key: item.reason for ref, item in gone.items()} == {"k01": "moved", "k02": "deleted"}
    source.put("k02", b'{"back": 1}')
    run(ledger, source)
    assert list(ledger.tombstones("fake")) == [Ref("fake:task:k01")]


def test_a_scope_that_is_suddenly_empty_is_not_believed(ledger: Store) -> None:
    source = source_with(10)
    run(ledger, source)
    for key in list(source.items)[:6]:
        source.remove(key, "hidden")
    report = run(ledger, source)
    assert not report.certificate(START).is_complete
    assert "suddenly" in report.certificate(START).reason
    assert ledger.tombstones("fake") == {}


def test_an_error_half_way_keeps_what_came_and_does_not_move_the_cursor(ledger: Store) -> None:
    class Breaking(FakeSource):
        def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
            for number, page in enumerate(super().fetch(shard)):
                if "k07" in shard.ids and number:
                    raise TryLater("gone fishing")
                yield page

    source = source_with(11)
    breaking = Breaking(items=source.items, now=source.now)
    report = run(ledger, breaking, threads=1)
    assert report.error is not None
    assert not report.certificate(START).is_complete
    cursor = ledger.cursor("fake", "items", "S")
    assert cursor is not None
    assert cursor.is_loading
    assert run(ledger, source).certificate(START).is_complete
    assert stored(ledger) == truth(source)


def test_records_that_cannot_be_mapped_are_counted_and_the_rest_goes_on(ledger: Store) -> None:
    report = collect(
        Site("fake", source_with(3), ("S",), 1, lambda: 0), ledger, lambda records: {"unmapped_status": len(records)}
    )
    assert report.skipped == {"unmapped_status": 3}
    assert report.certificate(START).is_complete


class StoreEqualsTruth(RuleBasedStateMachine):
    """After any history of edits, deletions, hidden listings and runs, a complete certificate means the store equals the source."""

    @initialize()
    def start(self) -> None:
        self.folder = TemporaryDirectory()
        self.store = Store.open(f"sqlite:///{self.folder.name}/t.sqlite")
        self.store.migrate()
        self.source = source_with(12)

    @rule(key=st.integers(0, 15), text=st.binary(max_size=3))
    def edit(self, key: int, text: bytes) -> None:
        self.source.put(f"k{key:02}", text)

    @rule(key=st.integers(0, 15))
    def hide_from_listings(self, key: int) -> None:
        self.source.hidden_from_listing ^= {f"k{key:02}"}

    @rule(key=st.integers(0, 15))
    def delete(self, key: int) -> None:
        if f"k{key:02}" in self.source.items:
            self.source.remove(f"k{key:02}")

    @rule()
    def check(self) -> None:
        self.source.hidden_from_listing.clear()
        report = run(self.store, self.source)
        if report.certificate(START).is_complete:
            assert set(stored(self.store)) == set(truth(self.source))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


TestStoreEqualsTruth = StoreEqualsTruth.TestCase
TestStoreEqualsTruth.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
