"""Webhooks as an administrator of Jira registers them, in the console or by ``/rest/webhooks/1.0/webhook``; signed deliveries."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime

from sandbox.courier import Courier
from sandbox.faults import Faults
from sandbox.http import Request, Response, json_response
from sandbox.jira.adf import as_wiki
from sandbox.jira.call import EMPTY
from sandbox.jira.state import Issue, Json, Link, Site, User, word

PATH = "/rest/webhooks/1.0/webhook"
FILTER = "issue-related-events-section"
RETRIED = frozenset({0, 408, 409, 425, 429})  # and every 5xx; Cloud only, Data Center does not document any retry
RETRY_AFTER_S = (300.0,) * 5
_PROJECTS = re.compile(
    r'\s*project\s*(?:=|in)\s*\(?\s*((?:"[^"]*"|\w+)(?:\s*,\s*(?:"[^"]*"|\w+))*)\s*\)?\s*', re.IGNORECASE
)


def signature(secret: str, body: bytes) -> str:
    """``X-Hub-Signature``: the method, then hex HMAC over the raw body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Webhooks:
    """The site's webhooks. ``is_admin`` tells whether the integration account administers Jira, which registering by REST needs."""

    def __init__(self, site: Site, faults: Faults) -> None:
        self.site = site
        self.is_admin = False
        self.items: dict[int, Json] = {}
        is_cloud = site.variant == "cloud"
        self.courier = Courier(
            faults,
            RETRY_AFTER_S if is_cloud else (),
            lambda status: status in RETRIED or status >= 500,
        )
        site.on_change = self.tell

    def add(self, url: str, secret: str, events: tuple[str, ...], projects: tuple[str, ...] = ()) -> int:
        """An administrator makes one in the console."""
        query = f"project in ({', '.join(projects)})" if projects else ""
        return self._kept(
            {"name": "by hand", "url": url, "secret": secret, "events": list(events), "filters": {FILTER: query}}
        )

    def _kept(self, item: Json) -> int:
        number = self.site.next_id("webhook", 1)
        self.items[number] = {"enabled": True, "excludeBody": False, **item}
        return number

    # -- the REST resource

    def answer(self, request: Request, path: str, user: User | None) -> Response:
        """List, make, change or remove. Administrators only."""
        if user is None:
            return json_response({"message": "Client must be authenticated to access this resource."}, 401)
        if not self.is_admin:
            words = "Client must be authenticated as an administrator to access this resource."
            return json_response({"message": words, "status-code": 403}, 403)
        rest = path.removeprefix(PATH).strip("/")
        if not rest:
            return self._all(request)
        number = int(rest) if rest.isdigit() else -1
        if number not in self.items:
            return json_response({"messages": [{"key": "The webhook does not exist"}]}, 404)
        return self._one(request, number)

    def _all(self, request: Request) -> Response:
        if request.method == "GET":
            return json_response([self._shown(request, number) for number in self.items])
        if request.method != "POST":
            return json_response({"message": "HTTP 405 Method Not Allowed", "status-code": 405}, 405)
        item = request.json()
        if not isinstance(item, dict) or not item.get("name") or not str(item.get("url", "")).startswith("http"):
            return json_response({"messages": [{"key": "name and url are needed"}]}, 400)
        if not _projects(item) and _query(item):
            return json_response({"messages": [{"key": "this sandbox filters by project only"}]}, 400)
        return json_response(self._shown(request, self._kept(item)), 201)

    def _one(self, request: Request, number: int) -> Response:
        if request.method == "DELETE":
            del self.items[number]
            return EMPTY
        if request.method == "PUT":
            self.items[number].update(request.json())
        return json_response(self._shown(request, number))

    def _shown(self, request: Request, number: int) -> Json:
        """The secret is never shown again."""
        item = {name: value for name, value in self.items[number].items() if name != "secret"}
        is_signed = bool(self.items[number].get("secret"))
        return {
            **item,
            "isSigned": is_signed,
            "self": f"{request.base_url}{PATH}/{number}",
            "lastUpdatedUser": "tieline",
        }

    # -- what happened

    def tell(self, before: Issue | None, after: Issue | None) -> None:
        """Deliver what became of an issue to every webhook that wants to know."""
        if not self.items:
            return
        for event, rest in _events(self.site, before, after):
            issue = after or before
            if issue is not None:
                self._deliver(event, issue, rest)

    def _deliver(self, event: str, issue: Issue, rest: Json) -> None:
        body = json.dumps(
            {"timestamp": int(self.site.now().timestamp() * 1000), "webhookEvent": event, **rest}, ensure_ascii=False
        ).encode()
        key = self.site.projects[issue.project_id].key
        for item in list(self.items.values()):
            # A filter narrows issue events; links belong to no project.
            is_wanted = event.startswith("issuelink") or not _projects(item) or key in _projects(item)
            if item["enabled"] and event in item["events"] and is_wanted:
                self._send(item, body, event)

    def _send(self, item: Json, body: bytes, event: str) -> None:
        identifier = str(uuid.uuid4())

        def headers(attempt: int) -> Mapping[str, str]:
            sent = {"user-agent": "Atlassian HttpClient"}
            if item.get("secret"):
                sent["x-hub-signature"] = signature(item["secret"], body)
            if self.site.variant == "cloud":
                own = {"x-atlassian-webhook-identifier": identifier, "x-atlassian-webhook-flow": "Primary"}
                sent |= own | ({"x-atlassian-webhook-retry": str(attempt)} if attempt else {})
            return sent

        self.courier.send(item["url"], body, headers, event)


