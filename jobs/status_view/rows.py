"""Every task as one row, for tools that draw charts. No clock reading and no number that would grow by itself."""

from __future__ import annotations

from sync.core.disclosure import shown
from sync.core.metrics import Cell, Column
from sync.core.schedule import Schedule
from sync.core.values import Language, Task
from sync.core.view import View

COLUMNS = (
    Column("task", "text"),
    Column("title", "text"),
    Column("url", "text"),
    Column("department", "text"),
    Column("owner", "text"),
    Column("status", "text"),
    Column("vendor_status", "text"),
    Column("kind", "text"),
    Column("start", "date"),
    Column("due", "date"),
    Column("expected_start", "date"),
    Column("expected_finish", "date"),
    Column("slip_days", "integer"),
    Column("is_late", "boolean"),
    Column("waits_for", "integer"),
    Column("is_awaited_by", "integer"),
    Column("finished", "instant"),
)
ENDED = ("done", "cancelled")


def task_rows(view: View, plan: Schedule, language: Language) -> tuple[tuple[Cell, ...], ...]:
    """All tasks in the order of their refs, restricted ones masked. ``waits_for`` and ``is_awaited_by`` count confirmed dependencies
    between tasks that have not ended.
    """
    waits = dict.fromkeys(view.tasks, 0)
    awaited = dict(waits)
    for item in view.dependencies:
        before, after = view.tasks.get(item.predecessor), view.tasks.get(item.successor)
        if item.state == "confirmed" and before and after and not {before.status, after.status} & set(ENDED):
            waits[after.ref] += 1
            awaited[before.ref] += 1
    return tuple(_row(view, plan, view.tasks[ref], language, waits[ref], awaited[ref]) for ref in sorted(view.tasks))


def _row(
    view: View, plan: Schedule, task: Task, language: Language, waits_for: int, awaited_by: int
) -> tuple[Cell, ...]:
    item, forecast = shown(view, task, language), plan.forecasts[task.ref]
    is_open = task.status not in (*ENDED, "unknown")
    is_told = is_open and not forecast.is_open_ended
    is_late = is_open and (forecast.slip_days > 0 or forecast.is_open_ended)
    return (
        str(task.ref),
        item.title,
        item.url,
        item.department,
        item.owner,
        task.status,
        "" if item.is_restricted else task.vendor_status,
        task.kind,
        task.start,
        task.due,
        forecast.start if is_told else None,
        forecast.finish if is_told else None,
        forecast.slip_days if is_told else None,
        is_late,
        waits_for,
        awaited_by,
        task.finished,
    )
