"""Things that go wrong on purpose: a script of faults that the server and the simulators take from."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, replace
from typing import Literal, get_args

FaultKind = Literal[
    "rate_limited",  # the vendor's 429 with Retry-After: value seconds
    "server_error",  # the vendor's 500
    "slow",  # value seconds before the answer
    "reset",  # connection dropped before the request is handled
    "lost_answer",  # handled and committed, then the connection is dropped
    "html",  # 200 with an HTML page where JSON is due (a proxy's login page)
    "unauthorized",  # the vendor's answer to an expired token
    "truncated",  # the body stops half way and the connection closes
    "short_page",  # a page shorter than asked though more follows (simulators ask for it)
    "empty_page",  # an empty page though more follows
    "repeated_page",  # the same page, and the same token where there is one, again
    "edited_between_pages",  # an item of the listing is edited after this page was made
    "lost_delivery",  # a webhook's delivery never goes out (asked for as POST /deliveries/<event>)
    "repeated_delivery",  # it goes out twice
    "late_delivery",  # it goes out value seconds later, behind those that come after it
]
DELIVERY_FAULTS: tuple[FaultKind, ...] = ("lost_delivery", "repeated_delivery", "late_delivery")
PAGE_FAULTS: tuple[FaultKind, ...] = ("short_page", "empty_page", "repeated_page", "edited_between_pages")


@dataclass(frozen=True)
class Fault:
    """One planned fault: on the requests whose ``METHOD path`` matches, after skipping some, so many times."""

    kind: FaultKind
    match: str = ".*"
    times: int = 1
    skip: int = 0
    value: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"unknown fault {self.kind!r}; known: {', '.join(get_args(FaultKind))}")


class Faults:
    """The script. ``take`` hands out the next fault of the wanted kinds for a request, once per planned time."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self._lock = threading.Lock()
        self.latency_s = 0.0

    def plan(self, *faults: Fault) -> None:
        with self._lock:
            self._planned.extend(faults)

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def pending(self) -> list[Fault]:
        return list(self._planned)

    def take(self, method: str, path: str, kinds: tuple[FaultKind, ...]) -> Fault | None:
        """The first planned fault of these kinds that fits and is due; it is used up by being taken."""
        with self._lock:
            for index, fault in enumerate(self._planned):
                if fault.kind not in kinds or not re.search(fault.match, f"{method} {path}"):
                    continue
                if fault.skip > 0:
                    self._planned[index] = replace(fault, skip=fault.skip - 1)
                    continue
                if fault.times <= 1:
                    del self._planned[index]
                else:
                    self._planned[index] = replace(fault, times=fault.times - 1)
                return fault
        return None
