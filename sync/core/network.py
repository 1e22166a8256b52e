"""What pushes what, as arrays in an order in which predecessors come first (S1, S5 to S7, S10, S15 to S17). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sync.core.half_days import ELAPSED_MINUTES_A_HALF, MINUTES_A_HALF, halves_from_minutes
from sync.core.knots import knots_of
from sync.core.parents import Parents, parents_of
from sync.core.plans import Flags, Halves, Plans
from sync.core.values import Dependency, Ref

Indexes = NDArray[np.int64]
FROM_START = {"finish_to_start": 0, "start_to_start": 1, "finish_to_finish": 0, "start_to_finish": 1}
TO_START = {"finish_to_start": 1, "start_to_start": 1, "finish_to_finish": 0, "start_to_finish": 0}
_TYPES = {name: number for number, name in enumerate(FROM_START)}
_HANDFUL = 1000  # so many stay in the processor's cache; one fact of all 300,000 after the other costs twice as much
NO_DEPENDENCY = -1
Circle = tuple[tuple[Ref, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Waits:
    """Dependencies as columns: the numbers of both tasks (-1: not among them), the ends they are about, the lag, and each one's place
    in the list that they were read from."""

    before: Indexes
    after: Indexes
    from_start: Indexes
    to_start: Indexes
    lag_minutes: Indexes
    is_elapsed: Flags
    is_confirmed: Flags
    place: Indexes

    def at(self, which: Any) -> Waits:
        """Some of them, in the order of ``which``."""
        return Waits(*(column[which] for column in vars(self).values()))

    @property
    def is_known(self) -> Flags:
        """Which of them are between two known tasks."""
        return (self.before >= 0) & (self.after >= 0)


@dataclass(frozen=True)
class Edges:
    """One bound each: ``at[row + worked[row + half of the source + shift] + lag]`` is the earliest half of the target.

    A *slot* is twice a task's number, and one more where its first half is meant. ``row`` is 0 (round the clock) for a child's parent.
    ``dependency`` counts in the list that the network was made of; -1 for a child.
    """

    source: Indexes
    target: Indexes
    row: Indexes
    shift: Indexes
    lag: Indexes
    dependency: Indexes

    def __len__(self) -> int:
        return len(self.source)

    def at(self, which: Any) -> Edges:
        """Some of them, in the order of ``which``."""
        return Edges(*(column[which] for column in vars(self).values()))


@dataclass(frozen=True)
class Network:
    """Tasks by number in such an order that predecessors come first, in ``levels``: tasks of one level do not push each other.

    ``number[i]`` is the number of the i-th task of ``plans``, whose columns are in that order here already. ``edges`` are sorted by target,
    ``into[n] : into[n + 1]`` are those into task n; ``out_of`` is the same for ``outgoing``, indexes of edges sorted by source.
    ``circles`` are the knots that were cut, each with the dependencies (indexes) among its tasks.
    """

    plans: Plans
    parents: Parents
    levels: Indexes  # the number of the first task of each level, and the number of tasks at the end
    edges: Edges
    into: Indexes
    outgoing: Indexes
    out_of: Indexes
    circles: tuple[Circle, ...]


def network_of(plans: Plans, dependencies: Sequence[Dependency]) -> Network:
    """The network of these tasks and dependencies."""
    parents = parents_of(plans)
    edges = _joined([*_edges(plans, parents, dependencies), _rollups(plans, parents)])
    edges = edges.at(_counts(plans, edges))
    level, is_left = _levels(edges, len(plans.refs))
    circles: list[Circle] = []
    if is_left.any():
        edges, circles = _without_circles(edges, plans.refs, is_left)
    is_held = _is_held(plans, parents, edges)
    if circles or is_held.any():
        edges = edges.at(~is_held)
        level, _ = _levels(edges, len(plans.refs))
    order = np.argsort(level, kind="stable")
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    edges = _renumbered(edges, number)
    outgoing = np.argsort(edges.source, kind="stable")
    count = len(order)
    return Network(
        plans=reordered(plans, order, number),
        parents=Parents(_mapped(parents.parent[order], number), parents.is_summary[order]),
        levels=np.searchsorted(level[order], np.arange(level.max(initial=-1) + 2)),
        edges=edges,
        into=np.searchsorted(edges.target // 2, np.arange(count + 1)),
        outgoing=outgoing,
        out_of=np.searchsorted(edges.source[outgoing] // 2, np.arange(count + 1)),
        circles=tuple(circles),
    )


def reordered(plans: Plans, order: Indexes, number: Indexes) -> Plans:
    """The same tasks in another order."""
    columns: dict[str, Any] = {}
    for name, column in vars(plans).items():
        columns[name] = column[order] if isinstance(column, np.ndarray) else column
    refs = [plans.refs[i] for i in order.tolist()]
    return Plans(**{**columns, "refs": refs, "parent": _mapped(columns["parent"], number)})


def _mapped(column: Halves, number: Indexes) -> Halves:
    return np.where(column >= 0, number[column], column)


def _edges(plans: Plans, parents: Parents, dependencies: Sequence[Dependency]) -> list[Edges]:
    """S1, S5 to S7, S16, S17: the bounds of dependencies, and those that parents hand down."""
    waits = waits_of({ref: index for index, ref in enumerate(plans.refs)}, dependencies)
    waits = waits.at(waits.is_confirmed & waits.is_known)
    below, above = parents.descendants()
    if len(below):
        count = len(plans.refs)
        pairs = np.concatenate([below * count + above, above * count + below])
        waits = waits.at(~np.isin(waits.before * count + waits.after, pairs))
    own = bounds_between(plans, waits)
    return [own, *_handed_down(plans, own, waits, (below, above))]


def waits_of(number: Mapping[Ref, int], dependencies: Sequence[Dependency]) -> Waits:
    """These dependencies as columns, with the tasks' numbers."""
    before: list[int] = []
    after: list[int] = []
    types: list[int] = []
    minutes: list[int] = []
    is_elapsed, is_confirmed = bytearray(), bytearray()
    for begin in range(0, len(dependencies), _HANDFUL):
        some = dependencies[begin : begin + _HANDFUL]
        before += map(number.get, [item.predecessor for item in some], repeat(-1))
        after += map(number.get, [item.successor for item in some], repeat(-1))
        types += [_TYPES[item.type] for item in some]
        minutes += [item.lag_minutes for item in some]
        is_elapsed += bytes([item.lag_unit == "elapsed" for item in some])
        is_confirmed += bytes([item.state == "confirmed" for item in some])
    from_start, to_start = (np.array([ends[name] for name in _TYPES])[types] for ends in (FROM_START, TO_START))
    return Waits(
        before=np.array(before, dtype=np.int64),
        after=np.array(after, dtype=np.int64),
        from_start=from_start,
        to_start=to_start,
        lag_minutes=np.array(minutes, dtype=np.int64),
        is_elapsed=np.frombuffer(is_elapsed, dtype=np.bool_),
        is_confirmed=np.frombuffer(is_confirmed, dtype=np.bool_),
        place=np.arange(len(dependencies)),
    )


