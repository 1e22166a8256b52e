"""v1 content: pages and comments as content, history, the tree, moving, archiving and spaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.confluence import parts
from sandbox.confluence.call import Call, Route, values_of
from sandbox.confluence.errors import Refusal, bad_request, no_content, not_found
from sandbox.confluence.paging import v1_page
from sandbox.confluence.state import Page, Space, Version, number_of
from sandbox.confluence.v1_shapes import (
    GET_EXPAND,
    WRITE_EXPAND,
    Expand,
    attachment_shape,
    comment_shape,
    content_shape,
    expand_of,
    history_shape,
    space_shape,
    version_shape,
)
from sandbox.confluence.v2_pages import sent_status, touch
from sandbox.http import Response, json_response

CONTENT_FIELDS = frozenset(
    [
        "id",
        "type",
        "status",
        "title",
        "space",
        "version",
        "ancestors",
        "body",
        "metadata",
        "container",
        "extensions",
        "history",
        "children",
        "descendants",
        "operations",
        "restrictions",
        "links",
        "position",
        "_links",
        "_expandable",
    ]
)


def most_of(expand: Expand) -> int:
    """How far a v1 limit is lowered: further when bodies are asked for."""
    if {"body.export_view", "body.styled_view"} & expand:
        return 25
    return 50 if "body" in expand else 200


def list_content(call: Call) -> Response:
    """Content by space, exact title and status; current pages unless said otherwise."""
    site, expand = call.site, expand_of(call)
    if call.request.get("type", "page") != "page":
        return v1_page(call, [], lambda page: content_shape(call, page, expand))
    key, title = call.request.get("spaceKey"), call.request.get("title")
    space = site.space_by_key(key)
    if key and (space is None or space.is_hidden):
        raise not_found(f"No space with key : {key}")
    spaces = [space] if space else list(site.spaces.values())
    statuses = set(values_of(call.request.query, "status")) or {"current"}
    if title and statuses <= {"current", "archived"}:
        found = [site.page_titled(each.id, title) for each in spaces]
        pages = [page for page in found if page is not None]
    else:
        pages = [site.pages[page_id] for each in spaces for page_id in site.pages_of_space[each.id]]
    shown = [
        page
        for page in pages
        if page.kind == "page"
        and (page.status in statuses or "any" in statuses)
        and (not title or page.title == title)
        and site.can_see(page, call.user)
    ]
    return _pages(call, shown, expand)


def _pages(call: Call, pages: list[Page], expand: Expand) -> Response:
    return v1_page(
        call,
        pages,
        lambda page: content_shape(call, page, expand),
        most=most_of(expand),
        touch=lambda page: touch(call, page),
    )


def get_content(call: Call, content_id: str) -> Response:
    """A page, comment or attachment by id; only current ones unless ``status`` says otherwise."""
    expand = expand_of(call, GET_EXPAND)
    if content_id.startswith("att"):
        return json_response(attachment_shape(call, parts.attachment(call.site, content_id, call.user), expand))
    if content_id in call.site.comments:
        return json_response(comment_shape(call, parts.comment_of(call.site, content_id, call.user), expand))
    page = call.site.seen_page(content_id, call.user)
    statuses = set(values_of(call.request.query, "status")) or {"current", "archived"}
    version = page.latest
    if number := call.request.get("version"):
        version = _version(page, number)
        statuses |= {"current", "archived"}
    if page.status not in statuses and "any" not in statuses:
        raise no_content(content_id)
    return json_response(content_shape(call, page, expand, version))


def _version(page: Page, number: str) -> Version:
    found = next((version for version in page.versions if str(version.number) == number), None)
    if found is None:
        raise no_content(page.id)
    return found


def _storage(body: dict[str, Any]) -> str | None:
    """``body.storage.value``; None when no body was sent."""
    sent = body.get("body")
    if sent is None:
        return None
    storage = sent.get("storage") if isinstance(sent, dict) else None
    if not isinstance(storage, dict) or not isinstance(storage.get("value"), str):
        raise bad_request("Content body must be sent in storage representation")
    value: str = storage["value"]
    return value


def create_content(call: Call) -> Response:
    """A page, or a comment on one."""
    body = call.body(CONTENT_FIELDS, required=("type",))
    if body["type"] == "comment":
        return _create_comment(call, body)
    if body["type"] != "page":
        raise bad_request(f"Content of type {body['type']} is not supported here")
    site, title = call.site, body.get("title")
    key = body["space"].get("key") if isinstance(body.get("space"), dict) else None
    space = site.space_by_key(str(key)) if key else None
    if space is None or space.is_hidden:
        raise Refusal(400 if not key else 403, f"Could not create content with type page in space {key}")
    if not isinstance(title, str) or not title:
        raise bad_request("A title is required when creating content of type page")
    parent = _sent_parent(call, body)
    storage = _storage(body) or ""
    status = sent_status(body.get("status") or call.request.get("status") or "current")
    message = str((body.get("version") or {}).get("message") or "")
    # without ancestors Data Center puts a page at the top of the space, Cloud under the home page
    default_id = space.homepage_id or None if call.is_cloud else None
    parent_id = parent.id if parent else default_id
    page = site.create_page(
        space, title, storage, call.user.account_id, parent_id=parent_id, status=status, message=message
    )
    _set_metadata(call, page, body)
    return json_response(content_shape(call, page, expand_of(call, WRITE_EXPAND)))


def _sent_parent(call: Call, body: dict[str, Any]) -> Page | None:
    """The last of ``ancestors``: the parent."""
    ancestors = body.get("ancestors")
    if not ancestors:
        return None
    if not isinstance(ancestors, list) or not isinstance(ancestors[-1], dict) or "id" not in ancestors[-1]:
        raise bad_request("'ancestors' must be a list of objects with an id")
    return call.site.seen_page(str(ancestors[-1]["id"]), call.user)


def _set_metadata(call: Call, page: Page, body: dict[str, Any]) -> None:
    """``metadata.labels`` and ``metadata.properties`` sent along with a page."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        return
    if metadata.get("labels"):
        parts.add_labels(call.site, page, metadata["labels"])
    properties = metadata.get("properties") or {}
    if not isinstance(properties, dict) or not all(isinstance(item, dict) for item in properties.values()):
        raise bad_request("'metadata.properties' must be an object of objects")
    for key, item in properties.items():
        parts.put_property(call.site, page.properties, key, item.get("value"), call.user.account_id)


