"""From raw records to the model: decode, map, join; replay after a changed mapping; explain a value. No vendor, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from msgspec import Struct
from msgspec.structs import replace

from sync.core.errors import Problem, RecordError, TielineError
from sync.core.history import DueChange, StatusChange
from sync.core.values import Account, Dependency, Document, Evidence, Finding, RawRecord, Record, Ref, Task
from sync.core.view import View
from sync.core.vocabulary import Vocabulary, folded
from sync.directories import known_accounts
from sync.mapping.dependencies import AliasIndex, Contradiction, Links, contradictions_of, link_up
from sync.mapping.history import due_changes, status_changes
from sync.mapping.identity import Identity, people_from_accounts
from sync.mapping.normalise import Mapped, Step, explain, normalise
from sync.mapping.rules import ConnectionMapping, Mappings
from sync.mapping.validation import nearest
from sync.remote import redact
from sync.store.derived import Derived
from sync.store.entries import RecordProblem
from sync.store.store import Store

log = structlog.get_logger()
MAPPED_KINDS = ("task", "document")
READ_KINDS = (*MAPPED_KINDS, "history")
READING = "3"  # what is made of raw records, beside what mappings say: a new number has them replayed
MOST_SUBJECTS = 5
GONE_TOLD_FOR = timedelta(days=30)  # who still waits for something deleted is told for a month
MASKED = "***"
Decode = Callable[[RawRecord], Record]


class Difference(Struct, frozen=True):
    """One field of one item that a remap changes."""

    ref: Ref
    field: str
    before: object
    after: object


@dataclass
class Made:
    """What some raw records became."""

    tasks: list[Task] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    aliases: dict[Ref, tuple[str, ...]] = field(default_factory=dict)
    accounts: dict[Ref, tuple[Account, ...]] = field(default_factory=dict)
    problems: list[RecordProblem] = field(default_factory=list)
    changes: dict[Ref, tuple[StatusChange, ...]] = field(default_factory=dict)
    due_changes: dict[Ref, tuple[DueChange, ...]] = field(default_factory=dict)

    def skipped(self) -> dict[str, int]:
        """How many records could not be mapped, by reason."""
        counts: dict[str, int] = {}
        for problem in self.problems:
            if problem.is_skipped:
                counts[problem.kind] = counts.get(problem.kind, 0) + 1
        return counts


class Deriver:
    """Makes the derived tables of the raw ones by the present mappings."""

    def __init__(
        self, store: Store, mappings: Mappings, decoders: Mapping[str, Decode], digests: Mapping[str, str]
    ) -> None:
        self._store, self._mappings, self._decoders = store, mappings, decoders
        self._digests = {name: f"{READING}:{digest}" for name, digest in digests.items()}
        self._identity = Identity(mappings.directory)

    def derive(self, records: Sequence[RawRecord]) -> Mapping[str, int]:
        """Map these records and store what they became; how many were skipped, by reason."""
        wanted = [record for record in records if record.ref.kind in READ_KINDS]
        made = self._made(wanted)
        refs = [record.ref for record in wanted]
        parts = (made.tasks, made.documents, made.evidence, made.aliases, made.accounts, made.problems)
        self._store.replace_derived(refs, Derived(*parts, made.changes, made.due_changes))
        return made.skipped()

    def derive_all(self, names: Iterable[str] = ()) -> dict[str, int]:
        """Replay the raw records of these connections (of all, by default) through the present mappings."""
        counts: dict[str, int] = {}
        for name in list(names) or self._mappings.connections:
            for batch in self._batches(name, READ_KINDS):
                for reason, count in self.derive(batch).items():
                    counts[reason] = counts.get(reason, 0) + count
            self._store.put_derivation(name, self._digests[name], self._fields(name))
        return counts

    def refresh(self) -> None:
        """Notice changed mappings: replay what was mapped by an older one, and read a connection anew when its mapping wants vendor
        fields that its raw records were not fetched with.
        """
        for name in self._mappings.connections:
            last = self._store.derivation(name)
            if last and last[1] != self._fields(name):
                self._store.forget_cursors(name)
            if last != (self._digests[name], self._fields(name)):
                self.derive_all([name])

    def _fields(self, name: str) -> str:
        return ",".join(self._mappings.connections[name].vendor_fields())

    def link(self) -> Links:
        """Join all evidence to dependencies, relations and external references, and store the differences."""
        if gone := self._store.rows_of_gone():
            self._store.replace_derived(sorted(gone))
        joined = self._joined(self._store.load_evidence(), self._store.load_aliases())
        self._store.put_links(joined.dependencies, joined.relations, joined.external_references)
        return joined

    def preview(self) -> tuple[list[Difference], Links, dict[str, int]]:
        """What a replay would change, without changing anything: fields of tasks and documents, links, skipped records."""
        tasks, documents = self._store.load_tasks(), self._store.load_documents()
        now = Made()
        for batch in self._batches(None):
            part = self._made(batch)
            for name in ("tasks", "documents", "evidence", "problems"):
                getattr(now, name).extend(getattr(part, name))
            now.aliases.update(part.aliases)
        before: dict[Ref, Task | Document] = {**tasks, **documents}
        after: dict[Ref, Task | Document] = {item.ref: item for item in now.tasks}
        after.update({item.ref: item for item in now.documents})
        differences = [
            item for ref in sorted({*before, *after}) for item in _differences(ref, before.get(ref), after.get(ref))
        ]
        return differences, self._joined(now.evidence, now.aliases), now.skipped()

    def view(self, at: datetime) -> View:
        """The stored model as one consistent snapshot, without what only the engine knows."""
        with self._store.snapshot():
            accounts = self._store.load_accounts()
            for name, listed in known_accounts(self._identity, self._store.organisations()).items():
                accounts[name] = {**listed, **accounts.get(name, {})}
            people, _ = people_from_accounts(self._identity, {name: items.values() for name, items in accounts.items()})
            return View(
                at=at,
                tasks=self._store.load_tasks(),
                dependencies=self._store.load_dependencies(),
                relations=self._store.load_relations(),
                external_references=self._store.load_external_references(),
                people=people,
                departments=self._mappings.directory.departments,
                documents=self._store.load_documents(),
                hidden=self._hidden(),
            )

    def _hidden(self) -> frozenset[Ref]:
        gone = (item for name in self._mappings.connections for item in self._store.tombstones(name).items())
        return frozenset(ref for ref, item in gone if item.reason == "hidden")

    def record_of(self, raw: RawRecord) -> Record | None:
        """The record decoded, None where it cannot be read, whatever the reason."""
        try:
            return self._decoders[raw.ref.connection](raw)
        except Exception:  # noqa: BLE001 - an odd record, or one of a connection that is configured no more
            return None

    def explain(self, ref: Ref, field: str = "") -> list[Step]:
        """How a record's values came to be. Raises RecordError when it cannot be mapped, KeyError when it is not stored."""
        raw = self._store.raw(ref)
        if raw is None:
            raise KeyError(ref)
        return explain(
            self._decoders[ref.connection](raw), self._mappings.connections[ref.connection], self._identity, field
        )

    def findings(self) -> Iterator[Finding]:
        """What mapping could not make sense of, one finding per word or field, and evidence that contradicts itself.

        Restricted records are told of apart, by field and count alone.
        """
        groups: dict[tuple[str, str, str, str], list[RecordProblem]] = {}
        problems = self._store.load_problems()
        open_records = self._store.open_records(problem.record for problem in problems)
        for problem in problems:
            if problem.record not in open_records:  # nothing of what stands in it may be quoted, and no key may say it
                problem = replace(problem, value=MASKED, text="")
            value = problem.value if problem.kind.startswith("unmapped") or problem.value == MASKED else ""
            groups.setdefault((problem.record.connection, problem.kind, problem.field, value), []).append(problem)
        for (connection, kind, name, value), items in sorted(groups.items()):
            first = items[0]
            place = f"{first.file}:{first.line}" if first.line else first.file
            yield Finding(
                key=f"mapping:{kind}:{connection}:{name}:{value}",
                kind=kind,
                severity="warning",
                subjects=tuple(item.record for item in items[:MOST_SUBJECTS]),
                message=kind,
                parameters={
                    "connection": connection,
                    "field": name,
                    "value": value or first.value,
                    "count": len(items),
                    "text": first.text,
                    "place": place,
                },
                evidence=(place,) if place else (),
            )

        yield from map(_contradiction_finding, contradictions_of(self._store.load_dependencies()))
        yield from self._gone_ends()

    def _gone_ends(self) -> Iterator[Finding]:
        """Dependencies that a deleted, moved, archived or hidden item took part in, while the other end still waits or is waited for."""
        since = datetime.now(UTC) - GONE_TOLD_FOR
        gone = {
            ref: item
            for name in self._mappings.connections
            for ref, item in self._store.tombstones(name).items()
            if ref.kind == "task" and item.at >= since
        }
        records = [record for ref in gone if (record := self._store.raw(ref))]
        if not records:
            return
        theirs = self._made(records)
        aliases = {**self._store.load_aliases(), **theirs.aliases}
        links = self._joined([*self._store.load_evidence(), *theirs.evidence], aliases)
        alive = self._store.load_tasks()
        for item in links.dependencies:
            ends = (item.predecessor, item.successor)
            lost = [ref for ref in ends if ref in gone]
            left = [alive[ref] for ref in ends if ref in alive and alive[ref].status not in ("done", "cancelled")]
            if item.state == "confirmed" and len(lost) == 1 and left:
                yield _gone_end_finding(item, lost[0], gone[lost[0]].reason)

    def _made(self, records: Iterable[RawRecord]) -> Made:
        made = Made()
        for raw in records:
            if raw.ref.kind == "history":
                if told := self.record_of(raw):  # one that cannot be read hides nothing of what is now: no problem
                    self._add_history(made, told)
                continue
            try:
                record = self._decoders[raw.ref.connection](raw)
                mapped = normalise(record, self._mappings.connections[raw.ref.connection], self._identity)
            except RecordError as error:
                made.problems.append(_skipped(raw.ref, error.field or "record", redact(str(error)), error.line))
            except TielineError as error:
                made.problems.append(_skipped(raw.ref, "payload", redact(str(error)), 0))
            except Exception as error:  # one odd record may not stop the others
                log.exception("record_not_read", ref=raw.ref)
                text = redact(f"{type(error).__name__}: {error}")
                made.problems.append(_skipped(raw.ref, "payload", text, 0))
            else:
                _add(made, record, mapped)
                self._add_history(made, record)
        return made

    def _add_history(self, made: Made, record: Record) -> None:
        mapping = self._mappings.connections[record.ref.connection]
        made.changes[record.ref] = status_changes(record, mapping, self._identity)
        made.due_changes[record.ref] = due_changes(record, mapping, self._identity)

    def _joined(self, evidence: Iterable[Evidence], aliases: Mapping[Ref, Sequence[str]]) -> Links:
        answers = self._store.answers().values()
        return link_up(
            evidence,
            AliasIndex(aliases),
            {name: item.confidence_threshold for name, item in self._mappings.connections.items()},
            own_link_ids=self._own_links(),
            rejected={item.key for item in answers if item.answer == "rejected"},
            confirmed={item.key for item in answers if item.answer == "confirmed"},
        )

    def _own_links(self) -> dict[str, set[str]]:
        """The vendors' ids of the links that we wrote, by connection; a connector may put the kind of link before a slash."""
        own: dict[str, set[str]] = {}
        for entry in self._store.published().values():
            if entry.kind == "link" and entry.written.is_ours:
                own.setdefault(entry.target.connection, set()).add(entry.written.id.rpartition("/")[2])
        return own

    def _batches(
        self, name: str | None, kinds: Sequence[str] = MAPPED_KINDS, size: int = 1000
    ) -> Iterator[list[RawRecord]]:
        batch: list[RawRecord] = []
        for record in self._store.iter_raw(name):
            if record.ref.kind in kinds and record.ref.connection in self._mappings.connections:
                batch.append(record)
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch


