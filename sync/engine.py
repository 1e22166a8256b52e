"""One cycle: collect every connection, judge one consistent view, plan, and apply within the limits.

The engine knows no vendor and no job. It may be run twice or die anywhere: cursors, intents and marks make that harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from msgspec.structs import replace

from sync.apply import Outcome, Ports, apply, look, undo
from sync.collect import WHOLE, Collected, Progress, Site, collect
from sync.core.calendar import Calendars
from sync.core.errors import ConfigError, Problem, TielineError, UnsafePlan
from sync.core.plan import (
    Change,
    Desired,
    Existing,
    Judgement,
    Limits,
    Plan,
    Published,
    check_limits,
    diff,
    keys_to_look_at,
)
from sync.core.ports import Job
from sync.core.values import ConnectionFacts, Finding, Freshness, Ref, SourceFile, View
from sync.derive import Deriver
from sync.parallel import as_completed
from sync.remote import redact
from sync.store.entries import FindingNews
from sync.store.store import Store
from sync.turn import turn

log = structlog.get_logger()
FRESH_FOR = timedelta(hours=1)
ENGINE, APPLY = "engine", "apply"


@dataclass(frozen=True)
class PlannedJob:
    """A job, its settings, and how to read the folder it was given."""

    job: Job
    settings: object
    read_files: Callable[[], tuple[SourceFile, ...]]


@dataclass(frozen=True)
class Parts:
    """What the engine works with; ``app`` puts it together."""

    installation: str
    zone: str
    store: Store
    deriver: Deriver
    sites: Mapping[str, Callable[[], Site]]
    ports: Ports
    jobs: tuple[PlannedJob, ...]
    connections: Mapping[str, ConnectionFacts]
    calendars: Calendars
    limits: Limits
    clock: Callable[[], datetime]


@dataclass
class Planned:
    """A plan with the view it was judged on and what was found on the way."""

    plan: Plan
    view: View
    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    published_count: int = 0


@dataclass
class Cycle:
    """What one run did. ``refused`` is the brake that stopped it, if one did."""

    run: str
    collected: list[Collected] = field(default_factory=list)
    planned: Planned | None = None
    outcome: Outcome | None = None
    news: FindingNews = field(default_factory=FindingNews)
    refused: UnsafePlan | None = None


class Engine:
    """Runs cycles over its parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store

    def collect(
        self, names: Iterable[str] = (), progress: Progress = lambda *_: None, run: str = ""
    ) -> tuple[str, list[Collected]]:
        """Collect the named connections (all by default), side by side, then join what they say; the run and a report each.
        One that fails stops only itself.
        """
        wanted = list(names) or list(self._parts.sites)
        with self._running("collect", run) as run_id:
            self._parts.deriver.refresh()

            def one(name: str) -> Collected:
                return self._collect_one(name, progress)

            reports = sorted(as_completed(one, wanted, len(wanted)), key=lambda report: wanted.index(report.connection))
            self._parts.deriver.link()
        return run_id, reports

    def _collect_one(self, name: str, progress: Progress) -> Collected:
        try:
            site = self._parts.sites[name]()
            self._store.pin_connection(name, site.source.identify().fingerprint, self._parts.clock())
        except TielineError as error:
            report = Collected(name, error=error)
        else:
            try:
                report = collect(site, self._store, self._parts.deriver.derive, progress)
            except Exception as error:  # a mistake in one connector may not stop the others
                log.exception("collect_broke", connection=name)
                report = Collected(name, error=TielineError(f"internal: {type(error).__name__}: {error}"))
        self._store.put_certificate(report.certificate(self._parts.clock()))
        return report

    def view(self) -> View:
        """One consistent snapshot of everything known, in the installation's zone."""
        now = self._parts.clock().astimezone(ZoneInfo(self._parts.zone))
        view = self._parts.deriver.view(now)
        freshness = {name: self._freshness(name, now) for name in self._parts.connections}
        return replace(view, connections=self._parts.connections, freshness=freshness, calendars=self._parts.calendars)

    def _freshness(self, name: str, now: datetime) -> Freshness:
        whole = [item for item in self._store.certificates(name) if item.certificate.scope == WHOLE]
        if not whole:
            return Freshness(name, None, is_complete=False, reason="never collected")
        latest, complete_at = whole[0].certificate, whole[0].complete_at
        if not latest.is_complete:
            return Freshness(name, complete_at, is_complete=False, reason=latest.reason)
        if now - latest.at > FRESH_FOR:
            return Freshness(name, complete_at, is_complete=False, reason="collected too long ago")
        return Freshness(name, complete_at, is_complete=True)

    def plan(self) -> Planned:
        """Judge the present view and say exactly what would be written. Reads targets, writes nothing."""
        view = self.view()
        published = self._store.published()
        planned = Planned(Plan(), view, published_count=len(published))
        desired: list[Desired] = []
        for item in self._parts.jobs:
            judgement = self._judge(item, view, published)
            desired += judgement.desired
            planned.findings[item.job.name] = judgement.findings
        names = {item.job.name for item in self._parts.jobs}
        mine = {key: entry for key, entry in published.items() if entry.job in names}
        versions = self._versions(desired, mine)
        wanted = keys_to_look_at(desired, mine, versions)
        fresh = [name for name, item in view.freshness.items() if item.is_complete]
        reachable = [item for item in wanted if set(item.rests_on) <= set(fresh)]
        existing, blocked = look(self._parts.ports, self._store, self._parts.installation, reachable)
        planned.plan = diff(self._parts.installation, desired, mine, existing, fresh, blocked)
        planned.findings[ENGINE] = tuple(self._own_findings(planned))
        self._settle(existing, mine, planned.plan, versions)
        return planned

    def _judge(self, item: PlannedJob, view: View, published: Mapping[str, Published]) -> Judgement:
        own = {key: entry for key, entry in published.items() if entry.job == item.job.name}
        return item.job.judge(replace(view, files=item.read_files()), item.settings, own)

    def _versions(self, desired: Sequence[Desired], published: Mapping[str, Published]) -> dict[str, str]:
        """Each key's target version as collected: a task's record, or the page itself."""
        refs = {item.key: _watched(item, published.get(item.key)) for item in desired}
        versions = self._store.raw_versions([ref for ref in refs.values() if ref])
        return {key: versions[ref] for key, ref in refs.items() if ref and ref in versions}

    def _settle(
        self,
        existing: Mapping[str, Existing],
        published: Mapping[str, Published],
        plan: Plan,
        versions: Mapping[str, str],
    ) -> None:
        """Remember up to which version a target was looked at and found as we left it, so that the next run need not look."""
        busy = {change.key for change in plan.changes} | {skip.key for skip in plan.skips}
        for key, item in existing.items():
            last = published.get(key)
            if last is None or item.found is None or key in busy or last.state != "published":
                continue
            version = item.found.version if last.kind == "page" else versions.get(key, "")
            if version and version != last.target_version:
                self._store.put_published(replace(last, target_version=version))

    def _own_findings(self, planned: Planned) -> Iterator[Finding]:
        for skip in planned.plan.skips:
            if skip.reason in ("edited", "gone", "unsure", "not_ours", "orphaned"):
                yield Finding(
                    key=f"{ENGINE}:{skip.reason}:{skip.key}",
                    kind=skip.reason,
                    severity="critical" if skip.reason == "unsure" else "warning",
                    subjects=(skip.target,),
                    message=skip.reason,
                    parameters={"key": skip.key, "detail": skip.detail},
                )
        for name, item in planned.view.freshness.items():
            if not item.is_complete:
                yield Finding(
                    key=f"{ENGINE}:incomplete:{name}",
                    kind="incomplete",
                    severity="critical",
                    subjects=(Ref.of(name, "connection", name),),
                    message="incomplete",
                    parameters={"connection": name, "reason": item.reason},
                )
        yield from self._parts.deriver.findings()

    def apply(self, is_first_run_accepted: bool = False, on_change: Callable[[Change], None] = lambda _: None) -> Cycle:
        """Plan and carry the plan out. Raises UnsafePlan, with nothing written, when a brake holds."""
        with self._running("apply") as run:
            cycle = Cycle(run)
            self._apply(cycle, is_first_run_accepted, on_change)
        if cycle.refused:
            raise cycle.refused
        return cycle

    def cycle(
        self,
        is_first_run_accepted: bool = False,
        progress: Progress = lambda *_: None,
        on_change: Callable[[Change], None] = lambda _: None,
    ) -> Cycle:
        """Collect, judge, plan, apply. A brake is noted in the result; what was collected stays collected."""
        with self._running("run") as run:
            cycle = Cycle(run, self.collect(progress=progress, run=run)[1])
            self._apply(cycle, is_first_run_accepted, on_change)
        return cycle

    def _apply(self, cycle: Cycle, is_first_run_accepted: bool, on_change: Callable[[Change], None]) -> None:
        planned = self.plan()
        cycle.planned = planned
        is_judged = all(item.is_complete for item in planned.view.freshness.values())
        fully_judged = [ENGINE, *(item.job.name for item in self._parts.jobs if is_judged)]
        cycle.news = self._store.sync_findings(planned.findings, self._parts.clock(), fully_judged)
        try:
            check_limits(planned.plan, planned.published_count, self._parts.limits, is_first_run_accepted)
        except UnsafePlan as refused:
            cycle.refused = refused
            return
        cycle.outcome = apply(planned.plan, self._parts.ports, self._store, cycle.run, on_change=on_change)
        found = {APPLY: tuple(_outcome_findings(cycle.outcome))}
        news = self._store.sync_findings(found, self._parts.clock(), [APPLY])
        cycle.news = FindingNews(cycle.news.opened + news.opened, cycle.news.resolved + news.resolved)

    def undo(self, run: str) -> Cycle:
        """Take back a run's writes, newest first, where nobody edited them since."""
        entries = [(entry.change, entry.before) for entry in self._store.changes_of_run(run)]
        if not entries:
            hint = "`tieline runs` lists the runs and what each wrote"
            raise ConfigError([Problem("command line", 0, run, "no such run, or it wrote nothing", hint)])
        with self._running("undo") as this:
            return Cycle(this, outcome=undo(entries, self._parts.ports, self._store, this))

    @contextmanager
    def _running(self, kind: str, run: str = "") -> Iterator[str]:
        """A row in ``runs`` around the work; one that died keeps no end, which is how it is noticed."""
        if run:
            yield run
            return
        with turn(self._store):
            run = self._store.begin_run(kind, self._parts.clock())
            try:
                yield run
            except TielineError as error:
                self._store.end_run(run, type(error).__name__, {}, self._parts.clock())
                raise
            counts = {"written": len(self._store.changes_of_run(run))}
            self._store.end_run(run, "done", counts, self._parts.clock())


def _outcome_findings(outcome: Outcome) -> Iterator[Finding]:
    """What could not be written and will not mend itself: refusals, writes of unknown fate, and places taken by somebody else."""
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


def _watched(item: Desired, last: Published | None) -> Ref | None:
    if item.kind != "page":
        return item.target
    return Ref.of(item.target.connection, "document", last.written.id) if last else None
