"""What pushes what, as arrays in an order in which predecessors come first (S1, S5 to S7, S10, S15 to S17). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
NO_DEPENDENCY = -1
Circle = tuple[tuple[Ref, ...], tuple[int, ...]]


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
    number = {ref: index for index, ref in enumerate(plans.refs)}
    before = _numbers(number, [item.predecessor for item in dependencies])
    after = _numbers(number, [item.successor for item in dependencies])
    is_confirmed = np.array([item.state == "confirmed" for item in dependencies], dtype=np.bool_)
    (kept,) = np.nonzero(is_confirmed & (before >= 0) & (after >= 0))
    before, after = before[kept], after[kept]
    below, above = parents.descendants()
    if len(below):
        pairs = np.concatenate([below * len(plans.refs) + above, above * len(plans.refs) + below])
        is_apart = ~np.isin(before * len(plans.refs) + after, pairs)
        kept, before, after = kept[is_apart], before[is_apart], after[is_apart]
    said = [dependencies[i] for i in kept.tolist()]
    own = bounds_between(plans, before, after, kept, said)
    return [own, *_handed_down(plans, own, after, before, (below, above), said)]


def _numbers(number: Mapping[Ref, int], refs: Sequence[Ref]) -> Indexes:
    return np.fromiter(map(number.get, refs, repeat(-1)), dtype=np.int64, count=len(refs))


def bounds_between(plans: Plans, before: Indexes, after: Indexes, kept: Indexes, said: Sequence[Dependency]) -> Edges:
    """S5 to S7, S13: the bounds that these dependencies (``kept`` are their indexes) set between tasks of these numbers."""
    from_start = np.array([FROM_START[item.type] for item in said], dtype=np.int64)
    to_start = np.array([TO_START[item.type] for item in said], dtype=np.int64)
    minutes = np.array([item.lag_minutes for item in said], dtype=np.int64)
    is_elapsed = np.array([item.lag_unit == "elapsed" for item in said], dtype=np.bool_)
    to_start = np.where(plans.is_milestone[after], 0, to_start)  # S13
    elapsed = np.where(is_elapsed, halves_from_minutes(minutes, ELAPSED_MINUTES_A_HALF), 0)
    return Edges(
        source=2 * before + from_start,
        target=2 * after + to_start,
        row=plans.row[after],
        shift=(to_start & (1 - from_start)) + elapsed,  # S5: after the last half; at all others
        lag=np.where(is_elapsed, 0, halves_from_minutes(minutes, MINUTES_A_HALF)),
        dependency=kept,
    )


def _handed_down(
    plans: Plans,
    own: Edges,
    after: Indexes,
    before: Indexes,
    below_above: tuple[Indexes, Indexes],
    said: Sequence[Dependency],
) -> list[Edges]:
    """S16: what pushes the start of a parent pushes everything below it."""
    below, above = below_above
    is_open = plans.is_movable & ~plans.is_started & ~plans.is_milestone
    is_start = (own.target % 2 == 1) & (before != after)
    (pushing,) = np.nonzero(is_start & np.isin(after, above) & is_open[after])
    if not len(pushing):
        return []
    order = np.argsort(above, kind="stable")
    below, above = below[order], above[order]
    begin, end = np.searchsorted(above, after[pushing]), np.searchsorted(above, after[pushing], side="right")
    counts = end - begin
    edge = np.repeat(pushing, counts)
    which = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(begin, counts)
    return [bounds_between(plans, before[edge], below[which], own.dependency[edge], [said[i] for i in edge.tolist()])]


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
