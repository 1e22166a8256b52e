"""What every Directory promises."""

from __future__ import annotations

import pytest

from sandbox.faults import FaultKind
from sync.core.errors import AccessDenied, Nonsense, TryLater
from sync.core.ports import Directory
from tests.conformance.subjects import DirectorySubject, RemoteDirectorySubject


def names(directory: Directory) -> list[str]:
    return sorted(account.name for page in directory.accounts() for account in page)


class DirectorySuite:
    """The promises of ``Directory``."""

    def test_it_is_a_directory(self, subject: DirectorySubject) -> None:
        assert isinstance(subject.directory, Directory)

    def test_every_account_visible_to_us_comes_once(self, subject: DirectorySubject) -> None:
        accounts = [account for page in subject.directory.accounts() for account in page]
        assert sorted(account.name for account in accounts) == sorted(subject.people())
        assert len({account.id for account in accounts}) == len(accounts) > 1
        assert all(account.id for account in accounts)

    def test_a_new_colleague_is_there_the_next_time(self, subject: DirectorySubject) -> None:
        list(subject.directory.accounts())
        subject.join("新同事")
        assert "新同事" in names(subject.directory)

    def test_accounts_come_page_by_page(self, subject: DirectorySubject) -> None:
        for number in range(230):
            subject.join(f"同事 {number}")
        assert names(subject.directory) == sorted(subject.people())


class DirectoryFaults:
    """A Directory under faults: everybody, or an error."""

    @pytest.mark.parametrize(
        "kind", ["rate_limited", "server_error", "slow", "reset", "lost_answer", "html", "truncated"]
    )
    def test_a_passing_fault_costs_nobody(self, subject: RemoteDirectorySubject, kind: FaultKind) -> None:
        names(subject.directory)  # what a connection remembers is not asked again
        subject.wire.forget()
        names(subject.directory)
        for skip in range(len(subject.wire.requests())):
            subject.wire.plan(kind, skip=skip, value=1 if kind == "rate_limited" else 0.02)
            assert names(subject.directory) == sorted(subject.people())
            assert subject.wire.is_spent()

    @pytest.mark.parametrize("kind", ["server_error", "reset", "html", "truncated", "unauthorized"])
    def test_a_fault_that_stays_is_an_error(self, subject: RemoteDirectorySubject, kind: FaultKind) -> None:
        subject.wire.plan(kind, times=10_000)
        with pytest.raises(AccessDenied if kind == "unauthorized" else (TryLater, Nonsense)):
            list(subject.directory.accounts())

    @pytest.mark.parametrize("kind", ["short_page", "empty_page", "repeated_page"])
    def test_a_page_that_stumbles_costs_nobody(self, subject: RemoteDirectorySubject, kind: FaultKind) -> None:
        for number in range(230):
            subject.join(f"同事 {number}")
        for skip in range(2):
            subject.wire.plan(kind, skip=skip)
            assert names(subject.directory) == sorted(subject.people())
            subject.wire.clear()
