"""`tasks`, `dependencies`, `findings`, `certify`, `runs`: what is known now, as tables or JSON (docs/cli.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sync.app import App
from sync.cli.cycle import certificate_shape, opened
from sync.cli.findings_text import finding_text, severity_rank
from sync.cli.show import say, say_json, say_table
from sync.core.certificate import Certificate
from sync.core.disclosure import cleared, may_name, shown
from sync.core.errors import COMMAND_LINE, ConfigError, Problem
from sync.core.talks import TALK
from sync.core.values import Dependency, Evidence, ExternalReference, Language, Ref, Task, TrackedFinding
from sync.core.view import View
from sync.mapping.rules import Directory
from sync.mapping.validation import nearest
from sync.reading import WHOLE
from sync.store.entries import Answer, FindingEvent

HIDDEN: dict[str, Any] = {
    "vendor_status": "",
    "owner": None,
    "assignments": (),
    "labels": (),
    "project": "",
    "parent": None,
}


def list_tasks(config: Path, as_json: bool, department: str, status: str | None) -> None:
    """The tasks, sorted by ref; restricted ones as they may be shown elsewhere."""
    with opened(config) as app:
        view, language = app.engine.view(), app.loaded.config.language
    tasks = [view.tasks[ref] for ref in sorted(view.tasks)]
    if department:
        wanted = _department_named(view, department)
        tasks = [task for task in tasks if task.department == wanted]
    if status:
        tasks = [task for task in tasks if task.status == status]
    if as_json:
        say_json([task_shape(view, task, language) for task in tasks])
        return
    rows = [_task_row(view, task, language) for task in tasks]
    say_table(f"{len(tasks)} tasks", ("key", "title", "status", "owner", "department", "start", "due", "ref"), rows)


def _department_named(view: View, text: str) -> Ref:
    """The department of this key, name or English name. Raises ConfigError for another word."""
    if ref := Directory(departments=view.departments).department(text):
        return ref
    items = view.departments.values()
    known = [word for item in items for word in (item.ref.key, item.name, item.english_name) if word]
    hint = nearest(text, known) or f"there are {', '.join(item.name for item in items) or 'none'}"
    raise ConfigError([Problem(COMMAND_LINE, 0, f"--department {text}", "is no department", hint)])


def _task_row(view: View, task: Task, language: Language) -> tuple[object, ...]:
    item = shown(view, task, language)
    is_told = task.status == "unknown" and not item.is_restricted
    status = f"unknown ({task.vendor_status})" if is_told else task.status
    return (item.key or task.ref, item.title, status, item.owner, item.department, task.start, task.due, task.ref)


def task_shape(view: View, task: Task, language: Language) -> dict[str, Any]:
    """A task in the shape of docs/cli.md; of a restricted one nothing that tells who works on it, where, or in which words."""
    item = shown(view, task, language)
    shape = {name: getattr(task, name) for name in Task.__struct_fields__}
    hidden = HIDDEN if item.is_restricted else {}
    return {**shape, **hidden, "title": item.title, "key": item.key, "url": item.url}


def list_dependencies(config: Path, as_json: bool, relations: bool, external: bool) -> None:
    """Dependencies, or relations, or references to what is not collected."""
    with opened(config) as app:
        view, language, answers = app.engine.view(), app.loaded.config.language, app.store.answers()
        hidden = names_of_hidden(app) if external else set()
    columns: tuple[str, ...]
    shapes: list[dict[str, Any]]
    if relations:
        shapes = [
            {
                "source": r.source,
                "target": r.target,
                "word": r.word,
                "evidence": _evidence(view, r.evidence, r.source, r.target),
            }
            for r in view.relations
        ]
        columns = ("source", "word", "target")
    elif external:
        shapes = [_external_shape(view, item, language, hidden) for item in view.external_references]
        columns = ("record", "relation", "side", "text")
    else:
        shapes = [
            {**dependency_shape(view, item), "answer": _answer_shape(answers.get(item.key))}
            for item in sorted(view.dependencies, key=lambda item: item.key)
        ]
        columns = ("predecessor", "successor", "type", "confidence", "state")
    if as_json:
        say_json(shapes)
        return
    rows = [tuple(_named(view, shape[column], language) for column in columns) for shape in shapes]
    say_table(
        f"{len(shapes)} {'relations' if relations else 'external references' if external else 'dependencies'}",
        columns,
        rows,
    )


def _answer_shape(answer: Answer | None) -> dict[str, Any] | None:
    """What a person said of a dependency, who and when."""
    return {"answer": answer.answer, "by": answer.by, "at": answer.at} if answer else None


def names_of_hidden(app: App) -> set[str]:
    """By what records are named that were open to us once and are hidden now: deleted, or not for everybody any more."""
    gone = {
        ref
        for name in app.loaded.config.connections
        for ref, item in app.store.tombstones(name).items()
        if item.reason == "hidden"
    }
    raws = [raw for ref in gone if (raw := app.store.raw(ref))]
    return {name for raw in raws if (record := app.deriver.record_of(raw)) for name in record.aliases}


def _external_shape(view: View, item: ExternalReference, language: Language, hidden: Set[str]) -> dict[str, Any]:
    """What a restricted record names is quoted as little as the record itself. Who may read what is not collected is not known, so its
    title is not told; nor how it is called, where it was hidden from us.
    """
    names = ("record", "text", "side", "relation")
    evidence = _evidence(view, item.evidence, item.record)
    shape = {**{name: getattr(item, name) for name in names}, "title": "", "evidence": evidence}
    if not hidden.isdisjoint((item.text, item.text.rstrip("/").rpartition("/")[2])):
        shape |= {"text": "***", "evidence": _evidence(view, item.evidence)}
    task, document = view.tasks.get(item.record), view.documents.get(item.record)
    if task and task.visibility == "restricted":
        return {**shape, "text": shown(view, task, language).title}
    is_hidden = document.visibility == "restricted" if document else task is None
    return {**shape, "text": "***"} if is_hidden else shape


def _named(view: View, value: object, language: Language) -> object:
    task = view.tasks.get(value) if isinstance(value, str) else None  # type: ignore[call-overload]
    return f"{value}\n{shown(view, task, language).title}" if task else value


def dependency_shape(view: View, item: Dependency) -> dict[str, Any]:
    """A dependency in the shape of docs/cli.md."""
    names = ("key", "predecessor", "successor", "type", "lag_minutes", "lag_unit", "confidence", "state")
    evidence = _evidence(view, item.evidence, item.predecessor, item.successor)
    return {**{name: getattr(item, name) for name in names}, "evidence": evidence}


def _evidence(view: View, items: tuple[Evidence, ...], *ends: Ref) -> list[dict[str, Any]]:
    """Why it is believed. What stands in the records themselves (a text that names the other end) is told where both are open."""
    names = ("record", "place", "source_id", "rule", "confidence")
    is_told = bool(ends) and all(end in view.tasks and view.tasks[end].visibility == "open" for end in ends)
    shapes = [{name: getattr(item, name) for name in names} for item in items]
    return shapes if is_told else [{**shape, "source_id": shape["source_id"].partition(":")[0]} for shape in shapes]


def list_findings(config: Path, as_json: bool, state: str, fail_on: str | None) -> int:
    """Findings, most severe first; exit 1 when one that is not over is as severe as asked, whatever is listed."""
    with opened(config) as app:
        language = app.loaded.config.language
        known = app.store.findings()
        view = app.engine.view()
        tracked = [item for item in known if state in ("all", item.state)]
        events = events_by_finding(app, tracked) if as_json else {}
    tracked.sort(key=lambda item: (severity_rank(item.finding.severity), item.opened_at, item.finding.key))
    if as_json:
        say_json([finding_shape(view, item, language, events[item.finding.key]) for item in tracked])
    else:
        rows = [
            (
                item.finding.severity,
                item.state,
                f"{item.opened_at:%Y-%m-%d %H:%M}",
                finding_text(item.finding, language, view),
            )
            for item in tracked
        ]
        say_table(f"{len(rows)} findings", ("severity", "state", "since (UTC)", "finding"), rows)
    standing = [item for item in known if item.state != "resolved"]
    is_failing = fail_on and any(severity_rank(item.finding.severity) <= severity_rank(fail_on) for item in standing)
    return 1 if is_failing else 0


def events_by_finding(app: App, tracked: Iterable[TrackedFinding]) -> Mapping[str, Sequence[FindingEvent]]:
    """All that ever happened to these findings, by key."""
    found: dict[str, list[FindingEvent]] = {item.finding.key: [] for item in tracked}
    for event in app.store.finding_events(datetime.max.replace(tzinfo=UTC), found):
        if event.finding in found:
            found[event.finding].append(event)
    return found


def event_shape(event: FindingEvent, is_open: bool) -> dict[str, Any]:
    """Something that happened to a finding, in the shape of docs/cli.md; of one about what may not be named, and of a talk, not who
    did or said what."""
    names = ("kind", "at", "by", "name", "until", "day", "reason", "note", "source")
    hidden = {} if is_open else {"by": None, "name": "", "note": ""}
    return {**{name: getattr(event, name) for name in names}, **hidden}


def finding_shape(
    view: View, item: TrackedFinding, language: Language, events: Sequence[FindingEvent]
) -> dict[str, Any]:
    """A finding in the shape of docs/cli.md, with all that ever happened to it."""
    finding = cleared(view, item.finding)
    is_open = may_name(view, item.finding.subjects) and finding.kind != TALK
    names = ("key", "kind", "severity", "subjects", "message", "parameters", "evidence")
    return {
        **{name: getattr(finding, name) for name in names},
        "job": item.job,
        "state": item.state,
        "since": item.opened_at,
        "text": finding_text(finding, language, view),
        "events": [event_shape(event, is_open) for event in events],
    }


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def list_certificates(config: Path, as_json: bool, is_counted_now: bool) -> int:
    """The latest certificates, or with ``is_counted_now`` fresh ones; exit 5 while one connection is not complete."""
    with opened(config) as app:
        if is_counted_now:
            app.engine.collect(is_census_forced=True)
        by_name = {name: app.store.certificates(name) for name in app.collected}
    wholes = {
        name: next((c.certificate for c in items if c.certificate.scope == WHOLE), None)
        for name, items in by_name.items()
    }
    parts = {name: [c.certificate for c in items if c.certificate.scope != WHOLE] for name, items in by_name.items()}
    if as_json:
        say_json({name: certificate_shape(whole, parts[name]) if whole else None for name, whole in wholes.items()})
    else:
        _show_certificates(parts)
        for name, whole in wholes.items():
            if whole is None or not whole.is_complete:
                say(f"{name}: {whole.reason if whole else 'never collected'}")
    return 0 if all(whole and whole.is_complete for whole in wholes.values()) else 5


def _show_certificates(parts: Mapping[str, Sequence[Certificate]]) -> None:
    rows = [
        (
            name,
            item.stream,
            item.scope,
            item.counted,
            item.stored,
            item.is_complete,
            item.reason,
            _minute(item.at),
            _minute(item.settled_at) if item.settled_at else "",
        )
        for name, items in parts.items()
        for item in items
    ]
    columns = (
        "connection",
        "stream",
        "scope",
        "there",
        "here",
        "complete",
        "reason",
        "counted (UTC)",
        "edits proven until",
    )
    say_table("Certificates", columns, rows)


def list_runs(config: Path, as_json: bool) -> None:
    """The latest runs, newest first."""
    with opened(config) as app:
        runs = app.store.runs()
    if as_json:
        say_json(runs)
        return
    rows = [
        (
            run.id,
            run.kind,
            f"{run.started_at:%Y-%m-%d %H:%M:%S}",
            run.outcome if run.ended_at else "did not end",
            run.counts.get("written"),
        )
        for run in runs
    ]
    say_table(f"{len(rows)} runs", ("run", "kind", "started (UTC)", "outcome", "written"), rows)
