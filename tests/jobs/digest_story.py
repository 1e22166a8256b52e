"""The story as people hear of it in their own chats: everybody has an account, and what was noticed stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from jobs.delays.judge import judge as judge_delays
from jobs.delays.lateness import DelaySettings
from jobs.digests.judge import judge
from jobs.digests.settings import DigestChat, DigestSettings
from sync.core.markdown import markdown_from_rich_text
from sync.core.messages import Message
from sync.core.plan import Judgement, MessageContent, Published
from sync.core.tracking import tracked
from sync.core.values import Dependency, Language, Ref, TrackedFinding
from sync.core.view import ConnectionFacts, View
from tests.jobs.story import WAITS, publish, story

SETTINGS = DigestSettings(chats=(DigestChat("chat"),))
MONDAY = datetime(2026, 9, 28, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
FRIDAY = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ZHANG_WEI, LI_NA, ZHAO_MIN, WANG_QIANG = (
    Ref.of("tieline", "person", name) for name in ("zhang-wei", "li-na", "zhao-min", "wang-qiang")
)


def in_chats(view: View, language: Language = "zh-CN") -> View:
    """Everybody has an account in the chat."""
    people = {ref: replace(person, accounts={"chat": (f"ou_{ref.key}",)}) for ref, person in view.people.items()}
    chat = ConnectionFacts("chat", "feishu", language, ports=("messenger",))
    return replace(view, people=people, connections={**view.connections, "chat": chat})


def noticed(view: View, opened_at: datetime | None = None, before: tuple[TrackedFinding, ...] = ()) -> View:
    """The view with what the delays job finds in it; ``before`` is what stood."""
    known = {item.finding.key: item for item in before}
    found = judge_delays(view, DelaySettings(), {}).findings
    standing = (tracked(item, "delays", known.get(item.key), opened_at or view.at) for item in found)
    return replace(view, standing=tuple(standing))


def world(
    at: datetime = MONDAY,
    language: Language = "zh-CN",
    opened_at: datetime | None = None,
    waits: tuple[Dependency, ...] = WAITS,
    **changes: dict[str, Any],
) -> View:
    """The story at this moment, everybody in the chat, what was noticed standing since ``opened_at``."""
    return noticed(in_chats(story(language, at, waits, **changes), language), opened_at)


def judged(view: View, published: Mapping[str, Published] | None = None, **settings: Any) -> Judgement:
    return judge(view, replace(SETTINGS, **settings), published or {})


def said(judgement: Judgement) -> dict[Ref, Message]:
    """What each person is told."""
    found = {}
    for item in judgement.desired:
        assert isinstance(item.content, MessageContent)
        found[Ref(item.key.split(":", 2)[2])] = item.content.said
    return found


def heard(view: View, published: dict[str, Published], **settings: Any) -> dict[Ref, str]:
    """What each person is told as text; remembered in ``published`` as the ledger does."""
    judgement = judged(view, published, **settings)
    published.update(publish(judgement.desired))
    return {ref: text_of(message) for ref, message in said(judgement).items()}


def text_of(message: Message) -> str:
    buttons = " ".join(f"[{button.text}]" for button in message.buttons)
    return f"{message.title}\n\n{markdown_from_rich_text(message.body)}\n{buttons}".rstrip()


def day(number: int, month: int = 9) -> date:
    return date(2026, month, number)
