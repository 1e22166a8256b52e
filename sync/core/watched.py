"""How long tasks stay open, from those that were watched: F4 to F7 of docs/forecast.md. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from msgspec import Struct

WINDOW = 250  # F4: working days; what happened longer ago tells nothing
ENOUGH = 20  # F7: so many must have ended, and so many must have been open at the same position
NEARLY = 1e-9  # products of fractions miss their exact value by this at most


class Spell(Struct, frozen=True, gc=False):
    """A task as watched on a scale: open from position ``entry`` through ``exit``, on which it ended or not."""

    entry: int
    exit: int
    is_end: bool


class Curve:
    """F5: how long tasks stay open, by Kaplan and Meier: who entered late or has not ended counts for as long as it was watched.

    F6: one task more than there is, which never ends, stands beside them: so the quantiles hold for the *next* task and not only
    for those seen.
    """

    def __init__(self, spells: Iterable[Spell]) -> None:
        watched = [item for item in spells if item.entry <= item.exit]
        self._entries = sorted(item.entry for item in watched)
        self._exits = sorted(item.exit for item in watched)
        ends: dict[int, int] = {}
        for item in watched:
            if item.is_end:
                ends[item.exit] = ends.get(item.exit, 0) + 1
        self._ends = sorted(ends.items())
        self.ended = sum(ends.values())
        self._starts: dict[int, int | None] = {}
        self._found: dict[tuple[int, tuple[float, ...]], tuple[int | None, ...]] = {}

    def open_at(self, position: int) -> int:
        """How many tasks were watched and still open when this position began."""
        return bisect_right(self._entries, position) - bisect_left(self._exits, position)

    def comparable_from(self, position: int) -> int | None:
        """F7: the position itself when enough tasks were open at it; before the due date, else the first such position up to it;
        None when there is none."""
        if position not in self._starts:
            steps = (position, *self._entries[bisect_right(self._entries, position) : bisect_right(self._entries, 0)])
            self._starts[position] = next((step for step in steps if self.open_at(step) >= ENOUGH), None)
        return self._starts[position]

    def quantiles(self, position: int, *shares: float) -> tuple[int | None, ...]:
        """The first positions at which no more than these shares (falling) of what is open at ``position`` are still open; None: never."""
        if (position, shares) not in self._found:
            self._found[position, shares] = self._quantiles(position, shares)
        return self._found[position, shares]

    def _quantiles(self, position: int, shares: tuple[float, ...]) -> tuple[int | None, ...]:
        found: list[int | None] = []
        left = 1.0
        for place, count in self._ends[bisect_left(self._ends, (position, 0)) :]:
            left *= 1 - count / (self.open_at(place) + 1)
            while len(found) < len(shares) and left <= shares[len(found)] + NEARLY:
                found.append(place)
            if len(found) == len(shares):
                break
        return (*found, *[None] * (len(shares) - len(found)))


class Watched(Struct, frozen=True, gc=False):
    """A task on a scale, in working days: the one it counts from, since when it was there, when it ended, and today."""

    origin: int
    begun: int | None
    ended: int | None
    is_cancelled: bool
    today: int

    def spell(self) -> Spell:
        """F4: as it was watched for a year through yesterday; empty when it was not."""
        is_past = self.ended is not None and self.ended < self.today
        last = self.ended if self.ended is not None and is_past else self.today
        is_end = is_past and not self.is_cancelled
        begun = self.today - WINDOW if self.begun is None else max(self.today - WINDOW, min(self.begun, last))
        # Through the day on which it ended; what is open, or was called off, through the day before.
        return Spell(begun - self.origin, last - self.origin - (not is_end), is_end)
