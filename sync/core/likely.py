"""When an open task will likely be done, told by what its department really did: P50 and P85 finish days.

Pure and exact: nothing is drawn at random. The rules are written out in docs/forecast.md, numbered as here (F1 …). Inside, days are
numbers: working days of the task's department since a day long ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Literal

from msgspec import Struct

from sync.core.calendar import Calendar
from sync.core.hindsight import share_that_held
from sync.core.history import DueChange, History, first_due, with_history
from sync.core.plans import PlaceOf
from sync.core.schedule import place_for
from sync.core.values import Ref, Task
from sync.core.view import View
from sync.core.watched import ENOUGH, WINDOW, Curve, Watched

OPEN = ("todo", "in_progress", "blocked")
HALF = 0.5  # F6: the share still open at P50
MOST = 2 / 3  # F10: the share still open on the day by which a third were done
_LONG_AGO = date(2000, 1, 3)

Basis = Literal["department", "connection", "plan"]
Reason = Literal["lateness", "age", "thin", "beyond", "unsteady", "no_dates", "not_open"]
Scale = Literal["lateness", "age"]
Group = tuple[str, str, Scale]  # a department's ref or a connection's name, the kind of task, the scale


class Likely(Struct, frozen=True):
    """The days by which half, and 85 of 100, of such tasks were done, and whose history says so.

    ``sample`` counts the ended tasks it rests on. With basis ``plan`` no history stands behind it: ``p50`` is the plain rule's day (the
    due date, or today when that is past), ``p85`` is None, and ``reason`` says why: ``thin`` (too few ended), ``beyond`` (too few of those
    ever open for so long ended within a year), ``unsteady`` (what the history said before did not hold), ``no_dates``, ``not_open``.
    ``counts_from`` is the due date that was let go and that lateness counts from instead of the present one (F1), if any.
    """

    p50: date | None
    p85: date | None
    basis: Basis
    sample: int
    reason: Reason
    counts_from: date | None = None


class _Numbers(dict[date, int]):
    """F2: the days of a calendar as numbers of working days; a day off counts as the next one. Each is counted when it is needed."""

    def __init__(self, calendar: Calendar) -> None:
        super().__init__()
        self._calendar = calendar

    def __missing__(self, day: date) -> int:
        self[day] = number = self._calendar.workdays_between(_LONG_AGO, self._calendar.next_workday(day))
        return number


class Past:
    """What all tasks did in the last year, as curves by department and by connection. Made once per view; a curve at first need."""

    def __init__(self, tasks: Iterable[Task], place_of: PlaceOf, let_go: Mapping[Ref, date] | None = None) -> None:
        """``let_go`` are the due dates that lateness counts from where those that stand were moved (F1)."""
        self._place_of, self._let_go = place_of, let_go or {}
        self.tasks: dict[Ref, Task] = {task.ref: task for task in tasks}
        self._numbers: dict[str, _Numbers] = {}
        self._days: dict[tuple[str, date, int], date] = {}
        self._seen: dict[tuple[Ref, Scale], Watched | None] = {}
        self._tasks: dict[tuple[str, str], list[Task]] = {}
        self._members: dict[Group, list[Watched]] = {}
        self._curves: dict[Group, Curve] = {}
        self._shares: dict[Group, float | None] = {}
        for task in self.tasks.values():
            for name in {str(task.department or ""), task.ref.connection} - {""}:
                self._tasks.setdefault((name, task.kind), []).append(task)

    def curve(self, group: Group) -> Curve:
        """The curve of one department (its ref) or connection (its name)."""
        if group not in self._curves:
            self._curves[group] = Curve(item.spell() for item in self._watched_of(group))
        return self._curves[group]

    def place(self, task: Task, scale: Scale) -> Watched | None:
        """An open task on its scale (F1, F2); None where it has no day to count from."""
        item = self._watched(task, scale)
        return item if item and (scale == "lateness" or item.origin <= item.today) else None

    def day(self, task: Task, number: int) -> date:
        """The date of a working day, today or later."""
        place = self._place_of(task)
        key = (place.calendar.name, place.today, number)
        if key not in self._days:
            ahead = number - self._numbers_of(place.calendar)[place.today]
            self._days[key] = place.calendar.add_workdays(place.calendar.next_workday(place.today), ahead)
        return self._days[key]

    def scale(self, task: Task) -> Scale:
        """F1: what a task is compared by."""
        return "lateness" if self._due(task) else "age"

    def plain_day(self, task: Task) -> date | None:
        """F9: the plain rule's day: the due date, or today when that is past (S8)."""
        place = self._place_of(task)
        return max(task.due, place.calendar.next_workday(place.today)) if task.due else None

    def share(self, group: Group) -> float | None:
        """F8: which share may still be open on the day that is called P85; None where this group's forecasts did not hold."""
        if group not in self._shares:
            self._shares[group] = share_that_held(self._watched_of(group))
        return self._shares[group]

    def let_go(self, task: Task) -> date | None:
        """F1: the due date that its lateness counts from instead of the present one; None where that is the one."""
        return self._let_go.get(task.ref)

    def _due(self, task: Task) -> date | None:
        return self.let_go(task) or task.due

    def _watched_of(self, group: Group) -> list[Watched]:
        if group not in self._members:
            name, kind, scale = group
            found = (self._watched(task, scale) for task in self._tasks.get((name, kind), ()))
            self._members[group] = [item for item in found if item]
        return self._members[group]

    def _watched(self, task: Task, scale: Scale) -> Watched | None:
        if self.tasks.get(task.ref) is not task:
            return self._made(task, scale)
        key = (task.ref, scale)
        if key not in self._seen:
            self._seen[key] = self._made(task, scale)
        return self._seen[key]

    def _made(self, task: Task, scale: Scale) -> Watched | None:
        """F3: a task as far as it tells something: it is open, or it is known when it ended; None otherwise."""
        place, is_open = self._place_of(task), task.status in OPEN
        ended = task.finished.astimezone(place.zone).date() if task.finished and not is_open else None
        begun = task.started.astimezone(place.zone).date() if task.started else task.start
        origin = self._due(task) if scale == "lateness" else begun
        if origin is None or task.status == "unknown" or (ended is None and not is_open):
            return None
        number = self._numbers_of(place.calendar)
        return Watched(
            number[origin],
            number[begun] if begun else None,
            number[ended] if ended else None,
            task.status == "cancelled",
            number[place.today],
        )

    def _numbers_of(self, calendar: Calendar) -> _Numbers:
        if calendar.name not in self._numbers:
            self._numbers[calendar.name] = _Numbers(calendar)
        return self._numbers[calendar.name]


