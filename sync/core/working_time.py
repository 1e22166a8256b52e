"""Whose working days and hours hold: a person's own, or their department's. Pure.

A task goes by its owner's own calendar, else its department's (``sync.core.schedule.place_for``); what is asked of a person goes by that
person.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sync.core.calendar import Calendar
from sync.core.values import Department, Ref
from sync.core.view import View

WEEKDAYS = Calendar("weekdays")


def calendar_of_person(view: View, person: Ref | None) -> Calendar:
    """The person's own calendar, else their department's; Monday to Friday for somebody of whom neither is known."""
    found, department = view.people.get(person) if person else None, _department_of(view, person)
    own = view.calendars.get(found.calendar) if found and found.calendar else None
    return own or (view.calendars.get(department.calendar, WEEKDAYS) if department else WEEKDAYS)


def zone_of_person(view: View, person: Ref | None) -> ZoneInfo:
    """The zone in which the person reads the clock: their own, else their department's; UTC when neither is known."""
    found, department = view.people.get(person) if person else None, _department_of(view, person)
    return ZoneInfo((found.zone if found else "") or (department.zone if department else "UTC"))


def _department_of(view: View, person: Ref | None) -> Department | None:
    found = view.people.get(person) if person else None
    return view.departments.get(found.department) if found and found.department else None
