"""What each task says of itself, as columns of halves: its own plan and what is known of it (S2 to S4, S9 to S13). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from sync.core.calendar import Calendar
from sync.core.half_days import (
    BEFORE_FIRST,
    DAYS,
    MINUTES_A_HALF,
    NONE,
    ROW,
    SENSIBLE,
    SPAN,
    HalfDays,
    half_days_of,
    halves_from_minutes,
)
from sync.core.values import Ref, Task

Halves = NDArray[np.int64]
Flags = NDArray[np.bool_]
STATUSES = ("todo", "in_progress", "blocked", "done", "cancelled", "unknown")
TODO, IN_PROGRESS, BLOCKED, DONE, CANCELLED, UNKNOWN = range(6)


class Place(Struct, frozen=True):
    """Where a task is worked on: its calendar and zone, and the date that people read on their wall there."""

    calendar: Calendar
    zone: ZoneInfo
    today: date


PlaceOf = Callable[[Task], Place]


@dataclass(frozen=True)
class Plans:
    """A column per fact, a row per task. ``plan_*`` is the task's own plan (S2); ``first`` and ``last`` are where it stands before anything
    pushes it; ``row`` is where its calendar's tables begin, ``day_row`` the same for workdays. -1 is none.
    """

    refs: list[Ref]
    tables: HalfDays
    row: Halves
    day_row: Halves
    plan_first: Halves
    plan_last: Halves
    takes: Halves
    first: Halves
    last: Halves
    not_before: Halves
    must_start: Halves  # a bound on the late start; none without
    deadline: Halves  # the due date's afternoon (S18); none without
    today: Halves  # this morning
    overdue_last: Halves  # where it ends at the earliest when it is past due (S8)
    sureness: NDArray[np.float64]
    is_milestone: Flags
    is_started: Flags
    is_movable: Flags  # neither ended nor of unknown status
    is_cancelled: Flags
    is_promised: Flags  # it has ``must_finish``
    is_known: Flags  # it has a plan, or is done on a known day
    parent: Halves


@dataclass(frozen=True)
class _Said:
    """What the tools say, as columns: mornings of dates, halves of an estimate."""

    start: Halves
    due: Halves
    must_start: Halves
    must_finish: Halves
    not_before: Halves
    started: Halves
    finished: Halves
    estimate: Halves


def plans_of(tasks: Mapping[Ref, Task], place_of: PlaceOf) -> Plans:
    """The columns of these tasks, in the order given."""
    items = list(tasks.values())
    places, numbers = _places(items, place_of)
    tables = half_days_of(tuple(place.calendar for place in places))
    calendars = 1 + np.array(numbers, dtype=np.int64)
    row = calendars * ROW
    today = np.array([2 * (place.today.toordinal() - BEFORE_FIRST) for place in places], dtype=np.int64)[numbers]
    status = np.array([STATUSES.index(item.status) for item in items], dtype=np.int8)
    is_milestone = np.array([item.kind == "milestone" for item in items], dtype=np.bool_)
    said = _said(items, [places[number].zone for number in numbers])
    plan = _plan(said, is_milestone, tables, row)
    has_begun = np.array([item.started is not None for item in items], dtype=np.bool_)
    is_done, is_started = status == DONE, (status == IN_PROGRESS) | ((status == BLOCKED) & has_begun)
    first, last = _standing(said, plan, is_done, is_started, is_milestone)
    return Plans(
        refs=list(tasks),
        tables=tables,
        row=row,
        day_row=calendars * DAYS,
        plan_first=plan.first,
        plan_last=plan.last,
        takes=plan.takes,
        first=first,
        last=last,
        not_before=_not_before(said, is_milestone, tables, row),
        must_start=np.where((said.must_start >= 0) & ~is_milestone, plan.first, NONE),
        deadline=np.where(plan.due >= 0, plan.due + 1, NONE),
        today=today,
        overdue_last=_first_worked(tables, row, today) // 2 * 2 + 1,
        sureness=np.where(is_done & (said.finished >= 0), 1.0, plan.sureness),
        is_milestone=is_milestone,
        is_started=is_started,
        is_movable=status <= BLOCKED,
        is_cancelled=status == CANCELLED,
        is_promised=said.must_finish >= 0,
        is_known=(plan.last >= 0) | (is_done & (said.finished >= 0)),
        parent=_parents(tasks),
    )


def _parents(tasks: Mapping[Ref, Task]) -> Halves:
    parents = [item.parent for item in tasks.values()]
    if not any(parents):
        return np.full(len(parents), NONE, dtype=np.int64)
    index = {ref: number for number, ref in enumerate(tasks)}
    return np.array([NONE if parent is None else index.get(parent, NONE) for parent in parents], dtype=np.int64)


def _places(items: Sequence[Task], place_of: PlaceOf) -> tuple[list[Place], list[int]]:
    known: dict[int, int] = {}
    places: list[Place] = []
    numbers = []
    for item in items:
        place = place_of(item)
        number = known.setdefault(id(place), len(places))
        if number == len(places):
            places.append(place)
        numbers.append(number)
    return places, numbers


def _said(items: Sequence[Task], zones: Sequence[ZoneInfo]) -> _Said:
    estimates = np.array([item.estimate_minutes or 0 for item in items], dtype=np.int64)
    return _Said(
        start=_mornings([item.start for item in items]),
        due=_mornings([item.due for item in items]),
        must_start=_mornings([item.must_start for item in items]),
        must_finish=_mornings([item.must_finish for item in items]),
        not_before=_mornings([item.not_before for item in items]),
        started=_mornings(_days([item.started for item in items], zones)),
        finished=_mornings(_days([item.finished for item in items], zones)),
        estimate=halves_from_minutes(estimates, MINUTES_A_HALF),
    )


def _days(instants: Sequence[datetime | None], zones: Sequence[ZoneInfo]) -> list[date | None]:
    pairs = zip(instants, zones, strict=True)
    return [instant.astimezone(zone).date() if instant else None for instant, zone in pairs]


def _mornings(days: Sequence[date | None]) -> Halves:
    if not any(days):  # as most columns are
        return np.full(len(days), NONE, dtype=np.int64)
    numbers = np.array([day.toordinal() if day else 0 for day in days], dtype=np.int64)
    is_sensible = (numbers >= SENSIBLE[0]) & (numbers <= SENSIBLE[1])
    return np.where(is_sensible, 2 * (numbers - BEFORE_FIRST), NONE)


@dataclass(frozen=True)
class _Plan:
    first: Halves
    last: Halves
    takes: Halves
    due: Halves  # the morning of the due date that counts, a milestone's start where it has none
    sureness: NDArray[np.float64]


def _plan(said: _Said, is_milestone: Flags, tables: HalfDays, row: Halves) -> _Plan:
    """S2, S13: a task's own two ends, and the worked halves that it takes."""
    start = np.where(said.must_start >= 0, said.must_start, said.start)
    due = np.where(said.must_finish >= 0, said.must_finish, said.due)
    start = np.where((due >= 0) & (start > due), due, start)
    has_start, has_due, has_estimate = start >= 0, due >= 0, said.estimate > 0
    takes = np.where(has_estimate, said.estimate, 2)

    first = _first_worked(tables, row, start)
    first = np.where(has_due & (first > due + 1), start, first)
    last = due + 1
    between = _worked(tables, row, last + 1) - _worked(tables, row, first)
    takes = np.where(has_start & has_due, np.where(between > 0, between, 2), takes)

    until_due = _worked(tables, row, last + 1)  # with the due date alone: back from the last worked half
    day_of_last = _at(tables, row, until_due - 1) // 2 * 2
    back = np.where(has_estimate, _at(tables, row, until_due - takes), _first_worked(tables, row, day_of_last))
    first = np.where(has_start, first, np.where(has_due, back, NONE))
    of_day = until_due - _worked(tables, row, day_of_last)
    takes = np.where(~has_start & has_due & ~has_estimate, of_day, takes)

    of_first = _worked(tables, row, first // 2 * 2 + 2) - _worked(tables, row, first)  # with the start alone
    takes = np.where(has_start & ~has_due & ~has_estimate, of_first, takes)
    forth = _at(tables, row, _worked(tables, row, first) + takes - 1) // 2 * 2 + 1
    last = np.where(has_due, last, np.where(has_start, forth, NONE))

    point = np.where(has_due, due + 1, np.where(has_start, start + 1, NONE))
    sureness = np.select(
        [has_start & has_due, (has_start | has_due) & is_milestone, (has_start | has_due) & has_estimate, has_start | has_due],
        [1.0, 1.0, 0.7, 0.5],
        0.3,
    )  # fmt: skip
    return _Plan(
        first=np.where(is_milestone, point, first),
        last=np.where(is_milestone, point, last),
        takes=np.where(is_milestone, 0, takes),
        due=np.where(~has_due & is_milestone, start, due),
        sureness=sureness,
    )


def _standing(
    said: _Said, plan: _Plan, is_done: Flags, is_started: Flags, is_milestone: Flags
) -> tuple[Halves, Halves]:
    """S3, S2 of what has started: where a task stands before anything pushes it."""
    has_begun = said.started >= 0
    is_running = is_started & has_begun & ~is_milestone
    first = np.where(is_running, said.started, plan.first)
    last = np.where(is_running & (plan.last >= 0), np.maximum(plan.last, said.started + 1), plan.last)
    ended = np.where(said.finished >= 0, said.finished + 1, plan.last)
    began = np.where(has_begun, said.started, plan.first)
    morning = ended // 2 * 2
    began = np.where(ended < 0, began, np.where(began < 0, morning, np.minimum(began, morning)))
    first, last = np.where(is_done, began, first), np.where(is_done, ended, last)
    return np.where(is_milestone, last, first), last


def _not_before(said: _Said, is_milestone: Flags, tables: HalfDays, row: Halves) -> Halves:
    """S12: the bound that a fixed earliest date gives."""
    bound = _first_worked(tables, row, said.not_before)
    return np.where(said.not_before < 0, NONE, np.where(is_milestone, bound // 2 * 2 + 1, bound))


def _worked(tables: HalfDays, row: Halves, half: Halves) -> Any:
    return tables.worked[row + np.clip(half, 0, SPAN)].astype(np.int64)


def _at(tables: HalfDays, row: Halves, number: Halves) -> Any:
    return tables.at[row + np.clip(number, 0, SPAN)].astype(np.int64)


def _first_worked(tables: HalfDays, row: Halves, half: Halves) -> Any:
    return np.where(half < 0, NONE, _at(tables, row, _worked(tables, row, half)))


def with_task(plans: Plans, index: int, task: Task, place_of: PlaceOf) -> Plans:
    """The same columns with another task of the same ref, place and parent at this index."""
    own = plans_of({task.ref: task}, place_of)
    columns = dict(vars(plans))
    for name, column in columns.items():
        if isinstance(column, np.ndarray) and name not in ("row", "day_row", "parent"):
            columns[name] = column.copy()
            columns[name][index] = getattr(own, name)[0]
    return Plans(**columns)
