"""A connection to Power BI: one Remote for the API, one for the sign-in, and the ports over them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from connectors.powerbi import CONNECTOR, cloud_of
from connectors.powerbi.answers import CURE, decipher
from connectors.powerbi.pushing import Pusher
from connectors.powerbi.reading import Reader
from connectors.powerbi.sign_in import SignIn, decipher_token
from connectors.powerbi.site import Site, field
from sync.core.errors import TielineError
from sync.core.ports import ConnectionSettings, Probe, SiteIdentity
from sync.core.values import Account
from sync.pace import UNLIMITED, Limit, Pace, Place
from sync.remote import Remote, keep_secret

MINUTE_S = 60.0
# 120 queries a minute per user, whatever the dataset; 120 requests with rows a minute per dataset.
LIMITS = (Limit("endpoint", ((108, MINUTE_S),), "queries"), Limit("item", ((108, MINUTE_S),), "rows"))


class PowerBI(Reader, Pusher):
    """Power BI as one service principal sees it. The token travels in a header only."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        names = CONNECTOR.credentials[settings.variant or "global"]
        self._tenant, self._client_id, secret = (settings.credentials[name].strip() for name in names)
        keep_secret(secret)
        cloud = cloud_of(settings)
        self.settings = settings
        self.remote = Remote(settings.name, cloud["base_url"], {}, decipher, self._pace(settings), sleep)
        self._door = Remote(settings.name, cloud["authority"], {}, decipher_token, Pace(5.0, 1), sleep)
        sign_in = SignIn(self._door, self._tenant, self._client_id, secret, cloud["scope"])
        self.site = Site(settings, self.remote, sign_in)

    def _pace(self, settings: ConnectionSettings) -> Pace:
        rate = settings.requests_per_second or CONNECTOR.requests_per_second["global"]
        limits = LIMITS if rate < UNLIMITED else ()
        in_flight = settings.in_flight or CONNECTOR.in_flight
        return Pace(rate, in_flight, limits=limits, place=place_of, product="powerbi", account=self._client_id)

    def identify(self) -> SiteIdentity:
        """The tenant and the app. Raises AccessDenied with what Entra says when the sign-in is refused."""
        self.site.sign_in.token()
        return SiteIdentity(f"powerbi:{self._tenant}", Account(self._client_id, "Power BI app"))

    def probes(self) -> Iterator[Probe]:
        """The sign-in, the workspaces, and in each named one its semantic models."""
        names, probe = [], _tried("see workspaces", self._names)
        yield probe
        if probe.is_ok:
            names = self._names()
            if not names:
                yield Probe("see workspaces", False, "none", CURE)
        for place in map(str, self.settings.options.get("workspaces", names[:3])):
            yield _tried(f"see the semantic models of {place}", partial(self._models, place))
        words = "cannot be told without a query; the tenant setting 'Dataset Execute Queries REST API' must be on"
        yield Probe("read numbers (DAX)", None, words, "Fabric admin portal > Tenant settings > Integration settings")

    def _names(self) -> list[str]:
        return [str(field(item, "name")) for item in self.site.workspaces()]

    def _models(self, place: str) -> list[str]:
        return [str(field(item, "name")) for item in self.site.datasets(self.site.workspace_id(place))]

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()
        self._door.close()


def _tried(operation: str, look: Callable[[], list[str]]) -> Probe:
    try:
        found = look()
    except TielineError as error:
        return Probe(operation, False, str(error), CURE)
    return Probe(operation, True, f"{len(found)}: {', '.join(found[:5])}" if found else "none")


def place_of(method: str, path: str, _body: bytes) -> Place:
    """What Power BI counts apart: queries for the app, and requests with rows for each dataset."""
    if path.endswith("/executeQueries"):
        return Place("queries")
    if method == "POST" and path.endswith("/rows"):
        return Place("rows", (path.partition("/tables/")[0],))
    return Place()
