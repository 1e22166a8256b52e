"""Carry a plan out through the ports: intent first, then the write, then what stands there now.

A write whose answer was lost is looked for by its mark before anything is written again; what cannot be looked up
stays an unsure intent, shown and never blindly resent. Nothing here knows a vendor.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import structlog
from msgspec.structs import replace

from sync.core.errors import Conflict, LostAnswer, NotFound, TielineError, TryLater
from sync.core.merging import batches, comes_together, merged
from sync.core.messages import Message
from sync.core.plan import (
    NO_ROOM,
    Adoption,
    Change,
    Desired,
    MessageContent,
    PageAsContent,
    Plan,
    Published,
    PublishedState,
    digest_of,
)
from sync.core.ports import Written
from sync.core.values import Ref
from sync.look import Ports, find
from sync.parallel import as_completed
from sync.remote import one_write, redact
from sync.store.store import Store
from sync.writing import has_landed, may_repeat, write

log = structlog.get_logger()
WRITE_ATTEMPTS = 2
THREADS = 8
AWAITED = ("page", "room")
"""Kinds of things that others stand in."""


@dataclass
class Outcome:
    """What became of a plan's changes, each in exactly one list. ``unsure`` are writes whose fate could not be found out."""

    written: list[Change] = field(default_factory=list)
    drifted: list[tuple[Change, str]] = field(default_factory=list)
    failed: list[tuple[Change, TielineError]] = field(default_factory=list)
    unsure: list[tuple[Change, TielineError]] = field(default_factory=list)
    deferred: list[tuple[Change, TielineError]] = field(default_factory=list)


def apply(
    plan: Plan,
    ports: Ports,
    store: Store,
    run: str,
    state: PublishedState = "published",
    on_change: Callable[[Change], None] = lambda _: None,
    may_go_on: Callable[[], None] = lambda: None,
) -> Outcome:
    """Carry out every change once. One target's changes go in order, targets in parallel; an error stops its own change only,
    except that a vendor that asks for a long pause defers the rest of its connection. ``on_change`` is told of each change as it ends;
    ``may_go_on`` is asked before each intent and raises when this run has lost its turn.
    """
    outcome = Outcome()
    worker = _Worker(ports, store, run, outcome, state, on_change, may_go_on)
    for adoption in plan.adoptions:
        worker.adopt(adoption)
    first = [change for change in plan.changes if change.kind in AWAITED]
    for change in first:  # one after the other: parents come before their children, rooms before what is said in them
        worker.carry(change)
    groups: dict[Ref, list[Change]] = {}
    for change in plan.changes:
        if change.kind not in AWAITED:
            groups.setdefault(change.target, []).append(change)
    for _ in as_completed(worker.carry_all, groups.values(), THREADS):
        pass
    place = {change.key: number for number, change in enumerate(plan.changes)}
    outcome.written.sort(key=lambda change: place[change.key])  # as planned, whichever thread was first
    return outcome


