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
from sync.core.disclosure import Shown, shown
from sync.core.plan import CommentContent, Desired, Judgement, LinkContent, Published
from sync.core.ports import LinkEnd
from sync.core.schedule import Schedule, calendar_for, earliest_finish, earliest_start, finish_day_for, schedule
from sync.core.values import Dependency, Finding, Language, LinkSide, Ref, Severity, Task, View

NAME = "delays"
MOST_SHOWN_DOWNSTREAM = 8
ENDED = ("done", "cancelled")


class DelaySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``jobs.delays`` in tieline.yaml. A delay below ``min_slip_days`` working days is not worth a comment."""

    min_slip_days: int = 1
    critical_slip_days: int = 5
    is_linking: bool = True
    is_commenting: bool = True


@dataclass(frozen=True)
class Delay:
    """One late dependency: the successor cannot start (or finish) as planned. ``slip_days`` are working days of the successor.

    ``is_open_ended``: the predecessor is past due without a new date, so days cannot be told and are not.
    """

    dependency: Dependency
    predecessor: Task
    successor: Task
    planned: date
    expected: date
    slip_days: int
    is_open_ended: bool
    is_about_start: bool
    predecessor_finish: date | None


def judge(view: View, settings: DelaySettings, published: Mapping[str, Published]) -> Judgement:
    """Links and comments that should stand in both tools, and a finding per delay, cycle and proposed dependency."""
    plan = schedule(view.tasks, view.dependencies, calendar_for(view), view.at.date(), finish_day_for(view))
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
        if settings.is_commenting:
            for item in _comments(view, plan, delay):
                desired.append(item)
                delayed.add(item.key)
    desired.extend(_closings(view, published, delayed))
    return Judgement(tuple(findings), tuple(desired))


def _crossing(view: View) -> Iterator[Dependency]:
    for dependency in sorted(view.dependencies, key=lambda item: item.key):
        before, after = view.tasks.get(dependency.predecessor), view.tasks.get(dependency.successor)
        if before and after and before.department and after.department and before.department != after.department:
            yield dependency


def _delay(view: View, plan: Schedule, dependency: Dependency, settings: DelaySettings) -> Delay | None:
    """The delay of one dependency, judged on its own edge. Nothing is claimed where either status is unknown."""
    before, after = view.tasks[dependency.predecessor], view.tasks[dependency.successor]
    if before.status in (*ENDED, "unknown") or after.status in (*ENDED, "unknown"):
        return None
    calendar = calendar_for(view)(after)
    forecast, own = plan.forecasts[before.ref], plan.forecasts[after.ref]
    if after.status != "in_progress" and own.planned_start:
        bound = earliest_start(dependency, forecast, calendar)
        if bound and (days := calendar.workdays_between(own.planned_start, bound)) >= settings.min_slip_days:
            return Delay(
                dependency, before, after, own.planned_start, bound, days, forecast.is_open_ended, True, forecast.finish
            )
    if after.due:
        bound = earliest_finish(dependency, forecast, calendar)
        if bound and (days := calendar.workdays_between(after.due, bound)) >= settings.min_slip_days:
            return Delay(
                dependency, before, after, after.due, bound, days, forecast.is_open_ended, False, forecast.finish
            )
    return None


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
    before = shown(view, delay.predecessor, here.ref, language)
    after = shown(view, delay.successor, here.ref, language)
    is_told = not delay.is_open_ended
    return {
        "side": "predecessor" if here.ref == delay.predecessor.ref else "successor",
        "predecessor": _shown_facts(before),
        "successor": _shown_facts(after),
        "predecessor_due": delay.predecessor.due,
        "predecessor_finish": delay.predecessor_finish if is_told else None,
        "planned": delay.planned,
        "expected": delay.expected if is_told else None,
        "slip_days": delay.slip_days if is_told else None,
        "is_about_start": delay.is_about_start,
        "downstream": [
            {**_shown_facts(shown(view, task, here.ref, language)), "slip_days": days if is_told else None}
            for task, days in downstream
        ],
        "language": language,
    }


def _shown_facts(item: Shown) -> dict[str, Any]:
    return {"title": item.title, "url": item.url, "owner": item.owner, "department": item.department}


def _downstream(view: View, plan: Schedule, delay: Delay) -> list[tuple[Task, int]]:
    """What else moves behind the successor, nearest first, with its slip in working days."""
    found: list[tuple[Task, int]] = []
    frontier, seen = [delay.successor.ref], {delay.predecessor.ref, delay.successor.ref}
    while frontier and len(found) < MOST_SHOWN_DOWNSTREAM:
        following = sorted(
            item.successor
            for item in view.dependencies
            if item.state == "confirmed" and item.predecessor in frontier and item.successor not in seen
        )
        frontier = list(dict.fromkeys(following))
        seen.update(frontier)
        for ref in frontier:
            task = view.tasks.get(ref)
            if task and task.status not in ENDED and plan.forecasts[ref].slip_days > 0:
                found.append((task, plan.forecasts[ref].slip_days))
    return found[:MOST_SHOWN_DOWNSTREAM]


def _closings(view: View, published: Mapping[str, Published], delayed: set[str]) -> Iterator[Desired]:
    """A comment whose delay is over gets its closing text once; an ended story is not edited again."""
    by_key = {dependency.key: dependency for dependency in view.dependencies}
    for last in published.values():
        if last.kind != "comment" or last.key in delayed or last.target not in view.tasks:
            continue
        dependency = by_key.get(last.key.removeprefix(f"{NAME}:comment:").rpartition("@")[0])
        message, facts = _outcome(view, dependency, last)
        language = view.connections[last.target.connection].language
        content = last.content if message == last.message else CommentContent(comment_body(message, facts, language))
        yield Desired(last.key, NAME, last.target, message, facts, content, "the delay is over", last.rests_on)


def _outcome(view: View, dependency: Dependency | None, last: Published) -> tuple[str, Mapping[str, Any]]:
    if last.message in ("delay_over_done", "delay_over_gone"):
        return last.message, last.facts
    before = view.tasks.get(dependency.predecessor) if dependency else None
    after = view.tasks.get(dependency.successor) if dependency else None
    if dependency is None or before is None or after is None:
        message = "delay_over_gone"
    elif "unknown" in (before.status, after.status):
        return last.message, last.facts  # nothing is closed because of an unknown
    elif dependency.state != "confirmed" or "cancelled" in (before.status, after.status):
        message = "delay_over_gone"
    elif before.status == "done" or after.status == "done":
        message = "delay_over_done"
    elif after.status == "in_progress":
        message = "delay_over_started"
    else:
        message = "delay_over_on_plan"
    kept = ("side", "predecessor", "successor", "language")
    return message, {name: last.facts[name] for name in kept}


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
