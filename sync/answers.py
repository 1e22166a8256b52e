"""What people answer in chats: each answer once. Buttons take a finding on, decline it or say why it is so; 不是依赖 denies a dependency
for ever. Words open and solve incidents, promise dates and keep what becomes of talks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import structlog
from msgspec.structs import replace

from sync.answered import WORDS, Known, Told, answered, reply
from sync.core.answering import (
    ABOUT_FINDINGS,
    ACKNOWLEDGE,
    DECLINE,
    DENY,
    PROMISE,
    REASONS,
    Speaker,
    short_name,
    word_of,
)
from sync.core.escalation import end_of_day
from sync.core.messages import Answer, Message
from sync.core.plan import MessageContent, mark_of
from sync.core.spoken import OpenIncident, SolveIncident, day_from_words, spoken_from
from sync.core.talks import SpokenOfTalk, talk_from_words
from sync.core.values import Language, Task, TrackedFinding
from sync.core.wording import day_text
from sync.incidents import incident_key, is_marked_in_its_tool, open_incident, solve_incident, task_named
from sync.mapping.rules import Directory
from sync.store.entries import Answer as DependencyAnswer
from sync.store.entries import FindingEvent, FindingEventKind
from sync.store.store import Store
from sync.talks import keep_talk, talk_for

KINDS: Mapping[str, FindingEventKind] = {ACKNOWLEDGE: "acknowledged", DECLINE: "declined"}
ASKED_FOR = timedelta(hours=1)
"""How long what somebody types is taken for the date that they were asked for."""
THIS: Mapping[Language, str] = {"zh-CN": "这件事", "en": "this"}

log = structlog.get_logger()


def say_of_dependency(
    store: Store, key: str, answer: Literal["rejected", "confirmed"], by: str, at: datetime
) -> DependencyAnswer:
    """Keep what somebody says about a dependency, and give back what holds: who said the same first is remembered. It takes effect when
    links are joined the next time, with the next run.
    """
    with store.transaction():
        known = store.answers().get(key)
        if known and known.answer == answer:
            return known
        said = DependencyAnswer(key, answer, by, at)
        store.put_answer(said)
    log.info("dependency_answered", dependency=key, answer=answer)
    return said


@dataclass(frozen=True)
class Ear:
    """Takes one connection's answers. ``speaker_of`` tells whose an account is; the name is "" where nobody knows."""

    store: Store
    connection: str
    installation: str
    language: Language
    zone: str
    speaker_of: Callable[[str], Speaker]
    directory: Directory = field(default_factory=Directory)

    def hear(self, answer: Answer, at: datetime) -> Message | None:
        """Keep the answer and do what it asks for, both or neither. What is returned for a pressed button replaces its message; an answer
        that comes again does nothing and shows the same. What is returned for words is to be said to whoever wrote them, once.
        """
        with self.store.transaction():
            is_new = self.store.add_chat_answer(self.connection, answer, at)
            outcome, told = self._done(answer, at) if is_new else ("", None)
            if outcome:
                self.store.settle_chat_answer(self.connection, answer, outcome)
        if outcome:
            log.info("answer_heard", connection=self.connection, outcome=outcome)
        return self._shown(answer) if answer.action else told

    def _done(self, answer: Answer, at: datetime) -> tuple[str, Message | None]:
        """Do it, and say what was done; "" for nothing, as what it was about is over or another was first."""
        found = self.speaker_of(answer.account_id)
        speaker = found if found.name else replace(found, name=WORDS["somebody"][self.language])
        if answer.action:
            return self._pressed(answer, speaker, at), None
        return self._typed(answer, speaker, at)

    def _pressed(self, answer: Answer, speaker: Speaker, at: datetime) -> str:
        word, short = word_of(answer.action)
        if word == DENY:
            key = next((key for key in self.store.dependency_keys() if short_name(key) == short), "")
            is_said = bool(key) and say_of_dependency(self.store, key, "rejected", speaker.name, at).at == at
            return f"rejected:{key}" if is_said else ""
        found = self._standing({short}).get(short) if word in ABOUT_FINDINGS else None
        if found is None:
            return ""
        key = found.finding.key
        if word == PROMISE:
            return f"asked:{key}"
        kind: FindingEventKind = KINDS.get(word, "stated")
        event = FindingEvent(
            key, kind, at, self._source(answer), speaker.person, speaker.name, reason=REASONS.get(word)
        )
        return f"{kind}:{key}" if self.store.take_answer(event) else ""

    def _typed(self, answer: Answer, speaker: Speaker, at: datetime) -> tuple[str, Message | None]:
        """Words to us: an incident, or the new date of a finding. Anything else is none of our business, and gets no reply."""
        today = at.astimezone(ZoneInfo(speaker.zone)).date()
        if talk := talk_from_words(answer.text, today):
            return self._talk(talk, answer, speaker, at)
        spoken = spoken_from(answer.text, today)
        if isinstance(spoken, OpenIncident | SolveIncident):
            return self._incident(spoken, answer, speaker, at)
        asked, is_reminded = self._asked(answer, at)
        key = self._replied_to(answer) or asked
        day = spoken.day if spoken else day_from_words(answer.text, today)
        if day is None and (spoken or (asked and not is_reminded)):
            return f"unclear:{key}", self._reply("unclear")
        if day is None or (not key and not spoken):
            return "", None
        return self._promise(key, day, answer, speaker, at) if key else ("unclear:", self._reply("which"))

    def _promise(
        self, key: str, day: date, answer: Answer, speaker: Speaker, at: datetime
    ) -> tuple[str, Message | None]:
        until = end_of_day(day, speaker.zone)
        said = FindingEvent(key, "promised", at, self._source(answer), speaker.person, speaker.name, until, day)
        if not self.store.take_answer(said):
            return "", self._reply("over")
        finding = next(item.finding for item in self.store.findings("acknowledged") if item.finding.key == key)
        task = self.store.tasks_of(finding.subjects[:1]).get(finding.subjects[0])
        name = _name(task) if task and task.visibility == "open" else THIS[self.language]
        return f"promised:{key}", self._reply("promised", task=name, day=day_text(day, self.language))

    def _incident(
        self, spoken: OpenIncident | SolveIncident, answer: Answer, speaker: Speaker, at: datetime
    ) -> tuple[str, Message | None]:
        task = task_named(self.store, spoken.task) if spoken.task else None
        if task is None:
            return "unclear:", self._reply("unknown")
        source, values = self._source(answer), {"task": _name(task), "key": task.key or task.url}
        if isinstance(spoken, OpenIncident):
            is_done = open_incident(self.store, task, spoken.note, speaker, at, source)
            word = "opened" if is_done else "stands"
        else:
            is_done = solve_incident(self.store, task.ref, spoken.note, speaker, at, source)
            word = "solved" if is_done else "marked" if is_marked_in_its_tool(self.store, task.ref) else "calm"
        return f"{word}:{incident_key(task.ref)}" if is_done else "", self._reply(word, **values)

    def _talk(self, spoken: SpokenOfTalk, answer: Answer, speaker: Speaker, at: datetime) -> tuple[str, Message | None]:
        """Words about a talk, by those who may say something of it; to anybody else they are words like any other, or name nobody. The
        outcome is logged, so it does not tell with whom."""
        found = talk_for(self.store, self.directory, spoken.who, speaker.person)
        if found is None:
            return ("unclear:", self._reply("talk_unknown")) if spoken.kind else ("", None)
        person, item = found
        name = person.english_name if self.language == "en" and person.english_name else person.name
        if spoken.kind is None:
            return "unclear:", self._reply("talk_unclear", name=name)
        keep_talk(self.store, item, spoken, speaker, at, self._source(answer))
        day = day_text(spoken.day, self.language) if spoken.day else ""
        return f"{spoken.kind}:", self._reply(spoken.kind, name=name, day=day)

    def _asked(self, answer: Answer, at: datetime) -> tuple[str, bool]:
        """The finding for which this account was asked to type a date and has not yet, and whether it was told how to write one."""
        is_reminded = False
        for item in self.store.answers_of_account(self.connection, answer.account_id, at - ASKED_FOR):
            word, _, key = item.outcome.partition(":")
            if word in ("asked", "promised"):
                return (key if word == "asked" else ""), is_reminded
            is_reminded = is_reminded or word == "unclear"
        return "", False

    def _replied_to(self, answer: Answer) -> str:
        """The one finding that the message is about to which these words reply; "" for another message, and for one about several."""
        if not answer.message_id:
            return ""
        shorts = {
            word_of(button.action)[1]
            for entry in self.store.published().values()
            if isinstance(entry.content, MessageContent) and entry.target.connection == self.connection
            if entry.written.id == answer.message_id
            for button in entry.content.said.buttons
            if word_of(button.action)[0] in ABOUT_FINDINGS
        }
        found = [item.finding.key for item in self._standing(shorts).values()]
        return found[0] if len(shorts) == len(found) == 1 else ""

    def _shown(self, answer: Answer) -> Message | None:
        """The message as it stands, with what was answered in place of the buttons; None when there is nothing to show."""
        said = next(
            (
                entry.content.said
                for entry in self.store.published().values()
                if isinstance(entry.content, MessageContent) and mark_of(self.installation, entry.key) == answer.mark
            ),
            None,
        )
        if said is None:
            return None
        shorts = {short for button in said.buttons if (short := word_of(button.action)[1])}
        findings = {short: self._told(item) for short, item in self._standing(shorts).items()}
        denied = {short_name(item.key): item for item in self.store.answers().values() if item.answer == "rejected"}
        name = self.speaker_of(answer.account_id).name
        return answered(said, Known(findings, denied, self.language, self.zone, answer.action, name))

    def _standing(self, shorts: Collection[str]) -> dict[str, TrackedFinding]:
        """The findings that are not over, of those with these short names."""
        found = {short_name(item.finding.key): item for item in self.store.findings("open", "acknowledged")}
        return {short: found[short] for short in shorts if short in found}

    def _told(self, item: TrackedFinding) -> Told:
        """What was said in this episode; not by whom where it is about a task that not every reader may see."""
        events = [event for event in self.store.events_of_finding(item.finding.key) if event.at >= item.opened_at]
        tasks = self.store.tasks_of(item.finding.subjects[:1]).values()
        if any(task.visibility != "open" for task in tasks):
            return Told(replace(item, acknowledged_by=""), [replace(event, name="") for event in events])
        return Told(item, events)

    def _source(self, answer: Answer) -> str:
        return f"chat:{self.connection}:{answer.id}"

    def _reply(self, word: str, **values: str) -> Message:
        return reply(word, self.language, **values)


def _name(task: Task) -> str:
    """A task that may be named, as it is named in a reply."""
    return task.title if task.key in task.title or not task.key else f"{task.key} {task.title}"
