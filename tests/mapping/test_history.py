"""A tool's own history in our words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sync.core.history import DueChange, StatusChange, first_due, with_history
from sync.core.values import Record, Ref, Task
from sync.core.vendor_change import VendorChange
from sync.core.working_time import WEEKDAYS
from sync.mapping.history import due_changes, status_changes
from sync.mapping.identity import Identity
from sync.mapping.people import parse_people
from sync.mapping.rules import Directory
from sync.mapping.schema import parse_mapping

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TASK, OTHER = Ref("jira-main:task:7"), Ref("jira-main:task:8")
PEOPLE = parse_people("people:\n  zhang-wei: {name: 张伟, accounts: {jira-main: [abc]}}\n".encode(), "people.yaml", {})
IDENTITY = Identity(Directory(PEOPLE))
MAPPING = parse_mapping(
    "version: 1\nscope: [PAY]\nstatus: {待办: todo, 进行中: in_progress, 评审中: in_progress, 已完成: done}\n"
    "task: {title: summary, vendor_status: status.name, due: duedate}\n".encode(),
    "jira-main.yaml",
    Directory(),
)


def history(*changes: tuple[str, str, str, str]) -> Record:
    made = tuple(VendorChange("7", name, before, after, NOON, by) for name, before, after, by in changes)
    return Record(Ref("jira-main:history:7"), "7", "", "", NOON, {}, changes=made)


def told(*changes: tuple[str, str, str, str]) -> tuple[StatusChange, ...]:
    return status_changes(history(*changes), MAPPING, IDENTITY)


def test_status_words_are_read_by_the_same_table() -> None:
    assert told(
        ("status", "待办", "进行中", "abc"), ("status", "进行中", "已上线", ""), ("status", "已上线", "已完成", "x")
    ) == (
        StatusChange(TASK, "todo", "in_progress", NOON, Ref("tieline:person:zhang-wei")),
        StatusChange(TASK, "in_progress", "unknown", NOON),
        StatusChange(TASK, "unknown", "done", NOON, Ref("jira-main:account:x")),
    )


def test_other_fields_and_words_of_one_status_change_nothing() -> None:
    assert told(("assignee", "待办", "进行中", ""), ("status", "进行中", "评审中", "")) == ()


def test_a_moved_due_date_is_told_as_the_mapping_reads_dates() -> None:
    first, second = date(2026, 9, 30), date(2026, 10, 10)
    record = history(
        ("duedate", "", "2026-09-30", "abc"), ("duedate", "2026-09-30", "2026-10-09T20:00:00.000Z", ""),
        ("duedate", "2026-10-10", "next week", ""), ("duedate", "2026-10-10T00:00:00Z", "2026-10-10T03:00:00Z", ""),
        ("status", "", "2026-09-30", "abc"),
    )  # fmt: skip
    assert due_changes(record, MAPPING, IDENTITY) == (
        DueChange(TASK, None, first, NOON, Ref("tieline:person:zhang-wei")),
        DueChange(TASK, first, second, NOON),
    )


def test_starts_and_ends_are_told_where_the_mapping_does_not() -> None:
    def at(hours: int) -> datetime:
        return NOON + timedelta(hours=hours)

    changes = [
        StatusChange(TASK, "in_progress", "done", at(5)),
        StatusChange(TASK, "todo", "in_progress", at(1)),
        StatusChange(TASK, "done", "in_progress", at(3)),
        StatusChange(TASK, "in_progress", "done", at(2)),
    ]
    task = Task(TASK, "PAY-7", "x", "done", "已完成", "", NOON)
    other = Task(OTHER, "PAY-8", "x", "done", "已完成", "", NOON)
    [found, same] = with_history([task, other], changes)
    assert (found.started, found.finished) == (at(1), at(5))
    assert same == other
    [reopened] = with_history([Task(TASK, "PAY-7", "x", "in_progress", "进行中", "", NOON)], changes)
    assert (reopened.started, reopened.finished) == (at(1), None)
    [said] = with_history([Task(TASK, "PAY-7", "x", "done", "", "", NOON, started=at(-9), finished=at(-8))], changes)
    assert (said.started, said.finished) == (at(-9), at(-8))


@pytest.mark.parametrize(
    ("moves", "counts"),
    [
        ([], "10-10"),
        ([("09-30", "10-10", "09-20")], "10-10"),  # long before: that was planning
        ([("09-30", "10-10", "09-23")], "09-30"),  # five working days before its day
        ([("09-30", "10-10", "09-22")], "10-10"),
        ([("09-30", None, "10-09"), (None, "10-10", "10-09")], "09-30"),
        ([(None, "09-20", "09-23"), ("09-20", "10-10", "09-24")], "10-10"),  # gone by when it was set
        ([(None, "09-30", "09-28"), ("09-30", "10-10", "09-28")], "10-10"),  # corrected on the same day
        ([(None, "09-30", "09-28"), ("09-30", "10-10", "09-29")], "09-30"),
        ([("10-20", "10-10", "10-19")], "10-10"),  # earlier than it was
        ([("09-28", "09-30", "09-01"), ("09-30", "10-09", "09-30"), ("10-09", "10-10", "10-09")], "09-30"),
    ],
)
def test_lateness_counts_from_the_first_date_that_was_let_go(
    moves: list[tuple[str | None, str | None, str]], counts: str
) -> None:
    """A date given up while it was near, or once it had gone by, is what people had been promised."""

    def day(text: str | None) -> date | None:
        return date.fromisoformat(f"2026-{text}") if text else None

    changes = [
        DueChange(TASK, day(was), day(now), datetime.fromisoformat(f"2026-{at}T09:0{minute}:00+00:00"))
        for minute, (was, now, at) in enumerate(moves)
    ]
    found = first_due(date(2026, 10, 10), reversed(changes), WEEKDAYS, ZoneInfo("UTC"))
    assert found == day(counts)
