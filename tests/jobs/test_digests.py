"""Digests: what each person hears, in which words, once; and what nobody hears."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from jobs.digests.settings import DigestChat
from sync.adoption import Pilot
from sync.core.answering import acknowledgement, denial
from sync.core.baseline import Baseline
from sync.core.calendar import Calendar
from sync.core.duty import Leave
from sync.core.plan import MessageContent, Published
from sync.core.values import FindingStep, Language, Ref
from sync.core.view import ConnectionFacts, Freshness, View
from tests.jobs.digest_story import (
    DAY,
    FRIDAY,
    LI_NA,
    MONDAY,
    WANG_QIANG,
    ZHANG_WEI,
    ZHAO_MIN,
    day,
    heard,
    in_chats,
    judged,
    noticed,
    said,
    text_of,
    world,
)
from tests.jobs.story import API, AT, CAMPAIGN, CHINA, FLOW, MARKET, WAITS, check_golden, publish, story

LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
OPEN: dict[str, Any] = {"api": {"due": day(23)}, "flow": {"start": day(24), "due": day(25)}}
SILENT: dict[str, Any] = {
    "api": {"due": day(12, 10), "updated_at": datetime(2026, 9, 15, tzinfo=UTC)},
    "flow": {"start": day(12, 10), "due": day(13, 10)},
}
# What happened, and to whom it matters most.
CASES: dict[str, tuple[dict[str, Any], Ref]] = {
    "asked": ({}, ZHANG_WEI),
    "several": ({}, LI_NA),
    "awaited": ({}, ZHAO_MIN),
    "open": (OPEN, ZHANG_WEI),
    "awaited-open": (OPEN, LI_NA),
    "due-soon": ({"api": {"due": day(29)}}, ZHANG_WEI),
    "silent": ({**SILENT, "api": {**SILENT["api"], "due": day(9, 10)}}, ZHANG_WEI),
    "silent-and-late": (SILENT, ZHANG_WEI),
    "can-start": ({"api": {"status": "done", "finished": AT}}, LI_NA),
    "unowned": ({"api": {"owner": None}}, WANG_QIANG),
    "early": ({"flow": {"status": "in_progress"}}, LI_NA),
    "restricted": ({"flow": {"visibility": "restricted"}}, ZHANG_WEI),
    "milestone": ({"campaign": {"kind": "milestone", "must_finish": day(13, 10)}}, ZHANG_WEI),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_a_digest_reads_well(case: str, language: Language) -> None:
    changes, person = CASES[case]
    view = world(**{"language": language, "opened_at": FRIDAY, **changes})
    check_golden(f"digest-{case}.{language}.md", text_of(said(judged(view))[person]))


def test_each_hears_in_their_own_chat_what_concerns_them_and_nobody_else_hears() -> None:
    judgement = judged(world())
    assert {item.target for item in judgement.desired} == {
        f"chat:person:ou_{name}" for name in ("zhang-wei", "li-na", "zhao-min")
    }
    view = world()
    people = {**view.people, LI_NA: replace(view.people[LI_NA], accounts={})}
    assert set(said(judged(replace(view, people=people)))) == {ZHANG_WEI, ZHAO_MIN}


def test_an_unchanged_world_says_nothing_again_however_many_days_go_by() -> None:
    published: dict[str, Published] = {}
    assert set(heard(world(), published)) == {ZHANG_WEI, LI_NA, ZHAO_MIN}
    for number in range(12):  # until the day before it is due
        later = world(at=MONDAY + number * DAY, opened_at=MONDAY, api={"updated_at": MONDAY + number * DAY})
        news = heard(later, published, kinds=("delay", "can_start"))
        assert news == {}, number


def test_only_what_changed_is_told_the_next_day_and_nothing_more_on_the_same() -> None:
    published: dict[str, Published] = {}
    heard(world(), published)
    slipped: dict[str, Any] = {"api": {"due": day(14, 10)}}
    assert heard(world(at=MONDAY + timedelta(hours=3), opened_at=MONDAY, **slipped), published) == {}
    news = heard(world(at=MONDAY + DAY, opened_at=MONDAY, **slipped), published)
    assert set(news) == {ZHANG_WEI, LI_NA, ZHAO_MIN}
    assert "10月15日（周四）" in news[ZHANG_WEI]
    moved = world(at=MONDAY + 2 * DAY, opened_at=MONDAY, **slipped, campaign={"start": day(30, 10), "due": day(30, 10)})
    assert heard(moved, published) == {}  # a delay that is over is no news for whoever was late


def test_somebody_who_can_start_hears_it_once_and_that_it_was_taken_back() -> None:
    published: dict[str, Published] = {}
    done: dict[str, Any] = {"api": {"status": "done", "finished": AT}}
    assert set(heard(world(**done), published)) == {LI_NA}
    assert heard(world(at=MONDAY + DAY, **done), published) == {}
    kinds = ("can_start",)
    news = heard(world(at=MONDAY + 2 * DAY, api={"status": "unknown"}), published, kinds=kinds)
    assert news == {}  # nothing is said because of an unknown status
    news = heard(world(at=MONDAY + 2 * DAY), published, kinds=kinds)
    assert list(news) == [LI_NA]
    check_golden("digest-held.zh-CN.md", news[LI_NA])
    again = datetime(2026, 10, 8, 2, 0, tzinfo=UTC)
    assert heard(world(at=again), published, kinds=kinds) == {}
    assert "可以开始了" in heard(world(at=again, **done), published, kinds=kinds)[LI_NA]


def test_what_cannot_be_told_now_is_still_taken_back_later() -> None:
    published: dict[str, Published] = {}
    heard(world(api={"status": "done", "finished": AT}), published)
    unsure: dict[str, Any] = {"api": {"status": "unknown"}, "campaign": {"start": day(9, 10)}}
    news = heard(world(at=MONDAY + DAY, **unsure), published)[LI_NA]  # of something else
    assert "发布预热活动" in news
    assert "支付接口开发" not in news
    assert "先别开始" in heard(world(at=MONDAY + 2 * DAY, campaign={"start": day(9, 10)}), published)[LI_NA]


def test_whoever_began_hears_no_taking_back() -> None:
    published: dict[str, Published] = {}
    heard(world(api={"status": "done", "finished": AT}), published)
    began = world(at=MONDAY + DAY, flow={"status": "in_progress"})
    assert heard(began, published, kinds=("can_start",)) == {}


@pytest.mark.parametrize(
    ("at", "is_told"),
    [
        ("2026-09-28T01:29", False),  # 09:29: the day has just begun
        ("2026-09-28T01:30", True),
        ("2026-09-28T04:30", False),  # lunch
        ("2026-09-28T09:59", True),
        ("2026-09-28T10:00", False),  # 18:00
        ("2026-10-05T02:00", False),  # a holiday
        ("2026-09-26T02:00", False),  # Saturday
        ("2026-10-10T02:00", True),  # a make-up workday
    ],
)
def test_people_are_told_in_their_working_hours(at: str, is_told: bool) -> None:
    view = world(at=datetime.fromisoformat(at).replace(tzinfo=UTC))
    assert bool(said(judged(view))) == is_told
    assert said(judged(view, is_at_any_time=True))


def test_everybody_goes_by_their_own_clock_and_calendar() -> None:
    view = world(at=datetime(2026, 9, 28, 14, 0, tzinfo=UTC))
    assert said(judged(view)) == {}
    abroad = replace(view.people[LI_NA], zone="America/New_York")  # 10:00 there
    away = replace(view.people[ZHAO_MIN], calendar="night")
    view = replace(
        view,
        people={**view.people, LI_NA: abroad, ZHAO_MIN: away},
        calendars={"CN": CHINA, "night": Calendar("night", hours=((21 * 60, 24 * 60),))},
    )
    assert set(said(judged(view))) == {LI_NA, ZHAO_MIN}


def test_what_was_said_long_ago_is_forgotten_but_for_the_last_digest_of_each() -> None:
    published: dict[str, Published] = {}
    heard(world(), published)
    slipped: dict[str, Any] = {"api": {"due": day(14, 10)}}
    heard(world(at=MONDAY + DAY, opened_at=MONDAY, **slipped), published)
    assert judged(world(at=MONDAY + 30 * DAY), published).forgotten == ()
    later = judged(world(at=MONDAY + 40 * DAY), published)
    assert set(later.forgotten) == {key for key in published if "2026-09-28" in key}


def test_who_is_away_is_left_alone_and_what_they_are_asked_goes_to_whoever_stands_in() -> None:
    published: dict[str, Published] = {}
    view = world()
    away = replace(view.people[ZHANG_WEI], absences=(Leave(day(28), day(29)),), deputy=WANG_QIANG)
    awaiting = replace(view.people[ZHAO_MIN], absences=(Leave(day(28), day(28)),))
    view = replace(view, people={**view.people, ZHANG_WEI: away, ZHAO_MIN: awaiting})
    news = heard(view, published)
    assert set(news) == {WANG_QIANG, LI_NA}
    check_golden("digest-instead.zh-CN.md", news[WANG_QIANG])
    later = replace(world(at=MONDAY + DAY, opened_at=MONDAY), people=view.people)
    assert set(heard(later, published)) == {ZHAO_MIN}
    back = replace(world(at=MONDAY + 2 * DAY, opened_at=MONDAY), people=view.people)
    assert set(heard(back, published)) == {ZHANG_WEI}


def test_what_stood_on_the_first_day_is_not_told_and_what_comes_later_is() -> None:
    view = world(api={"due": day(29)}, opened_at=FRIDAY)
    assert said(judged(view))
    for baseline, is_told in ((Baseline(), False), (Baseline(day(25)), False), (Baseline(day(24)), True)):
        assert bool(said(judged(replace(view, baseline=baseline)))) == is_told
    late = in_chats(story())
    late = noticed(replace(late, at=MONDAY, baseline=Baseline(day(24), {})))
    assert said(judged(late))
    flagged = [
        replace(item, finding=replace(item.finding, parameters={**item.finding.parameters, "is_baseline": True}))
        for item in late.standing
    ]
    assert said(judged(replace(late, standing=tuple(flagged)))) == {}


def test_a_budget_leaves_the_rest_to_the_next_digest_and_tells_where_it_stands() -> None:
    published: dict[str, Published] = {}
    first = heard(world(), published, most_items=1, page_url="https://wiki.example/status")[LI_NA]
    assert "还有 1 项放到下一条再说；想先看，[都在这里](https://wiki.example/status)。" in first
    assert "支付接口开发" not in first
    unchanged = world(at=MONDAY + DAY, opened_at=MONDAY)
    second = heard(unchanged, published, most_items=1)
    assert set(second) == {LI_NA}
    assert "支付接口开发" in second[LI_NA]
    assert "发布预热活动" not in second[LI_NA]
    assert "下一条" not in second[LI_NA]
    assert heard(replace(unchanged, at=MONDAY + 2 * DAY), published, most_items=1) == {}


def test_a_digest_is_no_longer_than_every_chat_takes() -> None:
    published: dict[str, Published] = {}
    title = {"title": "很长的题目" * 90}

    def long(days: int) -> View:
        return world(at=MONDAY + days * DAY, opened_at=MONDAY, api=title, flow=title, campaign=title)

    for number, is_more in ((0, True), (1, False)):
        text = heard(long(number), published)[LI_NA]
        assert ("还有 1 项" in text) is is_more
        assert len(text.encode()) < 4096
    assert heard(long(2), published) == {}


def test_what_rests_on_incomplete_data_waits_and_is_not_forgotten() -> None:
    view = world()
    stale = replace(view, freshness={**view.freshness, "jira-main": Freshness("jira-main", AT, is_complete=False)})
    published: dict[str, Published] = {}
    first = heard(stale, published)
    assert "支付接口开发" not in first[LI_NA]
    assert ZHANG_WEI not in first
    later = heard(world(at=MONDAY + DAY, opened_at=MONDAY), published)
    assert set(later) == {ZHANG_WEI, LI_NA}
    assert "支付接口开发" in later[LI_NA]
    assert "发布预热活动" not in later[LI_NA]
    stale_again = replace(world(at=MONDAY + 2 * DAY, opened_at=MONDAY), freshness=stale.freshness)
    assert heard(stale_again, published) == {}


def test_a_restricted_task_is_not_named_even_to_its_owner() -> None:
    judgement = judged(world(flow={"visibility": "restricted"}))
    for item in judgement.desired:
        assert "支付流程测试" not in repr((item.content, item.facts))
        assert "trello.com/c/flow" not in repr((item.content, item.facts))


def test_a_task_that_becomes_restricted_is_masked_in_what_was_said_and_not_said_again() -> None:
    published: dict[str, Published] = {}
    heard(world(), published)
    hidden = judged(
        world(at=MONDAY + timedelta(hours=1), opened_at=MONDAY, api={"visibility": "restricted"}), published
    )
    assert {item.key for item in hidden.desired} == {key for key in published if "zhao-min" not in key}
    for item in hidden.desired:
        assert isinstance(item.content, MessageContent)
        assert not item.content.is_news
        assert "支付接口开发" not in repr((item.content, item.facts))
    view = world(at=MONDAY + timedelta(hours=1), opened_at=MONDAY)
    gone = replace(view, tasks={ref: task for ref, task in view.tasks.items() if ref != API})
    assert judged(gone, published).desired == ()  # archived: there is nothing to hide
    masked = said(judged(replace(gone, hidden=frozenset({API})), published))
    assert set(masked) == {ZHANG_WEI, LI_NA}
    assert "一个现在看不到的任务" in text_of(masked[ZHANG_WEI])


def test_only_what_takes_part_in_the_pilot_is_told() -> None:
    view = world()
    assert Pilot().tasks(view) is None
    view = replace(view, pilot=Pilot(departments=frozenset({MARKET})).tasks(view))
    judgement = judged(view)
    assert set(said(judgement)) == {LI_NA, ZHAO_MIN}
    assert {ref for item in judgement.desired for ref in item.about} == {FLOW, CAMPAIGN}


def test_buttons_take_it_on_open_the_task_and_say_that_it_is_no_dependency() -> None:
    view = world()
    take, look, deny = said(judged(view))[ZHANG_WEI].buttons
    assert take.action == acknowledgement(f"delays:delay:{WAITS[0].key}")
    assert look.url == view.tasks[API].url
    assert deny.action == denial(WAITS[0].key)
    assert max(len(button.action) for button in (take, deny)) <= 64
    several = said(judged(view))[LI_NA].buttons
    assert [(button.text, button.action) for button in several] == [
        ("1. 我来处理", acknowledgement(f"delays:delay:{WAITS[1].key}")),
        ("1. 不是依赖", denial(WAITS[1].key)),
        ("2. 不是依赖", denial(WAITS[0].key)),
    ]


def test_what_somebody_is_on_is_asked_of_nobody_and_whoever_waits_hears_who_it_is() -> None:
    view = world()
    taken = tuple(replace(item, state="acknowledged", acknowledged_by="王强") for item in view.standing)
    messages = said(judged(replace(view, standing=taken)))
    assert set(messages) == {LI_NA, ZHAO_MIN}
    assert "王强在处理" in text_of(messages[LI_NA])


def test_somebody_in_two_chats_hears_in_the_first_of_them_in_its_language() -> None:
    view = world()
    both = replace(view.people[LI_NA], accounts={"chat": ("ou_1",), "ding": ("d1",)})
    view = replace(
        view,
        people={**view.people, LI_NA: both},
        connections={**view.connections, "ding": ConnectionFacts("ding", "dingtalk", ports=("messenger",))},
    )
    judgement = judged(view, chats=(DigestChat("ding", "en"), DigestChat("chat")))
    [own] = [item for item in judgement.desired if item.key.endswith("li-na")]
    assert own.target == "ding:person:d1"
    assert "working days" in text_of(said(judgement)[LI_NA])


def test_a_digest_says_a_date_and_no_count_that_grows() -> None:
    view = world(**OPEN)
    assert "晚" not in text_of(said(judged(view))[ZHANG_WEI])


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_a_restricted_task_nobody_hears_whose_it_is_or_who_is_on_it(language: Language) -> None:
    published: dict[str, Published] = {}
    for visibility, is_named in (("restricted", False), ("open", True)):
        view = world(language=language, api={"visibility": visibility})
        taken = tuple(
            replace(item, state="acknowledged", acknowledged_by="张伟")
            if item.finding.subjects == (API, FLOW)
            else item
            for item in view.standing
        )
        away = {
            **view.people,
            ZHANG_WEI: replace(view.people[ZHANG_WEI], absences=(Leave(day(28), day(29)),), deputy=WANG_QIANG),
        }
        standing_in = heard(replace(view, people=away), published)[WANG_QIANG]
        waiting = heard(replace(view, standing=taken), {})[LI_NA]
        assert [any(name in text for name in ("张伟", "Zhang Wei")) for text in (standing_in, waiting)] == [
            is_named
        ] * 2
        if not is_named:
            check_golden(f"digest-instead-restricted.{language}.md", f"{standing_in}\n\n====\n\n{waiting}")
            published.clear()
    hidden = judged(
        world(at=MONDAY + timedelta(hours=1), language=language, api={"visibility": "restricted"}), published
    )
    [item] = [item for item in hidden.desired if item.key.endswith("wang-qiang")]
    assert not [name for name in ("张伟", "Zhang Wei") if name in repr((item.content, item.facts))]
    published.update(publish(hidden.desired))
    assert (
        judged(
            world(at=MONDAY + timedelta(hours=1), language=language, api={"visibility": "restricted"}), published
        ).desired
        == ()
    )


def test_what_another_job_asks_somebody_about_is_left_to_it_until_it_changes() -> None:
    late, others = f"delays:delay:{WAITS[0].key}", {LI_NA, ZHAO_MIN}
    asked = {(ZHANG_WEI, late): MONDAY - timedelta(minutes=40)}  # before digests are said

    def view(days: int, asked: Mapping[tuple[Ref, str], datetime], due: date | None = None) -> View:
        known = {item.finding.key: item for item in world(opened_at=MONDAY - timedelta(hours=1)).standing}
        stands = {
            key: (FindingStep(item.opened_at, "warning", item.finding.parameters),) for key, item in known.items()
        }
        found = world(at=MONDAY + days * DAY, opened_at=MONDAY - timedelta(hours=1), api={"due": due or day(10, 10)})
        standing = tuple(replace(item, steps=stands.get(item.finding.key, ())) for item in found.standing)
        return replace(found, standing=standing, asked=asked)

    assert set(said(judged(view(0, {})))) == {ZHANG_WEI, *others}  # nobody else asks
    published: dict[str, Published] = {}
    assert set(heard(view(0, asked), published)) == others
    assert heard(view(1, asked), published) == {}
    slipped = day(14, 10)
    assert set(said(judged(view(1, asked, slipped), published))) == {ZHANG_WEI, *others}
    today = {(ZHANG_WEI, late): MONDAY + DAY, (LI_NA, late): MONDAY + DAY}
    news = heard(view(1, today, slipped), published)
    assert set(news) == others
    assert "支付接口开发" not in news[LI_NA]
