"""What may not be named now in what is said, or was said before: the rest of a text stands."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from jobs.escalations.text import WORDS
from sync.core.disclosure import NOT_VISIBLE, names_no_task, shown
from sync.core.values import Language, Ref
from sync.core.view import View


def masked(view: View, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The same facts without what is restricted or not in the view any more, and without who has to do with it."""
    hidden = _unnamed(view, facts.get("subjects", ()))
    if not hidden:
        return dict(facts)
    language: Language = facts["language"]

    def one(item: Mapping[str, Any], ref: str) -> Mapping[str, Any]:
        if ref not in hidden:
            return item
        task = view.tasks.get(Ref(ref))
        title = shown(view, task, language).title if task else NOT_VISIBLE[language]
        return {"title": title, "url": "", "owner": "", "department": ""}

    first, *rest = facts["subjects"]
    changed: dict[str, Any] = {}
    if "task" in facts:
        changed |= {"task": one(facts["task"], first), **(_without_names(facts) if first in hidden else {})}
    if "waiting" in facts:
        changed["waiting"] = [one(item, ref) for item, ref in zip(facts["waiting"], rest, strict=False)]
    if "tasks" in facts:
        changed["tasks"] = [one(item, ref) for item, ref in zip(facts["tasks"], facts["subjects"], strict=False)]
    return {**facts, **changed}


def _without_names(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Of a text about a hidden task: who took it on, who is away, who said what of it, and a group that is called by its title. Whom a
    text in the group turns to stays: they are in it."""
    somebody = WORDS["somebody"][facts["language"]]
    told = {name: somebody for name in ("answered_by", "instead_of", "name") if facts.get(name)}
    empty: dict[str, Any] = {"note": "", "opener": "", "others": []}
    told |= {name: value for name, value in empty.items() if name in facts}
    if "room" in facts and facts["room"] != "here" and not names_no_task(facts["room"]):
        told["room"] = ""
    return told


def _unnamed(view: View, subjects: list[str]) -> Set[str]:
    """Those of the subjects that may not be named now."""
    found = set()
    for ref in subjects:
        task = view.tasks.get(Ref(ref))
        if task is None or task.visibility == "restricted":
            found.add(ref)
    return found
