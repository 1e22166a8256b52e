"""Ways of breaking the escalation clock that its campaign must notice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace as replaced
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from sync.core import escalation
from sync.core.escalation import AroundTheClock, Ladder, Reached, Step, WorkingTime


@contextmanager
def _wall_clock() -> Iterator[None]:
    """Around the clock by what the clock on the wall says."""

    def add(self: AroundTheClock, start: datetime, minutes: int) -> datetime:
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


def _with_calendar(**changes: Any) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def broken() -> Iterator[None]:
        def add(self: WorkingTime, start: datetime, minutes: int) -> datetime:
            calendar = replaced(self.calendar, **changes)
            return calendar.add_working_minutes(start, minutes, ZoneInfo(self.zone))

        with patch.object(WorkingTime, "add", add):
            yield

    return broken


def _with_untold(
    untold: Callable[[Callable[..., list[Reached]], Ladder, Sequence[Reached], Collection[Step]], list[Reached]],
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


def _with_event(kind: str, after: Callable[..., Any]) -> Callable[[], AbstractContextManager[None]]:
    original = escalation._AFTER

    @contextmanager
    def broken() -> Iterator[None]:
        with patch.object(escalation, "_AFTER", {**original, kind: after}):
            yield

    return broken


def _restart(ladder: Any, clock: Any, story: Any, event: Any) -> Any:
    """Each press of the button starts the solution clock anew."""
    return escalation._acknowledged(ladder, clock, replace(story, answered_at=None), event)


def _same_episode(ladder: Any, clock: Any, story: Any, event: Any) -> Any:
    """What is reopened goes on with the old steps."""
    found = escalation._opened(ladder, clock, story, event)
    return replace(found, episode=max(1, story.episode))


SABOTAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "wall_clock": _wall_clock,
    "summer_for_ever": _summer_for_ever,
    "no_make_up_days": _with_calendar(extra_workdays=frozenset()),
    "no_holidays": _with_calendar(days_off=frozenset()),
    "no_half_days": _with_calendar(half_days=frozenset()),
    "forget_what_was_told": _with_untold(lambda original, ladder, rungs, _: original(ladder, rungs, ())),
    "climb_down_again": _with_untold(lambda _, ladder, rungs, told: [item for item in rungs if item.step not in told]),
    "tell_the_lowest": _tell_the_lowest,
    "deaf_to_refusals": _with_event("declined", lambda ladder, clock, story, event: story),
    "deaf_to_promises": _with_event("promised", escalation._acknowledged),
    "every_answer_restarts": _with_event("acknowledged", _restart),
    "one_episode": _with_event("reopened", _same_episode),
}
