"""One run at a time: a lease in the database, and a way past one whose holder died on this machine."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sync.core.errors import TryLater
from sync.store.store import Store

NAME = "run"
LIFE = timedelta(minutes=3)
RENEWED_EVERY_S = 45.0


@contextmanager
def turn(store: Store) -> Iterator[None]:
    """Hold the one run's lease while the work goes on. Raises TryLater when another run is going on.

    Two runs at once would both look, find nothing, and both write.
    """
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    if not store.acquire_lease(NAME, holder, LIFE):
        other = store.lease_holder(NAME)
        if not _is_dead(other):
            raise TryLater(f"another run is going on ({other}); this one did nothing")
        store.release_lease(NAME, other)
        if not store.acquire_lease(NAME, holder, LIFE):
            raise TryLater("another run has just begun; this one did nothing")
    ended = threading.Event()
    renewer = threading.Thread(target=_renew, args=(store, holder, ended), name="lease", daemon=True)
    renewer.start()
    try:
        yield
    finally:
        ended.set()
        renewer.join()
        store.release_lease(NAME, holder)


def _renew(store: Store, holder: str, ended: threading.Event) -> None:
    while not ended.wait(RENEWED_EVERY_S):
        store.renew_lease(NAME, holder, LIFE)


def _is_dead(holder: str) -> bool:
    """True when the holder ran on this machine and its process is gone: it was killed, and its lease needs no waiting for."""
    host, _, rest = holder.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    if int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
