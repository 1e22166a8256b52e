"""Delay comments over time: the clock alone edits none, none is closed with a sentence that is not true, nothing hidden is named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from jobs.delays.judge import judge
from jobs.delays.lateness import DelaySettings
from sync.core.markdown import markdown_from_rich_text
from sync.core.plan import CommentContent, Published
from sync.core.values import Dependency, Language, Ref
from sync.core.view import View
from tests.jobs.story import (
    API,
    AT,
    CAMPAIGN,
    FLOW,
    MARKET,
    PRODUCT,
    WAITS,
    comments,
    digests,
    everything_said,
    publish,
    story,
    wait,
)

ONE = WAITS[:1]
A_DAY = timedelta(days=1)
DONE: dict[str, Any] = {"status": "done", "finished": AT}
OVERDUE: dict[str, Any] = {"status": "in_progress", "start": date(2026, 9, 21), "due": date(2026, 9, 25)}
UNDATED: dict[str, Any] = {"start": None, "due": None}
LAUNCH = Ref("trello-main:task:5f03")


def ledger_after(*views: View) -> dict[str, Published]:
    """What stands after the job has judged each of these in turn."""
    ledger: dict[str, Published] = {}
    for view in views:
        ledger = publish(judge(view, DelaySettings(), ledger).desired, ledger)
    return ledger


def messages(view: View, ledger: dict[str, Published]) -> dict[Ref, str]:
    return {target: item.message for target, item in comments(judge(view, DelaySettings(), ledger)).items()}


def said(view: View, ledger: dict[str, Published], target: Ref) -> str:
    content = comments(judge(view, DelaySettings(), ledger))[target].content
    assert isinstance(content, CommentContent)
    return markdown_from_rich_text(content.body)


def without(view: View, *refs: Ref) -> View:
    return replace(view, tasks={ref: task for ref, task in view.tasks.items() if ref not in refs})


def downstream(view: View) -> list[tuple[str, int | None]]:
    facts = comments(judge(view, DelaySettings(), {}))[API].facts
    return [(item["title"], item["slip_days"]) for item in facts["downstream"]]


@pytest.mark.parametrize("days", [1, 2, 9])
@pytest.mark.parametrize("type_", ["finish_to_start", "finish_to_finish"])
def test_a_task_down_the_line_that_is_overdue_itself_edits_nothing(type_: Any, days: int) -> None:
    """The delay has a date, so its days are told; those of a task that is late by its own date would grow every day."""
    waits = (WAITS[0], Dependency(FLOW, CAMPAIGN, type_))
    today, later = (story(at=AT + more * A_DAY, waits=waits, campaign=OVERDUE) for more in (0, days))
    expected = [] if type_ == "finish_to_start" else [("发布预热活动", 9)]  # has started: only its finish can be moved
    assert downstream(today) == downstream(later) == expected
    for item in comments(judge(today, DelaySettings(), {})).values():
        assert (
            digests(judge(later, DelaySettings(), {}))[item.key] == digests(judge(today, DelaySettings(), {}))[item.key]
        )


@pytest.mark.parametrize("days", [0, 1, 2, 9])
def test_what_waits_for_an_overdue_task_down_the_line_is_not_moved_by_this_delay(days: int) -> None:
    view = story(at=AT + days * A_DAY, waits=(*WAITS, wait(CAMPAIGN, LAUNCH)), campaign=OVERDUE)
    launch = replace(view.tasks[CAMPAIGN], ref=LAUNCH, title="上线", status="todo", start=date(2026, 9, 30))
    view = replace(view, tasks={**view.tasks, LAUNCH: replace(launch, due=date(2026, 9, 30))})
    assert downstream(view) == []


def test_what_has_room_enough_down_the_line_does_not_move() -> None:
    assert downstream(story(campaign={"start": date(2026, 10, 22), "due": date(2026, 10, 23)})) == []


@pytest.mark.parametrize("days", [0, 1, 9])
def test_down_the_line_no_days_are_told_where_something_without_a_date_moves_the_task_further(days: int) -> None:
    other = Ref("jira-main:task:10099")
    slow = replace(wait(other, CAMPAIGN), lag_minutes=20 * 480)
    view = story(at=AT + days * A_DAY, waits=(*WAITS, slow))
    overdue = replace(view.tasks[API], ref=other, title="素材", due=date(2026, 9, 25))
    assert downstream(replace(view, tasks={**view.tasks, other: overdue})) == [("发布预热活动", None)]


@pytest.mark.parametrize("days", [1, 2, 9])
def test_behind_an_open_end_further_down_everything_waits_without_days(days: int) -> None:
    """支付流程测试 begins after the start of 支付接口开发, whose day is known, and is past its own due date since."""
    waits = (Dependency(API, FLOW, "start_to_start"), WAITS[1])
    api = {"start": date(2026, 10, 12), "due": date(2026, 12, 30)}
    campaign = {"start": date(2026, 10, 22), "due": date(2026, 10, 23)}
    at = datetime(2026, 10, 19, 1, 0, tzinfo=UTC)
    for day in (at, at + days * A_DAY):
        view = story(at=day, waits=waits, api=api, campaign=campaign)
        facts = comments(judge(view, DelaySettings(), {}), waits[0])[API].facts
        assert facts["slip_days"] == 3
        assert [(item["title"], item["slip_days"]) for item in facts["downstream"]] == [("发布预热活动", None)]


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({"api": UNDATED}, ONE),
        ({"flow": UNDATED}, ONE),
        ({"api": {"department": None}}, ONE),
        ({"flow": {"department": None}}, ONE),
        ({"api": {"department": PRODUCT}}, ONE),
        ({"api": {"department": PRODUCT, "due": date(2026, 9, 30)}}, ONE),
        ({}, (replace(WAITS[0], state="proposed", confidence=0.4),)),
        ({"api": {"due": date(2026, 9, 30)}}, (replace(WAITS[0], state="proposed", confidence=0.4),)),
        ({"api": DONE}, (replace(WAITS[0], state="proposed", confidence=0.4),)),
    ],
)
def test_what_is_not_known_to_be_over_goes_on_as_it_was(changes: dict[str, Any], waits: tuple[Dependency, ...]) -> None:
    ledger = ledger_after(story(waits=ONE))
    judgement = judge(story(waits=waits, **changes), DelaySettings(), ledger)
    assert messages(story(waits=waits, **changes), ledger) == {API: "delay", FLOW: "delay"}
    for item in comments(judgement).values():
        assert digests(judgement)[item.key] == ledger[item.key].digest
        assert item.content == ledger[item.key].content


def test_a_delay_that_stands_is_not_closed_where_its_tool_can_no_longer_be_written() -> None:
    view = story(waits=ONE)
    trello = replace(view.connections["trello-main"], ports=("source",))
    view = replace(view, connections={**view.connections, "trello-main": trello})
    assert messages(view, ledger_after(story(waits=ONE))) == {API: "delay", FLOW: "delay"}


@pytest.mark.parametrize("waits", [ONE, ()])
@pytest.mark.parametrize(("gone", "left"), [(API, FLOW), (FLOW, API)])
def test_a_task_that_is_not_there_any_more_closes_nothing(gone: Ref, left: Ref, waits: tuple[Dependency, ...]) -> None:
    ledger = ledger_after(story(waits=ONE))
    assert messages(without(story(waits=waits), gone), ledger) == {left: "delay"}


def test_a_task_that_comes_back_done_is_told() -> None:
    away = without(story(waits=ONE), API)
    ledger = ledger_after(story(waits=ONE), away)
    back = story(waits=ONE, api=DONE)
    assert messages(back, ledger) == {API: "delay_over_done", FLOW: "delay_over_done"}
    text = said(back, ledger, FLOW)
    assert text.startswith("可以开始了：支付流程测试。")
    assert "支付接口开发" in text
    assert "看不到" not in text


@pytest.mark.parametrize("state", ["rejected", "gone"])
def test_a_dependency_that_comes_back_speaks_again(state: str) -> None:
    waits = () if state == "gone" else (replace(WAITS[0], state="rejected"),)
    ledger = ledger_after(story(waits=ONE), story(waits=waits))
    assert {item.message for item in ledger.values() if item.kind == "comment"} == {"delay_over_gone"}
    assert messages(without(story(waits=waits), API), ledger) == {FLOW: "delay_over_gone"}
    assert messages(story(waits=ONE, api=DONE), ledger) == {API: "delay_over_done", FLOW: "delay_over_done"}
    assert messages(story(waits=ONE), ledger) == {API: "delay", FLOW: "delay"}


@pytest.mark.parametrize(
    ("language", "title", "hidden"),
    [
        ("zh-CN", "「一个现在看不到的任务」", ("支付接口开发", "PAY-63", "张伟")),
        ("en", "“an item that is not visible now”", ("支付接口开发", "PAY-63", "Zhang Wei")),
    ],
)
def test_a_task_that_is_hidden_is_named_no_more(language: Language, title: str, hidden: tuple[str, ...]) -> None:
    shown = story(language, waits=ONE)
    for ledger in (ledger_after(shown), ledger_after(shown, story(language, waits=ONE, api=DONE))):
        away = without(shown, API)
        judgement = judge(away, DelaySettings(), ledger)
        assert not [word for word in hidden if word in everything_said(judgement)]
        assert title in said(away, ledger, FLOW)
        again = judge(away, DelaySettings(), publish(judgement.desired, ledger))
        assert digests(again) == digests(judgement)


def test_a_hidden_successor_is_named_no_more() -> None:
    away = without(story(), FLOW)
    judgement = judge(away, DelaySettings(), ledger_after(story(waits=ONE)))
    assert set(comments(judgement)) == {API}
    assert not [
        word for word in ("支付流程测试", "李娜", "trello.com", "发布预热活动") if word in everything_said(judgement)
    ]


def test_what_may_start_keeps_its_name_when_the_other_end_is_restricted_later() -> None:
    ledger = ledger_after(story(waits=ONE), story(waits=ONE, api=DONE))
    text = said(story(waits=ONE, api=DONE | {"visibility": "restricted"}), ledger, FLOW)
    assert text.startswith("可以开始了：支付流程测试。")
    assert "支付接口开发" not in text


def test_departments_have_a_say_in_the_story_again_when_they_are_back() -> None:
    lost = story(waits=ONE, api={"department": None})
    ledger = ledger_after(story(waits=ONE), lost)
    assert messages(story(waits=ONE, api={"due": date(2026, 9, 30)}), ledger)[FLOW] == "delay_over_on_plan"
    assert messages(story(waits=ONE, api={"department": MARKET}), ledger)[FLOW] == "delay"


def test_links_are_not_removed_because_nothing_can_be_said_now() -> None:
    before = ledger_after(story(waits=ONE))
    kept = {key for key, entry in before.items() if entry.kind == "link"}
    assert kept
    for view in (story(waits=ONE, api={"department": None}), without(story(waits=ONE), API)):
        wanted = {item.key: item for item in judge(view, DelaySettings(), before).desired}
        assert {key: wanted[key].facts for key in kept} == {key: before[key].facts for key in kept}
    for gone in (story(waits=()), story(waits=ONE, api={"visibility": "restricted"})):
        assert not kept & {item.key for item in judge(gone, DelaySettings(), before).desired}
