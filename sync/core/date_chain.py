"""Why a task's dates are what they are: the rules of docs/scheduling.md that decided, from it back to what nothing drives. Pure."""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct

from sync.core.half_days import date_of
from sync.core.schedule import Driving, Schedule
from sync.core.values import Dependency, Ref

Why = Literal[
    "done", "kept", "planned", "estimated", "one_day", "undated", "not_before", "overdue", "after_finish", "after_start",
    "with_finish", "with_start", "children",
]  # fmt: skip
RULES: dict[Why, str] = {
    "done": "S3", "kept": "S4", "planned": "S2", "estimated": "S2", "one_day": "S2", "undated": "S11", "not_before": "S12",
    "overdue": "S8", "after_finish": "S5", "after_start": "S5", "with_finish": "S6", "with_start": "S6", "children": "S15",
}  # fmt: skip
_BY_TYPE: dict[str, Why] = {
    "finish_to_start": "after_finish", "start_to_start": "after_start", "finish_to_finish": "with_finish",
    "start_to_finish": "with_start",
}  # fmt: skip


class Reason(Struct, frozen=True):
    """One link of the chain: where a task stands, why, and (with a driver) which day of which task decided it by which dependency."""

    ref: Ref
    why: Why
    start: date | None
    finish: date | None
    driver: Ref | None = None
    driver_day: date | None = None
    dependency: Dependency | None = None

    @property
    def rule(self) -> str:
        """Its number in docs/scheduling.md."""
        return RULES[self.why]


def chain_of(plan: Schedule, ref: Ref) -> tuple[Reason, ...]:
    """The reasons from this task back to the one that nothing drives."""
    chain = [reason_of(plan, ref)]
    while driver := chain[-1].driver:
        chain.append(reason_of(plan, driver))
    return tuple(chain)


def reason_of(plan: Schedule, ref: Ref) -> Reason:
    """What decided where one task stands."""
    number, forecast = plan.number[ref], plan.forecasts[ref]
    driving = plan.driving(number)
    if driving is None or plan.is_overdue(ref):
        return Reason(ref, _own_reason(plan, ref), forecast.start, forecast.finish)
    why: Why = _BY_TYPE[driving.dependency.type] if driving.dependency else "children"
    day = _day_of(plan, driving)
    return Reason(ref, why, forecast.start, forecast.finish, driving.ref, day, driving.dependency)


def _day_of(plan: Schedule, driving: Driving) -> date | None:
    is_start = driving.dependency is not None and driving.dependency.type.startswith("start")
    return date_of(plan.passed.halves[2 * driving.source + int(is_start)])


def _own_reason(plan: Schedule, ref: Ref) -> Why:
    number, task, plans = plan.number[ref], plan.tasks[ref], plan.network.plans
    if task.status == "done":
        return "done"
    if task.status in ("cancelled", "unknown"):
        return "kept"
    if plan.is_overdue(ref):
        return "overdue"
    if plan.network.parents.is_summary[number] and not plans.is_known[number]:
        return "children"
    if plan.passed.first[number] > plans.first[number] and plans.not_before[number] >= 0:
        return "not_before"
    if not plans.is_known[number]:
        return "undated"
    sureness = float(plans.sureness[number])
    return "planned" if sureness == 1.0 else "estimated" if sureness > 0.5 else "one_day"
