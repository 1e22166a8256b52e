"""Cloud v2: spaces, pages, the tree and versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from sandbox.confluence.call import Call, Route, values_of
from sandbox.confluence.errors import Refusal, bad_request, no_content
from sandbox.confluence.paging import Place, v2_page
from sandbox.confluence.site import CONFLICT
from sandbox.confluence.state import STATUSES, Page, Space, Version, number_of
from sandbox.confluence.v2_shapes import (
    LIST_FORMATS,
    SINGLE_FORMATS,
    Shape,
    label_shape,
    page_shape,
    property_shape,
    space_shape,
    version_shape,
    wanted_format,
)
from sandbox.http import Response, json_response

# ``type``, ``space`` and a version on create are sent by clients that publish to live sites (confluencebuilder 3.2)
TOLERATED = frozenset({"type", "space", "metadata", "_links"})
CREATE_FIELDS = frozenset({"spaceId", "status", "title", "parentId", "body", "subtype", "version"}) | TOLERATED
UPDATE_FIELDS = frozenset({"id", "status", "title", "spaceId", "parentId", "ownerId", "body", "version"}) | TOLERATED
PAGE_SORTS: dict[str, Callable[[Page], Place]] = {
    "id": lambda page: (0, int(page.id)),
    "created-date": lambda page: (page.created_at.timestamp(), int(page.id)),
    "modified-date": lambda page: (page.latest.when.timestamp(), int(page.id)),
    "title": lambda page: (page.title.casefold(), int(page.id)),
}
SPACE_SORTS: dict[str, Callable[[Space], Place]] = {
    "id": lambda space: (0, int(space.id)),
    "key": lambda space: (space.key, int(space.id)),
    "name": lambda space: (space.name, int(space.id)),
}


def numeric(value: str, name: str = "id") -> str:
    """An id that must be a number, else the vendor's 400."""
    if not value.isascii() or not value.isdigit():
        raise bad_request(f"Provided value {{{value}}} for '{name}' is not the correct type. Expected type is long")
    return value


def sort_of(call: Call, sorts: dict[str, Callable[[Any], Place]], default: str) -> tuple[Callable[[Any], Place], bool]:
    """The sort key and whether it descends."""
    wanted = call.request.get("sort") or default
    key = sorts.get(wanted.removeprefix("-"))
    if key is None:
        raise bad_request(f"Provided value {{{wanted}}} for 'sort' is not valid")
    return key, wanted.startswith("-")


def list_spaces(call: Call) -> Response:
    keys, ids = set(values_of(call.request.query, "keys")), set(values_of(call.request.query, "ids"))
    status = call.request.get("status")
    spaces = [
        space
        for space in call.site.spaces.values()
        if not space.is_hidden
        and (not keys or space.key in keys)
        and (not ids or space.id in ids)
        and (not status or space.status == status)
    ]
    key, is_descending = sort_of(call, SPACE_SORTS, "id")
    return v2_page(call, spaces, key, lambda space: space_shape(call, space), is_descending=is_descending)


def get_space(call: Call, space_id: str) -> Response:
    space = call.site.visible_space(call.site.spaces.get(numeric(space_id)))
    return json_response({**space_shape(call, space), "_links": {"webui": f"/spaces/{space.key}", "base": call.base}})


def list_pages(call: Call) -> Response:
    return _page_list(call, values_of(call.request.query, "space-id"))


def list_space_pages(call: Call, space_id: str) -> Response:
    """Pages of one space; ``depth=root`` gives only those at the top."""
    call.site.visible_space(call.site.spaces.get(numeric(space_id)))
    is_root_only = call.request.get("depth") == "root"
    return _page_list(call, [space_id], lambda page: not is_root_only or page.parent_id is None)


