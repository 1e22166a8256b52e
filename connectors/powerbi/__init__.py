"""Power BI as a service principal sees it: numbers by DAX, and one table of ours as a push dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync.core.ports import ConnectionSettings, Connector, no_records

if TYPE_CHECKING:
    from connectors.powerbi.client import PowerBI


def connect(settings: ConnectionSettings) -> PowerBI:
    """A connection to the workspaces that the service principal belongs to."""
    from connectors.powerbi.client import PowerBI

    return PowerBI(settings)


PORTS: tuple[str, ...] = ("metric_source", "metric_sink")
SIGN_IN: tuple[str, ...] = ("tenant", "client_id", "client_secret")

CONNECTOR: Connector = Connector(
    name="powerbi",
    variants=("global", "china"),
    default_base_url="https://api.powerbi.com",
    credentials={"global": SIGN_IN, "china": SIGN_IN},
    ports=PORTS,
    connect=connect,
    record_from_raw=no_records,
    scope_word="workspaces",
    options=("authority", "api_scope", "workspaces"),
    option_kinds={"workspaces": "names"},
    # Thresholds are not published but for queries and rows (120 a minute each), which are counted apart.
    requests_per_second={"global": 5.0, "china": 5.0},
    in_flight=4,
)


def cloud_of(settings: ConnectionSettings) -> dict[str, Any]:
    """Base URL, authority and scope. The three never follow from one another, so each can be set by itself
    (docs.azure.cn, embed-sample-for-customers-national-clouds)."""
    base, authority, scope = CLOUDS[settings.variant or "global"]
    own = settings.base_url if settings.base_url != CONNECTOR.default_base_url else ""
    return {
        "base_url": own or base,
        "authority": str(settings.options.get("authority") or authority),
        "scope": str(settings.options.get("api_scope") or scope),
    }


CLOUDS = {
    "global": (
        "https://api.powerbi.com",
        "https://login.microsoftonline.com",
        "https://analysis.windows.net/powerbi/api/.default",
    ),
    "china": (
        "https://api.powerbi.cn",
        "https://login.partner.microsoftonline.cn",
        "https://analysis.chinacloudapi.cn/powerbi/api/.default",
    ),
}
