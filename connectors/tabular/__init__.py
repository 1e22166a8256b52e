"""Work kept in spreadsheets or a database: a drop folder of CSV and XLSX files, or a query, as tasks and as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.tabular.records import record_from_raw
from connectors.tabular.tables import check_options
from sync.core.ports import ConnectionSettings, Connector

if TYPE_CHECKING:
    from connectors.tabular.client import Tabular


def connect(settings: ConnectionSettings) -> Tabular:
    """The tables that ``settings.options`` names. Raises ConfigError for every mistake in them."""
    from connectors.tabular.client import Tabular

    return Tabular(settings)


CONNECTOR = Connector(
    name="tabular",
    variants=("folder", "sql"),
    default_base_url="file:///",  # there is no site: a folder is an option, a database's URL a credential
    credentials={"folder": (), "sql": ("url",)},
    ports=("source", "metric_source"),
    connect=connect,
    record_from_raw=record_from_raw,
    scope_word="tables",
    options=("folder", "quiet_s", "statement_timeout_s", "tables"),
    option_kinds={"quiet_s": "number", "statement_timeout_s": "number", "tables": "own"},
    check_options=check_options,
    in_flight=2,
)
