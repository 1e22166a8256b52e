"""One run at a time: a lease in the database, and a way past one whose holder died on this machine."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import structlog

from sync.core.errors import StoreUnavailable, TryLater
from sync.store.store import Store

NAME = "run"
LIFE = timedelta(minutes=3)
RENEWED_EVERY_S = 30.0
MayGoOn = Callable[[], None]

log = structlog.get_logger()


@contextmanager
def turn(store: Store) -> Iterator[MayGoOn]:
    """Hold the one run's lease while the work goes on. Raises TryLater when another run is going on.

    Two runs at once would both look, find nothing, and both write. What is yielded is asked before each write: it raises TryLater
    once the lease is lost (a database locked for minutes, a paused machine), as another run may have begun.
    """
    holder = f"{_machine()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    if not store.acquire_lease(NAME, holder, LIFE):
        other = store.lease_holder(NAME)
        if not _is_dead(other):
            raise TryLater(f"another run is going on ({other}); this one did nothing")
        store.release_lease(NAME, other)
        if not store.acquire_lease(NAME, holder, LIFE):
            raise TryLater("another run has just begun; this one did nothing")
    ended, lost = threading.Event(), threading.Event()
    renewer = threading.Thread(target=_renew, args=(store, holder, ended, lost), name="lease", daemon=True)
    renewer.start()

    def may_go_on() -> None:
        if lost.is_set():
            raise TryLater("this run lost its turn; nothing more is written, the next run goes on")

    try:
        yield may_go_on
    finally:
        ended.set()
        renewer.join()
        if not lost.is_set():
            store.release_lease(NAME, holder)


def _renew(store: Store, holder: str, ended: threading.Event, lost: threading.Event) -> None:
    """Renew until the work ends; a database that cannot be asked is asked again until the lease has run out."""
    good_until = time.monotonic() + LIFE.total_seconds()
    while not ended.wait(RENEWED_EVERY_S):
        try:
            if not store.renew_lease(NAME, holder, LIFE):
                lost.set()
                return
            good_until = time.monotonic() + LIFE.total_seconds()
        except StoreUnavailable as error:
            log.warning("lease_not_renewed", error=str(error))
            if time.monotonic() > good_until:
                lost.set()
                return


def _machine() -> str:
    """This machine, and which processes it can see: two containers may share a host name, but not what a process id means."""
    try:
        processes = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        processes = boot = ""
    return f"{socket.gethostname()}/{boot}/{processes}"


def _is_dead(holder: str) -> bool:
    """True when the holder ran on this machine and its process is gone: it was killed, and its lease needs no waiting for."""
    machine, _, rest = holder.partition(":")
    pid = rest.partition(":")[0]
    if machine != _machine() or not pid.isdecimal() or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
