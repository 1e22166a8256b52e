"""Watch our registrations at a vendor: make what is missing, switch on what stopped, renew what expires, remove what we made and
want no more. What somebody else registered, another installation of Tieline too, is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from sync.core.errors import NotFound, TielineError
from sync.core.hooks import Webhook, Webhooks
from sync.core.values import Finding, Ref
from sync.remote import redact
from sync.store.hints import Registration
from sync.store.store import Store

log = structlog.get_logger()

WEBHOOKS = "webhooks"
RENEW_BEFORE = timedelta(days=3)


class Wanted(Struct, frozen=True):
    """What should be registered for a connection. An empty ``callback_url``: nothing of ours."""

    connection: str
    installation: str
    callback_url: str
    scopes: tuple[str, ...] = ()
    secret: str = ""


def watch(port: Webhooks, store: Store, wanted: Wanted, at: datetime) -> list[str]:
    """Make it so, and remember it; what was wrong, in sentences. Raises what the port raises when the vendor cannot be asked."""
    kept = [item for item in store.registrations() if item.connection == wanted.connection]
    standing = {hook.id: hook for hook in port.registered([item.id for item in kept])}
    _remove_old(port, store, wanted, kept, standing)
    if not wanted.callback_url:
        return []
    mine = [hook for hook in standing.values() if hook.callback_url == wanted.callback_url]
    problems: list[str] = []
    right: set[str] = set()
    for group in port.groups(wanted.scopes):
        try:
            hook = _ensure(port, wanted, group, mine, at, problems)
        except TielineError as error:
            problems.append(f"{', '.join(group)}: {redact(str(error))}")
            right |= {item.id for item in mine if set(item.scopes) == set(group)}
            continue
        right.add(hook.id)
        store.put_registration(
            Registration(wanted.connection, hook.id, wanted.callback_url, group, wanted.installation, hook.expires_at)
        )
    for hook in mine:
        if hook.id not in right:  # a scope that is collected no more, or the same twice
            _remove(port, store, wanted.connection, hook)
    return problems


def _ensure(
    port: Webhooks, wanted: Wanted, group: tuple[str, ...], mine: Sequence[Webhook], at: datetime, problems: list[str]
) -> Webhook:
    """The webhook of this group of scopes: the one that stands, as good as new if it needs that, or a new one."""
    found = next((hook for hook in mine if set(hook.scopes) == set(group)), None)
    if found is None:
        return port.register(wanted.callback_url, group, wanted.secret)
    is_ending = found.expires_at is not None and found.expires_at - at < RENEW_BEFORE
    if found.is_active and not is_ending:
        return found
    if not found.is_active:
        problems.append(f"{', '.join(group)}: {found.detail or 'it was switched off'}; it was switched on again")
    try:
        return port.renew(found, wanted.secret)
    except NotFound:
        return port.register(wanted.callback_url, group, wanted.secret)


def _remove_old(
    port: Webhooks, store: Store, wanted: Wanted, kept: Iterable[Registration], standing: dict[str, Webhook]
) -> None:
    """Registrations of an earlier callback address of this installation. One that calls elsewhere by now is not ours any more, and a
    database that was copied to a second installation knows the first one's.
    """
    for entry in kept:
        hook = standing.get(entry.id)
        if hook is None or hook.callback_url != entry.callback_url:
            store.forget_registration(wanted.connection, entry.id)
        elif entry.callback_url != wanted.callback_url:
            if entry.installation == wanted.installation:
                _remove(port, store, wanted.connection, hook)
            else:
                store.forget_registration(wanted.connection, entry.id)


def _remove(port: Webhooks, store: Store, name: str, hook: Webhook) -> None:
    port.remove(hook)
    store.forget_registration(name, hook.id)
    log.info("webhook_removed", connection=name, id=hook.id)


def inactive_finding(connection: str, detail: str) -> Finding:
    """Webhooks that should call us and do not: nothing is lost, only later."""
    return Finding(
        key=f"{WEBHOOKS}:inactive:{connection}",
        kind="webhook_inactive",
        severity="warning",
        subjects=(Ref.of(connection, "connection", connection),),
        message="webhook_inactive",
        parameters={"connection": connection, "detail": detail},
    )
