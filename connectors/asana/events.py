"""The Feed port: what Asana's ``/events`` tells of a project. Each event comes at most once, a minute to ten late, and for a day at most.

It tells what moves no task's date (sections, a task taken out of the project) and what no list shows (deletions); comments and subtasks
come as the task that they are on, and as themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.asana.hooks import part_of, task_of
from connectors.asana.site import Site
from connectors.asana.values import objects
from sync.core.hooks import Told

MOST_PAGES = 5
"""Of a hundred events each. Where more happened, reading the project is cheaper than each of its tasks."""


class ProjectEvents:
    """Asks as the token's account; a token belongs to one project."""

    site: Site

    def told_since(self, stream: str, scope: str, token: str) -> Told:
        """The tasks that the project's events name. A token that Asana forgot, or went past, is a gap with a new one, and so is a flood."""
        project = self.site.project(scope).gid
        ids: dict[str, None] = {}
        gone: dict[str, None] = {}
        asked = [token] if token else []
        while asked and len(asked) <= MOST_PAGES:
            page, is_known = self.site.events(project, asked[-1])
            if not is_known:
                return Told(page.sync, is_gap=True)
            for task, is_gone in _tasks(page.data):
                (gone if is_gone else ids)[task] = None
            if not page.has_more:
                return Told(page.sync, tuple(ids), tuple(gone))
            asked.append(page.sync)
        page, _ = self.site.events(project, "")
        return Told(page.sync, is_gap=True)


def _tasks(events: Sequence[Any]) -> Iterator[tuple[str, bool]]:
    """Each event's task, and whether it says that the task is gone. Taken out of a section, a task is only put into another."""
    for event in objects(events):
        if not (task := task_of(event)):
            continue
        is_its_own = part_of(event, "resource").get("resource_type") == "task"
        is_removed = event.get("action") == "removed" and part_of(event, "parent").get("resource_type") != "section"
        yield task, is_its_own and (is_removed or event.get("action") == "deleted")
