"""Who often cannot take things on is not blamed: the coordination group hears, each in their own chat, that a talk 约谈 would help."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from jobs.escalations.chats import Chat, account_of
from jobs.escalations.matters import NAME, is_open
from jobs.escalations.notices import shown_facts
from jobs.escalations.text import message_of
from sync.core.asking import coordinators
from sync.core.disclosure import person_name
from sync.core.escalation import REMEMBERED, Event
from sync.core.ladders import EscalationSettings
from sync.core.plan import Desired, MessageContent, Published
from sync.core.values import Finding, Ref, View

MOST_TASKS, INSTANT = 8, "%Y%m%dT%H%M%S%f"
Strike = tuple[datetime, str]
"""When somebody could not take something on, or a time that they promised went by, and the finding that it was about."""


class Talk(Struct, frozen=True):
    """A talk that would help: with whom, its finding's key, how often it happened, and the findings that it was about."""

    person: Ref
    key: str
    count: int
    findings: tuple[str, ...]


class _Series(Struct, frozen=True, order=True):
    """A series of refusals that was noticed before: when the last and the first of them were, which its key tells, and when it was noticed."""

    until: datetime
    since: datetime
    noticed_at: datetime
    key: str

    @classmethod
    def from_key(cls, key: str, noticed_at: datetime) -> _Series:
        since, until = key.rpartition("#")[2].split("-")
        return cls(_instant(until), _instant(since), noticed_at, key)


def suggested(view: View, settings: EscalationSettings, standing: Collection[str]) -> tuple[Talk, ...]:
    """A talk with everybody who declined, or let a promised time go by, as often within REMEMBERED as the setting says. What was counted
    once is not counted again: as many times more are the next series, which has a name of its own. ``standing`` are the keys of the
    findings that are not over now.
    """
    if not settings.declines_before_talk:
        return ()
    strikes, series = _strikes(view, standing), _series(view)
    found = (
        _talk(view, settings, person, strikes.get(person, []), series.get(person))
        for person in sorted({*strikes, *series})
    )
    return tuple(item for item in found if item)


def _talk(
    view: View, settings: EscalationSettings, person: Ref, strikes: Sequence[Strike], last: _Series | None
) -> Talk | None:
    """The talk that is suggested now: for a new series, else for the last that was noticed and is not long ago."""
    fresh = [item for item in strikes if last is None or item[0] > last.until]
    recent = [item for item in fresh if item[0] >= view.at - REMEMBERED]
    if len(recent) >= settings.declines_before_talk:
        since, until = (item[0].astimezone(UTC) for item in (recent[0], recent[-1]))
        key = f"{NAME}:talk:{person}#{since:{INSTANT}}-{until:{INSTANT}}"
        return Talk(person, key, len(recent), tuple(dict.fromkeys(key for _, key in recent)))
    if last is None or view.at - last.noticed_at > REMEMBERED:
        return None
    before = [item for item in strikes if last.since <= item[0] <= last.until]
    count = max(len(before), settings.declines_before_talk)
    return Talk(person, last.key, count, tuple(dict.fromkeys(key for _, key in before)))


def talk_finding(view: View, item: Talk) -> Finding:
    """That a talk with somebody would help; for the admin's list, which says no more than the message."""
    return Finding(
        key=item.key,
        kind="talk_suggested",
        severity="info",
        subjects=(item.person,),
        message="talk_suggested",
        parameters={"name": person_name(view, item.person, "zh-CN") or item.person, "count": item.count},
    )


def talk_messages(view: View, chat: Chat, item: Talk, published: Mapping[str, Published]) -> Iterator[Desired]:
    """One message to each of the coordination group, never to the person or in a room; once for each series."""
    known = view.people.get(item.person)
    department = view.departments.get(known.department) if known and known.department else None
    refs = [ref for key in item.findings for ref in _subjects(key)]
    tasks = [view.tasks[ref] for ref in dict.fromkeys(refs) if ref in view.tasks]
    if department is None or not tasks:
        return
    facts: dict[str, Any] = {
        "name": person_name(view, item.person, chat.language),
        "count": item.count,
        "tasks": [shown_facts(view, chat, task) for task in tasks[:MOST_TASKS]],
        "subjects": [task.ref for task in tasks[:MOST_TASKS]],
        "language": chat.language,
    }
    for person in coordinators(department):
        key, account = f"{item.key}@{person}", account_of(view, chat, person)
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


def _series(view: View) -> Mapping[Ref, _Series]:
    """The last series of each person that was noticed, as far as the ledger still tells of it."""
    found: dict[Ref, _Series] = {}
    for key, events in view.events.items():
        start, _, name = key.rpartition("#")
        opened = [event.at for event in events if event.kind == "opened"]
        if name and opened and start.startswith(f"{NAME}:talk:"):
            person, series = Ref(start.removeprefix(f"{NAME}:talk:")), _Series.from_key(key, opened[0])
            found[person] = max(found.get(person, series), series)
    return found


def _instant(text: str) -> datetime:
    return datetime.strptime(text, INSTANT).replace(tzinfo=UTC)


def _strikes(view: View, standing: Collection[str]) -> Mapping[Ref, list[Strike]]:
    """What each person declined or let go by, in the events that the view knows, the oldest first."""
    found: dict[Ref, list[Strike]] = {}
    for key, known in view.events.items():
        is_over_now = key not in standing and is_open(known)
        events = (*known, Event("solved", view.at)) if is_over_now else known
        for person, at in (*_declined(events), *_promises_gone_by(events, view)):
            found.setdefault(person, []).append((at, key))
    return {person: sorted(strikes) for person, strikes in found.items()}


def _declined(events: Sequence[Event]) -> Iterator[tuple[Ref, datetime]]:
    """Who declined and when, once each until they answer: pressing twice is one."""
    silent: set[Ref] = set()
    for event in events:
        if event.by is None:
            continue
        if event.kind == "declined" and event.by not in silent:
            silent.add(event.by)
            yield event.by, event.at
        elif event.kind in ("acknowledged", "promised"):
            silent.discard(event.by)


def _promises_gone_by(events: Sequence[Event], view: View) -> Iterator[tuple[Ref, datetime]]:
    """Who promised an instant that went by unsolved, before a new one was promised; and that instant."""
    for number, event in enumerate(events):
        if event.kind != "promised" or event.by is None or event.until is None:
            continue
        if not event.at < event.until <= view.at:  # one of a time gone by is only an answer
            continue
        later = events[number + 1 :]
        is_kept = any(item.kind in ("solved", "promised", "declined") and item.at <= event.until for item in later)
        if not is_kept and (is_open(tuple(events)) or any(item.kind == "solved" for item in later)):
            yield event.by, event.until


def _subjects(key: str) -> Iterator[Ref]:
    """The task that a finding of ours was about: what is late or broke. Its key names it, also when the finding is over."""
    _, _, rest = key.partition(":")
    _, _, name = rest.partition(":")
    first = name.partition(">")[0]
    if first.count(":") >= 2:
        yield Ref(first)
