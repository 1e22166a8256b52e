"""What the store remembers beyond the model: how complete, who wrote what when, what people answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

from msgspec import Struct, field

from sync.core.certificate import Certificate
from sync.core.escalation import Reason
from sync.core.plan import Change, Published
from sync.core.values import Ref, TrackedFinding

IntentState = Literal["pending", "confirmed", "failed", "unsure"]


class Saved(Struct, frozen=True):
    """What became of the records handed in. A ref is ``in`` it when its row was written; its length counts those."""

    inserted: frozenset[Ref] = frozenset()
    changed: frozenset[Ref] = frozenset()
    unchanged: int = 0

    def __contains__(self, ref: object) -> bool:
        return ref in self.inserted or ref in self.changed

    def __len__(self) -> int:
        return len(self.inserted) + len(self.changed)


class Gone(Struct, frozen=True):
    """A record's tombstone: why the vendor no longer shows it (deleted, moved, archived, hidden) and since when we know."""

    reason: str
    at: datetime


class Certified(Struct, frozen=True):
    """The latest certificate of one stream of one scope, and when it was last complete (None: never yet)."""

    certificate: Certificate
    complete_at: datetime | None


class RecordProblem(Struct, frozen=True):
    """Something in one record that its mapping could not read: which field, what stood there, which mapping line.

    ``is_skipped`` when the whole record could not be mapped for it.
    """

    record: Ref
    kind: str
    text: str
    field: str = ""
    value: str = ""
    file: str = ""
    line: int = 0
    is_skipped: bool = False


class Run(Struct, frozen=True):
    """One run. ``ended_at`` is None while it goes on, and for ever when it died."""

    id: str
    kind: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


class Intent(Struct, frozen=True):
    """A write that was committed here before it was tried there."""

    id: int
    run: str
    change: Change
    state: IntentState
    created_at: datetime
    error: str = ""

    @property
    def key(self) -> str:
        return self.change.key

    @property
    def digest(self) -> str:
        return self.change.digest


class AuditEntry(Struct, frozen=True):
    """One write that happened, and what we had published under its key before and after. Enough to explain and to undo it."""

    run: str
    intent: int
    change: Change
    at: datetime
    before: Published | None
    after: Published | None


class FindingNews(Struct, frozen=True):
    """What is new since the last judgement: findings that opened (or came back), and those that are over."""

    opened: tuple[TrackedFinding, ...] = ()
    resolved: tuple[TrackedFinding, ...] = ()


class Answer(Struct, frozen=True):
    """What a person said about a dependency (its key), by whom and when; it holds until a person says otherwise."""

    key: str
    answer: Literal["rejected", "confirmed"]
    by: str
    at: datetime


FindingEventKind = Literal[
    "opened", "acknowledged", "declined", "promised", "solved", "reopened", "stated", "talk_set", "talk_decided"
]


class FindingEvent(Struct, frozen=True):
    """Something that happened to a finding. What nobody did has ``by`` None and no ``name``.

    ``source`` tells the same thing heard again from another one by the same person: an answer's id, a command, a run's instant. ``until``
    is the instant that was promised and ``day`` the date as it was said, or that of a talk; ``reason`` is what was stated; ``note`` are a
    person's own words, such as what a talk decided.
    """

    finding: str
    kind: FindingEventKind
    at: datetime
    source: str
    by: Ref | None = None
    name: str = ""
    until: datetime | None = None
    day: date | None = None
    reason: Reason | None = None
    note: str = ""
