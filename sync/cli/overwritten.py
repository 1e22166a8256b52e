"""`overwritten`: a person's words that an update of ours took away at the same moment, and putting them back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sync.app import App
from sync.cli.cycle import opened
from sync.cli.show import say, say_json
from sync.core.disclosure import Sayable
from sync.core.errors import COMMAND_LINE, ConfigError, Problem
from sync.mapping.validation import nearest
from sync.overwritten import overwritten
from sync.store.comment_edits import CommentEdit


def list_overwritten(config: Path, as_json: bool) -> int:
    """Every edit that was taken away and not put back, with its words where its task may be named."""
    with opened(config) as app:
        edits = overwritten(app.store)
        view = app.engine.view()
    sayable = Sayable(view)
    shapes = [edit_shape(edit, sayable) for edit in edits]
    if as_json:
        say_json(shapes)
        return 0
    for shape in shapes:
        say(f"{shape['id']}   {shape['by'] or 'somebody'}, {shape['at'] or 'time not told'}, on {shape['task']}")
        for line in shape["words"].splitlines():
            say(f"     {line}")
    say("`tieline overwritten --put-back ID` says the words again below." if shapes else "Nothing was overwritten.")
    return 0


def edit_shape(edit: CommentEdit, sayable: Sayable) -> dict[str, Any]:
    """One edit in the shape of docs/cli.md."""
    is_open = sayable.is_open(edit.task)
    return {
        "id": edit.id,
        "task": edit.task,
        "by": edit.edited.by if is_open else "",
        "at": edit.at.isoformat(timespec="seconds") if edit.at else None,
        "words": edit.edited.words if is_open else "***",
    }


def put_words_back(config: Path, identifier: str) -> int:
    """Say the words of one edit again where they stood; 5 when that could not be done."""
    with opened(config) as app:
        edit = _edit(app, identifier)
        cycle = app.engine.put_back(edit, app.engine.view().connections[edit.connection].language)
    outcome = cycle.outcome
    for _, error in [*outcome.failed, *outcome.unsure, *outcome.deferred, *outcome.drifted] if outcome else ():
        say(f"not written: {error}")
        return 5
    say(f"The words stand on {edit.task} again.")
    return 0


def _edit(app: App, identifier: str) -> CommentEdit:
    known = {edit.id: edit for edit in overwritten(app.store)}
    if identifier not in known:
        hint = nearest(identifier, known) or "`tieline overwritten` lists them"
        raise ConfigError([Problem(COMMAND_LINE, 0, identifier, "nothing that was overwritten has this id", hint)])
    return known[identifier]
