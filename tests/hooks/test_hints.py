"""Hints: kept once, followed by direct reads, and never part of any proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.collect import collect
from sync.core.errors import ConfigError, Nonsense, TryLater
from sync.core.hooks import Hint
from sync.core.ports import Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.values import Account, RawRecord, Ref
from sync.core.vocabulary import Vocabulary
from sync.hints import MOST_READ, collect_hinted, follow_hints
from sync.reading import Site
from sync.store import hints as stored
from sync.store.store import Store

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
Why = Literal["here", "moved", "archived", "deleted", "hidden"]


@dataclass
class Item:
    scope: str
    version: int
    at: datetime
    is_archived: bool = False


@dataclass
class TwoScopes:
    """A site of three scopes, of which A and B are collected. Direct reads go by id alone, as Jira's do; archived items can be read."""

    items: dict[str, Item] = field(default_factory=dict)
    now: datetime = NOW
    log: list[str] = field(default_factory=list)
    trouble: Exception | None = None
    fingerprint: str = "site"
    _last: dict[str, int] = field(default_factory=dict)

    def put(self, key: str, scope: str, is_archived: bool = False) -> None:
        self.now += timedelta(minutes=1)
        self._last[key] = self._last.get(key, 0) + 1
        self.items[key] = Item(scope, self._last[key], self.now, is_archived)

    def identify(self) -> SiteIdentity:
        return SiteIdentity(self.fingerprint, Account("me", "Tieline"))

    def vocabulary(self) -> Vocabulary:
        return Vocabulary()

    def probes(self) -> Iterator[Probe]:
        yield from ()

    def streams(self) -> Sequence[Stream]:
        return (Stream("items", "task"),)

    def _listed(self, scope: str) -> list[str]:
        return sorted(key for key, item in self.items.items() if item.scope == scope and not item.is_archived)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        self._ask(f"list {scope}")
        since = cursor.since - timedelta(minutes=10) if cursor else datetime.min.replace(tzinfo=UTC)
        yield Shard(stream, scope, tuple(key for key in self._listed(scope) if self.items[key].at >= since))

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        yield Shard(stream, scope, tuple(ids))

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        self._ask(f"read {','.join(shard.ids)}")
        yield [self._record(key, shard.scope) for key in shard.ids if key in self.items]

    def _record(self, key: str, scope: str) -> RawRecord:
        item = self.items[key]
        ref, payload = Ref.of("fake", "task", key), f'{{"v":{item.version}}}'.encode()
        return RawRecord(ref, payload, str(item.version), item.at, self.now, scope=scope)

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        self._ask(f"count {scope}")
        yield self._listed(scope)

    def look_up(self, stream: str, item_id: str) -> Why:
        self._ask(f"look {item_id}")
        item = self.items.get(item_id)
        if item is None:
            return "deleted"
        return "archived" if item.is_archived else "here" if item.scope in ("A", "B") else "moved"

    def _ask(self, what: str) -> None:
        self.log.append(what)
        if self.trouble:
            raise self.trouble


@dataclass
class Bench:
    source: TwoScopes
    store: Store
    mapped: list[Ref] = field(default_factory=list)

    def map_records(self, records: Sequence[RawRecord]) -> Mapping[str, int]:
        self.mapped += [record.ref for record in records]
        return {}

    @property
    def site(self) -> Site:
        return Site("fake", self.source, ("A", "B"), 1, lambda: len(self.source.log))

    def collect(self) -> None:
        report = collect(self.site, self.store, self.map_records)
        assert report.error is None
        assert report.certificate(self.source.now).is_complete

    def state(self) -> dict[str, tuple[str, str]]:
        """What stands here: version and scope of every item that is not gone."""
        return {record.ref.key: (record.version, record.scope) for record in self.store.iter_raw("fake")}

    def truth(self) -> dict[str, tuple[str, str]]:
        here = {
            key: item for key, item in self.source.items.items() if item.scope in ("A", "B") and not item.is_archived
        }
        return {key: (str(item.version), item.scope) for key, item in here.items()}

    def proofs(self) -> object:
        return self.store.certificates("fake"), [self.store.cursor("fake", "items", scope) for scope in ("A", "B")]


def hint(key: str, scope: str = "", delivery: str = "", stream: str = "items", at: datetime | None = None) -> Hint:
    return Hint(delivery or f"{key}-{scope}-{stream}", stream, scope, key, "updated", at)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Store.open(f"sqlite:///{tmp_path}/tieline.db") as store:
        store.migrate()
        made = Bench(TwoScopes(), store)
        for key, scope in (("1", "A"), ("2", "A"), ("3", "B")):
            made.source.put(key, scope)
        made.collect()
        made.source.log.clear()
        made.mapped.clear()
        yield made


# -- kept once


