"""The lifecycle of findings in the ledger: open, acknowledged, resolved, and open again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import asdict, astuple, replace
from sqlalchemy import Connection, RowMapping, select, update

from sync.core.tracking import tracked
from sync.core.values import Finding, FindingState, FindingStep, Ref, TrackedFinding
from sync.store.bulk import merge
from sync.store.codec import clean, decoder, instant_from_text, json_from_value, optional_instant, text_from_instant
from sync.store.entries import FindingEvent, FindingNews
from sync.store.finding_events import add_finding_events, events_of_finding
from sync.store.tables import FINDINGS

MOST_STEPS = 30


class _Kept(Finding, frozen=True):
    """A row's value: the finding, and how it changed since it opened."""

    steps: tuple[FindingStep, ...] = ()


_kept_from_text = decoder(_Kept)
_COMPARED = ("job", "severity", "state", "resolved_at", "value")


def sync_findings(
    connection: Connection, found: Mapping[str, Sequence[Finding]], at: datetime, fully_judged: Collection[str]
) -> FindingNews:
    """Bring the ledger to what each job found now; what opened and what is over.

    A finding that comes back opens again; an acknowledged one stays so while it lasts. A finding that is not found any more
    is resolved only when its job is among ``fully_judged``: stale or incomplete data resolves nothing. Each change is an event too.
    """
    standing = {item.finding.key: item for item in _locked(connection)}
    opened, resolved, rows, events = [], [], [], []
    for job, items in found.items():
        for item in items:
            last = standing.get(item.key)
            is_news = last is None or last.state == "resolved"
            now = tracked(item, job, last, at)
            now = replace(now, steps=_steps(now, None if is_news else last, at))
            standing[item.key] = now
            rows.append(_row(now))
            if is_news:
                opened.append(now)
                events.append(FindingEvent(item.key, "reopened" if last else "opened", at, text_from_instant(at)))
    seen = {item.key for items in found.values() for item in items}
    for last in standing.values():
        if last.state != "resolved" and last.job in fully_judged and last.finding.key not in seen:
            over = replace(last, state="resolved", resolved_at=at)
            rows.append(_row(over))
            resolved.append(over)
            events.append(FindingEvent(last.finding.key, "solved", at, text_from_instant(at)))
    merge(connection, FINDINGS, rows, compare=_COMPARED)
    add_finding_events(connection, events)
    return FindingNews(tuple(opened), tuple(resolved))


def acknowledge(
    connection: Connection, key: str, by: str, at: datetime | None = None, person: Ref | None = None, source: str = ""
) -> bool:
    """A person took on an open finding; False when there is no open finding of that key."""
    at = at or datetime.now(UTC)
    return take_answer(
        connection, FindingEvent(key, "acknowledged", at, source or text_from_instant(at), person, clean(by))
    )


def take_answer(connection: Connection, event: FindingEvent) -> bool:
    """Do what a person answered about a finding that is not over: acknowledged, declined, promised, stated why, or kept of a talk. False,
    with nothing changed, when there is none, when this was heard before, and for an acknowledgement where somebody answered already.

    A refusal by whoever answered last opens the finding again. Nobody answers before it opened, whatever their clock says.
    """
    last = _tracked(connection, event.finding)
    if last is None or last.state == "resolved" or (event.kind == "acknowledged" and last.state != "open"):
        return False
    event = replace(event, at=max(event.at, last.opened_at))
    answered_by = _answered_by(events_of_finding(connection, event.finding))
    if not add_finding_events(connection, [event]):
        return False
    if event.kind in ("acknowledged", "promised", "talk_set", "talk_decided"):
        taken = {"acknowledged_by": clean(event.name), "acknowledged_at": text_from_instant(event.at)}
        _change(connection, event.finding, {"state": "acknowledged", **taken})
    elif event.kind == "declined" and last.state == "acknowledged" and event.by and answered_by == event.by:
        _change(connection, event.finding, {"state": "open", "acknowledged_by": None, "acknowledged_at": None})
    return True


def _change(connection: Connection, key: str, values: Mapping[str, str | None]) -> None:
    connection.execute(update(FINDINGS).where(FINDINGS.c.key == clean(key)).values(values))


