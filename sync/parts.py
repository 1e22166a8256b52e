"""What one cycle works with and what comes of it: the values between the engine and those who call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from sync.adoption import Adopting
from sync.apply import Outcome
from sync.core.baseline import BaselinePair
from sync.core.brakes import Limits
from sync.core.calendar import Calendars
from sync.core.errors import TielineError, UnsafePlan
from sync.core.organisation import Organisation
from sync.core.plan import Desired, Existing, Plan, Published
from sync.core.ports import Job
from sync.core.source_files import SourceFile
from sync.core.values import Finding, Ref
from sync.core.view import ConnectionFacts, View
from sync.derive import Deriver
from sync.look import Ports
from sync.reading import Cadence, Collected, Site
from sync.replies import CommentEar
from sync.retract import Kept
from sync.store.entries import FindingNews
from sync.store.store import Store


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
    organisations: Mapping[str, Callable[[], Organisation]] = field(default_factory=dict)
    cadences: Mapping[str, Cadence] = field(default_factory=dict)
    adopting: Adopting = field(default_factory=Adopting)
    # What hears people's comments; without one they are not read.
    comment_ear: CommentEar | None = None
    # Entered around each run: each connection's calls are counted anew, and pauses that vendors asked for are kept.
    around_run: Callable[[], AbstractContextManager[None]] = nullcontext


@dataclass
class Planned:
    """A plan with the view it was judged on and what was found on the way."""

    plan: Plan
    view: View
    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    published: dict[str, Published] = field(default_factory=dict)
    existing: dict[str, Existing] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, TielineError] = field(default_factory=dict)
    broken_jobs: dict[str, str] = field(default_factory=dict)
    pairs: tuple[BaselinePair, ...] = ()
    forgotten: tuple[str, ...] = ()
    asked: Mapping[tuple[Ref, str], datetime] = field(default_factory=dict)
    desired: list[Desired] = field(default_factory=list)

    def lost(self) -> list[Desired]:
        """What stands out there as ours although the ledger does not know it."""
        seen = {key for key, item in self.existing.items() if item.found is not None and item.found.is_ours}
        return [item for item in self.desired if item.key in seen and item.key not in self.published]


@dataclass
class Cycle:
    """What one run did. ``refused`` is the brake that stopped it, if one did."""

    run: str
    collected: list[Collected] = field(default_factory=list)
    planned: Planned | None = None
    outcome: Outcome | None = None
    news: FindingNews = field(default_factory=FindingNews)
    refused: UnsafePlan | None = None
    kept: tuple[Kept, ...] = ()
