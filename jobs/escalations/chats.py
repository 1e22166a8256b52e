"""Who can be reached in the configured chat, and whether now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from jobs.escalations.matters import Matter
from sync.core.asking import AskedPerson, people_asked
from sync.core.calendar import Calendar
from sync.core.escalation import Asked
from sync.core.values import Language, Ref
from sync.core.view import View
from sync.core.working_time import calendar_of_person, zone_of_person

ABOVE: tuple[Asked, ...] = ("head", "waiting_head", "coordination_group")


class Chat(Struct, frozen=True):
    """The chat that people are told in."""

    connection: str
    language: Language
    makes_rooms: bool
    has_room_buttons: bool


class Reached(Struct, frozen=True):
    """Who is asked and can be told, with their account in the chat; and who cannot."""

    people: tuple[tuple[AskedPerson, str], ...] = ()
    missed: tuple[Ref, ...] = ()


def chat_of(view: View, connection: str) -> Chat | None:
    """The chat of the settings; None for one that is not there."""
    facts = view.connections.get(connection)
    return (
        Chat(connection, facts.language, "rooms" in facts.reaches, "room_buttons" in facts.reaches) if facts else None
    )


def account_of(view: View, chat: Chat, person: Ref) -> str:
    """The person's account in the chat; empty where nobody knows one."""
    if person.connection == chat.connection and person.kind == "account":
        return person.key
    known = view.people.get(person)
    accounts = known.accounts.get(chat.connection, ()) if known else ()
    return accounts[0] if accounts else ""


def reached(view: View, chat: Chat, matter: Matter, asks: Iterable[Asked]) -> Reached:
    """The people behind a rung's words who can be told; where none of them can, those above."""
    missed: list[Ref] = []
    for words in (tuple(asks), *((word,) for word in ABOVE)):
        asked = people_asked(view, words, matter.parties, view.at)
        found = tuple((item, account_of(view, chat, item.person)) for item in asked)
        missed += [item.person for item, account in found if not account and item.person not in missed]
        if people := tuple((item, account) for item, account in found if account):
            return Reached(people, tuple(missed))
    return Reached(missed=tuple(missed))


def zone_for(view: View, matter: Matter, person: Ref | None) -> ZoneInfo:
    """The zone in which somebody reads the clock; where that is not known the late department's."""
    return zone_of_person(view, person) if _is_known(view, person) else matter.zone


def works_now(view: View, matter: Matter, person: Ref | None) -> bool:
    """Whether this is working time of the person who is asked (None: of the late department): an ordinary notice waits for it."""
    department = view.departments.get(matter.parties.department) if matter.parties.department else None
    if _is_known(view, person) or department is None:
        calendar, zone = calendar_of_person(view, person), zone_for(view, matter, person)
    else:
        calendar, zone = view.calendars.get(department.calendar, calendar_of_person(view, person)), matter.zone
    return _is_worked(calendar, view.at.astimezone(zone))


def at_work(view: View, person: Ref) -> bool:
    """Whether this is somebody's working time."""
    return _is_worked(calendar_of_person(view, person), view.at.astimezone(zone_of_person(view, person)))


def _is_worked(calendar: Calendar, now: datetime) -> bool:
    minute = now.hour * 60 + now.minute
    return any(start <= minute < end for start, end in calendar.hours_of(now.date()))


def _is_known(view: View, person: Ref | None) -> bool:
    known = view.people.get(person) if person else None
    return known is not None and bool(known.zone or known.department in view.departments)
