"""What comes after an answer: the reason for a delay is asked once, and whoever can do something about it hears of it once. Who often
cannot take things on is not blamed: the coordination group hears that a talk would help."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from jobs.escalations.chats import Chat, account_of, works_now
from jobs.escalations.matters import NAME, Matter
from jobs.escalations.notices import shown_facts, told_facts
from jobs.escalations.text import WORDS, message_of
from sync.core.asking import asked_instead
from sync.core.disclosure import person_name
from sync.core.escalation import Event, Reason, is_open
from sync.core.ladders import EscalationSettings
from sync.core.plan import Desired, MessageContent, Published
from sync.core.values import Department, Finding, Ref, View

MOST_TASKS = 8


class Stalling(Struct, frozen=True):
    """Somebody who could not take things on or keep a promised time, how often, and the findings that it was about."""

    person: Ref
    count: int
    findings: tuple[str, ...]


def questions(view: View, chat: Chat, matter: Matter, published: Mapping[str, Published]) -> Iterator[Desired]:
    """The question for the reason, to whoever answered first; once in an episode, and not where somebody said it already."""
    key = f"{NAME}:reason:{matter.episode}"
    # Whoever answered before this job watched is not asked now: their answer counts from the very instant at which it began.
    answers = [event for event in matter.since_begun("acknowledged", "promised") if event.at > matter.begun]
    if matter.is_incident or not answers or key in published or _stated(view, matter):
        return
    person = answers[0].by or matter.task.owner
    account = account_of(view, chat, person) if person else ""
    if person and account and works_now(view, matter, person):
        yield _said(chat, matter, key, account, "reason", told_facts(view, chat, matter))


def routes(view: View, chat: Chat, matter: Matter, published: Mapping[str, Published]) -> Iterator[Desired]:
    """Each reason that was stated in this episode, to whoever can do something about it; each of them once."""
    for reason, by in _stated(view, matter).items():
        for person in _who_helps(view, matter, reason):
            account, key = account_of(view, chat, person), f"{NAME}:route:{matter.episode}:{reason}@{person}"
            if account and person != by and key not in published and works_now(view, matter, person):
                name = person_name(view, by, chat.language) or WORDS["somebody"][chat.language]
                facts = {**told_facts(view, chat, matter), "name": name}
                yield _said(chat, matter, key, account, reason, facts)


def stalling(view: View, settings: EscalationSettings, standing: Collection[str]) -> tuple[Stalling, ...]:
    """Everybody who declined, or let a promised time go by, as often as the setting says or more, in the events that the view knows.
    ``standing`` are the keys of the findings that are not over now."""
    counted: dict[Ref, list[str]] = {}
    for key, known in view.events.items():
        is_over_now = key not in standing and is_open(known)
        events = (*known, Event("solved", view.at)) if is_over_now else known
        for person in (*_declined(events), *_promises_gone_by(events, view)):
            counted.setdefault(person, []).append(key)
    least = settings.declines_before_talk
    return tuple(
        Stalling(person, len(keys), tuple(dict.fromkeys(keys)))
        for person, keys in sorted(counted.items())
        if least and len(keys) >= least
    )


def talk_finding(view: View, item: Stalling) -> Finding:
    """That a talk with somebody would help; for the admin's list, which says no more than the message."""
    return Finding(
        key=f"{NAME}:talk:{item.person}",
        kind="talk_suggested",
        severity="info",
        subjects=(item.person,),
        message="talk_suggested",
        parameters={"name": person_name(view, item.person, "zh-CN") or item.person, "count": item.count},
    )


