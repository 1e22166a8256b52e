"""Two horizons, censuses on their own cadence, loads that resume, items that move between scopes: against an index that lags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from sync.collect import collect
from sync.core.values import RawRecord
from sync.reading import Cadence, Collected, Site
from sync.store.store import Store
from tests.cycle.lagging import LaggingSource

HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/t.sqlite") as store:
        store.migrate()
        yield store


def mapped(records: Sequence[RawRecord]) -> Mapping[str, int]:
    return {}


def run(store: Store, source: LaggingSource, cadence: Cadence | None = None) -> Collected:
    site = Site("fake", source, ("A", "B"), 1, lambda: source.requests, cadence or Cadence())
    return collect(site, store, mapped, started=source.identify().now, at=source.now)


def stored(store: Store) -> dict[str, str]:
    return {record.ref.key: record.payload.decode() for record in store.iter_raw("fake")}


def with_items(count: int, **kwargs: object) -> LaggingSource:
    source = LaggingSource(**kwargs)  # type: ignore[arg-type]
    for number in range(count):
        source.put(f"k{number:02}", "first")
    source.wait(timedelta(minutes=1))
    return source


def begun(store: Store, **kwargs: object) -> LaggingSource:
    """Eight items, read, and a fresh horizon an hour past the first of them."""
    source = with_items(8, **kwargs)
    run(store, source)
    source.wait(HOUR)
    source.put("k07", "moves the fresh horizon")
    run(store, source)
    source.wait(6 * HOUR)
    return source


def test_an_edit_that_the_index_shows_hours_late_arrives_by_the_deep_read(ledger: Store) -> None:
    source = with_items(6, settles_after_h=12)
    run(ledger, source)
    source.wait(HOUR)
    source.put("k01", "late")
    source.lag = timedelta(hours=5)  # of this edit; later ones are shown at once
    source.late = {"k01"}
    for _ in range(6):
        source.wait(HOUR)
        source.put("k02", f"other edits move the fresh horizon {source.now}")
        run(ledger, source)
    assert stored(ledger) == source.truth()


def test_what_a_certificate_proves_of_a_lagging_index_ends_at_its_settled_instant(ledger: Store) -> None:
    source = with_items(3, settles_after_h=12)
    report = run(ledger, source)
    assert report.certificate(source.now).settled_at == source.now - 12 * HOUR
    source = with_items(3)
    assert run(ledger, source).certificate(source.now).settled_at == source.now


def test_the_deep_read_is_not_made_with_every_run(ledger: Store) -> None:
    source = with_items(40, settles_after_h=12)
    source.wait(timedelta(minutes=30))
    source.put("newest")
    run(ledger, source)
    source.wait(timedelta(minutes=30))
    assert run(ledger, source).fetched == 1
    source.wait(timedelta(minutes=40))
    assert run(ledger, source).fetched == 41


def test_an_edit_made_while_a_long_read_goes_on_is_read_next_time(ledger: Store) -> None:
    """The item was read before its edit, and another one read later carries a newer date."""
    source = with_items(8)
    source.edit_on_fetch = "k01"
    source.history = dict(sorted(source.history.items(), key=lambda item: item[0] == "k01", reverse=True))
    began = source.now
    run(ledger, source)
    cursor = ledger.cursor("fake", "items", "A")
    assert cursor is not None
    assert cursor.since <= began
    run(ledger, source)
    assert stored(ledger) == source.truth()


def test_an_edit_made_while_changes_are_read_is_read_next_time(ledger: Store) -> None:
    source = begun(ledger)
    source.put("k05", "what this run is about")
    source.wait(timedelta(minutes=30))
    source.edit_on_fetch = "k01"
    run(ledger, source)
    run(ledger, source)
    assert stored(ledger) == source.truth()


def test_a_first_load_that_was_cut_off_goes_on_and_does_not_begin_again(ledger: Store) -> None:
    source = with_items(40)
    source.fail_after = 9
    assert run(ledger, source).error is not None
    there = len(stored(ledger))
    assert 20 < there < 40
    source.put("k00", "edited between the two parts")
    source.wait(timedelta(minutes=30))
    source.fail_after, source.requests = None, 0
    report = run(ledger, source)
    assert report.fetched <= 40 - there + 1
    assert report.certificate(source.now).is_complete
    run(ledger, source)
    assert stored(ledger) == source.truth()


def test_an_item_that_moves_to_another_collected_scope_is_neither_lost_nor_buried(ledger: Store) -> None:
    source = with_items(6)
    run(ledger, source)
    source.wait(HOUR)
    source.history["k03"].append(type(source.history["k03"][0])("B", source.history["k03"][-1].updated_at, "first"))
    report = run(ledger, source)
    assert report.certificate(source.now).is_complete
    assert ledger.tombstones("fake") == {}
    assert ledger.ids_in_scope("fake", "task", "B") == {"k03"}


def test_an_item_that_the_census_does_not_list_is_proven_by_a_direct_read(ledger: Store) -> None:
    source = with_items(6, settles_after_h=12)
    run(ledger, source)
    hidden = source.history.pop("k02")
    source.history["k02"] = [type(hidden[0])("A", source.now + HOUR, "from the future")]
    report = run(ledger, source).certificate(source.now)
    assert report.is_complete
    assert "read directly" in report.reason


def test_an_id_that_a_late_index_still_lists_is_explained_and_not_stored(ledger: Store) -> None:
    source = with_items(6)
    source.lag = HOUR
    source.wait(2 * HOUR)
    source.delete("k02")
    report = run(ledger, source).certificate(source.now)
    assert report.is_complete
    assert (report.counted, report.stored) == (6, 5)
    assert "gone" in report.reason


def test_a_census_that_is_not_due_is_not_made_and_its_certificate_says_when_it_counted(ledger: Store) -> None:
    source, cadence = with_items(6), Cadence(census_every=HOUR)
    first = run(ledger, source, cadence)
    source.wait(timedelta(minutes=20))
    censuses = source.censuses
    second = run(ledger, source, cadence)
    assert source.censuses == censuses
    assert second.certificate(source.now).at == first.certificate(source.now).at
    source.wait(HOUR)
    source.delete("k01")
    assert run(ledger, source, cadence).certificate(source.now).is_complete
    assert source.censuses > censuses
    assert set(ledger.tombstones("fake")) == {"fake:task:k01"}


def test_facts_that_move_no_date_are_read_again(ledger: Store) -> None:
    source = with_items(6, rereads_after_h=2)
    run(ledger, source)
    source.wait(HOUR)
    state = source.history["k02"][-1]
    source.history["k02"][-1] = type(state)(state.scope, state.updated_at - HOUR, "restricted now")
    run(ledger, source)
    assert stored(ledger) != source.truth()
    source.wait(HOUR + timedelta(minutes=1))
    assert run(ledger, source).certificate(source.now).is_complete
    assert stored(ledger) == source.truth()


def test_what_was_edited_while_access_was_lost_is_read_when_it_is_back(ledger: Store) -> None:
    source = with_items(8)
    run(ledger, source)
    source.wait(HOUR)
    source.hidden = {f"k{number:02}" for number in range(6)}
    source.put("k03", "edited while we could not see it")
    source.wait(HOUR)
    source.put("k07", "moves the fresh horizon")
    assert not run(ledger, source).certificate(source.now).is_complete
    source.wait(HOUR)
    source.put("k07", "and moves it again")
    assert not run(ledger, source).certificate(source.now).is_complete
    source.hidden = set()
    assert run(ledger, source).certificate(source.now).is_complete
    assert stored(ledger) == source.truth()


def test_what_was_hidden_between_two_censuses_is_read_by_the_next(ledger: Store) -> None:
    source, cadence = with_items(8), Cadence(census_every=3 * HOUR)
    run(ledger, source, cadence)
    source.wait(HOUR)
    source.hidden = {"k03"}
    source.put("k03", "edited while we could not see it")
    source.wait(timedelta(minutes=30))
    source.put("k07", "moves the fresh horizon")
    run(ledger, source, cadence)
    source.hidden = set()
    source.wait(2 * HOUR)
    assert run(ledger, source, cadence).certificate(source.now).is_complete
    assert stored(ledger) == source.truth()


def test_a_vendor_without_a_clock_and_without_records_is_read_from_the_beginning(ledger: Store) -> None:
    source = LaggingSource(tells_time=False)
    run(ledger, source)
    source.put("k00", "first")
    assert run(ledger, source).certificate(source.now).is_complete
    assert stored(ledger) == source.truth()


class SettledEqualsTruth(RuleBasedStateMachine):
    """Whatever is edited, moved or deleted under whatever lag, and wherever readings break off: once it has passed, store and source agree;
    and before, a green certificate is true for all that was edited before its settled instant."""

    @initialize(lag=st.integers(0, 12))
    def start(self, lag: int) -> None:
        self.folder = TemporaryDirectory()
        self.store = Store.open(f"sqlite:///{self.folder.name}/t.sqlite")
        self.store.migrate()
        self.source = with_items(12, lag=lag * HOUR, settles_after_h=12.0, rereads_after_h=6.0)

    @rule(key=st.integers(0, 15), text=st.text(max_size=2), scope=st.sampled_from("ABX"))
    def edit(self, key: int, text: str, scope: str) -> None:
        self.source.put(f"k{key:02}", text, scope)

    @rule(key=st.integers(0, 15))
    def delete(self, key: int) -> None:
        if f"k{key:02}" in self.source.history:
            self.source.delete(f"k{key:02}")

    @rule(minutes=st.integers(0, 400))
    def wait(self, minutes: int) -> None:
        self.source.wait(timedelta(minutes=minutes))

    @rule(calls=st.none() | st.integers(2, 12))
    def check(self, calls: int | None) -> None:
        self.source.fail_after = calls and self.source.requests + calls
        certificate = run(self.store, self.source).certificate(self.source.now)
        if not certificate.is_complete or certificate.settled_at is None:
            return
        here = stored(self.store)
        for key, states in self.source.history.items():
            if states[-1].updated_at < certificate.settled_at:
                expected = states[-1].text if states[-1].scope in ("A", "B") else None
                assert here.get(key) == expected

    @rule()
    def settle(self) -> None:
        self.source.fail_after = None
        self.source.wait(timedelta(hours=13, minutes=5))
        run(self.store, self.source)
        self.source.wait(timedelta(minutes=1))
        report = run(self.store, self.source)
        if report.certificate(self.source.now).is_complete:
            assert stored(self.store) == self.source.truth()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


TestSettledEqualsTruth = SettledEqualsTruth.TestCase
TestSettledEqualsTruth.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