def _page_list(call: Call, space_ids: list[str], admits: Callable[[Page], bool] = lambda _page: True) -> Response:
    """Current and archived pages unless other statuses are asked for. A title is matched with its case."""
    site, query = call.site, call.request.query
    statuses = set(values_of(query, "status")) or {"current", "archived"}
    if unknown := statuses - {*STATUSES, "deleted", "historical", "any"}:
        raise bad_request(f"Provided value {{{unknown.pop()}}} for 'status' is not valid")
    wanted, title = wanted_format(call, LIST_FORMATS), call.request.get("title")
    ids = set(values_of(query, "id"))
    key, is_descending = sort_of(call, PAGE_SORTS, "id")
    if title and statuses <= {"current", "archived"}:
        titled = (site.page_titled(space_id, title) for space_id in space_ids or site.spaces)
        pages = [page for page in titled if page is not None]
    elif ids:
        pages = [site.pages[page_id] for page_id in ids if page_id in site.pages]
    else:
        known = [each for each in space_ids or site.spaces if each in site.spaces]
        pages = [site.pages[page_id] for space_id in known for page_id in site.pages_of_space[space_id]]

    def is_wanted(page: Page) -> bool:
        fits = page.kind == "page" and page.status in statuses and (not title or page.title == title)
        return fits and (not space_ids or page.space_id in space_ids) and admits(page) and site.can_see(page, call.user)

    def shape(page: Page) -> Shape:
        return page_shape(call, page, wanted)

    return v2_page(
        call, pages, key, shape, is_descending=is_descending, admits=is_wanted, touch=lambda page: touch(call, page)
    )


def touch(call: Call, page: Page) -> None:
    """A human edits the page: the same text, one version more."""
    call.site.save(page, page.title, page.latest.storage, page.author, "edited between pages")


def get_page(call: Call, page_id: str) -> Response:
    """A page in any status; drafts only with ``get-draft``; an older version with ``version``."""
    page = call.site.seen_page(numeric(page_id), call.user)
    statuses = values_of(call.request.query, "status")
    if (page.status == "draft" and not call.flag("get-draft") and "draft" not in statuses) or page.kind != "page":
        raise no_content(page_id)
    if statuses and page.status not in statuses:
        raise no_content(page_id)
    version = _version(page, call.request.get("version")) if call.request.get("version") else page.latest
    shape = page_shape(call, page, wanted_format(call, SINGLE_FORMATS), version)
    if not call.flag("include-version", default=True):
        del shape["version"]
    if call.flag("include-labels"):
        shape["labels"] = _included([label_shape(*label) for label in page.labels.items()])
    if call.flag("include-properties"):
        shape["properties"] = _included([property_shape(call, item) for item in page.properties.values()])
    if call.flag("include-versions"):
        shape["versions"] = _included([version_shape(call, each) for each in reversed(page.versions)])
    return _single(call, shape)


def _included(results: list[Shape]) -> Shape:
    return {"results": results, "meta": {"hasMore": False, "cursor": None}, "_links": {}}


def _single(call: Call, shape: Shape) -> Response:
    return json_response({**shape, "_links": {**shape["_links"], "base": call.base}})


def _version(page: Page, text: str) -> Version:
    number = int(numeric(text, "version"))
    found = next((version for version in page.versions if version.number == number), None)
    if found is None:
        raise no_content(page.id)
    return found


def sent_storage(body: dict[str, Any]) -> str:
    """The storage value of a body, in either shape: ``{representation, value}`` or ``{storage: {value}}``."""
    sent = body.get("body")
    if isinstance(sent, dict) and "storage" in sent:
        sent = {"representation": "storage", **sent["storage"]} if isinstance(sent["storage"], dict) else None
    if not isinstance(sent, dict) or not isinstance(sent.get("value"), str):
        raise bad_request("Invalid body: 'representation' and 'value' are required")
    if sent.get("representation") != "storage":
        raise bad_request(f"The sandbox takes representation 'storage', not {sent.get('representation')!r}")
    value: str = sent["value"]
    return value


def sent_status(word: object) -> Literal["current", "draft"]:
    """The status to create content with: 400 for any other than current and draft."""
    if word == "current":
        return "current"
    if word == "draft":
        return "draft"
    raise bad_request(f"Provided value {{{word}}} for 'status' is not valid")


