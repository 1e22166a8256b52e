"""Issue links, remote links and attachments."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from typing import Any

from sandbox.http import Response, json_response, text_response
from sandbox.jira.call import EMPTY, Call, JiraError, Route, json_body
from sandbox.jira.comment_api import comment_from_sent, with_comment
from sandbox.jira.show import shown_attachment, shown_end, shown_link_type, shown_remote_link
from sandbox.jira.state import Attachment, Change, Issue, Json, Link, Named, RemoteLink, Site, User

MAX_GLOBAL_ID = 255
NO_TYPE = "No issue link type with name '{}' found."


def _link_type(call: Call, sent: Any) -> Named:
    """The link type by id or by its name in either language. Its phrases are not names."""
    wanted = sent if isinstance(sent, dict) else {}
    if not wanted.get("id") and not wanted.get("name"):
        raise JiraError(
            400, "Issue link type is required." if call.is_cloud else "Issue link type name or id is required."
        )
    for kind in call.site.link_types.values():
        if str(wanted.get("id", "")) == kind.id or (not wanted.get("id") and wanted.get("name") in kind.words.values()):
            return kind
    raise JiraError(404, NO_TYPE.format(wanted.get("name", wanted.get("id"))))


def _end(call: Call, sent: Json, name: str) -> Issue:
    wanted = sent.get(name)
    if not isinstance(wanted, dict) or not (wanted.get("key") or wanted.get("id")):
        raise JiraError(400, f"{name} needs an issue id or key.")
    return call.issue(str(wanted.get("key") or wanted.get("id")))


def create_link(call: Call) -> Response:
    """inwardIssue is the subject of the outward phrase ("A blocks B"). 201 and nothing else; twice is still one link."""
    call.need("LINK_ISSUES", 401, "No Link Issue Permission for issue.")
    sent = call.body("type", "inwardIssue", "outwardIssue", "comment")
    kind, source, target = (
        _link_type(call, sent.get("type")),
        _end(call, sent, "inwardIssue"),
        _end(call, sent, "outwardIssue"),
    )
    if source.id == target.id:
        raise JiraError(400, "You cannot link an issue to itself.")
    for issue in (source, target):
        call.spend_write(issue)
    comment = comment_from_sent(call, sent["comment"]) if sent.get("comment") else None
    link_issues(call.site, kind, source, target, call.me)
    if comment:
        with_comment(call.site, call.site.issues[source.id], comment)
    return Response(201)


def link_issues(site: Site, kind: Named, source: Issue, target: Issue, author: User) -> Link:
    """The link "source <outward phrase> target", with both histories; whether ``updated`` moves is the site's setting."""
    link, is_new = site.add_link(kind.id, source.id, target.id)
    if is_new:
        _note(site, source.id, author, None, target, f"This issue {kind.outward['en']} {target.key}")
        _note(site, target.id, author, None, source, f"This issue {kind.inward['en']} {source.key}")
    return link


def _note(site: Site, issue_id: int, author: User, old: Issue | None, new: Issue | None, sentence: str) -> None:
    issue, now = site.issues[issue_id], site.now()
    item: Json = {"field": "Link", "fieldtype": "jira", "from": old.key if old else None,
                  "fromString": sentence if old else None, "to": new.key if new else None,
                  "toString": sentence if new else None}  # fmt: skip
    change = Change(site.next_id("change", 20001), author.key, now, (item,))
    updated = now if site.links_touch_updated else issue.updated
    site.put(replace(issue, history=(*issue.history, change), updated=updated))


def _link(call: Call) -> Link:
    text = call.path["link"]
    link = call.site.links.get(int(text)) if text.isdigit() else None
    ends = [call.site.issues.get(number) for number in (link.source, link.target)] if link else []
    if link is None or not call.me or not any(issue and call.site.can_see(issue) for issue in ends):
        raise JiraError(404, f"No issue link with id '{text}' exists.")
    return link


def read_link(call: Call) -> Response:
    """The link itself, in POST's words: inwardIssue is its source, outwardIssue its target."""
    link = _link(call)
    return json_body({"id": str(link.id), "self": f"{call.api}/issueLink/{link.id}",
                      "type": shown_link_type(call, call.site.link_types[link.type_id]),
                      "inwardIssue": shown_end(call, link.source), "outwardIssue": shown_end(call, link.target)})  # fmt: skip


