"""Books, documents, versions and tables of contents as the API shows them."""

from __future__ import annotations

from collections.abc import Collection

from sandbox.yuque.state import Book, Doc, Json, Version, instant_text


def book(found: Book) -> Json:
    return {
        "id": found.id, "type": "Book", "slug": found.slug, "name": found.name, "public": found.public,
        "items_count": len(list(found.current())), "namespace": found.namespace,
    }  # fmt: skip


def doc(found: Doc, of: Book, extra: Collection[str]) -> Json:
    """As listings show it: without its text."""
    shown: Json = {
        "id": found.id, "type": found.kind, "slug": found.slug, "title": found.title, "description": "",
        "book_id": of.id, "public": found.public, "status": "1" if found.is_published else "0",
        "user": found.creator.shown(), "last_editor_id": found.latest.user.id,
        "created_at": instant_text(found.created_at), "updated_at": instant_text(found.updated_at),
        "content_updated_at": instant_text(found.content_updated_at), "published_at": instant_text(found.latest.at),
        "comments_count": len(found.comments),
    }  # fmt: skip
    if "latest_version_id" in extra:
        shown["latest_version_id"] = found.latest.id
    if found.deleted_at:
        shown |= {"deleted_at": instant_text(found.deleted_at), "deleted_slug": found.deleted_slug}
    return shown


def detail(found: Doc, of: Book) -> Json:
    """As reading it shows it."""
    return {
        **doc(found, of, ("latest_version_id",)), "format": found.format, "body": found.body, "body_draft": found.body,
        "body_html": "", "body_lake": "<!doctype lake>" + "".join(f'<card name="{name}"></card>' for name in found.cards),
        "book": book(of), "creator": found.creator.shown(), "word_count": len(found.body),
    }  # fmt: skip


def version(of: Doc, found: Version) -> Json:
    return {
        "id": found.id, "doc_id": of.id, "slug": of.slug, "title": found.title, "user_id": found.user.id,
        "user": found.user.shown(), "created_at": instant_text(found.at), "updated_at": instant_text(found.at),
    }  # fmt: skip


def toc(of: Book) -> list[Json]:
    """The lines from top to bottom."""
    docs = of.docs
    return [
        {
            "uuid": node.uuid, "type": node.type, "title": node.title, "parent_uuid": node.parent, "visible": 1,
            "doc_id": node.doc_id or None, "id": node.doc_id or None, "level": _level(of, node.parent),
            "url": docs[node.doc_id].slug if node.doc_id in docs else "", "open_window": 0,
        }
        for node in of.toc
    ]  # fmt: skip


def _level(of: Book, parent: str) -> int:
    level, above = 0, {node.uuid: node.parent for node in of.toc}
    while parent in above and level < 10:
        level, parent = level + 1, above[parent]
    return level
