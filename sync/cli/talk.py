"""`talk`: what an admin notes of a talk 约谈 for the coordination group, by the same rules as words in a chat; and what was noted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sync.app import App
from sync.cli.cycle import opened
from sync.cli.finding_answers import day_named, source_at, speaker_named, wrong
from sync.cli.listings import events_by_finding
from sync.cli.show import say, say_json
from sync.core.spoken import MOST_NOTE
from sync.core.talks import TALK, SpokenOfTalk
from sync.core.values import Person, TrackedFinding
from sync.mapping.validation import nearest
from sync.store.entries import FindingEvent
from sync.talks import keep_talk, people_named, talk_with


def note_talk(config: Path, text: str, word: str, value: str, by: str, as_json: bool) -> None:
    """Keep the day of a talk or what was decided. Raises ConfigError where no talk with this person is suggested, and for a value that is
    none."""
    with opened(config) as app:
        person, at, speaker = _person(app, text), datetime.now(UTC), speaker_named(app, by)
        found = talk_with(app.store, app.mappings.directory, person.ref.key)
        if found is None:
            raise wrong(text, "no talk is suggested", "`tieline findings` lists those that are (talk_suggested)")
        spoken = _spoken(text, word, value, at.astimezone(ZoneInfo(speaker.zone)).date())
        keep_talk(app.store, found[1], spoken, speaker, at, source_at(at))
        key = found[1].finding.key
        kept = app.store.events_of_finding(key)[-1]
    if as_json:
        say_json({"key": key, **_kept(kept)})
        return
    say(f"Noted for the talk with {person.name}: {f'{spoken.day:%Y-%m-%d}' if spoken.day else spoken.note}")


def list_talks(config: Path, text: str, as_json: bool) -> None:
    """All talks with this person that were ever suggested, and what was noted of each, the newest first."""
    with opened(config) as app:
        person = _person(app, text)
        talks = [
            item for item in app.store.findings() if item.finding.kind == TALK and person.ref in item.finding.subjects
        ]
        events = events_by_finding(app, talks)
    talks.sort(key=lambda item: item.opened_at, reverse=True)
    shapes = [_shape(item, events[item.finding.key]) for item in talks]
    if as_json:
        say_json(shapes)
        return
    for shape in shapes:
        say(f"{shape['since']:%Y-%m-%d} {shape['state']}, {shape['count']} times")
        for kept in shape["kept"]:
            what = f"set for {kept['day']}" if kept["day"] else f"decided: {kept['note']}"
            say(f"  {kept['at']:%Y-%m-%d} {what} ({kept['name'] or '?'})")
    if not shapes:
        say(f"No talk with {person.name} was ever suggested.")


def _person(app: App, text: str) -> Person:
    found = people_named(app.mappings.directory, text)
    if len(found) != 1:
        keys = {ref.key for ref in app.mappings.directory.people}
        raise wrong(text, "is not one person of people.yaml", nearest(text, keys) or "write the key that stands there")
    return found[0]


def _spoken(text: str, word: str, value: str, today: date) -> SpokenOfTalk:
    if word == "date":
        return SpokenOfTalk(text, day_named(value, today))
    if not value.strip():
        raise wrong(word, "says nothing", f'`tieline talk {text} decided "…"`')
    return SpokenOfTalk(text, note=value.strip()[:MOST_NOTE])


def _shape(item: TrackedFinding, events: Sequence[FindingEvent]) -> dict[str, Any]:
    kept = [_kept(event) for event in events if event.kind in ("talk_set", "talk_decided")]
    names = {"key": item.finding.key, "state": item.state, "since": item.opened_at}
    return {**names, "count": item.finding.parameters.get("count"), "kept": kept}


def _kept(event: FindingEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in ("kind", "at", "by", "name", "day", "note")}