def delete_link(call: Call) -> Response:
    link = _link(call)
    call.need("LINK_ISSUES", 401, "No Link Issue Permission for issue.")
    for number in (link.source, link.target):
        if number in call.site.issues:
            call.spend_write(call.site.issues[number])
    unlink(call.site, link, call.me)
    return EMPTY


def unlink(site: Site, link: Link, author: User) -> None:
    """Remove a link; both ends keep the news in their history."""
    kind, source, target = site.link_types[link.type_id], site.issues.get(link.source), site.issues.get(link.target)
    site.drop_link(link)
    if source and target:
        _note(site, source.id, author, target, None, f"This issue {kind.outward['en']} {target.key}")
        _note(site, target.id, author, source, None, f"This issue {kind.inward['en']} {source.key}")


def link_types(call: Call) -> Response:
    assert call.me
    return json_body({"issueLinkTypes": [shown_link_type(call, kind) for kind in call.site.link_types.values()]})


def link_type(call: Call) -> Response:
    kind = call.site.link_types.get(call.path["type"])
    if kind is None:
        raise JiraError(404, f"No issue link type with id '{call.path['type']}' found.")
    return json_body(shown_link_type(call, kind))


def remote_links(call: Call) -> Response:
    """A bare array; with globalId the one link that has it, 404 when there is none."""
    issue, wanted = call.issue(), call.request.get("globalId")
    if not wanted:
        return json_body([shown_remote_link(call, issue, link) for link in issue.remote_links])
    for link in issue.remote_links:
        if link.global_id == wanted:
            return json_body(shown_remote_link(call, issue, link))
    raise JiraError(404, f"The remote link with global id '{wanted}' does not exist.")


def _remote_link_from_sent(call: Call, link_id: int) -> RemoteLink:
    """A whole remote link: what is not sent becomes null."""
    sent = call.body("globalId", "application", "relationship", "object")
    target = sent.get("object")
    errors: dict[str, str] = {}
    if not isinstance(target, dict) or not target.get("title"):
        errors["title"] = "'title' is required."
    if not isinstance(target, dict) or not target.get("url"):
        errors["url"] = "'url' is required."
    if len(str(sent.get("globalId") or "")) > MAX_GLOBAL_ID:
        errors["globalId"] = "'globalId' can not be longer than 255 characters."
    if errors or not isinstance(target, dict):
        raise JiraError(400, errors=errors)
    shown = {"url": target["url"], "title": target["title"], "summary": target.get("summary"),
             "icon": target.get("icon") or {}, "status": target.get("status") or {"icon": {}}}  # fmt: skip
    whole = {name: value for name, value in shown.items() if value is not None}
    return RemoteLink(
        link_id, sent.get("globalId") or None, sent.get("application") or {}, sent.get("relationship"), whole
    )


def put_remote_link(call: Call) -> Response:
    """POST: 201 for a new link; the same globalId again replaces the link: 200."""
    call.need("LINK_ISSUES", 403, "You do not have permission to link issues in this project.")
    issue = call.issue_to_write()
    link = _remote_link_from_sent(call, 0)
    known = next((old for old in issue.remote_links if link.global_id and old.global_id == link.global_id), None)
    link = replace(link, id=known.id if known else call.site.next_id("remote link"))
    _store_remote_link(call.site, issue, link)
    answer = {"id": link.id, "self": f"{call.api}/issue/{issue.key}/remotelink/{link.id}"}
    return json_body(answer, 200 if known else 201)


def _store_remote_link(site: Site, issue: Issue, link: RemoteLink) -> None:
    links = {old.id: old for old in issue.remote_links} | {link.id: link}
    updated = site.now() if site.links_touch_updated else issue.updated
    site.put(replace(issue, remote_links=tuple(links.values()), updated=updated))


def _remote_link(call: Call, issue: Issue) -> RemoteLink:
    for link in issue.remote_links:
        if str(link.id) == call.path["remote"]:
            return link
    raise JiraError(404, f"The remote issue link with id '{call.path['remote']}' does not exist.")


def read_remote_link(call: Call) -> Response:
    issue = call.issue()
    return json_body(shown_remote_link(call, issue, _remote_link(call, issue)))


def edit_remote_link(call: Call) -> Response:
    call.need("LINK_ISSUES", 403, "You do not have permission to link issues in this project.")
    issue = call.issue_to_write()
    _store_remote_link(call.site, issue, _remote_link_from_sent(call, _remote_link(call, issue).id))
    return EMPTY


