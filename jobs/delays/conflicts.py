"""What will likely be late by its department's own history, although nothing is late yet: F10 and F11 of docs/forecast.md. No writes.

Pure. An estimate moves by itself from day to day, so what was told of one stands until it moved by a week, or a plan changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from jobs.delays.costs import told_cost
from jobs.delays.lateness import ENDED, NAME, DelaySettings, crossing, is_cut
from sync.core.impact import Cost, costs_of
from sync.core.likely import OPEN, Basis, Likely, Past, early_finish, likely_finish, past_of
from sync.core.projection import projection_facts, without_projection
from sync.core.schedule import Bound, Schedule
from sync.core.values import Dependency, Finding, Ref, Severity, Task
from sync.core.view import View
from sync.core.wording import day_from_fact

KIND = "forecast_conflict"
PREFIX = f"{NAME}:{KIND}:"
MOVED_FROM = 5  # F11: working days by which an estimate must have moved to be told anew


class Days(Struct, frozen=True):
    """When a task will likely be done: the days by which a third, half and most of such tasks were, and what they rest on."""

    early: date
    usual: date
    most: date
    likely: Likely


def conflicts(view: View, plan: Schedule, settings: DelaySettings, spoken: Set[str]) -> Iterator[Finding]:
    """One finding for each dependency that will likely be late. ``spoken`` are the keys of those of which something nearer is said:
    that they are late, or due soon. One matter is one finding.
    """
    waits = [item for item in crossing(view) if item.key not in spoken and _may_be_told(view, plan, item)]
    if not (settings.forecast and waits):
        return
    past = past_of(view, view.read_history() if view.read_history else None)
    days = {ref: found for ref in {item.predecessor for item in waits} if (found := _days(past, view.tasks[ref]))}
    kept = _kept(view, plan, waits, days)
    early = plan.bounds_if({ref: item.early for ref, item in days.items()}, waits)
    least = max(1, settings.min_slip_days)
    new = [
        item
        for item in waits
        if item.key not in kept and item.predecessor in days and _slip(plan, item, early[item.key]) >= least
    ]
    renewed = {item.predecessor for item in new}  # all that wait for one task are told the same days
    new += [item for item in waits if item.key in kept and item.predecessor in renewed]
    yield from (kept[item.key] for item in waits if item.key in kept and item.predecessor not in renewed)
    yield from _new(view, plan, settings, new, days)


def _may_be_told(view: View, plan: Schedule, item: Dependency) -> bool:
    """Whether the successor still waits for an open task's end, and nothing that this task waits for is without a date itself."""
    before, after = view.tasks[item.predecessor], view.tasks[item.successor]
    is_waiting = item.state == "confirmed" and item.type.startswith("finish") and before.status in OPEN
    if not is_waiting or before.visibility != "open" or after.status in (*ENDED, "unknown") or is_cut(plan, item):
        return False
    is_held_up = plan.forecasts[before.ref].is_open_ended and not plan.is_overdue(before.ref)
    return not is_held_up and not (item.type == "finish_to_start" and plan.has_started(after.ref))


def _days(past: Past, task: Task) -> Days | None:
    likely = likely_finish(past, task)
    early = early_finish(past, task, likely)
    if early is None or likely.p50 is None or likely.p85 is None:
        return None
    return Days(early, likely.p50, likely.p85, likely)


def _planned(plan: Schedule, item: Dependency, bound: Bound) -> date | None:
    forecast = plan.forecasts[item.successor]
    return forecast.planned_start if bound.is_about_start else forecast.planned_finish


def _slip(plan: Schedule, item: Dependency, bound: Bound) -> int:
    """By how many working days it would move the successor; 0 for one without a plan."""
    planned = _planned(plan, item, bound)
    return plan.workdays_between(item.successor, planned, bound.day) if planned else 0


