"""The site itself: server, me, users, permissions, fields, statuses, types, projects and versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.http import Response
from sandbox.jira.call import Call, JiraError, Route, json_body, page
from sandbox.jira.reference import CATEGORIES, PERMISSIONS, field_list
from sandbox.jira.show import (
    shown_category,
    shown_named,
    shown_project,
    shown_status,
    shown_time,
    shown_type,
    shown_user,
    shown_user_key,
    shown_version,
)
from sandbox.jira.state import Json, Project, User, word

NO_PROJECT = "No project could be found with key '{}'."


def server_info(call: Call) -> Response:
    """Open to everybody; deploymentType tells the variants apart."""
    numbers, version, kind = (
        ([1001, 0, 0], "1001.0.0-SNAPSHOT", "Cloud") if call.is_cloud else ([10, 3, 19], "10.3.19", "Server")
    )
    return json_body({"baseUrl": call.browse_url, "version": version, "versionNumbers": numbers, "deploymentType": kind,
                      "buildNumber": 100300 if call.is_cloud else 10030019, "buildDate": "2026-10-01T00:00:00.000+0000",
                      "serverTime": shown_time(call, call.site.now()), "scmInfo": "0" * 40, "serverTitle": "Jira"})  # fmt: skip


def myself(call: Call) -> Response:
    rest: Json = {"locale": "zh_CN" if call.site.language == "zh" else "en_US", "groups": {"size": 1, "items": []},
                  "applicationRoles": {"size": 1, "items": []}}  # fmt: skip
    return json_body({**shown_user(call, call.me), **rest})


def my_permissions(call: Call) -> Response:
    """Cloud wants to be told which permissions; Data Center tells all. Both only for a visible project or issue."""
    wanted = [name for text in call.request.get_all("permissions") for name in text.split(",") if name]
    if call.is_cloud and not wanted:
        raise JiraError(400, "The 'permissions' query parameter is required and must not be empty.")
    if unknown := [name for name in wanted if name not in PERMISSIONS]:
        raise JiraError(400, f"Unrecognized permission: {unknown[0]}")
    if name := call.request.get("issueKey") or call.request.get("issueId"):
        call.issue(name)
    if name := call.request.get("projectKey") or call.request.get("projectId"):
        _visible(call, name)
    shown = {}
    for key in wanted if call.is_cloud else PERMISSIONS:
        number, kind, name, is_held = PERMISSIONS[key]
        has = is_held and call.user is not None and key not in call.site.denied_permissions
        shown[key] = {"id": number, "key": key, "name": name, "type": kind, "description": name, "havePermission": has}
    return json_body({"permissions": shown})


def permissions(call: Call) -> Response:
    assert call.me
    return json_body({"permissions": {
        key: {"key": key, "name": name, "type": kind, "description": name} for key, (_, kind, name, _) in PERMISSIONS.items()
    }})  # fmt: skip


def fields(call: Call) -> Response:
    return json_body(field_list(call.site, call.language))


def statuses(call: Call) -> Response:
    return json_body([shown_status(call, status) for status in call.site.statuses.values()])


def status(call: Call) -> Response:
    wanted = call.path["status"]
    for item in call.site.statuses.values():
        if wanted == item.id or wanted in item.words.values():
            return json_body(shown_status(call, item))
    raise JiraError(404, f"The status with id '{wanted}' does not exist")


def statuses_by_id(call: Call) -> Response:
    """Cloud's newer resource: categories in capitals."""
    categories = {"new": "TODO", "indeterminate": "IN_PROGRESS", "done": "DONE", "undefined": "TODO"}
    wanted = call.request.get_all("id")
    if not wanted and not call.request.path.endswith("/search"):
        raise JiraError(400, "The 'id' query parameter is required.")
    shown = [
        {"id": item.id, "name": word(item.words, call.language), "statusCategory": categories[item.category],
         "scope": {"type": "GLOBAL"}, "description": item.description}
        for item in call.site.statuses.values() if not wanted or item.id in wanted
    ]  # fmt: skip
    if not call.request.path.endswith("/search"):
        return json_body(shown)
    start, size, items = page(call, shown, 200, 200)
    return json_body({"startAt": start, "maxResults": size, "total": len(shown), "isLast": start + len(items) >= len(shown),
                      "values": list(items)})  # fmt: skip


