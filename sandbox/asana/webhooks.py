"""Webhooks: the handshake while one is made, signed deliveries in the background, heartbeats, and the end of one."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.asana import shapes
from sandbox.asana.lists import one
from sandbox.asana.refusal import Refusal
from sandbox.asana.state import Json, Task
from sandbox.courier import Courier, answered
from sandbox.http import Request, Response, json_response

if TYPE_CHECKING:
    from sandbox.asana.simulator import AsanaSimulator

HANDSHAKE, SIGNATURE = "X-Hook-Secret", "X-Hook-Signature"
RETRY_AFTER_S = (30.0, 60.0)
Add = Callable[[str, str, Callable[..., Response]], None]


@dataclass
class Webhook:
    gid: str
    resource: str
    target: str
    filters: list[Json]
    secret: str
    is_active: bool = True
    last_failure: str | None = None


def signature(secret: str, body: bytes) -> str:
    """``X-Hook-Signature``: hex HMAC-SHA256 over the raw body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Webhooks:
    """What is registered. An address is asked while its webhook is made, and must repeat the secret."""

    def __init__(self, simulator: AsanaSimulator) -> None:
        self.simulator = simulator
        self.items: dict[str, Webhook] = {}
        self.courier = Courier(simulator.faults, RETRY_AFTER_S, lambda status: status not in (200, 204))

    def add_to(self, add: Add, base: str) -> None:
        add("GET", f"{base}/webhooks", self._list)
        add("POST", f"{base}/webhooks", self._create)
        add(
            "GET",
            f"{base}/webhooks/{{webhook}}",
            lambda request, webhook: one(request, self._shown(self._one(webhook))),
        )
        add("DELETE", f"{base}/webhooks/{{webhook}}", self._delete)

    def _one(self, gid: str) -> Webhook:
        if gid not in self.items:
            raise Refusal(404, f"webhook: Unknown object: {gid}")
        return self.items[gid]

    def _shown(self, item: Webhook) -> Json:
        return {
            "gid": item.gid, "resource_type": "webhook", "active": item.is_active, "target": item.target, "filters": item.filters,
            "resource": {"gid": item.resource, "resource_type": "project", "name": self.simulator.state.projects[item.resource].name},
            "last_failure_content": item.last_failure, "delivery_retry_count": 0, "failure_deletion_timestamp": None,
        }  # fmt: skip

    def _list(self, request: Request) -> Response:
        if request.get("workspace") != self.simulator.state.workspace:
            raise Refusal(400, "workspace: Missing input")
        return self.simulator.lists.of(request, list(map(self._shown, self.items.values())))

    def _create(self, request: Request) -> Response:
        body: Any = request.json()
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict) or not data.get("resource") or not data.get("target"):
            raise Refusal(400, "target: Missing input")
        resource, target = self.simulator.visible_project(str(data["resource"])).gid, str(data["target"])
        if any((item.resource, item.target) == (resource, target) for item in self.items.values()):
            raise Refusal(403, "A webhook with this target already exists for this resource")
        secret = secrets.token_hex(32)
        status, headers = answered("POST", target, b"", {HANDSHAKE: secret})
        if status not in (200, 204) or headers.get(HANDSHAKE.lower()) != secret:
            raise Refusal(400, "The remote server did not respond with the handshake secret")
        item = Webhook(self.simulator.state.next_id(), resource, target, list(data.get("filters") or ()), secret)
        self.items[item.gid] = item
        shown = json.loads(one(request, self._shown(item)).body)
        return json_response({**shown, HANDSHAKE: secret}, 201)

    def _delete(self, request: Request, webhook: str) -> Response:
        del self.items[self._one(webhook).gid]
        return json_response({"data": {}})

    def tell(self, task: Task, action: str) -> None:
        """Deliver to the webhooks of the projects that the task lies in."""
        projects = {project.gid for project in self.simulator.state.home(task)}
        for item in self.items.values():
            if (
                item.is_active
                and item.resource in projects
                and any(each.get("action") == action for each in item.filters)
            ):
                self._send(item, [_event(task, action, shapes.instant(task.modified_at) or "")])

    def heartbeat(self) -> None:
        """What comes every eight hours: nothing, signed."""
        for item in self.items.values():
            self._send(item, [])

    def _send(self, item: Webhook, events: list[Json]) -> None:
        body = json.dumps({"events": events}, ensure_ascii=False).encode()
        headers = {SIGNATURE: signature(item.secret, body)}
        self.courier.send(item.target, body, lambda _: headers, "event")


def _event(task: Task, action: str, at: str) -> Json:
    resource = {"gid": task.gid, "resource_type": "task", "resource_subtype": "default_task"}
    return {
        "user": {"gid": "0"},
        "resource": resource,
        "type": "task",
        "action": action,
        "parent": None,
        "created_at": at,
    }
