"""Dates of a year whose holidays are not published: every text that names one says so, and no other fact changes."""

from __future__ import annotations

from dataclasses import replace as with_fields
from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from jobs.baseline.judge import BaselineSettings
from jobs.baseline.judge import judge as judge_baseline
from jobs.delays.judge import judge as judge_delays
from jobs.delays.lateness import DelayRoom, DelaySettings
from jobs.status_view.judge import StatusPage, StatusSettings
from jobs.status_view.judge import judge as judge_status
from sync.cli.findings_text import finding_text
from sync.core.baseline import Baseline
from sync.core.calendar import Calendar
from sync.core.markdown import markdown_from_rich_text
from sync.core.plan import CommentContent, Desired, Judgement, MessageContent, PageAsContent, Published
from sync.core.values import Language
from sync.core.view import ConnectionFacts, View
from tests.jobs.story import API, FLOW, TECH, digest, digests, publish, story

NOTE: dict[Language, str] = {
    "zh-CN": "（2027 年放假安排未公布，日期可能调整）",
    "en": "(holidays of 2027 not published yet; dates may move)",
}
AT = datetime(2026, 12, 21, 1, 0, tzinfo=UTC)
IN_DECEMBER: dict[str, dict[str, Any]] = {
    "api": {"start": date(2026, 12, 14), "due": date(2026, 12, 29)},
    "flow": {"start": date(2026, 12, 28), "due": date(2026, 12, 30)},
    "campaign": {"start": date(2026, 12, 31), "due": date(2026, 12, 31)},
}
INTO_JANUARY = {**IN_DECEMBER, "api": {"start": date(2026, 12, 14), "due": date(2026, 12, 31)}}


def december(
    dates: dict[str, Any], language: Language = "zh-CN", unpublished: str = "CN", **calendars: Calendar
) -> View:
    """The story in December 2026, in whose calendar ``unpublished`` 2027 is not known."""
    view = story(language, AT, **dates)
    known = {"CN": Calendar("CN"), **calendars}
    known[unpublished] = with_fields(known[unpublished], projected_from=date(2027, 1, 1))
    return replace(view, calendars=known)


def judged(view: View) -> Judgement:
    """Everything that the three jobs say."""
    pairs = judge_delays(replace(view, baseline=Baseline()), DelaySettings(), {}).pairs
    first_day = replace(view, baseline=Baseline(AT.date(), {pair.key: pair for pair in pairs}))
    said = [
        judge_delays(view, DelaySettings(), {}),
        judge_status(view, StatusSettings((StatusPage("wiki", "TEAM", "状态"),)), {}),
        judge_baseline(first_day, BaselineSettings("wiki", "TEAM", "盘点"), {}),
    ]
    return Judgement(said[0].findings, tuple(item for part in said for item in part.desired))


def texts(judgement: Judgement) -> dict[str, str]:
    found = {}
    for item in judgement.desired:
        if isinstance(item.content, CommentContent):
            found[item.key] = markdown_from_rich_text(item.content.body)
        elif isinstance(item.content, PageAsContent):
            found[item.key] = markdown_from_rich_text(item.content.page.body)
    return found


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_text_that_names_such_a_date_says_so_once(language: Language) -> None:
    view = december(INTO_JANUARY, language)
    said = judged(view)
    counts = {key: text.count(NOTE[language]) for key, text in texts(said).items()}
    assert set(counts.values()) == {1}
    assert len(counts) == 6  # two delays with two comments each, and the two pages
    findings = [finding_text(item, language, view) for item in said.findings if item.kind == "delay"]
    assert [text.count(NOTE[language]) for text in findings] == [1, 1]
    assert texts(said)[f"delays:comment:{API}>{FLOW}:finish_to_start@{FLOW}"].split("\n\n")[1].endswith(NOTE[language])


def test_nothing_changes_where_no_such_date_is_named() -> None:
    published = replace(december(IN_DECEMBER), calendars={"CN": Calendar("CN")})
    before, after = judged(published), judged(december(IN_DECEMBER))
    assert {key for key in digests(before) if digests(before)[key] != digests(after)[key]} == {
        key for key, text in texts(after).items() if NOTE["zh-CN"] in text
    }
    near = [item for item in after.desired if f"{API}>{FLOW}" in item.key]
    assert near
    assert not [item for item in near if "projected_years" in item.facts]


def test_each_end_is_judged_by_its_own_calendar() -> None:
    """The waiting department knows its 2027; the other does not, and none of its dates lies there."""
    view = december(IN_DECEMBER, unpublished="tech", tech=Calendar("tech"))
    departments = {**view.departments, TECH: replace(view.departments[TECH], calendar="tech")}
    view = replace(view, departments=departments)
    assert NOTE["zh-CN"] not in "".join(texts(judged(view)).values())
    late = {**view.tasks, API: replace(view.tasks[API], due=date(2027, 1, 4))}
    said = texts(judged(replace(view, tasks=late)))
    assert {key for key, text in said.items() if NOTE["zh-CN"] in text and "comment" in key} == {
        f"delays:comment:{API}>{FLOW}:finish_to_start@{end}" for end in (API, FLOW)
    }


def test_a_year_that_is_published_is_no_news_in_a_room() -> None:
    """A robot of a group cannot change what it said: it does not say it anew because a note went away."""
    rooms = DelaySettings(rooms=(DelayRoom("robot", "产品群"),))

    def card(year: str, published: dict[str, Published], **changes: Any) -> Desired:
        view = december({**INTO_JANUARY, **changes}, unpublished=year, other=Calendar("other"))
        chat = ConnectionFacts("robot", "feishu", ports=("messenger",))
        view = replace(view, connections={**view.connections, "robot": chat})
        found = judge_delays(view, rooms, published).desired
        return next(item for item in found if item.kind == "message" and f"{API}>{FLOW}" in item.key)

    first = card("CN", {})
    second = card("other", publish([first]))
    moved = card("other", publish([first]), api={"start": date(2026, 12, 14), "due": date(2027, 1, 4)})
    assert digest(first) != digest(second)
    contents = [item.content for item in (first, second, moved)]
    assert [item.is_news for item in contents if isinstance(item, MessageContent)] == [True, False, True]


def test_two_such_years_stand_in_one_note() -> None:
    far = {**INTO_JANUARY, "api": {"start": date(2026, 12, 14), "due": date(2027, 12, 31)}}
    text = texts(judged(december(far)))[f"delays:comment:{API}>{FLOW}:finish_to_start@{FLOW}"]
    assert "（2027、2028 年放假安排未公布，日期可能调整）" in text
