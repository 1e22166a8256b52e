"""A connection to Asana: one Remote, and the ports over it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from connectors.asana import CONNECTOR
from connectors.asana.answers import decipher
from connectors.asana.comments import TaskComments
from connectors.asana.events import ProjectEvents
from connectors.asana.links import TaskLinks
from connectors.asana.people import PeopleDirectory
from connectors.asana.replies import TaskReplies
from connectors.asana.site import Site
from connectors.asana.source import TaskSource
from connectors.asana.webhooks import ProjectWebhooks
from sync.core.ports import ConnectionSettings
from sync.pace import Pace
from sync.remote import Remote, keep_secret


class Asana(TaskSource, ProjectEvents, TaskComments, TaskReplies, TaskLinks, PeopleDirectory):
    """Asana as one account sees it. The token travels in a header only."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        token = settings.credentials["token"].strip()
        keep_secret(token)
        self.settings = settings
        account = hashlib.sha256(token.encode()).hexdigest()[:12]
        rate = settings.requests_per_second or CONNECTOR.requests_per_second["cloud"]
        in_flight = settings.in_flight or CONNECTOR.in_flight
        pace = Pace(rate, in_flight, window_s=60, product="asana", account=account, pool=account)
        headers = {"authorization": f"Bearer {token}"}
        self.remote = Remote(settings.name, api_base(settings), headers, decipher, pace, sleep)
        self.site = Site(settings, self.remote)
        self.webhooks = ProjectWebhooks(self.site)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()


def api_base(settings: ConnectionSettings) -> str:
    """Where requests go: the address with ``/api/1.0`` once."""
    return (settings.base_url or CONNECTOR.default_base_url).rstrip("/").removesuffix("/api/1.0") + "/api/1.0"
