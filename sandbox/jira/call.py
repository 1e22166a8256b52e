"""One call as a resource sees it, and how Jira says no."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import PAGE_FAULTS, FaultKind, Faults
from sandbox.http import Request, Response, json_response
from sandbox.jira.state import Issue, Json, Site, User

EMPTY = Response(204)
MAX_PROPERTY_CHARACTERS, MAX_KEY_CHARACTERS = 32768, 255


class JiraError(Exception):
    """An answer in Jira's error shape: errorMessages and errors per field."""

    def __init__(self, status: int, message: str = "", errors: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"errorMessages": [message] if message else [], "errors": dict(errors or {})}


@dataclass(frozen=True)
class Call:
    """A request to one resource of the site. ``user`` is None for an anonymous caller, ``version`` is "2" or "3"."""

    site: Site
    faults: Faults
    request: Request
    version: str
    user: User | None
    language: str
    browse_url: str
    spend_write: Callable[[Issue], None]
    path: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_cloud(self) -> bool:
        return self.site.variant == "cloud"

    @property
    def is_adf(self) -> bool:
        return self.version == "3"

    @property
    def api(self) -> str:
        """Where ``self`` links point: the site, whatever way the call came."""
        return f"{self.request.base_url}/rest/api/{self.version}"

    @property
    def me(self) -> User:
        """The calling user; raises 401 for an anonymous caller."""
        if self.user is None:
            raise JiraError(401, "You are not authenticated. Authentication required to perform this operation.")
        return self.user

    def body(self, *known: str) -> Json:
        """The JSON object sent; with names given, any other name in it is Jira's 400."""
        data = self.request.json()
        if not isinstance(data, dict):
            raise JiraError(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        if known and (unknown := sorted(set(data) - set(known))):
            raise JiraError(400, self._unknown_property(unknown[0]))
        return data

    def _unknown_property(self, name: str) -> str:
        if self.is_cloud:
            return "Invalid request payload. Refer to the REST API documentation and try again."
        return f'Unrecognized field "{name}" (class com.atlassian.jira.rest.v2), not marked as ignorable'

    def number(self, name: str, default: int, sent: Json | None = None) -> int:
        """A whole number parameter from the query or from a sent body; raises 400 for anything else."""
        value: Any = self.request.get(name, str(default)) if sent is None else sent.get(name, default)
        if isinstance(value, bool) or not (
            isinstance(value, int) or (isinstance(value, str) and value.lstrip("-").isdigit())
        ):
            raise JiraError(400, f"The value of '{name}' must be a whole number.")
        return max(int(value), 0)

    def flag(self, name: str) -> bool:
        return self.request.get(name).lower() == "true"

    def need(self, permission: str, status: int, message: str) -> None:
        """Raise unless the account is signed in and holds the permission."""
        if self.me and permission in self.site.denied_permissions:
            raise JiraError(status, message)

    def issue(self, id_or_key: str | None = None) -> Issue:
        """The issue the path (or the argument) names, as the calling user may see it."""
        wanted = self.path["issue"] if id_or_key is None else id_or_key
        if self.user is None:
            raise JiraError(401, "You do not have the permission to see the specified issue.")
        issue = self.site.find(wanted)
        if issue is None:
            known = (
                "Issue does not exist or you do not have permission to see it."
                if self.is_cloud
                else "Issue Does Not Exist"
            )
            raise JiraError(404, known)
        return issue

    def issue_to_write(self, id_or_key: str | None = None) -> Issue:
        """Like ``issue``, counted against the writes one issue may take."""
        issue = self.issue(id_or_key)
        self.spend_write(issue)
        return issue


Resource = Callable[[Call], Response]
Route = tuple[str, str, Resource]


def json_body(data: object, status: int = 200) -> Response:
    return json_response(data, status)


def page(call: Call, items: Sequence[Any], default: int, most: int) -> tuple[int, int, Sequence[Any]]:
    """The (startAt, maxResults, items) of an offset page, with the planned page fault done to it."""
    start, size = call.number("startAt", 0), min(call.number("maxResults", default), most)
    return spoiled(page_fault(call), start, size, items)


def page_fault(call: Call) -> FaultKind | None:
    """The planned page fault that this call takes, if one is due."""
    fault = call.faults.take(call.request.method, call.request.path, PAGE_FAULTS)
    return fault.kind if fault else None


def spoiled(kind: FaultKind | None, start: int, size: int, items: Sequence[Any]) -> tuple[int, int, Sequence[Any]]:
    """An offset page out of all items. A fault makes it short, empty though more follows, or the page before again."""
    match kind:
        case "short_page" if start + 1 < len(items):
            return start, size, items[start : start + max(1, min(size, len(items) - start) // 2)]
        case "empty_page":
            return start, size, items[:0]
        case "repeated_page":
            start = max(0, start - size)
    return start, size, items[start : start + size]


def checked_property(call: Call) -> Any:
    """The JSON value sent for a property, with its limits. Raises Jira's 400."""
    if len(call.path["key"]) > MAX_KEY_CHARACTERS:
        raise JiraError(400, "The property key can't be longer than 255 characters.")
    value = call.request.json()
    if not call.request.body.strip() or len(json.dumps(value, ensure_ascii=False)) > MAX_PROPERTY_CHARACTERS:
        raise JiraError(400, "The property value must be valid JSON of 1 to 32768 characters.")
    return value
