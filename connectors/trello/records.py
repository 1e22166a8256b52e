"""Trello's objects as raw records, and raw records as generic records. Pure.

A card is kept as ``{"card": …, "list": …, "board": …, "customFields": […], "members": […], "checklists": […]}``: the card's own bytes
beside what is needed to read it alone. Checklists stand inside the card where it was read by itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw

from connectors.trello.answers import (
    decipher as decipher,
)
from connectors.trello.shapes import (
    ActionHead,
    Board,
    BoardAnswer,
    CardChecklist,
    CardHead,
    FieldDefinition,
    Named,
)
from connectors.trello.tolerance import shaped_as, shaped_or_none
from connectors.trello.values import account_from_member, card_values, created_from_id, text_from
from sync.core.decode import UNREADABLE, decoded, unreadable
from sync.core.errors import Nonsense
from sync.core.instants import instant_from_text
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, Mention, RawRecord, Record, Ref, Visibility
from sync.core.vendor_change import VendorChange

FIELD_SET = "card+list+board+customFields+members+checklists"
ACTION_FIELD_SET = "all"
BROWSE_BASE = "https://trello.com"
_SMART_LINK = re.compile(r"\[[^\]]*\]\((https?://\S+?)(?:\s+\"smartCard-[a-z]+\")?\s*\)")


_head = msgspec.json.Decoder(CardHead, strict=False)


def board_from_answer(answer: BoardAnswer) -> Board:
    """Index what hangs on a board. A board that does not say who may see it is taken as private."""
    checklists: dict[str, list[Raw]] = {}
    for raw in answer.checklists or ():
        if named := shaped_or_none(raw, Named):
            checklists.setdefault(named.idCard or "", []).append(raw)
    level = answer.prefs.permissionLevel if answer.prefs else None
    return Board(
        answer.id,
        answer.name or "",
        answer.url or "",
        bool(answer.closed),
        "open" if level in ("org", "enterprise", "public") else "restricted",
        _by_id(answer.lists),
        _by_id(answer.customFields),
        _by_id(answer.members),
        checklists,
    )


def _by_id(things: Iterable[Raw] | None) -> dict[str, Raw]:
    return {named.id: raw for raw in things or () if (named := shaped_or_none(raw, Named)) and named.id}


def head_from_card(raw: Raw | bytes) -> CardHead:
    """The light pass over one card. Of a card in a shape nobody promised, what fits is read, and its bytes stand for the rest.
    Raises Nonsense when it is not a card at all.
    """
    try:
        return _head.decode(raw)
    except msgspec.ValidationError:
        digest = hashlib.blake2b(bytes(raw), digest_size=6).hexdigest()
        return msgspec.structs.replace(shaped_as("a card", raw, CardHead), desc=digest)
    except UNREADABLE as error:
        trouble = str(error)
    raise unreadable("a card", raw, trouble)


def is_work(head: CardHead) -> bool:
    """Templates and separators are no work; a mirror shows a card that is collected where it lives."""
    return not head.isTemplate and head.cardRole not in ("separator", "mirror", "board", "link")


def raw_from_card(
    connection: str, scope: str, raw: Raw, head: CardHead, board: Board, fetched_at: datetime
) -> RawRecord:
    """One card with what is needed to read it alone. Its version covers what a mapping can read of it, names of lists, fields and
    people included: renaming a list moves no card's ``dateLastActivity``.
    """
    checklists = board.checklists.get(head.id, [])
    if not head.checklists:
        read = [found for item in checklists if (found := shaped_or_none(item, CardChecklist))]
        head = msgspec.structs.replace(head, checklists=read)
    home = board.lists.get(head.idList or "", Raw(b"null"))
    fields = [board.custom_fields[key] for key in _field_ids(head) if key in board.custom_fields]
    members = [board.members[key] for key in _member_ids(head) if key in board.members]
    payload = b"".join(
        (
            b'{"card":', bytes(raw), b',"list":', bytes(home), b',"board":', board.words(),
            b',"customFields":', _array(fields), b',"members":', _array(members), b',"checklists":', _array(checklists), b"}",
        )
    )  # fmt: skip
    version = _version(head, board, [home, *fields, *members])
    updated_at = instant_from_text(head.dateLastActivity) or created_from_id(head.id) or fetched_at
    ref = Ref.of(connection, "task", head.id)
    return RawRecord(ref, payload, version, updated_at, fetched_at, FIELD_SET, scope, board.visibility)


def _array(things: Sequence[Raw]) -> bytes:
    return b"[" + b",".join(bytes(thing) for thing in things) + b"]"


def _field_ids(head: CardHead) -> list[str]:
    return sorted({item.idCustomField for item in head.customFieldItems or () if item.idCustomField})


def _member_ids(head: CardHead) -> list[str]:
    items = [item for checklist in head.checklists or () for item in checklist.checkItems or ()]
    return sorted({*(head.idMembers or ()), *(item.idMember for item in items if item.idMember)})


def _version(head: CardHead, board: Board, used: Sequence[Raw]) -> str:
    """The same whichever request the card came by: key order and extra keys of an answer do not count."""
    head = msgspec.structs.replace(
        head,
        customFieldItems=sorted(head.customFieldItems or (), key=lambda item: item.idCustomField or ""),
        checklists=sorted(head.checklists or (), key=lambda item: item.id or ""),
        attachments=sorted(head.attachments or (), key=lambda item: item.id or ""),
    )
    names = [_name_words(raw) for raw in used]
    facts = msgspec.json.encode([head, board.id, board.name, names], order="deterministic")
    return f"{head.dateLastActivity or ''}~{hashlib.blake2b(facts, digest_size=6).hexdigest()}"


def _name_words(raw: Raw) -> object:
    """A list, field or person as a version knows it; a list's null stays null, a renamed option of a field counts."""
    thing = shaped_or_none(raw, FieldDefinition)
    return thing and msgspec.structs.astuple(thing)


