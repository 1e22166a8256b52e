"""Things as Tableau shows them in XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import datetime
from typing import Any

from sandbox.http import Response, text_response
from sandbox.tableau.state import Datasource, Project, State, View, Workbook

NAMESPACE = "http://tableau.com/api"


def answer(*nodes: ET.Element, status: int = 200) -> Response:
    """The nodes in their envelope."""
    root = ET.Element("tsResponse", {"xmlns": NAMESPACE})
    root.extend(nodes)
    text = '<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(root, encoding="unicode")
    return text_response(text, status, "application/xml;charset=utf-8")


def error(status: int, code: str, summary: str, detail: str) -> Response:
    node = ET.Element("error", {"code": code})
    ET.SubElement(node, "summary").text = summary
    ET.SubElement(node, "detail").text = detail
    return answer(node, status=status)


def server_info(version: str) -> Response:
    node = ET.Element("serverInfo")
    ET.SubElement(node, "productVersion", {"build": "20262.26.1125.0000"}).text = "2026.2"
    ET.SubElement(node, "restApiVersion").text = version
    return answer(node)


def credentials(token: str, state: State, site: str) -> Response:
    node = ET.Element("credentials", {"token": token})
    ET.SubElement(node, "site", {"id": state.site_id, "contentUrl": site})
    ET.SubElement(node, "user", {"id": state.user_id})
    return answer(node)


def listing(kind: str, things: list[Any], state: State, page: tuple[int, int, int] | None) -> Response:
    """A page of a list; the views of a workbook come without pages."""
    node = ET.Element(kind)
    node.extend(shown(thing, state) for thing in things)
    if page is None:
        return answer(node)
    number, size, total = map(str, page)
    return answer(ET.Element("pagination", {"pageNumber": number, "pageSize": size, "totalAvailable": total}), node)


def one(_kind: str, thing: Any, state: State, status: int = 200) -> Response:
    return answer(shown(thing, state), status=status)


def shown(thing: Project | Workbook | View | Datasource, state: State) -> ET.Element:
    match thing:
        case Project():
            return ET.Element(
                "project",
                {"id": thing.id, "name": thing.name, "description": "", "contentPermissions": "ManagedByOwner"},
            )
        case Workbook():
            node = ET.Element(
                "workbook", {"id": thing.id, "name": thing.name, "contentUrl": thing.id, "showTabs": "false"}
            )
            _in_project(node, thing.project, state)
            return node
        case View():
            return _view(thing, state)
        case Datasource():
            return _datasource(thing, state)


def _view(view: View, state: State) -> ET.Element:
    found = state.view(view.id)
    node = ET.Element("view", {"id": view.id, "name": view.name, "contentUrl": f"{view.id}/sheets/{view.id}"})
    if found:
        ET.SubElement(node, "workbook", {"id": found[0].id})
        _in_project(node, found[0].project, state)
    return node


def _datasource(item: Datasource, state: State) -> ET.Element:
    node = ET.Element(
        "datasource",
        {
            "id": item.id, "name": item.name, "contentUrl": item.id, "type": "hyper", "description": item.description,
            "createdAt": instant(item.updated_at), "updatedAt": instant(item.updated_at), "isCertified": "false",
            "webpageUrl": f"https://10ax.online.tableau.com/#/site/acme/datasources/{item.id}",
        },
    )  # fmt: skip
    _in_project(node, item.project, state)
    ET.SubElement(node, "tags")
    return node


def _in_project(node: ET.Element, project: Project, state: State) -> None:
    ET.SubElement(node, "project", {"id": project.id, "name": project.name})
    ET.SubElement(node, "owner", {"id": state.user_id})


def instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
