"""`collect`, `plan`, `apply`, `run`: the cycle and its parts, as tables or JSON, with the right exit code."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sync.app import App, build
from sync.apply import Outcome
from sync.cli.findings_text import finding_text, severity_rank
from sync.cli.log import say_error, set_up_logging
from sync.cli.review import drifted_since, read_review, write_review
from sync.cli.show import console, counts_text, say, say_json, say_table
from sync.core.brakes import Accepted
from sync.core.certificate import Certificate
from sync.core.disclosure import Sayable
from sync.core.markdown import markdown_from_rich_text
from sync.core.plan import (
    Change,
    CommentContent,
    LinkContent,
    MessageContent,
    PageAsContent,
    Plan,
    RoomContent,
    TableAsContent,
    fingerprint,
)
from sync.core.talks import TALK
from sync.core.values import Ref
from sync.engine import Cycle
from sync.reading import Collected


@contextmanager
def opened(config: Path) -> Iterator[App]:
    """The application over this configuration, closed in the end."""
    set_up_logging()
    app = build(config)
    gc.freeze()  # what was loaded to start with stays: looking through it again and again took a tenth of a run
    try:
        yield app
    finally:
        app.close()


@contextmanager
def _progress(is_shown: bool) -> Iterator[Any]:
    """A progress bar per connection on a terminal; nothing elsewhere, where log lines tell."""
    if not (is_shown and console.is_terminal):
        yield lambda *_: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} records"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(connection: str, stream: str, count: int) -> None:
            if connection not in tasks:
                tasks[connection] = bars.add_task(connection, total=None)
            bars.update(tasks[connection], completed=count, description=f"{connection} {stream}")

        yield show


def run_collect(config: Path, names: Sequence[str], as_json: bool) -> int:
    """Collect and report; exit 0 only when every connection is proven complete."""
    with opened(config) as app:
        app.check_names(names, are_collected=True)
        with _progress(not as_json) as progress:
            run, reports = app.engine.collect(names, progress)
    if as_json:
        say_json({"run": run, "connections": {report.connection: collected_shape(report) for report in reports}})
    else:
        show_collected(reports)
    return code_of_collected(reports)


def collected_shape(report: Collected) -> dict[str, Any]:
    """One connection's report in the shape of docs/cli.md."""
    return {
        "fetched": report.fetched,
        "stored": report.stored,
        "skipped": report.skipped,
        "requests": report.requests,
        "seconds": report.seconds,
        "error": str(report.error) if report.error else None,
        "not_due_until": report.not_due_until,
        "certificate": certificate_shape(report.certificate(datetime.now(UTC)), report.certificates),
    }


def certificate_shape(whole: Certificate, scopes: Iterable[Certificate]) -> dict[str, Any]:
    """A connection's certificate in the shape of docs/cli.md."""
    names = ("counted", "stored", "unproven", "reason", "settled_at")
    return {
        "is_complete": whole.is_complete,
        **{name: getattr(whole, name) for name in names},
        "at": whole.at,
        "scopes": [
            {"stream": item.stream, "scope": item.scope, **{name: getattr(item, name) for name in names}}
            for item in scopes
        ],
    }


def show_collected(reports: Sequence[Collected]) -> None:
    """What was collected, as a table, and each reason why something is not complete."""
    rows = [
        (
            report.connection,
            report.fetched,
            report.stored,
            counts_text(report.skipped) if report.skipped else "",
            report.requests,
            f"{report.seconds:.1f} s",
            _certificate_words(report),
        )
        for report in reports
    ]
    say_table("Collected", ("connection", "fetched", "new", "skipped", "requests", "time", "certificate"), rows)
    for report in reports:
        if report.error:
            say(f"{report.connection}: {report.error}")


def _certificate_words(report: Collected) -> str:
    certificate = report.certificate(datetime.now(UTC))
    until = report.not_due_until
    told = f"not due until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC; " if until else ""
    if certificate.is_complete:
        return "; ".join([f"{told}complete: {certificate.counted} there = {certificate.stored} here", *report.notes])
    return f"{told}NOT COMPLETE: {certificate.reason or f'{certificate.unproven} items unproven'}"


def code_of_collected(reports: Sequence[Collected]) -> int:
    """The exit code: 0 complete, 3 unreachable, 5 incomplete; the worst that is not a passing trouble wins."""
    return worst_of({_code_of_report(report) for report in reports})


def _code_of_report(report: Collected) -> int:
    certificate = report.certificate(datetime.now(UTC))
    return 0 if certificate.is_complete else certificate.exit_code or 5


