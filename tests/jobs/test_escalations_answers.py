"""What comes of an answer: refusals, promises, reasons and talks; and what may not be named."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from sync.core.disclosure import Sayable
from sync.core.duty import Leave
from sync.core.escalation import Event, Stated
from sync.core.talks import TalkEvent
from sync.core.values import Assignment, Language
from tests.jobs.escalating import (
    DELAY,
    INCIDENT,
    LANGUAGES,
    PRODUCT,
    TECH,
    WEDNESDAY,
    Office,
    at,
    content,
    kinds,
    outage,
    people,
    said,
    to,
    who,
)
from tests.jobs.story import check_golden, everything_said


def test_who_took_it_on_is_asked_for_a_new_date_when_it_takes_too_long() -> None:
    office = Office()
    office.run(WEDNESDAY)
    office.happens("acknowledged", at("09-30 16:30"), "zhang-wei")
    assert [item.message for item in office.run(at("09-30 17:00"))] == ["reason"]
    (news,) = office.run(at("10-09 16:30"))  # 960 working minutes after the answer
    assert "张伟在处理，到现在还没有解决。" in said([news])
    assert [button.action.partition(":")[0] for button in content(news).said.buttons] == ["promise", "decline", "open"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-CN", "陈洁在处理，到现在还没有解决。张伟今天不在，所以找你。现在到哪一步了？"),
        (
            "en",
            "Chen Jie is on it, and it is not solved yet. Zhang Wei is away today, so you are asked. How far is it?",
        ),
    ],
)
def test_who_is_on_it_and_who_is_away_are_two_people(language: Language, words: str) -> None:
    office = Office(language)
    office.run(WEDNESDAY)
    office.happens("acknowledged", at("09-30 16:30"), "chen-jie")
    away = replace(people()[who("zhang-wei")], absences=(Leave(date(2026, 10, 8), date(2026, 10, 9)),))
    office.changes = {"people": {**people(), who("zhang-wei"): away}}
    (news,) = (item for item in office.run(at("10-09 16:30")) if item.message == "notice")
    assert words in said([news]).replace("\n\n", "" if language == "zh-CN" else " ")


def test_a_refusal_makes_the_next_rung_due_and_a_promise_is_waited_for() -> None:
    office = Office()
    office.run(WEDNESDAY)
    office.happens("declined", at("09-30 16:05"), "zhang-wei")
    news = office.run(at("09-30 16:10"))
    assert to(news) == ["chen-jie"]
    assert "眼下处理不了" in said(news)
    office.happens("promised", at("09-30 16:20"), "chen-jie", until=at("10-10 00:00"))
    assert [item for item in office.run(at("10-09 17:00")) if ":step:" in item.key] == []


def test_a_refusal_counts_also_after_the_message_was_changed_in_place() -> None:
    office = Office()
    office.run(WEDNESDAY)
    office.happens("declined", at("09-30 16:05"), "zhang-wei")
    office.tasks = {"api": {"visibility": "restricted"}}
    office.run(at("09-30 16:08"))
    office.tasks = {}
    assert office.published[f"escalations:step:{DELAY}#1:response:1@feishu-main:person:ou_zhang-wei"].facts["told_at"]
    assert to(office.run(at("09-30 16:10"))) == []  # the deputy was told at 16:08
    assert [to([item]) for _, item in office.said] == [["zhang-wei"], ["chen-jie"]]


def test_a_refusal_at_night_counts_from_when_the_message_was_said_and_not_from_when_it_was_changed() -> None:
    office = Office()
    office.run(WEDNESDAY)
    office.happens("declined", at("09-30 20:00"), "zhang-wei")
    office.tasks = {"api": {"visibility": "restricted"}}
    assert office.run(at("09-30 20:10")) == []
    office.tasks = {}
    assert to(office.run(at("10-08 09:00"))) == ["chen-jie"]


# -- reasons and talks


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reason_and_what_comes_of_it_read_well(language: Language) -> None:
    office = Office(language)
    office.run(WEDNESDAY)
    office.happens("acknowledged", at("09-30 16:20"), "zhang-wei")
    parts = [said(office.run(at("09-30 16:30")))]
    for reason in ("resources", "goal", "conflict"):
        office.reasons = {DELAY: (Stated(reason, at("09-30 16:40"), who("zhang-wei")),)}
        parts.append(said(office.run(at("09-30 16:50"))[:1]))
    check_golden(f"escalation-reason.{language}.md", "\n\n====\n\n".join(parts))


def test_the_reason_is_asked_once_in_an_episode_of_whoever_answered() -> None:
    office = Office()
    office.run(WEDNESDAY)
    office.happens("acknowledged", at("09-30 16:20"), "chen-jie")
    news = office.run(at("09-30 16:30"))
    assert to(news) == ["chen-jie"]
    assert [button.action.partition(":")[0] for button in content(news[0]).said.buttons] == [
        "reason_resources", "reason_goal", "reason_conflict",
    ]  # fmt: skip
    assert office.run(at("09-30 16:40")) == []
    office.tasks = {"api": {"title": "支付接口开发（二期）"}}
    assert office.judged(at("09-30 16:50")).desired == ()


@pytest.mark.parametrize(
    ("reason", "changes", "told"),
    [
        ("resources", {}, ["wang-qiang"]),
        ("resources", {"contact": "zhao-min"}, ["zhao-min"]),
        ("goal", {}, ["li-na"]),
        ("goal", {"accountable": "wang-qiang"}, ["wang-qiang"]),
        ("conflict", {}, ["wang-qiang", "li-na"]),
        ("conflict", {"group": ["zhao-min", "wang-qiang"]}, ["zhao-min", "wang-qiang", "li-na"]),
    ],
)
def test_a_reason_leads_once_to_whoever_can_do_something(reason: Any, changes: dict[str, Any], told: list[str]) -> None:
    office = Office()
    tech = office.view(WEDNESDAY).departments[TECH]
    product = office.view(WEDNESDAY).departments[PRODUCT]
    contact = who(changes["contact"]) if "contact" in changes else None
    group = tuple(map(who, changes.get("group", ())))
    tech = replace(tech, resource_contact=contact, coordination_group=group)
    office.changes = {"departments": {TECH: tech, PRODUCT: product}}
    if "accountable" in changes:
        office.tasks = {"api": {"assignments": (Assignment(who(changes["accountable"]), "accountable"),)}}
    office.run(WEDNESDAY)
    office.happens("acknowledged", at("09-30 16:20"), "zhang-wei")
    office.reasons = {DELAY: (Stated(reason, at("09-30 16:25"), who("zhang-wei")),)}
    assert to(office.run(at("09-30 16:30"))) == told
    office.tasks = {"api": {**office.tasks.get("api", {}), "title": "支付接口开发（二期）"}}
    assert office.judged(at("09-30 16:40")).desired == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_often_cannot_is_not_blamed(language: Language) -> None:
    office = Office(language)
    office.run(WEDNESDAY)
    office.happens("declined", at("09-30 16:05"), "zhang-wei")
    office.happens("declined", at("09-30 16:06"), "zhang-wei")  # pressed again, and again
    office.happens("declined", at("09-30 16:06"), "zhang-wei")
    office.happens("acknowledged", at("09-30 16:07"), "zhang-wei")
    office.happens("promised", at("09-30 16:08"), "zhang-wei", until=at("09-30 17:00"))
    office.run(at("09-30 16:10"))
    assert "talk_suggested" not in kinds(office)
    office.happens("declined", at("09-30 17:05"), "zhang-wei")
    news = [item for item in office.run(at("09-30 17:10")) if item.message == "talk"]
    assert to(news) == ["wang-qiang"]  # no group is named: the head
    assert "talk_suggested" in kinds(office)
    check_golden(f"escalation-talk.{language}.md", said(news))
    assert [item for item in office.run(at("09-30 17:20")) if item.message == "talk"] == []


def test_a_kept_or_renewed_promise_counts_for_nothing() -> None:
    office = Office()
    office.settings = replace(office.settings, declines_before_talk=1)
    office.run(WEDNESDAY)
    office.happens("promised", at("09-30 16:08"), "zhang-wei", until=at("10-08 12:00"))
    office.happens("promised", at("10-08 11:00"), "zhang-wei", until=at("10-09 12:00"))
    office.run(at("10-08 17:00"))
    assert "talk_suggested" not in kinds(office)
    office.run(at("10-09 12:00"))
    assert "talk_suggested" in kinds(office)


def talks_of(office: Office, when: datetime) -> list[str]:
    return to(item for item in office.run(when) if item.message == "talk")


def test_what_was_declined_long_ago_counts_for_nothing() -> None:
    office = Office()
    office.events[DELAY] = [Event("opened", at("05-06 10:00"))]
    for day in ("05-06", "05-07", "09-29"):
        office.happens("declined", at(f"{day} 11:00"), "zhang-wei")
        office.happens("acknowledged", at(f"{day} 12:00"), "zhang-wei")
    assert talks_of(office, at("09-29 17:00")) == []
    assert "talk_suggested" not in kinds(office)


def test_as_many_times_more_are_a_series_of_their_own_also_after_the_first_was_forgotten() -> None:
    office = Office()
    office.settings = replace(office.settings, declines_before_talk=2)
    office.events[DELAY] = [Event("opened", at("05-06 10:00"))]
    for day in ("05-06", "05-07"):
        office.happens("declined", at(f"{day} 11:00"), "zhang-wei")
        office.happens("acknowledged", at(f"{day} 12:00"), "zhang-wei")
    assert talks_of(office, at("05-07 13:00")) == ["wang-qiang"]
    assert "talk_suggested" in kinds(office)
    office.happens("declined", at("05-08 11:00"), "zhang-wei")
    office.happens("acknowledged", at("05-08 12:00"), "zhang-wei")
    assert talks_of(office, at("05-08 13:00")) == []
    assert talks_of(office, at("09-01 13:00")) == []
    assert "talk_suggested" not in kinds(office)
    for day in ("09-02", "09-03", "09-04", "09-07"):
        office.happens("declined", at(f"{day} 11:00"), "zhang-wei")
        office.happens("acknowledged", at(f"{day} 12:00"), "zhang-wei")
        expected = ["wang-qiang"] if day in ("09-03", "09-07") else []
        assert talks_of(office, at(f"{day} 13:00")) == expected
        assert talks_of(office, at(f"{day} 14:00")) == []
    assert [item.kind for item in office.findings].count("talk_suggested") == 1


def grouped(office: Office) -> str:
    """张伟 could not take it on once, which is enough here; 王强 and 赵敏 are the group. The key of the talk."""
    office.settings = replace(office.settings, declines_before_talk=1)
    departments = office.view(WEDNESDAY).departments
    group = (who("wang-qiang"), who("zhao-min"), who("zhang-wei"))
    office.changes = {"departments": {**departments, TECH: replace(departments[TECH], coordination_group=group)}}
    office.run(WEDNESDAY)
    office.happens("declined", at("09-30 16:05"), "zhang-wei")
    assert talks_of(office, at("09-30 16:10")) == ["wang-qiang", "zhao-min"], "never the person"
    (finding,) = (item for item in office.findings if item.kind == "talk_suggested")
    return finding.key


def kept_news(office: Office, when: datetime) -> list[tuple[str, str]]:
    news = [item for item in office.run(when) if item.message.startswith("talk_")]
    return [(item.message, name) for item, name in zip(news, to(news), strict=True)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_becomes_of_a_talk_reads_well_and_only_the_group_hears_of_it(language: Language) -> None:
    office = Office(language)
    key = grouped(office)
    set_for = TalkEvent("talk_set", at("09-30 16:20"), who("zhao-min"), "赵敏", date(2026, 10, 8))
    office.kept = {key: (set_for,)}
    assert kept_news(office, at("09-30 16:30")) == [("talk_set", "wang-qiang")]
    assert kept_news(office, at("10-08 16:30")) == [], "the day is not over"
    assert kept_news(office, at("10-09 08:30")) == [], "nobody is at work"
    assert kept_news(office, at("10-09 09:30")) == [("talk_asked", "wang-qiang"), ("talk_asked", "zhao-min")]
    assert kept_news(office, at("10-09 09:40")) == [], "asked once"
    decided = TalkEvent("talk_decided", at("10-09 10:00"), who("wang-qiang"), "王强", note="先把联调交给陈洁")
    office.kept = {key: (set_for, decided)}
    assert kept_news(office, at("10-09 10:10")) == [("talk_decided", "zhao-min")]
    assert "talk_suggested" not in kinds(office)
    heard = [item for _, item in office.said if item.message.startswith("talk_")]
    sayable = Sayable(office.view(at("10-09 10:10")))
    assert not [item for item in heard if sayable.may_say(item.content, item.facts)], "no plan or log repeats it"
    assert not [item for item in heard if "zhang-wei" in item.key], "keys stand in logs"
    check_golden(f"escalation-talk-kept.{language}.md", said(heard[:1] + heard[-2:]))
    everything = said(item for _, item in office.said if not item.message.startswith("talk"))
    assert "约谈" not in everything
    assert "先把联调" not in everything


def test_the_count_starts_anew_with_the_decision_and_a_talk_to_come_is_not_suggested_again() -> None:
    office = Office()
    key = grouped(office)
    set_for = TalkEvent("talk_set", at("09-30 16:20"), who("zhao-min"), "赵敏", date(2026, 10, 8))
    office.kept = {key: (set_for,)}
    office.happens("acknowledged", at("09-30 16:30"), "zhang-wei")
    office.happens("declined", at("09-30 16:40"), "zhang-wei")
    assert talks_of(office, at("09-30 16:50")) == []
    decided = TalkEvent("talk_decided", at("09-30 17:00"), who("zhao-min"), "赵敏", note="再看一周")
    office.kept = {key: (set_for, decided)}
    assert talks_of(office, at("09-30 17:10")) == []
    assert "talk_suggested" not in kinds(office)
    office.happens("acknowledged", at("09-30 17:20"), "zhang-wei")
    office.happens("declined", at("09-30 17:30"), "zhang-wei")
    assert talks_of(office, at("09-30 17:40")) == ["wang-qiang", "zhao-min"]


def test_nobody_is_talked_about_where_the_setting_is_zero() -> None:
    office = Office()
    office.settings = replace(office.settings, declines_before_talk=0)
    office.run(WEDNESDAY)
    office.happens("declined", at("09-30 16:05"), "zhang-wei")
    office.run(at("09-30 16:10"))
    assert "talk_suggested" not in kinds(office)


# -- what may not be named


def test_a_restricted_task_is_named_nowhere() -> None:
    office = Office(incident=outage(visibility="restricted"))
    judgement = office.judged(at("10-04 02:10"))
    assert len(judgement.desired) == 2
    assert "支付接口超时" not in everything_said(judgement)
    assert "受限任务，请联系 技术部 王强" in everything_said(judgement)
    assert all(
        button.text != "打开任务"
        for item in judgement.desired
        if item.kind == "message"
        for button in content(item).said.buttons
    )


def test_what_became_restricted_is_masked_in_place() -> None:
    office = Office()
    office.run(WEDNESDAY)
    office.tasks = {"flow": {"visibility": "restricted"}}
    judgement = office.judged(WEDNESDAY + timedelta(minutes=10))
    (edit,) = judgement.desired
    assert (edit.message, content(edit).is_news) == ("notice", False)
    assert "支付流程测试" not in everything_said(judgement)
    office.run(WEDNESDAY + timedelta(minutes=10))
    assert office.judged(WEDNESDAY + timedelta(minutes=20)).desired == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_group_whose_name_tells_what_became_restricted_is_not_named_any_more_and_nobody_is_brought_in(
    language: Language,
) -> None:
    office = Office(language, incident=outage())
    office.run(at("10-04 02:10"))
    office.run(at("10-04 02:40"))
    office.incident = outage(visibility="restricted")
    judgement = office.judged(at("10-04 02:50"))
    assert {item.kind for item in judgement.desired} == {"message"}
    assert "支付接口超时" not in everything_said(judgement)
    office.run(at("10-04 02:50"))
    office.published.pop(f"escalations:step:{INCIDENT}#1:response:2@feishu-main:person:ou_wang-qiang")
    members = office.published[f"escalations:room:{INCIDENT}@feishu-main"].content
    news = office.run(at("10-04 03:00"))
    assert to(news) == ["wang-qiang"]  # in their own chat, not in the group
    assert "支付接口超时" not in said(news)
    assert ("群" if language == "zh-CN" else "group") not in said(news)
    assert office.published[f"escalations:room:{INCIDENT}@feishu-main"].content == members


def test_a_step_for_the_group_is_told_one_by_one_where_its_name_may_not_be_told() -> None:
    office = Office(incident=outage())
    office.run(at("10-04 02:10"))
    office.incident = outage(status="done")
    office.run(at("10-04 02:50"))
    office.incident = outage(updated_at=at("10-04 03:00"), visibility="restricted")
    assert to(office.run(at("10-04 03:00"))) == ["zhang-wei", "chen-jie"]
    assert office.run(at("10-04 03:10")) == []


@pytest.mark.parametrize("is_later", [False, True])
def test_who_has_to_do_with_a_restricted_task_is_not_named(is_later: bool) -> None:
    office = Office(incident=outage(visibility="open" if is_later else "restricted"))
    away = replace(people()[who("zhang-wei")], absences=(Leave(date(2026, 10, 4), date(2026, 10, 4)),))
    office.changes = {"people": {**people(), who("zhang-wei"): away}}
    office.reaches = ("people",)
    parts = [office.judged(at("10-04 02:10"))]
    office.run(at("10-04 02:10"))
    office.happens("acknowledged", at("10-04 02:20"), "chen-jie", INCIDENT)
    parts.append(office.judged(at("10-04 04:10")))
    office.run(at("10-04 04:10"))
    office.incident = outage(visibility="restricted")
    parts.append(office.judged(at("10-04 04:20")))
    told = said([item for part in parts[2 * is_later :] for item in part.desired])
    assert "今天不在，所以找你" in told
    assert "有同事在处理" in told
    assert not [name for name in ("张伟", "陈洁", "李娜") if name in told]


def test_who_says_why_a_restricted_task_is_late_is_not_named() -> None:
    office = Office()
    office.tasks = {"api": {"visibility": "restricted"}}
    office.run(WEDNESDAY)
    office.happens("acknowledged", at("09-30 16:20"), "zhang-wei")
    office.reasons = {DELAY: (Stated("resources", at("09-30 16:25"), who("zhang-wei")),)}
    told = said(office.run(at("09-30 16:30")))
    assert "有同事说主要是资源不足" in told
    assert "张伟" not in told
