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


@dataclass(frozen=True)
class Person:
    id: str
    login: str
    name: str
    email: str = ""


@dataclass(frozen=True)
class Table:
    """A table of a database that data comes from."""

    id: str
    database: str
    schema: str
    name: str


@dataclass
class Datasource:
    """A published data source; ``file`` is its .hyper file."""

    id: str
    name: str
    project: Project
    file: bytes
    description: str
    updated_at: datetime
    owner: Person | None = None


@dataclass
class Field:
    """One field that a sheet uses; calculated when it has a formula, written ``is_on_sheet`` alone, or of a published data source; or of
    another ``kind``, such as GroupField."""

    id: str
    name: str
    role: str = "MEASURE"
    formula: str = ""
    description: str = ""
    tables: tuple[Table, ...] = ()
    datasource: Datasource | None = None
    is_on_sheet: bool = False
    has_custom_sql: bool = False
    kind: str = ""


@dataclass
class View:
    """What a view shows: a header and rows of texts, as displayed; and by which fields. A dashboard has ``sheets``."""

    id: str
    name: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)
    sheets: list[View] | None = None
    is_hidden: bool = False


@dataclass
class Workbook:
    id: str
    name: str
    project: Project
    views: list[View] = field(default_factory=list)
    owner: Person | None = None


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
