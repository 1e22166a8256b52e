"""What ``doctor`` tries at Trello: one probe for each operation that the connection needs."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.trello.boards import BOARD_FIELDS
from connectors.trello.people import people_of
from connectors.trello.records import board_from_answer, is_quoted, quoted_boards
from connectors.trello.shapes import BoardAnswer
from connectors.trello.site import Site
from sync.core.errors import TielineError, Unreachable
from sync.core.ports import Probe
from sync.core.probing import tried

SHARE = "open the board in Trello, Share > Add to board, and add the token's member"
AUTHORISE = (
    "https://trello.com/1/authorize?scope=read,write&expiration=never&response_type=token&name=tieline&key=<API key>"
)
POWER_UPS = "https://trello.com/power-ups/admin"


def probes_of(site: Site) -> Iterator[Probe]:
    """Reach and sign in first; without them nothing else can be told."""
    try:
        me = site.me()
    except Unreachable as error:
        yield Probe(
            "reach", is_ok=False, detail=str(error), cure=f"let this machine reach {site.remote.base_url} (HTTPS, 443)"
        )
        return
    except TielineError as error:
        yield Probe("reach", is_ok=True)
        yield Probe("sign in", is_ok=False, detail=str(error), cure=f"API key: {POWER_UPS}; token: {AUTHORISE}")
        return
    yield Probe("reach", is_ok=True)
    yield Probe("sign in", is_ok=True, detail=f"member {me.username}")
    yield tried("list boards", f"authorise the token again: {AUTHORISE}", lambda: f"{len(site.boards())} boards")
    for scope in site.settings.scopes:
        yield from _board_probes(site, scope, me.id)
    yield _quote_probe(site)


def _quote_probe(site: Site) -> Probe:
    """Which collected boards are private, so that their cards are masked wherever else they are named."""
    masked: list[str] = []
    quoted: list[str] = []
    for scope in site.settings.scopes:
        try:
            answer = site.get(f"/boards/{site.board_id(scope)}", BoardAnswer, fields=BOARD_FIELDS)
        except TielineError:
            continue  # told by the board's own probes
        board = board_from_answer(answer)
        if board.visibility == "restricted":
            words = {"id": board.id, "name": board.name, "url": board.url}
            (quoted if is_quoted(words, quoted_boards(site.settings)) else masked).append(board.name or scope)
    told = [f"private, so their cards are masked elsewhere: {', '.join(masked)}"] if masked else []
    told += [f"private, quoted because quoted_boards says so: {', '.join(quoted)}"] if quoted else []
    cure = (
        "if everybody who reads Tieline's texts may know these cards: name the boards in quoted_boards"
        if masked
        else ""
    )
    return Probe(
        "quote cards elsewhere", is_ok=True, detail="; ".join(told) or "no collected board is private", cure=cure
    )


def _board_probes(site: Site, scope: str, my_id: str) -> Iterator[Probe]:
    found = tried(f"find board {scope}", SHARE, lambda: site.board_id(scope))
    yield found
    if not found.is_ok:
        return
    board_id = found.detail
    cards, actions = f"/boards/{board_id}/cards/all", f"/boards/{board_id}/actions"
    yield tried(f"read cards of {scope}", SHARE, lambda: _said(site.get(cards, list, fields="name", limit=1)))
    yield tried(f"read history of {scope}", SHARE, lambda: _said(site.get(actions, list, limit=1)))
    yield tried(
        f"read custom fields of {scope}", SHARE, lambda: _said(site.get(f"/boards/{board_id}/customFields", list))
    )
    yield from _write_probes(site, scope, board_id, my_id)


def _said(found: list[object]) -> str:
    return f"{len(found)} read"


def _write_probes(site: Site, scope: str, board_id: str, my_id: str) -> Iterator[Probe]:
    """Only a member who is no observer may write. Whether the token has the write scope is told by the first write alone."""
    operations = [f"{word} on {scope}" for word in ("comment", "edit checklists", "attach links")]
    try:
        memberships = people_of(site, board_id).memberships or []
    except TielineError as error:
        yield from (Probe(operation, is_ok=False, detail=str(error), cure=SHARE) for operation in operations)
        return
    kind = next((item.memberType for item in memberships if item.idMember == my_id), None)
    for operation in operations:
        if kind is None:
            yield Probe(operation, is_ok=False, detail="the token's member does not belong to the board", cure=SHARE)
        elif kind == "observer":
            cure = "Share > the member's role: Member instead of Observer"
            yield Probe(operation, is_ok=False, detail="the token's member is an observer of the board", cure=cure)
        else:
            detail = "the member may; whether the token has the scope write cannot be told without writing"
            yield Probe(operation, is_ok=None, detail=detail, cure=f"if the first write is refused: {AUTHORISE}")
