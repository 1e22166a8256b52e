"""The organisation as a chat tool's directory tells it: departments, who works where, who left, who is away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

from sync.core.values import Account


class OrgDepartment(Struct, frozen=True):
    """A department as its directory names it. ``parent_id`` is empty for the root; ``head_ids`` are account ids."""

    id: str
    name: str
    parent_id: str = ""
    head_ids: tuple[str, ...] = ()


class Employee(Struct, frozen=True):
    """Somebody who works here, or did (``account.is_active`` False). The first department is the main one. ``mobile`` has its country
    code; it is empty where the account may not see it."""

    account: Account
    department_ids: tuple[str, ...] = ()
    manager_id: str = ""
    mobile: str = ""
    english_name: str = ""


class Absence(Struct, frozen=True):
    """Somebody is away, from and until (aware UTC, the end excluded). ``deputy_id`` is who stands in, where the tool knows."""

    account_id: str
    begins: datetime
    ends: datetime
    kind: str = ""
    deputy_id: str = ""


def parents_first(departments: Iterable[OrgDepartment]) -> Iterator[list[OrgDepartment]]:
    """Level by level, each department once. One whose parent is not among them is told as a root, and so is one of a circle: none is left
    out.
    """
    left = {item.id: item for item in departments}
    told: set[str] = set()
    while left:
        level = [item for item in left.values() if not item.parent_id or item.parent_id in told]
        level = level or [replace(item, parent_id="") for item in left.values() if item.parent_id not in left]
        level = level or [replace(next(iter(left.values())), parent_id="")]
        yield level
        for item in level:
            told.add(item.id)
            del left[item.id]


@runtime_checkable
class Organisation(Protocol):
    """Knows departments and people. What the account may not see raises AccessDenied with the right that is missing; it is never
    an empty answer."""

    def departments(self) -> Iterator[Sequence[OrgDepartment]]:
        """Every department visible to us, parents before children, page by page."""
        ...

    def employees(self) -> Iterator[Sequence[Employee]]:
        """Everybody visible to us, each once, with all departments; those who left where the tool still tells."""
        ...

    def absences(self, account_ids: Sequence[str], begins: datetime, ends: datetime) -> Sequence[Absence]:
        """Who of these is away in that time. Raises CannotExpress where the tool does not tell."""
        ...
