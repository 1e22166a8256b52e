"""`undo`, `retract`, `resume`: take back what was written, and say per write what cannot be and why."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from sync.app import App
from sync.apply import Outcome
from sync.cli.cycle import change_shape, code_of_writing, opened, outcome_shape, show_outcome, worst_of
from sync.cli.log import say_error
from sync.cli.show import say, say_json
from sync.core.disclosure import Sayable
from sync.core.errors import COMMAND_LINE, ConfigError, Problem, Refused
from sync.engine import Cycle
from sync.mapping.validation import nearest
from sync.retract import Kept, Steps
from sync.web.registrations import remove_webhooks

WHY = {
    "edited": "somebody edited it, or added to its page, since",
    "gone": "it is not there any more, or no longer carries our mark",
    "not_ours": "it is not ours",
    "later": "something was written there since by a later run, or by somebody else",
    "said": "what was said in a chat, and a group of people, cannot be taken back",
    "derived": "a table is put anew from what is so now; its earlier rows are not put back",
    "unreadable": "its place cannot be read",
    "restricted": "what stood there before names something that is restricted, or not visible to us, now",
}


def run_undo(config: Path, run: str, as_json: bool) -> int:
    """Take a run back; 5 when something of it could not be."""
    with opened(config) as app:
        cycle = app.engine.undo(run)
        sayable = Sayable(app.engine.view())
    return _told(cycle, sayable, as_json)


def run_retract(
    config: Path, connections: Sequence[str], jobs: Sequence[str], is_dry: bool, is_sure: bool, as_json: bool
) -> int:
    """Remove all that we ever wrote there, after a yes; 5 when something stays."""
    with opened(config) as app:
        app.check_names(connections)
        _check_jobs(app, jobs)
        sayable = Sayable(app.engine.view())
        if is_dry:
            return _show_steps(app.engine.retraction(connections, jobs), sayable, as_json)
        if not is_sure:
            _ask(app.engine.retraction(connections, jobs), sayable)
        cycle = app.engine.retract(connections, jobs)
        left = remove_webhooks(app, connections or app.loaded.config.connections, datetime.now(UTC))
    code = worst_of([_told(cycle, sayable, as_json), 5 if left else 0])
    for text in left:
        say_error(Refused(f"a webhook stays: {text}"))
    if not as_json:
        say("Nothing is written there again until `tieline resume`.")
    return code


def run_resume(config: Path) -> None:
    """Let Tieline write again where everything was retracted."""
    with opened(config) as app:
        count = app.engine.resume()
    say("Writing goes on with the next run; look at `tieline plan` first." if count else "Nothing was retracted.")


def _check_jobs(app: App, jobs: Iterable[str]) -> None:
    known = {*app.loaded.job_settings, *(entry.job for entry in app.store.published().values())}
    hint = f"there are {', '.join(sorted(known)) or 'none'}"
    problems = [
        Problem(COMMAND_LINE, 0, name, "not a job that runs or wrote anything", nearest(name, known) or hint)
        for name in jobs
        if name not in known
    ]
    if problems:
        raise ConfigError(problems)


def _ask(steps: Steps, sayable: Sayable) -> None:
    """A person's yes; nobody can say yes where nobody is at the terminal."""
    _show_steps(steps, sayable, as_json=False)
    if not sys.stdin.isatty():
        hint = "`tieline retract --dry-run` lists what would be removed"
        raise ConfigError([Problem(COMMAND_LINE, 0, "retract", "not confirmed: say --yes", hint)])
    typer.confirm("Remove all this?", abort=True)


def _show_steps(steps: Steps, sayable: Sayable, as_json: bool) -> int:
    if as_json:
        say_json(
            {
                "changes": [change_shape(change, sayable, is_stored=True) for change in steps.changes],
                "kept": [kept_shape(item, sayable) for item in steps.kept],
            }
        )
        return 0
    for change in steps.changes:
        url = sayable.url_at(change.target, change.expected.url if change.expected else "")
        say(f"{change.operation} {change.kind} at {change.target}   {url}")
    _show_kept(steps.kept, sayable)
    say(f"Would be removed: {len(steps.changes)}. Stays: {len(steps.kept)}.")
    return 0


def kept_shape(item: Kept, sayable: Sayable) -> dict[str, Any]:
    """What is not taken back, in the shape of docs/cli.md."""
    detail = sayable.url_at(item.change.target, item.detail)
    return {**change_shape(item.change, sayable, is_stored=True), "why": item.reason, "detail": detail}


def _show_kept(kept: Iterable[Kept], sayable: Sayable) -> None:
    for item in kept:
        change, detail = item.change, sayable.url_at(item.change.target, item.detail)
        say(f"stays: {change.operation} {change.kind} at {change.target}: {WHY[item.reason]}  {detail}".rstrip())


def _told(cycle: Cycle, sayable: Sayable, as_json: bool) -> int:
    outcome = cycle.outcome or Outcome()
    if as_json:
        shape = outcome_shape(cycle.run, outcome, sayable, is_stored=True)
        say_json({**shape, "kept": [kept_shape(item, sayable) for item in cycle.kept]})
    else:
        show_outcome(cycle)
        _show_kept(cycle.kept, sayable)
    # A table holds what is so now, whatever is taken back: nobody has to do anything about it.
    is_left = any(item.reason != "derived" for item in cycle.kept) or bool(outcome.drifted)
    return worst_of([code_of_writing(cycle), 5 if is_left else 0])