def test_a_delivery_is_kept_once_over_restarts_and_on_both_databases(store_url: str) -> None:
    with Store.open(store_url) as store:
        assert store.save_hints("a", [hint("1"), hint("2")], NOW) == 2
        assert store.save_hints("a", [hint("1")], NOW) == 0
        assert store.save_hints("b", [hint("1")], NOW) == 1
        store.take_hints("a", store.waiting_hints("a")[:1], NOW)
    with Store.open(store_url) as store:
        assert store.save_hints("a", [hint("1"), hint("2")], NOW + timedelta(hours=1)) == 0
        assert len(store.waiting_hints("a")) == 1
        assert store.last_hint_at("a") == NOW
        assert store.last_hint_at("nobody") is None


def test_a_delivery_that_comes_again_in_other_words_is_still_known(store: Store) -> None:
    """Two boards' webhooks tell of one action, each in its own way; what was followed is not followed again."""
    store.save_hints("a", [hint("1", "A", "action")], NOW)
    store.take_hints("a", store.waiting_hints("a"), NOW)
    assert store.save_hints("a", [hint("1", "B", "action")], NOW) == 0
    assert store.waiting_hints("a") == []


def test_a_flood_is_bounded_and_old_hints_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST_WAITING", 50)
    monkeypatch.setattr(stored, "MOST_KEPT", 60)
    assert store.save_hints("a", [hint(str(number)) for number in range(80)], NOW) == 50
    assert store.save_hints("a", [hint("one more")], NOW) == 0
    store.take_hints("a", store.waiting_hints("a"), NOW)
    assert store.save_hints("a", [hint(f"later {number}") for number in range(30)], NOW + timedelta(hours=1)) == 30
    assert store.prune_hints(NOW + timedelta(hours=1)) == 20
    assert len(store.waiting_hints("a")) == 30
    assert store.prune_hints(NOW + stored.KEPT_FOR + timedelta(hours=2)) == 60
    assert store.waiting_hints("a") == []


def test_a_replay_of_long_ago_is_no_news(store: Store) -> None:
    old = hint("1", at=NOW - stored.KEPT_FOR - timedelta(seconds=1))
    assert store.save_hints("a", [old], NOW) == 0
    assert store.save_hints("a", [hint("1", at=NOW - timedelta(days=1))], NOW) == 1


@pytest.mark.parametrize("odd", ["\0", "\ud800", "é" * 500, ""])
def test_odd_names_of_deliveries_are_kept_too(store: Store, odd: str) -> None:
    assert store.save_hints("a", [hint(odd, delivery=f"d{odd}")], NOW) == 1
    assert store.save_hints("a", [hint(odd, delivery=f"d{odd}")], NOW) == 0


# -- followed


def test_a_hinted_item_is_read_and_nothing_else(bench: Bench) -> None:
    bench.source.put("1", "A")
    before = bench.proofs()
    report = collect_hinted(bench.site, bench.store, bench.map_records, [hint("1", "A"), hint("1")])
    assert (report.stored, report.needs_look, report.error) == (1, False, None)
    assert bench.source.log == ["read 1"]
    assert bench.mapped == [Ref.of("fake", "task", "1")]
    assert bench.state() == bench.truth()
    assert bench.proofs() == before, "a hint moves no cursor and certifies nothing"


def test_a_new_and_a_moved_item_are_seen_in_their_scope(bench: Bench) -> None:
    bench.source.put("4", "B")
    bench.source.put("1", "B")
    collect_hinted(bench.site, bench.store, bench.map_records, [hint("4", "B"), hint("1", "B")])
    assert bench.state() == bench.truth()


def test_a_deleted_item_is_a_reason_to_look_and_no_tombstone(bench: Bench) -> None:
    del bench.source.items["1"]
    report = collect_hinted(bench.site, bench.store, bench.map_records, [hint("1", "A")])
    assert report.needs_look
    assert "1" in bench.state()
    assert bench.store.tombstones("fake") == {}
    bench.collect()
    assert bench.state() == bench.truth()


def test_an_item_that_left_what_we_collect_is_a_reason_to_look(bench: Bench) -> None:
    bench.source.put("1", "C")
    report = collect_hinted(bench.site, bench.store, bench.map_records, [hint("1", "C")])
    assert (report.needs_look, report.fetched) == (True, 0)


@pytest.mark.parametrize("told", [hint("9", "A"), hint("9"), hint("9", "C"), hint("1", "A", stream="others")])
def test_hints_about_nothing_we_know_change_nothing(bench: Bench, told: Hint) -> None:
    before = bench.state()
    report = collect_hinted(bench.site, bench.store, bench.map_records, [told])
    assert (report.fetched, report.needs_look) == (0, False)
    assert bench.state() == before


