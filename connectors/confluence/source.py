"""The Source port: pages of the admin's spaces as raw records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from connectors.confluence.answers import SignedOut
from connectors.confluence.doctor import probe_site
from connectors.confluence.records import Item, raw_from_item
from connectors.confluence.site import Detail, Site, readers_of
from sync.core.decode import decoded
from sync.core.errors import AccessDenied, NotFound, Refused
from sync.core.ports import ConnectionSettings, Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.values import RawRecord, Visibility
from sync.core.vocabulary import Vocabulary

PAGES = "pages"
PICKED = 25  # pages read one by one in a shard


class PageSource:
    """Reads pages. With labels or restrictions wanted on Cloud each page is read by itself, because listings tell neither."""

    def __init__(self, site: Site, settings: ConnectionSettings) -> None:
        self.site = site
        self.settings = settings
        options = settings.options
        self._overlap = timedelta(minutes=float(options.get("overlap_minutes", 10)))
        # Data Center finds changed pages by CQL, whose index lags; Cloud lists them from the pages themselves.
        self._settle_hours = float(options.get("settle_hours", 0 if site.is_cloud else 1))
        # Restrictions, labels and moves change no version and no date. Cloud needs a request a page to read them all.
        self._reread_hours = float(options.get("reread_hours", 24 if site.is_cloud else 1))
        self._has_body = bool(options.get("bodies", True))
        self._reads_restrictions = bool(options.get("restrictions", True))
        self._restricted_spaces = frozenset(map(str, options.get("restricted_spaces", ())))
        wants_details = self._reads_restrictions or bool(options.get("labels", True)) or bool(options.get("properties"))
        self._reads_one_by_one = site.is_cloud and wants_details

    # -- what the site says of itself

    def identify(self) -> SiteIdentity:
        """Who and where we are. The fingerprint is the site's own address, the same through the gateway."""
        caller = self.site.caller()
        address = urlsplit(caller.base or self.settings.base_url)
        fingerprint = f"confluence:{address.netloc.lower()}{address.path.rstrip('/')}"
        return SiteIdentity(fingerprint, caller.account, caller.zone or "UTC", caller.now)

    def vocabulary(self) -> Vocabulary:
        """The visible spaces; Confluence has no other words that a mapping could name."""
        return Vocabulary(scopes={key: name for page in self.site.spaces() for key, name in page.items()})

    def probes(self) -> Iterator[Probe]:
        """Try each operation this connection needs, without changing anything."""
        return probe_site(self.site, self.settings)

    def streams(self) -> Sequence[Stream]:
        return (Stream(PAGES, "document", settles_after_h=self._settle_hours, rereads_after_h=self._reread_hours),)

    # -- reading

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """One shard a space, or where pages are read one by one a shard for every few of them, as the listing comes in."""
        _check_stream(stream)
        self._check_scope(scope)
        since = cursor.since - self._overlap if cursor else None
        # A search tells of a page what its index knows, which may be an older version than was read before: ids only, then each by id.
        if not self._reads_one_by_one and since is None:
            yield Shard(stream, scope)
            return
        seen: set[str] = set()
        for items in self._listed(scope, since, "ids"):
            ids = [item_id for item_id in map(_id_of, items) if item_id not in seen]
            seen.update(ids)
            yield from self.pick(stream, scope, ids)

    def _check_scope(self, scope: str) -> None:
        """Raise NotFound when the space cannot be seen now: its listings would be empty then. AccessDenied when we are nobody."""
        try:
            self.site.check_space(scope)
        except NotFound:
            self.site.caller()
            raise

    def _listed(self, scope: str, since: datetime | None, detail: Detail) -> Iterator[list[bytes]]:
        """The space's current pages; with ``since`` only those whose version is not older."""
        if since is None:
            yield from self.site.pages(scope, detail)
            return
        for items in self.site.changed_pages(scope, since, detail):
            yield [item for item in items if _is_since(item, since)]

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The pages of a shard. One that is gone, hidden, archived or in the trash is left out; the census will tell."""
        fetched_at = datetime.now(UTC)
        restricted: dict[str, bool] = {}
        if shard.ids:
            found = (self._picked(page_id) for page_id in shard.ids)
            items = [item for item in found if item is not None]
            yield [self._raw(item, shard.scope, fetched_at, restricted) for item in items]
            return
        detail: Detail = "body" if self._has_body else "page"
        seen: set[str] = set()
        for listed in self._listed(shard.scope, None, detail):
            fresh = [item for item in listed if _id_of(item) not in seen]
            seen.update(map(_id_of, fresh))
            yield [self._raw(item, shard.scope, fetched_at, restricted) for item in fresh]

    def _picked(self, page_id: str) -> bytes | None:
        try:
            item = self.site.page(page_id, self._has_body)
        except NotFound:
            return None
        return item if _light(item).is_current else None

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """Shards that read exactly these pages by id."""
        _check_stream(stream)
        for start in range(0, len(ids), PICKED):
            yield Shard(stream, scope, ids=tuple(ids[start : start + PICKED]))

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """The ids of the space's current pages: an archived page is missing here, and ``look_up`` says that it is archived."""
        _check_stream(stream)
        self._check_scope(scope)
        seen: set[str] = set()
        for items in self.site.pages(scope, "ids"):
            ids = [item_id for item_id in map(_id_of, items) if item_id not in seen]
            seen.update(ids)
            yield ids

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """Why a page is missing, by a direct read; Confluence does not tell a purged page from a forbidden one."""
        _check_stream(stream)
        try:
            state = self.site.state(item_id, has_body=False)
        except NotFound:
            self.site.caller()  # raises when a refused token has made us a visitor, from whom everything is hidden
            return "hidden"
        if state.status != "current":
            return "deleted" if state.status == "trashed" else "archived"
        scopes = self.settings.scopes
        return "here" if not scopes or state.space in scopes else "moved"

    # -- one record

    def _raw(self, item: bytes, scope: str, fetched_at: datetime, restricted: dict[str, bool]) -> RawRecord:
        visibility: Visibility = "restricted" if self._is_restricted(item, scope, restricted) else "open"
        return raw_from_item(self.settings.name, scope, item, fetched_at, visibility, self._field_set())

    def _field_set(self) -> str:
        return "body" if self._has_body else ""

    def _is_restricted(self, item: bytes, scope: str, known: dict[str, bool]) -> bool:
        """True when the page, or any page above it, may be read by some people only; also when that cannot be found out."""
        if scope in self._restricted_spaces:
            return True
        if not self._reads_restrictions:
            return False
        data = msgspec.json.decode(item)
        page_id = str(data["id"])
        own = data.get("restrictions")
        readers = readers_of(own.get("read")) if isinstance(own, dict) else None
        if readers is not None:
            known[page_id] = readers > 0
        if self._closes(page_id, known):
            return True
        if self.site.is_cloud:
            parent = _parent_page(data)
            return bool(parent) and self._is_branch_closed(parent, known)
        above = _ancestors_of(data)
        if above is None:
            above = self._ancestors_asked(page_id)
        return above is None or any(self._closes(each, known) for each in above)

    def _ancestors_asked(self, page_id: str) -> list[str] | None:
        """The pages above one whose listing did not tell them; None when its own answer does not either."""
        try:
            return _ancestors_of(msgspec.json.decode(self.site.page(page_id, has_body=False)))
        except SignedOut:
            raise
        except (AccessDenied, NotFound, Refused):
            return None

    def _closes(self, page_id: str, known: dict[str, bool]) -> bool:
        if page_id not in known:
            try:
                known[page_id] = self.site.is_restricted(page_id)
            except SignedOut:  # says nothing of this page, which would count as restricted until it is read again
                raise
            except (AccessDenied, NotFound, Refused):
                # v1 may be withdrawn on the gateway: what cannot be proven open is not quoted.
                known[page_id] = True
        return known[page_id]

    def _is_branch_closed(self, page_id: str, known: dict[str, bool]) -> bool:
        """Whether a page or one above it is closed, walking up by id; each page is asked once a shard."""
        key = f"branch {page_id}"
        if key not in known:
            known[key] = True  # a circle of parents, which no site has, would end here
            try:
                data = msgspec.json.decode(self.site.page(page_id, has_body=False))
            except NotFound:
                return True
            parent = _parent_page(data)
            known[key] = self._closes(page_id, known) or (bool(parent) and self._is_branch_closed(parent, known))
        return known[key]


def _check_stream(stream: str) -> None:
    if stream != PAGES:
        raise ValueError(f"Confluence has no stream {stream!r}, only {PAGES!r}")


def _light(item: bytes) -> Item:
    return decoded(item, Item, "a page")


def _id_of(item: bytes) -> str:
    return str(_light(item).id)


def _is_since(item: bytes, since: datetime) -> bool:
    """Whether a page's version is not older; one that tells no time is read again rather than missed."""
    version = _light(item).version
    instant = version.instant if version else None
    return instant is None or instant >= since


def _parent_page(data: Mapping[str, Any]) -> str:
    """The id of the page above a Cloud page; empty at the top and below a folder, which this API cannot look into."""
    is_page = (data.get("parentType") or "page") == "page"
    return str(data.get("parentId") or "") if is_page else ""


def _ancestors_of(data: Mapping[str, Any]) -> list[str] | None:
    """The ids of the pages above a Data Center page, None when the answer does not tell all of them."""
    above = data.get("ancestors")
    if not isinstance(above, list):
        return None
    ids = [str(each.get("id") or "") if isinstance(each, dict) else "" for each in above]
    return ids if all(ids) else None
