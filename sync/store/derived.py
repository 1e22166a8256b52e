"""What mapping makes of the raw records: replaced record by record, links as a whole; dropped and rebuilt at will."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, Table, delete, func, select

from sync.core.history import DueChange, History, StatusChange
from sync.core.values import Account, Dependency, Document, Evidence, ExternalReference, Ref, Relation, Task
from sync.store.bulk import batches, merge, replace
from sync.store.codec import clean, decoder, json_from_value
from sync.store.entries import RecordProblem
from sync.store.tables import (
    ACCOUNTS,
    ALIASES,
    BY_RECORD,
    DEPENDENCIES,
    DERIVATIONS,
    DERIVED,
    DOCUMENTS,
    DUE_CHANGES,
    EVIDENCE,
    EXTERNAL_REFERENCES,
    RAW_RECORDS,
    RECORD_PROBLEMS,
    RELATIONS,
    STATUS_CHANGES,
    TASKS,
)

Value = TypeVar("Value")
_task_from_text = decoder(Task)
_document_from_text = decoder(Document)
_evidence_from_text = decoder(Evidence)
_alias_from_text = decoder(str)
_account_from_text = decoder(Account)
_change_from_text = decoder(StatusChange)
_due_change_from_text = decoder(DueChange)
_problem_from_text = decoder(RecordProblem)
_dependency_from_text = decoder(Dependency)
_relation_from_text = decoder(Relation)
_external_from_text = decoder(ExternalReference)


class Derived(Struct, frozen=True):
    """All that mapping made of some records. A task and a document bear their record's ref."""

    tasks: Sequence[Task] = ()
    documents: Sequence[Document] = ()
    evidence: Sequence[Evidence] = ()
    aliases: Mapping[Ref, Sequence[str]] = {}
    accounts: Mapping[Ref, Sequence[Account]] = {}
    problems: Sequence[RecordProblem] = ()
    changes: Mapping[Ref, Sequence[StatusChange]] = {}
    due_changes: Mapping[Ref, Sequence[DueChange]] = {}


def replace_derived(connection: Connection, refs: Iterable[Ref], derived: Derived | None = None) -> int:
    """Make what is derived from these records exactly this (nothing, for records that are gone); the number of rows written
    or deleted. Raises ValueError for a value of another record."""
    owners = sorted({clean(ref) for ref in refs})
    made = derived or Derived()
    _check_owners(owners, made)
    tasks = [(clean(task.ref), json_from_value(task)) for task in made.tasks]
    documents = [(clean(document.ref), json_from_value(document)) for document in made.documents]
    evidence = _numbered((item.record, (json_from_value(item),)) for item in made.evidence)
    aliases = _numbered((ref, (json_from_value(text),)) for ref, texts in made.aliases.items() for text in texts)
    accounts = _numbered((ref, (json_from_value(item),)) for ref, items in made.accounts.items() for item in items)
    changes = _numbered((ref, (json_from_value(item),)) for ref, items in made.changes.items() for item in items)
    due_changes = _numbered(
        (ref, (json_from_value(item),)) for ref, items in made.due_changes.items() for item in items
    )
    problems = _numbered(
        (item.record, (clean(item.kind), int(item.is_skipped), json_from_value(item))) for item in made.problems
    )
    return (
        replace(connection, TASKS, tasks, "ref", owners)
        + replace(connection, DOCUMENTS, documents, "ref", owners)
        + replace(connection, EVIDENCE, evidence, "record", owners)
        + replace(connection, ALIASES, aliases, "record", owners)
        + replace(connection, ACCOUNTS, accounts, "record", owners)
        + replace(connection, STATUS_CHANGES, changes, "record", owners)
        + replace(connection, DUE_CHANGES, due_changes, "record", owners)
        + replace(connection, RECORD_PROBLEMS, problems, "record", owners)
    )


