"""F8 of docs/forecast.md: what a history would have said in the last year, beside what became of it. Pure.

The same as asking `Curve` of each day that is tried, for thousands of tasks at once: a run may not wait for seconds for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sync.core.watched import ENOUGH, NEARLY, WINDOW, Watched

SHARES = (0.15, 0.1, 0.05)  # F6, F8: the share still open at P85, and what is tried where that did not hold
HELD = 0.8  # so often must P85 have held
ENOUGH_TESTED = 20  # of fewer forecasts nothing is concluded
TESTED_AGO = range(20, WINDOW, 20)  # working days
NEVER = 1 << 40
Numbers = NDArray[np.int64]


def share_that_held(items: Sequence[Watched]) -> float | None:
    """Which share may still be open on the day that is called P85, so that the forecasts of the last year held; None when none does."""
    for share, (held, said) in hits_of(items).items():
        if said < ENOUGH_TESTED or held >= HELD * said:
            return share
    return None


def hits_of(items: Sequence[Watched]) -> dict[float, tuple[int, int]]:
    """For each share how often what would have been said held, and how often it would have been said."""
    columns = _Columns(items)
    hits = zip(*(columns.hits(ago) for ago in TESTED_AGO), strict=True)
    return {
        share: (sum(int(part.sum()) for part in parts), sum(map(len, parts)))
        for share, parts in zip(SHARES, hits, strict=True)
    }


class _Columns:
    """The tasks of one history, a column per fact. What never began or ended did so longer ago than anybody looks, or ``NEVER``."""

    def __init__(self, items: Sequence[Watched]) -> None:
        def column(values: list[int]) -> Numbers:
            return np.array(values, dtype=np.int64)

        self.origin, self.today = (column([getattr(item, name) for item in items]) for name in ("origin", "today"))
        self.begun = column([-NEVER if item.begun is None else item.begun for item in items])
        self.ended = column([NEVER if item.ended is None else item.ended for item in items])
        self.is_cancelled = np.array([item.is_cancelled for item in items], dtype=np.bool_)

    def hits(self, ago: int) -> Iterator[NDArray[np.bool_]]:
        """For each share, of what would have been said so many working days ago and is over by now, whether it was so. Only what was to
        have ended by yesterday is asked: else what ended early would count, and what has time left would not.
        """
        curve = _Steps(*self._spells(ago))
        day = self.today - ago
        is_asked = (self.begun <= day) & ~self.is_cancelled & (self.ended >= day)
        origin, ended, today = (column[is_asked] for column in (self.origin, self.ended, self.today))
        start = curve.comparable_from(day[is_asked] - origin)
        for share in SHARES:
            said = origin + curve.quantile(start, share)
            is_over = said < today
            yield (ended <= said)[is_over]

    def _spells(self, ago: int) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
        """F4: entry, exit and whether it ended, as ``Watched.spell`` tells them."""
        today = self.today - ago
        is_past = self.ended < today
        last = np.where(is_past, self.ended, today)
        is_end = is_past & ~self.is_cancelled
        entry = np.maximum(today - WINDOW, np.minimum(self.begun, last)) - self.origin
        leave = last - self.origin - ~is_end
        is_watched = entry <= leave
        return entry[is_watched], leave[is_watched], is_end[is_watched]


class _Steps:
    """F5 and F6, as ``Curve`` has them, asked for many positions at once; a position that is not there is ``NEVER``."""

    def __init__(self, entries: Numbers, exits: Numbers, is_end: NDArray[np.bool_]) -> None:
        self._places, counts = np.unique(exits[is_end], return_counts=True)
        self._entries, self._exits = np.sort(entries), np.sort(exits)
        self._is_thin = counts.sum() < ENOUGH
        self._left = np.concatenate(([0.0], np.log1p(-counts / (self.open_at(self._places) + 1)).cumsum()))

    def open_at(self, positions: Numbers) -> Numbers:
        return np.searchsorted(self._entries, positions, side="right") - np.searchsorted(self._exits, positions)

    def comparable_from(self, positions: Numbers) -> Numbers:
        """F7: each position, or before the due date the first one up to it with enough tasks."""
        if self._is_thin:
            return np.full(len(positions), NEVER)
        entries = np.unique(self._entries[self._entries <= 0])
        good = np.append(entries[self.open_at(entries) >= ENOUGH], NEVER)
        return np.where(
            self.open_at(positions) >= ENOUGH, positions, good[np.searchsorted(good[:-1], positions, side="right")]
        )

    def quantile(self, starts: Numbers, share: float) -> Numbers:
        """The first position at which no more than this share of what is open at each start is still open."""
        first = np.searchsorted(self._places, starts)
        place = np.searchsorted(-self._left[1:], -(self._left[first] + np.log(share + NEARLY)))
        return np.append(self._places, NEVER)[np.where(starts < NEVER, place, len(self._places))]
