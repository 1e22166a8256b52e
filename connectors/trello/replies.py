"""What people write on cards, as they wrote it: the Replies port. Trello's comments have no threads, and it does not tell automations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from connectors.trello.boards import iso
from connectors.trello.site import Site
from connectors.trello.tolerance import shaped_or_none
from connectors.trello.values import account_from_member
from sync.core.instants import instant_from_text
from sync.core.marks import mark_from
from sync.core.replies import By, Reply
from sync.core.values import Account, Ref


class Words(Struct):
    """What a comment says."""

    text: str = ""


class Comment(Struct):
    """A ``commentCard`` action with its author."""

    id: str
    date: str | None = None
    idMemberCreator: str | None = None  # noqa: N815
    memberCreator: dict[str, Any] | None = None  # noqa: N815
    data: Words = msgspec.field(default_factory=Words)


class CardReplies:
    """Reads comments as far back as is asked."""

    site: Site

    def replies(self, task: Ref, since: datetime) -> Sequence[Reply]:
        """A comment of which Trello tells no author or time is nobody's answer."""
        me, found = self.site.me().id, {}
        asked = {"filter": "commentCard", "since": iso(since), "memberCreator_fields": "fullName,username"}
        for page in self.site.pages(f"/cards/{task.key}/actions", False, **asked):
            for raw in page:
                comment = shaped_or_none(raw, Comment)
                at = instant_from_text(comment.date) if comment else None
                if comment and at and at >= since and comment.idMemberCreator:
                    found[comment.id] = _reply(comment, at, me)
        return sorted(found.values(), key=lambda reply: (reply.written_at, reply.id))


def _reply(comment: Comment, at: datetime, me: str) -> Reply:
    known = account_from_member(comment.memberCreator or {})
    author = known if known.id else Account(comment.idMemberCreator or "")
    by: By = "us" if author.id == me or mark_from(comment.data.text) else "person"
    return Reply(comment.id, author, words_of(comment.data.text), at, by)


def words_of(markdown: str) -> str:
    """What a comment's author says: without the lines that quote somebody."""
    return "\n".join(line for line in markdown.splitlines() if not line.lstrip().startswith(">"))
