"""Incidents 突发: a person opens one about a task, and it stands until a person says that it is solved."""

from __future__ import annotations

from datetime import datetime

from sync.core.answering import Speaker
from sync.core.values import Finding, Ref, Task
from sync.store.entries import FindingEvent
from sync.store.store import Store

JOB = "incidents"
"""Under which the ledger keeps them: no job of this name judges, so no run opens or resolves one."""


def incident_key(task: Ref) -> str:
    """The key of the incident about this task: there is one at a time."""
    return f"{JOB}:incident:{task}"


def open_incident(store: Store, task: Task, note: str, speaker: Speaker, at: datetime, source: str) -> bool:
    """Open it, or open it again. False when it stands already. Raises ValueError for a task that may not be named."""
    if task.visibility != "open":
        raise ValueError(f"{task.ref} may not be named")
    key = incident_key(task.ref)
    finding = Finding(key, "incident", "critical", (task.ref,), "incident", {"note": note, "by": speaker.name})
    event = FindingEvent(key, "opened", at, source, speaker.person, speaker.name, note=note)
    return store.open_by_hand(finding, JOB, event)


def solve_incident(store: Store, task: Ref, note: str, speaker: Speaker, at: datetime, source: str) -> bool:
    """It is over. False when none stands."""
    event = FindingEvent(incident_key(task), "solved", at, source, speaker.person, speaker.name, note=note)
    return store.close_by_hand(event)


def is_marked_in_its_tool(store: Store, task: Ref) -> bool:
    """Whether the task's own tool says that it is an incident: then it is over when it is over there."""
    standing = (item for item in store.findings("open", "acknowledged") if item.job != JOB)
    return any(item.finding.kind == "incident" and item.finding.subjects[:1] == (task,) for item in standing)


def task_named(store: Store, text: str) -> Task | None:
    """The one task of this key, address or ref that may be named. None for any other text, whether it names nothing, several, or what
    may not be named: whoever asks must not learn which.
    """
    names = {text, text.upper(), text.rstrip("/")}
    refs = {ref for ref in store.records_named(names) if ref.kind == "task"}
    found = store.tasks_of(refs | {Ref.trusted(text)} if text.count(":") > 1 else refs)
    return (
        next(iter(found.values())) if len(found) == 1 and all(t.visibility == "open" for t in found.values()) else None
    )
