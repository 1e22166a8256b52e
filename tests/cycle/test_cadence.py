"""A connection that is read less often than every cycle: not asked before its time, never stale for that, over restarts, failures, deaths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sync.cli.cycle import code_of_collected
from sync.core.brakes import Limits
from sync.core.errors import TryLater
from sync.core.ports import SiteIdentity
from sync.derive import Deriver
from sync.due import EARLY
from sync.engine import Engine, Parts
from sync.mapping.rules import Directory, Mappings
from sync.reading import Cadence, Collected, Site
from sync.store.store import Store
from tests.cycle.lagging import LaggingSource
from tests.cycle.test_apply import Targets

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Killed(BaseException):
    """The process is killed: nothing of ours may catch it."""


class CountedSource(LaggingSource):
    """Counts also who asks for its name, and dies on order after that."""

    is_deadly = False

    def identify(self) -> SiteIdentity:
        self.requests += 1
        if self.is_deadly:
            raise Killed
        return super().identify()


def engine(store: Store, source: CountedSource, cadence: Cadence, scopes: tuple[str, ...] = ("A", "B")) -> Engine:
    def site() -> Site:
        return Site("slow", source, scopes, 1, lambda: source.requests, cadence)

    deriver = Deriver(store, Mappings({}, Directory(), {}), {}, {})
    return Engine(
        Parts(
            "acme", "UTC", store, deriver, {"slow": site}, Targets(), (), {}, {}, Limits(),
            lambda: source.now, cadences={"slow": cadence},
        )
    )  # fmt: skip


def run(engine: Engine) -> Collected:
    (report,) = engine.cycle().collected
    return report


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/t.sqlite") as store:
        store.migrate()
        yield store


def test_what_is_not_due_is_not_asked_by_any_process_and_its_certificate_stands(ledger: Store, tmp_path: Path) -> None:
    source, cadence = CountedSource(), Cadence(4 * HOUR)
    began = source.now
    first = run(engine(ledger, source, cadence)).certificate(source.now)
    asked = source.requests
    for _ in range(3):
        source.wait(HOUR)
        with Store.open(f"sqlite:///{tmp_path}/t.sqlite") as restarted:
            report = run(engine(restarted, source, cadence))
        assert (report.not_due_until, report.error, report.requests) == (began + 4 * HOUR, None, 0)
        assert report.certificate(source.now).at == first.at == began
    assert source.requests == asked
    assert not ledger.run_certificates(ledger.runs()[0].id)
    source.wait(HOUR)
    assert run(engine(ledger, source, cadence)).not_due_until is None
    assert source.requests > asked


def test_whoever_asks_for_it_by_name_or_for_a_fresh_count_has_it_read(ledger: Store) -> None:
    source, cadence = CountedSource(), Cadence(4 * HOUR)
    mine = engine(ledger, source, cadence)
    run(mine)
    for read in (
        lambda: mine.collect(["slow"]),
        lambda: mine.collect(is_census_forced=True),
        lambda: mine.cycle(at_once=["slow"]),
    ):
        asked = source.requests
        source.wait(10 * MINUTE)
        read()
        assert source.requests > asked
    source.wait(4 * HOUR - 10 * MINUTE)
    assert run(mine).not_due_until == source.now + 10 * MINUTE, "it counts from when somebody had it read"


def test_a_timer_that_comes_some_seconds_early_misses_no_turn(ledger: Store) -> None:
    source, cadence = CountedSource(), Cadence(24 * HOUR)
    run(engine(ledger, source, cadence))
    source.wait(24 * HOUR - timedelta(seconds=40))
    assert run(engine(ledger, source, cadence)).not_due_until is None


def test_a_scope_that_was_added_is_read_at_once_and_so_is_everything_that_is_to_be_read_again(ledger: Store) -> None:
    source, cadence = CountedSource(), Cadence(4 * HOUR)
    run(engine(ledger, source, cadence, ("A",)))
    assert run(engine(ledger, source, cadence, ("A",))).not_due_until
    assert run(engine(ledger, source, cadence)).not_due_until is None
    assert run(engine(ledger, source, cadence)).not_due_until
    ledger.forget_cursors("slow")
    assert run(engine(ledger, source, cadence)).not_due_until is None


def test_a_census_on_a_longer_cadence_of_its_own_keeps_a_connection_fresh(ledger: Store) -> None:
    source, cadence = CountedSource(), Cadence(4 * HOUR, census_every=5 * HOUR)
    for _ in range(20):
        report = run(mine := engine(ledger, source, cadence))
        source.wait(30 * MINUTE)
        assert mine.view().freshness["slow"].is_complete, report
    assert source.censuses == 2 * 2, "of two scopes, at once and after eight hours"


def test_a_clock_that_was_wrong_does_not_put_reading_off_for_ever(ledger: Store) -> None:
    source, cadence = CountedSource(), Cadence(HOUR)
    source.wait(900 * HOUR)
    run(engine(ledger, source, cadence))
    source.wait(-900 * HOUR)
    assert run(engine(ledger, source, cadence)).not_due_until is None


def test_while_an_unreachable_vendor_is_not_due_the_exit_code_says_the_same(ledger: Store) -> None:
    source, cadence = CountedSource(), Cadence(HOUR)
    run(engine(ledger, source, cadence))
    source.fail_after = 0
    codes = []
    for minutes in (60, 10, 5):
        source.wait(minutes * MINUTE)
        report = run(engine(ledger, source, cadence))
        codes.append(code_of_collected([report]))
    assert report.not_due_until
    assert codes == [TryLater.exit_code] * 3


@dataclass
class Watch:
    """Runs one turn after another and says what must hold between readings: (when, whether it ended well)."""

    store: Store
    every: timedelta
    readings: list[tuple[datetime, bool]] = field(default_factory=list)

    def wanted(self) -> timedelta:
        """What must pass after the last reading: its cadence, or, while none ends well, as long as that has lasted."""
        last, is_good = self.readings[-1]
        good = max((at for at, ended_well in self.readings if ended_well), default=None)
        failing_since = min((at for at, _ in self.readings if good is None or at > good), default=last)
        return self.every if is_good else min(self.every, last - failing_since)

    def turn(self, engine: Engine, source: CountedSource) -> None:
        now, asked, is_known = source.now, source.requests, bool(self.store.certificates("slow"))
        passed = now - self.readings[-1][0] if self.readings else None
        try:
            report = run(engine)
        except Killed:
            is_read, is_good = True, False
        else:
            is_read, is_good = report.not_due_until is None, report.error is None
            is_known = True
        assert (source.requests > asked) == is_read
        if passed is not None:
            assert not is_read or passed >= self.wanted() - EARLY, "it is read before its time"
            assert is_read or passed < self.wanted(), "it is overdue"
        if is_read and is_known:  # one that died before any had ended left nothing behind
            self.readings.append((now, is_good))
        if self.readings and self.readings[-1][1]:
            assert engine.view().freshness["slow"].is_complete, "it is stale though it was not due"


@settings(max_examples=10, deadline=None, phases=[Phase.generate])
@given(
    every=st.integers(2, 600),
    census=st.sampled_from([0, 0, 90, 1000]),
    turns=st.lists(
        st.tuples(st.integers(1, 60) | st.integers(1, 700), st.sampled_from(["fine", "fine", "down", "deadly"])),
        min_size=6,
        max_size=16,
    ),
)
def test_it_is_read_in_its_time_and_never_before_whatever_fails_or_dies(
    every: int, census: int, turns: list[tuple[int, str]]
) -> None:
    """Every turn is a new engine: what it knows of the turns before stands in the database."""
    source, cadence = CountedSource(), Cadence(every * MINUTE, census * MINUTE)
    with TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/t.sqlite") as store:
        store.migrate()
        watch = Watch(store, cadence.every)
        for minutes, weather in turns:
            source.wait(minutes * MINUTE)
            source.fail_after = 0 if weather == "down" else None
            source.is_deadly = weather == "deadly"
            watch.turn(engine(store, source, cadence), source)
