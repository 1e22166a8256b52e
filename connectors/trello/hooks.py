"""Trello's webhooks, pure: is a delivery Trello's own, and which card does it name.

Signature: base64 of HMAC-SHA1 over the raw body and the callback address exactly as registered, keyed with the API key's *secret*
(developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from msgspec import Struct

from connectors.trello.markdown import is_as_written
from connectors.trello.tolerance import shaped_or_none
from connectors.trello.values import is_object_id
from sync.core.errors import AccessDenied
from sync.core.hooks import EditedComment, Hint, HookRequest
from sync.core.instants import instant_from_text
from sync.core.ports import ConnectionSettings

HEADER = "x-trello-webhook"


class _Words(Struct):
    id: str | None = None
    name: str | None = None
    shortLink: str | None = None  # noqa: N815


class _Data(Struct):
    card: _Words | None = None
    board: _Words | None = None


class _Action(Struct):
    id: str
    type: str | None = None
    date: str | None = None
    data: _Data | None = None


class _Text(Struct):
    text: str = ""
    id: str | None = None


class _Rewriting(Struct):
    """An ``updateComment``: what the comment said before, and what it says now."""

    old: _Text
    action: _Text


class _RewritingAction(Struct):
    data: _Rewriting


class _RewritingDelivery(Struct):
    action: _RewritingAction


class _Delivery(Struct):
    action: _Action | None = None


def signature(secret: str, body: bytes, callback_url: str) -> str:
    """What ``X-Trello-Webhook`` must say."""
    digest = hmac.new(secret.encode(), body + callback_url.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def hints_from(request: HookRequest, settings: ConnectionSettings) -> tuple[Hint, ...]:
    """The card that the action names; an action about no card is about something that all cards of its board show."""
    secret = settings.credentials.get("webhook_secret", "")
    said = request.headers.get(HEADER, "")
    right = signature(secret, request.body, request.url)
    if not secret or not hmac.compare_digest(said.encode(), right.encode()):
        raise AccessDenied("the delivery does not carry Trello's signature")
    action = _action(request.body)
    if action is None or action.data is None:
        return ()
    board, card = action.data.board, action.data.card
    scope = scope_of(board, settings.scopes) if board else ""
    if board and not scope:
        return ()  # a board that is not collected
    card_id = (card.id or "") if card else ""
    if card_id and not is_object_id(card_id):
        return ()
    at = instant_from_text(action.date)
    edited = _replaced(request.body) if action.type == "updateComment" else None
    return (Hint(action.id, "cards", scope, card_id, action.type or "", at, edited),)


def _replaced(body: bytes) -> EditedComment | None:
    """The words of a person that a write of ours took away: it fell between our last look and our write, and Trello, which keeps no
    versions of a comment, tells them here only. None when what was replaced was our own text, or the new text is not ours.
    """
    rewriting = shaped_or_none(body, _RewritingDelivery)
    if rewriting is None:
        return None
    old, new = rewriting.action.data.old.text, rewriting.action.data.action
    if not new.id or not is_as_written(new.text) or is_as_written(old):
        return None
    return EditedComment(new.id, old, is_replaced=True)


def _action(body: bytes) -> _Action | None:
    """What happened, where the body tells it; its id is the same each time it is delivered."""
    try:
        delivery = shaped_or_none(body, _Delivery)
    except RecursionError:
        return None
    action = delivery.action if delivery else None
    return action if action and is_object_id(action.id) else None


def scope_of(board: _Words, scopes: Sequence[str]) -> str:
    """The admin's word for this board: id, short link or exact name; "" when it is none of them."""
    return next((scope for scope in scopes if scope in (board.id, board.shortLink, board.name)), "")


def reason_inactive(failures: int | None, since: str | None) -> str:
    """Why Trello stopped delivering, as far as it tells."""
    return f"Trello switched it off after {failures or 0} failed deliveries{f' since {since}' if since else ''}"


def is_duplicate(message: str) -> bool:
    """Trello refuses the same token, address and model twice; its words are not documented."""
    return "already exists" in message.lower()
