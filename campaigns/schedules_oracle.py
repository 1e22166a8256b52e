"""What a schedule must say, told a second time: from docs/scheduling.md alone, half day by half day, by plain recursion."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from campaigns.schedules_halves import afternoon, day_of, day_or_none, day_there, has_started, morning, sane
from campaigns.schedules_network import Edge, Network, bound_from
from sync.core.values import Ref


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

    net: Network
    without_time: Ref | None = None
    known: dict[Ref, Told] = field(default_factory=dict)

    def told(self, ref: Ref) -> Told:
        if ref not in self.known:
            told = _told(self, ref)
            if ref == self.without_time:
                told = self._taking_no_time(ref, told)
            self.known[ref] = told
        return self.known[ref]

    def _taking_no_time(self, ref: Ref, told: Told) -> Told:
        if told.first is None or told.last is None or self.net.is_milestone(ref) or not self.net.is_live(ref):
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
        due, finish = self.net.plans[ref].due, self.finish(ref)
        if due is None or finish is None or self.net.tasks[ref].status in ("cancelled", "unknown"):
            return 0
        return max(0, self.net.worked[ref].workdays(due, finish))

    def critical_path(self, target: Ref) -> tuple[Ref, ...]:
        path = [target]
        while (before := self.driver(path[0])) is not None:
            path.insert(0, before)
        return tuple(path)

    def drag(self, target: Ref) -> dict[Ref, int]:
        """For each task on the path to a target that has a finish."""
        drags = {}
        for ref in self.critical_path(target):
            other = Oracle(self.net, ref)
            now, then = self.finish(target), other.finish(target)
            drags[ref] = max(0, self.net.worked[target].workdays(then, now)) if now and then else 0
        return drags


def _bounds(oracle: Oracle, ref: Ref) -> list[Bound]:
    bounds = []
    for edge in oracle.net.incoming.get(ref, ()):
        before = oracle.told(edge.predecessor)
        half = before.first if edge.is_from_start else before.last
        if half is not None:
            bounds.append(Bound(bound_from(oracle.net, edge, half), edge))
    return bounds


def _told(oracle: Oracle, ref: Ref) -> Told:
    task, plan = oracle.net.tasks[ref], oracle.net.plans[ref]
    if task.status == "done":
        return _where_it_ended(oracle, ref)
    if task.status in ("cancelled", "unknown"):
        return Told(plan.first, plan.last, False, None, plan.confidence)
    if task.kind == "milestone":
        return _milestone(oracle, ref)
    return _any_other(oracle, ref)


def _where_it_ended(oracle: Oracle, ref: Ref) -> Told:
    """S3."""
    task, plan, spot = oracle.net.tasks[ref], oracle.net.plans[ref], oracle.net.spots[ref]
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
    planned = oracle.net.plans[ref].last
    last = _latest(planned, *(bound.half for bound in bounds))
    deciding = _deciding(bounds, last, planned)
    last, is_past = _not_in_the_past(oracle, ref, last)
    return _decided(oracle, ref, last, last, is_past, deciding)


def _any_other(oracle: Oracle, ref: Ref) -> Told:
    """S11, S14, S15."""
    bounds = _bounds(oracle, ref)
    to_finish = [bound for bound in bounds if bound.edge and not bound.edge.is_to_start]
    to_start = [*(bound for bound in bounds if bound not in to_finish), *_not_before(oracle, ref)]
    planned, plan = _planned_first(oracle, ref), oracle.net.plans[ref]
    if oracle.net.runs_with_its_children(ref):
        to_start = []  # S15: it runs from its children's first start
    first = _latest(planned, *(bound.half for bound in to_start))
    by_work, begins = None, None
    if oracle.net.has_its_childrens_work(ref):
        begins = plan.first if oracle.net.runs_with_its_children(ref) else first
    elif first is not None and (planned is None or first > planned):
        by_work = oracle.net.worked[ref].step(first, plan.takes - 1)
    by_itself = _latest(plan.last, by_work)
    last = _latest(by_itself, *(bound.half for bound in to_finish))
    if last is not None:
        last = _latest(last, begins)  # S15: it does not end before it begins
    late, early = _deciding(to_finish, last, by_itself), _deciding(to_start, first, planned)
    last, is_past = _not_in_the_past(oracle, ref, last)
    return _decided(oracle, ref, first, last, is_past, late, early)


def _planned_first(oracle: Oracle, ref: Ref) -> int | None:
    plan = oracle.net.plans[ref]
    if plan.first is not None or not oracle.net.has_dated_children(ref):
        return plan.first
    children = [edge.predecessor for edge in oracle.net.incoming.get(ref, ()) if edge.type == "child"]
    starts = [half for child in children if (half := oracle.told(child).first) is not None]
    return min(starts, default=None)


def _children_told(oracle: Oracle, ref: Ref) -> list[Told]:
    """Those of its children that say anything of its dates."""
    edges = [edge for edge in oracle.net.incoming.get(ref, ()) if edge.type == "child"]
    return [told for edge in edges if (told := oracle.told(edge.predecessor)).last is not None]


def _not_before(oracle: Oracle, ref: Ref) -> list[Bound]:
    """S12."""
    task = oracle.net.tasks[ref]
    day = sane(task.not_before)
    if day is None or has_started(task):
        return []
    half = oracle.net.worked[ref].at_or_after(morning(day))
    return [Bound(afternoon(day_of(half)) if oracle.net.is_milestone(ref) else half, None)]


def _latest(*halves: int | None) -> int | None:
    return max((half for half in halves if half is not None), default=None)


def _deciding(bounds: list[Bound], half: int | None, otherwise: int | None) -> list[Edge]:
    """Those that moved it to where it is."""
    if half is None or (otherwise is not None and half <= otherwise):
        return []
    return [bound.edge for bound in bounds if bound.edge and bound.half == half]


def _not_in_the_past(oracle: Oracle, ref: Ref, last: int | None) -> tuple[int | None, bool]:
    """S8."""
    today = oracle.net.spots[ref].today
    if oracle.net.plans[ref].due is None or last is None or day_of(last) >= today:
        return last, False
    return afternoon(day_of(oracle.net.worked[ref].at_or_after(morning(today)))), True


def _decided(
    oracle: Oracle, ref: Ref, first: int | None, last: int | None, is_past: bool, *deciding: list[Edge]
) -> Told:
    """By whom, how surely, and whether anybody knows when. The edges that decide the last half come before those of the first."""
    edges = next((edges for edges in deciding if edges), [])
    by = min(edges, key=lambda edge: (edge.predecessor, edge.type, edge.confidence), default=None)
    is_open = is_past or any(oracle.told(edge.predecessor).is_open_ended for edges in deciding for edge in edges)
    sure = oracle.net.plans[ref].confidence
    if oracle.net.runs_with_its_children(ref) and _children_told(oracle, ref):
        sure = 1.0
    if by is not None:
        sure = min(sure, oracle.told(by.predecessor).confidence, by.confidence)
    return Told(first, last, is_open, by, sure)
