"""What climbs a ladder: delays between departments that are news, and incidents; each with its people, its clock and where it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from sync.core.asking import Parties
from sync.core.calendar import Calendar
from sync.core.escalation import Clock, Event, Ladder, Position, Step, clock_for, is_open, position
from sync.core.ladders import EscalationSettings, ladder_for
from sync.core.plan import Published
from sync.core.values import Department, Finding, Ref, Severity, Task
from sync.core.view import View
from sync.core.working_time import WEEKDAYS

NAME = "escalations"
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
ENDED = ("done", "cancelled")
BREAKS_OUT = timedelta(days=1)
"""An incident that nobody touched for so long before we first saw it has not just broken out: nobody is called out of bed for it."""
TOLD = ("notice", "notice_over")
BY_HAND = "incidents:incident:"
"""What the keys of incidents begin with that a person opened, and that only a person solves."""


class Matter(Struct, frozen=True):
    """Something that climbs a ladder. ``task`` is what is late or broke, ``waiting`` the tasks that wait for it; ``begun`` is when this
    episode began. ``told`` are the entries of this episode's notices.
    """

    findings: tuple[Finding, ...]
    is_incident: bool
    task: Task
    waiting: tuple[Task, ...]
    parties: Parties
    zone: ZoneInfo
    ladder: Ladder
    clock: Clock
    begun: datetime
    events: tuple[Event, ...]
    position: Position
    told: tuple[Published, ...] = ()

    @property
    def finding(self) -> Finding:
        """The one that carries the answers: of several delays that which stands longest."""
        return self.findings[0]

    @property
    def key(self) -> str:
        return self.finding.key

    @property
    def episode(self) -> str:
        """The identity of this episode for ever."""
        return f"{self.key}#{self.position.episode}"

    @property
    def subjects(self) -> tuple[Ref, ...]:
        return (self.task.ref, *(task.ref for task in self.waiting))

    @property
    def rests_on(self) -> tuple[str, ...]:
        return tuple(sorted({ref.connection for ref in self.subjects}))

    def since_begun(self, *kinds: str) -> list[Event]:
        """What happened of these kinds in this episode."""
        return [event for event in self.events if event.kind in kinds and event.at >= self.begun]


class Told(Struct, frozen=True):
    """All notices of ours, read once: by the key of their finding; the keys of delays by what is late; and when the first was said."""

    by_finding: Mapping[str, tuple[Published, ...]]
    by_late: Mapping[str, tuple[str, ...]]
    first_at: datetime | None


def incident_findings(view: View) -> tuple[Finding, ...]:
    """One finding for each open incident among the tasks. Of one whose status is unknown nothing begins and nothing ends."""
    return tuple(
        Finding(
            key=f"{NAME}:incident:{ref}",
            kind="incident",
            severity="critical",
            subjects=(ref,),
            message="incident_found",
        )
        for ref, task in sorted(view.tasks.items())
        if task.kind == "incident" and task.status not in ENDED and _breaks_out(view, task)
    )


def matters(
    view: View, settings: EscalationSettings, incidents: tuple[Finding, ...], published: Mapping[str, Published]
) -> Iterator[Matter]:
    """Everything that climbs now. What was late on the first day is silent. Several delays of one task are one matter: its owner is
    asked once, and told of all who wait.
    """
    told, everything = _told(published), {item.finding.key for item in view.standing}
    standing = [item.finding for item in view.standing if item.state != "resolved"]
    for finding in (*incidents, *(item for item in standing if item.kind == "incident")):
        task = view.tasks.get(finding.subjects[0]) if finding.subjects else None
        if task is not None and not _is_told_of_already(view, finding.key, task.ref):
            yield _matter(
                view, settings, (finding,), task, _events_of(view, finding), told.by_finding.get(finding.key, ())
            )
    for task, findings in _delays_by_task(view, standing):
        key, late = findings[0].key, f"delays:delay:{task.ref}>"
        entries = told.by_finding.get(key, ())
        over = [other for other in told.by_late.get(_late(key), ()) if other != key and other.startswith(late)]
        since = max(
            [_watched_since(view, findings[0], entries, told), *_taken_over(view, entries, over, told, everything)]
        )
        yield _matter(view, settings, findings, task, _counted_from(since, _events_of(view, findings[0])), entries)


def _delays_by_task(view: View, standing: Sequence[Finding]) -> Iterator[tuple[Task, tuple[Finding, ...]]]:
    """Each late task with its delays, first the one that stands longest: it is asked about, and the others with it."""
    found: dict[Ref, list[Finding]] = {}
    for finding in standing:
        if finding.kind == "delay" and finding.subjects and not finding.parameters.get("is_baseline"):
            found.setdefault(finding.subjects[0], []).append(finding)
    for ref, findings in found.items():
        if task := view.tasks.get(ref):
            yield task, tuple(sorted(findings, key=lambda item: (_begun(_events_of(view, item)), item.key)))


def _late(key: str) -> str:
    """What the keys of all delays of one task begin with."""
    return key.partition(">")[0]


def _taken_over(
    view: View, entries: Sequence[Published], others: Sequence[str], told: Told, standing: Collection[str]
) -> list[datetime]:
    """From when a delay is asked about in place of another of its task that is over: its clock begins then. That one ended long ago, or
    with this judgement, which no event tells yet; afterwards it is when this one was first told.
    """
    if entries:
        first = min(map(told_at, entries))
        return [first] if any(told_at(entry) < first for key in others for entry in told.by_finding[key]) else []
    now = [view.at for key in others if key not in standing and is_open(view.events.get(key, ()))]
    return [*now, *(event.at for key in others for event in view.events.get(key, ()) if event.kind == "solved")]


def step_of(entry: Published) -> tuple[str, Step]:
    """The finding and the step that a notice of ours was about."""
    return Step.from_key(entry.facts["step"])


def told_at(entry: Published) -> datetime:
    """When a notice was first said, whatever was changed in it since."""
    return datetime.fromisoformat(entry.facts["told_at"]) if "told_at" in entry.facts else entry.at


def _is_told_of_already(view: View, key: str, task: Ref) -> bool:
    """Whether the other incident of this task (one is opened by the tool, one by a person) was open when this one began: people are
    called once."""
    other = next(name for name in (f"{BY_HAND}{task}", f"{NAME}:incident:{task}") if name != key)
    ours, theirs = view.events.get(key, ()), view.events.get(other, ())
    begun = _begun(ours) if is_open(ours) else view.at
    spans = _spans(theirs)
    return any(start <= begun <= end and (start, other) < (begun, key) for start, end in spans)


def _spans(events: tuple[Event, ...]) -> list[tuple[datetime, datetime]]:
    """From when to when something was open, episode by episode."""
    found: list[tuple[datetime, datetime]] = []
    begun: datetime | None = None
    for event in events:
        if event.kind in ("opened", "reopened"):
            begun = begun or event.at
        elif event.kind == "solved" and begun:
            found.append((begun, event.at))
            begun = None
    return [*found, (begun, datetime.max.replace(tzinfo=begun.tzinfo))] if begun else found


def _breaks_out(view: View, task: Task) -> bool:
    events = view.events.get(f"{NAME}:incident:{task.ref}", ())
    if is_open(events):
        return True
    return task.status != "unknown" and view.at - task.updated_at < BREAKS_OUT


def _told(published: Mapping[str, Published]) -> Told:
    found: dict[str, list[Published]] = {}
    late: dict[str, list[str]] = {}
    first_at: datetime | None = None
    for entry in published.values():
        if entry.message in TOLD:
            key, at = step_of(entry)[0], told_at(entry)
            if key not in found:
                late.setdefault(_late(key), []).append(key)
            found.setdefault(key, []).append(entry)
            first_at = min(first_at or at, at)
    by_late = {name: tuple(keys) for name, keys in late.items()}
    return Told({key: tuple(entries) for key, entries in found.items()}, by_late, first_at)


def _events_of(view: View, finding: Finding) -> tuple[Event, ...]:
    events = view.events.get(finding.key, ())
    return events if is_open(events) else (*events, Event("reopened" if events else "opened", view.at))


def _watched_since(view: View, finding: Finding, entries: Sequence[Published], told: Told) -> datetime:
    """From when on a delay's clock may count: since this job told anything; and where it was late on the first day, and silent until
    something happened, since this delay was told. Nobody is asked first on a high rung because nobody was asked before."""
    baseline = view.baseline.pairs if view.baseline else {}
    then = baseline.get(finding.key.removeprefix("delays:delay:"))
    if then is not None and then.is_late:
        return min(map(told_at, entries), default=view.at)
    return told.first_at or view.at


def _counted_from(since: datetime, events: tuple[Event, ...]) -> tuple[Event, ...]:
    """The same story as if it had begun then: what happened before in the episode that stood happened at that instant."""
    past = [event for event in events if event.at < since]
    ends = [number for number, event in enumerate(past, 1) if event.kind == "solved"]
    standing = past[ends[-1] if ends else 0 :]
    return (*(replace(event, at=since) for event in standing), *(event for event in events if event.at >= since))


def _matter(
    view: View,
    settings: EscalationSettings,
    findings: tuple[Finding, ...],
    task: Task,
    events: tuple[Event, ...],
    entries: tuple[Published, ...],
) -> Matter:
    is_incident = findings[0].kind == "incident"
    waiting = _waiting(view, findings, task)
    department = view.departments.get(task.department) if task.department else None
    severity = min((item.severity for item in findings), key=SEVERITIES.index)
    ladder = ladder_for(settings, severity, department, is_incident=is_incident)
    zone = department.zone if department else str(view.at.tzinfo or "UTC")
    clock = clock_for(ladder, _calendar(view, department), zone)
    told = tuple(Event("told", told_at(entry), step=step_of(entry)[1]) for entry in entries)
    stands = position(ladder, (*events, *told), view.at, clock)
    departments = dict.fromkeys(item.department for item in waiting if item.department not in (None, task.department))
    return Matter(
        findings=findings,
        is_incident=is_incident,
        task=task,
        waiting=waiting,
        parties=Parties(task.owner, task.department, tuple(ref for ref in departments if ref)),
        zone=ZoneInfo(zone),
        ladder=ladder,
        clock=clock,
        begun=_begun(events),
        events=events,
        position=stands,
        told=tuple(entry for entry in entries if step_of(entry)[1].episode == stands.episode),
    )


def _waiting(view: View, findings: Sequence[Finding], task: Task) -> tuple[Task, ...]:
    """The tasks that wait: those of the delays, or all that an incident holds up."""
    if findings[0].kind == "delay":
        refs = tuple(dict.fromkeys(ref for finding in findings for ref in finding.subjects[1:]))
    else:
        following = (item for item in view.dependencies if item.predecessor == task.ref and item.state == "confirmed")
        refs = tuple(sorted(item.successor for item in following))
    found = (view.tasks.get(ref) for ref in refs)
    return tuple(item for item in found if item is not None and item.status not in ENDED)


def _calendar(view: View, department: Department | None) -> Calendar:
    return view.calendars.get(department.calendar, WEEKDAYS) if department else WEEKDAYS


def _begun(events: tuple[Event, ...]) -> datetime:
    """When the episode that stands began."""
    begun: datetime | None = None
    for event in events:
        if event.kind == "solved":
            begun = None
        elif event.kind in ("opened", "reopened") and begun is None:
            begun = event.at
    return begun or events[-1].at
