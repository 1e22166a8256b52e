"""What people wrote into comments of ours, as webhooks told it, while a write of ours may have taken it away unseen."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from msgspec import Struct
from sqlalchemy import Connection, delete, select, update

from sync.core.hooks import EditedComment
from sync.core.plan import Published
from sync.core.values import Ref
from sync.store.bulk import merge
from sync.store.codec import clean, decoder, json_from_value, text_from_instant
from sync.store.ledger import pending_intents
from sync.store.tables import COMMENT_EDITS, PUBLISHED

EditState = Literal["open", "overwritten", "put_back"]


class CommentEdit(Struct, frozen=True):
    """One edit of a comment of ours: where it stands, under which key of the ledger, and when the vendor says it was made."""

    connection: str
    delivery: str
    task: Ref
    key: str
    edited: EditedComment
    at: datetime | None = None
    state: EditState = "open"

    @property
    def id(self) -> str:
        """What a person calls it by on the command line."""
        return f"{self.connection}:{self.delivery}"


_edit_from_text = decoder(CommentEdit)
_published_from_text = decoder(Published)


def comment_of_ours(connection: Connection, task: Ref, comment_id: str) -> str:
    """The key under which we published this comment, or are writing it just now; "" when it is none of ours."""
    query = select(PUBLISHED.c.value).where(PUBLISHED.c.target == clean(task))
    for text in connection.execute(query).scalars():
        entry = _published_from_text(text)
        if entry.kind == "comment" and entry.written.id == comment_id:
            return entry.key
    intents = (item.change for item in pending_intents(connection) if item.change.target == task)
    return next(
        (item.key for item in intents if item.kind == "comment" and item.expected and item.expected.id == comment_id),
        "",
    )


def put_comment_edit(connection: Connection, edit: CommentEdit, at: datetime) -> None:
    """Keep an edit, once per delivery; one that is known keeps its state."""
    table = COMMENT_EDITS.c
    where = (table.connection == edit.connection, table.delivery == clean(edit.delivery))
    if connection.execute(select(table.state).where(*where)).first() is None:
        row = (edit.connection, clean(edit.delivery), edit.state, text_from_instant(at), json_from_value(edit))
        merge(connection, COMMENT_EDITS, [row])


def comment_edits(connection: Connection, states: Collection[str]) -> list[CommentEdit]:
    """The edits in these states, oldest first."""
    table = COMMENT_EDITS.c
    query = select(table.value).where(table.state.in_(states)).order_by(table.received_at, table.delivery)
    return [_edit_from_text(text) for text in connection.execute(query).scalars()]


def settle_comment_edit(connection: Connection, edit: CommentEdit) -> None:
    """What became of an edit."""
    table = COMMENT_EDITS.c
    where = (table.connection == edit.connection, table.delivery == clean(edit.delivery))
    connection.execute(update(COMMENT_EDITS).where(*where).values(state=edit.state, value=json_from_value(edit)))


def prune_comment_edits(connection: Connection, before: datetime) -> int:
    """Forget edits of which nothing was taken away until now; how many."""
    table = COMMENT_EDITS.c
    where = (table.state == "open", table.received_at < text_from_instant(before))
    return int(connection.execute(delete(COMMENT_EDITS).where(*where)).rowcount)
