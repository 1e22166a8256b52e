"""What people answer in chats: each answer once; a pressed 我来处理 acknowledges the finding that its message was about."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from msgspec.structs import replace

from sync.core.messages import Answer, Message
from sync.core.plan import MessageContent, mark_of
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Language, TrackedFinding
from sync.store.store import Store

ACKNOWLEDGE = "ack:"
SHOWN = 32  # digits of the finding's digest that a button carries

WORDS: dict[str, dict[Language, str]] = {
    "taken_on": {"zh-CN": "{name} 在处理（{time}）", "en": "{name} is on it ({time})"},
    "somebody": {"zh-CN": "有同事", "en": "Somebody"},
}

log = structlog.get_logger()


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
        if not answer.action.startswith(ACKNOWLEDGE):
            return None
        wanted = answer.action.removeprefix(ACKNOWLEDGE)
        if is_new and (found := _named(self.store.findings("open"), wanted)):
            by = self.name_of(answer.account_id) or WORDS["somebody"][self.language]
            if self.store.acknowledge(found.finding.key, by, at):
                self.store.settle_chat_answer(self.connection, answer, f"acknowledged:{found.finding.key}")
                log.info("acknowledged", connection=self.connection, finding=found.finding.key)
        return self._shown(answer, _named(self.store.findings("acknowledged"), wanted))

    def _shown(self, answer: Answer, taken: TrackedFinding | None) -> Message | None:
        """The message as it stands, with who took it on in place of the button; None when there is nothing to show."""
        said = next(
            (
                entry.content.said
                for entry in self.store.published().values()
                if isinstance(entry.content, MessageContent) and mark_of(self.installation, entry.key) == answer.mark
            ),
            None,
        )
        if said is None or taken is None or taken.acknowledged_at is None:
            return None
        time = f"{taken.acknowledged_at.astimezone(ZoneInfo(self.zone)):%m-%d %H:%M}"
        words = WORDS["taken_on"][self.language].format(name=taken.acknowledged_by or "", time=time)
        buttons = tuple(button for button in said.buttons if not button.action.startswith(ACKNOWLEDGE))
        return replace(said, body=(*said.body, Paragraph((Text(words, is_bold=True),))), buttons=buttons)


def _named(findings: list[TrackedFinding], digest: str) -> TrackedFinding | None:
    """The finding whose key has this digest, as a button names it."""
    return next(
        (item for item in findings if hashlib.sha256(item.finding.key.encode()).hexdigest()[:SHOWN] == digest), None
    )
