"""A talk 约谈 with whoever often cannot take things on: who may say something of it, and how. Pure. Nobody else hears of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

from msgspec import Struct

from sync.core.asking import coordinators
from sync.core.spoken import MOST_NOTE, day_from_words
from sync.core.values import Department, Person, Ref

TALK = "talk_suggested"
"""The kind of finding that a talk would help."""
TalkKind = Literal["talk_set", "talk_decided"]
_TALK = re.compile(r"(?:约谈[\s:：]*|talk[\s:：]+(?:with\s+)?)(.+)", re.IGNORECASE | re.DOTALL)
_APART = re.compile(r"[\s,;:、，；：]+")
_DECIDED = re.compile(
    r"(.+?)[\s,;:、，；：]+(?:结论|决定|decided|decision)(?:\s*[:：]\s*|\s+)(.+)", re.IGNORECASE | re.DOTALL
)


class TalkEvent(Struct, frozen=True):
    """What was kept of a talk: the day that it is set for, or in a few words what was decided; by whom, as far as that is known."""

    kind: TalkKind
    at: datetime
    by: Ref | None = None
    name: str = ""
    day: date | None = None
    note: str = ""


class SpokenOfTalk(Struct, frozen=True):
    """约谈 张伟 12月3日 / 约谈 张伟 结论：…. Neither ``day`` nor ``note`` where what follows the name is none of both."""

    who: str
    day: date | None = None
    note: str = ""

    @property
    def kind(self) -> TalkKind | None:
        """What it keeps."""
        return "talk_decided" if self.note else "talk_set" if self.day else None


def talk_from_words(text: str, today: date) -> SpokenOfTalk | None:
    """What the text says about a talk with somebody; None for a text that begins otherwise. A name may have several words;
    what was decided stays as it was written.
    """
    found = _TALK.fullmatch(text.strip())
    if not found:
        return None
    if decided := _DECIDED.fullmatch(found[1]):
        return SpokenOfTalk(decided[1].strip(), note=decided[2].strip()[:MOST_NOTE])
    words = [word for word in _APART.split(found[1]) if word]
    for number in range(1, len(words)):
        if day := day_from_words(" ".join(words[number:]), today):
            return SpokenOfTalk(" ".join(words[:number]), day)
    return SpokenOfTalk(words[0]) if words else None


def speaks_of(person: Person, departments: Mapping[Ref, Department]) -> tuple[Ref, ...]:
    """Who hears of a talk with this person and may say something of it: their department's coordination group, never they themselves."""
    department = departments.get(person.department) if person.department else None
    return tuple(ref for ref in coordinators(department) if ref != person.ref) if department else ()
