"""When will it really start and finish: a forward pass over confirmed dependencies on each department's working days.

Pure. The rules are written out in docs/scheduling.md, numbered as here (S1 …). Days are dates; slips are working days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from sync.core.calendar import Calendar
from sync.core.values import Dependency, Ref, Task, View

MINUTES_A_DAY = 480  # S7: a working day is eight hours
CalendarOf = Callable[[Task], Calendar]


class Forecast(Struct, frozen=True):
    """When a task can really run. ``planned_start`` is its own plan (S2); ``slip_days`` counts working days from plan to forecast.

    ``is_open_ended``: it, or something it waits for, is past its due date with no new one, so ``finish`` is only the earliest possible.
    ``driver`` is the predecessor that pushes it, when one does.
    """

    ref: Ref
    planned_start: date | None
    start: date | None
    finish: date | None
    slip_days: int = 0
    is_open_ended: bool = False
    driver: Ref | None = None


class Schedule(Struct, frozen=True):
    """Forecasts by task, and the cycles that had to be cut (their dependencies among each other are ignored)."""

    forecasts: Mapping[Ref, Forecast]
    cycles: tuple[tuple[Ref, ...], ...] = ()

    def is_overdue(self, ref: Ref) -> bool:
        """True when the task itself is past its due date with no new one; False when it only waits for one that is."""
        found = self.forecasts[ref]
        driver = self.forecasts.get(found.driver) if found.driver else None
        return found.is_open_ended and not (driver and driver.is_open_ended)


def schedule(
    tasks: Mapping[Ref, Task],
    dependencies: Iterable[Dependency],
    calendar_of: CalendarOf,
    today_of: Callable[[Task], date],
    day_of_finish: Callable[[Task], date | None],
) -> Schedule:
    """Forecast every task. ``today_of`` and ``day_of_finish`` give a task's local today, and the local date on which a done one
    finished. Independent of input order."""
    incoming: dict[Ref, list[Dependency]] = {ref: [] for ref in tasks}
    for dependency in sorted(dependencies, key=lambda item: item.key):
        # S1: only confirmed dependencies between tasks we know push anything; a cancelled predecessor pushes nothing.
        is_known = dependency.predecessor in tasks and dependency.successor in tasks
        if is_known and dependency.state == "confirmed" and tasks[dependency.predecessor].status != "cancelled":
            incoming[dependency.successor].append(dependency)
    order, cycles = _topological_order(incoming)
    cycle_of = {ref: number for number, cycle in enumerate(cycles) for ref in cycle}
    forecasts: dict[Ref, Forecast] = {}
    for ref in order:
        task = tasks[ref]
        edges = [edge for edge in incoming[ref] if cycle_of.get(ref, -1) != cycle_of.get(edge.predecessor, -2)]
        forecasts[ref] = _forecast(task, edges, forecasts, calendar_of(task), today_of(task), day_of_finish(task))
    return Schedule(forecasts, cycles)


def calendar_for(view: View) -> CalendarOf:
    """Task to its department's working calendar."""
    fallback = Calendar("weekdays")

    def calendar_of(task: Task) -> Calendar:
        department = view.departments.get(task.department) if task.department else None
        return view.calendars.get(department.calendar, fallback) if department else fallback

    return calendar_of


def forecasts_of(view: View) -> Schedule:
    """The schedule of everything in the view, as of the moment it was taken."""
    return schedule(view.tasks, view.dependencies, calendar_for(view), today_for(view), finish_day_for(view))


def today_for(view: View) -> Callable[[Task], date]:
    """Task to the date that its department's people read on their calendar."""
    return lambda task: view.at.astimezone(_zone_of(view, task)).date()


def finish_day_for(view: View) -> Callable[[Task], date | None]:
    """Done task to the local date of its finish, in its department's zone."""

    def day_of_finish(task: Task) -> date | None:
        return task.finished.astimezone(_zone_of(view, task)).date() if task.finished else None

    return day_of_finish


def _zone_of(view: View, task: Task) -> ZoneInfo:
    department = view.departments.get(task.department) if task.department else None
    return ZoneInfo(department.zone if department else "UTC")


def plan_of(task: Task, calendar: Calendar) -> tuple[date | None, date | None, int]:
    """S2: planned start, planned finish and duration in working days; a missing date is a one-day task's other date."""
    start, due = task.start or task.due, task.due or task.start
    if start is None or due is None:
        return None, None, 1
    start = calendar.next_workday(min(start, due))
    return start, due, max(1, calendar.workdays_between(start - timedelta(days=1), due))


def earliest_start(dependency: Dependency, predecessor: Forecast, calendar: Calendar) -> date | None:
    """S5, S7: the first working day on which the successor may start because of this dependency; None when it does not say."""
    if dependency.type == "finish_to_start" and predecessor.finish:
        return _after(predecessor.finish, 1, dependency, calendar)
    if dependency.type == "start_to_start" and predecessor.start:
        return _after(predecessor.start, 0, dependency, calendar)
    return None