def _add(made: Made, record: Record, mapped: Mapped) -> None:
    if mapped.task:
        made.tasks.append(mapped.task)
    if mapped.document:
        made.documents.append(mapped.document)
    made.evidence.extend(mapped.evidence)
    made.aliases[record.ref] = tuple(dict.fromkeys((record.ref, *record.aliases)))
    if record.accounts:
        made.accounts[record.ref] = record.accounts
    made.problems.extend(
        RecordProblem(item.record, item.kind, item.text, item.field, item.value, item.file, item.line)
        for item in mapped.problems
    )


def _contradiction_finding(item: Contradiction) -> Finding:
    rules = {evidence.rule for end in (item.first, item.second) for evidence in end.evidence}
    return Finding(
        key=f"mapping:contradiction:{item.key}",
        kind="contradiction",
        severity="warning",
        subjects=(item.first.predecessor, item.first.successor),
        message="contradiction",
        evidence=tuple(sorted(rules)),
    )


def _gone_end_finding(item: Dependency, lost: Ref, reason: str) -> Finding:
    word = "gone_predecessor" if lost == item.predecessor else "gone_successor"
    return Finding(
        key=f"mapping:{word}:{item.key}",
        kind=word,
        severity="warning",
        subjects=(item.predecessor, item.successor),
        message=word,
        parameters={"gone": lost, "reason": reason},
        evidence=tuple(sorted({evidence.rule for evidence in item.evidence})),
    )


