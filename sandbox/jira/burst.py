"""Many changes at once, as scripts, imports and colleagues in a hurry make them: the same rules as ``people``, without its look-ups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sandbox.jira.changes import history_item
from sandbox.jira.state import Change, Issue, Link, Site

Values = Mapping[str, Any]


def create(site: Site, project_id: str, at: datetime, author: str, values: Values) -> Issue:
    """A new issue under the project's next key; ``values`` are attributes of ``Issue``."""
    project = site.projects[project_id]
    rest: dict[str, Any] = {
        "type_id": "10002",
        "status_id": "10000",
        "priority_id": "3",
        "creator": author,
        "reporter": author,
    }
    issue = Issue(
        id=site.next_id("issue"),
        key=f"{project.key}-{site.next_id(f'key of {project.key}', 1)}",
        project_id=project_id,
        created=at,
        updated=at,
        **{**rest, **values},
    )
    return site.put(issue)


def edit(site: Site, number: int, at: datetime, author: str, values: Values, *, has_history: bool = True) -> Issue:
    """Save attributes; ``updated`` becomes ``at``, which a slow transaction stamps before anybody can see it. Imports that write
    past the history say ``has_history=False``."""
    issue = site.issues[number]
    if has_history:
        items = (history_item(site, name, getattr(issue, name), value) for name, value in values.items())
        return site.put(replace(issue, updated=at, history=_entered(site, issue, at, author, *items), **values))
    return site.put(replace(issue, updated=at, **values))


def move(site: Site, number: int, project_id: str, at: datetime, author: str) -> Issue:
    """Into another project: a new key, the same id; the old key goes on answering."""
    issue, project = site.issues[number], site.projects[project_id]
    key = f"{project.key}-{site.next_id(f'key of {project.key}', 1)}"
    item = {"field": "Key", "fieldtype": "jira", "from": None, "fromString": issue.key, "to": None, "toString": key}
    history = _entered(site, issue, at, author, item)
    return site.put(replace(issue, key=key, project_id=project_id, updated=at, history=history))


def link(site: Site, type_id: str, source: int, target: int, at: datetime) -> Link | None:
    """ "source <outward phrase> target", touching both ends where this site does; None when there is such a link already."""
    made, is_new = site.add_link(type_id, source, target)
    if is_new and site.links_touch_updated:
        touch(site, (source, target), at)
    return made if is_new else None


def unlink(site: Site, link_id: int, at: datetime) -> None:
    removed = site.links[link_id]
    site.drop_link(removed)
    if site.links_touch_updated:
        touch(site, (removed.source, removed.target), at)


def touch(site: Site, numbers: tuple[int, ...], at: datetime) -> None:
    """Move ``updated`` of these issues."""
    for number in numbers:
        if number in site.issues:
            site.put(replace(site.issues[number], updated=at))


def _entered(site: Site, issue: Issue, at: datetime, author: str, *items: Any) -> tuple[Change, ...]:
    kept = tuple(item for item in items if item is not None)
    return (*issue.history, Change(site.next_id("change", 20001), author, at, kept)) if kept else issue.history
