"""Asana's webhooks, pure. Asana makes up a secret for each webhook and tells it to the address once, while the webhook is being made.
Tieline keeps none of it: the address itself ends in a token that only this installation can make (docs/decisions/0011).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.asana.values import objects, text_from
from sync.core.decode import decoded
from sync.core.errors import AccessDenied, Nonsense
from sync.core.hooks import Hint, HookRequest
from sync.core.instants import instant_from_text
from sync.core.ports import ConnectionSettings

HANDSHAKE = "x-hook-secret"


def token_of(secret: str) -> str:
    """What an address of ours ends in; the secret itself is shown to nobody."""
    return hmac.new(secret.encode(), b"asana webhook address", hashlib.sha256).hexdigest()[:32]


def target_of(callback_url: str, secret: str) -> str:
    """The address as Asana is given it."""
    return f"{callback_url}?token={token_of(secret)}"


def hints_from(request: HookRequest, settings: ConnectionSettings) -> tuple[Hint, ...]:
    """The tasks that the events name, of a comment or a subtask the task that it is on. The handshake and heartbeats give none."""
    secret = settings.credentials.get("webhook_secret", "")
    said = request.query.get("token", "")
    if not secret or not hmac.compare_digest(said.encode(), token_of(secret).encode()):
        raise AccessDenied("the delivery's address does not end in the token of this connection's webhook_secret")
    try:
        data = decoded(request.body) if request.body.strip() else {}
    except Nonsense:
        return ()
    events = objects(data.get("events") if isinstance(data, dict) else None)
    return tuple(dict.fromkeys(hint for event in events for hint in _hints(event)))


def task_of(event: Mapping[str, Any]) -> str:
    """The task that an event is about, or that what it is about lies in; "" for an event about anything else."""
    for part in (part_of(event, "resource"), part_of(event, "parent")):
        if part.get("resource_type") == "task" and (gid := text_from(part.get("gid"))):
            return gid
    return ""


def part_of(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The thing under this name in an event; empty where there is none."""
    part = event.get(name)
    return part if isinstance(part, dict) else {}


def _hints(event: dict[str, Any]) -> Iterator[Hint]:
    """Of several events in one delivery each is its own."""
    if gid := task_of(event):
        at = text_from(event.get("created_at")) or ""
        words = f"{gid} {event.get('action')} {at} {part_of(event, 'resource').get('gid')}"
        delivery = hashlib.sha256(words.encode()).hexdigest()[:32]
        yield Hint(delivery, "tasks", "", gid, str(event.get("action") or "")[:40], instant_from_text(at))
