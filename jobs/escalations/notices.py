"""The due step of a matter as messages: a notice to each person asked, or one in the emergency group; and that group with its people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from jobs.escalations.chats import Chat, Reached, chat_of, reached, works_now, zone_for
from jobs.escalations.masks import masked
from jobs.escalations.matters import NAME, Matter, step_of, told_at
from jobs.escalations.text import WORDS, message_of, room_title
from sync.core.asking import AskedPerson
from sync.core.disclosure import contact_for, names_no_task, person_name, shown
from sync.core.escalation import Act, Asked, Step
from sync.core.plan import NO_ROOM, Desired, MessageContent, Published, RoomContent
from sync.core.values import Ref, Task
from sync.core.view import View

MOST_SHOWN = 8


class Telling(Struct, frozen=True):
    """A step, and who is told it."""

    step: Step
    does: Act
    to: Reached


def room_key(chat: Chat, matter: Matter) -> str:
    """One group for a matter, however often it comes back."""
    return f"{NAME}:room:{matter.key}@{chat.connection}"


def telling_of(view: View, chat: Chat, matter: Matter) -> Telling | None:
    """What is to be told: the step that is due, with those of the last one who could not be told yet; or just these."""
    left = _left(matter)
    if due := matter.position.due:
        found = reached(view, chat, matter, due.asks)
        seen = {item.person for item, _ in found.people}
        more = tuple(pair for pair in left.to.people if pair[0].person not in seen) if left else ()
        return Telling(due.step, due.does, Reached((*found.people, *more), found.missed))
    return left


def notices(view: View, chat: Chat, matter: Matter, published: Mapping[str, Published]) -> Iterator[Desired]:
    """The messages of the step that is due. An ordinary one waits for the working time of whoever is asked; an incident does not."""
    telling, room = telling_of(view, chat, matter), published.get(room_key(chat, matter))
    is_made = _may_be_entered(matter, room)
    title = _title(view, chat, matter, room)
    if telling is None:
        if is_made:  # whoever could not be brought in the last time is now
            yield _room(chat, matter, (), title, room)
        return
    is_meeting = telling.does == "room" and (is_made or (room is None and chat.makes_rooms))
    if is_meeting and not matter.is_incident and not works_now(view, matter, None):
        return
    people = [
        pair
        for pair in telling.to.people
        if is_meeting or matter.is_incident or works_now(view, matter, pair[0].person)
    ]
    if not people:
        return
    if is_meeting or is_made:
        yield _room(chat, matter, [account for _, account in people], title, room)
    if is_meeting:
        yield _in_room(view, chat, matter, telling, people, room)
    if not is_meeting or not chat.has_room_buttons:  # whoever cannot answer there can in their own chat
        for asked, account in people:
            yield _to_person(view, chat, matter, telling, asked, account, title if is_made or is_meeting else "")


def asked(view: View, standing: Iterable[Matter], news: Iterable[Desired]) -> dict[tuple[Ref, str], datetime]:
    """Whom the notices of each delay's episode asked about it, and about the others of its task, and when last; those of now with them."""
    matters = {matter.key: matter for matter in standing if not matter.is_incident}
    told = [(told_at(entry), entry.facts) for matter in matters.values() for entry in matter.told]
    told += [
        (view.at, item.facts)
        for item in news
        if item.message == "notice" and isinstance(item.content, MessageContent) and item.content.is_news
    ]
    found: dict[tuple[Ref, str], datetime] = {}
    for at, facts in sorted(told, key=lambda pair: pair[0]):
        matter = matters.get(Step.from_key(facts["step"])[0])
        people = [facts["to"]] if facts["to"] else [item["person"] for item in facts["asked"]]
        keys = [finding.key for finding in matter.findings[:MOST_SHOWN]] if matter else []
        found |= {(Ref(person), key): at for person in people for key in keys}
    return found


def _left(matter: Matter) -> Telling | None:
    """Those of the last step who were not told yet, because it was not their working time or their message was put off; nobody once
    somebody said anything."""
    entries = sorted(matter.told, key=told_at)
    last = [entry for entry in entries if step_of(entry)[1] == step_of(entries[-1])[1]]
    if not last or matter.position.state not in ("asking", "answered"):
        return None
    answers = ("acknowledged", "promised", "declined")
    if any(event.at >= told_at(last[0]) for event in matter.since_begun(*answers)):
        return None
    told = {entry.facts["to"] for entry in last}
    if "" in told:  # in the group, all at once
        return None
    then = _said_then(last[0])
    people = tuple(pair for pair in then.to.people if pair[0].person not in told)
    return Telling(then.step, "notice", Reached(people)) if people else None


