"""How Tieline arrives in a living company: the first day is taken stock of, and a pilot speaks before everybody does.

The engine asks three things: what the view should know of the first day, whether today is that day, and what may not speak. Nothing
here knows a job: a job tells how its pairs stand, and this decides when that is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo

from msgspec import Struct

from sync.core.baseline import Baseline, BaselinePair
from sync.core.plan import Desired, Published, Skip, SkipReason
from sync.core.values import Finding, Ref
from sync.core.view import View
from sync.retract import is_stopped
from sync.store.baseline import Stop
from sync.store.store import Store

AT_TASKS = ("comment", "link")


class Pilot(Struct, frozen=True):
    """Only tasks of these departments and projects are written to. Empty: everybody's."""

    departments: frozenset[Ref] = frozenset()
    projects: frozenset[str] = frozenset()

    def includes(self, view: View, target: Ref) -> bool:
        """Whether Tieline may begin to speak there. What is no task (a page's space) was named by the admin and always may."""
        if target.kind != "task" or not (self.departments or self.projects):
            return True
        task = view.tasks.get(target)
        return task is not None and (task.department in self.departments or task.project in self.projects)

    def tasks(self, view: View) -> frozenset[Ref] | None:
        """The tasks that take part; None where everybody's do."""
        if not (self.departments or self.projects):
            return None
        return frozenset(ref for ref in view.tasks if self.includes(view, ref))


class Adopting(Struct, frozen=True):
    """``adoption`` in tieline.yaml, checked."""

    has_baseline: bool = False
    pilot: Pilot = Pilot()


def baseline_of(store: Store, adopting: Adopting, published: Mapping[str, Published], zone: tzinfo) -> Baseline | None:
    """What the view should know of the first day. Once taken it holds, whatever the configuration says later; where Tieline
    spoke at tasks before anybody asked for one, there is none."""
    day, pairs = store.baseline()
    if day is not None:
        return Baseline(day.astimezone(zone).date(), {pair.key: pair for pair in pairs})
    has_spoken = any(entry.kind in AT_TASKS and entry.state == "published" for entry in published.values())
    return Baseline() if adopting.has_baseline and not has_spoken else None


def first_day(view: View, pairs: Iterable[BaselinePair], stops: Sequence[Stop]) -> Baseline | None:
    """The baseline, when today is the first day: it was asked for, everything is proven complete, and there is anything to judge.

    A company without one dependency is rather a mapping that finds none: its first day is yet to come.
    """
    found = {pair.key: pair for pair in pairs}
    is_due = view.baseline is not None and not view.baseline.is_taken
    is_fresh = bool(view.freshness) and view.is_fresh(*view.freshness)
    return Baseline(view.at.date(), found) if is_due and is_fresh and found and not stops else None


def withhold(
    desired: Iterable[Desired], published: Mapping[str, Published], view: View, pilot: Pilot, stops: Sequence[Stop]
) -> tuple[list[Desired], list[Skip]]:
    """What may be written, and what may not and why. Outside the pilot nothing new is begun, but what stands is kept true and
    ended; where everything was retracted nothing is touched."""
    allowed: list[Desired] = []
    skips: list[Skip] = []
    for item in desired:
        reason: SkipReason | None = None
        if is_stopped(item, stops):
            reason = "retracted"
        elif item.key not in published and not any(pilot.includes(view, ref) for ref in item.about or (item.target,)):
            reason = "pilot"
        if reason:
            skips.append(Skip(item.key, item.target, reason))
        else:
            allowed.append(item)
    return allowed, skips


def adoption_findings(view: View, stops: Iterable[Stop]) -> Iterator[Finding]:
    """That the first day is still waited for, and that something was retracted: nobody should wonder about the silence."""
    if view.baseline is not None and not view.baseline.is_taken:
        yield Finding(
            key="engine:baseline_waits",
            kind="baseline_waits",
            severity="warning",
            subjects=(Ref.of("tieline", "ledger", "baseline"),),
            message="baseline_waits",
            parameters={"missing": sorted(name for name, item in view.freshness.items() if not item.is_complete)},
        )
    for stop in stops:
        yield Finding(
            key=f"engine:retracted:{stop.connection}:{stop.job}",
            kind="retracted",
            severity="warning",
            subjects=(Ref.of("tieline", "ledger", "retracted"),),
            message="retracted",
            parameters={"connection": stop.connection or "*", "job": stop.job or "*", "day": _day(stop.at, view)},
        )


def _day(at: datetime, view: View) -> str:
    return at.astimezone(view.at.tzinfo).date().isoformat()
