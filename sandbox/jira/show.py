"""State to the JSON that Jira shows, for the calling user's API version, language and zone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sandbox.jira.adf import as_document, as_wiki
from sandbox.jira.call import Call
from sandbox.jira.reference import CATEGORIES, SYSTEM_FIELDS, UNNAVIGABLE, field_list
from sandbox.jira.state import Attachment, Change, Comment, Issue, Json, Link, Named, Project, RemoteLink, User, word

BARE = ("id", "key", "issuekey")


def shown_time(call: Call, moment: datetime) -> str:
    """An instant as Jira writes it: milliseconds, the calling user's offset, no colon in it."""
    local = moment.astimezone(ZoneInfo(call.user.zone if call.user else "UTC"))
    return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}{local:%z}"


def shown_body(call: Call, body: str | Json | None) -> str | Json | None:
    """Rich text: ADF in v3, wiki text in v2 and on Data Center."""
    return as_document(body) if call.is_adf else as_wiki(body)


def shown_user(call: Call, user: User) -> Json:
    picture = {size: f"{call.request.base_url}/avatar/{size}.png" for size in ("48x48", "24x24", "16x16", "32x32")}
    rest: Json = {"avatarUrls": picture, "displayName": user.name, "active": user.is_active, "timeZone": user.zone}
    if not call.is_cloud:
        own = {"self": f"{call.api}/user?username={quote(user.login)}", "name": user.login, "key": user.server_key}
        return {**own, "emailAddress": user.email, **rest}
    shown: Json = {"self": f"{call.api}/user?accountId={quote(user.account_id)}", "accountId": user.account_id,
                   "accountType": user.kind}  # fmt: skip
    if user.is_email_shown or user == call.user:
        shown["emailAddress"] = user.email
    return {**shown, **rest}


def shown_user_key(call: Call, key: str | None) -> Json | None:
    return shown_user(call, call.site.users[key]) if key else None


def shown_category(call: Call, key: str) -> Json:
    number, words, colour = CATEGORIES[key]
    return {"self": f"{call.api}/statuscategory/{number}", "id": number, "key": key, "colorName": colour,
            "name": word(words, call.language)}  # fmt: skip


def shown_status(call: Call, status: Named) -> Json:
    return {"self": f"{call.api}/status/{status.id}", "description": status.description,
            "iconUrl": f"{call.request.base_url}/", "name": word(status.words, call.language), "id": status.id,
            "statusCategory": shown_category(call, status.category)}  # fmt: skip


def shown_type(call: Call, item: Named) -> Json:
    shown: Json = {"self": f"{call.api}/issuetype/{item.id}", "id": item.id, "description": item.description,
                   "iconUrl": f"{call.request.base_url}/", "name": word(item.words, call.language),
                   "subtask": item.is_subtask}  # fmt: skip
    if call.is_cloud:
        shown["hierarchyLevel"] = -1 if item.is_subtask else int(item.words["en"] == "Epic")
    return shown


def shown_named(call: Call, path: str, item: Named) -> Json:
    """A priority or a resolution."""
    shown = {"self": f"{call.api}/{path}/{item.id}", "name": word(item.words, call.language), "id": item.id}
    return shown | (
        {"iconUrl": f"{call.request.base_url}/"} if path == "priority" else {"description": item.description}
    )


def shown_link_type(call: Call, item: Named) -> Json:
    return {"id": item.id, "name": word(item.words, call.language), "inward": word(item.inward, call.language),
            "outward": word(item.outward, call.language), "self": f"{call.api}/issueLinkType/{item.id}"}  # fmt: skip


def shown_project(call: Call, project: Project) -> Json:
    shown: Json = {"self": f"{call.api}/project/{project.id}", "id": project.id, "key": project.key, "name": project.name,
                   "projectTypeKey": "software", "avatarUrls": {}}  # fmt: skip
    if call.is_cloud:
        shown |= {"simplified": False, "style": "classic", "isPrivate": False}
        if project.status != "live":
            shown[project.status] = True
    elif project.status == "archived":
        shown["archived"] = True
    return shown | ({"projectCategory": dict(project.category)} if project.category else {})


def shown_end(call: Call, issue_id: int) -> Json | None:
    """The other issue as links, parents and sub-tasks show it: a live issue, or one only known as a stub."""
    issue = call.site.issues.get(issue_id)
    if issue is None:
        return call.site.stubs.get(issue_id)
    fields: Json = {"summary": issue.summary, "status": shown_status(call, call.site.statuses[issue.status_id]),
                    "issuetype": shown_type(call, call.site.types[issue.type_id])}  # fmt: skip
    if issue.priority_id:
        fields["priority"] = shown_named(call, "priority", call.site.priorities[issue.priority_id])
    return {"id": str(issue.id), "key": issue.key, "self": f"{call.api}/issue/{issue.id}", "fields": fields}


