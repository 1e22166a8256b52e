"""Judge every dependency that crosses a department boundary: links both tools should show, delays both owners should know.

Pure: the same view, settings and published entries give the same judgement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jobs.delays.conflicts import conflicts
from jobs.delays.findings import cycle_finding, delay_finding, due_soon_of, projection_of, proposed_finding, watched
from jobs.delays.lateness import (
    ENDED,
    NAME,
    Delay,
    DelaySettings,
    bound_of,
    crossing,
    delay_of,
    is_cut,
    is_speaking,
    pairs_to_remember,
    spoken_of,
)
from jobs.delays.notices import PREFIX, can_start, language_of, notice_content, notices
from jobs.delays.text import comment_body, link_title
from sync.core.disclosure import NOT_VISIBLE, Shown, contact_for, shown
from sync.core.impact import costs_of
from sync.core.plan import CommentContent, Content, Desired, Judgement, LinkContent, Published
from sync.core.ports import LinkEnd
from sync.core.said import Answered
from sync.core.schedule import Schedule, forecasts_of
from sync.core.values import Dependency, Finding, Language, LinkSide, Ref, Task, ends_of
from sync.core.view import ConnectionFacts, View

MOST_SHOWN_DOWNSTREAM = 8
# The item a comment stands on: no part of the facts, as the comment calls it "this task" whatever it is called.
HERE: Mapping[str, Any] = {"is_here": True, "title": "", "url": "", "owner": "", "department": ""}
Answers = Mapping[Ref, tuple[Answered, ...]]
CLOSED = ("delay_over_done", "delay_over_started", "delay_over_finished")  # never edited again


def judge(view: View, settings: DelaySettings, published: Mapping[str, Published]) -> Judgement:
    """Links and comments that should stand in both tools, and a finding per delay, cycle and proposed dependency."""
    plan = forecasts_of(view)
    costs = costs_of(plan)
    desired: list[Desired] = []
    findings: list[Finding] = [cycle_finding(plan, cycle) for cycle in plan.cycles]
    delayed: set[str] = set()
    on_plan: set[str] = set()
    confirmed: set[str] = set()
    delays: dict[str, Delay] = {}
    spoken, answered = spoken_of(published), _answered_by_cause(view)
    for dependency in crossing(view):
        if dependency.state != "confirmed":
            if dependency.state == "proposed":
                findings.append(proposed_finding(dependency))
            continue
        confirmed.add(dependency.key)
        delay = delay_of(view, plan, dependency, settings)
        is_said = is_speaking(view, dependency, delay, spoken, settings)
        if is_said and settings.is_linking:
            desired.extend(_links(view, dependency, published))
        if delay is None:
            if bound_of(view, plan, dependency):
                on_plan.add(dependency.key)
            continue
        delays[dependency.key] = delay
        findings.append(delay_finding(plan, costs, delay, settings, is_said))
        comments = list(_comments(view, plan, delay, answered))
        comments += _notices(view, plan, delay, settings, published)
        delayed.update(item.key for item in comments)
        desired.extend(item for item in comments if is_said and (settings.is_commenting or item.kind == "message"))
    findings.extend(watched(view, plan, settings))
    findings.extend(conflicts(view, plan, settings, delays.keys() | due_soon_of(findings)))
    desired.extend(_closings(view, plan, published, delayed, on_plan))
    desired.extend(_kept_links(view, published, {item.key for item in desired}, settings))
    pairs = tuple(pairs_to_remember(view, delays, on_plan, confirmed))
    return Judgement(tuple(findings), tuple(desired), pairs)


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
        if not other.url and other.ref.connection != here.ref.connection:
            continue  # a row of a spreadsheet may have no address: there is nothing to link to
        yield Desired(
            key=key,
            job=NAME,
            target=here.ref,
            message="dependency_link",
            facts={"other": other.ref, "side": side},
            content=LinkContent(
                LinkEnd(
                    other.ref, other.key, link_title(other, connection.language), other.url, other.status == "done"
                ),
                side,
            ),
            reason=f"dependency {dependency.key}",
            rests_on=_connections(before, after),
        )


def _kept_links(
    view: View, published: Mapping[str, Published], said: set[str], settings: DelaySettings
) -> Iterator[Desired]:
    """Links that stand and about which nothing can be said now stay as they are: a task that was moved or archived is no reason to remove
    one. One that is hidden from us is: people who see the link may not see the task any more either.
    """
    states = {dependency.key: dependency.state for dependency in view.dependencies}
    for last in published.values():
        if last.kind != "link" or last.key in said:
            continue
        name = last.key.removeprefix(f"{NAME}:link:").rpartition("@")[0]
        before, after = (view.tasks.get(ref) for ref in ends_of(name))
        is_missing = before is None or after is None or before.department is None or after.department is None
        is_secret = any(task is not None and task.visibility == "restricted" for task in (before, after))
        is_open = is_missing or states.get(name) == "proposed" or not settings.is_linking
        if (
            is_open
            and not is_secret
            and isinstance(last.content, LinkContent)
            and last.content.other.ref not in view.hidden
        ):
            nameless = LinkContent(LinkEnd(last.content.other.ref, "", "", ""), last.content.side)
            reason = "nothing can be said of it now"
            yield Desired(last.key, NAME, last.target, last.message, last.facts, nameless, reason, last.rests_on)


def _comments(view: View, plan: Schedule, delay: Delay, answered: Answers) -> Iterator[Desired]:
    downstream = _downstream(view, plan, delay)
    for here in (delay.predecessor, delay.successor):
        connection = view.connections.get(here.ref.connection)
        if connection is None or "tracker" not in connection.ports:
            continue
        facts = _facts(view, plan, delay, downstream, here, connection.language)
        facts |= _answered_facts(answered, delay, connection)
        yield Desired(
            key=f"{NAME}:comment:{delay.dependency.key}@{here.ref}",
            job=NAME,
            target=here.ref,
            message="delay",
            facts=facts,
            content=CommentContent(
                comment_body("delay", facts, connection.language, is_heard="replies" in connection.ports)
            ),
            reason=f"delay:{delay.dependency.key}",
            rests_on=_connections(delay.predecessor, delay.successor, *(task for task, _ in downstream)),
        )


def _notices(
    view: View, plan: Schedule, delay: Delay, settings: DelaySettings, published: Mapping[str, Published]
) -> Iterator[Desired]:
    if not settings.rooms:
        return
    downstream = _downstream(view, plan, delay)
    languages = {language_of(view, room) for room in settings.rooms}
    facts = {language: _facts(view, plan, delay, downstream, None, language) for language in languages}
    yield from notices(settings.rooms, delay, facts, view, published)


def _facts(
    view: View,
    plan: Schedule,
    delay: Delay,
    downstream: list[tuple[Task, int | None]],
    here: Task | None,
    language: Language,
) -> dict[str, Any]:
    """What the comment on a task, or the card in a room, says, in plain values. Where no date is known, no number that would grow by
    itself is told.
    """
    is_told = not delay.is_open_ended
    side = "predecessor" if here and here.ref == delay.predecessor.ref else "successor"
    return {
        "side": side if here else "room",
        **_ends(view, delay.predecessor, delay.successor, here.ref if here else None, language),
        "contact": _contact(view, delay.predecessor, language),
        "predecessor_due": delay.predecessor.due,
        "is_past_due": delay.is_past_due,
        "awaited": delay.awaited if is_told else None,
        "planned": delay.planned,
        "expected": delay.expected if is_told else None,
        "slip_days": delay.slip_days if is_told else None,
        "is_about_start": delay.is_about_start,
        "is_after_start": delay.is_after_start,
        "downstream": [{**_shown_facts(shown(view, task, language)), "slip_days": days} for task, days in downstream],
        "language": language,
        **projection_of(plan, delay),
    }


def _answered_by_cause(view: View) -> Answers:
    """What people said about each late task: several delays of one task are one matter (docs/escalation.md, E19), and what was said last
    about any of them holds."""
    found: dict[Ref, tuple[Answered, ...]] = {}
    prefix = f"{NAME}:delay:"
    for key in (key for key in view.answered if key.startswith(prefix)):
        cause, said = ends_of(key.removeprefix(prefix))[0], view.answered[key]
        if cause not in found or _last_said(said) > _last_said(found[cause]):
            found[cause] = said
    return found


def _last_said(said: tuple[Answered, ...]) -> tuple[datetime, bool]:
    return max((item.at, item.word == "promised") for item in said)


def _answered_facts(answered: Answers, delay: Delay, connection: ConnectionFacts) -> dict[str, Any]:
    """What people said about what is late; nothing where one end is restricted: who is on it would tell something of it."""
    said = answered.get(delay.predecessor.ref, ())
    if not said or "restricted" in (delay.predecessor.visibility, delay.successor.visibility):
        return {}
    zone = ZoneInfo(connection.zone)
    lines = [
        {"word": item.word, "name": item.name, "time": f"{item.at.astimezone(zone):%m-%d %H:%M}", "day": item.day}
        for item in said
    ]
    return {"answered": lines}


def _ends(view: View, before: Task, after: Task, here: Ref | None, language: Language) -> dict[str, Any]:
    return {
        name: HERE if task.ref == here else _shown_facts(shown(view, task, language))
        for name, task in (("predecessor", before), ("successor", after))
    }


def _contact(view: View, task: Task, language: Language) -> str:
    """Whom to talk to about a task: its owner, or whoever stands for it."""
    return shown(view, task, language).owner or contact_for(view, task.department, language)


def _shown_facts(item: Shown) -> dict[str, Any]:
    return {"title": item.title, "url": item.url, "owner": item.owner, "department": item.department}


def _downstream(view: View, plan: Schedule, delay: Delay) -> list[tuple[Task, int | None]]:
    """What else moves behind the successor, nearest first, with its slip in working days; None where no date is known.

    Only what this delay moves is in it, not what is late by its own date. Behind an open end it is everything that waits, late
    already or not: which of it is late would change by itself from day to day.
    """
    found: list[tuple[Task, int | None]] = []
    frontier, seen = [delay.successor.ref], {delay.predecessor.ref, delay.successor.ref}
    open_ends = {delay.successor.ref} if delay.is_open_ended else set()
    while frontier and len(found) < MOST_SHOWN_DOWNSTREAM:
        open_ends.update(ref for ref in frontier if plan.forecasts[ref].is_open_ended)
        following = sorted(
            (item for ref in frontier for item in plan.pushes.get(ref, ())), key=lambda item: item.successor
        )
        moving = [item for item in following if item.successor not in seen and _is_moving(view, plan, item, open_ends)]
        open_ends.update(item.successor for item in moving if item.predecessor in open_ends)
        frontier = list(dict.fromkeys(item.successor for item in moving))
        seen.update(frontier)
        for ref in frontier:
            forecast = plan.forecasts[ref]
            is_told = ref not in open_ends and not forecast.is_open_ended
            found.append((view.tasks[ref], forecast.slip_days if is_told else None))
    return found[:MOST_SHOWN_DOWNSTREAM]


def _is_moving(view: View, plan: Schedule, dependency: Dependency, open_ends: Set[Ref]) -> bool:
    """True when a predecessor that moves takes its successor along; today's date has no say in it."""
    after = view.tasks.get(dependency.successor)
    if after is None or after.status in (*ENDED, "unknown"):
        return False
    bound = bound_of(view, plan, dependency)
    return dependency.predecessor in open_ends or (bound is not None and bound[1] > bound[0])