def create_page(call: Call) -> Response:
    """A new page, under the space's home page unless ``parentId`` or ``root-level=true`` says otherwise."""
    body = call.body(CREATE_FIELDS, required=("spaceId",))
    site = call.site
    space = site.visible_space(site.spaces.get(numeric(str(body["spaceId"]), "spaceId")), "Space not found")
    status = sent_status(body.get("status") or "current")
    parent_id = None if call.flag("root-level") else space.homepage_id or None
    if body.get("parentId"):
        parent = site.seen_page(numeric(str(body["parentId"]), "parentId"), call.user)
        if parent.space_id != space.id:
            raise bad_request(f"Parent page with id {parent.id} does not exist in this space")
        parent_id = parent.id
    storage = sent_storage(body) if "body" in body else ""
    title = str(body.get("title") or "")
    page = site.create_page(space, title, storage, call.user.account_id, parent_id=parent_id, status=status)
    if call.flag("private"):
        site.restrict(page, (call.user.account_id,), (call.user.account_id,))
    return _single(call, page_shape(call, page, "storage"))


def update_page(call: Call, page_id: str) -> Response:
    """Replace title and body. All of id, status, title, body and version are required; the version is current + 1.

    A trashed page is restored as it was; a draft is published as version 1.
    """
    body = call.body(UPDATE_FIELDS, required=("id", "status", "title", "body", "version"))
    site, by = call.site, call.user.account_id
    page = site.editable_page(numeric(page_id), call.user)
    _check_update(page, body)
    title, storage, version = str(body["title"]), sent_storage(body), body["version"]
    number, message = number_of(body), str(version.get("message") or "")
    if page.status == "draft" and body["status"] == "current":
        if number != 1:
            raise Refusal(409, CONFLICT.format(0))
        site.publish(page, title, storage, by, message)
    elif page.status == "trashed":
        site.check_version(page.latest.number, number)
        site.set_status(page, "current")
    else:
        site.check_version(page.latest.number, number)
        parent_id = str(body.get("parentId") or "") or page.parent_id
        if parent_id is not None and parent_id != page.parent_id:
            site.seen_page(numeric(parent_id, "parentId"), call.user)
            site.check_place(page, parent_id)
        site.save(page, title, storage, by, message, is_minor=bool(version.get("minorEdit")))
        if parent_id != page.parent_id:
            site.place(page, parent_id)
    return _single(call, page_shape(call, page, "storage"))


def _check_update(page: Page, body: dict[str, Any]) -> None:
    if str(body["id"]) != page.id:
        raise bad_request(f"Id in the path ({page.id}) does not match id in the body ({body['id']})")
    if body.get("spaceId") and str(body["spaceId"]) != page.space_id:
        raise bad_request("Moving a page to another space is not supported by this API")
    if body["status"] not in ("current", "draft") or (body["status"] == "draft" and page.status != "draft"):
        raise bad_request(f"Provided value {{{body['status']}}} for 'status' is not valid for a {page.status} page")
    if not isinstance(body["version"], dict):
        raise bad_request("'version' must be an object with a number")


def update_title(call: Call, page_id: str) -> Response:
    body = call.body(frozenset({"status", "title"}), required=("status", "title"))
    page = call.site.editable_page(numeric(page_id), call.user)
    call.site.save(page, str(body["title"]), page.latest.storage, call.user.account_id)
    return _single(call, page_shape(call, page, ""))


def delete_page(call: Call, page_id: str) -> Response:
    """To trash; with ``purge=true`` out of the trash for good; with ``draft=true`` a draft."""
    page = call.site.editable_page(numeric(page_id), call.user)
    if call.flag("draft"):
        if page.status != "draft":
            raise no_content(page_id)
        call.site.forget(page)
    elif call.flag("purge"):
        if page.status != "trashed":
            raise bad_request(f"Page {page_id} is not trashed: only trashed pages can be purged")
        call.site.forget(page)
    elif page.status in ("trashed", "draft"):
        raise no_content(page_id)
    else:
        call.site.set_status(page, "trashed")
    return Response(204)


def _child_shape(page: Page) -> Shape:
    return {"id": page.id, "status": page.status, "title": page.title, "spaceId": page.space_id}


def _children(call: Call, page_id: str, shape: Callable[[Page], Shape], kinds: tuple[str, ...]) -> Response:
    parent = call.site.seen_page(numeric(page_id), call.user)
    places = {child_id: number for number, child_id in enumerate(parent.children)}

    def is_shown(page: Page) -> bool:
        return page.status == "current" and page.kind in kinds and call.site.can_see(page, call.user)

    def with_position(page: Page) -> Shape:
        return {**shape(page), "childPosition": places[page.id]}

    pages = [call.site.pages[child_id] for child_id in parent.children]
    return v2_page(call, pages, lambda page: (places[page.id], int(page.id)), with_position, admits=is_shown)


