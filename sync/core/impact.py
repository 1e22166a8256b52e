"""What a task's delay costs whoever waits for it: which tasks, departments and milestones move, and by how many workdays. Pure."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from sync.core.passes import held, workdays_between
from sync.core.schedule import Schedule
from sync.core.values import Ref


class Impact(Struct, frozen=True):
    """What would stand earlier if a task kept its own plan. ``days`` are workdays by task, each in its own calendar; a task that moves
    by less than a day is in it with 0.
    """

    days: dict[Ref, int]
    departments: tuple[Ref, ...] = ()
    milestones: tuple[Ref, ...] = ()

    @property
    def total_days(self) -> int:
        """All workdays together."""
        return sum(self.days.values())


def impact_of(plan: Schedule, ref: Ref) -> Impact:
    """The impact of this task's delay; nothing when it keeps its plan or has none."""
    number, network = plan.number[ref], plan.network
    planned = int(network.plans.plan_last[number])
    if planned < 0 or plan.passed.last[number] <= planned:
        return Impact({})
    on_plan = held(network, plan.passed, number, planned)
    (moved,) = np.nonzero((plan.passed.last > on_plan.last) | (plan.passed.first > on_plan.first))
    days = {
        network.plans.refs[task]: workdays_between(network, task, int(on_plan.last[task]), int(plan.passed.last[task]))
        for task in moved.tolist()
        if task != number
    }
    tasks = [plan.tasks[other] for other in sorted(days)]
    departments = sorted({task.department for task in tasks if task.department})
    return Impact(days, tuple(departments), tuple(task.ref for task in tasks if task.kind == "milestone"))
