"""What concerns whom: each finding as the things that one person should hear of it. No words, no clock. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from jobs.digests.settings import DigestSettings
from sync.core.asking import asked_instead
from sync.core.plan import digest_of
from sync.core.values import Finding, Ref, Task, TrackedFinding
from sync.core.view import View
from sync.core.working_time import zone_of_person

Section = Literal["asked", "ready", "held", "awaited", "unowned"]
SECTIONS: tuple[Section, ...] = ("asked", "ready", "held", "awaited", "unowned")
WAITING = ("todo", "blocked")
OPEN = ("todo", "in_progress", "blocked")
Waits = Mapping[Ref, Sequence[Ref]]
ASKED_NEWS = {"due_soon": ("due",), "forecast_conflict": ("planned", "likely"), "silent": ("since",)}
SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class Item:
    """One thing for one person: about ``mine``, a task of theirs, and ``other``, which waits for it, or is waited for.

    ``news`` is what makes it worth saying again when it changes. ``dependency`` is the key of the dependency that it rests on, "" for none;
    ``others`` counts several tasks in the place of ``other``; ``is_pushed``: ``mine`` is late because it waits for something late itself;
    ``instead_of``: whose task it is, where somebody stands in for them.
    """

    person: Ref
    section: Section
    key: str
    message: str
    mine: Task
    other: Task | None = None
    finding: TrackedFinding | None = None
    dependency: str = ""
    news: Mapping[str, Any] = field(default_factory=dict)
    others: int = 1
    is_pushed: bool = False
    instead_of: Ref | None = None

    @property
    def told(self) -> str:
        """A digest of what would be news."""
        return digest_of(self.message, self.news)[:12]

    @property
    def tasks(self) -> tuple[Task, ...]:
        return (self.mine, self.other) if self.other else (self.mine,)

    @property
    def order(self) -> tuple[int, int, float, str]:
        """What may be begun comes first, then the worst, of these what stands longest."""
        is_short = self.section in ("ready", "held")
        severity = 0 if is_short or self.finding is None else SEVERITIES.index(self.finding.finding.severity)
        since = self.finding.opened_at.timestamp() if self.finding else 0.0
        return severity, SECTIONS.index(self.section), since, self.key


def waits_of(view: View, tasks: Collection[Ref]) -> Waits:
    """What each of these tasks waits for to start."""
    found: dict[Ref, list[Ref]] = {}
    for item in view.dependencies:
        if item.successor in tasks and item.state == "confirmed" and item.type == "finish_to_start":
            found.setdefault(item.successor, []).append(item.predecessor)
    return {ref: sorted(predecessors) for ref, predecessors in found.items()}


def items_of(view: View, settings: DigestSettings, people: Collection[Ref]) -> dict[Ref, list[Item]]:
    """Everything that stands and concerns one of these people, by person."""
    wanted = [item for item in view.standing if item.finding.kind in settings.kinds and _may_tell(view, item)]
    pushed = {item.finding.subjects[-1] for item in view.standing if item.finding.kind == "delay"}
    waits = waits_of(view, {item.finding.subjects[0] for item in wanted if item.finding.kind == "can_start"})
    keys = _keys_between(view, {item.finding.subjects for item in wanted})
    found: dict[Ref, list[Item]] = {}
    for tracked in wanted:
        tasks = [view.tasks[ref] for ref in tracked.finding.subjects]
        name = tracked.finding.key.removeprefix(f"{tracked.job}:{tracked.finding.kind}:")
        for item in _items(view, tracked, tasks, name if name in keys else "", waits):
            told = _for_who_is_there(view, item)
            if told.person in people:
                found.setdefault(told.person, []).append(replace(told, is_pushed=item.mine.ref in pushed))
    return found


def _may_tell(view: View, tracked: TrackedFinding) -> bool:
    subjects = tracked.finding.subjects
    return (
        all(ref in view.tasks for ref in subjects) and takes_part(view, subjects) and not is_of_first_day(view, tracked)
    )


def _keys_between(view: View, ends: Collection[tuple[Ref, ...]]) -> set[str]:
    """The keys of the dependencies between these tasks that hold."""
    between = (item for item in view.dependencies if (item.predecessor, item.successor) in ends)
    return {item.key for item in between if item.state == "confirmed"}


def takes_part(view: View, subjects: tuple[Ref, ...]) -> bool:
    """Whether one of these tasks is in the pilot, where there is one."""
    return view.pilot is None or not view.pilot.isdisjoint(subjects)


def is_of_first_day(view: View, tracked: TrackedFinding) -> bool:
    """Whether this stood already when Tieline came: it is on the stock-taking page. A late pair that has news since is not."""
    if view.baseline is None or view.baseline.day is None:
        return False
    if tracked.finding.kind == "delay":
        return bool(tracked.finding.parameters.get("is_baseline"))
    return tracked.opened_at.astimezone(view.at.tzinfo).date() <= view.baseline.day


def _items(view: View, tracked: TrackedFinding, tasks: list[Task], name: str, waits: Waits) -> Iterator[Item]:
    """``name`` is the key of the dependency that the finding is about, "" for none."""
    finding, first, last = tracked.finding, tasks[0], tasks[-1]
    match finding.kind:
        case "delay":
            news = _named(finding, "planned", "expected")
            yield from _asked(tracked, first, last, name, news)
            if last.owner and last.owner != first.owner:
                yield Item(
                    last.owner, "awaited", _key("awaited", finding), "awaited_delay", last, first, tracked, name, news
                )
        case "due_soon" | "forecast_conflict" | "silent":
            yield from _asked(tracked, first, last, name, _named(finding, *ASKED_NEWS[finding.kind]))
        case "unreachable":
            yield from _asked(tracked, first, last if last != first else None, "", _named(finding, "due", "expected"))
        case "started_early" if last.owner:
            yield Item(last.owner, "awaited", _key("awaited", finding), "started_early", last, first, tracked, name)
        case "can_start" if first.owner:
            before = [view.tasks[ref] for ref in waits.get(first.ref, ()) if ref in view.tasks]
            other = before[0] if len(before) == 1 else None
            yield Item(
                first.owner, "ready", f"ready:{first.ref}", "can_start", first, other, tracked, others=len(before)
            )
        case "unowned":
            department = view.departments.get(first.department) if first.department else None
            if department and department.head and tracked.state == "open":
                yield Item(department.head, "unowned", _key("unowned", finding), "unowned", first, last, tracked, name)


def _asked(
    tracked: TrackedFinding, mine: Task, other: Task | None, dependency: str, news: Mapping[str, Any]
) -> Iterator[Item]:
    """What its owner is asked for, as long as nobody has said that they are on it."""
    if mine.owner and tracked.state == "open":
        kind = tracked.finding.kind
        key = _key("asked", tracked.finding)
        yield Item(mine.owner, "asked", key, f"asked_{kind}", mine, other, tracked, dependency, news)


def _for_who_is_there(view: View, item: Item) -> Item:
    """What somebody is asked for goes to whoever stands in while they are away; what they only should know waits for them."""
    if item.section not in ("asked", "unowned"):
        return item
    today = view.at.astimezone(zone_of_person(view, item.person)).date()
    there = asked_instead(view.people, view.departments, item.person, today)
    return item if there is None or there == item.person else replace(item, person=there, instead_of=item.person)


def _key(section: Section, finding: Finding) -> str:
    return f"{section}:{finding.key}"


def _named(finding: Finding, *names: str) -> Mapping[str, Any]:
    return {name: finding.parameters.get(name) for name in names}


def without_repeats(items: list[Item]) -> list[Item]:
    """Of a task that is late, soon due or likely late, and of which nothing was heard for days as well, its owner hears once."""
    heavier = ("asked_delay", "asked_due_soon", "asked_forecast_conflict")
    asked = {item.mine.ref for item in items if item.message in heavier}
    return [item for item in items if item.message != "asked_silent" or item.mine.ref not in asked]


def is_asked_elsewhere(view: View, item: Item, day: date) -> bool:
    """Whether another job asks this person about the finding on this day of theirs, or did before, of what is still as it was then."""
    if item.finding is None or (at := view.asked.get((item.person, item.finding.finding.key))) is None:
        return False
    if at.astimezone(zone_of_person(view, item.person)).date() >= day:
        return True
    then = [step.parameters for step in item.finding.steps if step.at <= at]
    return bool(then) and replace(item, news={name: then[-1].get(name) for name in item.news}).told == item.told


def within_budget(news: Iterable[Item], left: Mapping[str, date], most: int) -> list[Item]:
    """So many of the news as one message tells. Some of the places are for what was left out before (since when, by key), longest first, so
    that nothing waits for ever; the others are for the first in order.
    """
    ordered = sorted(news, key=lambda item: item.order)
    waiting = sorted((item for item in ordered if item.key in left), key=lambda item: left[item.key])
    first = waiting[: max(1, most // 2)]
    return [*first, *(item for item in ordered if item not in first)][:most]


def told_ready(told: Collection[str]) -> dict[Ref, str]:
    """The tasks of which somebody was told that they can start, each with the key under which it is remembered."""
    return {Ref(key.removeprefix("ready:")): key for key in sorted(told) if key.startswith("ready:")}


def taken_back(
    view: View, person: Ref, told: Collection[str], standing: Collection[str], waits: Waits
) -> Iterator[Item]:
    """Where somebody was told that they can start, and what they waited for is open again."""
    for ref, key in told_ready(told).items():
        mine = view.tasks.get(ref) if key not in standing else None
        if mine is None or mine.owner != person or mine.status not in WAITING:
            continue
        tasks = [view.tasks[ref] for ref in waits.get(mine.ref, ()) if ref in view.tasks]
        if again := [task for task in tasks if task.status in OPEN]:
            yield Item(person, "held", key, "held", mine, again[0])


def is_undecided(view: View, person: Ref, key: str) -> bool:
    """Whether it cannot be told now if somebody who was told so can still start: nothing is said because of an unknown."""
    if not key.startswith("ready:"):
        return False
    mine = view.tasks.get(Ref(key.removeprefix("ready:")))
    return mine is None or (mine.owner == person and mine.status in (*WAITING, "unknown"))
