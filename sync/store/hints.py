"""Hints that vendors' webhooks gave, each once; and which webhooks we registered. Losing any of it loses nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Connection, delete, func, select, update

from sync.core.hooks import Hint
from sync.store.bulk import batches, merge
from sync.store.codec import clean, decoder, instant_from_text, json_from_value, text_from_instant
from sync.store.tables import HINTS, WEBHOOKS

MOST_WAITING = 5_000
"""Hints of one connection that may wait to be taken; more are not kept, as polling tells the same."""
MOST_KEPT = 50_000
"""Hints of one connection that are kept in all, so that a delivery that comes again is known."""
KEPT_FOR = timedelta(days=7)
"""Longer than any vendor delivers again; an event older than this is not news and is not kept."""

_hint_from_text = decoder(Hint)


class Registration(Struct, frozen=True):
    """A webhook that we registered: where it calls, for which scopes, by which installation."""

    connection: str
    id: str
    callback_url: str
    scopes: tuple[str, ...] = ()
    installation: str = ""
    expires_at: datetime | None = None


_registration_from_text = decoder(Registration)


def save_hints(connection: Connection, name: str, hints: Sequence[Hint], at: datetime) -> int:
    """Keep those of these hints that are new, recent, and that there is room for; how many were."""
    table = HINTS.c
    fresh = {clean(hint.delivery): hint for hint in hints if hint.at is None or at - hint.at < KEPT_FOR}
    known = set(
        connection.execute(
            select(table.delivery).where(table.connection == name, table.delivery.in_(list(fresh)))
        ).scalars()
    )
    waiting = select(func.count()).select_from(HINTS).where(table.connection == name, table.taken_at.is_(None))
    room = MOST_WAITING - int(connection.execute(waiting).scalar_one())
    new = [(delivery, hint) for delivery, hint in fresh.items() if delivery not in known][: max(0, room)]
    received = text_from_instant(at)
    return merge(connection, HINTS, [(name, delivery, received, None, json_from_value(hint)) for delivery, hint in new])


def waiting_hints(connection: Connection, name: str) -> list[Hint]:
    """The hints of a connection that were not taken yet, oldest first."""
    table = HINTS.c
    where = (table.connection == name, table.taken_at.is_(None))
    query = select(table.value).where(*where).order_by(table.received_at, table.delivery)
    return [_hint_from_text(text) for text in connection.execute(query).scalars()]


def take_hints(connection: Connection, name: str, hints: Iterable[Hint], at: datetime) -> None:
    """These hints have been followed."""
    table = HINTS.c
    for batch in batches([clean(hint.delivery) for hint in hints]):
        where = (table.connection == name, table.delivery.in_(batch), table.taken_at.is_(None))
        connection.execute(update(HINTS).where(*where).values(taken_at=text_from_instant(at)))


def last_hint_at(connection: Connection, name: str) -> datetime | None:
    """When a delivery of this connection last told something new."""
    text = connection.execute(select(func.max(HINTS.c.received_at)).where(HINTS.c.connection == name)).scalar()
    return instant_from_text(text) if text else None


def prune_hints(connection: Connection, at: datetime) -> int:
    """Forget old hints, taken or not, and the oldest taken ones where there are too many; how many."""
    table = HINTS.c
    gone = connection.execute(delete(HINTS).where(table.received_at < text_from_instant(at - KEPT_FOR))).rowcount
    counts = select(table.connection, func.count()).group_by(table.connection).having(func.count() > MOST_KEPT)
    for name, count in connection.execute(counts).all():
        oldest = (
            select(table.delivery)
            .where(table.connection == name, table.taken_at.is_not(None))
            .order_by(table.received_at)
            .limit(count - MOST_KEPT)
        )
        where = (table.connection == name, table.delivery.in_(oldest))
        gone += connection.execute(delete(HINTS).where(*where)).rowcount
    return gone


def put_registration(connection: Connection, entry: Registration) -> None:
    """Remember a webhook of ours."""
    expires_at = text_from_instant(entry.expires_at) if entry.expires_at else None
    row = (entry.connection, clean(entry.id), expires_at, json_from_value(entry))
    merge(connection, WEBHOOKS, [row])


def registrations(connection: Connection) -> list[Registration]:
    """Every webhook that we registered and did not remove."""
    query = select(WEBHOOKS.c.value).order_by(WEBHOOKS.c.connection, WEBHOOKS.c.id)
    return [_registration_from_text(text) for text in connection.execute(query).scalars()]


def forget_registration(connection: Connection, name: str, identifier: str) -> None:
    """A webhook that stands no more."""
    where = (WEBHOOKS.c.connection == name, WEBHOOKS.c.id == clean(identifier))
    connection.execute(delete(WEBHOOKS).where(*where))
