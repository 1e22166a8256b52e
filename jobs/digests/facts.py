"""What a digest says of each item, in plain values: the tasks as they may be shown, days, and what its buttons answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from jobs.digests.items import Item
from sync.core.answering import acknowledgement, denial
from sync.core.disclosure import NOT_VISIBLE, SOMEBODY, contact_for, history_name, name_beside, person_name, shown
from sync.core.projection import PROJECTED_YEARS
from sync.core.values import Language, Ref, Task
from sync.core.view import View
from sync.core.wording import day_from_fact
from sync.core.working_time import calendar_of_person, zone_of_person

DATED = ("planned", "expected", "due", "since")
UNTOLD = {"likely": None, "likely_by": None, "expected": None}
"""Of a restricted task no likely day is told, nor what would come of it."""


def said_of(view: View, item: Item, person: Ref, day: date, language: Language) -> dict[str, Any]:
    """The facts of one item. ``standing_since`` is the day on which it was noticed, None when that is this one; ``by``: until when an
    answer is asked for.
    """
    parameters = item.finding.finding.parameters if item.finding else {}
    return {
        "section": item.section,
        "message": item.message,
        "mine": _task_facts(view, item.mine, language),
        "other": _task_facts(view, item.other, language) if item.other else None,
        "others": item.others,
        "contact": _contact(view, item, language),
        **{name: day_from_fact(parameters.get(name)) for name in DATED},
        "slip_days": parameters.get("slip_days"),
        "moved_tasks": max(0, parameters.get("moved_tasks", 1) - 1),
        "start": item.mine.start,
        "mine_due": item.mine.due,
        "is_past_due": item.mine.due is not None and item.mine.due < day,
        "instead_of": name_beside(view, (item.mine.ref,), person_name(view, item.instead_of, language), language),
        "is_pushed": item.is_pushed,
        "is_about_start": not item.dependency.endswith("_to_finish"),
        "standing_since": _standing_since(view, item, person, day),
        "taken_by": name_beside(view, (task.ref for task in item.tasks), _taken_by(item), language),
        "by": calendar_of_person(view, person).add_workdays(day, 1),
        "acknowledge": _acknowledge(item),
        "deny": denial(item.dependency) if item.dependency else "",
        **_estimate(view, item, language),
        **({PROJECTED_YEARS: years} if (years := parameters.get(PROJECTED_YEARS)) else {}),
    }


def _estimate(view: View, item: Item, language: Language) -> dict[str, Any]:
    """When such tasks are usually done, and whose, where the finding tells it."""
    parameters = item.finding.finding.parameters if item.finding else {}
    if "likely" not in parameters:
        return {}
    days = {name: day_from_fact(parameters[name]) for name in ("likely", "likely_by")}
    told = {**days, "whose": history_name(view, parameters["whose"], language)}
    return told if item.mine.visibility == "open" else {**told, **UNTOLD}


def masked(view: View, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an earlier digest without what may not be named any more: restricted or hidden now."""
    language: Language = facts["language"]
    return {**facts, "items": [_masked_item(view, item, language) for item in facts["items"]]}


def _masked_item(view: View, item: Mapping[str, Any], language: Language) -> Mapping[str, Any]:
    now = {name: _masked_task(view, item[name], language) for name in ("mine", "other")}
    secret = {name for name, said in now.items() if said and _is_secret(view, Ref(said["ref"]))}
    whose = {"instead_of": {"mine"}, "taken_by": {"mine", "other"}}
    names = {name: SOMEBODY[language] for name, ends in whose.items() if item[name] and ends & secret}
    is_new = any(now[name] != item[name] for name in now)
    untold = UNTOLD if "likely" in item and "mine" in secret else {}
    return {
        **item,
        **now,
        **names,
        **untold,
        "contact": contact_for(view, None, language) if is_new else item["contact"],
    }


def _masked_task(view: View, said: Mapping[str, Any] | None, language: Language) -> Mapping[str, Any] | None:
    if said is None or not _is_secret(view, ref := Ref(said["ref"])):
        return said
    if ref in view.hidden:
        return {**said, "title": NOT_VISIBLE[language], "url": "", "owner": ""}
    return _task_facts(view, view.tasks[ref], language)


def _is_secret(view: View, ref: Ref) -> bool:
    """Whether what was said once may not be named now: hidden or restricted since. What was only archived may."""
    task = view.tasks.get(ref)
    return ref in view.hidden or (task is not None and task.visibility == "restricted")


def _task_facts(view: View, task: Task, language: Language) -> dict[str, Any]:
    item = shown(view, task, language)
    return {
        "ref": str(task.ref),
        "title": item.title,
        "url": item.url,
        "owner": item.owner,
        "department": item.department,
    }


def _contact(view: View, item: Item, language: Language) -> str:
    """Whom to talk to about the other task: its owner, or whoever stands for it."""
    task = item.other or item.mine
    return shown(view, task, language).owner or contact_for(view, task.department, language)


def _standing_since(view: View, item: Item, person: Ref, day: date) -> date | None:
    if item.finding is None:
        return None
    opened = item.finding.opened_at.astimezone(zone_of_person(view, person)).date()
    return opened if opened < day else None


def _taken_by(item: Item) -> str:
    return (item.finding.acknowledged_by or "") if item.finding and item.finding.state == "acknowledged" else ""


def _acknowledge(item: Item) -> str:
    return acknowledgement(item.finding.finding.key) if item.finding and item.section in ("asked", "unowned") else ""
