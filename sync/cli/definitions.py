"""`definitions`: what the numbers of a view mean and where they come from, as the tool that shows them tells it now."""

from __future__ import annotations

from pathlib import Path

from sync.app import App
from sync.cli.cycle import opened
from sync.cli.show import say, say_json, say_table
from sync.core.errors import COMMAND_LINE, ConfigError, Problem
from sync.core.metrics import Definitions

PORT = "metric_catalog"
COLUMNS = ("number", "formula", "defined in", "tables", "owner", "description")


def show_definitions(config: Path, connection: str, source: str, as_json: bool) -> int:
    """Print them; exit 5 when the tool told only a part. Keeps nothing."""
    with opened(config) as app:
        _check(app, connection, source)
        catalog = app.connections.metric_catalog(connection)
        with app.connections.run():
            told = catalog.definitions(source)
    if as_json:
        say_json({"connection": connection, "source": source, **{name: getattr(told, name) for name in FIELDS}})
    else:
        _show(source, told)
    return 0 if told.is_whole else 5


def _check(app: App, connection: str, source: str) -> None:
    """Raise ConfigError where the arguments cannot be meant: nothing is asked then."""
    app.check_names([connection])
    problems = []
    if PORT not in app.loaded.offered(connection):
        able = ", ".join(name for name in app.loaded.config.connections if PORT in app.loaded.offered(name))
        hint = f"these do: {able}" if able else "none of the connections does; Tableau would"
        problems.append(Problem(COMMAND_LINE, 0, connection, "does not tell where numbers come from", hint))
    if not source.strip():
        problems.append(
            Problem(COMMAND_LINE, 0, source.strip(), "names no view", "Workbook/View, as in the view's address")
        )
    if problems:
        raise ConfigError(problems)


FIELDS = Definitions.__struct_fields__


def _show(source: str, told: Definitions) -> None:
    rows = [
        (
            item.name,
            item.formula,
            item.dataset,
            "\n".join(item.tables),
            item.owner.name or item.owner.login or item.owner.id if item.owner else "",
            item.description,
        )
        for item in told.items
    ]
    say_table(f"{len(rows)} numbers of {source}", COLUMNS, rows)
    for url in dict.fromkeys(item.url for item in told.items if item.url):
        say(url)
    if not told.is_whole:
        say(f"Not all of it: {told.reason}")