def past_of(view: View, history: History | None = None) -> Past:
    """The history that a view holds, as of the moment it was taken, with what the tools' histories tell of starts and ends (F3) and of
    moved due dates (F1)."""
    history, place_of = history or History(), place_for(view)
    tasks = with_history(view.tasks.values(), history.statuses)
    return Past(tasks, place_of, dict(_let_go(view.tasks, history.dues, place_of)))


def _let_go(tasks: Mapping[Ref, Task], dues: Iterable[DueChange], place_of: PlaceOf) -> Iterator[tuple[Ref, date]]:
    """F1: the due dates that lateness counts from, of the tasks whose due date was moved."""
    moved: dict[Ref, list[DueChange]] = {}
    for change in dues:
        moved.setdefault(change.ref, []).append(change)
    for ref, changes in moved.items():
        if task := tasks.get(ref):
            place = place_of(task)
            due = first_due(task.due, changes, place.calendar, place.zone)
            if due and due != task.due:
                yield ref, due


def likely_finish(past: Past, task: Task) -> Likely:
    """When an open task will likely be done: by its department's history, else its connection's, else by the plain rule (F9).

    Of a task that the past knows, what the past knows of it counts.
    """
    task = past.tasks.get(task.ref, task)
    if task.status not in OPEN:
        return Likely(None, None, "plan", 0, "not_open")
    scale = past.scale(task)
    place = past.place(task, scale)
    if place is None:
        return Likely(past.plain_day(task), None, "plan", 0, "no_dates")
    reason: Reason = "thin"
    sample = 0
    levels: tuple[tuple[Basis, str], ...] = (
        ("department", str(task.department or "")),
        ("connection", task.ref.connection),
    )
    for basis, name in levels:
        group = (name, task.kind, scale)
        ended = past.curve(group).ended
        sample = max(sample, ended)
        if ended < ENOUGH:
            continue
        share = past.share(group)
        if share and (found := _on_curve(past.curve(group), place, share)):
            half, most = (past.day(task, place.origin + position) for position in found)
            return Likely(half, most, basis, ended, scale, past.let_go(task))
        reason = "beyond" if share else "unsteady"
    return Likely(past.plain_day(task), None, "plan", sample, reason)


def early_finish(past: Past, task: Task, likely: Likely, share: float = MOST) -> date | None:
    """F10: the day by which only this share of such tasks was open, by the history that ``likely`` rests on; None where none speaks."""
    task = past.tasks.get(task.ref, task)
    scale = past.scale(task)
    place = past.place(task, scale) if likely.basis != "plan" else None
    if place is None:
        return None
    name = str(task.department) if likely.basis == "department" else task.ref.connection
    curve = past.curve((name, task.kind, scale))
    start = curve.comparable_from(place.today - place.origin)
    position = None if start is None else curve.quantiles(start, share)[0]
    return None if position is None else past.day(task, place.origin + position)


def _on_curve(curve: Curve, place: Watched, share: float) -> tuple[int, int] | None:
    """P50 and P85 as positions; None where too few tasks were open at the same one, too many never ended, or a year does not reach (F7)."""
    start = curve.comparable_from(place.today - place.origin)
    if start is None:
        return None
    half, most = curve.quantiles(start, HALF, share)
    if half is None or most is None or place.origin + most > place.today + WINDOW:
        return None
    return half, most
