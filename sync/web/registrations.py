"""Keep the registrations at every vendor as the configuration says, and say what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import structlog

from sync.app import App
from sync.connection_config import WEBHOOK_SECRET
from sync.core.errors import TielineError
from sync.core.ports import Probe
from sync.core.values import Finding
from sync.remote import redact
from sync.web.callbacks import callback_url, webhook_settings, webhook_way
from sync.webhooks import WEBHOOKS, Wanted, inactive_finding, watch

log = structlog.get_logger()
HEARD_LATELY = timedelta(days=7)


def watch_webhooks(app: App, refused: Callable[[str], int], at: datetime) -> list[Finding]:
    """Bring every connection's registrations up to date; what is wrong, as findings, kept. Nothing that goes wrong is raised."""
    findings = []
    for name in app.loaded.config.connections:
        problems = list(_watch_one(app, name, at))
        has_secret = WEBHOOK_SECRET in app.loaded.config.connections[name].extra
        if has_secret and (count := refused(name)):
            problems.append(
                f"{count} deliveries without the right signature, and no good one since: check webhook_secret"
            )
        if problems:
            findings.append(inactive_finding(name, "; ".join(problems)))
    app.store.sync_findings({WEBHOOKS: tuple(findings)}, at, [WEBHOOKS])
    return findings


def _watch_one(app: App, name: str, at: datetime) -> Iterator[str]:
    config = app.loaded.config
    url = callback_url(app.loaded, name)
    is_wanted = bool(url) and WEBHOOK_SECRET in config.connections[name].extra and not _is_retracted(app, name)
    is_known = any(item.connection == name for item in app.store.registrations())
    if webhook_way(app.loaded, name) != "registered" or not (is_wanted or is_known):
        return
    try:
        scopes = app.mappings.connections[name].scope
        secret = webhook_settings(app.loaded, name, scopes).credentials[WEBHOOK_SECRET] if is_wanted else ""
        wanted = Wanted(name, config.installation, url if is_wanted else "", scopes, secret)
        yield from watch(app.connections.get(name).webhooks, app.store, wanted, at)
    except TielineError as error:
        if not _was_heard(app, name, at):  # registered by hand, where the account may not, it works all the same
            yield redact(str(error))
    except Exception as error:  # a mistake here may not stop the cycles
        log.exception("watching_webhooks_broke", connection=name)
        yield redact(f"internal: {type(error).__name__}: {error}")


def remove_webhooks(app: App, names: Iterable[str], at: datetime) -> list[str]:
    """Take away what we registered for connections that were retracted; what went wrong, in sentences. It is made again after `resume`."""
    return [f"{name}: {text}" for name in names if _is_retracted(app, name) for text in _watch_one(app, name, at)]


def _is_retracted(app: App, name: str) -> bool:
    return any(stop.connection in ("", name) and not stop.job for stop in app.store.stops())


def _was_heard(app: App, name: str, at: datetime) -> bool:
    last = app.store.last_hint_at(name)
    return last is not None and at - last < HEARD_LATELY


def webhook_probe(app: App, name: str, at: datetime) -> Probe | None:
    """Whether webhooks of this connection reach us, without changing anything; None where none are wanted."""
    url, way = callback_url(app.loaded, name), webhook_way(app.loaded, name)
    if not way or WEBHOOK_SECRET not in app.loaded.config.connections[name].extra:
        return None
    last = app.store.last_hint_at(name)
    heard = f"last delivery {last:%Y-%m-%d %H:%M} UTC" if last else "no delivery yet"
    by_hand = (
        f"let an admin register {url or 'the address of this service with /hooks/' + name} as docs/webhooks.md says"
    )
    if way == "by_hand" or not url:
        cure = by_hand if way == "by_hand" else "set serve.public_url, and `tieline serve` registers it"
        return Probe("webhooks", True if _was_heard(app, name, at) else None, heard, cure if not last else "")
    known = [item.id for item in app.store.registrations() if item.connection == name]
    try:
        hooks = [hook for hook in app.connections.get(name).webhooks.registered(known) if hook.callback_url == url]
    except TielineError as error:
        return Probe("webhooks", True if _was_heard(app, name, at) else None, f"{heard}; {redact(str(error))}", by_hand)
    if off := [hook.detail for hook in hooks if not hook.is_active]:
        return Probe(
            "webhooks", False, "; ".join(off), "`tieline serve` switches it on again; see that its address answers"
        )
    detail = f"{len(hooks)} registered, {heard}"
    return Probe("webhooks", True if hooks else None, detail, "" if hooks else "`tieline serve` registers them")
