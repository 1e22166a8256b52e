"""Webhooks of Data Center as an administrator registers them (``/rest/api/webhooks``), and their signed deliveries. Cloud has none."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.confluence.call import Call, Route
from sandbox.confluence.errors import Refusal, bad_request, not_found
from sandbox.confluence.site import Site
from sandbox.confluence.state import Page
from sandbox.courier import Courier
from sandbox.faults import Faults
from sandbox.http import Response, json_response

PAGE_EVENTS = ("page_created", "page_updated", "page_moved", "page_removed", "page_restored", "page_trashed")


def signature(secret: str, body: bytes) -> str:
    """``X-Hub-Signature``, as Jira's; the vendor does not say so in so many words (UNCONFIRMED)."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Webhooks:
    """The site's webhooks. ``is_admin`` tells whether the integration account administers Confluence."""

    def __init__(self, site: Site, faults: Faults) -> None:
        self.site = site
        self.is_admin = False
        self.items: dict[int, dict[str, Any]] = {}
        self.courier = Courier(faults)  # no retries are documented
        site.webhooks = self
        site.on_event = self.tell

    def add(self, url: str, secret: str, events: tuple[str, ...] = PAGE_EVENTS) -> int:
        """An administrator makes one in the console."""
        number = int(self.site.new_id())
        self.items[number] = {
            "name": "by hand", "url": url, "events": list(events), "active": True, "configuration": {"secret": secret},
        }  # fmt: skip
        return number

    def tell(self, event: str, page: Page) -> None:
        """Deliver what happened to a page."""
        if not self.items or page.kind != "page" or page.status == "draft":
            return
        space = self.site.spaces[page.space_id]
        told = {"id": int(page.id), "title": page.title, "spaceKey": space.key}
        now = int(self.site.clock().timestamp() * 1000)
        body = json.dumps({"timestamp": now, "event": event, "page": told}, ensure_ascii=False).encode()
        for item in list(self.items.values()):
            if item["active"] and event in item["events"]:
                self._send(item, event, body)

    def _send(self, item: dict[str, Any], event: str, body: bytes) -> None:
        identifier, secret = str(uuid.uuid4()), str((item.get("configuration") or {}).get("secret") or "")

        def headers(_: int) -> Mapping[str, str]:
            signed = {"x-hub-signature": signature(secret, body)} if secret else {}
            return {"x-event-key": event, "x-request-id": identifier, **signed}

        self.courier.send(item["url"], body, headers, event)


def _of(call: Call) -> Webhooks:
    found: Webhooks = call.site.webhooks
    if not found.is_admin:
        raise Refusal(401, "The authenticated user must be an administrator to call this resource.")
    return found


def _one(call: Call, webhook_id: str) -> tuple[Webhooks, int]:
    hooks = _of(call)
    if not webhook_id.isdigit() or int(webhook_id) not in hooks.items:
        raise not_found("The specified webhook does not exist")
    return hooks, int(webhook_id)


def _shown(number: int, item: dict[str, Any]) -> dict[str, Any]:
    configuration = {name: value for name, value in (item.get("configuration") or {}).items() if name != "secret"}
    return {"id": number, **item, "configuration": configuration}


def list_webhooks(call: Call) -> Response:
    hooks = _of(call)
    start, limit = int(call.request.get("start", "0")), min(int(call.request.get("limit", "100")), 100)
    shown = [_shown(number, item) for number, item in hooks.items.items()][start : start + limit]
    return json_response({"results": shown, "start": start, "limit": limit, "size": len(shown)})


def create_webhook(call: Call) -> Response:
    hooks, item = _of(call), call.request.json()
    if not isinstance(item, dict) or not item.get("name") or not str(item.get("url", "")).startswith("http"):
        raise bad_request("name and url are needed")
    if not item.get("events"):
        raise bad_request("events are needed")
    number = int(hooks.site.new_id())
    hooks.items[number] = {"active": True, **item}
    return json_response(_shown(number, hooks.items[number]), 201)


def get_webhook(call: Call, webhook_id: str) -> Response:
    hooks, number = _one(call, webhook_id)
    return json_response(_shown(number, hooks.items[number]))


def put_webhook(call: Call, webhook_id: str) -> Response:
    hooks, number = _one(call, webhook_id)
    hooks.items[number].update(call.request.json())
    return json_response(_shown(number, hooks.items[number]))


def delete_webhook(call: Call, webhook_id: str) -> Response:
    hooks, number = _one(call, webhook_id)
    del hooks.items[number]
    return Response(204)


DC: tuple[Route, ...] = (
    ("GET", "/rest/api/webhooks", list_webhooks),
    ("POST", "/rest/api/webhooks", create_webhook),
    ("GET", "/rest/api/webhooks/{webhook_id}", get_webhook),
    ("PUT", "/rest/api/webhooks/{webhook_id}", put_webhook),
    ("DELETE", "/rest/api/webhooks/{webhook_id}", delete_webhook),
)