def head_from_action(raw: Raw | bytes) -> ActionHead:
    """The light pass over one action. Raises Nonsense when it is not one."""
    return shaped_as("an action", raw, ActionHead)


def raw_from_action(
    connection: str, scope: str, raw: Raw, head: ActionHead, visibility: Visibility, fetched_at: datetime
) -> RawRecord:
    """One action as it came. Only a comment changes afterwards, and then says when (``dateLastEdited``)."""
    version = (head.data.dateLastEdited if head.data else None) or head.date or head.id
    at = instant_from_text(head.date) or created_from_id(head.id) or fetched_at
    ref = Ref.of(connection, "history", head.id)
    return RawRecord(ref, bytes(raw), version, at, fetched_at, ACTION_FIELD_SET, scope, visibility)


def record_from_raw(raw: RawRecord, settings: ConnectionSettings) -> Record:
    """Decode a card or an action once; unknown and missing keys are tolerated. Raises Nonsense for bytes that are neither."""
    payload = decoded(raw.payload, what="a stored record")
    if not isinstance(payload, dict):
        raise Nonsense(expected="a JSON object", sample=raw.payload[:200].decode(errors="replace"))
    base = (settings.browse_base or BROWSE_BASE).rstrip("/")
    if raw.ref.kind == "history":
        return _action_record(raw, payload, base)
    return _card_record(raw, payload, base, quoted_boards(settings))


def quoted_boards(settings: ConnectionSettings) -> frozenset[str]:
    """The private boards whose cards may be quoted elsewhere, as the admin names them: by name, id or short link."""
    named = settings.options.get("quoted_boards") or ()
    return frozenset(
        str(item) for item in (named if isinstance(named, Sequence) and not isinstance(named, str) else (named,))
    )


def is_quoted(board: Mapping[str, Any], quoted: Collection[str]) -> bool:
    """True when one of these names means the board. The raw record stays restricted: what is decided here is only its reading."""
    short_link = str(board.get("url") or "").partition("/b/")[2].partition("/")[0]
    return any(word in quoted for word in (*map(text_from, (board.get("id"), board.get("name"))), short_link) if word)


