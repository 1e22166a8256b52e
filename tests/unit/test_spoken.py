"""What people type to us, read strictly."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.core.spoken import FARTHEST, NewDate, OpenIncident, SolveIncident, day_from_words, day_named, spoken_from
from sync.core.talks import SpokenOfTalk, talk_from_words

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("突发 PAY-1 接口全部超时", OpenIncident("PAY-1", "接口全部超时")),
        ("突发：PAY-1，接口全部超时", OpenIncident("PAY-1", "接口全部超时")),
        ("Incident pay-1", OpenIncident("pay-1")),
        ("incident https://jira.test/browse/PAY-1 all calls time out", OpenIncident("https://jira.test/browse/PAY-1", "all calls time out")),
        ("突发 PAY-1：接口超时", OpenIncident("PAY-1", "接口超时")),
        ("incident PAY-1: timeouts", OpenIncident("PAY-1", "timeouts")),
        ("突发 PAY-1（接口超时）", OpenIncident("PAY-1", "接口超时")),
        ("突发（PAY-1）（支付）接口超时！", OpenIncident("PAY-1", "(支付)接口超时!")),
        ("突发PAY-1 接口超时", OpenIncident("PAY-1", "接口超时")),
        ("突发　PAY-1　接口超时", OpenIncident("PAY-1", "接口超时")),
        ("突发【PAY-1】接口超时", OpenIncident("PAY-1", "接口超时")),
        ("突发 PAY-1接口超时", OpenIncident("PAY-1", "接口超时")),
        ("突发https://jira.test:8080/browse/PAY-1：超时", OpenIncident("https://jira.test:8080/browse/PAY-1", "超时")),
        ("incident jira-1:task:10063: timeouts", OpenIncident("jira-1:task:10063", "timeouts")),
        ("突发 支付接口超时", OpenIncident("支付接口超时")),
        ("突发", OpenIncident("")),
        ("已解决PAY-1（重启了服务）", SolveIncident("PAY-1", "重启了服务")),
        ("已解决：PAY-1：重启了服务", SolveIncident("PAY-1", "重启了服务")),
        ("solved PAY-1.", SolveIncident("PAY-1")),
        ("Solved (PAY-1): restarted it", SolveIncident("PAY-1", "restarted it")),
        ("已解决3个问题", None),
        ("incidentPAY-1", None),
        ("已解决 PAY-1。", SolveIncident("PAY-1")),
        ("Solved PAY-1 restarted it", SolveIncident("PAY-1", "restarted it")),
        ("已解决", SolveIncident("")),
        ("新日期 2026-12-03", NewDate(date(2026, 12, 3))),
        ("新日期：12月3日", NewDate(date(2026, 12, 3))),
        ("New date 3 Dec", NewDate(date(2026, 12, 3))),
        ("新日期 尽快", NewDate(None)),
        ("收到", None),
        ("突发情况怎么办", None),
        ("incidents are bad", None),
        ("12月3日", None),
        ("", None),
    ],
)  # fmt: skip
def test_only_our_words_are_meant_for_us(text: str, meant: object) -> None:
    assert spoken_from(text, TODAY) == meant


@pytest.mark.parametrize("text", [
    "2026-12-03", "2026/12/3", "12月3日", "12月3号。", "2026年12月3日", "１２月３日", " 3 dec ", "3 December 2026", "Dec 3", "dec. 3, 2026",
])  # fmt: skip
def test_ways_to_say_a_day(text: str) -> None:
    assert day_from_words(text, TODAY) == date(2026, 12, 3)


def test_a_day_of_any_year_can_be_named_though_not_promised() -> None:
    assert [day_named(text, TODAY) for text in ("2026/11/3", "1949-10-01", "2150年1月1日", "11月3日")] == [
        date(2026, 11, 3), date(1949, 10, 1), date(2150, 1, 1), None,
    ]  # fmt: skip
    assert day_from_words("2026/11/3", TODAY) is None


def test_a_day_without_its_year_is_the_next_one_not_far_away() -> None:
    assert day_from_words("1月5日", TODAY) == date(2027, 1, 5)
    assert day_from_words("11月26日", TODAY) == TODAY
    assert day_from_words("2月29日", date(2027, 12, 1)) == date(2028, 2, 29)


@pytest.mark.parametrize("text", [
    "12/3", "3.12.", "12-03", "下周三", "明天", "11月25日", "2026-11-25", "6月1日", "2029-01-01", "2月30日", "2026-13-01", "3 Foo",
    "12月3日左右", "12月3日或4日", "2026-12-03 18:00", "٣ Dec", "",
])  # fmt: skip
def test_what_is_no_certain_day_is_none(text: str) -> None:
    assert day_from_words(text, TODAY) is None


@settings(deadline=None)
@given(st.text(max_size=40), st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_any_text_is_read_without_error(text: str, today: date) -> None:
    for prefix in ("", "突发", "突发 ", "突发 PAY-1", "已解决（", "solved ", "新日期 "):
        spoken = spoken_from(prefix + text, today)
        assert not isinstance(spoken, OpenIncident | SolveIncident) or not re.search(r"\s", spoken.task)
    day = day_from_words(text, today)
    assert day is None or today <= day <= today + FARTHEST


@settings(deadline=None)
@given(st.dates(date(2001, 1, 1), date(2090, 1, 1)), st.integers(0, 180))
def test_every_day_ahead_can_be_said_in_every_way(today: date, ahead: int) -> None:
    day = today + timedelta(days=ahead)
    ways = (
        f"{day}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.month}月{day.day}日",
        f"{day.day} {day:%b}",
        f"{day:%B} {day.day}",
    )
    assert {day_from_words(way, today) for way in ways} == {day}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("约谈 张伟 12月3日", SpokenOfTalk("张伟", date(2026, 12, 3))),
        ("约谈张伟 12月3日", SpokenOfTalk("张伟", date(2026, 12, 3))),
        ("约谈：张伟，2026-12-03", SpokenOfTalk("张伟", date(2026, 12, 3))),
        ("talk zhang-wei 3 Dec", SpokenOfTalk("zhang-wei", date(2026, 12, 3))),
        ("Talk with Zhang Wei Dec 3, 2026", SpokenOfTalk("Zhang Wei", date(2026, 12, 3))),
        ("约谈 张伟 结论：先把联调交给陈洁，12月3日再看", SpokenOfTalk("张伟", note="先把联调交给陈洁，12月3日再看")),
        ("talk zw@example.com decided: less at once", SpokenOfTalk("zw@example.com", note="less at once")),
        ("约谈 张伟 昨天", SpokenOfTalk("张伟")),
        ("约谈 张伟 结论：", SpokenOfTalk("张伟")),
        ("talk to you later", SpokenOfTalk("to")),
        ("约谈", None),
        ("talking of PAY-1", None),
    ],
)
def test_words_about_a_talk(text: str, meant: SpokenOfTalk | None) -> None:
    assert talk_from_words(text, TODAY) == meant