def put_links(
    connection: Connection,
    dependencies: Iterable[Dependency],
    relations: Iterable[Relation] = (),
    external: Iterable[ExternalReference] = (),
) -> int:
    """Make these all the links there are, writing only the differences; the number of rows written or deleted."""
    ordered = [
        (clean(item.predecessor), clean(item.successor), item.type, json_from_value(item)) for item in dependencies
    ]
    related = [(clean(item.source), clean(item.target), clean(item.word), json_from_value(item)) for item in relations]
    outside = [
        (clean(item.record), item.side, clean(item.relation), _digest(item.text), json_from_value(item))
        for item in external
    ]
    return (
        replace(connection, DEPENDENCIES, ordered)
        + replace(connection, RELATIONS, related)
        + replace(connection, EXTERNAL_REFERENCES, outside)
    )


def drop_derived(connection: Connection) -> None:
    """Forget everything derived; mapping makes it again from the raw records."""
    for table in DERIVED:
        connection.execute(delete(table))


def derivation(connection: Connection, name: str) -> tuple[str, str] | None:
    """By which mapping a connection's derived rows were made: the mapping's digest and the vendor fields it reads; None: never."""
    table = DERIVATIONS.c
    row = connection.execute(select(table.mapping_digest, table.fields).where(table.connection == name)).first()
    return (row[0], row[1]) if row else None


def put_derivation(connection: Connection, name: str, mapping_digest: str, fields: str) -> None:
    """Remember by which mapping a connection's derived rows are made."""
    merge(connection, DERIVATIONS, [(name, mapping_digest, clean(fields))], compare=("mapping_digest", "fields"))


def load_tasks(connection: Connection) -> dict[Ref, Task]:
    """All tasks by ref, in the order of their refs."""
    return {task.ref: task for task in map(_task_from_text, _texts(connection, TASKS))}


def load_documents(connection: Connection) -> dict[Ref, Document]:
    """All documents by ref, in the order of their refs."""
    return {document.ref: document for document in map(_document_from_text, _texts(connection, DOCUMENTS))}


def rows_of_gone(connection: Connection) -> set[Ref]:
    """The records with a tombstone of which something derived still stands."""
    refs: set[Ref] = set()
    for table in BY_RECORD:
        record = table.c[table.primary_key.columns.keys()[0]]
        query = select(record).distinct().join(RAW_RECORDS, RAW_RECORDS.c.ref == record)
        refs.update(map(Ref.trusted, connection.execute(query.where(RAW_RECORDS.c.gone_at.is_not(None))).scalars()))
    return refs


def linked_records(connection: Connection, name: str) -> set[Ref]:
    """The records of a connection that take part in any link: those that say one, and the ends of dependencies."""
    columns = (EVIDENCE.c.record, DEPENDENCIES.c.predecessor, DEPENDENCIES.c.successor)
    refs = {
        Ref.trusted(ref) for column in columns for ref in connection.execute(select(column).distinct()).scalars().all()
    }
    return {ref for ref in refs if ref.connection == name}


def load_evidence(connection: Connection) -> list[Evidence]:
    """All evidence, by record, in the order in which it was given."""
    return [_evidence_from_text(text) for text in _texts(connection, EVIDENCE)]


def load_aliases(connection: Connection) -> dict[Ref, tuple[str, ...]]:
    """The texts by which other items may name each record."""
    aliases: dict[Ref, list[str]] = {}
    query = select(ALIASES.c.record, ALIASES.c.value).order_by(ALIASES.c.record, ALIASES.c.position)
    for record, text in connection.execute(query).all():
        aliases.setdefault(Ref.trusted(record), []).append(_alias_from_text(text))
    return {ref: tuple(texts) for ref, texts in aliases.items()}


def records_named(connection: Connection, names: Iterable[str]) -> set[Ref]:
    """The records that may be named by one of exactly these texts."""
    texts = [json_from_value(clean(name)) for name in names]
    query = select(ALIASES.c.record).where(ALIASES.c.value.in_(texts)).distinct()
    return set(map(Ref.trusted, connection.execute(query).scalars()))


def tasks_of(connection: Connection, refs: Iterable[Ref]) -> dict[Ref, Task]:
    """These tasks by ref, those that there are."""
    found: dict[Ref, Task] = {}
    for batch in batches(sorted(set(refs))):
        texts = connection.execute(select(TASKS.c.value).where(TASKS.c.ref.in_(batch))).scalars()
        found |= {task.ref: task for task in map(_task_from_text, texts)}
    return found


