"""The Source port: streams of cards and actions, their census, and why a card is missing from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Raw

from connectors.trello.answers import is_signed_out
from connectors.trello.boards import FEW, iso, read_board, read_cards, read_snapshot, recent_actions, thin_cards
from connectors.trello.doctor import probes_of
from connectors.trello.people import identity_of, vocabulary_of
from connectors.trello.records import head_from_action, head_from_card, is_work, raw_from_action
from connectors.trello.shapes import ActionHead, CardHead
from connectors.trello.site import PAGE, Site
from sync.core.errors import AccessDenied, CannotExpress, NotFound
from sync.core.instants import instant_from_text
from sync.core.ports import Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.values import RawRecord
from sync.core.vocabulary import Vocabulary

# Once a day everything is read again: should a change show in neither a date nor an action, it is not missed for good.
CARDS = Stream("cards", "task", rereads_after_h=24.0)
ACTIONS = Stream("actions", "history", has_census=False)
# Ids of different servers in one second are not strictly ordered.
ACTIONS_OVERLAP = timedelta(seconds=60)
MANY = 50  # more changed cards than this: the whole board costs fewer requests


class CardSource:
    """Reads boards. Nothing is remembered between calls but names of boards."""

    site: Site

    def identify(self) -> SiteIdentity:
        """Who and where we are."""
        return identity_of(self.site)

    def vocabulary(self) -> Vocabulary:
        """Custom fields, list names and boards."""
        return vocabulary_of(self.site)

    def probes(self) -> Iterator[Probe]:
        """Each operation this connection needs."""
        return probes_of(self.site)

    def streams(self) -> Sequence[Stream]:
        """Cards, then what happened to them."""
        return (CARDS, ACTIONS)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """The whole board without a cursor; else the cards that moved and the actions since."""
        board_id = self.site.board_id(scope)
        if stream == ACTIONS.name:
            since = iso(cursor.since - ACTIONS_OVERLAP) if cursor else ""
            yield Shard(stream, scope, position={"since": since})
        elif cursor is None:
            yield Shard(CARDS.name, scope)
        else:
            yield from self._changed(board_id, cursor, scope)

    def _changed(self, board_id: str, cursor: Cursor, scope: str) -> Iterator[Shard]:
        """Cards whose date moved, and cards that an action names; all of them after an action about the board itself.

        Neither alone is enough: labels and check items move the card's date without any action in the feed; renamed or archived
        lists and renamed fields are in the feed and move no card's date.
        """
        minutes = float(self.site.settings.options.get("overlap_minutes", 10))
        since = cursor.since - timedelta(minutes=minutes)
        actions = recent_actions(self.site, board_id, since)
        heads = [head for page in thin_cards(self.site, board_id) for head in page]
        named = {action.data.card.id for action in actions if action.data and action.data.card and action.data.card.id}
        ids = [head.id for head in heads if head.id in named or _has_moved(head, since)]
        is_board_wide = any(map(_is_board_wide, actions))
        if is_board_wide or len(actions) >= PAGE or len(ids) > MANY:
            yield Shard(CARDS.name, scope)
        else:
            yield from _shards_of(CARDS.name, scope, ids)

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The records of a shard, page by page."""
        board_id = self.site.board_id(shard.scope)
        if shard.stream == ACTIONS.name:
            yield from self._fetch_actions(board_id, shard)
        elif shard.ids:
            yield read_cards(self.site, read_board(self.site, board_id), shard.scope, dict.fromkeys(shard.ids))
        else:
            yield from _without_repeats(read_snapshot(self.site, board_id, shard.scope))

    def _fetch_actions(self, board_id: str, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        visibility = read_board(self.site, board_id).visibility
        for page in self._action_pages(board_id, shard):
            now = datetime.now(UTC)
            yield [
                raw_from_action(self.site.settings.name, shard.scope, raw, head_from_action(raw), visibility, now)
                for raw in page
            ]

    def _action_pages(self, board_id: str, shard: Shard) -> Iterator[list[Raw]]:
        plain: Mapping[str, object] = {"memberCreator": False, "member": False, "fields": "all"}
        if not shard.ids:
            since = shard.position.get("since", "")
            yield from self.site.pages(f"/boards/{board_id}/actions", filter="all", since=since, **plain)
            return
        found = []
        for identifier in dict.fromkeys(shard.ids):
            try:
                found.append(self.site.get(f"/actions/{identifier}", Raw, **plain))
            except NotFound:
                continue
            except AccessDenied as error:
                if is_signed_out(error):
                    raise
        yield found

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """Shards that read exactly these items."""
        return _shards_of(stream, scope, list(dict.fromkeys(ids)))

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """Every card's id on the board, archived ones too. Raises CannotExpress for actions, which old cards take with them."""
        if stream != CARDS.name:
            raise CannotExpress(f"Trello cannot list every {stream} of a board")
        seen: set[str] = set()
        for page in thin_cards(self.site, self.site.board_id(scope)):
            fresh = [head.id for head in page if head.id not in seen]
            seen.update(fresh)
            yield fresh

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """Why a card is missing. A card that became a template, separator or mirror is no work any more: ``archived``."""
        try:
            raw = self.site.get(f"/{'cards' if stream == CARDS.name else 'actions'}/{item_id}", Raw)
        except NotFound:
            return "deleted"
        except AccessDenied as error:
            if is_signed_out(error):
                raise
            return "hidden"
        if stream != CARDS.name:
            return "here"
        head = head_from_card(raw)
        if not is_work(head):
            return "archived"
        return "here" if head.idBoard in self._scope_ids() else "moved"

    def _scope_ids(self) -> set[str]:
        """The boards that are collected; all that are visible when the mapping names none."""
        scopes = self.site.settings.scopes
        return {self.site.board_id(scope) for scope in scopes} or {board.id for board in self.site.boards()}


def _has_moved(head: CardHead, since: datetime) -> bool:
    """A card without a date that can be read may have changed at any time."""
    at = instant_from_text(head.dateLastActivity)
    # Trello tells milliseconds.
    return at is None or at >= since.replace(microsecond=since.microsecond // 1000 * 1000)


def _is_board_wide(action: ActionHead) -> bool:
    """An action about no card that it names is about a list, a field, a person or the board, whose names all cards show."""
    return action.data is None or action.data.card is None or not action.data.card.id


def _shards_of(stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
    for start in range(0, len(ids), FEW):
        yield Shard(stream, scope, ids=tuple(ids[start : start + FEW]))


def _without_repeats(pages: Iterator[list[RawRecord]]) -> Iterator[list[RawRecord]]:
    seen: set[str] = set()
    for page in pages:
        fresh = [raw for raw in page if raw.ref not in seen]
        seen.update(raw.ref for raw in fresh)
        yield fresh
