"""One issue: read, create, edit, delete, transition, history, properties and watchers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.http import Response
from sandbox.jira.call import EMPTY, Call, JiraError, Route, checked_property, json_body, page
from sandbox.jira.changes import FieldError, Reading, changed
from sandbox.jira.comment_api import comment_from_sent, properties_from_sent, with_comment
from sandbox.jira.reference import SYSTEM_FIELDS
from sandbox.jira.show import (
    choice_from_names,
    history_page,
    shown_change,
    shown_issue,
    shown_project,
    shown_status,
    shown_type,
    shown_user,
)
from sandbox.jira.state import Issue, Json, Named, Site, word

NOTIFY_DENIED = "To discard the user notification either admin or project admin permissions are required."
NO_TRANSITION = (
    "It seems that you have tried to perform a workflow operation ({}) that is not valid for the current state of this "
    "issue. The likely cause is that somebody has changed the issue recently, please look at the issue history for details."
)
REQUIRED = ("summary", "issuetype", "project")


def read(call: Call) -> Response:
    issue = call.issue()
    expand = frozenset(part.strip() for part in call.request.get("expand").split(",") if part.strip())
    shown = shown_issue(call, issue, choice_from_names(call.request.get_all("fields") or ("*all",)), expand)
    if "changelog" in expand:
        shown["changelog"] = history_page(call, issue, 100)
    if wanted := [part for text in call.request.get_all("properties") for part in text.split(",") if part]:
        shown["properties"] = {
            key: value for key, value in issue.properties.items() if key in wanted or "*all" in wanted
        }
    return json_body(shown)


def _reading(call: Call) -> Reading:
    return Reading(call.site, call.is_adf)


def _sent_changes(call: Call, issue: Issue, sent: Json) -> tuple[Json, list[Json]]:
    """(attributes to set, comments to add) of a body with ``fields`` and ``update``. Raises Jira's 400."""
    fields, update = sent.get("fields") or {}, sent.get("update") or {}
    if not isinstance(fields, dict) or not isinstance(update, dict):
        raise JiraError(400, "Can not deserialize instance of java.util.Map out of VALUE_STRING token")
    values, errors = _reading(call).values(fields)
    comments: list[Json] = []
    for name, operations in update.items():
        if name in fields:
            errors[name] = f"Field '{name}' cannot be in both 'fields' and 'update'."
        elif name == "comment" and isinstance(operations, list):
            comments += [
                each["add"] for each in operations if isinstance(each, dict) and isinstance(each.get("add"), dict)
            ]
        else:
            try:
                attribute, value = _reading(call).updated(issue, name, operations)
                values[attribute] = value
            except FieldError as error:
                errors[name] = str(error)
    if errors:
        raise JiraError(400, errors=errors)
    return values, comments


def _save(call: Call, issue: Issue, values: Mapping[str, Any], comments: list[Json]) -> Issue:
    written = [comment_from_sent(call, sent) for sent in comments]
    issue = changed(call.site, issue, values, call.me)
    for comment in written:
        issue = with_comment(call.site, issue, comment)
    return issue


def edit(call: Call) -> Response:
    """PUT: 204, or the issue with returnIssue=true. notifyUsers=false is for administrators."""
    call.need("EDIT_ISSUES", 403, "You do not have permission to edit issues in this project.")
    if call.request.get("notifyUsers").lower() == "false":
        raise JiraError(403, NOTIFY_DENIED)
    issue = call.issue_to_write()
    sent = call.body("fields", "update", "historyMetadata", "properties", "transition")
    issue = _save(call, issue, *_sent_changes(call, issue, sent))
    _set_properties(call.site, issue, properties_from_sent(sent))
    if call.is_cloud and call.flag("returnIssue"):
        return json_body(shown_issue(call, issue, choice_from_names(("*all",))))
    return EMPTY


def assign(call: Call) -> Response:
    issue = call.issue_to_write()
    try:
        values = {"assignee": _reading(call).user(call.body("accountId", "id", "name", "key"))}
    except FieldError as error:
        raise JiraError(400, errors={"assignee": str(error)}) from error
    changed(call.site, issue, values, call.me)
    return EMPTY


def create(call: Call) -> Response:
    call.need("CREATE_ISSUES", 403, "You do not have permission to create issues in this project.")
    sent = call.body("fields", "update", "historyMetadata", "properties", "transition")
    fields = sent.get("fields") or {}
    if not isinstance(fields, dict):
        raise JiraError(400, "Can not deserialize instance of java.util.Map out of VALUE_STRING token")
    fields = dict(fields)
    wanted = fields.pop("project", None)
    name = str(wanted.get("id") or wanted.get("key")) if isinstance(wanted, dict) else ""
    project = call.site.project(name)
    values, errors = _reading(call).values({key: value for key, value in fields.items() if key != "security"})
    if project is None or project.status != "live" or project.key in call.site.hidden_projects:
        errors["project"] = "Specify a valid project ID or key" if call.is_cloud else "project is required"
    if "issuetype" not in fields:
        errors["issuetype"] = "Specify an issue type" if call.is_cloud else "issue type is required"
    if "summary" not in fields:
        errors["summary"] = "You must specify a summary of the issue."
    if errors or project is None:
        raise JiraError(400, errors=errors)
    custom = {key: values.pop(key) for key in list(values) if key in call.site.custom_fields}
    values.setdefault("reporter", call.me.key)
    values.setdefault("priority_id", next(iter(call.site.priorities)) if "3" not in call.site.priorities else "3")
    issue = new_issue(call.site, project.id, creator=call.me.key, extra=custom, **values)
    try:
        issue = _save(call, issue, *_sent_changes(call, issue, {"update": sent.get("update")}))
        _set_properties(call.site, issue, properties_from_sent(sent))
    except JiraError:
        call.site.drop(call.site.issues[issue.id])
        raise
    return json_body({"id": str(issue.id), "key": issue.key, "self": f"{call.api}/issue/{issue.id}"}, 201)


