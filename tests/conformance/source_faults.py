"""A Source under faults, wherever in its reading they fall: what is kept equals what is there, or an error says that it does not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.faults import FaultKind
from sync.core.errors import AccessDenied, Nonsense, TielineError, TryLater
from sync.reading import Collected
from sync.store import Store
from tests.conformance.source_suite import collect_into, empty_database, new_store, store, stored
from tests.conformance.subjects import RemoteSourceSubject

__all__ = ["SourceFaults", "empty_database", "store"]
MOST_PLACES = 5


def is_complete(report: Collected) -> bool:
    return report.error is None and bool(report.certificates) and all(item.is_complete for item in report.certificates)


def assert_nothing_lost(report: Collected, store: Store, subject: RemoteSourceSubject, where: str) -> None:
    """Complete and the same as there; or not called complete, and the next collect is."""
    if is_complete(report):
        assert stored(store, subject).keys() == subject.truth().keys(), where
    assert store.tombstones(subject.name) == {}, where
    subject.wire.clear()
    subject.clock.now += timedelta(hours=3)
    following = collect_into(store, subject)
    assert following.error is None, where
    assert is_complete(following), where
    assert stored(store, subject) == subject.truth(), where


class SourceFaults:
    """Every fault of the sandbox, at several places of a whole collect, through the real ``collect`` and a real store."""

    @pytest.fixture(autouse=True)
    def items(self, subject: RemoteSourceSubject) -> list[str]:
        """Some more items than the story has."""
        return [subject.make(f"第 {number} 件") for number in range(6)]

    @pytest.fixture
    def places(self, items: list[str], subject: RemoteSourceSubject, empty_database: Path, tmp_path: Path) -> list[int]:
        """Where a fault may fall in a whole collect: its first request, its last, and some between them."""
        counts = []
        for name in ("warm", "counted"):  # what a connection remembers is not asked again
            subject.wire.forget()
            with new_store(empty_database, tmp_path / f"{name}.db") as fresh:
                assert is_complete(collect_into(fresh, subject))
            counts.append(len(subject.wire.requests()))
        return sorted({round(step * (counts[-1] - 1) / (MOST_PLACES - 1)) for step in range(MOST_PLACES)})

    @pytest.mark.parametrize(
        "kind", ["rate_limited", "server_error", "slow", "reset", "lost_answer", "html", "truncated"]
    )
    def test_a_passing_fault_costs_nothing(
        self, subject: RemoteSourceSubject, places: list[int], empty_database: Path, tmp_path: Path, kind: FaultKind
    ) -> None:
        for skip in places:
            subject.wire.plan(kind, skip=skip, value=1 if kind == "rate_limited" else 0.02)
            with new_store(empty_database, tmp_path / f"{skip}.db") as fresh:
                report = collect_into(fresh, subject)
                assert subject.wire.is_spent()
                assert report.error is None, f"{kind} at request {skip}"
                assert is_complete(report), f"{kind} at request {skip}"
                assert stored(fresh, subject) == subject.truth(), f"{kind} at request {skip}"

    @pytest.mark.parametrize("kind", ["rate_limited", "server_error", "reset", "html", "truncated"])
    def test_a_fault_that_stays_is_an_error_and_the_next_collect_is_complete(
        self, subject: RemoteSourceSubject, places: list[int], empty_database: Path, tmp_path: Path, kind: FaultKind
    ) -> None:
        for skip in places[::2]:
            subject.wire.plan(kind, skip=skip, times=10_000, value=1)
            with new_store(empty_database, tmp_path / f"{skip}.db") as fresh:
                report = collect_into(fresh, subject)
                assert isinstance(report.error, TryLater | Nonsense), f"{kind} at request {skip}: {report.error!r}"
                assert_nothing_lost(report, fresh, subject, f"{kind} at request {skip}")

    def test_a_token_that_expires_is_access_denied_and_nothing_is_half_believed(
        self, subject: RemoteSourceSubject, places: list[int], empty_database: Path, tmp_path: Path
    ) -> None:
        for skip in places:
            subject.wire.plan("unauthorized", skip=skip, times=10_000)
            with new_store(empty_database, tmp_path / f"{skip}.db") as fresh:
                report = collect_into(fresh, subject)
                assert isinstance(report.error, AccessDenied), f"at request {skip}: {report.error!r}"
                assert_nothing_lost(report, fresh, subject, f"at request {skip}")

    def test_a_token_that_expires_once_everything_is_known_loses_nothing(
        self, subject: RemoteSourceSubject, store: Store, places: list[int]
    ) -> None:
        for skip in places[:3]:
            subject.clock.now += timedelta(hours=3)
            subject.edit(next(iter(subject.truth())), f"改 {skip}")
            subject.wire.plan("unauthorized", skip=skip, times=10_000)
            report = collect_into(store, subject)
            if report.error is not None:
                assert isinstance(report.error, AccessDenied)
            assert_nothing_lost(report, store, subject, f"at request {skip}")

    def test_refused_credentials_are_access_denied_even_where_they_become_anonymous(
        self, subject: RemoteSourceSubject
    ) -> None:
        stranger = subject.connect(token="not-the-token")
        with pytest.raises(AccessDenied):
            stranger.identify()
        stream = stranger.streams()[0].name
        with pytest.raises(AccessDenied):
            [list(stranger.fetch(shard)) for shard in stranger.shards(stream, None, subject.scope)]
        with pytest.raises(AccessDenied):
            list(stranger.census(stream, subject.scope))
        for item in (next(iter(subject.truth())), "999999"):
            with pytest.raises(AccessDenied):
                stranger.look_up(stream, item)

    def test_the_pause_that_is_asked_for_is_kept_and_a_long_one_is_for_the_next_run(
        self, subject: RemoteSourceSubject
    ) -> None:
        connection = subject.connect()
        subject.wire.plan("rate_limited", value=7)
        connection.identify()
        assert max(connection.pauses) >= 6.9  # part of it may have gone by in answering
        connection.pauses.clear()
        subject.wire.plan("rate_limited", value=3600, times=10_000)
        with pytest.raises(TryLater) as caught:
            connection.identify()
        assert caught.value.retry_after is not None
        assert max(connection.pauses, default=0) <= 65

    @pytest.mark.parametrize("times", [1, 2, 60])
    @pytest.mark.parametrize("kind", ["short_page", "empty_page", "repeated_page", "edited_between_pages"])
    def test_a_listing_that_stumbles_loses_nothing_in_silence(
        self,
        subject: RemoteSourceSubject,
        empty_database: Path,
        tmp_path: Path,
        kind: FaultKind,
        times: int,
    ) -> None:
        for skip in range(4 if times == 1 else 2):
            subject.wire.plan(kind, skip=skip, times=times)
            subject.wire.forget()
            with new_store(empty_database, tmp_path / f"{skip}.db") as fresh:
                report = collect_into(fresh, subject)
                where = f"{times} × {kind} from listing {skip}: {report.error!r}"
                assert report.error is None or isinstance(report.error, TielineError), where
                assert len(subject.wire.requests()) < 1_000, where
                if times == 1 and kind in ("short_page", "empty_page", "edited_between_pages"):
                    assert is_complete(report), where
                assert_nothing_lost(report, fresh, subject, where)

    def test_a_listing_that_repeats_itself_for_ever_ends(self, subject: RemoteSourceSubject, store: Store) -> None:
        subject.wire.plan("repeated_page", times=100_000, skip=1)
        report = collect_into(store, subject)
        assert report.error is None or isinstance(report.error, Nonsense)
        assert_nothing_lost(report, store, subject, f"{report.error!r}")

    @pytest.mark.parametrize("kind", ["server_error", "html", "truncated", "reset", "unauthorized"])
    def test_every_question_raises_our_errors_and_nothing_else(
        self, subject: RemoteSourceSubject, kind: FaultKind
    ) -> None:
        source, item = subject.connect(), next(iter(subject.truth()))
        stream = source.streams()[0].name
        subject.wire.plan(kind, times=10_000)
        for ask in (
            source.identify,
            source.vocabulary,
            lambda: list(source.shards(stream, None, subject.scope)),
            lambda: [list(source.fetch(shard)) for shard in source.pick(stream, subject.scope, [item])],
            lambda: list(source.census(stream, subject.scope)),
            lambda: source.look_up(stream, item),
        ):
            try:
                ask()
            except TielineError:
                continue
            assert ask.__name__ == "<lambda>", f"{ask} was not disturbed"
        assert [probe for probe in source.probes() if probe.is_ok is False]