def shown_link(call: Call, link: Link, seen_from: int) -> Iterable[Json]:
    """A link as one end shows it: the source shows outwardIssue, the target inwardIssue; each the *other* issue."""
    kind = shown_link_type(call, call.site.link_types[link.type_id])
    own = {"id": str(link.id), "self": f"{call.api}/issueLink/{link.id}", "type": kind}
    if link.source == seen_from and (other := shown_end(call, link.target)):
        yield {**own, "outwardIssue": other}
    if link.target == seen_from and (other := shown_end(call, link.source)):
        yield {**own, "inwardIssue": other}


def shown_comment(call: Call, issue_id: int, comment: Comment, *, with_properties: bool = False) -> Json:
    shown: Json = {
        "self": f"{call.api}/issue/{issue_id}/comment/{comment.id}",
        "id": str(comment.id),
        "author": shown_user_key(call, comment.author),
        "body": shown_body(call, comment.body),
        "updateAuthor": shown_user_key(call, comment.update_author),
        "created": shown_time(call, comment.created),
        "updated": shown_time(call, comment.updated),
    }
    if comment.visibility:
        shown["visibility"] = comment.visibility
    if call.is_cloud:
        internal = comment.properties.get("sd.public.comment")
        shown["jsdPublic"] = not (isinstance(internal, dict) and internal.get("internal") is True)
    if with_properties:
        shown["properties"] = [{"key": key, "value": value} for key, value in comment.properties.items()]
    return shown


def shown_remote_link(call: Call, issue: Issue, link: RemoteLink) -> Json:
    shown: Json = {"id": link.id, "self": f"{call.api}/issue/{issue.key}/remotelink/{link.id}"}
    optional = {"globalId": link.global_id, "relationship": link.relationship}
    shown |= {name: value for name, value in optional.items() if value is not None}
    return {**shown, "application": link.application, "object": link.object}


def shown_attachment(call: Call, item: Attachment) -> Json:
    content = f"{call.api}/attachment/content/{item.id}" if call.is_cloud else (
        f"{call.request.base_url}/secure/attachment/{item.id}/{quote(item.filename)}"
    )  # fmt: skip
    return {"self": f"{call.api}/attachment/{item.id}", "id": str(item.id), "filename": item.filename,
            "author": shown_user_key(call, item.author), "created": shown_time(call, item.created), "size": item.size,
            "mimeType": item.mime_type, "content": content}  # fmt: skip


def shown_change(call: Call, change: Change) -> Json:
    items = change.items
    if not call.is_cloud:  # Data Center names the field, not its id
        items = tuple({key: value for key, value in item.items() if key != "fieldId"} for item in items)
    return {"id": str(change.id), "author": shown_user_key(call, change.author), "created": shown_time(call, change.at),
            "items": list(items)}  # fmt: skip


FieldMaker = Callable[[Call, Issue], Any]


def _text_fields() -> dict[str, FieldMaker]:
    return {
        "summary": lambda _, issue: issue.summary,
        "description": lambda call, issue: shown_body(call, issue.description),
        "environment": lambda call, issue: shown_body(call, issue.environment),
        "labels": lambda _, issue: list(issue.labels),
        "duedate": lambda _, issue: issue.due.isoformat() if issue.due else None,
        "created": lambda call, issue: shown_time(call, issue.created),
        "updated": lambda call, issue: shown_time(call, issue.updated),
        "resolutiondate": lambda call, issue: shown_time(call, issue.resolved) if issue.resolved else None,
        "assignee": lambda call, issue: shown_user_key(call, issue.assignee),
        "reporter": lambda call, issue: shown_user_key(call, issue.reporter),
        "creator": lambda call, issue: shown_user_key(call, issue.creator),
        "watches": lambda call, issue: {
            "self": f"{call.api}/issue/{issue.key}/watchers",
            "watchCount": len(issue.watchers),
            "isWatching": bool(call.user and call.user.key in issue.watchers),
        },
        "security": lambda _, issue: dict(issue.security) if issue.security else None,
        "attachment": lambda call, issue: [shown_attachment(call, item) for item in issue.attachments],
    }


