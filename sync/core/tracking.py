"""How a finding goes on from one judgement to the next. Pure."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from sync.core.values import Finding, TrackedFinding


def tracked(finding: Finding, job: str, last: TrackedFinding | None, at: datetime) -> TrackedFinding:
    """The finding as it stands when it was found again now: one that comes back opens again, an acknowledged one stays so."""
    if last is None or last.state == "resolved":
        return TrackedFinding(finding, job, "open", at)
    return replace(last, finding=finding, job=job)
