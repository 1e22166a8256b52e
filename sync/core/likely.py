"""When an open task will likely be done, told by what its department really did: P50 and P85 finish days.

Pure and exact: nothing is drawn at random. The rules are written out in docs/forecast.md, numbered as here (F1 …). Inside, days are
numbers: working days of the task's department since a day long ago.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from sync.core.history import StatusChange, with_history
from sync.core.schedule import CalendarOf, calendar_for
from sync.core.values import Ref, Task
from sync.core.view import View

OPEN = ("todo", "in_progress", "blocked")
WINDOW = 250  # F4: working days; what happened longer ago tells nothing
ENOUGH = 20  # F7: so many must have ended, and so many must have been open at the same position
HALF = 0.5  # F6: the share still open at P50
SHARES = (0.15, 0.1, 0.05)  # F6, F8: the share still open at P85, and what is tried where that did not hold
HELD = 0.8  # F8: so often must P85 have held
ENOUGH_TESTED = 20  # F8: of fewer forecasts nothing is concluded
TESTED_AGO = range(20, WINDOW, 20)  # F8: working days
_NEARLY = 1e-9  # products of fractions miss their exact value by this at most
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
    """

    p50: date | None
    p85: date | None
    basis: Basis
    sample: int
    reason: Reason


class Spell(Struct, frozen=True, gc=False):
    """A task as watched on a scale: open from position ``entry`` through ``exit``, on which it ended or not."""

    entry: int
    exit: int
    is_end: bool


class Curve:
    """F5: how long tasks stay open, by Kaplan and Meier: who entered late or has not ended counts for as long as it was watched.

    F6: one task more than there is, which never ends, stands beside them: so the quantiles hold for the *next* task and not only
    for those seen.
    """

    def __init__(self, spells: Iterable[Spell]) -> None:
        watched = [item for item in spells if item.entry <= item.exit]
        self._entries = sorted(item.entry for item in watched)
        self._exits = sorted(item.exit for item in watched)
        ends: dict[int, int] = {}
        for item in watched:
            if item.is_end:
                ends[item.exit] = ends.get(item.exit, 0) + 1
        self._ends = sorted(ends.items())
        self.ended = sum(ends.values())
        self._found: dict[tuple[int, tuple[float, ...]], tuple[int | None, ...]] = {}

    def open_at(self, position: int) -> int:
        """How many tasks were watched and still open when this position began."""
        return bisect_right(self._entries, position) - bisect_left(self._exits, position)

    def comparable_from(self, position: int) -> int | None:
        """F7: the position itself when enough tasks were open at it; before the due date, else the first such position up to it;
        None when there is none."""
        steps = (position, *self._entries[bisect_right(self._entries, position) : bisect_right(self._entries, 0)])
        return next((step for step in steps if self.open_at(step) >= ENOUGH), None)

    def quantiles(self, position: int, *shares: float) -> tuple[int | None, ...]:
        """The first positions at which no more than these shares (falling) of what is open at ``position`` are still open; None: never."""
        if (position, shares) not in self._found:
            self._found[position, shares] = self._quantiles(position, shares)
        return self._found[position, shares]

    def _quantiles(self, position: int, shares: tuple[float, ...]) -> tuple[int | None, ...]:
        found: list[int | None] = []
        left = 1.0
        for place, count in self._ends[bisect_left(self._ends, (position, 0)) :]:
            left *= 1 - count / (self.open_at(place) + 1)
            while len(found) < len(shares) and left <= shares[len(found)] + _NEARLY:
                found.append(place)
            if len(found) == len(shares):
                break
        return (*found, *[None] * (len(shares) - len(found)))


class Watched(Struct, frozen=True, gc=False):
    """A task on a scale, in working days: the one it counts from, since when it was there, when it ended, and today."""

    origin: int
    begun: int | None
    ended: int | None
    is_cancelled: bool
    today: int

    def is_open(self, ago: int) -> bool:
        """True when it was there and open so many working days ago, and was not called off since."""
        day = self.today - ago
        is_there = self.begun is None or self.begun <= day
        return is_there and not self.is_cancelled and (self.ended is None or self.ended >= day)

    def spell(self, ago: int) -> Spell:
        """F4: as it was watched for a year through the day before; empty when it was not."""
        today = self.today - ago
        is_past = self.ended is not None and self.ended < today
        last = self.ended if self.ended is not None and is_past else today
        is_end = is_past and not self.is_cancelled
        begun = today - WINDOW if self.begun is None else max(today - WINDOW, min(self.begun, last))
        # Through the day on which it ended; what is open, or was called off, through the day before.
        return Spell(begun - self.origin, last - self.origin - (not is_end), is_end)


