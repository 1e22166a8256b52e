"""A delay on its way up: who is told what and when, in whose working time, and never twice."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from jobs.digests.judge import judge as judge_digests
from jobs.digests.settings import DigestChat, DigestSettings
from jobs.escalations.matters import matters
from sync.core.baseline import Baseline, BaselinePair
from sync.core.duty import Leave
from sync.core.escalation import Act, Ladder, Rung
from sync.core.plan import Published
from sync.core.values import FindingStep, Language, Ref
from tests.jobs.escalating import (
    CHAT,
    DELAY,
    LANGUAGES,
    WEDNESDAY,
    Office,
    at,
    content,
    outage,
    people,
    said,
    to,
    who,
)
from tests.jobs.story import API, CAMPAIGN, FLOW, WAITS, check_golden, publish, wait


def laddered(office: Office, *rungs: Rung) -> None:
    """The delay climbs these, and nothing once it is answered."""
    ladders = replace(office.settings.ladders, warning=Ladder(rungs))
    office.settings = replace(office.settings, ladders=ladders)


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


def test_the_deputy_is_told_whose_place_they_take() -> None:
    office = Office()
    away = replace(people()[who("zhang-wei")], absences=(Leave(WEDNESDAY.date(), WEDNESDAY.date()),))
    office.changes = {"people": {**people(), who("zhang-wei"): away}}
    news = office.run(WEDNESDAY)
    assert to(news) == ["chen-jie"]
    assert "张伟今天不在，所以找你。" in said(news)


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


def test_everything_rests_on_its_tools_and_is_about_its_tasks() -> None:
    for item in Office().judged(WEDNESDAY).desired:
        assert item.rests_on == ("jira-main", "trello-main")
        assert item.about == (Ref("jira-main:task:10063"), FLOW)


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


def test_other_jobs_hear_whom_it_asks_about_which_delays_and_since_when() -> None:
    office = Office()
    assert office.judged(at("09-30 08:00")).asked == {}  # nobody is at work
    now = {(who("zhang-wei"), DELAY): WEDNESDAY}
    assert office.judged(WEDNESDAY).asked == now
    office.run(WEDNESDAY)
    office.tasks = {"flow": {"visibility": "restricted"}}  # the message is changed in place, which asks nobody
    assert office.judged(WEDNESDAY + timedelta(hours=1)).asked == now
    office.tasks = {}
    office.run(at("10-08 16:00"))
    assert office.judged(at("10-08 17:00")).asked == now | {(who("chen-jie"), DELAY): at("10-08 16:00")}
    assert Office(incident=outage()).judged(at("10-04 02:10")).asked == {}
    meeting = Office()
    laddered(meeting, Rung(0, ("owner", "head"), "room"))
    together = {(who(name), DELAY) for name in ("zhang-wei", "wang-qiang")}
    assert meeting.judged(WEDNESDAY).asked.keys() == together
    meeting.run(WEDNESDAY)
    assert meeting.judged(WEDNESDAY + timedelta(hours=1)).asked.keys() == together


def test_whom_it_asks_about_a_delay_hears_it_in_no_digest_and_others_do() -> None:
    office, settings = Office(), DigestSettings(chats=(DigestChat(CHAT),))
    published: dict[str, Published] = {}
    told = []
    for text in ("09-30 16:00", "10-08 09:40", "10-08 16:00", "10-09 09:40", "10-09 16:00", "10-10 17:00"):
        view = office.view(at(text))
        standing = [
            replace(item, steps=(FindingStep(WEDNESDAY, "warning", item.finding.parameters),)) for item in view.standing
        ]
        view = replace(view, standing=tuple(standing), asked=office.judged(at(text)).asked)
        digests = judge_digests(view, settings, published).desired
        published |= publish(digests)
        told += [(text, name) for name in (*to(digests), *to(office.run(at(text))))]
    owner, waiting = ("09-30 16:00", "zhang-wei"), ("09-30 16:00", "li-na")
    assert told == [waiting, owner, ("10-08 16:00", "chen-jie"), ("10-09 16:00", "wang-qiang")]


@pytest.mark.parametrize("does", ["notice", "room"])
def test_what_was_closed_too_early_is_put_right_where_it_stands(does: Act) -> None:
    office = Office()
    laddered(office, Rung(0, ("owner", "waiting_head"), does))
    first = office.run(WEDNESDAY)
    office.delays = ()  # a run without the data of some other tool: nothing is solved, and it does not find the delay
    office.run(at("09-30 16:10"))
    closed = [entry for entry in office.published.values() if entry.kind == "message"]
    assert {entry.message for entry in closed} == {"notice_over"}
    office.delays = (DELAY,)
    again = [item for item in office.judged(at("09-30 16:20")).desired if item.kind == "message"]
    assert said(again) == said(first)
    assert all(not content(item).is_news and item.facts["told_at"] for item in again)
    assert office.run(at("09-30 16:20")) == []
    assert {item.kind for item in office.judged(at("09-30 16:30")).desired} <= {"room"}
    assert office.published.keys() == {item.key for item in first}


class Counted(dict[str, Any]):
    """Facts of a notice, which count how often they are read."""

    reads = 0

    def __getitem__(self, name: str) -> Any:
        Counted.reads += 1
        return super().__getitem__(name)


def test_what_was_ever_told_is_read_once_however_many_delays_stand() -> None:
    office = Office()
    office.run(WEDNESDAY)
    (entry,) = office.published.values()
    for number in range(40):
        step = f"delays:delay:jira-main:task:9{number}>trello-main:task:1:finish_to_start#1:response:1"
        facts = Counted({**entry.facts, "step": step, "told_at": f"2026-09-0{1 + number % 9}T10:00:00+08:00"})
        office.published[step] = replace(entry, key=step, facts=facts, message="notice_over")
    view = office.view(WEDNESDAY)
    (item,) = view.standing
    tasks = [replace(view.tasks[API], ref=Ref(f"jira-main:task:2{number}")) for number in range(40)]
    standing = tuple(
        replace(item, finding=replace(item.finding, key=f"delays:delay:{task.ref}>{FLOW}", subjects=(task.ref, FLOW)))
        for task in tasks
    )
    view = replace(view, tasks={**view.tasks, **{task.ref: task for task in tasks}}, standing=standing)
    Counted.reads = 0
    assert len(list(matters(view, office.settings, (), office.published))) == 40
    assert Counted.reads <= 2 * 40
