"""Wiki spaces and their nodes (wiki/v2), the text of a document (docx/v1), and whose a node's readers are (drive/v2)."""

from __future__ import annotations

from typing import Any

from sandbox.feishu.call import Call
from sandbox.feishu.state import Refusal
from sandbox.feishu.work_state import Json, Space, WikiPage

AUTHOR = "ou_colleague00000000000000000000"
EVERYTHING = ("wiki:wiki", "wiki:wiki:readonly")


def spaces(call: Call) -> dict[str, Any]:
    call.state.require_scope(*EVERYTHING, "wiki:space:retrieve")
    shared = (one for one in call.state.work.spaces.values() if one.is_shared)
    items = [
        {"space_id": one.id, "name": one.name, "description": "", "space_type": "team", "visibility": one.visibility}
        for one in shared
    ]
    return call.page(items, 50)


def nodes(call: Call) -> dict[str, Any]:
    """The nodes right below one, or at the top; those that the application may not read are left out."""
    call.state.require_scope(*EVERYTHING, "wiki:node:retrieve")
    space, parent = _space(call, call.ids["space_id"]), call.request.get("parent_node_token")
    if parent and _readable(call, parent).space != space.id:
        raise Refusal(131002, "param err: parent node is not in the space")
    return call.page([_shown(call, one) for one in _below(call, space, parent)], 50)


def get_node(call: Call) -> dict[str, Any]:
    """A node by its token, or by that of what it holds."""
    call.state.require_scope(*EVERYTHING, "wiki:node:read")
    token, kind = call.request.get("token"), call.request.get("obj_type")
    work = call.state.work
    if token in work.wiki:
        about = {"node_token": token, "obj_token": work.wiki[token], "obj_type": "bitable", "node_type": "origin"}
        return {"node": about}
    if kind not in ("", None, "wiki"):
        token = next((one.node for one in work.pages.values() if (one.obj, one.obj_type) == (token, kind)), "")
    return {"node": _shown(call, _readable(call, str(token)))}


def raw_content(call: Call) -> dict[str, Any]:
    call.state.require_scope("docx:document", "docx:document:readonly")
    found = next((one for one in call.state.work.pages.values() if _holds(one, call.ids["document_id"])), None)
    if found is None:
        raise Refusal(1770002, "not found", 404)
    if found.is_deleted:
        raise Refusal(1770003, "resource deleted")
    if not _may_read(call, found):
        raise Refusal(1770032, "forBidden", 403)
    return {"content": f"{found.title}\n{found.text}\n"}


def permissions(call: Call) -> dict[str, Any]:
    call.params(type=("wiki", "docx", "doc", "sheet", "bitable", "file", "mindnote", "slides"))
    call.state.require_scope("docs:permission.setting:read", "wiki:wiki", "docx:document", "drive:drive:readonly")
    found = call.state.work.pages.get(call.ids["token"]) if call.request.get("type") == "wiki" else None
    if found is None or found.is_deleted:
        raise Refusal(1063005, "Resource is deleted", 404)
    if not _may_read(call, found):
        raise Refusal(1063002, "Permission denied", 403)
    entity = "closed" if found.is_locked else "tenant_readable"
    return {"permission_public": {"link_share_entity": entity, "lock_switch": found.is_locked}}


def _holds(page: WikiPage, document: str) -> bool:
    return page.obj == document and page.obj_type == "docx" and page.node_type == "origin"


def _space(call: Call, space_id: str) -> Space:
    found = call.state.work.spaces.get(space_id)
    if found is None:
        raise Refusal(131005, "not found: space not exist")
    if not found.is_shared:
        raise Refusal(131006, "permission denied: no read permission of the space")
    return found


def _readable(call: Call, token: str) -> WikiPage:
    found = call.state.work.pages.get(token)
    if found is None or found.is_deleted:
        raise Refusal(131005, "not found: node not exist")
    if not _may_read(call, found):
        raise Refusal(131006, "permission denied: no read permission of the node")
    return found


def _may_read(call: Call, page: WikiPage) -> bool:
    return call.state.work.spaces[page.space].is_shared and not page.is_forbidden


def _below(call: Call, space: Space, parent: str) -> list[WikiPage]:
    work = call.state.work
    at = work.pages.get(parent)
    origin = work.pages[at.origin] if at and at.origin and work.shortcuts_tell_below else None
    place = (origin.space, origin.node) if origin else (space.id, parent)
    pages = (one for one in work.pages.values() if (one.space, one.parent) == place)
    return [one for one in pages if not one.is_deleted and _may_read(call, one)]


def _shown(call: Call, page: WikiPage) -> Json:
    """A node as listings and reads tell it; all times are seconds as text."""
    space = call.state.work.spaces[page.space]
    return {
        "space_id": page.space, "node_token": page.node, "obj_token": page.obj, "obj_type": page.obj_type, "node_type": page.node_type,
        "parent_node_token": page.parent, "origin_node_token": page.origin, "has_child": bool(_below(call, space, page.node)),
        "title": page.title, "obj_create_time": str(page.created_s), "obj_edit_time": str(page.edited_s),
        "node_create_time": str(page.created_s), "creator": AUTHOR, "owner": AUTHOR, "node_creator": AUTHOR,
        "url": f"https://acme.feishu.cn/wiki/{page.node}",
    }  # fmt: skip
