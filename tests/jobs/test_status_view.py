"""The status page: what is late and why, the same facts until something changes, and a picture that is only a picture."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from jobs.status_view import JOB
from jobs.status_view.judge import PICTURE, StatusPage, StatusSettings, facts_of, judge
from jobs.status_view.picture import MOST_NODES, picture
from sync.core.markdown import markdown_from_rich_text
from sync.core.plan import Judgement, PageAsContent
from sync.core.rich_text import Anchor, Table
from sync.core.schedule import forecasts_of
from sync.core.values import Dependency, Language, Ref
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
    page,
    publish,
    story,
)

LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
LATER = datetime(2026, 10, 10, 1, 0, tzinfo=UTC)
OVERDUE: dict[str, Any] = {"due": date(2026, 9, 25)}
SETTINGS = StatusSettings((StatusPage("wiki", "PM", "跨部门状态"),))
HOSTILE = "</text><script>alert('&\"')</script>\x00\x0b\ud800 <b>**x**"
SVG = "{http://www.w3.org/2000/svg}"


def judged(view: View) -> Judgement:
    return judge(view, SETTINGS, {})


def facts(view: View) -> dict[str, Any]:
    return facts_of(view, forecasts_of(view), "zh-CN")


def text_of(view: View) -> str:
    return markdown_from_rich_text(page(judged(view)).page.body).rstrip("\n")


def svg_of(view: View) -> ET.Element:
    return ET.fromstring(dict(page(judged(view)).page.attachments)[PICTURE])


def test_the_manifest_names_the_judge() -> None:
    assert (JOB.name, JOB.settings, JOB.judge) == ("status_view", StatusSettings, judge)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_reads_well(language: Language) -> None:
    check_golden(f"status-slip.{language}.md", text_of(story(language)))
    check_golden(f"status-open.{language}.md", text_of(story(language, LATER, api=OVERDUE)))
    check_golden(f"status-quiet.{language}.md", text_of(story(language, waits=())))


def test_a_page_may_speak_another_language_than_its_connection() -> None:
    settings = StatusSettings((StatusPage("wiki", "PM", "Status", language="en"),))
    assert "Late across departments" in str(page(judge(story(), settings, {})).page.body)


def test_the_facts_of_the_story() -> None:
    found = facts(story())
    first = found["late"][0]
    assert (first["planned"], first["expected"], first["slip_days"]) == (date(2026, 10, 8), date(2026, 10, 12), 3)
    assert first["rules"] == ["mappings/jira-main.yaml:12"]
    assert [[item["title"] for item in chain] for chain in found["chains"]] == [
        ["支付接口开发", "支付流程测试", "发布预热活动"]
    ]
    rows = {row["department"]: row for row in found["departments"]}
    assert (
        rows["产品部"]["open"],
        rows["产品部"]["late"],
        rows["产品部"]["waits_for"],
        rows["产品部"]["awaited_by"],
    ) == (1, 1, 1, 1)


@pytest.mark.parametrize("days", [1, 2, 9])
def test_a_clock_tick_changes_no_fact(days: int) -> None:
    tick = timedelta(days=days)
    assert digests(judged(story())) == digests(judged(story(at=AT + tick)))
    assert digests(judged(story(at=LATER, api=OVERDUE))) == digests(judged(story(at=LATER + tick, api=OVERDUE)))


def test_neither_later_readings_nor_a_source_that_is_down_change_a_fact() -> None:
    view = story()
    newer = {name: Freshness(name, AT + timedelta(hours=5), is_complete=True) for name in view.freshness}
    assert digests(judged(replace(view, freshness=newer))) == digests(judged(view))
    stale = {**view.freshness, "wiki": Freshness("wiki", AT, is_complete=False, reason="collected too long ago")}
    assert digests(judged(replace(view, freshness=stale))) == digests(judged(view))
    assert "wiki 的数据不完整" in text_of(replace(view, freshness=stale))


def test_the_page_rests_on_every_connection_whose_tasks_it_counts() -> None:
    (item,) = judged(story()).desired
    assert item.rests_on == ("jira-main", "trello-main")
    (item,) = judged(replace(story(), tasks={})).desired
    assert item.rests_on == ()


@pytest.mark.parametrize("days", [1, 2, 9])
def test_tasks_that_are_overdue_themselves_change_no_fact_from_day_to_day(days: int) -> None:
    overdue = {"status": "in_progress", "start": date(2026, 9, 21), "due": date(2026, 9, 25)}
    for waits in (WAITS, (WAITS[0], Dependency(FLOW, CAMPAIGN, "finish_to_finish"))):
        views = [story(at=AT + more * timedelta(days=1), waits=waits, campaign=overdue) for more in (0, days)]
        assert facts(views[0]) == facts(views[1])


def test_a_task_that_became_overdue_itself_takes_no_day_from_what_moved_it() -> None:
    """支付流程测试 begins after the start of 支付接口开发, whose day is known, and is past its own due date since."""
    waits = (Dependency(API, FLOW, "start_to_start"), WAITS[1])
    api = {"start": date(2026, 10, 12), "due": date(2026, 12, 30)}
    view = story(at=datetime(2026, 10, 19, 1, 0, tzinfo=UTC), waits=waits, api=api)
    row = facts(view)["late"][0]
    assert (row["awaited"], row["expected"], row["slip_days"]) == (date(2026, 10, 12), date(2026, 10, 12), 3)
    assert "前置任务预计 2026-10-12 才开始" in text_of(view)


@pytest.mark.parametrize("days", [0, 1, 9])
def test_a_finish_that_would_move_with_today_is_not_told(days: int) -> None:
    waits = (Dependency(API, FLOW, "start_to_finish"),)
    api = {"start": date(2026, 10, 12), "due": date(2026, 12, 30)}
    (row,) = facts(story(at=datetime(2026, 10, 19 + days, 1, 0, tzinfo=UTC), waits=waits, api=api))["late"]
    assert (row["awaited"], row["expected"], row["slip_days"]) == (date(2026, 10, 12), None, None)


def test_a_finish_that_moves_is_told_as_a_finish() -> None:
    view = story(waits=(Dependency(API, FLOW, "finish_to_finish"),), api={"due": date(2026, 10, 16)})
    (row,) = facts(view)["late"]
    assert (row["planned"], row["expected"], row["slip_days"]) == (date(2026, 10, 10), date(2026, 10, 16), 5)
    assert "2026-10-16 完成" in text_of(view)


def test_without_a_new_date_no_number_of_days_is_told() -> None:
    view = story(at=LATER, api=OVERDUE)
    assert not re.search(r"\d+ 个工作日", text_of(view))
    assert "+" not in text_of(view)
    assert {row["slip_days"] for row in facts(view)["late"]} == {None}
    assert "自己也在等" in text_of(view)  # 支付流程测试 itself is not called overdue


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_restricted_task_is_named_nowhere(language: Language) -> None:
    secret = {
        "title": "收购谈判",
        "key": "SEC-1",
        "url": "https://jira.example/browse/SEC-1",
        "visibility": "restricted",
    }
    said = everything_said(judged(story(language, api=secret)))
    assert not [word for word in ("收购谈判", "SEC-1", "张伟", "Zhang Wei") if word in said]
    assert ("受限任务" if language == "zh-CN" else "Restricted item") in said


def test_unknown_and_proposed_are_counted_and_claim_nothing() -> None:
    view = story(waits=(replace(WAITS[0], state="proposed"),), flow={"status": "unknown"})
    found = facts(view)
    assert (found["late"], found["chains"], found["proposed"]) == ([], [], 1)
    assert [row["unknown"] for row in found["departments"]] == [0, 1, 0]


def test_the_picture_shows_every_task_and_link() -> None:
    root = svg_of(story())
    texts = [item.text for item in root.iter(f"{SVG}text")]
    assert [text for text in texts if text in ("支付接口开发", "支付流程测试", "发布预热活动")]
    assert "技术部 · 张伟" in texts
    assert len([item for item in root.iter(f"{SVG}path") if item.get("marker-end")]) == 2
    assert page(judged(story())).page.attachments == page(judged(story())).page.attachments


def test_hostile_titles_stay_text_in_page_and_picture() -> None:
    hostile = HOSTILE.replace("\ud800", "")
    view = story(flow={"title": hostile})
    tags = {item.tag.removeprefix(SVG) for item in svg_of(view).iter()}
    assert tags <= {"svg", "rect", "defs", "marker", "path", "text"}
    assert any((item.text or "").startswith("</text><script>") for item in svg_of(view).iter(f"{SVG}text"))
    tables = [block for block in page(judged(view)).page.body if isinstance(block, Table)]
    assert any(Anchor(hostile, "https://trello.com/c/flow") in cell for row in tables[0].rows for cell in row)


def test_without_dependencies_there_is_no_picture() -> None:
    assert not page(judged(story(waits=()))).page.attachments
    assert "依赖图" not in text_of(story(waits=()))


def test_a_drawing_that_stands_is_replaced_when_there_is_nothing_to_draw_any_more() -> None:
    """The file stays on its page, with the titles that were drawn; one of them may be restricted by now."""
    (drawn,) = judged(story()).desired
    ended = story(waits=())
    (item,) = judge(ended, SETTINGS, {drawn.key: publish([drawn])[drawn.key]}).desired
    assert isinstance(item.content, PageAsContent)
    ((name, content),) = item.content.page.attachments
    assert name == PICTURE
    assert ET.fromstring(content).tag == f"{SVG}svg"
    assert len(list(ET.fromstring(content))) == 0


def test_too_large_a_graph_is_not_drawn() -> None:
    def graph(count: int) -> dict[str, Any]:
        node = {"title": "t", "url": "", "owner": "", "department": "d", "is_late": False, "is_done": False}
        links = [{"from": 0, "to": index, "is_late": False} for index in range(1, count)]
        return {"nodes": [node] * count, "links": links}

    assert picture(graph(MOST_NODES + 1)) == b""
    assert ET.fromstring(picture(graph(20))).tag == f"{SVG}svg"


def test_a_cycle_and_unknown_ends_break_nothing() -> None:
    waits = (*WAITS, Dependency(CAMPAIGN, API), Dependency(Ref("other:task:1"), API))
    assert "跨部门延期" in text_of(story(waits=waits))
    assert svg_of(story(waits=waits)).tag == f"{SVG}svg"
