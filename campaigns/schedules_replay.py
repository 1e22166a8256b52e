"""``python -m campaigns.schedules_replay SEED:SHARD:NUMBER``: one graph again, made as small as it can be while anything still differs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace as with_values
from functools import partial

from msgspec.structs import fields, replace

from campaigns.report import Report
from campaigns.schedules import changed_date, compared, compared_what_if
from campaigns.schedules_graphs import Graph, Graphs
from sync.core.values import Dependency, Task

SIMPLER_TASK = {
    name: default
    for name, default in (*((entry.name, entry.default) for entry in fields(Task)), ("status", "todo"))
    if name in ("status", "start", "due", "started", "finished", "estimate_minutes", "parent", "kind", "not_before", "must_start", "must_finish")
}  # fmt: skip
SIMPLER_DEPENDENCY = {"lag_minutes": 0, "lag_unit": "working", "confidence": 1.0, "type": "finish_to_start"}


def main(name: str) -> int:
    seed, _, number = name.rpartition(":")
    graph = Graphs(seed).graph(int(number))
    for judge in (_found, _found_what_if):
        if first := judge(graph):
            small = shrunk(graph, partial(_still_differs, judge, _kind(first[0])))
            print("\n".join(shown(small, judge(small))))
            return 1
    print(f"{name}: no difference; asked what {changed_date(graph)} would move")
    return 0


def _found(graph: Graph) -> list[str]:
    return compared(graph, {}, Report("schedules", 0))


def _found_what_if(graph: Graph) -> list[str]:
    return compared_what_if(graph, {}, Report("schedules", 0))


def _still_differs(judge: Callable[[Graph], list[str]], kind: str, graph: Graph) -> bool:
    return any(_kind(text) == kind for text in judge(graph))


def _kind(text: str) -> str:
    """Which figure differs, of whichever task."""
    words = text.split(": the product says")[0]
    return words.rpartition(": ")[2].split(" of ")[0]


def shrunk(graph: Graph, differs: Callable[[Graph], bool]) -> Graph:
    """The smallest graph found in which it still differs: everything that can be left out is, until nothing can."""
    is_shrinking = True
    while is_shrinking:
        is_shrinking = False
        for smaller in _smaller(graph):
            if smaller.tasks and differs(smaller):
                graph, is_shrinking = smaller, True
                break
    return graph


def _smaller(graph: Graph) -> Iterator[Graph]:
    for ref in graph.tasks:
        yield with_values(graph, tasks={other: task for other, task in graph.tasks.items() if other != ref})
    for dependency in graph.dependencies:
        yield _with_dependencies(graph, dependency)
    yield from _simpler(graph)


def _simpler(graph: Graph) -> Iterator[Graph]:
    for ref, task in graph.tasks.items():
        for name, value in SIMPLER_TASK.items():
            if getattr(task, name) != value:
                yield with_values(graph, tasks={**graph.tasks, ref: replace(task, **{name: value})})
    for dependency in graph.dependencies:
        for name, value in SIMPLER_DEPENDENCY.items():
            if getattr(dependency, name) != value:
                yield _with_dependencies(graph, dependency, replace(dependency, **{name: value}))
    for ref, spot in graph.spots.items():
        for other in graph.spots.values():
            if (other.calendar.name, str(other.zone)) < (spot.calendar.name, str(spot.zone)):
                yield with_values(graph, spots={**graph.spots, ref: other})


def _with_dependencies(graph: Graph, without: Dependency, *instead: Dependency) -> Graph:
    return with_values(graph, dependencies=(*(other for other in graph.dependencies if other is not without), *instead))


def shown(graph: Graph, found: list[str]) -> list[str]:
    """The graph and what differs in it, for people."""
    lines = []
    for ref, task in graph.tasks.items():
        said = [f"{name}={getattr(task, name)}" for name, value in SIMPLER_TASK.items() if getattr(task, name) != value]
        spot = graph.spots[ref]
        lines.append(f"{ref} {' '.join(said)} in {spot.calendar.name}, {spot.zone}, today {spot.today}")
    lines += [
        f"{one.key} lag {one.lag_minutes} {one.lag_unit}, {one.confidence}, {one.state}" for one in graph.dependencies
    ]
    for calendar in {graph.spots[ref].calendar for ref in graph.tasks}:
        days = {
            name: " ".join(map(str, sorted(getattr(calendar, name))))
            for name in ("days_off", "extra_workdays", "half_days")
        }
        lines.append(f"{calendar.name}: weekend {sorted(calendar.weekend)} {days}")
    return lines + [f"  {text}" for text in found]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
