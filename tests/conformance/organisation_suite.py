"""What every Organisation promises: the whole house, each person once, and never an empty answer for a missing right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import pytest

from sandbox.faults import FaultKind
from sync.core.errors import AccessDenied, CannotExpress, Nonsense, TryLater
from sync.core.organisation import Employee, Organisation, OrgDepartment
from tests.conformance.subjects import Wire

DAY = (datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC))


class OrganisationSubject(Protocol):
    """An organisation and the truth of it. ``tells_absences`` is false where the tool does not say who is away."""

    organisation: Organisation
    tells_absences: bool

    def tree(self) -> Mapping[str, str]:
        """Department id to its parent's id ("" for the root)."""
        ...

    def heads(self) -> Mapping[str, set[str]]:
        """Department id to the account ids of its heads, where it has some."""
        ...

    def people(self) -> Mapping[str, set[str]]:
        """The account ids of everybody who works here, each with the ids of all departments."""
        ...

    def join(self, name: str, department: str) -> str:
        """A new colleague in the department; the account id."""
        ...

    def leave(self, account_id: str) -> None:
        """Somebody leaves the company."""
        ...

    def go_away(self, account_id: str) -> None:
        """Somebody is away on 24 and 25 November 2026."""
        ...

    def take_right_away(self) -> None:
        """The admin takes the right to read the directory away."""
        ...


class RemoteOrganisationSubject(OrganisationSubject, Protocol):
    """An organisation over the wire."""

    wire: Wire


def departments(organisation: Organisation) -> list[OrgDepartment]:
    return [item for page in organisation.departments() for item in page]


def employees(organisation: Organisation) -> list[Employee]:
    return [item for page in organisation.employees() for item in page]


def working(organisation: Organisation) -> dict[str, set[str]]:
    return {item.account.id: set(item.department_ids) for item in employees(organisation) if item.account.is_active}


class OrganisationSuite:
    """The promises of ``Organisation``."""

    def test_it_is_an_organisation(self, subject: OrganisationSubject) -> None:
        assert isinstance(subject.organisation, Organisation)

    def test_every_department_comes_once_after_its_parent(self, subject: OrganisationSubject) -> None:
        found = departments(subject.organisation)
        assert {item.id: item.parent_id for item in found} == dict(subject.tree())
        seen: set[str] = set()
        for item in found:
            assert not item.parent_id or item.parent_id in seen
            assert item.id not in seen
            seen.add(item.id)
        assert all(item.name for item in found)

    def test_departments_know_their_heads(self, subject: OrganisationSubject) -> None:
        assert {item.id: set(item.head_ids) for item in departments(subject.organisation) if item.head_ids} == dict(
            subject.heads()
        )

    def test_everybody_comes_once_with_all_departments(self, subject: OrganisationSubject) -> None:
        found = employees(subject.organisation)
        assert len({item.account.id for item in found}) == len(found) > 1
        assert working(subject.organisation) == dict(subject.people())
        assert all(item.account.name for item in found)

    def test_people_come_and_go(self, subject: OrganisationSubject) -> None:
        department = next(iter(subject.heads()))
        new = subject.join("新同事", department)
        assert working(subject.organisation)[new] == {department}
        subject.leave(new)
        assert new not in working(subject.organisation)

    def test_a_large_department_comes_page_by_page(self, subject: OrganisationSubject) -> None:
        department = next(iter(subject.heads()))
        for number in range(230):
            subject.join(f"同事 {number}", department)
        assert working(subject.organisation) == dict(subject.people())

    def test_a_missing_right_is_an_error_that_names_it(self, subject: OrganisationSubject) -> None:
        subject.take_right_away()
        for read in (departments, employees):
            with pytest.raises(AccessDenied) as caught:
                read(subject.organisation)
            assert len(str(caught.value)) > 20

    def test_who_is_away_is_told_or_clearly_not(self, subject: OrganisationSubject) -> None:
        first, second = list(subject.people())[:2]
        if not subject.tells_absences:
            with pytest.raises(CannotExpress):
                subject.organisation.absences([first], *DAY)
            return
        subject.go_away(first)
        (absence,) = subject.organisation.absences([first, second], *DAY)
        assert absence.account_id == first
        assert absence.begins < absence.ends


class OrganisationFaults:
    """An Organisation under faults: everybody, or an error."""

    @pytest.mark.parametrize("kind", ["rate_limited", "server_error", "slow", "reset", "html", "truncated"])
    def test_a_passing_fault_costs_nobody(self, subject: RemoteOrganisationSubject, kind: FaultKind) -> None:
        departments(subject.organisation)  # what a connection remembers is not asked again
        subject.wire.forget()
        working(subject.organisation)
        departments(subject.organisation)
        for skip in range(len(subject.wire.requests())):
            subject.wire.plan(kind, skip=skip, value=1 if kind == "rate_limited" else 0.02)
            assert working(subject.organisation) == dict(subject.people())
            assert {item.id for item in departments(subject.organisation)} == set(subject.tree())
            subject.wire.clear()

    @pytest.mark.parametrize("kind", ["server_error", "reset", "html", "truncated", "unauthorized"])
    def test_a_fault_that_stays_is_an_error(self, subject: RemoteOrganisationSubject, kind: FaultKind) -> None:
        subject.wire.plan(kind, times=10_000)
        with pytest.raises(AccessDenied if kind == "unauthorized" else (TryLater, Nonsense)):
            employees(subject.organisation)
