"""Where the campaign of escalations plays: places with their holidays and hours, ladders, and what people do in a case."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from campaigns.escalations_oracle import Dial, Place, Said
from sync.core.calendar import Calendar
from sync.core.escalation import Asked, Clock, Event, Ladder, Phase, Rung, Step, clock_for
from sync.core.values import Ref


def _days(*texts: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(text) for text in texts)


def _run(first: str, count: int) -> frozenset[date]:
    return frozenset(date.fromisoformat(first) + timedelta(days=n) for n in range(count))


PLACES = (
    # 2026 by the State Council's notice; the days of 2027 are made up, as no notice is out.
    Place("Shanghai", "Asia/Shanghai", ((36, 48), (52, 72)), ((36, 48),),
          _run("2026-09-25", 3) | _run("2026-10-01", 7) | _run("2027-02-05", 8),
          _days("2026-09-20", "2026-10-10", "2027-01-31", "2027-02-20"), _days("2026-12-31", "2027-02-04", "2026-10-10")),
    Place("Berlin", "Europe/Berlin", ((32, 48), (50, 66)), ((32, 48),),
          _days("2026-12-25", "2027-01-01", "2027-03-26", "2027-03-29"), frozenset(), _days("2026-12-24", "2026-12-31")),
    Place("New York", "America/New_York", ((36, 68),), ((36, 52),),
          _days("2026-09-07", "2026-11-26", "2026-12-25", "2027-01-01"), frozenset(), _days("2026-11-27", "2026-12-24")),
    Place("Berlin night desk", "Europe/Berlin", ((2, 14), (16, 28)), ((2, 14),),
          _days("2026-12-25"), frozenset(), _days("2026-10-24"), frozenset()),
    Place("New York night desk", "America/New_York", ((4, 12), (20, 24)), ((4, 12),),
          frozenset(), frozenset(), frozenset(), frozenset({2})),
)  # fmt: skip
# Around these days something is different: holidays, make-up workdays, half days, daylight saving.
MOMENTS = (
    datetime(2026, 9, 20, tzinfo=UTC), datetime(2026, 9, 25, tzinfo=UTC), datetime(2026, 9, 30, tzinfo=UTC),
    datetime(2026, 10, 9, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC),
    datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 12, 23, tzinfo=UTC), datetime(2026, 12, 30, tzinfo=UTC),
    datetime(2027, 1, 29, tzinfo=UTC), datetime(2027, 2, 4, tzinfo=UTC), datetime(2027, 3, 13, tzinfo=UTC),
    datetime(2027, 3, 27, tzinfo=UTC),
)  # fmt: skip
ASKED: tuple[Asked, ...] = ("owner", "deputy", "head", "waiting_head", "on_call", "coordination_group")
PEOPLE = ("", "zhang-wei", "chen-jie", "li-na")


@cache
def dial(place: Place | None) -> Dial:
    return Dial(place)


@cache
def calendar(place: Place) -> Calendar:
    hours = tuple((first * 15, end * 15) for first, end in place.spans)
    return Calendar(place.name, place.weekend, place.off, place.extra, half_days=place.half, hours=hours)


def clock(ladder: Ladder, place: Place) -> Clock:
    return clock_for(ladder, calendar(place), place.zone)


def random_ladder(chance: random.Random) -> Ladder:
    """Any ladder that can be climbed; every third an incident's."""
    is_joint = chance.random() < 0.5
    around = chance.random() < 0.35
    longest = 400 if around else 2_000
    response = sorted(chance.sample([0, 15, 30, 60, 90, 120, 180, 240, 300, 480, 960, longest], chance.randint(1, 4)))
    low = response[-1] if is_joint else 1
    solution = sorted({low + chance.choice((0, 30, 60, 120, 480, 700)) for _ in range(chance.randint(0, 3))})
    return Ladder(
        tuple(_rung(chance, minutes) for minutes in response),
        tuple(_rung(chance, minutes) for minutes in solution),
        "around_the_clock" if around else "working_time",
        "opened" if is_joint else "answered",
    )


def _rung(chance: random.Random, minutes: int) -> Rung:
    asks = tuple(chance.sample(ASKED, chance.randint(1, 2)))
    return Rung(minutes, asks, "room" if chance.random() < 0.2 else "notice")


def script(chance: random.Random, begin: int) -> list[tuple[int, Event]]:
    """What happens, as (the second at which we hear of it, event); some of it is heard late, some at one and the same instant."""
    at, told = begin, [(begin, event("opened", begin))]
    for _ in range(chance.randint(0, 7)):
        at += _pause(chance)
        kind = chance.choices(
            ("acknowledged", "promised", "declined", "solved", "reopened", "opened"), (4, 3, 4, 2, 3, 1)
        )[0]
        until = at + chance.choice((-600, 0, 1_800, 7_200, 86_400, 4 * 86_400)) if kind == "promised" else 0
        heard = at + (chance.choice((0, 0, 5, 1_200, 40_000)) if kind != "opened" else 0)
        told.append((heard, event(kind, at, chance.choice(PEOPLE), until)))
    return sorted(told, key=lambda item: item[0])


def _pause(chance: random.Random) -> int:
    kind = chance.random()
    if kind < 0.15:
        return chance.choice((0, 0, 1, 60))
    if kind < 0.5:
        return chance.randrange(3 * 3_600)
    return chance.randrange(3 * 86_400) if kind < 0.9 else chance.randrange(9 * 86_400)


def begin_of(chance: random.Random) -> int:
    """An opening near one of the moments, often on a whole quarter hour."""
    second = int(chance.choice(MOMENTS).timestamp()) + chance.randrange(-86_400, 2 * 86_400)
    return second - second % 900 if chance.random() < 0.4 else second


def instant(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def event(kind: str, at: int, by: str = "", until: int = 0) -> Event:
    who = Ref.of("tieline", "person", by) if by else None
    return Event(kind, instant(at), who, instant(until) if until else None)  # type: ignore[arg-type]


def said(item: Event) -> Said:
    """The event in the oracle's own words."""
    step = (item.step.episode, item.step.phase, item.step.number) if item.step else None
    until = int(item.until.timestamp()) if item.until else 0
    return Said(item.kind, int(item.at.timestamp()), str(item.by or ""), until, step)


def pair(step: Step | None) -> tuple[Phase, int] | None:
    return (step.phase, step.number) if step else None


def is_near_a_clock_change(place: Place, begin: int, end: int) -> bool:
    zone = ZoneInfo(place.zone)
    return datetime.fromtimestamp(begin, zone).utcoffset() != datetime.fromtimestamp(end, zone).utcoffset()