def talks(
    view: View, chat: Chat, settings: EscalationSettings, item: Stalling, published: Mapping[str, Published]
) -> Iterator[Desired]:
    """One message to each of the coordination group, never to the person or in a room; again only when it is as many times more."""
    known = view.people.get(item.person)
    department = view.departments.get(known.department) if known and known.department else None
    refs = [ref for key in item.findings for ref in _subjects(key)]
    tasks = [view.tasks[ref] for ref in dict.fromkeys(refs) if ref in view.tasks]
    if department is None or not tasks:
        return
    number = item.count // settings.declines_before_talk
    facts: dict[str, Any] = {
        "name": person_name(view, item.person, chat.language),
        "count": number * settings.declines_before_talk,
        "tasks": [shown_facts(view, chat, task) for task in tasks[:MOST_TASKS]],
        "subjects": [task.ref for task in tasks[:MOST_TASKS]],
        "language": chat.language,
    }
    for person in _group(department):
        key, account = f"{NAME}:talk:{item.person}:{number}@{person}", account_of(view, chat, person)
        if person == item.person or not account or key in published:
            continue
        yield Desired(
            key=key,
            job=NAME,
            target=Ref.of(chat.connection, "person", account),
            message="talk",
            facts=facts,
            content=MessageContent(message_of("talk", facts, chat.language)),
            reason=f"{item.count} times",
            rests_on=tuple(sorted({task.ref.connection for task in tasks})),
            about=tuple(task.ref for task in tasks),
        )


def _said(chat: Chat, matter: Matter, key: str, account: str, message: str, facts: Mapping[str, Any]) -> Desired:
    return Desired(
        key=key,
        job=NAME,
        target=Ref.of(chat.connection, "person", account),
        message=message,
        facts=facts,
        content=MessageContent(message_of(message, facts, chat.language)),
        reason=f"finding {matter.key}",
        rests_on=matter.rests_on,
        about=matter.subjects,
    )


def _stated(view: View, matter: Matter) -> Mapping[Reason, Ref | None]:
    """The reasons that were stated in this episode, and by whom first."""
    found: dict[Reason, Ref | None] = {}
    for item in view.reasons.get(matter.key, ()):
        if item.at >= matter.begun:
            found.setdefault(item.reason, item.by)
    return found


def _who_helps(view: View, matter: Matter, reason: Reason) -> Sequence[Ref]:
    """Resources: the department's contact for them. Goal: whoever is accountable, else those who wait. Conflict: both sides' groups."""
    departments = [view.departments.get(ref) for ref in (matter.parties.department, *matter.parties.waiting) if ref]
    sides = [item for item in departments if item is not None]
    late = [item for item in sides if item.ref == matter.parties.department]
    wanted: list[Ref | None]
    if reason == "resources":
        wanted = [item.resource_contact or item.head for item in late]
    elif reason == "goal":
        wanted = [_person_of(view, item.holder) for item in matter.task.assignments if item.role == "accountable"]
        wanted = wanted or [item.head for item in sides if item not in late]
    else:
        wanted = [person for item in sides for person in _group(item)]
    day = view.at.astimezone(matter.zone).date()
    present = [asked_instead(view.people, view.departments, person, day) for person in wanted if person]
    return tuple(dict.fromkeys(person for person in present if person))


def _person_of(view: View, holder: Ref) -> Ref | None:
    department = view.departments.get(holder)
    return department.head if department else holder


def _group(department: Department) -> tuple[Ref, ...]:
    """Who decides between departments; without a group the head."""
    return department.coordination_group or ((department.head,) if department.head else ())


def _declined(events: Sequence[Event]) -> Iterator[Ref]:
    """Who declined, once each until they answer: pressing twice is one."""
    silent: set[Ref] = set()
    for event in events:
        if event.by is None:
            continue
        if event.kind == "declined" and event.by not in silent:
            silent.add(event.by)
            yield event.by
        elif event.kind in ("acknowledged", "promised"):
            silent.discard(event.by)


def _promises_gone_by(events: Sequence[Event], view: View) -> Iterator[Ref]:
    """Who promised an instant that went by unsolved, before a new one was promised."""
    for number, event in enumerate(events):
        if event.kind != "promised" or event.by is None or event.until is None:
            continue
        if not event.at < event.until <= view.at:  # one of a time gone by is only an answer
            continue
        later = events[number + 1 :]
        is_kept = any(item.kind in ("solved", "promised", "declined") and item.at <= event.until for item in later)
        if not is_kept and (is_open(events) or any(item.kind == "solved" for item in later)):
            yield event.by


def _subjects(key: str) -> Iterator[Ref]:
    """The task that a finding of ours was about: what is late or broke. Its key names it, also when the finding is over."""
    _, _, rest = key.partition(":")
    _, _, name = rest.partition(":")
    first = name.partition(">")[0]
    if first.count(":") >= 2:
        yield Ref(first)
