"""The one guarded way out: every request to a vendor goes through a Remote, whichever library composed it.

One place for pacing, retries, timeouts, redaction and counting. A write is never retried blindly: when its fate is
unknown the caller gets LostAnswer and looks before it writes again.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar, overload

import httpx
import msgspec
import structlog
import tenacity
from prometheus_client import Counter, Histogram
from pyrate_limiter import Limiter, Rate

from sync.core.errors import LostAnswer, Nonsense, TryLater, Unreachable

T = TypeVar("T")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ATTEMPTS = 5
# Atlassian advises 2-5 s doubling to 30 s with jitter; a longer Retry-After is for the next run, not for a sleeping worker.
LONGEST_WAIT = timedelta(seconds=65)
TIMEOUT = httpx.Timeout(60.0, connect=10.0)

REQUESTS = Counter("tieline_requests_total", "Requests sent to vendors", ["connection", "method", "status"])
SECONDS = Histogram("tieline_request_seconds", "Seconds until a vendor answered", ["connection"])

log = structlog.get_logger()


class Reply(msgspec.Struct, frozen=True):
    """A vendor's answer that its ``decipher`` accepted. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @overload
    def read(self) -> Any: ...
    @overload
    def read(self, shape: type[T]) -> T: ...
    def read(self, shape: Any = Any) -> Any:
        """The JSON body decoded into ``shape``. Raises Nonsense when it is something else."""
        try:
            return msgspec.json.decode(self.body, type=shape, strict=False)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            sample = self.body[:200].decode(errors="replace")
            raise Nonsense(expected=f"JSON ({error})", sample=sample) from error


Decipher = Callable[[int, Mapping[str, str], bytes], None]
"""A connector's pure rule: returns when the answer is a success, else raises the error that says what to do next."""


class Pace(msgspec.Struct, frozen=True):
    """How fast one connection may be asked: requests a second, and how many may be under way at once.

    The vendor counts over ``window_s``: a window's worth may go at once, and never more in any window of that length.
    """

    requests_per_second: float = 20.0
    in_flight: int = 8
    window_s: float = 1.0


