"""A plain page of what a reader of a workspace would see: each dataset's tables with their rows."""

from __future__ import annotations

from html import escape

from sandbox.powerbi.state import PushTable, State

MOST_SHOWN = 200


def paths(state: State) -> list[tuple[str, str]]:
    """(title, path) of every workspace that holds something."""
    return [(item.name, f"/groups/{item.id}") for item in state.workspaces.values() if item.datasets]


def html(state: State, path: str) -> str:
    """The page of one workspace."""
    found = state.workspaces.get(path.removeprefix("/groups/").partition("/")[0])
    if found is None:
        return "<!doctype html><title>not found</title>"
    parts = [
        f"<h2>{escape(item.name)}</h2>" + "".join(map(_table, item.tables.values())) for item in found.datasets.values()
    ]
    style = "<style>body{font:14px sans-serif}td,th{border:1px solid #ccc;padding:4px 8px}table{border-collapse:collapse}</style>"
    return f"<!doctype html><meta charset=utf-8>{style}<h1>{escape(found.name)}</h1>{''.join(parts)}"


def _table(table: PushTable) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = (
        "<tr>" + "".join(f"<td>{escape(str(row.get(name, '')))}</td>" for name in table.columns) + "</tr>"
        for row in table.rows[:MOST_SHOWN]
    )
    return f"<h3>{escape(table.name)}</h3><table><tr>{head}</tr>{''.join(rows)}</table>"
