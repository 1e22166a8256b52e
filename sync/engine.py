"""One cycle: collect every connection, judge one consistent view, plan, and apply within the limits.

The engine knows no vendor and no job. It may be run twice or die anywhere: cursors, intents and marks make that harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from msgspec.structs import replace

from sync.adoption import adoption_findings, baseline_of, first_day, withhold
from sync.apply import apply
from sync.collect import collect
from sync.core.baseline import JOB as BASELINE
from sync.core.brakes import Accepted, check_limits
from sync.core.diff import diff, keys_to_look_at
from sync.core.disclosure import Sayable
from sync.core.errors import COMMAND_LINE, ConfigError, Problem, TielineError, UnsafePlan
from sync.core.plan import (
    Change,
    Desired,
    Plan,
    Published,
    Skip,
    fingerprint,
)
from sync.core.ports import Stream
from sync.core.values import Finding, Language, Ref
from sync.core.view import Freshness, View
from sync.directories import directory_findings, read_directories
from sync.due import begin_reading, end_reading, not_due
from sync.judging import judge_all
from sync.look import look
from sync.noticed import (
    APPLY,
    ENGINE,
    broken_job_finding,
    freshness_findings,
    outcome_findings,
    skip_findings,
    unremembered_finding,
)
from sync.overwritten import overwritten, overwritten_findings, put_back, settle_edits
from sync.parallel import as_completed
from sync.parts import Cycle, Parts, Planned, PlannedJob
from sync.reading import WHOLE, Cadence, Collected, Progress
from sync.remote import redact
from sync.retract import Retraction, Steps, is_stopped, resume, undo
from sync.store.comment_edits import CommentEdit
from sync.store.entries import FindingNews
from sync.turn import MayGoOn, turn

__all__ = ["Cycle", "Engine", "Parts", "Planned", "PlannedJob"]

log = structlog.get_logger()
FRESH_FOR = timedelta(hours=1)
WRITTEN_LATELY = timedelta(hours=1)


class Engine:
    """Runs cycles over its parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store

    def collect(
        self,
        names: Iterable[str] = (),
        progress: Progress = lambda *_: None,
        run: str = "",
        is_census_forced: bool = False,
        at_once: Iterable[str] = (),
    ) -> tuple[str, list[Collected]]:
        """Collect the named connections (all by default), side by side, then join what they say; the run and a report each.
        One that fails stops only itself. Those that are not due are not asked, unless they are named here or in ``at_once``. A forced
        census counts, and reads, even where none is due.
        """
        named = list(names)
        wanted, asked_for = named or list(self._parts.sites), {*named, *at_once}
        with self._running("collect", run) as (run_id, _):
            self._parts.deriver.refresh()

            def one(name: str) -> Collected:
                return self._collect_one(name, progress, is_census_forced, is_census_forced or name in asked_for)

            reports = sorted(as_completed(one, wanted, len(wanted)), key=lambda report: wanted.index(report.connection))
            self._parts.deriver.link()
            now = self._parts.clock()
            read_directories(self._store, self._parts.organisations, now)
            for report in reports:
                if not report.not_due_until:
                    self._store.put_run_certificates(run_id, [*report.certificates, report.certificate(now)])
        return run_id, reports

    def _collect_one(self, name: str, progress: Progress, is_census_forced: bool, is_asked_for: bool) -> Collected:
        began = self._parts.clock()
        try:
            site = self._parts.sites[name]()
            if not is_asked_for and (report := not_due(self._store, site, began)):
                return report
            begin_reading(self._store, name, began)
            identity = site.source.identify()
            self._store.pin_connection(name, identity.fingerprint, self._parts.clock())
            report = collect(
                site,
                self._store,
                self._parts.deriver.derive,
                progress,
                started=identity.now,
                at=began,
                sweep=partial(self._sweep, name),
                is_census_forced=is_census_forced,
            )
        except TielineError as error:
            report = Collected(name, error=error)
        except Exception as error:  # a mistake in one connector may not stop the others
            log.exception("collect_broke", connection=name)
            report = Collected(name, error=TielineError(f"internal: {type(error).__name__}: {error}"))
        end_reading(self._store, report.certificate(self._parts.clock()), began)
        return report

    def _sweep(self, name: str, stream: Stream, scope: str, is_deep: bool) -> Sequence[str]:
        """Where lists come from an index that lags: what we wrote lately, and with a deep read everything that takes part in a link,
        as vendors do not say whether a new link moves an item's date.
        """
        if not stream.settles_after_h:
            return ()
        refs = self._store.written_targets(self._parts.clock() - WRITTEN_LATELY)
        refs |= self._store.linked_records(name) if is_deep else set()
        wanted = [ref for ref in refs if ref.connection == name and ref.kind == stream.kind]
        return self._store.keys_in_scope(wanted, scope) if wanted else ()

    def view(self) -> View:
        """One consistent snapshot of everything known, in the installation's zone."""
        now = self._parts.clock().astimezone(ZoneInfo(self._parts.zone))
        view = self._parts.deriver.view(now)
        freshness = {name: self._freshness(name, now) for name in self._parts.sites}
        return replace(
            view,
            connections=self._parts.connections,
            freshness=freshness,
            calendars=self._parts.calendars,
            read_history=self._store.load_history,
        )

    def _freshness(self, name: str, now: datetime) -> Freshness:
        whole = [item for item in self._store.certificates(name) if item.certificate.scope == WHOLE]
        if not whole:
            return Freshness(name, None, is_complete=False, reason="never collected")
        latest, complete_at = whole[0].certificate, whole[0].complete_at
        if not latest.is_complete:
            return Freshness(name, complete_at, is_complete=False, reason=latest.reason)
        cadence = self._parts.cadences.get(name, Cadence())
        if now - latest.at > FRESH_FOR + cadence.every + cadence.census_every:
            return Freshness(name, complete_at, is_complete=False, reason="collected too long ago")
        return Freshness(name, complete_at, is_complete=True)

    def plan(self) -> Planned:
        """Judge the present view and say exactly what would be written. Reads targets, writes nothing."""
        planned = Planned(Plan(), self.view())
        published = self._store.published()
        withheld = self._judge(planned, published)
        view, desired = planned.view, planned.desired
        planned.versions = self._versions(desired, planned.published)
        open_keys = {intent.change.key for intent in self._store.pending_intents()}
        wanted = keys_to_look_at(desired, planned.published, planned.versions, open_keys)
        fresh = [name for name, item in view.freshness.items() if item.is_complete]
        reachable = [item for item in wanted if set(item.rests_on) <= set(fresh)]
        planned.existing, planned.blocked = look(self._parts.ports, self._store, self._parts.installation, reachable)
        blocked = {key: redact(str(error)) for key, error in planned.blocked.items()}
        plan = diff(self._parts.installation, desired, planned.published, planned.existing, fresh, blocked)
        plan = self._without_hidden(plan)
        sayable = Sayable(view)
        skips = (replace(skip, detail=_told(sayable, skip)) for skip in (*plan.skips, *withheld))
        planned.plan = replace(plan, skips=tuple(skips))
        own = [*skip_findings(planned.plan), *unremembered_finding(planned.plan)]
        own += [*freshness_findings(view), *self._parts.deriver.findings()]
        own += adoption_findings(view, self._store.stops())
        own += overwritten_findings(overwritten(self._store))
        own += directory_findings(self._store.organisations())
        own += [broken_job_finding(name, detail) for name, detail in planned.broken_jobs.items()]
        planned.findings[ENGINE] = (*own, *self._undecided(planned.plan, own))
        return planned

    def _judge(self, planned: Planned, published: Mapping[str, Published]) -> list[Skip]:
        """Fill in what is desired, and of what is published that which may be touched. What may not speak is left out and returned."""
        stops, adopting = self._store.stops(), self._parts.adopting
        baseline = baseline_of(self._store, adopting, published, ZoneInfo(self._parts.zone))
        planned.view = replace(planned.view, baseline=baseline, pilot=adopting.pilot.tasks(planned.view))
        desired = judge_all(self._parts, self._store, planned, published)
        if day := first_day(planned.view, planned.pairs, stops):
            planned.view = replace(planned.view, baseline=day)
            desired = judge_all(self._parts, self._store, planned, published)
            planned.pairs = tuple(day.pairs.values())
        elif baseline is None or not baseline.is_taken:
            planned.pairs = ()
        planned.desired, withheld = withhold(desired, published, planned.view, adopting.pilot, stops)
        sound = {item.job.name for item in self._parts.jobs} - planned.broken_jobs.keys()
        planned.published = {
            key: entry for key, entry in published.items() if entry.job in sound and not is_stopped(entry, stops)
        }
        return withheld

    def _without_hidden(self, plan: Plan) -> Plan:
        """Nothing is taken away at a target that is hidden from us: "not there" would be taken for success, and what still stands there
        would be forgotten when it shows again.
        """
        places = {change.target.connection for change in plan.changes if change.operation == "remove"}
        hidden = {
            ref for name in places for ref, item in self._store.tombstones(name).items() if item.reason == "hidden"
        }
        left = [change for change in plan.changes if change.operation == "remove" and change.target in hidden]
        skips = tuple(Skip(change.key, change.target, "orphaned") for change in left)
        changes = tuple(change for change in plan.changes if change not in left)
        return replace(plan, changes=changes, skips=(*plan.skips, *skips)) if left else plan

    def _undecided(self, plan: Plan, own: Iterable[Finding]) -> Iterator[Finding]:
        """Open findings about targets that could not be judged this time: they neither end nor begin because a vendor is down."""
        undecided = {skip.key for skip in plan.skips if skip.reason in ("held", "blocked")}
        known = {finding.key for finding in own}
        for item in self._store.findings("open", "acknowledged") if undecided else ():
            is_about = item.finding.parameters.get("key") in undecided
            if item.job == ENGINE and is_about and item.finding.key not in known:
                yield item.finding

    def _versions(self, desired: Sequence[Desired], published: Mapping[str, Published]) -> dict[str, str]:
        """Each key's target version as collected: a task's record, or the page itself."""
        refs = {item.key: _watched(item, published.get(item.key)) for item in desired}
        versions = self._store.raw_versions([ref for ref in refs.values() if ref])
        return {key: versions[ref] for key, ref in refs.items() if ref and ref in versions}

    def _settle(self, planned: Planned) -> None:
        """Remember up to which version a target was looked at and found as we left it, so that the next run need not look; forget messages
        of long ago.
        """
        for key in planned.forgotten:
            if (last := planned.published.get(key)) and last.kind == "message":
                self._store.remove_published(key)
        settle_edits(self._store, self._parts.clock())
        plan = planned.plan
        busy = {change.key for change in plan.changes} | {skip.key for skip in plan.skips}
        busy |= {item.desired.key for item in plan.adoptions}
        for key, item in planned.existing.items():
            last = planned.published.get(key)
            if last is None or item.found is None or key in busy or last.state != "published":
                continue
            version = item.found.version if last.kind == "page" else planned.versions.get(key, "")
            if item.intended_digest or (version and version != last.target_version):
                self._store.put_published(replace(last, target_version=version or last.target_version))

    def apply(
        self,
        accepted: Accepted | None = None,
        on_change: Callable[[Change], None] = lambda _: None,
        reviewed: Container[str] | None = None,
    ) -> Cycle:
        """Plan and carry the plan out. Raises UnsafePlan, with nothing written, when a brake holds.

        ``reviewed`` holds the fingerprints of the writes that somebody looked at: no other is made now.
        """
        with self._running("apply") as (run, may_go_on):
            cycle = Cycle(run)
            self._apply(cycle, accepted, on_change, may_go_on, reviewed)
        return cycle

    def cycle(
        self,
        accepted: Accepted | None = None,
        progress: Progress = lambda *_: None,
        on_change: Callable[[Change], None] = lambda _: None,
        at_once: Iterable[str] = (),
    ) -> Cycle:
        """Collect, judge, plan, apply. A brake is noted in the result; what was collected stays collected."""
        cycle = Cycle("")
        with suppress(UnsafePlan), self._running("run") as (cycle.run, may_go_on):
            cycle.collected = self.collect(progress=progress, run=cycle.run, at_once=at_once)[1]
            self._apply(cycle, accepted, on_change, may_go_on)
        return cycle

    def _apply(
        self,
        cycle: Cycle,
        accepted: Accepted | None,
        on_change: Callable[[Change], None],
        may_go_on: MayGoOn,
        reviewed: Container[str] | None = None,
    ) -> None:
        if self._parts.comment_ear and self._parts.comment_ear.hear(self._parts.clock()):
            self._parts.deriver.link()
        planned = self.plan()
        if reviewed is not None:
            changes = tuple(change for change in planned.plan.changes if fingerprint(change) in reviewed)
            planned.plan = replace(planned.plan, changes=changes)
        cycle.planned = planned
        self._settle(planned)
        is_judged = all(item.is_complete for item in planned.view.freshness.values())
        sound = [item.job.name for item in self._parts.jobs if item.job.name not in planned.broken_jobs]
        cycle.news = self._store.sync_findings(
            planned.findings, self._parts.clock(), [ENGINE, *sound] if is_judged else [ENGINE]
        )
        try:
            self._check_limits(planned.plan, accepted or Accepted())
        except UnsafePlan as refused:
            cycle.refused = refused
            raise
        if planned.pairs:
            self._store.put_baseline(planned.pairs, self._parts.clock())
        cycle.outcome = apply(
            planned.plan, self._parts.ports, self._store, cycle.run, on_change=on_change, may_go_on=may_go_on
        )
        found = {APPLY: tuple(outcome_findings(cycle.outcome))}
        news = self._store.sync_findings(found, self._parts.clock(), [APPLY])
        cycle.news = FindingNews(cycle.news.opened + news.opened, cycle.news.resolved + news.resolved)

    def _check_limits(self, plan: Plan, accepted: Accepted) -> None:
        """Once the first day was taken stock of no run is the first, though nothing may be published yet."""
        day, _ = self._store.baseline()
        known = len(self._store.published()) or int(day is not None)
        asked_for = sum(1 for change in plan.changes if change.job == BASELINE)
        check_limits(plan, known, self._parts.limits, accepted, asked_for)

    def undo(self, run: str) -> Cycle:
        """Take back a run's writes, newest first, where nobody edited them since; the rest is told with its reason."""
        entries = [(entry.change, entry.before) for entry in self._store.changes_of_run(run)]
        if not entries:
            hint = "`tieline runs` lists the runs and what each wrote"
            raise ConfigError([Problem(COMMAND_LINE, 0, run, "no such run, or it wrote nothing", hint)])
        with self._running("undo") as (this, may_go_on):
            outcome, kept = undo(entries, self._parts.ports, self._store, this, may_go_on, Sayable(self.view()))
            return Cycle(this, outcome=outcome, kept=kept)

    def retraction(self, connections: Sequence[str] = (), jobs: Sequence[str] = ()) -> Steps:
        """What `retract` would remove and what would stay. Reads targets, writes nothing."""
        return self._retraction(connections, jobs).steps(self.plan().lost())

    def retract(self, connections: Sequence[str] = (), jobs: Sequence[str] = ()) -> Cycle:
        """Remove all that we ever wrote there and may remove; nothing is written there again until ``resume``. No brake holds this."""
        with self._running("retract") as (run, may_go_on):
            retraction = self._retraction(connections, jobs)
            lost = self.plan().lost()
            retraction.stop(run, self._parts.clock())
            outcome, kept = retraction.carry_out(lost, run, may_go_on)
            return Cycle(run, outcome=outcome, kept=kept)

    def _retraction(self, connections: Sequence[str], jobs: Sequence[str]) -> Retraction:
        return Retraction(self._store, self._parts.ports, self._parts.installation, tuple(connections), tuple(jobs))

    def put_back(self, edit: CommentEdit, language: Language) -> Cycle:
        """Say again what a write of ours took away, in a comment of its own."""
        with self._running("put_back") as (run, may_go_on):
            parts = self._parts
            outcome = put_back(edit, parts.ports, self._store, parts.installation, language, run, may_go_on)
            return Cycle(run, outcome=outcome)

    def resume(self) -> int:
        """Write again where everything was retracted; how many places that were. What stayed there is a person's now."""
        with self._running("resume"), self._store.transaction():
            return resume(self._store)

    @contextmanager
    def _running(self, kind: str, run: str = "") -> Iterator[tuple[str, MayGoOn]]:
        """A row in ``runs`` around the work; one that died keeps no end, which is how it is noticed."""
        if run:
            yield run, lambda: None
            return
        with turn(self._store) as may_go_on, self._parts.around_run():
            run = self._store.begin_run(kind, self._parts.clock())
            try:
                yield run, may_go_on
            except TielineError as error:
                outcome = "refused" if isinstance(error, UnsafePlan) else type(error).__name__
                self._end(run, outcome)
                raise
            self._end(run, "done")

    def _end(self, run: str, outcome: str) -> None:
        counts = {"written": len(self._store.changes_of_run(run))}
        self._store.end_run(run, outcome, counts, self._parts.clock())


def _watched(item: Desired, last: Published | None) -> Ref | None:
    if item.kind != "page":
        return item.target
    return Ref.of(item.target.connection, "document", last.written.id) if last else None


def _told(sayable: Sayable, skip: Skip) -> str:
    """Why something was skipped, without the address of what may not be named."""
    return sayable.url_at(skip.target, skip.detail) if skip.detail.startswith("http") else skip.detail
