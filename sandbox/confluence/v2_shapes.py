"""Site values as Cloud v2 spells them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from sandbox.confluence.call import Call
from sandbox.confluence.errors import bad_request
from sandbox.confluence.rendering import html_from_storage
from sandbox.confluence.state import Attachment, Comment, FileVersion, Page, Property, Space, User, Version
from sandbox.confluence.storage import plain_text

LIST_FORMATS = ("storage", "atlas_doc_format")
SINGLE_FORMATS = (*LIST_FORMATS, "view", "export_view", "anonymous_export_view", "styled_view", "editor")
Shape = dict[str, Any]


def wanted_format(call: Call, formats: tuple[str, ...]) -> str:
    """The ``body-format`` asked for; empty when none, then bodies stay empty. 400 for one that the vendor lacks."""
    wanted = call.request.get("body-format")
    if wanted and wanted not in formats:
        raise bad_request(f"Provided value {{{wanted}}} for 'body-format' is not one of {', '.join(formats)}")
    return wanted


def body_shape(storage: str, wanted: str) -> Shape:
    """The body in one format. ADF is a JSON *string*; here it carries the words as one paragraph."""
    if not wanted:
        return {}
    if wanted == "storage":
        value = storage
    elif wanted == "atlas_doc_format":
        words = plain_text(storage)
        content = [{"type": "paragraph", "content": [{"type": "text", "text": words}]}] if words else []
        value = json.dumps({"type": "doc", "version": 1, "content": content}, ensure_ascii=False)
    else:
        value = html_from_storage(storage)
    return {wanted: {"representation": wanted, "value": value}}


def version_shape(call: Call, version: Version | FileVersion) -> Shape:
    return {
        "number": version.number,
        "message": version.message if isinstance(version, Version) else version.comment,
        "minorEdit": version.is_minor,
        "authorId": version.by,
        "createdAt": call.time(version.when),
    }


def slug(title: str) -> str:
    return quote(title.replace(" ", "+"), safe="+")


def page_path(call: Call, page: Page) -> str:
    return f"/spaces/{call.site.spaces[page.space_id].key}/pages/{page.id}/{slug(page.title)}"


def page_shape(call: Call, page: Page, wanted: str, version: Version | None = None) -> Shape:
    """A page as lists and single reads give it; ``version`` picks an older one."""
    version = version or page.latest
    parent = call.site.pages.get(page.parent_id or "")
    siblings = parent.children if parent else []
    return {
        "id": page.id,
        "status": page.status if version is page.latest else "historical",
        "title": version.title,
        "spaceId": page.space_id,
        "parentId": page.parent_id,
        "parentType": parent.kind if parent else None,
        "position": siblings.index(page.id) if page.id in siblings[:200] else None,
        "authorId": page.author,
        "ownerId": page.author,
        "lastOwnerId": None,
        "createdAt": call.time(page.created_at),
        "version": version_shape(call, version),
        "body": body_shape(version.storage, wanted),
        "_links": {
            "webui": page_path(call, page),
            "editui": f"/pages/resumedraft.action?draftId={page.id}",
            "tinyui": f"/x/{page.id}",
        },
    }


def space_shape(call: Call, space: Space) -> Shape:
    return {
        "id": space.id,
        "key": space.key,
        "name": space.name,
        "type": "global",
        "status": space.status,
        "authorId": space.author,
        "createdAt": call.time(space.created_at),
        "homepageId": space.homepage_id,
        "description": None,
        "icon": None,
        "_links": {"webui": f"/spaces/{space.key}"},
    }


def property_shape(call: Call, item: Property) -> Shape:
    version = {
        "number": item.number,
        "message": item.message,
        "minorEdit": False,
        "authorId": item.by,
        "createdAt": call.time(item.when),
    }
    return {"id": item.id, "key": item.key, "value": item.value, "version": version}


def label_shape(label: str, label_id: str) -> Shape:
    prefix, _, name = label.partition(":")
    return {"id": label_id, "name": name, "prefix": prefix}


def attachment_shape(call: Call, item: Attachment) -> Shape:
    page, latest = call.site.pages[item.page_id], item.latest
    query = f"version={latest.number}&modificationDate={int(latest.when.timestamp() * 1000)}&cacheVersion=1&api=v2"
    download = f"/download/attachments/{item.page_id}/{quote(item.title)}?{query}"
    webui = f"/pages/viewpageattachments.action?pageId={item.page_id}&preview=%2F{item.page_id}%2F{item.id[3:]}"
    return {
        "id": item.id,
        "status": item.status,
        "title": item.title,
        "createdAt": call.time(item.versions[0].when),
        "pageId": page.id,
        "mediaType": latest.media_type,
        "mediaTypeDescription": latest.media_type.partition("/")[2].upper(),
        "comment": latest.comment,
        "fileId": item.file_id,
        "fileSize": len(latest.data),
        "webuiLink": webui,
        "downloadLink": download,
        "version": version_shape(call, latest),
        "_links": {"webui": webui, "download": download},
    }


def comment_shape(call: Call, comment: Comment, wanted: str) -> Shape:
    page = call.site.pages[comment.page_id]
    shape: Shape = {
        "id": comment.id,
        "status": "current",
        "title": comment.latest.title,
        "pageId": comment.page_id,
        "version": version_shape(call, comment.latest),
        "body": body_shape(comment.latest.storage, wanted),
        "_links": {"webui": f"{page_path(call, page)}?focusedCommentId={comment.id}"},
    }
    if comment.parent_id:
        shape["parentCommentId"] = comment.parent_id
    if comment.kind == "inline":
        shape["resolutionStatus"] = comment.resolution
        names = ("inlineMarkerRef", "inline-marker-ref", "inlineOriginalSelection", "inline-original-selection")
        values = (comment.marker_ref, comment.marker_ref, comment.selection, comment.selection)
        shape["properties"] = dict(zip(names, values, strict=True))
    return shape


def user_shape(user: User) -> Shape:
    return {
        "accountId": user.account_id,
        "accountType": "atlassian",
        "accountStatus": "active",
        "displayName": user.display_name,
        "publicName": user.display_name,
        "email": user.email,
        "timeZone": "Asia/Shanghai",
        "personalSpaceId": None,
        "isExternalCollaborator": False,
        "profilePicture": {"path": f"/wiki/aa-avatar/{user.account_id}", "isDefault": True},
    }
