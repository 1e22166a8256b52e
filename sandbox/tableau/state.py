"""What a Tableau site holds."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Project:
    id: str
    name: str


@dataclass
class View:
    """What a view shows: a header and rows of texts, as displayed."""

    id: str
    name: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Workbook:
    id: str
    name: str
    project: Project
    views: list[View] = field(default_factory=list)


@dataclass
class Datasource:
    """A published data source; ``file`` is its .hyper file."""

    id: str
    name: str
    project: Project
    file: bytes
    description: str
    updated_at: datetime


class State:
    """One site."""

    def __init__(self) -> None:
        self._random = random.Random("tableau")
        self.site_id, self.user_id = self.next_id(), self.next_id()
        self.projects: dict[str, Project] = {}
        self.workbooks: dict[str, Workbook] = {}
        self.datasources: dict[str, Datasource] = {}

    def next_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def view(self, view_id: str) -> tuple[Workbook, View] | None:
        for workbook in self.workbooks.values():
            for view in workbook.views:
                if view.id == view_id:
                    return workbook, view
        return None
