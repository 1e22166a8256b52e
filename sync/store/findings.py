"""The lifecycle of findings in the ledger: open, acknowledged, resolved, and open again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import asdict, astuple, replace
from sqlalchemy import Connection, RowMapping, select, update

from sync.core.tracking import tracked
from sync.core.values import Finding, FindingState, FindingStep, TrackedFinding
from sync.store.bulk import merge
from sync.store.codec import clean, decoder, instant_from_text, json_from_value, optional_instant, text_from_instant
from sync.store.entries import FindingNews
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
    is resolved only when its job is among ``fully_judged``: stale or incomplete data resolves nothing.
    """
    standing = {item.finding.key: item for item in findings(connection)}
    opened, resolved, rows = [], [], []
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
    seen = {item.key for items in found.values() for item in items}
    for last in standing.values():
        if last.state != "resolved" and last.job in fully_judged and last.finding.key not in seen:
            over = replace(last, state="resolved", resolved_at=at)
            rows.append(_row(over))
            resolved.append(over)
    merge(connection, FINDINGS, rows, compare=_COMPARED)
    return FindingNews(tuple(opened), tuple(resolved))


def acknowledge(connection: Connection, key: str, by: str, at: datetime | None = None) -> bool:
    """A person took note of an open finding; False when there is no open finding of that key."""
    where = (FINDINGS.c.key == clean(key), FINDINGS.c.state == "open")
    values = {
        "state": "acknowledged",
        "acknowledged_by": clean(by),
        "acknowledged_at": text_from_instant(at or datetime.now(UTC)),
    }
    return connection.execute(update(FINDINGS).where(*where).values(values)).rowcount == 1


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