def run_plan(config: Path, as_json: bool, out: Path | None = None) -> int:
    """List the exact writes, or put them into a file for `apply --plan`."""
    with opened(config) as app:
        planned = app.engine.plan()
        installation = app.loaded.config.installation
    if out:
        write_review(out, installation, plan_shape(planned.plan, Sayable(planned.view)))
    if as_json:
        say_json(plan_shape(planned.plan, Sayable(planned.view)))
    else:
        show_plan(planned.plan, Sayable(planned.view))
    return 0


def change_shape(change: Change, sayable: Sayable, *, is_stored: bool = False) -> dict[str, Any]:
    """One change in the shape of docs/cli.md; a text that names what may not be named now is not repeated. ``is_stored``: it was not made
    just now.
    """
    names = ("operation", "kind", "key", "job", "target", "message", "reason", "mark")
    shape = {name: getattr(change, name) for name in names}
    is_told = sayable.may_say(change.content, change.facts) and (not is_stored or sayable.may_repeat(change))
    told = {"facts": change.facts, "text": change_text(change)} if is_told else {"facts": {}, "text": "***"}
    return {**shape, **told, "fingerprint": fingerprint(change)}


def change_text(change: Change, sayable: Sayable | None = None) -> str:
    """What the write says, as plain text; *** where it names what may not be named now."""
    if sayable and not sayable.may_say(change.content, change.facts):
        return "***"
    match change.content:
        case CommentContent(body):
            return markdown_from_rich_text(body).strip()
        case MessageContent(said):
            return f"{said.title}\n\n{markdown_from_rich_text(said.body)}".strip()
        case RoomContent(title, members):
            return f"{title}: {', '.join(members)}"
        case LinkContent(other, side):
            words = "waits for" if side == "waits_for" else "blocks"
            return f"{words} {other.title} {other.url}".strip()
        case TableAsContent(table):
            return f"{table.name}: {len(table.table.rows)} rows in {table.place}"
        case PageAsContent(page):
            return f"{page.title}\n\n{markdown_from_rich_text(page.body).strip()}"


def plan_shape(plan: Plan, sayable: Sayable) -> dict[str, Any]:
    """A plan in the shape of docs/cli.md."""
    return {
        "changes": [change_shape(change, sayable) for change in plan.changes],
        "skips": [
            {"key": skip.key, "target": skip.target, "reason": skip.reason, "detail": skip.detail}
            for skip in plan.skips
        ],
        "adoptions": [{"key": item.desired.key, "target": item.desired.target} for item in plan.adoptions],
        "counts": plan.counts(),
    }


def show_plan(plan: Plan, sayable: Sayable) -> None:
    """The plan for a person: each write with its text, then what was left alone and why."""
    if not plan.changes:
        say("Nothing to write.")
    for number, change in enumerate(plan.changes, start=1):
        say(f"{number}. {change.operation} {change.kind} at {change.target}   [{change.reason}]")
        text = change_text(change, sayable)
        for line in (text if change.kind != "page" else text.splitlines()[0]).splitlines():
            say(f"     {line}")
    for skip in plan.skips:
        say(f"left alone ({skip.reason}): {skip.key} {skip.detail}")
    say(f"Writes: {counts_text(plan.counts())}.")


def run_apply(
    config: Path, accept_first_run: bool, accept_plan: bool, as_json: bool, review: Path | None = None
) -> int:
    """Plan and carry out; of a reviewed plan just what is planned in the same way now."""
    with opened(config) as app:
        reviewed = read_review(review, app.loaded.config.installation) if review else None
        cycle = app.engine.apply(Accepted(accept_first_run, accept_plan), reviewed=reviewed)
        sayable = Sayable(cycle.planned.view if cycle.planned else app.engine.view())
    shape = outcome_shape(cycle.run, cycle.outcome or Outcome(), sayable)
    drifted = drifted_since(reviewed, cycle.planned.plan.changes) if reviewed and cycle.planned else []
    if as_json:
        say_json({**shape, "drifted": [*_cleared(drifted, sayable), *shape["drifted"]]})
    else:
        for change in drifted:
            say(f"drifted: {change['operation']} {change['kind']} at {change['target']}: {change['error']}")
        show_outcome(cycle)
    return code_of_writing(cycle)


def _cleared(drifted: Iterable[dict[str, Any]], sayable: Sayable) -> Iterator[dict[str, Any]]:
    """Changes of a reviewed plan, without what may not be said any more."""
    for change in drifted:
        is_told = sayable.is_open(Ref.trusted(str(change.get("target")))) and sayable.may_say_facts(change.get("facts"))
        yield change if is_told else {**change, "facts": {}, "text": "***"}


