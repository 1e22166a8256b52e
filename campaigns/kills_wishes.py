"""What should stand at the sites, said so that an oracle can check it without the product, and as the product's own desired items."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

from sync.core.messages import Message
from sync.core.plan import CommentContent, Content, Desired, Judgement, LinkContent, MessageContent, PageAsContent
from sync.core.ports import Job, LinkEnd, PageContent
from sync.core.rich_text import Paragraph, Picture, RichText, Text
from sync.core.values import Ref
from sync.engine import PlannedJob

Kind = Literal["comment", "link", "page", "message"]


@dataclass(frozen=True)
class End:
    """The other end of a link, as people know it."""

    site: str
    item: str
    key: str
    title: str
    url: str


@dataclass(frozen=True)
class Wish:
    """One thing that should stand at one place. ``is_blocking``: the item blocks the other end, else it waits for it."""

    key: str
    kind: Kind
    site: str
    item: str
    text: str = ""
    other: End | None = None
    is_blocking: bool = False
    files: tuple[tuple[str, bytes], ...] = ()
    labels: tuple[str, ...] = ()
    below: str = ""

    @property
    def code(self) -> str:
        """The last part of its mark, by the documented rule: sixteen digits of the key's SHA-256."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:16]


class _Settings(Struct, frozen=True):
    pass


class ScriptedJob:
    """A job that desires what the script says."""

    def __init__(self, wishes: Mapping[str, Wish]) -> None:
        self._wishes = wishes

    def planned(self) -> PlannedJob:
        return PlannedJob(Job("script", _Settings, self.judge), _Settings(), tuple)

    def judge(self, view: Any, settings: Any, published: Any) -> Judgement:
        return Judgement(desired=tuple(map(_desired, self._wishes.values())))


def _desired(wish: Wish) -> Desired:
    facts: dict[str, Any] = {"text": wish.text, "files": [hashlib.sha256(data).hexdigest() for _, data in wish.files]}
    facts["labels"] = list(wish.labels)
    kind = {"page": "space", "message": "room"}.get(wish.kind, "task")
    sites = [wish.site, *([wish.other.site] if wish.other else [])]
    rests_on = tuple(dict.fromkeys(site for site in sites if site != "robot"))
    target = Ref.of(wish.site, kind, wish.item)
    return Desired(wish.key, "script", target, "scripted", facts, _content(wish), "the script says so", rests_on)


def _content(wish: Wish) -> Content:
    if wish.other:
        ref = Ref.of(wish.other.site, "task", wish.other.item)
        end = LinkEnd(ref, wish.other.key, wish.other.title, wish.other.url)
        return LinkContent(end, "blocks" if wish.is_blocking else "waits_for")
    if wish.kind == "page":
        pictures = (Picture(name, name) for name, _ in wish.files)
        body: RichText = (Paragraph((Text(wish.text),)), *pictures)
        return PageAsContent(
            PageContent(wish.item, f"页面 {wish.key}", body, None, wish.below, wish.labels, wish.files)
        )
    said = (Paragraph((Text(wish.text),)),)
    return MessageContent(Message(said)) if wish.kind == "message" else CommentContent(said)
