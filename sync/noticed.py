"""What the engine itself noticed, as findings: targets left alone and why, incomplete sources, writes that did not succeed."""

from __future__ import annotations

from collections.abc import Iterator

from sync.apply import Outcome
from sync.core.plan import Plan
from sync.core.values import Finding, Ref
from sync.core.view import View
from sync.remote import redact

ENGINE, APPLY = "engine", "apply"
TOLD = ("edited", "gone", "blocked", "not_ours", "orphaned", "unsure", "second_installation", "oscillating")
CRITICAL = ("blocked", "unsure")


def skip_findings(plan: Plan) -> Iterator[Finding]:
    """One finding per target that was left alone for a reason people should know."""
    for skip in plan.skips:
        if skip.reason in TOLD:
            yield Finding(
                key=f"{ENGINE}:{skip.reason}:{skip.key}",
                kind=skip.reason,
                severity="critical" if skip.reason in CRITICAL else "warning",
                subjects=(skip.target,),
                message=skip.reason,
                parameters={"key": skip.key, "detail": skip.detail},
            )


def unremembered_finding(plan: Plan) -> Iterator[Finding]:
    """Something of ours stands out there that the ledger does not know: restored from a backup, or a second database writes too."""
    if plan.unremembered:
        yield Finding(
            key=f"{ENGINE}:unremembered",
            kind="unremembered",
            severity="warning",
            subjects=(Ref.of("tieline", "ledger", "ledger"),),
            message="unremembered",
            parameters={"count": len(plan.unremembered), "keys": list(plan.unremembered[:5])},
        )


def freshness_findings(view: View) -> Iterator[Finding]:
    """One finding per connection that is not proven complete."""
    for name, item in view.freshness.items():
        if not item.is_complete:
            yield Finding(
                key=f"{ENGINE}:incomplete:{name}",
                kind="incomplete",
                severity="critical",
                subjects=(Ref.of(name, "connection", name),),
                message="incomplete",
                parameters={"connection": name, "reason": item.reason},
            )


def outcome_findings(outcome: Outcome) -> Iterator[Finding]:
    """What could not be written and will not mend itself: refusals, writes of unknown fate, places taken by somebody else."""
    taken = [(change, text) for change, text in outcome.drifted if change.operation == "create"]
    failed = [(change, redact(str(error))) for change, error in outcome.failed]
    unsure = [(change, redact(str(error))) for change, error in outcome.unsure]
    for kind, items in (("not_ours", taken), ("not_written", failed), ("unsure", unsure)):
        for change, detail in items:
            yield Finding(
                key=f"{APPLY}:{kind}:{change.key}",
                kind=kind,
                severity="warning" if kind == "not_ours" else "critical",
                subjects=(change.target,),
                message=kind,
                parameters={"key": change.key, "detail": detail},
            )


def broken_job_finding(job: str, detail: str) -> Finding:
    """A job that could not judge: nothing of it is written or withdrawn until it can."""
    return Finding(
        key=f"{ENGINE}:broken_job:{job}",
        kind="broken_job",
        severity="critical",
        subjects=(Ref.of("tieline", "job", job),),
        message="broken_job",
        parameters={"job": job, "detail": detail},
    )
