"""Judge what the status page should say: facts first, so that an unchanged world leaves the page alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jobs.status_view.picture import EMPTY, picture
from jobs.status_view.rows import COLUMNS, task_rows
from jobs.status_view.text import page_body
from sync.core.disclosure import department_name, history_name, shown
from sync.core.metrics import Table, TableContent
from sync.core.plan import Desired, Judgement, PageAsContent, Published, TableAsContent
from sync.core.ports import PageContent
from sync.core.projection import PROJECTED_YEARS, projection_facts
from sync.core.schedule import Schedule, calendar_for, forecasts_of
from sync.core.values import Dependency, Finding, Language, Ref, Task, TrackedFinding
from sync.core.view import View
from sync.core.wording import day_from_fact

NAME = "status_view"
PICTURE = "tieline-dependencies.svg"
ENDED = ("done", "cancelled")


class StatusPage(Struct, frozen=True, forbid_unknown_fields=True):
    """One status page: where it stands and what it is called. Without a language it speaks its connection's."""

    connection: str
    space: str
    title: str
    language: Language | None = None


class StatusTable(Struct, frozen=True, forbid_unknown_fields=True):
    """One table of all tasks in a tool that draws charts: ``place`` is its project, workspace or folder. Without a language names are
    those of its connection's.
    """

    connection: str
    place: str
    name: str = "tieline_status"
    language: Language | None = None


class StatusSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``jobs.status_view`` in tieline.yaml: the pages and tables to keep."""

    pages: tuple[StatusPage, ...] = ()
    tables: tuple[StatusTable, ...] = ()


def judge(view: View, settings: StatusSettings, published: Mapping[str, Published]) -> Judgement:
    """Pages and tables, resting on every connection whose tasks they count: half the data would give a page that is wrong."""
    plan = forecasts_of(view)
    pages = [_page(view, plan, page, published) for page in settings.pages]
    return Judgement(desired=(*pages, *(_table(view, plan, table) for table in settings.tables)))


def _page(view: View, plan: Schedule, page: StatusPage, published: Mapping[str, Published]) -> Desired:
    language = page.language or view.connections[page.connection].language
    facts = facts_of(view, plan, language)
    key = f"{NAME}:{page.connection}:{page.space}:{page.title}"
    drawing = picture(facts["graph"])
    # A file stays on its page: where there is nothing to draw any more, the last drawing must not go on naming what it named.
    files = ((PICTURE, drawing or EMPTY),) if drawing or key in published else ()
    content = PageContent(
        space=page.space,
        title=page.title,
        body=page_body(view, facts, language, PICTURE if drawing else ""),
        labels=("tieline", "tieline-status"),
        attachments=files,
    )
    return Desired(
        key=key,
        job=NAME,
        target=Ref.of(page.connection, "space", page.space),
        message="status_page",
        facts=facts,
        content=PageAsContent(content),
        reason="the status page of this space",
        rests_on=tuple(sorted({ref.connection for ref in view.tasks})),
    )


def _table(view: View, plan: Schedule, table: StatusTable) -> Desired:
    rows = task_rows(view, plan, table.language or view.connections[table.connection].language)
    content = TableContent(table.place, table.name, Table(COLUMNS, rows), keys=("task",))
    return Desired(
        key=f"{NAME}:table:{table.connection}:{table.place}:{table.name}",
        job=NAME,
        target=Ref.of(table.connection, "place", table.place),
        message="status_table",
        facts={"rows": [list(row) for row in rows]},
        content=TableAsContent(content),
        reason="the table of all tasks in this place",
        rests_on=tuple(sorted({ref.connection for ref in view.tasks})),
    )


def facts_of(view: View, plan: Schedule, language: Language) -> dict[str, Any]:
    """Everything the page says, in plain values; no clock reading, and no number that would grow by itself."""
    waits = [item for item in sorted(view.dependencies, key=lambda item: item.key) if _is_crossing(view, item)]
    late = [row for item in waits if (row := _late_row(view, plan, item, language))]
    likely = [_likely_row(view, item.finding, language) for item in view.standing if _is_likely_late(view, item)]
    return {
        "language": language,
        "late": late,
        **({"likely": likely} if likely else {}),
        "departments": _department_rows(view, plan, waits, language),
        "chains": _chains(view, plan, language),
        "proposed": sum(1 for item in waits if item.state == "proposed"),
        "graph": _graph(view, plan, waits, language),
    }


def _is_crossing(view: View, item: Dependency) -> bool:
    before, after = view.tasks.get(item.predecessor), view.tasks.get(item.successor)
    return bool(before and after and before.department and after.department and before.department != after.department)


def _task_facts(view: View, task: Task, language: Language) -> dict[str, Any]:
    item = shown(view, task, language)
    return {"title": item.title, "url": item.url, "owner": item.owner, "department": item.department}


def _late_row(view: View, plan: Schedule, item: Dependency, language: Language) -> dict[str, Any] | None:
    before, after = view.tasks[item.predecessor], view.tasks[item.successor]
    forecast, awaited = plan.forecasts[after.ref], plan.forecasts[before.ref]
    is_waiting = before.status not in (*ENDED, "unknown") and after.status not in (*ENDED, "unknown")
    if item.state != "confirmed" or not is_waiting or forecast.driver != before.ref:
        return None
    calendar_of = calendar_for(view)
    is_dated, is_about_start = not awaited.is_open_ended, forecast.start != forecast.planned_start
    is_told = is_dated and (is_about_start or not forecast.is_open_ended)  # overdue itself: its finish moves with today
    planned, expected, slip_days = after.due, forecast.finish, forecast.slip_days
    if is_about_start and forecast.planned_start and forecast.start:
        planned, expected = forecast.planned_start, forecast.start
        slip_days = plan.workdays_between(after.ref, planned, expected)
    is_after_start = item.type.startswith("start")
    awaited_day = (awaited.start if is_after_start else awaited.finish) if is_dated else None
    return {
        "before": _task_facts(view, before, language),
        "after": _task_facts(view, after, language),
        "due": before.due,
        "is_past_due": plan.is_overdue(before.ref),
        "awaited": awaited_day,
        "is_after_start": is_after_start,
        "is_about_start": is_about_start,
        "planned": planned,
        "expected": expected if is_told else None,
        "slip_days": slip_days if is_told else None,
        "rules": sorted({evidence.rule for evidence in item.evidence}),
        **projection_facts(
            (calendar_of(before), (before.due, awaited_day)),
            (calendar_of(after), (planned, expected if is_told else None)),
        ),
    }


def _is_likely_late(view: View, item: TrackedFinding) -> bool:
    tasks = [view.tasks.get(ref) for ref in item.finding.subjects]
    is_told = item.finding.kind == "forecast_conflict" and all(tasks)
    return is_told and tasks[0] is not None and tasks[0].visibility == "open"


def _likely_row(view: View, finding: Finding, language: Language) -> dict[str, Any]:
    """What will likely be late by a department's own history, as it was told: an estimate of today's would move by itself."""
    before, after = (view.tasks[ref] for ref in finding.subjects)
    told = finding.parameters
    names = ("planned", "expected", "likely", "likely_by")
    return {
        "before": _task_facts(view, before, language),
        "after": _task_facts(view, after, language),
        **{name: day_from_fact(told[name]) for name in names},
        **{name: told[name] for name in ("is_about_start", "slip_days")},
        "whose": history_name(view, told["whose"], language),
        **({PROJECTED_YEARS: told[PROJECTED_YEARS]} if PROJECTED_YEARS in told else {}),
    }


def _department_rows(view: View, plan: Schedule, waits: list[Dependency], language: Language) -> list[dict[str, Any]]:
    rows = []
    open_waits = [
        item
        for item in waits
        if item.state == "confirmed"
        and view.tasks[item.predecessor].status not in ENDED
        and view.tasks[item.successor].status not in ENDED
    ]
    for ref in sorted(view.departments):
        own = [task for task in view.tasks.values() if task.department == ref]
        active = [task for task in own if task.status not in ENDED]
        rows.append(
            {
                "department": department_name(view, ref, language),
                "open": len(active),
                "late": sum(1 for task in active if _is_late(plan, task)),
                "waits_for": sum(1 for item in open_waits if view.tasks[item.successor].department == ref),
                "awaited_by": sum(1 for item in open_waits if view.tasks[item.predecessor].department == ref),
                "unknown": sum(1 for task in own if task.status == "unknown"),
            }
        )
    return rows


def _is_late(plan: Schedule, task: Task) -> bool:
    forecast = plan.forecasts[task.ref]
    return task.status != "unknown" and (forecast.slip_days > 0 or forecast.is_open_ended)


def _chains(view: View, plan: Schedule, language: Language) -> list[list[dict[str, Any]]]:
    """Each chain of late tasks from what started it to what it moves, longest first; restricted items are masked as everywhere."""
    pushed = {
        ref: item.driver for ref, item in plan.forecasts.items() if item.driver and view.tasks[ref].status not in ENDED
    }
    drivers = set(pushed.values())
    chains = []
    for ref in sorted(set(pushed) - drivers):
        chain: list[Ref] = [ref]
        while (driver := pushed.get(chain[-1])) and driver not in chain:
            chain.append(driver)
        chains.append([_link_facts(view, plan, item, language) for item in reversed(chain)])
    return sorted(chains, key=lambda chain: -len(chain))


def _link_facts(view: View, plan: Schedule, ref: Ref, language: Language) -> dict[str, Any]:
    """One task of a chain. Its days are told only where its own date is known: otherwise they would grow by themselves."""
    forecast = plan.forecasts[ref]
    slip_days = None if forecast.is_open_ended else forecast.slip_days
    return {**_task_facts(view, view.tasks[ref], language), "slip_days": slip_days}


def _graph(view: View, plan: Schedule, waits: list[Dependency], language: Language) -> dict[str, Any]:
    """The open dependencies between departments, and what they move: nodes and edges by number."""
    edges = [
        item
        for item in sorted(view.dependencies, key=lambda item: item.key)
        if item.state == "confirmed"
        and item.predecessor in view.tasks
        and item.successor in view.tasks
        and view.tasks[item.successor].status not in ENDED
    ]
    core = {ref for item in waits for ref in (item.predecessor, item.successor)}
    kept = [item for item in edges if {item.predecessor, item.successor} & core]
    refs = sorted({ref for item in kept for ref in (item.predecessor, item.successor)})
    number = {ref: index for index, ref in enumerate(refs)}
    nodes = [
        {
            **_task_facts(view, view.tasks[ref], language),
            "is_late": _is_late(plan, view.tasks[ref]) and view.tasks[ref].status not in ENDED,
            "is_done": view.tasks[ref].status == "done",
        }
        for ref in refs
    ]
    links = [
        {
            "from": number[item.predecessor],
            "to": number[item.successor],
            "is_late": plan.forecasts[item.successor].driver == item.predecessor,
        }
        for item in kept
    ]
    return {"nodes": nodes, "links": links}
