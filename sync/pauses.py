"""Pauses that vendors asked for, kept from run to run: a scheduled container does not ask again before they are over.

They are leases: what is kept ends by itself, in either database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from sync.gate import Pause
from sync.store.store import Store

# A shorter one is over before the next run begins.
SHORTEST_KEPT = timedelta(seconds=5)


def kept_pauses(store: Store, connection: str) -> list[Pause]:
    """The pauses of a connection that are not over."""
    text = store.lease_holder(_name(connection))
    pauses = msgspec.json.decode(text, type=list[Pause]) if text else []
    return [pause for pause in pauses if pause.until > datetime.now(UTC)]


def keep_pauses(store: Store, connection: str, pauses: Sequence[Pause]) -> None:
    """Keep these in place of those kept before."""
    now = datetime.now(UTC)
    long = sorted((pause for pause in pauses if pause.until - now >= SHORTEST_KEPT), key=lambda pause: pause.until)
    name = _name(connection)
    if before := store.lease_holder(name):
        store.release_lease(name, before)
    if long:
        store.acquire_lease(name, msgspec.json.encode(long).decode(), long[-1].until - now)


def _name(connection: str) -> str:
    return f"pause:{connection}"
