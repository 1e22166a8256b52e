"""What was answered about a finding, and how that is told in one line wherever it is shown."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from sync.core.values import Language

AnswerWord = Literal["taken_on", "declined", "promised", "resources", "goal", "conflict"]
LINES: dict[str, dict[Language, str]] = {
    "taken_on": {"zh-CN": "{name} 在处理（{time}）", "en": "{name} is on it ({time})"},
    "declined": {"zh-CN": "{name}：现在处理不了（{time}）", "en": "{name} cannot do it now ({time})"},
    "promised": {"zh-CN": "{name}：新日期 {day}（{time}）", "en": "{name} promised {day} ({time})"},
    "resources": {"zh-CN": "{name}：人手或资源不够（{time}）", "en": "{name}: too few people or means ({time})"},
    "goal": {"zh-CN": "{name}：目标不清楚（{time}）", "en": "{name}: the goal is not clear ({time})"},
    "conflict": {"zh-CN": "{name}：和别的工作有冲突（{time}）", "en": "{name}: conflicts with other work ({time})"},
}
SOMEBODY: dict[Language, str] = {"zh-CN": "有同事", "en": "Somebody"}


class Answered(Struct, frozen=True):
    """Something that holds of a finding because somebody said it: who is on it, which date they promised, or that they cannot, and why."""

    word: AnswerWord
    name: str
    at: datetime
    day: date | None = None
