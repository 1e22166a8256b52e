"""`serve`: a cycle every few minutes and one for hints, in one process, with health, metrics and webhooks; `health`: does it answer."""

from __future__ import annotations

import errno
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import structlog
import uvicorn

from sync.app import App, build
from sync.cli.cycle import code_of_cycle
from sync.cli.log import set_up_logging
from sync.cli.show import say
from sync.config import LoadedConfig, load_config
from sync.core.errors import COMMAND_LINE, ConfigError, Problem, TielineError, TryLater
from sync.core.hooks import HookRequest
from sync.core.messages import CallbackReply
from sync.core.plan import Change
from sync.hints import Hinted, follow_hints
from sync.parallel import as_completed
from sync.remote import redact
from sync.turn import turn
from sync.web.answers import Listeners, take_callback
from sync.web.api import Health, api
from sync.web.hooks import Hooks
from sync.web.registrations import watch_webhooks

log = structlog.get_logger()
LATE_AFTER = 3
HINTS_REST_S = 1.0  # hints come in bursts: a cycle begins when none has come for this long,
HINTS_WAIT_S = 10.0  # or when the first of them has waited this long
# After hints were followed: a rest of twice the time it took, so that a flood of them does not keep vendors and us busy.
HINTS_SHARE = 2
# A hint that only a whole cycle can follow does not bring it sooner than this after the last, nor than so many times what that took.
EARLIEST_AGAIN_S = 60.0
EARLIEST_SHARE = 5
WATCHED_EVERY = timedelta(hours=1)
FAREWELL_S = 3  # how long a slow reader of /metrics may hold up the end


@dataclass
class Service:
    """The loop and what it knows of itself. A configuration that no longer loads is reported; the last good one goes on."""

    config: Path
    app: App
    stopping: threading.Event = field(default_factory=threading.Event)
    woken: threading.Event = field(default_factory=threading.Event)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    last_cycle_at: datetime | None = None
    last_exit_code: int | None = None
    detail: str = ""
    watched_at: datetime | None = None
    _to_look_at: set[str] = field(default_factory=set)  # what hints told of these only a whole reading can find out
    _due: float = 0.0  # by the monotonic clock, as everything that is waited for
    _ended: float = 0.0
    _took_s: float = 0.0
    _hints_from: float = 0.0

    def __post_init__(self) -> None:
        self.hooks = Hooks(lambda: self.app, self.woken.set)
        self.listeners = Listeners(lambda: self.app)

    def run(self) -> None:
        """Cycle until told to stop; nothing that a cycle raises ends the service."""
        while not self.stopping.is_set():
            self.listeners.start()
            if time.monotonic() >= self._due:
                self._guarded(self._whole)
                self.last_cycle_at = datetime.now(UTC)
                self._due = time.monotonic() + self.app.loaded.config.serve.every_minutes * 60
            else:
                self._guarded(self._hinted)
            self._rest()
        self.listeners.stop()

    def stop(self) -> None:
        """End after the write or read that is under way."""
        self.stopping.set()
        self.woken.set()

    def take_callback(self, name: str, request: HookRequest) -> CallbackReply:
        """What a chat calls back with."""
        return take_callback(self.app, name, request)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except TielineError as error:
            self.last_exit_code, self.detail = error.exit_code, redact(str(error))
            log.warning("cycle_failed", error=self.detail)
        except Exception as error:  # the service outlives a mistake of ours; the next cycle may do without it
            self.last_exit_code = TielineError.exit_code
            self.detail = redact(f"internal: {type(error).__name__}: {error}")
            log.exception("cycle_broke")

    def _whole(self) -> None:
        """Everything: the configuration as it is now, what hints named, all that changed, and our registrations."""
        began = time.monotonic()
        try:
            self._reload()
            self._follow()
            self._cycle()
        finally:
            self._ended = time.monotonic()
            self._took_s = self._ended - began
        self._watch()

    def _cycle(self) -> None:
        cycle = self.app.engine.cycle(on_change=self._stop_after, at_once=self._to_look_at)
        self._to_look_at.clear()
        self.last_exit_code, self.detail = code_of_cycle(cycle, None), redact(str(cycle.refused or ""))

    def _hinted(self) -> None:
        """Only what hints named is read, then everything is judged as in a whole cycle. What cannot be read so brings that forward."""
        began = time.monotonic()
        try:
            self._follow_and_judge()
        finally:
            now = time.monotonic()
            self._hints_from = now + HINTS_SHARE * (now - began)

    def _follow_and_judge(self) -> None:
        reports = self._follow()
        if any(report.needs_look for report in reports):
            self._due = min(self._due, self._ended + max(EARLIEST_AGAIN_S, EARLIEST_SHARE * self._took_s))
        if any(report.stored for report in reports):
            cycle = self.app.engine.apply(on_change=self._stop_after)
            self.last_exit_code, self.detail = code_of_cycle(cycle, None), redact(str(cycle.refused or ""))

    def _follow(self) -> list[Hinted]:
        """Read what the waiting hints name; a connection that cannot be read keeps its hints."""
        app = self.app
        names = [name for name in app.loaded.config.connections if self.hooks.takes(name)]
        names = [name for name in names if app.store.waiting_hints(name)]
        if not names:
            return []
        with turn(app.store), app.connections.run():
            reports = list(as_completed(partial(_follow_one, app), names, len(names)))
            if any(report.stored for report in reports):
                app.deriver.link()
        self._to_look_at.update(report.connection for report in reports if report.needs_look)
        return reports

    def _rest(self) -> None:
        """Until the next whole cycle is due, or hints came and no further one for a moment."""
        if self.stopping.is_set() or not self.woken.wait(max(0.0, self._due - time.monotonic())):
            return
        until = time.monotonic() + HINTS_WAIT_S
        while not self.stopping.is_set() and time.monotonic() < until:
            self.woken.clear()
            if not self.woken.wait(HINTS_REST_S):
                break
        self.stopping.wait(max(0.0, min(self._hints_from, self._due) - time.monotonic()))
        self.woken.clear()

    def _watch(self) -> None:
        """Registrations: when the service begins, then every hour, and with every cycle while something is wrong with them."""
        now = datetime.now(UTC)
        if self.watched_at is not None and now - self.watched_at < WATCHED_EVERY:
            return
        is_good = not watch_webhooks(self.app, self.hooks.refused, now)
        self.app.store.prune_hints(now)
        self.watched_at = now if is_good else None

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
        if fresh.loaded.config != self.app.loaded.config:
            self.watched_at = None
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


