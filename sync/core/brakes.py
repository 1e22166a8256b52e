"""The brakes: how much one run may write before a person has looked at the plan."""

from __future__ import annotations

from msgspec import Struct

from sync.core.errors import UnsafePlan
from sync.core.plan import Plan


class Limits(Struct, frozen=True):
    """The brakes. ``max_changes`` a run; ``max_share`` of what is published that may be changed or
    removed at once (from ``share_from`` entries on)."""

    max_changes: int = 200
    max_share: float = 0.5
    share_from: int = 30
    max_first_run_changes: int = 0


class Accepted(Struct, frozen=True):
    """Which brakes an admin releases for one run, after looking at the plan."""

    is_first_run: bool = False
    is_plan: bool = False


def check_limits(plan: Plan, published_count: int, limits: Limits, accepted: Accepted, asked_for: int = 0) -> None:
    """Raise UnsafePlan when the plan would write more than the limits allow. An empty plan is always safe.

    ``asked_for`` writes of a first run are no flood, as the admin named each of them (the stock-taking page).
    """
    counts = plan.counts()
    total = len(plan.changes)
    if published_count == 0 and total - asked_for > limits.max_first_run_changes and not accepted.is_first_run:
        raise UnsafePlan(
            f"this first run would make {total} writes; look at `tieline plan`, then run with --accept-first-run",
            counts,
            f"limits.max_first_run_changes = {limits.max_first_run_changes}",
        )
    if accepted.is_plan:
        return
    if total > limits.max_changes:
        raise UnsafePlan(
            f"{total} writes planned, {limits.max_changes} allowed; look at `tieline plan`, then run with --accept-plan",
            counts,
            f"limits.max_changes = {limits.max_changes}",
        )
    touched = sum(1 for change in plan.changes if change.operation != "create")
    if published_count >= limits.share_from and touched > limits.max_share * published_count:
        raise UnsafePlan(
            f"{touched} of {published_count} published entries would change at once; look at `tieline plan`, "
            "then run with --accept-plan",
            counts,
            f"limits.max_share = {limits.max_share}",
        )
