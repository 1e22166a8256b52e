"""What is noticed at dependencies between departments: delays, and what comes before them and stands beside them. No writes.

Pure. Each finding says what is so, never for how long: a count that grows by itself would be news every day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from jobs.delays.costs import told_cost
from jobs.delays.lateness import ENDED, NAME, Delay, DelaySettings, bound_of, crossing, is_cut
from sync.core.answering import short_name
from sync.core.half_days import date_of
from sync.core.impact import Cost
from sync.core.projection import projection_facts
from sync.core.schedule import Schedule
from sync.core.values import Dependency, Finding, Ref, Severity, Task
from sync.core.view import View

WAITING = ("todo", "blocked")


def watched(view: View, plan: Schedule, settings: DelaySettings) -> Iterator[Finding]:
    """Everything noticed in this view, each once."""
    seen: set[str] = set()
    for finding in (*_at_dependencies(view, plan, settings), *_unreachable(view, plan)):
        if finding.key not in seen:
            seen.add(finding.key)
            yield finding


def _severity(delay: Delay, settings: DelaySettings) -> Severity:
    if delay.is_open_ended or delay.slip_days >= settings.critical_slip_days:
        return "critical"
    return "warning"


def delay_finding(
    plan: Schedule, costs: Mapping[Ref, Cost], delay: Delay, settings: DelaySettings, is_said: bool
) -> Finding:
    """A late dependency, with what it costs. Where no date is known no number is told."""
    return Finding(
        key=f"{NAME}:delay:{delay.dependency.key}",
        kind="delay",
        severity=_severity(delay, settings),
        subjects=(delay.predecessor.ref, delay.successor.ref),
        message="delay",
        parameters={
            "planned": delay.planned.isoformat(),
            "expected": None if delay.is_open_ended else delay.expected.isoformat(),
            "slip_days": None if delay.is_open_ended else delay.slip_days,
            "due": delay.predecessor.due.isoformat() if delay.predecessor.due else None,
            "awaited": delay.awaited.isoformat() if delay.awaited and not delay.is_open_ended else None,
            "is_about_start": delay.is_about_start,
            "is_after_start": delay.is_after_start,
            **({} if delay.is_open_ended else told_cost(costs.get(delay.successor.ref))),
            **projection_of(plan, delay),
            **({} if is_said else {"is_baseline": True}),  # of the first day: on the stock-taking page, not in comments
        },
        evidence=tuple(sorted({item.rule for item in delay.dependency.evidence})),
    )


def due_soon_of(findings: Iterable[Finding]) -> set[str]:
    """The keys of the dependencies whose predecessors are said to be due soon."""
    return {item.key.removeprefix(f"{NAME}:due_soon:") for item in findings if item.kind == "due_soon"}


def proposed_finding(dependency: Dependency) -> Finding:
    """A dependency that is not certain enough: it waits for a person."""
    return Finding(
        key=f"{NAME}:proposed:{dependency.key}",
        kind="proposed_dependency",
        severity="info",
        subjects=(dependency.predecessor, dependency.successor),
        message="proposed_dependency",
        parameters={"confidence": dependency.confidence},
        evidence=tuple(sorted({item.rule for item in dependency.evidence})),
    )


def cycle_finding(plan: Schedule, cycle: tuple[Ref, ...]) -> Finding:
    """Tasks that wait for each other, and the dependency among them that is the least sure."""
    weakest = plan.weakest(cycle)
    parameters = {"weakest": weakest.key} if weakest else {}
    # A knot may hold hundreds of tasks: its key is as long as an index takes.
    key = f"{NAME}:cycle:{min(cycle)}:{short_name('>'.join(cycle))}"
    return Finding(key, "cycle", "warning", cycle, "cycle", parameters)


def projection_of(plan: Schedule, delay: Delay) -> dict[str, list[int]]:
    """Which of the years that are told have no published holidays. Where no new date is told, none of it counts."""
    is_told = not delay.is_open_ended
    return projection_facts(
        (plan.place_of(delay.predecessor).calendar, (delay.predecessor.due, delay.awaited if is_told else None)),
        (plan.place_of(delay.successor).calendar, (delay.planned, delay.expected if is_told else None)),
    )


def _live(view: View, plan: Schedule) -> Iterator[tuple[Dependency, Task, Task]]:
    """The dependencies between departments of which something may be said, with their ends: the successor has not ended."""
    for dependency in crossing(view):
        before, after = view.tasks[dependency.predecessor], view.tasks[dependency.successor]
        is_sure = dependency.state == "confirmed" and not is_cut(plan, dependency)
        if is_sure and after.status not in (*ENDED, "unknown") and before.status not in ("cancelled", "unknown"):
            yield dependency, before, after


def _at_dependencies(view: View, plan: Schedule, settings: DelaySettings) -> Iterator[Finding]:
    for dependency, before, after in _live(view, plan):
        if dependency.type == "finish_to_start" and before.status not in ENDED and plan.has_started(after.ref):
            yield _finding("started_early", "warning", (before.ref, after.ref), dependency)
        if before.status == "done":
            if _can_start(view, plan, after):
                yield _finding("can_start", "info", (after.ref,), dependency)
            continue
        if unseen := _unseen(view, dependency, settings):
            yield _finding("one_sided", "info", (before.ref, after.ref), dependency, connection=unseen)
        today = plan.place_of(before).today
        if before.owner is None:
            yield _finding("unowned", "warning", (before.ref, after.ref), dependency, subject=before.ref)
        if (since := _silent_since(plan, before, today, settings)) and _is_waiting(after):
            yield _finding("silent", "warning", (before.ref, after.ref), dependency, subject=before.ref, since=since)
        if _is_due_soon(view, plan, dependency, today, settings):
            yield _finding(
                "due_soon", "info", (before.ref, after.ref), dependency, due=plan.forecasts[before.ref].finish
            )


def _unseen(view: View, dependency: Dependency, settings: DelaySettings) -> str:
    """The connection in whose tool nothing shows the dependency, and where no link of ours may stand; empty when there is none. Of what
    is restricted nothing is shown on purpose.
    """
    tasks = [view.tasks[ref] for ref in (dependency.predecessor, dependency.successor)]
    if any(task.visibility == "restricted" for task in tasks):
        return ""
    said = {item.record.connection for item in dependency.evidence}
    for name in (task.ref.connection for task in tasks if task.ref.connection not in said):
        facts = view.connections.get(name)
        if not settings.is_linking or facts is None or "tracker" not in facts.ports:
            return name
    return ""


def _is_waiting(task: Task) -> bool:
    return task.status in WAITING


def _can_start(view: View, plan: Schedule, task: Task) -> bool:
    """Whether everything that it waited for to start is over, and it has not begun."""
    if not _is_waiting(task) or plan.has_started(task.ref):
        return False
    starts = [item for item in plan.waits.get(task.ref, ()) if item.type == "finish_to_start"]
    tasks = [view.tasks.get(item.predecessor) for item in starts]
    return bool(tasks) and all(item is not None and item.status in ENDED for item in tasks)


def _silent_since(plan: Schedule, task: Task, today: date, settings: DelaySettings) -> date | None:
    """The day on which a task that should be under way last moved, when that is long ago."""
    start = plan.forecasts[task.ref].planned_start
    should_run = task.status == "in_progress" or (start is not None and start < today)
    moved = task.updated_at.astimezone(plan.place_of(task).zone).date()
    is_long = plan.workdays_between(task.ref, moved, today) >= settings.silent_days
    return moved if should_run and is_long else None


def _is_due_soon(view: View, plan: Schedule, dependency: Dependency, today: date, settings: DelaySettings) -> bool:
    """Whether the predecessor is about to be due while its successor waits, and nothing is late yet."""
    before, after = view.tasks[dependency.predecessor], view.tasks[dependency.successor]
    forecast, bound = plan.forecasts[before.ref], bound_of(view, plan, dependency)
    if forecast.is_open_ended or forecast.finish is None or bound is None or bound[1] > bound[0]:
        return False
    is_near = 0 <= plan.workdays_between(before.ref, today, forecast.finish) <= settings.due_soon_days
    return is_near and forecast.finish >= today and _is_waiting(after)


def _unreachable(view: View, plan: Schedule) -> Iterator[Finding]:
    """Milestones and fixed dates that cannot be kept any more, with the critical path's first task, where something may be done."""
    deadlines, last = plan.network.plans.deadline, plan.passed.last
    for ref in sorted(view.tasks):
        task, number = view.tasks[ref], plan.number[ref]
        is_target = task.kind == "milestone" or task.must_finish is not None
        is_live = task.status not in (*ENDED, "unknown")
        if not is_target or not is_live or not 0 <= deadlines[number] < last[number]:
            continue
        forecast, target = plan.forecasts[ref], date_of(deadlines[number])
        is_told = not forecast.is_open_ended
        parameters = {
            "due": target.isoformat() if target else None,
            "expected": forecast.finish.isoformat() if is_told and forecast.finish else None,
            "slip_days": forecast.slip_days if is_told else None,
        }
        first = plan.critical_path(ref)[0]
        subjects = (ref,) if first == ref else (first, ref)
        yield Finding(f"{NAME}:unreachable:{ref}", "unreachable", "critical", subjects, "unreachable", parameters)


def _finding(
    kind: str,
    severity: Severity,
    subjects: tuple[Ref, ...],
    dependency: Dependency,
    subject: Ref | None = None,
    **parameters: object,
) -> Finding:
    """A finding of a dependency, or (``subject``) of one task whichever of its dependencies showed it."""
    key = subject or (subjects[0] if len(subjects) == 1 else dependency.key)
    told = {name: value.isoformat() if isinstance(value, date) else value for name, value in parameters.items()}
    evidence = tuple(sorted({item.rule for item in dependency.evidence}))
    return Finding(f"{NAME}:{kind}:{key}", kind, severity, subjects, kind, told, evidence)
