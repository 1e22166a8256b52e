"""A JQL query to a test on issues and an order of them, for one calling user at one moment."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.jira.adf import as_wiki
from sandbox.jira.jql import Clause, Group, JqlError, Operand, Query
from sandbox.jira.reference import CATEGORIES, is_date_field
from sandbox.jira.state import Issue, Named, Site, User

Test = Callable[[Issue], bool]
Getter = Callable[[Issue], tuple[Any, ...]]
UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
DATE_HELP = (
    "Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', "
    "or a period format e.g. '-5d', '4w 2d'."
)
ALIASES = {
    "issuekey": "key", "issue": "key", "updateddate": "updated", "createddate": "created", "due": "duedate",
    "resolved": "resolutiondate", "type": "issuetype", "component": "components", "fixversion": "fixversions",
    "affectedversion": "versions", "level": "security",
}  # fmt: skip
EQUALITY = ("=", "!=", "in", "not in", "is", "is not")
COMPARISON = (*EQUALITY, "<", ">", "<=", ">=")
TEXT = ("~", "!~", "is", "is not")


@dataclass(frozen=True)
class Caller:
    """Who asks, when, and whether unknown values are an error (Jira's validateQuery)."""

    site: Site
    user: User
    now: datetime
    is_strict: bool = True

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.user.zone)


@dataclass(frozen=True)
class Field:
    """A searchable field: its values on an issue (none = EMPTY), what a literal means, and its operators."""

    values: Getter
    meaning: Callable[[Operand], tuple[Any, ...]]
    operators: tuple[str, ...] = EQUALITY