def new_issue(site: Site, project_id: str, **values: Any) -> Issue:
    """Store a new issue under the project's next key, in the first status."""
    project = site.projects[project_id]
    now = site.now()
    defaults = {"id": site.next_id("issue"), "key": f"{project.key}-{site.next_id(f'key of {project.key}', 1)}",
                "status_id": next(iter(site.statuses)), "created": now, "updated": now}  # fmt: skip
    return site.put(Issue(project_id=project_id, **{**defaults, **values}))


def delete(call: Call) -> Response:
    call.need("DELETE_ISSUES", 403, "You do not have permission to delete issues in this project.")
    issue = call.issue_to_write()
    children = [child for child in call.site.children_of(issue.id) if call.site.types[child.type_id].is_subtask]
    if children and not call.flag("deleteSubtasks"):
        message = f"The issue '{issue.key}' has subtasks. You must specify the 'deleteSubtasks' parameter to delete this issue"
        raise JiraError(400, f"{message} and all its subtasks.")
    for each in (*children, issue):
        call.site.drop(call.site.issues[each.id])
    return EMPTY


def transition_id(site: Site, status_id: str) -> str:
    """The workflow leads from everywhere to every status: 11 to the first, 21 to the second, 31 to the third …"""
    return str(list(site.statuses).index(status_id) * 10 + 11)


def _transitions(call: Call) -> dict[str, Named]:
    return {transition_id(call.site, status.id): status for status in call.site.statuses.values()}


def transitions(call: Call) -> Response:
    call.issue()
    wanted = call.request.get("transitionId")
    shown = []
    for number, status in _transitions(call).items():
        if wanted in ("", number):
            item: Json = {"id": number, "name": word(status.words, call.language), "to": shown_status(call, status)}
            if call.is_cloud:
                item |= {
                    "hasScreen": False,
                    "isGlobal": True,
                    "isInitial": False,
                    "isAvailable": True,
                    "isConditional": False,
                }
            if "transitions.fields" in call.request.get("expand"):
                item["fields"] = {}
            shown.append(item)
    return json_body({"expand": "transitions", "transitions": shown})


def transition(call: Call) -> Response:
    call.need("TRANSITION_ISSUES", 400, "You do not have permission to transition this issue.")
    issue = call.issue_to_write()
    sent = call.body("transition", "fields", "update", "historyMetadata", "properties")
    wanted = sent.get("transition")
    if not isinstance(wanted, dict) or not wanted.get("id"):
        raise JiraError(400, "Missing 'transition' identifier")
    status = _transitions(call).get(str(wanted["id"]))
    if status is None:
        raise JiraError(400, NO_TRANSITION.format(wanted["id"]))
    values, comments = _sent_changes(call, issue, sent)
    _save(call, issue, {**resolved_by(call.site, issue, status), **values, "status_id": status.id}, comments)
    return EMPTY


def resolved_by(site: Site, issue: Issue, status: Named) -> Json:
    """What entering a status does to the resolution: set when done, cleared when opened again."""
    if status.category != "done":
        return {"resolution_id": None, "resolved": None}
    first = next(iter(site.resolutions))
    return {"resolution_id": issue.resolution_id or first, "resolved": issue.resolved or site.now()}


def changelog(call: Call) -> Response:
    issue = call.issue()
    start, size, items = page(call, issue.history, 100, 100)
    values = [shown_change(call, change) for change in items]
    answer: Json = {"self": f"{call.api}/issue/{issue.id}/changelog", "maxResults": size, "startAt": start,
                    "total": len(issue.history), "isLast": start + len(items) >= len(issue.history), "values": values}  # fmt: skip
    return json_body(answer)


def create_types(call: Call) -> Response:
    project = _project_to_create_in(call)
    start, size, items = page(call, list(call.site.types.values()), 50, 200)
    shown = [shown_type(call, item) for item in items]
    total = len(call.site.types)
    answer: Json = {"maxResults": size, "startAt": start, "total": total}
    if call.is_cloud:
        return json_body({**answer, "issueTypes": shown})
    assert project
    return json_body({**answer, "isLast": start + len(items) >= total, "values": shown})


