"""The job of the two clocks: who is told what and when, quietly ended, masked, and never twice."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from sync.core.baseline import Baseline, BaselinePair
from sync.core.duty import Leave
from sync.core.escalation import Ladder, Rung, Stated
from sync.core.markdown import markdown_from_rich_text
from sync.core.messages import Message
from sync.core.plan import RoomContent
from sync.core.values import Assignment, Language, Ref
from tests.jobs.escalating import DELAY, INCIDENT, OUTAGE, PRODUCT, TECH, Office, at, content, outage, people, to, who
from tests.jobs.story import API, CAMPAIGN, FLOW, WAITS, check_golden, everything_said, publish, wait

LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
WEDNESDAY = at("09-30 16:00")


def text_of(message: Message) -> str:
    buttons = "".join(f"[{button.text}] " for button in message.buttons)
    return f"{message.title}\n\n{markdown_from_rich_text(message.body)}\n{buttons}".rstrip()


def said(items: Any) -> str:
    return "\n\n====\n\n".join(text_of(content(item).said) for item in items if item.kind == "message")


def kinds(office: Office) -> set[str]:
    return {item.kind for item in office.findings}


# -- an incident


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_incident_reads_well_from_its_opening_to_its_end(language: Language) -> None:
    office = Office(language, incident=outage())
    office.changes = {"dependencies": (wait(OUTAGE, FLOW),)}
    parts = [said(office.run(at(time))) for time in ("10-04 02:10", "10-04 02:20", "10-04 02:40", "10-04 04:10")]
    office.incident = outage(status="done")
    parts.append(said(item for item in office.judged(at("10-04 05:00")).desired if item.target.kind == "room"))
    check_golden(f"escalation-incident.{language}.md", "\n\n====\n\n".join(part for part in parts if part))


def test_at_night_the_group_meets_then_deputy_and_head_are_asked_and_brought_in() -> None:
    office = Office(incident=outage())
    assert to(office.run(at("10-04 02:10"))) == ["room"]
    assert office.run(at("10-04 02:20")) == []
    assert to(office.run(at("10-04 02:40"))) == ["chen-jie", "wang-qiang"]
    room = office.published[f"escalations:room:{INCIDENT}@feishu-main"].content
    assert isinstance(room, RoomContent)
    assert room.members == ("ou_zhang-wei", "ou_chen-jie", "ou_wang-qiang")
    assert to(office.run(at("10-04 04:10"))) == ["wang-qiang"]


def test_who_answers_makes_it_quiet_and_the_two_hours_hold() -> None:
    office = Office(incident=outage())
    office.run(at("10-04 02:10"))
    office.happens("acknowledged", at("10-04 02:20"), "chen-jie", INCIDENT)
    assert [to(office.run(at(f"10-04 {time}"))) for time in ("02:40", "03:30", "04:00")] == [[], [], []]
    news = office.run(at("10-04 04:10"))
    assert "陈洁在处理，到现在还没有解决" in said(news)
    assert not [item for item in office.said if ":reason:" in item[1].key]


def test_solved_is_one_quiet_edit_of_each_message_and_nothing_new() -> None:
    office = Office(incident=outage())
    office.run(at("10-04 02:10"))
    office.run(at("10-04 02:40"))
    office.incident = outage(status="done")
    edits = office.judged(at("10-04 02:50")).desired
    assert {item.message for item in edits} == {"notice_over"}
    assert all(not content(item).is_news and not content(item).said.buttons for item in edits)
    assert len(edits) == 3
    assert office.run(at("10-04 02:50")) == []
    assert office.judged(at("10-04 03:00")).desired == ()


def test_one_that_comes_back_meets_in_the_same_group() -> None:
    office = Office(incident=outage())
    office.run(at("10-04 02:10"))
    office.incident = outage(status="done")
    office.run(at("10-04 02:50"))
    office.incident = outage(updated_at=at("10-04 03:00"))
    assert to(office.run(at("10-04 03:00"))) == ["room"]
    assert [item.kind for _, item in office.said].count("room") == 1


def test_what_nobody_touched_for_a_day_has_not_just_broken_out() -> None:
    office = Office(incident=outage(updated_at=at("10-02 02:00")))
    assert (office.run(at("10-04 02:10")), office.findings) == ([], ())


def test_an_incident_that_a_person_opened_is_told_with_their_words_and_one_task_calls_people_once() -> None:
    office = Office(incident=outage(kind="work"), note="支付全部超时")
    news = office.run(at("10-04 02:10"))
    assert to(news) == ["room"]
    assert "李娜说：「支付全部超时」。" in said(news)
    office.incident = outage()
    assert office.run(at("10-04 02:20")) == []
    office.note = ""  # solved, says a person; the tool may close it when it likes
    assert "的突发已经解决" in said(office.judged(at("10-04 02:30")).desired)
    assert office.run(at("10-04 02:30")) == []
    assert office.run(at("10-04 03:30")) == []


@pytest.mark.parametrize(("status", "is_told"), [("unknown", False), ("blocked", True), ("done", False)])
def test_only_an_open_incident_begins(status: Any, is_told: bool) -> None:
    assert bool(Office(incident=outage(status=status)).run(at("10-04 02:10"))) == is_told


def test_an_unknown_status_ends_nothing() -> None:
    office = Office(incident=outage())
    office.run(at("10-04 02:10"))
    office.incident = outage(status="unknown", updated_at=at("10-01 02:00"))
    assert to(office.run(at("10-04 02:40"))) == ["chen-jie", "wang-qiang"]


# -- rooms that cannot be


def test_a_chat_without_groups_tells_each_person_and_a_finding_says_so() -> None:
    office = Office(reaches=("people",), incident=outage())
    assert to(office.run(at("10-04 02:10"))) == ["zhang-wei", "chen-jie"]
    assert "no_room" in kinds(office)


def test_where_groups_have_no_buttons_each_gets_them_in_their_own_chat() -> None:
    office = Office(reaches=("people", "rooms"), incident=outage())
    assert to(office.run(at("10-04 02:10"))) == ["room", "zhang-wei", "chen-jie"]
    assert office.run(at("10-04 02:20")) == []


def test_a_group_that_was_refused_is_replaced_by_notices_in_the_next_run() -> None:
    office = Office(refuses_rooms=True, incident=outage())
    assert to(office.run(at("10-04 02:10"))) == []
    assert to(office.run(at("10-04 02:20"))) == ["zhang-wei", "chen-jie"]
    assert [item.parameters["detail"] for item in office.findings if item.kind == "no_room"] == ["no groups here"]


def test_who_has_no_account_is_a_finding_and_those_above_are_asked() -> None:
    office = Office()
    everybody = people()
    nobody = replace(everybody[who("zhang-wei")], accounts={})
    office.changes = {"people": {**everybody, who("zhang-wei"): nobody}}
    assert to(office.run(WEDNESDAY)) == ["wang-qiang"]
    assert [item.parameters["name"] for item in office.findings if item.kind == "no_account"] == ["张伟"]
    office.run(WEDNESDAY + timedelta(minutes=10))
    assert "no_account" in kinds(office)


# -- a delay


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_delay_reads_well_on_its_way_up(language: Language) -> None:
    office = Office(language)
    times = ("09-30 16:00", "10-08 16:00", "10-09 16:00", "10-12 16:00")
    check_golden(f"escalation-delay.{language}.md", "\n\n====\n\n".join(said(office.run(at(time))) for time in times))


def test_the_worked_example_of_the_docs() -> None:
    office, told = Office(), []
    now = WEDNESDAY
    while now <= at("10-10 18:00"):
        told += [(f"{now:%m-%d %H:%M}", name) for name in to(office.run(now))]
        now += timedelta(minutes=30)
    assert told == [("09-30 16:00", "zhang-wei"), ("10-08 16:00", "chen-jie"), ("10-09 16:00", "wang-qiang")]


def test_an_ordinary_notice_waits_for_the_working_time_of_the_person_asked() -> None:
    office = Office()
    in_berlin = replace(people()[who("zhang-wei")], zone="Europe/Berlin")
    office.changes = {"people": {**people(), who("zhang-wei"): in_berlin}}
    assert to(office.run(at("09-30 10:00"))) == []
    assert to(office.run(at("09-30 15:30"))) == ["zhang-wei"]  # 9:30 in Berlin


def test_who_was_not_at_work_is_told_later_unless_somebody_answered() -> None:
    office = Office()
    office.events[DELAY] = []
    everybody = people()
    office.changes = {"people": {**everybody, who("li-na"): replace(everybody[who("li-na")], zone="Europe/Berlin")}}
    laddered(office, Rung(0, ("owner", "waiting_head")))
    assert to(office.run(at("09-30 10:00"))) == ["zhang-wei"]
    answered = Office(**{name: getattr(office, name) for name in ("settings", "changes", "events", "published")})
    answered.events = {DELAY: list(office.events[DELAY])}
    answered.published = dict(office.published)
    answered.happens("acknowledged", at("09-30 11:00"), "zhang-wei")
    assert [name for name in to(answered.run(at("09-30 15:30"))) if name == "li-na"] == []
    assert to(office.run(at("09-30 15:30"))) == ["li-na"]
    assert office.run(at("09-30 16:30")) == []


def test_a_message_that_failed_is_said_in_the_next_run() -> None:
    office = Office(incident=outage())
    office.run(at("10-04 02:10"))
    failing = f"escalations:step:{INCIDENT}#1:response:2@feishu-main:person:ou_wang-qiang"
    assert to(office.run(at("10-04 02:40"), fails=[failing])) == ["chen-jie"]
    assert to(office.run(at("10-04 02:50"))) == ["wang-qiang"]
    assert office.run(at("10-04 03:00")) == []


def test_the_deputy_is_told_whose_place_they_take() -> None:
    office = Office()
    away = replace(people()[who("zhang-wei")], absences=(Leave(WEDNESDAY.date(), WEDNESDAY.date()),))
    office.changes = {"people": {**people(), who("zhang-wei"): away}}
    news = office.run(WEDNESDAY)
    assert to(news) == ["chen-jie"]
    assert "张伟今天不在，所以找你。" in said(news)


def test_who_took_it_on_is_asked_for_a_new_date_when_it_takes_too_long() -> None:
    office = Office()
    office.run(WEDNESDAY)
    office.happens("acknowledged", at("09-30 16:30"), "zhang-wei")
    assert [item.message for item in office.run(at("09-30 17:00"))] == ["reason"]
    (news,) = office.run(at("10-09 16:30"))  # 960 working minutes after the answer
    assert "张伟在处理，到现在还没有解决。" in said([news])
    assert [button.action.partition(":")[0] for button in content(news).said.buttons] == ["promise", "decline", "open"]


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


def test_the_job_is_switched_on_and_an_old_delay_begins_with_its_owner() -> None:
    office = Office()
    office.happens("opened", at("09-21 10:00"))
    assert to(office.run(WEDNESDAY)) == ["zhang-wei"]
    assert to(office.run(at("10-08 15:30"))) == []
    assert to(office.run(at("10-08 16:00"))) == ["chen-jie"]


def test_one_that_somebody_took_on_before_the_job_was_switched_on_is_not_asked_about_again() -> None:
    office = Office()
    office.happens("opened", at("09-21 10:00"))
    office.happens("acknowledged", at("09-22 10:00"), "zhang-wei")
    assert office.run(WEDNESDAY) == []


def test_what_was_late_on_the_first_day_and_moves_begins_with_its_owner() -> None:
    office = Office()
    pair = BaselinePair(WAITS[0].key, is_late=True, planned=date(2026, 10, 8), slip_days=1)
    office.changes = {"baseline": Baseline(date(2026, 9, 21), {WAITS[0].key: pair})}
    office.happens("opened", at("09-21 10:00"))
    (told,) = Office().judged(WEDNESDAY).desired  # another delay was told long ago
    told = replace(told, key="other", facts={**told.facts, "step": "other#1:response:1"})
    office.published = publish([told])
    assert to(office.run(WEDNESDAY)) == ["zhang-wei"]
    assert to(office.run(at("10-08 16:00"))) == ["chen-jie"]


def test_a_late_run_tells_one_step_and_passes_nobody_over() -> None:
    office = Office(incident=outage())
    office.happens("opened", at("10-04 02:10"), key=INCIDENT)
    news = office.run(at("10-04 06:00"))
    assert to(news) == ["room"]
    assert [item["person"] for item in news[-1].facts["asked"]] == [
        who(name) for name in ("zhang-wei", "chen-jie", "wang-qiang")
    ]
    assert office.run(at("10-04 07:00")) == []


def laddered(office: Office, *rungs: Rung) -> None:
    """The delay climbs these, and nothing once it is answered."""
    ladders = replace(office.settings.ladders, warning=Ladder(rungs))
    office.settings = replace(office.settings, ladders=ladders)


def test_a_group_of_an_ordinary_delay_waits_for_the_working_time_of_the_late_department() -> None:
    office = Office()
    laddered(office, Rung(0, ("owner", "head"), "room"))
    office.happens("opened", WEDNESDAY)
    assert office.run(at("09-30 19:00")) == []
    assert to(office.run(at("10-08 09:00"))) == ["room"]


def test_who_was_not_at_work_is_not_passed_over_by_the_next_rung() -> None:
    office = Office()
    in_berlin = replace(people()[who("li-na")], zone="Europe/Berlin")
    office.changes = {"people": {**people(), who("li-na"): in_berlin}}
    laddered(office, Rung(0, ("owner", "waiting_head")), Rung(60, ("deputy",)))
    times = ("10:00", "11:00", "15:30", "16:00")
    assert [to(office.run(at(f"09-30 {time}"))) for time in times] == [["zhang-wei"], ["chen-jie"], ["li-na"], []]


def test_the_first_day_is_silent_and_so_is_what_was_late_on_it() -> None:
    office = Office(incident=outage())
    office.changes = {"baseline": Baseline()}
    assert office.run(at("10-04 02:10")) == []
    office = Office()
    view = office.view(WEDNESDAY)
    (item,) = view.standing
    old = replace(item, finding=replace(item.finding, parameters={**item.finding.parameters, "is_baseline": True}))
    office.changes = {}
    office.view = lambda now: replace(Office.view(office, now), standing=(old,))  # type: ignore[method-assign]
    assert office.run(WEDNESDAY) == []


def test_what_is_resolved_is_told_no_more() -> None:
    office = Office()
    (item,) = office.view(WEDNESDAY).standing
    office.view = lambda now: replace(Office.view(office, now), standing=(replace(item, state="resolved"),))  # type: ignore[method-assign]
    assert office.run(WEDNESDAY) == []


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


def test_nobody_is_talked_about_where_the_setting_is_zero() -> None:
    office = Office()
    office.settings = replace(office.settings, declines_before_talk=0)
    office.run(WEDNESDAY)
    office.happens("declined", at("09-30 16:05"), "zhang-wei")
    office.run(at("09-30 16:10"))
    assert "talk_suggested" not in kinds(office)


def test_everything_rests_on_its_tools_and_is_about_its_tasks() -> None:
    for item in Office().judged(WEDNESDAY).desired:
        assert item.rests_on == ("jira-main", "trello-main")
        assert item.about == (Ref("jira-main:task:10063"), FLOW)


def test_another_chat_gets_a_group_of_its_own() -> None:
    office = Office(incident=outage())
    office.run(at("10-04 02:10"))
    view = office.view(at("10-04 04:10"))
    facts = replace(view.connections["feishu-main"], name="ding-main")
    accounts = {ref: replace(item, accounts={"ding-main": ("1",)}) for ref, item in people().items()}
    office.changes = {"connections": {**view.connections, "ding-main": facts}, "people": accounts}
    office.settings = replace(office.settings, connection="ding-main")
    targets = {item.target.connection for item in office.judged(at("10-04 04:10")).desired}
    assert targets == {"ding-main"}


# -- several delays of one task


def test_who_holds_up_several_is_asked_once_and_told_of_all() -> None:
    both = (WAITS[0], wait(API, CAMPAIGN))
    office = Office(delays=tuple(f"delays:delay:{item.key}" for item in both))
    office.changes = {"dependencies": both}
    office.tasks = {"campaign": {"start": date(2026, 10, 9), "due": date(2026, 10, 9)}}
    first = office.run(WEDNESDAY)
    assert to(first) == ["zhang-wei"]
    assert "支付流程测试" in said(first)
    assert "还有这些也在等它：\n\n- 市场部「" in said(first)
    assert to(office.run(at("10-08 16:00"))) == ["chen-jie"]  # one ladder, not two
    # The one that was asked about is over; the other still stands, and its clock begins then.
    office.tasks["flow"] = {"status": "done", "finished": at("10-08 16:10")}
    news = office.run(at("10-08 16:30"))
    assert to(news) == ["zhang-wei"]
    assert "发布预热活动" in said(news)
    assert "支付流程测试" not in said(news)
    assert [to(office.run(at(time))) for time in ("10-08 16:40", "10-09 16:20", "10-09 16:30")] == [
        [],
        [],
        ["chen-jie"],
    ]
