"""What became of tasks, in our words, and what it tells of when they started and ended. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from sync.core.calendar import Calendar
from sync.core.values import Ref, Status, Task


class StatusChange(Struct, frozen=True, gc=False):
    """A task went from one of our statuses to another; ``unknown`` is a vendor's word that no mapping names. ``at`` is aware UTC."""

    ref: Ref
    before: Status
    after: Status
    at: datetime
    by: Ref | None = None


class DueChange(Struct, frozen=True, gc=False):
    """A task's due date went from one day to another (None: there was none), as its mapping reads dates. ``at`` is aware UTC."""

    ref: Ref
    before: date | None
    after: date | None
    at: datetime
    by: Ref | None = None


class History(Struct, frozen=True):
    """What the tools' own histories tell of tasks."""

    statuses: Sequence[StatusChange] = ()
    dues: Sequence[DueChange] = ()


def with_history(tasks: Iterable[Task], changes: Iterable[StatusChange]) -> list[Task]:
    """The tasks with ``started`` (first in progress) and, for done ones, ``finished`` (last done) as the changes tell, where the mapping
    says neither. Independent of the changes' order."""
    started: dict[Ref, datetime] = {}
    finished: dict[Ref, datetime] = {}
    for change in changes:
        if change.after == "in_progress":
            started[change.ref] = min(change.at, started.get(change.ref, change.at))
        if change.after == "done":
            finished[change.ref] = max(change.at, finished.get(change.ref, change.at))
    return [
        replace(
            task,
            started=task.started or started.get(task.ref),
            finished=task.finished or (finished.get(task.ref) if task.status == "done" else None),
        )
        if task.ref in started or task.ref in finished
        else task
        for task in tasks
    ]


NEAR = 5  # F1 of docs/forecast.md: working days


def first_due(due: date | None, changes: Iterable[DueChange], calendar: Calendar, zone: ZoneInfo) -> date | None:
    """F1: the due date that a task's lateness counts from, by the changes of its due date: the first that was let go, which is moved
    later, or taken away, when it was ``NEAR`` or gone by; else the one that stands. One that was corrected on the day it was set, or was
    gone by when it was set, was a slip of the pen. ``calendar`` and ``zone`` are where it is worked on."""
    set_at: datetime | None = None
    for change in sorted(changes, key=lambda change: change.at):
        was, now, stood_from = change.before, change.after, set_at
        set_at = change.at
        if was is None or (now is not None and now < was):
            continue
        on, first_on = (instant.astimezone(zone).date() if instant else None for instant in (change.at, stood_from))
        is_slip_of_pen = first_on is not None and (first_on == on or was < first_on)
        if on and on >= calendar.add_workdays(was, -NEAR) and not is_slip_of_pen:
            return was
    return due
