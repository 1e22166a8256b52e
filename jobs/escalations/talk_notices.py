"""What the coordination group is told of a talk 约谈, each in their own chat, never the person or a room: that it would help, its day, what
was decided; and on the day after, where nothing was, the question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.escalations.chats import Chat, account_of, at_work
from jobs.escalations.matters import NAME
from jobs.escalations.notices import shown_facts
from jobs.escalations.talks import Talk
from jobs.escalations.text import WORDS, message_of
from sync.core.disclosure import person_name
from sync.core.plan import Desired, MessageContent, Published
from sync.core.talks import TALK, speaks_of
from sync.core.values import Finding, Ref, Task
from sync.core.view import View
from sync.core.working_time import zone_of_person

MOST_TASKS = 8


def talk_finding(view: View, item: Talk) -> Finding:
    """That a talk with somebody would help; for the admin's list, which says no more than the message."""
    return Finding(
        key=item.key,
        kind=TALK,
        severity="info",
        subjects=(item.person,),
        message="talk_suggested",
        parameters={"name": person_name(view, item.person, "zh-CN") or item.person, "count": item.count},
    )


def talk_messages(view: View, chat: Chat, item: Talk, published: Mapping[str, Published]) -> Iterator[Desired]:
    """Each of them once to each of the group; what somebody noted is not told to themselves."""
    known = view.people.get(item.person)
    tasks = _tasks(view, item)
    for person in speaks_of(known, view.departments) if known else ():
        account = account_of(view, chat, person)
        for key, message, facts in _said(view, chat, item, person, tasks) if account else ():
            if key not in published:
                yield Desired(
                    key=key,
                    job=NAME,
                    target=Ref.of(chat.connection, "person", account),
                    message=message,
                    facts=facts,
                    content=MessageContent(message_of(message, facts, chat.language)),
                    reason=f"{item.count} times",
                    rests_on=tuple(sorted({task.ref.connection for task in tasks})) if message == "talk" else (),
                    about=tuple(task.ref for task in tasks),
                )


def _said(
    view: View, chat: Chat, item: Talk, person: Ref, tasks: list[Task]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What is to be said to one of the group: key, message and facts."""
    name = {"name": person_name(view, item.person, chat.language), "language": chat.language, "is_private": True}
    if tasks and not item.decided:
        shown = [shown_facts(view, chat, task) for task in tasks[:MOST_TASKS]]
        about = {"tasks": shown, "subjects": [task.ref for task in tasks[:MOST_TASKS]]}
        yield f"{item.key}@{person}", "talk", {**name, "count": item.count, **about}
    if (kept := item.decided or item.set_for) and kept.by != person:
        recorder = person_name(view, kept.by, chat.language) or kept.name or WORDS["somebody"][chat.language]
        facts = {**name, "recorder": recorder, "day": kept.day, "note": kept.note}
        yield f"{item.key}:{kept.kind}:{kept.at:%Y%m%dT%H%M%S%f}@{person}", kept.kind, facts
    day = item.day
    if day and view.at.astimezone(zone_of_person(view, person)).date() > day and at_work(view, person):
        yield f"{item.key}:asked:{day}@{person}", "talk_asked", {**name, "day": day}


def _tasks(view: View, item: Talk) -> list[Task]:
    """The tasks that it was about, as far as they are there."""
    refs = dict.fromkeys(ref for key in item.findings for ref in _subjects(key))
    return [view.tasks[ref] for ref in refs if ref in view.tasks]


def _subjects(key: str) -> Iterator[Ref]:
    """The task that a finding of ours was about: what is late or broke. Its key names it, also when the finding is over."""
    _, _, rest = key.partition(":")
    _, _, name = rest.partition(":")
    first = name.partition(">")[0]
    if first.count(":") >= 2:
        yield Ref(first)
