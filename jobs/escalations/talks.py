"""Who often cannot take things on is not blamed: a talk 约谈 would help. How often it happened, and which talk matters now."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from jobs.escalations.matters import NAME
from sync.core.answering import short_name
from sync.core.escalation import REMEMBERED, Event, is_open
from sync.core.ladders import EscalationSettings
from sync.core.talks import TalkEvent
from sync.core.values import Ref
from sync.core.view import View

INSTANT = "%Y%m%dT%H%M%S%f"
_KEY = re.compile(rf"{NAME}:talk:([0-9a-f]+)#([0-9]{{8}}T[0-9]{{12}})-([0-9]{{8}}T[0-9]{{12}})")
Strike = tuple[datetime, str]
"""When somebody could not take something on, or a time that they promised went by, and the finding that it was about."""


class Talk(Struct, frozen=True):
    """A talk that would help: with whom, its finding's key, how often it happened, and the findings that it was about; the day for which
    it was set last, and what was decided in it.
    """

    person: Ref
    key: str
    count: int
    findings: tuple[str, ...]
    set_for: TalkEvent | None = None
    decided: TalkEvent | None = None

    @property
    def day(self) -> date | None:
        """The day of a talk in which nothing was decided yet."""
        return self.set_for.day if self.set_for and not self.decided else None

    def is_arranged(self, today: date) -> bool:
        """Whether it is to come, or only just was: nobody needs to hear again that it would help."""
        return self.day is not None and today <= self.day + timedelta(days=1)


class _Series(Struct, frozen=True, order=True):
    """A series of refusals that was noticed before: when the last and the first of them were, as its key tells, and when it was noticed."""

    until: datetime
    since: datetime
    noticed_at: datetime
    key: str


def suggested(view: View, settings: EscalationSettings, standing: Collection[str]) -> tuple[Talk, ...]:
    """A talk with everybody who declined, or let a promised time go by, as often within REMEMBERED as the setting says; also one in which
    something was decided lately. What was counted once, or came before a decision, is not counted again: as many times more are the next
    series, which has a name of its own. ``standing`` are the keys of the findings that are not over now.
    """
    if not settings.declines_before_talk:
        return ()
    strikes = _strikes(view, standing)
    series = _series(view, {*strikes, *view.people})
    found = (
        _talk(view, settings, person, strikes.get(person, []), series.get(person))
        for person in sorted({*strikes, *series})
    )
    return tuple(item for item in found if item)


def _talk(
    view: View, settings: EscalationSettings, person: Ref, strikes: Sequence[Strike], last: _Series | None
) -> Talk | None:
    """The talk that matters now: one of a new series, else that of the last which was noticed and is not long ago."""
    least = settings.declines_before_talk
    known = _known(view, person, strikes, last, least) if last else None
    if known is None or not known.is_arranged(view.at.date()):
        marks = ([last.until] if last else []) + ([known.decided.at] if known and known.decided else [])
        recent = [item for item in strikes if view.at - item[0] <= REMEMBERED and all(item[0] > mark for mark in marks)]
        if len(recent) >= least:
            since, until = (item[0].astimezone(UTC) for item in (recent[0], recent[-1]))
            key = f"{NAME}:talk:{short_name(person)}#{since:{INSTANT}}-{until:{INSTANT}}"  # keys stand in logs
            return Talk(person, key, len(recent), tuple(dict.fromkeys(key for _, key in recent)))
    is_long_ago = last is not None and view.at - last.noticed_at > REMEMBERED
    is_set_lately = known is not None and known.day is not None and view.at.date() - known.day <= REMEMBERED
    return None if is_long_ago and not is_set_lately else known


def _known(view: View, person: Ref, strikes: Sequence[Strike], last: _Series, least: int) -> Talk:
    """The talk of a series that was noticed before, with what was kept of it."""
    own = [item for item in strikes if last.since <= item[0] <= last.until]
    kept = view.talks.get(last.key, ())
    latest = {event.kind: event for event in kept}
    findings = tuple(dict.fromkeys(key for _, key in own))
    return Talk(person, last.key, max(len(own), least), findings, latest.get("talk_set"), latest.get("talk_decided"))


def _series(view: View, people: Iterable[Ref]) -> Mapping[Ref, _Series]:
    """The last series of each of these people that was noticed, as far as the ledger still tells of it."""
    named = {short_name(person): person for person in people}
    found: dict[Ref, _Series] = {}
    for key, events in view.events.items():
        read, opened = _KEY.fullmatch(key), [event.at for event in events if event.kind == "opened"]
        if read and opened and (person := named.get(read[1])):
            series = _Series(_instant(read[3]), _instant(read[2]), opened[0], key)
            found[person] = max(found.get(person, series), series)
    return found


def _instant(text: str) -> datetime:
    return datetime.strptime(text, INSTANT).replace(tzinfo=UTC)


def _strikes(view: View, standing: Collection[str]) -> Mapping[Ref, list[Strike]]:
    """What each person declined or let go by, in the events that the view knows, the oldest first."""
    found: dict[Ref, list[Strike]] = {}
    for key, known in view.events.items():
        is_over_now = key not in standing and is_open(known)
        events = (*known, Event("solved", view.at)) if is_over_now else known
        for person, at in (*_declined(events), *_promises_gone_by(events, view)):
            found.setdefault(person, []).append((at, key))
    return {person: sorted(strikes) for person, strikes in found.items()}


def _declined(events: Sequence[Event]) -> Iterator[tuple[Ref, datetime]]:
    """Who declined and when, once each until they answer: pressing twice is one."""
    silent: set[Ref] = set()
    for event in events:
        if event.by is None:
            continue
        if event.kind == "declined" and event.by not in silent:
            silent.add(event.by)
            yield event.by, event.at
        elif event.kind in ("acknowledged", "promised"):
            silent.discard(event.by)


def _promises_gone_by(events: Sequence[Event], view: View) -> Iterator[tuple[Ref, datetime]]:
    """Who promised an instant that went by unsolved, before a new one was promised; and that instant."""
    for number, event in enumerate(events):
        if event.kind != "promised" or event.by is None or event.until is None:
            continue
        if not event.at < event.until <= view.at:  # one of a time gone by is only an answer
            continue
        later = events[number + 1 :]
        is_kept = any(item.kind in ("solved", "promised", "declined") and item.at <= event.until for item in later)
        if not is_kept and (is_open(tuple(events)) or any(item.kind == "solved" for item in later)):
            yield event.by, event.until
