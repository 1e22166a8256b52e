"""The one model that every tool's words are brought into. Frozen values, no behaviour beyond their own meaning.

``gc=False``: frozen values form no reference cycles, and looking for some among hundreds of thousands took a fifth of a run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import force_setattr

from sync.core.duty import Leave, OnCall
from sync.core.secrets import redact_bytes
from sync.core.vendor_change import VendorChange

Status = Literal["todo", "in_progress", "blocked", "done", "cancelled", "unknown"]
TaskKind = Literal["work", "incident", "milestone", "action_item"]
DependencyType = Literal["finish_to_start", "start_to_start", "finish_to_finish", "start_to_finish"]
DependencyState = Literal["confirmed", "proposed", "rejected"]
Role = Literal["responsible", "accountable", "consulted", "informed"]
Visibility = Literal["open", "restricted"]
Severity = Literal["info", "warning", "critical"]
FindingState = Literal["open", "acknowledged", "resolved"]
Language = Literal["zh-CN", "en"]
LagUnit = Literal["working", "elapsed"]
LinkSide = Literal["waits_for", "blocks"]

_REF = re.compile(r"([a-z0-9][a-z0-9_-]*):([a-z_]+):(.+)", re.DOTALL)


class Ref(str):
    """Names one thing for ever: ``connection:kind:key``, with the vendor's stable id as key (``jira-main:task:10063``).

    What YAML defines lives under the connection ``tieline`` (``tieline:person:zhang-wei``). Raises ValueError for other text.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Ref:
        if not _REF.fullmatch(text):
            raise ValueError(f"{text!r} is not a ref: expected connection:kind:key")
        return super().__new__(cls, text)

    @classmethod
    def of(cls, connection: str, kind: str, key: str) -> Ref:
        return cls(f"{connection}:{kind}:{key}")

    @classmethod
    def trusted(cls, text: str) -> Ref:
        """A ref out of our own store, which took only refs: looking at each of a hundred thousand again took half a run."""
        return str.__new__(cls, text)

    @property
    def connection(self) -> str:
        return self.split(":", 2)[0]

    @property
    def kind(self) -> str:
        return self.split(":", 2)[1]

    @property
    def key(self) -> str:
        return self.split(":", 2)[2]


class RawRecord(Struct, frozen=True, gc=False):
    """One vendor object's bytes as they came (but for our own secrets), with what is needed to read them again.

    ``version`` is whatever the vendor changes on each edit (a version number or the updated instant as text);
    ``field_set`` names what was asked for; times are aware UTC.
    """

    ref: Ref
    payload: bytes
    version: str
    updated_at: datetime
    fetched_at: datetime
    field_set: str = ""
    scope: str = ""  # the project, board or space it was found in; censuses are per scope
    visibility: Visibility = "open"

    def __post_init__(self) -> None:
        """A vendor that repeats what we sign in with, or a colleague who pasted it, must not bring it into our database."""
        if (masked := redact_bytes(self.payload)) is not self.payload:
            force_setattr(self, "payload", masked)


class Account(Struct, frozen=True, gc=False):
    """A person as one vendor knows them. ``id`` is the vendor's stable id; the e-mail is often hidden."""

    id: str
    name: str = ""
    email: str | None = None
    login: str | None = None
    is_active: bool = True


class Link(Struct, frozen=True, gc=False):
    """A vendor's typed link as seen from one end: *this* ``words`` *other*.

    ``is_outward`` tells that this end is the subject of the type's outward words ("blocks"). ``id`` is the same from both ends.
    """

    id: str
    type_id: str
    type_name: str
    is_outward: bool
    words: str
    other_id: str
    other_key: str = ""
    other_title: str = ""


class Mention(Struct, frozen=True, gc=False):
    """A place in a record that names another item by URL or key: a checklist item, an attachment, a remote link.

    ``where`` is checklist | attachment | remote_link; ``title`` the checklist's or attachment's name;
    ``mark`` is our own mark when Tieline wrote it.
    """

    where: str
    id: str
    title: str
    text: str
    is_done: bool = False
    mark: str | None = None


class Record(Struct, frozen=True, gc=False):
    """A raw record decoded once: names as the vendor spells them, people and times recognised, nothing interpreted.

    ``values`` is a plain tree (dicts, lists, text, numbers, booleans, None, Account, date, aware datetime) that mappings walk by
    dotted paths. ``aliases`` are all texts by which other items may name this one (keys, URLs, short links), present and past.
    """

    ref: Ref
    key: str
    title: str
    url: str
    updated_at: datetime
    values: Mapping[str, Any]
    scope: str = ""
    visibility: Visibility = "open"
    aliases: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    mentions: tuple[Mention, ...] = ()
    accounts: tuple[Account, ...] = ()
    changes: tuple[VendorChange, ...] = ()


class Assignment(Struct, frozen=True, gc=False):
    """One RACI role on a task, held by a person or a department."""

    holder: Ref
    role: Role


