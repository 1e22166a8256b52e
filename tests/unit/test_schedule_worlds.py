"""The schedule of any world: the order of the input does not matter, and what-if is the schedule of the changed world."""

from __future__ import annotations

import random
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sync.core.values import Dependency, DependencyState, DependencyType, LagUnit, Status, Task
from tests.unit.planning import planned, task, wait

FIRST = date(2026, 9, 1)
DAYS = st.one_of(st.none(), st.integers(0, 50).map(lambda number: FIRST + timedelta(days=number)))
STATUS: st.SearchStrategy[Status] = st.sampled_from(
    ["todo", "todo", "in_progress", "blocked", "done", "cancelled", "unknown"]
)
TYPES: st.SearchStrategy[DependencyType] = st.sampled_from(
    ["finish_to_start", "start_to_start", "finish_to_finish", "start_to_finish"]
)
UNITS: st.SearchStrategy[LagUnit] = st.sampled_from(["working", "elapsed"])
STATES: st.SearchStrategy[DependencyState] = st.sampled_from(["confirmed", "confirmed", "confirmed", "proposed"])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Task], list[Dependency], date, dict[str, date]]:
    names = list("ABCDEF")[: draw(st.integers(1, 6))]
    tasks = [task(name, draw(DAYS), draw(DAYS), draw(STATUS)) for name in names]
    waits = [
        wait(names[i], names[j], draw(TYPES), draw(st.integers(-3000, 6000)), draw(UNITS), draw(STATES))
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if draw(st.booleans())
    ]
    finished = {item.key: day for item in tasks if item.status == "done" and (day := draw(DAYS))}
    return tasks, waits, FIRST + timedelta(days=draw(st.integers(0, 60))), finished


@settings(max_examples=60, deadline=None)
@given(worlds(), st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_the_input_does_not_matter(
    world: tuple[list[Task], list[Dependency], date, dict[str, date]], shuffler: random.Random, is_cyclic: bool
) -> None:
    tasks, waits, today, finished = world
    if is_cyclic:
        waits = [*waits, wait(tasks[-1].key, tasks[0].key), wait(tasks[-1].key, tasks[len(tasks) // 2].key)]
    first = planned(tasks, waits, today, finished=finished)
    shuffled_tasks, shuffled_waits = list(tasks), list(waits)
    shuffler.shuffle(shuffled_tasks)
    shuffler.shuffle(shuffled_waits)
    assert planned(shuffled_tasks, shuffled_waits, today, finished=finished) == first


@settings(max_examples=100, deadline=None)
@given(worlds(), st.integers(0, 5), DAYS, DAYS)
def test_what_if_is_the_schedule_of_the_changed_world(
    world: tuple[list[Task], list[Dependency], date, dict[str, date]], which: int, start: date | None, due: date | None
) -> None:
    tasks, waits, today, finished = world
    chosen = tasks[which % len(tasks)]
    changed = [
        replace(item, start=start or item.start, due=due or item.due) if item is chosen else item for item in tasks
    ]
    asked = planned(tasks, waits, today, finished=finished).what_if(chosen.ref, start, due)
    assert asked == planned(changed, waits, today, finished=finished)
