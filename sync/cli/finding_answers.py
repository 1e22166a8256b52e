"""`answer` and `incident`: what an admin or a script says about a finding, by the same rules as a button in a chat."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

from sync.app import App
from sync.cli.cycle import opened
from sync.cli.dependency_answers import user_name
from sync.cli.explain import ref_named
from sync.cli.findings_text import finding_text
from sync.cli.listings import event_shape
from sync.cli.show import say, say_json
from sync.core.answering import Speaker
from sync.core.errors import COMMAND_LINE, ConfigError, Problem
from sync.core.escalation import Reason, end_of_day
from sync.core.spoken import MOST_NOTE, day_from_words
from sync.core.values import Task, TrackedFinding
from sync.core.view import View
from sync.incidents import incident_key, is_marked_in_its_tool, open_incident, solve_incident
from sync.mapping.validation import nearest
from sync.store.entries import FindingEvent, FindingEventKind

KINDS: dict[str, FindingEventKind] = {
    "ack": "acknowledged",
    "decline": "declined",
    "promise": "promised",
    "reason": "stated",
}
REASONS: tuple[Reason, ...] = get_args(Reason)


def answer_finding(config: Path, key: str, word: str, value: str, by: str, as_json: bool) -> None:
    """Keep what somebody says about a finding. Raises ConfigError for one that is not there or over, and for a value that is none."""
    with opened(config) as app:
        view, language, at = app.engine.view(), app.loaded.config.language, datetime.now(UTC)
        known = {item.finding.key: item for item in app.store.findings()}
        _check_key(key, known)
        speaker = speaker_named(app, by)
        event = _event(key, word, value, speaker, at)
        if not app.store.take_answer(event):
            raise wrong(key, f"{known[key].acknowledged_by or 'somebody'} took it on already", "nothing was changed")
    shape = event_shape(event, is_open=True)
    if as_json:
        say_json({"key": key, **shape})
        return
    what = next((text for text in (event.reason, event.day and f"{event.day:%Y-%m-%d}") if text), "")
    say(
        f"{' '.join(filter(None, (event.kind, what)))}, says {speaker.name}: {finding_text(known[key].finding, language, view)}"
    )


def open_one(config: Path, text: str, note: str, by: str, as_json: bool) -> None:
    """Open an incident about a task; one that stands already stays as it is. Raises ConfigError for what may not be named."""
    with opened(config) as app:
        task, speaker, at = _task(app, text), speaker_named(app, by), datetime.now(UTC)
        is_new = open_incident(app.store, task, note[:MOST_NOTE], speaker, at, source_at(at))
        [item] = [item for item in app.store.findings() if item.finding.key == incident_key(task.ref)]
    if as_json:
        say_json({"key": item.finding.key, "task": task.ref, "is_new": is_new, "since": item.opened_at})
        return
    say(f"{'An incident is open' if is_new else 'There is an open incident already'}: {task.key} {task.title}")


def solve_one(config: Path, text: str, note: str, by: str, as_json: bool) -> None:
    """Say that a task's incident is over. Raises ConfigError where none is open."""
    with opened(config) as app:
        task, speaker, at = _task(app, text), speaker_named(app, by), datetime.now(UTC)
        if not solve_incident(app.store, task.ref, note[:MOST_NOTE], speaker, at, source_at(at)):
            if is_marked_in_its_tool(app.store, task.ref):
                raise wrong(text, "is marked as an incident in its own tool", "change its status there")
            raise wrong(text, "has no open incident", "`tieline findings` lists what is open")
    if as_json:
        say_json({"key": incident_key(task.ref), "task": task.ref, "at": at})
        return
    say(f"Solved: {task.key} {task.title}")


def speaker_named(app: App, by: str) -> Speaker:
    """Whoever says it: somebody of people.yaml by key, name or e-mail, else only a name."""
    directory, zone, wanted = app.mappings.directory, app.loaded.config.zone, by.strip().casefold()
    for ref, person in directory.people.items() if wanted else ():
        if wanted in {text.casefold() for text in (ref.key, person.name, person.english_name, person.email) if text}:
            department = directory.departments.get(person.department) if person.department else None
            return Speaker(ref, person.name, person.zone or (department.zone if department else zone))
    return Speaker(None, by.strip() or user_name(), zone)


def _task(app: App, text: str) -> Task:
    view: View = app.engine.view()
    task = view.tasks.get(ref_named(app, view, text))
    if task is None:
        raise wrong(text, "is no task", "`tieline tasks` lists them")
    if task.visibility != "open":
        raise wrong(
            text, "is restricted, and an incident is told in chats", "tell those who may read it in its own tool"
        )
    return task


def _check_key(key: str, known: dict[str, TrackedFinding]) -> None:
    if key not in known:
        hint = nearest(key, known) or "`tieline findings --json` lists the keys"
        raise wrong(key, "not the key of a finding", hint)
    if known[key].state == "resolved":
        raise wrong(key, f"is over since {known[key].resolved_at:%Y-%m-%d %H:%M} UTC", "nothing was changed")


def _event(key: str, word: str, value: str, speaker: Speaker, at: datetime) -> FindingEvent:
    more: dict[str, Any] = {}
    if word == "promise":
        more["day"] = day_named(value, at.astimezone(ZoneInfo(speaker.zone)).date())
        more["until"] = end_of_day(more["day"], speaker.zone)
    elif word == "reason":
        if value not in REASONS:
            raise wrong(value or "reason", "is no reason", f"one of {', '.join(REASONS)}")
        more["reason"] = value
    elif value:
        raise wrong(value, f"is too much: {word} takes no value", f"`tieline answer KEY {word}`")
    return FindingEvent(key, KINDS[word], at, source_at(at), speaker.person, speaker.name, **more)


def day_named(text: str, today: date) -> date:
    """The day that somebody writes. Raises ConfigError for what is none from today on."""
    day = day_from_words(text, today)
    if day is None:
        raise wrong(text or "date", "is no date from today on", f"such as {today:%Y-%m-%d}")
    return day


def source_at(at: datetime) -> str:
    """By what an answer given now is known."""
    return f"command:{at.isoformat()}"


def wrong(path: str, text: str, hint: str) -> ConfigError:
    """What is wrong with the command line, and what to do."""
    return ConfigError([Problem(COMMAND_LINE, 0, path, text, hint)])
