"""Take back what was written: a run's writes, or everything. First look, then remove what is ours, and say of the rest why not.

What a person edited, answered on a page or made themselves is never removed. Writing is done by ``apply``, intent first like all writing.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import structlog
from msgspec import Struct
from msgspec.structs import replace

from sync.apply import Outcome, apply
from sync.core.disclosure import Sayable
from sync.core.errors import NotFound, TielineError
from sync.core.plan import IN_CHATS, Change, Desired, PageAsContent, Plan, Published, digest_of, mark_of
from sync.core.ports import Written
from sync.look import Ports, find
from sync.parallel import as_completed
from sync.remote import redact
from sync.store.baseline import Stop
from sync.store.store import Store

THREADS = 8
Reason = Literal["edited", "gone", "not_ours", "later", "said", "unreadable", "restricted", "derived"]
Seen = Written | None | TielineError

log = structlog.get_logger()


class Kept(Struct, frozen=True):
    """A write that is not taken back, and why: somebody edited it since or added to its page, it is gone, it is not ours, a later run
    wrote there since, it was said in a chat, its place cannot be read, what stood there before names something restricted
    now, or it is a table, whose earlier rows were true only then.
    """

    change: Change
    reason: Reason
    detail: str = ""


class Standing(Struct, frozen=True):
    """Something that the ledger knows to be out there, or that an unconfirmed write may have left there."""

    change: Change
    last: Published | None = None
    is_intended: bool = False  # an unconfirmed write meant this: what is found without a mark of its own is ours


class Steps(Struct, frozen=True):
    """What taking back comes to: the removals and restorations, what stays and why, and keys under which nothing of ours stands."""

    changes: tuple[Change, ...] = ()
    kept: tuple[Kept, ...] = ()
    empty: tuple[str, ...] = ()


def undo(
    changes: Iterable[tuple[Change, Published | None]],
    ports: Ports,
    store: Store,
    run: str,
    may_go_on: Callable[[], None] = lambda: None,
    sayable: Sayable | None = None,
) -> tuple[Outcome, tuple[Kept, ...]]:
    """Take back a run's writes, last first: what it made is removed, what it replaced is written back, what it removed is made again.
    What cannot be is told; what a person removed meanwhile stays removed, and what may not be said any more is not said again.
    """
    entries = list(reversed(list(changes)))
    published = store.published()
    intended = {(intent.key, intent.change.operation) for intent in store.pending_intents()}
    wanted = [Standing(change, published.get(change.key)) for change, _ in entries]
    seen = _look(ports, [item for item in wanted if item.change.kind not in IN_CHATS])
    steps: list[Change] = []
    kept: list[Kept] = []
    for (change, before), item in zip(entries, wanted, strict=True):
        if _is_taken_back(item, seen.get(change.key)):
            continue
        verdict = _reversal(item, before, seen.get(change.key), intended)
        if isinstance(verdict, Kept):
            kept.append(verdict)
        elif (
            sayable
            and verdict.operation != "remove"
            and not sayable.may_say(verdict.content, _facts_of(verdict, before))
        ):
            kept.append(Kept(change, "restricted"))
        else:
            steps.append(verdict)
    outcome = apply(Plan(tuple(steps)), ports, store, run, state="undone", may_go_on=may_go_on)
    return outcome, tuple(kept)


def _is_taken_back(item: Standing, seen: Seen) -> bool:
    """Whether this very write was undone already. Undoing a later one put back what this one had said, which still stands."""
    last = item.last
    return last is not None and last.state == "undone" and (seen is None or last.digest == item.change.digest)


def _reversal(
    item: Standing, before: Published | None, seen: Seen, intended: Container[tuple[str, str]]
) -> Change | Kept:
    """The step that takes one write back, judged by what stands there now."""
    change, last = item.change, item.last
    if change.kind in IN_CHATS:
        return Kept(change, "said")
    if isinstance(seen, TielineError):
        return Kept(change, "unreadable", redact(str(seen)))
    if change.operation == "remove":
        again = replace(change, operation="create", expected=None, reason="undo")
        return again if seen is None else Kept(change, "later", seen.url)
    if seen is None:
        if (change.key, "remove") in intended and last is not None:  # an undo that died: the removal was ours
            return replace(change, operation="remove", expected=last.written, reason="undo")
        return Kept(change, "gone", last.written.url if last else "")
    if reason := _why_not_undone(item, before, seen):
        return Kept(change, reason, seen.url)
    if before is None or change.operation == "create":
        # What was undone is remembered by what was desired last: only that would be written again.
        digest = last.digest if last is not None and last.state == "undone" else change.digest
        return replace(change, operation="remove", expected=seen, digest=digest, reason="undo")
    return replace(change, operation="update", content=before.content, expected=seen, reason="undo")


def _facts_of(step: Change, before: Published | None) -> Mapping[str, Any]:
    """The facts that the text of a step was made of."""
    return before.facts if before is not None and step.operation == "update" else step.facts


def _why_not_undone(item: Standing, before: Published | None, seen: Written) -> Reason | None:
    last = item.last
    if last is None or not seen.is_ours:
        return "not_ours"
    if before is None or item.change.operation == "create":
        return _why_not_removed(last, seen)
    if last.digest != item.change.digest:
        return "later"
    if last.kind == "table":
        return "derived"
    return None if _is_untouched(last, seen) else "edited"


@dataclass(frozen=True)
class Retraction:
    """The removal of all that Tieline wrote at these connections for these jobs; none named means all of them."""

    store: Store
    ports: Ports
    installation: str
    connections: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()

    def includes(self, item: Desired | Published | Change) -> bool:
        is_there = not self.connections or item.target.connection in self.connections
        return is_there and (not self.jobs or item.job in self.jobs)

    def steps(self, lost: Iterable[Desired]) -> Steps:
        """What it comes to; ``lost`` is what the ledger does not know. Writes nothing."""
        return steps_back(self.ports, standing_of(self.store, self.installation, self.includes, lost))

    def stop(self, run: str, at: datetime) -> None:
        """From here on nothing new is written there: before the first removal, so that a run that dies in between is not written over."""
        for connection in self.connections or ("",):
            for job in self.jobs or ("",):
                self.store.put_stop(Stop(connection, job, run, at))

    def carry_out(
        self, lost: Iterable[Desired], run: str, may_go_on: Callable[[], None]
    ) -> tuple[Outcome, tuple[Kept, ...]]:
        """Remove what may be removed, and bring the ledger to what stands. After a full retraction the next day is a first day again."""
        steps = self.steps(lost)
        outcome = apply(Plan(steps.changes), self.ports, self.store, run, may_go_on=may_go_on)
        for key in steps.empty:
            self.store.remove_published(key)
        for intent in self.store.pending_intents():
            if intent.key in steps.empty:
                self.store.fail_intent(intent.id, "failed", "nothing stands there")
        if not self.connections and not self.jobs:
            self.store.forget_baseline()
        return outcome, steps.kept


def is_stopped(item: Desired | Published, stops: Iterable[Stop]) -> bool:
    """Whether this was retracted and not resumed."""
    return any(stop.connection in ("", item.target.connection) and stop.job in ("", item.job) for stop in stops)


def resume(store: Store) -> int:
    """Lift every stop; how many there were. What could not be retracted is forgotten: it will be looked at like anything else there,
    and where nothing else is published the next run is a first run again.
    """
    stops = store.stops()
    for entry in store.published().values():
        if is_stopped(entry, stops):
            store.remove_published(entry.key)
    return store.forget_stops()


def standing_of(
    store: Store, installation: str, is_wanted: Callable[[Desired | Published | Change], bool], found: Iterable[Desired]
) -> list[Standing]:
    """Everything of ours that may be out there: what the ledger says, what an unconfirmed write may have left, and what was ``found``
    although the ledger does not know it (a database restored from a backup)."""
    published = store.published()
    standing = {
        entry.key: Standing(_removal(entry, mark_of(installation, entry.key)), entry)
        for entry in published.values()
        if is_wanted(entry)  # what was undone as well: an update that was taken back left the text before it
    }
    for intent in store.pending_intents():
        if intent.key not in standing and is_wanted(intent.change):
            change = replace(intent.change, operation="remove", expected=None, reason="retract")
            standing[intent.key] = Standing(change, is_intended=True)
    for item in found:
        if item.key not in standing and is_wanted(item):
            standing[item.key] = Standing(_removal(item, mark_of(installation, item.key)))
    return sorted(standing.values(), key=lambda item: -_depth(item.change, published))


def steps_back(ports: Ports, standing: Sequence[Standing]) -> Steps:
    """What removing all of this comes to. Looks at every place; writes nothing."""
    seen = _look(ports, [item for item in standing if item.change.kind not in IN_CHATS])
    changes: list[Change] = []
    kept: list[Kept] = []
    empty: list[str] = []
    for item in standing:
        change, last, found = item.change, item.last, seen.get(item.change.key)
        if change.kind in IN_CHATS:
            kept.append(Kept(change, "said"))
        elif isinstance(found, TielineError):
            kept.append(Kept(change, "unreadable", redact(str(found))))
        elif found is None or not (found.is_ours or item.is_intended):
            empty.append(change.key)  # a link that a person made was never ours to remove
        elif reason := _why_not_removed(last, found):
            kept.append(Kept(change, reason, found.url))
        else:
            changes.append(replace(change, expected=replace(found, is_ours=True)))
    return Steps(tuple(changes), tuple(kept), tuple(empty))


def _why_not_removed(last: Published | None, found: Written) -> Reason | None:
    """What a person has a part in stays. A page is removed only in the very version that we left: what stands outside our block, and
    every edit of it, goes with it."""
    if last is not None and last.kind == "page":
        return None if found.version == last.written.version else "edited"
    return None if _is_untouched(last, found) else "edited"


def _is_untouched(last: Published | None, found: Written) -> bool:
    if found.is_untouched or not found.block:
        return True
    return last is not None and (found.version == last.written.version or found.block == last.written.block)


def _look(ports: Ports, wanted: Iterable[Standing]) -> Mapping[str, Seen]:
    """What stands at each place, several at once; a place that is gone holds nothing."""

    def look_at(item: Standing) -> tuple[str, Seen]:
        change = item.change
        try:
            return change.key, find(ports, change.target, change.mark, change.content, item.last)
        except NotFound:
            return change.key, None
        except TielineError as error:
            return change.key, error
        except Exception as error:  # one odd answer may not stop the others
            log.exception("look_broke", key=change.key)
            return change.key, TielineError(f"internal: {type(error).__name__}: {error}")

    return dict(as_completed(look_at, wanted, THREADS))


def _removal(item: Desired | Published, mark: str) -> Change:
    digest = item.digest if isinstance(item, Published) else digest_of(item.message, item.facts)
    return Change(
        operation="remove",
        key=item.key,
        job=item.job,
        target=item.target,
        kind=item.kind,
        content=item.content,
        digest=digest,
        message=item.message,
        facts=item.facts,
        reason="retract",
        mark=mark,
        rests_on=item.rests_on,
    )


def _depth(change: Change, published: Mapping[str, Published]) -> int:
    """How many of our pages stand above this one: children go to the trash before their parents."""
    depth, content, seen = 0, change.content, {change.key}
    while isinstance(content, PageAsContent) and content.page.parent_key and content.page.parent_key not in seen:
        seen.add(content.page.parent_key)
        parent = published.get(content.page.parent_key)
        if parent is None:
            break
        depth, content = depth + 1, parent.content
    return depth