def categories(call: Call) -> Response:
    return json_body([shown_category(call, key) for key in CATEGORIES])


def priorities(call: Call) -> Response:
    return json_body([shown_named(call, "priority", item) for item in call.site.priorities.values()])


def resolutions(call: Call) -> Response:
    return json_body([shown_named(call, "resolution", item) for item in call.site.resolutions.values()])


def issue_types(call: Call) -> Response:
    return json_body([shown_type(call, item) for item in call.site.types.values()])


def _is_visible(call: Call, project: Project) -> bool:
    return call.user is not None and project.key not in call.site.hidden_projects


def _visible(call: Call, name: str) -> Project:
    project = call.site.project(name)
    if project is None or project.status == "deleted" or not _is_visible(call, project):
        raise JiraError(404, NO_PROJECT.format(name))
    return project


def projects(call: Call) -> Response:
    live = [item for item in call.site.projects.values() if item.status == "live" and _is_visible(call, item)]
    return json_body([shown_project(call, item) for item in live])


def search_projects(call: Call) -> Response:
    """Cloud's paged list: live ones, or those in the asked ``status`` (live, archived, deleted)."""
    wanted = call.request.get_all("status") or ("live",)
    keys, ids, text = call.request.get_all("keys"), call.request.get_all("id"), call.request.get("query").lower()
    found = [
        item
        for item in call.site.projects.values()
        if item.status in wanted and _is_visible(call, item) and (not keys or item.key in keys)
        and (not ids or item.id in ids) and text in f"{item.key} {item.name}".lower()
    ]  # fmt: skip
    start, size, items = page(call, sorted(found, key=lambda item: item.key), 50, 100)
    shown = [shown_project(call, item) for item in items]
    return json_body({"self": f"{call.api}/project/search", "maxResults": size, "startAt": start, "total": len(found),
                      "isLast": start + len(items) >= len(found), "values": shown})  # fmt: skip


def project(call: Call) -> Response:
    item = _visible(call, call.path["project"])
    return json_body({**shown_project(call, item), "lead": shown_user_key(call, item.lead), "description": "",
                      "issueTypes": [shown_type(call, kind) for kind in call.site.types.values()],
                      "versions": _versions(call, item), "components": [], "roles": {}})  # fmt: skip


def project_statuses(call: Call) -> Response:
    _visible(call, call.path["project"])
    shown = [shown_status(call, item) for item in call.site.statuses.values()]
    return json_body([{**shown_type(call, kind), "statuses": shown} for kind in call.site.types.values()])


def _versions(call: Call, item: Project) -> list[Json]:
    mine = (number for number, version in call.site.versions.items() if str(version.get("projectId")) == item.id)
    return [shown_version(call, number) for number in mine]


def versions(call: Call) -> Response:
    return json_body(_versions(call, _visible(call, call.path["project"])))


def version_page(call: Call) -> Response:
    every = _versions(call, _visible(call, call.path["project"]))
    start, size, items = page(call, every, 50, 50)
    return json_body({"self": f"{call.api}/project/{call.path['project']}/version", "maxResults": size, "startAt": start,
                      "total": len(every), "isLast": start + len(items) >= len(every), "values": list(items)})  # fmt: skip


def user(call: Call) -> Response:
    assert call.me
    wanted = {name: call.request.get(name) for name in ("accountId", "username", "key") if call.request.get(name)}
    if call.is_cloud and "accountId" not in wanted:
        raise JiraError(400, "The query parameter 'accountId' is required.")
    if not wanted:
        raise JiraError(404, "Either the 'username' or the 'key' query parameters need to be provided")
    for item in call.site.users.values():
        names = {"accountId": item.account_id, "username": item.login, "key": item.server_key}
        if all(names[name] == value for name, value in wanted.items()):
            return json_body(shown_user(call, item))
    missing = "Specified user does not exist or you do not have required permissions"
    raise JiraError(404, missing if call.is_cloud else f"The user named '{next(iter(wanted.values()))}' does not exist")


