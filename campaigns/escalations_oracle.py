"""What a finding's ladder should say, told by somebody who watches hands go round: counters, quarter hours and plain tuples.

Shares no code with the product: no instant is calculated ahead, it is only asked of a given second whether a rung is reached there.
Times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

QUARTER = 900
FIRST = int(datetime(2026, 8, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(2027, 9, 1, tzinfo=UTC).timestamp())  # nothing that is played reaches so far


@dataclass(frozen=True)
class Place:
    """Where and when people work, in plain facts. ``spans`` and ``morning`` are in quarter hours from midnight."""

    name: str
    zone: str
    spans: tuple[tuple[int, int], ...]
    morning: tuple[tuple[int, int], ...]
    off: frozenset[date] = frozenset()
    extra: frozenset[date] = frozenset()
    half: frozenset[date] = frozenset()
    weekend: frozenset[int] = frozenset({5, 6})


class Dial:
    """How many seconds the clock has run by any second. Without a place it never stands still."""

    def __init__(self, place: Place | None) -> None:
        self.sums: list[int] = []
        if place is None:
            return
        total, zone = 0, ZoneInfo(place.zone)
        for second in range(FIRST, LAST, QUARTER):
            self.sums.append(total)
            wall = datetime.fromtimestamp(second, zone)
            total += QUARTER * _is_worked(place, wall.date(), wall.hour * 4 + wall.minute // 15)
        self.sums.append(total)

    def until(self, second: int) -> int:
        if not self.sums:
            return second
        cell, rest = divmod(second - FIRST, QUARTER)
        return self.sums[cell] + (rest if self.sums[cell + 1] > self.sums[cell] else 0)

    def runs(self, second: int) -> bool:
        return self.until(second + 1) > self.until(second)


def _is_worked(place: Place, day: date, quarter: int) -> bool:
    works = day in place.extra or (day.weekday() not in place.weekend and day not in place.off)
    spans = place.morning if day in place.half else place.spans
    return works and any(first <= quarter < end for first, end in spans)


@dataclass(frozen=True)
class Said:
    """An event. ``step`` is (episode, phase, number)."""

    kind: str
    at: int
    by: str = ""
    until: int = 0
    step: tuple[int, str, int] | None = None


@dataclass
class Hand:
    """The hand of one clock: how far it has gone, and how far since it was last set."""

    seconds: int = 0
    moved: int = 0
    set_to: int = 0

    def put(self, seconds: int) -> None:
        self.seconds = self.set_to = seconds
        self.moved = 0

    def has_reached(self, minutes: int, *, runs: bool) -> bool:
        """What it was set on or past counts once it has begun to go."""
        return self.seconds >= minutes * 60 and (minutes * 60 > self.set_to or self.moved > 0 or runs)


@dataclass
class Watch:
    """Lives through the events, second by second as far as anything can change."""

    response: Sequence[int]
    solution: Sequence[int]
    is_joint: bool  # both clocks start together
    dial: Dial
    second: int = 0
    episode: int = 0
    state: str = "never"
    asking: Hand = field(default_factory=Hand)
    solving: Hand = field(default_factory=Hand)
    held_until: int = 0
    waits_for: int = 0
    who: str = ""
    seen: set[int] = field(default_factory=set)
    told: set[tuple[str, int]] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    declines: int = 0
    promises: int = 0

    def live(self, events: Sequence[Said], now: int) -> None:
        """All that was said up to now."""
        for event in sorted(events, key=_rank):
            if event.at <= now:
                self._pass(event.at)
                getattr(self, f"_{event.kind}")(event)
        self._pass(now)
        # What was told in this episode though a machine's clock says it will be.
        for event in events:
            if event.step and event.step[0] == self.episode:
                self.told.add(event.step[1:])

    def _pass(self, second: int) -> None:
        if self.state in ("never", "solved"):
            self.second = second
            return
        gone = self.dial.until(second) - self.dial.until(self.second)
        if self.state == "asking":
            self.asking.seconds += gone
            self.asking.moved += gone
        if self.is_joint:
            self.solving.seconds += gone
            self.solving.moved += gone
        elif self.state == "answered":
            gone = max(0, self.dial.until(second) - self.dial.until(max(self.second, self.waits_for)))
            self.solving.seconds += gone
            self.solving.moved += gone
        self.second = second
        self._look()

    def _look(self) -> None:
        if self.state == "asking":
            runs = self.dial.runs(self.second)
            self.seen |= {n for n, minutes in enumerate(self.response) if self.asking.has_reached(minutes, runs=runs)}

    def _opened(self, event: Said) -> None:
        if self.state in ("never", "solved"):
            self.episode += 1
            self.state, self.held_until, self.waits_for, self.who = "asking", 0, 0, ""
            self.asking, self.solving = Hand(), Hand()
            self.seen, self.told, self.refused = set(), set(), set()
            self._look()

    _reopened = _opened

    def _solved(self, event: Said) -> None:
        if self.state != "never":
            self.state = "solved"

    def _told(self, event: Said) -> None:
        assert event.step
        if event.step[0] == self.episode:
            self.told.add(event.step[1:])

    def _acknowledged(self, event: Said) -> None:
        if self.state not in ("asking", "answered"):
            return
        if self.state == "asking":
            self.state, self.waits_for = "answered", event.at
            if not self.is_joint:
                self.solving = Hand()
        self.who = event.by
        self.refused.discard(event.by)

    def _promised(self, event: Said) -> None:
        self._acknowledged(event)
        if self.state == "answered" and event.until > event.at:
            self.promises += 1
            self.held_until = event.until
            if not self.is_joint:
                self.solving, self.waits_for = Hand(), event.until

    def _declined(self, event: Said) -> None:
        if self.state not in ("asking", "answered") or (event.by and event.by in self.refused):
            return
        self.declines += 1
        self.refused.add(event.by)
        if self.state == "answered" and (not event.by or event.by != self.who):
            return
        told = max((number for phase, number in self.told if phase == "response"), default=0)
        target = min(max(len(self.seen), told + 1), len(self.response))
        if self.state == "answered" or target > len(self.seen):
            self.asking.put(self.response[target - 1] * 60)
        self.state, self.held_until, self.who = "asking", 0, ""
        self._look()

    def reached(self) -> list[tuple[str, int]]:
        """The rungs that are reached by the hands that count now, the highest last."""
        if self.state not in ("asking", "answered"):
            return []
        found = [("response", n + 1) for n in sorted(self.seen)] if self.state == "asking" else []
        return found + [("solution", n + 1) for n, minutes in enumerate(self.solution) if self._is_solving(minutes)]

    def has_reached(self, step: tuple[int, str, int]) -> bool:
        """Whether its hand was there, also when somebody answered in the same second."""
        episode, phase, number = step
        is_there = number - 1 in self.seen if phase == "response" else self._is_solving(self.solution[number - 1])
        return episode == self.episode and is_there

    def _is_solving(self, minutes: int) -> bool:
        runs = self.dial.runs(self.second)
        if not self.is_joint:
            return (
                self.state == "answered"
                and self.second >= self.waits_for
                and self.solving.has_reached(minutes, runs=runs)
            )
        is_held = self.held_until and not (
            self.second >= self.held_until and (runs or self.dial.until(self.second) > self.dial.until(self.held_until))
        )
        return not is_held and self.solving.has_reached(minutes, runs=runs)

    def untold(self) -> list[tuple[str, int]]:
        top: dict[str, int] = {"response": 0, "solution": 0}
        for phase, number in self.told:
            top[phase] = max(top[phase], number)
        return [
            (phase, number)
            for phase, number in self.reached()
            if number > top[phase] and not (phase == "response" and self.is_joint and top["solution"])
        ]

    def shown_state(self) -> str:
        return "promised" if self.state == "answered" and self.second < self.held_until else self.state


_ORDER = ("opened", "declined", "acknowledged", "promised", "solved", "reopened", "told")


def _rank(event: Said) -> tuple[Any, ...]:
    return event.at, _ORDER.index(event.kind), event.until or event.at, event.by
