"""What a vendor's webhook meets: the signature is checked, the hint kept, and an answer given at once. No vendor is asked here."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import structlog
from prometheus_client import Counter

from sync.app import App
from sync.core.errors import AccessDenied, ConfigError, StoreUnavailable
from sync.core.hooks import HookRequest
from sync.overwritten import keep_edits
from sync.registry import connectors_by_name
from sync.web.callbacks import callback_url, webhook_settings, webhook_way

log = structlog.get_logger()

Outcome = Literal["kept", "known", "ignored", "refused", "too_large", "unavailable", "unknown"]
STATUS: Mapping[Outcome, int] = {
    "kept": 200,
    "known": 200,
    "ignored": 200,
    "refused": 401,
    "unknown": 404,
    "too_large": 413,
    "unavailable": 503,
}
DELIVERIES = Counter("tieline_hooks_total", "Deliveries of webhooks, by what became of them", ["connection", "outcome"])


class Hooks:
    """Takes deliveries for the connections of the present configuration. ``wake`` is called when there is a new hint to follow."""

    def __init__(self, app: Callable[[], App], wake: Callable[[], None]) -> None:
        self._app, self._wake = app, wake
        self._lock = threading.Lock()
        self._refused: Tally[str] = Tally()

    def takes(self, name: str) -> bool:
        """Whether deliveries for this connection are taken at all: it is configured, and its vendor sends webhooks."""
        loaded = self._app().loaded
        return name in loaded.config.connections and webhook_way(loaded, name) != ""

    def receive(self, name: str, headers: Mapping[str, str], body: bytes, asked_url: str) -> Outcome:
        """Check a delivery and keep its hints. The signature is made with the callback address as registered; ``asked_url`` stands in
        where none is configured.
        """
        outcome = self._receive(name, headers, body, asked_url) if self.takes(name) else "unknown"
        self.count(name, outcome)
        return outcome

    def echoed(self, name: str, headers: Mapping[str, str]) -> dict[str, str]:
        """What the answer to a good delivery must repeat of it."""
        loaded = self._app().loaded
        header = connectors_by_name()[loaded.config.connections[name].type].echoed_header
        return {header: headers[header]} if header and header in headers else {}

    def count(self, name: str, outcome: Outcome) -> None:
        """Note what became of a delivery; what strangers may call connections is not noted."""
        DELIVERIES.labels(name if self.takes(name) else "", outcome).inc()
        with self._lock:
            if outcome == "refused":
                self._refused[name] += 1
            elif outcome in ("kept", "known", "ignored"):
                self._refused.pop(name, None)

    def refused(self, name: str) -> int:
        """How many deliveries were refused since the last good one, or since the service began."""
        with self._lock:
            return self._refused[name]

    def _receive(self, name: str, headers: Mapping[str, str], body: bytes, asked_url: str) -> Outcome:
        app = self._app()
        hints_from = connectors_by_name()[app.loaded.config.connections[name].type].hints_from
        if hints_from is None:
            return "unknown"
        try:
            settings = webhook_settings(app.loaded, name, app.mappings.connections[name].scope)
            url = callback_url(app.loaded, name) or asked_url
            query = dict(parse_qsl(urlsplit(asked_url).query))
            hints = hints_from(HookRequest(headers, body, url, query=query), settings)
            if not hints:
                return "ignored"
            now = datetime.now(UTC)
            kept = app.store.save_hints(name, keep_edits(app.store, name, hints, now), now)
        except (AccessDenied, ConfigError) as error:
            log.warning("delivery_refused", connection=name, reason=str(error))
            return "refused"
        except StoreUnavailable as error:
            log.warning("delivery_not_kept", connection=name, reason=str(error))
            return "unavailable"
        if kept:
            self._wake()
        return "kept" if kept else "known"