def _pointer_fields() -> dict[str, FieldMaker]:
    return {
        "project": lambda call, issue: shown_project(call, call.site.projects[issue.project_id]),
        "issuetype": lambda call, issue: shown_type(call, call.site.types[issue.type_id]),
        "status": lambda call, issue: shown_status(call, call.site.statuses[issue.status_id]),
        "priority": lambda call, issue: (
            shown_named(call, "priority", call.site.priorities[issue.priority_id]) if issue.priority_id else None
        ),
        "resolution": lambda call, issue: (
            shown_named(call, "resolution", call.site.resolutions[issue.resolution_id]) if issue.resolution_id else None
        ),
        "fixVersions": lambda call, issue: [shown_version(call, number) for number in issue.fix_versions],
        "versions": lambda call, issue: [shown_version(call, number) for number in issue.versions],
        "components": lambda call, issue: [
            {"self": f"{call.api}/component/{number}", **call.site.components[number]} for number in issue.components
        ],
        "parent": lambda call, issue: shown_end(call, issue.parent) if issue.parent is not None else None,
        "subtasks": lambda call, issue: [
            shown_end(call, child.id)
            for child in call.site.children_of(issue.id)
            if call.site.types[child.type_id].is_subtask
        ],
        "issuelinks": lambda call, issue: [
            shown
            for number in issue.links
            if number in call.site.links
            for shown in shown_link(call, call.site.links[number], issue.id)
        ],
        "comment": _comments,
    }


def _comments(call: Call, issue: Issue) -> Json:
    return {
        "comments": [shown_comment(call, issue.id, comment) for comment in issue.comments],
        "self": f"{call.api}/issue/{issue.id}/comment",
        "maxResults": len(issue.comments),
        "total": len(issue.comments),
        "startAt": 0,
    }


MAKERS: dict[str, FieldMaker] = {**_text_fields(), **_pointer_fields()}


def shown_version(call: Call, version_id: str) -> Json:
    return {"self": f"{call.api}/version/{version_id}", **call.site.versions[version_id]}


@dataclass(frozen=True)
class Choice:
    """Which fields an answer shows: ``all_but`` some, or ``only`` some."""

    only: frozenset[str] = frozenset()
    all_but: frozenset[str] | None = None

    @property
    def is_bare(self) -> bool:
        """Nothing but id and key is asked for."""
        return self.all_but is None and self.only <= set(BARE)


def choice_from_names(names: Iterable[str]) -> Choice:
    """Field names as a caller writes them: ``*all``, ``*navigable``, names, and ``-name`` for what to leave out."""
    flat = [part.strip() for name in names for part in name.split(",") if part.strip()]
    taken = {name for name in flat if not name.startswith(("-", "*"))}
    dropped = frozenset(name[1:] for name in flat if name.startswith("-"))
    if "*all" in flat or (not taken and dropped and "*navigable" not in flat):
        return Choice(all_but=dropped)
    if "*navigable" in flat:
        return Choice(all_but=(dropped | UNNAVIGABLE) - taken)
    return Choice(only=frozenset(taken) - dropped)


def shown_issue(call: Call, issue: Issue, choice: Choice, expand: frozenset[str] = frozenset()) -> Json:
    """One issue with the chosen fields; ``expand`` may hold names, renderedFields and changelog."""
    if choice.all_but is None:
        names: Iterable[str] = choice.only
    else:
        every = (
            *MAKERS,
            *call.site.custom_fields,
            *(name for name in issue.extra if name not in call.site.custom_fields),
        )
        names = [name for name in every if name not in choice.all_but]
    fields = {}
    for name in names:
        if maker := MAKERS.get(name):
            fields[name] = maker(call, issue)
        elif name in issue.extra or name in call.site.custom_fields:
            fields[name] = issue.extra.get(name)
    if fields.get("parent", 0) is None:
        del fields["parent"]  # an issue without a parent has no such field
    shown: Json = {"expand": "renderedFields,names,schema,operations,editmeta,changelog", "id": str(issue.id),
                   "self": f"{call.api}/issue/{issue.id}", "key": issue.key, "fields": fields}  # fmt: skip
    if "names" in expand:
        shown["names"] = {name: text for name, text in names_of_fields(call).items() if name in fields}
    if "renderedFields" in expand:
        rendered = {name: as_wiki(getattr(issue, name)) for name in ("description", "environment")}
        shown["renderedFields"] = {name: text for name, text in rendered.items() if name in fields}
    return shown


def names_of_fields(call: Call) -> dict[str, str]:
    return {field["id"]: field["name"] for field in field_list(call.site, call.language)}


def history_page(call: Call, issue: Issue, most: int) -> Json:
    """The embedded changelog: Cloud shows the newest entries first, Data Center all of them, oldest first."""
    entries = issue.history[::-1][:most] if call.is_cloud else issue.history
    return {"startAt": 0, "maxResults": len(entries), "total": len(issue.history),
            "histories": [shown_change(call, change) for change in entries]}  # fmt: skip


SYSTEM_NAMES = {field_id: english for field_id, english, *_ in SYSTEM_FIELDS}
