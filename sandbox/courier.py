"""Deliveries of webhooks over real HTTP, off the request's thread: at least once, in no promised order, lost or doubled on order."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sandbox.faults import DELIVERY_FAULTS, Faults

# Callbacks are local here: no proxy.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
NO_ANSWER = 0


@dataclass
class Courier:
    """Sends bodies to callbacks. ``retry_after_s`` are the pauses before each new try of a delivery that ``may_retry`` by its status.

    ``statuses`` is what every try was answered with, in order.
    """

    faults: Faults
    retry_after_s: tuple[float, ...] = ()
    may_retry: Callable[[int], bool] = lambda status: not 200 <= status < 300
    statuses: list[int] = field(default_factory=list)

    def send(
        self,
        url: str,
        body: bytes,
        headers: Callable[[int], Mapping[str, str]],
        event: str,
        told: Callable[[int], bool] = lambda _: True,
    ) -> None:
        """Deliver soon. ``headers`` are made for each try (0, 1 …); ``told`` gets each answer's status and says whether to go on."""
        fault = self.faults.take("POST", f"/deliveries/{event}", DELIVERY_FAULTS)
        kind = fault.kind if fault else ""
        if kind == "lost_delivery":
            return
        delay_s = fault.value if fault and kind == "late_delivery" else 0.0
        for _ in range(2 if kind == "repeated_delivery" else 1):
            self._later(delay_s, url, body, headers, told, 0)

    def _later(
        self,
        delay_s: float,
        url: str,
        body: bytes,
        headers: Callable[[int], Mapping[str, str]],
        told: Callable[[int], bool],
        attempt: int,
    ) -> None:
        timer = threading.Timer(delay_s, self._deliver, (url, body, headers, told, attempt))
        timer.daemon = True
        timer.start()

    def _deliver(
        self,
        url: str,
        body: bytes,
        headers: Callable[[int], Mapping[str, str]],
        told: Callable[[int], bool],
        attempt: int,
    ) -> None:
        status = ask("POST", url, body, headers(attempt))
        self.statuses.append(status)
        if told(status) and self.may_retry(status) and attempt < len(self.retry_after_s):
            self._later(self.retry_after_s[attempt], url, body, headers, told, attempt + 1)


def ask(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> int:
    """The status that a callback answers with; 0 when it does not answer at all."""
    return answered(method, url, body, headers)[0]


def answered(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str]]:
    """The same, with the answer's headers, names in lower case."""
    return exchanged(method, url, body, headers)[:2]


def exchanged(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """The same, with the answer's body; of a refusal the status alone."""
    sent = {"content-type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, body, sent, method=method)
    try:
        with _DIRECT.open(request, timeout=10) as answer:
            told = {name.lower(): value for name, value in answer.headers.items()}
            return int(answer.status), told, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code), {}, b""
    except OSError:
        return NO_ANSWER, {}, b""
