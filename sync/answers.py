"""What people answer in chats: each answer once. A pressed 我来处理 acknowledges the finding that its message was about, a pressed 不是依赖
denies the dependency for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import structlog
from msgspec.structs import replace

from sync.core.answering import ACKNOWLEDGE, DENY, short_name
from sync.core.messages import Answer, Button, Message
from sync.core.plan import MessageContent, mark_of
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Language, TrackedFinding
from sync.store.entries import Answer as DependencyAnswer
from sync.store.store import Store

WORDS: dict[str, dict[Language, str]] = {
    "taken_on": {"zh-CN": "{name} 在处理（{time}）", "en": "{name} is on it ({time})"},
    "denied": {"zh-CN": "{name} 说这不是依赖（{time}）", "en": "{name} said that this is no dependency ({time})"},
    "somebody": {"zh-CN": "有同事", "en": "Somebody"},
}

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
    """Takes one connection's answers. ``name_of`` tells who an account is, "" where nobody knows."""

    store: Store
    connection: str
    installation: str
    language: Language
    zone: str
    name_of: Callable[[str], str]

    def hear(self, answer: Answer, at: datetime) -> Message | None:
        """Keep the answer and do what it asks for. What is returned replaces the message whose button was pressed; an answer that
        comes again does nothing and shows the same.
        """
        is_new = self.store.add_chat_answer(self.connection, answer, at)
        if not answer.action.startswith((ACKNOWLEDGE, DENY)):
            return None
        if is_new and (outcome := self._done(answer, at)):
            self.store.settle_chat_answer(self.connection, answer, outcome)
            log.info("answer_heard", connection=self.connection, outcome=outcome)
        return self._shown(answer)

    def _done(self, answer: Answer, at: datetime) -> str:
        """Do it, and say what was done; "" for nothing, as what it was about is over or another was first."""
        by = self.name_of(answer.account_id) or WORDS["somebody"][self.language]
        if answer.action.startswith(DENY):
            wanted = answer.action.removeprefix(DENY)
            key = next((key for key in self.store.dependency_keys() if short_name(key) == wanted), "")
            is_said = bool(key) and say_of_dependency(self.store, key, "rejected", by, at).at == at
            return f"rejected:{key}" if is_said else ""
        found = self._finding(answer.action, "open")
        is_taken = found is not None and self.store.acknowledge(found.finding.key, by, at)
        return f"acknowledged:{found.finding.key}" if found and is_taken else ""

    def _finding(self, action: str, state: Literal["open", "acknowledged"]) -> TrackedFinding | None:
        wanted = action.removeprefix(ACKNOWLEDGE)
        return next((item for item in self.store.findings(state) if short_name(item.finding.key) == wanted), None)

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
        words = {button: text for button in said.buttons if (text := self._answered(button))}
        if not words:
            return None
        notes = tuple(Paragraph((Text(text, is_bold=True),)) for text in dict.fromkeys(words.values()))
        buttons = tuple(button for button in said.buttons if not _is_settled(button, words))
        return replace(said, body=(*said.body, *notes), buttons=buttons)

    def _answered(self, button: Button) -> str:
        """Who answered with this button, and when; "" for nobody."""
        word, by, at = next(self._answers(button.action), ("", "", None))
        if at is None:
            return ""
        time = f"{at.astimezone(ZoneInfo(self.zone)):%m-%d %H:%M}"
        return _number(button) + WORDS[word][self.language].format(name=by, time=time)

    def _answers(self, action: str) -> Iterator[tuple[str, str, datetime | None]]:
        if action.startswith(ACKNOWLEDGE) and (taken := self._finding(action, "acknowledged")):
            yield "taken_on", taken.acknowledged_by or "", taken.acknowledged_at
        if action.startswith(DENY):
            wanted = action.removeprefix(DENY)
            for item in self.store.answers().values():
                if item.answer == "rejected" and short_name(item.key) == wanted:
                    yield "denied", item.by, item.at


def _is_settled(button: Button, answered: dict[Button, str]) -> bool:
    """Whether nobody needs to press it any more: what is no dependency needs nobody to take it on either."""
    denied = {_number(other) for other in answered if other.action.startswith(DENY)}
    is_moot = button.action.startswith(ACKNOWLEDGE) and _number(button) in denied
    return button in answered or is_moot


def _number(button: Button) -> str:
    """The number of what a button is about ("2. "), where its message tells of several things."""
    found = re.match(r"\d+\. ", button.text)
    return found[0] if found else ""
