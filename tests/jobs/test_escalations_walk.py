"""Random worlds: clock ticks, restarts, messages that fail, answers, refusals, promises, endings. Each step once, none out of order."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.escalations.matters import step_of
from sync.core.escalation import Step
from sync.core.plan import Desired, Published
from tests.jobs.escalating import DELAY, INCIDENT, Office, at, outage

BEGIN = at("09-29 14:00")
NAMES = ("zhang-wei", "chen-jie", "wang-qiang")
TICKS = st.integers(1, 2000)
HAPPENINGS = st.sampled_from(
    ["nothing", "nothing", "nothing", "acknowledged", "declined", "promised", "solved", "back", "fail"]
)
MOVES = st.lists(st.tuples(TICKS, HAPPENINGS, st.sampled_from(NAMES), st.integers(0, 5)), min_size=3, max_size=25)


def step(item: Desired) -> Step:
    return Step.from_key(item.facts["step"])[1]


def set_over(office: Office, *, is_over: bool, now: datetime, is_incident: bool) -> None:
    if is_incident:
        office.incident = outage(status="done" if is_over else "in_progress", updated_at=now)
    else:
        office.tasks = {"api": {"status": "done"}} if is_over else {}


def failing(office: Office, now: datetime, some: int) -> list[str]:
    """Some of the messages that would be said now are put off."""
    keys = sorted(item.key for item in office.judged(now).desired)
    return keys[some % 2 :: 2]


def play(moves: list[tuple[int, str, str, int]], *, is_incident: bool) -> Office:
    office = Office(incident=outage(updated_at=BEGIN) if is_incident else None)
    key, now, is_over = INCIDENT if is_incident else DELAY, BEGIN, False
    office.run(now)
    for minutes, happening, by, some in moves:
        now += timedelta(minutes=minutes)
        fails: list[str] = []
        if happening in ("acknowledged", "declined") and not is_over:
            office.happens(happening, now, by, key)
        elif happening == "promised" and not is_over:
            office.happens("promised", now, by, key, until=now + timedelta(hours=some))
        elif happening in ("solved", "back"):
            is_over = happening == "solved"
            set_over(office, is_over=is_over, now=now, is_incident=is_incident)
        elif happening == "fail":
            fails = failing(office, now, some)
        news = office.run(now, fails)
        news = [item for item in news if item.message != "talk"]
        assert not (is_over and news), "nothing new is said about what is solved"
        again = office.run(now, fails)
        assert not again, "what was said is said; a restart says nothing more"
    return office


def check(office: Office) -> None:
    told = [(when, item) for when, item in office.said if item.message == "notice"]
    assert max(Counter(item.key for _, item in office.said).values(), default=0) <= 1
    people = Counter((item.facts["step"], item.target) for _, item in told)
    assert max(people.values(), default=0) <= 1
    highest: dict[tuple[int, Any], int] = {}
    last_episode = 0
    for _, item in told:
        one = step(item)
        assert one.number >= highest.get((one.episode, one.phase), 0), "nobody climbs down"
        assert one.episode >= last_episode
        highest[one.episode, one.phase] = one.number
        last_episode = one.episode
    entries: list[Published] = [entry for entry in office.published.values() if entry.message == "notice"]
    assert len({step_of(entry)[1].episode for entry in entries}) <= 1, "earlier episodes are closed"


@settings(max_examples=60, deadline=None)
@given(MOVES)
def test_a_delay_whatever_happens(moves: list[tuple[int, str, str, int]]) -> None:
    check(play(moves, is_incident=False))


@settings(max_examples=60, deadline=None)
@given(MOVES)
def test_an_incident_whatever_happens(moves: list[tuple[int, str, str, int]]) -> None:
    check(play(moves, is_incident=True))
