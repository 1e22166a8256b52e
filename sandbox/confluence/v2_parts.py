"""Cloud v2: properties, labels, attachments, comments and users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.confluence import parts
from sandbox.confluence.call import Call, Route, values_of
from sandbox.confluence.errors import bad_request, no_content, not_found
from sandbox.confluence.paging import Place, v2_page
from sandbox.confluence.site import property_by_key
from sandbox.confluence.state import Attachment, Comment, Property, number_of
from sandbox.confluence.v2_pages import numeric, sent_storage, sort_of
from sandbox.confluence.v2_shapes import (
    LIST_FORMATS,
    SINGLE_FORMATS,
    attachment_shape,
    comment_shape,
    label_shape,
    property_shape,
    user_shape,
    version_shape,
    wanted_format,
)
from sandbox.http import Response, json_response

PROPERTY_FIELDS = frozenset({"key", "value", "version", "id"})
COMMENT_FIELDS = frozenset({"pageId", "parentCommentId", "body", "inlineCommentProperties"})
COMMENT_SORTS: dict[str, Callable[[Comment], Place]] = {
    "created-date": lambda comment: (comment.versions[0].when.timestamp(), int(comment.id)),
    "modified-date": lambda comment: (comment.latest.when.timestamp(), int(comment.id)),
}
ATTACHMENT_SORTS: dict[str, Callable[[Attachment], Place]] = {
    "created-date": lambda item: (item.versions[0].when.timestamp(), int(item.id[3:])),
    "modified-date": lambda item: (item.latest.when.timestamp(), int(item.id[3:])),
}


# -- properties of pages, attachments and spaces: the same calls on another holder


def _properties(call: Call, kind: str, holder_id: str, *, is_write: bool) -> dict[str, Property]:
    if kind == "spaces":
        return call.site.visible_space(call.site.spaces.get(holder_id)).properties
    if kind == "attachments":
        return parts.attachment(call.site, holder_id, call.user).properties
    find = call.site.editable_page if is_write else call.site.seen_page
    return find(numeric(holder_id), call.user).properties


def _property(call: Call, kind: str, holder_id: str, property_id: str, *, is_write: bool) -> Property:
    """By its numeric id, never by key."""
    found = _properties(call, kind, holder_id, is_write=is_write).get(numeric(property_id, "property-id"))
    if found is None:
        raise not_found(f"No property found with id: {property_id}")
    return found


def list_properties(call: Call, kind: str, holder_id: str) -> Response:
    items, key = _properties(call, kind, holder_id, is_write=False), call.request.get("key")
    shown = [item for item in items.values() if not key or item.key == key]
    return v2_page(call, shown, lambda item: (0, int(item.id)), lambda item: property_shape(call, item))


def get_property(call: Call, kind: str, holder_id: str, property_id: str) -> Response:
    return json_response(property_shape(call, _property(call, kind, holder_id, property_id, is_write=False)))


def create_property(call: Call, kind: str, holder_id: str) -> Response:
    body = call.body(PROPERTY_FIELDS, required=("key",))
    items = _properties(call, kind, holder_id, is_write=True)
    item = parts.add_property(call.site, items, str(body["key"]), body.get("value"), call.user.account_id)
    return json_response(property_shape(call, item))


def update_property(call: Call, kind: str, holder_id: str, property_id: str) -> Response:
    body = call.body(PROPERTY_FIELDS, required=("key", "version"))
    item = _property(call, kind, holder_id, property_id, is_write=True)
    if body["key"] != item.key:
        raise bad_request(f"Property key '{body['key']}' does not match the key of property {property_id}")
    message = str(body["version"].get("message") or "") if isinstance(body["version"], dict) else ""
    parts.set_property(call.site, item, body.get("value"), number_of(body), call.user.account_id, message)
    return json_response(property_shape(call, item))


def delete_property(call: Call, kind: str, holder_id: str, property_id: str) -> Response:
    item = _property(call, kind, holder_id, property_id, is_write=True)
    del _properties(call, kind, holder_id, is_write=True)[item.id]
    return Response(204)


# -- labels and attachments


def list_labels(call: Call, page_id: str) -> Response:
    page, prefix = call.site.seen_page(numeric(page_id), call.user), call.request.get("prefix")
    labels = [label for label in page.labels.items() if not prefix or label[0].startswith(f"{prefix}:")]
    return v2_page(call, labels, lambda label: (0, int(label[1])), lambda label: label_shape(*label))


def list_attachments(call: Call, page_id: str) -> Response:
    page = call.site.seen_page(numeric(page_id), call.user)
    name, media_type = call.request.get("filename"), call.request.get("mediaType")
    items = [
        call.site.attachments[attachment_id]
        for title, attachment_id in page.attachments.items()
        if not name or title == name
    ]
    shown = [item for item in items if not media_type or item.latest.media_type == media_type]
    key, is_descending = sort_of(call, ATTACHMENT_SORTS, "created-date")
    return v2_page(call, shown, key, lambda item: attachment_shape(call, item), is_descending=is_descending)


def get_attachment(call: Call, attachment_id: str) -> Response:
    shape = attachment_shape(call, parts.attachment(call.site, attachment_id, call.user))
    return json_response({**shape, "_links": {**shape["_links"], "base": call.base}})


def delete_attachment(call: Call, attachment_id: str) -> Response:
    item = parts.attachment(call.site, attachment_id, call.user)
    call.site.editable_page(item.page_id, call.user)
    parts.trash_attachment(call.site, item)
    return Response(204)


def list_attachment_versions(call: Call, attachment_id: str) -> Response:
    item = parts.attachment(call.site, attachment_id, call.user)
    return v2_page(
        call, item.versions, lambda each: (each.number, 0), lambda each: version_shape(call, each), is_descending=True
    )


# -- comments


def _comment_list(call: Call, comments: list[Comment]) -> Response:
    wanted = wanted_format(call, LIST_FORMATS)
    key, is_descending = sort_of(call, COMMENT_SORTS, "created-date")
    return v2_page(
        call, comments, key, lambda comment: comment_shape(call, comment, wanted), is_descending=is_descending
    )


def list_page_comments(call: Call, page_id: str, kind: str) -> Response:
    """Top-level comments of one kind; ``resolution-status`` narrows inline ones."""
    page = call.site.seen_page(numeric(page_id), call.user)
    wanted = set(values_of(call.request.query, "resolution-status"))
    comments = [call.site.comments[each] for each in page.comments]
    shown = [c for c in comments if c.kind == kind and c.parent_id is None and (not wanted or c.resolution in wanted)]
    return _comment_list(call, shown)


def list_answers(call: Call, comment_id: str, kind: str) -> Response:
    comment = parts.comment_of(call.site, comment_id, call.user, kind)
    page = call.site.pages[comment.page_id]
    return _comment_list(
        call, [c for c in map(call.site.comments.__getitem__, page.comments) if c.parent_id == comment_id]
    )


def _single_comment(call: Call, comment: Comment, status: int = 200, wanted: str = "storage") -> Response:
    shape = comment_shape(call, comment, wanted)
    return json_response({**shape, "_links": {**shape["_links"], "base": call.base}}, status)


def get_comment(call: Call, comment_id: str, kind: str) -> Response:
    comment = parts.comment_of(call.site, comment_id, call.user, kind)
    return _single_comment(call, comment, wanted=wanted_format(call, SINGLE_FORMATS))


def create_comment(call: Call, kind: str) -> Response:
    """A footer comment, an inline comment at ``inlineCommentProperties.textSelection``, or an answer. 201."""
    body = call.body(COMMENT_FIELDS, required=("body",))
    site, storage, by = call.site, sent_storage(body), call.user.account_id
    if body.get("parentCommentId"):
        parent = parts.comment_of(site, str(body["parentCommentId"]), call.user, kind)
        return _single_comment(call, parts.add_comment(site, site.pages[parent.page_id], storage, by, parent), 201)
    page = site.seen_page(numeric(str(body.get("pageId") or ""), "pageId"), call.user)
    if page.status != "current":
        raise no_content(page.id)
    if kind == "footer":
        return _single_comment(call, parts.add_comment(site, page, storage, by), 201)
    where: dict[str, Any] = body.get("inlineCommentProperties") or {}
    selection, index = str(where.get("textSelection") or ""), where.get("textSelectionMatchIndex") or 0
    if not isinstance(index, int):
        raise bad_request("'textSelectionMatchIndex' must be a number")
    return _single_comment(call, parts.add_inline_comment(site, page, selection, storage, by, index=index), 201)


def update_comment(call: Call, comment_id: str, kind: str) -> Response:
    """A new version of the text; inline comments may be resolved and reopened."""
    body = call.body(frozenset({"version", "body", "resolved", "_links"}), required=("version",))
    comment = parts.comment_of(call.site, comment_id, call.user, kind)
    call.site.check_version(comment.latest.number, number_of(body))
    storage = sent_storage(body) if "body" in body else comment.latest.storage
    parts.edit_comment(call.site, comment, storage, call.user.account_id)
    if kind == "inline" and isinstance(body.get("resolved"), bool):
        comment.resolution = "resolved" if body["resolved"] else "reopened"
    return _single_comment(call, comment)


def delete_comment(call: Call, comment_id: str, kind: str) -> Response:
    parts.delete_comment(call.site, parts.comment_of(call.site, comment_id, call.user, kind))
    return Response(204)


# -- users


def users_bulk(call: Call) -> Response:
    body = call.body(frozenset({"accountIds"}), required=("accountIds",))
    ids = body["accountIds"]
    if not isinstance(ids, list) or len(ids) > 250:
        raise bad_request("'accountIds' must be a list of at most 250 account ids")
    users = [call.site.users[each] for each in map(str, ids) if each in call.site.users]
    return json_response({"results": [user_shape(user) for user in users], "_links": {"base": call.base}})


def convert_ids(call: Call) -> Response:
    """What kind of content each id is; null for unknown ones."""
    body = call.body(frozenset({"contentIds"}), required=("contentIds",))
    pages, ids = call.site.pages, body["contentIds"]
    if not isinstance(ids, list):
        raise bad_request("'contentIds' must be a list")
    return json_response({"results": {i: pages[i].kind if i in pages else None for i in map(str, ids)}})


def find_by_key(properties: dict[str, Property], key: str) -> Property:
    """For v1: a property by key, or 404."""
    found = property_by_key(properties, key)
    if found is None:
        raise not_found(f"No property found with key: {key}")
    return found


def _with(function: Callable[..., Response], **fixed: str) -> Callable[..., Response]:
    def handler(call: Call, **path_values: str) -> Response:
        return function(call, **fixed, **path_values)

    return handler


_V2 = "/wiki/api/v2"
ROUTES: tuple[Route, ...] = (
    *(
        (method, f"{_V2}/{kind}/{{holder_id}}/properties{tail}", _with(function, kind=kind))
        for kind in ("pages", "attachments", "spaces")
        for method, tail, function in (
            ("GET", "", list_properties),
            ("POST", "", create_property),
            ("GET", "/{property_id}", get_property),
            ("PUT", "/{property_id}", update_property),
            ("DELETE", "/{property_id}", delete_property),
        )
    ),
    *(
        (method, f"{_V2}/{path}".format(kind=kind), _with(function, kind=kind))
        for kind in ("footer", "inline")
        for method, path, function in (
            ("GET", "pages/{{page_id}}/{kind}-comments", list_page_comments),
            ("POST", "{kind}-comments", create_comment),
            ("GET", "{kind}-comments/{{comment_id}}", get_comment),
            ("PUT", "{kind}-comments/{{comment_id}}", update_comment),
            ("DELETE", "{kind}-comments/{{comment_id}}", delete_comment),
            ("GET", "{kind}-comments/{{comment_id}}/children", list_answers),
        )
    ),
    ("GET", f"{_V2}/pages/{{page_id}}/labels", list_labels),
    ("GET", f"{_V2}/pages/{{page_id}}/attachments", list_attachments),
    ("GET", f"{_V2}/attachments/{{attachment_id}}", get_attachment),
    ("DELETE", f"{_V2}/attachments/{{attachment_id}}", delete_attachment),
    ("GET", f"{_V2}/attachments/{{attachment_id}}/versions", list_attachment_versions),
    ("POST", f"{_V2}/users-bulk", users_bulk),
    ("POST", f"{_V2}/content/convert-ids-to-types", convert_ids),
)
