"""What one process may still ask of one vendor's site: shared by all connections to it, and what one run may ask in all.

Counting is pyrate-limiter's in-memory window; added here is that a request passes all windows that count it at once or none.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

import msgspec
from pyrate_limiter import InMemoryBucket, Rate, RateItem

from sync.core.errors import Scope, TryLater
from sync.pace import Pace, Place

LONGEST_PAUSE = timedelta(days=1)
RESERVED_SHARE = 0.1
MOST_BUCKETS = 2_000


class Counted(msgspec.Struct, frozen=True):
    """Whom a window or a pause is for, of those that share a Gate."""

    scope: Scope
    name: str = ""


class Pause(msgspec.Struct, frozen=True):
    """A pause that a vendor asked for, as it can be kept from run to run."""

    counted: Counted
    until: datetime


class Turn(msgspec.Struct):
    """One request's turn: it may go when there is nothing to wait for, and is then counted in these windows."""

    wait_s: float
    item: RateItem
    buckets: list[InMemoryBucket] = []


Window = tuple[Counted, int, float]
"""At most so many requests of these in so many seconds."""


class Gate:
    """One site's windows and pauses. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[Counted, float], InMemoryBucket] = {}
        self._held: dict[Counted, float] = {}
        self._paces: WeakKeyDictionary[object, Pace] = WeakKeyDictionary()

    def join(self, who: object, pace: Pace) -> None:
        """From now on nobody of this account asks faster than this pace."""
        with self._lock:
            self._paces[who] = pace

    def leave(self, who: object) -> None:
        """A pace that nobody keeps any more binds nobody; what was asked stays counted."""
        with self._lock:
            self._paces.pop(who, None)

    def take(self, pace: Pace, place: Place) -> Turn:
        """A turn that may go now, and is counted; or one that tells the seconds after which it is worth asking again."""
        with self._lock:
            windows = [*self._host_windows(pace.account), *_limit_windows(pace, place)]
            item = RateItem("", int(self._clock() * 1000))
            passed: list[InMemoryBucket] = []
            for counted, most, window_s in windows:
                bucket = self._bucket(counted, most, window_s, item.timestamp)
                if not bucket.put(item):
                    for earlier in passed:  # all windows or none: what was counted already is given back
                        earlier.items.pop()
                    wait_ms = bucket.waiting(item)
                    return Turn(max(1, wait_ms if isinstance(wait_ms, int) else 1) / 1000, item)
                passed.append(bucket)
            return Turn(0.0, item, passed)

    def answered(self, turn: Turn) -> None:
        """Count the request from now on. The vendor counted it at some moment between sending and answer; counted from its answer no
        window is exceeded there however long requests travel and bunch up on their way.
        """
        with self._lock:
            for bucket in turn.buckets:
                place = next((at for at in range(len(bucket.items) - 1, -1, -1) if bucket.items[at] is turn.item), None)
                if place is not None:
                    del bucket.items[place]
            turn.item.timestamp = int(self._clock() * 1000)
            for bucket in turn.buckets:
                bucket.items.append(turn.item)

    def hold(self, counted: Counted, pause: timedelta) -> None:
        """Let nothing of these pass for so long; a longer pause that was asked for before stands."""
        until = self._clock() + min(pause, LONGEST_PAUSE).total_seconds()
        with self._lock:
            self._held[counted] = max(self._held.get(counted, until), until)

    def held(self, everything: Iterable[Counted]) -> tuple[float, Counted | None]:
        """Until when the longest pause lasts that concerns any of these, by this Gate's clock; and whose it is."""
        with self._lock:
            found = [(self._held[item], item) for item in everything if item in self._held]
        return max(found, key=lambda item: item[0], default=(0.0, None))

    def left_s(self, until: float) -> float:
        return until - self._clock()

    def pauses(self) -> tuple[Pause, ...]:
        """Every pause that is not over."""
        now, at = self._clock(), datetime.now(UTC)
        with self._lock:
            self._held = {counted: until for counted, until in self._held.items() if until > now}
            held = self._held.items()
            return tuple(Pause(counted, at + timedelta(seconds=until - now)) for counted, until in held)

    def restore(self, pauses: Iterable[Pause]) -> None:
        """Keep pauses that an earlier run was asked for."""
        for pause in pauses:
            left = pause.until - datetime.now(UTC)
            if left > timedelta(0):
                self.hold(pause.counted, left)

    def _host_windows(self, account: str) -> list[Window]:
        """Of the paces of one account the slowest for each length of window."""
        slowest: dict[float, int] = {}
        for pace in self._paces.values():
            if pace.account == account:
                most, window_s = pace.window
                slowest[window_s] = min(slowest.get(window_s, most), most)
        return [(Counted("host", account), most, window_s) for window_s, most in slowest.items()]

    def _bucket(self, counted: Counted, most: int, window_s: float, now_ms: int) -> InMemoryBucket:
        key = (counted, window_s)
        rate = Rate(most, math.ceil(window_s * 1000))
        if key not in self._buckets:
            if len(self._buckets) >= MOST_BUCKETS:
                self._buckets = {old: bucket for old, bucket in self._buckets.items() if _is_busy(bucket, now_ms)}
            self._buckets[key] = InMemoryBucket([rate])
        bucket = self._buckets[key]
        if bucket.rates[0].limit != most:
            bucket.rates = [rate]
        if bucket.items and bucket.items[0].timestamp < now_ms - 2 * rate.interval:
            bucket.leak(now_ms)
        return bucket


