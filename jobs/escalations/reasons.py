"""What comes after an answer: the reason for a delay is asked once, and whoever can do something about it hears of it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs.escalations.chats import Chat, account_of, works_now
from jobs.escalations.masks import masked
from jobs.escalations.matters import NAME, Matter
from jobs.escalations.notices import told_facts
from jobs.escalations.text import WORDS, message_of
from sync.core.asking import asked_instead, coordinators
from sync.core.disclosure import person_name
from sync.core.escalation import Reason
from sync.core.plan import Desired, MessageContent, Published
from sync.core.values import Ref
from sync.core.view import View


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
        yield _said(view, chat, matter, key, account, "reason", told_facts(view, chat, matter))


def routes(view: View, chat: Chat, matter: Matter, published: Mapping[str, Published]) -> Iterator[Desired]:
    """Each reason that was stated in this episode, to whoever can do something about it; each of them once."""
    for reason, by in _stated(view, matter).items():
        for person in _who_helps(view, matter, reason):
            account, key = account_of(view, chat, person), f"{NAME}:route:{matter.episode}:{reason}@{person}"
            if account and person != by and key not in published and works_now(view, matter, person):
                name = person_name(view, by, chat.language) or WORDS["somebody"][chat.language]
                facts = {**told_facts(view, chat, matter), "name": name}
                yield _said(view, chat, matter, key, account, reason, facts)


def _said(
    view: View, chat: Chat, matter: Matter, key: str, account: str, message: str, told: Mapping[str, Any]
) -> Desired:
    facts = masked(view, told)
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
        wanted = [person for item in sides for person in coordinators(item)]
    day = view.at.astimezone(matter.zone).date()
    present = [asked_instead(view.people, view.departments, person, day) for person in wanted if person]
    return tuple(dict.fromkeys(person for person in present if person))


def _person_of(view: View, holder: Ref) -> Ref | None:
    department = view.departments.get(holder)
    return department.head if department else holder
