"""Reading boards and cards in the sizes that Trello will serve."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime

import msgspec
from msgspec import Raw

from connectors.trello.answers import is_signed_out, is_too_big
from connectors.trello.records import (
    board_from_answer,
    head_from_action,
    head_from_card,
    is_work,
    raw_from_card,
)
from connectors.trello.shapes import ActionHead, Board, BoardAnswer, CardHead
from connectors.trello.site import PAGE, Site
from connectors.trello.tolerance import is_null, shaped_or_none
from connectors.trello.values import is_object_id
from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused, TryLater
from sync.core.values import RawRecord

BOARD_FIELDS = "name,url,closed,prefs"
MEMBER_FIELDS = "fullName,username"
# Previews of pictures carry URLs that change with every read; nobody maps them.
ATTACHMENT_FIELDS = "id,name,url,isUpload,date,idMember,bytes,mimeType,pos"
THIN_FIELDS = "idBoard,idList,dateLastActivity,isTemplate,cardRole"
RANGE = 250  # cards with all that hangs on them, in one answer
PARTS = ("attachments", "checklists")
FEW = 10  # up to so many cards are read one by one


def read_board(site: Site, board_id: str) -> Board:
    """The board with its lists, fields and people, without cards."""
    return board_from_answer(_board_answer(site, board_id))


def _board_answer(site: Site, board_id: str, **more: object) -> BoardAnswer:
    return site.get(
        f"/boards/{board_id}",
        BoardAnswer,
        fields=BOARD_FIELDS,
        lists="all",
        list_fields="name,closed,pos",
        members="all",
        member_fields=MEMBER_FIELDS,
        customFields=True,
        **more,
    )


def read_snapshot(site: Site, board_id: str, scope: str) -> Iterator[list[RawRecord]]:
    """Every card of a board: in one answer where Trello serves it, else in ranges of ids.

    An answer of exactly so many cards as a page may hold is not believed to be all of them.
    """
    try:
        answer = _board_answer(
            site,
            board_id,
            cards="all",
            card_fields="all",
            card_attachments=True,
            card_attachment_fields=ATTACHMENT_FIELDS,
            card_customFieldItems=True,
            checklists="all",
        )
    except (Refused, TryLater) as error:
        if not is_too_big(error):
            raise
        ids = sorted(head.id for page in _pages_of_big_board(site, board_id) for head in page)
        yield from read_ranges(site, read_board(site, board_id), scope, ids)
        return
    board = board_from_answer(answer)
    heads = [(raw, head_from_card(raw)) for raw in answer.cards or () if not is_null(raw)]
    yield _records(site, scope, board, heads)
    if len(heads) >= PAGE:
        seen = {head.id for _, head in heads}
        rest = sorted(head.id for page in thin_pages(site, board_id) for head in page if head.id not in seen)
        yield from read_ranges(site, board, scope, rest)


def thin_cards(site: Site, board_id: str) -> Iterator[list[CardHead]]:
    """Every card's head and nothing else: in one answer where Trello serves it, else page by page."""
    try:
        answer = site.get(
            f"/boards/{board_id}", BoardAnswer, fields="name", cards="all", card_fields=THIN_FIELDS
        )  # fmt: skip
    except (Refused, TryLater) as error:
        if not is_too_big(error):
            raise
        yield from _pages_of_big_board(site, board_id)
        return
    if len(answer.cards or ()) >= PAGE:
        yield from _pages_of_big_board(site, board_id)
    else:
        yield _work(answer.cards or ())


def _pages_of_big_board(site: Site, board_id: str) -> Iterator[list[CardHead]]:
    """The heads of a board that Trello does not serve in one answer: raises Nonsense when its pages hold no card at all."""
    count = 0
    for page in thin_pages(site, board_id):
        count += len(page)
        yield page
    if not count:
        raise Nonsense(expected="the cards of a board too big for one answer", found="only empty pages")


def thin_pages(site: Site, board_id: str) -> Iterator[list[CardHead]]:
    """Every card's head by pages of creation, newest first."""
    for page in site.pages(f"/boards/{board_id}/cards/all", fields=THIN_FIELDS):
        yield _work(page)


def _work(cards: Iterable[Raw]) -> list[CardHead]:
    return [head for raw in cards if not is_null(raw) and is_work(head := head_from_card(raw))]


