"""`dates`: what is said of likely days, in both languages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import get_args

import pytest
from msgspec.structs import replace

from sync.cli.likely_text import likely_sentence, likely_shape
from sync.core.history import History
from sync.core.likely import Likely, Reason
from sync.core.values import Department, Language, Ref, Task
from sync.core.view import View

TECH = Ref("tieline:department:tech")
FOUND = Likely(date(2026, 10, 12), date(2026, 10, 15), "department", 40, "lateness")


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_is_a_whole_sentence(reason: Reason, language: Language) -> None:
    for p50 in (FOUND.p50, None):
        text = likely_sentence(replace(FOUND, reason=reason, p50=p50), "技术部", language)
        assert "{" not in text
        assert ("None" not in text) or (p50 is None and reason in ("lateness", "age"))  # those always have both days


def test_it_says_days_and_whose_history() -> None:
    text = likely_sentence(FOUND, "技术部", "zh-CN")
    assert "一半最晚 2026-10-12 做完，85% 最晚 2026-10-15 做完" in text
    assert "技术部近一年做完的 40 个任务" in text
    plan = Likely(date(2026, 10, 12), None, "plan", 3, "thin")
    assert likely_sentence(plan, "", "en") == (
        "only 3 comparable tasks ended in the last year, and 20 are needed to tell anything; by the plan alone: 2026-10-12"
    )


def test_of_a_restricted_task_no_likely_days_are_told() -> None:
    at = datetime(2026, 11, 25, tzinfo=UTC)
    task = Task(
        Ref("jira-main:task:1"),
        "PAY-1",
        "x",
        "todo",
        "",
        "",
        at,
        department=TECH,
        due=at.date(),
        visibility="restricted",
    )
    view = View(at, {task.ref: task}, departments={TECH: Department(TECH, "技术部")})
    assert likely_shape(view, History(), task, "en") == {
        "ref": task.ref,
        "likely": None,
        "text": "",
    }
    shape = likely_shape(view, History(), replace(task, visibility="open"), "en")
    assert shape["likely"] == Likely(at.date(), None, "plan", 0, "thin")


def test_it_says_which_due_date_lateness_counts_from() -> None:
    likely = Likely(date(2026, 10, 12), date(2026, 10, 14), "department", 40, "lateness", date(2026, 9, 30))
    assert likely_sentence(likely, "技术部", "zh-CN").endswith(
        "。它的截止日期临近或过后改过，从改之前的 2026-09-30 算起"
    )
    assert "counts from the one before, 2026-09-30" in likely_sentence(likely, "tech", "en")