class Descending:
    """A sort value that orders the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: Descending) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]


def predicate_from_query(query: Query, caller: Caller) -> Test:
    """The test of the WHERE part; without one every issue passes. Raises JqlError for unknown fields and values."""
    return _test(query.where, caller) if query.where else lambda _: True


def _test(node: Clause | Group, caller: Caller) -> Test:
    if isinstance(node, Clause):
        return _clause_test(node, caller)
    tests = [_test(part, caller) for part in node.parts]
    if node.is_all:
        return lambda issue: all(test(issue) for test in tests)
    return lambda issue: any(test(issue) for test in tests)


def _clause_test(clause: Clause, caller: Caller) -> Test:
    field = field_named(clause.field, caller)
    operator = clause.operator
    if operator not in field.operators:
        raise JqlError(f"The operator '{operator}' is not supported by the '{clause.field}' field.")
    values = field.values
    is_empty_wanted = any(operand.is_empty for operand in clause.values)
    meant = [value for operand in clause.values if not operand.is_empty for value in field.meaning(operand)]
    match operator:
        case "is" | "=" if is_empty_wanted:
            return lambda issue: not values(issue)
        case "is not" | "!=" if is_empty_wanted:
            return lambda issue: bool(values(issue))
        case "=" | "in":
            wanted = frozenset(meant)
            return lambda issue: (
                any(value in wanted for value in values(issue)) or (is_empty_wanted and not values(issue))
            )
        case "!=" | "not in":  # EMPTY rows are dropped
            unwanted = frozenset(meant)
            return lambda issue: bool(mine := values(issue)) and not any(value in unwanted for value in mine)
        case "~":
            return lambda issue: all(_contains(values(issue), text) for text in meant)
        case "!~":
            return lambda issue: bool(values(issue)) and not all(_contains(values(issue), text) for text in meant)
    return _comparison(operator, values, meant[0])


def _comparison(operator: str, values: Getter, bound: Any) -> Test:
    match operator:
        case "<":
            return lambda issue: any(value < bound for value in values(issue))
        case "<=":
            return lambda issue: any(value <= bound for value in values(issue))
        case ">":
            return lambda issue: any(value > bound for value in values(issue))
    return lambda issue: any(value >= bound for value in values(issue))


def _contains(texts: tuple[Any, ...], wanted: str) -> bool:
    whole = "\n".join(texts).lower()
    return all(part.strip("*\"'") in whole for part in wanted.lower().split())


def sort_key(query: Query, caller: Caller) -> Callable[[Issue], tuple[Any, ...]]:
    """The order of the rows; the id settles ties. Without ORDER BY the newest comes first."""
    order = query.order or (("created", True),)
    parts = [
        (field_named(name, caller, "Not able to sort using field '{}'.").values, is_down) for name, is_down in order
    ]

    def key(issue: Issue) -> tuple[Any, ...]:
        values = []
        for getter, is_down in parts:
            mine = getter(issue)
            part = (0, mine[0]) if mine else (1, "")
            values.append(Descending(part) if is_down else part)
        return (*values, issue.id)

    return key


def field_named(name: str, caller: Caller, error: str = "") -> Field:
    """The field a query names: system name, alias, cf[id], custom field id or display name in either language."""
    plain = ALIASES.get(name.lower(), name.lower())
    makers = (_identity_field, _time_field, _named_field, _person_field, _other_field)
    for make in makers:
        if field := make(plain, name, caller):
            return field
    if custom := _custom_field(plain, caller):
        return custom
    sentence = error or "Field '{}' does not exist or you do not have permission to view it."
    raise JqlError(sentence.format(name))


def _identity_field(plain: str, name: str, caller: Caller) -> Field | None:
    site = caller.site

    def keys(operand: Operand) -> tuple[tuple[str, int], ...]:
        issue = site.find(operand.text)
        if issue is None and caller.is_strict:
            kind = (
                f"An issue with key '{operand.text}'"
                if not operand.text.isdigit()
                else f"A value with ID '{operand.text}'"
            )
            raise JqlError(f"{kind} does not exist for the field '{name}'.")
        return (_key_order(issue.key),) if issue else ()

    def projects(operand: Operand) -> tuple[str, ...]:
        found = [
            project.id
            for project in site.projects.values()
            if operand.text.lower() in (project.key.lower(), project.id, project.name.lower())
            and project.status == "live" and project.key not in site.hidden_projects
        ]  # fmt: skip
        return tuple(found) or _unknown(operand, name, caller)

    def parents(operand: Operand) -> tuple[int, ...]:
        issue = site.find(operand.text)
        return (issue.id,) if issue else _unknown(operand, name, caller)

    match plain:
        case "key" | "id":
            return Field(lambda issue: (_key_order(issue.key),), keys, COMPARISON)
        case "project":
            return Field(lambda issue: (issue.project_id,), projects)
        case "parent":
            return Field(lambda issue: _some(issue.parent), parents)
    return None


def _key_order(key: str) -> tuple[str, int]:
    project, _, number = key.rpartition("-")
    return project, int(number)


def _time_field(plain: str, name: str, caller: Caller) -> Field | None:
    def moment(operand: Operand) -> tuple[datetime, ...]:
        return (_moment(operand, name, caller),)

    getters: dict[str, Getter] = {
        "updated": lambda issue: (issue.updated,),
        "created": lambda issue: (issue.created,),
        "resolutiondate": lambda issue: _some(issue.resolved),
        "duedate": lambda issue: tuple(_midnight(day, caller.zone) for day in _some(issue.due)),
    }
    return Field(getters[plain], moment, COMPARISON) if plain in getters else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _moment(operand: Operand, name: str, caller: Caller) -> datetime:
    """A date operand: epoch milliseconds, a period from now, or a literal in the calling user's zone (to the minute)."""
    text = operand.text.strip()
    if operand.arguments is not None:
        return _moment_of_function(operand, caller)
    if not operand.is_quoted and re.fullmatch(r"\d{5,14}", text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if re.fullmatch(r"-?(\d+[wdhm]\s*)+", text):
        length = sum((int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([wdhm])", text)), timedelta())
        return caller.now - length if text.startswith("-") else caller.now + length
    for pattern in ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d"):
        try:
            naive = datetime.strptime(text, pattern)  # noqa: DTZ007 - JQL has no zone; the caller's follows
        except ValueError:
            continue
        return naive.replace(tzinfo=caller.zone).astimezone(UTC)
    raise JqlError(f"Date value '{text}' for field '{name}' is invalid. {DATE_HELP}")


def _moment_of_function(operand: Operand, caller: Caller) -> datetime:
    midnight = caller.now.astimezone(caller.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    moments = {"now": caller.now, "startofday": midnight, "endofday": midnight + timedelta(days=1, milliseconds=-1)}
    if operand.text.lower() not in moments or operand.arguments:
        raise JqlError(f"Unable to find JQL function '{operand.text}({', '.join(operand.arguments or ())})'.")
    return moments[operand.text.lower()].astimezone(UTC)


def _named_field(plain: str, name: str, caller: Caller) -> Field | None:
    """Fields whose values have an id and a name: both are understood, the name in any language."""
    site = caller.site
    tables: dict[str, tuple[Getter, dict[str, Named]]] = {
        "status": (lambda issue: (issue.status_id,), site.statuses),
        "issuetype": (lambda issue: (issue.type_id,), site.types),
        "priority": (lambda issue: _some(issue.priority_id), site.priorities),
        "resolution": (lambda issue: _some(issue.resolution_id), site.resolutions),
    }
    if plain == "statuscategory":
        return Field(
            lambda issue: (site.statuses[issue.status_id].category,), lambda operand: _category(operand, name, caller)
        )
    if plain not in tables:
        return None
    getter, table = tables[plain]

    def meaning(operand: Operand) -> tuple[str, ...]:
        text = operand.text.lower()
        if plain == "resolution" and text == "unresolved":
            raise JqlError("Use 'resolution is EMPTY': the sandbox does not know the word Unresolved.")
        found = tuple(
            item.id
            for item in table.values()
            if text == item.id or text in (each.lower() for each in item.words.values())
        )
        return found or _unknown(operand, name, caller)

    return Field(getter, meaning, COMPARISON if plain == "priority" else EQUALITY)


def _category(operand: Operand, name: str, caller: Caller) -> tuple[str, ...]:
    text = operand.text.lower()
    for key, (number, words, _) in CATEGORIES.items():
        if text in (key, str(number), *(each.lower() for each in words.values())):
            return (key,)
    return _unknown(operand, name, caller)


def _person_field(plain: str, name: str, caller: Caller) -> Field | None:
    getters: dict[str, Getter] = {
        "assignee": lambda issue: _some(issue.assignee),
        "reporter": lambda issue: _some(issue.reporter),
        "creator": lambda issue: _some(issue.creator),
        "watcher": lambda issue: issue.watchers,
    }

    def meaning(operand: Operand) -> tuple[str, ...]:
        if operand.arguments is not None:
            if operand.text.lower() != "currentuser":
                raise JqlError(f"Unable to find JQL function '{operand.text}()'.")
            return (caller.user.key,)
        names = (lambda user: (user.account_id, user.name)) if caller.site.variant == "cloud" else _server_names
        found = tuple(user.key for user in caller.site.users.values() if operand.text in names(user))
        return found or _unknown(operand, name, caller)

    return Field(getters[plain], meaning) if plain in getters else None


def _server_names(user: User) -> tuple[str, ...]:
    return user.login, user.server_key, user.name, user.email


def _other_field(plain: str, name: str, caller: Caller) -> Field | None:
    site = caller.site

    def text(operand: Operand) -> tuple[str, ...]:
        return (operand.text,)

    def in_table(table: dict[str, Any]) -> Callable[[Operand], tuple[str, ...]]:
        def meaning(operand: Operand) -> tuple[str, ...]:
            found = tuple(item["id"] for item in table.values() if operand.text in (item["id"], item["name"]))
            return found or _unknown(operand, name, caller)

        return meaning

    fields: dict[str, Field] = {
        "labels": Field(lambda issue: issue.labels, text),
        "summary": Field(lambda issue: (issue.summary,), text, TEXT),
        "description": Field(lambda issue: _some(as_wiki(issue.description)), text, TEXT),
        "comment": Field(lambda issue: tuple(str(as_wiki(item.body)) for item in issue.comments), text, TEXT),
        "text": Field(lambda issue: (issue.summary, as_wiki(issue.description) or ""), text, TEXT),
        "fixversions": Field(lambda issue: issue.fix_versions, in_table(site.versions)),
        "versions": Field(lambda issue: issue.versions, in_table(site.versions)),
        "components": Field(lambda issue: issue.components, in_table(site.components)),
        "security": Field(lambda issue: (issue.security["id"], issue.security["name"]) if issue.security else (), text),
    }
    return fields.get(plain)


def _custom_field(plain: str, caller: Caller) -> Field | None:
    for field_id, custom in caller.site.custom_fields.items():
        number = field_id.removeprefix("customfield_")
        if plain not in (field_id, f"cf[{number}]", *(each.lower() for each in custom["words"].values())):
            continue
        if is_date_field(custom):
            return Field(
                lambda issue, key=field_id: tuple(  # type: ignore[misc]
                    _midnight(date.fromisoformat(text), caller.zone) for text in _some(issue.extra.get(key))
                ),
                lambda operand: (_moment(operand, plain, caller),),
                COMPARISON,
            )
        return Field(
            lambda issue, key=field_id: _some(issue.extra.get(key)),  # type: ignore[misc]
            lambda operand: (operand.text,),
        )
    return None


def _some(value: Any) -> tuple[Any, ...]:
    return () if value is None or value == "" else (value,)


def _unknown(operand: Operand, name: str, caller: Caller) -> tuple[Any, ...]:
    if not caller.is_strict:
        return ()
    raise JqlError(f"The value '{operand.text}' does not exist for the field '{name}'.")
