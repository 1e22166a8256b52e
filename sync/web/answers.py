"""Where chats' answers arrive: vendors' callbacks over HTTP, and long connections for those that need no public address."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from queue import Full, Queue

import structlog
from msgspec.structs import replace

from sync.answers import Ear
from sync.app import App, alone
from sync.config import connection_settings
from sync.connection_config import ConnectionConfig, variant_of
from sync.core.errors import (
    AccessDenied,
    CannotExpress,
    ConfigError,
    Conflict,
    Nonsense,
    StoreUnavailable,
    TielineError,
    TryLater,
)
from sync.core.hooks import HookRequest
from sync.core.messages import Answer, CallbackReply, Hearing, Listener, Message
from sync.core.plan import mark_of
from sync.core.values import Ref
from sync.registry import connectors_by_name
from sync.remote import redact

log = structlog.get_logger()
AGAIN_AFTER_S, LONGEST_AGAIN_S = 30.0, 900.0
MOST_WAITING = 100
"""How many replies may wait to be said; more than that is no conversation."""


def hearing_of(app: App, name: str) -> Hearing:
    """Whether this connection hears answers without a public address, and how many processes may."""
    config = app.loaded.config.connections[name]
    manifest = connectors_by_name()[config.type]
    return manifest.hears.get(variant_of(config, manifest), "")


def ear_of(app: App, name: str) -> Ear:
    """What takes a connection's answers."""
    facts = app.facts(name)
    speaker_of = partial(app.speaker_of, name)
    return Ear(
        app.store, name, app.loaded.config.installation, facts.language, facts.zone, speaker_of, app.mappings.directory
    )


def hear(app: App, name: str, answer: Answer) -> Message | None:
    """Take an answer; what is returned replaces the message whose button was pressed. Whoever wrote words is answered in their own chat,
    a moment later: the vendor's delivery is acknowledged first, and a line that both hears and speaks is free by then.
    """
    told = ear_of(app, name).hear(answer, datetime.now(UTC))
    if told is None or answer.action:
        return told
    try:
        _replies().put_nowait(partial(_tell, app, name, answer, told))
    except Full:
        log.warning("reply_not_said", connection=name, reason=f"{MOST_WAITING} wait already")
    return None


@cache
def _replies() -> Queue[Callable[[], None]]:
    """What is to be said, and the one thread that says it. It ends with the process, whatever still waits."""
    waiting: Queue[Callable[[], None]] = Queue(MOST_WAITING)

    def speak() -> None:
        while True:
            waiting.get()()

    threading.Thread(target=speak, name="replies", daemon=True).start()
    return waiting


def _tell(app: App, name: str, answer: Answer, message: Message) -> None:
    """Say it once. Nothing depends on it, so one that cannot be said now is not said later."""
    person = Ref.of(name, "person", answer.account_id)
    mark = mark_of(app.loaded.config.installation, f"reply:{name}:{answer.id}")
    try:
        app.connections.messenger(name).send_message(person, mark, message)
    except TielineError as error:
        log.warning("reply_not_said", connection=name, reason=redact(str(error)))
    except Exception:  # a mistake of ours costs one reply, not the service
        log.exception("reply_broke", connection=name)


def take_callback(app: App, name: str, request: HookRequest) -> CallbackReply:
    """Answer a vendor's callback, and hear what it brings. 404 for a connection that has none, 401 for a wrong signature, 503 while the
    database cannot be used, so that the vendor comes again.
    """
    connections = app.loaded.config.connections
    read = connectors_by_name()[connections[name].type].answers_from if name in connections else None
    if read is None:
        return CallbackReply(status=404)
    try:
        reply = read(request, connection_settings(app.loaded, name, (), ()))
        for answer in reply.answers:
            message = hear(app, name, answer)
            if message and reply.changed:
                reply = replace(reply, body=reply.changed(message))
    except (AccessDenied, ConfigError, Nonsense) as error:
        log.warning("answer_refused", connection=name, reason=redact(str(error)))
        return CallbackReply(status=401)
    except StoreUnavailable as error:
        log.warning("answer_not_kept", connection=name, reason=redact(str(error)))
        return CallbackReply(status=503)
    return reply


