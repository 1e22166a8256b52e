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
    with hold(store, NAME, "another run is going on ({other}); this one did nothing") as is_mine:

        def may_go_on() -> None:
            if not is_mine():
                raise TryLater("this run lost its turn; nothing more is written, the next run goes on")

        yield may_go_on


@contextmanager
def hold(store: Store, name: str, busy: str = "{other} does that already") -> Iterator[Callable[[], bool]]:
    """Hold a lease while the work goes on; what is yielded tells whether it is still ours. Raises TryLater when it is another's."""
    holder = f"{_machine()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    if not store.acquire_lease(name, holder, LIFE):
        other = store.lease_holder(name)
        if not _is_dead(other):
            raise TryLater(busy.format(other=other))
        store.release_lease(name, other)
        if not store.acquire_lease(name, holder, LIFE):
            raise TryLater(busy.format(other="one that has just begun"))
    ended, lost = threading.Event(), threading.Event()
    renewer = threading.Thread(target=_renew, args=(store, name, holder, ended, lost), name="lease", daemon=True)
    renewer.start()
    try:
        yield lambda: not lost.is_set()
    finally:
        ended.set()
        renewer.join()
        if not lost.is_set():
            store.release_lease(name, holder)


def _renew(store: Store, name: str, holder: str, ended: threading.Event, lost: threading.Event) -> None:
    """Renew until the work ends; a database that cannot be asked is asked again until the lease has run out."""
    good_until = time.monotonic() + LIFE.total_seconds()
    while not ended.wait(RENEWED_EVERY_S):
        try:
            if not store.renew_lease(name, holder, LIFE):
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
