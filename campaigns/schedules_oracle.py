"""What a schedule must say, told a second time: from docs/scheduling.md alone, half day by half day, by plain recursion.

It shares nothing with the product but the values of tasks, dependencies and calendars.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from campaigns.schedules_halves import (
    MINUTES_OF_A_HALF,
    Plan,
    Spot,
    Worked,
    afternoon,
    day_of,
    day_or_none,
    day_there,
    has_started,
    morning,
    plan_of,
    rounded_up,
    sane,
)
from sync.core.values import Dependency, Ref, Task

ENDED = ("done", "cancelled")


class Edge(NamedTuple):
    """One thing that waits for another: by a dependency (its own, or its parent's), or as a parent for its child ("child")."""

    predecessor: Ref
    successor: Ref
    type: str
    lag: int
    unit: str
    confidence: float
    said: Dependency | None

    @property
    def is_to_start(self) -> bool:
        return self.type.endswith("_to_start")

    @property
    def is_from_start(self) -> bool:
        return self.type.startswith("start_to_")


class Bound(NamedTuple):
    """Not before this half; ``edge`` is none for ``not_before``."""

    half: int
    edge: Edge | None


class Told(NamedTuple):
    """Where a task is: halves, and what follows from them."""

    first: int | None
    last: int | None
    is_open_ended: bool
    by: Edge | None
    confidence: float


@dataclass
class Oracle:
    """One graph. ``without_time`` is a task that takes none, for the drag of it (S20)."""

    tasks: Mapping[Ref, Task]
    spots: Mapping[Ref, Spot]
    worked: Mapping[Ref, Worked]
    dependencies: tuple[Dependency, ...]
    without_time: Ref | None = None
    plans: dict[Ref, Plan] = field(default_factory=dict)
    children: dict[Ref, list[Ref]] = field(default_factory=dict)
    parent: dict[Ref, Ref] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    knots: list[frozenset[Ref]] = field(default_factory=list)
    ignored: list[Edge] = field(default_factory=list)
    incoming: dict[Ref, list[Edge]] = field(default_factory=dict)
    outgoing: dict[Ref, list[Edge]] = field(default_factory=dict)
    known: dict[Ref, Told] = field(default_factory=dict)

    def told(self, ref: Ref) -> Told:
        if ref not in self.known:
            told = _told(self, ref)
            if ref == self.without_time:
                told = self._taking_no_time(ref, told)
            self.known[ref] = told
        return self.known[ref]

    def _taking_no_time(self, ref: Ref, told: Told) -> Told:
        if told.first is None or told.last is None or self.is_milestone(ref) or not self.is_live(ref):
            return told
        return told._replace(last=min(told.last, told.first - 1))

    def start(self, ref: Ref) -> date | None:
        return day_or_none(self.told(ref).first)

    def finish(self, ref: Ref) -> date | None:
        return day_or_none(self.told(ref).last)

    def driver(self, ref: Ref) -> Ref | None:
        by = self.told(ref).by
        return by.predecessor if by else None

    def slip(self, ref: Ref) -> int:
        """Workdays from the planned due day to the finish."""
        due, finish = self.plans[ref].due, self.finish(ref)
        if due is None or finish is None or self.tasks[ref].status in ("cancelled", "unknown"):
            return 0
        return max(0, self.worked[ref].workdays(due, finish))

    def weakest(self, knot: frozenset[Ref]) -> Dependency:
        """Of the dependencies within a knot, those of a parent that hold for its descendants among them."""
        said = [edge.said for edge in self.ignored if edge.said and edge.predecessor in knot]
        return min(said, key=lambda dependency: (dependency.confidence, dependency.key))

    def critical_path(self, target: Ref) -> tuple[Ref, ...]:
        path = [target]
        while (before := self.driver(path[0])) is not None:
            path.insert(0, before)
        return tuple(path)

    def drag(self, target: Ref) -> dict[Ref, int]:
        """For each task on the path to a target that has a finish."""
        drags = {}
        for ref in self.critical_path(target):
            other = Oracle(self.tasks, self.spots, self.worked, self.dependencies, ref)
            other.plans, other.children, other.incoming = self.plans, self.children, self.incoming
            now, then = self.finish(target), other.finish(target)
            drags[ref] = max(0, self.worked[target].workdays(then, now)) if now and then else 0
        return drags

    def is_live(self, ref: Ref) -> bool:
        return self.tasks[ref].status not in (*ENDED, "unknown")

    def is_milestone(self, ref: Ref) -> bool:
        return self.tasks[ref].kind == "milestone"

    def is_dated(self, ref: Ref) -> bool:
        """S15: whether it is a dated child."""
        task = self.tasks[ref]
        if task.status == "cancelled":
            return False
        is_done_on_a_day = task.status == "done" and day_there(task.finished, self.spots[ref]) is not None
        return self.plans[ref].due is not None or is_done_on_a_day or self.has_dated_children(ref)

    def has_dated_children(self, ref: Ref) -> bool:
        return any(self.is_dated(child) for child in self.children.get(ref, ()))

    def has_its_childrens_work(self, ref: Ref) -> bool:
        return self.has_dated_children(ref) and not self.is_milestone(ref)

    def descendants(self, ref: Ref) -> list[Ref]:
        found = []
        for child in self.children.get(ref, ()):
            found += [child, *self.descendants(child)]
        return found


def consult(
    tasks: Mapping[Ref, Task],
    dependencies: Iterable[Dependency],
    spots: Mapping[Ref, Spot],
    worked: Mapping[Ref, Worked],
) -> Oracle:
    """The oracle of a graph: who waits for whom is settled, dates are told on demand. ``worked`` may be kept from graph to graph."""
    oracle = Oracle(tasks, spots, worked, tuple(dependencies))
    oracle.plans = {ref: plan_of(task, spots[ref], worked[ref]) for ref, task in tasks.items()}
    _find_parents(oracle)
    for dependency in oracle.dependencies:
        _add_dependency(oracle, dependency)
    for child, parent in oracle.parent.items():
        if oracle.is_live(parent) and tasks[child].status != "cancelled":
            oracle.edges.append(Edge(child, parent, "child", 0, "", 1.0, None))
    _find_knots(oracle)
    return oracle


def _find_parents(oracle: Oracle) -> None:
    """S17: a loop of parents is no parenthood."""
    said = {ref: task.parent for ref, task in oracle.tasks.items() if task.parent in oracle.tasks}
    for ref, parent in said.items():
        above, seen = parent, set()
        while above is not None and above != ref and above not in seen:
            seen.add(above)
            above = said.get(above)
        if parent is not None and above != ref:
            oracle.parent[ref] = parent
            oracle.children.setdefault(parent, []).append(ref)


def _add_dependency(oracle: Oracle, said: Dependency) -> None:
    """S1, S9, S13, S16, S17."""
    before, after = said.predecessor, said.successor
    if said.state != "confirmed" or before not in oracle.tasks or after not in oracle.tasks:
        return
    if oracle.tasks[before].status == "cancelled":
        return
    if before in oracle.descendants(after) or after in oracle.descendants(before):
        return
    task = oracle.tasks[after]
    is_for_all_below = not has_started(task) and oracle.is_live(after) and not oracle.is_milestone(after)
    for ref in [after, *(oracle.descendants(after) if is_for_all_below else [])]:
        edge = Edge(before, ref, said.type, said.lag_minutes, said.lag_unit, said.confidence, said)
        if ref != after and (before == after or not edge.is_to_start):
            continue
        if oracle.is_live(ref):
            oracle.edges.append(edge)


def _find_knots(oracle: Oracle) -> None:
    """S10: who reaches whom is spread until nothing changes; those who reach each other are a knot."""
    reached: dict[Ref, set[Ref]] = {ref: set() for ref in oracle.tasks}
    is_spreading = True
    while is_spreading:
        is_spreading = False
        for edge in oracle.edges:
            more = {edge.successor, *reached[edge.successor]} - reached[edge.predecessor]
            reached[edge.predecessor] |= more
            is_spreading = is_spreading or bool(more)
    knot_of = {ref: frozenset(other for other in far if ref in reached[other]) for ref, far in reached.items()}
    oracle.knots = sorted({knot for knot in knot_of.values() if knot}, key=sorted)
    for edge in oracle.edges:
        if edge.successor in knot_of[edge.predecessor]:
            oracle.ignored.append(edge)
        elif _can_move(oracle, edge):
            oracle.incoming.setdefault(edge.successor, []).append(edge)
            oracle.outgoing.setdefault(edge.predecessor, []).append(edge)


def _can_move(oracle: Oracle, edge: Edge) -> bool:
    """S9, S13."""
    is_started = has_started(oracle.tasks[edge.successor])
    return not edge.is_to_start or not is_started or oracle.is_milestone(edge.successor)


def bound_from(oracle: Oracle, edge: Edge, half: int) -> int:
    """S5, S6, S7, S13: before which half the successor may not start (or end), when the predecessor's half is this one."""
    if edge.type == "child":
        return half
    worked = oracle.worked[edge.successor]
    if edge.unit == "elapsed":
        half += rounded_up(edge.lag, 12 * 60)
    if edge.type == "finish_to_start" and not oracle.is_milestone(edge.successor):
        half += 1
    half = worked.at_or_after(half)
    return worked.step(half, rounded_up(edge.lag, MINUTES_OF_A_HALF)) if edge.unit == "working" else half


def _bounds(oracle: Oracle, ref: Ref) -> list[Bound]:
    bounds = []
    for edge in oracle.incoming.get(ref, ()):
        before = oracle.told(edge.predecessor)
        half = before.first if edge.is_from_start else before.last
        if half is not None:
            bounds.append(Bound(bound_from(oracle, edge, half), edge))
    return bounds


def _told(oracle: Oracle, ref: Ref) -> Told:
    task, plan = oracle.tasks[ref], oracle.plans[ref]
    if task.status == "done":
        return _where_it_ended(oracle, ref)
    if task.status in ("cancelled", "unknown"):
        return Told(plan.first, plan.last, False, None, plan.confidence)
    if task.kind == "milestone":
        return _milestone(oracle, ref)
    return _any_other(oracle, ref)


def _where_it_ended(oracle: Oracle, ref: Ref) -> Told:
    """S3."""
    task, plan, spot = oracle.tasks[ref], oracle.plans[ref], oracle.spots[ref]
    finished, began = day_there(task.finished, spot), day_there(task.started, spot)
    last = plan.last if finished is None else afternoon(finished)
    first = plan.first if began is None else morning(began)
    if last is not None:
        ended = morning(day_of(last))
        first = ended if first is None else min(first, ended)
    if task.kind == "milestone":
        first = last
    return Told(first, last, False, None, plan.confidence if finished is None else 1.0)


def _milestone(oracle: Oracle, ref: Ref) -> Told:
    """S13: everything bounds its end, and its start is its end."""
    bounds = [*_bounds(oracle, ref), *_not_before(oracle, ref)]
    planned = oracle.plans[ref].last
    last = _latest(planned, *(bound.half for bound in bounds))
    deciding = _deciding(bounds, last, planned)
    last, is_past = _not_in_the_past(oracle, ref, last)
    return _decided(oracle, ref, last, last, is_past, deciding)


def _any_other(oracle: Oracle, ref: Ref) -> Told:
    """S11, S14, S15."""
    is_started = has_started(oracle.tasks[ref])
    bounds = _bounds(oracle, ref)
    to_finish = [bound for bound in bounds if bound.edge and not bound.edge.is_to_start]
    to_start = [*(bound for bound in bounds if bound not in to_finish), *_not_before(oracle, ref)]
    planned, plan = _planned_first(oracle, ref), oracle.plans[ref]
    if plan.due is None and oracle.has_dated_children(ref):
        to_start = []  # S15: it runs from its children's first start
    first = _latest(planned, *(bound.half for bound in to_start))
    by_work = None
    if first is not None and (planned is None or first > planned):
        is_begin_alone = oracle.has_its_childrens_work(ref)  # S15: it does not end before it begins
        by_work = first if is_begin_alone else oracle.worked[ref].step(first, plan.takes - 1)
    elif is_started and plan.due is None and oracle.has_dated_children(ref):
        by_work = plan.first
    by_itself = _latest(plan.last, by_work)
    last = _latest(by_itself, *(bound.half for bound in to_finish))
    late, early = _deciding(to_finish, last, by_itself), _deciding(to_start, first, planned)
    last, is_past = _not_in_the_past(oracle, ref, last)
    return _decided(oracle, ref, first, last, is_past, late, early)


def _planned_first(oracle: Oracle, ref: Ref) -> int | None:
    plan = oracle.plans[ref]
    if plan.first is not None or not oracle.has_dated_children(ref):
        return plan.first
    children = [edge.predecessor for edge in oracle.incoming.get(ref, ()) if edge.type == "child"]
    starts = [half for child in children if (half := oracle.told(child).first) is not None]
    return min(starts, default=None)


def _children_told(oracle: Oracle, ref: Ref) -> list[Told]:
    """Those of its children that say anything of its dates."""
    edges = [edge for edge in oracle.incoming.get(ref, ()) if edge.type == "child"]
    return [told for edge in edges if (told := oracle.told(edge.predecessor)).last is not None]


def _not_before(oracle: Oracle, ref: Ref) -> list[Bound]:
    """S12."""
    task = oracle.tasks[ref]
    day = sane(task.not_before)
    if day is None or has_started(task):
        return []
    half = oracle.worked[ref].at_or_after(morning(day))
    return [Bound(afternoon(day_of(half)) if oracle.is_milestone(ref) else half, None)]


def _latest(*halves: int | None) -> int | None:
    return max((half for half in halves if half is not None), default=None)


def _deciding(bounds: list[Bound], half: int | None, otherwise: int | None) -> list[Edge]:
    """Those that moved it to where it is."""
    if half is None or (otherwise is not None and half <= otherwise):
        return []
    return [bound.edge for bound in bounds if bound.edge and bound.half == half]


def _not_in_the_past(oracle: Oracle, ref: Ref, last: int | None) -> tuple[int | None, bool]:
    """S8."""
    today = oracle.spots[ref].today
    if oracle.plans[ref].due is None or last is None or day_of(last) >= today:
        return last, False
    return afternoon(day_of(oracle.worked[ref].at_or_after(morning(today)))), True


def _decided(
    oracle: Oracle, ref: Ref, first: int | None, last: int | None, is_past: bool, *deciding: list[Edge]
) -> Told:
    """By whom, how surely, and whether anybody knows when. The edges that decide the last half come before those of the first."""
    edges = next((edges for edges in deciding if edges), [])
    by = min(edges, key=lambda edge: (edge.predecessor, edge.type, edge.confidence), default=None)
    is_open = is_past or any(oracle.told(edge.predecessor).is_open_ended for edges in deciding for edge in edges)
    sure = oracle.plans[ref].confidence
    if oracle.plans[ref].due is None and oracle.has_its_childrens_work(ref) and _children_told(oracle, ref):
        sure = 1.0
    if by is not None:
        sure = min(sure, oracle.told(by.predecessor).confidence, by.confidence)
    return Told(first, last, is_open, by, sure)
