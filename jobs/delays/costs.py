"""What being late costs, as a finding tells it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.core.impact import Cost


def told_cost(cost: Cost | None) -> Mapping[str, Any]:
    """What a delay costs, in plain values: the late task and all that it drives."""
    if cost is None:
        return {}
    return {
        "moved_tasks": cost.tasks,
        "moved_days": cost.days,
        "departments": list(cost.departments),
        "milestones": list(cost.milestones),
    }
