"""The Tracker port over tasks 任务: comments, which are plain text, and dependencies between tasks of Feishu."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from connectors.feishu.plain import plain_text, said_digest
from connectors.feishu.site import Site
from connectors.feishu.task_values import link_id, task_from
from connectors.feishu.tasks import IDS, PAGE
from sync.core.decode import decoded
from sync.core.errors import CannotExpress, Conflict, LostAnswer, Nonsense, NotFound, Refused
from sync.core.marks import Kept, kept_from, mark_from, mark_line
from sync.core.ports import ConnectionSettings, LinkEnd, Written
from sync.core.rich_text import RichText
from sync.core.values import LinkSide, Ref

LONGEST = 3_000
OPPOSITE: dict[LinkSide, LinkSide] = {"waits_for": "blocks", "blocks": "waits_for"}
TYPES: dict[LinkSide, str] = {"waits_for": "prev", "blocks": "next"}


class Comment(Struct, frozen=True):
    """A comment as Feishu tells it. ``updated_at`` is milliseconds as text."""

    id: str
    content: str = ""
    creator: dict[str, Any] | None = None
    created_at: str | None = None
    updated_at: str | None = None
    resource_id: str | None = None


class TaskTracker:
    """Writes as the application."""

    site: Site
    settings: ConnectionSettings

    def find_comment(self, task: Ref, mark: str) -> Written | None:
        """Our oldest comment with the mark on a line of its own."""
        for comment in self._comments(task):
            if self._is_ours(comment) and mark_from(comment.content) == mark:
                return _written(comment)
        return None

    def marks_on(self, task: Ref) -> Sequence[str]:
        """Oldest comment first, whoever wrote it."""
        marks = (mark_from(comment.content) for comment in self._comments(task))
        return tuple(dict.fromkeys(mark for mark in marks if mark))

    def _is_ours(self, comment: Comment) -> bool:
        creator = comment.creator or {}
        return creator.get("type") == "app" and creator.get("id") == self.site.app_id

    def _comments(self, task: Ref) -> Iterator[Comment]:
        params = {**IDS, "resource_type": "task", "resource_id": task.key, "direction": "asc", "page_size": PAGE}
        seen: set[str] = set()
        for page in self.site.pages("/task/v2/comments", params):
            for item in page:
                comment = decoded(msgspec.json.encode(item), Comment, "a comment")
                if comment.id not in seen:
                    seen.add(comment.id)
                    yield comment

    def block_of_comment(self, body: RichText) -> str:
        return said_digest(plain_text(body))

    def add_comment(self, task: Ref, mark: str, body: RichText) -> Written:
        """A new comment, its mark on the last line."""
        sent = {"content": _content(mark, body), "resource_type": "task", "resource_id": task.key}
        return _written(_after_write(self.site.ask("POST", "/task/v2/comments", IDS, sent)))

    def edit_comment(self, task: Ref, comment: Written, mark: str, body: RichText) -> Written:
        """Read, compare, write. Feishu has no conditional write: an edit that falls between the two is lost."""
        self._require_unchanged(task, comment)
        sent = {"comment": {"content": _content(mark, body)}, "update_fields": ["content"]}
        path = f"/task/v2/comments/{quote(comment.id, safe='')}"
        return _written(_after_write(self.site.ask("PATCH", path, IDS, sent)))

    def remove_comment(self, task: Ref, comment: Written) -> None:
        """Remove our comment; one already gone is no error."""
        try:
            self._require_unchanged(task, comment)
            self.site.ask("DELETE", f"/task/v2/comments/{quote(comment.id, safe='')}")
        except NotFound:
            return

    def _require_unchanged(self, task: Ref, comment: Written) -> None:
        if not comment.is_ours:
            raise Refused(f"comment {comment.id} was written by somebody else; it stays")
        self._task(task.key)  # a comment may outlive its task
        data = self.site.ask("GET", f"/task/v2/comments/{quote(comment.id, safe='')}", IDS)
        standing = decoded(msgspec.json.encode(data.get("comment")), Comment, "a comment")
        if standing.resource_id not in (None, "", task.key):
            raise NotFound(f"{comment.id} is not a comment on task {task.key}")
        if (version := _version(standing)) != comment.version:
            message = f"comment {comment.id} on task {task.key} was edited since it was read"
            raise Conflict(message, expected=comment.version, found=version)

    def find_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written | None:
        """A dependency, whoever made it: only the ledger knows ours."""
        self._require_native(other)
        is_there = other.ref.key in self._neighbours(task.key, side)
        return _link(task.key, other.ref.key, side, is_ours=False) if is_there else None

    def add_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written:
        """Say it on the task; it is read back, and undone when it says the reverse."""
        self._require_native(other)
        gid, end = task.key, other.ref.key
        if end in self._neighbours(gid, OPPOSITE[side]):
            raise Refused(f"tasks {gid} and {end} already wait for each other the other way round in Feishu")
        path = f"/task/v2/tasks/{quote(gid, safe='')}/add_dependencies"
        self.site.ask("POST", path, None, {"dependencies": [{"type": TYPES[side], "task_guid": end}]})
        if end in self._neighbours(gid, OPPOSITE[side]):
            self._remove(gid, end)
            raise Nonsense(expected=f"task {gid} {side} {end}", found="the reverse; it was taken back")
        if end not in self._neighbours(gid, side):
            raise Nonsense(expected=f"task {gid} {side} {end}", found="no such dependency")
        return _link(gid, end, side, is_ours=True)

    def remove_link(self, task: Ref, link: Written) -> None:
        """Take our dependency away; one already gone is no error. Raises Refused for one not ours."""
        if not link.is_ours:
            raise Refused(f"dependency {link.id} was not made by Tieline; it stays")
        ends = set(link.id.split(">")) - {task.key}
        try:
            for end in ends:
                if any(end in self._neighbours(task.key, side) for side in TYPES):
                    self._remove(task.key, end)
        except NotFound:
            return

    def _remove(self, gid: str, end: str) -> None:
        path = f"/task/v2/tasks/{quote(gid, safe='')}/remove_dependencies"
        self.site.ask("POST", path, None, {"dependencies": [{"task_guid": end}]})

    def _neighbours(self, gid: str, side: LinkSide) -> set[str]:
        found = self._task(gid).get("dependencies") or ()
        return {
            str(item.get("task_guid"))
            for item in found
            if isinstance(item, Mapping) and item.get("type") == TYPES[side]
        }

    def _task(self, gid: str) -> dict[str, Any]:
        return task_from(self.site.ask("GET", f"/task/v2/tasks/{quote(gid, safe='')}", IDS))

    def _require_native(self, other: LinkEnd) -> None:
        if other.ref.connection != self.settings.name:
            raise CannotExpress(
                f"a task of Feishu depends only on others of Feishu, not on {other.ref}; the comment tells it"
            )


def _content(mark: str, body: RichText) -> str:
    text = plain_text(body)
    digest = said_digest(text)
    content = f"{text}\n\n{mark_line(mark, Kept(digest, digest))}"
    if len(content) > LONGEST:
        raise CannotExpress(f"a comment on a task of Feishu holds {LONGEST} characters, this one has {len(content)}")
    return content


def _after_write(data: Mapping[str, Any]) -> Comment:
    """The comment that was just written. Raises LostAnswer: what came back tells nothing of it, and it may stand."""
    try:
        return decoded(msgspec.json.encode(data.get("comment")), Comment, "a comment")
    except Nonsense as error:
        trouble = str(error)
    raise LostAnswer(trouble)


def _written(comment: Comment) -> Written:
    standing, kept = said_digest(comment.content), kept_from(comment.content)
    is_untouched = kept is not None and kept.as_stored == standing
    return Written(
        comment.id, _version(comment), "", kept.block if kept and is_untouched else standing, is_untouched=is_untouched
    )


def _version(comment: Comment) -> str:
    """A digest of the words: two edits may fall into one millisecond."""
    return hashlib.blake2b(
        f"{comment.updated_at} {comment.content}".encode("utf-8", "surrogatepass"), digest_size=8
    ).hexdigest()


def _link(gid: str, end: str, side: LinkSide, *, is_ours: bool) -> Written:
    identity = link_id(end, gid) if side == "waits_for" else link_id(gid, end)
    return Written(identity, hashlib.blake2b(identity.encode(), digest_size=8).hexdigest(), "", is_ours=is_ours)
