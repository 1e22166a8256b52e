"""The one guarded way out: every request to a vendor goes through a Remote, whichever library composed it.

One place for pacing, retries, timeouts, redaction and counting. A write is never retried blindly: when its fate is
unknown the caller gets LostAnswer and looks before it writes again.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar, overload

import httpx
import msgspec
import structlog
import tenacity
from prometheus_client import Counter, Histogram

from sync.core.decode import decoded
from sync.core.errors import ConfigError, LostAnswer, Nonsense, Problem, TryLater, Unreachable
from sync.core.secrets import keep_secret, redact
from sync.gate import Calls, Counted, Gate, Pause, counted_for, gate_for, one_write, paused_by
from sync.pace import Pace, Place, retry_after_from

__all__ = ["Decipher", "Pace", "Remote", "Reply", "keep_secret", "one_write", "redact", "retry_after_from"]

T = TypeVar("T")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ATTEMPTS = 5
# Atlassian advises 2-5 s doubling to 30 s with jitter; a longer Retry-After is for the next run, not for a sleeping worker.
LONGEST_WAIT = timedelta(seconds=65)
# Where a vendor turns us away without a time: Atlassian's advice for the first pause.
USUAL_PAUSE = timedelta(seconds=2)
TIMEOUT = httpx.Timeout(60.0, connect=10.0)

REQUESTS = Counter("tieline_requests_total", "Requests sent to vendors", ["connection", "method", "status"])
SECONDS = Histogram("tieline_request_seconds", "Seconds until a vendor answered", ["connection"])
LATER = Counter(
    "tieline_try_later_total", "Requests put off, by reason (rate_limited by its scope)", ["connection", "reason"]
)
WAITED = Counter("tieline_waited_seconds_total", "Seconds waited before asking, by reason", ["connection", "reason"])

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
        return decoded(self.body, shape)


Decipher = Callable[[int, Mapping[str, str], bytes], None]
"""A connector's pure rule: returns when the answer is a success, else raises the error that says what to do next."""


