"""Who is away, and who is on call: what people.yaml and departments.yaml say of days."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from sync.core.values import Ref


class Leave(Struct, frozen=True):
    """Somebody is away, from the first to the last day (both included). ``deputy`` stands in then; None: whoever always does."""

    first: date
    last: date
    deputy: Ref | None = None

    def covers(self, day: date) -> bool:
        """True when the day is one of them."""
        return self.first <= day <= self.last


class OnCall(Struct, frozen=True):
    """Who answers a department's incidents: all of ``people``, or with ``since`` one after the other, ``every_days`` days each.

    A turn begins at midnight in the department's zone; before ``since`` the same turns are counted backwards.
    """

    people: tuple[Ref, ...]
    since: date | None = None
    every_days: int = 7

    def on(self, day: date) -> tuple[Ref, ...]:
        """Who is on call on this day."""
        if self.since is None or not self.people:
            return self.people
        turn = (day - self.since).days // self.every_days
        return (self.people[turn % len(self.people)],)
