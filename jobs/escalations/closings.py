"""The quiet end: what was said of a matter that is over is closed in place, and what may not be named any more is masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.escalations.masks import masked
from jobs.escalations.matters import BY_HAND, NAME, TOLD, step_of, told_at
from jobs.escalations.text import message_of
from sync.core.plan import Desired, MessageContent, Published
from sync.core.values import Language, Ref
from sync.core.view import View


def closings(view: View, published: Mapping[str, Published], episodes: Mapping[str, int]) -> Iterator[Desired]:
    """Edits in place, which tell nothing new where a chat cannot change what was said. ``episodes`` are the matters that stand."""
    for entry in published.values():
        if entry.kind != "message":
            continue
        message, facts = entry.message, dict(entry.facts)
        if message == "notice":
            finding, step = step_of(entry)
            if episodes.get(finding) != step.episode:
                message, facts = "notice_over", _over(view, entry)
        facts = masked(view, facts)
        if (message, facts) == (entry.message, dict(entry.facts)):
            continue
        if message in TOLD:
            facts["told_at"] = told_at(entry).isoformat()
        language: Language = facts["language"]
        room = entry.content.room_key if isinstance(entry.content, MessageContent) else ""
        content = MessageContent(message_of(message, facts, language), is_news=False, room_key=room)
        yield Desired(entry.key, NAME, entry.target, message, facts, content, "it is over", entry.rests_on)


def _over(view: View, entry: Published) -> dict[str, Any]:
    """What a closing text knows: of the notice only what names the step and the task."""
    kept = (
        "step",
        "asked",
        "missed",
        "to",
        "does",
        "finding",
        "is_incident",
        "subjects",
        "task",
        "language",
        "contact",
    )
    task = view.tasks.get(Ref(entry.facts["subjects"][0]))
    facts = {name: entry.facts[name] for name in kept}
    is_done = facts["finding"].startswith(BY_HAND) or (task is not None and task.status == "done")
    return {**facts, "is_done": is_done}
