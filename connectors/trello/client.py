"""A connection to Trello: one Remote, and the ports over it."""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from connectors.trello import CONNECTOR
from connectors.trello.answers import MEMBERS_WINDOW, WINDOW, decipher
from connectors.trello.people import MemberDirectory
from connectors.trello.replies import CardReplies
from connectors.trello.site import Site
from connectors.trello.source import CardSource
from connectors.trello.tracker import CardTracker
from connectors.trello.webhooks import BoardWebhooks
from sync.core.errors import TryLater
from sync.core.ports import ConnectionSettings
from sync.pace import UNLIMITED, Limit, Pace, Place, share_of
from sync.remote import Decipher, Remote, keep_secret

JITTER_S = 3.0
# https://developer.atlassian.com/cloud/trello/guides/rest-api/rate-limits/; the token's own 100 in 10 s are the pace.
LIMITS = (
    Limit("quota", ((share_of(300), WINDOW.total_seconds()),)),
    Limit("endpoint", ((share_of(100), MEMBERS_WINDOW.total_seconds()),), "members"),
)


class Trello(CardSource, CardTracker, CardReplies, MemberDirectory):
    """Trello as one member sees it. Key and token travel in the Authorization header, never in a URL."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        key, token = (settings.credentials[name].strip() for name in CONNECTOR.credentials["cloud"])
        keep_secret(key, token)
        pace = pace_of(settings, key, token)
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


def pace_of(settings: ConnectionSettings, key: str, token: str) -> Pace:
    """Trello counts for each token, for all tokens of a key together, and what asks about members once more."""
    rate = settings.requests_per_second or CONNECTOR.requests_per_second["cloud"]
    return Pace(
        rate,
        settings.in_flight or CONNECTOR.in_flight,
        window_s=WINDOW.total_seconds(),
        limits=LIMITS if rate < UNLIMITED else (),
        place=place_of,
        product="trello",
        account=_digest(key, token),
        pool=_digest(key),
    )


def place_of(_method: str, path: str, _body: bytes) -> Place:
    """Trello counts no endpoints but the one about members."""
    return Place("members" if re.match(r"/1/members?(/|$)", path) else "")


def _digest(*secrets: str) -> str:
    """Tells keys and tokens apart without saying them."""
    return hashlib.sha256("\0".join(secrets).encode()).hexdigest()[:12]


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
