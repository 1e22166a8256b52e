"""Trello as one member sees it: requests, who we are, and which board a scope means."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, overload

import msgspec
from msgspec import Raw, Struct

from connectors.trello.answers import is_signed_out
from connectors.trello.records import BROWSE_BASE
from connectors.trello.shapes import CardHead
from connectors.trello.tolerance import is_null, shaped
from connectors.trello.values import is_object_id
from sync.core.errors import AccessDenied, ConfigError, Nonsense, NotFound, Problem, Refused
from sync.core.ports import ConnectionSettings
from sync.remote import Remote, Reply

T = TypeVar("T")
PAGE = 1000  # the most that Trello serves at once
# /1/members answers 100 times in 15 minutes per token, so the list of boards is not asked for at every turn.
BOARDS_KEPT_S = 600.0
SHORT_LINK = 8


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


class People(Struct):
    """``GET /boards/{id}`` asked for its members."""

    members: list[Me] | None = None


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
        reply = self.remote.send("GET", f"/1{path}", params=sent)
        return _read(reply, shape)

    def write(self, method: str, path: str, shape: type[T], body: Mapping[str, object] | None = None) -> T:
        """A write below ``/1``, its values as a JSON body: long texts do not fit a URL."""
        return _read(self.remote.send(method, f"/1{path}", json=body), shape)

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
        # The vendor's contract wants ids in paths, so a short link is looked for among the member's boards first.
        if is_object_id(scope) and (found := self._visible_board(scope)):
            return found
        boards = self.boards_if_listed()
        exact = [board.id for board in boards if scope in (board.id, board.short_link)]
        named = [board for board in boards if board.name == scope]
        named = [board for board in named if not board.closed] or named
        if len(named) > 1 and not exact:
            raise self._ambiguous(scope, named)
        if fits := [*exact, *(board.id for board in named)]:
            return fits[0]
        if len(scope) == SHORT_LINK and scope.isascii() and scope.isalnum() and (found := self._visible_board(scope)):
            return found
        raise NotFound(
            f"board {scope!r} is not visible to the Trello member {self._my_name()}: "
            "check its spelling, or add the member to the board (Share > Add to board)"
        )

    def _visible_board(self, scope: str) -> str:
        """The board with this id or short link, which the member may see even without belonging to it; "" where there is none."""
        try:
            return self.get(f"/boards/{scope}", Identified, fields="id").id
        except (NotFound, Refused):  # a name of eight letters gives 400 "invalid id"
            return ""
        except AccessDenied as error:
            if is_signed_out(error):
                raise
            return ""

    def boards_if_listed(self) -> tuple[BoardWords, ...]:
        """The boards the member belongs to; none where they are not listed for this token."""
        try:
            return self.boards()
        except (NotFound, Refused):
            return ()
        except AccessDenied as error:
            if is_signed_out(error):
                raise
            return ()

    def _my_name(self) -> str:
        try:
            return repr(self.me().username)
        except (NotFound, Refused):
            return "of this token"

    def _ambiguous(self, scope: str, boards: list[BoardWords]) -> ConfigError:
        candidates = ", ".join(f"{board.short_link or board.id} ({board.url or board.id})" for board in boards)
        file = f"mappings/{self.settings.name}.yaml"
        hint = f"write the short link instead of the name: {candidates}"
        return ConfigError([Problem(file, 0, "scope", f"{len(boards)} boards are called {scope!r}", hint)])

    def pages(self, path: str, has_before: bool = True, /, **params: object) -> Iterator[list[Raw]]:
        """All of a list that Trello pages by ``before``, newest first, whatever lengths the pages have.

        Only an empty page ends it, and only when asked for twice: a page has no word for "last". An id already seen is left out;
        a page without anything new raises Nonsense. Of a list that may not know ``before`` (``has_before=False``) it is the end, unless
        the page before it was full.
        """
        seen: set[str] = set()
        before, is_confirmed, is_full = "", False, True
        while True:
            answer = self.get(path, list[Raw], **params, limit=PAGE, before=before)
            page = [raw for raw in answer if not is_null(raw)]
            if not page:
                if is_confirmed:
                    return
                is_confirmed = True
                continue
            ids = [_id_from(raw) for raw in page]
            fresh = [raw for raw, identifier in zip(page, ids, strict=True) if identifier not in seen]
            if not fresh and not has_before and not is_full:
                return
            if not fresh:
                raise Nonsense(
                    expected=f"a further page of {path}", found=f"before={before} gave only ids already read"
                )
            is_confirmed, is_full = False, len(answer) >= PAGE
            seen.update(ids)
            before = min(ids)
            yield fresh

    def usernames(self, card_id: str, member_ids: set[str]) -> dict[str, str]:
        """User names of those of the members who belong to the card's board: only they can be mentioned on it.

        Where the board does not tell its people nobody is mentioned: a comment with plain names is better than none.
        """
        try:
            home = self.get(f"/cards/{card_id}", CardHead, fields="idBoard").idBoard
            board = self.get(f"/boards/{home}", People, fields="name", members="all", member_fields="username")
        except (NotFound, Refused):
            return {}
        except AccessDenied as error:
            if is_signed_out(error):
                raise
            return {}
        return {
            member.id: member.username for member in board.members or () if member.id in member_ids and member.username
        }


def _read(reply: Reply, shape: type[T]) -> T:
    """The body in this shape as far as it fits. Raises Nonsense for a body that is something else."""
    try:
        return shaped(reply.body, shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return reply.read(shape)


def _id_from(raw: Raw) -> str:
    try:
        return shaped(raw, Identified).id
    except msgspec.DecodeError as error:
        raise Nonsense(
            expected=f"an item with its id ({error})", sample=bytes(raw)[:200].decode(errors="replace")
        ) from error


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
