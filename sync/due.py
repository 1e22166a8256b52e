"""When a connection that is not read with every run is read next. What decides is kept with its certificate, over restarts.

After a reading that was not proven complete it waits as long as it has been failing, and never longer than its cadence: what passes is
mended soon, and what lasts costs a few calls more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from sync.core.certificate import Certificate
from sync.reading import WHOLE, Collected, Site
from sync.store.store import Store

EARLY = timedelta(minutes=1)
"""So much before its time it is due: runs that a timer starts come some seconds sooner or later, and would miss every other turn."""


def not_due(store: Store, site: Site, now: datetime) -> Collected | None:
    """The report of a connection that is not due, with the certificate that stands; None where it is to be read."""
    last = last_certificate(store, site.name)
    until = due_at(last, site.cadence.every)
    if last is None or last.read_at is None or until is None or now >= until - EARLY:
        return None
    if now < last.read_at:  # this machine's clock was wrong then, or is now
        return None
    parts = [item.certificate for item in store.certificates(site.name) if item.certificate.scope != WHOLE]
    if last.is_complete and not _covers(store, site, parts):
        return None
    return Collected(site.name, certificates=parts, not_due_until=until, last=last)


def _covers(store: Store, site: Site, parts: Sequence[Certificate]) -> bool:
    """Whether these prove what is to be collected now: not where a scope was added, or everything is to be read from its beginning."""
    mine = [item for item in parts if item.scope in site.scopes]
    is_read = all(store.cursor(site.name, item.stream, item.scope) for item in mine)
    return is_read and {item.scope for item in mine} == set(site.scopes)


def due_at(last: Certificate | None, every: timedelta) -> datetime | None:
    """When the connection with this certificate is read next; None for one that is read with any run. Pure."""
    if not every or last is None or last.read_at is None:
        return None
    return last.read_at + (min(every, last.read_at - last.failing_since) if last.failing_since else every)


def begin_reading(store: Store, name: str, at: datetime) -> None:
    """Note that a reading begins, so that one that dies counts as tried. The certificate that stands proves what it proved."""
    if last := last_certificate(store, name):
        store.put_certificate(replace(last, read_at=at, failing_since=last.failing_since or at))


def end_reading(store: Store, certificate: Certificate, began: datetime) -> None:
    """Keep the certificate of a reading that has ended."""
    last = last_certificate(store, certificate.connection)
    failing = (last.failing_since if last else None) or began
    store.put_certificate(
        replace(certificate, read_at=began, failing_since=None if certificate.is_complete else failing)
    )


def last_certificate(store: Store, name: str) -> Certificate | None:
    """The certificate of the connection as a whole."""
    return next((item.certificate for item in store.certificates(name) if item.certificate.scope == WHOLE), None)
