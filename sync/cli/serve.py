"""`serve`: a cycle every few minutes, in one process, with health and metrics; `health`: does it answer."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import structlog
import uvicorn

from sync.app import App, build
from sync.cli.cycle import code_of_cycle
from sync.cli.log import set_up_logging
from sync.cli.show import say
from sync.config import LoadedConfig, load_config
from sync.core.errors import ConfigError, Problem, TielineError, TryLater
from sync.core.plan import Change
from sync.remote import redact
from sync.web.api import Health, api

log = structlog.get_logger()
LATE_AFTER = 3
FAREWELL_S = 3  # how long a slow reader of /metrics may hold up the end


@dataclass
class Service:
    """The loop and what it knows of itself. A configuration that no longer loads is reported; the last good one goes on."""

    config: Path
    app: App
    stopping: threading.Event = field(default_factory=threading.Event)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    last_cycle_at: datetime | None = None
    last_exit_code: int | None = None
    detail: str = ""

    def run(self) -> None:
        """Cycle until told to stop; nothing that a cycle raises ends the service."""
        while not self.stopping.is_set():
            try:
                self._reload()
                self._cycle()
            except TielineError as error:
                self.last_exit_code, self.detail = error.exit_code, redact(str(error))
                log.warning("cycle_failed", error=self.detail)
            except Exception as error:  # the service outlives a mistake of ours; the next cycle may do without it
                self.last_exit_code = TielineError.exit_code
                self.detail = redact(f"internal: {type(error).__name__}: {error}")
                log.exception("cycle_broke")
            self.last_cycle_at = datetime.now(UTC)
            self.stopping.wait(self.app.loaded.config.serve.every_minutes * 60)

    def _cycle(self) -> None:
        cycle = self.app.engine.cycle(on_change=self._stop_after)
        self.last_exit_code, self.detail = code_of_cycle(cycle, None), redact(str(cycle.refused or ""))

    def _stop_after(self, _change: Change) -> None:
        """A write has ended and its fate is in the ledger: the place to stop, when asked to."""
        if self.stopping.is_set():
            raise TryLater("the service is stopping; the next run writes the rest")

    def _reload(self) -> None:
        try:
            fresh = build(self.config)
        except TielineError as error:  # a mistake in a file, a database that cannot be reached just now
            log.warning("configuration_not_reloaded", error=redact(str(error)))
            return
        last, self.app = self.app, fresh
        last.close()

    def health(self) -> Health:
        """Healthy while cycles keep ending; a vendor's trouble is not ours."""
        allowed = timedelta(minutes=LATE_AFTER * self.app.loaded.config.serve.every_minutes)
        since = self.last_cycle_at or self.started_at
        return Health(
            is_healthy=datetime.now(UTC) - since < allowed,
            last_cycle_at=self.last_cycle_at.isoformat() if self.last_cycle_at else None,
            last_exit_code=self.last_exit_code,
            detail=self.detail,
        )


def run_serve(config: Path, host: str) -> int:
    """Serve until SIGTERM or Ctrl-C; ``host`` overrides the setting. The port is taken before anything else is touched.

    A cycle that is writing ends its current writes and leaves the rest to the next run; one that is reading ends reading first.
    """
    set_up_logging(is_quiet=False)
    loaded = load_config(config)
    with _listening(loaded, host or loaded.config.serve.host) as listener:
        service = Service(config, build(config))
        settings = uvicorn.Config(api(service.health), log_level="warning", timeout_graceful_shutdown=FAREWELL_S)
        _serve(service, uvicorn.Server(settings), listener)
    return 0


def _serve(service: Service, server: uvicorn.Server, listener: socket.socket) -> None:
    def stop(*_: object) -> None:
        service.stopping.set()
        server.should_exit = True

    # uvicorn raises the signal again when it has ended: without a handler of ours that would kill a cycle in the middle of a write.
    signal.signal(signal.SIGTERM, stop)
    worker = threading.Thread(target=service.run, name="cycles")
    worker.start()
    host, port = listener.getsockname()[:2]
    say(f"http://{host}:{port}/health; a cycle every {service.app.loaded.config.serve.every_minutes} minutes")
    try:
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    finally:
        service.stopping.set()
        worker.join()
        service.app.close()


def _listening(loaded: LoadedConfig, host: str) -> socket.socket:
    """A socket on the service's port. Raises ConfigError when it cannot be had, before a second service writes anything."""
    port = loaded.config.serve.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        text = f"cannot listen on {host}:{port}: {error.strerror or error}"
        hint = "another service may be running; choose another serve.port"
        raise ConfigError([Problem(loaded.file, loaded.node.line("serve.port"), "serve.port", text, hint)]) from error


def run_health(config: Path) -> int:
    """0 when the service on this machine is healthy, 3 otherwise."""
    settings = load_config(config).config.serve
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - asked about, not bound
    try:
        answer = httpx.get(f"http://{host}:{settings.port}/health", timeout=5, trust_env=False)
    except httpx.HTTPError as error:
        say(f"not answering: {error}")
        return 3
    say(answer.text)
    return 0 if answer.status_code == 200 else 3
