"""A connection to Trello: one Remote, and the ports over it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from connectors.trello import CONNECTOR
from connectors.trello.answers import WINDOW, decipher
from connectors.trello.people import MemberDirectory
from connectors.trello.site import Site
from connectors.trello.source import CardSource
from connectors.trello.tracker import CardTracker
from connectors.trello.webhooks import BoardWebhooks
from sync.core.errors import TryLater
from sync.core.ports import ConnectionSettings
from sync.remote import Decipher, Pace, Remote, keep_secret

JITTER_S = 3.0


class Trello(CardSource, CardTracker, MemberDirectory):
    """Trello as one member sees it. Key and token travel in the Authorization header, never in a URL."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        key, token = (settings.credentials[name].strip() for name in CONNECTOR.credentials["cloud"])
        keep_secret(key, token)
        pace = Pace(
            settings.requests_per_second or CONNECTOR.requests_per_second["cloud"],
            settings.in_flight or CONNECTOR.in_flight,
            window_s=WINDOW.total_seconds(),
        )
        self.settings = settings
        self.remote = Remote(
            settings.name,
            settings.base_url or CONNECTOR.default_base_url,
            {"authorization": f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'},
            _with_pause(float(settings.options.get("pause_after_429_s", WINDOW.total_seconds()))),
            pace,
            sleep,
        )
        self.site = Site(settings, self.remote)
        self.webhooks = BoardWebhooks(self.site)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()


def _with_pause(pause_s: float) -> Decipher:
    """``decipher`` with the pause after a 429 as set, and some more at random, so that the workers that share a token do not all
    come back in the same moment. A longer pause that the answer asks for stands.
    """

    def decipher_with_pause(status: int, headers: Mapping[str, str], body: bytes) -> None:
        try:
            decipher(status, headers, body)
        except TryLater as error:
            if error.retry_after is not None and pause_s > 0:
                least = timedelta(seconds=pause_s) if error.retry_after == WINDOW else error.retry_after
                share = random.uniform(0, min(1.0, pause_s / WINDOW.total_seconds()))  # noqa: S311  # jitter
                error.retry_after = least + timedelta(seconds=JITTER_S * share)
            raise

    return decipher_with_pause
