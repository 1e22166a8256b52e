"""Which dependencies between departments are late, and which of them have news since the first day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from sync.core.baseline import BaselinePair, is_news
from sync.core.plan import Published
from sync.core.schedule import Schedule
from sync.core.values import Dependency, Language, Ref, Task, ends_of
from sync.core.view import View

NAME = "delays"
ENDED = ("done", "cancelled")


class DelayRoom(Struct, frozen=True, forbid_unknown_fields=True):
    """A chat room that hears of delays: of all, or of those that one of ``departments`` (their keys) has a part in. ``room`` is the
    vendor's id of a group chat, or the robot's name. Without a language it speaks its connection's.
    """

    connection: str
    room: str
    departments: tuple[str, ...] = ()
    language: Language | None = None

    @property
    def target(self) -> Ref:
        return Ref.of(self.connection, "room", self.room)


class DelaySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``jobs.delays`` in tieline.yaml. A delay below ``min_slip_days`` working days is not worth a comment.
    ``due_soon_days``: how many working days before its date somebody who is waited for hears of it; ``silent_days``: after how many
    without any movement a task that others wait for counts as silent. ``forecast``: tells what will likely be late by a department's own
    history before anything is late.
    """

    min_slip_days: Annotated[int, Meta(ge=1)] = 1
    critical_slip_days: Annotated[int, Meta(ge=1)] = 5
    due_soon_days: Annotated[int, Meta(ge=0)] = 2
    silent_days: Annotated[int, Meta(ge=1)] = 5
    is_linking: bool = True
    is_commenting: bool = True
    rooms: tuple[DelayRoom, ...] = ()
    forecast: bool = True


@dataclass(frozen=True)
class Delay:
    """One late dependency: the successor cannot start (or finish) as planned. ``slip_days`` are working days of the successor.

    ``is_open_ended``: the predecessor, or what it waits for, is past due without a new date, so days cannot be told and are not.
    ``awaited`` is the predecessor's day that counts: its forecast finish, or its start where only that is waited for.
    """

    dependency: Dependency
    predecessor: Task
    successor: Task
    planned: date
    expected: date
    slip_days: int
    is_open_ended: bool
    is_about_start: bool
    awaited: date | None
    is_past_due: bool

    @property
    def is_after_start(self) -> bool:
        return self.dependency.type.startswith("start")


def crossing(view: View) -> Iterator[Dependency]:
    """The dependencies between tasks of two departments, in the order of their keys."""
    for dependency in sorted(view.dependencies, key=lambda item: item.key):
        before, after = view.tasks.get(dependency.predecessor), view.tasks.get(dependency.successor)
        if before and after and before.department and after.department and before.department != after.department:
            yield dependency


def delay_of(view: View, plan: Schedule, dependency: Dependency, settings: DelaySettings) -> Delay | None:
    """The delay of one dependency, judged on its own edge."""
    before, after = view.tasks[dependency.predecessor], view.tasks[dependency.successor]
    forecast, bound = plan.forecasts[before.ref], bound_of(view, plan, dependency)
    if bound is None:
        return None
    planned, expected, is_about_start = bound
    days = plan.workdays_between(after.ref, planned, expected)
    if days < settings.min_slip_days:
        return None
    is_open, is_past_due = forecast.is_open_ended, plan.is_overdue(before.ref)
    awaited = forecast.start if dependency.type.startswith("start") else forecast.finish
    return Delay(dependency, before, after, planned, expected, days, is_open, is_about_start, awaited, is_past_due)


def bound_of(view: View, plan: Schedule, dependency: Dependency) -> tuple[date, date, bool] | None:
    """The successor's planned day, the earliest that the predecessor allows, and whether it is its start.

    None where nothing can be judged: a date is missing, either end has ended or its status is unknown, or both are in a cycle.
    """
    before, after = view.tasks[dependency.predecessor], view.tasks[dependency.successor]
    if before.status in (*ENDED, "unknown") or after.status in (*ENDED, "unknown") or is_cut(plan, dependency):
        return None
    bound, forecast = plan.bound(dependency), plan.forecasts[after.ref]
    if bound is None or (bound.is_about_start and plan.has_started(after.ref)):  # S9
        return None
    planned = forecast.planned_start if bound.is_about_start else forecast.planned_finish
    return (planned, bound.day, bound.is_about_start) if planned else None


def is_cut(plan: Schedule, dependency: Dependency) -> bool:
    """True for a dependency inside a cycle: the schedule ignores it, so nothing is said about it but the cycle itself."""
    return any(dependency.predecessor in cycle and dependency.successor in cycle for cycle in plan.cycles)


def spoken_of(published: Mapping[str, Published]) -> Set[str]:
    """The keys of the dependencies of which something of ours stands, or stood until a person took it back."""
    prefixes = (f"{NAME}:link:", f"{NAME}:comment:", f"{NAME}:notice:")
    return {
        key.removeprefix(prefix).rpartition("@")[0]
        for key in published
        for prefix in prefixes
        if key.startswith(prefix)
    }


def is_speaking(
    view: View, dependency: Dependency, delay: Delay | None, spoken: Set[str], settings: DelaySettings
) -> bool:
    """False for a pair of the first day to which nothing happened since, and for all while that day has not come."""
    if view.baseline is None or dependency.key in spoken:
        return True
    if not view.baseline.is_taken:
        return False
    then = view.baseline.pairs.get(dependency.key)
    return then is None or (delay is not None and is_news(pair_from_delay(delay), then, settings.min_slip_days))


def pair_from_delay(delay: Delay) -> BaselinePair:
    """How a late pair stands today."""
    return BaselinePair(
        key=delay.dependency.key,
        is_late=True,
        planned=delay.planned,
        expected=None if delay.is_open_ended else delay.expected,
        slip_days=delay.slip_days,
        is_open_ended=delay.is_open_ended,
        is_about_start=delay.is_about_start,
        is_after_start=delay.is_after_start,
        is_past_due=delay.is_past_due,
        awaited=None if delay.is_open_ended else delay.awaited,
        due=delay.predecessor.due,
    )


def pairs_to_remember(
    view: View, delays: Mapping[str, Delay], on_plan: Set[str], confirmed: Set[str]
) -> Iterator[BaselinePair]:
    """Before the first day every pair as it stands; after it those that were late then and are over now. Nothing on stale data."""
    if view.baseline is None:
        return
    if not view.baseline.is_taken:
        for key in sorted(confirmed):
            yield pair_from_delay(delays[key]) if key in delays else BaselinePair(key, is_late=False)
        return
    states = {dependency.key: dependency.state for dependency in view.dependencies}
    for key, then in view.baseline.pairs.items():
        before, after = (view.tasks.get(ref) for ref in ends_of(key))
        if not then.is_late or then.is_over or before is None or after is None or key in delays:
            continue
        is_over = (
            key in on_plan
            or states.get(key, "rejected") == "rejected"
            or bool({before.status, after.status} & set(ENDED))
        )
        if is_over and view.is_fresh(before.ref.connection, after.ref.connection):
            yield replace(then, is_over=True)
