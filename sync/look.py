"""Look at what stands at each target under its mark, before anything is planned and after an answer was lost. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol

import structlog
from msgspec.structs import replace

from sync.core.errors import CannotExpress, NotFound, TielineError
from sync.core.messages import Messenger
from sync.core.metrics import MetricSink
from sync.core.plan import (
    CommentContent,
    Content,
    Desired,
    Existing,
    LinkContent,
    MessageContent,
    PageAsContent,
    Published,
    RoomContent,
    TableAsContent,
    digest_of,
    installation_of,
    mark_of,
)
from sync.core.ports import KnowledgeBase, Page, PageContent, Tracker, Written
from sync.core.values import Ref
from sync.parallel import as_completed
from sync.store.entries import Intent
from sync.store.store import Store

log = structlog.get_logger()
THREADS = 8
REPEAT_MARGIN_S = 60.0
"""How long before a vendor forgets a message's own id we stop counting on it: clocks differ, and a write takes its time."""


class Ports(Protocol):
    """Where writes go: the trackers, knowledge bases, messengers and sinks of the configured connections."""

    def tracker(self, connection: str) -> Tracker: ...

    def knowledge_base(self, connection: str) -> KnowledgeBase: ...

    def messenger(self, connection: str) -> Messenger: ...

    def metric_sink(self, connection: str) -> MetricSink: ...


def look(
    ports: Ports, store: Store, installation: str, wanted: Iterable[Desired]
) -> tuple[dict[str, Existing], dict[str, TielineError]]:
    """Read what stands at each wanted target under its mark; strongly consistent reads, several at once.

    Also the keys whose target could not be read, and why: nothing is decided about them.
    """
    published = store.published()
    intended = {intent.key: intent for intent in store.pending_intents()}

    def look_at(item: Desired) -> tuple[str, Existing | TielineError]:
        try:
            return item.key, _look_at(ports, installation, item, published.get(item.key), intended.get(item.key))
        except TielineError as error:
            return item.key, error
        except Exception as error:  # one odd answer may not stop the others
            log.exception("look_broke", key=item.key)
            return item.key, TielineError(f"internal: {type(error).__name__}: {error}")

    seen = dict(as_completed(look_at, wanted, THREADS))
    existing = {key: found for key, found in seen.items() if isinstance(found, Existing)}
    return existing, {key: found for key, found in seen.items() if isinstance(found, TielineError)}


def _look_at(ports: Ports, installation: str, item: Desired, last: Published | None, intent: Intent | None) -> Existing:
    intended = intent.digest if intent else ""
    mark = mark_of(installation, item.key)
    # A link is looked for as it was written: its other end may be gone by now, and have no address to look for.
    content = last.content if last and item.kind == "link" else item.content
    try:
        found = find(ports, item.target, mark, content, last)
    except NotFound:
        if last is None:
            raise
        return Existing(None)  # what we wrote went with the item it stood on
    except CannotExpress:
        if item.kind != "message":
            raise
        # Nobody can look: what was said is what the ledger says, and what an open intent said stays unsure for ever.
        is_unsure = intent is not None and not is_repeatable(ports, intent, datetime.now(UTC))
        return Existing(last.written if last else None, is_unsure=is_unsure)
    if found is None:
        other = _other_mark(ports, installation, item) if last is None else ""
        return Existing(None if last else _stranger(ports, item, mark), intended, other_mark=other)
    if intended and not found.block:
        # Without a digest of its text only the intent can tell that this is our own write, whose answer was lost.
        found = replace(found, is_ours=found.is_ours or intended == digest_of(item.message, item.facts))
    return Existing(found, intended, _desired_block(ports, item))


def is_repeatable(ports: Ports, intent: Intent, at: datetime) -> bool:
    """Whether saying an intent's message again is safe now, because its vendor still knows it by our mark and says it once."""
    content, target = intent.change.content, intent.change.target
    if not isinstance(content, MessageContent) or intent.change.expected is not None:
        return False
    allowed_s = ports.messenger(target.connection).repeatable_s(target, content.said)
    return (at - intent.created_at).total_seconds() < allowed_s - REPEAT_MARGIN_S


def _desired_block(ports: Ports, item: Desired) -> str:
    match item.content:
        case CommentContent(body):
            return ports.tracker(item.target.connection).block_of_comment(body)
        case PageAsContent(page):
            return ports.knowledge_base(item.target.connection).block_of_page(page)
        case TableAsContent(table):
            return ports.metric_sink(item.target.connection).block_of_table(table)
    return ""


def _other_mark(ports: Ports, installation: str, item: Desired) -> str:
    """Another installation's mark where a comment of ours would be new: two Tielines on one task would say everything twice."""
    if item.kind != "comment":
        return ""
    marks = ports.tracker(item.target.connection).marks_on(item.target)
    return next((mark for mark in marks if installation_of(mark) not in ("", installation)), "")


def find(ports: Ports, target: Ref, mark: str, content: Content, last: Published | None) -> Written | None:
    """What stands at the target under this mark: by what the ledger remembers, else by a search. Raises what the port raises."""
    match content:
        case CommentContent():
            return ports.tracker(target.connection).find_comment(target, mark)
        case LinkContent(other, side):
            found = ports.tracker(target.connection).find_link(target, other, side, mark)
            return _same_owner(found, last)
        case PageAsContent(page):
            return _find_page(ports.knowledge_base(target.connection), target, mark, page, last)
        case TableAsContent(table):
            return ports.metric_sink(target.connection).find_table(table.place, mark, table.name)
        case RoomContent():
            return last.written if last else None  # the same mark makes one room, however often it is asked for
        case MessageContent():
            return ports.messenger(target.connection).find_message(target, mark)


def _stranger(ports: Ports, item: Desired, mark: str) -> Written | None:
    """Somebody else's page under the title that a new page of ours should have: known before the vendor refuses the write."""
    if not isinstance(item.content, PageAsContent):
        return None
    page = ports.knowledge_base(item.target.connection).page_titled(item.content.page.space, item.content.page.title)
    return replace(written_from_page(page), is_ours=False) if page and page.mark != mark else None


def _same_owner(found: Written | None, last: Published | None) -> Written | None:
    """Where a vendor's links carry no mark, the ledger's id tells ours."""
    if found and last and last.written.id == found.id:
        return replace(found, is_ours=last.written.is_ours)
    return found


def _find_page(
    base: KnowledgeBase, target: Ref, mark: str, content: PageContent, last: Published | None
) -> Written | None:
    if last is None:
        page = base.find_page(content.space, mark, content.title)
        return written_from_page(page) if page else None
    try:
        page = base.get_page(Ref.of(target.connection, "document", last.written.id))
    except NotFound:
        return None
    return written_from_page(page) if page.status == "current" else None


def written_from_page(page: Page) -> Written:
    """A page as something written: its id, version and the digest of our block."""
    return Written(page.ref.key, page.version, page.url, page.block, bool(page.mark), page.is_untouched)