def _users_named(call: Call, *, is_needed: bool) -> list[User]:
    """Users whose name, login or e-mail starts a word with the text; Cloud asks by query, Data Center by username."""
    text = call.request.get("query" if call.is_cloud else "username").lower()
    wanted_id = call.request.get("accountId") if call.is_cloud else ""
    if is_needed and not text and not wanted_id:
        raise JiraError(400, "The 'query' or 'accountId' parameter is required." if call.is_cloud else "The username query "
                        "parameter was not provided")  # fmt: skip
    found = []
    for item in call.site.users.values():
        mail = item.email if not call.is_cloud or item.is_email_shown or item == call.user else ""
        places = [item.name, item.login if not call.is_cloud else "", mail]
        is_named = text in ("", ".", "%") or any(text in place.lower() for place in places)
        if is_named and (not wanted_id or wanted_id == item.account_id):
            found.append(item)
    return found


def _user_page(call: Call, found: Sequence[User]) -> Response:
    """A bare array, 50 unless asked otherwise."""
    assert call.me
    _, _, items = page(call, found, 50, 1000)
    return json_body([shown_user(call, item) for item in items])


def search_users(call: Call) -> Response:
    return _user_page(call, [item for item in _users_named(call, is_needed=True) if item.is_active])


def all_users(call: Call) -> Response:
    return _user_page(call, list(call.site.users.values()))


def assignable_users(call: Call) -> Response:
    if name := call.request.get("issueKey") or call.request.get("issueId"):
        call.issue(name)
    elif name := call.request.get("project"):
        _visible(call, name)
    else:
        raise JiraError(400, "Either the 'project' or the 'issueKey' query parameter must be provided.")
    everybody = _users_named(call, is_needed=False)
    return _user_page(call, [item for item in everybody if item.is_active and item.kind == "atlassian"])


def users_by_id(call: Call) -> Response:
    wanted = call.request.get_all("accountId")
    if not wanted:
        raise JiraError(400, "The query parameter 'accountId' is required.")
    found = [item for item in call.site.users.values() if item.account_id in wanted]
    start, size, items = page(call, found, 10, 200)
    shown: list[Any] = [shown_user(call, item) for item in items]
    return json_body({"self": f"{call.api}/user/bulk", "maxResults": size, "startAt": start, "total": len(found),
                      "isLast": start + len(items) >= len(found), "values": shown})  # fmt: skip


CLOUD: tuple[Route, ...] = (
    ("GET", "/project/search", search_projects),
    ("GET", "/statuses", statuses_by_id),
    ("GET", "/statuses/search", statuses_by_id),
    ("GET", "/users", all_users),
    ("GET", "/users/search", all_users),
    ("GET", "/user/bulk", users_by_id),
)
BOTH: tuple[Route, ...] = (
    ("GET", "/serverInfo", server_info),
    ("GET", "/myself", myself),
    ("GET", "/mypermissions", my_permissions),
    ("GET", "/permissions", permissions),
    ("GET", "/field", fields),
    ("GET", "/status", statuses),
    ("GET", "/status/{status}", status),
    ("GET", "/statuscategory", categories),
    ("GET", "/priority", priorities),
    ("GET", "/resolution", resolutions),
    ("GET", "/issuetype", issue_types),
    ("GET", "/project", projects),
    ("GET", "/project/{project}", project),
    ("GET", "/project/{project}/statuses", project_statuses),
    ("GET", "/project/{project}/versions", versions),
    ("GET", "/project/{project}/version", version_page),
    ("GET", "/user", user),
    ("GET", "/user/search", search_users),
    ("GET", "/user/assignable/search", assignable_users),
)