def create_fields(call: Call) -> Response:
    _project_to_create_in(call)
    if call.path["type"] not in call.site.types:
        raise JiraError(400, f"Issue type with id '{call.path['type']}' does not exist.")
    shown = list(_creatable(call).values())
    start, size, items = page(call, shown, 50, 200)
    answer: Json = {"maxResults": size, "startAt": start, "total": len(shown)}
    if call.is_cloud:
        return json_body({**answer, "fields": list(items)})
    return json_body({**answer, "isLast": start + len(items) >= len(shown), "values": list(items)})


def _project_to_create_in(call: Call) -> str:
    project = call.site.project(call.path["project"])
    if call.me and (project is None or project.status != "live"):
        raise JiraError(404 if call.is_cloud else 400, f"No project could be found with key '{call.path['project']}'.")
    return project.id if project else ""


def _creatable(call: Call) -> dict[str, Json]:
    fields: dict[str, Json] = {}
    names = {"summary", "issuetype", "project", "description", "duedate", "labels", "priority", "assignee", "reporter",
             "parent", "components", "fixVersions", "versions", "environment"}  # fmt: skip
    for field_id, english, chinese, kind, items, _ in SYSTEM_FIELDS:
        if field_id in names:
            schema = {"type": kind, "system": field_id} | ({"items": items} if items else {})
            name = word({"en": english, "zh": chinese}, call.language)
            fields[field_id] = {"required": field_id in REQUIRED, "schema": schema, "name": name, "key": field_id,
                                "fieldId": field_id, "hasDefaultValue": False, "operations": ["set"]}  # fmt: skip
    for field_id, custom in call.site.custom_fields.items():
        fields[field_id] = {"required": False, "schema": dict(custom["schema"]), "name": word(custom["words"], call.language),
                            "key": field_id, "fieldId": field_id, "hasDefaultValue": False, "operations": ["set"]}  # fmt: skip
    return fields


def create_meta(call: Call) -> Response:
    """Cloud's old flat form; Data Center no longer has it."""
    wanted = {key for text in call.request.get_all("projectKeys") for key in text.split(",")}
    types = [shown_type(call, item) for item in call.site.types.values()]
    if "fields" in call.request.get("expand"):
        types = [{**item, "expand": "fields", "fields": _creatable(call)} for item in types]
    projects = [
        {**shown_project(call, project), "issuetypes": types}
        for project in call.site.projects.values()
        if call.me and project.status == "live" and (not wanted or project.key in wanted)
    ]
    return json_body({"expand": "projects", "projects": projects})


def watchers(call: Call) -> Response:
    issue = call.issue()
    shown = [shown_user(call, call.site.users[key]) for key in issue.watchers]
    return json_body({"self": f"{call.api}/issue/{issue.key}/watchers", "isWatching": call.me.key in issue.watchers,
                      "watchCount": len(shown), "watchers": shown})  # fmt: skip


def _set_properties(site: Site, issue: Issue, values: Mapping[str, Any]) -> None:
    if values:
        site.put(replace(site.issues[issue.id], properties={**issue.properties, **values}))


def property_keys(call: Call) -> Response:
    issue = call.issue()
    own = f"{call.api}/issue/{issue.id}/properties"
    return json_body({"keys": [{"self": f"{own}/{key}", "key": key} for key in issue.properties]})


def read_property(call: Call) -> Response:
    issue, key = call.issue(), call.path["key"]
    if key not in issue.properties:
        raise JiraError(404, f"The property with key '{key}' does not exist.")
    return json_body({"key": key, "value": issue.properties[key]})


def write_property(call: Call) -> Response:
    call.need("EDIT_ISSUES", 403, "You do not have permission to edit issues in this project.")
    issue, key, value = call.issue_to_write(), call.path["key"], checked_property(call)
    call.site.put(replace(issue, properties={**issue.properties, key: value}))
    return Response(200 if key in issue.properties else 201)


def delete_property(call: Call) -> Response:
    issue, key = call.issue_to_write(), call.path["key"]
    if key not in issue.properties:
        raise JiraError(404, f"The property with key '{key}' does not exist.")
    call.site.put(replace(issue, properties={name: value for name, value in issue.properties.items() if name != key}))
    return EMPTY


CREATE_META: Route = ("GET", "/issue/createmeta", create_meta)
CHANGELOG: Route = ("GET", "/issue/{issue}/changelog", changelog)
BOTH: tuple[Route, ...] = (
    ("GET", "/issue/createmeta/{project}/issuetypes", create_types),
    ("GET", "/issue/createmeta/{project}/issuetypes/{type}", create_fields),
    ("POST", "/issue", create),
    ("GET", "/issue/{issue}", read),
    ("PUT", "/issue/{issue}", edit),
    ("DELETE", "/issue/{issue}", delete),
    ("PUT", "/issue/{issue}/assignee", assign),
    ("GET", "/issue/{issue}/transitions", transitions),
    ("POST", "/issue/{issue}/transitions", transition),
    ("GET", "/issue/{issue}/watchers", watchers),
    ("GET", "/issue/{issue}/properties", property_keys),
    ("GET", "/issue/{issue}/properties/{key}", read_property),
    ("PUT", "/issue/{issue}/properties/{key}", write_property),
    ("DELETE", "/issue/{issue}/properties/{key}", delete_property),
)
