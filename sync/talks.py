"""Talks 约谈 as the coordination group keeps them: a day, and what was decided. Rows are only added; nobody else learns of them."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from sync.core.answering import Speaker
from sync.core.talks import TALK, SpokenOfTalk, speaks_of
from sync.core.values import Person, Ref, TrackedFinding
from sync.mapping.rules import Directory
from sync.store.entries import FindingEvent
from sync.store.store import Store


def talk_with(store: Store, directory: Directory, text: str) -> tuple[Person, TrackedFinding] | None:
    """The talk that is suggested now with the one person of this key, name or e-mail; None for anybody else."""
    named = {person.ref: person for person in people_named(directory, text)}
    found: dict[Ref, tuple[Person, TrackedFinding]] = {}
    for item in sorted(store.findings("open", "acknowledged"), key=lambda item: item.opened_at):
        if item.finding.kind == TALK and (person := named.get(item.finding.subjects[0])):
            found[person.ref] = person, item
    return next(iter(found.values())) if len(found) == 1 else None


def talk_for(
    store: Store, directory: Directory, text: str, speaker: Ref | None
) -> tuple[Person, TrackedFinding] | None:
    """The same, where this speaker may say something of it. None for all others: whoever asks must not learn which."""
    found = talk_with(store, directory, text)
    return found if found and speaker in speaks_of(found[0], directory.departments) else None


def keep_talk(
    store: Store, item: TrackedFinding, spoken: SpokenOfTalk, speaker: Speaker, at: datetime, source: str
) -> bool:
    """Keep the day or the decision. False for what was kept before, and for a talk that is over."""
    if spoken.kind is None:
        return False
    said = FindingEvent(item.finding.key, spoken.kind, at, source, speaker.person, speaker.name)
    return store.take_answer(replace(said, day=spoken.day, note=spoken.note))


def people_named(directory: Directory, text: str) -> list[Person]:
    """Everybody of people.yaml with this key, name or e-mail; a key is nobody else's."""
    wanted = text.strip().casefold()
    people = directory.people.values()
    by_key = [person for person in people if person.ref.key.casefold() == wanted]
    names = ((person, (person.name, person.english_name, person.email)) for person in people if wanted)
    return by_key or [person for person, own in names if wanted in {name.casefold() for name in own if name}]
