"""One write through the right port, and what can be told of it when its answer was lost. Nothing here knows a vendor or keeps a ledger."""

from __future__ import annotations

from msgspec.structs import replace

from sync.core.errors import CannotExpress, Conflict, Refused
from sync.core.messages import Messenger
from sync.core.metrics import MetricSink, TableContent, typed
from sync.core.plan import (
    NO_ROOM,
    Change,
    CommentContent,
    LinkContent,
    MessageContent,
    PageAsContent,
    RoomContent,
    TableAsContent,
)
from sync.core.ports import KnowledgeBase, PageContent, Tracker, Written
from sync.core.rich_text import RichText
from sync.core.values import Ref
from sync.look import REPEAT_MARGIN_S, Ports, written_from_page
from sync.remote import redact


def has_landed(change: Change, found: Written | None) -> bool:
    """Whether a write whose answer was lost was carried out, by what stands there now. An update over which a person wrote before we
    looked has not: their text stays, and the next run reports it.
    """
    if change.operation == "remove":
        return found is None
    if found is None or (change.operation == "update" and found.block and not found.is_untouched):
        return False
    if change.kind == "table" and not found.block:
        return False  # some of its rows may be missing
    return change.operation == "create" or change.expected is None or found.version != change.expected.version


def may_repeat(ports: Ports, change: Change) -> bool:
    """Whether a message whose answer was just lost may be sent again, because its vendor says the same one only once; or a room asked for
    again, as one mark makes one room."""
    if isinstance(change.content, RoomContent):
        return True
    if not isinstance(change.content, MessageContent) or change.expected is not None:
        return False
    return ports.messenger(change.target.connection).repeatable_s(change.target, change.content.said) > REPEAT_MARGIN_S


def write(ports: Ports, change: Change) -> Written | None:
    """One write through the right port; None when the thing is removed."""
    match change.content:
        case CommentContent(body):
            return _write_comment(ports.tracker(change.target.connection), change, body)
        case LinkContent(other, side):
            tracker = ports.tracker(change.target.connection)
            if change.operation == "remove" and change.expected:
                tracker.remove_link(change.target, change.expected)
                return None
            return tracker.add_link(change.target, other, side, change.mark)
        case PageAsContent(page):
            return _write_page(ports.knowledge_base(change.target.connection), change, page)
        case TableAsContent(table):
            return _write_table(ports.metric_sink(change.target.connection), change, table)
        case RoomContent():
            return _write_room(ports.messenger(change.target.connection), change, change.content)
        case MessageContent():
            return _write_message(ports.messenger(change.target.connection), change, change.content)


def _write_room(messenger: Messenger, change: Change, content: RoomContent) -> Written:
    """The room as it stands; its version names who could not be brought in. Where no room can be made that is remembered, so that whoever
    wants to say something there says it elsewhere."""
    if change.operation == "remove":
        raise CannotExpress("a room of people cannot be taken back")
    if change.expected is not None and change.expected.id != NO_ROOM:
        room = Ref.of(change.target.connection, "room", change.expected.id)
        return replace(change.expected, version=" ".join(messenger.invite(room, content.members)))
    try:
        made = messenger.make_room(change.mark, content.title, content.members)
    except (CannotExpress, Refused) as error:
        return Written(NO_ROOM, redact(str(error)), is_untouched=True)
    return Written(made.key, " ".join(made.missing), is_untouched=True)


def _write_message(messenger: Messenger, change: Change, content: MessageContent) -> Written:
    if change.operation == "remove":
        raise CannotExpress("what was said in a chat cannot be taken back")
    if change.expected is None:
        return messenger.send_message(change.target, change.mark, content.said)
    if not change.expected.id:  # said before the ledger's time, nobody knows where
        return messenger.send_message(change.target, change.mark, content.said) if content.is_news else change.expected
    try:
        return messenger.edit_message(change.target, change.expected, change.mark, content.said)
    except CannotExpress:
        if not content.is_news:
            return change.expected
        return messenger.send_message(change.target, change.mark, content.said)


def _write_table(sink: MetricSink, change: Change, content: TableContent) -> Written | None:
    if change.operation == "remove" and change.expected:
        sink.remove_table(change.expected)
        return None
    return sink.put_table(change.mark, replace(content, table=typed(content.table)), change.expected)


def _write_comment(tracker: Tracker, change: Change, body: RichText) -> Written | None:
    if change.expected is None:
        return tracker.add_comment(change.target, change.mark, body)
    if change.operation == "remove":
        tracker.remove_comment(change.target, change.expected)
        return None
    return tracker.edit_comment(change.target, change.expected, change.mark, body)


def _write_page(base: KnowledgeBase, change: Change, content: PageContent) -> Written | None:
    if change.expected is None:
        return written_from_page(base.create_page(change.mark, content))
    page = base.get_page(Ref.of(change.target.connection, "document", change.expected.id))
    if page.version != change.expected.version:
        raise Conflict(f"page {page.url} changed since the plan", change.expected.version, page.version)
    if change.operation == "remove":
        base.remove_page(page)
        return None
    return written_from_page(base.update_page(page, change.mark, content))
