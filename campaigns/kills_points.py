"""Places at which a run can die, and what dies with it: a process that does nothing any more, whichever thread it was in.

The product is not asked to help: its database and its way out are watched from outside. A kill is a BaseException that nothing
in the product catches; after it every operation of that process is refused, so that no ``finally`` tidies up after the dead.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from typing import Any
from unittest.mock import patch

import httpx

from sandbox.http import Request, Response, Simulator, html_response, query_from_string
from sync.store.database import url_from_text
from sync.store.store import Store

# What a run does to its database, in the words of the store; each is a place before and a place after.
OPERATIONS = (
    "save_raw", "mark_gone", "put_cursor", "put_certificate", "replace_derived", "put_links", "put_derivation",
    "pin_connection", "begin_run", "end_run", "_add_intent", "confirm_intent", "fail_intent", "put_published",
    "remove_published", "put_run_certificates", "acquire_lease", "release_lease", "sync_findings", "published",
    "pending_intents", "load_evidence", "raw_versions", "cursor",
)  # fmt: skip
SEARCHES = (
    "/executeQueries",
    "/auth/signin",
    "/oauth2/v2.0/token",
    "/tenant_access_token/internal",
    "/oauth2/accessToken",
    "/search",
    "/search/jql",
    "/search/approximate-count",
    "/issue/bulkfetch",
    "/changelog/bulkfetch",
    "/comment/list",
)
Hook = Callable[[], None]
Write = tuple[int, str]
"""The process that sent it, and the request."""


class Killed(BaseException):
    """The process died here."""


@dataclass
class Trap:
    """Die at the n-th passing of a place whose name contains these words."""

    place: str
    passings: int = 1


@dataclass
class Process:
    """One run's process: its trap, what it passed, and where it died. ``hooks`` are called once, at the first passing of their place."""

    number: int
    machine: str = "here"
    trap: Trap | None = None
    died_at: str = ""
    passed: Counter[str] = field(default_factory=Counter)
    hooks: dict[str, Hook] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def pass_by(self, place: str) -> None:
        """Go on, or die here."""
        self.check()
        with self.lock:
            self.passed[place] += 1
            hook = self.hooks.pop(place, None)
            is_trapped = self._is_trapped(place)
        if hook:
            hook()
        if is_trapped:
            self.check()

    def check(self) -> None:
        if self.died_at:
            raise Killed(self.died_at)

    def _is_trapped(self, place: str) -> bool:
        if self.trap is None or self.trap.place not in place:
            return False
        self.trap.passings -= 1
        if self.trap.passings > 0 or self.died_at:
            return False
        self.died_at = place
        return True


class WatchedStore(Store):
    """The real store, whose every operation is a place to die at, inside and outside of transactions."""

    process: Process

    @contextmanager
    def _connected(self, is_writing: bool) -> Iterator[Any]:
        self.process.check()
        with super()._connected(is_writing) as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with super().transaction():
            yield
            self.process.pass_by("transaction, not committed")
        self.process.pass_by("transaction, committed")


_COMPILED: dict[str, Any] = {}


def open_watched(url: str, process: Process) -> WatchedStore:
    """The store as this process has it."""
    store = WatchedStore(url_from_text(url), 30.0)
    store.process = process
    # SQLAlchemy compiles each statement once per engine; simulated processes share what a real one would compile anew.
    store._engine._compiled_cache = _COMPILED.setdefault(store._engine.name, store._engine._compiled_cache)
    return store


def _watch(name: str) -> None:
    plain = getattr(Store, name)

    def operation(store: WatchedStore, /, *args: Any, **kwargs: Any) -> Any:
        store.process.pass_by(f"before {name.lstrip('_')}")
        result = plain(store, *args, **kwargs)
        store.process.pass_by(f"after {name.lstrip('_')}")
        return result

    setattr(WatchedStore, name, operation)


for _name in OPERATIONS:
    _watch(_name)


