"""Webhooks of Yuque, pure. They carry no signature: the address that an admin enters ends in ``?token=`` and the secret."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from sync.core.decode import decoded
from sync.core.errors import AccessDenied, Nonsense
from sync.core.hooks import Hint, HookRequest
from sync.core.instants import instant_from_text
from sync.core.ports import ConnectionSettings

EVENTS = frozenset({"publish", "update", "delete"})


def hints_from(request: HookRequest, settings: ConnectionSettings) -> tuple[Hint, ...]:
    """The document that the event names. Comments, and books that are not collected, give none."""
    secret = settings.credentials.get("webhook_secret", "")
    said = request.query.get("token", "")
    if not secret or not hmac.compare_digest(said.encode(), secret.encode()):
        raise AccessDenied("the delivery's address does not end in ?token= and this connection's webhook_secret")
    data = _part(_object(request.body), "data")
    event, doc_id = str(data.get("webhook_subject_type") or data.get("action_type") or ""), str(data.get("id") or "")
    if event not in EVENTS or not doc_id.isdecimal() or len(doc_id) > 20:
        return ()
    scope = _scope_of(data, settings)
    if scope is None:
        return ()
    at = instant_from_text(data.get("updated_at"))
    delivery = hashlib.sha256(request.body).hexdigest()[:32]
    return (Hint(delivery, "docs", scope, doc_id, event, at),)


def _scope_of(data: Mapping[str, Any], settings: ConnectionSettings) -> str | None:
    """The scope as the admin wrote it; "" when the event does not tell its book, None for one that is not collected."""
    book = _part(data, "book")
    path = str(data.get("path") or "").strip("/")
    names = {
        str(book.get("namespace") or ""),
        str(data.get("book_id") or book.get("id") or ""),
        path.rpartition("/")[0],
    }
    named = names - {""}
    if not named:
        return ""
    found = next((scope for scope in settings.scopes if scope in named), None)
    # An id does not tell which of the paths in the mapping it is.
    is_only_id = all(name.isdecimal() for name in named) and not all(scope.isdecimal() for scope in settings.scopes)
    return "" if found is None and is_only_id else found


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = decoded(body)
    except Nonsense:
        return {}
    return found if isinstance(found, dict) else {}


def _part(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, dict) else {}
