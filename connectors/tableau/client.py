"""A connection to one Tableau site: one Remote, and the ports over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from connectors.tableau import CONNECTOR
from connectors.tableau.answers import RIGHTS, decipher
from connectors.tableau.definitions import DefinitionReader
from connectors.tableau.publishing import Publisher
from connectors.tableau.reading import ViewReader
from connectors.tableau.sign_in import SignIn
from connectors.tableau.site import Site
from sync.core.ports import ConnectionSettings, Probe, SiteIdentity
from sync.core.probing import tried
from sync.core.values import Account
from sync.pace import Pace
from sync.remote import Remote


class Tableau(ViewReader, DefinitionReader, Publisher):
    """One site as the account that signs in sees it. The session's token travels in a header only."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self.sign_in = SignIn(settings)
        account = self.sign_in.pool
        rate = settings.requests_per_second or CONNECTOR.requests_per_second["cloud"]
        pace = Pace(rate, settings.in_flight or CONNECTOR.in_flight, product="tableau", account=account, pool=account)
        self.remote = Remote(
            settings.name, settings.base_url, {}, partial(decipher, sign_in=self.sign_in.cure), pace, sleep
        )
        self.site = Site(settings, self.remote, self.sign_in)

    def identify(self) -> SiteIdentity:
        """The site and the account. Raises AccessDenied when the sign-in is refused."""
        self.site.sign_in(ended=self.site.sign_in())
        server = self.site.server
        return SiteIdentity(f"tableau:{server.site_id}", Account(str(server.user_id), "Tableau account"))

    def probes(self) -> Iterator[Probe]:
        """The sign-in, and what is visible."""
        yield tried(
            "sign in", self.sign_in.cure, lambda: f"version {self.site.server.version}" if self.site.sign_in() else ""
        )
        for kind, words in (("projects", "see projects"), ("views", "see views"), ("datasources", "see data sources")):
            yield tried(words, RIGHTS, partial(self._visible, kind))
        yield self.catalog_probe()
        yield Probe("publish a data source", None, "cannot be told without writing", RIGHTS)

    def _visible(self, kind: str) -> str:
        total = self.site.ask(lambda server: getattr(server, kind).get()[1].total_available)
        return f"{total} visible"

    def close(self) -> None:
        """Let go of the connections. The session ends by itself; signing out could end one that another process has just begun."""
        self.remote.close()
