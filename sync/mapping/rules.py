"""What a valid mapping says, as frozen values that know their file and line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct
from msgspec import field as made_by  # FieldRule has a field of that name

from sync.core.calendar import Calendar
from sync.core.values import (
    Department,
    DependencyType,
    LagUnit,
    Language,
    Person,
    Ref,
    Role,
)
from sync.core.vocabulary import is_called
from sync.mapping.paths import fields_of_expression, fields_of_path

OURS = "tieline"  # the connection of everything that YAML defines
Side = Literal["predecessor", "successor"]
Selector = Literal["link", "field", "checklist", "attachment", "remote_link", "text"]
Unit = Literal["minutes", "hours", "days", "seconds"]


class Word(Struct, frozen=True):
    """One line of a word table: the tool's word as written, what it means, and where that stands."""

    text: str
    meaning: str
    line: int


class FieldRule(Struct, frozen=True):
    """One place where a value is looked for. Exactly one of ``path``, ``field``, ``jmespath`` and ``constant`` is set.

    ``when`` is a JMESPath that must be true for the place to count; ``label`` is the shown name that ``field`` must have.
    """

    file: str
    line: int
    path: str = ""
    field: str = ""
    label: str = ""
    jmespath: str = ""
    constant: str = ""
    when: str = ""
    unit: Unit = "minutes"
    words: Mapping[str, Word] = made_by(default_factory=dict)
    default: str | None = None
    default_line: int = 0

    @property
    def place(self) -> str:
        """What the rule reads, as an admin would name it."""
        return self.path or self.field or self.jmespath or repr(self.constant)

    def vendor_fields(self) -> tuple[str, ...]:
        found: tuple[str, ...] = (self.field,) if self.field else ()
        for text in (self.jmespath, self.when):
            found += fields_of_expression(text) if text else ()
        return found + (fields_of_path(self.path) if self.path else ())


class DependencyRule(Struct, frozen=True):
    """One kind of evidence. ``names`` are link types, checklist names or attachment patterns, or the one field.

    For a link ``outward`` is what the end that reads the outward words is; for all others ``other`` is what the named item is.
    """

    file: str
    line: int
    selector: Selector
    names: tuple[str, ...] = ()
    label: str = ""
    outward: Side = "predecessor"
    other: Side = "predecessor"
    pattern: str = ""
    type: DependencyType = "finish_to_start"
    lag_minutes: int = 0
    lag_unit: LagUnit = "working"
    confidence: float = 1.0
    relation: str = ""
    is_ignored: bool = False

    @property
    def rule(self) -> str:
        """Where the rule stands: ``mappings/jira-main.yaml:34``."""
        return f"{self.file}:{self.line}"

    def vendor_fields(self) -> tuple[str, ...]:
        if self.selector == "field":
            return self.names
        return fields_of_path(self.names[0]) if self.selector == "text" else ()


class RaciRules(Struct, frozen=True):
    """Who holds which role: people by role, departments by a field each, and the words such a field holds."""

    roles: Mapping[Role, tuple[FieldRule, ...]] = made_by(default_factory=dict)
    departments: tuple[tuple[Ref, FieldRule], ...] = ()
    words: Mapping[str, Word] = made_by(default_factory=dict)


class ConnectionMapping(Struct, frozen=True):
    """One connection's mapping. ``status`` is keyed by folded words; ``task`` and ``document`` by our field names."""

    connection: str
    file: str
    scope: tuple[str, ...]
    language: Language
    zone: str
    status: Mapping[str, Word] = made_by(default_factory=dict)
    task: Mapping[str, tuple[FieldRule, ...]] = made_by(default_factory=dict)
    document: Mapping[str, tuple[FieldRule, ...]] = made_by(default_factory=dict)
    raci: RaciRules = RaciRules()
    dependencies: tuple[DependencyRule, ...] = ()
    confidence_threshold: float = 0.8

    def field_rules(self) -> Iterable[FieldRule]:
        """Every place that is read, RACI included."""
        for rules in (*self.task.values(), *self.document.values(), *self.raci.roles.values()):
            yield from rules
        for _, rule in self.raci.departments:
            yield rule

    def vendor_fields(self) -> tuple[str, ...]:
        """The vendor's fields this mapping reads, for sources that must ask for fields."""
        found = [name for rule in self.field_rules() for name in rule.vendor_fields()]
        found += [name for rule in self.dependencies for name in rule.vendor_fields()]
        return tuple(sorted(set(found)))


class Directory(Struct, frozen=True):
    """What people.yaml and departments.yaml say."""

    people: Mapping[Ref, Person] = made_by(default_factory=dict)
    departments: Mapping[Ref, Department] = made_by(default_factory=dict)

    def department(self, text: str) -> Ref | None:
        """The department of this key, name or English name; None when there is none or more than one."""
        found = {ref for ref, item in self.departments.items() if is_called(item, text)}
        return found.pop() if len(found) == 1 else None


class Mappings(Struct, frozen=True):
    """The whole mappings folder."""

    connections: Mapping[str, ConnectionMapping]
    directory: Directory
    calendars: Mapping[str, Calendar]
