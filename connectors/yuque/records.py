"""Documents as raw records, and raw records decoded. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from sync.core.decode import decoded
from sync.core.errors import Nonsense, RecordError
from sync.core.instants import instant_from_text
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, RawRecord, Record, Ref, Visibility

DOCUMENT = "document"
PRIVATE = 0  # ``public``: 0 the members of its book only, 1 the whole internet, 2 the whole space


class Head(Struct, frozen=True):
    """What listings and reads say of a document before anything else."""

    id: int | str
    slug: str | None = None
    title: str | None = None
    book_id: int | str | None = None
    public: int | None = None
    status: str | int | None = None
    updated_at: str | None = None
    content_updated_at: str | None = None
    latest_version_id: int | None = None
    deleted_slug: str | None = None

    @property
    def key(self) -> str:
        return str(self.id)


def head_from(item: bytes | msgspec.Raw) -> Head:
    """The head of a document. Raises Nonsense when it has no id."""
    found = decoded(item, Head, "a document")
    if not found.key.isdecimal():
        raise Nonsense(expected="a document with a number as id", sample=bytes(item)[:200])
    return found


def is_restricted(head: Head, is_open_book: bool) -> bool:
    """Drafts, and what only the members of its book may see; of a book that an admin calls open only drafts."""
    if head.status is not None and str(head.status) == "0":
        return True
    return not is_open_book and (head.public is None or head.public == PRIVATE)


def raw_from_item(
    item: bytes, head: Head, connection: str, scope: str, fetched_at: datetime, is_open_book: bool, field_set: str
) -> RawRecord:
    """A document's own bytes as a raw record. What counts readers or comments is left out: it is no edit."""
    visibility: Visibility = "restricted" if is_restricted(head, is_open_book) else "open"
    updated_at = instant_from_text(head.updated_at) or instant_from_text(head.content_updated_at) or fetched_at
    return RawRecord(
        ref=Ref.of(connection, DOCUMENT, head.key),
        payload=_telling(item),
        version=f"{head.latest_version_id or ''}.{head.updated_at or ''}",
        updated_at=updated_at,
        fetched_at=fetched_at,
        field_set=field_set,
        scope=scope,
        visibility=visibility,
    )


# What changes without anybody's edit, what says the same a second time, and what nothing maps.
_IDLE = ("likes_count", "read_count", "hits", "comments_count", "body_html", "body_lake", "body_draft", "cover")


def _telling(item: bytes) -> bytes:
    data = decoded(item, dict[str, msgspec.Raw], "a document")
    kept = {key: value for key, value in data.items() if key not in _IDLE}
    if "book" in kept:  # its counts change; its path is needed for the address
        book = decoded(kept["book"])
        named = {"namespace": book.get("namespace")} if isinstance(book, dict) else {}
        kept["book"] = msgspec.Raw(msgspec.json.encode(named))
    return msgspec.json.encode(kept)


def record_from_raw(raw: RawRecord, settings: ConnectionSettings) -> Record:
    """A stored document decoded; unknown and missing keys are tolerated. Raises RecordError for bytes that are none."""
    try:
        data = decoded(raw.payload, what="a document")
    except Nonsense as error:
        raise RecordError(f"not a document: {error}", raw.ref) from error
    if not isinstance(data, dict) or not data.get("id"):
        raise RecordError("not a document: it has no id", raw.ref)
    slug, author, editor = str(data.get("slug") or ""), account_from(data.get("user") or data.get("creator")), None
    if data.get("last_editor_id"):
        editor = Account(str(data["last_editor_id"]))
    book = data.get("book")
    namespace = str((book.get("namespace") if isinstance(book, dict) else None) or raw.scope)
    url = web_url(settings, namespace, slug or str(data["id"]))
    accounts = {account.id: account for account in (editor, author) if account}
    return Record(
        ref=raw.ref,
        key=str(data["id"]),
        title=str(data.get("title") or ""),
        url=url,
        updated_at=raw.updated_at,
        values=_values(data, raw, author, editor),
        scope=raw.scope,
        visibility=raw.visibility,
        aliases=(url,),
        accounts=tuple(accounts.values()),
    )


def _values(data: Mapping[str, Any], raw: RawRecord, author: Account | None, editor: Account | None) -> dict[str, Any]:
    tags = data.get("tags")
    return {
        "id": str(data["id"]),
        "title": str(data.get("title") or ""),
        "slug": data.get("slug"),
        "space": raw.scope,
        "type": data.get("type") or "Doc",
        "status": "draft" if str(data.get("status")) == "0" else "published",
        "description": data.get("description") or "",
        "author": author,
        "editor": editor,
        "createdAt": instant_from_text(data.get("created_at")),
        "publishedAt": instant_from_text(data.get("published_at")),
        "version": {"number": data.get("latest_version_id"), "createdAt": raw.updated_at},
        "body": data.get("body") or "",
        "labels": [str(tag.get("title") or tag.get("name")) for tag in tags if isinstance(tag, dict)]
        if isinstance(tags, list)
        else [],
    }


def account_from(user: object) -> Account | None:
    """A member; None when the answer names none."""
    if not isinstance(user, Mapping) or not user.get("id"):
        return None
    login = user.get("login")
    return Account(str(user["id"]), str(user.get("name") or ""), None, str(login) if login else None)


def web_url(settings: ConnectionSettings, namespace: str, slug: str) -> str:
    """Where people open a document: below its book's path."""
    base = (settings.browse_base or settings.base_url).rstrip("/").removesuffix("/api/v2")
    return f"{base}/{namespace}/{slug}"
