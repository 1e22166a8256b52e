"""Digests over random days of random worlds: never two a day for one person, never outside their hours, and none without news."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from jobs.digests.items import SEVERITIES, Item, within_budget
from sync.core.plan import Published
from sync.core.tracking import tracked
from sync.core.values import Finding, Ref, Severity, Task
from sync.core.view import View
from tests.jobs.digest_story import in_chats, judged, noticed
from tests.jobs.story import API, CAMPAIGN, CHINA, FLOW, PEOPLE, publish, story

BEGIN = datetime(2026, 9, 21, 1, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAYS = st.one_of(st.none(), st.integers(0, 18).map(lambda n: date(2026, 9, 21) + timedelta(days=n)))
EDITS = st.one_of(
    st.fixed_dictionaries(
        {"status": st.sampled_from(["todo", "in_progress", "blocked", "done", "cancelled", "unknown"])}
    ),
    st.fixed_dictionaries({"due": DAYS}),
    st.fixed_dictionaries({"start": DAYS}),
    st.fixed_dictionaries({"owner": st.sampled_from([None, *(person.ref for person in PEOPLE)])}),
    st.fixed_dictionaries({"visibility": st.sampled_from(["open", "restricted"])}),
    st.just({}),
)
HOURS = st.sampled_from([1, 1, 2, 3, 12, 24, 24, 40])
STEPS = st.lists(st.tuples(HOURS, st.sampled_from([API, FLOW, CAMPAIGN]), EDITS), min_size=2, max_size=16)
SAID = ("section", "message", "mine", "other", "planned", "expected", "due", "since")


def is_at_work(at: datetime) -> bool:
    """Written down by hand: nine to twelve and one to six in Shanghai, half an hour of grace, no day off."""
    here = at.astimezone(SHANGHAI)
    minute = 60 * here.hour + here.minute
    return CHINA.is_workday(here.date()) and (570 <= minute < 720 or 780 <= minute < 1080)


def sayings(facts: Mapping[str, Any]) -> list[tuple[object, ...]]:
    return [
        tuple(str(item[name]["ref"] if name in ("mine", "other") and item[name] else item[name]) for name in SAID)
        for item in facts["items"]
    ]


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_at_most_one_a_day_in_working_hours_and_none_without_news(steps: list[tuple[int, Ref, dict[str, Any]]]) -> None:
    at = BEGIN
    published: dict[str, Published] = {}
    tasks: dict[Ref, Task] = dict(story().tasks)
    before: tuple[Any, ...] = ()
    told: dict[Ref, tuple[date, list[tuple[object, ...]]]] = {}
    for hours, ref, edit in steps:
        at += timedelta(hours=hours)
        moved = {"updated_at": at} if edit else {}
        tasks[ref] = replace(tasks[ref], **edit, **moved)
        view: View = noticed(replace(in_chats(story(at=at)), tasks=dict(tasks)), before=before)
        before = view.standing
        judgement = judged(view, published)
        for item in judgement.desired:
            if item.key in published:  # what may not be named any more is masked, not said
                assert not getattr(item.content, "is_news", True)
                continue
            person, today = Ref(item.key.split(":", 2)[2]), at.astimezone(SHANGHAI).date()
            assert is_at_work(at)
            last_day, last = told.get(person, (date.min, []))
            assert today > last_day
            said = sayings(item.facts)
            assert said
            assert not set(said) & set(last)
            told[person] = today, said
        published.update(publish(judgement.desired))
        assert judged(view, published).desired == ()  # a second look at the same world says nothing


def rank(item: Item) -> int:
    return SEVERITIES.index(item.finding.finding.severity) if item.finding else 0


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=12), st.sampled_from([date(2026, 9, day) for day in (23, 29, 30)])
)
def test_the_mere_passing_of_hours_is_no_news(hours: list[int], due: date) -> None:
    at = datetime(2026, 9, 28, 2, 0, tzinfo=UTC)
    view = noticed(in_chats(story(at=at, api={"due": due})))
    published = publish(judged(view).desired)
    for step in hours:
        at += timedelta(hours=step)
        assert judged(replace(view, at=at), published).desired == ()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(SEVERITIES), max_size=6), min_size=1, max_size=5), st.integers(1, 6))
def test_the_most_severe_come_first_and_nothing_waits_for_ever(days: list[list[Severity]], most: int) -> None:
    task, first = story().tasks[API], sum(map(len, days))
    untold: list[Item] = []
    left: dict[str, date] = {}
    flood: list[Severity] = ["critical"] * most  # as much as is told, day after day
    number = 0
    for day in range(len(days) + first):
        for severity in days[day] if day < len(days) else flood:
            found = tracked(Finding(f"f:{number:04}", "silent", severity, (API,), "silent"), "f", None, BEGIN)
            untold.append(Item(PEOPLE[0].ref, "asked", found.finding.key, "asked_silent", task, finding=found))
            number += 1
        chosen = within_budget(untold, left, most)
        assert len(chosen) == min(most, len(untold))
        if not left:
            severities = [[rank(item) for item in items] for items in (chosen, untold)]
            assert severities[0] == sorted(severities[1])[:most]
        untold = [item for item in untold if item not in chosen]
        left = {item.key: left.get(item.key, BEGIN.date() + timedelta(days=day)) for item in untold}
    assert [item.key for item in untold if item.key < f"f:{first:04}"] == []
