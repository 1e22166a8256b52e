"""What people write on issues, as they wrote it: the Replies port. Jira's comments have no threads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.jira.adf import is_adf, own_words
from connectors.jira.marks import marks_in
from connectors.jira.paging import comment_pages
from connectors.jira.records import account_from_user, instant_from
from connectors.jira.site import Site, issue_path
from sync.core.replies import By, Reply
from sync.core.values import Ref, Visibility

PAGE = 100
_QUOTED = re.compile(r"\{quote\}.*?(?:\{quote\}|\Z)|^\s*bq\..*?$", re.DOTALL | re.MULTILINE)
_MENTIONED = re.compile(r"\[~[^\]\n]*\]")


class JiraReplies:
    """Reads comments as far back as is asked."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def replies(self, task: Ref, since: datetime) -> Sequence[Reply]:
        """Newest first on the wire, so that only what is new is read. One of which Jira tells no author or time is nobody's answer."""
        found: dict[str, Reply] = {}
        for comments in comment_pages(self.site, issue_path(task), PAGE):
            told = [(comment, instant_from(comment.get("created"))) for comment in comments]
            for comment, at in told:
                if at and at >= since and isinstance(comment.get("author"), dict):
                    found[str(comment.get("id"))] = self._reply(comment, at)
            if any(at and at < since for _, at in told):
                break
        return sorted(found.values(), key=lambda reply: (reply.written_at, len(reply.id), reply.id))

    def _reply(self, comment: Mapping[str, Any], at: datetime) -> Reply:
        author = account_from_user(comment["author"])
        # Whoever quotes us on Data Center quotes our mark, which is text there.
        said = words_of(comment.get("body"))
        is_marked = bool(marks_in({**comment, "body": said}))
        by: By = "us" if is_marked or author.id == self.site.account_id() else _by(comment["author"])
        visibility: Visibility = "restricted" if _is_internal(comment) else "open"
        return Reply(str(comment.get("id")), author, said, at, by, visibility)


def words_of(body: object) -> str:
    """What a comment's author says, of a document or of wiki text."""
    if isinstance(body, dict):
        return own_words(body) if is_adf(body) else ""
    return _MENTIONED.sub("", _QUOTED.sub("", body)) if isinstance(body, str) else ""


def _by(author: Mapping[str, Any]) -> By:
    """Cloud tells apps and a service desk's customers from colleagues; Data Center does not."""
    return "other" if author.get("accountType") in ("app", "customer") else "person"


def _is_internal(comment: Mapping[str, Any]) -> bool:
    """For a role or a group only, or a note that a service desk's customers do not see."""
    items = comment.get("properties")
    notes = [
        item.get("value") for item in items or () if isinstance(item, dict) and item.get("key") == "sd.public.comment"
    ]
    is_note = any(isinstance(value, dict) and value.get("internal") is True for value in notes)
    return bool(comment.get("visibility")) or comment.get("jsdPublic") is False or is_note
