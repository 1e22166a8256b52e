"""The story's part for a Jira site: its projects, people and issues, the moved due dates, and who waits for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from sandbox.jira.changes import history_item
from sandbox.jira.reference import START_DATE
from sandbox.jira.simulator import JiraSimulator
from sandbox.jira.state import Change, Issue
from sandbox.story import Story, StoryTask

STATUS_IDS = {"todo": "10000", "in_progress": "3", "done": "10001"}
HIDDEN_EMAILS = frozenset({"zhao-min", "sun-li"})  # two people who keep their address to themselves (Cloud)
SECURITY = {"id": "10200", "name": "核心组", "description": ""}


def seed(simulator: JiraSimulator, story: Story, urls: Mapping[str, str]) -> None:
    """Put the story's tasks of this tool into the site. ``urls`` gives the site's public address when it has none yet."""
    site = simulator.site
    simulator.public_url = simulator.public_url or urls.get(simulator.name, "")
    for person in story.people:
        name = person.name if site.variant == "cloud" else person.english_name
        simulator.add_user(person.key, name, person.email, is_email_shown=person.key not in HIDDEN_EMAILS)
    for project in story.projects:
        if project.tool == simulator.name:
            head = next(
                person.key for person in story.people if person.department == project.department and person.is_head
            )
            simulator.add_project(project.key, project.name, head)
    tasks = [task for task in story.tasks if task.tool == simulator.name]
    for task in tasks:
        _add_issue(simulator, task, story)
    keys = {task.key for task in tasks}
    for task in tasks:
        for blocker in task.waits_for:
            if blocker in keys:
                simulator.link("Blocks", blocker, task.key, task.owner)
        if task.parent in keys:
            parent = site.any_issue(str(task.parent))
            site.put(replace(site.any_issue(task.key), parent=parent.id))


def _add_issue(simulator: JiraSimulator, task: StoryTask, story: Story) -> None:
    site = simulator.site
    project = site.project(task.project)
    if project is None:
        raise KeyError(task.project)
    site.reserve_id(f"key of {project.key}", int(task.key.rpartition("-")[2]))
    created = _morning(story, -30)
    priority = next(item.id for item in site.priorities.values() if item.words["en"] == task.priority)
    is_done = task.status == "done"
    resolved = datetime.combine(task.finished, time(9), UTC) if is_done and task.finished else None
    issue = Issue(
        id=site.next_id("issue"), key=task.key, project_id=project.id, type_id="10002", status_id=STATUS_IDS[task.status],
        summary=task.title, created=created, updated=created, priority_id=priority,
        resolution_id="10000" if is_done else None, resolved=resolved, description=task.description or None,
        assignee=task.owner, reporter=project.lead, creator=project.lead, due=task.due, labels=task.labels,
        security=SECURITY if task.is_restricted else None,
        extra={str(START_DATE["id"]): task.start.isoformat() if task.start else None},
    )  # fmt: skip
    history = _history(simulator, task, issue, story)
    updated = max([created, *(change.at for change in history)])
    site.put(replace(issue, history=history, updated=updated))


def _morning(story: Story, days: int) -> datetime:
    return datetime.combine(story.anchor + timedelta(days=days), time(1), UTC)


def _history(simulator: JiraSimulator, task: StoryTask, issue: Issue, story: Story) -> tuple[Change, ...]:
    """Started, moved, finished: as the people of the story did it, oldest first."""
    site, author = simulator.site, task.owner or "tieline"
    began = min(_morning(story, -2), datetime.combine(task.start, time(1), UTC)) if task.start else _morning(story, -10)
    moves = []
    if task.status != "todo":
        moves.append((began, history_item(site, "status_id", STATUS_IDS["todo"], STATUS_IDS["in_progress"])))
    if task.old_due:
        moves.append((_morning(story, -1), history_item(site, "due", task.old_due, task.due)))
    if issue.resolved:
        moves.append((issue.resolved, history_item(site, "status_id", STATUS_IDS["in_progress"], STATUS_IDS["done"])))
    moves.sort(key=lambda move: move[0])
    return tuple(Change(site.next_id("change", 20001), author, at, (item,)) for at, item in moves if item)