def _events(site: Site, before: Issue | None, after: Issue | None) -> Iterator[tuple[str, Json]]:
    """The events of one change. A link is told once, by its source; comments and fields with their issue."""
    if after is None:
        yield ("jira:issue_deleted", {"issue": _issue(site, before)}) if before else ("", {})
    elif before is None:
        yield "jira:issue_created", {"issue": _issue(site, after), "issue_event_type_name": "issue_created"}
    elif before.comments != after.comments:
        yield (
            _comment_event(before, after),
            {"comment": _changed_comment(site, before, after), "issue": _issue(site, after)},
        )
    elif before.links != after.links:
        made = [number for number in after.links if number not in before.links]
        yield from (
            ("issuelink_created", _link(link)) for n in made if (link := site.links.get(n)) and link.source == after.id
        )
        if len(after.links) < len(before.links):
            yield "issuelink_deleted", {"issueLink": {"sourceIssueId": after.id}}
    elif before != after:
        yield "jira:issue_updated", {"issue": _issue(site, after), "issue_event_type_name": "issue_generic"}


def _comment_event(before: Issue, after: Issue) -> str:
    kept, now = len(before.comments), len(after.comments)
    return "comment_created" if now > kept else "comment_deleted" if now < kept else "comment_updated"


def _changed_comment(site: Site, before: Issue, after: Issue) -> Json:
    """The comment that was made, edited or deleted, as webhooks show it: its body is wiki text on Cloud too."""
    old = {comment.id: comment for comment in before.comments}
    new = {comment.id: comment for comment in after.comments}
    number = next(number for number in {**new, **old} if old.get(number) != new.get(number))
    comment = new.get(number) or old[number]
    return {
        "id": str(comment.id),
        "author": _person(site, comment.author),
        "body": as_wiki(comment.body) or "",
        "updateAuthor": _person(site, comment.update_author),
        "created": _time(comment.created),
        "updated": _time(comment.updated),
    }


def _person(site: Site, key: str) -> Json:
    user = site.users[key]
    own = {"accountId": user.account_id} if site.variant == "cloud" else {"name": user.login, "key": user.server_key}
    return {**own, "displayName": user.name, "active": True}


def _time(moment: datetime) -> str:
    """As Jira writes it in the server's own zone, which need not be the calling account's."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}{moment:%z}"


def _issue(site: Site, issue: Issue | None) -> Json:
    if issue is None:
        return {}
    project = site.projects[issue.project_id]
    fields = {
        "summary": issue.summary,
        "status": {"id": issue.status_id, "name": word(site.statuses[issue.status_id].words, site.language)},
        "project": {"id": project.id, "key": project.key, "name": project.name},
    }
    return {"id": str(issue.id), "key": issue.key, "fields": fields}


def _link(link: Link) -> Json:
    return {"issueLink": {"id": link.id, "sourceIssueId": link.source, "destinationIssueId": link.target}}


def _query(item: Json) -> str:
    return str((item.get("filters") or {}).get(FILTER) or "")


def _projects(item: Json) -> tuple[str, ...]:
    found = _PROJECTS.fullmatch(_query(item))
    return tuple(text.strip().strip('"') for text in found[1].split(",")) if found else ()
