"""Whether the account sees a project at all: Jira's searches answer 400, or 200 with nothing, alike when it does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from connectors.jira.bodies import jql
from connectors.jira.paging import cloud_ids, offset_page
from connectors.jira.records import LightIssue
from connectors.jira.site import Site, part
from sync.core.errors import AccessDenied, NotFound, Refused


class Homes:
    """Which collected project an issue is in: an issue that moved away is still listed under its old project for a while."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ids: dict[str, str] = {}

    def home_of(self, light: LightIssue, asked: str) -> str | None:
        """The scope that this issue belongs to, as the settings name it; None when it is in no collected project.

        ``asked`` is the scope it was found in, which counts where the issue does not tell its project or a scope is named in a way
        that only JQL understands. A project that got another key is known by its id.
        """
        project, scopes = light.fields.project if light.fields else None, self._site.settings.scopes
        if project is None or not project.key or not scopes:
            return asked
        words = {project.key.casefold(), str(project.id)}
        if found := next((scope for scope in (asked, *scopes) if scope.casefold() in words), None):
            return found
        ids = {scope: self._id_of(scope) for scope in scopes}
        if found := next((scope for scope, number in ids.items() if number and number == str(project.id)), None):
            return found
        return None if all(ids.values()) and project.id else asked

    def _id_of(self, scope: str) -> str:
        if scope not in self._ids:
            try:
                self._ids[scope] = str(self._site.get(f"/project/{part(scope)}").read(_Project).id or "")
            except (AccessDenied, NotFound, Refused):
                self._ids[scope] = ""
        return self._ids[scope]


class _Project(msgspec.Struct):
    id: Any = ""


class _Projects(msgspec.Struct):
    values: list[dict[str, Any]] = []


def need_scope(site: Site, scope: str, is_poll: bool = False) -> None:
    """Raise NotFound naming the project when no witness sees it.

    After a poll of what changed, one issue of any age is witness enough; else the project itself must be seen.
    """
    if is_poll and _has_issues(site, scope):
        return
    try:
        site.get(f"/project/{part(scope)}")
    except (NotFound, Refused) as error:
        if not _is_listed(site, scope):
            raise NotFound(f"project {scope} does not exist or is not visible to this account: {error}") from error


def _has_issues(site: Site, scope: str) -> bool:
    query = jql(scope, None, timedelta())
    try:
        if site.is_cloud:
            return any(cloud_ids(site, query, 1))
        return bool(offset_page(site, query, 0, 1, ["id"]).issues)
    except Refused:
        return False


def _is_listed(site: Site, scope: str) -> bool:
    """Whether Cloud's search of projects, which Data Center does not have, names it."""
    if not site.is_cloud:
        return False
    try:
        listed = site.get("/project/search", keys=scope).read(_Projects).values
    except (AccessDenied, NotFound, Refused):
        return False
    return any(scope.casefold() == str(project.get("key")).casefold() for project in listed)
