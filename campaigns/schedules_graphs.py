"""Random graphs of tasks, in everything that docs/scheduling.md has a rule for, each from a seed of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from campaigns.schedules_halves import Spot
from sync.core.calendar import Calendar
from sync.core.values import Dependency, DependencyType, Ref, Status, Task, TaskKind

STATUSES: tuple[Status, ...] = ("todo", "in_progress", "blocked", "done", "cancelled", "unknown")
TYPES: tuple[DependencyType, ...] = ("finish_to_start", "start_to_start", "finish_to_finish", "start_to_finish")
ZONES = tuple(map(ZoneInfo, ("Asia/Shanghai", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati")))
# The Golden Week with its make-up days, a Christmas with a half day, a spring festival, and where the years end that are taken for dates.
TIMES = (date(2026, 10, 1), date(2026, 12, 24), date(2027, 2, 8), date(2028, 2, 28))
EDGES_OF_TIME = (date(1950, 1, 4), date(2150, 12, 26))
FAR_DATES = (date(1949, 12, 31), date(1, 1, 2), date(2151, 1, 1), date(9999, 12, 30))
CALENDARS, IN_A_GRAPH = 24, 5


@dataclass(frozen=True)
class Graph:
    """What a schedule is made of, by the name that brings it back."""

    name: str
    tasks: dict[Ref, Task]
    dependencies: tuple[Dependency, ...]
    spots: dict[Ref, Spot]


@dataclass(frozen=True)
class Mood:
    """How often things are so in one graph: one all of dates differs from one with hardly any."""

    dated: float
    live: float
    nested: float
    backwards: float
    odd: float
    long_lags: float
    span: int


class Graphs:
    """The graphs of one seed; they share calendars, so that looking halves up pays."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        chance = random.Random(seed)
        self.calendars = [
            _calendar(chance, number, time) for time in (*TIMES, *EDGES_OF_TIME) for number in range(CALENDARS)
        ]

    def graph(self, number: int) -> Graph:
        chance = random.Random(f"{self.seed}:{number}")
        place = chance.choice(range(len(TIMES))) if chance.random() < 0.97 else len(TIMES) + chance.choice((0, 1))
        calendars = chance.sample(self.calendars[place * CALENDARS : (place + 1) * CALENDARS], IN_A_GRAPH)
        time = (*TIMES, *EDGES_OF_TIME)[place]
        now = datetime(time.year, time.month, time.day, tzinfo=UTC) + timedelta(
            hours=chance.randint(chance.choice((-1200, -400)), 400)
        )
        spots = [Spot(calendar, zone := chance.choice(ZONES), now.astimezone(zone).date()) for calendar in calendars]
        mood = _mood(chance, place < len(TIMES))
        count = 40 if chance.random() < 0.01 else chance.randint(1, 12)
        refs = [Ref.of(chance.choice("abc"), "task", str(number)) for number in chance.sample(range(10, 99), count)]
        tasks = {ref: _task(chance, mood, ref, time) for ref in refs}
        _nest(chance, mood, tasks)
        found = {dependency.key: dependency for dependency in _dependencies(chance, mood, refs)}
        own = {ref: chance.choice(spots) for ref in refs}
        return Graph(f"{self.seed}:{number}", tasks, tuple(found.values()), own)


def _mood(chance: random.Random, has_room: bool) -> Mood:
    return Mood(
        dated=chance.choice((0.2, 0.6, 0.9, 1.0)),
        live=chance.choice((0.4, 0.7, 0.9, 1.0)),
        nested=chance.choice((0.0, 0.0, 0.2, 0.5, 0.8)),
        backwards=chance.choice((0.0, 0.0, 0.0, 0.05, 0.3)),
        odd=chance.choice((0.0, 0.05, 0.2)),
        long_lags=chance.choice((0.0, 0.05)) * has_room,
        span=chance.choice((4, 10, 25)),
    )


def _calendar(chance: random.Random, number: int, time: date) -> Calendar:
    """Days off, make-up workdays and half days stand close around the time at which the tasks are."""

    def days(share: float) -> frozenset[date]:
        return frozenset(time + timedelta(days=n) for n in range(-40, 60) if chance.random() < share)

    holidays = {time + timedelta(days=n) for n in range(chance.choice((0, 3, 7)))}
    weekend = frozenset(chance.choice(((5, 6), (5, 6), (6,), (4, 5), ())))
    off = days(chance.choice((0, 0.05, 0.3))) | holidays
    return Calendar(
        f"calendar {number}", weekend, off, days(chance.choice((0, 0.05, 0.2))), half_days=days(chance.choice((0, 0.1, 0.4)))
    )  # fmt: skip


