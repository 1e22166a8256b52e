"""A company whose delays and incidents climb their ladders: the story of tests/jobs/story.py with a chat, and a ledger that remembers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from jobs.delays.judge import judge as judge_delays
from jobs.delays.lateness import DelaySettings
from jobs.escalations.judge import judge
from sync.core.duty import OnCall
from sync.core.escalation import Event, Stated, is_open
from sync.core.ladders import EscalationSettings
from sync.core.markdown import markdown_from_rich_text
from sync.core.messages import Message
from sync.core.plan import NO_ROOM, Desired, Judgement, MessageContent, Published, RoomContent, digest_of
from sync.core.ports import Written
from sync.core.talks import TalkEvent
from sync.core.values import Department, Finding, Language, Person, Ref, Task, TrackedFinding
from sync.core.view import ConnectionFacts, View
from tests.jobs.story import API, DEPARTMENTS, FLOW, PEOPLE, PRODUCT, TECH, WAITS, as_json, person, story

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHAT = "feishu-main"
SETTINGS = EscalationSettings(connection=CHAT)
DELAY = f"delays:delay:{WAITS[0].key}"
OUTAGE = Ref("jira-main:task:10099")
INCIDENT = f"escalations:incident:{OUTAGE}"
BY_HAND = f"incidents:incident:{OUTAGE}"
CHEN_JIE = person("chen-jie", "陈洁", "Chen Jie", TECH)
LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")


def at(text: str) -> datetime:
    """Wall clock in Shanghai in 2026: "10-04 02:10"."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=SHANGHAI)


WEDNESDAY = at("09-30 16:00")


def who(name: str) -> Ref:
    return Ref.of("tieline", "person", name)


def people() -> dict[Ref, Person]:
    """Everybody has an account of their own name; 张伟's deputy is 陈洁."""
    found = {}
    for item in (*PEOPLE, CHEN_JIE):
        deputy = CHEN_JIE.ref if item.ref == PEOPLE[0].ref else None
        found[item.ref] = replace(item, accounts={CHAT: (f"ou_{item.ref.key}",)}, deputy=deputy)
    return found


def departments() -> dict[Ref, Department]:
    found = {item.ref: item for item in DEPARTMENTS}
    return found | {TECH: replace(found[TECH], on_call=OnCall((CHEN_JIE.ref,)))}


def outage(**changes: Any) -> Task:
    task = Task(
        OUTAGE, "PAY-99", "支付接口超时", "in_progress", "处理中", "https://jira.example/browse/PAY-99", at("10-04 02:05"),
        owner=PEOPLE[0].ref, department=TECH, kind="incident",
    )  # fmt: skip
    return replace(task, **changes)


