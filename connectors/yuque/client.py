"""A connection to one Yuque space: one Remote, and the ports over it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from connectors.yuque import CONNECTOR
from connectors.yuque.answers import decipher
from connectors.yuque.knowledge_base import DocWriter
from connectors.yuque.site import Site
from connectors.yuque.source import DocSource
from sync.core.ports import ConnectionSettings
from sync.pace import UNLIMITED, Limit, Pace
from sync.remote import Remote, keep_secret

HOUR_S = 3600.0
CALLS_PER_HOUR = 4_500  # of the 5,000 that a token has: people's own programs may use the same


class Yuque(DocSource, DocWriter):
    """Yuque as one token sees it. The token travels in a header only."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        token = settings.credentials["token"].strip()
        keep_secret(token)
        self.settings = settings
        headers = {"x-auth-token": token, "user-agent": "tieline/1.0"}
        self.remote = Remote(settings.name, api_base(settings), headers, decipher, _pace(settings, token), sleep)
        site = Site(self.remote)
        DocSource.__init__(self, site, settings)
        DocWriter.__init__(self, site, settings)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()


def api_base(settings: ConnectionSettings) -> str:
    """Where requests go: the space's address with ``/api/v2`` once."""
    return settings.base_url.rstrip("/").removesuffix("/api/v2") + "/api/v2"


def _pace(settings: ConnectionSettings, token: str) -> Pace:
    rate = settings.requests_per_second or CONNECTOR.requests_per_second["cloud"]
    hourly = int(settings.options.get("calls_per_hour", CALLS_PER_HOUR))
    limits = (Limit("quota", ((hourly, HOUR_S),)),) if rate < UNLIMITED else ()
    account = hashlib.sha256(token.encode()).hexdigest()[:12]
    in_flight = settings.in_flight or CONNECTOR.in_flight
    return Pace(rate, in_flight, limits=limits, product="yuque", account=account, pool=account)
