"""The schedule of 100,000 tasks and 300,000 dependencies, and the same passes written with networkx and rustworkx, in one run.

Run: ``.venv/bin/python -m benchmarks.schedule [tasks] [rounds]``. Each full pass includes building the graph from tasks and dependencies,
forward and backward passes on working days. The libraries are given the same tables of working days; their passes know neither parents,
estimates nor milestones. The processor's seconds of each round, the contenders in turn; the median counts.
"""

from __future__ import annotations

import random
import resource
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

import networkx as nx
import rustworkx

from sync.core.half_days import HalfDays, half_days_of, half_of
from sync.core.network import FROM_START, TO_START
from sync.core.passes import backward
from sync.core.plans import Place
from sync.core.schedule import Schedule, schedule
from sync.core.values import Dependency, DependencyType, Ref, Task
from sync.mapping.calendars import country_calendar

SEED = 20261126
LEVELS = 320
DEPARTMENTS = [Ref.of("tieline", "department", name) for name in ("CN", "DE", "US", "SG", "JP")]
TYPES: list[DependencyType] = ["finish_to_start"] * 7 + ["start_to_start", "finish_to_finish", "start_to_finish"]  # type: ignore[list-item]
AT = datetime(2026, 1, 1, tzinfo=UTC)
ROW = len(half_days_of(()).worked)
NEVER = 1 << 40
Halves = dict[Ref, list[int]]


