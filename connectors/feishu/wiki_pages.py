"""Pages of wiki spaces 知识库 as raw records, and raw records as generic records. Pure.

A page is a node of a space that holds a document (docx). Nodes that hold a spreadsheet or a base, and shortcuts, are no pages; what lies
below them may be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from sync.core.errors import Nonsense
from sync.core.instants import instant_from_s
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, RawRecord, Record, Ref, Visibility

DOCUMENT = "document"
# What is kept of a node: what a page below it or a reader changes is no edit of it.
KEPT = (
    "space_id",
    "node_token",
    "obj_token",
    "obj_type",
    "node_type",
    "parent_node_token",
    "title",
    "obj_create_time",
    "obj_edit_time",
    "node_create_time",
    "creator",
    "owner",
    "node_creator",
    "url",
)
TELLING = ("node_token", "obj_token", "parent_node_token", "title", "obj_edit_time")


class Space(Struct, frozen=True):
    """A space as Feishu lists it: ``private`` ones are seen by their members only, ``public`` ones by the whole company."""

    space_id: str
    name: str = ""
    visibility: str = ""


def nodes_from(items: Sequence[object]) -> list[dict[str, Any]]:
    """The nodes of a listing. Raises Nonsense for what has no token."""
    return [node_from(item) for item in items]


def node_from(item: object) -> dict[str, Any]:
    """A node. Raises Nonsense for what has no token."""
    if not isinstance(item, dict) or not isinstance(item.get("node_token"), str) or not item["node_token"]:
        raise Nonsense(expected="a node with its node_token", sample=item)
    return item


def is_page(node: Mapping[str, Any]) -> bool:
    """Whether the node is a document itself, and no shortcut to one."""
    return node.get("obj_type") == "docx" and node.get("node_type") != "shortcut" and bool(node.get("obj_token"))


def kept_of(node: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a node that is kept, the same whichever request told it."""
    return {name: node[name] for name in KEPT if node.get(name) not in (None, "")}


def raw_from_page(
    node: Mapping[str, Any], text: str | None, visibility: Visibility, connection: str, scope: str, fetched_at: datetime
) -> RawRecord:
    """One page. ``text`` None: it was not asked for. Its version changes with its words too: Feishu tells an edit by the second."""
    at = instant_from_s(node.get("obj_edit_time")) or instant_from_s(node.get("obj_create_time")) or fetched_at
    said = [*(node.get(name) or "" for name in TELLING), text, visibility]
    digest = hashlib.blake2b(msgspec.json.encode(said), digest_size=8).hexdigest()
    payload: dict[str, Any] = {"node": kept_of(node), **({} if text is None else {"content": text})}
    return RawRecord(
        Ref.of(connection, DOCUMENT, str(node["node_token"])),
        msgspec.json.encode(payload, order="deterministic"),
        f"{node.get('obj_edit_time') or ''}~{digest}",
        at,
        fetched_at,
        "" if text is None else "body",
        scope,
        visibility,
    )


def record_from_page(raw: RawRecord, payload: Mapping[str, Any], settings: ConnectionSettings) -> Record:
    """A page by names that other knowledge bases have too; ``node`` and ``document`` are Feishu's tokens of it."""
    node = payload.get("node")
    if not isinstance(node, dict):
        raise Nonsense(expected="a page as it was stored", sample=payload)
    author, owner = _account(node.get("creator")), _account(node.get("owner"))
    url = str(node.get("url") or "") or (f"{settings.browse_base}/wiki/{raw.ref.key}" if settings.browse_base else "")
    document = str(node.get("obj_token") or "")
    return Record(
        ref=raw.ref,
        key=raw.ref.key,
        title=str(node.get("title") or ""),
        url=url,
        updated_at=raw.updated_at,
        values={
            "node": raw.ref.key,
            "document": document,
            "title": str(node.get("title") or ""),
            "space": raw.scope,
            "parentId": node.get("parent_node_token"),
            "author": author,
            "owner": owner,
            "createdAt": instant_from_s(node.get("obj_create_time")),
            "version": {"number": node.get("obj_edit_time"), "createdAt": raw.updated_at},
            "body": payload.get("content") or "",
            "labels": [],
        },
        scope=raw.scope,
        visibility=raw.visibility,
        aliases=tuple(dict.fromkeys(text for text in (raw.ref.key, document, url) if text)),
        accounts=tuple({person.id: person for person in (author, owner) if person}.values()),
    )


def _account(open_id: object) -> Account | None:
    return Account(open_id) if isinstance(open_id, str) and open_id else None
