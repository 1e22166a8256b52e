"""When will it really start and finish, what has how much slack, and what drives what: the dates of every task, across departments.

Pure. The rules are written out in docs/scheduling.md, numbered as here (S1 …). Days are dates; slips and slack are workdays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from datetime import date
from functools import cached_property
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from sync.core.calendar import Calendar
from sync.core.half_days import NONE, date_of, half_of
from sync.core.network import NO_DEPENDENCY, Indexes, Network, bounds_between, network_of, waits_of
from sync.core.passes import (
    NEVER,
    Forward,
    backward,
    bounds_of,
    deciding,
    forward,
    has_childrens_dates,
    held,
    ripple,
    workdays_between,
)
from sync.core.plans import Halves, Place, PlaceOf, plans_of, with_task
from sync.core.values import Dependency, Ref, Task
from sync.core.view import View
from sync.core.working_time import WEEKDAYS

CalendarOf = Callable[[Task], Calendar]


class Forecast(Struct, frozen=True):
    """When a task can really run. ``planned_start`` and ``planned_finish`` are its own plan (S2); ``slip_days`` counts workdays from
    planned finish to forecast.

    ``is_open_ended``: it, or something it waits for, is past its due date with no new one, so ``finish`` is only the earliest possible.
    ``driver`` is the predecessor that pushes it, when one does. ``confidence`` (0 to 1) is that of the least sure of all that it rests on.
    """

    ref: Ref
    planned_start: date | None
    planned_finish: date | None
    start: date | None
    finish: date | None
    slip_days: int = 0
    is_open_ended: bool = False
    driver: Ref | None = None
    confidence: float = 1.0


class Slack(Struct, frozen=True):
    """How far a task may slip before a target is missed (S18, S19). ``days`` are workdays, negative when one is missed already,
    None for a task that has no dates itself.
    """

    late_start: date | None
    late_finish: date | None
    days: int | None

    @property
    def is_critical(self) -> bool:
        """True when none is left."""
        return self.days is not None and self.days <= 0


class Bound(Struct, frozen=True):
    """The earliest day that one dependency allows its successor, to start or (not ``is_about_start``) to finish."""

    day: date
    is_about_start: bool


class Driving(Struct, frozen=True):
    """The bound that decides where a task stands: its source (by number and ref), and the dependency it comes from (None: a child)."""

    source: int
    ref: Ref
    is_about_start: bool
    dependency: Dependency | None

    @property
    def confidence(self) -> float:
        return self.dependency.confidence if self.dependency else 1.0

    @property
    def order(self) -> tuple[Ref, str, float]:
        """The lowest of several that decide equally is told."""
        return (self.ref, self.dependency.type if self.dependency else "", self.confidence)


@dataclass(frozen=True)
class Schedule:
    """The dates of every task. Two of the same world are equal whatever order it was told in."""

    tasks: Mapping[Ref, Task]
    dependencies: Sequence[Dependency]
    place_of: PlaceOf
    network: Network
    passed: Forward

    @cached_property
    def number(self) -> Mapping[Ref, int]:
        """Each task's number in the network."""
        return {ref: number for number, ref in enumerate(self.network.plans.refs)}

    @cached_property
    def forecasts(self) -> Mapping[Ref, Forecast]:
        """Forecasts by task, each made when it is asked for."""
        return _Made(self.number, self._forecast)

    @cached_property
    def slack(self) -> Mapping[Ref, Slack | None]:
        """Slack by task; None of what has ended, of unknown status, or awaited by nothing that has a target."""
        late = backward(self.network)
        return _Made(self.number, lambda ref: self._slack(late, self.number[ref]))

    @cached_property
    def cycles(self) -> tuple[tuple[Ref, ...], ...]:
        """The knots that had to be cut (S10)."""
        return tuple(circle for circle, _ in self.network.circles)

    @cached_property
    def pushes(self) -> Mapping[Ref, Sequence[Dependency]]:
        """The confirmed dependencies of which a task is the predecessor, by their successors."""
        return _by_end(self.dependencies, "predecessor")

    @cached_property
    def waits(self) -> Mapping[Ref, Sequence[Dependency]]:
        """The confirmed dependencies of which a task is the successor, by their predecessors."""
        return _by_end(self.dependencies, "successor")

    def weakest(self, cycle: tuple[Ref, ...]) -> Dependency | None:
        """The dependency in a knot that is the least sure (S10)."""
        among = next((items for circle, items in self.network.circles if circle == cycle), ())
        return min((self.dependencies[i] for i in among), key=lambda item: (item.confidence, item.key), default=None)

    def is_overdue(self, ref: Ref) -> bool:
        """True when the task itself is past its due date with no new one; False when it only waits for one that is."""
        number = self.number[ref]
        return bool(self.passed.is_open_ended[number] and self.passed.before_today[number] < self.passed.last[number])

    def has_started(self, ref: Ref) -> bool:
        """True of what is in progress, and of what is blocked and has a started instant (S9)."""
        return bool(self.network.plans.is_started[self.number[ref]])

    def bound(self, dependency: Dependency) -> Bound | None:
        """The earliest day that a dependency by itself allows its successor (S5 to S7); None when its predecessor has no dates."""
        half, is_about_start = self._bounds[dependency.key]
        day = date_of(half)
        return Bound(day, is_about_start) if day else None

    def bounds_if(self, finishes: Mapping[Ref, date], dependencies: Sequence[Dependency]) -> Mapping[str, Bound]:
        """By their keys, the earliest days that these dependencies by themselves would allow if tasks ended with these days."""
        halves = self.passed.halves.copy()
        for ref, day in finishes.items():
            halves[2 * self.number[ref]] = half_of(day) + 1
        bounds = self._bounds_by(halves, dependencies)
        days = ((key, date_of(half), is_about_start) for key, (half, is_about_start) in bounds.items())
        return {key: Bound(day, is_about_start) for key, day, is_about_start in days if day}

    @cached_property
    def _bounds(self) -> Mapping[str, tuple[int, bool]]:
        return self._bounds_by(self.passed.halves, self.dependencies)

    def _bounds_by(self, halves: Halves, dependencies: Sequence[Dependency]) -> Mapping[str, tuple[int, bool]]:
        """By the key of each of these between known tasks: its bound, and whether that is one of the start."""
        waits = waits_of(self.number, dependencies)
        waits = waits.at(waits.is_known)
        edges = bounds_between(self.network.plans, waits)
        bounds = bounds_of(self.network, halves, edges).tolist()
        keys = [dependencies[place].key for place in waits.place.tolist()]
        return dict(zip(keys, zip(bounds, (edges.target % 2 == 1).tolist(), strict=True), strict=True))

    def workdays_between(self, ref: Ref, start: date, end: date) -> int:
        """Workdays of the task's calendar after one day up to and with another; negative backwards."""
        return workdays_between(self.network, self.number[ref], half_of(start), half_of(end))

    def critical_path(self, target: Ref) -> tuple[Ref, ...]:
        """S20: the chain of drivers that ends at the target, first the one that nothing drives."""
        path = [target]
        while driver := self.forecasts[path[-1]].driver:
            path.append(driver)
        return tuple(reversed(path))

    def drag(self, target: Ref) -> Mapping[Ref, int]:
        """S20: for each task of the target's critical path, by how many workdays the target would be finished earlier without its work."""
        return {ref: self._drag(self.number[ref], self.number[target]) for ref in self.critical_path(target)}

    def what_if(self, ref: Ref, start: date | None = None, due: date | None = None) -> Schedule:
        """The schedule if this task started or were due on another day (None: as it is)."""
        was, number = self.tasks[ref], self.number[ref]
        task = replace(was, start=start or was.start, due=due or was.due)
        tasks = {**self.tasks, ref: task}
        plans = with_task(self.network.plans, number, task, self.place_of)
        if plans.is_known[number] != self.network.plans.is_known[number]:
            # Its first date, or none any more, may change whose work its parent's is.
            return schedule(tasks, self.dependencies, self.place_of)
        network = Network(**{**vars(self.network), "plans": plans})
        return Schedule(tasks, self.dependencies, self.place_of, network, ripple(network, self.passed, (number,)))

    def ending_on(self, finishes: Mapping[Ref, date]) -> Schedule:
        """The schedule if these tasks ended with these days, or later where something pushes them; what their plans say stays."""
        numbers, last = [self.number[ref] for ref in finishes], self.network.plans.last.copy()
        last[numbers] = np.maximum(last[numbers], [half_of(day) + 1 for day in finishes.values()])
        network = replaced(self.network, plans=replaced(self.network.plans, last=last))
        return replaced(self, network=network, passed=ripple(network, self.passed, numbers))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return dict(self.forecasts) == dict(other.forecasts) and self.cycles == other.cycles

    __hash__ = None  # type: ignore[assignment]

    def _forecast(self, ref: Ref) -> Forecast:
        number, plans, passed = self.number[ref], self.network.plans, self.passed
        planned, last = int(plans.plan_last[number]), int(passed.last[number])
        slip = workdays_between(self.network, number, planned, last) if planned >= 0 and last >= 0 else 0
        driver = self.driving(number)
        return Forecast(
            ref=ref,
            planned_start=date_of(plans.plan_first[number]),
            planned_finish=date_of(planned),
            start=date_of(passed.first[number]),
            finish=date_of(last),
            slip_days=max(0, slip),
            is_open_ended=bool(passed.is_open_ended[number]),
            driver=driver.ref if driver else None,
            confidence=self._confidences[number],
        )

    def driving(self, task: int) -> Driving | None:
        """What drives the task of this number, None when nothing does."""
        edge = int(self._driving_edges[task])
        return None if edge < 0 else self._driving(edge)

    def _driving(self, edge: int) -> Driving:
        edges = self.network.edges
        source, dependency = int(edges.source[edge]) // 2, int(edges.dependency[edge])
        return Driving(
            source=source,
            ref=self.network.plans.refs[source],
            is_about_start=bool(edges.target[edge] % 2),
            dependency=None if dependency == NO_DEPENDENCY else self.dependencies[dependency],
        )

    @cached_property
    def drivers(self) -> Indexes:
        """For each task the number of the one that drives it, -1 for none."""
        edges = self._driving_edges
        return np.where(edges < 0, NONE, self.network.edges.source[edges] // 2) if len(self.network.edges) else edges

    @cached_property
    def _driving_edges(self) -> Indexes:
        """For each task the edge that drives it, -1 for none."""
        found = np.full(len(self.network.plans.refs), -1)
        for task, edges in deciding(self.network, self.passed).items():
            found[task] = edges[0] if len(edges) == 1 else min(edges, key=lambda edge: self._driving(edge).order)
        return found

    @cached_property
    def _confidences(self) -> Sequence[float]:
        """How sure each task's dates are: no surer than what drives it."""
        own: list[float] = np.where(
            has_childrens_dates(self.network, self.passed), 1.0, self.network.plans.sureness
        ).tolist()
        for task in np.nonzero(self._driving_edges >= 0)[0].tolist():  # drivers come first
            driving = self._driving(int(self._driving_edges[task]))
            own[task] = min(own[task], driving.confidence, own[driving.source])
        return own

    def _slack(self, late: Halves, task: int) -> Slack | None:
        last, first = int(late[2 * task]), int(late[2 * task + 1])
        ends = [(int(self.passed.last[task]), last), (int(self.passed.first[task]), first)]
        days = [workdays_between(self.network, task, *pair) for pair in ends if pair[0] >= 0 and pair[1] < NEVER]
        if first == last == NEVER:
            return None
        late_start, late_finish = (date_of(half if half < NEVER else NONE) for half in (first, last))
        return Slack(late_start, late_finish, min(days, default=None))

    def _drag(self, task: int, target: int) -> int:
        plans, passed = self.network.plans, self.passed
        first = int(passed.first[task])
        if first < 0 or not plans.is_movable[task] or plans.is_milestone[task]:
            return 0
        without = held(self.network, passed, task, first - 1)
        return max(0, workdays_between(self.network, target, int(without.last[target]), int(passed.last[target])))


Value = TypeVar("Value")


class _Made(Mapping[Ref, Value]):
    """A value per task, made when it is asked for and kept."""

    def __init__(self, refs: Mapping[Ref, int], make: Callable[[Ref], Value]) -> None:
        self._refs, self._make, self._kept = refs, make, dict[Ref, Value]()

    def __getitem__(self, ref: Ref) -> Value:
        if ref not in self._kept:
            if ref not in self._refs:
                raise KeyError(ref)
            self._kept[ref] = self._make(ref)
        return self._kept[ref]

    def __iter__(self) -> Iterator[Ref]:
        return iter(self._refs)

    def __len__(self) -> int:
        return len(self._refs)


def _by_end(dependencies: Iterable[Dependency], end: str) -> Mapping[Ref, Sequence[Dependency]]:
    found: dict[Ref, list[Dependency]] = {}
    for item in sorted(dependencies, key=lambda item: (item.successor, item.predecessor, item.type)):
        if item.state == "confirmed":
            found.setdefault(getattr(item, end), []).append(item)
    return found


def schedule(tasks: Mapping[Ref, Task], dependencies: Iterable[Dependency], place_of: PlaceOf) -> Schedule:
    """The dates of these tasks. Independent of input order."""
    items = list(dependencies)
    network = network_of(plans_of(tasks, place_of), items)
    return Schedule(tasks, items, place_of, network, forward(network))


def forecasts_of(view: View) -> Schedule:
    """The schedule of everything in the view, as of the moment it was taken."""
    return schedule(view.tasks, view.dependencies, place_for(view))


def place_for(view: View) -> PlaceOf:
    """Task to where it is worked on: its owner's own calendar or else its department's, with that one's zone and date."""
    known: dict[tuple[Ref | None, str | None], Place] = {}
    own_calendar = {ref: person.calendar for ref, person in view.people.items() if person.calendar}

    def place_of(task: Task) -> Place:
        own = own_calendar.get(task.owner) if task.owner else None
        place = known.get((task.department, own))
        if place is None:
            department = view.departments.get(task.department) if task.department else None
            zone = ZoneInfo(department.zone if department else "UTC")
            name = own or (department.calendar if department else "")
            today = view.at.astimezone(zone).date()
            place = known[task.department, own] = Place(view.calendars.get(name, WEEKDAYS), zone, today)
        return place

    return place_of


def calendar_for(view: View) -> CalendarOf:
    """Task to its working calendar."""
    place_of = place_for(view)
    return lambda task: place_of(task).calendar
