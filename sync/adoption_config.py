"""The ``adoption`` section of tieline.yaml: the stock-taking page and the pilot, and what may be wrong with them."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sync.adoption import Adopting, Pilot
from sync.core.baseline import JOB as BASELINE
from sync.core.errors import ConfigError, Problem
from sync.core.values import Ref
from sync.mapping.rules import Mappings
from sync.mapping.validation import nearest
from sync.mapping.yaml import Node
from sync.registry import connectors_by_name, jobs_by_name


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AdoptionPage(_Section):
    """Where the stock-taking page stands and what it is called."""

    connection: str
    space: str = Field(min_length=1)
    title: str = Field(min_length=1)


class PilotConfig(_Section):
    """Whose tasks are written to for a start; both lists together."""

    departments: list[str] = Field(default_factory=list)
    projects: list[str] = Field(default_factory=list)


class AdoptionConfig(_Section):
    """How Tieline arrives in a living company; see docs/adoption.md."""

    page: AdoptionPage | None = None
    pilot: PilotConfig | None = None


def adoption_problems(
    adoption: AdoptionConfig, jobs: Container[str], connectors: Mapping[str, str], node: Node, file: str
) -> list[Problem]:
    """What is wrong with the section; ``connectors`` names each connection's connector. The pilot's names need the mappings."""
    problems: list[Problem] = []

    def problem(path: str, text: str, hint: str = "") -> None:
        problems.append(Problem(file, node.line(path), path, text, hint))

    if BASELINE in jobs:
        problem(f"jobs.{BASELINE}", "is switched on by adoption.page", "move its settings to adoption.page")
    pilot, page = adoption.pilot, adoption.page
    if pilot is not None and not (pilot.departments or pilot.projects):
        problem(
            "adoption.pilot", "names no department and no project: nothing would be written", "leave it out for all"
        )
    if page is not None and page.connection not in connectors:
        hint = nearest(page.connection, list(connectors))
        problem("adoption.page.connection", f"{page.connection!r} is not a connection", hint)
    elif page is not None:
        manifest = connectors_by_name().get(connectors[page.connection])
        if manifest and "knowledge_base" not in manifest.ports:
            problem("adoption.page.connection", f"{page.connection!r} ({manifest.name}) has no pages")
    return problems


def baseline_settings(page: AdoptionPage) -> Any:
    """The settings of the job that keeps the page, which are written nowhere else."""
    return jobs_by_name()[BASELINE].settings(**page.model_dump())


def adopting_from(adoption: AdoptionConfig, mappings: Mappings, node: Node, file: str) -> Adopting:
    """``adoption`` of tieline.yaml with its names looked up. Raises ConfigError for a name that is not known."""
    problems: list[Problem] = []

    def problem(names: str, text: str, hint: str) -> None:
        path = f"adoption.pilot.{names}"
        problems.append(Problem(file, node.line(path), path, text, hint))

    pilot = adoption.pilot or PilotConfig()
    departments, directory = set[Ref](), mappings.directory
    for name in pilot.departments:
        if ref := directory.department(name):
            departments.add(ref)
        else:
            known = [text for item in directory.departments.values() for text in (item.name, item.english_name)]
            problem("departments", f"{name!r} is no department", nearest(name, known))
    scopes = {scope for mapping in mappings.connections.values() for scope in mapping.scope}
    for name in pilot.projects:
        # A mapping may read projects from a field of its own, whose values are not known here: only a slip is told.
        if name not in scopes and (hint := nearest(name, scopes)):
            problem("projects", f"{name!r} is no project", hint)
    if problems:
        raise ConfigError(problems)
    return Adopting(adoption.page is not None, Pilot(frozenset(departments), frozenset(pilot.projects)))
