"""What should be written, what was, and what a plan says: the values between judging, comparing and applying. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from sync.core.baseline import BaselinePair
from sync.core.messages import Message
from sync.core.metrics import TableContent
from sync.core.ports import LinkEnd, PageContent, Written
from sync.core.rich_text import RichText
from sync.core.values import Finding, LinkSide, Ref

Kind = Literal["comment", "link", "page", "room", "message", "table"]
Operation = Literal["create", "update", "remove"]
PublishedState = Literal["published", "undone"]
SkipReason = Literal[
    "held",
    "blocked",
    "edited",
    "gone",
    "undone",
    "not_ours",
    "orphaned",
    "unsure",
    "second_installation",
    "oscillating",
    "pilot",
    "retracted",
]
MOST_REWRITES = 2
"""How often we put our text back over another Tieline's (or a bot's copy of ours) before the entry is quarantined."""


class CommentContent(Struct, frozen=True, tag="comment"):
    """One living comment."""

    body: RichText


class LinkContent(Struct, frozen=True, tag="link"):
    """The target waits for, or blocks, the other end."""

    other: LinkEnd
    side: LinkSide


class PageAsContent(Struct, frozen=True, tag="page"):
    """A whole page of ours."""

    page: PageContent


class MessageContent(Struct, frozen=True, tag="message"):
    """One message in a room. What was said there is never taken back. ``is_news``: where it cannot replace what was said before, it is
    said anew; without, the earlier message stays as it is there. ``room_key`` is the key of the desired room, where that may not have
    been made yet; ``apply`` resolves it.
    """

    said: Message
    is_news: bool = True
    room_key: str = ""


class RoomContent(Struct, frozen=True, tag="room"):
    """A group of these account ids, made once; later others are brought in. It is never withdrawn, and nobody is taken out of it."""

    title: str
    members: tuple[str, ...]


class TableAsContent(Struct, frozen=True, tag="table"):
    """A whole table of ours."""

    table: TableContent


Content = CommentContent | LinkContent | PageAsContent | RoomContent | MessageContent | TableAsContent
IN_CHATS: tuple[Kind, ...] = ("room", "message")
"""What nobody can look up or take back: people were told."""
NO_ROOM = ""
"""The id under which a room is remembered that could not be made; its version tells why."""


class Desired(Struct, frozen=True):
    """What should be true at one target. ``key`` is its identity for ever; ``facts`` and ``message`` are all that its digest covers.

    ``rests_on`` names the connections whose data it was judged on: while one of them is not proven complete, nothing is written.
    ``about`` are the tasks that something in a room or on a page is about: where a pilot is, it is told only when one of them takes part.
    ``is_handed_over``: once written it is people's own, to edit or throw away; it is looked at again only when its facts change.
    """

    key: str
    job: str
    target: Ref
    message: str
    facts: Mapping[str, Any]
    content: Content
    reason: str
    rests_on: tuple[str, ...] = ()
    about: tuple[Ref, ...] = ()
    is_handed_over: bool = False

    @property
    def kind(self) -> Kind:
        return kind_of(self.content)


class Published(Struct, frozen=True):
    """What we last wrote under a key: the ledger's memory. ``target_version`` is the target record's version when we last looked;
    ``rewrites`` counts how often we wrote over something that another Tieline had written there meanwhile.
    """

    key: str
    job: str
    target: Ref
    kind: Kind
    written: Written
    digest: str
    message: str
    facts: Mapping[str, Any]
    content: Content
    rests_on: tuple[str, ...]
    run: str
    at: datetime
    state: PublishedState = "published"
    target_version: str = ""
    rewrites: int = 0


class Judgement(Struct, frozen=True):
    """A job's verdict: what it noticed and what should be true. A published key of the job that is not desired any more is withdrawn:
    a link of ours is removed; comments and pages the job closes itself, by desiring their closing text. ``pairs`` is what the
    baseline should remember; ``forgotten`` are published messages that the job will not ask for again: the ledger forgets what stands, and
    keeps that they were said. ``asked`` is when a person was last asked about a finding (its key) that stands, now at the latest: others
    need not tell them the same.
    """

    findings: tuple[Finding, ...] = ()
    desired: tuple[Desired, ...] = ()
    pairs: tuple[BaselinePair, ...] = ()
    forgotten: tuple[str, ...] = ()
    asked: Mapping[tuple[Ref, str], datetime] = msgspec.field(default_factory=dict)


class Change(Struct, frozen=True):
    """One write, exactly as ``apply`` will make it. ``expected`` is the state it was planned on."""

    operation: Operation
    key: str
    job: str
    target: Ref
    kind: Kind
    content: Content
    digest: str
    message: str
    facts: Mapping[str, Any]
    reason: str
    mark: str
    rests_on: tuple[str, ...] = ()
    expected: Written | None = None
    rewrites: int = 0


class Skip(Struct, frozen=True):
    """A write that was considered and is not made, and why."""

    key: str
    target: Ref
    reason: SkipReason
    detail: str = ""
    found: Written | None = None


class Adoption(Struct, frozen=True):
    """A target that already says what is desired: remembered without writing (after a crash, or because a person did it first)."""

    desired: Desired
    found: Written


class Plan(Struct, frozen=True):
    """The exact writes, in order, with what was left alone and why. An unchanged world gives an empty plan.

    ``unremembered`` are keys under which something of ours stands that the ledger does not know: it was restored from a backup, or
    another database of this installation writes there too.
    """

    changes: tuple[Change, ...] = ()
    skips: tuple[Skip, ...] = ()
    adoptions: tuple[Adoption, ...] = ()
    unremembered: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Writes by operation and kind ("create comment": 2)."""
        counts: dict[str, int] = {}
        for change in self.changes:
            word = f"{change.operation} {change.kind}"
            counts[word] = counts.get(word, 0) + 1
        return counts


