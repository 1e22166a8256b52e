"""The ``jobs`` section of tieline.yaml: each job's own settings, and the connections and departments that they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from sync.connection_config import ConnectionConfig, reach_of, variant_of
from sync.core.errors import Problem
from sync.core.values import Ref
from sync.mapping.rules import Directory
from sync.mapping.structs import Mistake, mistakes
from sync.mapping.validation import nearest
from sync.mapping.yaml import Node, Step
from sync.registry import connectors_by_name, jobs_by_name

PORT_OF = {"pages": "knowledge_base", "tables": "metric_sink", "rooms": "messenger", "chats": "messenger"}
"""What a job's places of each kind need of their connection."""
_HAS = {"knowledge_base": "pages", "metric_sink": "tables for charts", "messenger": "a chat"}
_ROBOTS = "an application of Feishu, WeCom or DingTalk does; a robot does not"
Connections = Mapping[str, ConnectionConfig]


def job_settings(
    jobs: Mapping[str, Mapping[str, Any]], connections: Connections, every_minutes: int, node: Node, file: str
) -> tuple[dict[str, Any], list[Problem]]:
    """The settings of each job, and every mistake at its own line; a job with a mistake of its own has no settings."""
    settings: dict[str, Any] = {}
    problems: list[Problem] = []
    known = jobs_by_name()
    for job, values in jobs.items():
        if job not in known:
            path = f"jobs.{job}"
            problems.append(Problem(file, node.line(path), path, f"{job!r} is not a job", nearest(job, known)))
            continue
        found = list(mistakes(known[job].settings, values))
        if not found:
            settings[job] = msgspec.convert(values, known[job].settings)
            found += _place_mistakes(connections, settings[job])
            problems += pace_problems(job, settings[job], every_minutes, node, file)
        problems += [problem_from_mistake(job, item, node, file) for item in found]
    return settings, problems


def problem_from_mistake(job: str, mistake: Mistake, node: Node, file: str) -> Problem:
    """A mistake in a job's settings, at its line."""
    steps: tuple[Step, ...] = ("jobs", job, *mistake.steps)
    return Problem(file, node.line(steps), ".".join(map(str, steps)), mistake.text, mistake.hint)


def pace_problems(job: str, settings: Any, every_minutes: int, node: Node, file: str) -> list[Problem]:
    """A job whose settings tell of ``fastest_minutes`` cannot keep them when cycles come less often. The problem names both lines."""
    fastest = getattr(settings, "fastest_minutes", None)
    if fastest is None or every_minutes <= fastest:
        return []
    path, serve = "serve.every_minutes", node.child("serve")
    if serve is None or serve.child("every_minutes") is None:
        text = f"a step comes after {fastest} minutes, and without serve.every_minutes a cycle every {every_minutes}"
        hint = f"write serve: {{every_minutes: {fastest}}}, or slower ladders"
        return [Problem(file, node.line(f"jobs.{job}"), f"jobs.{job}", text, hint)]
    text = f"{every_minutes} minutes are too slow for jobs.{job} (line {node.line(f'jobs.{job}')}): a step comes after {fastest}"
    return [Problem(file, node.line(path), path, text, f"at most {fastest}, or slower ladders")]


def department_problems(settings: Mapping[str, Any], directory: Directory, node: Node, file: str) -> Iterator[Problem]:
    """Departments that jobs name and that are none of departments.yaml; or one that is named twice, of which only the first would count."""
    for job, own in settings.items():
        for mistake in _department_mistakes(getattr(own, "departments", ()), directory, ("departments",)):
            yield problem_from_mistake(job, mistake, node, file)
        for number, room in enumerate(getattr(own, "rooms", ())):
            for mistake in _key_mistakes(room.departments, directory, ("rooms", number, "departments")):
                yield problem_from_mistake(job, mistake, node, file)


def _department_mistakes(names: Iterable[str], directory: Directory, steps: tuple[Step, ...]) -> Iterator[Mistake]:
    seen: dict[Ref, str] = {}
    for name in names:
        ref = directory.department(name)
        if ref is None:
            yield _no_department(name, directory, (*steps, name))
        elif ref in seen:
            yield Mistake((*steps, name), f"the same department as {seen[ref]!r}", "write it once")
        else:
            seen[ref] = name


def _key_mistakes(names: Iterable[str], directory: Directory, steps: tuple[Step, ...]) -> Iterator[Mistake]:
    for number, name in enumerate(names):
        ref = directory.department(name)
        if ref is None:
            yield _no_department(name, directory, (*steps, number))
        elif name != ref.key:
            yield Mistake((*steps, number), f"{name!r} is not the key of a department", f"write {ref.key}")


def _no_department(name: str, directory: Directory, steps: tuple[Step, ...]) -> Mistake:
    items = directory.departments.values()
    known = [text for item in items for text in (item.ref.key, item.name, item.english_name) if text]
    there = ", ".join(item.name for item in items) or "none"
    return Mistake(steps, f"{name!r} is no department", nearest(name, known) or f"departments.yaml has {there}")


def _place_mistakes(connections: Connections, settings: Any) -> Iterator[Mistake]:
    """What is wrong with the connections that a job's settings name."""
    if hasattr(settings, "connection"):
        yield from _connection_mistakes(
            connections, settings, "knowledge_base" if hasattr(settings, "space") else "", ()
        )
    for kind, port in PORT_OF.items():
        for number, place in enumerate(getattr(settings, kind, ())):
            yield from _connection_mistakes(connections, place, port, (kind, number))


def _connection_mistakes(connections: Connections, place: Any, port: str, steps: tuple[Step, ...]) -> Iterator[Mistake]:
    name, wanted, at = place.connection, getattr(place, "reaches", ""), (*steps, "connection")
    able = [other for other, item in connections.items() if _lacks(item, port, wanted) == ""]
    none = (
        f"none of the connections reaches {wanted}: {_ROBOTS}"
        if wanted
        else f"none of the connections has {_HAS.get(port)}"
    )
    hint = f"these can: {', '.join(able)}" if able else none
    if not name:
        yield Mistake(at, "missing", hint)
    elif name not in connections:
        yield Mistake(at, f"{name!r} is not a connection", nearest(name, able or connections) or hint)
    elif lacking := _lacks(connections[name], port, wanted):
        yield Mistake(at, f"{name!r} {lacking}", hint)


def _lacks(connection: ConnectionConfig, port: str, wanted: str) -> str:
    """What a connection cannot do that is asked of it; empty when it can, or when its connector is not known."""
    manifest = connectors_by_name().get(connection.type)
    if manifest is None:
        return ""
    if port and port not in manifest.offered(variant_of(connection, manifest), connection.extra):
        return f"offers no {port}"
    return f"reaches no {wanted}" if wanted and wanted not in reach_of(connection, manifest) else ""