def test_an_old_hint_does_not_bring_back_what_is_archived_or_elsewhere(bench: Bench) -> None:
    bench.source.put("4", "A")
    bench.source.put("1", "A", is_archived=True)
    bench.source.put("2", "C")
    bench.collect()
    bench.collect()
    assert set(bench.state()) == {"3", "4"}
    collect_hinted(bench.site, bench.store, bench.map_records, [hint("1", "A"), hint("2", "A")])
    assert set(bench.state()) == {"3", "4"}


def test_something_in_a_scope_is_a_reason_to_look(bench: Bench) -> None:
    assert collect_hinted(bench.site, bench.store, bench.map_records, [hint("", "A")]).needs_look
    assert not collect_hinted(bench.site, bench.store, bench.map_records, [hint("", "C")]).needs_look
    assert bench.source.log == []


def test_before_the_first_load_has_ended_hints_are_not_followed(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/tieline.db") as store:
        store.migrate()
        bench = Bench(TwoScopes(), store)
        bench.source.put("1", "A")
        collect_hinted(bench.site, bench.store, bench.map_records, [hint("1", "A")])
        assert bench.state() == {}
        bench.collect()
        assert bench.state() == bench.truth()


def test_more_hints_than_are_cheap_bring_the_next_cycle_forward(bench: Bench) -> None:
    many = [hint(str(number), "A") for number in range(MOST_READ + 100)]
    for told in many:
        bench.source.put(told.id, "A")
    report = collect_hinted(bench.site, bench.store, bench.map_records, many)
    assert report.needs_look
    assert report.fetched == MOST_READ


def test_hints_wait_while_the_vendor_cannot_answer_and_no_longer(bench: Bench) -> None:
    bench.source.put("1", "A")
    bench.store.save_hints("fake", [hint("1", "A")], NOW)
    bench.source.trouble = TryLater("busy")
    assert follow_hints(bench.site, bench.store, bench.map_records, NOW).error
    assert len(bench.store.waiting_hints("fake")) == 1
    bench.source.trouble = None
    assert follow_hints(bench.site, bench.store, bench.map_records, NOW).stored == 1
    assert bench.store.waiting_hints("fake") == []
    bench.store.save_hints("fake", [hint("2", "A")], NOW)
    bench.source.trouble = Nonsense("a login page")
    assert follow_hints(bench.site, bench.store, bench.map_records, NOW).error
    assert bench.store.waiting_hints("fake") == [], "what cannot be read would be asked for again and again"


def test_a_connection_pointed_at_another_site_is_not_read(bench: Bench) -> None:
    bench.store.pin_connection("fake", "site", NOW)
    bench.source.fingerprint = "another site"
    bench.source.put("1", "A")
    bench.store.save_hints("fake", [hint("1", "A")], NOW)
    report = follow_hints(bench.site, bench.store, bench.map_records, NOW)
    assert isinstance(report.error, ConfigError)
    assert report.fetched == 0


# -- and never part of any proof

keys = st.sampled_from(["1", "2", "3", "4", "5"])
edits = st.tuples(st.just("put"), keys, st.sampled_from(["A", "B", "C"]), st.booleans())
removals = st.tuples(st.just("delete"), keys)
hinted = st.tuples(
    st.just("hint"),
    st.lists(st.tuples(st.sampled_from([*"123456", ""]), st.sampled_from(["A", "B", "C", ""])), max_size=4),
)
collected = st.tuples(st.just("collect"))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(edits | removals | hinted | collected, max_size=15))
def test_whatever_hints_say_a_full_collection_ends_as_without_them(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[object, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("hints")
    with Store.open(f"sqlite:///{folder}/with.db") as first, Store.open(f"sqlite:///{folder}/without.db") as second:
        first.migrate()
        second.migrate()
        source = TwoScopes()
        # Enough that stays: a scope that vanishes at once is not believed, and that is another promise.
        for number in range(24):
            source.put(f"anchor {number}", "AB"[number % 2])
        with_hints, without = Bench(source, first), Bench(source, second)
        for step in [("collect",), *steps, ("collect",)]:
            _do(step, with_hints, without)
        assert with_hints.state() == without.state() == with_hints.truth()
        assert set(second.tombstones("fake")) <= set(first.tombstones("fake"))


def _do(step: tuple[object, ...], with_hints: Bench, without: Bench) -> None:
    source = with_hints.source
    match step:
        case ("put", str(key), str(scope), bool(is_archived)):
            source.put(key, scope, is_archived)
        case ("delete", str(key)):
            source.items.pop(key, None)
        case ("hint", list(named)):
            told = [hint(key, scope, f"{key}{scope}{number}") for number, (key, scope) in enumerate(named)]
            collect_hinted(with_hints.site, with_hints.store, with_hints.map_records, told)
        case _:
            for bench in (with_hints, without):
                bench.collect()
