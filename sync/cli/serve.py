"""`serve`: a cycle every few minutes, in one process, with health and metrics; `health`: does it answer."""

from __future__ import annotations

import threading
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
from sync.config import load_config
from sync.core.errors import ConfigError, TielineError
from sync.remote import redact
from sync.web.api import Health, api

log = structlog.get_logger()
LATE_AFTER = 3


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
            self._reload()
            try:
                cycle = self.app.engine.cycle()
                self.last_exit_code, self.detail = code_of_cycle(cycle, None), redact(str(cycle.refused or ""))
            except TielineError as error:
                self.last_exit_code, self.detail = error.exit_code, redact(str(error))
                log.warning("cycle_failed", error=self.detail)
            self.last_cycle_at = datetime.now(UTC)
            self.stopping.wait(self.app.loaded.config.serve.every_minutes * 60)

    def _reload(self) -> None:
        try:
            fresh = build(self.config)
        except ConfigError as error:
            log.warning("configuration_not_reloaded", error=str(error))
            return
        self.app.close()
        self.app = fresh

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
    """Serve until SIGTERM or Ctrl-C; a running cycle ends its current write first. ``host`` overrides the setting."""
    set_up_logging(is_quiet=False)
    service = Service(config, build(config))
    settings = service.app.loaded.config.serve
    host = host or settings.host
    server = uvicorn.Server(uvicorn.Config(api(service.health), host, settings.port, log_level="warning"))
    worker = threading.Thread(target=service.run, name="cycles")
    worker.start()
    say(f"http://{host}:{settings.port}/health; a cycle every {settings.every_minutes} minutes")
    try:
        server.run()
    finally:
        service.stopping.set()
        worker.join()
        service.app.close()
    return 0


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