def _card_record(raw: RawRecord, payload: Mapping[str, Any], base: str, quoted: Collection[str]) -> Record:
    values = card_values(payload)
    board = payload.get("board")
    is_open = raw.visibility == "open" or (isinstance(board, dict) and is_quoted(board, quoted))
    short_link = str(values.get("shortLink") or "")
    url = f"{base}/c/{short_link or raw.ref.key}"
    aliases = (short_link, raw.ref.key, url, values.get("shortUrl"), values.get("url"))
    accounts: dict[str, Account] = {account.id: account for account in values["members"]}
    for checklist in values["checklists"]:
        accounts |= {item["member"].id: item["member"] for item in checklist["checkItems"] if item["member"]}
    return Record(
        ref=raw.ref,
        key=short_link or raw.ref.key,
        title=str(values.get("name") or ""),
        url=url,
        updated_at=raw.updated_at,
        values=values,
        scope=raw.scope,
        visibility="open" if is_open else "restricted",
        aliases=tuple(dict.fromkeys(str(alias) for alias in aliases if alias)),
        mentions=(*_checklist_mentions(values, base), *_attachment_mentions(values, base)),
        accounts=tuple(accounts.values()),
    )


def _checklist_mentions(values: Mapping[str, Any], base: str) -> Iterable[Mention]:
    for checklist in values["checklists"]:
        for item in checklist["checkItems"]:
            text = plain_links(str(item["name"]), base)
            is_done = item["state"] == "complete"
            yield Mention("checklist", str(item["id"]), str(checklist["name"]), text, is_done)


def _attachment_mentions(values: Mapping[str, Any], base: str) -> Iterable[Mention]:
    """Attached URLs; an uploaded file's URL is its own and names nothing."""
    for item in values["attachments"]:
        if item.get("url") and not item.get("isUpload"):
            text = plain_links(str(item["url"]), base)
            yield Mention("attachment", str(item.get("id", "")), str(item.get("name") or ""), text)


def plain_links(text: str, base: str = BROWSE_BASE) -> str:
    """The text with smart links (``[url](url "smartCard-inline")``) as URLs, and card URLs without their slug: the slug is the card's
    name when the link was made, so only ``…/c/<shortLink>`` is the same for ever.
    """
    text = _SMART_LINK.sub(r"\1", text)
    hosts = "|".join(re.escape(host) for host in {"trello.com", "www.trello.com", base.partition("://")[2]})
    return re.sub(rf"(https?://(?:{hosts})/c/[A-Za-z0-9]{{8}})(?:/[^\s)\]]*)?(?![A-Za-z0-9])", r"\1", text)


def _action_record(raw: RawRecord, payload: Mapping[str, Any], base: str) -> Record:
    """An action: its data as Trello tells it, who did it, and when."""
    data = payload.get("data")
    data = data if isinstance(data, dict) else {}
    card = data.get("card")
    card = card if isinstance(card, dict) else {}
    member = payload.get("memberCreator")
    member = member if isinstance(member, dict) and member else {"id": payload.get("idMemberCreator")}
    creator = account_from_member(member) if member.get("id") else None
    values = {**payload, "data": data, "date": instant_from_text(payload.get("date")), "memberCreator": creator}
    url = f"{base}/c/{card['shortLink']}#action-{raw.ref.key}" if card.get("shortLink") else ""
    return Record(
        ref=raw.ref,
        key=raw.ref.key,
        title=str(payload.get("type") or ""),
        url=url,
        updated_at=raw.updated_at.astimezone(UTC),
        values=values,
        scope=raw.scope,
        visibility=raw.visibility,
        accounts=(creator,) if creator else (),
        changes=_changes(data, values["date"], creator.id if creator else ""),
    )


def _changes(data: Mapping[str, Any], at: datetime | None, by: str) -> tuple[VendorChange, ...]:
    """A card that went from one list to another (both by the name that they had then), or whose due date changed."""
    card, old, before, after = (data.get(name) for name in ("card", "old", "listBefore", "listAfter"))
    if at is None or not isinstance(card, dict):
        return ()
    told = []
    if isinstance(before, dict) and isinstance(after, dict):
        told.append(("list", before.get("name"), after.get("name")))
    if isinstance(old, dict) and "due" in old:
        told.append(("due", old["due"], card.get("due")))
    item = text_from(card.get("id")) or ""
    return tuple(
        VendorChange(item, name, text_from(was) or "", text_from(now) or "", at, by) for name, was, now in told
    )
