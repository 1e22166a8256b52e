"""Who is asked: a rung's words (owner, head, on call …) as people who are there on that day. Pure. The rules are in docs/escalation.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from sync.core.duty import OnCall
from sync.core.escalation import Asked
from sync.core.values import Department, Person, Ref
from sync.core.view import View
from sync.core.working_time import zone_of_person

People = Mapping[Ref, Person]
Departments = Mapping[Ref, Department]


class Parties(Struct, frozen=True):
    """Whom a finding is about: the owner and the department of what is late, and the departments that wait for it."""

    owner: Ref | None = None
    department: Ref | None = None
    waiting: tuple[Ref, ...] = ()


class AskedPerson(Struct, frozen=True):
    """Somebody who is asked, as what, and in whose place (None: in their own)."""

    person: Ref
    asked_as: Asked
    instead_of: Ref | None = None


def coordinators(department: Department) -> tuple[Ref, ...]:
    """Who decides between departments: the coordination group, without one the head."""
    return department.coordination_group or ((department.head,) if department.head else ())


def is_away(person: Person, day: date) -> bool:
    """Whether people.yaml says that they are away on this day."""
    return any(leave.covers(day) for leave in person.absences)


def asked_instead(people: People, departments: Departments, person: Ref, day: date) -> Ref | None:
    """Who is asked when this person would be: themselves when they are there, else the first who is there of their deputies and the
    deputies of these, then of their manager and the head of their department with theirs. None when nobody is.

    A deputy named for just these days comes before the usual one. A circle of deputies ends where it began.
    """
    seen: set[Ref] = set()
    for first in (person, *_above(people, departments, person)):
        for candidate in _with_deputies(people, first, day, seen):
            known = people.get(candidate)
            if known is None or not is_away(known, day):
                return candidate
    return None


def people_asked(view: View, asks: Iterable[Asked], parties: Parties, now: datetime) -> tuple[AskedPerson, ...]:
    """The people behind a rung's words at this instant, each once, in the order of the words.

    Where the words name nobody the head of the department is asked, without one the heads of those that wait. Empty when there is
    nobody at all.
    """
    found: dict[Ref, AskedPerson] = {}
    for asked in (*asks, "head", "waiting_head"):
        if found and asked not in asks:
            break
        for wanted in _wanted(view, asked, parties, now):
            present = asked_instead(view.people, view.departments, wanted, _day(view, wanted, parties, now))
            if present is not None:
                instead_of = None if present == wanted else wanted
                found.setdefault(present, AskedPerson(present, asked, instead_of))
    return tuple(found.values())


def _above(people: People, departments: Departments, ref: Ref) -> Iterator[Ref]:
    person = people.get(ref)
    if person is None:
        return
    if person.manager:
        yield person.manager
    department = departments.get(person.department) if person.department else None
    if department and department.head:
        yield department.head


def _with_deputies(people: People, ref: Ref, day: date, seen: set[Ref]) -> Iterator[Ref]:
    """The person, then their deputies with the deputies of each; nobody twice."""
    if ref in seen:
        return
    seen.add(ref)
    yield ref
    person = people.get(ref)
    if person is None:
        return
    own = [leave.deputy for leave in person.absences if leave.covers(day)]
    for deputy in (*own, person.deputy):
        if deputy is not None:
            yield from _with_deputies(people, deputy, day, seen)


def _wanted(view: View, asked: Asked, parties: Parties, now: datetime) -> tuple[Ref, ...]:
    """Whom a word means, there or not."""
    department = view.departments.get(parties.department) if parties.department else None
    heads = tuple(item.head for item in _known(view, parties.waiting) if item.head)
    head = (department.head,) if department and department.head else ()
    if asked == "owner":
        return (parties.owner,) if parties.owner else head
    if asked == "deputy":
        owner = view.people.get(parties.owner) if parties.owner else None
        return (owner.deputy,) if owner and owner.deputy else ()
    if asked == "on_call":
        on_call = department.on_call if department else None
        return _on_call(on_call, department, now) or head
    if asked == "coordination_group":
        groups = [item.coordination_group for item in _known(view, (parties.department, *parties.waiting))]
        return tuple(ref for group in groups for ref in group) or head + heads
    return head if asked == "head" else heads


def _on_call(on_call: OnCall | None, department: Department | None, now: datetime) -> tuple[Ref, ...]:
    if on_call is None or department is None:
        return ()
    return on_call.on(now.astimezone(ZoneInfo(department.zone)).date())


def _known(view: View, refs: Iterable[Ref | None]) -> list[Department]:
    return [view.departments[ref] for ref in refs if ref and ref in view.departments]


def _day(view: View, wanted: Ref, parties: Parties, now: datetime) -> date:
    """Today where this person works; where that is not known, where the late task's department does."""
    person, late = view.people.get(wanted), _known(view, (parties.department,))
    is_known = person is not None and (person.zone or person.department in view.departments)
    zone = ZoneInfo(late[0].zone) if late and not is_known else zone_of_person(view, wanted)
    return now.astimezone(zone).date()
