"""Judge every dependency that crosses a department boundary: links both tools should show, delays both owners should know.

Pure: the same view, settings and published entries give the same judgement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from msgspec import Struct

from jobs.delays.text import comment_body, link_title
from sync.core.disclosure import Shown, contact_for, shown
from sync.core.plan import CommentContent, Desired, Judgement, LinkContent, Published
from sync.core.ports import LinkEnd
from sync.core.schedule import Schedule, calendar_for, earliest_finish, earliest_start, forecasts_of
from sync.core.values import Dependency, Finding, Language, LinkSide, Ref, Severity, Task, View

NAME = "delays"
MOST_SHOWN_DOWNSTREAM = 8
ENDED = ("done", "cancelled")
# The item a comment stands on: no part of the facts, as the comment calls it "this task" whatever it is called.
HERE: Mapping[str, Any] = {"is_here": True, "title": "", "url": "", "owner": "", "department": ""}
CLOSED = ("delay_over_done", "delay_over_started", "delay_over_finished", "delay_over_gone")  # never edited again


class DelaySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``jobs.delays`` in tieline.yaml. A delay below ``min_slip_days`` working days is not worth a comment."""

    min_slip_days: int = 1
    critical_slip_days: int = 5
    is_linking: bool = True
    is_commenting: bool = True


@dataclass(frozen=True)
class Delay:
    """One late dependency: the successor cannot start (or finish) as planned. ``slip_days`` are working days of the successor.

    ``is_open_ended``: the predecessor, or what it waits for, is past due without a new date, so days cannot be told and are not.
    ``awaited`` is the predecessor's day that counts: its forecast finish, or its start where only that is waited for.
    """

    dependency: Dependency
    predecessor: Task
    successor: Task
    planned: date
    expected: date
    slip_days: int
    is_open_ended: bool
    is_about_start: bool
    awaited: date | None
    is_past_due: bool

    @property
    def is_after_start(self) -> bool:
        return self.dependency.type.startswith("start")


def judge(view: View, settings: DelaySettings, published: Mapping[str, Published]) -> Judgement:
    """Links and comments that should stand in both tools, and a finding per delay, cycle and proposed dependency."""
    plan = forecasts_of(view)
    desired: list[Desired] = []
    findings: list[Finding] = [_cycle_finding(cycle) for cycle in plan.cycles]
    delayed: set[str] = set()
    for dependency in _crossing(view):
        if dependency.state != "confirmed":
            if dependency.state == "proposed":
                findings.append(_proposed_finding(dependency))
            continue
        if settings.is_linking:
            desired.extend(_links(view, dependency, published))
        delay = _delay(view, plan, dependency, settings)
        if delay is None:
            continue
        findings.append(_delay_finding(delay, settings))
        comments = list(_comments(view, plan, delay))
        delayed.update(item.key for item in comments)
        desired.extend(comments if settings.is_commenting else ())
    desired.extend(_closings(view, plan, published, delayed))
    return Judgement(tuple(findings), tuple(desired))


def _crossing(view: View) -> Iterator[Dependency]:
    for dependency in sorted(view.dependencies, key=lambda item: item.key):
        before, after = view.tasks.get(dependency.predecessor), view.tasks.get(dependency.successor)
        if before and after and before.department and after.department and before.department != after.department:
            yield dependency


def _delay(view: View, plan: Schedule, dependency: Dependency, settings: DelaySettings) -> Delay | None:
    """The delay of one dependency, judged on its own edge. Nothing is claimed where either status is unknown, or in a cycle."""
    before, after = view.tasks[dependency.predecessor], view.tasks[dependency.successor]
    if before.status in (*ENDED, "unknown") or after.status in (*ENDED, "unknown") or _is_cut(plan, dependency):
        return None
    calendar = calendar_for(view)(after)
    forecast, own = plan.forecasts[before.ref], plan.forecasts[after.ref]
    start = None if after.status == "in_progress" else earliest_start(dependency, forecast, calendar)
    bounds = ((own.planned_start, start, True), (after.due, earliest_finish(dependency, forecast, calendar), False))
    for planned, expected, is_about_start in bounds:
        if planned is None or expected is None:
            continue
        days = calendar.workdays_between(planned, expected)
        if days >= settings.min_slip_days:
            is_open = forecast.is_open_ended
            awaited = forecast.start if dependency.type.startswith("start") else forecast.finish
            is_past_due = plan.is_overdue(before.ref)
            return Delay(
                dependency, before, after, planned, expected, days, is_open, is_about_start, awaited, is_past_due
            )
    return None