def _said_then(entry: Published) -> Telling:
    """The step that a notice of ours told, and whom that step asked then."""
    people = tuple(
        (AskedPerson(Ref(item["person"]), item["as"], Ref(item["for"]) if item["for"] else None), item["account"])
        for item in entry.facts["asked"]
    )
    return Telling(step_of(entry)[1], entry.facts["does"], Reached(people, tuple(map(Ref, entry.facts["missed"]))))


def _may_be_entered(matter: Matter, room: Published | None) -> bool:
    """Whether there is a group that people may be brought into: its name stays, and must not tell them what became restricted since."""
    if room is None or room.written.id == NO_ROOM or not isinstance(room.content, RoomContent):
        return False
    return matter.task.visibility == "open" or names_no_task(room.content.title)


def _title(view: View, chat: Chat, matter: Matter, room: Published | None) -> str:
    if room is not None and isinstance(room.content, RoomContent):
        return room.content.title
    return room_title({"is_incident": matter.is_incident, "task": shown_facts(view, chat, matter.task)}, chat.language)


def _room(chat: Chat, matter: Matter, accounts: Sequence[str], title: str, room: Published | None) -> Desired:
    """The group, with those who are asked now beside those who are in it or were asked before."""
    there = room.content.members if room is not None and isinstance(room.content, RoomContent) else ()
    asked = sorted(entry.target.key for entry in matter.told if entry.target.kind == "person")
    members = tuple(dict.fromkeys((*there, *asked, *accounts)))
    key = room_key(chat, matter)
    # The address of the task tells whether the group's name may be shown; it is kept as it was, for it is no news.
    url = room.facts["url"] if room is not None else matter.task.url * (matter.task.visibility == "open")
    return Desired(
        key=key,
        job=NAME,
        target=Ref.of(chat.connection, "room", key),
        message="room",
        facts={"members": list(members), "finding": matter.key, "url": url},
        content=RoomContent(title, members),
        reason=f"finding {matter.key}",
        rests_on=matter.rests_on,
        about=matter.subjects,
    )


def put_right(view: View, chat: Chat, matter: Matter, published: Mapping[str, Published]) -> Iterator[Desired]:
    """The notices of this episode that were closed too early: it stands, so they ask again what they asked. In place, which is no news."""
    for entry in matter.told:
        own = _chat_of_entry(view, chat, entry)
        if entry.message != "notice_over" or own is None:
            continue
        then, key = _said_then(entry), room_key(own, matter)
        room = published.get(key)
        if entry.facts["to"]:
            asked, account = next(pair for pair in then.to.people if pair[0].person == entry.facts["to"])
            title = _title(view, own, matter, room) if _may_be_entered(matter, room) else ""
            again = _to_person(view, own, matter, then, asked, account, title)
        else:
            again = _in_room(view, own, matter, then, then.to.people, room)
        facts = {**again.facts, "told_at": told_at(entry).isoformat()}
        content = MessageContent(message_of("notice", facts, own.language), False, key if not entry.facts["to"] else "")
        yield replace(again, key=entry.key, target=entry.target, facts=facts, content=content, reason="it stands again")


def _chat_of_entry(view: View, chat: Chat, entry: Published) -> Chat | None:
    """The chat that a notice was told in, which the settings may not name any more, in the language it was told in."""
    found = chat if entry.target.connection == chat.connection else chat_of(view, entry.target.connection)
    return replace(found, language=entry.facts["language"]) if found else None


def _in_room(
    view: View,
    chat: Chat,
    matter: Matter,
    telling: Telling,
    people: Sequence[tuple[AskedPerson, str]],
    room: Published | None,
) -> Desired:
    language, key = chat.language, room_key(chat, matter)
    mentions = [{"name": person_name(view, item.person, language), "account": account} for item, account in people]
    is_over_heads = any(item.asked_as == "coordination_group" for item, _ in people)
    role: Asked = "coordination_group" if is_over_heads else "owner"
    own = {"to": "", "role": role, "instead_of": "", "others": [], "mentions": mentions, "room": "here"}
    target = Ref.of(chat.connection, "room", room.written.id if room and room.written.id else key)
    return _notice(view, chat, matter, telling, people, own, target, f"{chat.connection}:room", matter.zone, key)


