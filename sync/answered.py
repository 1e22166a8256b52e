"""What stands in place of the buttons of a message once somebody answered, and what whoever typed something is told. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from sync.core.answering import ACKNOWLEDGE, DECLINE, DENY, PROMISE, REASONS, word_of
from sync.core.messages import Button, Message
from sync.core.rich_text import Paragraph, Text
from sync.core.said import LINES, SOMEBODY, Answered
from sync.core.values import Language, TrackedFinding
from sync.core.wording import day_text
from sync.store.entries import Answer as DependencyAnswer
from sync.store.entries import FindingEvent

WORDS: dict[str, dict[Language, str]] = {
    **LINES,
    "asked": {
        "zh-CN": "{name}：请直接发新日期给我，例如 12月3日 或 2026-12-03",
        "en": "{name}, please type the new date to me, such as 3 Dec or 2026-12-03",
    },
    "denied": {"zh-CN": "{name} 说这不是依赖（{time}）", "en": "{name} said that this is no dependency ({time})"},
    "somebody": SOMEBODY,
}
COMMENT = "comment"
"""How the source of an answer begins that was given in a comment which everybody reads who reads its task."""
REPLIES: dict[str, dict[Language, str]] = {
    "promised": {"zh-CN": "记下了：{task}，新日期 {day}。", "en": "Noted: {task}, new date {day}."},
    "over": {"zh-CN": "这件事已经了结，不用再给日期了。", "en": "This is over already; no date is needed any more."},
    "unclear": {
        "zh-CN": "没看懂日期。请写今天或以后的一天，例如 2026-12-03 或 12月3日。",
        "en": "That is no date I can read. Please write today or a later day, such as 2026-12-03 or 3 Dec.",
    },
    "which": {
        "zh-CN": "不知道是哪件事的新日期。请先点那条消息里的按钮，再发日期；或者直接回复那条消息。",
        "en": "I cannot tell what this date is for. Please press the button in that message first, or reply to the message itself.",
    },
    "opened": {
        "zh-CN": "已记为突发：{task}。解决后请发“已解决 {key}”。",
        "en": "An incident is open: {task}. Once it is solved, please write “solved {key}”.",
    },
    "stands": {
        "zh-CN": "{task} 已经是突发了。解决后请发“已解决 {key}”。",
        "en": "There is an open incident already: {task}. Once it is solved, please write “solved {key}”.",
    },
    "solved": {"zh-CN": "已解决：{task}。", "en": "Solved: {task}."},
    "calm": {"zh-CN": "{task} 没有打开的突发。", "en": "There is no open incident: {task}."},
    "marked": {
        "zh-CN": "{task} 是在它自己的工具里标成突发的，请在那里改状态。",
        "en": "It is its own tool that says that this is an incident: {task}. Please change its status there.",
    },
    "talk_set": {
        "zh-CN": "记下了：和{name}的约谈定在 {day}。谈完请发给我：“约谈 {name} 结论：……”。只有协调小组看得到。",
        "en": "Noted: the talk with {name} is set for {day}. Afterwards please write to me: “talk {name} decided: …”. Only the "
        "coordination group sees this.",
    },
    "talk_decided": {
        "zh-CN": "记下了和{name}约谈的结论，之后重新开始计数。只有协调小组看得到。",
        "en": "Noted what was decided in the talk with {name}; counting starts anew. Only the coordination group sees this.",
    },
    "talk_unclear": {
        "zh-CN": "没看懂。请写今天或以后的日期，例如“约谈 {name} 12月3日”；谈完发“约谈 {name} 结论：……”。",
        "en": "I cannot read that. Please write today or a later day, such as “talk {name} 3 Dec”, or “talk {name} decided: …”.",
    },
    "talk_unknown": {
        "zh-CN": "没有找到可以由你来记的约谈。请核对姓名；有同名的，请写 people.yaml 里的键。",
        "en": "I know of no such talk that you could note anything about. Please check the name; where two have the same one, write the "
        "key in people.yaml.",
    },
    "unknown": {
        "zh-CN": "没找到这个任务。请写任务编号或链接，例如“突发 PAY-1 接口全部超时”，解决后发“已解决 PAY-1”。",
        "en": "I know no such task. Please write its key or address: “incident PAY-1 everything times out”, and later “solved PAY-1”.",
    },
}


@dataclass(frozen=True)
class Told:
    """What is known of a finding that a message's buttons are about: where it stands, and what was said in this episode."""

    finding: TrackedFinding
    said: Sequence[FindingEvent]

    @property
    def last(self) -> FindingEvent | None:
        """The last answer."""
        return self._last("acknowledged", "declined", "promised")

    @property
    def promise(self) -> FindingEvent | None:
        """The promise that holds."""
        return self._last("promised") if self.finding.state == "acknowledged" else None

    @property
    def reason(self) -> FindingEvent | None:
        """Why it is so, as somebody said last."""
        return self._last("stated")

    def _last(self, *kinds: str) -> FindingEvent | None:
        return next((event for event in reversed(self.said) if event.kind in kinds), None)