def bounds_between(plans: Plans, waits: Waits) -> Edges:
    """S5 to S7, S13: the bounds that these dependencies set between known tasks."""
    to_start = np.where(plans.is_milestone[waits.after], 0, waits.to_start)  # S13
    elapsed = np.where(waits.is_elapsed, halves_from_minutes(waits.lag_minutes, ELAPSED_MINUTES_A_HALF), 0)
    return Edges(
        source=2 * waits.before + waits.from_start,
        target=2 * waits.after + to_start,
        row=plans.row[waits.after],
        shift=(to_start & (1 - waits.from_start)) + elapsed,  # S5: after the last half; at all others
        lag=np.where(waits.is_elapsed, 0, halves_from_minutes(waits.lag_minutes, MINUTES_A_HALF)),
        dependency=waits.place,
    )


def _handed_down(plans: Plans, own: Edges, waits: Waits, below_above: tuple[Indexes, Indexes]) -> list[Edges]:
    """S16: what pushes the start of a parent pushes everything below it."""
    below, above = below_above
    is_open = plans.is_movable & ~plans.is_started & ~plans.is_milestone
    is_start = (own.target % 2 == 1) & (waits.before != waits.after)
    (pushing,) = np.nonzero(is_start & np.isin(waits.after, above) & is_open[waits.after])
    if not len(pushing):
        return []
    order = np.argsort(above, kind="stable")
    below, above = below[order], above[order]
    parent = waits.after[pushing]
    begin, end = np.searchsorted(above, parent), np.searchsorted(above, parent, side="right")
    handed = waits.at(np.repeat(pushing, end - begin))
    return [bounds_between(plans, replace(handed, after=below[spans(begin, end)]))]


