"""Back-test of `sync/core/likely.py`: what it would have said in the past, beside what happened.

Run: ``.venv/bin/python -m benchmarks forecast``. Every four weeks each task that was open then is forecast from what was known then
(rolling origin: a task that ended on that day or later is open, one that was not there yet is left out), and compared with the day on
which it ended. Generated histories have a known truth and a fixed seed; real ones are read in place from ``TIELINE_SHARED``.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from sync.core.calendar import Calendar
from sync.core.likely import HALF, MOST, Past, early_finish, likely_finish
from sync.core.plans import Place
from sync.core.values import Ref, Task

WEEKDAYS = Calendar("weekdays")
UTC_ZONE = ZoneInfo("UTC")
STEP = timedelta(days=28)
WARM_UP = timedelta(days=365)
P85 = 0.85
SEEDS = range(100, 105)  # the rules were settled on others (0 to 4)


@dataclass(frozen=True)
class Case:
    """A task with all that became of it, and since when it was known."""

    task: Task
    known: date


@dataclass
class Score:
    """What came of the forecasts of one history. Errors are working days, forecast beside the day it ended."""

    asked: int = 0
    silent: int = 0
    within: dict[str, list[bool]] = field(default_factory=lambda: {"p50": [], "p85": []})
    undecided: int = 0
    errors: dict[str, list[int]] = field(default_factory=dict)
    losses: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, error: int) -> None:
        """``error``: how many working days after the forecast it ended."""
        self.errors.setdefault(name, []).append(abs(error))
        self.losses.setdefault(name, []).append(error * P85 if error > 0 else -error * (1 - P85))


def back_test(cases: list[Case], until: date, calendar: Calendar = WEEKDAYS) -> Score:
    """Forecast every open task every four weeks; ``until`` is the last day that the history tells of."""
    score = Score()
    today = min(case.known for case in cases) + WARM_UP
    while today < until:
        seen = [as_seen(case, today) for case in cases if case.known <= today]
        past = Past([task for task, _ in seen], lambda _, day=today: Place(calendar, UTC_ZONE, day))  # type: ignore[misc]
        for task, truth in seen:
            if task.status == "in_progress" and truth.status != "cancelled":
                _judge(score, past, task, truth, today, until, calendar)
        today += STEP
    return score


def as_seen(case: Case, today: date) -> tuple[Task, Task]:
    """The task as it was known when this day began, and as it came out."""
    task = case.task
    if task.finished and task.finished.date() < today:
        return task, task
    return replace(task, status="in_progress", finished=None), task


def _judge(score: Score, past: Past, task: Task, truth: Task, today: date, until: date, calendar: Calendar) -> None:
    said = likely_finish(past, task)
    score.asked += 1
    if said.basis == "plan" or said.p50 is None:
        score.silent += 1
        return
    ended = truth.finished.date() if truth.finished else None
    for name, day in (("p50", said.p50), ("p85", said.p85)):
        if day and day < until:  # counting the early ones among those that have time left would flatter
            score.within[name].append(ended is not None and ended <= day)
        elif name == "p85":
            score.undecided += 1
    if ended is None or said.p85 is None:
        return
    now = calendar.next_workday(today)
    rivals = {"P50": said.p50, "P85": said.p85, "today": max(task.due or now, now)}
    if task.due:
        rivals["due"] = task.due
    for name, day in rivals.items():
        score.add(name, calendar.workdays_between(day, calendar.next_workday(ended)))


# F10: what would be told before it is late, and how much of that was late in the end.

RULES = {"two of three": MOST, "half": HALF, "15 of 100": 1 - P85}
WEEK = timedelta(days=7)
SOON = 2  # working days before the due date ``due_soon`` is told instead


@dataclass
class Told:
    """Tasks by what was told of them: looked at, late of these; by rule told, and late of those."""

    seen: set[Ref] = field(default_factory=set)
    late: set[Ref] = field(default_factory=set)
    told: dict[str, set[Ref]] = field(default_factory=lambda: {name: set() for name in RULES})


def told_early(cases: list[Case], until: date, calendar: Calendar = WEEKDAYS) -> Told:
    """Every week, of each open task that is not due yet: whether so many of such tasks were not done by the due date."""
    found = Told()
    today = min(case.known for case in cases) + WARM_UP
    while today < until:
        seen = [as_seen(case, today) for case in cases if case.known <= today]
        past = Past([task for task, _ in seen], lambda _, day=today: Place(calendar, UTC_ZONE, day))  # type: ignore[misc]
        for task, truth in seen:
            is_asked = task.status == "in_progress" and truth.status != "cancelled" and task.due
            likely = likely_finish(past, task) if is_asked and task.due and task.due >= today else None
            if (
                not likely
                or not task.due
                or likely.basis == "plan"
                or calendar.workdays_between(today, task.due) <= SOON
            ):
                continue
            found.seen.add(task.ref)
            if truth.finished is None or truth.finished.date() > task.due:
                found.late.add(task.ref)
            for name, share in RULES.items():
                day = early_finish(past, task, likely, share)
                if day and day > task.due:
                    found.told[name].add(task.ref)
        today += WEEK
    return found


# Generated histories: how long a task takes and when it is due, in working days, by the day on which it begins.

Draw = Callable[[random.Random, date], tuple[int | None, int | None]]  # (due after, ended after; None: never)


def steady(chance: random.Random, _: date) -> tuple[int, int]:
    return 10, round(chance.lognormvariate(2.3, 0.6))


def weeks_late(chance: random.Random, _: date) -> tuple[int, int]:
    promised = chance.choice((5, 10, 15))
    return promised, promised + round(chance.gammavariate(4, 3.5))


def undated(chance: random.Random, _: date) -> tuple[None, int]:
    return None, round(chance.lognormvariate(2.0, 0.9))


def abandoning(chance: random.Random, _: date) -> tuple[int, int | None]:
    return 10, None if chance.random() < 0.1 else round(chance.lognormvariate(2.3, 0.6))


def slower(chance: random.Random, day: date) -> tuple[int, int]:
    return 10, round(chance.lognormvariate(2.3 if day < date(2024, 7, 1) else 3.1, 0.5))


def punctual(chance: random.Random, _: date) -> tuple[int, int]:
    return 10, 10 if chance.random() < 0.9 else 10 + chance.randint(1, 5)


GENERATED: dict[str, tuple[Draw, float, bool]] = {  # how, tasks a working day, does it end on any day of the week
    "steady, lognormal": (steady, 0.6, False),
    "weeks late": (weeks_late, 0.6, False),
    "no due dates": (undated, 0.6, False),
    "works on weekends": (steady, 0.6, True),
    "one in ten never ends": (abandoning, 0.6, False),
    "half as fast from July 2024": (slower, 0.6, False),
    "nearly always on the day": (punctual, 0.6, False),
    "few tasks (two a month)": (steady, 0.1, False),
}


def generated(draw: Draw, rate: float, any_day: bool, seed: int) -> list[Case]:
    """Three years of one department, 2023 to 2025."""
    chance = random.Random(seed)
    cases: list[Case] = []
    day = date(2023, 1, 2)
    while day < date(2025, 12, 1):
        if chance.random() < rate:
            due, took = draw(chance, day)
            ended = WEEKDAYS.add_workdays(day, took) if took is not None else None
            if ended and any_day and ended.weekday() == 4:
                ended += timedelta(days=chance.choice((0, 1, 2)))
            cases.append(_case(len(cases), day, WEEKDAYS.add_workdays(day, due) if due else None, ended))
        day = WEEKDAYS.add_workdays(day, 1)
    return cases


def _case(number: int, begun: date, due: date | None, ended: date | None, department: str = "tech") -> Case:
    return Case(
        Task(
            Ref(f"past:task:{number}"),
            str(number),
            "",
            "done" if ended else "in_progress",
            "",
            "",
            datetime(2026, 1, 1, tzinfo=UTC),
            department=Ref(f"tieline:department:{department}"),
            due=due,
            started=datetime.combine(begun, time(), UTC),
            finished=datetime.combine(ended, time(), UTC) if ended else None,
        ),
        begun,
    )


# Real histories: 2,183 issues of a public Jira Server, 2011 to 2021.

PROJECTS = ("ALOY", "MOD", "DAEMON")
DONE = ("Fixed", "Done")
SPRINTS = "real: sprints, due at the first one's end"
ARCHIVED = date(2021, 10, 27)


def issues(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for project in PROJECTS:
        with gzip.open(folder / f"{project}.issues.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                yield project.lower(), json.loads(line)["fields"]


def filed(archive: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[Case]:
    """From filing to the last resolution, without due dates (the archive has none)."""
    for number, (project, fields) in enumerate(archive):
        yield _real(number, project, fields, _day(fields["created"]), None)


def in_sprints(archive: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[Case]:
    """From the first sprint's start, due at that sprint's end: what the team had taken on."""
    for number, (project, fields) in enumerate(archive):
        sprints = [item for item in fields.get("closedSprints") or () if item.get("startDate") and item.get("endDate")]
        if sprints:
            first = min(sprints, key=lambda item: str(item["startDate"]))
            begun, due = max(_day(first["startDate"]), _day(fields["created"])), _day(first["endDate"])
            case = _real(number, project, fields, begun, due)
            if not case.task.finished or case.task.finished.date() >= begun:
                yield case


def _real(number: int, project: str, fields: dict[str, Any], begun: date, due: date | None) -> Case:
    ended = _day(fields["resolutiondate"]) if fields.get("resolutiondate") else None
    case = _case(number, begun, due, ended, project)
    if ended and fields["resolution"]["name"] not in DONE:
        return Case(replace(case.task, status="cancelled"), begun)
    return case


def _day(text: str) -> date:
    return datetime.fromisoformat(text).astimezone(UTC).date()


def row(name: str, score: Score) -> None:
    def share(hits: list[bool]) -> str:
        return f"{100 * sum(hits) / len(hits):.0f} %" if hits else "–"

    def middle(who: str) -> str:
        return f"{statistics.median(score.errors[who]):.0f}" if who in score.errors else "–"

    def loss(who: str) -> str:
        return f"{statistics.mean(score.losses[who]):.1f}" if who in score.losses else "–"

    cells = (
        name, str(score.asked), f"{100 * score.silent / max(1, score.asked):.0f} %", share(score.within["p85"]), share(score.within["p50"]),
        *map(middle, ("P50", "due", "today")), *map(loss, ("P85", "due", "today")), str(score.undecided),
    )  # fmt: skip
    print(f"| {' | '.join(cells)} |", flush=True)


HEAD = (
    "history", "asked", "silent", "P85 held", "P50 held", "P50 off by", "due off by", "today off by",
    "loss P85", "loss due", "loss today", "undecided",
)  # fmt: skip


def told_row(name: str, parts: list[Told]) -> None:
    def counted(rule: str) -> str:
        told = sum(len(part.told[rule]) for part in parts)
        right = sum(len(part.told[rule] & part.late) for part in parts)
        return f"{told} ({100 * right / told:.0f} %)" if told else "0"

    seen, late = sum(len(part.seen) for part in parts), sum(len(part.late) for part in parts)
    print(f"| {' | '.join((name, str(seen), str(late), *map(counted, RULES)))} |", flush=True)


def main() -> None:
    folder = Path(os.environ.get("TIELINE_SHARED", "")) / "data" / "jira-archive"
    is_real = bool(os.environ.get("TIELINE_SHARED")) and folder.is_dir()
    archive = list(issues(folder)) if is_real else []
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for name, (draw, rate, any_day) in GENERATED.items():
        total = Score()
        for seed in SEEDS:
            gather(total, back_test(generated(draw, rate, any_day, seed), date(2025, 12, 31)))
        row(name, total)
    if is_real:
        row("real: from filing, no due dates", back_test(list(filed(archive)), ARCHIVED))
        row(SPRINTS, back_test(list(in_sprints(archive)), ARCHIVED))
    print(f"\n| history | asked | late | {' | '.join(RULES)} |\n|{'---|' * (3 + len(RULES))}")
    for name, (draw, rate, any_day) in GENERATED.items():
        if draw is not undated:
            told_row(name, [told_early(generated(draw, rate, any_day, seed), date(2025, 12, 31)) for seed in SEEDS])
    if is_real:
        told_row(SPRINTS, [told_early(list(in_sprints(archive)), ARCHIVED)])
    else:
        print("real histories: skipped, TIELINE_SHARED names no folder with data/jira-archive")


def gather(total: Score, part: Score) -> None:
    """Add one score to another."""
    for name in ("asked", "silent", "undecided"):
        setattr(total, name, getattr(total, name) + getattr(part, name))
    for name in ("within", "errors", "losses"):
        for key, items in getattr(part, name).items():
            getattr(total, name).setdefault(key, []).extend(items)


if __name__ == "__main__":
    main()
