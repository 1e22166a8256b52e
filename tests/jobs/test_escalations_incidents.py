"""An incident: who is called at night, in which group, and what is quietly ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from sync.cli.findings_text import finding_text
from sync.core.plan import RoomContent
from sync.core.values import Language
from tests.jobs.escalating import (
    INCIDENT,
    LANGUAGES,
    OUTAGE,
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
from tests.jobs.story import FLOW, check_golden, wait


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


def test_a_message_that_failed_is_said_in_the_next_run() -> None:
    office = Office(incident=outage())
    office.run(at("10-04 02:10"))
    failing = f"escalations:step:{INCIDENT}#1:response:2@feishu-main:person:ou_wang-qiang"
    assert to(office.run(at("10-04 02:40"), fails=[failing])) == ["chen-jie"]
    assert to(office.run(at("10-04 02:50"))) == ["wang-qiang"]
    assert office.run(at("10-04 03:00")) == []


def test_a_late_run_tells_one_step_and_passes_nobody_over() -> None:
    office = Office(incident=outage())
    office.happens("opened", at("10-04 02:10"), key=INCIDENT)
    news = office.run(at("10-04 06:00"))
    assert to(news) == ["room"]
    assert [item["person"] for item in news[-1].facts["asked"]] == [
        who(name) for name in ("zhang-wei", "chen-jie", "wang-qiang")
    ]
    assert office.run(at("10-04 07:00")) == []


# -- rooms


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


def test_an_incident_that_asks_nobody_is_a_finding_until_somebody_can_be_asked() -> None:
    office = Office(incident=outage(owner=None, department=None))
    assert office.run(at("10-04 02:10")) == []
    (finding,) = (item for item in office.findings if item.kind == "nobody_asked")
    assert (finding.severity, finding.subjects) == ("critical", (OUTAGE,))
    for language, words in (("zh-CN", "请在任务里指定负责人"), ("en", "name its owner")):
        text = finding_text(finding, language, office.view(at("10-04 02:10")))  # type: ignore[arg-type]
        assert words in text
        assert "支付接口超时" in text
    office.incident = outage(department=None)
    assert to(office.run(at("10-04 02:20"))) == ["room"]
    assert "nobody_asked" not in kinds(office)


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
