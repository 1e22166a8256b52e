"""What the connector needs of a Confluence site, whichever API it speaks; and what both adapters share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

import tenacity
from msgspec import Struct

from connectors.confluence.answers import RolledBack
from connectors.confluence.records import Publication, State, StoredPublication
from sync.core.errors import Conflict, LostAnswer
from sync.core.values import Account
from sync.remote import Remote

T = TypeVar("T")
Detail = Literal["ids", "page", "body"]
"""How much of each page a listing shows: ids are the cheapest, ``page`` has version and labels where listings tell, ``body`` all."""
ROLLBACK_ATTEMPTS = 3


class StoredFile(Struct, frozen=True):
    """An attachment as it stands: its id and the comment of its newest version."""

    id: str
    comment: str


class Caller(Struct, frozen=True):
    """Who the site takes us for, and what it tells of itself by the way."""

    account: Account
    base: str = ""
    zone: str = ""
    now: datetime | None = None


class Site(Protocol):
    """One site through one account. Ids are texts; spaces are named by key. All methods raise the errors of ``decipher``."""

    is_cloud: bool
    remote: Remote

    def caller(self) -> Caller:
        """Who we are; raises AccessDenied when the site takes us for nobody."""
        ...

    def spaces(self) -> Iterator[Mapping[str, str]]:
        """Key to name of all visible spaces, page by page."""
        ...

    def check_space(self, key: str) -> str:
        """The space's id; raises NotFound naming the key when this account cannot see it."""
        ...

    def pages(self, space: str, detail: Detail, status: Sequence[str] = ("current",)) -> Iterator[list[bytes]]:
        """Every page of a space, in an order that edits do not disturb."""
        ...

    def changed_pages(self, space: str, since: datetime, detail: Detail) -> Iterator[list[bytes]]:
        """Pages changed since, newest first; older ones may come with the last of them."""
        ...

    def page(self, page_id: str, has_body: bool = True) -> bytes:
        """One page's own bytes: version, labels, and the body if wanted. Any status."""
        ...

    def state(self, page_id: str, has_body: bool = True) -> State:
        """One page as it stands, its space by key. Any status; raises NotFound, and Nonsense when the body is wanted and the
        answer has none."""
        ...

    def body_of_version(self, page_id: str, number: int) -> str:
        """The body of an older version, as the page's history keeps it."""
        ...

    def is_restricted(self, page_id: str) -> bool:
        """Whether the page itself (not an ancestor) has read restrictions; also True when the answer does not tell."""
        ...

    def publication(self, page_id: str) -> StoredPublication | None:
        """Our property on the page, or None."""
        ...

    def keep_publication(self, page_id: str, publication: Publication, stored: StoredPublication | None) -> None:
        """Write our property; ``stored`` is what stands there."""
        ...

    def create(self, space: str, title: str, body: str, parent: str) -> str:
        """A new page's id. Raises TitleTaken."""
        ...

    def update(self, page_id: str, title: str, body: str, number: int) -> None:
        """Save version ``number``, which must be the next one. Raises Conflict, TitleTaken."""
        ...

    def trash(self, page_id: str) -> None:
        """Put the page into the space's trash."""
        ...

    def titled(self, space: str, title: str) -> list[str]:
        """Ids of the current pages with exactly this title, by a consistent read."""
        ...

    def labelled(self, space: str, label: str) -> Iterator[list[str]]:
        """Ids of pages carrying a label, from the search index, which may be minutes behind."""
        ...

    def add_labels(self, page_id: str, names: Sequence[str]) -> None: ...

    def remove_label(self, page_id: str, name: str) -> None: ...

    def files(self, page_id: str) -> dict[str, StoredFile]:
        """The page's attachments by file name."""
        ...

    def attach(self, page_id: str, name: str, data: bytes, comment: str, existing: StoredFile | None) -> None:
        """Upload a file: new, or as the next version of the existing one. Notifies nobody."""
        ...


def patiently(write: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Carry out a write again when the vendor itself rolled it back (fact sheet section 4), three times in all.

    Sending the same request again is safe: the expected version, or the title, is part of it. Raises Conflict when the
    page stays busy.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_was_rolled_back),
        stop=tenacity.stop_after_attempt(ROLLBACK_ATTEMPTS),
        wait=tenacity.wait_exponential_jitter(initial=1, max=8, jitter=0.5),
        sleep=sleep,
        reraise=True,
    )
    try:
        return retrying(write)
    except LostAnswer as error:
        if _was_rolled_back(error):
            raise Conflict(f"the page is being changed by somebody else all the time: {error.__cause__}") from error
        raise


def _was_rolled_back(error: BaseException) -> bool:
    return isinstance(error, LostAnswer) and isinstance(error.__cause__, RolledBack)


def readers_of(restriction: object) -> int | None:
    """How many people and groups a v1 read restriction names; 0 means everybody, None that it does not tell both."""
    restrictions: Any = restriction.get("restrictions") if isinstance(restriction, Mapping) else None
    if not isinstance(restrictions, Mapping):
        return None
    counts = [_count_of(restrictions.get(kind)) for kind in ("user", "group")]
    told = [count for count in counts if count is not None]
    return sum(told) if any(told) or len(told) == len(counts) else None


def _count_of(part: object) -> int | None:
    """The people or groups of a restriction, written as a listing or, as restrictions are sent, as a plain list."""
    if isinstance(part, Sequence) and not isinstance(part, str):
        return len(part)
    if not isinstance(part, Mapping):
        return None
    results, size = part.get("results"), part.get("size")
    if not isinstance(results, Sequence) and not isinstance(size, int):
        return None
    return max(len(results or ()), size if isinstance(size, int) else 0)


def cql_text(value: str) -> str:
    """The value as a CQL string: quotes and backslashes cannot end it."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