def read_ranges(site: Site, board: Board, scope: str, ids: list[str]) -> Iterator[list[RawRecord]]:
    """These cards of a board, given in order of ids, by ranges of creation; a range too big for Trello is halved.

    What a range did not bring is asked for by id, so that no short, empty or repeated page loses a card.
    """
    for start in range(0, len(ids), RANGE):
        yield from _read_range(site, board, scope, ids[start : start + RANGE])


def _read_range(site: Site, board: Board, scope: str, ids: list[str]) -> Iterator[list[RawRecord]]:
    if len(ids) <= FEW or not all(map(is_object_id, ids)):
        yield read_cards(site, board, scope, ids)
        return
    try:
        cards = site.get(
            f"/boards/{board.id}/cards/all",
            list[Raw],
            **_card_parameters(),
            limit=PAGE,
            since=_id_beside(ids[0], -1),
            before=_id_beside(ids[-1], 1),
        )
    except (Refused, TryLater) as error:
        if not is_too_big(error):
            raise
        middle = len(ids) // 2
        yield from _read_range(site, board, scope, ids[:middle])
        yield from _read_range(site, board, scope, ids[middle:])
        return
    wanted = set(ids)
    heads = [(raw, head) for raw in cards if not is_null(raw) and (head := head_from_card(raw)).id in wanted]
    yield _records(site, scope, board, heads)
    if missing := sorted(wanted - {head.id for _, head in heads}):
        yield read_cards(site, board, scope, missing)


def _id_beside(identifier: str, step: int) -> str:
    """The id just before or after: ``since`` and ``before`` leave their own id out."""
    return f"{int(identifier, 16) + step:024x}"


def _card_parameters() -> dict[str, object]:
    return {
        "fields": "all",
        "attachments": True,
        "attachment_fields": ATTACHMENT_FIELDS,
        "checklists": "all",
        "customFieldItems": True,
    }


def read_cards(site: Site, board: Board, scope: str, ids: Collection[str]) -> list[RawRecord]:
    """These cards by direct reads. One that is gone, hidden, on another board or no work is left out."""
    heads = []
    for identifier in ids:
        raw = read_card(site, identifier)
        if raw is not None:
            heads.append((raw, head_from_card(raw)))
    return _records(site, scope, board, heads)


def read_card(site: Site, identifier: str) -> Raw | None:
    """One card with all that hangs on it, or None when it is gone or hidden."""
    try:
        return _completed(site, identifier, site.get(f"/cards/{identifier}", Raw, **_card_parameters()))
    except NotFound:
        return None
    except AccessDenied as error:
        if is_signed_out(error):
            raise
        return None


def _completed(site: Site, identifier: str, raw: Raw) -> Raw:
    """The card with its attachments and checklists, which are read by themselves where the answer lacks their keys.

    An empty list says that the card has none. Where they cannot be read apart either, the card is kept as it is.
    """
    card = shaped_or_none(raw, dict[str, Raw])
    missing = [name for name in PARTS if card is not None and name not in card]
    if card is None or not missing:
        return raw
    for name in missing:
        try:
            card[name] = site.get(f"/cards/{identifier}/{name}", Raw)
        except (NotFound, Refused):
            continue
        except AccessDenied as error:
            if is_signed_out(error):
                raise
    return Raw(msgspec.json.encode(card))


def _records(site: Site, scope: str, board: Board, heads: Iterable[tuple[Raw, CardHead]]) -> list[RawRecord]:
    now = datetime.now(UTC)
    return [
        raw_from_card(site.settings.name, scope, raw, head, board, now)
        for raw, head in heads
        if is_work(head) and head.idBoard in (board.id, None)
    ]


def recent_actions(site: Site, board_id: str, since: datetime) -> list[ActionHead]:
    """The newest actions since an instant; of more than a page of them not all. A page may be short or empty though more follows, and an
    action about a list that is overlooked moves no card's date: it would never be noticed.
    """
    found: list[ActionHead] = []
    asked = {"filter": "all", "since": iso(since), "memberCreator": False, "member": False}
    for page in site.pages(f"/boards/{board_id}/actions", **asked):
        found += map(head_from_action, page)
        if len(found) >= PAGE:
            break
    return found


def iso(at: datetime) -> str:
    """An instant as Trello writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