class Remote:
    """A vendor's site as one account sees it. Safe to use from several threads.

    ``headers`` are sent with every request (authorisation among them) and are never logged. Paths are joined to
    ``base_url``; a URL that leads elsewhere is refused. ``sleep`` and ``transport`` are replaced in tests only.
    """

    def __init__(
        self,
        connection: str,
        base_url: str,
        headers: Mapping[str, str],
        decipher: Decipher,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.connection = connection
        self.base_url = base_url.rstrip("/")
        self.pace = pace or Pace()
        self.request_count = 0
        self._decipher = decipher
        self._sleep = sleep
        self._held_until = 0.0
        self._lock = threading.Lock()
        self._in_flight = threading.BoundedSemaphore(self.pace.in_flight)
        self._limiter = Limiter(_rate_of(self.pace))
        limits = httpx.Limits(max_connections=self.pace.in_flight, max_keepalive_connections=self.pace.in_flight)
        self._client = httpx.Client(
            headers=dict(headers), timeout=TIMEOUT, limits=limits, trust_env=False, verify=_trust()
        )

    def close(self) -> None:
        self._client.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        content: bytes | None = None,
        files: Mapping[str, Any] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_safe: bool | None = None,
    ) -> Reply:
        """Send one request and return what the vendor answered.

        ``is_safe`` says that repeating it changes nothing (a search by POST); by default only GET, HEAD and OPTIONS are.
        Safe requests are tried up to five times; others again only when the vendor surely did not act.
        Raises LostAnswer for a write whose fate is unknown, TryLater when the vendor asks for a longer pause.
        """
        body = msgspec.json.encode(json) if json is not None else content
        sent_headers = {"accept": "application/json", **(headers or {})}
        if json is not None:
            sent_headers["content-type"] = "application/json"
        request = self._client.build_request(
            method,
            self._url(path),
            params=params,
            content=body,
            files=files,
            data=data,
            headers=sent_headers,
        )
        return self.carry(request, method in SAFE_METHODS if is_safe is None else is_safe)

    def carry(self, request: httpx.Request, is_safe: bool) -> Reply:
        """Send a composed request under the same rules as ``send``."""

        def may_retry(error: BaseException) -> bool:
            if not isinstance(error, TryLater | Nonsense):
                return False
            if isinstance(error, TryLater) and error.retry_after and error.retry_after > LONGEST_WAIT:
                return False
            return is_safe or isinstance(error, Unreachable) or _was_turned_away(error)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(may_retry),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=_wait_s,
            sleep=self._sleep,
            reraise=True,
            before_sleep=self._note_retry,
        )
        try:
            return retrying(self._once, request)
        except (TryLater, Nonsense) as error:
            if is_safe or isinstance(error, Unreachable | LostAnswer) or _was_turned_away(error):
                raise
            raise LostAnswer(f"the answer to {request.method} {request.url.path} was {error}") from error

    def _once(self, request: httpx.Request) -> Reply:
        with self._in_flight:
            self._wait_for_turn()
            self.request_count += 1
            started = time.perf_counter()
            try:
                response = self._client.send(request)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                self._count(request, "unreachable", started)
                raise Unreachable(f"no connection to {request.url.host}: {error}") from error
            except httpx.HTTPError as error:
                self._count(request, "lost", started)
                raise LostAnswer(f"{request.method} {request.url.path}: {error or type(error).__name__}") from error
            self._count(request, str(response.status_code), started)
        reply = Reply(response.status_code, dict(response.headers), response.content)
        try:
            self._decipher(reply.status, reply.headers, reply.body)
        except TryLater as error:
            if _was_turned_away(error) and error.retry_after:
                self._hold(error.retry_after)
            raise
        return reply

    def compose(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> httpx.Request:
        """A request that another library made, ready to be carried with this Remote's own credentials."""
        return self._client.build_request(method, url, headers=dict(headers), content=body)

    def _url(self, path: str) -> str:
        if not path.startswith("/"):
            raise ValueError(f"expected a path below {self.base_url}, got {path!r}")
        return self.base_url + path

    def owns(self, url: str) -> bool:
        """True when the URL lies below this site's base URL: nothing else may be asked with its credentials."""
        return url == self.base_url or url.startswith((self.base_url + "/", self.base_url + "?"))

    def _wait_for_turn(self) -> None:
        pause = self._held_until - time.monotonic()
        if pause > LONGEST_WAIT.total_seconds():
            left = timedelta(seconds=round(pause))
            raise TryLater(f"{self.connection} asked for a pause, {left} are left", left, reason="rate_limited")
        if pause > 0:
            self._sleep(pause)
        self._limiter.try_acquire(self.connection)

    def _hold(self, pause: timedelta) -> None:
        """One thread was told to slow down: all threads of this connection wait, not each its own turn to be told. A pause too long
        to wait for ends all of them at once.
        """
        with self._lock:
            self._held_until = max(self._held_until, time.monotonic() + pause.total_seconds())

    def _count(self, request: httpx.Request, status: str, started: float) -> None:
        REQUESTS.labels(self.connection, request.method, status).inc()
        SECONDS.labels(self.connection).observe(time.perf_counter() - started)

    def _note_retry(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.info("request_retried", connection=self.connection, attempt=state.attempt_number, reason=redact(str(error)))


@cache
def _trust() -> ssl.SSLContext:
    """The certificate authorities, read once and not for every connection."""
    return httpx.create_ssl_context(trust_env=False)


def _rate_of(pace: Pace) -> Rate:
    """A window's worth of whole requests, or one request in so many milliseconds where a window is not worth one."""
    most = round(pace.requests_per_second * pace.window_s)
    if most >= 1:
        return Rate(most, round(pace.window_s * 1000))
    return Rate(1, round(1000 / max(pace.requests_per_second, 0.001)))


def _was_turned_away(error: BaseException) -> bool:
    """The vendor said "too many requests" before it acted."""
    return isinstance(error, TryLater) and error.reason == "rate_limited"


def _wait_s(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    own = float(min(30.0, 0.5 * 2 ** (state.attempt_number - 1)) * random.uniform(0.7, 1.3))  # noqa: S311  # jitter
    asked = error.retry_after.total_seconds() if isinstance(error, TryLater) and error.retry_after else 0.0
    return max(own, asked)


def retry_after_from(headers: Mapping[str, str], now: datetime | None = None) -> timedelta | None:
    """What Retry-After asks for, given in seconds or as an HTTP date; None when absent or unreadable."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return timedelta(seconds=max(0.0, float(text)))
    except (ValueError, OverflowError):
        pass
    try:
        pause = parsedate_to_datetime(text) - (now or datetime.now(UTC))
    except (ValueError, TypeError):
        return None
    return max(timedelta(0), pause)


_secrets: set[str] = set()


def keep_secret(*values: str) -> None:
    """Never let these texts leave: every log line, error and exported text is passed through ``redact``."""
    _secrets.update(value for value in values if len(value) >= 4)


def redact(text: str) -> str:
    """The text with every known secret replaced by ``***``."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
