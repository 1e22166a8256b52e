"""The passes over the network: forward, backward, and forward again behind a few changed tasks (S8, S14, S18). Pure.

Every rule is one expression over arrays, whether a level of ten thousand tasks or one task is calculated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sync.core.half_days import DAYS, NONE, SPAN
from sync.core.network import NO_DEPENDENCY, Edges, Indexes, Network, spans
from sync.core.plans import Flags, Halves

NEVER = np.int64(1 << 40)  # a late half that nothing limits


@dataclass(frozen=True)
class Forward:
    """``halves`` holds each task's last (even slots) and first half. ``before_today`` is the last half without S8, ``work_last`` where the
    task ends that begins later than planned, -1 when it does not.
    """

    halves: Halves
    before_today: Halves
    work_last: Halves
    is_open_ended: Flags

    @property
    def first(self) -> Halves:
        return self.halves[1::2]

    @property
    def last(self) -> Halves:
        return self.halves[0::2]

    def copy(self) -> Forward:
        return Forward(*(column.copy() for column in vars(self).values()))


def forward(network: Network) -> Forward:
    """S14, S8: where every task stands when everything pushes as it does."""
    count = len(network.plans.refs)
    made = Forward(np.full(2 * count, NONE), np.full(count, NONE), np.full(count, NONE), np.zeros(count, np.bool_))
    levels, into = network.levels.tolist(), network.into[network.levels].tolist()
    for begin, end, edge_begin, edge_end in zip(levels, levels[1:], into, into[1:], strict=False):
        _stand(network, made, slice(begin, end), slice(edge_begin, edge_end), begin)
    return made


def ripple(network: Network, made: Forward, changed: Iterable[int]) -> Forward:
    """The same as ``forward`` when only the plans of the changed tasks are others than in ``made``: as much is calculated as moves."""
    now = made.copy()
    _spread(network, now, changed)
    return now


def held(network: Network, made: Forward, task: int, last: int) -> Forward:
    """How everything behind a task would stand if that ended at this half."""
    now = made.copy()
    now.last[task] = last
    _spread(network, now, _behind(network, np.array([task])))
    return now


def _spread(network: Network, now: Forward, changed: Iterable[int]) -> None:
    waiting: dict[int, set[int]] = {}

    def wait(tasks: Iterable[int]) -> None:
        for task in tasks:
            level = int(np.searchsorted(network.levels, task, side="right"))
            waiting.setdefault(level, set()).add(task)

    wait(changed)
    while waiting:
        tasks = np.array(sorted(waiting.pop(min(waiting))), dtype=np.int64)
        edges = spans(network.into[tasks], network.into[tasks + 1])
        was = _state(now, tasks)
        _stand(network, now, tasks, edges, None)
        wait(_behind(network, tasks[(_state(now, tasks) != was).any(axis=0)]))


def _behind(network: Network, tasks: Indexes) -> list[int]:
    """Everything that these push by themselves."""
    leaving = network.outgoing[spans(network.out_of[tasks], network.out_of[tasks + 1])]
    return list(np.unique(network.edges.target[leaving] // 2).tolist())


def _state(made: Forward, tasks: Indexes) -> NDArray[np.int64]:
    return np.stack([made.first[tasks], made.last[tasks], made.is_open_ended[tasks]])


def bounds_of(network: Network, halves: Halves, edges: Edges) -> Halves:
    """S5 to S7: the earliest half that each of these edges allows its target; -1 where its source has none."""
    tables = network.plans.tables
    half = halves[edges.source]
    number = tables.worked[edges.row + np.clip(half + edges.shift, 0, SPAN)] + edges.lag
    return np.where(half < 0, NONE, tables.at[edges.row + np.clip(number, 0, SPAN)])


def _stand(network: Network, made: Forward, tasks: Any, which: Any, begin: int | None) -> None:
    """Calculate these tasks of one level, into which these edges lead; what stands before them is calculated already."""
    plans = network.plans
    edges = network.edges.at(which)
    planned_first, planned_last, row = plans.first[tasks], plans.last[tasks], plans.row[tasks]
    place = _places(edges, tasks, begin)
    bounds = bounds_of(network, made.halves, edges)
    latest = np.full(2 * len(planned_first), NONE)
    np.maximum.at(latest, place, bounds)
    fixed = np.where(plans.is_movable[tasks] & ~plans.is_started[tasks], plans.not_before[tasks], NONE)
    is_point = plans.is_milestone[tasks]
    by_first = np.where(is_point, NONE, np.maximum(latest[1::2], fixed))
    by_last = np.where(is_point, np.maximum(latest[0::2], fixed), latest[0::2])
    is_summary = network.parents.is_summary[tasks]
    is_drawn = is_summary & ~plans.is_known[tasks] & plans.is_movable[tasks]
    by_first = np.where(is_drawn, NONE, by_first)

    first = np.maximum(planned_first, by_first)
    last = np.maximum(planned_last, by_last)
    own_end = np.where(first > planned_first, _end_of_work(network, first, row, plans.takes[tasks]), NONE)
    work_last = np.where(is_summary, np.where((last >= 0) & (first > last), first, NONE), own_end)
    last = np.maximum(last, work_last)
    first = np.where(is_point, last, first)
    if is_drawn.any():
        first = np.where(is_drawn & (first < 0), _first_of_children(made, edges, place, len(first)), first)

    today = plans.today[tasks]
    is_overdue = plans.is_movable[tasks] & (plans.plan_last[tasks] >= 0) & (last < today)
    decides = (bounds >= 0) & np.where(
        place % 2 == 1,
        (bounds == first[place // 2]) & (bounds > planned_first[place // 2]),
        (bounds == last[place // 2]) & (bounds > np.maximum(planned_last, work_last)[place // 2]),
    )
    is_open = is_overdue.copy()
    is_open[place[decides & made.is_open_ended[edges.source // 2]] // 2] = True
    made.before_today[tasks], made.work_last[tasks] = last, work_last
    last = np.where(is_overdue, plans.overdue_last[tasks], last)
    made.first[tasks], made.last[tasks], made.is_open_ended[tasks] = np.where(is_point, last, first), last, is_open


def _places(edges: Edges, tasks: Any, begin: int | None) -> Indexes:
    """For each edge its slot among these tasks."""
    if begin is not None:
        return edges.target - 2 * begin
    return 2 * np.searchsorted(tasks, edges.target // 2) + edges.target % 2


def _end_of_work(network: Network, first: Halves, row: Halves, takes: Halves) -> Halves:
    tables = network.plans.tables
    number = tables.worked[row + np.clip(first, 0, SPAN)] + takes - 1
    return np.asarray(tables.at[row + np.clip(number, 0, SPAN)], dtype=np.int64)


def _first_of_children(made: Forward, edges: Edges, place: Indexes, count: int) -> Halves:
    """S15: the earliest first half of the children, for parents without dates."""
    is_child = (edges.row == 0) & (edges.dependency < 0)
    firsts = made.first[edges.source[is_child] // 2]
    earliest = np.full(count, NEVER)
    np.minimum.at(earliest, place[is_child] // 2, np.where(firsts < 0, NEVER, firsts))
    return np.where(earliest == NEVER, NONE, earliest)


def backward(network: Network) -> Halves:
    """S18: each task's late last (even slots) and late first half; ``NEVER`` where nothing limits it."""
    late = np.full(2 * len(network.plans.refs), NEVER)
    levels = network.levels.tolist()
    out = network.out_of[network.levels].tolist()
    for i in range(len(levels) - 2, -1, -1):
        edges = network.edges.at(network.outgoing[out[i] : out[i + 1]])
        _limit(network, late, slice(levels[i], levels[i + 1]), edges, levels[i])
    return late


