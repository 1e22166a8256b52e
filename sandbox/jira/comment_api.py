"""Comments of an issue, their properties, and bulk reading by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.http import Response
from sandbox.jira.adf import problem
from sandbox.jira.call import EMPTY, Call, JiraError, Route, checked_property, json_body, page
from sandbox.jira.show import shown_comment
from sandbox.jira.state import Comment, Issue, Json, Site

KNOWN = ("body", "visibility", "properties", "author", "created", "id", "jsdAuthorCanSeeRequest", "jsdPublic", "renderedBody",
         "self", "updateAuthor", "updated")  # fmt: skip
SORTS = ("created", "-created", "+created")


MAX_TEXT = 32_767  # jira.text.field.character.limit, unless an administrator of a Data Center site changed it


def _check_length(text: str) -> None:
    if len(text) > MAX_TEXT:
        words = f"The entered text is too long. It exceeds the allowed limit of {MAX_TEXT:,} characters."
        raise JiraError(400, errors={"comment": words})


def _text_in(node: Any) -> str:
    """All text of an ADF node."""
    if not isinstance(node, dict):
        return ""
    return str(node.get("text") or "") + "".join(map(_text_in, node.get("content") or ()))


def body_from_sent(call: Call, body: Any) -> str | Json:
    """The checked comment body: an ADF document in v3, wiki text otherwise. Raises Jira's 400."""
    if call.is_adf:
        if body is not None and not isinstance(body, dict):
            raise JiraError(400, errors={"comment": "Comment body is not valid!"})
        if body and problem(body):
            raise JiraError(400, "INVALID_INPUT")
        if not body or not body["content"]:
            raise JiraError(400, errors={"comment": "Comment body can not be empty!"})
        _check_length(_text_in(body))
        return dict(body)
    if body is not None and not isinstance(body, str):
        raise JiraError(400, "Can not deserialize instance of java.lang.String out of START_OBJECT token")
    if not (body or "").strip():
        raise JiraError(400, errors={"comment": "Comment body can not be empty!"})
    _check_length(str(body))
    return str(body)


def _visibility(call: Call, sent: Json) -> Json | None:
    value = sent.get("visibility")
    if value is None:
        return None
    is_named = isinstance(value, dict) and (value.get("value") or (call.is_cloud and value.get("identifier")))
    if not is_named or value.get("type") not in ("role", "group"):
        raise JiraError(400, errors={"commentLevel": "Comment visibility needs a type (role or group) and a value."})
    return dict(value)


def properties_from_sent(sent: Json) -> Mapping[str, Any]:
    items = sent.get("properties") or []
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and {"key", "value"} <= set(item) for item in items
    ):
        raise JiraError(400, "properties is a list of objects with key and value.")
    return {item["key"]: item["value"] for item in items}


def comment_from_sent(call: Call, sent: Json) -> Comment:
    """A new comment of the calling user."""
    body, visibility, properties = (
        body_from_sent(call, sent.get("body")),
        _visibility(call, sent),
        properties_from_sent(sent),
    )
    now, me = call.site.now(), call.me.key
    return Comment(call.site.next_id("comment", 10100), me, body, now, now, me, visibility, properties)


def with_comment(site: Site, issue: Issue, comment: Comment) -> Issue:
    """The issue after somebody commented on it."""
    site.comment_home[comment.id] = issue.id
    issue = site.issues[issue.id]
    return site.put(replace(issue, comments=(*issue.comments, comment), updated=comment.created))


def with_edited_comment(site: Site, issue: Issue, comment: Comment) -> Issue:
    comments = tuple(comment if old.id == comment.id else old for old in issue.comments)
    return site.put(replace(issue, comments=comments, updated=max(comment.updated, issue.updated)))


def without_comment(site: Site, issue: Issue, comment_id: int) -> Issue:
    del site.comment_home[comment_id]
    comments = tuple(comment for comment in issue.comments if comment.id != comment_id)
    return site.put(replace(issue, comments=comments, updated=site.now()))


def _found(call: Call, issue: Issue) -> Comment:
    for comment in issue.comments:
        if str(comment.id) == call.path["comment"]:
            return comment
    raise JiraError(404, f"Can not find a comment for the id: {call.path['comment']}.")


def _has_properties(call: Call) -> bool:
    return "properties" in call.request.get("expand").split(",")


def listing(call: Call) -> Response:
    issue = call.issue()
    order = call.request.get("orderBy", "created")
    if order not in SORTS:
        raise JiraError(400, f"Invalid orderBy: '{order}'. Comments can be ordered by 'created'.")
    comments = sorted(issue.comments, key=lambda comment: (comment.created, comment.id), reverse=order.startswith("-"))
    most = 5000 if call.is_cloud else 1_048_576
    start, size, items = page(call, comments, most, most)
    shown = [shown_comment(call, issue.id, comment, with_properties=_has_properties(call)) for comment in items]
    answer = {"startAt": start, "maxResults": size, "total": len(comments), "comments": shown}
    return json_body({"self": f"{call.api}/issue/{issue.id}/comment", **answer} if call.is_cloud else answer)