def _answered_by(events: Sequence[FindingEvent]) -> Ref | None:
    """Who answered last."""
    return next((item.by for item in reversed(events) if item.kind in ("acknowledged", "promised")), None)


def open_by_hand(connection: Connection, finding: Finding, job: str, event: FindingEvent) -> bool:
    """A finding that a person opened: it stands, whatever any run finds, until ``close_by_hand``. ``job`` names no job that judges.
    False, with nothing changed, when it stands already.
    """
    last = _tracked(connection, finding.key)
    if last and last.state != "resolved":
        return False
    at = max(event.at, last.resolved_at or event.at) if last else event.at
    merge(connection, FINDINGS, [_row(tracked(finding, job, last, at))], compare=_COMPARED)
    add_finding_events(connection, [replace(event, kind="reopened" if last else "opened", at=at)])
    return True


def close_by_hand(connection: Connection, event: FindingEvent) -> bool:
    """A person says that it is solved. False, with nothing changed, when it does not stand."""
    last = _tracked(connection, event.finding)
    if last is None or last.state == "resolved":
        return False
    at = max(event.at, last.opened_at)
    merge(connection, FINDINGS, [_row(replace(last, state="resolved", resolved_at=at))], compare=_COMPARED)
    add_finding_events(connection, [replace(event, kind="solved", at=at)])
    return True


def findings(connection: Connection, *states: FindingState) -> list[TrackedFinding]:
    """The findings in these states (all without), ordered by key."""
    query = select(FINDINGS).order_by(FINDINGS.c.key)
    if states:
        query = query.where(FINDINGS.c.state.in_(states))
    return [_tracked_from_row(row) for row in connection.execute(query).mappings()]


def resolved_findings(connection: Connection, since: datetime) -> list[TrackedFinding]:
    """The findings that were resolved at or after an instant and did not come back, ordered by key."""
    query = select(FINDINGS).where(FINDINGS.c.state == "resolved", FINDINGS.c.resolved_at >= text_from_instant(since))
    return [_tracked_from_row(row) for row in connection.execute(query.order_by(FINDINGS.c.key)).mappings()]


def _tracked(connection: Connection, key: str) -> TrackedFinding | None:
    """One finding, which nobody else changes before this transaction is over."""
    row = connection.execute(select(FINDINGS).where(FINDINGS.c.key == clean(key)).with_for_update()).mappings().first()
    return _tracked_from_row(row) if row else None


def _locked(connection: Connection) -> list[TrackedFinding]:
    """All findings: an answer that is given meanwhile waits, or a run would put back what it read before."""
    query = select(FINDINGS).order_by(FINDINGS.c.key).with_for_update()
    return [_tracked_from_row(row) for row in connection.execute(query).mappings()]


def _steps(now: TrackedFinding, last: TrackedFinding | None, at: datetime) -> tuple[FindingStep, ...]:
    """Its steps with the present one, if it is one. Of many the first stays and the second goes."""
    steps = last.steps if last else ()
    if last and steps and last.finding == now.finding:
        return steps
    step = FindingStep(at, now.finding.severity, now.finding.parameters)
    if steps and json_from_value(replace(steps[-1], at=at)) == json_from_value(step):
        return steps
    return (steps[0], *steps[2:], step) if len(steps) >= MOST_STEPS else (*steps, step)


def _row(item: TrackedFinding) -> tuple[Any, ...]:
    finding = item.finding
    return (
        clean(finding.key),
        clean(item.job),
        clean(finding.kind),
        finding.severity,
        item.state,
        text_from_instant(item.opened_at),
        text_from_instant(item.acknowledged_at) if item.acknowledged_at else None,
        item.acknowledged_by,
        text_from_instant(item.resolved_at) if item.resolved_at else None,
        json_from_value(_Kept(**asdict(finding), steps=item.steps)),
    )


def _tracked_from_row(row: RowMapping) -> TrackedFinding:
    *finding, steps = astuple(_kept_from_text(row["value"]))
    return TrackedFinding(
        finding=Finding(*finding),
        job=row["job"],
        state=row["state"],
        opened_at=instant_from_text(row["opened_at"]),
        acknowledged_at=optional_instant(row["acknowledged_at"]),
        acknowledged_by=row["acknowledged_by"],
        resolved_at=optional_instant(row["resolved_at"]),
        steps=steps,
    )
