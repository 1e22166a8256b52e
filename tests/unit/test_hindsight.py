"""F8 of docs/forecast.md: a history tested on itself, counted at once, is the same as asking its curve of each day that is tried."""

from __future__ import annotations

import random
from collections.abc import Sequence

from msgspec.structs import replace

from sync.core.hindsight import SHARES, TESTED_AGO, hits_of, share_that_held
from sync.core.watched import ENOUGH, Curve, Watched

TODAY = 7000


def plainly(items: Sequence[Watched]) -> dict[float, tuple[int, int]]:
    """The rule as docs/forecast.md says it, task by task."""
    asked: dict[float, list[bool]] = {share: [] for share in SHARES}
    for ago in TESTED_AGO:
        then = [replace(item, today=item.today - ago) for item in items]
        curve = Curve(item.spell() for item in then)
        for item in then:
            is_there = item.begun is None or item.begun <= item.today
            is_open = is_there and not item.is_cancelled and (item.ended is None or item.ended >= item.today)
            start = curve.comparable_from(item.today - item.origin) if is_open and curve.ended >= ENOUGH else None
            for share in SHARES if start is not None else ():
                (place,) = curve.quantiles(start or 0, share)
                if place is not None and item.origin + place < TODAY:
                    asked[share].append(item.ended is not None and item.ended <= item.origin + place)
    return {share: (sum(hits), len(hits)) for share, hits in asked.items()}


def history(seed: int) -> list[Watched]:
    """Months of tasks. The higher the seed, the more later ones take, so that what was said before holds less and less."""
    chance = random.Random(seed)
    items = []
    for _ in range(120):
        ago = chance.randrange(400)
        took = chance.randrange(12) + seed * (400 - ago) // 60
        ended = TODAY - ago + took if chance.random() < 0.9 and took < ago else None
        is_cancelled = ended is not None and chance.random() < 0.1
        begun = TODAY - ago if chance.random() < 0.8 else None
        items.append(Watched(TODAY - ago + chance.choice((0, 8, 10)), begun, ended, is_cancelled, TODAY))
    return items


def slipping() -> list[Watched]:
    """A day later with every fourth task: nothing that was ever said held."""
    dues = [TODAY - 200 + number for number in range(160)]
    return [Watched(due, due - 10, due + number // 4, False, TODAY) for number, due in enumerate(dues)]


def steady() -> list[Watched]:
    """Everything ends twenty days after it was due: what is said of some falls on today, and is not over."""
    dues = [TODAY - 200 + number for number in range(200)]
    return [Watched(due, due - 10, due + 20 if due + 20 < TODAY else None, False, TODAY) for due in dues]


def begun_too_late() -> list[Watched]:
    """What had begun was past its due date; what is not due yet is like none of it."""
    past = [Watched(begun - 5, begun, begun + 9, False, TODAY) for begun in range(TODAY - 200, TODAY - 20)]
    return past + [Watched(TODAY - 20, TODAY - 60, TODAY - 10, False, TODAY)] * 10


def test_counted_at_once_it_says_what_the_curve_says() -> None:
    tried = [*map(history, range(7)), slipping(), steady(), begun_too_late(), []]
    assert [hits_of(items) for items in tried] == [plainly(items) for items in tried]
    assert {share_that_held(items) for items in tried} == {*SHARES, None}  # each answer was tried