@dataclass
class Office:
    """What stands between runs: events, reasons and the ledger. A run judges, and everything that may be said is said."""

    language: Language = "zh-CN"
    reaches: tuple[str, ...] = ("people", "rooms", "room_buttons")
    settings: EscalationSettings = SETTINGS
    tasks: dict[str, Any] = field(default_factory=dict)
    incident: Task | None = None
    note: str = ""  # with which somebody opened an incident by hand; "" for none
    events: dict[str, list[Event]] = field(default_factory=dict)
    reasons: dict[str, tuple[Stated, ...]] = field(default_factory=dict)
    kept: dict[str, tuple[TalkEvent, ...]] = field(default_factory=dict)  # of talks
    published: dict[str, Published] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)  # of the view
    refuses_rooms: bool = False
    delays: tuple[str, ...] = (DELAY,)  # the keys of those that are found
    said: list[tuple[datetime, Desired]] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()

    def view(self, now: datetime) -> View:
        view = story(self.language, now, **self.tasks)
        facts = ConnectionFacts(CHAT, "feishu", self.language, ports=("messenger",), reaches=self.reaches)
        tasks = {**view.tasks, **({OUTAGE: self.incident} if self.incident else {})}
        view = replace(view, connections={**view.connections, CHAT: facts}, people=people(), departments=departments())
        view = replace(view, tasks=tasks)
        view = replace(view, **self.changes)
        found = () if self.incident else judge_delays(view, DelaySettings(), {}).findings
        standing = tuple(TrackedFinding(item, "delays", "open", now) for item in found if item.key in self.delays)
        if self.note:
            parameters = {"note": self.note, "by": "李娜"}
            opened = Finding(BY_HAND, "incident", "critical", (OUTAGE,), "incident", parameters)
            standing += (TrackedFinding(opened, "incidents", "open", now),)
        events = {key: tuple(items) for key, items in self.events.items()}
        return replace(view, standing=standing, events=events, reasons=self.reasons, talks=self.kept)

    def judged(self, now: datetime) -> Judgement:
        return judge(self.view(now), self.settings, self.published)

    def run(self, now: datetime, fails: Iterable[str] = ()) -> list[Desired]:
        """A cycle: what was newly said, but for the keys that fail; the ledger of findings and messages is brought up to date."""
        view = self.view(now)
        judgement = judge(view, self.settings, self.published)
        self.findings = judgement.findings
        self._sync({item.finding.key for item in view.standing} | {item.key for item in judgement.findings}, now)
        news = []
        for item in sorted(judgement.desired, key=lambda item: item.kind != "room"):
            if item.key not in fails and (self._is_sayable(item)):
                last = self.published.get(item.key)
                digest = digest_of(item.message, item.facts)
                if last is None:
                    news.append(item)
                    self.said.append((now, item))
                if last is None or last.digest != digest:
                    self.published[item.key] = self._entry(item, digest, now)
        return news

    def _sync(self, standing: set[str], now: datetime) -> None:
        talks = {key for key in (*standing, *self.events) if ":talk:" in key}
        for key in (*self.delays, INCIDENT, BY_HAND, *sorted(talks)):
            events = self.events.setdefault(key, [])
            was_open = is_open(events)
            if key in standing and not was_open:
                events.append(Event("reopened" if events else "opened", now))
            elif key not in standing and was_open:
                events.append(Event("solved", now))

    def _is_sayable(self, item: Desired) -> bool:
        room = item.content.room_key if isinstance(item.content, MessageContent) else ""
        return not room or (room in self.published and self.published[room].written.id != NO_ROOM)

    def _entry(self, item: Desired, digest: str, now: datetime) -> Published:
        """Facts come back from JSON, and a message in a room stands where that is."""
        written, target = Written("1", "1"), item.target
        if isinstance(item.content, RoomContent):
            written = Written(NO_ROOM, "no groups here") if self.refuses_rooms else Written("oc_1", "")
        elif isinstance(item.content, MessageContent) and item.content.room_key:
            target = Ref.of(CHAT, "room", "oc_1")
        facts: Mapping[str, Any] = msgspec.json.decode(as_json(item.facts))
        return Published(
            item.key, item.job, target, item.kind, written, digest, item.message, facts, item.content, item.rests_on, "run", now,
        )  # fmt: skip

    def happens(self, kind: Any, when: datetime, by: str = "", key: str = DELAY, until: datetime | None = None) -> None:
        self.events.setdefault(key, []).append(Event(kind, when, who(by) if by else None, until))


def to(items: Iterable[Desired]) -> list[str]:
    """Whom news went to: account names, or the room."""
    return [
        item.target.key.removeprefix("ou_") if item.target.kind == "person" else "room"
        for item in items
        if item.kind == "message"
    ]


def content(item: Desired) -> MessageContent:
    assert isinstance(item.content, MessageContent)
    return item.content


def text_of(message: Message) -> str:
    buttons = "".join(f"[{button.text}] " for button in message.buttons)
    return f"{message.title}\n\n{markdown_from_rich_text(message.body)}\n{buttons}".rstrip()


def said(items: Any) -> str:
    return "\n\n====\n\n".join(text_of(content(item).said) for item in items if item.kind == "message")


def kinds(office: Office) -> set[str]:
    return {item.kind for item in office.findings}


__all__ = [
    "API",
    "CHAT",
    "DELAY",
    "FLOW",
    "INCIDENT",
    "LANGUAGES",
    "OUTAGE",
    "PRODUCT",
    "TECH",
    "WEDNESDAY",
    "Office",
    "at",
    "content",
    "kinds",
    "outage",
    "said",
    "to",
    "who",
]