def _kept(view: View, plan: Schedule, waits: Sequence[Dependency], days: Mapping[Ref, Days]) -> Mapping[str, Finding]:
    """F11: by dependency what was told, where that holds: no plan changed, and the usual day is not a week off. A history that falls
    silent takes nothing back.
    """
    last = {item.key: found.finding for item in waits if (found := view.known.get(f"{PREFIX}{item.key}"))}
    told = [item for item in waits if item.key in last]
    usual = {item.predecessor: date.fromisoformat(last[item.key].parameters["likely"]) for item in told}
    bounds = plan.bounds_if(usual, told)
    kept = {}
    for item in told:
        now, then = days.get(item.predecessor), without_projection(last[item.key].parameters)
        moved = plan.workdays_between(item.predecessor, usual[item.predecessor], now.usual) if now else 0
        plans = _plans(view, plan, item, bounds[item.key])
        if abs(moved) < MOVED_FROM and all(then.get(name) == fact for name, fact in plans.items()):
            parameters = {**then, **_projection(view, plan, item, then)}
            kept[item.key] = replace(last[item.key], parameters=parameters, evidence=_rules(item))
    return kept


def _plans(view: View, plan: Schedule, item: Dependency, bound: Bound) -> Mapping[str, Any]:
    """The facts of the plans on both sides: where one of them is another, everything is told anew."""
    planned = _planned(plan, item, bound)
    due = plan.forecasts[item.predecessor].planned_finish
    return {
        "due": due.isoformat() if due else None,
        "planned": planned.isoformat() if planned else None,
        "expected": bound.day.isoformat(),
        "is_about_start": bound.is_about_start,
        "department": view.tasks[item.predecessor].department,
    }


def _new(
    view: View, plan: Schedule, settings: DelaySettings, waits: Sequence[Dependency], days: Mapping[Ref, Days]
) -> Iterator[Finding]:
    """The findings of these, with what each would cost: as if each of their predecessors ended when such tasks usually do."""
    if not waits:
        return
    usual = {item.predecessor: days[item.predecessor].usual for item in waits}
    bounds, costs = plan.bounds_if(usual, waits), costs_of(plan.ending_on(usual))
    for item in waits:
        slip_days = _slip(plan, item, bounds[item.key])
        if slip_days > 0:
            yield _finding(view, plan, settings, item, bounds[item.key], slip_days, days[item.predecessor], costs)


def _finding(
    view: View,
    plan: Schedule,
    settings: DelaySettings,
    item: Dependency,
    bound: Bound,
    slip_days: int,
    days: Days,
    costs: Mapping[Ref, Cost],
) -> Finding:
    severity: Severity = "warning" if slip_days >= settings.critical_slip_days else "info"
    before = view.tasks[item.predecessor]
    told = {
        **_plans(view, plan, item, bound),
        "slip_days": slip_days,
        "likely": days.usual.isoformat(),
        "likely_by": days.most.isoformat(),
        "estimated_on": plan.place_of(before).today.isoformat(),
        "whose": _whose(before, days.likely.basis),
        "basis": days.likely.basis,
        "sample": days.likely.sample,
        "scale": days.likely.reason,
        **told_cost(costs.get(item.successor)),
    }
    message = KIND if days.usual < days.most else f"{KIND}_one_day"
    parameters = {**told, **_projection(view, plan, item, told)}
    return Finding(
        f"{PREFIX}{item.key}", KIND, severity, (before.ref, item.successor), message, parameters, _rules(item)
    )


def _whose(task: Task, basis: Basis) -> str:
    """Whose history speaks: a department by its ref, or a connection by its name."""
    return str(task.department) if basis == "department" else task.ref.connection


def _rules(item: Dependency) -> tuple[str, ...]:
    return tuple(sorted({evidence.rule for evidence in item.evidence}))


def _projection(view: View, plan: Schedule, item: Dependency, told: Mapping[str, Any]) -> Mapping[str, list[int]]:
    """Which of the years that are told have no published holidays."""
    sides = ((item.predecessor, ("likely", "likely_by")), (item.successor, ("planned", "expected")))
    return projection_facts(
        *(
            (plan.place_of(view.tasks[ref]).calendar, [day_from_fact(told[name]) for name in names])
            for ref, names in sides
        )
    )
