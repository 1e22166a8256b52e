"""Random graphs of tasks through the schedule and through an oracle that was written from docs/scheduling.md alone.

Every task's dates, slip, driver and confidence, slack, every circle with its weakest dependency, every target's critical path and drag
must be the same; and what a changed date would move is what a schedule with that date says.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Mapping
from datetime import date, timedelta

from msgspec.structs import replace

from campaigns.report import Report
from campaigns.schedules_graphs import Graph, Graphs
from campaigns.schedules_halves import Worked, day_or_none
from campaigns.schedules_network import network_of
from campaigns.schedules_oracle import Oracle
from campaigns.schedules_sabotage import SABOTAGES as SABOTAGES
from campaigns.schedules_slack import Late, late_halves, slack_days, target_half
from sync.core import schedule as product
from sync.core.calendar import Calendar
from sync.core.plans import Place
from sync.core.schedule import Schedule
from sync.core.values import Ref, Task

GRAPHS, SHARD, SHORT = 100_000, 500, 150
WHAT_IF = 4  # one graph in so many is asked what a changed date would move


def run(*, seed: int, scale: float, workers: int) -> Report:
    """A hundred thousand graphs in the long form; ``scale`` 0 is the short form."""
    report = Report("schedules", seed)
    if scale <= 0:
        report.merge(play((f"{seed}:0", SHORT)))
        return report
    started = time.monotonic()
    shards = [(f"{seed}:{number}", SHARD) for number in range(max(1, round(GRAPHS * scale / SHARD)))]
    if workers > 1:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for part in pool.imap_unordered(play, shards):
                report.merge(part)
    else:
        for shard in shards:
            report.merge(play(shard))
    report.figures["graphs a second"] = round(report.counts["graphs"] / (time.monotonic() - started))
    return report


def play(shard: tuple[str, int]) -> Report:
    """One shard's graphs: (its seed, how many)."""
    seed, graphs = shard
    report = Report("schedules", 0)
    source, known = Graphs(seed), dict[int, Worked]()
    for number in range(graphs):
        graph = source.graph(number)
        found = compared(graph, known, report)
        if number % WHAT_IF == 0:
            found += compared_what_if(graph, known, report)
        if found:
            report.diverged(
                f"{found[0]} (and {len(found) - 1} more; python -m campaigns.schedules_replay {graph.name})"
            )
    return report


def compared(graph: Graph, known: dict[int, Worked], report: Report) -> list[str]:
    """Where the product and the oracle differ in a graph; counts what was compared."""
    oracle = consulted(graph, known)
    try:
        return differences(planned(graph), oracle, report)
    except Exception as error:  # noqa: BLE001 - whatever it raises is a finding
        return [f"{type(error).__name__}: {error}"]


def compared_what_if(graph: Graph, known: dict[int, Worked], report: Report) -> list[str]:
    """The same for one changed date in it, by what the product says would happen."""
    ref, change = changed_date(graph)
    after = Graph(
        graph.name, {**graph.tasks, ref: replace(graph.tasks[ref], **change)}, graph.dependencies, graph.spots
    )
    report.count("changed dates")
    try:
        plan = planned(graph).what_if(ref, **change)
        return [f"what if {ref} {change}: {text}" for text in differences(plan, consulted(after, known), report)]
    except Exception as error:  # noqa: BLE001 - whatever it raises is a finding
        return [f"what if {ref} {change}: {type(error).__name__}: {error}"]


def changed_date(graph: Graph) -> tuple[Ref, dict[str, date]]:
    chance = random.Random(f"{graph.name}:what if")
    ref = chance.choice(list(graph.tasks))
    day = graph.spots[ref].today + timedelta(days=chance.randint(-20, 20))
    return ref, {which: day + timedelta(days=chance.randint(-5, 5)) for which in chance.choice((("start",), ("due",), ("start", "due")))}  # fmt: skip


def consulted(graph: Graph, known: dict[int, Worked]) -> Oracle:
    def worked(calendar: Calendar) -> Worked:
        return known.setdefault(id(calendar), Worked(calendar))

    halves = {ref: worked(spot.calendar) for ref, spot in graph.spots.items()}
    return Oracle(network_of(graph.tasks, graph.dependencies, graph.spots, halves))


def planned(graph: Graph) -> Schedule:
    def place_of(task: Task) -> Place:
        spot = graph.spots[task.ref]
        return Place(spot.calendar, spot.zone, spot.today)

    return product.schedule(graph.tasks, graph.dependencies, place_of)


def differences(plan: Schedule, oracle: Oracle, report: Report) -> list[str]:
    """What the product says, and what it should have said."""
    late = late_halves(oracle)
    found = [text for ref in oracle.net.tasks for text in _of_task(plan, oracle, ref, late[ref])]
    circles = {frozenset(circle): circle for circle in plan.cycles}
    found += _unlike("circles", set(circles), set(oracle.net.knots))
    for knot in oracle.net.knots:
        if knot in circles:
            weakest = plan.weakest(circles[knot])
            found += _unlike(f"weakest of {sorted(knot)}", weakest and weakest.key, oracle.net.weakest(knot).key)
    targets = [ref for ref in oracle.net.tasks if target_half(oracle, ref) is not None]
    for ref in targets:
        found += _unlike(f"{ref}: critical path", plan.critical_path(ref), oracle.critical_path(ref))
        found += _unlike(f"{ref}: drag", dict(plan.drag(ref)), oracle.drag(ref))
    _count(oracle, late, report)
    report.count("targets", len(targets))
    return found


def _of_task(plan: Schedule, oracle: Oracle, ref: Ref, late: Late) -> list[str]:
    forecast, slack = plan.forecasts[ref], plan.slack[ref]
    told = oracle.told(ref)
    days = slack and (slack.late_start, slack.late_finish, slack.days)
    mine = (day_or_none(late.first), day_or_none(late.last), slack_days(oracle, ref, late))
    pairs: Mapping[str, tuple[object, object]] = {
        "ref": (forecast.ref, ref),
        "planned start": (forecast.planned_start, oracle.net.plans[ref].start),
        "start": (forecast.start, oracle.start(ref)),
        "finish": (forecast.finish, oracle.finish(ref)),
        "slip": (forecast.slip_days, oracle.slip(ref)),
        "open-ended": (forecast.is_open_ended, told.is_open_ended),
        "driver": (forecast.driver, oracle.driver(ref)),
        "confidence": (round(forecast.confidence, 6), told.confidence),
        "late start, late finish, slack": (days or (None, None, None), mine),
    }
    return [text for what, (theirs, ours) in pairs.items() for text in _unlike(f"{ref}: {what}", theirs, ours)]


def _unlike(what: str, product: object, oracle: object) -> list[str]:
    return [] if product == oracle else [f"{what}: the product says {product}, the oracle {oracle}"]


def _count(oracle: Oracle, late: Mapping[Ref, Late], report: Report) -> None:
    report.count("graphs")
    report.count("tasks", len(oracle.net.tasks))
    report.count("bounds in force", sum(map(len, oracle.net.incoming.values())))
    report.count("circles", len(oracle.net.knots))
    for ref in oracle.net.tasks:
        told = oracle.told(ref)
        report.count("tasks moved by another", int(told.by is not None))
        report.count("tasks open-ended", int(told.is_open_ended))
        report.count("tasks slipping", int(oracle.slip(ref) > 0))
        report.count("tasks with slack", int((slack_days(oracle, ref, late[ref]) or 0) > 0))
