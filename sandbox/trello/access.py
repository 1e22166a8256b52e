"""Who may see and who may change: boards are private, open to their workspace, or public."""

from __future__ import annotations

from sandbox.trello.state import Refusal, State, Thing


def can_read(state: State, id_member: str, board: Thing) -> bool:
    """Private boards show themselves to their members only, ``org`` boards to the whole workspace."""
    if id_member in state.memberships[board["id"]]:
        return True
    level = board["prefs"]["permissionLevel"]
    if level == "public":
        return True
    organization = state.organizations.get(board.get("idOrganization") or "")
    return level == "org" and organization is not None and id_member in organization["idMembers"]


def readable_board(state: State, id_member: str, key: str, what: str = "") -> Thing:
    """The board, or the vendor's refusal: 404 when it is not there, 401 naming the permission when it is hidden."""
    board = state.board(key)
    if not can_read(state, id_member, board):
        raise unauthorized(what)
    return board


def readable_card(state: State, id_member: str, key: str) -> Thing:
    card = state.card(key)
    readable_board(state, id_member, card["idBoard"], "card")
    return card


def require_write(state: State, id_member: str, id_board: str, what: str = "") -> None:
    """Only a member of the board may change it; being in the workspace is enough to look, not to touch."""
    if id_member not in state.memberships[id_board]:
        raise unauthorized(what)


def unauthorized(what: str = "") -> Refusal:
    """``unauthorized card permission requested``: this object, not the token, is what is refused."""
    return Refusal(401, f"unauthorized {what} permission requested".replace("  ", " "))