def _create_comment(call: Call, body: dict[str, Any]) -> Response:
    container = body.get("container")
    if not isinstance(container, dict) or "id" not in container:
        raise bad_request("A container is required when creating content of type comment")
    page = call.site.seen_page(str(container["id"]), call.user)
    parent_id = body["ancestors"][-1].get("id") if body.get("ancestors") else None
    parent = parts.comment_of(call.site, str(parent_id), call.user) if parent_id else None
    comment = parts.add_comment(call.site, page, _storage(body) or "", call.user.account_id, parent)
    return json_response(comment_shape(call, comment, expand_of(call, WRITE_EXPAND)))


def update_content(call: Call, content_id: str) -> Response:
    """Replace title and (when sent) body; the version is current + 1; ``ancestors`` moves; ``status`` restores."""
    if content_id.startswith("att"):
        raise Refusal(415, "Unsupported Media Type")
    body = call.body(CONTENT_FIELDS, required=("type", "version"))
    site, by = call.site, call.user.account_id
    if content_id in site.comments:
        comment = parts.comment_of(site, content_id, call.user)
        site.check_version(comment.latest.number, number_of(body))
        parts.edit_comment(site, comment, _storage(body) or "", by)
        return json_response(comment_shape(call, comment, expand_of(call, WRITE_EXPAND)))
    page = site.editable_page(content_id, call.user)
    site.check_version(page.latest.number, number_of(body))
    if page.status == "trashed":
        site.set_status(page, "current")
        return json_response(content_shape(call, page, expand_of(call, WRITE_EXPAND)))
    if not body.get("title"):
        raise bad_request("A title is required when updating content of type page")
    parent, storage, version = _sent_parent(call, body), _storage(body), body["version"]
    if parent is not None:
        site.check_place(page, parent.id)
    kept = page.latest.storage if storage is None else storage
    message = str(version.get("message") or "")
    site.save(page, str(body["title"]), kept, by, message, is_minor=bool(version.get("minorEdit")))
    if parent is not None and parent.id != page.parent_id:
        site.place(page, parent.id)
    _set_metadata(call, page, body)
    return json_response(content_shape(call, page, expand_of(call, WRITE_EXPAND)))


def delete_content(call: Call, content_id: str) -> Response:
    """To trash; ``status=trashed`` purges what is there already; comments and attachments go at once."""
    if content_id.startswith("att"):
        parts.trash_attachment(call.site, parts.attachment(call.site, content_id, call.user))
        return Response(204)
    if content_id in call.site.comments:
        parts.delete_comment(call.site, parts.comment_of(call.site, content_id, call.user))
        return Response(204)
    page = call.site.editable_page(content_id, call.user)
    wants_purge = call.request.get("status") in ("trashed", "draft")
    if (page.status == "trashed") != (call.request.get("status") == "trashed"):
        raise no_content(content_id)
    if wants_purge:
        call.site.forget(page)
    else:
        call.site.set_status(page, "trashed")
    return Response(204)


def get_history(call: Call, content_id: str) -> Response:
    return json_response(history_shape(call, call.site.seen_page(content_id, call.user)))