def _closings(
    view: View, plan: Schedule, published: Mapping[str, Published], delayed: Set[str], on_plan: Set[str]
) -> Iterator[Desired]:
    """A comment whose delay is over gets its closing text once; an ended story is not edited again.

    ``delayed`` are the keys of comments that stand, ``on_plan`` those of dependencies judged to hold nothing up.
    """
    by_key = {dependency.key: dependency for dependency in view.dependencies}
    for last in published.values():
        connection = view.connections.get(last.target.connection)
        is_notice = last.key.startswith(PREFIX)
        is_ours = is_notice or (last.kind == "comment" and last.target in view.tasks)
        if not is_ours or last.key in delayed or connection is None:
            continue
        name = last.key.removeprefix(PREFIX if is_notice else f"{NAME}:comment:").rpartition("@")[0]
        dependency = by_key.get(name)
        is_held = dependency is not None and is_cut(plan, dependency)
        before, after = (view.tasks.get(ref) for ref in ends_of(name))
        message = last.message if is_held else _outcome(dependency, before, after, last, name in on_plan)
        language: Language = last.facts["language"] if is_notice else connection.language
        facts = _closing_facts(view, message, before, after, last, language)
        is_same = (message, facts) == (last.message, last.facts)
        content = last.content if is_same else _content(message, facts, language, name if is_notice else "")
        yield Desired(last.key, NAME, last.target, message, facts, content, "the delay is over", last.rests_on)
        if is_notice and message == "delay_over_done":
            yield can_start(last, facts, name, published)


