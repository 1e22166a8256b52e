"""One authorised request on its way through: what handlers get, and the table they write themselves into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from sandbox.faults import Faults
from sandbox.http import Request
from sandbox.trello.access import readable_board, readable_card, require_write
from sandbox.trello.ids import OBJECT_ID, SHORT_LINK
from sandbox.trello.params import Params
from sandbox.trello.state import NOT_FOUND, Actor, Refusal, State, Thing


@dataclass(frozen=True)
class Token:
    """A member's permission for an application. ``expires`` is an instant in Trello's writing."""

    value: str
    id: str
    id_member: str
    created: str
    can_write: bool = True
    has_account: bool = False
    expires: str | None = None


@dataclass(frozen=True)
class Call:
    """A request with its values read, its token known and its path values by name."""

    state: State
    faults: Faults
    request: Request
    params: Params
    token: Token
    id_app: str
    ids: Mapping[str, str]
    revoke: Callable[[str], None]
    inner: Callable[[Request], tuple[int, object]]

    @property
    def by(self) -> Actor:
        return Actor(self.token.id_member, self.id_app)

    def board(self, *, write: bool = False, key: str = "") -> Thing:
        """The board that the path (or ``key``) names, if the token's member may see it (or change it)."""
        key = self._key(key or self.ids["id"])
        board = readable_board(self.state, self.token.id_member, key)
        if write:
            require_write(self.state, self.token.id_member, board["id"])
        return board

    def card(self, *, write: bool = False, key: str = "") -> Thing:
        card = readable_card(self.state, self.token.id_member, self._key(key or self.ids["id"]))
        if write:
            require_write(self.state, self.token.id_member, card["idBoard"], "card")
        return card

    def thing(self, things: dict[str, Thing], what: str, *, write: bool = False, key: str = "") -> Thing:
        """A list, label, checklist or custom field, readable or changeable as its board is."""
        key = key or self.ids["id"]
        if not OBJECT_ID.fullmatch(key):
            raise Refusal(400, "invalid id")
        if key not in things:
            raise Refusal(404, NOT_FOUND)
        thing = things[key]
        id_board = self.state.cards[thing["idCard"]]["idBoard"] if "idCard" in thing else None
        id_board = id_board or thing.get("idBoard") or thing["idModel"]
        readable_board(self.state, self.token.id_member, id_board, what)
        if write:
            require_write(self.state, self.token.id_member, id_board, what)
        return thing

    def member_key(self, key: str) -> str:
        return self.token.id_member if key == "me" else key

    @staticmethod
    def _key(key: str) -> str:
        if not OBJECT_ID.fullmatch(key) and not SHORT_LINK.fullmatch(key):
            raise Refusal(400, "invalid id")
        return key


Answer = Callable[[Call], object]
ROUTES: list[tuple[str, str, Answer]] = []
_BY_SHAPE: dict[tuple[str, int], list[tuple[list[str], Answer]]] = {}


def route(method: str, *templates: str) -> Callable[[Answer], Answer]:
    """Enter a handler under paths without ``/1``; the first entry that matches wins."""

    def enter(answer: Answer) -> Answer:
        for template in templates:
            ROUTES.append((method, template, answer))
            parts = template.split("/")
            _BY_SHAPE.setdefault((method, len(parts)), []).append((parts, answer))
        return answer

    return enter


def find_route(method: str, path: str) -> tuple[Answer, dict[str, str]] | None:
    """The handler of a path without ``/1`` and the path's values, percent-decoded; None when there is none."""
    said = path.split("/")
    for parts, answer in _BY_SHAPE.get((method, len(said)), ()):
        if all(part == word or (part.startswith("{") and word) for part, word in zip(parts, said, strict=True)):
            pairs = zip(parts, said, strict=True)
            return answer, {part[1:-1]: unquote(word) for part, word in pairs if part.startswith("{")}
    return None