def _skipped(ref: Ref, field: str, text: str, line: int) -> RecordProblem:
    return RecordProblem(ref, "unreadable", text, field, line=line, is_skipped=True)


def _differences(ref: Ref, before: Struct | None, after: Struct | None) -> Iterator[Difference]:
    if before is None or after is None:
        if before is not after:
            yield Difference(ref, "-", _title(before), _title(after))
        return
    for name in before.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Difference(ref, name, old, new)


def _title(item: Struct | None) -> object:
    return getattr(item, "title", None)


def vocabulary_problems(mapping: ConnectionMapping, vocabulary: Vocabulary) -> list[Problem]:
    """Names that the mapping says and the site does not know: fields by id and shown name, status words, link types, scopes."""
    problems: list[Problem] = []
    fields = {item.id: item for item in vocabulary.fields}
    for rule in mapping.field_rules():
        if rule.field and fields:
            problems += _field_problems(mapping.file, rule.line, rule.field, rule.label, fields)
    words = {folded(word) for word in vocabulary.statuses}
    for word in mapping.status.values() if words else ():
        if folded(word.text) not in words:
            hint = nearest(word.text, vocabulary.statuses)
            problems.append(Problem(mapping.file, word.line, f"status.{word.text}", "no such status on the site", hint))
    kinds = {folded(text): item for item in vocabulary.link_types for text in (item.id, item.name)}
    for item in mapping.dependencies if kinds else ():
        if item.selector == "link" and folded(item.names[0]) not in kinds:
            hint = nearest(item.names[0], [kind.name for kind in vocabulary.link_types])
            problems.append(
                Problem(mapping.file, item.line, "link", f"no link type {item.names[0]!r} on the site", hint)
            )
    known = {*vocabulary.scopes, *vocabulary.scopes.values()}
    for scope in mapping.scope if known else ():
        if scope not in known:
            problems.append(
                Problem(mapping.file, 0, "scope", f"{scope!r} is not visible to this account", nearest(scope, known))
            )
    return problems


def _field_problems(file: str, line: int, name: str, label: str, fields: Mapping[str, object]) -> Iterator[Problem]:
    found = fields.get(name)
    shown = getattr(found, "name", "")
    same = [key for key, item in fields.items() if label and folded(getattr(item, "name", "")) == folded(label)]
    hint = f"{label!r} is {', '.join(same)} here" if same else nearest(name, fields)
    if found is None:
        yield Problem(file, line, name, "no such field on the site", hint)
    elif label and folded(shown) != folded(label):
        yield Problem(file, line, name, f"is called {shown!r} on the site, not {label!r}", hint)
