"""Ways of breaking the escalation clock that its campaign must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace as replaced
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from sync.core import escalation
from sync.core.escalation import AroundTheClock, Reached, WorkingTime


@contextmanager
def _wall_clock() -> Iterator[None]:
    """Around the clock by what the clock on the wall says."""

    def add(_: AroundTheClock, start: datetime, minutes: int) -> datetime:
        wall = start.astimezone(ZoneInfo("Europe/Berlin")) + timedelta(minutes=minutes)
        return wall.astimezone(UTC)

    with patch.object(AroundTheClock, "add", add):
        yield


@contextmanager
def _summer_for_ever() -> Iterator[None]:
    """The zone's offset when the clock starts is taken for that of every day."""

    def add(self: WorkingTime, start: datetime, minutes: int) -> datetime:
        offset = start.astimezone(ZoneInfo(self.zone)).utcoffset() or timedelta(0)
        return self.calendar.add_working_minutes(start, minutes, timezone(offset))

    with patch.object(WorkingTime, "add", add):
        yield


def _without(days: str) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def broken() -> Iterator[None]:
        def add(self: WorkingTime, start: datetime, minutes: int) -> datetime:
            nothing: dict[str, Any] = {days: frozenset()}
            calendar = replaced(self.calendar, **nothing)
            return calendar.add_working_minutes(start, minutes, ZoneInfo(self.zone))

        with patch.object(WorkingTime, "add", add):
            yield

    return broken


def _with_untold(
    untold: Callable[..., list[Reached]],
) -> Callable[[], AbstractContextManager[None]]:
    original = escalation._untold

    @contextmanager
    def broken() -> Iterator[None]:
        with patch.object(escalation, "_untold", lambda *given: untold(original, *given)):
            yield

    return broken


@contextmanager
def _tell_the_lowest() -> Iterator[None]:
    """A late run tells each rung that it missed, one after the other."""
    original = escalation._due
    with patch.object(escalation, "_due", lambda ladder, reached: original(ladder, reached[:1])):
        yield


def _with(name: str, after: Callable[..., Any]) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def broken() -> Iterator[None]:
        with patch.object(escalation, name, after):
            yield

    return broken


def _restarted() -> Callable[..., Any]:
    """Each press of the button starts the solution clock anew."""
    original = escalation._acknowledged
    return lambda story, event: original(replace(story, answered_at=None), event)


def _same_episode() -> Callable[..., Any]:
    """What is reopened goes on with the old steps."""
    original = escalation._opened
    return lambda story, event: replace(original(story, event), episode=1)


SABOTAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "wall_clock": _wall_clock,
    "summer_for_ever": _summer_for_ever,
    "no_make_up_days": _without("extra_workdays"),
    "no_holidays": _without("days_off"),
    "no_half_days": _without("half_days"),
    "forget_what_was_told": _with_untold(lambda original, *given: original(*given[:2], ())),
    "climb_down_again": _with_untold(lambda *given: [item for item in given[2] if item.step not in given[3]]),
    "tell_the_lowest": _tell_the_lowest,
    "deaf_to_refusals": _with("_declined", lambda *given: given[2]),
    "deaf_to_promises": _with("_promised", escalation._acknowledged),
    "every_answer_restarts": _with("_acknowledged", _restarted()),
    "one_episode": _with("_opened", _same_episode()),
}
