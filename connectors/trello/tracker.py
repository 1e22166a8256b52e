"""The Tracker port: living comments, and links as check items and attachments.

Trello has neither entity properties nor ETags: a comment carries our mark as its last line and is compared before it is
written; a check item or attachment carries no mark, so it is found by its URL and known as ours by the id in the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from connectors.trello.links import CHECKLIST_NAMES, checklist_name, urls_from
from connectors.trello.markdown import (
    block_of_comment,
    comment_text,
    mention_ids,
    said_digest,
)
from connectors.trello.shapes import CardChecklist, Entry
from connectors.trello.site import Site
from connectors.trello.tolerance import shaped_or_none
from sync.core.errors import CannotExpress, Conflict, Nonsense, NotFound, Refused
from sync.core.links import same_place
from sync.core.marks import kept_from, mark_from
from sync.core.ports import LinkEnd, Written
from sync.core.rich_text import RichText
from sync.core.values import LinkSide, Ref

MAX_COMMENT = 16_384
MAX_ATTACHMENT_NAME = 256


class CommentCard(Struct):
    """The card as a comment names it."""

    id: str = ""
    shortLink: str = ""  # noqa: N815


class CommentData(Struct):
    """What a comment says and where."""

    text: str = ""
    card: CommentCard = msgspec.field(default_factory=CommentCard)


class Comment(Struct):
    """A ``commentCard`` action."""

    id: str
    type: str | None = None
    idMemberCreator: str | None = None  # noqa: N815
    data: CommentData = msgspec.field(default_factory=CommentData)


class CardLinks(Struct):
    """A card's checklists and attachments."""

    id: str
    checklists: list[CardChecklist] | None = None
    attachments: list[Entry] | None = None


