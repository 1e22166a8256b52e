"""Site values as v1 spells them (all of Data Center, and what is left of v1 on Cloud), with ``expand``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from sandbox.confluence.call import Call
from sandbox.confluence.rendering import html_from_storage
from sandbox.confluence.state import Attachment, Comment, FileVersion, Page, Property, Space, User, Version
from sandbox.confluence.v2_shapes import page_path

Shape = dict[str, Any]
Expand = frozenset[str]
GET_EXPAND = frozenset({"history", "space", "version"})
WRITE_EXPAND = GET_EXPAND | {"body.storage", "container", "ancestors"}
BODIES = ("storage", "view", "export_view", "styled_view", "editor", "anonymous_export_view")


def expand_of(call: Call, default: Expand = frozenset()) -> Expand:
    """The expansions asked for, each with all its parents: ``body.storage`` expands ``body`` too."""
    text = call.request.get("expand")
    names = {name.strip() for name in text.split(",") if name.strip()} if text else set(default)
    return frozenset(".".join(name.split(".")[: end + 1]) for name in names for end in range(name.count(".") + 1))


def user_shape(call: Call, user: User) -> Shape:
    if call.is_cloud:
        known: Shape = {"type": "known", "accountId": user.account_id, "accountType": "atlassian", "email": user.email}
        known |= {"publicName": user.display_name, "displayName": user.display_name}
    elif not user.account_id:
        return {"type": "anonymous", "displayName": "Anonymous", "profilePicture": {}, "_links": {"base": call.base}}
    else:
        known = {"type": "known", "username": user.username, "userKey": user.user_key, "displayName": user.display_name}
    picture = {
        "path": f"{call.context}/images/icons/profilepics/default.svg",
        "width": 48,
        "height": 48,
        "isDefault": True,
    }
    return {**known, "profilePicture": picture, "_links": {"self": f"{call.base}/rest/api/user"}}


def version_shape(call: Call, version: Version | FileVersion) -> Shape:
    return {
        "by": user_shape(call, call.site.user(version.by)),
        "when": call.time(version.when),
        "friendlyWhen": version.when.strftime("%b %d, %Y"),
        "message": version.message if isinstance(version, Version) else version.comment,
        "number": version.number,
        "minorEdit": version.is_minor,
    }


def space_shape(call: Call, space: Space, expand: Expand = frozenset()) -> Shape:
    """Cloud and Data Center give a space's id as a number here, unlike v2."""
    shape: Shape = {
        "id": int(space.id),
        "key": space.key,
        "name": space.name,
        "type": "global",
        "status": space.status,
        "_links": {"webui": space_path(call, space), "self": f"{call.base}/rest/api/space/{space.key}"},
        "_expandable": {"homepage": f"/rest/api/content/{space.homepage_id}"},
    }
    home = call.site.pages.get(space.homepage_id)
    if "homepage" in expand and home is not None:
        shape["homepage"] = content_shape(call, home, frozenset())
    return shape


def space_path(call: Call, space: Space) -> str:
    return f"/spaces/{space.key}" if call.is_cloud else f"/display/{space.key}"


def content_path(call: Call, page: Page) -> str:
    """Where a browser opens the page. Data Center uses titles where they are plain, ids where not."""
    if call.is_cloud:
        return page_path(call, page)
    if page.title.isascii() and all(c.isalnum() or c in " -_" for c in page.title) and page.status == "current":
        return f"/display/{call.site.spaces[page.space_id].key}/{quote(page.title.replace(' ', '+'), safe='+')}"
    return f"/pages/viewpage.action?pageId={page.id}"


def _links(call: Call, content_id: str, webui: str) -> Shape:
    return {
        "webui": webui,
        "tinyui": f"/x/{content_id}",
        "self": f"{call.base}/rest/api/content/{content_id}",
        "base": call.base,
        "context": call.context,
    }


def listing(results: list[Shape]) -> Shape:
    """A whole collection inside an object."""
    return {"results": results, "start": 0, "limit": max(25, len(results)), "size": len(results), "_links": {}}


def _bodies(storage: str, expand: Expand) -> Shape:
    body: Shape = {}
    for name in BODIES:
        if f"body.{name}" in expand:
            value = storage if name == "storage" else html_from_storage(storage)
            body[name] = {"value": value, "representation": name, "_expandable": {"content": ""}}
    return body


def content_shape(call: Call, page: Page, expand: Expand, version: Version | None = None) -> Shape:
    """A page as content. Whatever is not expanded is named in ``_expandable``."""
    site, version = call.site, version or page.latest
    shape: Shape = {
        "id": page.id,
        "type": page.kind,
        "status": page.status if version is page.latest else "historical",
        "title": version.title,
        "extensions": {"position": "none"},
        "_links": _links(call, page.id, content_path(call, page)),
    }
    makers: dict[str, Callable[[], object]] = {
        "space": lambda: space_shape(call, site.spaces[page.space_id], frozenset()),
        "container": lambda: space_shape(call, site.spaces[page.space_id], frozenset()),
        "version": lambda: version_shape(call, version),
        "ancestors": lambda: [content_shape(call, each, frozenset()) for each in site.ancestors(page)],
        "history": lambda: history_shape(call, page, with_last="history.lastUpdated" in expand),
        "body": lambda: _bodies(version.storage, expand),
        "metadata": lambda: _metadata(call, page, expand),
        "children": lambda: _children(call, page, expand),
        "restrictions": lambda: restrictions_shape(call, page),
    }
    shape |= {name: make() for name, make in makers.items() if name in expand}
    shape["_expandable"] = {name: "" for name in makers if name not in expand}
    return shape


