"""Which delays are over and worth looking back on: all of one predecessor together, once none of them stands any more. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from sync.core.schedule import Schedule
from sync.core.values import Dependency, FindingStep, Language, Ref, Severity, Task, TrackedFinding
from sync.core.view import View

DELAYS = "delays"
PREFIX = f"{DELAYS}:delay:"
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


class RetrospectiveSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``jobs.retrospectives`` in tieline.yaml: where the drafts go (``parent``: the id of the page that they stand under), and from
    where on a delay is worth one. ``severity`` is the least that it reached, ``min_slip_days`` the least working days that it came to.
    Without a language a draft speaks its connection's.
    """

    connection: str
    space: str
    parent: str | int = ""
    severity: Severity = "critical"
    min_slip_days: Annotated[int, Meta(ge=1)] = 3
    labels: tuple[str, ...] = ("retrospective",)
    language: Language | None = None


@dataclass(frozen=True)
class Past:
    """One dependency's delay that is over. ``outcome``: done (the predecessor), started or finished (the successor), or on_plan.
    ``final_days`` is by how many working days it was late in the end; None where nobody knows.
    """

    item: TrackedFinding
    before: Task
    after: Task
    outcome: str
    final_day: date | None
    final_days: int | None

    @property
    def steps(self) -> tuple[FindingStep, ...]:
        """How it stood from when to when; the last known where nothing else was kept."""
        finding = self.item.finding
        return self.item.steps or (FindingStep(self.item.opened_at, finding.severity, finding.parameters),)

    @property
    def worst(self) -> FindingStep:
        """The step with the most working days; of those without any, the last."""
        return max(reversed(self.steps), key=lambda step: step.parameters.get("slip_days") or 0)

    @property
    def days(self) -> int | None:
        """The most working days that it was late by; None where a number was never known."""
        numbers = [step.parameters["slip_days"] for step in self.steps if step.parameters["slip_days"] is not None]
        numbers += [] if self.final_days is None or self.outcome != "done" else [self.final_days]
        return max(numbers, default=None)

    def is_above(self, settings: RetrospectiveSettings) -> bool:
        """Whether it ever was as severe as that, and as long where that is known."""
        worst = max(SEVERITIES.index(step.severity) for step in self.steps)
        is_long = self.days is None or self.days >= settings.min_slip_days
        return worst >= SEVERITIES.index(settings.severity) and is_long


@dataclass(frozen=True)
class Episode:
    """What is looked back on together: the delays that one predecessor caused, the one that mattered most first. ``covers`` names
    everything of it that ended, told or not, so that it is never looked back on again.
    """

    before: Task
    pasts: tuple[Past, ...]
    covers: tuple[tuple[str, str], ...]

    @property
    def opened_at(self) -> datetime:
        return min(past.item.opened_at for past in self.pasts)


def identity(item: TrackedFinding) -> tuple[str, str]:
    """A finding and when it opened: one that comes back is another."""
    return item.finding.key, item.opened_at.astimezone(UTC).isoformat()


def episodes(
    view: View, plan: Schedule, settings: RetrospectiveSettings, covered: Set[tuple[str, str]]
) -> Iterator[Episode]:
    """What a draft is due for, by predecessor. Only delays of which the owners were told: those of the first day were not."""
    standing = {item.finding.subjects[0] for item in view.standing if _is_delay(item)}
    by_before: dict[Ref, list[TrackedFinding]] = {}
    for item in view.ended:
        if _is_delay(item) and identity(item) not in covered and item.finding.subjects[0] not in standing:
            by_before.setdefault(item.finding.subjects[0], []).append(item)
    dependencies = {item.key: item for item in view.dependencies}
    for before, items in sorted(by_before.items()):
        pasts = [past for item in items if (past := _past(view, plan, dependencies, item))]
        if any(past.is_above(settings) for past in pasts):
            ordered = tuple(sorted(pasts, key=_weight))
            yield Episode(view.tasks[before], ordered, tuple(sorted(map(identity, items))))


def _is_delay(item: TrackedFinding) -> bool:
    return item.job == DELAYS and item.finding.kind == "delay"


def _weight(past: Past) -> tuple[int, int, str]:
    """Most days first; what never had a number by how severe it was."""
    severity = max(SEVERITIES.index(step.severity) for step in past.steps)
    return (-(past.days or 0), -severity, past.item.finding.key)


def _past(view: View, plan: Schedule, dependencies: Mapping[str, Dependency], item: TrackedFinding) -> Past | None:
    """The delay, when it is known how it ended and one of its ends may be named."""
    parameters = item.finding.parameters
    dependency = dependencies.get(item.finding.key.removeprefix(PREFIX))
    before, after = (view.tasks.get(ref) for ref in item.finding.subjects)
    if dependency is None or before is None or after is None:
        return None
    if before.visibility == after.visibility == "restricted":
        return None
    outcome = _outcome(plan, dependency, before, after, parameters)
    if not outcome:
        return None
    past = Past(item, before, after, outcome, *_final(plan, dependency, outcome, before, parameters))
    was_told = any(not step.parameters.get("is_baseline") for step in past.steps)
    return past if was_told else None


def _outcome(plan: Schedule, dependency: Dependency, before: Task, after: Task, parameters: Mapping[str, Any]) -> str:
    """How it ended; empty while that is not known: a status is unknown, a date or a department was cleared, the dependency is in
    doubt, or something was called off.
    """
    statuses = {before.status, after.status}
    if dependency.state != "confirmed" or statuses & {"unknown", "cancelled"}:
        return ""
    if before.status == "done":
        return "done"
    if after.status == "done":
        return "finished"
    is_crossing = before.department and after.department and before.department != after.department
    if not is_crossing or _is_in_circle(plan.cycles, before.ref, after.ref):
        return ""
    if plan.has_started(after.ref) and parameters.get("is_about_start"):
        return "started"
    bound, forecast = plan.bound(dependency), plan.forecasts[after.ref]
    planned = forecast.planned_start if bound and bound.is_about_start else forecast.planned_finish
    return "on_plan" if bound and planned else ""


def _is_in_circle(cycles: Iterable[tuple[Ref, ...]], before: Ref, after: Ref) -> bool:
    return any(before in cycle and after in cycle for cycle in cycles)


def _final(
    plan: Schedule, dependency: Dependency, outcome: str, before: Task, parameters: Mapping[str, Any]
) -> tuple[date | None, int | None]:
    """The first day that was possible in the end, and how many working days after the plan that was."""
    if outcome == "on_plan":
        return None, 0
    bound = plan.bound(dependency) if outcome == "done" and before.finished else None
    if bound is None or bound.is_about_start != parameters.get("is_about_start"):
        return None, None
    planned = date.fromisoformat(parameters["planned"])
    return bound.day, max(0, plan.workdays_between(dependency.successor, planned, bound.day))
