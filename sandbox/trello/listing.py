"""Lists of cards and actions: filters, ``limit``/``before``/``since`` by creation, newest first, and page faults."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import islice

from sandbox.faults import PAGE_FAULTS
from sandbox.trello.call import Call
from sandbox.trello.ids import OBJECT_ID, instant_from_text
from sandbox.trello.params import Params
from sandbox.trello.state import Refusal, State, Thing

CARD_FILTERS = ("visible", "open", "closed", "all", "none")
MAX_PAGE = 1000


def keep_card(state: State, card: Thing, wanted: str) -> bool:
    """``visible`` is open cards in open lists; ``open`` and ``closed`` look at the card alone."""
    match wanted:
        case "all":
            return True
        case "closed":
            return bool(card["closed"])
        case "open":
            return not card["closed"]
        case "visible":
            return not card["closed"] and not state.lists[card["idList"]]["closed"]
    return False


def newest_first(ids: list[str], params: Params, prefix: str = "") -> Iterator[str]:
    """Ids of a sorted list between ``since`` and ``before``, both left out, newest first."""
    before, since = params.text(f"{prefix}before"), params.text(f"{prefix}since")
    high = len(ids) if not before else bisect_left(ids, _boundary(before, f"{prefix}before"))
    low = 0 if not since else bisect_right(ids, _boundary(since, f"{prefix}since"))
    return (ids[index] for index in range(high - 1, low - 1, -1))


def _boundary(text: str, name: str) -> str:
    """An id as it is; an instant as the lowest id of its second (ids know no fraction)."""
    if OBJECT_ID.fullmatch(text):
        return text
    if text == "lastView":
        return "0" * 24
    try:
        return f"{int(instant_from_text(text).timestamp()):08x}" + "0" * 16
    except (ValueError, OverflowError):
        raise Refusal(400, f"invalid value for {name}") from None


def take_page(ids: Iterator[str], limit: int) -> list[str]:
    return list(islice(ids, limit))


def serve_page(call: Call, page: list[str], render: Callable[[str], Thing], edit: Callable[[str], None]) -> list[Thing]:
    """The page's objects, as a planned fault leaves them. ``edit`` touches one of them after the page was made."""
    fault = call.faults.take(call.request.method, call.request.path, PAGE_FAULTS)
    previous = call.state.last_pages.get(call.request.path, page)
    call.state.last_pages[call.request.path] = page
    match fault.kind if fault else None:
        case "short_page":
            page = page[: max(1, len(page) // 2)]
        case "empty_page":
            page = []
        case "repeated_page":
            page = previous
    shown = [render(identifier) for identifier in page]
    if fault and fault.kind == "edited_between_pages" and page:
        edit(page[-1])
    return shown


def action_filter(text: str) -> Callable[[Thing], bool]:
    """``filter=commentCard,updateCard:idList``; ``updateCard:due`` keeps the actions that changed that field."""
    wanted = {part.strip() for part in text.split(",") if part.strip()}
    if not wanted or "all" in wanted:
        return lambda _: True

    def is_wanted(action: Thing) -> bool:
        if action["type"] in wanted:
            return True
        return any(f"{action['type']}:{field}" in wanted for field in action["data"].get("old", ()))

    return is_wanted
