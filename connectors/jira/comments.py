"""Our living comments on issues: found by their mark, replaced only as we left them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from connectors.jira.bodies import block_of_comment, comment_cloud, comment_dc
from connectors.jira.marks import (
    MARK_PROPERTY,
    block_of,
    digest_of_body,
    is_marked,
    kept_in,
    marks_in,
    property_value,
)
from connectors.jira.paging import comment_pages
from connectors.jira.site import Site, issue_path, part
from connectors.jira.wiki import mentioned_accounts
from sync.core.errors import AccessDenied, Conflict, NotFound, Refused, TryLater
from sync.core.marks import Kept
from sync.core.ports import Written
from sync.core.rich_text import RichText
from sync.core.values import Ref

log = structlog.get_logger()
PAGE = 100
MOST_COMMENTS = 5000  # Cloud's own limit per issue; more than this cannot be searched for our mark


class _IssueFields(msgspec.Struct):
    project: dict[str, Any] | None = None


class _Issue(msgspec.Struct):
    key: str = ""
    fields: _IssueFields = msgspec.field(default_factory=_IssueFields)


class JiraComments:
    """The comment half of a Tracker. A comment's version is its ``updated``, its block a digest of its text."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def find_comment(self, task: Ref, mark: str) -> Written | None:
        """Newest first, all pages until found. Raises Refused past 5,000 comments, rather than answering None and writing twice."""
        for comment in self._comments(task):
            if is_marked(comment, mark):
                return self._written(self._issue(task).key, comment, kept_in(comment))
        return None

    def marks_on(self, task: Ref) -> Sequence[str]:
        """Newest comment first, whoever wrote it."""
        return tuple(dict.fromkeys(mark for comment in self._comments(task) for mark in marks_in(comment)))

    def _comments(self, task: Ref) -> Iterator[dict[str, Any]]:
        count = 0
        for comments in comment_pages(self.site, issue_path(task), PAGE):
            yield from comments
            count += len(comments)
            if count >= MOST_COMMENTS:
                raise Refused(f"{task} has more than {MOST_COMMENTS} comments; ours cannot be looked for surely")

    def block_of_comment(self, body: RichText) -> str:
        return block_of_comment(body, is_cloud=self.site.is_cloud)

    def add_comment(self, task: Ref, mark: str, body: RichText) -> Written:
        """Born with its mark in the same request."""
        issue = self._issue(task)
        sent = self._body(mark, body, self._is_internal(issue))
        comment = self.site.write("POST", f"{issue_path(task)}/comment", sent).read(dict[str, Any])
        if not self.site.is_cloud:
            self._mark_again(str(comment["id"]), {"mark": mark})
        return self._written(issue.key, comment, self._kept(mark, sent, comment))

    def edit_comment(self, task: Ref, comment: Written, mark: str, body: RichText) -> Written:
        """Replace it, with the visibility it has: a PUT without it would open the comment to everybody."""
        issue = self._issue(task)
        standing = self._unchanged(task, comment)
        sent = self._body(mark, body, self._is_internal(issue), standing.get("visibility"))
        path = f"{issue_path(task)}/comment/{part(comment.id)}"
        edited = self.site.write("PUT", path, sent).read(dict[str, Any])
        return self._written(issue.key, edited, self._kept(mark, sent, edited))

    def _kept(self, mark: str, sent: Mapping[str, Any], stored: Mapping[str, Any]) -> Kept | None:
        """What the comment keeps of this write. Where Jira stored other nodes than we sent, the property learns how they read."""
        kept = kept_in(sent)
        standing = digest_of_body(stored.get("body"))
        if not self.site.is_cloud or kept is None or kept.as_stored == standing:
            return kept
        kept = Kept(kept.block, standing)
        self._mark_again(str(stored["id"]), property_value(mark, kept))
        return kept

    def remove_comment(self, task: Ref, comment: Written) -> None:
        try:
            self._unchanged(task, comment)
            self.site.write("DELETE", f"{issue_path(task)}/comment/{part(comment.id)}")
        except NotFound:
            log.debug("comment_already_gone", task=task, comment=comment.id)

    def _unchanged(self, task: Ref, comment: Written) -> dict[str, Any]:
        """The comment as it stands. Raises Conflict when it is no longer as we know it: Jira itself does not check."""
        if not comment.is_ours:
            raise Refused(f"comment {comment.id} was written by somebody else; it stays")
        standing = self.site.get(f"{issue_path(task)}/comment/{part(comment.id)}").read(dict[str, Any])
        if (found := str(standing.get("updated") or "")) != comment.version:
            raise Conflict(f"comment {comment.id} was edited since", expected=comment.version, found=found)
        return standing

    def _body(self, mark: str, body: RichText, is_internal: bool, visibility: object = None) -> dict[str, Any]:
        if self.site.is_cloud:
            return comment_cloud(mark, body, is_internal, visibility)
        return comment_dc(mark, body, is_internal, self._logins(body), visibility)

    def _mark_again(self, comment_id: str, value: Mapping[str, str]) -> None:
        """The property survives a person's edit of the text; the comment is already marked, so failing does no harm."""
        path = f"/comment/{part(comment_id)}/properties/{MARK_PROPERTY}"
        try:
            self.site.write("PUT", path, dict(value))
        except (AccessDenied, NotFound, Refused, TryLater) as error:
            log.info("comment_property_not_kept", comment=comment_id, reason=str(error))

    def _logins(self, body: RichText) -> Mapping[str, str]:
        """Data Center mentions people by login name, and knows them by key."""
        logins = {}
        for account_id in sorted(mentioned_accounts(body)):
            try:
                user = self.site.get("/user", key=account_id).read(dict[str, Any])
            except (AccessDenied, NotFound, Refused):
                continue
            logins[account_id] = str(user.get("name") or "")
        return logins

    def _issue(self, task: Ref) -> _Issue:
        return self.site.get(issue_path(task), fields="project").read(_Issue)

    def _is_internal(self, issue: _Issue) -> bool:
        """Customers of a service desk do not read our comments unless the option says so."""
        # A project that does not tell its kind may be one; elsewhere the note changes nothing.
        is_service_desk = (issue.fields.project or {}).get("projectTypeKey") in (None, "service_desk")
        return is_service_desk and self.site.option("jsm_comments", "internal") != "public"

    def _written(self, key: str, comment: Mapping[str, Any], kept: Kept | None) -> Written:
        url = f"{self.site.browse_url(key)}?focusedCommentId={comment['id']}" if key else ""
        block, is_untouched = block_of(digest_of_body(comment.get("body")), kept)
        version = str(comment.get("updated") or "")
        return Written(str(comment["id"]), version, url, block, is_untouched=is_untouched)