class Existing(Struct, frozen=True):
    """The outcome of a look: what stands at the target under the key's mark, or nothing.

    ``intended_digest`` is what an unconfirmed earlier intent tried to write there; ``desired_block`` the block that the desired
    content would have, so that a target that says it already is not written; ``other_mark`` another installation's mark on a
    target that has none of ours; ``is_unsure`` that an earlier message's fate can never be found out.
    """

    found: Written | None
    intended_digest: str = ""
    desired_block: str = ""
    other_mark: str = ""
    is_unsure: bool = False


def kind_of(content: Content) -> Kind:
    """The kind of thing a content is written as."""
    match content:
        case CommentContent():
            return "comment"
        case LinkContent():
            return "link"
        case PageAsContent():
            return "page"
        case RoomContent():
            return "room"
        case MessageContent():
            return "message"
        case TableAsContent():
            return "table"


def digest_of(message: str, facts: Mapping[str, Any]) -> str:
    """A digest of facts and message id: wording, order of keys and clock ticks do not change it."""
    text = msgspec.json.encode([message, facts], order="deterministic", enc_hook=_plain)
    return hashlib.sha256(text).hexdigest()[:32]


def fingerprint(change: Change) -> str:
    """A digest of every byte of a write and of the state it was planned on: equal only for the very same write."""
    text = msgspec.json.encode(change, order="deterministic", enc_hook=_plain)
    return hashlib.sha256(text).hexdigest()[:32]


def _plain(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} is not a fact")


def mark_of(installation: str, key: str) -> str:
    """Our mark at a target: the installation and a digest of the key, short enough for every vendor and the same for ever."""
    return f"tieline:{installation}:{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def installation_of(mark: str) -> str:
    """The installation that left a mark; empty for a text that is no mark."""
    parts = mark.split(":")
    return parts[1] if len(parts) == 3 and parts[0] == "tieline" else ""