class Listeners:
    """A thread for each connection that hears by itself. What only one process may do is done by whoever holds the lease."""

    def __init__(self, app: Callable[[], App]) -> None:
        self._app, self._over = app, threading.Event()
        self._threads: dict[str, threading.Thread] = {}
        self._taken: dict[
            str, ConnectionConfig
        ] = {}  # from whom another program took the only connection, with these settings

    def start(self) -> None:
        """Begin to listen where that is not done yet; connections that were taken out end by themselves."""
        app = self._app()
        for name in app.loaded.config.connections:
            thread = self._threads.get(name)
            if hearing_of(app, name) and (thread is None or not thread.is_alive()) and not self._over.is_set():
                self._threads[name] = threading.Thread(
                    target=self._listen, args=(name,), name=f"hear {name}", daemon=True
                )
                self._threads[name].start()

    def stop(self, within_s: float = 5.0) -> None:
        """End all threads."""
        self._over.set()
        for thread in self._threads.values():
            thread.join(within_s)

    def _listen(self, name: str) -> None:
        """Again and again; after tries that ended at once, less and less often."""
        again_s = AGAIN_AFTER_S
        while not self._is_over(name):
            app, began = self._app(), time.monotonic()
            try:
                if hearing_of(app, name) == "exclusive":
                    with alone(app.store, name) as is_mine:
                        self._keep_away(name)
                        self._hear(app, name, is_mine)
                else:
                    self._hear(app, name, lambda: True)
            except Conflict as error:
                self._taken[name] = app.loaded.config.connections[name]
                log.warning("listening_elsewhere", connection=name, reason=redact(str(error)))
            except TryLater as error:  # a process of ours has it: whoever took it from us was that one
                self._taken.pop(name, None)
                log.info("listened_to_by_another", connection=name, reason=redact(str(error)))
            except TielineError as error:
                log.warning("not_listening", connection=name, reason=redact(str(error)))
            except Exception:  # a mistake of ours ends one try, not the service
                log.exception("listening_broke", connection=name)
            again_s = AGAIN_AFTER_S if time.monotonic() - began > AGAIN_AFTER_S else min(2 * again_s, LONGEST_AGAIN_S)
            self._over.wait(again_s)

    def _keep_away(self, name: str) -> None:
        """Once another program took the only connection, we do not take it back, or the two would end each other's for ever: not before
        its settings are others, or a process of ours had it in between. Called with the lease in hand, so none of ours has it now."""
        if self._taken.get(name) == self._app().loaded.config.connections[name]:
            raise Conflict(
                "another program took the bot's only connection; we connect again when its settings change or after a restart"
            )

    def _hear(self, app: App, name: str, may_go_on: Callable[[], bool]) -> None:
        """Over a connection of its own: those of a cycle are closed with it. Ends when its settings are others."""
        began_with = app.loaded.config.connections[name]
        manifest = connectors_by_name()[began_with.type]
        opened = manifest.connect(app.connections.settings(name))
        try:
            listener: object = opened
            if not isinstance(listener, Listener):
                raise CannotExpress(f"{name} cannot listen")

            def is_over() -> bool:
                now = self._app().loaded.config.connections.get(name)
                return self._over.is_set() or now != began_with or not may_go_on()

            listener.listen(lambda answer: hear(self._app(), name, answer), is_over)
        finally:
            opened.close()

    def _is_over(self, name: str) -> bool:
        return self._over.is_set() or name not in self._app().loaded.config.connections


def request_from(
    method: str, url: str, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> HookRequest:
    """A callback as connectors read it."""
    return HookRequest({name.lower(): value for name, value in headers.items()}, body, url, method, query)