def read(call: Call) -> Response:
    issue = call.issue()
    return json_body(shown_comment(call, issue.id, _found(call, issue), with_properties=_has_properties(call)))


def create(call: Call) -> Response:
    issue = call.issue_to_write()
    call.need("ADD_COMMENTS", 400, "You do not have the permission to comment on this issue.")
    comment = comment_from_sent(call, call.body(*KNOWN))
    with_comment(call.site, issue, comment)
    return json_body(shown_comment(call, issue.id, comment, with_properties=_has_properties(call)), 201)


def replace_comment(call: Call) -> Response:
    """PUT replaces: a visibility that is not sent again is gone. Properties not sent are kept."""
    if call.request.get("notifyUsers").lower() == "false":
        raise JiraError(403, "To discard the user notification either admin or project admin permissions are required.")
    issue = call.issue_to_write()
    comment = _own(call, _found(call, issue), "edit")
    sent = call.body(*KNOWN)
    comment = replace(
        comment,
        body=body_from_sent(call, sent.get("body")),
        visibility=_visibility(call, sent),
        properties={**comment.properties, **properties_from_sent(sent)},
        updated=call.site.now(),
        update_author=call.me.key,
    )
    with_edited_comment(call.site, issue, comment)
    return json_body(shown_comment(call, issue.id, comment, with_properties=_has_properties(call)))


def _own(call: Call, comment: Comment, verb: str) -> Comment:
    if comment.author != call.me.key:
        raise JiraError(400, f"You do not have permission to {verb} comment with id: {comment.id}.")
    return comment


def delete(call: Call) -> Response:
    issue = call.issue_to_write()
    without_comment(call.site, issue, _own(call, _found(call, issue), "delete").id)
    return EMPTY


def bulk_read(call: Call) -> Response:
    """POST comment/list: comments by id; ids that are unknown or hidden are left out."""
    ids = call.body("ids").get("ids")
    if not isinstance(ids, list) or not 0 < len(ids) <= 1000 or not all(str(number).isdigit() for number in ids):
        raise JiraError(400, "ids must be a list of 1 to 1000 comment ids.")
    found = []
    for number in ids:
        home = call.site.issues.get(call.site.comment_home.get(int(number), -1))
        if home and call.me and call.site.can_see(home):
            found += [(home, comment) for comment in home.comments if comment.id == int(number)]
    shown = [shown_comment(call, home.id, comment, with_properties=_has_properties(call)) for home, comment in found]
    return json_body({"maxResults": 1048576, "startAt": 0, "total": len(shown), "isLast": True, "values": shown})


def _home(call: Call) -> tuple[Issue, Comment]:
    text = call.path["comment"]
    home = call.site.issues.get(call.site.comment_home.get(int(text), -1)) if text.isdigit() else None
    if home is None or not call.me or not call.site.can_see(home):
        raise JiraError(404, f"The comment with the ID '{text}' does not exist.")
    return home, _found(call, home)


def property_keys(call: Call) -> Response:
    _, comment = _home(call)
    own = f"{call.api}/comment/{comment.id}/properties"
    return json_body({"keys": [{"self": f"{own}/{key}", "key": key} for key in comment.properties]})


def read_property(call: Call) -> Response:
    _, comment = _home(call)
    key = call.path["key"]
    if key not in comment.properties:
        raise JiraError(404, f"The property with key '{key}' does not exist.")
    return json_body({"key": key, "value": comment.properties[key]})


def write_property(call: Call) -> Response:
    issue, comment = _home(call)
    call.spend_write(issue)
    key, value = call.path["key"], checked_property(call)
    is_new = key not in comment.properties
    with_edited_comment(call.site, issue, replace(comment, properties={**comment.properties, key: value}))
    return Response(201 if is_new else 200)


def delete_property(call: Call) -> Response:
    issue, comment = _home(call)
    key = call.path["key"]
    if key not in comment.properties:
        raise JiraError(404, f"The property with key '{key}' does not exist.")
    rest = {name: value for name, value in comment.properties.items() if name != key}
    with_edited_comment(call.site, issue, replace(comment, properties=rest))
    return EMPTY


BULK: Route = ("POST", "/comment/list", bulk_read)
BOTH: tuple[Route, ...] = (
    ("GET", "/issue/{issue}/comment", listing),
    ("POST", "/issue/{issue}/comment", create),
    ("GET", "/issue/{issue}/comment/{comment}", read),
    ("PUT", "/issue/{issue}/comment/{comment}", replace_comment),
    ("DELETE", "/issue/{issue}/comment/{comment}", delete),
    ("GET", "/comment/{comment}/properties", property_keys),
    ("GET", "/comment/{comment}/properties/{key}", read_property),
    ("PUT", "/comment/{comment}/properties/{key}", write_property),
    ("DELETE", "/comment/{comment}/properties/{key}", delete_property),
)
