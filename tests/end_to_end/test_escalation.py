"""An incident at 02:10 in the simulated company, in each of its chats: the right people meet, the head is asked, quiet, closed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox import dingtalk, wecom
from sandbox.dingtalk.messages import shown as ding_shown
from sandbox.dingtalk.state import GROUP_TEMPLATE
from sandbox.wecom.messages import shown as wecom_shown
from sync.app import App, build
from sync.cli.cycle import show_cycle
from sync.core.answering import acknowledgement, refusal, statement
from sync.core.brakes import Accepted
from sync.core.messages import Answer
from sync.core.plan import MessageContent, mark_of
from sync.core.talks import TALK
from sync.engine import Cycle
from sync.web.answers import ear_of
from tests.end_to_end.company import Company, founded

SHANGHAI = ZoneInfo("Asia/Shanghai")


def last_night() -> datetime:
    """The last 02:10 in Shanghai."""
    night = datetime.now(SHANGHAI).replace(hour=2, minute=10, second=0, microsecond=0)
    return night if night <= datetime.now(SHANGHAI) else night - timedelta(days=1)


@dataclass
class Night:
    """A company that escalates in one chat, and a clock of its own."""

    company: Company
    vendor: str
    now: datetime = field(default_factory=last_night)

    def __post_init__(self) -> None:
        self.app = build(self.company.config, lambda: self.now.astimezone(UTC))

    @property
    def site(self) -> Any:
        return getattr(self.company.world, self.vendor)

    def cycle(self, minutes: int) -> Cycle:
        """A cycle so many minutes later."""
        self.now += timedelta(minutes=minutes)
        cycle = self.app.engine.cycle(Accepted(is_first_run=True))
        assert cycle.refused is None
        assert cycle.outcome is not None
        assert [*cycle.outcome.failed, *cycle.outcome.unsure] == []
        return cycle

    def account(self, name: str) -> str:
        people = self.site.state.people
        return str(next(key for key, one in people.items() if one.name == name))

    def groups(self) -> list[tuple[str, set[str]]]:
        """The groups that were made: key and names of those in it."""
        state = self.site.state
        rooms: dict[str, Any] = state.chats if self.vendor == "feishu" else state.groups
        made = [(key, room) for key, room in rooms.items() if "突发" in (getattr(room, "name", "") or room.title)]
        return [(key, {state.people[one].name for one in room.members if one in state.people}) for key, room in made]

    def said(self, room: str) -> list[str]:
        texts: dict[str, Callable[[Any], str]] = {"wecom": wecom_shown, "dingtalk": ding_shown}
        show = texts.get(self.vendor, lambda said: unescape(json.dumps(said.content, ensure_ascii=False)))
        return [show(one) for one in self.site.said_in(room)]

    def told(self, name: str, finding: str) -> list[str]:
        """What this person was told of a finding."""
        entries = self.app.store.published("escalations")
        return [key for key, entry in entries.items() if finding in key and entry.target.key == self.account(name)]

    def press(self, app: App, action: str, by: str) -> None:
        """我来处理 on the card that this person got."""
        entry = next(
            entry for entry in app.store.published("escalations").values()
            if isinstance(entry.content, MessageContent) and any(button.action == action for button in entry.content.said.buttons)
        )  # fmt: skip
        mark = mark_of(app.loaded.config.installation, entry.key)
        answer = Answer(f"{by} {action}", self.account(by), action, mark=mark)
        assert ear_of(app, "chat_main").hear(answer, app.clock())


def connection(company: Company, vendor: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    url = company.world.url(vendor)
    patch.setenv("WECOM_SECRET", wecom.SECRET)
    return {
        "feishu": {
            "type": "feishu", "variant": "app", "base_url": url, "app_id": "env:FEISHU_APP_ID", "app_secret": "env:FEISHU_APP_SECRET",
        },
        "wecom": {
            "type": "wecom", "variant": "app", "base_url": url, "corp_id": wecom.CORP, "agent_id": str(wecom.AGENT),
            "corp_secret": "env:WECOM_SECRET",
        },
        "dingtalk": {
            "type": "dingtalk", "variant": "app", "base_url": url, "client_id": dingtalk.CLIENT_ID,
            "client_secret": "env:DINGTALK_SECRET", "card_template_id": dingtalk.CARD_TEMPLATE, "group_template_id": GROUP_TEMPLATE,
        },
    }[vendor]  # fmt: skip


@pytest.fixture(params=["feishu", "wecom", "dingtalk"])
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Night]:
    with pytest.MonkeyPatch.context() as patch, founded(tmp_path / "company") as company:
        company.world.wecom.enforce_limits = company.world.dingtalk.enforce_limits = False
        company.configure(
            connections__chat_main=connection(company, request.param, patch),
            jobs={"escalations": {"connection": "chat_main"}},
        )
        company.rewrite("mappings/departments.yaml", "head: chen-jie,", "head: chen-jie, on_call: [li-na],")
        company.rewrite("mappings/jira-main.yaml", "words: {突发: incident,", "words: {突发: incident, 缺陷: incident,")
        company.say("check").expect(0)
        night = Night(company, request.param)
        yield night
        night.app.close()


def test_an_incident_from_two_in_the_morning_to_its_end(night: Night) -> None:
    jira, app = night.company.world.jira_cloud, night.app
    night.cycle(0)
    assert night.groups() == []
    owner = next(key for key, one in jira.site.users.items() if one.name == "张伟")
    issue = jira.create_issue("PAY", "支付接口超时", issuetype="缺陷", assignee=owner)
    finding = f"escalations:incident:jira-main:task:{issue.id}"

    night.cycle(0)
    [(room, people)] = night.groups()
    assert people == {"张伟", "李娜"}
    first = night.said(room)
    assert len([text for text in first if "突发" in text and "02:40" in text]) == 1
    assert not night.said(night.account("陈杰"))

    night.cycle(10)
    assert night.said(room) == first
    night.cycle(20)
    [(again, people)] = night.groups()
    assert (again, people) == (room, {"张伟", "李娜", "陈杰"})
    [asked] = night.said(night.account("陈杰"))
    assert "还没有人回复" in asked

    night.press(app, acknowledgement(finding), "陈杰")
    before = night.said(room), night.said(night.account("陈杰"))
    for _ in range(3):
        night.cycle(20)
    assert (night.said(room), night.said(night.account("陈杰"))) == before

    jira.edit_issue(issue.key, status="已完成")
    written = night.cycle(10).outcome
    assert written is not None
    assert {change.operation for change in written.written} == {"update"}
    if night.vendor != "wecom":  # a group of WeCom's changes nothing that was said
        assert "已关闭" in " ".join(night.said(room))
    assert len(night.said(room)) == len(first)
    night.cycle(60)
    assert len(night.said(room)) == len(first)


@pytest.mark.parametrize("night", ["feishu"], indirect=True)
def test_a_delay_is_refused_taken_on_and_its_reason_leads_to_whoever_can_help(night: Night) -> None:
    settings = {"connection": "chat_main", "declines_before_talk": 1}
    night.company.configure(jobs={"delays": {}, "escalations": settings})
    always = "weekend: []\n    hours: ['00:00-24:00']"  # the real clock, whenever it is: a ledger's instants are real
    night.company.rewrite("mappings/calendar.yaml", "days_off: []", f"days_off: []\n    {always}")
    night.app.close()
    night.app = build(night.company.config)
    night.now = datetime.now(SHANGHAI)
    night.cycle(0)
    finding = next(
        item.finding.key for item in night.app.store.findings("open")
        if item.finding.kind == "delay" and night.told("张伟", item.finding.key)
    )  # fmt: skip
    night.press(night.app, refusal(finding), "张伟")
    printed = io.StringIO()
    with redirect_stdout(printed):
        show_cycle(night.cycle(0), "zh-CN")
    assert night.told("陈杰", finding)
    night.press(night.app, acknowledgement(finding), "陈杰")
    before = [night.told(name, finding) for name in ("张伟", "陈杰", "赵敏")]
    night.cycle(0)
    assert [len(night.told(name, finding)) for name in ("张伟", "陈杰", "赵敏")] == [
        len(before[0]),
        len(before[1]) + 1,
        len(before[2]),
    ]
    night.press(night.app, statement(finding, "goal"), "陈杰")
    for _ in range(2):
        night.cycle(0)
    said = {
        entry.target.key: entry for key, entry in night.app.store.published("escalations").items() if ":route:" in key
    }
    assert list(said) == [night.account("赵敏")]
    # 张伟 could not: the head of his department hears that a talk would help, and notes what was decided in it.
    assert [night.told(name, ":talk:") for name in ("张伟", "赵敏")] == [[], []]
    assert len(night.told("陈杰", ":talk:")) == 1
    assert "聊" not in printed.getvalue(), "what a run prints is read by many"
    ear = ear_of(night.app, "chat_main")
    assert ear.hear(Answer("t1", night.account("陈杰"), text="约谈 张伟 结论：先把联调交给我"), night.app.clock())
    night.cycle(0)
    assert [item.state for item in night.app.store.findings() if item.finding.kind == TALK] == ["resolved"]
