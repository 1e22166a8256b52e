"""What every Source promises, tried on whatever ``subject`` a test file gives; nothing here knows a vendor."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from shutil import copy

import msgspec
import pytest

from sync.collect import collect
from sync.core.errors import NotFound, TielineError
from sync.core.ports import Cursor, Shard, Source
from sync.core.values import RawRecord
from sync.reading import Collected, Site
from sync.store import Store
from tests.conformance.subjects import SourceSubject, read, template


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("store"))


@pytest.fixture
def store(empty_database: Path, tmp_path: Path) -> Iterator[Store]:
    with new_store(empty_database, tmp_path / "tieline.db") as opened:
        yield opened


def new_store(empty_database: Path, path: Path) -> Store:
    """A store of its own, its tables made."""
    copy(empty_database, path)
    return Store.open(f"sqlite:///{path}")


def collect_into(store: Store, subject: SourceSubject) -> Collected:
    """One real collect of the subject's scope."""
    site = Site(subject.name, subject.source, (subject.scope,), 2, subject.request_count)
    return collect(site, store, lambda _records: {})


def stored(store: Store, subject: SourceSubject) -> dict[str, str]:
    """What is kept of the scope: id to title."""
    return {record.ref.key: subject.title_of(record) for record in store.iter_raw(subject.name, subject.kind)}