def earliest_finish(dependency: Dependency, predecessor: Forecast, calendar: Calendar) -> date | None:
    """S6, S7: the first working day on which the successor may finish because of this dependency; None when it does not say."""
    if dependency.type == "finish_to_finish" and predecessor.finish:
        return _after(predecessor.finish, 0, dependency, calendar)
    if dependency.type == "start_to_finish" and predecessor.start:
        return _after(predecessor.start, 0, dependency, calendar)
    return None


def _after(day: date, workdays: int, dependency: Dependency, calendar: Calendar) -> date:
    if dependency.lag_unit == "elapsed":
        day += timedelta(minutes=dependency.lag_minutes)
        return calendar.add_workdays(day, workdays)
    lag_days = -(-dependency.lag_minutes // MINUTES_A_DAY)
    return calendar.add_workdays(day, workdays + lag_days)


def _forecast(
    task: Task,
    edges: list[Dependency],
    forecasts: Mapping[Ref, Forecast],
    calendar: Calendar,
    today: date,
    finished_on: date | None,
) -> Forecast:
    planned_start, planned_finish, duration = plan_of(task, calendar)
    if task.status == "done":  # S3: what is done is where it ended
        finish = finished_on or planned_finish
        start = min((day for day in (planned_start, finish) if day), default=None)  # it did not start after its end
        return Forecast(task.ref, planned_start, start, finish, _slip(planned_finish, finish, calendar))
    if task.status in ("cancelled", "unknown") or planned_start is None or planned_finish is None:
        # S4: what is cancelled, unknown or undated keeps its plan: nothing may be claimed from it.
        return Forecast(task.ref, planned_start, planned_start, planned_finish)
    is_started = task.status == "in_progress"
    start, finish, driver, is_open = _pushed(
        edges, forecasts, calendar, planned_start, planned_finish, duration, is_started
    )
    if finish < today:  # S8: past due and not done: it cannot end before today, and nobody has said when
        finish, is_open = calendar.next_workday(today), True
    slip = _slip(planned_finish, finish, calendar)
    return Forecast(task.ref, planned_start, start, finish, slip, is_open, driver)


def _pushed(
    edges: list[Dependency],
    forecasts: Mapping[Ref, Forecast],
    calendar: Calendar,
    start: date,
    finish: date,
    duration: int,
    is_started: bool,
) -> tuple[date, date, Ref | None, bool]:
    driver: Ref | None = None
    is_open = False
    for edge in edges:
        before = forecasts.get(edge.predecessor)
        if before is None:
            continue
        bound = None if is_started else earliest_start(edge, before, calendar)  # S9: what has started is not moved
        if bound and bound > start:
            start, driver, is_open = bound, edge.predecessor, before.is_open_ended
            finish = max(finish, calendar.add_workdays(start, duration - 1))
        bound = earliest_finish(edge, before, calendar)
        if bound and bound > finish:
            finish, driver, is_open = bound, edge.predecessor, before.is_open_ended
    return start, finish, driver, is_open


def _slip(planned: date | None, forecast: date | None, calendar: Calendar) -> int:
    if planned is None or forecast is None:
        return 0
    return max(0, calendar.workdays_between(planned, forecast))


def _topological_order(
    incoming: Mapping[Ref, list[Dependency]],
) -> tuple[list[Ref], tuple[tuple[Ref, ...], ...]]:
    """Predecessors first; each knot of tasks that wait for each other once (Tarjan's components, without recursion)."""
    order: list[Ref] = []
    cycles: list[tuple[Ref, ...]] = []
    index: dict[Ref, int] = {}
    low: dict[Ref, int] = {}
    on_stack: dict[Ref, None] = {}
    before = {ref: sorted({edge.predecessor for edge in edges}) for ref, edges in incoming.items()}
    for root in sorted(incoming):
        path = [] if root in index else [(root, iter(before[root]))]
        while path:
            ref, rest = path[-1]
            if ref not in index:
                index[ref] = low[ref] = len(index)
                on_stack[ref] = None
            following = next(rest, None)
            if following is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[ref])
                if low[ref] == index[ref]:
                    knot = _take_until(ref, on_stack)
                    order += sorted(knot)
                    if len(knot) > 1 or ref in before[ref]:
                        cycles.append(_in_order(knot, before))
            elif following not in index:
                path.append((following, iter(before[following])))
            elif following in on_stack:
                low[ref] = min(low[ref], index[following])
    return order, tuple(sorted(cycles))


def _take_until(ref: Ref, stack: dict[Ref, None]) -> set[Ref]:
    taken = set()
    while ref not in taken:
        taken.add(stack.popitem()[0])
    return taken


def _in_order(knot: set[Ref], before: Mapping[Ref, list[Ref]]) -> tuple[Ref, ...]:
    """The cycle from its smallest ref on, each before the one that waits for it; a knot of several cycles by ref."""
    path = [min(knot)]
    while True:
        previous = next(ref for ref in before[path[-1]] if ref in knot)
        if previous in path:
            break
        path.append(previous)
    return (path[0], *path[:0:-1]) if len(path) == len(knot) and previous == path[0] else tuple(sorted(knot))