def holding(told: Told) -> Iterator[Answered]:
    """What may be shown in tools of what was answered: who is on it or the date they promised; that they cannot, and why, only where they
    said it in a tool themselves: what is said to us in a chat is not told to other departments."""
    finding, promise, last, reason = told.finding, told.promise, told.last, told.reason
    if promise and promise.day:
        yield Answered("promised", promise.name, promise.at, promise.day)
    elif finding.state == "acknowledged" and finding.acknowledged_at:
        yield Answered("taken_on", finding.acknowledged_by or "", finding.acknowledged_at)
    elif last and last.kind == "declined" and last.source.startswith(COMMENT):
        yield Answered("declined", last.name, last.at)
    if reason and reason.reason and reason.source.startswith(COMMENT):
        yield Answered(reason.reason, reason.name, reason.at)


@dataclass(frozen=True)
class Known:
    """Everything that the buttons of one message may be about, by the short names they carry, and how it is told. ``asking`` is the
    action that was pressed just now by somebody of this name.
    """

    findings: Mapping[str, Told]
    denied: Mapping[str, DependencyAnswer]
    language: Language
    zone: str
    asking: str = ""
    name: str = ""

    def note(self, button: Button) -> str:
        """Who answered with this button, and when; "" for nobody."""
        word, short = word_of(button.action)
        told, denial = self.findings.get(short), self.denied.get(short)
        if word == DENY:
            return self._line("denied", denial.by, denial.at) if denial else ""
        if told is None:
            return ""
        last, reason, promise = told.last, told.reason, told.promise
        if word == ACKNOWLEDGE and told.finding.acknowledged_at and not promise:
            return self._line("taken_on", told.finding.acknowledged_by or "", told.finding.acknowledged_at)
        if word == DECLINE and last and last.kind == "declined":
            return self._line("declined", last.name, last.at)
        if word == PROMISE and self.asking == button.action:
            return self._line("asked", self.name)
        if word == PROMISE and promise and promise.day:
            return self._line("promised", promise.name, promise.at, day=day_text(promise.day, self.language))
        if reason and reason.reason and reason.reason == REASONS.get(word):
            return self._line(reason.reason, reason.name, reason.at)
        return ""

    def is_settled(self, button: Button) -> bool:
        """Whether nobody needs to press it any more."""
        word, short = word_of(button.action)
        told = self.findings.get(short)
        if word == DENY:
            return short in self.denied
        if told is None:
            return False
        return (
            (word == ACKNOWLEDGE and told.finding.state == "acknowledged")
            or (word == DECLINE and told.last is not None and told.last.kind == "declined")
            or (word in REASONS and told.reason is not None)
        )

    def _line(self, word: str, name: str, at: datetime | None = None, **more: str) -> str:
        time = f"{at.astimezone(ZoneInfo(self.zone)):%m-%d %H:%M}" if at else ""
        name = name or WORDS["somebody"][self.language]
        return WORDS[word][self.language].format(name=name, time=time, **more)


def answered(said: Message, known: Known) -> Message | None:
    """The message as it stands, with what was answered in place of the buttons; None when there is nothing to show."""
    notes = {button: number_of(button) + note for button in said.buttons if (note := known.note(button))}
    if not notes:
        return None
    denied = {number_of(button) for button in said.buttons if button.action.startswith(DENY) and button in notes}
    left = (
        button
        for button in said.buttons
        # what is no dependency needs nobody to take it on either
        if not known.is_settled(button) and not (button.action.startswith(ACKNOWLEDGE) and number_of(button) in denied)
    )
    lines = tuple(Paragraph((Text(text, is_bold=True),)) for text in dict.fromkeys(notes.values()))
    return replace(said, body=(*said.body, *lines), buttons=tuple(left))


def reply(word: str, language: Language, **values: str) -> Message:
    """What whoever typed something is told."""
    return Message((Paragraph((Text(REPLIES[word][language].format(**values)),)),))


def number_of(button: Button) -> str:
    """The number of what a button is about ("2. "), where its message tells of several things."""
    found = re.match(r"\d+\. ", button.text)
    return found[0] if found else ""
