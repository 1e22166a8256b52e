"""The draft of a retrospective as its readers get it, and for what there is one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from jobs.delays import JOB as DELAYS
from jobs.delays.lateness import DelaySettings
from jobs.retrospectives import JOB
from jobs.retrospectives.episodes import RetrospectiveSettings
from sync.core.markdown import markdown_from_rich_text
from sync.core.plan import Desired, Judgement, PageAsContent, Published
from sync.core.values import Finding, FindingStep, Language, Ref, TrackedFinding
from sync.core.view import Freshness, View
from tests.jobs.story import (
    API,
    AT,
    CAMPAIGN,
    FLOW,
    WAITS,
    check_golden,
    digests,
    everything_said,
    publish,
    story,
    wait,
)

SETTINGS = RetrospectiveSettings("wiki", "TEAM")
LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
SECRET = "秘密收购"
LATER = AT + timedelta(days=10)  # 2026-10-08
END = datetime(2026, 10, 17, 2, tzinfo=UTC)
DONE = {"status": "done", "finished": datetime(2026, 10, 15, 17, tzinfo=UTC)}  # the 16th where it was finished
BOTH = (wait(API, FLOW), wait(API, CAMPAIGN))
SLIPS: tuple[dict[str, Any], ...] = ({}, {"due": date(2026, 10, 15)}, {"due": date(2026, 10, 19)})


def delays_of(view: View) -> list[Finding]:
    return [item for item in DELAYS.judge(view, DelaySettings(), {}).findings if item.kind == "delay"]


def lived_through(views: Sequence[View], end: View, **life: Any) -> View:
    """The view at the end, with the delays of those before as the ledger knows them: over, where they are not found now."""
    past: dict[str, TrackedFinding] = {}
    for view in views:
        for finding in delays_of(view):
            step = FindingStep(view.at, finding.severity, finding.parameters)
            last = past.get(finding.key) or TrackedFinding(finding, "delays", "open", view.at)
            past[finding.key] = replace(last, finding=finding, steps=(*last.steps, step))
    still = {item.key: item for item in delays_of(end)}
    ended = [
        replace(item, state="resolved", resolved_at=end.at, **life) for key, item in past.items() if key not in still
    ]
    standing = [TrackedFinding(item, "delays", "open", end.at) for item in still.values()]
    return replace(end, standing=tuple(standing), ended=tuple(ended))


def slipped(language: Language = "zh-CN", waits: Any = WAITS[:1], **changes: Any) -> list[View]:
    """Three days on which the due date of 支付接口开发 was another."""
    return [
        story(
            language, AT + timedelta(days=5 * number), waits, **{**changes, "api": {**slip, **changes.get("api", {})}}
        )
        for number, slip in enumerate(SLIPS)
    ]


def finished(language: Language = "zh-CN", **life: Any) -> View:
    return lived_through(slipped(language), story(language, END, WAITS[:1], api=DONE), **life)


def judged(view: View, published: dict[str, Published] | None = None, **settings: Any) -> Judgement:
    return JOB.judge(view, replace(SETTINGS, **settings), published or {})


def only(judgement: Judgement) -> tuple[Desired, str]:
    (item,) = judgement.desired
    assert isinstance(item.content, PageAsContent)
    page = item.content.page
    return item, f"# {page.title}\n\n{markdown_from_rich_text(page.body).strip()}"


def titles(judgement: Judgement) -> list[str]:
    return [item.content.page.title for item in judgement.desired if isinstance(item.content, PageAsContent)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_draft_as_it_is_read(language: Language) -> None:
    view = finished(language, acknowledged_at=LATER, acknowledged_by="张伟" if language == "zh-CN" else "Zhang Wei")
    item, text = only(judged(view))
    check_golden(f"retrospective-done.{language}.md", text)
    assert item.is_handed_over
    secret = {"visibility": "restricted", "title": SECRET, "url": "https://trello.com/c/secret"}
    views = slipped(language, BOTH, flow=secret, campaign={"kind": "milestone", "start": None})
    overdue = story(language, END + timedelta(days=3), BOTH, api={"due": date(2026, 10, 19)}, flow=secret)
    fits = {"start": date(2026, 11, 9), "due": date(2026, 11, 10)}
    end = story(
        language,
        END + timedelta(days=5),
        BOTH,
        api={"due": date(2026, 11, 2)},
        flow={**secret, **fits},
        campaign={"status": "done"},
    )
    _, text = only(judged(lived_through([*views, overdue], end)))
    check_golden(f"retrospective-many.{language}.md", text)
    assert SECRET not in text


def test_where_it_stands_and_what_it_is_about() -> None:
    item, _ = only(judged(finished(), parent=98310, labels=("复盘",)))
    assert isinstance(item.content, PageAsContent)
    page = item.content.page
    assert (page.space, page.parent, page.labels) == ("TEAM", Ref("wiki:document:98310"), ("tieline", "复盘"))
    assert (item.about, item.rests_on) == ((API, FLOW), ("jira-main", "trello-main"))


def test_it_is_written_once_and_never_again() -> None:
    first = judged(finished())
    ledger = publish(first.desired)
    for view in (finished(), story(at=END), story(at=END + timedelta(days=400))):
        assert digests(judged(view, ledger)) == digests(first)
    undone = {key: replace(item, state="undone") for key, item in ledger.items()}
    assert judged(finished(), undone).desired == ()


def test_a_delay_that_comes_back_and_ends_again_is_another_episode() -> None:
    first = judged(finished())
    ledger = publish(first.desired)
    again = finished()
    (item,) = again.ended
    later = replace(item, opened_at=END + timedelta(days=1), resolved_at=END + timedelta(days=3))
    both = judged(replace(again, ended=(later,)), ledger)
    assert len(both.desired) == len({item.key for item in both.desired}) == len(set(titles(both))) == 2
    assert titles(both)[0] == titles(first)[0]


def test_while_another_delay_of_the_same_task_stands_nothing_is_looked_back_on() -> None:
    end = story("zh-CN", END, BOTH, api={"due": date(2026, 10, 19)}, flow={"status": "in_progress"})
    assert judged(lived_through(slipped(waits=BOTH), end)).desired == ()
    done = lived_through(slipped(waits=BOTH), story("zh-CN", END, BOTH, api=DONE))
    item, _ = only(judged(done))
    assert item.about == (API, FLOW, CAMPAIGN)


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"flow": {"status": "in_progress"}}, "已经开始，不再等：支付流程测试"),
        ({"flow": {"status": "done"}}, "已经完成，不再等：支付流程测试"),
        ({"api": {"due": date(2026, 9, 30)}}, "按当时的日期不再受影响：支付流程测试"),
    ],
)
def test_how_it_ended_otherwise(changes: dict[str, Any], end: str) -> None:
    early = {"api": {"due": date(2026, 10, 30)}, **changes}
    view = lived_through(slipped(), story("zh-CN", AT + timedelta(days=1), WAITS[:1], **early))
    assert f"| 2026-09-29 | {end} |" in only(judged(view))[1]


@pytest.mark.parametrize(
    ("settings", "is_drafted"),
    [
        ({}, True),
        ({"min_slip_days": 8}, True),
        ({"min_slip_days": 9}, False),
        ({"severity": "warning"}, True),
    ],
)
def test_the_floor(settings: dict[str, Any], is_drafted: bool) -> None:
    """It was to be late by 3 working days, then by 7, and it came to 8."""
    views = slipped()[:2]
    view = lived_through(views, story("zh-CN", END, WAITS[:1], api=DONE))
    assert bool(judged(view, **settings).desired) is is_drafted


def test_a_delay_that_never_was_severe_gets_none() -> None:
    done = {**DONE, "finished": datetime(2026, 10, 10, 8, tzinfo=UTC)}
    view = lived_through(slipped()[:1], story("zh-CN", END, WAITS[:1], api=done))
    assert judged(view).desired == ()
    assert judged(view, severity="warning").desired


def test_one_without_a_date_counts_by_what_it_came_to() -> None:
    """Overdue for a day it is critical at once; done the next morning it is not worth a page."""
    overdue = story("zh-CN", datetime(2026, 10, 8, 1, tzinfo=UTC), WAITS[:1], api={"due": date(2026, 9, 30)})
    assert [item.severity for item in delays_of(overdue)] == ["critical"]
    for day, is_drafted in ((8, False), (10, True)):
        done = {"status": "done", "due": date(2026, 9, 30), "finished": datetime(2026, 10, day, 3, tzinfo=UTC)}
        assert bool(judged(lived_through([overdue], story("zh-CN", END, WAITS[:1], api=done))).desired) is is_drafted


@pytest.mark.parametrize(
    "changes",
    [
        {"api": {"status": "unknown"}},
        {"api": {"status": "cancelled"}},
        {"flow": {"status": "unknown"}},
        {"api": {"due": None, "start": None}},
        {"flow": {"due": None, "start": None}},
        {"flow": {"department": None}},
        {"flow": {"department": story().tasks[API].department}},
    ],
)
def test_what_is_not_known_to_be_over_is_not_looked_back_on(changes: dict[str, Any]) -> None:
    view = lived_through(slipped(), story("zh-CN", END, WAITS[:1], **changes))
    assert len(view.ended) == 1
    assert judged(view).desired == ()


@pytest.mark.parametrize("state", ["proposed", "rejected", None])
def test_a_dependency_in_doubt_is_not_looked_back_on(state: Any) -> None:
    waits = (replace(WAITS[0], state=state),) if state else ()
    view = lived_through(slipped(), story("zh-CN", END, waits, api=DONE))
    assert judged(view).desired == ()


def test_nothing_is_drafted_on_incomplete_data_nor_of_the_first_day() -> None:
    view = finished()
    stale = {**view.freshness, "wiki": Freshness("wiki", AT, is_complete=False)}
    assert judged(replace(view, freshness=stale)).desired == ()
    (item,) = view.ended
    silent = [replace(step, parameters={**step.parameters, "is_baseline": True}) for step in item.steps]
    quiet = replace(item, finding=replace(item.finding, parameters=silent[-1].parameters), steps=tuple(silent))
    assert judged(replace(view, ended=(quiet,))).desired == ()
    had_news = replace(quiet, steps=(silent[0], item.steps[1], silent[2]))
    assert judged(replace(view, ended=(had_news,))).desired


def test_restricted_tasks_are_named_nowhere_and_two_of_them_make_no_page() -> None:
    secret = {"visibility": "restricted", "title": SECRET, "url": "https://example.com/secret"}
    life = {"acknowledged_at": LATER, "acknowledged_by": "张伟"}

    def of(**hidden: Any) -> Judgement:
        end = {**hidden, "api": {**DONE, **hidden.get("api", {})}}
        return judged(lived_through(slipped(**hidden), story("zh-CN", END, WAITS[:1], **end), **life))

    for hidden in ({"api": secret}, {"flow": secret}):
        said = everything_said(of(**hidden))
        assert SECRET not in said
        assert "example.com/secret" not in said
    assert titles(of(api=secret)) == ["复盘：支付流程测试 等待前置任务（2026-10-16）"]
    assert "张伟" not in everything_said(of(api=secret))
    assert of(api=secret, flow=secret).desired == ()


def test_what_becomes_restricted_or_hidden_is_masked_once() -> None:
    first = judged(finished(acknowledged_at=LATER, acknowledged_by="张伟"))
    ledger = publish(first.desired)
    view = story("zh-CN", END, api={"visibility": "restricted"})
    gone = replace(view, tasks={ref: task for ref, task in view.tasks.items() if ref != FLOW})
    masked = judged(replace(gone, hidden=frozenset({FLOW})), ledger)
    assert not [name for name in ("支付接口开发", "支付流程测试", "张伟", "PAY-63") if name in everything_said(masked)]
    assert titles(masked) == ["复盘：跨部门延期（2026-10-16）"]
    ledger = publish(masked.desired)
    assert digests(judged(story(at=END), ledger)) == digests(masked)
    assert digests(judged(gone, publish(first.desired))) != digests(first)  # the restricted one only
    assert "支付流程测试" in everything_said(judged(gone, publish(first.desired)))


def test_two_tasks_of_one_name_get_pages_of_two_titles() -> None:
    other = Ref("jira-main:task:2")
    view = finished()
    (item,) = view.ended
    waits = (*WAITS[:1], wait(other, FLOW))
    finding = replace(item.finding, key=f"delays:delay:{waits[1].key}", subjects=(other, FLOW))
    twin = replace(view.tasks[API], ref=other)
    tasks = {**view.tasks, other: twin}
    both = judged(replace(view, tasks=tasks, dependencies=waits, ended=(item, replace(item, finding=finding))))
    assert titles(both) == ["复盘：支付接口开发 延期（2026-10-16）", "复盘：支付接口开发 延期（2026-10-16） 2"]


def test_a_delay_from_before_its_history_was_kept_is_told_without_it() -> None:
    view = finished()
    (item,) = view.ended
    old = {name: item.finding.parameters[name] for name in ("planned", "expected", "slip_days")}
    ended = replace(item, finding=replace(item.finding, parameters=old), steps=())
    _, text = only(judged(replace(view, ended=(ended,))))
    assert "| 2026-09-28 | 发现延期 |" in text