def outcome_shape(run: str, outcome: Outcome, sayable: Sayable, *, is_stored: bool = False) -> dict[str, Any]:
    """What became of each change, in the shape of docs/cli.md."""
    shaped = partial(change_shape, sayable=sayable, is_stored=is_stored)
    shape: dict[str, Any] = {"run": run, "written": [shaped(change) for change in outcome.written]}
    for name in ("drifted", "failed", "unsure", "deferred"):
        shape[name] = [{**shaped(change), "error": str(error)} for change, error in getattr(outcome, name)]
    return shape


def show_outcome(cycle: Cycle) -> None:
    """What was written and what was not, for a person."""
    outcome = cycle.outcome or Outcome()
    for change in outcome.written:
        say(f"{change.operation} {change.kind} at {change.target}")
    for word in ("drifted", "failed", "unsure", "deferred"):
        for change, error in getattr(outcome, word):
            say(f"{word}: {change.operation} {change.kind} at {change.target}: {error}")
    for skip in cycle.planned.plan.skips if cycle.planned else ():
        if skip.reason in ("held", "blocked"):
            say(f"not written ({skip.reason}): {skip.key}: {skip.detail}")
    say(f"Run {cycle.run}: {len(outcome.written)} written.")


def code_of_writing(cycle: Cycle) -> int:
    """0 when everything was written or planned again, 3 when a vendor asks to wait, 5 when something failed or is unsure; a target
    that cannot be read gives its own error's code. What incomplete data holds is 5 where nothing was collected to say why.
    """
    outcome = cycle.outcome or Outcome()
    codes = {error.exit_code for error in cycle.planned.blocked.values()} if cycle.planned else set()
    skips = cycle.planned.plan.skips if cycle.planned and not cycle.collected else ()
    is_held = any(skip.reason == "held" for skip in skips)
    is_broken = cycle.planned is not None and bool(cycle.planned.broken_jobs)
    if outcome.failed or outcome.unsure or is_held or is_broken:
        codes.add(5)
    if outcome.deferred:
        codes.add(3)
    return worst_of(codes)


def worst_of(codes: Iterable[int]) -> int:
    """The code that matters most: configuration, our own mistake, incomplete or refused, then what passes by itself."""
    return next((code for code in (2, 70, 5, 3) if code in set(codes)), 0)


def run_cycle(
    config: Path, accept_first_run: bool, accept_plan: bool, fail_on: str | None, as_json: bool, is_all: bool = False
) -> int:
    """Collect what is due (``is_all``: everything), judge, plan, apply; the exit code of the worst part."""
    with opened(config) as app, _progress(not as_json) as progress:
        at_once = app.collected if is_all else ()
        cycle = app.engine.cycle(Accepted(accept_first_run, accept_plan), progress, at_once=at_once)
        language = app.loaded.config.language
    if as_json:
        say_json(cycle_shape(cycle))
    else:
        show_cycle(cycle, language)
    return code_of_cycle(cycle, fail_on)


def cycle_shape(cycle: Cycle) -> dict[str, Any]:
    """A whole run in the shape of docs/cli.md."""
    sayable = Sayable(cycle.planned.view) if cycle.planned else None
    return {
        "run": cycle.run,
        "collect": {report.connection: collected_shape(report) for report in cycle.collected},
        "plan": plan_shape(cycle.planned.plan, sayable) if cycle.planned and sayable else None,
        "apply": outcome_shape(cycle.run, cycle.outcome, sayable) if cycle.outcome and sayable else None,
        "refused": str(cycle.refused) if cycle.refused else None,
        "findings": {"opened": len(cycle.news.opened), "resolved": len(cycle.news.resolved)},
    }


def show_cycle(cycle: Cycle, language: Any) -> None:
    """A run for a person: collected, noticed, written."""
    show_collected(cycle.collected)
    told = [item for item in cycle.news.opened if item.finding.kind != TALK]  # logs are read by many
    for item in sorted(told, key=lambda item: severity_rank(item.finding.severity)):
        if cycle.planned:
            say(f"{item.finding.severity}: {finding_text(item.finding, language, cycle.planned.view)}")
    if cycle.refused and cycle.planned:
        show_plan(cycle.planned.plan, Sayable(cycle.planned.view))
        say_error(cycle.refused)
        return
    show_outcome(cycle)


def code_of_cycle(cycle: Cycle, fail_on: str | None) -> int:
    """4 when a brake held; else what collecting and writing say; else 1 when findings were asked to fail on."""
    if cycle.refused:
        return cycle.refused.exit_code
    codes = [code_of_writing(cycle), code_of_collected(cycle.collected)]
    if worst := worst_of(codes):
        return worst
    found = [finding for items in cycle.planned.findings.values() for finding in items] if cycle.planned else []
    if fail_on and any(severity_rank(finding.severity) <= severity_rank(fail_on) for finding in found):
        return 1
    return 0
