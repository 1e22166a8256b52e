"""The stock-taking page as its reader sees it, and what counts as news since the first day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobs.baseline import JOB
from jobs.baseline.judge import BaselineSettings, judge
from jobs.delays.judge import judge as judge_delays
from jobs.delays.lateness import DelaySettings
from sync.core.baseline import Baseline, BaselinePair, is_news
from sync.core.markdown import markdown_from_rich_text
from sync.core.values import Language
from sync.core.view import View
from tests.jobs.story import AT, FLOW, WAITS, check_golden, digests, everything_said, page, publish, story

SETTINGS = BaselineSettings("wiki", "TEAM", "跨部门延期盘点")
LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
OVERDUE = {"due": date(2026, 9, 25)}
IN_TIME = {"due": date(2026, 9, 30)}
MUCH_LATER = AT + timedelta(days=20)
SECRET = "秘密收购"


def first_day(view: View) -> View:
    """The view on the day on which its pairs are taken stock of."""
    pairs = judge_delays(replace(view, baseline=Baseline()), DelaySettings(), {}).pairs
    return replace(view, baseline=Baseline(view.at.date(), {pair.key: pair for pair in pairs}))


def text_of(view: View) -> str:
    return markdown_from_rich_text(page(judge(first_day(view), SETTINGS, {})).page.body).strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_as_it_is_read(language: Language) -> None:
    check_golden(f"baseline-slip.{language}.md", text_of(story(language)))
    check_golden(f"baseline-open.{language}.md", text_of(story(language, MUCH_LATER, api=OVERDUE)))
    check_golden(f"baseline-quiet.{language}.md", text_of(story(language, api=IN_TIME)))


def test_the_job_says_where_its_page_stands() -> None:
    assert JOB.settings is BaselineSettings
    content = page(judge(first_day(story()), SETTINGS, {})).page
    assert (content.space, content.title) == ("TEAM", "跨部门延期盘点")


def test_nothing_before_the_first_day_and_nothing_where_none_was_asked_for() -> None:
    assert judge(story(), SETTINGS, {}).desired == ()
    assert judge(replace(story(), baseline=Baseline()), SETTINGS, {}).desired == ()


def test_a_page_lists_no_more_than_a_page_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(judge.__globals__, "MOST_ROWS", 1)
    text = text_of(story())
    assert "已经晚了的有 2 项" in text
    assert "另外 1 项可请管理员用 tieline baseline 查看" in text


def test_a_restricted_task_is_named_nowhere_on_it() -> None:
    view = first_day(story(flow={"visibility": "restricted", "title": SECRET, "url": "https://trello.com/c/secret"}))
    said = everything_said(judge(view, SETTINGS, {}))
    assert SECRET not in said
    assert "c/secret" not in said
    assert "受限任务，请联系 产品部 李娜" in said


def test_what_becomes_restricted_or_invisible_is_masked_once() -> None:
    first = judge(first_day(story()), SETTINGS, {})
    ledger = publish(first.desired)
    assert digests(judge(story(), SETTINGS, ledger)) == digests(first)
    hidden = story(flow={"visibility": "restricted", "title": SECRET})
    masked = judge(hidden, SETTINGS, ledger)
    assert "支付流程测试" not in everything_said(masked)
    assert SECRET not in everything_said(masked)
    ledger = publish(masked.desired)
    assert digests(judge(story(), SETTINGS, ledger)) == digests(masked)
    gone = story()
    gone = replace(gone, tasks={ref: task for ref, task in gone.tasks.items() if ref != FLOW})
    assert digests(judge(gone, SETTINGS, ledger)) == digests(masked)
    unseen = everything_said(judge(gone, SETTINGS, publish(first.desired)))
    assert "支付流程测试" not in unseen
    assert "一个现在看不到的任务" in unseen


def test_a_page_that_was_taken_back_stays_away() -> None:
    ledger = {
        key: replace(item, state="undone")
        for key, item in publish(judge(first_day(story()), SETTINGS, {}).desired).items()
    }
    assert judge(story(flow={"visibility": "restricted"}), SETTINGS, ledger).desired == ()


# -- what is news


def pair(**values: Any) -> BaselinePair:
    standard = {"key": "k", "is_late": True, "slip_days": 5, "due": date(2026, 10, 10), "awaited": date(2026, 10, 10)}
    return BaselinePair(**{**standard, **values})


OPEN = {"is_open_ended": True, "awaited": None}
LATER = {"due": date(2026, 10, 20)}


@pytest.mark.parametrize(
    ("now", "then", "expected"),
    [
        ({}, {}, False),
        ({"slip_days": 7}, {}, False),  # below the least slip worth a comment, and nobody set a date
        ({"slip_days": 8}, {}, True),
        ({"slip_days": 2}, {}, False),
        ({"slip_days": 6, **LATER}, {}, True),  # a new date that makes it later is news at once
        ({"slip_days": 5, **LATER}, {}, False),  # a new date that makes nothing later is none
        ({"slip_days": 90, **OPEN}, {"slip_days": 5, **OPEN}, False),  # the clock
        ({"slip_days": 90, **OPEN, **LATER}, OPEN, True),
        ({"slip_days": 1}, OPEN, True),  # somebody gave a date
        ({"slip_days": 8, **OPEN}, {}, True),  # a promised date was not kept
        ({"slip_days": 5}, {"is_late": False, "slip_days": 0}, True),
        ({"slip_days": 1}, {"is_over": True}, True),
        (OPEN, {**OPEN, "is_over": True}, True),
    ],
)
def test_what_is_news(now: dict[str, Any], then: dict[str, Any], expected: bool) -> None:
    assert is_news(pair(**now), pair(**then), min_slip_days=3) is expected


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 20))
def test_however_long_it_lasts_an_open_end_is_no_news(then_days: int, now_days: int, least: int) -> None:
    assert not is_news(pair(slip_days=now_days, **OPEN), pair(slip_days=then_days, **OPEN), least)


@given(st.integers(-60, 60), st.integers(1, 10))
def test_news_of_a_slip_is_monotonous(grown: int, least: int) -> None:
    """What is news at some slip is news at every larger one."""
    then = pair(slip_days=100)
    if is_news(pair(slip_days=100 + grown), then, least):
        assert is_news(pair(slip_days=101 + grown), then, least)
        assert grown >= least


def test_pairs_speak_by_the_facts_of_the_story() -> None:
    view = first_day(story())
    assert judge_delays(view, DelaySettings(), {}).desired == ()
    later = story(api={"due": date(2026, 10, 12)})
    said = judge_delays(replace(later, baseline=view.baseline), DelaySettings(), {})
    assert len({item.key for item in said.desired if WAITS[0].key in item.key and item.kind == "comment"}) == 2
    month = replace(view, at=AT + timedelta(days=3))
    assert judge_delays(month, DelaySettings(), {}).desired == ()
