"""What the delays job notices before, and beside, a delay: each kind by example, in sentences that somebody can act on."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from jobs.delays import JOB
from jobs.delays.lateness import DelaySettings
from sync.cli.findings_text import finding_text
from sync.core.values import Dependency, Finding, Ref
from sync.core.view import ConnectionFacts, View
from tests.jobs.story import API, AT, CAMPAIGN, FLOW, WAITS, story, wait

FRIDAY = date(2026, 10, 9)
ON_TIME = {"due": date(2026, 9, 30), "updated_at": AT}


def found(view: View, kind: str, **settings: Any) -> list[Finding]:
    judgement = JOB.judge(view, DelaySettings(**settings), {})
    return [item for item in judgement.findings if item.kind == kind]


def said(view: View, kind: str) -> str:
    [finding] = found(view, kind)
    return finding_text(finding, "zh-CN", view)


def test_a_delay_tells_what_it_costs() -> None:
    [first, second] = found(story(), "delay")
    assert first.subjects == (API, FLOW)
    told = {name: first.parameters[name] for name in ("moved_tasks", "moved_days", "departments", "milestones")}
    departments = ["tieline:department:market", "tieline:department:product"]
    assert told == {"moved_tasks": 2, "moved_days": 6, "departments": departments, "milestones": []}
    assert second.parameters["moved_tasks"] == 1
    text = finding_text(first, "zh-CN", story())
    assert text.endswith("；连带 2 个任务，一共晚 6 个工作日")
    assert "连带" not in finding_text(second, "zh-CN", story())


@pytest.mark.parametrize(
    ("due", "is_told"), [(date(2026, 9, 28), True), (date(2026, 9, 30), True), (date(2026, 10, 8), False)]
)
def test_due_soon_is_told_before_it_is_late(due: date, is_told: bool) -> None:
    view = story(api={**ON_TIME, "due": due}, flow={"start": FRIDAY, "due": FRIDAY})
    assert bool(found(view, "due_soon")) is is_told
    if is_told:
        assert said(view, "due_soon") == (
            f"快到期了，后面有人在等：技术部「支付接口开发」 → 产品部「支付流程测试」，预计 {due} 完成（张伟）"
        )


def test_nobody_is_told_that_something_is_due_soon_when_nobody_waits_or_it_is_late_already() -> None:
    assert not found(story(api=ON_TIME, flow={"status": "in_progress"}), "due_soon")
    assert not found(story(api={"due": date(2026, 9, 25)}), "due_soon")
    assert not found(story(api=ON_TIME, flow={"start": date(2026, 9, 28), "due": date(2026, 9, 30)}), "due_soon")


def test_what_can_start_is_told_and_taken_back_when_the_predecessor_reopens() -> None:
    done = {"status": "done", "finished": AT}
    assert said(story(api=done), "can_start") == "可以开始了：产品部「支付流程测试」，前置任务都已完成（李娜）"
    assert not found(story(api=done, flow={"status": "in_progress"}), "can_start")
    assert not found(story(), "can_start")
    both = (*WAITS, wait(CAMPAIGN, FLOW))
    assert not found(story(waits=both[::2], api=done), "can_start")  # it waits for something else as well


def test_what_started_before_its_predecessor_was_finished() -> None:
    view = story(flow={"status": "in_progress"})
    assert said(view, "started_early").endswith("（李娜）")
    assert not found(story(flow={"status": "done", "finished": AT}), "started_early")


@pytest.mark.parametrize(("days_ago", "is_told"), [(6, False), (7, True)])
def test_what_others_wait_for_and_has_not_moved_for_days(days_ago: int, is_told: bool) -> None:
    """Five working days: a weekend lies between."""
    moved = AT - timedelta(days=days_ago)
    view = story(api={"updated_at": moved})
    findings = found(view, "silent")
    assert bool(findings) is is_told
    later = found(story(api={"updated_at": moved}, at=AT + timedelta(days=10)), "silent")
    assert all(item.parameters["since"] == later[0].parameters["since"] for item in findings)  # it does not grow


def test_what_has_not_begun_and_need_not_is_not_silent() -> None:
    quiet = {"status": "todo", "start": FRIDAY, "updated_at": AT - timedelta(days=30)}
    assert not found(story(api=quiet), "silent")


def test_what_others_wait_for_and_nobody_owns() -> None:
    assert said(story(api={"owner": None}), "unowned") == (
        "有人在等，却没有负责人：技术部「支付接口开发」 → 产品部「支付流程测试」，请 技术部 王强 指定一位"
    )


def test_a_dependency_that_only_one_tool_shows() -> None:
    assert not found(story(), "one_sided")  # a link of ours will show it there
    view = story()
    tools = {**view.connections, "trello-main": ConnectionFacts("trello-main", "trello", ports=("source",))}
    only_read = replace(view, connections=tools)
    [finding] = found(only_read, "one_sided")
    assert finding_text(finding, "zh-CN", only_read).startswith("这个依赖只有一边看得到，trello-main 里没有：技术部")
    assert found(story(), "one_sided", is_linking=False)


@pytest.mark.parametrize("change", [{"kind": "milestone", "due": date(2026, 10, 9)}, {"must_finish": FRIDAY}])
def test_a_target_that_cannot_be_reached(change: dict[str, Any]) -> None:
    view = story(campaign=change)
    [finding] = found(view, "unreachable")
    assert (finding.subjects, finding.severity) == ((API, CAMPAIGN), "critical")
    assert finding.parameters["due"] == "2026-10-09"
    assert finding_text(finding, "zh-CN", view).startswith("按现在的日期赶不上了：技术部「支付接口开发」 → 市场部")
    late = story(campaign=change, at=datetime(2026, 10, 20, 1, tzinfo=AT.tzinfo))
    assert "还没有新的完成日期" in said(late, "unreachable")


def test_a_milestone_that_is_kept_is_not_called_unreachable_because_something_behind_it_is_late() -> None:
    kept = {"kind": "milestone", "start": None, "due": date(2026, 10, 12)}
    view = story(waits=WAITS[1:], flow=kept, campaign={"start": FRIDAY, "due": date(2026, 10, 10)})
    assert [item.subjects for item in found(view, "delay")] == [(FLOW, CAMPAIGN)]
    assert not found(view, "unreachable")


def test_what_a_delay_costs_does_not_grow_with_a_task_that_is_past_due_by_itself() -> None:
    begun = {"started": datetime(2026, 9, 23, 4, tzinfo=AT.tzinfo), "due": date(2026, 10, 30)}
    after_start = (Dependency(API, FLOW, "start_to_start"),)
    flow = {"start": date(2026, 9, 21), "due": date(2026, 9, 22)}
    told = [
        found(story(at=AT + timedelta(days=days), waits=after_start, api=begun, flow=flow), "delay")[0].parameters
        for days in (2, 12)
    ]
    assert told[0] == told[1]
    assert (told[0]["slip_days"], told[0].get("moved_days", 0)) == (2, 0)


def test_a_knot_of_hundreds_has_a_key_that_fits_an_index_and_a_sentence_that_can_be_read() -> None:
    refs = [Ref.of("jira-main", "task", f"{number:024}") for number in range(300)]
    tasks = {ref: replace(story().tasks[API], ref=ref, title=f"任务{ref.key[-3:]}") for ref in refs}
    waits = tuple(wait(*pair) for pair in pairwise([*refs, refs[0]]))
    view = replace(story(), tasks=tasks, dependencies=waits)
    [finding] = found(view, "cycle")
    assert len(finding.key) < 200
    assert len(finding.subjects) == 300
    text = finding_text(finding, "zh-CN", view)
    assert "任务007" in text
    assert text.endswith("……（共 300 个）")
    assert finding_text(finding, "en", view).endswith("… (300 in all)")


def test_a_circle_names_its_weakest_dependency() -> None:
    [finding] = found(story(waits=(WAITS[0], wait(FLOW, API))), "cycle")
    assert finding.parameters["weakest"] in (WAITS[0].key, wait(FLOW, API).key)


def test_a_restricted_task_is_not_named_in_any_of_them() -> None:
    hidden = {"visibility": "restricted", "owner": None, "updated_at": AT - timedelta(days=30)}
    for finding in JOB.judge(story(api=hidden), DelaySettings(), {}).findings:
        assert "支付接口开发" not in finding_text(finding, "zh-CN", story(api=hidden))