def _to_person(
    view: View, chat: Chat, matter: Matter, telling: Telling, asked: AskedPerson, account: str, room: str
) -> Desired:
    language = chat.language
    own = {
        "to": asked.person,
        "role": asked.asked_as,
        "instead_of": person_name(view, asked.instead_of, language),
        "others": [person_name(view, item.person, language) for item, _ in telling.to.people if item != asked],
        "room": room,
    }
    target, zone = Ref.of(chat.connection, "person", account), zone_for(view, matter, asked.person)
    return _notice(view, chat, matter, telling, telling.to.people, own, target, target, zone)


def _notice(
    view: View,
    chat: Chat,
    matter: Matter,
    telling: Telling,
    people: Sequence[tuple[AskedPerson, str]],
    own: Mapping[str, Any],
    target: Ref,
    place: str,
    zone: ZoneInfo,
    room: str = "",
) -> Desired:
    key = telling.step.key(matter.key)
    asked = [
        {"person": item.person, "as": item.asked_as, "for": item.instead_of or "", "account": account}
        for item, account in people
    ]
    said = {"step": key, "asked": asked, "missed": list(telling.to.missed), "does": telling.does, **own}
    facts = masked(view, {**said, **_facts(view, chat, matter, telling, zone)})
    return Desired(
        key=f"{NAME}:step:{key}@{place}",
        job=NAME,
        target=target,
        message="notice",
        facts=facts,
        content=MessageContent(message_of("notice", facts, chat.language), room_key=room),
        reason=f"{matter.key}: {telling.step.phase} {telling.step.number}",
        rests_on=matter.rests_on,
        about=matter.subjects,
    )


def _facts(view: View, chat: Chat, matter: Matter, telling: Telling, zone: ZoneInfo) -> dict[str, Any]:
    """What a notice says, in plain values."""
    parameters, step = matter.finding.parameters, telling.step
    more = parameters.get("moved_tasks")
    return {
        **told_facts(view, chat, matter),
        "is_critical": matter.finding.severity == "critical",
        "phase": step.phase,
        "number": step.number,
        "since": _local(matter.begun, zone),
        "by": _local(matter.position.next_at, zone) if step.phase == "response" and _is_next(matter, step) else "",
        "solve_by": _local(_solve_by(matter), zone) if step.phase == "response" else "",
        "answered_by": answered_by(view, chat, matter),
        "is_declined": bool(matter.since_begun("declined")),
        "note": parameters.get("note") or "",
        "opener": parameters.get("by") or "",
        "planned": parameters.get("planned"),
        "expected": parameters.get("expected"),
        "slip_days": parameters.get("slip_days"),
        "more_tasks": more - 1 if isinstance(more, int) and more > 1 else 0,
    }


def told_facts(view: View, chat: Chat, matter: Matter) -> dict[str, Any]:
    """What every text about a matter knows."""
    return {
        "finding": matter.key,
        "is_incident": matter.is_incident,
        "subjects": list(matter.subjects),
        "task": shown_facts(view, chat, matter.task),
        "waiting": [shown_facts(view, chat, task) for task in matter.waiting[:MOST_SHOWN]],
        "contact": contact_for(view, matter.task.department, chat.language),
        "language": chat.language,
    }


def shown_facts(view: View, chat: Chat, task: Task) -> dict[str, str]:
    """A task as it may be named anywhere."""
    item = shown(view, task, chat.language)
    return {"title": item.title, "url": item.url, "owner": item.owner, "department": item.department}


def answered_by(view: View, chat: Chat, matter: Matter) -> str:
    """Who took it on, as far as it is known; empty while nobody did."""
    said = matter.since_begun("acknowledged", "promised")
    if not said or matter.position.state not in ("answered", "promised"):
        return ""
    return person_name(view, said[-1].by, chat.language) or WORDS["somebody"][chat.language]


def _is_next(matter: Matter, step: Step) -> bool:
    """Whether the next step is one that an answer holds back."""
    following = matter.position.next_step
    return following is not None and following.phase == step.phase


def _solve_by(matter: Matter) -> datetime | None:
    """When an incident has to be solved."""
    rungs = matter.ladder.solution
    if not rungs or matter.ladder.solution_from != "opened":
        return None
    return matter.clock.add(matter.begun, rungs[0].after_minutes)


def _local(instant: datetime | None, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat(timespec="minutes") if instant else ""