def _follow_one(app: App, name: str) -> Hinted:
    try:
        return follow_hints(app.connections.site(name), app.store, app.deriver.derive, app.clock())
    except TielineError as error:
        return Hinted(name, error=error)
    except Exception as error:  # polling goes on whatever a hint has met
        log.exception("hints_broke", connection=name)
        app.store.take_hints(name, app.store.waiting_hints(name), app.clock())
        return Hinted(name, error=TielineError(f"internal: {type(error).__name__}: {error}"), needs_look=True)


def run_serve(config: Path, host: str) -> int:
    """Serve until SIGTERM or Ctrl-C; ``host`` overrides the setting. The port is taken before anything else is touched.

    A cycle that is writing ends its current writes and leaves the rest to the next run; one that is reading ends reading first.
    """
    set_up_logging(is_quiet=False)
    loaded = load_config(config)
    with _listening(loaded, host) as listener:
        service = Service(config, build(config))
        settings = uvicorn.Config(
            api(service.health, service.hooks, service.take_callback),
            log_level="warning",
            timeout_graceful_shutdown=FAREWELL_S,
        )
        _serve(service, uvicorn.Server(settings), listener)
    return 0


def _serve(service: Service, server: uvicorn.Server, listener: socket.socket) -> None:
    def stop(*_: object) -> None:
        service.stop()
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
        service.stop()
        worker.join()
        service.app.close()


def _listening(loaded: LoadedConfig, override: str) -> socket.socket:
    """A socket on the service's port. Raises ConfigError when it cannot be had, before a second service writes anything."""
    host, port = override or loaded.config.serve.host, loaded.config.serve.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        text = f"cannot listen on {host}:{port}: {error.strerror or error}"
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):  # it is the address, not the port
            hint = "an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all"
            problem = Problem(loaded.file, loaded.node.line("serve.host"), "serve.host", text, hint)
            raise ConfigError([Problem(COMMAND_LINE, 0, "--host", text, hint) if override else problem]) from error
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
