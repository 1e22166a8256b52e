"""When a zone's clock is put forward or back. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import MAXYEAR, UTC, datetime, timedelta, tzinfo
from functools import lru_cache

_DAY = timedelta(days=1)


def steady_spans(start: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """From an instant in UTC on, the spans in which the zone keeps one offset: begin, end and offset. None is longer than a year."""
    for year in range(start.year, MAXYEAR):
        for end in (*clock_changes(zone, year), datetime(year + 1, 1, 1, tzinfo=UTC)):
            if end > start:
                yield start, end, offset_at(zone, start)
                start = end


@lru_cache(maxsize=2048)
def clock_changes(zone: tzinfo, year: int) -> tuple[datetime, ...]:
    """The instants of a year (in UTC) from which on the zone has another offset. No zone changes twice within a day."""
    found = []
    day, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    while day < end:
        before, after = day, day + _DAY
        if offset_at(zone, before) != offset_at(zone, after):
            while after - before > timedelta(seconds=1):
                middle = before + (after - before) // 2
                middle -= timedelta(microseconds=middle.microsecond)
                before, after = (middle, after) if offset_at(zone, middle) == offset_at(zone, day) else (before, middle)
            found.append(after)
        day += _DAY
    return tuple(found)


def offset_at(zone: tzinfo, instant: datetime) -> timedelta:
    """How far ahead of UTC the zone's clock is at an instant."""
    return instant.astimezone(zone).utcoffset() or timedelta(0)
