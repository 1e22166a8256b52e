"""v1: attachments, labels, properties by key, users and watches."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.confluence import parts
from sandbox.confluence.access import ANONYMOUS
from sandbox.confluence.call import Call, Route
from sandbox.confluence.errors import Refusal, bad_request, not_found
from sandbox.confluence.paging import v1_page
from sandbox.confluence.site import Site, property_by_key
from sandbox.confluence.state import Attachment, Page, number_of
from sandbox.confluence.v1_shapes import (
    attachment_shape,
    expand_of,
    label_shape,
    listing,
    property_shape,
    user_shape,
)
from sandbox.confluence.v2_parts import PROPERTY_FIELDS, find_by_key
from sandbox.http import BadRequest, Response, json_response
from sandbox.multipart import Part, is_multipart, parts_of

ATTACHMENT_FIELDS = frozenset(
    [
        "id",
        "type",
        "status",
        "title",
        "version",
        "metadata",
        "container",
        "extensions",
        "space",
        "_links",
        "_expandable",
        "macroRenderedOutput",
    ]
)


# -- attachments


@dataclass(frozen=True)
class Upload:
    files: list[Part]
    comment: str
    is_minor: bool

    def replace(self, site: Site, item: Attachment, file: Part, by: str) -> None:
        parts.replace_data(
            site, item, file.data, by, media_type=file.content_type, comment=self.comment, is_minor=self.is_minor
        )


def _upload(call: Call) -> Upload:
    """The files, the comment and the minor-edit flag of an upload; 403 without the XSRF header, 400 without a file."""
    if call.request.headers.get("x-atlassian-token", "").lower() not in ("nocheck", "no-check"):
        raise Refusal(403, "XSRF check failed")
    if not is_multipart(call.request):
        raise Refusal(415, "Unsupported Media Type: multipart/form-data is expected")
    try:
        fields = parts_of(call.request)
    except BadRequest as error:
        raise bad_request(str(error)) from error
    files = [field for field in fields if field.name == "file" and field.filename]
    if not files:
        raise bad_request("At least one file must be sent as the multipart field 'file'")
    texts = {field.name: field.data.decode("utf-8", "replace") for field in fields if not field.filename}
    return Upload(files, texts.get("comment", ""), texts.get("minorEdit", "").lower() == "true")


def list_attachments(call: Call, content_id: str) -> Response:
    page, expand = call.site.seen_page(content_id, call.user), expand_of(call)
    name, media_type = call.request.get("filename"), call.request.get("mediaType")
    items = [call.site.attachments[each] for title, each in page.attachments.items() if not name or title == name]
    shown = [item for item in items if not media_type or item.latest.media_type == media_type]
    return v1_page(call, shown, lambda item: attachment_shape(call, item, expand), limit=50)


def add_attachments(call: Call, content_id: str) -> Response:
    """New files; a name that the page has already is refused."""
    page = call.site.editable_page(content_id, call.user)
    upload = _upload(call)
    if taken := next((file.filename for file in upload.files if file.filename in page.attachments), None):
        raise bad_request(f"Cannot add a new attachment with same file name as an existing attachment: {taken}")
    return _uploaded(call, [_stored(call, page, file, upload) for file in upload.files])


def put_attachments(call: Call, content_id: str) -> Response:
    """Cloud only: add, or a new version where the name is known."""
    page = call.site.editable_page(content_id, call.user)
    upload = _upload(call)
    return _uploaded(call, [_stored(call, page, file, upload) for file in upload.files])


def _stored(call: Call, page: Page, file: Part, upload: Upload) -> Attachment:
    """The file as a new attachment or as a new version of the one of its name."""
    by, known = call.user.account_id, page.attachments.get(file.filename)
    if known is not None:
        item = call.site.attachments[known]
        upload.replace(call.site, item, file, by)
        return item
    return parts.attach(
        call.site,
        page,
        file.filename,
        file.data,
        by,
        media_type=file.content_type,
        comment=upload.comment,
        is_minor=upload.is_minor,
    )


def _uploaded(call: Call, items: list[Attachment]) -> Response:
    results = [attachment_shape(call, item) for item in items]
    return json_response({**listing(results), "_links": {"base": call.base, "context": call.context}})


def put_data(call: Call, content_id: str, attachment_id: str) -> Response:
    """New data for a known attachment; the answer is the attachment, not a list."""
    item = parts.attachment(call.site, attachment_id, call.user, content_id)
    call.site.editable_page(content_id, call.user)
    upload = _upload(call)
    upload.replace(call.site, item, upload.files[0], call.user.account_id)
    return json_response(attachment_shape(call, item))


def update_attachment(call: Call, content_id: str, attachment_id: str) -> Response:
    """Name, media type and comment. The version is the current one or one more (Cloud clients send both), else 409."""
    body = call.body(ATTACHMENT_FIELDS, required=("id", "version"))
    item = parts.attachment(call.site, attachment_id, call.user, content_id)
    call.site.editable_page(content_id, call.user)
    number = item.latest.number
    if number_of(body) not in (number, number + 1):
        raise Refusal(409, f"Version mismatch. Current version is: {number}")
    metadata = body.get("metadata") if isinstance(body.get("metadata"), dict) else {}
    media_type = (metadata or {}).get("mediaType") or item.latest.media_type
    comment = (metadata or {}).get("comment") or item.latest.comment
    parts.rename_attachment(
        call.site, item, str(body.get("title") or item.title), media_type, comment, call.user.account_id
    )
    return json_response(attachment_shape(call, item))


def delete_attachment(call: Call, content_id: str, attachment_id: str) -> Response:
    call.site.editable_page(content_id, call.user)
    parts.trash_attachment(call.site, parts.attachment(call.site, attachment_id, call.user, content_id))
    return Response(204)


# -- labels


def list_labels(call: Call, content_id: str) -> Response:
    page, prefix = call.site.seen_page(content_id, call.user), call.request.get("prefix")
    labels = [label for label in page.labels.items() if not prefix or label[0].startswith(f"{prefix}:")]
    return v1_page(call, labels, lambda label: label_shape(*label), limit=200)


def add_labels(call: Call, content_id: str) -> Response:
    """An array of labels; Data Center clients also send a single one."""
    page = call.site.editable_page(content_id, call.user)
    parts.add_labels(call.site, page, call.json())
    return list_labels(call, content_id)


def remove_label(call: Call, content_id: str, name: str = "") -> Response:
    """By ``?name=`` or by path."""
    parts.remove_label(call.site.editable_page(content_id, call.user), name or call.request.get("name"))
    return Response(204)


# -- properties


def list_properties(call: Call, content_id: str) -> Response:
    page = call.site.seen_page(content_id, call.user)
    return v1_page(call, list(page.properties.values()), lambda item: property_shape(call, content_id, item))


def get_property(call: Call, content_id: str, key: str) -> Response:
    page = call.site.seen_page(content_id, call.user)
    return json_response(property_shape(call, content_id, find_by_key(page.properties, key)))


def create_property(call: Call, content_id: str, key: str = "") -> Response:
    body = call.body(PROPERTY_FIELDS)
    page = call.site.editable_page(content_id, call.user)
    name = key or str(body.get("key") or "")
    item = parts.add_property(call.site, page.properties, name, body.get("value"), call.user.account_id)
    return json_response(property_shape(call, content_id, item))


def put_property(call: Call, content_id: str, key: str) -> Response:
    """A new version; version 1 makes the property when there is none."""
    body = call.body(PROPERTY_FIELDS | {"_links", "_expandable"})
    page = call.site.editable_page(content_id, call.user)
    if body.get("key") not in (None, key):
        raise bad_request("The key in the body does not match the key in the path")
    item = property_by_key(page.properties, key)
    if item is None and number_of(body) == 1:
        item = parts.add_property(call.site, page.properties, key, body.get("value"), call.user.account_id)
    else:
        item = find_by_key(page.properties, key)
        parts.set_property(call.site, item, body.get("value"), number_of(body), call.user.account_id)
    return json_response(property_shape(call, content_id, item))


def delete_property(call: Call, content_id: str, key: str) -> Response:
    page = call.site.editable_page(content_id, call.user)
    del page.properties[find_by_key(page.properties, key).id]
    return Response(204)


# -- users and watches


def current_user(call: Call) -> Response:
    """Who the credentials belong to. Data Center says ``anonymous`` when a PAT is bad."""
    return json_response(user_shape(call, ANONYMOUS if call.caller.is_anonymous else call.user))


def get_user(call: Call) -> Response:
    words = [call.request.get(name) for name in ("accountId", "username", "key") if call.request.get(name)]
    user = call.site.find_user(words[0]) if words else None
    if user is None:
        raise not_found(f"No user found with {words[0] if words else 'no identifier'}")
    return json_response(user_shape(call, user))


def unwatch(call: Call, content_id: str) -> Response:
    """Watches are not kept; taking one away always succeeds, as it does there for what exists."""
    if content_id.startswith("att"):
        parts.attachment(call.site, content_id, call.user)
    else:
        call.site.seen_page(content_id, call.user)
    return Response(204)


_CONTENT = "/rest/api/content/{content_id}"
BOTH: tuple[Route, ...] = (
    ("GET", f"{_CONTENT}/child/attachment", list_attachments),
    ("POST", f"{_CONTENT}/child/attachment", add_attachments),
    ("POST", f"{_CONTENT}/child/attachment/{{attachment_id}}/data", put_data),
    ("PUT", f"{_CONTENT}/child/attachment/{{attachment_id}}", update_attachment),
    ("GET", f"{_CONTENT}/label", list_labels),
    ("POST", f"{_CONTENT}/label", add_labels),
    ("DELETE", f"{_CONTENT}/label", remove_label),
    ("DELETE", f"{_CONTENT}/label/{{name}}", remove_label),
    ("GET", "/rest/api/user/current", current_user),
    ("GET", "/rest/api/user", get_user),
    ("DELETE", "/rest/api/user/watch/content/{content_id}", unwatch),
)
PROPERTIES: tuple[Route, ...] = (
    ("GET", f"{_CONTENT}/property", list_properties),
    ("POST", f"{_CONTENT}/property", create_property),
    ("GET", f"{_CONTENT}/property/{{key}}", get_property),
    ("POST", f"{_CONTENT}/property/{{key}}", create_property),
    ("PUT", f"{_CONTENT}/property/{{key}}", put_property),
    ("DELETE", f"{_CONTENT}/property/{{key}}", delete_property),
)
CLOUD: tuple[Route, ...] = (("PUT", f"{_CONTENT}/child/attachment", put_attachments),)
DC: tuple[Route, ...] = (("DELETE", f"{_CONTENT}/child/attachment/{{attachment_id}}", delete_attachment),)
