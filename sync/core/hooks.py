"""Webhooks and feeds as hints: what a vendor delivered, or tells when it is asked, and the ports by which a connector registers or asks.

A hint is a reason to look and never a fact: polling stays the truth, and everything works when none ever arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct


class HookRequest(Struct, frozen=True):
    """One delivery of a vendor's webhook as it came: header names are lower case, ``body`` the raw bytes that were signed, ``url`` the
    callback address as it was registered (a proxy may have rewritten the one that was asked). Vendors that check an address first ask
    it with GET; ``query`` holds the decoded parameters, some of which are signed.
    """

    headers: Mapping[str, str]
    body: bytes
    url: str
    method: str = "POST"
    query: Mapping[str, str] = {}


class EditedComment(Struct, frozen=True):
    """An edit of a comment as a delivery tells it: the words that a person gave it, kept while a write of ours may have taken them away
    unseen where the vendor keeps no versions. ``version`` is the comment's right after the edit; ``is_replaced``: the delivery itself
    proves that our write took them away.
    """

    id: str
    words: str
    by: str = ""
    version: str = ""
    is_replaced: bool = False


class Hint(Struct, frozen=True):
    """What a webhook told: a reason to look, never a fact. ``id`` "" is something in the scope that is not told, ``scope`` "" a scope
    that is not told. ``delivery`` is the same when the same thing is delivered again; ``at`` when the vendor says that it happened.
    """

    delivery: str
    stream: str
    scope: str = ""
    id: str = ""
    event: str = ""
    at: datetime | None = None
    edited: EditedComment | None = None


class Told(Struct, frozen=True):
    """What a feed told. ``ids`` are items to read, ``gone`` those of which it says that they left the scope, ``token`` is what to ask with
    next. ``is_gap``: what happened since the token is not known, or too much to be told one by one.
    """

    token: str
    ids: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    is_gap: bool = False


@runtime_checkable
class Feed(Protocol):
    """A source that can be asked what happened in a scope, without a list of everything and without a public address."""

    def told_since(self, stream: str, scope: str, token: str) -> Told:
        """What happened since the token was given out; a gap for "", and for a token that the vendor no longer knows. Asked again with the
        same token it tells the same or a gap, never less.
        """
        ...


class Webhook(Struct, frozen=True):
    """A registration as it stands at the vendor. ``scopes`` are those of ours that it watches; ``detail`` why it is not active."""

    id: str
    callback_url: str
    scopes: tuple[str, ...] = ()
    is_active: bool = True
    detail: str = ""
    expires_at: datetime | None = None


@runtime_checkable
class Webhooks(Protocol):
    """Registers webhooks at a vendor that lets this kind of account do so. What is found there may be somebody else's."""

    def groups(self, scopes: Sequence[str]) -> Sequence[tuple[str, ...]]:
        """How the vendor divides these scopes: the scopes of each webhook that is needed. Pure."""
        ...

    def registered(self, known: Sequence[str]) -> Sequence[Webhook]:
        """The webhooks of these ids that still stand, and whatever others the vendor lists with them."""
        ...

    def register(self, callback_url: str, scopes: tuple[str, ...], secret: str) -> Webhook:
        """A webhook for one group of scopes; one that stands there already with this address and group is taken up, not doubled."""
        ...

    def renew(self, webhook: Webhook, secret: str) -> Webhook:
        """Active again, for as long as the vendor allows. Raises NotFound when it is gone."""
        ...

    def remove(self, webhook: Webhook) -> None:
        """Take it away; one already gone is no error."""
        ...
