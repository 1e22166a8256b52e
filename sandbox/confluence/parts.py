"""What hangs on a page: properties, labels, attachments and comments, and the rules for changing them."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.confluence.errors import Refusal, bad_request, no_content, not_found
from sandbox.confluence.site import Site, property_by_key
from sandbox.confluence.state import Attachment, Comment, FileVersion, Page, Property, User, Version
from sandbox.confluence.storage import mark_selection

MAX_PROPERTY_BYTES = 32 * 1024
_LABEL = re.compile(r"[^\s!#&()*,.:;<>?@\[\]^]{1,255}")

# -- properties


def add_property(site: Site, properties: dict[str, Property], key: str, value: Any, by: str) -> Property:
    """A new property of version 1. 400 when the key is taken, 413 when the value is longer than 32 KB."""
    _check_value(value)
    if not key or len(key) > 255:
        raise bad_request("Property key must be 1 to 255 characters long")
    if property_by_key(properties, key):
        raise bad_request(f"A property with key '{key}' already exists")
    item = Property(site.new_id(), key, value, 1, site.clock(), by)
    properties[item.id] = item
    return item


def set_property(site: Site, item: Property, value: Any, number: int | None, by: str, message: str = "") -> None:
    """A new version of a property; its count is its own and goes up by one, else 409."""
    _check_value(value)
    if number is None:
        raise bad_request("Must supply an incremented version when updating a property. No version supplied.")
    if number != item.number + 1:
        raise Refusal(409, f"Version must be incremented on update. Current version is: {item.number}")
    item.value, item.number, item.when, item.by, item.message = value, number, site.clock(), by, message


def put_property(site: Site, properties: dict[str, Property], key: str, value: Any, by: str) -> None:
    """Set a property that is sent along with its page: made when new, one version more when it differs."""
    item = property_by_key(properties, key)
    if item is None:
        add_property(site, properties, key, value, by)
    elif item.value != value:
        set_property(site, item, value, item.number + 1, by)


def _check_value(value: Any) -> None:
    if value is None:
        raise bad_request("Property value must not be null")
    if len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) > MAX_PROPERTY_BYTES:
        raise Refusal(413, "Property value is too long. Maximum length is 32768 bytes")


# -- labels


def add_labels(site: Site, page: Page, labels: Any) -> None:
    """Labels as ``[{prefix, name}]`` or one such object; lower-cased; blanks and some punctuation are refused."""
    entries = labels if isinstance(labels, list) else [labels]
    names: list[str] = []
    for entry in entries:
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or not _LABEL.fullmatch(name):
            raise bad_request(f"Label is not valid: {name!r}")
        names.append(f"{entry.get('prefix') or 'global'}:{name.lower()}")
    for name in names:
        if name not in site.label_ids:
            site.label_ids[name] = site.new_id()
        page.labels.setdefault(name, site.label_ids[name])


def remove_label(page: Page, name: str) -> None:
    found = next((label for label in page.labels if label.partition(":")[2] == name.lower()), None)
    if found is None:
        raise not_found(f"No label found with name: {name}")
    del page.labels[found]


# -- attachments


def attachment(site: Site, attachment_id: str, user: User, page_id: str | None = None) -> Attachment:
    """By id with or without ``att``; 404 when missing, in trash, on another page, or on a page the user cannot see."""
    found = site.attachments.get("att" + attachment_id.removeprefix("att"))
    if found is None or found.status != "current" or (page_id is not None and found.page_id != page_id):
        raise no_content(attachment_id)
    site.seen_page(found.page_id, user)
    return found


def attach(
    site: Site,
    page: Page,
    name: str,
    data: bytes,
    by: str,
    *,
    media_type: str = "",
    comment: str = "",
    is_minor: bool = False,
) -> Attachment:
    """A new attachment; 400 when the page has one of this name."""
    if name in page.attachments:
        raise bad_request(f"Cannot add a new attachment with same file name as an existing attachment: {name}")
    media_type = media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    version = FileVersion(1, site.clock(), by, data, media_type, comment, is_minor)
    item = Attachment(f"att{site.new_id()}", page.id, name, site.new_uuid(), [version])
    site.attachments[item.id] = item
    page.attachments[name] = item.id
    return item


def replace_data(
    site: Site,
    item: Attachment,
    data: bytes,
    by: str,
    *,
    media_type: str = "",
    comment: str = "",
    is_minor: bool = False,
) -> None:
    """A new version of an attachment's data."""
    number = item.latest.number + 1
    media_type = media_type or item.latest.media_type
    item.versions.append(FileVersion(number, site.clock(), by, data, media_type, comment, is_minor))


def rename_attachment(site: Site, item: Attachment, title: str, media_type: str, comment: str, by: str) -> None:
    """Change name, media type or comment without new data; this too counts as a version."""
    page = site.pages[item.page_id]
    if title != item.title and title in page.attachments:
        raise bad_request(f"Cannot rename: an attachment with file name {title} already exists")
    del page.attachments[item.title]
    item.title = title
    page.attachments[title] = item.id
    latest = item.latest
    item.versions.append(
        replace(
            latest,
            number=latest.number + 1,
            when=site.clock(),
            by=by,
            media_type=media_type,
            comment=comment,
            is_minor=True,
        )
    )


def trash_attachment(site: Site, item: Attachment) -> None:
    item.status = "trashed"
    del site.pages[item.page_id].attachments[item.title]


# -- comments


def add_comment(site: Site, page: Page, storage: str, by: str, parent: Comment | None = None) -> Comment:
    """A footer comment, or an answer to a comment of either kind. The page's version does not change."""
    now = site.clock()
    title = f"Re: {page.title}"
    kind = parent.kind if parent else "footer"
    version = Version(1, now, by, title, site.saved(storage))
    comment = Comment(site.new_id(), page.id, kind, [version], parent.id if parent else None)
    site.comments[comment.id] = comment
    page.comments.append(comment.id)
    return comment


def add_inline_comment(site: Site, page: Page, selection: str, storage: str, by: str, *, index: int = 0) -> Comment:
    """An inline comment: a marker goes into the page's text, its version stays. 400 when the text has no such place."""
    ref = site.new_uuid()
    marked = mark_selection(page.latest.storage, selection, ref, index) if selection else None
    if marked is None:
        raise bad_request("The text selection could not be found in the page")
    version = Version(1, site.clock(), by, f"Re: {page.title}", site.saved(storage))
    comment = Comment(site.new_id(), page.id, "inline", [version], None, ref, selection)
    site.set_marked_storage(page, marked)
    site.comments[comment.id] = comment
    page.comments.append(comment.id)
    return comment


def comment_of(site: Site, comment_id: str, user: User, kind: str | None = None) -> Comment:
    found = site.comments.get(comment_id)
    if found is None or (kind is not None and found.kind != kind):
        raise no_content(comment_id)
    site.seen_page(found.page_id, user)
    return found


def delete_comment(site: Site, comment: Comment) -> None:
    """Remove a comment and the answers below it for good."""
    page = site.pages[comment.page_id]
    for other_id in [each for each in page.comments if site.comments[each].parent_id == comment.id]:
        delete_comment(site, site.comments[other_id])
    page.comments.remove(comment.id)
    del site.comments[comment.id]


def edit_comment(site: Site, comment: Comment, storage: str, by: str) -> None:
    latest = comment.latest
    comment.versions.append(
        replace(latest, number=latest.number + 1, when=site.clock(), by=by, storage=site.saved(storage))
    )
