"""What will likely be late by its department's own history, told before it is late: F10 and F11 of docs/forecast.md."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from jobs.delays import JOB
from jobs.delays.conflicts import MOVED_FROM
from jobs.delays.lateness import DelaySettings
from jobs.status_view.judge import StatusPage, StatusSettings
from jobs.status_view.judge import judge as judge_status
from sync.cli.findings_text import finding_text
from sync.cli.likely_text import conflict_sentence
from sync.core.disclosure import cleared
from sync.core.history import History, StatusChange
from sync.core.markdown import markdown_from_rich_text
from sync.core.plan import MessageContent
from sync.core.tracking import tracked
from sync.core.values import Dependency, Finding, FindingState, Language, Ref, Task, TrackedFinding
from sync.core.view import View
from tests.jobs.digest_story import MONDAY, ZHANG_WEI, in_chats, judged, said, text_of
from tests.jobs.story import (
    API,
    AT,
    CAMPAIGN,
    CHINA,
    FLOW,
    TECH,
    WAITS,
    as_json,
    check_golden,
    page,
    publish,
    story,
    wait,
)

DAY = timedelta(days=1)
LATES = [2, 3, 4, 5] * 10  # nobody of 技术部 was ever in time; half were four days late or less
ON_PLAN: dict[str, dict[str, Any]] = {
    "api": {"due": date(2026, 10, 12), "updated_at": AT},
    "flow": {"start": date(2026, 10, 13), "due": date(2026, 10, 14)},
    "campaign": {"start": date(2026, 10, 15), "due": date(2026, 10, 15)},
}


@cache
def history(lates: tuple[int, ...], department: Ref = TECH, name: str = "past") -> dict[Ref, Task]:
    """One done task for each, due a working day apart, so many working days late."""
    made = {}
    for number, late in enumerate(lates):
        due = CHINA.add_workdays(date(2026, 9, 1), -number - 1)
        ref = Ref.of("jira-main", "task", f"{name}-{number}")
        ended = datetime.combine(CHINA.add_workdays(due, late) if late else due, time(2), UTC)
        begun = datetime.combine(CHINA.add_workdays(due, -10), time(2), UTC)
        made[ref] = Task(
            ref, "", "旧任务", "done", "", "", AT, department=department, due=due, started=begun, finished=ended
        )
    return made


def world(
    lates: Sequence[int] = LATES,
    at: datetime = AT,
    language: Language = "zh-CN",
    standing: Sequence[TrackedFinding] = (),
    waits: tuple[Dependency, ...] = WAITS,
    **changes: dict[str, Any],
) -> View:
    """The story on plan, with a history; ``standing`` is what the job found before."""
    named: dict[str, Any] = {name: {**ON_PLAN[name], **changes.get(name, {})} for name in ON_PLAN}
    view = story(language, at, waits, **named)
    known = {item.finding.key: item for item in standing}
    return replace(view, tasks={**history(tuple(lates)), **view.tasks}, known=known)


def found(view: View, kind: str = "forecast_conflict", **settings: Any) -> list[Finding]:
    return [item for item in JOB.judge(view, DelaySettings(**settings), {}).findings if item.kind == kind]


def remembered(findings: Sequence[Finding], at: datetime = AT, state: FindingState = "open") -> list[TrackedFinding]:
    """As the ledger gives it back."""
    kept = msgspec.json.decode(as_json(list(findings)), type=list[Finding], dec_hook=lambda kind, text: kind(text))
    return [replace(tracked(item, "delays", None, at), state=state) for item in kept]


def test_it_is_told_before_it_is_late_with_what_it_would_cost() -> None:
    [finding] = found(world())
    assert (finding.subjects, finding.severity) == ((API, FLOW), "info")
    told = finding.parameters
    assert (told["due"], told["planned"]) == ("2026-10-12", "2026-10-13")
    assert (told["likely"], told["likely_by"]) == ("2026-10-16", "2026-10-19")  # 4 and 5 working days after it is due
    assert (told["expected"], told["slip_days"]) == ("2026-10-19", 4)
    assert (told["moved_tasks"], told["moved_days"]) == (2, 8)
    assert told["departments"] == ["tieline:department:market", "tieline:department:product"]
    assert not found(world(), "delay")
    assert finding_text(finding, "zh-CN", world()) == (
        "按以往的进度可能赶不上：技术部「支付接口开发」 → 产品部「支付流程测试」，技术部这类任务通常要到 2026-10-16 前后才做完，大多不晚于 2026-10-19；"
        "后面计划 2026-10-13 开始，可能要推到 2026-10-19，晚 4 个工作日（张伟）；连带 2 个任务，一共晚 8 个工作日"
    )
    assert finding_text(finding, "en", world()) == (
        "may not be in time, going by the past: “支付接口开发” (Engineering) → “支付流程测试” (Product); such tasks of Engineering are "
        "usually done around 2026-10-16, most by 2026-10-19. What follows is planned to start on 2026-10-13 and may have to move to "
        "2026-10-19, 4 working days later (Zhang Wei); 2 tasks move with it, 8 working days in all"
    )
    assert conflict_sentence(world(), finding, "en").startswith(
        "as of 2026-09-28: half of such tasks are done by 2026-10-16, 85 of 100 by 2026-10-19. This rests on 40 tasks that Engineering ended"
    )


def test_it_writes_nothing_into_the_tools() -> None:
    told = JOB.judge(world(), DelaySettings(), {})
    untold = JOB.judge(world(), DelaySettings(forecast=False), {})
    assert told.desired == untold.desired
    assert not [item for item in untold.findings if item.kind == "forecast_conflict"]


@pytest.mark.parametrize(
    ("lates", "is_told"),
    [
        ([0] * 14 + [5] * 26, False),  # 14 of 41 were in time: a third
        ([0] * 13 + [5] * 27, True),  # 13 of 41: less
        ([0] * 40, False),
        ([5] * 19, False),  # thin
        ([number // 4 for number in range(160)][::-1], False),  # unsteady: nothing that was said before held
    ],
)
def test_it_is_told_where_two_of_three_such_tasks_were_not_done_in_time(lates: list[int], is_told: bool) -> None:
    assert bool(found(world(lates))) is is_told


@pytest.mark.parametrize(("days", "is_told"), [(3, True), (4, False)])
def test_it_is_told_from_min_slip_days_on(days: int, is_told: bool) -> None:
    """A third was done three days after it was due, in time for a start four days after that."""
    assert bool(found(world(), min_slip_days=days)) is is_told


@pytest.mark.parametrize(("days", "severity"), [(5, "info"), (4, "warning")])
def test_it_is_less_severe_than_a_delay(days: int, severity: str) -> None:
    [finding] = found(world(), critical_slip_days=days)
    assert finding.severity == severity


SOON = {"api": {"due": date(2026, 9, 30)}, "flow": {"start": date(2026, 10, 8), "due": date(2026, 10, 9)}}


@pytest.mark.parametrize(
    ("changes", "nearer"),
    [
        ({"api": {"due": date(2026, 10, 13)}}, "delay"),
        ({"api": {"due": date(2026, 9, 24)}, "flow": {"start": date(2026, 9, 28), "due": date(2026, 9, 29)}}, "delay"),
        (SOON, "due_soon"),
        ({"flow": {"status": "in_progress"}}, "started_early"),
        ({"api": {"status": "done", "finished": AT}}, "can_start"),
    ],
)
def test_one_matter_is_one_finding(changes: dict[str, Any], nearer: str) -> None:
    view = world(**changes)
    assert [item.subjects for item in found(view) if FLOW in item.subjects] == []
    assert found(view, nearer)


@pytest.mark.parametrize(
    "changes",
    [
        {"api": {"visibility": "restricted"}},
        {"api": {"status": "cancelled"}},
        {"api": {"status": "unknown"}},
        {"flow": {"status": "unknown"}},
        {"flow": {"status": "done", "finished": AT}},
        {"flow": {"start": None, "due": None}},
        {"flow": {"department": TECH}},
    ],
)
def test_nothing_is_told_of_what_is_restricted_over_unknown_or_without_a_plan(changes: dict[str, Any]) -> None:
    assert [item for item in found(world(**changes)) if item.subjects[0] == API] == []


def test_a_restricted_task_that_waits_is_not_named() -> None:
    view = world(flow={"visibility": "restricted"})
    [finding] = found(view)
    assert "支付流程测试" not in finding_text(finding, "zh-CN", view)


def test_what_has_room_left_is_told_when_it_is_past_due_and_nobody_is_late_yet() -> None:
    """S8 takes today for the end of what is past due; by its history it takes longer than those who wait have left."""
    view = world(api={"due": date(2026, 9, 25)}, flow={"start": date(2026, 9, 30), "due": date(2026, 10, 8)})
    [finding] = found(view)
    assert (finding.parameters["due"], finding.parameters["likely"]) == ("2026-09-25", "2026-10-08")


def test_what_waits_for_something_without_a_date_is_not_guessed_at() -> None:
    """Its history says nothing of waiting."""
    waits = (WAITS[0], wait(CAMPAIGN, API))
    api, flow = {"status": "todo", "start": date(2026, 9, 28)}, {"start": date(2026, 10, 15), "due": date(2026, 10, 16)}
    late, in_time = ({"start": None, "due": date(2026, 9, day)} for day in (24, 28))
    assert not found(world(waits=waits, api=api, flow=flow, campaign=late))
    assert [item.subjects for item in found(world(waits=waits, api=api, flow=flow, campaign=in_time))] == [(API, FLOW)]


def test_a_task_without_dates_is_told_of_by_its_age_as_the_tools_history_tells_it() -> None:
    at = datetime.combine(date(2026, 9, 24), time(2), UTC)
    view = world(api={"start": None, "due": None}, flow={"start": date(2026, 9, 30), "due": date(2026, 10, 8)})
    assert not found(view)
    begun = replace(view, read_history=lambda: History([StatusChange(API, "todo", "in_progress", at)]))
    [finding] = found(begun)
    assert (finding.parameters["scale"], finding.parameters["due"]) == ("age", None)
    assert finding.parameters["likely"] == "2026-10-20"  # they took 12 to 15 days, half of them 14 or less


def test_the_history_is_read_only_where_somebody_waits() -> None:
    def unread() -> History:
        raise AssertionError

    assert not found(replace(world(waits=()), read_history=unread))
    assert not found(replace(world(), read_history=unread), forecast=False)


def test_everybody_who_waits_for_one_task_is_told_the_same_days() -> None:
    both = (*WAITS, wait(API, CAMPAIGN))
    [first] = found(world())
    later = AT + 9 * DAY
    told = found(world([3, 4, 5, 6] * 10, later, standing=remembered([first]), waits=both))
    assert {item.subjects for item in told} == {(API, FLOW), (API, CAMPAIGN)}
    assert {(item.parameters["likely"], item.parameters["estimated_on"]) for item in told} == {
        ("2026-10-19", "2026-10-07")
    }


# Where it is said.


def digest(view: View, at: datetime, standing: Sequence[TrackedFinding]) -> dict[Ref, str]:
    seen = replace(in_chats(view, view.connections["wiki"].language), standing=tuple(standing), at=at)
    return {ref: text_of(message) for ref, message in said(judged(seen)).items()}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_it_reads_well_where_it_is_told(language: Language) -> None:
    view = world(language=language)
    standing = remembered(found(view))
    told = digest(view, MONDAY, standing)
    assert set(told) == {ZHANG_WEI}  # who may still do something about it, and nobody else
    check_golden(f"digest-forecast.{language}.md", told[ZHANG_WEI])
    pages = StatusSettings((StatusPage("wiki", "PM", "跨部门状态"),))
    judgement = judge_status(replace(view, standing=tuple(standing)), pages, {})
    check_golden(f"status-forecast.{language}.md", markdown_from_rich_text(page(judgement).page.body).rstrip("\n"))


def test_it_is_said_once_and_asked_of_nobody_who_is_on_it() -> None:
    standing = remembered(found(world()))
    assert not digest(world(), MONDAY, [replace(item, state="acknowledged") for item in standing])
    sharp = found(world([4] * 40))
    assert "大多不晚于" not in finding_text(sharp[0], "zh-CN", world())
    assert "大多不晚于" not in digest(world(), MONDAY, remembered(sharp))[ZHANG_WEI]


def test_it_is_said_again_when_the_day_moved_and_nothing_is_said_beside_it() -> None:
    quiet = world(api={"updated_at": AT - 30 * DAY})
    both = remembered([*found(quiet), *found(quiet, "silent")])
    assert len(both) == 2
    assert "没有更新" not in digest(quiet, MONDAY, both)[ZHANG_WEI]
    said_first = replace(in_chats(world()), standing=tuple(remembered(found(world()))), at=MONDAY)
    published = publish(judged(said_first).desired)
    later = replace(said_first, at=MONDAY + DAY)
    assert not judged(later, published).desired
    moved = replace(later, standing=tuple(remembered(found(world([8] * 40)))))
    assert len(judged(moved, published).desired) == 1


def test_of_what_became_restricted_no_likely_day_is_told_any_more() -> None:
    first = remembered(found(world()))
    view = replace(in_chats(world(api={"visibility": "restricted"})), standing=tuple(first))
    published = publish(judged(replace(in_chats(world()), standing=tuple(first), at=MONDAY)).desired)
    telling = [*judged(replace(view, at=MONDAY + DAY), published).desired, *judged(replace(view, at=MONDAY)).desired]
    pages = StatusSettings((StatusPage("wiki", "PM", "跨部门状态"),))
    texts = [text_of(item.content.said) for item in telling if isinstance(item.content, MessageContent)]
    texts += [str(page(judge_status(view, pages, {})).page.body), finding_text(first[0].finding, "zh-CN", view)]
    assert len(texts) == 4  # the digest of yesterday in place, the same told now, the page, the finding
    for text in texts:
        assert not [day for day in ("10月16日", "10月19日", "10-16", "10-19") if day in text], text
    assert "likely" not in cleared(view, first[0].finding).parameters


# F11: what was told stands.


def test_what_was_told_stands_while_the_estimate_moves_by_less_than_a_week() -> None:
    first = found(world())
    for by in range(-2, MOVED_FROM):
        lates = [late + by for late in LATES]
        assert found(world(lates, AT + DAY, standing=remembered(first))) == first, by
        assert found(world(lates, AT + DAY, standing=remembered(first, state="acknowledged"))) == first
    [moved] = found(world([late + MOVED_FROM for late in LATES], AT + DAY, standing=remembered(first)))
    assert (moved.parameters["likely"], moved.parameters["estimated_on"]) == ("2026-10-23", "2026-09-29")
    assert moved.parameters["moved_days"] == 18


def test_what_was_told_stands_while_the_history_says_nothing() -> None:
    first = found(world())
    assert found(world(LATES[:19], AT + DAY, standing=remembered(first))) == first
    assert not found(world(LATES[:19], AT + DAY))


def test_it_is_over_when_the_history_has_moved_so_far_that_all_is_in_time() -> None:
    assert not found(world([0] * 40, AT + DAY, standing=remembered(found(world([8] * 40)))))


@pytest.mark.parametrize(
    "changes",
    [
        {"api": {"due": date(2026, 10, 13)}, "flow": {"start": date(2026, 10, 14)}},
        {"flow": {"start": date(2026, 10, 14)}},
        {"waits": (replace(WAITS[0], lag_minutes=-480), WAITS[1])},
    ],
)
def test_when_a_plan_changes_it_is_told_anew(changes: dict[str, Any]) -> None:
    [first] = found(world())
    slower = [late + 1 for late in LATES]
    [again] = found(world(slower, AT + DAY, standing=remembered([first]), **changes))
    assert again.parameters["estimated_on"] == "2026-09-29"
    assert again.parameters["likely"] > first.parameters["likely"]


def test_it_is_over_when_another_date_leaves_room() -> None:
    first = found(world())
    assert not found(world(standing=remembered(first), flow={"start": date(2026, 10, 20), "due": date(2026, 10, 21)}))
    assert not found(world(standing=remembered(first), api={"visibility": "restricted"}))


def test_while_only_the_clock_goes_on_it_is_told_anew_rarely_and_never_for_less_than_a_week() -> None:
    """A task without dates gets older every day, and its usual day with it, in five weeks by some two."""
    chance, begun = random.Random(1), datetime.combine(date(2026, 9, 24), time(2), UTC)
    lates = [round(chance.gammavariate(2, 6)) - 6 for _ in range(80)]
    told: list[date] = []
    standing: list[TrackedFinding] = []
    for number in range(26):
        at = datetime.combine(CHINA.add_workdays(AT.date(), number), time(1), UTC)
        undated = {"start": None, "due": None, "started": begun, "updated_at": at}
        [now] = found(world(lates, at, standing=standing, api=undated, flow={"start": date(2026, 10, 9), "due": None}))
        if not standing or now != standing[0].finding:
            told.append(date.fromisoformat(now.parameters["likely"]))
        standing = remembered([now], at)
    assert told == [date(2026, 10, 22), date(2026, 10, 29), date(2026, 11, 5)]  # and not each day anew
    assert all(CHINA.workdays_between(*pair) >= MOVED_FROM for pair in pairwise(told))