class CardTracker:
    """Writes to cards as the token's member."""

    site: Site

    def find_comment(self, task: Ref, mark: str) -> Written | None:
        """Our oldest comment with the mark on a line of its own, whatever number of comments the card has."""
        me, found = self.site.me().id, None
        for comment in self._comments(task.key):
            if comment.idMemberCreator == me and mark_from(comment.data.text) == mark:
                found = comment
        return self._written(found) if found else None

    def marks_on(self, task: Ref) -> Sequence[str]:
        """Newest comment first, whoever wrote it: another installation may write as another member."""
        marks = (mark_from(comment.data.text) for comment in self._comments(task.key))
        return tuple(dict.fromkeys(mark for mark in marks if mark))

    def block_of_comment(self, body: RichText) -> str:
        return block_of_comment(body)

    def _comments(self, card_id: str) -> Iterator[Comment]:
        for page in self.site.pages(f"/cards/{card_id}/actions", False, filter="commentCard"):
            for raw in page:
                if comment := shaped_or_none(raw, Comment):
                    yield comment

    def add_comment(self, task: Ref, mark: str, body: RichText) -> Written:
        """A new comment, its mark on the last line."""
        text = self._text(task.key, mark, body)
        comment = self.site.write("POST", f"/cards/{task.key}/actions/comments", Comment, {"text": text})
        return self._written(comment)

    def edit_comment(self, task: Ref, comment: Written, mark: str, body: RichText) -> Written:
        """Read, compare, write. Trello has no conditional write: an edit that falls between the two is lost."""
        text = self._text(task.key, mark, body)
        self._require_unchanged(task, comment)
        path = f"/cards/{task.key}/actions/{comment.id}/comments"
        return self._written(self.site.write("PUT", path, Comment, {"text": text}))

    def remove_comment(self, task: Ref, comment: Written) -> None:
        """Remove our comment; one already gone is no error."""
        try:
            self._require_unchanged(task, comment)
            self.site.write("DELETE", f"/cards/{task.key}/actions/{comment.id}/comments", object)
        except NotFound:
            return

    def _require_unchanged(self, task: Ref, comment: Written) -> None:
        found = self.site.get(f"/actions/{comment.id}", Comment, memberCreator=False, member=False)
        if found.type not in ("commentCard", None) or found.data.card.id not in (task.key, ""):
            raise NotFound(f"{comment.id} is not a comment on card {task.key}")
        version = _digest(found.data.text)
        if version != comment.version:
            message = f"comment {comment.id} on card {task.key} was edited since it was read"
            raise Conflict(message, expected=comment.version, found=version)

    def _text(self, card_id: str, mark: str, body: RichText) -> str:
        wanted = mention_ids(body)
        text = comment_text(body, mark, self.site.usernames(card_id, wanted) if wanted else {})
        if len(text) > MAX_COMMENT:
            raise CannotExpress(f"a Trello comment holds {MAX_COMMENT} characters, this one has {len(text)}")
        return text

    def _written(self, comment: Comment) -> Written:
        link = comment.data.card.shortLink
        url = f"{self.site.browse_base}/c/{link}#comment-{comment.id}" if link else ""
        standing, kept = said_digest(comment.data.text), kept_from(comment.data.text)
        is_untouched = kept is not None and kept.as_stored == standing
        block = kept.block if kept and is_untouched else standing
        return Written(comment.id, _digest(comment.data.text), url, block, is_untouched=is_untouched)

    def find_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written | None:
        """A check item (waits for) or attachment (blocks) that leads to the other end, whoever made it: only the ledger knows ours."""
        _require_url(other)
        for entry in self._entries(task.key, side):
            said = entry.name if side == "waits_for" else entry.url
            if any(same_place(url, other.url) for url in urls_from(said or "")):
                return self._link(entry, is_ours=False)
        return None

    def _entries(self, card_id: str, side: LinkSide) -> list[Entry]:
        links = self._links(card_id)
        if side == "waits_for":
            return [item for checklist in links.checklists or () for item in checklist.checkItems or ()]
        return links.attachments or []

    def _links(self, card_id: str) -> CardLinks:
        path = f"/cards/{card_id}"
        links = self.site.get(
            path, CardLinks, fields="name", checklists="all", attachments=True, attachment_fields="id,name,url"
        )
        # An answer without the key does not say that there are none: a second link would be written, or ours left behind.
        try:
            if links.checklists is None:
                links.checklists = self.site.get(f"{path}/checklists", list[CardChecklist])
            if links.attachments is None:
                links.attachments = self.site.get(f"{path}/attachments", list[Entry])
        except NotFound as error:
            raise Nonsense(expected=f"checklists and attachments of card {card_id}", sample=str(error)) from error
        return links

    def add_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written:
        """An item with exactly the URL in the checklist of what the card waits for, or an attached URL on the card that blocks."""
        _require_url(other)
        entry = self._add_check_item(task.key, other) if side == "waits_for" else self._attach(task.key, other)
        said = entry.name if side == "waits_for" else entry.url
        if not any(same_place(url, other.url) for url in urls_from(said or "")):
            raise Nonsense(expected=f"a link to {other.url}", sample=said or "")
        return self._link(entry, is_ours=True)

    def _add_check_item(self, card_id: str, other: LinkEnd) -> Entry:
        checklist_id = self._checklist(card_id)
        body = {"name": other.url, "checked": other.is_done, "pos": "bottom"}
        return self.site.write("POST", f"/checklists/{checklist_id}/checkItems", Entry, body)

    def _checklist(self, card_id: str) -> str:
        """The card's checklist for dependencies, in whichever language it was begun; a new one where there is none."""
        wanted = checklist_name(self.site.settings.language)
        found = {
            (item.name or "").strip().casefold(): item.id for item in reversed(self._links(card_id).checklists or [])
        }
        for name in (wanted, *CHECKLIST_NAMES.values()):
            if identifier := found.get(name.casefold()):
                return identifier
        made = self.site.write("POST", f"/cards/{card_id}/checklists", CardChecklist, {"name": wanted, "pos": "bottom"})
        if not made.id:
            raise Nonsense(expected="a checklist with its id", sample=made)
        return made.id

    def _attach(self, card_id: str, other: LinkEnd) -> Entry:
        name = " ".join((other.title or other.key or other.url).split())[:MAX_ATTACHMENT_NAME]
        return self.site.write("POST", f"/cards/{card_id}/attachments", Entry, {"url": other.url, "name": name})

    def remove_link(self, task: Ref, link: Written) -> None:
        """Take our check item or attachment away; the checklist stays, it may be somebody's. Raises Refused for a link not ours."""
        if not link.is_ours:
            raise Refused(f"link {link.id} on card {task.key} was not made by Tieline; it stays")
        for path in self._paths(task.key, link.id):
            try:
                self._delete(path)
            except NotFound:
                continue
            return
        if paths := self._paths(task.key, link.id):
            raise NotFound(f"{paths[0]} is still there, and Trello does not let it be removed")

    def _paths(self, card_id: str, link_id: str) -> tuple[str, ...]:
        """The paths that remove the check item or attachment; none when it or the card is gone."""
        try:
            links = self._links(card_id)
        except NotFound:
            return ()
        for checklist in links.checklists or ():
            if link_id in [item.id for item in checklist.checkItems or ()]:
                return (f"/cards/{card_id}/checkItem/{link_id}", f"/checklists/{checklist.id}/checkItems/{link_id}")
        is_attached = link_id in [attachment.id for attachment in links.attachments or ()]
        return (f"/cards/{card_id}/attachments/{link_id}",) if is_attached else ()

    def _delete(self, path: str) -> Any:
        return self.site.write("DELETE", path, object)

    def _link(self, entry: Entry, *, is_ours: bool) -> Written:
        if not entry.id:
            raise Nonsense(expected="a check item or attachment with its id", sample=entry)
        return Written(entry.id, _digest(entry.name or "", entry.url or ""), entry.url or "", is_ours=is_ours)


def _require_url(other: LinkEnd) -> None:
    if not other.url.startswith(("http://", "https://")):
        raise CannotExpress(f"Trello links by URL, and {other.ref} has none")


def _digest(*texts: str) -> str:
    """A version: the digest of what stands there, as Trello gave it back."""
    return hashlib.blake2b(msgspec.json.encode(texts), digest_size=8).hexdigest()