class Task(Struct, frozen=True, gc=False):
    """One work item in our words, with the vendor's beside them. ``start``, ``due``, ``not_before``, ``must_start`` and ``must_finish``
    are dates in the zone they were said in; instants (``started``, ``finished``, ``updated_at``) are aware UTC.
    """

    ref: Ref
    key: str
    title: str
    status: Status
    vendor_status: str
    url: str
    updated_at: datetime
    owner: Ref | None = None
    department: Ref | None = None
    assignments: tuple[Assignment, ...] = ()
    start: date | None = None
    due: date | None = None
    started: datetime | None = None
    finished: datetime | None = None
    estimate_minutes: int | None = None
    parent: Ref | None = None
    project: str = ""
    labels: tuple[str, ...] = ()
    priority: str = ""
    kind: TaskKind = "work"
    visibility: Visibility = "open"
    not_before: date | None = None
    must_start: date | None = None
    must_finish: date | None = None


class Evidence(Struct, frozen=True, gc=False):
    """Why a dependency or relation is believed: which record, which place in it, which mapping line, how sure (0 to 1).

    ``predecessor`` and ``successor`` are refs, or texts (a key, a URL) still to be resolved; for a relation they are the two ends.
    ``relation`` is empty for a dependency, else the relation's word (relates, duplicates, clones …).
    ``source_id`` is the vendor's id of the link, checklist item or attachment; ``mark`` is set when Tieline wrote it.
    ``other_key`` is how the tool names the other end where ``predecessor`` or ``successor`` is a ref.
    """

    record: Ref
    place: str
    source_id: str
    rule: str
    predecessor: str
    successor: str
    confidence: float = 1.0
    type: DependencyType = "finish_to_start"
    lag_minutes: int = 0
    lag_unit: LagUnit = "working"
    relation: str = ""
    other_title: str = ""
    mark: str | None = None
    other_key: str = ""


class Dependency(Struct, frozen=True, gc=False):
    """The successor waits for the predecessor. Identity is (predecessor, successor, type), from whichever end it was seen."""

    predecessor: Ref
    successor: Ref
    type: DependencyType = "finish_to_start"
    lag_minutes: int = 0
    lag_unit: LagUnit = "working"
    confidence: float = 1.0
    state: DependencyState = "confirmed"
    evidence: tuple[Evidence, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.predecessor}>{self.successor}:{self.type}"


def ends_of(dependency_key: str) -> tuple[Ref, Ref]:
    """The predecessor and the successor that a dependency's key names."""
    before, _, after = dependency_key.rpartition(":")[0].partition(">")
    return Ref(before), Ref(after)


class Relation(Struct, frozen=True, gc=False):
    """Two items belong together without order; ``source`` ``word`` ``target`` ("A duplicates B")."""

    source: Ref
    target: Ref
    word: str
    evidence: tuple[Evidence, ...] = ()


class ExternalReference(Struct, frozen=True, gc=False):
    """A dependency or relation whose other end we do not collect. ``text`` is how the tool names it; it is kept, never guessed."""

    record: Ref
    text: str
    side: Literal["predecessor", "successor"]
    relation: str = ""
    title: str = ""
    evidence: tuple[Evidence, ...] = ()


class Person(Struct, frozen=True):
    """A colleague: accounts per connection, department, deputy, absences. An account nobody claimed is a person of its own connection.
    Without a ``calendar`` or ``zone`` of their own the department's holds.
    """

    ref: Ref
    name: str
    department: Ref | None = None
    accounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    email: str | None = None
    manager: Ref | None = None
    deputy: Ref | None = None
    english_name: str = ""
    calendar: str = ""
    zone: str = ""
    absences: tuple[Leave, ...] = ()


class Department(Struct, frozen=True):
    """A department: head, calendar and zone, who is on call, who decides between departments, who finds people or means (else the head)."""

    ref: Ref
    name: str
    english_name: str = ""
    head: Ref | None = None
    calendar: str = "CN"
    zone: str = "Asia/Shanghai"
    on_call: OnCall | None = None
    coordination_group: tuple[Ref, ...] = ()
    resource_contact: Ref | None = None


class Document(Struct, frozen=True, gc=False):
    """A page in a knowledge base as collected: identity, place and version; the body stays in the raw record."""

    ref: Ref
    title: str
    space: str
    url: str
    version: str
    updated_at: datetime
    parent: Ref | None = None
    labels: tuple[str, ...] = ()
    visibility: Visibility = "open"


class Finding(Struct, frozen=True):
    """What a job noticed. Never rendered text: a message id and its parameters. ``key`` is stable over runs."""

    key: str
    kind: str
    severity: Severity
    subjects: tuple[Ref, ...]
    message: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()


class FindingStep(Struct, frozen=True):
    """How a finding stood from ``at`` on, until its next step."""

    at: datetime
    severity: Severity
    parameters: Mapping[str, Any] = field(default_factory=dict)


class TrackedFinding(Struct, frozen=True):
    """A finding and where it is in its life: open, acknowledged, resolved; it opened, or came back, at ``opened_at``. ``steps`` are how it
    changed since, as the ledger keeps it: the first and the latest of them (none from before they were kept)."""

    finding: Finding
    job: str
    state: FindingState
    opened_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    steps: tuple[FindingStep, ...] = ()
