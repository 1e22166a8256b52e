"""Editing an issue: reading the fields a caller sends, and writing the change into the issue and its history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sandbox.jira.adf import problem
from sandbox.jira.reference import SYSTEM_FIELDS, is_date_field
from sandbox.jira.state import Change, Issue, Json, Named, Site, User

EDITABLE = frozenset({"summary", "description", "environment", "labels", "duedate", "priority", "assignee", "reporter",
                      "issuetype", "components", "fixVersions", "versions", "parent", "resolution"})  # fmt: skip
UPDATE_WORDS = frozenset({"set", "add", "remove", "edit"})
ATTRIBUTE = {"duedate": "due", "priority": "priority_id", "issuetype": "type_id", "fixVersions": "fix_versions",
             "resolution": "resolution_id"}  # fmt: skip
ADF_WANTED = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"


class FieldError(ValueError):
    """What is wrong with the value of one field, in Jira's words."""


@dataclass(frozen=True)
class Reading:
    """How values are read: the site and whether rich text is ADF (v3)."""

    site: Site
    is_adf: bool

    def values(self, sent: Mapping[str, Any]) -> tuple[Json, dict[str, str]]:
        """(attributes to set, errors by field) of the ``fields`` somebody sent."""
        values: Json = {}
        errors: dict[str, str] = {}
        for name, value in sent.items():
            try:
                attribute, meant = self.value(name, value)
            except FieldError as error:
                errors[name] = str(error)
            else:
                values[attribute] = meant
        return values, errors

    def value(self, name: str, value: Any) -> tuple[str, Any]:
        """(attribute, value) of one field; custom fields keep their id as attribute. Raises FieldError."""
        if name in self.site.custom_fields:
            is_date = is_date_field(self.site.custom_fields[name])
            return name, _day(value).isoformat() if is_date and value is not None else value
        if name not in EDITABLE:
            raise FieldError(f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown.")
        readers: dict[str, Callable[[Any], Any]] = {
            "summary": _summary, "labels": _labels, "duedate": lambda day: _day(day) if day is not None else None,
            "description": self.rich_text, "environment": self.rich_text, "assignee": self.user, "reporter": self.user,
            "priority": lambda item: self.named(item, self.site.priorities, "priority"),
            "issuetype": lambda item: self.named(item, self.site.types, "issue type", is_needed=True),
            "resolution": lambda item: self.named(item, self.site.resolutions, "resolution"), "parent": self.parent,
            "components": lambda items: self.listed(items, self.site.components, "Component"),
            "fixVersions": lambda items: self.listed(items, self.site.versions, "Version"),
            "versions": lambda items: self.listed(items, self.site.versions, "Version"),
        }  # fmt: skip
        return ATTRIBUTE.get(name, name), readers[name](value)

    def rich_text(self, value: Any) -> str | Json | None:
        if value is None or value == "":
            return None
        if self.is_adf:
            if not isinstance(value, dict):
                raise FieldError(ADF_WANTED)
            if problem(value):
                raise FieldError("INVALID_INPUT")
            return value
        if not isinstance(value, str):
            raise FieldError("Operation value must be a string")
        return value

    def user(self, value: Any) -> str | None:
        """A user reference: accountId (or id) on Cloud, name on Data Center; null for nobody."""
        if value is None:
            return None
        if not isinstance(value, dict):
            raise FieldError("data was not an object")
        names = ("accountId", "id") if self.site.variant == "cloud" else ("name", "key")
        wanted = next((value[name] for name in names if name in value), ...)
        if wanted is None:
            return None
        for user in self.site.users.values():
            if wanted in ((user.account_id,) if self.site.variant == "cloud" else (user.login, user.server_key)):
                return user.key
        shown = "" if wanted is ... else wanted
        raise FieldError(
            f"User '{shown}' does not exist." if self.site.variant == "dc" else "Specify a valid 'id' for assignee"
        )

    def named(self, value: Any, table: Mapping[str, Named], what: str, *, is_needed: bool = False) -> str | None:
        if value is None and not is_needed:
            return None
        if not isinstance(value, dict):
            raise FieldError(f"Specify a valid {what} ID or name" if is_needed else "data was not an object")
        for item in table.values():
            if str(value.get("id")) == item.id or value.get("name") in item.words.values():
                return item.id
        if "id" in value:
            raise FieldError(f"The {what} selected is invalid.")
        raise FieldError(
            f"Specify the {what} (id or name) in string format" if value == {} else f"The {what} is invalid."
        )

    def listed(self, value: Any, table: Mapping[str, Json], what: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise FieldError("data was not an array")
        return tuple(self._listed_one(item, table, what) for item in value)

    def _listed_one(self, item: Any, table: Mapping[str, Json], what: str) -> str:
        if not isinstance(item, dict):
            raise FieldError("expected Object")
        for number, known in table.items():
            if str(item.get("id")) == number or item.get("name") == known["name"]:
                return number
        raise FieldError(f"{what} name '{item.get('name', item.get('id'))}' is not valid")

    def parent(self, value: Any) -> int | None:
        if value is None:
            return None
        wanted = value.get("key") or value.get("id") if isinstance(value, dict) else None
        issue = self.site.find(str(wanted)) if wanted else None
        if issue is None:
            raise FieldError("Could not find issue by id or key.")
        return issue.id

    def updated(self, issue: Issue, name: str, operations: Any) -> tuple[str, Any]:
        """(attribute, value) after the ``update`` operations on one field. Raises FieldError."""
        if not isinstance(operations, list):
            raise FieldError("data was not an array")
        attribute = ATTRIBUTE.get(name, name)
        current: Any = issue.extra.get(name) if name in self.site.custom_fields else getattr(issue, attribute, ())
        for operation in operations:
            word, value = next(iter(operation.items())) if isinstance(operation, dict) and operation else ("", None)
            if word not in UPDATE_WORDS:
                raise FieldError(f"Field with id '{name}' and operation '{word}' is not supported.")
            if word == "set":
                attribute, current = self.value(name, value)
                continue
            if name not in ("labels", "components", "fixVersions", "versions") or word == "edit":
                raise FieldError(f"Field does not support update '{name}'")
            _, (item,) = self.value(name, [value])
            rest = tuple(old for old in current if old != item)
            current = (*rest, item) if word == "add" and item not in current else (current if word == "add" else rest)
        return attribute, current


def _summary(value: Any) -> str:
    if not isinstance(value, str):
        raise FieldError("Operation value must be a string")
    if not value.strip():
        raise FieldError("You must specify a summary of the issue.")
    if "\n" in value or "\r" in value:
        raise FieldError("The summary is invalid because it contains newline characters.")
    if len(value) > 255:
        raise FieldError("Summary can't exceed 255 characters.")
    return value


def _labels(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise FieldError("data was not an array")
    for label in value:
        if not isinstance(label, str):
            raise FieldError("string expected at index 0")
        if " " in label:
            raise FieldError(f"The label '{label}' contains spaces which is invalid.")
        if len(label) > 255:
            raise FieldError(f"The label '{label}' exceeds the maximum length of 255.")
    return tuple(dict.fromkeys(value))


def _day(value: Any) -> date:
    try:
        if isinstance(value, str) and len(value) == 10:
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise FieldError(f"Operation value must be a string in the format 'YYYY-MM-DD', not {value!r}")


def changed(site: Site, issue: Issue, values: Mapping[str, Any], author: User) -> Issue:
    """The issue with these attributes, ``updated`` and one history entry; the same issue when nothing differs."""
    custom = {name: value for name, value in values.items() if name in site.custom_fields}
    plain = {name: value for name, value in values.items() if name not in custom}
    after = replace(issue, **plain, extra={**issue.extra, **custom})
    items = tuple(
        item for name in values if (item := history_item(site, name, _of(issue, name), _of(after, name))) is not None
    )
    if not items:
        return issue
    change = Change(site.next_id("change", 20001), author.key, site.now(), items)
    return site.put(replace(after, updated=change.at, history=(*issue.history, change)))


def _of(issue: Issue, name: str) -> Any:
    return issue.extra.get(name) if name.startswith("customfield_") else getattr(issue, name)


def history_item(site: Site, attribute: str, before: Any, after: Any) -> Json | None:
    """One changed field as the history shows it: raw values and what people saw; None when nothing changed."""
    if before == after or attribute == "resolved":
        return None
    field_id = next((name for name, mine in ATTRIBUTE.items() if mine == attribute), attribute.removesuffix("_id"))
    names = {name: english for name, english, *_ in SYSTEM_FIELDS}
    is_custom = field_id in site.custom_fields
    field = site.custom_fields[field_id]["words"]["en"] if is_custom else _history_name(field_id, names)
    (old, old_text), (new, new_text) = _seen(site, field_id, before), _seen(site, field_id, after)
    return {"field": field, "fieldtype": "custom" if is_custom else "jira", "fieldId": field_id, "from": old,
            "fromString": old_text, "to": new, "toString": new_text}  # fmt: skip


def _history_name(field_id: str, names: Mapping[str, str]) -> str:
    """System fields appear under their id in the history, a few under their English name."""
    return names[field_id] if field_id in ("components", "fixVersions", "versions", "parent") else field_id


def _seen(site: Site, field_id: str, value: Any) -> tuple[str | None, str | None]:
    """(raw value, text) of a field's value in the history."""
    if value is None or value == ():
        return None, "" if field_id == "labels" else None
    tables: dict[str, Mapping[str, Named]] = {"status": site.statuses, "priority": site.priorities, "issuetype": site.types,
                                              "resolution": site.resolutions}  # fmt: skip
    if field_id in tables:
        item = tables[field_id][value]
        return value, item.words.get(site.language) or item.words["en"]
    if field_id in ("assignee", "reporter"):
        user = site.users[value]
        return (user.account_id if site.variant == "cloud" else user.server_key), user.name
    if isinstance(value, date) or field_id in site.custom_fields:
        return str(value), f"{value} 00:00:00.0" if isinstance(value, date) else str(value)
    if isinstance(value, tuple):
        return None, " ".join(value)
    return None, str(value)