def _content(message: str, facts: Mapping[str, Any], language: Language, notice_of: str) -> Content:
    """A comment's text, or the card of the dependency that a notice is about."""
    if notice_of:
        return notice_content(message, facts, language, notice_of)
    return CommentContent(comment_body(message, facts, language))


def _outcome(
    dependency: Dependency | None, before: Task | None, after: Task | None, last: Published, is_on_plan: bool
) -> str:
    """The message that ends the story; the last one while it is not known to be over, and for ever once its end was told."""
    if last.message in CLOSED or before is None or after is None:
        return last.message  # a task that was moved, archived or hidden ends nothing
    if dependency is None:
        return "delay_over_gone"
    if "unknown" in (before.status, after.status) or dependency.state == "proposed":
        return last.message  # nothing is closed because of an unknown or a doubt
    if dependency.state == "rejected" or "cancelled" in (before.status, after.status):
        return "delay_over_gone"
    if after.status == "done":
        return "delay_over_finished"
    if before.status == "done":
        return "delay_over_done"
    if after.status == "in_progress" and last.facts["is_about_start"]:
        return "delay_over_started"
    return "delay_over_on_plan" if is_on_plan else last.message


def _closing_facts(
    view: View, message: str, before: Task | None, after: Task | None, last: Published, language: Language
) -> Mapping[str, Any]:
    """What a closing text says. A text that stays keeps its facts, but what is restricted or hidden since is named no more."""
    facts = dict(last.facts)
    if message == last.message or before is None or after is None:
        ends = {"predecessor": before, "successor": after}
        masked = {name: _masked(view, task, facts[name], language) for name, task in ends.items()}
        is_hidden = any(task is None or task.visibility == "restricted" for task in ends.values())
        if is_hidden and "downstream" in facts:
            contact = _contact(view, before, language) if before else contact_for(view, None, language)
            facts |= {"downstream": [], "contact": contact}
            facts.pop("answered", None)
        return facts | masked
    facts |= _ends(view, before, after, last.target, language)
    if message == "delay_over_done" and facts["side"] == "successor":
        facts["successor"] = {**facts["successor"], "title": shown(view, after, language).title}
    return {name: facts[name] for name in ("side", "predecessor", "successor", "is_about_start", "language")}


def _masked(view: View, task: Task | None, said: Mapping[str, Any], language: Language) -> Mapping[str, Any]:
    """What was said of a task, without what may not be said any more: it is restricted now, or not in the view."""
    if task is None:
        return {**said, "title": NOT_VISIBLE[language], "url": "", "owner": ""}
    if task.visibility != "restricted":
        return said
    item = _shown_facts(shown(view, task, language))
    if said.get("is_here"):
        return {**said, "title": item["title"] if said["title"] else ""}
    return item


def _connections(*tasks: Task) -> tuple[str, ...]:
    return tuple(sorted({task.ref.connection for task in tasks}))