def world(count: int) -> tuple[dict[Ref, Task], list[Dependency]]:
    """Tasks in levels, each pushed by about three of an earlier level (most of the level before); one chain through all levels."""
    choose = random.Random(SEED)
    width = count // LEVELS
    refs = [Ref.of("jira-main", "task", str(10_000 + number)) for number in range(count)]
    tasks = {}
    for number, ref in enumerate(refs):
        start = AT.date() + timedelta(days=3 * (number // width) + choose.randrange(5))
        due = start + timedelta(days=choose.randrange(6))
        department = DEPARTMENTS[number % len(DEPARTMENTS)]
        tasks[ref] = Task(ref, str(number), "t", "todo", "", "", AT, start=start, due=due, department=department)
    chain = [refs[level * width] for level in range(LEVELS)]
    pushes = [Dependency(*pair) for pair in pairwise(chain)]
    while len(pushes) < 3 * count:
        before = choose.randrange(count - width)
        reach = width if choose.random() < 0.8 else 20 * width
        after = (before // width + 1) * width + choose.randrange(reach)
        if after < count:
            lag = choose.choice((0, 0, 0, 0, 480, -240))
            pushes.append(Dependency(refs[before], refs[after], choose.choice(TYPES), lag))
    return tasks, sorted(pushes, key=lambda item: item.key)  # as the store gives them


def place_of() -> Callable[[Task], Place]:
    places = {ref: Place(country_calendar(ref.key), ZoneInfo("UTC"), AT.date()) for ref in DEPARTMENTS}
    return lambda task: places[task.department]  # type: ignore[index]


class Lists:
    """The tables of working days as lists, which plain Python reads faster than arrays."""

    def __init__(self, tables: HalfDays) -> None:
        self.worked, self.at = tables.worked.tolist(), tables.at.tolist()

    def later(self, row: int, half: int, lag: int) -> int:
        return self.at[row + self.worked[row + half] + lag]  # type: ignore[no-any-return]


def library_passes(
    order: Iterable[Any],
    before: Callable[[Any], Iterable[tuple[Any, Dependency]]],
    after: Callable[[Any], Iterable[tuple[Any, Dependency]]],
    tasks: Mapping[Any, Task],
    lists: Lists,
) -> tuple[dict[Any, list[int]], dict[Any, list[int]]]:
    """Forward and backward over any graph: where each task stands, and where it may stand at the latest."""
    row = {ref: (1 + number) * ROW for number, ref in enumerate(DEPARTMENTS)}
    stands: dict[Any, list[int]] = {}
    takes: dict[Any, int] = {}
    nodes = list(order)
    for node in nodes:
        task = tasks[node]
        own = row[task.department]  # type: ignore[index]
        planned = [lists.later(own, half_of(task.start), 0), half_of(task.due) + 1]  # type: ignore[arg-type]
        if planned[0] > planned[1]:
            planned[0] = half_of(task.start)  # type: ignore[arg-type]
        takes[node] = max(0, lists.worked[own + planned[1] + 1] - lists.worked[own + planned[0]]) or 2
        bounds = list(planned)
        for other, edge in before(node):
            half = stands[other][1 - FROM_START[edge.type]]
            is_start = TO_START[edge.type]
            bound = lists.later(own, half + int(edge.type == "finish_to_start"), -(-edge.lag_minutes // 240))
            bounds[1 - is_start] = max(bounds[1 - is_start], bound)
        if bounds[0] > planned[0]:
            bounds[1] = max(bounds[1], lists.later(own, bounds[0], takes[node] - 1))
        stands[node] = bounds
    late: dict[Any, list[int]] = {}
    for node in reversed(nodes):
        task = tasks[node]
        own = row[task.department]  # type: ignore[index]
        limits = [NEVER, NEVER]
        for other, edge in after(node):
            theirs = row[tasks[other].department]  # type: ignore[index]
            limit = late[other][1 - TO_START[edge.type]]
            number = lists.worked[theirs + limit + 1] - 1 + edge.lag_minutes // -240
            half = lists.at[theirs + number] - int(edge.type == "finish_to_start")
            limits[1 - FROM_START[edge.type]] = min(limits[1 - FROM_START[edge.type]], half)
        last = min(limits[1], half_of(task.due) + 1 if limits == [NEVER, NEVER] else NEVER)  # type: ignore[arg-type]
        last = min(last, 60_000)
        first = min(limits[0], lists.at[own + lists.worked[own + last + 1] - takes[node]])
        late[node] = [first, last]
    return stands, late


def with_networkx(tasks: Mapping[Ref, Task], pushes: Iterable[Dependency], lists: Lists) -> Any:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(tasks)
    graph.add_edges_from((item.predecessor, item.successor, {"edge": item}) for item in pushes)
    before, after = graph.pred, graph.succ
    return library_passes(
        nx.topological_sort(graph),
        lambda node: ((o, d["edge"]) for o, many in before[node].items() for d in many.values()),
        lambda node: ((o, d["edge"]) for o, many in after[node].items() for d in many.values()),
        tasks,
        lists,
    )


def with_rustworkx(tasks: Mapping[Ref, Task], pushes: Iterable[Dependency], lists: Lists) -> Any:
    graph: Any = rustworkx.PyDiGraph()
    number = dict(zip(tasks, graph.add_nodes_from(list(tasks)), strict=True))
    graph.add_edges_from([(number[item.predecessor], number[item.successor], item) for item in pushes])
    by_number = dict(zip(number.values(), tasks.values(), strict=True))
    return library_passes(
        rustworkx.topological_sort(graph),
        lambda node: ((source, edge) for source, _, edge in graph.in_edges(node)),
        lambda node: ((target, edge) for _, target, edge in graph.out_edges(node)),
        by_number,
        lists,
    )


def with_tieline(tasks: Mapping[Ref, Task], pushes: Iterable[Dependency]) -> Schedule:
    plan = schedule(tasks, pushes, place_of())
    backward(plan.network)
    return plan


def agrees(plan: Schedule, stands: Mapping[Ref, list[int]]) -> bool:
    """Whether the library's passes put every task where ours do: the comparison is of the same work."""
    halves = plan.passed.halves
    return all(
        [int(halves[2 * number + 1]), int(halves[2 * number])] == stands[ref] for ref, number in plan.number.items()
    )


def one_changes(plan: Schedule, tasks: Mapping[Ref, Task], rounds: int) -> None:
    """A task's due date moves by two weeks; those that move at most 1,000 tasks count."""
    choose, seconds, moved = random.Random(SEED), [], []
    refs = list(tasks)
    while len(seconds) < 20 * rounds:
        ref = choose.choice(refs)
        due: date = tasks[ref].due + timedelta(days=14)  # type: ignore[operator]
        began = process_time()
        then = plan.what_if(ref, due=due)
        spent = process_time() - began
        affected = int((then.passed.last != plan.passed.last).sum())
        if affected <= 1_000:
            seconds.append(spent)
            moved.append(affected)
    ordered = sorted(seconds)
    print(
        f"  one change (of {len(seconds)}, {min(moved)} to {max(moved)} tasks move): median {1000 * statistics.median(ordered):.1f} ms, "
        f"95 % within {1000 * ordered[int(0.95 * len(ordered))]:.1f} ms"
    )


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(count: int = 100_000, rounds: int = 5) -> None:
    tasks, pushes = world(count)
    tables = half_days_of(tuple(country_calendar(ref.key) for ref in DEPARTMENTS))
    lists, before_mb = Lists(tables), peak_mb()
    plan = with_tieline(tasks, pushes)
    print(f"{len(tasks):,} tasks, {len(pushes):,} dependencies, {len(plan.network.levels) - 1} levels, 5 calendars")
    print(f"  memory of the schedule: {peak_mb() - before_mb:.0f} MB above what the tasks take")
    stands, _ = with_networkx(tasks, pushes, lists)
    print(f"  networkx puts every task where Tieline does: {agrees(plan, stands)}")
    contenders: dict[str, Callable[[], object]] = {
        "tieline": lambda: with_tieline(tasks, pushes),
        "networkx": lambda: with_networkx(tasks, pushes, lists),
        "rustworkx": lambda: with_rustworkx(tasks, pushes, lists),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            began = process_time()
            run()
            seconds[name].append(process_time() - began)
    ours = statistics.median(seconds["tieline"])
    for name, spent in seconds.items():
        took = statistics.median(spent)
        print(f"  full pass, {name:<10}{took:7.2f} s ({min(spent):.2f} to {max(spent):.2f}), {took / ours:5.1f} × ours")
    one_changes(plan, tasks, rounds)


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
