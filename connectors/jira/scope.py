"""Whether the account sees a project at all: Jira's searches answer 400, or 200 with nothing, alike when it does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from connectors.jira.bodies import jql
from connectors.jira.paging import cloud_ids, offset_page
from connectors.jira.site import Site, part
from sync.core.errors import AccessDenied, NotFound, Refused


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
