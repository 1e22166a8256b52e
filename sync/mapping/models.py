"""What each file of the mappings folder may say: pydantic models, and from them the JSON Schema for editors."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from sync.core.values import DependencyType, LagUnit, Language, Role, TaskKind
from sync.mapping.paths import BadPath, expression, steps_from_path
from sync.mapping.patterns import BadPattern, compiled
from sync.mapping.rules import Side, Unit
from sync.mapping.validation import nearest

_HOURS = r"(\d\d):(\d\d)-(\d\d):(\d\d)"
_MIDNIGHT = 24 * 60
KnownStatus = Literal["todo", "in_progress", "blocked", "done", "cancelled"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _refusal(text: str, hint: str = "") -> PydanticCustomError:
    # The text is data, never a template: braces in an admin's word must not be read as one.
    return PydanticCustomError("refused", "{text}", {"text": text, "hint": hint})


def _path(text: str) -> str:
    try:
        steps_from_path(text)
    except BadPath as error:
        raise _refusal(str(error)) from error
    return text


def _jmespath(value: object) -> object:
    text = value.get("jmespath") if isinstance(value, dict) and set(value) == {"jmespath"} else value
    if isinstance(text, str):
        try:
            expression(text)
        except BadPath as error:
            raise _refusal(str(error)) from error
    return text


def _pattern(text: str) -> str:
    try:
        compiled(text)
    except BadPattern as error:
        raise _refusal(str(error)) from error
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(text: str) -> str:
    if text not in _zones():
        raise _refusal(f"{text!r} is not a time zone", nearest(text, _zones()) or "such as Asia/Shanghai")
    return text


def _date(value: object) -> date:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)):
            return date.fromisoformat(str(value))
    except ValueError:
        pass  # 2026-02-30 looks like a date and is none
    raise _refusal(f"{value!r} is not a date", "write it like 2026-12-31")


def _hours(value: object) -> tuple[int, int]:
    found = re.fullmatch(_HOURS, str(value))
    hour, minute, last_hour, last_minute = map(int, found.groups()) if found else (99, 0, 0, 0)
    start, end = hour * 60 + minute, last_hour * 60 + last_minute
    if not found or max(start, end) > _MIDNIGHT or max(minute, last_minute) > 59:
        raise _refusal(f"{value!r} is no span of hours", "write it like 09:00-12:00")
    if end <= start:
        raise _refusal(f"{value!r} does not end after it begins", "a night is 20:00-24:00 and 00:00-04:00")
    return start, end


def _version(value: object) -> object:
    if str(value) != "1":
        raise _refusal(f"{value!r} is not a version of the grammar that this Tieline reads", "write 1")
    return 1


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _name_patterns(value: object) -> object:
    if value == "false":
        raise _refusal("leave the rule out instead of writing false")
    return ["*"] if value == "true" else _listed(value)


def _as_place(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


def _as_places(value: object) -> object:
    return [_as_place(item) for item in _listed(value)]


def _as_rota(value: object) -> object:
    return {"people": value} if isinstance(value, str | list) else value


def _as_calendar(value: object) -> object:
    return {"country": value} if isinstance(value, str) else value


Jmespath = Annotated[str, BeforeValidator(_jmespath)]
Zone = Annotated[str, AfterValidator(_zone)]
Name = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Name], BeforeValidator(_listed, json_schema_input_type=str | list[str]), Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Day = Annotated[date, BeforeValidator(_date)]
Hours = Annotated[
    tuple[int, int], BeforeValidator(_hours, json_schema_input_type=Annotated[str, Field(pattern=f"^{_HOURS}$")])
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    noun: ClassVar[str] = ""


class PlaceModel(_Model):
    """Where a value is found: a dotted path, a vendor field, a JMESPath or a constant; and how it is read."""

    noun: ClassVar[str] = "place"
    path: Annotated[str, AfterValidator(_path)] | None = None
    field: Name | None = None
    name: str = ""
    jmespath: Jmespath | None = None
    value: Any = None
    when: Jmespath | None = None
    unit: Unit = "minutes"
    words: dict[str, Name] = Field(default_factory=dict)
    default: str | None = None


Place = Annotated[PlaceModel, BeforeValidator(_as_place, json_schema_input_type=str | PlaceModel)]
Places = Annotated[
    list[PlaceModel], BeforeValidator(_as_places, json_schema_input_type=str | PlaceModel | list[str | PlaceModel])
]


class TaskModel(_Model):
    """Our fields of a task, each with the places where it is looked for; the first that holds something counts."""

    noun: ClassVar[str] = "task"
    title: Places = []
    vendor_status: Places = []
    owner: Places = []
    department: Places = []
    start: Places = []
    due: Places = []
    not_before: Places = []
    must_start: Places = []
    must_finish: Places = []
    started: Places = []
    finished: Places = []
    estimate_minutes: Places = []
    parent: Places = []
    project: Places = []
    labels: Places = []
    priority: Places = []
    kind: Places = []


class DocumentModel(_Model):
    """Our fields of a document, where they are not found under their usual names."""

    noun: ClassVar[str] = "document"
    title: Places = []
    space: Places = []
    version: Places = []
    parent: Places = []
    labels: Places = []


class RaciModel(_Model):
    """Who holds which role."""

    noun: ClassVar[str] = "RACI"
    responsible: Places = []
    accountable: Places = []
    consulted: Places = []
    informed: Places = []
    departments: dict[Name, Place] = Field(default_factory=dict)
    words: dict[Name, Role] = Field(default_factory=dict)


class RuleModel(_Model):
    """One kind of evidence for a dependency or relation."""

    noun: ClassVar[str] = "dependency"
    link: Name | None = None
    field: Name | None = None
    name: str = ""
    checklist: Texts | None = None
    attachment: (
        Annotated[list[Name], BeforeValidator(_name_patterns, json_schema_input_type=bool | str | list[str])] | None
    ) = None
    remote_link: (
        Annotated[list[Name], BeforeValidator(_name_patterns, json_schema_input_type=bool | str | list[str])] | None
    ) = None
    text: Annotated[str, AfterValidator(_path)] | None = None
    pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    outward: Side | None = None
    other: Side | None = None
    type: DependencyType | None = None
    lag_days: int | None = Field(None, ge=-3650, le=3650)
    lag_minutes: int | None = Field(None, ge=-5_256_000, le=5_256_000)
    lag_unit: LagUnit | None = None
    confidence: Share = 1.0
    relation: Name | None = None
    ignore: bool = False


class MappingModel(_Model):
    """mappings/<connection>.yaml"""

    # Required, but checked by sync.mapping.checks, so that a mistake in one of them does not hide all others.
    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"required": ["version", "scope"]})
    version: Annotated[Literal[1], BeforeValidator(_version)] = 1
    scope: Texts = []
    language: Language | None = None
    zone: Zone | None = None
    status: dict[str, KnownStatus] = Field(default_factory=dict)
    task: TaskModel = TaskModel()
    document: DocumentModel = DocumentModel()
    raci: RaciModel = RaciModel()
    dependencies: list[RuleModel] = Field(default_factory=list)
    confidence_threshold: Share = 0.8


class LeaveModel(_Model):
    """Days on which somebody is away, the first and the last included."""

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")
    deputy: Name | None = None


class PersonModel(_Model):
    """A colleague."""

    noun: ClassVar[str] = "person"
    name: Name
    english_name: str = ""
    department: Name | None = None
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    accounts: dict[Name, Texts] = Field(default_factory=dict)
    manager: Name | None = None
    deputy: Name | None = None
    calendar: Name | None = None
    zone: Zone | None = None
    absences: list[LeaveModel] = Field(default_factory=list)


class PeopleModel(_Model):
    """mappings/people.yaml"""

    people: dict[Name, PersonModel]


class RotaModel(_Model):
    """Who is on call: all of them, or one after the other from a day on."""

    noun: ClassVar[str] = "rota"
    people: Texts
    first: Day | None = Field(None, alias="from")
    every_days: int | None = Field(None, ge=1, le=366)


class DepartmentModel(_Model):
    """A department."""

    noun: ClassVar[str] = "department"
    name: str = ""
    english_name: str = ""
    head: Name | None = None
    zone: Zone = "Asia/Shanghai"
    calendar: Name = "CN"
    on_call: (
        Annotated[RotaModel, BeforeValidator(_as_rota, json_schema_input_type=str | list[str] | RotaModel)] | None
    ) = None
    coordination_group: Texts | None = None
    resource_contact: Name | None = None


class DepartmentsModel(_Model):
    """mappings/departments.yaml"""

    departments: dict[Name, DepartmentModel]


class CalendarModel(_Model):
    """Working days and hours: a country's official holidays, and what is different here."""

    noun: ClassVar[str] = "calendar"
    country: str | None = None
    weekend: list[Weekday] | None = None
    days_off: list[Day] = Field(default_factory=list)
    extra_workdays: list[Day] = Field(default_factory=list)
    half_days: list[Day] = Field(default_factory=list)
    hours: list[Hours] | None = Field(None, min_length=1)
    published_until: int | None = Field(None, ge=2000, le=2059)


class CalendarsModel(_Model):
    """mappings/calendar.yaml"""

    calendars: dict[
        Name, Annotated[CalendarModel, BeforeValidator(_as_calendar, json_schema_input_type=str | CalendarModel)]
    ]


# The words that a table under ``task.<field>.words`` may turn into, for fields that have a fixed set.
MEANINGS: dict[str, tuple[str, ...]] = {"kind": TaskKind.__args__}  # type: ignore[attr-defined]
SCHEMAS: dict[str, type[BaseModel]] = {
    "mapping": MappingModel,
    "people": PeopleModel,
    "departments": DepartmentsModel,
    "calendar": CalendarsModel,
}
