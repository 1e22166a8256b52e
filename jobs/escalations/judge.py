"""Judge what climbs a ladder: who is asked now, in which room, why it is late, and what is over.

Pure: the same view, settings and published entries give the same judgement. What was told is read from the published entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jobs.escalations.chats import Chat, Reached, chat_of, reached
from jobs.escalations.closings import closings
from jobs.escalations.matters import NAME, Matter, incident_findings, matters
from jobs.escalations.notices import asked, notices, put_right, room_key
from jobs.escalations.reasons import questions, routes
from jobs.escalations.talk_notices import talk_finding, talk_messages
from jobs.escalations.talks import suggested
from sync.core.disclosure import person_name
from sync.core.ladders import EscalationSettings
from sync.core.plan import NO_ROOM, Desired, Judgement, Published
from sync.core.values import Finding, Ref
from sync.core.view import View


def judge(view: View, settings: EscalationSettings, published: Mapping[str, Published]) -> Judgement:
    """The messages of each due step, the question for the reason and where its answer leads, and the closing of what is over."""
    incidents = incident_findings(view)
    chat = chat_of(view, settings.connection)
    if chat is None or (view.baseline is not None and not view.baseline.is_taken):
        return Judgement(findings=incidents)
    standing = list(matters(view, settings, incidents, published))
    desired: list[Desired] = []
    for matter in standing:
        desired += notices(view, chat, matter, published)
        desired += put_right(view, chat, matter, published)
        desired += questions(view, chat, matter, published)
        desired += routes(view, chat, matter, published)
    findings = [*incidents, *_unreached(view, chat, standing), *_asking_nobody(view, chat, standing)]
    findings += _without_room(chat, standing, published)
    known = {item.finding.key for item in view.standing if item.state != "resolved"} | {item.key for item in incidents}
    for item in suggested(view, settings, known):
        findings += [talk_finding(view, item)] if not item.decided else []
        desired += talk_messages(view, chat, item, published)
    episodes = {matter.key: matter.position.episode for matter in standing}
    again = {item.key for item in desired}
    desired += (item for item in closings(view, published, episodes) if item.key not in again)
    return Judgement(tuple(findings), tuple(desired), asked=asked(view, standing, desired))


def _unreached(view: View, chat: Chat, standing: list[Matter]) -> Iterator[Finding]:
    """People who should have been asked and whose account in the chat nobody knows."""
    missed: dict[str, None] = {}
    for matter in standing:
        told = [ref for entry in matter.told for ref in entry.facts.get("missed", ())]
        due = matter.position.due
        missed |= dict.fromkeys([*told, *(reached(view, chat, matter, due.asks).missed if due else ())])
    for ref in sorted(missed):
        parameters = {"name": person_name(view, Ref(ref), chat.language) or ref, "connection": chat.connection}
        yield Finding(f"{NAME}:no_account:{ref}", "no_account", "warning", (Ref(ref),), "no_account", parameters)


def _asking_nobody(view: View, chat: Chat, standing: list[Matter]) -> Iterator[Finding]:
    """What should be told and has nobody who could be asked: no owner, no head, nobody on call, nobody above."""
    for matter in standing:
        due = matter.position.due
        if due and reached(view, chat, matter, due.asks) == Reached():
            key, severity = f"{NAME}:nobody_asked:{matter.key}", matter.finding.severity
            yield Finding(key, "nobody_asked", severity, matter.subjects[:1], "nobody_asked")


def _without_room(chat: Chat, standing: list[Matter], published: Mapping[str, Published]) -> Iterator[Finding]:
    """That people were told one by one where an emergency group was wanted, with the chat's words where it refused; and who could not be
    brought into one."""
    for matter in standing:
        room = published.get(room_key(chat, matter))
        wanted = any(entry.facts.get("does") == "room" for entry in matter.told)
        wanted = wanted or (matter.position.due is not None and matter.position.due.does == "room")
        parameters = {"connection": chat.connection, "detail": room.written.version if room else ""}
        about = matter.subjects[:1]
        if wanted and ((room is None and not chat.makes_rooms) or (room is not None and room.written.id == NO_ROOM)):
            yield Finding(f"{NAME}:no_room:{matter.key}", "no_room", "warning", about, "no_room", parameters)
        elif room is not None and room.written.version:
            yield Finding(
                f"{NAME}:not_in_room:{matter.key}", "not_in_room", "warning", about, "not_in_room", parameters
            )
