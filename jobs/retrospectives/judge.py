"""Judge which delays that are over get a draft. A page is written once; later only what became restricted is masked on it.

Pure: the same view, settings and published entries give the same judgement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from jobs.retrospectives.episodes import Episode, Past, RetrospectiveSettings, episodes
from jobs.retrospectives.text import page_body, page_title
from sync.core.disclosure import NOT_VISIBLE, department_name, shown
from sync.core.plan import Desired, Judgement, PageAsContent, Published
from sync.core.ports import PageContent
from sync.core.projection import PROJECTED_YEARS
from sync.core.schedule import forecasts_of, place_for
from sync.core.values import Language, Ref, Task
from sync.core.view import View

__all__ = ["RetrospectiveSettings", "judge"]

NAME = "retrospectives"
MESSAGE = "retrospective"
TOLD = ("planned", "expected", "slip_days", "due", "awaited", "is_about_start", "is_after_start")


def judge(view: View, settings: RetrospectiveSettings, published: Mapping[str, Published]) -> Judgement:
    """A draft for each delay that is over and was above the floor, judged on complete data only; what stands already stays."""
    kept = [_kept(view, last) for last in published.values() if last.state == "published"]
    covered = {(key, opened) for last in published.values() for key, opened in last.facts["covers"]}
    candidates = [item for item in view.ended if item.finding.kind == "delay"]
    if not candidates or not view.is_fresh(*view.freshness):
        return Judgement(desired=tuple(kept))
    titles = {item.content.page.title for item in published.values() if isinstance(item.content, PageAsContent)}
    drafts: list[Desired] = []
    for episode in episodes(view, forecasts_of(view), settings, covered):
        draft = _draft(view, settings, episode, titles)
        if isinstance(draft.content, PageAsContent):
            titles.add(draft.content.page.title)
        drafts.append(draft)
    return Judgement(desired=(*kept, *drafts))


def _draft(view: View, settings: RetrospectiveSettings, episode: Episode, titles: Collection[str]) -> Desired:
    language = settings.language or view.connections[settings.connection].language
    facts = facts_of(view, episode, language)
    while page_title(facts, language) in titles:  # two tasks of one name that ended on one day
        facts["number"] += 1
    tasks = [episode.before, *(past.after for past in episode.pasts)]
    page = PageContent(
        settings.space,
        page_title(facts, language),
        page_body(facts, language),
        parent=Ref.of(settings.connection, "document", str(settings.parent)) if settings.parent else None,
        labels=("tieline", *settings.labels),
    )
    return Desired(
        key=f"{NAME}:{episode.before.ref}@{episode.opened_at.astimezone(UTC).isoformat()}",
        job=NAME,
        target=Ref.of(settings.connection, "space", settings.space),
        message=MESSAGE,
        facts=facts,
        content=PageAsContent(page),
        reason="a delay is over",
        rests_on=tuple(sorted({task.ref.connection for task in tasks})),
        about=tuple(task.ref for task in tasks),
        is_handed_over=True,
    )


def facts_of(view: View, episode: Episode, language: Language) -> dict[str, Any]:
    """Everything that a draft says, in plain values."""
    before, pasts = episode.before, episode.pasts
    steps = [step.parameters for past in pasts for step in past.steps]
    departments = {Ref(ref) for step in steps for ref in step.get("departments", ())}
    departments |= {task.department for task in (before, *(past.after for past in pasts)) if task.department}
    milestones = sorted({Ref(ref) for step in steps for ref in step.get("milestones", ())} & view.tasks.keys())
    timeline = _timeline(view, before, pasts)
    return {
        "language": language,
        "number": 1,
        "day": timeline[-1]["day"],
        "covers": [list(item) for item in episode.covers],
        "before": _task_facts(view, before, language),
        "after": [_row(view, past, language) for past in pasts],
        "timeline": timeline,
        "date_changes": _date_changes(pasts[0]),
        "departments": [name for ref in sorted(departments) if (name := department_name(view, ref, language))],
        "milestones": [_task_facts(view, view.tasks[ref], language) for ref in milestones],
    }


def _task_facts(view: View, task: Task, language: Language) -> dict[str, Any]:
    """The task, its department beside it; nobody is named."""
    item = shown(view, task, language)
    facts = {"ref": str(task.ref), "title": item.title, "url": item.url, "department": item.department}
    return {**facts, "is_masked": True} if item.is_restricted else facts


def _row(view: View, past: Past, language: Language) -> dict[str, Any]:
    """What one successor went through: its plan when the delay was noticed, the worst of it, and the end."""
    worst = past.worst.parameters
    moved = max((step.parameters for step in past.steps), key=lambda told: told.get("moved_days", 0))
    years = {year for step in past.steps for year in step.parameters.get(PROJECTED_YEARS, ())}
    is_final_worst = past.outcome == "done" and past.days is not None and past.days == past.final_days
    return {
        **_task_facts(view, past.after, language),
        "planned": past.steps[0].parameters["planned"],
        "is_about_start": bool(worst.get("is_about_start")),
        "worst": str(past.final_day) if is_final_worst else worst["expected"],
        "worst_days": past.days,
        "final_days": past.final_days,
        "moved_tasks": moved.get("moved_tasks", 0),
        "moved_days": moved.get("moved_days", 0),
        **({PROJECTED_YEARS: sorted(years)} if years else {}),
    }


def _timeline(view: View, before: Task, pasts: Sequence[Past]) -> list[dict[str, Any]]:
    """What happened, day by day: the dates are those of the delay that mattered most, the first of ``pasts``."""
    entries = list(_steps_told(view, pasts[0]))
    taken_on = {(_day(view, item.acknowledged_at), item.acknowledged_by or "") for item in _acknowledged(pasts)}
    is_named = before.visibility == "open"  # who takes care of a restricted task may tell whose it is
    entries += [{"day": day, "what": "taken_on", "by": by if is_named else ""} for day, by in sorted(taken_on)]
    for number, past in enumerate(pasts):
        if past.outcome != "done":
            ended = _day(view, past.item.resolved_at or view.at)
            entries.append({"day": ended, "what": f"over_{past.outcome}", "after": number})
    if done := [past.item.resolved_at or view.at for past in pasts if past.outcome == "done"]:
        zone = place_for(view)(before).zone  # the day on which a task was finished is its department's
        day = str(before.finished.astimezone(zone).date()) if before.finished else _day(view, max(done))
        entries.append({"day": day, "what": "over_done"})
    return sorted(entries, key=lambda entry: str(entry["day"]))


def _acknowledged(pasts: Sequence[Past]) -> Iterator[Any]:
    return (past.item for past in pasts if past.item.acknowledged_at)


def _steps_told(view: View, past: Past) -> Iterator[dict[str, Any]]:
    """When it was noticed, and each time that a date changed; what it cost meanwhile is told elsewhere."""
    opened, last = past.item.opened_at, None
    if past.steps[0].at != opened:
        yield {"day": _day(view, opened), "what": "noticed"}
    for step in past.steps:
        told = {name: step.parameters.get(name) for name in TOLD}
        what = "noticed" if step.at == opened else "changed"
        if "awaited" not in step.parameters:  # from before it was kept
            yield {"day": _day(view, step.at), "what": what}
        elif told != last:
            yield {"day": _day(view, step.at), "what": what, "dates": told}
        last = told


def _date_changes(past: Past) -> int:
    """How often the predecessor was given another due date while it was late."""
    dues = [step.parameters.get("due") for step in past.steps]
    return sum(1 for earlier, later in pairwise(dues) if later and later != earlier)


def _day(view: View, at: datetime | None) -> str:
    return (at or view.at).astimezone(view.at.tzinfo).date().isoformat()


def _kept(view: View, last: Published) -> Desired:
    """The page as it was written, without names that may not be said any more."""
    language: Language = last.facts["language"]
    facts = {
        **last.facts,
        "before": _masked(view, last.facts["before"], language),
        "after": [_masked(view, row, language) for row in last.facts["after"]],
        "milestones": [_masked(view, item, language) for item in last.facts["milestones"]],
    }
    if facts["before"].get("is_masked"):
        facts["timeline"] = [{**entry, "by": ""} if "by" in entry else entry for entry in last.facts["timeline"]]
    content = last.content
    if facts != last.facts and isinstance(content, PageAsContent):
        page = content.page
        title, body = page_title(facts, language), page_body(facts, language)
        content = PageAsContent(PageContent(page.space, title, body, parent=page.parent, labels=page.labels))
    reason = "a name may not be said any more"
    return Desired(last.key, NAME, last.target, MESSAGE, facts, content, reason, last.rests_on, is_handed_over=True)


def _masked(view: View, said: Mapping[str, Any], language: Language) -> Mapping[str, Any]:
    """A task's facts, as far as its readers may be told now; a mask that was put on stays on. One that was archived or moved since
    keeps its name: what happened with it is past.
    """
    ref = Ref(said["ref"])
    task = view.tasks.get(ref)
    if said.get("is_masked"):
        return said
    if task is not None and task.visibility == "restricted":
        return {**said, **_task_facts(view, task, language)}
    if task is None and ref in view.hidden:
        return {**said, "title": NOT_VISIBLE[language], "url": "", "department": "", "is_masked": True}
    return said
