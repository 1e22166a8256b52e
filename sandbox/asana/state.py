"""What an Asana workspace holds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass
class User:
    """A person; one who left has no name any more."""

    gid: str
    name: str | None
    email: str


@dataclass
class Section:
    gid: str
    name: str


@dataclass
class Field:
    """A custom field; ``options`` are an enum's, name to gid."""

    gid: str
    name: str
    kind: str
    options: dict[str, str] = field(default_factory=dict)


@dataclass
class Project:
    gid: str
    name: str
    privacy: str
    modified_at: datetime
    sections: list[Section]
    fields: list[Field] = field(default_factory=list)
    is_visible: bool = True
    archived: bool = False


@dataclass
class Story:
    """A line of a task's history; a comment where ``subtype`` says so. ``html`` is what was sent."""

    gid: str
    subtype: str
    html: str
    by: User
    at: datetime
    is_edited: bool = False


@dataclass
class Attachment:
    gid: str
    name: str
    subtype: str
    url: str


@dataclass
class Task:
    """``places`` are its projects with its section in each; ``details`` whatever else was written to it, as it was written."""

    gid: str
    name: str
    created_at: datetime
    modified_at: datetime
    by: User
    places: dict[str, str] = field(default_factory=dict)
    parent: str | None = None
    details: Json = field(default_factory=dict)
    completed_at: datetime | None = None
    completed_by: User | None = None
    assignee: User | None = None
    dependencies: list[str] = field(default_factory=list)
    stories: list[Story] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    is_separator: bool = False


class State:
    """One workspace. Ids are larger than a float can tell apart, as Asana's are."""

    def __init__(self) -> None:
        self._ids = itertools.count(9_007_199_254_740_993_117)
        self.workspace = self.next_id()
        self.public_url = "https://app.asana.com"
        self.users: dict[str, User] = {}
        self.projects: dict[str, Project] = {}
        self.tasks: dict[str, Task] = {}
        self.trash: dict[str, Task] = {}
        self.tags: dict[str, str] = {}

    def next_id(self) -> str:
        return str(next(self._ids))

    def subtasks(self, gid: str) -> list[Task]:
        return [task for task in self.tasks.values() if task.parent == gid]

    def dependents(self, gid: str) -> list[str]:
        return [task.gid for task in self.tasks.values() if gid in task.dependencies]

    def home(self, task: Task) -> Iterator[Project]:
        """The projects in which a task is seen: its own, and those of what it is a subtask of."""
        at: Task | None = task
        while at is not None:
            yield from (self.projects[gid] for gid in at.places)
            at = self.tasks.get(at.parent or "")

    def is_visible(self, task: Task) -> bool:
        """A task is seen through any of its projects; one in none is its maker's own."""
        found = list(self.home(task))
        return not found or any(project.is_visible for project in found)
