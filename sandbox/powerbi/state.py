"""What the simulated tenant holds: workspaces, their datasets with tables and rows, and refreshes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT_ID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
CLIENT_SECRET = "secret-value-of-the-sandbox-app"
TYPES = frozenset({"Int64", "Double", "Boolean", "DateTime", "String", "Decimal"})
Json = dict[str, Any]


@dataclass
class PushTable:
    """A table: its columns by name with their types, and its rows."""

    name: str
    columns: dict[str, str]
    rows: list[Json] = field(default_factory=list)


@dataclass
class Dataset:
    """A semantic model. Only a push dataset takes rows and tells its tables."""

    id: str
    name: str
    is_push: bool
    tables: dict[str, PushTable] = field(default_factory=dict)
    refreshes: list[Json] = field(default_factory=list)
    has_row_security: bool = False


@dataclass
class Workspace:
    """A workspace; ``is_member`` tells whether our app belongs to it."""

    id: str
    name: str
    is_member: bool = True
    datasets: dict[str, Dataset] = field(default_factory=dict)


@dataclass
class State:
    """The tenant. Ids come one after the other, so that they are the same each time."""

    workspaces: dict[str, Workspace] = field(default_factory=dict)
    may_query: bool = True
    may_push: bool = True
    numbers: int = 0

    def new_id(self) -> str:
        self.numbers += 1
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"powerbi {self.numbers}"))

    def add_workspace(self, name: str, *, is_member: bool = True) -> Workspace:
        made = Workspace(self.new_id(), name, is_member)
        self.workspaces[made.id] = made
        return made

    def add_dataset(self, workspace: Workspace, name: str, *, is_push: bool = False) -> Dataset:
        made = Dataset(self.new_id(), name, is_push)
        workspace.datasets[made.id] = made
        return made
