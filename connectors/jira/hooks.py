"""Jira's webhooks, pure: is a delivery Jira's own, and which issues does it name.

Signature: ``X-Hub-Signature: sha256=<hex HMAC-SHA256(secret, raw body)>``, the method first
(developer.atlassian.com/cloud/jira/platform/webhooks/). Deliveries are at least once and in no order.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from connectors.jira.adf import is_adf, plain_text
from connectors.jira.records import instant_from
from sync.core.errors import AccessDenied
from sync.core.hooks import EditedComment, Hint, HookRequest
from sync.core.ports import ConnectionSettings

HEADER = "x-hub-signature"
# Jira's own names; comment and link events carry no "jira:".
EVENTS = (
    "jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created", "comment_updated", "comment_deleted",
    "issuelink_created", "issuelink_deleted",
)  # fmt: skip


def signature(secret: str, body: bytes) -> str:
    """What ``X-Hub-Signature`` must say."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def hints_from(request: HookRequest, settings: ConnectionSettings) -> tuple[Hint, ...]:
    """The issue that the event names, or both ends of its link. Events of another kind, or of a project not collected, give none."""
    secret = settings.credentials.get("webhook_secret", "")
    said = request.headers.get(HEADER, "")
    if not secret or not hmac.compare_digest(said.strip().encode(), signature(secret, request.body).encode()):
        raise AccessDenied("the delivery does not carry the signature of this webhook's secret")
    body = _object(request.body)
    event = str(body.get("webhookEvent") or "")
    # By the bytes that were signed: the identifier in the headers is not, and could be changed to have one delivery count many times.
    delivery = hashlib.sha256(request.body).hexdigest()[:32]
    found = dict.fromkeys((item, scope) for item, scope in _named(body, settings.scopes) if item and scope is not None)
    at = instant_from(body.get("timestamp"))
    edited = _edited(_part(body, "comment")) if event == "comment_updated" else None
    return tuple(
        Hint(f"{delivery}-{number}", "issues", scope or "", item, event, at, edited)
        for number, (item, scope) in enumerate(found)
    )


def _edited(comment: Mapping[str, Any]) -> EditedComment | None:
    """What a comment says after somebody edited it: text as the sites' webhooks write it, or a document."""
    body = comment.get("body")
    words = plain_text(body) if isinstance(body, Mapping) and is_adf(body) else body if isinstance(body, str) else ""
    number, version = _id(comment.get("id")), str(comment.get("updated") or "")
    if not (number and words and version):
        return None
    return EditedComment(number, words, str(_part(comment, "updateAuthor").get("displayName") or ""), version)


def _named(body: Mapping[str, Any], scopes: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """(issue's id, its scope) of all issues that the delivery names; "" for a project not told, None for one not collected."""
    issue = _part(body, "issue")
    fields = _part(issue, "fields")
    yield _id(issue.get("id")), _scope(_part(fields, "project"), scopes)
    link = _part(body, "issueLink")
    for end in ("sourceIssueId", "destinationIssueId"):
        yield _id(link.get(end)), ""


def _scope(project: Mapping[str, Any], scopes: Sequence[str]) -> str | None:
    names = {str(project.get(name) or "").casefold() for name in ("key", "id", "name")} - {""}
    if not names:
        return ""
    return next((scope for scope in scopes if scope.casefold() in names), None)


def _id(value: object) -> str:
    """Issue ids are numbers; anything else is not asked for."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if text.isascii() and text.isdecimal() and len(text) <= 20 else ""


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _part(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, dict) else {}