class SourceSuite:
    """The promises of ``Source``, method by method, then what they come to through the real collect."""

    @pytest.fixture
    def stream(self, subject: SourceSubject) -> str:
        """The stream of the subject's tasks or documents."""
        return next(item.name for item in subject.source.streams() if item.kind == subject.kind)

    def test_it_is_a_source(self, subject: SourceSubject) -> None:
        assert isinstance(subject.source, Source)

    # -- identify, vocabulary, probes, streams

    def test_identify_says_who_and_where_we_are(self, subject: SourceSubject) -> None:
        identity = subject.source.identify()
        assert identity.fingerprint
        assert identity.account.id
        assert identity.now is None or identity.now.tzinfo

    def test_the_fingerprint_never_changes_for_a_site(self, subject: SourceSubject) -> None:
        before = subject.source.identify().fingerprint
        subject.make("新任务")
        subject.clock.now += timedelta(days=400)
        assert subject.source.identify().fingerprint == before

    def test_vocabulary_has_the_scopes_visible_to_this_account(self, subject: SourceSubject) -> None:
        scopes = subject.source.vocabulary().scopes
        assert subject.scope in {*scopes, *scopes.values()}

    def test_vocabulary_leaves_out_what_this_account_may_not_see(self, subject: SourceSubject) -> None:
        subject.hide_scope()
        visible: set[str] = set()
        # A vendor whose words are read scope by scope names the scope instead, which serves the admin as well.
        with suppress(NotFound):
            scopes = subject.source.vocabulary().scopes
            visible = {*scopes, *scopes.values()}
        assert subject.scope not in visible

    def test_probes_try_without_changing_anything(self, subject: SourceSubject) -> None:
        before = subject.state()
        probes = list(subject.source.probes())
        assert subject.state() == before
        assert probes
        assert [probe for probe in probes if probe.is_ok is False] == []
        assert all(probe.operation for probe in probes)

    def test_a_probe_that_fails_says_what_to_change(self, subject: SourceSubject) -> None:
        subject.hide_scope()
        failed = [probe for probe in subject.source.probes() if probe.is_ok is False]
        assert all(probe.cure for probe in failed)
        assert any(subject.scope in probe.operation + probe.detail + probe.cure for probe in failed)

    def test_streams_have_names_of_their_own_and_only_tasks_and_documents_are_counted(
        self, subject: SourceSubject
    ) -> None:
        streams = subject.source.streams()
        assert len({item.name for item in streams}) == len(streams)
        assert {item.kind for item in streams if item.has_census} == {subject.kind}
        assert subject.kind in ("task", "document")

    def test_every_stream_brings_records_of_its_own_kind(self, subject: SourceSubject) -> None:
        for item in subject.source.streams():
            records = read(subject.source, item.name, subject.scope)
            assert {record.ref.kind for record in records} <= {item.kind}
            assert {record.ref.connection for record in records} <= {subject.name}

    def test_every_record_of_every_stream_can_be_decoded(self, subject: SourceSubject) -> None:
        for item in subject.source.streams():
            for record in read(subject.source, item.name, subject.scope):
                assert subject.title_of(record) == subject.title_of(record)

    # -- shards and fetch

    def test_without_a_cursor_all_of_the_scope_is_read_each_item_once(
        self, subject: SourceSubject, stream: str
    ) -> None:
        made = [subject.make(f"第 {number} 件") for number in range(5)]
        records = read(subject.source, stream, subject.scope)
        assert {record.ref.key: subject.title_of(record) for record in records} == subject.truth()
        assert len(records) == len(subject.truth()) > len(made)

    def test_records_know_scope_version_and_aware_times(self, subject: SourceSubject, stream: str) -> None:
        for record in read(subject.source, stream, subject.scope):
            assert record.scope == subject.scope
            assert record.version
            assert record.payload
            assert record.updated_at.utcoffset() == record.fetched_at.utcoffset() == timedelta(0)

    def test_shards_are_lazy(self, subject: SourceSubject, stream: str) -> None:
        before = subject.request_count()
        shards = subject.source.shards(stream, None, subject.scope)
        assert subject.request_count() == before
        assert isinstance(next(iter(shards)), Shard)

    def test_with_a_cursor_what_changed_since_it_is_read_and_the_overlap(
        self, subject: SourceSubject, stream: str
    ) -> None:
        before, edited = subject.make("早先的"), subject.make("要改的")
        subject.clock.now += timedelta(hours=3)
        subject.edit(edited, "改过的")
        [record] = [item for item in read(subject.source, stream, subject.scope) if item.ref.key == edited]
        for later in (timedelta(0), timedelta(minutes=5)):
            found = read(
                subject.source, stream, subject.scope, Cursor(stream, subject.scope, record.updated_at + later)
            )
            assert edited in {item.ref.key for item in found}
        assert before not in {item.ref.key for item in found}

    def test_there_is_no_upper_bound_in_time(self, subject: SourceSubject, stream: str) -> None:
        """A vendor whose clock is ahead of ours has items from our future."""
        subject.clock.now += timedelta(days=3650)
        item = subject.make("来自未来")
        cursor = Cursor(stream, subject.scope, subject.clock.now - timedelta(hours=1))
        assert [record.ref.key for record in read(subject.source, stream, subject.scope, cursor)] == [item]

    def test_shards_are_fetched_from_several_threads_at_once(self, subject: SourceSubject, stream: str) -> None:
        for number in range(8):
            subject.make(f"第 {number} 件")
        shards = list(subject.source.shards(stream, None, subject.scope)) * 3
        with ThreadPoolExecutor(4) as pool:
            fetched = list(pool.map(lambda shard: list(subject.source.fetch(shard)), shards))
        keys = [record.ref.key for pages in fetched for page in pages for record in page]
        assert sorted(keys) == sorted([*subject.truth()] * 3)

    def test_a_shard_can_be_read_alone_after_travelling_as_text(self, subject: SourceSubject, stream: str) -> None:
        texts = [msgspec.json.encode(shard) for shard in subject.source.shards(stream, None, subject.scope)]
        shards = [msgspec.json.decode(each, type=Shard) for each in reversed(texts)]
        keys = [record.ref.key for shard in shards for page in subject.source.fetch(shard) for record in page]
        assert sorted(keys) == sorted(subject.truth())

    def test_an_item_that_is_gone_is_left_out_of_a_fetch(self, subject: SourceSubject, stream: str) -> None:
        for number in range(4):
            subject.make(f"第 {number} 件")
        for word, go in subject.ways_to_go().items():
            if word == "moved":
                continue  # a read by id still finds it; that it left the scope is for the census to tell
            item = subject.make("马上要走")
            shards = list(subject.source.shards(stream, None, subject.scope))
            shards += list(subject.source.pick(stream, subject.scope, [item]))
            go(item)
            keys = {record.ref.key for shard in shards for page in subject.source.fetch(shard) for record in page}
            assert keys == {*subject.truth()} - {item}

    def test_a_version_changes_with_each_edit_and_only_then(self, subject: SourceSubject, stream: str) -> None:
        item = subject.make("一")
        seen: list[dict[str, RawRecord]] = []
        for title in ("二", "二", "三"):
            if not seen or title != "二":
                subject.edit(item, title)
            seen.append({record.ref.key: record for record in read(subject.source, stream, subject.scope)})
        first, same, third = seen
        assert {key: record.version for key, record in first.items()} == {
            key: each.version for key, each in same.items()
        }
        assert {key: record.payload for key, record in first.items()} == {
            key: each.payload for key, each in same.items()
        }
        assert {key for key in third if third[key].version != same[key].version} == {item}

    def test_a_restricted_item_is_marked_and_an_open_one_is_not(self, subject: SourceSubject, stream: str) -> None:
        item = subject.make("名单")
        before = {record.ref.key: record.visibility for record in read(subject.source, stream, subject.scope)}
        assert before[item] == "open"
        subject.restrict(item)
        after = {record.ref.key: record.visibility for record in read(subject.source, stream, subject.scope)}
        assert after[item] == "restricted"

    def test_a_scope_that_is_not_visible_raises(self, subject: SourceSubject, stream: str) -> None:
        subject.hide_scope()
        with pytest.raises(NotFound, match=subject.scope):
            read(subject.source, stream, subject.scope)
        with pytest.raises(NotFound, match=subject.scope):
            list(subject.source.census(stream, subject.scope))

    # -- pick, census, look_up

    def test_pick_reads_exactly_these_items(self, subject: SourceSubject, stream: str) -> None:
        wanted = [subject.make(f"第 {number} 件") for number in range(3)][:2]
        shards = list(subject.source.pick(stream, subject.scope, wanted))
        assert sorted(key for shard in shards for key in shard.ids) == sorted(wanted)
        records = [record for shard in shards for page in subject.source.fetch(shard) for record in page]
        assert {record.ref.key: subject.title_of(record) for record in records} == {
            key: subject.truth()[key] for key in wanted
        }

    def test_pick_reads_strongly_consistent(self, subject: SourceSubject, stream: str) -> None:
        item = subject.make("旧")
        subject.delay_listings()
        subject.edit(item, "新")
        new = subject.make("刚建的")
        shards = subject.source.pick(stream, subject.scope, [item, new])
        records = [record for shard in shards for page in subject.source.fetch(shard) for record in page]
        assert {record.ref.key: subject.title_of(record) for record in records} == {item: "新", new: "刚建的"}

    def test_a_census_is_every_id_once_and_nothing_else(self, subject: SourceSubject, stream: str) -> None:
        for number in range(5):
            subject.make(f"第 {number} 件")
        counted = [key for page in subject.source.census(stream, subject.scope) for key in page]
        assert sorted(counted) == sorted(subject.truth())

    def test_look_up_says_why_an_item_is_missing(self, subject: SourceSubject, stream: str) -> None:
        for word, go in subject.ways_to_go().items():
            item = subject.make(f"会 {word}")
            assert subject.source.look_up(stream, item) == "here"
            go(item)
            assert subject.source.look_up(stream, item) == word

    # -- through the real collect

    def test_a_collect_is_complete_and_an_unchanged_site_changes_nothing(
        self, subject: SourceSubject, store: Store
    ) -> None:
        for number in range(5):
            subject.make(f"第 {number} 件")
        subject.clock.now += timedelta(hours=3)
        first = collect_into(store, subject)
        assert first.error is None
        assert all(item.is_complete for item in first.certificates)
        assert stored(store, subject) == subject.truth()
        versions = {record.ref: record.version for record in store.iter_raw(subject.name)}
        # An item may come by another request than the first time, in other bytes, but never with another version.
        second = collect_into(store, subject)
        assert {record.ref: record.version for record in store.iter_raw(subject.name)} == versions
        third = collect_into(store, subject)
        assert (second.error, third.error, third.stored) == (None, None, 0)
        assert all(item.is_complete for item in (*second.certificates, *third.certificates))

    def test_what_people_change_comes_with_the_next_collect(self, subject: SourceSubject, store: Store) -> None:
        kept, edited = subject.make("不动"), subject.make("要改")
        collect_into(store, subject)
        subject.clock.now += timedelta(hours=3)
        subject.edit(edited, "改过")
        new = subject.make("新建")
        report = collect_into(store, subject)
        assert report.error is None
        assert stored(store, subject) == subject.truth()
        assert {kept: "不动", edited: "改过", new: "新建"}.items() <= subject.truth().items()

    def test_what_leaves_gets_its_reason_and_comes_back_when_seen_again(
        self, subject: SourceSubject, store: Store
    ) -> None:
        for number in range(12):
            subject.make(f"第 {number} 件")
        left = {subject.make(f"会 {word}"): word for word in subject.ways_to_go()}
        collect_into(store, subject)
        subject.clock.now += timedelta(hours=3)
        for item, word in left.items():
            subject.ways_to_go()[word](item)
        report = collect_into(store, subject)
        assert report.error is None
        assert all(item.is_complete for item in report.certificates)
        assert {ref.key: gone.reason for ref, gone in store.tombstones(subject.name).items()} == left
        assert stored(store, subject) == subject.truth()

    def test_a_lagging_listing_is_never_believed_to_be_complete(self, subject: SourceSubject, store: Store) -> None:
        subject.make("先有的")
        collect_into(store, subject)
        subject.delay_listings()
        subject.make("刚建的")
        report = collect_into(store, subject)
        assert report.error is None
        there = {key for key in subject.truth() if key in stored(store, subject)}
        counted = sum(item.counted for item in report.certificates)
        assert counted == len(there)
        subject.clock.now += timedelta(days=2)
        collect_into(store, subject)
        assert stored(store, subject) == subject.truth()

    def test_a_scope_out_of_sight_is_an_error_and_nothing_is_marked_as_gone(
        self, subject: SourceSubject, store: Store
    ) -> None:
        subject.make("还在")
        collect_into(store, subject)
        before = stored(store, subject)
        subject.hide_scope()
        assert isinstance(collect_into(store, subject).error, TielineError)
        assert stored(store, subject) == before
        assert store.tombstones(subject.name) == {}