def load_accounts(connection: Connection) -> dict[str, dict[str, Account]]:
    """Each connection's accounts by their id, as the most recently updated record that names them shows them."""
    query = (
        select(ACCOUNTS.c.record, ACCOUNTS.c.value)
        .join(RAW_RECORDS, RAW_RECORDS.c.ref == ACCOUNTS.c.record)
        .order_by(RAW_RECORDS.c.updated_at, ACCOUNTS.c.record, ACCOUNTS.c.position)
    )
    known: dict[str, Account] = {}
    accounts: dict[str, dict[str, Account]] = {}
    for record, text in connection.execute(query):
        account = known.get(text) or known.setdefault(text, _account_from_text(text))
        accounts.setdefault(Ref(record).connection, {})[account.id] = account
    return accounts


def load_history(connection: Connection) -> History:
    """What became of all tasks, by the record that tells it."""
    return History(
        [_change_from_text(text) for text in _texts(connection, STATUS_CHANGES)],
        [_due_change_from_text(text) for text in _texts(connection, DUE_CHANGES)],
    )


def load_problems(connection: Connection) -> list[RecordProblem]:
    """All problems, by record, in the order in which they were given."""
    return [_problem_from_text(text) for text in _texts(connection, RECORD_PROBLEMS)]


def problems_in_scope(connection: Connection, name: str, kind: str, scope: str) -> dict[str, int]:
    """How many of a scope's records that are not gone could not be mapped, by the kind of their problem."""
    raw, problem = RAW_RECORDS.c, RECORD_PROBLEMS.c
    query = (
        select(problem.kind, func.count(func.distinct(problem.record)))
        .join(RAW_RECORDS, raw.ref == problem.record)
        .where(raw.connection == name, raw.kind == kind, raw.scope == clean(scope), raw.gone_at.is_(None))
        .where(problem.is_skipped == 1)
        .group_by(problem.kind)
        .order_by(problem.kind)
    )
    return {word: count for word, count in connection.execute(query)}  # noqa: C416 - rows are not pairs to dict()


def load_dependencies(connection: Connection) -> tuple[Dependency, ...]:
    """All dependencies, ordered by predecessor, successor and type."""
    return tuple(map(_dependency_from_text, _texts(connection, DEPENDENCIES)))


def dependency_keys(connection: Connection) -> list[str]:
    """The keys of all dependencies, without reading them."""
    table = DEPENDENCIES.c
    rows = connection.execute(select(table.predecessor, table.successor, table.type))
    return sorted(f"{predecessor}>{successor}:{kind}" for predecessor, successor, kind in rows)


def load_relations(connection: Connection) -> tuple[Relation, ...]:
    """All relations, ordered by their ends."""
    return tuple(map(_relation_from_text, _texts(connection, RELATIONS)))


def load_external_references(connection: Connection) -> tuple[ExternalReference, ...]:
    """All links whose other end is not collected, ordered by record."""
    return tuple(map(_external_from_text, _texts(connection, EXTERNAL_REFERENCES)))


def _texts(connection: Connection, table: Table) -> Iterable[str]:
    return connection.execute(select(table.c.value).order_by(*table.primary_key.columns)).scalars()


def _numbered(items: Iterable[tuple[Ref, tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    counts: dict[str, int] = {}
    rows = []
    for ref, columns in items:
        record = clean(ref)
        position = counts.get(record, 0)
        counts[record] = position + 1
        rows.append((record, position, *columns))
    return rows


def _check_owners(owners: Sequence[str], made: Derived) -> None:
    named = {task.ref for task in made.tasks} | {document.ref for document in made.documents}
    named |= {item.record for item in made.evidence} | {item.record for item in made.problems}
    named |= made.aliases.keys() | made.accounts.keys() | made.changes.keys()
    if strangers := sorted({clean(ref) for ref in named}.difference(owners)):
        raise ValueError(f"{strangers[0]} is not one of the records whose derived values are replaced")


def _digest(text: str) -> str:
    return hashlib.blake2b(clean(text).encode(), digest_size=16).hexdigest()
