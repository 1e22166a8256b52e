"""Judge what the stock-taking page says: the record of one day, written once. Later only what became restricted is masked on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from jobs.baseline.text import page_body
from sync.core.baseline import JOB, Baseline, BaselinePair
from sync.core.disclosure import NOT_VISIBLE, department_name, shown
from sync.core.plan import Desired, Judgement, PageAsContent, Published
from sync.core.ports import PageContent
from sync.core.projection import projection_facts
from sync.core.schedule import calendar_for
from sync.core.values import Language, Ref, Task, ends_of
from sync.core.view import View

ENDED = ("done", "cancelled")
MESSAGE = "stock_taking"
DATES = ("planned", "expected", "awaited", "due")
LABELS = ("tieline", "tieline-baseline")
MOST_ROWS = 2000  # Confluence refuses bodies of more than 5 MB; a row with two long titles and addresses is up to 2 kB


class BaselineSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``adoption.page`` in tieline.yaml: where the page stands and what it is called. It speaks its connection's language."""

    connection: str
    space: str
    title: str


def judge(view: View, settings: BaselineSettings, published: Mapping[str, Published]) -> Judgement:
    """The page, once the first day has come; what stands already keeps its facts, but for what may not be said any more."""
    last = next((entry for entry in published.values() if entry.message == MESSAGE), None)
    if last is not None:
        return Judgement(desired=(_kept(view, last),)) if last.state == "published" else Judgement()
    if view.baseline is None or not view.baseline.is_taken:
        return Judgement()
    language = view.connections[settings.connection].language
    facts = facts_of(view, language)
    page = PageContent(settings.space, settings.title, page_body(facts, language), labels=LABELS)
    return Judgement(
        desired=(
            Desired(
                key=f"{JOB}:{settings.connection}:{settings.space}",
                job=JOB,
                target=Ref.of(settings.connection, "space", settings.space),
                message=MESSAGE,
                facts=facts,
                content=PageAsContent(page),
                reason="what was late on the first day",
                rests_on=tuple(sorted({ref.connection for ref in view.tasks})),
            ),
        )
    )


def facts_of(view: View, language: Language) -> dict[str, Any]:
    """Everything the page says, in plain values: the day, the late pairs worst first, and how many were on plan."""
    baseline = view.baseline or Baseline()
    pairs = baseline.pairs.values()
    late = [row for pair in sorted(pairs, key=_badness) if pair.is_late and (row := _row(view, pair, language))]
    return {
        "language": language,
        "day": baseline.day,
        "late": late[:MOST_ROWS],
        "more": max(0, len(late) - MOST_ROWS),
        "undated": sum(1 for row in late if row["slip_days"] is None),
        "on_plan": sum(1 for pair in pairs if not pair.is_late and _is_open(view, pair)),
    }


def _badness(pair: BaselinePair) -> tuple[bool, int, str, str]:
    """Without a date first, then by working days, then by how long it should have gone on already."""
    days = 0 if pair.is_open_ended else -pair.slip_days
    return (not pair.is_open_ended, days, str(pair.planned), pair.key)


def _row(view: View, pair: BaselinePair, language: Language) -> dict[str, Any] | None:
    before, after = (view.tasks.get(ref) for ref in ends_of(pair.key))
    if before is None or after is None:
        return None
    return {
        "key": pair.key,
        "department": department_name(view, before.department, language),
        "waiting_department": department_name(view, after.department, language),
        "before": _task_facts(view, before, language),
        "after": _task_facts(view, after, language),
        **{name: getattr(pair, name) for name in DATES},
        "slip_days": None if pair.is_open_ended else pair.slip_days,
        "is_past_due": pair.is_past_due,
        "is_about_start": pair.is_about_start,
        "is_after_start": pair.is_after_start,
        **projection_facts(
            (calendar_for(view)(before), (pair.due, pair.awaited)),
            (calendar_for(view)(after), (pair.planned, pair.expected)),
        ),
    }


def _task_facts(view: View, task: Task, language: Language) -> dict[str, Any]:
    item = shown(view, task, language)
    facts = {"title": item.title, "url": item.url, "owner": item.owner, "department": item.department}
    return {**facts, "is_masked": True} if item.is_restricted else facts


def _is_open(view: View, pair: BaselinePair) -> bool:
    ends: Iterable[Task | None] = (view.tasks.get(ref) for ref in ends_of(pair.key))
    return all(task is not None and task.status not in ENDED for task in ends)


def _kept(view: View, last: Published) -> Desired:
    """The page as it stands, without names that are restricted, or not visible to us, by now."""
    facts = {**last.facts, "late": [_masked(view, row, last.facts["language"]) for row in last.facts["late"]]}
    content = last.content
    if facts != last.facts and isinstance(content, PageAsContent):
        page = content.page
        body = page_body(facts, facts["language"])
        content = PageAsContent(PageContent(page.space, page.title, body, parent=page.parent, labels=page.labels))
    return Desired(
        last.key, JOB, last.target, MESSAGE, facts, content, "a name may not be said any more", last.rests_on
    )


def _masked(view: View, row: Mapping[str, Any], language: Language) -> Mapping[str, Any]:
    """A row whose ends are named only as far as their readers may be told; a mask that was put on stays on."""
    ends = {}
    for name, ref in zip(("before", "after"), ends_of(row["key"]), strict=True):
        task, said = view.tasks.get(ref), row[name]
        ends[name] = said
        if task is None and not said.get("is_masked"):
            ends[name] = {**said, "title": NOT_VISIBLE[language], "url": "", "owner": "", "is_masked": True}
        elif task is not None and task.visibility == "restricted" and not said.get("is_masked"):
            ends[name] = _task_facts(view, task, language)
    return {**row, **ends}
