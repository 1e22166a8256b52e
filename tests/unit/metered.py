"""A simulator that counts as vendors do: arrivals in real time, a limit per endpoint and per item, and a script of its own 429s."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sandbox.http import Request, Response, json_response
from sandbox.server import Sandbox
from sync.core.errors import Scope, TryLater
from sync.pace import Place, pause_from
from tests.unit.echo import EchoSimulator

SCOPES: dict[str, Scope] = {"burst": "endpoint", "per-issue": "item", "quota": "quota"}


class MeteredSimulator(EchoSimulator):
    """``arrivals`` are (seconds, method, path) of everything that reached it; ``refuse`` answers the next request of a path with 429."""

    name = "metered"

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: list[tuple[float, str, str]] = []
        self._refusals: list[tuple[str, Mapping[str, str]]] = []
        self._lock = threading.Lock()

    def refuse(self, path: str, headers: Mapping[str, str]) -> None:
        self._refusals.append((path, headers))

    def handle(self, request: Request) -> Response:
        with self._lock:
            self.arrivals.append((time.monotonic(), request.method, request.path))
            for index, (path, headers) in enumerate(self._refusals):
                if path in ("*", request.path):
                    del self._refusals[index]
                    return json_response({"message": "too many"}, 429, headers)
        return json_response({"path": request.path})

    def times(self, path: str = "") -> list[float]:
        return sorted(at for at, _, asked in self.arrivals if path in ("", asked))


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> None:
    if status == 429:
        raise TryLater("slow down", pause_from(headers), "rate_limited", SCOPES.get(headers.get("why", ""), "host"))


def place(method: str, path: str, body: bytes) -> Place:
    parts = path.strip("/").split("/")
    return Place(f"{method} {parts[0]}", tuple(parts[1:2]) if method != "GET" else ())


def most_within(times: Sequence[float], window_s: float) -> int:
    """The most arrivals in any window of that length that begins with one."""
    return max((sum(1 for at in times if start <= at < start + window_s) for start in times), default=0)


@contextmanager
def metered() -> Iterator[tuple[MeteredSimulator, str]]:
    simulator = MeteredSimulator()
    with Sandbox([simulator]) as sandbox:
        yield simulator, sandbox.url("metered")
