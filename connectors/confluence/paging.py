"""Walking the vendor's listings to their end: positions are extracted, never followed as links, and never asked twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

from msgspec import UNSET, Raw, Struct, UnsetType, field

from sync.core.errors import Nonsense
from sync.remote import Reply

MOST_EMPTY_PAGES = 1000
MOST_EMPTY_REPEATS = 3
_START = "start="


class Links(Struct, frozen=True):
    """The links of a listing. ``next`` leads on; through the gateway it lacks the tenant's prefix."""

    next: str | None = None
    base: str | None = None


class Listing(Struct, frozen=True):
    """One page of any listing of either API, its items untouched."""

    results: list[Raw] | UnsetType | None = UNSET
    limit: int | None = None
    size: int | None = None
    links: Links | None = field(name="_links", default=None)

    @property
    def items(self) -> list[bytes]:
        """The rows. Raises Nonsense when nothing shows that this is a listing: an empty one says that all is gone."""
        if self.results is UNSET and self.links is None and self.limit is None and self.size is None:
            raise Nonsense(expected="a listing with results", found="none")
        return [bytes(item) for item in self.results or ()]

    @property
    def next(self) -> str:
        return (self.links and self.links.next) or ""


Ask = Callable[[str], tuple[list[bytes], str | None]]
"""Asks for the page at a position (empty: the first); returns its items and the next position, None at the end."""


def walk(ask: Ask) -> Iterator[list[bytes]]:
    """All pages of a listing; empty ones are passed over.

    A short or empty page is never taken for the end. Raises Nonsense when the vendor leads in a circle: a position with
    items that was handed out before, the same items again, or empty pages without end.
    """
    position: str | None = ""
    seen = {""}
    last: list[bytes] = []
    empty = repeats = 0
    while position is not None:
        items, following = ask(position)
        empty = 0 if items else empty + 1
        if items and items == last:
            raise Nonsense(expected="the next page of a listing, not the same one again", found=position)
        repeats = repeats + 1 if following in seen else 0
        if items:
            yield items
            last = items
        if (repeats and items) or repeats > MOST_EMPTY_REPEATS or empty > MOST_EMPTY_PAGES:
            raise Nonsense(expected="a listing that goes on", found=f"position {following!r} was given before")
        if following is not None:
            seen.add(following)
        position = following


def cursor_page(reply: Reply) -> tuple[list[bytes], str | None]:
    """A v2 page, or a v1 search page of Cloud: items and the cursor of ``_links.next`` or of the Link header."""
    listing = reply.read(Listing)
    link = listing.next or _link_header(reply.headers)
    if not link:
        return listing.items, None
    query = parse_qs(urlsplit(link).query)
    if cursor := query.get("cursor", [""])[0]:
        return listing.items, cursor
    if (start := query.get("start", [""])[0]).isdecimal():
        return listing.items, _START + start
    raise Nonsense(expected="a cursor in _links.next", found=link)


def position_params(position: str) -> dict[str, str]:
    """The parameters that lead to a position of ``cursor_page``; v1 search still goes on by ``start`` in places."""
    if position.startswith(_START):
        return {"start": position.removeprefix(_START)}
    return {"cursor": position} if position else {}


def _link_header(headers: Mapping[str, str]) -> str:
    for part in headers.get("link", "").split(","):
        target, _, rest = part.partition(">")
        if 'rel="next"' in rest:
            return target.strip().removeprefix("<")
    return ""


def offset_page(reply: Reply, start: int, asked: int) -> tuple[list[bytes], str | None]:
    """A v1 page of Data Center that began at ``start``: items and the next start. Limits are lowered in silence, so it goes
    on by what came. Without a next link a full page is still followed by one more question: not every resource links on.
    """
    listing = reply.read(Listing)
    items = listing.items
    following = parse_qs(urlsplit(listing.next).query).get("start", [""])[0]
    if following.isdecimal():
        return items, following
    is_full = bool(items) and len(items) >= (listing.limit or asked)
    return items, str(start + len(items)) if listing.next or is_full else None