class Wire(httpx.BaseTransport):
    """The way from one process to the simulators, without sockets. ``faults`` may lose an answer or turn a request away.

    Places: a read or a write not sent yet, carried out there and not answered yet, and just answered.
    """

    def __init__(
        self, process: Process, sites: dict[str, Simulator], faults: Callable[[str], str], log: list[Write]
    ) -> None:
        self._process, self._sites, self._faults, self._log = process, sites, faults, log

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        kind = "write" if is_write(request.method, request.url.path) else "read"
        process = self._process
        process.pass_by(f"{kind} not sent")
        fault = self._faults(kind)
        if fault == "no connection":
            raise httpx.ConnectError("nobody listens", request=request)
        asked = _request(request)
        simulator = self._sites[request.url.host]
        with process.lock if kind == "write" else _NO_LOCK:  # a dead process sends nothing after its kill
            process.check()
            answer = self._answer(simulator, asked, fault)
            if kind == "write":
                self._log.append((process.number, f"{request.method} {request.url.host}{request.url.path}"))
        process.pass_by(f"{kind} carried out, not answered")
        if fault == "lost answer":
            raise httpx.ReadError("the connection broke", request=request)
        if fault == "bad gateway":
            answer = html_response("<h1>502 Bad Gateway</h1>", 502)
        with process.lock:
            if not process.died_at:
                process.passed[f"{kind} answered"] += 1
                process._is_trapped(f"{kind} answered")  # dies with the answer in its hands, before it can remember it
        headers = [("date", formatdate(usegmt=True)), *answer.headers.items()]
        return httpx.Response(answer.status, headers=headers, content=answer.body, request=request)

    def _answer(self, simulator: Simulator, asked: Request, fault: str) -> Response:
        if fault == "turned away":
            return simulator.rate_limited(asked, 1)
        # Confluence says of a write's 500 that it was rolled back: then nothing may have happened.
        return simulator.server_error(asked) if fault == "server error" else simulator.handle(asked)


class _Unlocked:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


_NO_LOCK = _Unlocked()


def is_write(method: str, path: str) -> bool:
    """Jira Cloud reads by POST too; everything else that is not GET changes something."""
    return method not in ("GET", "HEAD") and not path.endswith(SEARCHES)


def _request(request: httpx.Request) -> Request:
    raw = request.url.raw_path.decode("latin-1")
    path, _, query = raw.partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    base = f"{request.url.scheme}://{request.url.netloc.decode()}"
    return Request(request.method, path, query_from_string(query), headers, request.read(), base)


class OperatingSystem:
    """Process ids as the lease sees them: one per simulated process, and which of them live."""

    def __init__(self) -> None:
        self._here = threading.local()
        self._numbers = count(1000)
        self.living: set[int] = set()

    @contextmanager
    def process(self, machine: str = "here", trap: Trap | None = None) -> Iterator[Process]:
        """A process that lives inside; what it raises goes through."""
        before = getattr(self._here, "process", None)
        process = Process(next(self._numbers), machine, trap)
        self._here.process = process
        self.living.add(process.number)
        try:
            yield process
        finally:
            self.living.discard(process.number)
            self._here.process = before

    def getpid(self) -> int:
        running = getattr(self._here, "process", None)
        return running.number if running else os.getpid()

    def kill(self, pid: int, _signal: int) -> None:
        if pid not in self.living:
            raise ProcessLookupError

    def machine(self) -> str:
        running = getattr(self._here, "process", None)
        return running.machine if running else "here"


@contextmanager
def simulated_processes() -> Iterator[OperatingSystem]:
    """Inside, the lease is held by simulated processes on simulated machines, and nobody sleeps."""
    system = OperatingSystem()
    with (
        patch("sync.turn.os", system),
        patch("sync.turn._machine", system.machine),
        patch("time.sleep", lambda _: None),
    ):
        yield system
