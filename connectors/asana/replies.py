"""What people write on tasks, as they wrote it: the Replies port. Asana lists all stories of a task; its comments have no threads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html.parser import HTMLParser

from msgspec import Struct

from connectors.asana.comments import COMMENT
from connectors.asana.people import User, account_of
from connectors.asana.rich_html import mark_in
from connectors.asana.site import Site, part
from sync.core.instants import instant_from_text
from sync.core.replies import By, Reply
from sync.core.values import Account, Ref

FIELDS = "html_text,created_by.name,resource_subtype,created_at"
LINES = frozenset({"body", "ol", "ul", "li", "h1", "h2", "hr", "pre", "blockquote", "p", "br"})


class SaidStory(Struct, frozen=True):
    """One line of a task's history, with who wrote it and when. What a rule wrote has no author."""

    gid: str
    html_text: str | None = None
    created_by: User | None = None
    created_at: str | None = None
    resource_subtype: str | None = None


class TaskReplies:
    """Reads comments as far back as is asked."""

    site: Site

    def replies(self, task: Ref, since: datetime) -> Sequence[Reply]:
        """A comment of which Asana tells no time is nobody's answer."""
        me, found = self.site.me().gid, {}
        for story in self.site.items(f"/tasks/{part(task.key)}/stories", SaidStory, opt_fields=FIELDS):
            at = instant_from_text(story.created_at)
            if story.resource_subtype == COMMENT and at and at >= since:
                found[story.gid] = _reply(story, at, me)
        return sorted(found.values(), key=lambda reply: reply.written_at)


def _reply(story: SaidStory, at: datetime, me: str) -> Reply:
    author = account_of(story.created_by) if story.created_by else Account("")
    by: By = "us" if author.id == me or mark_in(story.html_text or "") else "person" if author.id else "other"
    return Reply(story.gid, author, words_of(story.html_text or ""), at, by)


def words_of(html: str) -> str:
    """What a comment's author says: without what is quoted and who is mentioned."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    lines = "".join(reader.words).splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(">")).strip()


class _Words(HTMLParser):
    """Collects text, lines as a reader sees them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._quotes = 0
        self._is_mention = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._quotes += tag == "blockquote"
        named = dict(attrs)
        self._is_mention = tag == "a" and named.get("data-asana-type") == "user"
        if tag in LINES:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._quotes -= tag == "blockquote"
        self._is_mention = False
        if tag in LINES:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._quotes and not self._is_mention:
            self.words.append(data)
