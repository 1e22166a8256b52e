"""What an admin may say of digests, and when somebody may be told."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from sync.core.asking import is_away
from sync.core.values import Language, Person, Ref
from sync.core.view import View
from sync.core.working_time import calendar_of_person, zone_of_person

NAME = "digests"
Kind = Literal[
    "delay", "due_soon", "forecast_conflict", "can_start", "started_early", "silent", "unowned", "unreachable"
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class DigestChat(Struct, frozen=True, forbid_unknown_fields=True):
    """A connection in which people are told, each in their own chat. Without a language it speaks its connection's."""

    connection: str
    language: Language | None = None

    @property
    def reaches(self) -> str:
        """What the connection must reach."""
        return "people"


class DigestSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``jobs.digests`` in tieline.yaml. Who has an account in several ``chats`` is told in the first of them.

    ``after_start_minutes``: how long after the beginning of their working day people are left alone; ``is_at_any_time``: tells at night
    and on days off too, to try it out. Of more than ``most_items`` the rest is counted, with ``page_url`` as the place to read on.
    """

    chats: Annotated[tuple[DigestChat, ...], Meta(min_length=1)]
    kinds: tuple[Kind, ...] = KINDS
    after_start_minutes: Annotated[int, Meta(ge=0)] = 30
    most_items: Annotated[int, Meta(ge=1)] = 5
    page_url: str = ""
    is_at_any_time: bool = False


def room_of(view: View, person: Person, settings: DigestSettings) -> tuple[Ref, Language] | None:
    """The person's own chat and what is spoken there; None for somebody whom none of the chats knows."""
    for chat in settings.chats:
        if accounts := person.accounts.get(chat.connection):
            language = chat.language or view.connections[chat.connection].language
            return Ref.of(chat.connection, "person", accounts[0]), language
    return None


def day_of_telling(view: View, person: Person, settings: DigestSettings) -> date | None:
    """The person's own date, when they may be told something now: in their working hours, not right at the start of the day, and not while
    they are away.
    """
    now = view.at.astimezone(zone_of_person(view, person.ref))
    if is_away(person, now.date()):
        return None
    if settings.is_at_any_time:
        return now.date()
    spans, minute = calendar_of_person(view, person.ref).hours_of(now.date()), now.hour * 60 + now.minute
    is_at_work = any(start <= minute < end for start, end in spans)
    return now.date() if is_at_work and minute >= spans[0][0] + settings.after_start_minutes else None
