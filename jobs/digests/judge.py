"""Judge who should be told what today: one message a day for each person who has news, and none for anybody else.

Pure: the same view, settings and published entries give the same judgement. What was told already is remembered in the facts of the
last digest of each person, as ``told``: what it was about, and a digest of what would be news of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from jobs.digests.facts import masked, said_of
from jobs.digests.items import SECTIONS, Item, is_undecided, items_of, taken_back, without_repeats
from jobs.digests.settings import NAME, DigestSettings, day_of_telling, room_of
from jobs.digests.text import digest_message
from sync.core.plan import Desired, Judgement, MessageContent, Published
from sync.core.values import Language, Person, Ref, View


def judge(view: View, settings: DigestSettings, published: Mapping[str, Published]) -> Judgement:
    """The digests that should be said now, and of earlier ones what may not be named any more."""
    if view.baseline is not None and not view.baseline.is_taken:
        return Judgement()  # nothing is said before the first day
    items, last = items_of(view, settings), last_digests(published)
    desired: list[Desired] = []
    for ref in sorted({*items, *last}):
        if person := view.people.get(ref):
            desired += _digest(view, settings, person, items.get(ref, []), last.get(ref))
    desired += (item for entry in published.values() if (item := _masked(view, entry)))
    return Judgement(desired=tuple(desired))


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


def _digest(
    view: View, settings: DigestSettings, person: Person, items: list[Item], last: tuple[date, Published] | None
) -> Iterator[Desired]:
    day, place = day_of_telling(view, person, settings), room_of(view, person, settings)
    if day is None or place is None or (last and day <= last[0]):
        return
    told: Mapping[str, str] = last[1].facts["told"] if last else {}
    back = list(taken_back(view, person.ref, told, {item.key for item in items}))
    fresh = [item for item in (*items, *back) if _is_fresh(view, item)]
    news = [item for item in without_repeats(fresh) if item.section == "held" or told.get(item.key) != item.told]
    if not news:
        return
    room, language = place
    facts = _facts(view, settings, person, sorted(news, key=lambda item: item.order), day, language)
    facts["told"] = _remembered(view, person, told, items, fresh)
    yield Desired(
        key=key_of(person.ref, day),
        job=NAME,
        target=room,
        message="digest",
        facts=facts,
        content=MessageContent(digest_message(facts, language)),
        reason=f"{len(news)} news for {person.ref.key}",
        rests_on=tuple(sorted({task.ref.connection for item in news for task in item.tasks})),
        about=tuple(sorted({task.ref for item in news for task in item.tasks})),
    )


def _facts(
    view: View, settings: DigestSettings, person: Person, news: list[Item], day: date, language: Language
) -> dict[str, Any]:
    """What the message says: the items that are spelled out, section by section, and how many more there are."""
    chosen = sorted(news[: settings.most_items], key=lambda item: (SECTIONS.index(item.section), item.order))
    return {
        "day": day,
        "language": language,
        "items": [said_of(view, item, person.ref, day, language) for item in chosen],
        "more": len(news) - len(chosen),
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
