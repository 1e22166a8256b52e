"""A table as a .hyper file, by Tableau's own library."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sync.core.errors import ConfigError, Problem
from sync.core.metrics import Cell, TableContent, typed


def write_hyper(path: Path, content: TableContent) -> None:
    """Write the rows to a new file, in one table. Raises ConfigError where the library is not installed."""
    hyper = _library()
    table = typed(content.table)
    kinds = {
        "text": hyper.SqlType.text(), "integer": hyper.SqlType.big_int(), "number": hyper.SqlType.double(),
        "boolean": hyper.SqlType.bool(), "date": hyper.SqlType.date(), "instant": hyper.SqlType.timestamp_tz(),
    }  # fmt: skip
    name = hyper.TableName("Extract", "Extract")
    columns = [hyper.TableDefinition.Column(column.name, kinds[column.type]) for column in table.columns]
    definition = hyper.TableDefinition(name, columns)
    silence = hyper.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU
    with (
        hyper.HyperProcess(silence, parameters={"log_config": ""}) as process,
        hyper.Connection(process.endpoint, str(path), hyper.CreateMode.CREATE_AND_REPLACE) as connection,
    ):
        connection.catalog.create_schema("Extract")
        connection.catalog.create_table(definition)
        with hyper.Inserter(connection, definition) as inserter:
            inserter.add_rows([[_cell(cell) for cell in row] for row in table.rows])
            inserter.execute()


def _library() -> Any:
    try:
        import tableauhyperapi
    except ImportError as error:
        text = "publishing to Tableau needs Tableau's own library, which is not installed"
        hint = "pip install 'tieline[tableau]' (Linux x86-64, macOS, Windows; Tableau offers none for others)"
        raise ConfigError([Problem("tieline.yaml", 0, "jobs.status_view.tables", text, hint)]) from error
    return tableauhyperapi


def _cell(cell: Cell) -> object:
    """Texts without NUL; fractions as doubles, which is what Tableau reckons with; instants in UTC."""
    if isinstance(cell, str):
        return cell.replace("\0", "")
    if isinstance(cell, Decimal):
        return float(cell)
    return cell.astimezone(UTC) if isinstance(cell, datetime) else cell
