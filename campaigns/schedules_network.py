"""Who waits for whom, read from docs/scheduling.md alone: parents, what holds for everything below them, circles.

Like the oracle that walks it, it shares nothing with the product but the values of tasks, dependencies and calendars.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from campaigns.schedules_halves import (
    MINUTES_OF_A_HALF,
    Plan,
    Spot,
    Worked,
    day_there,
    has_started,
    plan_of,
    rounded_up,
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


@dataclass
class Network:
    """Who waits for whom in one graph. ``incoming`` and ``outgoing`` are what is in force; ``ignored`` lies within knots."""

    tasks: Mapping[Ref, Task]
    spots: Mapping[Ref, Spot]
    worked: Mapping[Ref, Worked]
    plans: dict[Ref, Plan] = field(default_factory=dict)
    children: dict[Ref, list[Ref]] = field(default_factory=dict)
    parent: dict[Ref, Ref] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    knots: list[frozenset[Ref]] = field(default_factory=list)
    ignored: list[Edge] = field(default_factory=list)
    incoming: dict[Ref, list[Edge]] = field(default_factory=dict)
    outgoing: dict[Ref, list[Edge]] = field(default_factory=dict)

    def weakest(self, knot: frozenset[Ref]) -> Dependency:
        """Of the dependencies within a knot, those of a parent that hold for its descendants among them."""
        said = [edge.said for edge in self.ignored if edge.said and edge.predecessor in knot]
        return min(said, key=lambda dependency: (dependency.confidence, dependency.key))

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

    def runs_with_its_children(self, ref: Ref) -> bool:
        """S15: it has no dates of its own."""
        return self.plans[ref].due is None and self.has_its_childrens_work(ref)

    def descendants(self, ref: Ref) -> list[Ref]:
        found = []
        for child in self.children.get(ref, ()):
            found += [child, *self.descendants(child)]
        return found


def network_of(
    tasks: Mapping[Ref, Task],
    dependencies: Iterable[Dependency],
    spots: Mapping[Ref, Spot],
    worked: Mapping[Ref, Worked],
) -> Network:
    """The network of a graph. ``worked`` may be kept from graph to graph."""
    network = Network(tasks, spots, worked)
    network.plans = {ref: plan_of(task, spots[ref], worked[ref]) for ref, task in tasks.items()}
    _find_parents(network)
    for dependency in dependencies:
        _add_dependency(network, dependency)
    for child, parent in network.parent.items():
        if network.is_live(parent) and tasks[child].status != "cancelled":
            network.edges.append(Edge(child, parent, "child", 0, "", 1.0, None))
    _find_knots(network)
    return network


def _find_parents(network: Network) -> None:
    """S17: a loop of parents is no parenthood."""
    said = {ref: task.parent for ref, task in network.tasks.items() if task.parent in network.tasks}
    for ref, parent in said.items():
        above, seen = parent, set()
        while above is not None and above != ref and above not in seen:
            seen.add(above)
            above = said.get(above)
        if parent is not None and above != ref:
            network.parent[ref] = parent
            network.children.setdefault(parent, []).append(ref)


def _add_dependency(network: Network, said: Dependency) -> None:
    """S1, S9, S13, S16, S17."""
    before, after = said.predecessor, said.successor
    if said.state != "confirmed" or before not in network.tasks or after not in network.tasks:
        return
    if network.tasks[before].status == "cancelled":
        return
    if before in network.descendants(after) or after in network.descendants(before):
        return
    task = network.tasks[after]
    is_for_all_below = not has_started(task) and network.is_live(after) and not network.is_milestone(after)
    for ref in [after, *(network.descendants(after) if is_for_all_below else [])]:
        edge = Edge(before, ref, said.type, said.lag_minutes, said.lag_unit, said.confidence, said)
        if ref != after and (before == after or not edge.is_to_start):
            continue
        if network.is_live(ref):
            network.edges.append(edge)


def _find_knots(network: Network) -> None:
    """S10: who reaches whom is spread until nothing changes; those who reach each other are a knot."""
    reached: dict[Ref, set[Ref]] = {ref: set() for ref in network.tasks}
    is_spreading = True
    while is_spreading:
        is_spreading = False
        for edge in network.edges:
            more = {edge.successor, *reached[edge.successor]} - reached[edge.predecessor]
            reached[edge.predecessor] |= more
            is_spreading = is_spreading or bool(more)
    knot_of = {ref: frozenset(other for other in far if ref in reached[other]) for ref, far in reached.items()}
    network.knots = sorted({knot for knot in knot_of.values() if knot}, key=sorted)
    for edge in network.edges:
        if edge.successor in knot_of[edge.predecessor]:
            network.ignored.append(edge)
        elif _can_move(network, edge):
            network.incoming.setdefault(edge.successor, []).append(edge)
            network.outgoing.setdefault(edge.predecessor, []).append(edge)


def _can_move(network: Network, edge: Edge) -> bool:
    """S9, S13, S15."""
    after = edge.successor
    is_start_fixed = has_started(network.tasks[after]) or network.runs_with_its_children(after)
    return not edge.is_to_start or not is_start_fixed or network.is_milestone(after)


def bound_from(network: Network, edge: Edge, half: int) -> int:
    """S5, S6, S7, S13: before which half the successor may not start (or end), when the predecessor's half is this one."""
    if edge.type == "child":
        return half
    worked = network.worked[edge.successor]
    if edge.unit == "elapsed":
        half += rounded_up(edge.lag, 12 * 60)
    if edge.type == "finish_to_start" and not network.is_milestone(edge.successor):
        half += 1
    half = worked.at_or_after(half)
    return worked.step(half, rounded_up(edge.lag, MINUTES_OF_A_HALF)) if edge.unit == "working" else half