def _limit(network: Network, late: Halves, tasks: slice, edges: Edges, begin: int) -> None:
    plans, tables = network.plans, network.plans.tables
    limit = late[edges.target]
    number = tables.worked[edges.row + np.clip(limit + 1, 0, SPAN)] - 1 - edges.lag
    half = np.where(number < 0, 0, tables.at[edges.row + np.clip(number, 0, SPAN)] - edges.shift).clip(0, SPAN - 1)
    limits = np.full(2 * (tasks.stop - tasks.start), NEVER)
    np.minimum.at(limits, edges.source - 2 * begin, np.where(limit == NEVER, NEVER, half))

    takes, row = plans.takes[tasks], plans.row[tasks]
    is_target = plans.is_milestone[tasks] | plans.is_promised[tasks] | (np.diff(network.out_of)[tasks] == 0)
    deadline = np.where(is_target & (plans.deadline[tasks] >= 0), plans.deadline[tasks], NEVER)
    is_point = plans.is_milestone[tasks]
    last = np.minimum(np.minimum(limits[0::2], deadline), np.where(is_point, limits[1::2], NEVER))
    number = tables.worked[row + np.clip(last + 1, 0, SPAN)] - takes
    has_work = (last < NEVER) & ~network.parents.is_summary[tasks]
    by_work = np.where(has_work, tables.at[row + np.clip(number, 0, SPAN)], NEVER)
    must_start = np.where(plans.must_start[tasks] >= 0, plans.must_start[tasks], NEVER)
    first = np.minimum(np.minimum(limits[1::2], by_work), must_start)
    first = np.where(is_point, last, np.where(plans.is_started[tasks], NEVER, first))
    is_open = plans.is_movable[tasks]
    late[2 * begin : 2 * tasks.stop : 2] = np.where(is_open, last, NEVER)
    late[2 * begin + 1 : 2 * tasks.stop : 2] = np.where(is_open, first, NEVER)


def deciding(network: Network, made: Forward) -> dict[int, list[int]]:
    """By task the edges that decide where it stands: those of its last half, else those of its first. S8's today has no say."""
    edges, plans = network.edges, network.plans
    bounds, task, is_first = bounds_of(network, made.halves, edges), edges.target // 2, edges.target % 2 == 1
    reach = np.maximum(plans.last, made.work_last)
    by_last = ~is_first & (bounds == made.before_today[task]) & (bounds > reach[task])
    by_first = is_first & (bounds == made.first[task]) & (bounds > plans.first[task])
    has_last = np.zeros(len(plans.refs), dtype=np.bool_)
    has_last[task[by_last]] = True
    (which,) = np.nonzero(by_last | (by_first & ~has_last[task]))
    found: dict[int, list[int]] = {}
    for edge, target in zip(which.tolist(), task[which].tolist(), strict=True):
        found.setdefault(target, []).append(edge)
    return found


def has_childrens_dates(network: Network, made: Forward) -> Flags:
    """S15: which parents without dates of their own have them from their children."""
    edges = network.edges
    source = edges.source // 2
    is_told = (edges.dependency == NO_DEPENDENCY) & (made.last[source] >= 0)
    found = np.zeros(len(network.plans.refs), dtype=np.bool_)
    found[edges.target[is_told] // 2] = True
    return found & network.parents.is_summary & ~network.plans.is_known


def workdays_between(network: Network, task: int, start: int, end: int) -> int:
    """Workdays of the task's calendar after the day of one half up to and with that of another; negative backwards."""
    workdays, row = network.plans.tables.workdays, int(network.plans.day_row[task])
    days = [min(max(half // 2, 0), DAYS - 1) for half in (start, end)]
    return int(workdays[row + days[1]]) - int(workdays[row + days[0]])
