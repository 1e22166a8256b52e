"""The half of the Tracker port that writes comments: stories of our own, known by the mark on their last line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import structlog
from msgspec import Struct

from connectors.asana.rich_html import (
    block_of_comment,
    comment_html,
    comment_plain,
    kept_in,
    mark_in,
    said_digest,
)
from connectors.asana.shapes import Named
from connectors.asana.site import Site, part
from sync.core.errors import CannotExpress, Conflict, LostAnswer, Nonsense, NotFound, Refused, TielineError
from sync.core.ports import Written
from sync.core.rich_text import RichText
from sync.core.values import Ref

COMMENT = "comment_added"
FIELDS = "html_text,created_by,resource_subtype,target"
# Asana publishes no limit of a comment's length; nobody reads a longer one.
LONGEST = 32_000
log = structlog.get_logger()


class Story(Struct, frozen=True):
    """One line of a task's history; a comment where its subtype says so."""

    gid: str
    html_text: str | None = None
    created_by: Named | None = None
    resource_subtype: str | None = None
    target: Named | None = None

    @property
    def html(self) -> str:
        return self.html_text or ""


class TaskComments:
    """Writes comments as the token's account."""

    site: Site

    def find_comment(self, task: Ref, mark: str) -> Written | None:
        """Our oldest comment with the mark on a line of its own."""
        me = self.site.me().gid
        for story in self._comments(task):
            if story.created_by and story.created_by.gid == me and mark_in(story.html) == mark:
                return _written(story)
        return None

    def marks_on(self, task: Ref) -> Sequence[str]:
        """Oldest comment first, whoever wrote it: another installation may write as somebody else."""
        marks = (mark_in(story.html) for story in self._comments(task))
        return tuple(dict.fromkeys(mark for mark in marks if mark))

    def _comments(self, task: Ref) -> Iterator[Story]:
        for story in self.site.items(f"/tasks/{part(task.key)}/stories", Story, opt_fields=FIELDS):
            if story.resource_subtype == COMMENT:
                if story.html_text is None:
                    raise Nonsense(expected="a comment with its html_text", found="none")
                yield story

    def block_of_comment(self, body: RichText) -> str:
        return block_of_comment(body)

    def add_comment(self, task: Ref, mark: str, body: RichText) -> Written:
        """A new comment, its mark on the last line."""
        path = f"/tasks/{part(task.key)}/stories"
        story = self._save("POST", path, mark, body)
        return self._as_stored(story, mark, body)

    def edit_comment(self, task: Ref, comment: Written, mark: str, body: RichText) -> Written:
        """Read, compare, write. Asana has no conditional write: an edit that falls between the two is lost."""
        self._require_unchanged(task, comment)
        story = self._save("PUT", f"/stories/{part(comment.id)}", mark, body)
        return self._as_stored(story, mark, body)

    def remove_comment(self, task: Ref, comment: Written) -> None:
        """Remove our comment; one already gone is no error."""
        try:
            self._require_unchanged(task, comment)
            self.site.write("DELETE", f"/stories/{part(comment.id)}", object)
        except NotFound:
            return

    def _require_unchanged(self, task: Ref, comment: Written) -> None:
        if not comment.is_ours:
            raise Refused(f"comment {comment.id} was written by somebody else; it stays")
        story = self.site.get(f"/stories/{part(comment.id)}", Story, opt_fields=FIELDS)
        if story.resource_subtype not in (COMMENT, None) or (story.target and story.target.gid != task.key):
            raise NotFound(f"{comment.id} is not a comment on task {task.key}")
        if (version := _version(story)) != comment.version:
            message = f"comment {comment.id} on task {task.key} was edited since it was read"
            raise Conflict(message, expected=comment.version, found=version)

    def _save(self, method: str, path: str, mark: str, body: RichText, as_stored: str = "") -> Story:
        """As HTML; as plain text where Asana does not take it: a comment without links is better than none."""
        html = comment_html(body, mark, as_stored)
        if len(html) > LONGEST:
            raise CannotExpress(f"a comment in Asana may be {LONGEST} characters long here, this one has {len(html)}")
        try:
            story = self.site.write(method, path, Story, {"html_text": html}, FIELDS)
        except Refused as error:
            if error.status != 400:
                raise
            log.warning("comment_sent_as_plain_text", path=path, reason=str(error))
            story = self.site.write(method, path, Story, {"text": comment_plain(html)}, FIELDS)
        if story.html_text is None:
            raise LostAnswer("Asana took a comment and did not say how it stands")
        return story

    def _as_stored(self, story: Story, mark: str, body: RichText) -> Written:
        """Where Asana keeps other words than it was sent, the mark line learns how they read: a person's edit must be told from it."""
        standing = said_digest(story.html)
        if (kept := kept_in(story.html)) and kept.as_stored != standing:
            try:
                story = self._save("PUT", f"/stories/{part(story.gid)}", mark, body, standing)
            except TielineError as error:
                log.info("comment_digest_not_kept", comment=story.gid, reason=str(error))
        return _written(story)


def _written(story: Story) -> Written:
    standing, kept = said_digest(story.html), kept_in(story.html)
    is_untouched = kept is not None and kept.as_stored == standing
    block = kept.block if kept and is_untouched else standing
    return Written(story.gid, _version(story), "", block, is_untouched=is_untouched)


def _version(story: Story) -> str:
    """A digest of what stands there, our mark line too: Asana's own spelling of links may change under it."""
    return hashlib.blake2b(f"{said_digest(story.html)} {mark_in(story.html)}".encode(), digest_size=8).hexdigest()