def _day(chance: random.Random, mood: Mood, time: date) -> date:
    if chance.random() < mood.odd / 5:
        return chance.choice(FAR_DATES)
    return time + timedelta(days=chance.randint(-mood.span, mood.span))


def _instant(chance: random.Random, mood: Mood, time: date) -> datetime:
    day = _day(chance, mood, time)
    return datetime(day.year, day.month, day.day, chance.randrange(24), chance.randrange(60), tzinfo=UTC)


def _task(chance: random.Random, mood: Mood, ref: Ref, time: date) -> Task:
    start, due = _day(chance, mood, time), _day(chance, mood, time)
    if start > due and chance.random() < 0.8:
        start, due = due, start
    live = chance.random() < mood.live
    status: Status = (
        chance.choice(("todo", "todo", "todo", "in_progress", "blocked")) if live else chance.choice(STATUSES)
    )
    has_estimate, is_milestone = chance.random() < 0.5, chance.random() < 0.12
    kind: TaskKind = "milestone" if is_milestone else chance.choice(("work", "incident", "action_item"))

    def maybe(day: date, share: float) -> date | None:
        return day if chance.random() < share else None

    return Task(
        ref=ref, key=ref.key, title=ref.key, status=status, vendor_status=status, url="", updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        start=maybe(start, mood.dated * 0.8), due=maybe(due, mood.dated),
        started=_instant(chance, mood, time) if chance.random() < 0.5 else None,
        finished=_instant(chance, mood, time) if chance.random() < (0.7 if status == "done" else 0.05) else None,
        estimate_minutes=chance.choice((0, 1, 239, 240, 241, 480, 481, 1000, 2400, 5001, 60_000)) if has_estimate else None,
        kind=kind,
        not_before=maybe(_day(chance, mood, time), mood.odd), must_start=maybe(_day(chance, mood, time), mood.odd / 2),
        must_finish=maybe(_day(chance, mood, time), mood.odd / 2),
    )  # fmt: skip


def _nest(chance: random.Random, mood: Mood, tasks: dict[Ref, Task]) -> None:
    """Parents are mostly earlier in the list; now and then a loop, a parent of its own, or one that nobody collected."""
    refs = list(tasks)
    for place, ref in enumerate(refs):
        if chance.random() >= mood.nested:
            continue
        parent = chance.choice(refs[:place] or refs)
        if chance.random() < 0.05:
            parent = chance.choice([*refs, Ref("z:task:0")])
        tasks[ref] = replace(tasks[ref], parent=parent)


def _dependencies(chance: random.Random, mood: Mood, refs: Sequence[Ref]) -> list[Dependency]:
    order = chance.sample(refs, len(refs))
    found = []
    for _ in range(round(len(refs) * chance.choice((0.3, 0.8, 1.5, 2.5)))):
        if len(order) < 2:
            break
        first, second = sorted(chance.sample(range(len(order)), 2))
        before, after = order[first], order[second]
        if chance.random() < mood.backwards:
            before, after = after, before
        if chance.random() < mood.backwards / 5:
            before = after
        if chance.random() < 0.02:
            before, after = chance.choice(((Ref("z:task:0"), after), (before, Ref("z:task:0"))))
        found.append(
            Dependency(
                before, after, chance.choice((TYPES[0], *TYPES)), _lag(chance, mood), chance.choice(("working", "elapsed")),
                chance.choice((0.4, 0.6, 0.8, 0.95, 1.0, 1.0)),
                chance.choice(("confirmed",) * 14 + ("proposed", "rejected")),
            )
        )  # fmt: skip
    return found


def _lag(chance: random.Random, mood: Mood) -> int:
    if chance.random() < 0.5:
        return 0
    if chance.random() < mood.long_lags:
        return chance.randint(-200_000, 1_000_000)
    return chance.choice(
        (chance.randint(-3000, 6000), chance.choice((-2880, -720, -480, -240, -1, 1, 239, 240, 241, 480, 719, 720, 721, 1440)))
    )  # fmt: skip
