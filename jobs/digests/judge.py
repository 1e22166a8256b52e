"""Judge who should be told what today: one message a day for each person who has news, and none for anybody else.

Pure: the same view, settings and published entries give the same judgement. What was told already is remembered in the facts of the
last digest of each person, as ``told``: what it was about, and a digest of what would be news of it; and as ``left`` what it had no room
for, which is not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from jobs.digests.facts import masked, said_of
from jobs.digests.items import (
    SECTIONS,
    Item,
    Waits,
    is_asked_elsewhere,
    is_undecided,
    items_of,
    taken_back,
    told_ready,
    waits_of,
    within_budget,
    without_repeats,
)
from jobs.digests.settings import NAME, DigestSettings, day_of_telling, room_of
from jobs.digests.text import digest_message, is_too_long
from sync.core.plan import Desired, Judgement, MessageContent, Published
from sync.core.values import Language, Person, Ref
from sync.core.view import View

REMEMBERED = timedelta(days=30)


@dataclass(frozen=True)
class Reader:
    """Somebody who may be told something now: on which day of theirs, where, in which language, and what they know already. ``left`` is
    what their last digest had no room for, and since when.
    """

    person: Person
    day: date
    room: Ref
    language: Language
    told: Mapping[str, str]
    left: Mapping[str, date]


def judge(view: View, settings: DigestSettings, published: Mapping[str, Published]) -> Judgement:
    """The digests that should be said now, and of earlier ones what may not be named any more."""
    if view.baseline is not None and not view.baseline.is_taken:
        return Judgement()  # nothing is said before the first day
    last = last_digests(published)
    readers = list(_readers(view, settings, last))
    items = items_of(view, settings, {reader.person.ref for reader in readers}) if readers else {}
    waits = waits_of(view, {ref for reader in readers for ref in told_ready(reader.told)})
    desired = [found for reader in readers if (found := _digest(view, settings, reader, items, waits))]
    desired += (item for entry in published.values() if (item := _masked(view, entry)))
    return Judgement(desired=tuple(desired), forgotten=tuple(_long_ago(view, published, last)))


def key_of(person: Ref, day: date) -> str:
    """The key of a person's digest of one day, by their own calendar."""
    return f"{NAME}:{day.isoformat()}:{person}"


def last_digests(published: Mapping[str, Published]) -> dict[Ref, tuple[date, Published]]:
    """The latest digest of each person, and of which day it is."""
    found: dict[Ref, tuple[date, Published]] = {}
    for key in sorted(published):  # dates sort as they follow
        _, day, person = key.split(":", 2)
        found[Ref(person)] = (date.fromisoformat(day), published[key])
    return found


def _long_ago(
    view: View, published: Mapping[str, Published], last: Mapping[Ref, tuple[date, Published]]
) -> Iterator[str]:
    """Digests of which only the ledger still knows: a button of theirs may have been pressed long since. Each person's last one stays."""
    kept = {entry.key for _, entry in last.values()}
    since = (view.at.date() - REMEMBERED).isoformat()
    yield from (key for key in published if key not in kept and key.split(":", 2)[1] < since)


def _readers(view: View, settings: DigestSettings, last: Mapping[Ref, tuple[date, Published]]) -> Iterator[Reader]:
    """Who may be told something now: they are at work, a chat knows them, and they were told nothing today."""
    for ref in sorted(view.people):
        person, before = view.people[ref], last.get(ref)
        place = room_of(view, person, settings)
        day = day_of_telling(view, person, settings) if place else None
        if place and day and (before is None or before[0] < day):
            facts = before[1].facts if before else {}
            left = {key: date.fromisoformat(since) for key, since in facts.get("left", {}).items()}
            yield Reader(person, day, *place, told=facts.get("told", {}), left=left)


def _digest(
    view: View, settings: DigestSettings, reader: Reader, items_by_person: Mapping[Ref, list[Item]], waits: Waits
) -> Desired | None:
    person, told = reader.person, reader.told
    items = items_by_person.get(person.ref, [])
    back = list(taken_back(view, person.ref, told, {item.key for item in items}, waits))
    fresh = [item for item in (*items, *back) if _is_fresh(view, item)]
    news = [item for item in without_repeats(fresh) if item.section == "held" or told.get(item.key) != item.told]
    news = [item for item in news if not is_asked_elsewhere(view, item, reader.day)]
    if not news:
        return None
    chosen = within_budget(news, reader.left, settings.most_items)
    while is_too_long(facts := _facts(view, settings, reader, chosen, len(news))) and len(chosen) > 1:
        chosen = chosen[:-1]
    untold = {item.key for item in news} - {item.key for item in chosen}
    facts["told"] = _remembered(view, person, told, items, [item for item in fresh if item.key not in untold])
    facts["left"] = {key: reader.left.get(key, reader.day) for key in sorted(untold)}
    return Desired(
        key=key_of(person.ref, reader.day),
        job=NAME,
        target=reader.room,
        message="digest",
        facts=facts,
        content=MessageContent(digest_message(facts, reader.language)),
        reason=f"{len(news)} news for {person.ref.key}",
        rests_on=tuple(sorted({task.ref.connection for item in news for task in item.tasks})),
        about=tuple(sorted({task.ref for item in news for task in item.tasks})),
    )


def _facts(view: View, settings: DigestSettings, reader: Reader, chosen: list[Item], count: int) -> dict[str, Any]:
    """What the message says: these items, section by section, and how many more of so many there are."""
    ordered = sorted(chosen, key=lambda item: (SECTIONS.index(item.section), item.order))
    return {
        "day": reader.day,
        "language": reader.language,
        "items": [said_of(view, item, reader.person.ref, reader.day, reader.language) for item in ordered],
        "more": count - len(ordered),
        "page_url": settings.page_url,
    }


def _remembered(
    view: View, person: Person, told: Mapping[str, str], items: list[Item], fresh: list[Item]
) -> dict[str, str]:
    """What counts as told after this digest: all that stands and could be judged, and what could not be, as it was told before."""
    now = {item.key: item.told for item in fresh if item.section != "held"}
    back = {item.key for item in fresh if item.section == "held"}
    standing = {item.key for item in items}
    kept = {
        key: value
        for key, value in told.items()
        if key not in back and (key in standing or is_undecided(view, person.ref, key))
    }
    return dict(sorted({**kept, **now}.items()))


def _is_fresh(view: View, item: Item) -> bool:
    return view.is_fresh(*(task.ref.connection for task in item.tasks))


def _masked(view: View, entry: Published) -> Desired | None:
    """An earlier digest, if it names what may not be named now: changed in place where the chat can do that, and never said again."""
    facts = masked(view, entry.facts)
    if facts == entry.facts:
        return None
    content = MessageContent(digest_message(facts, facts["language"]), is_news=False)
    return Desired(
        entry.key, NAME, entry.target, entry.message, facts, content, "names what may not be named", entry.rests_on
    )
