"""One played history: changes, faults and runs in random order, and quiet points at which everything must be right."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.changes_check import Desk, Judge
from campaigns.changes_company import ZONES, Company
from campaigns.report import Report
from sandbox.faults import PAGE_FAULTS, Fault, FaultKind
from sandbox.http import Request, Response
from sync.core.certificate import Certificate
from sync.reading import Collected

SURVIVABLE: tuple[FaultKind, ...] = ("rate_limited", "server_error", "reset", "lost_answer", "truncated", "short_page")
WILD: tuple[FaultKind, ...] = (*SURVIVABLE, "empty_page", "repeated_page", "html", "unauthorized")
# One account lives in the west and one in the east, so that none of the two ways of mistaking a zone is ever out of play.
HALVES = {"jira-dc": ZONES[:5], "jira-cloud": ZONES[4:]}
PROGRESS_S = 20.0
GRACE = timedelta(minutes=15)


@dataclass
class Pace:
    """How much is played between two quiet points. ``shares`` is how the changes spread over the sites, ``share`` how
    likely each connection takes part in a run with faults."""

    changes: int
    shares: Mapping[str, float]
    dirty_runs: int = 1
    share: float = 1.0


class Play:
    """Plays one company's history from a seed, step by step; every divergence names both."""

    def __init__(self, company: Company, desks: Mapping[str, Any], seed: int, report: Report) -> None:
        self.company, self.desks, self.seed, self.report = company, desks, seed, report
        self.chance = random.Random(seed)
        self.step = 0
        self.judge: Judge | None = None
        self._between: dict[str, int] = {}
        self._lag_s: dict[str, float] = {}
        self._shut: list[tuple[str, str]] = []
        self._said: set[str] = set()
        self._told = time.monotonic()
        self._last_change = company.clock.now
        for name in desks:
            self._listen(name)
        # The two ends of the world from the first day on.
        self._set_zone("jira-dc", ZONES[0])
        self._set_zone("jira-cloud", ZONES[-1])

    # -- the beginning

    def begin(self) -> None:
        """Start the product and load everything, cut off once on the way."""
        self.company.start()
        assert self.company.app
        for name in self.desks:
            self._let_lag(name)
        sources = {name: self.company.app.connections.source(name) for name in self.desks}
        lazy_h = {name: float(source.streams()[0].rereads_after_h) for name, source in sources.items()}
        self.judge = Judge(self.desks, self.company.database(), self.company.clock, lazy_h)
        self._plan_cut(self.chance.choice(list(self.desks)))
        self._run("first load, cut off")
        self._clear_faults()
        self._run("first load, resumed")
        self.quiet()

    def _let_lag(self, name: str) -> None:
        """Changes come late into this vendor's index, by as much as its documentation and this company's settings say."""
        longest_s = self.company.lag_h.get(name, 0.0) * 3600.0
        self._lag_s[name] = longest_s
        simulator: Any = self.company.world.simulators[name]
        if longest_s:
            simulator.site.index_delay_s = lambda: self._delay_s(longest_s)

    def _delay_s(self, longest: float) -> float:
        if self.chance.random() < 0.4:
            return 0.0
        self.report.count("changes that came late into the index")
        return self.chance.random() * (60.0 if self.chance.random() < 0.4 else longest)

    # -- one round

    def round(self, pace: Pace) -> None:
        """Changes and runs with faults, then a quiet point."""
        self._turn_zones()
        for _ in range(pace.dirty_runs):
            self._shut_something()
            self._change(pace.changes // pace.dirty_runs, pace.shares)
            self._plan_faults(WILD, 0.5)
            self._between = {name: self.chance.randrange(12) for name in self.desks if self.chance.random() < 0.5}
            if self.chance.random() < 0.35:
                self._plan_cut(self.chance.choice(list(self.desks)))
            names = tuple(name for name in self.desks if self.chance.random() < pace.share)
            self._run("dirty", names or (self.chance.choice(list(self.desks)),))
            self._clear_faults()
        self._open_most()
        if self.chance.random() < 0.03:
            self.company.start()
            self.report.count("restarts of the product")
        self.quiet()

    def quiet(self) -> None:
        """Nothing changes any more; the clock passes what the vendors' indexes may lag; then everything must be right."""
        self._between = {}
        self.company.clock.advance(max(self._lag_s.values()) + GRACE.total_seconds())
        is_bumpy = self.chance.random() < 0.4
        if is_bumpy:
            self._plan_faults(("rate_limited", "server_error", "reset", "truncated", "short_page", "short_page"), 0.5)
        collected = self._run("quiet")
        self._clear_faults()
        if is_bumpy and any(item.error for item in collected.values()):
            collected = self._run("quiet again")
        self.step += 1
        self.report.count("quiet points")
        for name, desk in self.desks.items():
            if problem := desk.check():
                self._diverged(f"the campaign's own book of {name} is wrong: {problem}")
            self._judge_quiet(name, desk, collected[name])
            desk.book.dirty.clear()
        self.company.world.forget_requests()
        if self.step % 50 == 0:
            self.desks["trello"].forget_old_actions(self.company.clock.now - timedelta(days=3))
        self._tell()

    def _judge_quiet(self, name: str, desk: Desk, collected: Collected) -> None:
        assert self.judge
        is_shut = any(place.is_shut and place.is_collected for place in desk.book.places.values())
        whole = collected.certificate(self.company.clock.now)
        if is_shut and whole.is_complete:
            self._diverged(f"{name}: green though a whole place is hidden from us")
        if not is_shut and not whole.is_complete:
            self._diverged(f"{name}: not green at a quiet point: {whole.reason}")
        if not is_shut and whole.settled_at and whole.settled_at < self._last_change:
            self._diverged(
                f"{name}: proven up to {whole.settled_at} only, though the last change was at {self._last_change}"
            )
        for problem in self.judge.quiet(name):
            self._diverged(f"{name}: {problem}")

    # -- changes

    def _change(self, count: int, shares: Mapping[str, float]) -> None:
        """Many changes: scattered over hours, or in bursts within a minute or a second."""
        names, weights = list(shares), list(shares.values())
        while count > 0:
            size = min(count, self.chance.choice((1, 3, 20, 60, 200, 600)))
            pause_s = self.chance.choice((0.0, 0.0, 0.002, 0.1, 2.0, 40.0)) if size > 3 else self.chance.random() * 1800
            own = self.chance.choices(names, weights)[0] if self.chance.random() < 0.3 and size > 3 else ""
            if size >= 20 and size * pause_s <= 60:
                self.report.count("bursts within a minute")
            for _ in range(size):
                self._one_change(own or self.chance.choices(names, weights)[0])
                self.company.clock.advance(pause_s)
            count -= size
            self.company.clock.advance(self.chance.random() * 60)

    def _one_change(self, name: str) -> None:
        kind = self.desks[name].change()
        self.report.count(f"change: {kind}")
        self.report.count("changes")
        self._last_change = self.company.clock.now

    def _listen(self, name: str) -> None:
        """People go on working while we read: some changes are made right before a request is answered."""
        simulator: Any = self.company.world.simulators[name]
        answer: Callable[[Request], Response] = simulator.handle

        def handle(request: Request) -> Response:
            if self._between.get(name, 0) > 0 and self.chance.random() < 0.3:
                for _ in range(self.chance.randrange(1, 4)):
                    self._between[name] -= 1
                    self._one_change(name)
                    self.report.count("changes between two requests")
                self.company.clock.advance(self.chance.random() * 2)
            return answer(request)

        simulator.handle = handle

    def _turn_zones(self) -> None:
        """The account's own zone, from UTC-12 to UTC+14, is changed now and then."""
        for name in self.desks:
            if self.chance.random() < 0.2:
                self._set_zone(name, self.chance.choice(HALVES.get(name, ZONES)))

    def _set_zone(self, name: str, zone: str) -> None:
        simulator: Any = self.company.world.simulators[name]
        if name.startswith("jira"):
            simulator.time_zone = zone
        elif name.startswith("confluence"):
            simulator.site.zone = ZoneInfo(zone)
        self.report.count(f"zone of an account: {zone}")

    def _shut_something(self) -> None:
        if self.chance.random() >= 0.2 or self._shut:
            return
        name = self.chance.choice(list(self.desks))
        place = self.chance.choice(list(self.desks[name].book.places))
        self.report.count(f"change: {self.desks[name].shut(place)}")
        self.report.count("changes")
        self._shut.append((name, place))

    def _open_most(self) -> None:
        if self._shut and self.chance.random() < 0.75:
            for name, place in self._shut:
                self.report.count(f"change: {self.desks[name].open(place)}")
                self.report.count("changes")
            self._shut.clear()
            self._last_change = self.company.clock.now

    # -- runs and faults

    def _run(self, what: str, names: tuple[str, ...] = ()) -> dict[str, Collected]:
        _, reports = self.company.collect(names)
        self.report.count(f"runs: {what}")
        collected = {item.connection: item for item in reports}
        for name, item in collected.items():
            if item.error:
                self.report.count(f"runs of a connection that failed: {type(item.error).__name__}")
            if "internal" in str(item.error):
                self._diverged(f"{name}: {item.error}")
            if self.judge:
                self._judge_claims(name, item.certificates)
        return collected

    def _judge_claims(self, name: str, certificates: list[Certificate]) -> None:
        assert self.judge
        green = [item for item in certificates if item.is_complete]
        self.report.count("green certificates of scopes", len(green))
        self.report.count("certificates of scopes that are not green", len(certificates) - len(green))
        for problem in self.judge.claims(name, certificates):
            self._diverged(f"{name}: falsely green: {problem}")

    def _plan_faults(self, kinds: tuple[FaultKind, ...], share: float) -> None:
        for name in self.desks:
            if self.chance.random() < share:
                for _ in range(self.chance.randrange(1, 3)):
                    kind = self.chance.choice(kinds)
                    # Few requests are for pages of a listing, and only these are counted for their faults.
                    skip = self.chance.randrange(3 if kind in PAGE_FAULTS else 12)
                    self.company.world.simulators[name].faults.plan(Fault(kind, skip=skip))
                    self.report.count(f"fault: {kind}")

    def _plan_cut(self, name: str) -> None:
        """From some request on nothing is answered any more: the run ends in the middle."""
        kind: FaultKind = self.chance.choice(("reset", "server_error", "truncated"))
        self.company.world.simulators[name].faults.plan(Fault(kind, times=10**6, skip=self.chance.randrange(10)))
        self.report.count("fault: run cut off in the middle")

    def _clear_faults(self) -> None:
        for name in self.desks:
            simulator = self.company.world.simulators[name]
            left = sum(fault.times for fault in simulator.faults.pending() if fault.times < 1000)
            self.report.count("faults planned that no request came for", left)
            simulator.faults.clear()

    def _diverged(self, text: str) -> None:
        """Told once; what stays wrong is counted."""
        if text in self._said:
            self.report.count("divergences that lasted")
            return
        self._said.add(text)
        self.report.diverged(
            f"seed {self.seed}, quiet point {self.step}, {self.company.clock.now:%m-%d %H:%M:%S}: {text}"
        )

    def _tell(self) -> None:
        if time.monotonic() - self._told > PROGRESS_S:
            self._told = time.monotonic()
            done = self.report.counts
            print(
                f"changes[{self.seed}]: {done['changes']:,} changes, {done['quiet points']:,} quiet points, "
                f"{len(self.report.divergences)} divergences",
                file=sys.stderr, flush=True,
            )  # fmt: skip
