"""Tableau Cloud and Server: the numbers behind views and where they come from, and one table of ours as a published data source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.ports import ConnectionSettings, Connector, no_records

if TYPE_CHECKING:
    from connectors.tableau.client import Tableau


def connect(settings: ConnectionSettings) -> Tableau:
    """A connection to one site as the account that signs in sees it."""
    from connectors.tableau.client import Tableau

    return Tableau(settings)


SIGN_IN: tuple[str, ...] = ("token_name", "token_secret")
CONNECTED_APP: tuple[str, ...] = ("client_id", "secret_id", "secret_value", "user")

CONNECTOR = Connector(
    name="tableau",
    variants=("cloud", "server"),
    default_base_url="",  # every site of Tableau Cloud lies on a pod of its own
    credentials={"cloud": SIGN_IN, "server": SIGN_IN},
    other_credentials={"cloud": CONNECTED_APP, "server": CONNECTED_APP},
    plain_credentials=("token_name", "secret_id"),
    ports=("metric_source", "metric_catalog", "metric_sink"),
    connect=connect,
    record_from_raw=no_records,
    scope_word="projects",
    options=("site",),
    # Tableau Cloud takes 40,000 calls an hour from each user of a site; each look at a view past its cache runs a query.
    requests_per_second={"cloud": 5.0, "server": 5.0},
    in_flight=4,
)