def _is_cut(plan: Schedule, dependency: Dependency) -> bool:
    """True for a dependency inside a cycle: the schedule ignores it, so nothing is said about it but the cycle itself."""
    return any(dependency.predecessor in cycle and dependency.successor in cycle for cycle in plan.cycles)


def _links(view: View, dependency: Dependency, published: Mapping[str, Published]) -> Iterator[Desired]:
    """Both tools should show the dependency; one link does where the tool shows it at both ends. Restricted items are not named."""
    before, after = view.tasks[dependency.predecessor], view.tasks[dependency.successor]
    if "restricted" in (before.visibility, after.visibility):
        return
    is_over = before.status in ENDED or after.status in ENDED
    ends: list[tuple[Task, Task, LinkSide]] = [(before, after, "blocks"), (after, before, "waits_for")]
    facts = view.connections.get(before.ref.connection)
    if before.ref.connection == after.ref.connection and facts and facts.has_mutual_links:
        ends = ends[:1]
    for here, other, side in ends:
        key = f"{NAME}:link:{dependency.key}@{here.ref}"
        connection = view.connections.get(here.ref.connection)
        if connection is None or "tracker" not in connection.ports or (is_over and key not in published):
            continue
        yield Desired(
            key=key,
            job=NAME,
            target=here.ref,
            message="dependency_link",
            facts={"other": other.ref, "side": side, "url": other.url},
            content=LinkContent(
                LinkEnd(
                    other.ref, other.key, link_title(other, connection.language), other.url, other.status == "done"
                ),
                side,
            ),
            reason=f"dependency {dependency.key}",
            rests_on=_connections(before, after),
        )


def _comments(view: View, plan: Schedule, delay: Delay) -> Iterator[Desired]:
    downstream = _downstream(view, plan, delay)
    for here in (delay.predecessor, delay.successor):
        connection = view.connections.get(here.ref.connection)
        if connection is None or "tracker" not in connection.ports:
            continue
        facts = _facts(view, delay, downstream, here, connection.language)
        yield Desired(
            key=f"{NAME}:comment:{delay.dependency.key}@{here.ref}",
            job=NAME,
            target=here.ref,
            message="delay",
            facts=facts,
            content=CommentContent(comment_body("delay", facts, connection.language)),
            reason=f"delay:{delay.dependency.key}",
            rests_on=_connections(delay.predecessor, delay.successor, *(task for task, _ in downstream)),
        )


def _facts(
    view: View, delay: Delay, downstream: list[tuple[Task, int]], here: Task, language: Language
) -> dict[str, Any]:
    """What the comment says, in plain values. Where no date is known, no number that would grow by itself is told."""
    is_told = not delay.is_open_ended
    return {
        "side": "predecessor" if here.ref == delay.predecessor.ref else "successor",
        **_ends(view, delay.predecessor, delay.successor, here.ref, language),
        "contact": _contact(view, delay.predecessor, language),
        "predecessor_due": delay.predecessor.due,
        "is_past_due": delay.is_past_due,
        "awaited": delay.awaited if is_told else None,
        "planned": delay.planned,
        "expected": delay.expected if is_told else None,
        "slip_days": delay.slip_days if is_told else None,
        "is_about_start": delay.is_about_start,
        "is_after_start": delay.is_after_start,
        "downstream": [
            {**_shown_facts(shown(view, task, language)), "slip_days": days if is_told else None}
            for task, days in downstream
        ],
        "language": language,
    }


def _ends(view: View, before: Task, after: Task, here: Ref, language: Language) -> dict[str, Any]:
    return {
        name: HERE if task.ref == here else _shown_facts(shown(view, task, language))
        for name, task in (("predecessor", before), ("successor", after))
    }


def _contact(view: View, task: Task, language: Language) -> str:
    """Whom to talk to about a task: its owner, or whoever stands for it."""
    return shown(view, task, language).owner or contact_for(view, task.department, language)


def _shown_facts(item: Shown) -> dict[str, Any]:
    return {"title": item.title, "url": item.url, "owner": item.owner, "department": item.department}


def _downstream(view: View, plan: Schedule, delay: Delay) -> list[tuple[Task, int]]:
    """What else moves behind the successor, nearest first, with its slip in working days.

    Behind an open end it is everything that waits, late already or not: which of it is late would change by itself from day to day.
    """
    found: list[tuple[Task, int]] = []
    frontier, seen = [delay.successor.ref], {delay.predecessor.ref, delay.successor.ref}
    while frontier and len(found) < MOST_SHOWN_DOWNSTREAM:
        following = sorted(
            item.successor
            for item in view.dependencies
            if item.state == "confirmed" and item.predecessor in frontier and item.successor not in seen
        )
        frontier = [ref for ref in dict.fromkeys(following) if ref in view.tasks]
        seen.update(frontier)
        for ref in frontier:
            task, slip = view.tasks[ref], plan.forecasts[ref].slip_days
            if task.status not in (*ENDED, "unknown") and (slip > 0 or delay.is_open_ended):
                found.append((task, slip))
    return found[:MOST_SHOWN_DOWNSTREAM]