def _rollups(plans: Plans, parents: Parents) -> Edges:
    """S15: a parent does not finish before its children."""
    child, parent = parents.rollups(plans.is_cancelled)
    nothing = np.zeros(len(child), dtype=np.int64)
    return Edges(2 * child, 2 * parent, nothing, nothing, nothing, np.full(len(child), NO_DEPENDENCY))


def _joined(parts: Sequence[Edges]) -> Edges:
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Edges(*(np.concatenate(column) for column in columns))


def _counts(plans: Plans, edges: Edges) -> Flags:
    """S1: which bounds count at all."""
    return np.asarray(plans.is_movable[edges.target // 2] & ~plans.is_cancelled[edges.source // 2])


def _is_held(plans: Plans, parents: Parents, edges: Edges) -> Flags:
    """S9, S15: bounds on the start of what has started, or begins with its children."""
    is_drawn = parents.is_summary & ~plans.is_known
    after = edges.target // 2
    return np.asarray((edges.target % 2 == 1) & (plans.is_started[after] | is_drawn[after]))


def _without_circles(edges: Edges, refs: Sequence[Ref], is_left: Flags) -> tuple[Edges, list[Circle]]:
    """S10: the bounds without those inside a knot, and the knots; they are among what is left."""
    source, target = edges.source // 2, edges.target // 2
    (inside,) = np.nonzero(is_left[source] & is_left[target])
    pairs = [(refs[i], refs[j]) for i, j in zip(source[inside].tolist(), target[inside].tolist(), strict=True)]
    knots = knots_of(pairs)
    index = {ref: i for i, ref in enumerate(refs) if is_left[i]}
    knot_of = np.full(len(refs), -1)
    for number, knot in enumerate(knots):
        knot_of[[index[ref] for ref in knot]] = number
    is_cut = (knot_of[source] >= 0) & (knot_of[source] == knot_of[target])
    among = [edges.dependency[is_cut & (knot_of[source] == number)] for number in range(len(knots))]
    circles = [
        (knot, tuple(np.unique(items[items != NO_DEPENDENCY]).tolist()))
        for knot, items in zip(knots, among, strict=True)
    ]
    return edges.at(~is_cut), circles


def _levels(edges: Edges, count: int) -> tuple[Indexes, Flags]:
    """How many tasks at most stand before each, and what is left because it stands in or behind a circle."""
    source, target = edges.source // 2, edges.target // 2
    order = np.argsort(source, kind="stable")
    following, begin = target[order], np.searchsorted(source[order], np.arange(count + 1))
    waiting = np.bincount(target, minlength=count)
    level = np.zeros(count, dtype=np.int64)
    (front,) = np.nonzero(waiting == 0)
    is_left = np.ones(count, dtype=np.bool_)
    depth = 0
    while len(front):
        level[front], is_left[front] = depth, False
        depth += 1
        reached = following[spans(begin[front], begin[front + 1])]
        np.subtract.at(waiting, reached, 1)
        front = np.unique(reached[waiting[reached] == 0])
    return level, is_left


def spans(begin: Indexes, end: Indexes) -> Indexes:
    """All indexes from each begin up to its end, one span behind the other."""
    counts = end - begin
    total = int(counts.sum())
    return np.asarray(np.arange(total) + np.repeat(begin - (np.cumsum(counts) - counts), counts))


def _renumbered(edges: Edges, number: Indexes) -> Edges:
    moved = Edges(
        source=2 * number[edges.source // 2] + edges.source % 2,
        target=2 * number[edges.target // 2] + edges.target % 2,
        row=edges.row,
        shift=edges.shift,
        lag=edges.lag,
        dependency=edges.dependency,
    )
    return moved.at(np.argsort(moved.target, kind="stable"))