def list_children(call: Call, page_id: str) -> Response:
    """Direct child *pages*."""
    return _children(call, page_id, _child_shape, ("page",))


def list_direct_children(call: Call, page_id: str) -> Response:
    """Direct children of every kind, folders included."""
    return _children(call, page_id, lambda page: {**_child_shape(page), "type": page.kind}, ("page", "folder"))


def list_descendants(call: Call, page_id: str) -> Response:
    """Everything below, down to ``depth`` (five at most), parents before children."""
    top = call.site.seen_page(numeric(page_id), call.user)
    deepest, above = call.number("depth", 5, 5), len(call.site.ancestors(top))
    found: list[tuple[int, int, Page]] = []
    for page in call.site.descendants(top):
        depth = len(call.site.ancestors(page)) - above
        if depth <= deepest and page.status == "current" and call.site.can_see(page, call.user):
            found.append((len(found), depth, page))

    def shape(item: tuple[int, int, Page]) -> Shape:
        return {**_child_shape(item[2]), "type": item[2].kind, "parentId": item[2].parent_id, "depth": item[1]}

    return v2_page(call, found, lambda item: (item[0], 0), shape)


def list_ancestors(call: Call, page_id: str) -> Response:
    """From the top of the tree down, with ids and types only."""
    page = call.site.seen_page(numeric(page_id), call.user)
    chain = {each.id: number for number, each in enumerate(call.site.ancestors(page))}
    pages = [call.site.pages[each] for each in chain]
    return v2_page(call, pages, lambda each: (chain[each.id], 0), lambda each: {"id": each.id, "type": each.kind})


def list_versions(call: Call, page_id: str) -> Response:
    """Newest first."""
    page = call.site.seen_page(numeric(page_id), call.user)
    wanted = wanted_format(call, LIST_FORMATS)

    def shape(version: Version) -> Shape:
        body = page_shape(call, page, wanted, version)["body"]
        return {**version_shape(call, version), "page": {"id": page.id, "title": version.title, "body": body}}

    return v2_page(call, page.versions, lambda version: (version.number, 0), shape, is_descending=True)


def get_version(call: Call, page_id: str, number: str) -> Response:
    page = call.site.seen_page(numeric(page_id), call.user)
    version = _version(page, number)
    previous = version.number - 1 or None
    following = version.number + 1 if version.number < page.latest.number else None
    return json_response({**version_shape(call, version), "prevVersion": previous, "nextVersion": following})


def get_folder(call: Call, page_id: str) -> Response:
    page = call.site.seen_page(numeric(page_id), call.user)
    if page.kind != "folder":
        raise no_content(page_id)
    return _single(call, page_shape(call, page, ""))


ROUTES: tuple[Route, ...] = (
    ("GET", "/wiki/api/v2/spaces", list_spaces),
    ("GET", "/wiki/api/v2/spaces/{space_id}", get_space),
    ("GET", "/wiki/api/v2/spaces/{space_id}/pages", list_space_pages),
    ("GET", "/wiki/api/v2/pages", list_pages),
    ("POST", "/wiki/api/v2/pages", create_page),
    ("GET", "/wiki/api/v2/pages/{page_id}", get_page),
    ("PUT", "/wiki/api/v2/pages/{page_id}", update_page),
    ("PUT", "/wiki/api/v2/pages/{page_id}/title", update_title),
    ("DELETE", "/wiki/api/v2/pages/{page_id}", delete_page),
    ("GET", "/wiki/api/v2/pages/{page_id}/children", list_children),
    ("GET", "/wiki/api/v2/pages/{page_id}/direct-children", list_direct_children),
    ("GET", "/wiki/api/v2/folders/{page_id}/direct-children", list_direct_children),
    ("GET", "/wiki/api/v2/folders/{page_id}", get_folder),
    ("GET", "/wiki/api/v2/pages/{page_id}/descendants", list_descendants),
    ("GET", "/wiki/api/v2/pages/{page_id}/ancestors", list_ancestors),
    ("GET", "/wiki/api/v2/pages/{page_id}/versions", list_versions),
    ("GET", "/wiki/api/v2/pages/{page_id}/versions/{number}", get_version),
)
