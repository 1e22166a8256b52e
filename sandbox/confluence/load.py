"""A real page, as v1 or v2 gives it, becomes state. It keeps its id, version, labels and body."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.confluence.site import Site
from sandbox.confluence.state import STATUSES, Page, Space, Status, User, Version

Payload = dict[str, Any]


def load_payload(site: Site, payload: Payload) -> str:
    """Store one page; returns ``page``. Loading an id again replaces it.

    Raises ValueError for an object that is no page. A body is kept as it came: the vendor has rewritten it already.
    """
    is_v2 = "spaceId" in payload
    if not is_v2 and (payload.get("type") != "page" or not isinstance(payload.get("space"), dict)):
        raise ValueError("not a Confluence page: neither spaceId (v2) nor type page with a space (v1)")
    status = payload.get("status", "current")
    if status not in STATUSES:
        raise ValueError(f"a page of status {status!r} cannot be loaded")
    space = _space_v2(site, payload) if is_v2 else _space_v1(site, payload["space"])
    author = str(payload.get("authorId") or "") if is_v2 else _author_v1(site, payload)
    page = _page(site, payload, space, status, author or space.author)
    old = site.pages.get(page.id)
    if old is not None:
        page.children, old.children = old.children, []
        site.forget(old)
    site.insert(page)
    if not space.homepage_id and page.parent_id is None:
        space.homepage_id = page.id
    return "page"


def _page(site: Site, payload: Payload, space: Space, status: Status, author: str) -> Page:
    version = payload.get("version") or {}
    when = _instant(version.get("createdAt") or version.get("when")) or site.clock()
    history = payload.get("history") or {}
    created = _instant(payload.get("createdAt") or history.get("createdDate")) or when
    body = (payload.get("body") or {}).get("storage") or {}
    latest = Version(
        int(version.get("number") or 1),
        when,
        str(version.get("authorId") or "") or author,
        str(payload["title"]),
        str(body.get("value") or ""),
        str(version.get("message") or ""),
        bool(version.get("minorEdit")),
    )
    page = Page(str(payload["id"]), space.id, status, created, author, [latest], _parent(payload, space))
    page.trashed_at = when if status == "trashed" else None
    labels = payload.get("labels") or (payload.get("metadata") or {}).get("labels") or {}
    for label in labels.get("results") or []:
        name = f"{label.get('prefix') or 'global'}:{label['name']}"
        page.labels[name] = site.label_ids.setdefault(name, str(label.get("id") or site.new_id()))
    return page


def _parent(payload: Payload, space: Space) -> str | None:
    """The parent's id, also one that is loaded later."""
    ancestors = payload.get("ancestors")
    if "parentId" in payload:
        return str(payload["parentId"]) if payload["parentId"] else None
    if isinstance(ancestors, list):
        return str(ancestors[-1]["id"]) if ancestors else None
    return space.homepage_id if space.homepage_id not in ("", str(payload["id"])) else None


def _space_v2(site: Site, payload: Payload) -> Space:
    """v2 names only the space's id; an unknown one gets the key from the page's own address, or its id."""
    space_id = str(payload["spaceId"])
    if space_id in site.spaces:
        return site.spaces[space_id]
    webui = str((payload.get("_links") or {}).get("webui") or "")
    key = webui.split("/")[2] if webui.startswith("/spaces/") else f"S{space_id}"
    return site.space_by_key(key) or site.add_space(
        key, key, str(payload.get("authorId") or ""), space_id=space_id, has_home=False
    )


def _space_v1(site: Site, space: Payload) -> Space:
    key = str(space["key"])
    return site.space_by_key(key) or site.add_space(
        key, str(space.get("name") or key), "", space_id=str(space.get("id") or ""), has_home=False
    )


def _author_v1(site: Site, payload: Payload) -> str:
    """The creator, else the last editor; remembered as a user."""
    person = (payload.get("history") or {}).get("createdBy") or (payload.get("version") or {}).get("by") or {}
    account_id = str(person.get("accountId") or person.get("userKey") or person.get("username") or "")
    if account_id and site.find_user(account_id) is None:
        name = str(person.get("displayName") or account_id)
        username, key = str(person.get("username") or account_id), str(person.get("userKey") or account_id)
        site.add_user(User(account_id, username, key, name, str(person.get("email") or "")))
    return account_id


def _instant(text: Any) -> datetime | None:
    if not isinstance(text, str) or not text:
        return None
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"an instant without a zone: {text}")
    return found
