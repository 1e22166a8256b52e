"""Trello as one member sees it: requests, who we are, and which board a scope means."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, overload
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from connectors.trello.answers import is_signed_out
from connectors.trello.records import BROWSE_BASE
from sync.core.errors import AccessDenied, ConfigError, Nonsense, NotFound, Problem
from sync.core.ports import ConnectionSettings
from sync.remote import Remote

T = TypeVar("T")
PAGE = 1000  # the most that Trello serves at once
# /1/members answers 100 times in 15 minutes per token, so the list of boards is not asked for at every turn.
BOARDS_KEPT_S = 600.0


class Me(Struct, frozen=True):
    """The token's member."""

    id: str
    username: str | None = None
    fullName: str | None = None  # noqa: N815
    email: str | None = None
    url: str | None = None


class BoardWords(Struct, frozen=True):
    """A board by all its names."""

    id: str
    name: str | None = None
    closed: bool | None = None
    url: str | None = None
    shortUrl: str | None = None  # noqa: N815

    @property
    def short_link(self) -> str:
        """``Bb11Cc22`` of ``https://trello.com/b/Bb11Cc22/slug``."""
        path = (self.shortUrl or self.url or "").partition("/b/")[2]
        return path.partition("/")[0]


class Identified(Struct):
    """The id of anything."""

    id: str


class Site:
    """Everything that the ports share. Safe to use from several threads."""

    def __init__(self, settings: ConnectionSettings, remote: Remote) -> None:
        self.settings = settings
        self.remote = remote
        self.browse_base = (settings.browse_base or BROWSE_BASE).rstrip("/")
        self._lock = threading.Lock()
        self._me: Me | None = None
        self._boards: tuple[BoardWords, ...] = ()
        self._boards_at = float("-inf")
        self._board_ids: dict[str, str] = {}

    @overload
    def get(self, path: str, shape: type[T], /, **params: object) -> T: ...
    @overload
    def get(self, path: str, /, **params: object) -> Any: ...
    def get(self, path: str, shape: Any = Any, /, **params: object) -> Any:
        """A read below ``/1``; parameters that are None or empty are not sent."""
        sent = {name: _text(value) for name, value in params.items() if value is not None and value != ""}
        return self.remote.send("GET", f"/1{path}", params=sent).read(shape)

    def write(self, method: str, path: str, shape: type[T], body: Mapping[str, object] | None = None) -> T:
        """A write below ``/1``, its values as a JSON body: long texts do not fit a URL."""
        return self.remote.send(method, f"/1{path}", json=body).read(shape)

    def me(self) -> Me:
        """The token's member, asked once."""
        with self._lock:
            if self._me is None:
                self._me = self.get("/members/me", Me, fields="fullName,username,email,url")
            return self._me

    def boards(self) -> tuple[BoardWords, ...]:
        """The boards the member belongs to, closed ones too."""
        with self._lock:
            if time.monotonic() - self._boards_at > BOARDS_KEPT_S:
                fields = "name,closed,url,shortUrl"
                self._boards = tuple(self.get("/members/me/boards", list[BoardWords], filter="all", fields=fields))
                self._boards_at = time.monotonic()
            return self._boards

    def board_id(self, scope: str) -> str:
        """The board that the admin's word (id, short link or exact name) means.

        Raises NotFound naming a board that is not visible, ConfigError naming the boards when a name means several.
        """
        if scope not in self._board_ids:
            self._board_ids[scope] = self._find_board(scope)
        return self._board_ids[scope]

    def _find_board(self, scope: str) -> str:
        boards = self.boards()
        exact = [board.id for board in boards if scope in (board.id, board.short_link)]
        named = [board for board in boards if board.name == scope]
        named = [board for board in named if not board.closed] or named
        if len(named) > 1 and not exact:
            raise self._ambiguous(scope, named)
        if found := [*exact, *(board.id for board in named)]:
            return found[0]
        return self._visible_board(scope)

    def _visible_board(self, scope: str) -> str:
        """A board that the member may see without belonging to it, by id or short link."""
        if len(scope) in (8, 24) and scope.isascii() and scope.isalnum():
            try:
                return self.get(f"/boards/{quote(scope, safe='')}", Identified, fields="id").id
            except NotFound:
                pass
            except AccessDenied as error:
                if is_signed_out(error):
                    raise
        raise NotFound(
            f"board {scope!r} is not visible to the Trello member {self.me().username!r}: "
            "check its spelling, or add the member to the board (Share > Add to board)"
        )

    def _ambiguous(self, scope: str, boards: list[BoardWords]) -> ConfigError:
        candidates = ", ".join(f"{board.short_link or board.id} ({board.url or board.id})" for board in boards)
        file = f"mappings/{self.settings.name}.yaml"
        hint = f"write the short link instead of the name: {candidates}"
        return ConfigError([Problem(file, 0, "scope", f"{len(boards)} boards are called {scope!r}", hint)])

    def pages(self, path: str, **params: object) -> Iterator[list[Raw]]:
        """All of a list that Trello pages by ``before``, newest first, whatever lengths the pages have.

        Only an empty page ends it, and only when asked for twice: a page has no word for "last". An id already seen is left out;
        a page without anything new raises Nonsense.
        """
        seen: set[str] = set()
        before, is_confirmed = "", False
        while True:
            page = self.get(path, list[Raw], **params, limit=PAGE, before=before)
            if not page:
                if is_confirmed:
                    return
                is_confirmed = True
                continue
            ids = [msgspec.json.decode(raw, type=Identified).id for raw in page]
            fresh = [raw for raw, identifier in zip(page, ids, strict=True) if identifier not in seen]
            if not fresh:
                raise Nonsense(
                    expected=f"a further page of {path}", sample=f"before={before} gave only ids already read"
                )
            is_confirmed = False
            seen.update(ids)
            before = min(ids)
            yield fresh

    def usernames(self, card_id: str, member_ids: set[str]) -> dict[str, str]:
        """User names of those of the members who belong to the card's board: only they can be mentioned on it."""
        board = self.get(f"/cards/{card_id}/board", Identified, fields="id")
        members = self.get(f"/boards/{board.id}/members", list[Me], fields="username")
        return {member.id: member.username for member in members if member.id in member_ids and member.username}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
