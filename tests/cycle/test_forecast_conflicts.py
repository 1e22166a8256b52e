"""A likely conflict through the real engine: from the history that a tool keeps to the page, the ledger and `explain`, over many days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from jobs.status_view.judge import StatusPage, StatusSettings
from sync.adoption import Adopting
from sync.core.calendar import Calendar
from sync.core.values import TrackedFinding
from tests.adoption.company import TODAY, Company

WEEK = Calendar("week")
DUE = date(2026, 12, 9)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """技术部 ends its tasks some days late, or early, as the tool itself tells; one of its tasks is waited for, and nobody is late."""
    status = StatusSettings((StatusPage("kb", "TEAM", "跨部门状态"),))
    quiet = {"is_linking": False, "is_commenting": False}
    made = Company(tmp_path, Adopting(), quiet, {"status_view": status})
    for number in range(36):
        due = WEEK.add_workdays(TODAY.date(), -number - 12)
        ended = WEEK.add_workdays(due, number % 12 - 1)
        made.put(
            "a", f"old{number}", department="技术部", status="done", due=due, finished=stamp(ended), started=stamp(due)
        )
    made.pair("1", DUE, WEEK.add_workdays(DUE, 2))
    yield made
    made.store.close()


def stamp(day: date) -> str:
    return datetime.combine(day, time(2), UTC).isoformat()


def conflict(company: Company) -> list[TrackedFinding]:
    return [item for item in company.store.findings("open") if item.finding.kind == "forecast_conflict"]


def test_while_only_the_clock_goes_on_little_is_written_and_nearer_matters_take_its_place(company: Company) -> None:
    kinds: list[str] = []
    written: list[str] = []
    for days in (1, 1, 1, 4, 4, 4, 1, 1, 1, 1):  # until the day on which those who wait are late
        written += company.written(is_first_run=True)
        now = {item.finding.kind for item in company.store.findings("open")} & {
            "forecast_conflict",
            "due_soon",
            "delay",
        }
        kinds += [] if kinds[-1:] == sorted(now) else sorted(now)
        company.wait(days)
    assert kinds == ["forecast_conflict", "due_soon", "forecast_conflict", "delay"]
    assert written == ["create page"] + ["update page"] * 3


def test_what_the_tools_own_history_tells_counts_and_what_was_told_of_it_stands(company: Company) -> None:
    """A task without dates, begun on Thursday as its tool tells: its usual day moves as the days go by, and nothing is told anew."""
    begun = ("2026-11-19T02:00:00+00:00", "todo", "doing")
    company.put("a", "p1", start=None, due=None, status="doing")
    company.put("b", "s1", start=date(2026, 11, 25), due=None)
    company.run(is_first_run=True)
    assert not conflict(company)
    company.put("a", "p1", history=[begun])
    for _ in range(4):
        company.run()
        [told] = conflict(company)
        company.wait()
    assert told.finding.parameters["scale"] == "age"
    assert (told.finding.parameters["estimated_on"], len(told.steps)) == ("2026-11-23", 1)
