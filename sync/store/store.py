"""The store's face: named operations that take and return values. No SQL and no SQLAlchemy exception leaves the package."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import URL, Connection

from sync.core.errors import StoreUnavailable
from sync.core.plan import Change
from sync.core.values import RawRecord
from sync.store import baseline as first_day
from sync.store import chat_answers as chat
from sync.store import comment_edits as edits
from sync.store import derived, hints, ledger, schema
from sync.store import finding_events as trail
from sync.store import findings as lifecycle
from sync.store import organisations as houses
from sync.store import raw as raw_rows
from sync.store.database import WRITES, engine_for, shown, told_plainly, url_from_text

P = ParamSpec("P")
R = TypeVar("R")


def _writes(function: Callable[Concatenate[Connection, P], R]) -> Callable[Concatenate[Store, P], R]:
    @functools.wraps(function)
    def operation(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with store._connected(is_writing=True) as connection:
            return function(connection, *args, **kwargs)

    return operation


def _reads(function: Callable[Concatenate[Connection, P], R]) -> Callable[Concatenate[Store, P], R]:
    @functools.wraps(function)
    def operation(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with store._connected(is_writing=False) as connection:
            return function(connection, *args, **kwargs)

    return operation


class _Here(threading.local):
    """The transaction that this thread has open, if any."""

    connection: Connection | None = None
    is_writing = False


class Store:
    """One database. Every operation is a transaction of its own, or part of the ``transaction()`` or ``snapshot()`` that its
    thread has open. Raises StoreUnavailable when the database cannot be used. Safe to use from several threads.
    """

    def __init__(self, url: URL, timeout_s: float) -> None:
        self._url = url
        self._engine = engine_for(url, timeout_s)
        self._writer = self._engine.execution_options(**{WRITES: True})
        self._reader = self._engine
        if url.get_backend_name() == "postgresql":
            # Not postgresql_readonly: resetting it would switch off a server's own default_transaction_read_only.
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._here = _Here()

    @classmethod
    def open(cls, url: str, timeout_s: float = 30.0) -> Self:
        """The store at this URL; ``timeout_s`` is how long to wait for a lock or a server. Raises ConfigError for a URL that is not
        SQLite or PostgreSQL, StoreUnavailable when it cannot be used or was made by a newer Tieline. ``migrate`` makes the tables.
        """
        store = cls(url_from_text(url), timeout_s)
        try:
            store._refuse_newer(store._revision())
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def migrate(self) -> None:
        """Bring the schema to this code's version, in one transaction; nothing is done when it is there already."""
        if self._revision() != schema.revisions()[-1]:
            with self._connected(is_writing=True) as connection:
                schema.upgrade(connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together at the end, or, when anything is raised, not at all."""
        with self._connected(is_writing=True):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read inside is one state of the database, whatever others write meanwhile. Nothing can be written."""
        with self._connected(is_writing=False):
            yield

    save_raw = _writes(raw_rows.save_raw)
    raw = _reads(raw_rows.raw)
    raw_versions = _reads(raw_rows.raw_versions)
    open_records = _reads(raw_rows.open_records)
    mark_gone = _writes(raw_rows.mark_gone)
    tombstones = _reads(raw_rows.tombstones)
    ids_in_scope = _reads(raw_rows.ids_in_scope)
    keys_in_scope = _reads(raw_rows.keys_in_scope)
    ids_read_since = _reads(raw_rows.ids_read_since)
    newest_update = _reads(raw_rows.newest_update)
    cursor = _reads(raw_rows.cursor)
    put_cursor = _writes(raw_rows.put_cursor)
    forget_cursors = _writes(raw_rows.forget_cursors)
    asked_for = _reads(raw_rows.asked_for)
    note_asked = _writes(raw_rows.note_asked)
    forget_asked = _writes(raw_rows.forget_asked)
    put_certificate = _writes(raw_rows.put_certificate)
    certificates = _reads(raw_rows.certificates)
    import_raw = _writes(raw_rows.import_raw)
    _raw_page = _reads(raw_rows.raw_page)

    def iter_raw(self, connection: str | None = None, kind: str | None = None) -> Iterator[RawRecord]:
        """The records that are not gone, in the order of their refs; read page by page, so that nothing stays open in between."""
        for record, _ in raw_rows.pages(lambda after: self._raw_page(after, connection, kind, False)):
            yield record

    def raw_lines(self, connection: str | None = None) -> Iterator[str]:
        """Every raw record, gone ones too, as JSON lines without line ends; ``import_raw`` reads them back."""
        for record, gone in raw_rows.pages(lambda after: self._raw_page(after, connection, None, True)):
            yield raw_rows.line_from_raw(record, gone)

    replace_derived = _writes(derived.replace_derived)
    put_links = _writes(derived.put_links)
    drop_derived = _writes(derived.drop_derived)
    derivation = _reads(derived.derivation)
    put_derivation = _writes(derived.put_derivation)
    load_tasks = _reads(derived.load_tasks)
    load_documents = _reads(derived.load_documents)
    rows_of_gone = _reads(derived.rows_of_gone)
    linked_records = _reads(derived.linked_records)
    load_evidence = _reads(derived.load_evidence)
    load_aliases = _reads(derived.load_aliases)
    records_named = _reads(derived.records_named)
    tasks_of = _reads(derived.tasks_of)
    load_accounts = _reads(derived.load_accounts)
    load_history = _reads(derived.load_history)
    load_problems = _reads(derived.load_problems)
    problems_in_scope = _reads(derived.problems_in_scope)
    load_dependencies = _reads(derived.load_dependencies)
    dependency_keys = _reads(derived.dependency_keys)
    load_relations = _reads(derived.load_relations)
    load_external_references = _reads(derived.load_external_references)

    pin_connection = _writes(ledger.pin_connection)
    begin_run = _writes(ledger.begin_run)
    end_run = _writes(ledger.end_run)
    runs = _reads(ledger.runs)
    _add_intent = _writes(ledger.add_intent)
    confirm_intent = _writes(ledger.confirm_intent)
    fail_intent = _writes(ledger.fail_intent)
    pending_intents = _reads(ledger.pending_intents)
    published = _reads(ledger.published)
    put_published = _writes(ledger.put_published)
    remove_published = _writes(ledger.remove_published)
    changes_of_run = _reads(ledger.changes_of_run)
    changes_of_key = _reads(ledger.changes_of_key)
    written_targets = _reads(ledger.written_targets)
    put_run_certificates = _writes(ledger.put_run_certificates)
    run_certificates = _reads(ledger.run_certificates)
    baseline = _reads(first_day.baseline)
    put_baseline = _writes(first_day.put_baseline)
    let_speak = _writes(first_day.let_speak)
    forget_baseline = _writes(first_day.forget_baseline)
    stops = _reads(first_day.stops)
    put_stop = _writes(first_day.put_stop)
    forget_stops = _writes(first_day.forget_stops)
    put_organisation = _writes(houses.put_organisation)
    organisations = _reads(houses.organisations)
    add_chat_answer = _writes(chat.add_chat_answer)
    has_chat_answer = _reads(chat.has_chat_answer)
    settle_chat_answer = _writes(chat.settle_chat_answer)
    chat_answers = _reads(chat.chat_answers)
    answers_of_account = _reads(chat.answers_of_account)
    comment_of_ours = _reads(edits.comment_of_ours)
    put_comment_edit = _writes(edits.put_comment_edit)
    comment_edits = _reads(edits.comment_edits)
    settle_comment_edit = _writes(edits.settle_comment_edit)
    prune_comment_edits = _writes(edits.prune_comment_edits)
    put_answer = _writes(ledger.put_answer)
    answers = _reads(ledger.answers)
    acquire_lease = _writes(ledger.acquire_lease)
    renew_lease = _writes(ledger.renew_lease)
    release_lease = _writes(ledger.release_lease)
    lease_holder = _reads(ledger.lease_holder)
    save_hints = _writes(hints.save_hints)
    waiting_hints = _reads(hints.waiting_hints)
    take_hints = _writes(hints.take_hints)
    last_hint_at = _reads(hints.last_hint_at)
    prune_hints = _writes(hints.prune_hints)
    put_registration = _writes(hints.put_registration)
    registrations = _reads(hints.registrations)
    forget_registration = _writes(hints.forget_registration)
    sync_findings = _writes(lifecycle.sync_findings)
    acknowledge = _writes(lifecycle.acknowledge)
    take_answer = _writes(lifecycle.take_answer)
    open_by_hand = _writes(lifecycle.open_by_hand)
    close_by_hand = _writes(lifecycle.close_by_hand)
    findings = _reads(lifecycle.findings)
    resolved_findings = _reads(lifecycle.resolved_findings)
    finding_events = _reads(trail.finding_events)
    events_of_finding = _reads(trail.events_of_finding)

    def add_intent(self, run: str, change: Change, at: datetime | None = None) -> int:
        """Remember, committed, that this write is about to be tried; the intent's id. Raises RuntimeError inside a transaction,
        whose rollback would forget the write."""
        if self._here.connection is not None:
            raise RuntimeError("an intent is committed before its write: not inside a transaction")
        return self._add_intent(run, change, at)

    def _revision(self) -> str:
        with self._connected(is_writing=False) as connection:
            return schema.revision_of(connection)

    def _refuse_newer(self, revision: str) -> None:
        known = schema.revisions()
        if revision and revision not in known:
            raise StoreUnavailable(
                f"{shown(self._url)}: a newer Tieline made its schema ({revision}; this one knows {known[-1]}); "
                "upgrade Tieline, or restore the backup from before the upgrade"
            )

    @contextmanager
    def _connected(self, is_writing: bool) -> Iterator[Connection]:
        here = self._here
        if here.connection is not None:
            if is_writing and not here.is_writing:
                raise RuntimeError("a snapshot is for reading; open a transaction to write")
            yield here.connection
            return
        with told_plainly(self._url), (self._writer if is_writing else self._reader).begin() as connection:
            here.connection, here.is_writing = connection, is_writing
            try:
                yield connection
            finally:
                here.connection = None
