"""Keep the registrations at every vendor as the configuration says, and say what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import structlog

from sync.app import App
from sync.core.errors import TielineError
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
        if count := refused(name):
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
    is_wanted = bool(url) and "webhook_secret" in config.connections[name].extra
    is_known = any(item.connection == name for item in app.store.registrations())
    if webhook_way(app.loaded, name) != "registered" or not (is_wanted or is_known):
        return
    try:
        scopes = app.mappings.connections[name].scope
        secret = webhook_settings(app.loaded, name, scopes).credentials["webhook_secret"] if is_wanted else ""
        wanted = Wanted(name, config.installation, url if is_wanted else "", scopes, secret)
        yield from watch(app.connections.get(name).webhooks, app.store, wanted, at)
    except TielineError as error:
        if not _was_heard(app, name, at):  # registered by hand, where the account may not, it works all the same
            yield redact(str(error))
    except Exception as error:  # a mistake here may not stop the cycles
        log.exception("watching_webhooks_broke", connection=name)
        yield redact(f"internal: {type(error).__name__}: {error}")


def _was_heard(app: App, name: str, at: datetime) -> bool:
    last = app.store.last_hint_at(name)
    return last is not None and at - last < HEARD_LATELY
