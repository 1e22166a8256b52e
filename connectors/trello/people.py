"""Who we are, who works on the boards, and the words that boards use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from connectors.trello.shapes import BoardAnswer, Named
from connectors.trello.site import Me, Site
from connectors.trello.tolerance import shaped_or_none
from connectors.trello.values import account_from_member
from sync.core.ports import SiteIdentity
from sync.core.values import Account
from sync.core.vocabulary import FieldName, Vocabulary


class Membership(Struct):
    """How somebody belongs to a board: admin, normal or observer."""

    idMember: str  # noqa: N815
    memberType: str | None = None  # noqa: N815
    deactivated: bool | None = None


class People(Struct):
    """``GET /boards/{id}`` asked for its people."""

    name: str | None = None
    members: list[Me] | None = None
    memberships: list[Membership] | None = None


class Definition(Named):
    """A custom field's id, name and type."""

    type: str | None = None


def identity_of(site: Site) -> SiteIdentity:
    """The member behind the token. Its zone is not told, and the token's end only to who writes the token into a URL: we do not."""
    reply = site.remote.send("GET", "/1/members/me", params={"fields": "fullName,username,email,url"})
    me = reply.read(Me)
    host = urlsplit(me.url or site.browse_base).netloc
    return SiteIdentity(
        fingerprint=f"trello:{host}",
        account=account_from_member(msgspec.to_builtins(me)),
        now=_instant_from_date(reply.headers.get("date", "")),
    )


def _instant_from_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError):
        return None


def vocabulary_of(site: Site) -> Vocabulary:
    """Custom fields and list names of the boards that are collected (of all, when the mapping names none); all visible boards by id
    and by short link.
    """
    fields: dict[str, FieldName] = {}
    statuses: dict[str, None] = {}
    scopes: dict[str, str] = {}
    for board_id in board_ids(site):
        answer = site.get(
            f"/boards/{board_id}", BoardAnswer, fields="name", lists="all", list_fields="name,closed", customFields=True
        )  # fmt: skip
        for raw in answer.customFields or ():
            if (field := shaped_or_none(raw, Definition)) and field.id:
                fields[field.id] = FieldName(field.id, field.name or "", field.type or "")
        statuses |= {home.name or "": None for raw in answer.lists or () if (home := shaped_or_none(raw, Named))}
        scopes[answer.id] = answer.name or ""
    boards = site.boards_if_listed()
    scopes |= {board.id: board.name or "" for board in boards}
    scopes |= {board.short_link: board.name or "" for board in boards if board.short_link}
    return Vocabulary(tuple(fields.values()), tuple(statuses), (), scopes)


def board_ids(site: Site) -> list[str]:
    """The boards that are collected; every open board of the member when the mapping names none."""
    named = [site.board_id(scope) for scope in site.settings.scopes]
    return list(dict.fromkeys(named)) or [board.id for board in site.boards() if not board.closed]


def people_of(site: Site, board_id: str) -> People:
    """A board's members, and as what they belong to it."""
    return site.get(
        f"/boards/{board_id}", People, fields="name", members="all", member_fields="fullName,username", memberships="all"
    )  # fmt: skip


class MemberDirectory:
    """The Directory port."""

    site: Site

    def accounts(self) -> Iterator[Sequence[Account]]:
        """The members of the collected boards, board by board, each once."""
        seen: set[str] = set()
        for board_id in board_ids(self.site):
            people = people_of(self.site, board_id)
            gone = {item.idMember for item in people.memberships or () if item.deactivated}
            fresh = [member for member in people.members or () if member.id not in seen]
            seen.update(member.id for member in fresh)
            if fresh:
                yield [account_from_member(msgspec.to_builtins(member), member.id not in gone) for member in fresh]
