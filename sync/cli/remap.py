"""`remap`: replay the raw records through the present mappings, after showing what that changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sync.app import App
from sync.cli.cycle import opened
from sync.cli.show import counts_text, say, say_json, say_table
from sync.core.disclosure import shown
from sync.core.view import View
from sync.derive import Difference
from sync.turn import turn


def run_remap(config: Path, dry_run: bool, as_json: bool) -> int:
    """Show the differences; without ``dry_run`` also make them so."""
    with opened(config) as app:
        view = app.engine.view()
        differences, links, skipped = app.deriver.preview()
        differences = [_cleared(app, item) for item in differences]
        if not dry_run:
            with turn(app.store):
                app.deriver.derive_all()
                app.deriver.link()
    before, after = {item.key for item in view.dependencies}, {item.key for item in links.dependencies}
    shape: dict[str, Any] = {
        "changed": differences,
        "dependencies": {"added": sorted(after - before), "removed": sorted(before - after)},
        "skipped": skipped,
    }
    if as_json:
        say_json(shape)
        return 0
    rows = [(item.ref, _key(view, item), item.field, item.before, item.after) for item in differences]
    say_table(f"{len(rows)} values change", ("ref", "key", "field", "before", "after"), rows)
    for word, keys in shape["dependencies"].items():
        for key in keys:
            say(f"dependency {word}: {key}")
    if skipped:
        say(f"skipped: {counts_text(skipped)}")
    say("Nothing was changed (--dry-run)." if dry_run else "Done.")
    return 0


def _cleared(app: App, item: Difference) -> Difference:
    """Values of restricted records are not shown; the record itself tells, as it may not have been mapped before."""
    raw = app.store.raw(item.ref)
    if raw and raw.visibility == "open":
        return item
    return Difference(item.ref, item.field, "***", "***")


def _key(view: View, item: Difference) -> str:
    task = view.tasks.get(item.ref)
    return shown(view, task, "zh-CN").key if task else ""