def _metadata(call: Call, page: Page, expand: Expand) -> Shape:
    metadata: Shape = {}
    if "metadata.labels" in expand:
        metadata["labels"] = listing([label_shape(*label) for label in page.labels.items()])
    if "metadata.properties" in expand:
        wanted = [name.partition("metadata.properties.")[2] for name in expand]
        metadata["properties"] = {
            item.key: property_shape(call, page.id, item)
            for item in page.properties.values()
            if item.key.replace("-", "_") in wanted or item.key in wanted
        }
    return metadata


def _children(call: Call, page: Page, expand: Expand) -> Shape:
    children: Shape = {}
    if "children.page" in expand:
        shown = [call.site.pages[each] for each in page.children]
        pages = [each for each in shown if each.status == "current" and call.site.can_see(each, call.user)]
        children["page"] = listing([content_shape(call, each, frozenset()) for each in pages])
    if "children.attachment" in expand:
        items = [call.site.attachments[each] for each in page.attachments.values()]
        children["attachment"] = listing([attachment_shape(call, item) for item in items])
    if "children.comment" in expand:
        comments = [call.site.comments[each] for each in page.comments]
        children["comment"] = listing([comment_shape(call, each, frozenset()) for each in comments])
    return children


def history_shape(call: Call, page: Page, *, with_last: bool = True) -> Shape:
    shape: Shape = {
        "latest": True,
        "createdBy": user_shape(call, call.site.user(page.author)),
        "createdDate": call.time(page.created_at),
        "_links": {"self": f"{call.base}/rest/api/content/{page.id}/history"},
    }
    if with_last:
        shape["lastUpdated"] = version_shape(call, page.latest)
        if len(page.versions) > 1:
            shape["previousVersion"] = version_shape(call, page.versions[-2])
    return shape


def restrictions_shape(call: Call, page: Page) -> Shape:
    """Both operations, always; an empty list means everyone."""
    return {
        operation: {
            "operation": operation,
            "restrictions": {
                "user": listing([user_shape(call, call.site.user(n)) for n in names if not n.startswith("group:")]),
                "group": listing([{"type": "group", "name": n[6:]} for n in names if n.startswith("group:")]),
            },
        }
        for operation, names in (("read", page.readers), ("update", page.editors))
    }


def label_shape(label: str, label_id: str) -> Shape:
    prefix, _, name = label.partition(":")
    return {"prefix": prefix, "name": name, "id": label_id, "label": name}


def property_shape(call: Call, content_id: str, item: Property) -> Shape:
    version = {"number": item.number, "message": item.message, "minorEdit": False, "when": call.time(item.when)}
    link = f"{call.base}/rest/api/content/{content_id}/property/{quote(item.key, safe='')}"
    return {"id": item.id, "key": item.key, "value": item.value, "version": version, "_links": {"self": link}}


def attachment_shape(call: Call, item: Attachment, expand: Expand = frozenset()) -> Shape:
    """An attachment as content; Data Center downloads from the page path, Cloud through the API."""
    page, latest = call.site.pages[item.page_id], item.latest
    download = f"/download/attachments/{page.id}/{quote(item.title)}?version={latest.number}&api=v2"
    if call.is_cloud:
        download = f"/rest/api/content/{page.id}/child/attachment/{item.id}/download"
    shape: Shape = {
        "id": item.id,
        "type": "attachment",
        "status": item.status,
        "title": item.title,
        "version": version_shape(call, latest),
        "metadata": {"mediaType": latest.media_type, "comment": latest.comment},
        "extensions": {"mediaType": latest.media_type, "fileSize": len(latest.data), "comment": latest.comment},
        "_links": {**_links(call, item.id, content_path(call, page)), "download": download},
    }
    if call.is_cloud:
        shape["extensions"]["fileId"] = item.file_id
    if "container" in expand:
        shape["container"] = content_shape(call, page, frozenset())
    return shape


def comment_shape(call: Call, comment: Comment, expand: Expand) -> Shape:
    page = call.site.pages[comment.page_id]
    webui = f"{content_path(call, page)}{'&' if '?' in content_path(call, page) else '?'}focusedCommentId={comment.id}"
    shape: Shape = {
        "id": comment.id,
        "type": "comment",
        "status": "current",
        "title": comment.latest.title,
        "extensions": {"location": comment.kind, "resolution": {"status": comment.resolution}},
        "_links": _links(call, comment.id, webui),
    }
    if "version" in expand:
        shape["version"] = version_shape(call, comment.latest)
    if "body" in expand:
        shape["body"] = _bodies(comment.latest.storage, expand)
    if "container" in expand:
        shape["container"] = content_shape(call, page, frozenset())
    return shape
