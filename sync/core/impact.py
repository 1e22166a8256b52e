"""What a task's delay costs whoever waits for it: which tasks, departments and milestones move, and by how many workdays. Pure."""

from __future__ import annotations

from collections.abc import Mapping

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


class Cost(Struct, frozen=True):
    """A late task and all that it drives, directly or through others: how many tasks, how many workdays they are late together (each in
    its own calendar; none for what has no known date), whose they are, and which are milestones.
    """

    tasks: int
    days: int
    departments: tuple[Ref, ...]
    milestones: tuple[Ref, ...]


def costs_of(plan: Schedule) -> Mapping[Ref, Cost]:
    """The cost of every task that is late or drives another. One walk from the last task to the first: what drives stands before what it
    drives.
    """
    network, drivers = plan.network, plan.drivers.tolist()
    refs, days = network.plans.refs, _known_slips(plan)
    tasks = [1] * len(refs)
    departments: list[set[Ref]] = [set() for _ in refs]
    milestones: list[set[Ref]] = [set() for _ in refs]
    for task in range(len(refs) - 1, -1, -1):
        item, driver = plan.tasks[refs[task]], drivers[task]
        if item.department:
            departments[task].add(item.department)
        if driver >= 0:
            tasks[driver] += tasks[task]
            days[driver] += days[task]
            departments[driver] |= departments[task]
            milestones[driver] |= milestones[task] | ({item.ref} if item.kind == "milestone" else set())
    return {
        ref: Cost(tasks[task], days[task], tuple(sorted(departments[task])), tuple(sorted(milestones[task])))
        for task, ref in enumerate(refs)
        if days[task] or tasks[task] > 1
    }


def _known_slips(plan: Schedule) -> list[int]:
    """By task its slip in workdays; 0 where no date is known, because that would grow by itself."""
    plans, passed = plan.network.plans, plan.passed
    is_known = (plans.plan_last >= 0) & (passed.last > plans.plan_last) & ~passed.is_open_ended & plans.is_movable
    workdays = plans.tables.workdays
    until, since = (plans.day_row + half.clip(0) // 2 for half in (passed.last, plans.plan_last))
    found: list[int] = np.where(is_known, workdays[until] - workdays[since], 0).tolist()
    return found


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