def _is_busy(bucket: InMemoryBucket, now_ms: int) -> bool:
    return bool(bucket.items) and bucket.items[-1].timestamp >= now_ms - bucket.rates[0].interval


def counted_for(pace: Pace, place: Place) -> list[Counted]:
    """Everything of which a pause would hold this request."""
    return [
        Counted("quota", pace.pool),
        *(counted_as(scope, pace, place) for scope in ("host", "endpoint")),
        *_items(place),
    ]


def paused_by(scope: Scope, pace: Pace, place: Place) -> list[Counted]:
    """What an answer holds that asks for a pause; a pause for an item that the request does not name is one for its endpoint."""
    if scope == "item":
        return _items(place) or [counted_as("endpoint", pace, place)]
    return [counted_as(scope, pace, place)]


def counted_as(scope: Scope, pace: Pace, place: Place) -> Counted:
    """The host, endpoint or quota that a request belongs to."""
    names = {"host": pace.account, "quota": pace.pool, "endpoint": f"{pace.account} {place.endpoint}"}
    return Counted(scope, names[scope])


def _items(place: Place) -> list[Counted]:
    return [Counted("item", item) for item in place.items]


def _limit_windows(pace: Pace, place: Place) -> Iterator[Window]:
    done: set[Scope] = set()
    for limit in pace.limits:
        if limit.scope in done or not re.fullmatch(limit.endpoints, place.endpoint):
            continue
        done.add(limit.scope)
        everything = _items(place) if limit.scope == "item" else [counted_as(limit.scope, pace, place)]
        for counted in everything:
            yield from ((counted, most, window_s) for most, window_s in limit.windows)


_gates: dict[tuple[str, str], Gate] = {}


def gate_for(product: str, base_url: str) -> Gate:
    """The one Gate of this process for a vendor's product at an address."""
    return _gates.setdefault((product, base_url), Gate())


class Calls:
    """What one run may ask of one connection. Reads end when all but a tenth is used, so that what was begun can be looked at and
    written; a write that was begun is carried to its end whatever it takes. 0: no limit. Safe to use from several threads.
    """

    def __init__(self, most: int = 0) -> None:
        self.most, self.used = most, 0
        self._reserved = int(most * RESERVED_SHARE)
        self._lock = threading.Lock()

    def use(self, connection: str, is_safe: bool) -> None:
        """Count a request that is about to be sent. Raises TryLater (``call_budget``) instead when it may not be."""
        writing: _Writing | None = getattr(_thread, "writing", None)
        with self._lock:
            most = self.most if writing or not is_safe else self.most - self._reserved
            if self.most and self.used >= most and not (writing and writing.is_begun):
                text = f"{connection} has used {self.used} of the {self.most} calls of this run; the next run goes on"
                raise TryLater(text, reason="call_budget")
            self.used += 1
        if writing and not is_safe:
            writing.is_begun = True


class _Writing:
    """One write of this thread."""

    is_begun = False


_thread = threading.local()


@contextmanager
def one_write() -> Iterator[None]:
    """What this thread sends inside belongs to one write: begun only while the run's calls last, then carried to its end."""
    before = getattr(_thread, "writing", None)
    _thread.writing = before or _Writing()
    try:
        yield
    finally:
        _thread.writing = before
