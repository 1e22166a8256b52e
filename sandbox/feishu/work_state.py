"""What a simulated tenant holds of work: bases with tables, task lists, and wiki spaces with pages."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
TEXT, NUMBER, CHOICE, DATE, PERSON, LINK = 1, 2, 3, 5, 11, 18


@dataclass
class Row:
    """``fields`` as Feishu gives them; ``is_forbidden``: no role of the application's reads it."""

    id: str
    fields: Json
    created_ms: int
    modified_ms: int
    is_forbidden: bool = False


@dataclass
class Table:
    """``columns``: name to type; the first is the primary one. ``is_editable``: the application was let in to edit."""

    id: str
    name: str
    base: str
    columns: dict[str, int]
    rows: dict[str, Row] = field(default_factory=dict)
    is_shared: bool = True
    is_editable: bool = True


@dataclass
class Comment:
    id: str
    content: str
    creator: Json
    created_ms: int
    updated_ms: int


@dataclass
class Task:
    """``details`` is whatever else people said, in Feishu's own shape. ``waits_for`` are the guids of its predecessors."""

    guid: str
    summary: str
    created_ms: int
    updated_ms: int
    lists: dict[str, str] = field(default_factory=dict)
    parent: str = ""
    details: Json = field(default_factory=dict)
    waits_for: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)


@dataclass
class TaskList:
    guid: str
    name: str
    sections: dict[str, str] = field(default_factory=dict)
    is_shared: bool = True


@dataclass
class Space:
    """``is_shared``: the application is a member."""

    id: str
    name: str
    visibility: str = "public"
    is_shared: bool = True


@dataclass
class WikiPage:
    """A node of a space with what it holds; ``origin`` is the node that a shortcut leads to. ``is_locked``: its readers are its own.
    ``is_forbidden``: the application is none of them.
    """

    node: str
    obj: str
    title: str
    text: str
    space: str
    created_s: int
    edited_s: int
    parent: str = ""
    obj_type: str = "docx"
    origin: str = ""
    is_locked: bool = False
    is_forbidden: bool = False
    is_deleted: bool = False

    @property
    def node_type(self) -> str:
        return "shortcut" if self.origin else "origin"


@dataclass
class Work:
    tables: dict[str, Table] = field(default_factory=dict)
    wiki: dict[str, str] = field(default_factory=dict)  # node token to base token
    spaces: dict[str, Space] = field(default_factory=dict)
    pages: dict[str, WikiPage] = field(default_factory=dict)
    lists: dict[str, TaskList] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    turns_round: bool = False
    shortcuts_tell_below: bool = False  # below a shortcut is told what lies below its origin
    serial: int = 0

    def new(self, prefix: str = "") -> str:
        """An id that is the same in each run."""
        self.serial += 1
        return prefix + uuid.uuid5(uuid.NAMESPACE_URL, f"feishu work {self.serial}").hex[:14]

    def new_guid(self) -> str:
        self.serial += 1
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"feishu task {self.serial}"))

    def places(self, task: Task) -> set[str]:
        """The lists in which a task is seen: its own and those of what it is a part of."""
        found, at = set(task.lists), task
        while at.parent and at.parent in self.tasks:
            at = self.tasks[at.parent]
            found |= set(at.lists)
        return found