class Remote:
    """A vendor's site as one account sees it. Safe to use from several threads.

    ``headers`` are sent with every request (authorisation among them) and are never logged. Paths are joined to
    ``base_url``; a URL that leads elsewhere is refused. What may be asked is shared with every Remote of this process for the
    same address and product. ``transport`` carries requests another way than over HTTP (a long connection), under the same rules; it raises
    Unreachable or LostAnswer. ``sleep`` and ``gate`` are replaced in tests only.
    """

    def __init__(
        self,
        connection: str,
        base_url: str,
        headers: Mapping[str, str],
        decipher: Decipher,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
        gate: Gate | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.connection = connection
        self.base_url = base_url.rstrip("/")
        _require_sendable(connection, headers)
        self.pace = pace or Pace()
        self.request_count = 0
        self._decipher = decipher
        self._sleep = sleep
        self._calls = Calls()
        self._count_lock = threading.Lock()
        self._in_flight = threading.BoundedSemaphore(self.pace.in_flight)
        self._base = httpx.URL(self.base_url)
        self._gate = gate or gate_for(self.pace.product, str(self._base))
        self._gate.join(self, self.pace)
        limits = httpx.Limits(max_connections=self.pace.in_flight, max_keepalive_connections=self.pace.in_flight)
        self._client = httpx.Client(
            headers=dict(headers),
            timeout=TIMEOUT,
            limits=limits,
            trust_env=False,
            verify=_trust(),
            transport=transport,
        )

    def close(self) -> None:
        """Let go of the connections. Pauses and counts stay with the process."""
        self._gate.leave(self)
        self._client.close()

    def begin_run(self, calls: int = 0, pauses: Iterable[Pause] = ()) -> None:
        """From now on at most so many requests (0: no limit), and none of those that an earlier run was asked to wait with.

        When they are used up reads raise TryLater(``call_budget``); what was read stays read, and the next run goes on. A write is only
        begun while they last, and one that was begun is carried to its end (see ``one_write``).
        """
        self._calls = Calls(calls)
        self._gate.restore(pauses)

    def pauses(self) -> tuple[Pause, ...]:
        """What the vendor asked to wait with and is not over: for ``begin_run`` of the next process."""
        return self._gate.pauses()

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
            if isinstance(error, TryLater) and error.reason == "call_budget":
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
            return retrying(self._once, request, self._place(request), is_safe)
        except (TryLater, Nonsense) as error:
            if is_safe or isinstance(error, Unreachable | LostAnswer) or _was_turned_away(error):
                raise
            raise LostAnswer(f"the answer to {request.method} {request.url.path} was {error}") from error

    def _once(self, request: httpx.Request, place: Place, is_safe: bool) -> Reply:
        reply = self._in_turn(request, place, is_safe)
        try:
            self._decipher(reply.status, reply.headers, reply.body)
        except TryLater as error:
            self._note_pause(error, place)
            raise
        return reply

    def _in_turn(self, request: httpx.Request, place: Place, is_safe: bool) -> Reply:
        """Send when nothing holds the request and every window that counts it has room. Who waits takes no place in flight."""
        everything, slept_until = counted_for(self.pace, place), 0.0
        while True:
            slept_until = self._wait_while_held(everything, slept_until)
            with self._in_flight:
                turn = self._gate.take(self.pace, place)
                if not turn.wait_s:
                    try:
                        return self._exchange(request, is_safe)
                    finally:
                        self._gate.answered(turn)
            wait_s = turn.wait_s
            if wait_s > LONGEST_WAIT.total_seconds():
                self._put_off(f"its calls to {place.endpoint} are used up", wait_s, "pace")
            WAITED.labels(self.connection, "pace").inc(wait_s)
            time.sleep(wait_s)

    def _wait_while_held(self, everything: Iterable[Counted], slept_until: float) -> float:
        """Until when we slept. A pause that grew meanwhile is slept on; one too long to wait for ends the request."""
        while True:
            until, whose = self._gate.held(everything)
            left_s = self._gate.left_s(until)
            if whose is None or left_s <= 0 or until <= slept_until:
                return slept_until
            if left_s > LONGEST_WAIT.total_seconds():
                self._put_off("the vendor asked for a pause", left_s, whose.scope)
            WAITED.labels(self.connection, whose.scope).inc(left_s)
            self._sleep(left_s)
            slept_until = until

    def _exchange(self, request: httpx.Request, is_safe: bool) -> Reply:
        try:
            self._calls.use(self.connection, is_safe)
        except TryLater:
            LATER.labels(self.connection, "call_budget").inc()
            raise
        with self._count_lock:
            self.request_count += 1
        started = time.perf_counter()
        try:
            response = self._client.send(request)
        except (Unreachable, LostAnswer) as error:
            self._count(request, "unreachable" if isinstance(error, Unreachable) else "lost", started)
            raise
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            self._count(request, "unreachable", started)
            raise Unreachable(f"no connection to {request.url.host}: {error}") from error
        except httpx.HTTPError as error:
            self._count(request, "lost", started)
            raise LostAnswer(f"{request.method} {request.url.path}: {error or type(error).__name__}") from error
        self._count(request, str(response.status_code), started)
        return Reply(response.status_code, dict(response.headers), response.content)

    def _note_pause(self, error: TryLater, place: Place) -> None:
        """One thread was told to slow down: everybody whom it concerns waits, not each its own turn to be told."""
        is_limit = error.reason == "rate_limited"
        LATER.labels(self.connection, f"rate_limited_{error.scope}" if is_limit else error.reason or "server").inc()
        pause = error.retry_after or (USUAL_PAUSE if is_limit else None)
        if pause:
            for counted in paused_by(error.scope, self.pace, place):
                self._gate.hold(counted, pause)

    def _put_off(self, why: str, left_s: float, reason: str) -> None:
        LATER.labels(self.connection, f"held_{reason}").inc()
        left = timedelta(seconds=round(left_s))
        scope: Any = "endpoint" if reason == "pace" else reason
        raise TryLater(f"{self.connection}: {why}, {left} are left", left, "rate_limited", scope)

    def _place(self, request: httpx.Request) -> Place:
        """What the request is about, by the connector's own rule; the body only where it is at hand."""
        path = request.url.path.removeprefix(self._base.path.rstrip("/"))
        try:
            body = request.content
        except httpx.RequestNotRead:
            body = b""
        return self.pace.place(request.method, path, body)

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


def _require_sendable(connection: str, headers: Mapping[str, str]) -> None:
    """A secret with a line end or a letter that no header carries is refused here: the HTTP library would quote it."""
    if all(value.isascii() and value.isprintable() for value in headers.values()):
        return
    text = "hold a line end, a control character or a letter outside ASCII, which cannot be sent"
    hint = "copy the token alone, without line ends, into its variable or file"
    raise ConfigError([Problem(connection, 0, "credentials", text, hint)])


def _was_turned_away(error: BaseException) -> bool:
    """The vendor said "too many requests" before it acted, or we did not even ask."""
    return isinstance(error, TryLater) and error.reason in ("rate_limited", "call_budget")


def _wait_s(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    own = float(min(30.0, 0.5 * 2 ** (state.attempt_number - 1)) * random.uniform(0.7, 1.3))  # noqa: S311  # jitter
    asked = error.retry_after.total_seconds() if isinstance(error, TryLater) and error.retry_after else 0.0
    return max(own, asked)
