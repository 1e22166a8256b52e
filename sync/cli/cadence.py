"""Connections that are read less often than every cycle: what that costs, in sentences for `check` and `doctor`."""

from __future__ import annotations

from collections.abc import Iterator

from sync.config import LoadedConfig

RESPONSE_MINUTES = 30
"""Within which an incident is to be answered; what is read less often is heard of when that is over."""
DAY_MINUTES = 1440


def cadence_notes(loaded: LoadedConfig, name: str) -> Iterator[tuple[str, str]]:
    """What whoever wrote ``every_minutes`` of this connection should know, each with what to do about it; nothing without one."""
    connection, cycle = loaded.config.connections[name], loaded.config.serve.every_minutes
    every, census = connection.every_minutes, connection.census_every_minutes
    if not every:
        return
    if "source" not in loaded.offered(name):
        yield "every_minutes does nothing: nothing is collected from it", "leave it out"
        return
    if every <= cycle:
        yield (
            f"every_minutes: {every} changes nothing where a cycle is made every {cycle} minutes (serve.every_minutes)",
            f"write more than {cycle}, or leave it out",
        )
        return
    if every > RESPONSE_MINUTES:
        yield (
            f"read every {_words(every)}: a delay is told, and one that is over is ended, up to so much later; too late for"
            f" incidents, which are to be answered within {RESPONSE_MINUTES} minutes",
            f"for incidents write {RESPONSE_MINUTES} or less; `tieline collect {name}` reads it at once",
        )
    if every + census >= DAY_MINUTES:
        yield (
            f"what is read from it counts as complete for {_words(every + census)} and an hour: that is no fresh data any more",
            "let every_minutes and census_every_minutes be less than a day together",
        )


def _words(minutes: int) -> str:
    """``1 day 3 h``, ``4 h``, ``45 min``."""
    days, hours, rest = minutes // DAY_MINUTES, minutes % DAY_MINUTES // 60, minutes % 60
    units = ((days, "day" if days == 1 else "days"), (hours, "h"), (rest, "min"))
    return " ".join(f"{count} {unit}" for count, unit in units if count)
