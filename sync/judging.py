"""Every job's verdict on one view: those that read findings come last and see what the others found, and what is over; those of them that
tell people see whom another one asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

import structlog
from msgspec.structs import replace

from sync.answered import Told, holding
from sync.core.escalation import REMEMBERED, Event, Stated, is_open
from sync.core.plan import Desired, Published
from sync.core.said import Answered
from sync.core.talks import TalkEvent
from sync.core.tracking import tracked
from sync.core.values import TrackedFinding
from sync.core.view import View
from sync.incidents import JOB as INCIDENTS
from sync.parts import Parts, Planned, PlannedJob
from sync.remote import redact
from sync.store.entries import FindingEvent
from sync.store.store import Store

log = structlog.get_logger()
LATELY = timedelta(days=7)
"""How long a finding counts as just ended: what is drafted of it may have to wait for a tool that is down."""


def judge_all(parts: Parts, store: Store, planned: Planned, published: Mapping[str, Published]) -> list[Desired]:
    """What all jobs want. A job that breaks is a finding of its own: nothing of it is written or withdrawn, the others go on."""
    planned.pairs = planned.forgotten = ()
    planned.asked = {}
    ledger = store.findings("open", "acknowledged")
    view = replace(planned.view, answered=answered_of(ledger, store.finding_events(planned.view.at)))
    first = [item for item in parts.jobs if not item.job.reads_findings]
    desired = _judge(planned, view, first, published, ledger)
    if readers := [item for item in parts.jobs if item.job.reads_findings]:
        lately = store.resolved_findings(planned.view.at - LATELY)
        standing = (*_standing(ledger, planned), *_incidents(ledger))
        ended = (*_ended_now(ledger, planned), *_not_found(lately, planned), *_incidents(lately))
        events = store.finding_events(planned.view.at - REMEMBERED, [item.finding.key for item in standing])
        view = replace(
            view,
            standing=standing,
            ended=ended,
            events=events_of(events, standing),
            reasons=reasons_of(events),
            talks=talks_of(events),
        )
        desired += _judge(planned, view, [item for item in readers if item.job.asks], published, ledger)
        view = replace(view, asked=planned.asked)
        desired += _judge(planned, view, [item for item in readers if not item.job.asks], published, ledger)
    return desired


def _judge(
    planned: Planned,
    view: View,
    jobs: Iterable[PlannedJob],
    published: Mapping[str, Published],
    ledger: Sequence[TrackedFinding],
) -> list[Desired]:
    desired: list[Desired] = []
    for item in jobs:
        name = item.job.name
        own = {key: entry for key, entry in published.items() if entry.job == name}
        known = {entry.finding.key: entry for entry in ledger if entry.job == name}
        try:
            seen = replace(view, files=item.read_files(), known=known)
            judgement = item.job.judge(seen, item.settings, own)
        except Exception as error:  # a mistake in one job, or in what it was given, may not stop the others
            log.exception("job_broke", job=name)
            planned.broken_jobs[name] = redact(f"{type(error).__name__}: {error}")
            continue
        desired += judgement.desired
        planned.pairs += judgement.pairs
        planned.forgotten += judgement.forgotten
        planned.asked = {**planned.asked, **judgement.asked}
        planned.findings[name] = judgement.findings
    return desired


def _standing(ledger: Iterable[TrackedFinding], planned: Planned) -> Iterable[TrackedFinding]:
    """What the jobs found now, with what the ledger knows of it; and what a job that broke found before: its breaking ends nothing."""
    known = {item.finding.key: item for item in ledger}
    for job, findings in planned.findings.items():
        for finding in findings:
            yield tracked(finding, job, known.get(finding.key), planned.view.at)
    yield from (item for item in ledger if item.job in planned.broken_jobs)


def _ended_now(ledger: Iterable[TrackedFinding], planned: Planned) -> Iterator[TrackedFinding]:
    """What stood until now and is not found any more. Stale or incomplete data, or a job that broke, ends nothing."""
    view = planned.view
    if view.is_fresh(*view.freshness):
        for item in _not_found(ledger, planned):
            yield replace(item, state="resolved", resolved_at=view.at)


def _not_found(items: Iterable[TrackedFinding], planned: Planned) -> Iterator[TrackedFinding]:
    """Those of the jobs that judged this time that they do not find."""
    judged = planned.findings.keys() - planned.broken_jobs.keys()
    keys = {finding.key for findings in planned.findings.values() for finding in findings}
    return (item for item in items if item.job in judged and item.finding.key not in keys)


def _incidents(items: Iterable[TrackedFinding]) -> Iterator[TrackedFinding]:
    """Those that people open and end."""
    return (item for item in items if item.job == INCIDENTS)


def events_of(known: Iterable[FindingEvent], standing: Iterable[TrackedFinding]) -> Mapping[str, tuple[Event, ...]]:
    """What happened to each finding, by its key. What was found just now, and is not in the ledger yet, opened or came back with it."""
    events: dict[str, tuple[Event, ...]] = {}
    for item in known:
        if item.kind != "stated" and item.kind != "talk_set" and item.kind != "talk_decided":
            event = Event(item.kind, item.at, item.by, item.until)
            events[item.finding] = (*events.get(item.finding, ()), event)
    for found in standing:
        past = events.get(found.finding.key, ())
        if not is_open(past):
            event = Event("reopened" if past else "opened", found.opened_at)
            events[found.finding.key] = (*past, event)
    return events


def reasons_of(known: Iterable[FindingEvent]) -> Mapping[str, tuple[Stated, ...]]:
    """Why each finding is late, as people said, by its key."""
    reasons: dict[str, tuple[Stated, ...]] = {}
    for item in known:
        if item.reason:
            reasons[item.finding] = (*reasons.get(item.finding, ()), Stated(item.reason, item.at, item.by))
    return reasons


def talks_of(known: Iterable[FindingEvent]) -> Mapping[str, tuple[TalkEvent, ...]]:
    """What was kept of each talk, by the key of its finding."""
    talks: dict[str, tuple[TalkEvent, ...]] = {}
    for item in known:
        if item.kind == "talk_set" or item.kind == "talk_decided":
            kept = TalkEvent(item.kind, item.at, item.by, item.name, item.day, item.note)
            talks[item.finding] = (*talks.get(item.finding, ()), kept)
    return talks


def answered_of(ledger: Iterable[TrackedFinding], known: Iterable[FindingEvent]) -> Mapping[str, tuple[Answered, ...]]:
    """What holds of each finding because somebody said it since it opened, by its key."""
    said: dict[str, list[FindingEvent]] = {}
    for event in known:
        said.setdefault(event.finding, []).append(event)
    found = {}
    for item in ledger:
        lately = [event for event in said.get(item.finding.key, ()) if event.at >= item.opened_at]
        if lines := tuple(holding(Told(item, lately))):
            found[item.finding.key] = lines
    return found