def list_versions(call: Call, content_id: str) -> Response:
    page = call.site.seen_page(content_id, call.user)
    return v1_page(call, page.versions[::-1], lambda version: version_shape(call, version))


def list_children(call: Call, content_id: str) -> Response:
    """Child pages; comments and attachments have routes of their own."""
    parent = call.site.seen_page(content_id, call.user)
    pages = [call.site.pages[each] for each in parent.children]
    return _pages(call, [page for page in pages if _is_shown(call, page)], expand_of(call))


def list_descendants(call: Call, content_id: str) -> Response:
    parent = call.site.seen_page(content_id, call.user)
    return _pages(call, [page for page in call.site.descendants(parent) if _is_shown(call, page)], expand_of(call))


def _is_shown(call: Call, page: Page) -> bool:
    return page.status == "current" and page.kind == "page" and call.site.can_see(page, call.user)


def list_comments(call: Call, content_id: str) -> Response:
    page, expand = call.site.seen_page(content_id, call.user), expand_of(call)
    comments = [call.site.comments[each] for each in page.comments]
    return v1_page(call, comments, lambda comment: comment_shape(call, comment, expand))


def move(call: Call, content_id: str, position: str, target_id: str) -> Response:
    """Cloud only. Before or after a top-level page puts the page beside it, outside the tree."""
    site = call.site
    page, target = site.editable_page(content_id, call.user), site.seen_page(target_id, call.user)
    if position == "append":
        site.place(page, target.id)
    elif position in ("before", "after"):
        siblings = site.pages[target.parent_id].children if target.parent_id in site.pages else []
        others = [each for each in siblings if each != page.id]
        index = others.index(target.id) + (position == "after") if target.id in others else None
        site.place(page, target.parent_id, index=index)
    else:
        raise bad_request(f"Position must be one of before, after, append: {position}")
    return json_response({"pageId": page.id})


def archive(call: Call) -> Response:
    """Cloud only: archives pages and answers with a task that has finished when it is asked for. Unknown id: 500."""
    body = call.body(frozenset({"pages"}), required=("pages",))
    if not isinstance(body["pages"], list):
        raise bad_request("'pages' must be a list")
    ids = [str(item.get("id")) for item in body["pages"] if isinstance(item, dict)]
    if not ids or any(each not in call.site.pages for each in ids):
        raise Refusal(500, "Internal Server Error")
    for page in [call.site.editable_page(each, call.user) for each in ids]:
        call.site.set_status(page, "archived")
    task_id = call.site.new_id()
    return json_response({"id": task_id, "links": {"status": f"/rest/api/longtask/{task_id}"}}, 202)


def get_task(_call: Call, task_id: str) -> Response:
    return json_response(
        {"id": task_id, "name": {"key": "archive"}, "finished": True, "successful": True, "percentageComplete": 100}
    )


# -- spaces


def list_spaces(call: Call) -> Response:
    keys = set(values_of(call.request.query, "spaceKey")) | set(values_of(call.request.query, "spaceKeys"))
    spaces = [s for s in call.site.spaces.values() if not s.is_hidden and (not keys or s.key in keys)]
    shown: list[Space] = [] if call.caller.is_anonymous else spaces
    return v1_page(call, shown, lambda space: space_shape(call, space, expand_of(call)))


def get_space(call: Call, key: str) -> Response:
    space = call.site.space_by_key(key)
    if space is None or space.is_hidden or call.caller.is_anonymous:
        raise not_found(f"No space with key : {key}")
    shape = space_shape(call, space, expand_of(call))
    return json_response({**shape, "_links": {**shape["_links"], "base": call.base, "context": call.context}})


CRUD: tuple[tuple[str, str, Callable[..., Response]], ...] = (
    ("GET", "/rest/api/content", list_content),
    ("POST", "/rest/api/content", create_content),
    ("GET", "/rest/api/content/{content_id}", get_content),
    ("PUT", "/rest/api/content/{content_id}", update_content),
    ("DELETE", "/rest/api/content/{content_id}", delete_content),
    ("GET", "/rest/api/content/{content_id}/history", get_history),
    ("GET", "/rest/api/content/{content_id}/version", list_versions),
    ("GET", "/rest/api/content/{content_id}/child/page", list_children),
    ("GET", "/rest/api/content/{content_id}/child/comment", list_comments),
    ("GET", "/rest/api/content/{content_id}/descendant/page", list_descendants),
    ("GET", "/rest/api/space", list_spaces),
    ("GET", "/rest/api/space/{key}", get_space),
)
CLOUD: tuple[Route, ...] = (
    ("PUT", "/rest/api/content/{content_id}/move/{position}/{target_id}", move),
    ("POST", "/rest/api/content/archive", archive),
    ("GET", "/rest/api/longtask/{task_id}", get_task),
)