class _Worker:
    """Carries changes out and writes each one's fate into ledger and outcome. Safe to use from several threads."""

    def __init__(
        self,
        ports: Ports,
        store: Store,
        run: str,
        outcome: Outcome,
        state: PublishedState,
        on_change: Callable[[Change], None],
        may_go_on: Callable[[], None],
    ) -> None:
        self._may_go_on = may_go_on
        self._ports, self._store, self._run, self._outcome = ports, store, run, outcome
        self._state, self._on_change = state, on_change
        self._lock = threading.Lock()
        self._paused: dict[str, TielineError] = {}
        self._open = store.pending_intents()

    def adopt(self, adoption: Adoption) -> None:
        """Remember what already stands there; nothing is written. A write that a run carried out and did not live to confirm is confirmed
        as that run's own, so that it can be explained and undone like any other.
        """
        item = adoption.desired
        entry = _published(item, adoption.found, digest_of(item.message, item.facts), self._run)
        own = next((intent for intent in self._open if (intent.key, intent.digest) == (item.key, entry.digest)), None)
        if own is None:
            self._store.put_published(entry)
        else:
            self._store.confirm_intent(own.id, own.change, replace(entry, run=own.run))

    def carry_all(self, changes: Sequence[Change]) -> None:
        for group in self._told_together(changes):
            if len(group) == 1:
                self.carry(group[0])
            else:
                self._carry_together(group)

    def _told_together(self, changes: Sequence[Change]) -> Iterator[list[Change]]:
        """Each change by itself; the messages for a room that would be too many at once, as many together as it holds."""
        news = [(change, said) for change in changes if (said := _news_of(change))]
        room = changes[0].target
        messenger = self._ports.messenger(room.connection) if len(news) > 1 else None
        if (
            messenger is None
            or not (most := messenger.mergeable_bytes(room))
            or not comes_together(len(news), messenger.per_minute(room))
        ):
            yield from ([change] for change in changes)
            return
        keys = {change.key for change, _ in news}
        yield from ([change] for change in changes if change.key not in keys)
        for batch in batches(news, most):
            yield [change for change, _ in batch]

    def _carry_together(self, changes: Sequence[Change]) -> None:
        """One message for all of them: said, or not, together. Nobody can look there, so a lost answer leaves all unsure."""
        room = changes[0].target
        if error := self._paused.get(room.connection):
            self._outcome.deferred += [(change, error) for change in changes]
            return
        with self._lock:
            self._may_go_on()
            intents = [self._store.add_intent(self._run, change) for change in changes]
        said = [change.content.said for change in changes if isinstance(change.content, MessageContent)]
        try:
            with one_write():
                written = self._ports.messenger(room.connection).send_message(room, changes[0].mark, merged(said))
        except TielineError as error:
            for intent, change in zip(intents, changes, strict=True):
                self._note_error(intent, change, error)
        else:
            with self._lock:
                for intent, change in zip(intents, changes, strict=True):
                    self._store.confirm_intent(intent, change, self._entry(change, written))
            self._outcome.written += changes
            log.info("written_together", target=room, count=len(changes))
        for change in changes:
            self._on_change(change)

    def carry(self, change: Change) -> None:
        self._carry(change)
        self._on_change(change)

    def _carry(self, change: Change) -> None:
        if error := self._paused.get(change.target.connection):
            self._outcome.deferred.append((change, error))
            return
        with self._lock:
            self._may_go_on()
            ready = _in_its_place(change, self._store)
            if ready is None:
                self._outcome.deferred.append((change, TryLater("its parent page, or its room, is not there yet")))
                return
            planned, change, intent = change, ready, self._store.add_intent(self._run, ready)
        try:
            with one_write():  # begun only while the run's calls last, then carried to its end
                written = self._write(change)
        except TielineError as error:
            self._note_error(intent, change, error)
            return
        except Exception as error:  # a mistake of ours after who knows what was sent: the next run looks
            log.exception("write_broke", key=change.key)
            self._note_error(intent, change, LostAnswer(f"internal: {type(error).__name__}: {error}"))
            return
        with self._lock:
            self._store.confirm_intent(intent, change, self._entry(change, written))
        self._outcome.written.append(planned)
        log.info("written", operation=change.operation, kind=change.kind, target=change.target, key=change.key)

    def _entry(self, change: Change, written: Written | None) -> Published | None:
        """The ledger's new memory of the key; what was undone is remembered, so that it is not simply done again."""
        if written is None and self._state == "undone":
            written = change.expected
        return _published(change, written, change.digest, self._run, self._state) if written else None

    def _write(self, change: Change) -> Written | None:
        """Write once; after a lost answer look, and write again only when nothing of ours is there."""
        for attempt in range(1, WRITE_ATTEMPTS + 1):
            try:
                return write(self._ports, change)
            except LostAnswer as lost:
                if attempt < WRITE_ATTEMPTS and may_repeat(self._ports, change):
                    continue
                try:
                    found = find(self._ports, change.target, change.mark, change.content, None)
                except TielineError as error:
                    raise lost from error  # nobody can tell now; the next run looks again
                is_landed = has_landed(change, found)
                if is_landed and (change.kind != "page" or found is None):
                    return replace(found, is_ours=True) if found else None
                if attempt == WRITE_ATTEMPTS:
                    raise
                if (
                    change.kind == "table" and found
                ):  # begun and not ended: putting it again replaces whatever rows are there
                    change = replace(change, operation="update", expected=found)
                    continue
                if (
                    is_landed
                ):  # the page's body is there; its files, labels and our property are made good without saving it again
                    change = replace(change, operation="update", expected=found)
        raise AssertionError("unreachable")

    def _note_error(self, intent: int, change: Change, error: TielineError) -> None:
        # A page is written in several requests: of one that is put off in the middle a part stands, and must be finished.
        is_open = isinstance(error, LostAnswer) or (change.kind == "page" and isinstance(error, TryLater))
        state: Literal["failed", "unsure"] = "unsure" if is_open else "failed"
        with self._lock:
            self._store.fail_intent(intent, state, redact(str(error)))
        log.warning("not_written", key=change.key, target=change.target, state=state, error=redact(str(error)))
        if isinstance(error, LostAnswer):
            self._outcome.unsure.append((change, error))
        elif isinstance(error, NotFound) or (isinstance(error, Conflict) and change.expected):
            self._outcome.drifted.append((change, redact(str(error))))
        elif isinstance(error, TryLater):
            if error.scope in ("host", "quota"):
                self._paused[change.target.connection] = error
            self._outcome.deferred.append((change, error))
        else:
            self._outcome.failed.append((change, error))


def _news_of(change: Change) -> Message | None:
    """What a change would say in a room that cannot change what was said; None where nothing."""
    content = change.content
    if not isinstance(content, MessageContent) or change.operation == "remove" or content.room_key:
        return None
    return content.said if change.expected is None or content.is_news else None


def _in_its_place(change: Change, store: Store) -> Change | None:
    """A page whose parent, or a message whose room, was only planned gets its id, now that it has one; None while it has none."""
    content = change.content
    if isinstance(content, MessageContent) and content.room_key:
        room = store.published().get(content.room_key)
        if room is None or room.written.id == NO_ROOM:
            return None
        return replace(change, target=Ref.of(change.target.connection, "room", room.written.id))
    if not isinstance(content, PageAsContent) or not content.page.parent_key or content.page.parent:
        return change
    parent = store.published().get(content.page.parent_key)
    if parent is None:
        return None
    ref = Ref.of(change.target.connection, "document", parent.written.id)
    return replace(change, content=PageAsContent(replace(content.page, parent=ref)))


def _published(
    item: Desired | Change, written: Written, digest: str, run: str, state: PublishedState = "published"
) -> Published:
    return Published(
        key=item.key,
        job=item.job,
        target=item.target,
        kind=item.kind,
        written=written,
        digest=digest,
        message=item.message,
        facts=item.facts,
        content=item.content,
        rests_on=item.rests_on,
        run=run,
        at=datetime.now(UTC),
        state=state,
        # A page's own version is what collecting sees; a task's version after our write is learnt by the next look.
        target_version=written.version if item.kind == "page" else "",
        rewrites=item.rewrites if isinstance(item, Change) else 0,
    )
