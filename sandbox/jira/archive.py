"""One real issue of a REST v2 payload becomes state: ids and keys are kept, whatever it names is made on the way.

Order does not matter: a link is known by its id from whichever end is loaded first, and an end that never comes stays a stub.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from sandbox.jira.show import MAKERS
from sandbox.jira.state import Attachment, Comment, Issue, Json, Named, Project, Site, User

KNOWN_FIELDS = frozenset({*MAKERS, "subtasks"})


def load_issue(site: Site, payload: Mapping[str, Any]) -> str:
    """Store the issue. Raises KeyError or ValueError for a payload that is not a REST v2 issue."""
    fields, number = payload["fields"], site.reserve_id("issue", int(payload["id"]))
    project = _project(site, fields["project"])
    site.reserve_id(f"key of {project.key}", int(payload["key"].rpartition("-")[2]))
    issue = Issue(
        id=number,
        key=payload["key"],
        project_id=project.id,
        type_id=_named(site.types, fields["issuetype"]),
        status_id=_named(site.statuses, fields["status"]),
        summary=fields["summary"],
        created=_instant(fields["created"]),
        updated=_instant(fields["updated"]),
        priority_id=_named(site.priorities, fields["priority"]) if fields.get("priority") else None,
        resolution_id=_named(site.resolutions, fields["resolution"]) if fields.get("resolution") else None,
        resolved=_instant(fields["resolutiondate"]) if fields.get("resolutiondate") else None,
        description=fields.get("description"),
        environment=fields.get("environment"),
        assignee=_user(site, fields.get("assignee")),
        reporter=_user(site, fields.get("reporter")),
        creator=_user(site, fields.get("creator")),
        due=date.fromisoformat(fields["duedate"]) if fields.get("duedate") else None,
        labels=tuple(fields.get("labels") or ()),
        parent=_stub(site, fields["parent"]) if fields.get("parent") else None,
        fix_versions=_listed(site.versions, fields.get("fixVersions"), project),
        versions=_listed(site.versions, fields.get("versions"), project),
        components=_listed(site.components, fields.get("components"), None),
        security=fields.get("security"),
        comments=tuple(_comment(site, sent) for sent in (fields.get("comment") or {}).get("comments", ())),
        attachments=tuple(_attachment(site, sent) for sent in fields.get("attachment") or ()),
        extra={name: value for name, value in fields.items() if name not in KNOWN_FIELDS},
    )
    before = site.issues.get(number)
    site.put(replace(issue, links=before.links) if before else site.adopt_links(issue))
    _find_home(site, issue)
    for sent in fields.get("issuelinks") or ():
        _link(site, number, sent)
    return "issue"


def _find_home(site: Site, issue: Issue) -> None:
    site.comment_home.update({comment.id: issue.id for comment in issue.comments})
    site.attachment_home.update({item.id: issue.id for item in issue.attachments})


def _link(site: Site, number: int, sent: Json) -> None:
    """The entry shows the *other* issue: with outwardIssue this issue is the source, with inwardIssue the target."""
    kind, link_id = sent["type"], site.reserve_id("link", int(sent["id"]))
    type_id = _own_id(site.link_types, kind)
    known = site.link_types.get(type_id)
    if known is None or (known.inward["en"], known.outward["en"]) != (kind["inward"], kind["outward"]):
        site.link_types[type_id] = Named(
            type_id, {"en": kind["name"]}, inward={"en": kind["inward"]}, outward={"en": kind["outward"]}
        )
    if "outwardIssue" in sent:
        site.add_link(type_id, number, _stub(site, sent["outwardIssue"]), link_id)
    else:
        site.add_link(type_id, _stub(site, sent["inwardIssue"]), number, link_id)


def _stub(site: Site, sent: Json) -> int:
    """Remember an issue as somebody else's payload shows it; it counts only until the issue itself is loaded."""
    number = site.reserve_id("issue", int(sent["id"]))
    site.stubs.setdefault(number, dict(sent))
    return number


def _own_id(table: Mapping[str, Named], sent: Json) -> str:
    """The payload's id, unless the site uses it for another name: then an id of the payload's own kind."""
    wanted, name = str(sent["id"]), sent["name"]
    known = table.get(wanted)
    if known is None or name in known.words.values():
        return wanted
    return next((item.id for item in table.values() if name in item.words.values()), f"9{wanted}")


def _named(table: dict[str, Named], sent: Json) -> str:
    """The id of a status, type, priority or resolution, made on the way when it is new here."""
    number = _own_id(table, sent)
    if number not in table:
        category = (sent.get("statusCategory") or {}).get("key", "")
        is_subtask = bool(sent.get("subtask"))
        table[number] = Named(number, {"en": sent["name"]}, sent.get("description") or "", category, is_subtask)
    return number


def _project(site: Site, sent: Json) -> Project:
    if known := site.project(sent["key"]):
        return known
    number = str(sent["id"]) if str(sent["id"]) not in site.projects else str(site.next_id("project", 10000))
    site.reserve_id("project", int(number))
    site.projects[number] = Project(
        number, sent["key"], sent["name"], site.account, category=sent.get("projectCategory")
    )
    return site.projects[number]


def _user(site: Site, sent: Json | None) -> str | None:
    """The user's key in our index; made from a Data Center (name, key) or Cloud (accountId) payload."""
    if not sent:
        return None
    own: str = sent.get("key") or sent.get("name") or sent["accountId"]
    if own not in site.users:
        login = sent.get("name") or own
        account_id = sent.get("accountId") or f"557058:{own}"
        site.users[own] = User(own, account_id, login, own, sent.get("displayName") or login, sent.get("emailAddress")
                               or f"{login}@example.com", sent.get("timeZone") or "UTC", bool(sent.get("active", True)),
                               is_email_shown="emailAddress" in sent)  # fmt: skip
    return own


def _comment(site: Site, sent: Json) -> Comment:
    author = _user(site, sent.get("author")) or site.account
    editor = _user(site, sent.get("updateAuthor")) or author
    number = site.reserve_id("comment", int(sent["id"]))
    return Comment(number, author, sent.get("body") or "", _instant(sent["created"]), _instant(sent["updated"]), editor,
                   sent.get("visibility"))  # fmt: skip


def _attachment(site: Site, sent: Json) -> Attachment:
    number = site.reserve_id("attachment", int(sent["id"]))
    author = _user(site, sent.get("author")) or site.account
    return Attachment(number, sent["filename"], author, _instant(sent["created"]), sent["size"],
                      sent.get("mimeType") or "application/octet-stream", b"")  # fmt: skip


def _listed(table: dict[str, Json], sent: Any, project: Project | None) -> tuple[str, ...]:
    for item in sent or ():
        extra = {"projectId": int(project.id)} if project else {}
        table.setdefault(str(item["id"]), {**{key: value for key, value in item.items() if key != "self"}, **extra})
    return tuple(str(item["id"]) for item in sent or ())


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)
