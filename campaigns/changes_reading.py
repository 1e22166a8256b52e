"""Reading the store's own bytes without the product: each vendor's payload as the facts that the truth is kept in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from campaigns.changes_company import MAPPED_ZONE, STATUS
from campaigns.changes_truth import Facts, milliseconds

_decode = msgspec.json.decode
JIRA_STATUS = {"10000": ("To Do", "待办"), "3": ("In Progress", "进行中"), "10001": ("Done", "已完成")}


def facts_from(connection: str, payload: bytes, scope: str, visibility: str) -> Facts:
    """The facts of a stored payload. Raises KeyError and the like for one that is not whole."""
    data = _decode(payload)
    facts = READERS[connection](data)
    return {**facts, "scope": scope, "restricted": visibility == "restricted"}


def _jira(data: dict[str, Any]) -> Facts:
    fields = data["fields"]
    owner = fields["assignee"] or {}
    return {
        "key": data["key"],
        "title": fields["summary"],
        "status": fields["status"]["id"],
        "owner": owner.get("accountId") or owner.get("key"),
        "due": fields["duedate"],
        "labels": tuple(sorted(fields["labels"])),
        "parent": (fields.get("parent") or {}).get("id"),
        "updated": milliseconds(datetime.strptime(fields["updated"], "%Y-%m-%dT%H:%M:%S.%f%z")),
        "links": frozenset(link["id"] for link in fields["issuelinks"]),
    }


def _trello(data: dict[str, Any]) -> Facts:
    card = data["card"]
    return {
        "title": card["name"],
        "status": data["list"]["name"],
        "list": card["idList"],
        "owner": tuple(sorted(card["idMembers"])),
        "due": card["due"],
        "is_done": card["dueComplete"],
        "closed": card["closed"],
        "labels": tuple(sorted(label["name"] for label in card["labels"])),
        "board": card["idBoard"],
        "updated": milliseconds(datetime.fromisoformat(card["dateLastActivity"])),
    }


def _confluence_cloud(data: dict[str, Any]) -> Facts:
    return {
        "title": data["title"],
        "version": data["version"]["number"],
        "updated": milliseconds(datetime.fromisoformat(data["version"]["createdAt"])),
        "parent": data["parentId"],
        "labels": tuple(sorted(label["name"] for label in data["labels"]["results"])),
        "space": data["spaceId"],
    }


def _confluence_dc(data: dict[str, Any]) -> Facts:
    return {
        "title": data["title"],
        "version": data["version"]["number"],
        "updated": milliseconds(datetime.fromisoformat(data["version"]["when"])),
        "parent": data["ancestors"][-1]["id"] if data["ancestors"] else None,
        "labels": tuple(sorted(label["name"] for label in data["metadata"]["labels"]["results"])),
        "space": str(data["space"]["id"]),
    }


READERS = {
    "jira-cloud": _jira, "jira-dc": _jira, "trello": _trello, "confluence-cloud": _confluence_cloud,
    "confluence-dc": _confluence_dc,
}  # fmt: skip


def derived_wanted(connection: str, facts: Facts) -> Facts:
    """What the model made of an item must say: its title, and of tasks key, status and due day."""
    if connection.startswith("confluence"):
        return {"title": facts["title"], "visibility": "restricted" if facts["restricted"] else "open"}
    wanted = {
        "title": facts["title"],
        "due": _day(connection, facts["due"]),
        "visibility": "restricted" if facts["restricted"] else "open",
    }
    if connection == "trello":
        return {**wanted, "status": STATUS[facts["status"]]}
    return {**wanted, "key": facts["key"], "status": STATUS[JIRA_STATUS[facts["status"]][0]]}


def _day(connection: str, due: str | None) -> str | None:
    if due is None or len(due) == 10:
        return due
    instant = datetime.fromisoformat(due).astimezone(UTC)
    day: date = instant.astimezone(ZoneInfo(MAPPED_ZONE[connection])).date()
    return day.isoformat()


def derived_found(connection: str, value: bytes | str) -> Facts:
    """The same of a stored task or document."""
    data = _decode(value)
    found = {"title": data["title"], "visibility": data.get("visibility", "open")}
    if connection.startswith("confluence"):
        return found
    found |= {"due": data.get("due"), "status": data["status"]}
    return found if connection == "trello" else {**found, "key": data["key"]}
