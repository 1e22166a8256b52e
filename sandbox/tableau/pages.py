"""The plain pages of a view and a data source: what a team would see in the browser."""

from __future__ import annotations

from html import escape

from sandbox.look import page
from sandbox.tableau.state import State


def paths(state: State) -> list[tuple[str, str]]:
    """(title, path) of every view and data source."""
    found = [
        (f"{book.name} / {view.name}", f"/views/{view.id}") for book in state.workbooks.values() for view in book.views
    ]
    return found + [(item.name, f"/datasources/{item.id}") for item in state.datasources.values()]


def html(state: State, path: str) -> str | None:
    """The page of a view or a data source; None for anything else."""
    kind, _, key = path.strip("/").partition("/")
    if kind == "views" and (found := state.view(key)):
        head = "".join(f"<th>{escape(name)}</th>" for name in found[1].header)
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in found[1].rows)
        return page(found[1].name, f"<h1>{escape(found[1].name)}</h1><table><tr>{head}</tr>{rows}</table>")
    if kind == "datasources" and key in state.datasources:
        item = state.datasources[key]
        words = f"<p>{escape(item.description)}</p><p class=quiet>{escape(item.project.name)} · {len(item.file):,} bytes</p>"
        return page(item.name, f"<h1>{escape(item.name)}</h1>{words}")
    return None