class Past:
    """What all tasks did in the last year, as curves by department and by connection. Made once per view; a curve at first need."""

    def __init__(
        self,
        tasks: Iterable[Task],
        calendar_of: CalendarOf,
        today_of: Callable[[Task], date],
        day_of: Callable[[Task, datetime], date],
    ) -> None:
        """``today_of`` gives a task's local today, ``day_of`` the local date of an instant."""
        self._calendar_of, self._today_of, self._day_of = calendar_of, today_of, day_of
        self.tasks: dict[Ref, Task] = {task.ref: task for task in tasks}
        self._numbers: dict[tuple[str, date], int] = {}
        self._members: dict[Group, list[Watched]] = {}
        self._curves: dict[tuple[Group, int], Curve] = {}
        self._shares: dict[Group, float | None] = {}
        scales: tuple[Scale, ...] = ("lateness", "age")
        for task in self.tasks.values():
            for scale in scales:
                if item := self._watched(task, scale):
                    for name in {str(task.department or ""), task.ref.connection} - {""}:
                        self._members.setdefault((name, task.kind, scale), []).append(item)

    def curve(self, group: Group, ago: int = 0) -> Curve:
        """The curve of one department (its ref) or connection (its name), as it was known so many working days ago."""
        if (group, ago) not in self._curves:
            self._curves[group, ago] = Curve(item.spell(ago) for item in self._members.get(group, ()))
        return self._curves[group, ago]

    def place(self, task: Task, scale: Scale) -> Watched | None:
        """An open task on its scale (F1, F2); None where it has no day to count from."""
        item = self._watched(task, scale)
        return item if item and (scale == "lateness" or item.origin <= item.today) else None

    def day(self, task: Task, number: int) -> date:
        """The date of a working day, today or later."""
        calendar, today = self._calendar_of(task), self._today_of(task)
        return calendar.add_workdays(calendar.next_workday(today), number - self._number(task, today))

    def plain_day(self, task: Task) -> date | None:
        """F9: the plain rule's day: the due date, or today when that is past (S8)."""
        return max(task.due, self._calendar_of(task).next_workday(self._today_of(task))) if task.due else None

    def share(self, group: Group) -> float | None:
        """F8: which share may still be open on the day that is called P85, so that this group's forecasts of the last year held;
        None when none does."""
        if group not in self._shares:
            tested = self._tested(group)
            held = (
                share for share, hits in tested.items() if len(hits) < ENOUGH_TESTED or sum(hits) >= HELD * len(hits)
            )
            self._shares[group] = next(held, None)
        return self._shares[group]

    def _tested(self, group: Group) -> dict[float, list[bool]]:
        """F8: for each share, whether what would have been said was so. Only what was to have ended by yesterday is asked: else what
        ended early would count, and what has time left would not."""
        tested: dict[float, list[bool]] = {share: [] for share in SHARES}
        for ago in TESTED_AGO:
            curve = self.curve(group, ago)
            is_thin = curve.ended < ENOUGH
            for item in () if is_thin else self._members.get(group, ()):
                start = curve.comparable_from(item.today - ago - item.origin) if item.is_open(ago) else None
                for share, place in zip(
                    SHARES, curve.quantiles(start, *SHARES) if start is not None else (), strict=False
                ):
                    if place is not None and item.origin + place < item.today:
                        tested[share].append(item.ended is not None and item.ended <= item.origin + place)
        return tested

    def _watched(self, task: Task, scale: Scale) -> Watched | None:
        """F3: a task as far as it tells something: it is open, or it is known when it ended; None otherwise."""
        is_open = task.status in OPEN
        ended = self._day_of(task, task.finished) if task.finished and not is_open else None
        begun = self._day_of(task, task.started) if task.started else task.start
        origin = task.due if scale == "lateness" else begun
        if origin is None or task.status == "unknown" or (ended is None and not is_open):
            return None
        return Watched(
            self._number(task, origin),
            self._number(task, begun) if begun else None,
            self._number(task, ended) if ended else None,
            task.status == "cancelled",
            self._number(task, self._today_of(task)),
        )

    def _number(self, task: Task, day: date) -> int:
        """F2: a day as a number of working days; a day off counts as the next working day."""
        calendar = self._calendar_of(task)
        key = (calendar.name, day)
        if key not in self._numbers:
            self._numbers[key] = calendar.workdays_between(_LONG_AGO, calendar.next_workday(day))
        return self._numbers[key]


def past_of(view: View, changes: Iterable[StatusChange] = ()) -> Past:
    """The history that a view holds, as of the moment it was taken; F3: with what the tools' histories tell of starts and ends."""

    def day_of(task: Task, at: datetime) -> date:
        department = view.departments.get(task.department) if task.department else None
        return at.astimezone(ZoneInfo(department.zone if department else "UTC")).date()

    return Past(
        with_history(view.tasks.values(), changes), calendar_for(view), lambda task: day_of(task, view.at), day_of
    )


def likely_finish(past: Past, task: Task) -> Likely:
    """When an open task will likely be done: by its department's history, else its connection's, else by the plain rule (F9).

    Of a task that the past knows, what the past knows of it counts.
    """
    task = past.tasks.get(task.ref, task)
    if task.status not in OPEN:
        return Likely(None, None, "plan", 0, "not_open")
    scale: Scale = "lateness" if task.due else "age"
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
            return Likely(half, most, basis, ended, scale)
        reason = "beyond" if share else "unsteady"
    return Likely(past.plain_day(task), None, "plan", sample, reason)


def _on_curve(curve: Curve, place: Watched, share: float) -> tuple[int, int] | None:
    """P50 and P85 as positions; None where too few tasks were open at the same one, too many never ended, or a year does not reach (F7)."""
    start = curve.comparable_from(place.today - place.origin)
    if start is None:
        return None
    half, most = curve.quantiles(start, HALF, share)
    if half is None or most is None or place.origin + most > place.today + WINDOW:
        return None
    return half, most
