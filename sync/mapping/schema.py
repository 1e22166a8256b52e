"""The mappings folder: text in, values out, and every mistake of every file named at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import PurePosixPath
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from sync.core.calendar import MINUTES_A_DAY, Calendars
from sync.core.errors import ConfigError, Problem
from sync.core.values import Language, Role
from sync.core.vocabulary import folded
from sync.mapping.calendars import calendar_problems, calendars_for, is_country, parse_calendars
from sync.mapping.checks import mapping_problems, selectors_of
from sync.mapping.models import (
    SCHEMAS,
    DepartmentModel,
    DepartmentsModel,
    MappingModel,
    PeopleModel,
    PersonModel,
    PlaceModel,
    RuleModel,
)
from sync.mapping.people import (
    department_problems,
    departments_from,
    parse_departments,
    parse_people,
    people_from,
    people_problems,
)
from sync.mapping.reading import ParsedFile, parsed_file, refuse
from sync.mapping.rules import (
    ConnectionMapping,
    DependencyRule,
    Directory,
    FieldRule,
    Mappings,
    RaciRules,
    Word,
)
from sync.mapping.validation import nearest, validated
from sync.mapping.yaml import Step

__all__ = [
    "calendar_problems", "json_schema", "nearest", "parse_all", "parse_calendars", "parse_departments", "parse_mapping",
    "parse_people", "validated",
]  # fmt: skip

DEFAULT_ROLE_WORDS: dict[str, Role] = {
    "R": "responsible", "A": "accountable", "C": "consulted", "I": "informed",
}  # fmt: skip
Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of ``mapping``, ``people``, ``departments`` or ``calendar`` for editors. Raises KeyError for another name."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMAS[name].model_json_schema()}


def parse_mapping(
    text: bytes,
    file: str,
    directory: Directory,
    connection: str = "",
    language: Language = "zh-CN",
    zone: str = "Asia/Shanghai",
) -> ConnectionMapping:
    """One connection's mapping; the connection is named like the file unless given. ``language`` and ``zone`` hold where
    the mapping says none. Raises ConfigError with every problem.
    """
    parsed = parsed_file(MappingModel, text, file)
    problems = parsed.problems + mapping_problems(parsed, directory)
    if problems or parsed.model is None:
        raise ConfigError(problems)
    return _Reader(parsed, parsed.model, directory).mapping(connection or PurePosixPath(file).stem, language, zone)


def parse_all(
    files: Mapping[str, bytes],
    connections: Mapping[str, str],
    language: Language = "zh-CN",
    zone: str = "Asia/Shanghai",
    unmapped: Collection[str] = (),
) -> Mappings:
    """The whole folder. ``connections`` maps each connection to its mapping's name in ``files``; people.yaml, departments.yaml and
    calendar.yaml are known by name and may be absent. The ``unmapped``, from which nothing is collected, have an empty mapping. Raises
    one ConfigError with all problems of all files.
    """
    problems: list[Problem] = []
    by_name = {PurePosixPath(name).name: name for name in files}

    def attempt(read: Callable[[], Result]) -> Result | None:
        try:
            return read()
        except ConfigError as error:
            problems.extend(error.problems)
            return None

    def parsed(model: type[Model], name: str) -> ParsedFile[Model] | None:
        path = by_name.get(name)
        return attempt(lambda: parsed_file(model, files[path], path)) if path else None

    calendar_file = by_name.get("calendar.yaml")
    written = attempt(lambda: parse_calendars(files[calendar_file], calendar_file)) if calendar_file else {}
    people, departments = parsed(PeopleModel, "people.yaml"), parsed(DepartmentsModel, "departments.yaml")
    directory = _directory(people, departments, connections, written, problems)
    mappings: dict[str, ConnectionMapping] = {}
    for name, path in connections.items():
        empty = ConnectionMapping(name, "", (), language, zone) if name in unmapped else None
        found = empty or attempt(lambda name=name, path=path: _mapping(files, path, directory, name, language, zone))  # type: ignore[misc]
        if found:
            mappings[name] = found
    refuse(problems)
    names = {department.calendar for department in directory.departments.values()} | {"CN"}
    names |= {person.calendar for person in directory.people.values() if person.calendar}
    return Mappings(mappings, directory, calendars_for(sorted(names), written or {}))


def _mapping(
    files: Mapping[str, bytes], path: str, directory: Directory, name: str, language: Language, zone: str
) -> ConnectionMapping:
    if path not in files:
        hint = f"copy one of Tieline's mappings/examples there, or name the file: connections.{name}.mapping"
        raise ConfigError([Problem(path, 0, "-", f"there is no mapping for the connection {name!r}", hint)])
    return parse_mapping(files[path], path, directory, name, language, zone)


def _directory(
    people: ParsedFile[PeopleModel] | None,
    departments: ParsedFile[DepartmentsModel] | None,
    connections: Collection[str],
    calendars: Calendars | None,
    problems: list[Problem],
) -> Directory:
    """What is valid of people.yaml and departments.yaml; adds what is wrong with them to the problems."""
    directory = Directory()
    if departments:
        node = people.node.child("people") if people else None
        names = list(node.value) if node and isinstance(node.value, dict) else []
        problems += departments.problems + department_problems(departments, names, None)
        entries = departments.model.departments if departments.model else {}
        problems += _calendar_names(departments, "departments", entries, calendars)
        directory = Directory(departments=departments_from(departments))
    if people:
        problems += people.problems + people_problems(people, directory, connections)
        problems += _calendar_names(people, "people", people.model.people if people.model else {}, calendars)
        directory = Directory(people_from(people, directory), directory.departments)
    return directory


def _calendar_names(
    parsed: ParsedFile[Any],
    section: str,
    entries: Mapping[str, DepartmentModel | PersonModel],
    calendars: Calendars | None,
) -> list[Problem]:
    """Calendars that the entries of a section name and that do not exist."""
    if calendars is None:  # a broken calendar.yaml is named already
        return []
    return [
        parsed.problem(
            (section, key, "calendar"),
            f"{item.calendar!r} is neither in calendar.yaml nor a country",
            nearest(item.calendar, [*calendars, "CN"]),
        )
        for key, item in entries.items()
        if item.calendar and item.calendar not in calendars and not is_country(item.calendar)
    ]


class _Reader:
    """Makes the frozen values of one valid file, each with its line."""

    def __init__(self, parsed: ParsedFile[MappingModel], model: MappingModel, directory: Directory) -> None:
        self._file, self._node, self._model, self._directory = parsed.file, parsed.node, model, directory
        self._steps = parsed.steps

    def mapping(self, connection: str, language: Language, zone: str) -> ConnectionMapping:
        model = self._model
        return ConnectionMapping(
            connection=connection,
            file=self._file,
            scope=tuple(model.scope),
            language=model.language or language,
            zone=model.zone or zone,
            status=self._words(("status",), model.status),
            task=self._fields("task"),
            document=self._fields("document"),
            raci=self._raci(),
            dependencies=tuple(self._rule(number, rule) for number, rule in enumerate(model.dependencies)),
            confidence_threshold=model.confidence_threshold,
        )

    def _words(self, steps: tuple[Step, ...], words: Mapping[str, str]) -> dict[str, Word]:
        return {folded(word): Word(word, meaning, self._line((*steps, word))) for word, meaning in words.items()}

    def _line(self, steps: tuple[Step, ...]) -> int:
        return self._node.line(self._steps(steps))

    def _fields(self, section: str) -> dict[str, tuple[FieldRule, ...]]:
        part = getattr(self._model, section)
        return {name: rules for name in type(part).model_fields if (rules := self._places(section, name))}

    def _places(self, section: str, name: str) -> tuple[FieldRule, ...]:
        found = getattr(getattr(self._model, section), name)
        return tuple(self._place((section, name, number), place) for number, place in enumerate(found))

    def _place(self, steps: tuple[Step, ...], place: PlaceModel) -> FieldRule:
        value = place.value.get("jmespath") if isinstance(place.value, dict) else None
        return FieldRule(
            file=self._file,
            line=self._line(steps),
            path=place.path or "",
            field=place.field or "",
            label=place.name,
            jmespath=place.jmespath or value or "",
            constant="" if place.value is None or value else str(place.value),
            when=place.when or "",
            unit=place.unit,
            words=self._words((*steps, "words"), place.words),
            default=place.default,
            default_line=self._line((*steps, "default")) if place.default is not None else 0,
        )

    def _raci(self) -> RaciRules:
        raci = self._model.raci
        departments = []
        for name, place in raci.departments.items():
            if ref := self._directory.department(name):
                departments.append((ref, self._place(("raci", "departments", name), place)))
        roles: dict[Role, tuple[FieldRule, ...]] = {
            role: rules for role in get_args(Role) if (rules := self._places("raci", role))
        }
        words = self._words(("raci", "words"), raci.words or DEFAULT_ROLE_WORDS)
        return RaciRules(roles, tuple(departments), words)

    def _rule(self, number: int, rule: RuleModel) -> DependencyRule:
        selector = selectors_of(rule)[0]
        value = getattr(rule, selector)
        lag = rule.lag_minutes or 0
        return DependencyRule(
            file=self._file,
            line=self._line(("dependencies", number)),
            selector=selector,
            names=tuple(value) if isinstance(value, list) else (value,),
            label=rule.name,
            outward=rule.outward or "predecessor",
            other=rule.other or "successor",
            pattern=rule.pattern or "",
            type=rule.type or "finish_to_start",
            lag_minutes=lag if rule.lag_days is None else rule.lag_days * MINUTES_A_DAY,
            lag_unit=rule.lag_unit or "working",
            confidence=rule.confidence,
            relation=rule.relation or "",
            is_ignored=rule.ignore,
        )
