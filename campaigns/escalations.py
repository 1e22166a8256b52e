"""Simulated incidents and delays climb their ladders: whom the clock says is to be asked, and when, is compared with an oracle that watches
hands go round.

In each case people answer, promise, decline, solve and reopen, near holidays, make-up workdays, half days and changes to daylight saving
time, in five places. A run begins from the stored events alone, comes on time, late or after a night without power, and hears of some
events late. Every step is told at most once; every instant that is named is tried a second before and on time.
"""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import msgspec

from campaigns.escalations_oracle import LAST, QUARTER, Place, Watch
from campaigns.escalations_sabotage import SABOTAGES
from campaigns.escalations_world import (
    PEOPLE,
    PLACES,
    begin_of,
    clock,
    dial,
    event,
    instant,
    is_near_a_clock_change,
    pair,
    random_ladder,
    said,
    script,
)
from campaigns.report import Report
from sync.core import escalation
from sync.core.escalation import Event, Ladder, Position, Step
from sync.core.ladders import EscalationSettings
from sync.core.values import Ref

__all__ = ["SABOTAGES", "run"]

LONG, SHORT = 120_000, 1_500
ENOUGH = 50  # divergences: more tell nothing new
MOST_RUNS = 25
FAR = LAST - QUARTER - 1


def run(*, seed: int, scale: float, workers: int) -> Report:
    """``scale`` 0 is the short form of CI, 1 the long one: more than a hundred thousand cases."""
    report = Report("escalations", seed)
    if not scale:
        report.merge(part(seed, 0, SHORT))
        return report
    share = -(-round(LONG * scale) // workers)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for piece in pool.map(part, [seed] * workers, [n * share for n in range(workers)], [share] * workers):
            report.merge(piece)
    return report


def part(seed: int, first: int, count: int) -> Report:
    report = Report("escalations", seed)
    for number in range(first, first + count):
        if len(report.divergences) >= ENOUGH:
            break
        _Case(report, seed, number).play()
        report.count("cases")
    return report


class _Case:
    """One finding's life. ``seed:number`` plays it again."""

    def __init__(self, report: Report, seed: int, number: int) -> None:
        self.report, self.name = report, f"{seed}:{number}"
        self.chance = random.Random(self.name)
        self.place: Place = self.chance.choice(PLACES)
        self.ladder = self._ladder()
        self.clock = clock(self.ladder, self.place)
        self.dial = dial(None if self.ladder.clock == "around_the_clock" else self.place)
        self.begin = begin_of(self.chance)
        self.coming = script(self.chance, self.begin)
        self.history: list[Event] = []
        self.known: list[Event] = []
        self.every = self.chance.choice((300, 600, 600, 600, 3_600))  # how often cron runs
        self.told: set[str] = set()

    def _ladder(self) -> Ladder:
        if self.chance.random() < 0.3:
            settings = EscalationSettings()
            return self.chance.choice(
                (settings.incident.ladder, settings.ladders.critical, settings.ladders.warning, settings.ladders.info)
            )
        return random_ladder(self.chance)

    def play(self) -> None:
        now = self.begin - self.begin % self.every + self.every
        for _ in range(MOST_RUNS):
            while self.coming and self.coming[0][0] <= now:
                self.history.append(self.coming.pop(0)[1])
            found = self._run(now)
            if found.next_at and self.chance.random() < 0.1:
                self._answer_in_time(int(found.next_at.timestamp()))
            following = self._next_run(now, found)
            if following is None or following > FAR - 40 * 86_400:
                break
            now = following
        self.report.count(f"place: {self.place.name}")
        self.report.count(f"clock: {self.ladder.clock}")
        self.report.count(
            "cases across a change of daylight saving", is_near_a_clock_change(self.place, self.begin, now)
        )

    def _answer_in_time(self, at: int) -> None:
        """Somebody answers in the very second at which the next rung gets due."""
        kind = self.chance.choice(("acknowledged", "acknowledged", "promised", "declined", "solved"))
        self.coming.append((at, event(kind, at, self.chance.choice(PEOPLE), at + 5_400 if kind == "promised" else 0)))
        self.coming.sort(key=lambda item: item[0])
        self.report.count("answers in the very second")

    def _next_run(self, now: int, found: Position) -> int | None:
        """Cron runs in vain until something can have changed; now and then it is late, or looks in between."""
        moments = [int(found.next_at.timestamp())] if found.next_at else []
        moments += [self.coming[0][0]] if self.coming else []
        if not moments:
            return None
        wanted = max(now + 1, min(moments))
        following = wanted + -wanted % self.every
        if self.chance.random() < 0.1:
            self.report.count("runs after a time without any")
            following += self.every * self.chance.randrange(1, 1 + 54_000 // self.every)
        elif self.chance.random() < 0.1 and following - now > 2 * self.every:
            following = now + self.every * self.chance.randrange(1, (following - now) // self.every)
        return following

    def _run(self, now: int) -> Position:
        """A process that knows the stored events only."""
        ahead = [item for _, item in self.coming if item.at > instant(now) and self.chance.random() < 0.1]
        # Of a machine whose clock runs ahead.
        self.known = [*self.history, *ahead]
        self.chance.shuffle(self.known)
        stored = msgspec.json.decode(
            msgspec.json.encode(self.known, enc_hook=str.__str__), type=list[Event], dec_hook=lambda _, text: Ref(text)
        )
        found = escalation.position(self.ladder, stored, instant(now), self.clock)
        self.report.count("runs")
        self._compare(now, found)
        if found.due:
            self._tell(now, found.due.step, bool(found.due.missed))
        return found

    def _tell(self, now: int, step: Step, is_late: bool) -> None:
        if (key := step.key("delay:a>b")) in self.told:
            self._diverged(now, f"{key} is told twice")
        self.told.add(key)
        late = self.chance.choice((0, 0, 3, 20, 7_200))  # the messenger takes its time, or its clock runs ahead
        self.history.append(Event("told", instant(now + late), step=step))
        self.report.count("steps told")
        self.report.count("steps told that others were missed before", is_late)
        self.report.count("steps told in a later episode", step.episode > 1)

    def _watch(self, now: int, known: Sequence[Event]) -> Watch:
        response, solution = (
            [rung.after_minutes for rung in rungs] for rungs in (self.ladder.response, self.ladder.solution)
        )
        watch = Watch(response, solution, self.ladder.solution_from == "opened", self.dial)
        watch.live([said(item) for item in known], now)
        return watch

    def _compare(self, now: int, found: Position) -> None:
        watch = self._watch(now, self.known)
        untold = watch.untold()
        self._same(now, "state", found.state, watch.shown_state())
        self._same(now, "episode", found.episode, watch.episode)
        self._same(now, "counts", (found.declines, found.promises), (watch.declines, watch.promises))
        self._same(now, "reached", [pair(item.step) for item in found.reached], watch.reached())
        self._same(now, "due", pair(found.due.step) if found.due else None, untold[-1] if untold else None)
        if found.due and untold:
            rungs = [self.ladder.rungs("response" if phase == "response" else "solution")[n - 1] for phase, n in untold]
            self._same(now, "asks", set(found.due.asks), {who for rung in rungs for who in rung.asks})
            self._same(now, "asked once each", len(found.due.asks), len(set(found.due.asks)))
            self._same(now, "does", found.due.does == "room", any(rung.does == "room" for rung in rungs))
            self._since(int(found.due.since.timestamp()), found.due.step, watch.held_until)
        self._ahead(now, found)

    def _since(self, at: int, step: Step, held_until: int) -> None:
        """It is due since the first second at which its hand was there; a promise that was taken back holds nothing in hindsight."""
        for second, what, wanted in ((at, "reached since", True), (at - 1, "reached earlier", False)):
            watch = self._watch(second, self.known)
            watch.held_until = held_until
            self._same(at, what, watch.has_reached((step.episode, step.phase, step.number)), wanted)

    def _ahead(self, now: int, found: Position) -> None:
        """Nothing more gets due before ``next_at``, and then just what was said."""
        known = [item for item in self.known if item.at <= instant(now) or item.kind == "told"]
        known += [Event("told", instant(now), step=found.due.step)] if found.due else []
        if found.next_at is None:
            self._same(now, "nothing to come", self._watch(FAR, known).untold(), [])
            return
        at = int(found.next_at.timestamp())
        self._same(now, f"before {found.next_at}", self._watch(at - 1, known).untold(), [])
        self._same(now, f"at {found.next_at}", self._watch(at, known).untold()[-1:], [pair(found.next_step)])

    def _same(self, now: int, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self._diverged(now, f"{what}: {found!r}, by the oracle {wanted!r}")

    def _diverged(self, now: int, what: str) -> None:
        self.report.diverged(f"{self.name} at {instant(now)} in {self.place.name}: {what}")