def delete_remote_link(call: Call) -> Response:
    """By id in the path, or by the globalId parameter."""
    issue = call.issue_to_write()
    if "remote" in call.path:
        gone = _remote_link(call, issue).id
    else:
        wanted = call.request.get("globalId")
        if not wanted:
            raise JiraError(400, "'globalId' is required.")
        matching = [link.id for link in issue.remote_links if link.global_id == wanted]
        if not matching:
            raise JiraError(404, f"The remote link with global id '{wanted}' does not exist.")
        gone = matching[0]
    call.site.put(replace(issue, remote_links=tuple(link for link in issue.remote_links if link.id != gone)))
    return EMPTY


def attach(call: Call) -> Response:
    """Multipart, every part named ``file``; without X-Atlassian-Token: no-check the XSRF guard answers 403."""
    if call.request.headers.get("x-atlassian-token") not in ("no-check", "nocheck"):
        return text_response("XSRF check failed", 403)
    call.need("CREATE_ATTACHMENTS", 403, "You do not have permission to create attachments for this issue.")
    issue = call.issue_to_write()
    content_type = call.request.headers.get("content-type", "")
    if not content_type.startswith("multipart/form-data"):
        return text_response("", 415)
    header = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(header + call.request.body, policy=email.policy.HTTP)
    now, me, added = call.site.now(), call.me.key, []
    for part in message.iter_parts() if message.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == "file":
            content = part.get_payload(decode=True) or b""
            assert isinstance(content, bytes)
            number, name = call.site.next_id("attachment"), part.get_filename() or "file"
            added.append(Attachment(number, name, me, now, len(content), part.get_content_type(), content))
    call.site.attachment_home.update({item.id: issue.id for item in added})
    call.site.put(replace(issue, attachments=(*issue.attachments, *added), updated=now))
    return json_response([shown_attachment(call, item) for item in added])


def _attachment(call: Call) -> Attachment:
    text = call.path["attachment"]
    home = call.site.issues.get(call.site.attachment_home.get(int(text), -1)) if text.isdigit() else None
    if home and call.me and call.site.can_see(home):
        return next(item for item in home.attachments if str(item.id) == text)
    raise JiraError(404, f"The attachment with id '{text}' does not exist")


def read_attachment(call: Call) -> Response:
    return json_body(shown_attachment(call, _attachment(call)))


def delete_attachment(call: Call) -> Response:
    item = _attachment(call)
    issue = call.site.issues[call.site.attachment_home.pop(item.id)]
    rest = tuple(other for other in issue.attachments if other.id != item.id)
    call.site.put(replace(issue, attachments=rest, updated=call.site.now()))
    return EMPTY


def download(call: Call) -> Response:
    """Cloud answers 303 to a signed address of its media store unless redirect=false; Data Center gives the bytes."""
    item = _attachment(call)
    if call.is_cloud and call.request.get("redirect").lower() != "false":
        return Response(303, b"", {"location": f"{call.request.base_url}/media/file/{item.id}/binary"})
    return content_of(item)


def content_of(item: Attachment) -> Response:
    return Response(200, item.content, {"content-type": item.mime_type})


CONTENT: Route = ("GET", "/attachment/content/{attachment}", download)
BOTH: tuple[Route, ...] = (
    ("POST", "/issueLink", create_link),
    ("GET", "/issueLink/{link}", read_link),
    ("DELETE", "/issueLink/{link}", delete_link),
    ("GET", "/issueLinkType", link_types),
    ("GET", "/issueLinkType/{type}", link_type),
    ("GET", "/issue/{issue}/remotelink", remote_links),
    ("POST", "/issue/{issue}/remotelink", put_remote_link),
    ("DELETE", "/issue/{issue}/remotelink", delete_remote_link),
    ("GET", "/issue/{issue}/remotelink/{remote}", read_remote_link),
    ("PUT", "/issue/{issue}/remotelink/{remote}", edit_remote_link),
    ("DELETE", "/issue/{issue}/remotelink/{remote}", delete_remote_link),
    ("POST", "/issue/{issue}/attachments", attach),
    ("GET", "/attachment/{attachment}", read_attachment),
    ("DELETE", "/attachment/{attachment}", delete_attachment),
)
