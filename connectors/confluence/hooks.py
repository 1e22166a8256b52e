"""Webhooks of Confluence Data Center, pure: is a delivery the site's own, and which page does it name.

Signature as Jira's: ``X-Hub-Signature: sha256=<hex HMAC-SHA256(secret, raw body)>``. Confluence Cloud delivers to apps only.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from sync.core.errors import AccessDenied
from sync.core.hooks import Hint, HookRequest
from sync.core.ports import ConnectionSettings

HEADER = "x-hub-signature"
EVENTS = ("page_created", "page_updated", "page_moved", "page_removed", "page_restored", "page_trashed")


def signature(secret: str, body: bytes) -> str:
    """What ``X-Hub-Signature`` must say."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def hints_from(request: HookRequest, settings: ConnectionSettings) -> tuple[Hint, ...]:
    """The page that the event names. Events about anything else, or a space not collected, give none."""
    secret = settings.credentials.get("webhook_secret", "")
    said = request.headers.get(HEADER, "")
    if not secret or not hmac.compare_digest(said.strip().encode(), signature(secret, request.body).encode()):
        raise AccessDenied("the delivery does not carry the signature of this webhook's secret")
    body = _object(request.body)
    page = _part(body, "page")
    page_id, key = _id(page.get("id")), page.get("spaceKey") or _part(page, "space").get("key") or ""
    if not page_id or (key and key not in settings.scopes):
        return ()
    event = str(body.get("event") or request.headers.get("x-event-key", ""))
    delivery = hashlib.sha256(request.body).hexdigest()[:32]
    return (Hint(delivery, "pages", str(key), page_id, event, _instant(body.get("timestamp"))),)


def _id(value: object) -> str:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if text.isascii() and text.isdecimal() and len(text) <= 20 else ""


def _instant(value: object) -> datetime | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _part(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, dict) else {}
