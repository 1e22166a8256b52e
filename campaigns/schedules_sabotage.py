"""Ways of breaking the schedule that its campaign must notice.

They break what it is given or what it gives at its door, so that it may be written anew inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace as with_values
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from sync.core import schedule as product
from sync.core.plans import Place
from sync.core.schedule import Schedule
from sync.core.values import Dependency, Ref, Task


def _same(value: Any) -> Any:
    return value


def _misread(
    *,
    task: Callable[[Task], Task] = _same,
    dependency: Callable[[Dependency], Dependency] = _same,
    place: Callable[[Place], Place] = _same,
) -> Callable[[], AbstractContextManager[None]]:
    """The schedule takes something for what it is not."""

    @contextmanager
    def broken() -> Iterator[None]:
        original = product.schedule

        def schedule(
            tasks: Mapping[Ref, Task], dependencies: Iterable[Dependency], place_of: Callable[[Task], Place]
        ) -> Schedule:
            return original(
                {ref: task(one) for ref, one in tasks.items()},
                [dependency(one) for one in dependencies],
                lambda one: place(place_of(tasks[one.ref])),
            )

        with patch.object(product, "schedule", schedule):
            yield

    return broken


def _without(**fields: Any) -> Callable[[], AbstractContextManager[None]]:
    """Something of every task is forgotten."""
    return _misread(task=lambda task: replace(task, **fields))


def _status(taken: str, for_one: str) -> Callable[[], AbstractContextManager[None]]:
    return _misread(task=lambda task: replace(task, status=for_one) if task.status == taken else task)


def _type(taken: str, for_one: str) -> Callable[[], AbstractContextManager[None]]:
    return _misread(dependency=lambda one: replace(one, type=for_one) if one.type == taken else one)


def _rounded_down(one: Dependency) -> Dependency:
    return replace(one, lag_minutes=one.lag_minutes - (239 if one.lag_unit == "working" else 719))


def _leads_rounded_away(one: Dependency) -> Dependency:
    return _rounded_down(one) if one.lag_minutes < 0 else one


def _calendar(**changes: Any) -> Callable[[], AbstractContextManager[None]]:
    return _misread(place=lambda place: Place(with_values(place.calendar, **changes), place.zone, place.today))


def _answers(question: str, answer: Callable[..., Any]) -> Callable[[], AbstractContextManager[None]]:
    """A finished schedule answers wrongly; ``answer`` gets the right answer first."""

    @contextmanager
    def broken() -> Iterator[None]:
        original = getattr(Schedule, question)

        def wrong(self: Schedule, *asked: Any, **more: Any) -> Any:
            return answer(original(self, *asked, **more), self, *asked)

        with patch.object(Schedule, question, wrong):
            yield

    return broken


SABOTAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "half_days_forgotten": _calendar(half_days=frozenset()),
    "make_up_days_forgotten": _calendar(extra_workdays=frozenset()),
    "holidays_forgotten": _calendar(days_off=frozenset()),
    "today_is_yesterday": _misread(place=lambda place: Place(place.calendar, place.zone, place.today - timedelta(days=1))),
    "zone_forgotten": _misread(place=lambda place: Place(place.calendar, ZoneInfo("UTC"), place.today)),
    "lag_rounded_down": _misread(dependency=_rounded_down),
    "lead_rounded_away_from_zero": _misread(dependency=_leads_rounded_away),
    "elapsed_taken_for_working": _misread(dependency=lambda one: replace(one, lag_unit="working")),
    "proposed_pushes": _misread(dependency=lambda one: replace(one, state="confirmed")),
    "start_to_start_waits_for_the_finish": _type("start_to_start", "finish_to_start"),
    "start_to_finish_waits_for_the_finish": _type("start_to_finish", "finish_to_finish"),
    "confidence_of_dependencies_forgotten": _misread(dependency=lambda one: replace(one, confidence=1.0)),
    "parents_forgotten": _without(parent=None),
    "estimates_forgotten": _without(estimate_minutes=None),
    "not_before_forgotten": _without(not_before=None),
    "must_start_forgotten": _without(must_start=None),
    "must_finish_forgotten": _without(must_finish=None),
    "finish_day_forgotten": _without(finished=None),
    "milestones_take_time": _misread(task=lambda task: replace(task, kind="work")),
    "started_is_moved": _status("in_progress", "todo"),
    "blocked_never_started": _misread(task=lambda task: replace(task, started=None) if task.status == "blocked" else task),
    "cancelled_pushes": _status("cancelled", "todo"),
    "unknown_is_pushed": _status("unknown", "todo"),
    "what_if_changes_nothing": _answers("what_if", lambda _, plan, *__: plan),
    "path_leaves_out_the_first": _answers("critical_path", lambda path, *_: path[-2:]),
    "drag_of_every_task_is_a_day": _answers("drag", lambda drag, *_: dict.fromkeys(drag, 1)),
    "no_weakest_dependency": _answers("weakest", lambda *_: None),
}  # fmt: skip
