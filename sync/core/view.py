"""What jobs and pages see of everything: one consistent state, and how far it can be trusted. Frozen values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, field

from sync.core.baseline import Baseline
from sync.core.calendar import Calendars
from sync.core.source_files import SourceFile
from sync.core.values import (
    Department,
    Dependency,
    Document,
    ExternalReference,
    Language,
    Person,
    Ref,
    Relation,
    Task,
    TrackedFinding,
)

if TYPE_CHECKING:
    from sync.core.escalation import Event, Stated
    from sync.core.history import History
    from sync.core.said import Answered
    from sync.core.talks import TalkEvent


class Freshness(Struct, frozen=True):
    """How much a connection's data can be trusted now: when it was last complete, and whether this run proved it."""

    connection: str
    complete_at: datetime | None
    is_complete: bool
    reason: str = ""


class ConnectionFacts(Struct, frozen=True):
    """What jobs may know of a connection: its language, zone, ports, whether one link shows at both ends, and what a chat reaches:
    ``people`` one by one, ``rooms`` that it makes, and ``room_buttons`` that can be pressed there."""

    name: str
    type: str
    language: Language = "zh-CN"
    zone: str = "Asia/Shanghai"
    ports: tuple[str, ...] = ()
    has_mutual_links: bool = False
    reaches: tuple[str, ...] = ()


class View(Struct, frozen=True):
    """The read-only snapshot that jobs and pages read: one consistent state of everything, and how fresh it is.

    ``baseline`` is what was there on the first day (None: none was asked for). ``hidden`` are records that we read once and may not any
    more, or that were deleted where a vendor does not tell the two apart: they may not be named. ``answered`` is what holds of a finding
    because somebody said it. For jobs that read findings (``Job.reads_findings``): ``standing`` are all of this judgement, ``ended`` those
    that are over with it or since a few days, and not because anything was incomplete; ``events`` and ``reasons`` what happened to each
    over all its episodes (not what was told), and why it is late, as people said; ``talks`` what was kept of talks. ``pilot`` are the
    tasks that take part in it (None: all), for messages that tell of several at once. ``asked`` tells when another job (``Job.asks``)
    asked a person last about a finding (its key) that stands, now at the latest. ``known`` are the job's own findings that stood until
    now; ``read_history`` reads what the tools' histories tell.
    """

    at: datetime
    tasks: Mapping[Ref, Task]
    dependencies: tuple[Dependency, ...] = ()
    relations: tuple[Relation, ...] = ()
    external_references: tuple[ExternalReference, ...] = ()
    people: Mapping[Ref, Person] = field(default_factory=dict)
    departments: Mapping[Ref, Department] = field(default_factory=dict)
    documents: Mapping[Ref, Document] = field(default_factory=dict)
    connections: Mapping[str, ConnectionFacts] = field(default_factory=dict)
    freshness: Mapping[str, Freshness] = field(default_factory=dict)
    files: tuple[SourceFile, ...] = ()
    calendars: Calendars = field(default_factory=dict)
    baseline: Baseline | None = None
    hidden: frozenset[Ref] = frozenset()
    standing: tuple[TrackedFinding, ...] = ()
    ended: tuple[TrackedFinding, ...] = ()
    events: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)
    reasons: Mapping[str, tuple[Stated, ...]] = field(default_factory=dict)
    answered: Mapping[str, tuple[Answered, ...]] = field(default_factory=dict)
    talks: Mapping[str, tuple[TalkEvent, ...]] = field(default_factory=dict)
    pilot: frozenset[Ref] | None = None
    asked: Mapping[tuple[Ref, str], datetime] = field(default_factory=dict)
    known: Mapping[str, TrackedFinding] = field(default_factory=dict)
    read_history: Callable[[], History] | None = None

    def is_fresh(self, *connections: str) -> bool:
        """True when every named connection was proven complete in this snapshot."""
        return all(name in self.freshness and self.freshness[name].is_complete for name in connections)
