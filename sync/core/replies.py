"""What people answer in comments in their own tool: the port that reads comments, and the few words that are understood in them. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct

from sync.core.answering import ACKNOWLEDGE, CONFIRM, DECLINE, DENY, PROMISE, SOLVE
from sync.core.spoken import day_from_words
from sync.core.values import Account, Ref, Visibility

By = Literal["person", "us", "other"]
WORDS: Mapping[str, tuple[str, ...]] = {
    DENY: ("不是依赖", "not a dependency", "this is not a dependency", "no dependency"),
    CONFIRM: ("是依赖", "is a dependency", "this is a dependency"),
    ACKNOWLEDGE: ("我来处理", "on it", "i'm on it", "i am on it"),
    DECLINE: ("现在处理不了", "cannot take it", "can't take it", "i cannot take it", "i can't take it", "i can't right now"),
    "reason_resources:": ("资源不足", "lack of resources", "too few resources"),
    "reason_goal:": ("目标不清楚", "goal not clear", "the goal is not clear"),
    "reason_conflict:": ("优先级冲突", "priorities conflict", "conflicting priorities"),
    SOLVE: ("已解决", "solved"),
}  # fmt: skip
"""By what it does: what people write for it, as the buttons and the command line call it."""
_ACTIONS: Mapping[str, str] = {text: action for action, texts in WORDS.items() for text in texts}
_PROMISE = re.compile(r"(?:新日期|new date)[\s:]*(.*)", re.DOTALL)
_CALLED = re.compile(r"(?:@\S+\s+)+")
_FRAMES = re.compile(
    r"[「」“”\"()\[\]<>|\s]+"
)  # what people put around the name of a task, and tools around an address
_EDGES = " \t\r\n。.!！*_~`,，:;；"


class Reply(Struct, frozen=True):
    """A comment on a task. ``text`` is what its author says there as plain lines, without what they quote and whom they call upon.

    ``by`` is "us" for our own account and for whatever carries a mark of ours, "other" for an app, an automation or a customer as far as
    the tool tells them from colleagues. ``in_reply_to`` is the id of the comment that it answers, where the tool has threads.
    """

    id: str
    author: Account
    text: str
    written_at: datetime
    by: By = "person"
    visibility: Visibility = "open"
    in_reply_to: str = ""


@runtime_checkable
class Replies(Protocol):
    """Reads what people write under our comments."""

    def replies(self, task: Ref, since: datetime) -> Sequence[Reply]:
        """The task's comments written at ``since`` or later, ours too, oldest first, each once, by a strongly consistent read. An edited
        one is told as it stands, under the time at which it was first written. Raises NotFound when the task is gone.
        """
        ...


class Said(Struct, frozen=True):
    """What a comment says, as far as it concerns us: the action that its words stand for, and the day where they promise one."""

    action: str
    day: date | None = None


def said_in(text: str, today: date, names: Sequence[str] = ()) -> Said | None:
    """What the first line of a comment says when it says that and nothing else, besides the ``names`` of tasks; None for all other talk."""
    line = plain_line(text)
    bare = line
    for name in sorted(map(_folded, names), key=len, reverse=True):
        bare = bare.replace(name, " ") if name else bare
    return _meant(line, today) or _meant(bare, today)


def _meant(line: str, today: date) -> Said | None:
    words = _FRAMES.sub(" ", line).strip(_EDGES)
    if found := _PROMISE.fullmatch(words):
        day = day_from_words(found[1], today)
        return Said(PROMISE, day) if day else None
    action = _ACTIONS.get(words)
    return Said(action) if action else None


def named_in(text: str, names: Mapping[str, Sequence[str]]) -> set[str]:
    """Which of these are named in a text, each by one of its names. A name that only stands inside a longer one that is there does not
    count."""
    said = _folded(text)
    found = {(name, key) for key, own in names.items() for text in own if (name := _folded(text)) and name in said}
    longest = {name for name, _ in found if not any(name != other and name in other for other, _ in found)}
    return {key for name, key in found if name in longest}


def plain_line(text: str) -> str:
    """The first line that says anything, in one spelling, without whom it calls upon at its beginning."""
    lines = (line.strip(_EDGES) for line in _folded(text).splitlines())
    return _CALLED.sub("", next((line for line in lines if line), ""), count=1)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("’", "'").casefold().strip()