def _closings(view: View, plan: Schedule, published: Mapping[str, Published], delayed: set[str]) -> Iterator[Desired]:
    """A comment whose delay is over gets its closing text once; an ended story is not edited again."""
    by_key = {dependency.key: dependency for dependency in view.dependencies}
    for last in published.values():
        connection = view.connections.get(last.target.connection)
        if last.kind != "comment" or last.key in delayed or last.target not in view.tasks or connection is None:
            continue
        name = last.key.removeprefix(f"{NAME}:comment:").rpartition("@")[0]
        dependency = by_key.get(name)
        is_held = dependency is not None and _is_cut(plan, dependency)
        before, after = (view.tasks.get(ref) for ref in _ends_of(name))
        message = last.message if is_held else _outcome(dependency, before, after, last)
        facts = _closing_facts(view, message, before, after, last, connection.language)
        is_same = (message, facts) == (last.message, last.facts)
        content = last.content if is_same else CommentContent(comment_body(message, facts, connection.language))
        yield Desired(last.key, NAME, last.target, message, facts, content, "the delay is over", last.rests_on)


def _ends_of(dependency_key: str) -> tuple[Ref, Ref]:
    before, _, after = dependency_key.rpartition(":")[0].partition(">")
    return Ref(before), Ref(after)


def _outcome(dependency: Dependency | None, before: Task | None, after: Task | None, last: Published) -> str:
    """The message that ends the story; the last one while it goes on, and for ever once it was told."""
    if last.message in CLOSED:
        return last.message
    if dependency is None or before is None or after is None:
        return "delay_over_gone"
    if "unknown" in (before.status, after.status):
        return last.message  # nothing is closed because of an unknown
    if dependency.state != "confirmed" or "cancelled" in (before.status, after.status):
        return "delay_over_gone"
    if after.status == "done":
        return "delay_over_finished"
    if before.status == "done":
        return "delay_over_done"
    if after.status == "in_progress" and last.facts["is_about_start"]:
        return "delay_over_started"
    return "delay_over_on_plan"


def _closing_facts(
    view: View, message: str, before: Task | None, after: Task | None, last: Published, language: Language
) -> Mapping[str, Any]:
    """The facts of the last text, cut to what a closing text says. A task that has become restricted since is named no more."""
    facts = dict(last.facts)
    if before and after and "restricted" in (before.visibility, after.visibility):
        facts |= _ends(view, before, after, last.target, language)
        if "downstream" in facts:
            facts |= {"downstream": [], "contact": _contact(view, before, language)}
    if message == last.message:
        return facts
    if message == "delay_over_done" and facts["side"] == "successor" and after:
        facts["successor"] = {**facts["successor"], "title": shown(view, after, language).title}
    return {name: facts[name] for name in ("side", "predecessor", "successor", "is_about_start", "language")}


def _severity(delay: Delay, settings: DelaySettings) -> Severity:
    if delay.is_open_ended or delay.slip_days >= settings.critical_slip_days:
        return "critical"
    return "warning"


def _delay_finding(delay: Delay, settings: DelaySettings) -> Finding:
    return Finding(
        key=f"{NAME}:delay:{delay.dependency.key}",
        kind="delay",
        severity=_severity(delay, settings),
        subjects=(delay.predecessor.ref, delay.successor.ref),
        message="delay",
        parameters={
            "planned": delay.planned.isoformat(),
            "expected": None if delay.is_open_ended else delay.expected.isoformat(),
            "slip_days": None if delay.is_open_ended else delay.slip_days,
        },
        evidence=tuple(sorted({item.rule for item in delay.dependency.evidence})),
    )


def _proposed_finding(dependency: Dependency) -> Finding:
    return Finding(
        key=f"{NAME}:proposed:{dependency.key}",
        kind="proposed_dependency",
        severity="info",
        subjects=(dependency.predecessor, dependency.successor),
        message="proposed_dependency",
        parameters={"confidence": dependency.confidence},
        evidence=tuple(sorted({item.rule for item in dependency.evidence})),
    )


def _cycle_finding(cycle: tuple[Ref, ...]) -> Finding:
    return Finding(f"{NAME}:cycle:{'>'.join(cycle)}", "cycle", "warning", cycle, "cycle")


def _connections(*tasks: Task) -> tuple[str, ...]:
    return tuple(sorted({task.ref.connection for task in tasks}))
