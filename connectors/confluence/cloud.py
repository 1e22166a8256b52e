"""Confluence Cloud: REST v2, and what is left of v1 (attachments, labels, search, restrictions, the current user)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import structlog

from connectors.confluence.paging import Ask, Listing, cursor_page, position_params, walk
from connectors.confluence.records import (
    PROPERTY,
    Item,
    Publication,
    State,
    StoredPublication,
    account_from,
    cloud_create_body,
    cloud_update_body,
    label_bodies,
    property_body,
    state_from,
    stored_publication_from,
    whole_state_from,
)
from connectors.confluence.site import Caller, Detail, StoredFile, cql_text, patiently, readers_of
from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, Refused
from sync.remote import Remote, Reply

V2, V1 = "/wiki/api/v2", "/wiki/rest/api"
MOST = 250  # the vendor's limit for v2 pages
MESSAGE = "Tieline"
_UNAVAILABLE = (AccessDenied, NotFound, Refused, Nonsense)
log = structlog.get_logger()


class Cloud:
    """A Cloud site, on its own URL or through the gateway: ``remote``'s base URL ends before ``/wiki``."""

    is_cloud = True

    def __init__(self, remote: Remote, has_properties: bool = False) -> None:
        self.remote = remote
        self._has_properties = has_properties
        self._space_ids: dict[str, str] = {}
        self._space_keys: dict[str, str] = {}
        self._order = "id"

    def _get(self, path: str, **params: Any) -> Reply:
        return self.remote.send("GET", path, params={name.replace("_", "-"): value for name, value in params.items()})

    def _listing(self, path: str, **params: Any) -> Ask:
        def ask(cursor: str) -> tuple[list[bytes], str | None]:
            return cursor_page(self._get(path, limit=MOST, **params, **position_params(cursor)))

        return ask

    # -- who and where

    def caller(self) -> Caller:
        reply = self._get(f"{V1}/user/current")
        user = reply.read(dict[str, Any])
        account = account_from(user)
        if account is None or user.get("type") == "anonymous":
            raise AccessDenied(
                "Confluence takes this connection for an anonymous visitor: the e-mail and API token do not belong "
                "together, or the token was revoked (id.atlassian.com > Security > API tokens)"
            )
        date = reply.headers.get("date")
        links = self._get(f"{V2}/spaces", limit=1).read(Listing).links
        now = parsedate_to_datetime(date) if date else None
        return Caller(account, (links and links.base) or "", str(user.get("timeZone") or ""), now)

    def spaces(self) -> Iterator[Mapping[str, str]]:
        for items in walk(self._listing(f"{V2}/spaces")):
            found = [self._remember(item) for item in items]
            yield {str(space["key"]): str(space.get("name") or "") for space in found if space.get("key")}

    def _remember(self, item: bytes) -> dict[str, Any]:
        space: dict[str, Any] = msgspec.json.decode(item)
        if space.get("id") and space.get("key"):
            self._space_ids[str(space["key"])] = str(space["id"])
            self._space_keys[str(space["id"])] = str(space["key"])
        return space

    def check_space(self, key: str) -> str:
        # Asked each time: listings of a space that we may no longer see are empty, not refused.
        self._space_ids.pop(key, None)
        for items in walk(self._listing(f"{V2}/spaces", keys=key)):
            for item in items:
                self._remember(item)
        if key not in self._space_ids:
            raise NotFound(f"no space with key {key} is visible to this account")
        return self._space_ids[key]

    def _space_id(self, key: str) -> str:
        return self._space_ids.get(key) or self.check_space(key)

    def _key_of(self, space_id: str) -> str:
        """The space's key, or its id where this account cannot look spaces up: that never hides the page itself."""
        if space_id in self._space_keys:
            return self._space_keys[space_id]
        try:
            self._remember(self._get(f"{V2}/spaces/{space_id}").body)
        except _UNAVAILABLE:
            try:
                for _ in self.spaces():
                    if space_id in self._space_keys:
                        break
            except _UNAVAILABLE as error:
                log.warning("space_not_found", space=space_id, reason=str(error))
        return self._space_keys.setdefault(space_id, space_id)

    # -- reading pages

    def pages(self, space: str, detail: Detail, status: Sequence[str] = ("current",)) -> Iterator[list[bytes]]:
        # By id: an edit between two pages moves nothing, unlike in the default order.
        def ask(cursor: str) -> tuple[list[bytes], str | None]:
            try:
                return self._pages(space, detail, list(status), self._order)(cursor)
            except Refused as error:
                if error.status != 400 or cursor or not self._order:
                    raise
            found = self._pages(space, detail, list(status), "")(cursor)
            self._order = ""  # this site does not know that order, as the same question without it shows
            return found

        return walk(ask)

    def _pages(self, space: str, detail: Detail, status: list[str], sort: str) -> Ask:
        more = {"body_format": "storage"} if detail == "body" else {}
        if sort:
            more["sort"] = sort
        return self._listing(f"{V2}/pages", space_id=self._space_id(space), status=status, **more)

    def changed_pages(self, space: str, since: datetime, detail: Detail) -> Iterator[list[bytes]]:
        # Newest first, so a page edited meanwhile moves to where we have been and can only show another one twice.
        for items in walk(self._pages(space, detail, ["current"], "-modified-date")):
            yield items
            versions = [msgspec.json.decode(item, type=Item, strict=False).version for item in items]
            if any(version and version.instant and version.instant < since for version in versions):
                return

    def page(self, page_id: str, has_body: bool = True) -> bytes:
        parts = {"body_format": "storage"} if has_body else {}
        if self._has_properties:
            parts["include_properties"] = "true"
        return self._get(f"{V2}/pages/{page_id}", include_labels="true", **parts).body

    def state(self, page_id: str, has_body: bool = True) -> State:
        data = msgspec.json.decode(self.page(page_id, has_body))
        found = whole_state_from(data) if has_body else state_from(data)
        return msgspec.structs.replace(found, space=self._key_of(found.space))

    def body_of_version(self, page_id: str, number: int) -> str:
        reply = self._get(f"{V2}/pages/{page_id}", body_format="storage", version=number)
        return whole_state_from(msgspec.json.decode(reply.body)).body

    def is_restricted(self, page_id: str) -> bool:
        listed = self._get(f"{V1}/content/{page_id}/restriction").read(Listing)
        rules = [msgspec.json.decode(item) for item in listed.items]
        # A read rule that does not tell whom it lets in counts as a closed door.
        return any(rule.get("operation") == "read" and readers_of(rule) != 0 for rule in rules)

    def titled(self, space: str, title: str) -> list[str]:
        ask = self._listing(f"{V2}/pages", space_id=self._space_id(space), title=title, status="current")
        return [_id_of(item) for items in walk(ask) for item in items]

    def labelled(self, space: str, label: str) -> Iterator[list[str]]:
        cql = f"space = {cql_text(space)} and type = page and label = {cql_text(label)}"
        for items in walk(self._listing(f"{V1}/search", cql=cql)):
            found = [msgspec.json.decode(item).get("content") or {} for item in items]
            yield [str(content["id"]) for content in found if content.get("id")]

    # -- our property

    def publication(self, page_id: str) -> StoredPublication | None:
        listed = self._get(f"{V2}/pages/{page_id}/properties", key=PROPERTY).read(Listing)
        for item in listed.items:
            found = msgspec.json.decode(item)
            if isinstance(found, Mapping) and found.get("key") == PROPERTY:
                return stored_publication_from(found)
        return None

    def keep_publication(self, page_id: str, publication: Publication, stored: StoredPublication | None) -> None:
        try:
            self._send_publication(page_id, publication, stored)
        except Conflict:
            # Somebody, perhaps our own lost request, wrote it since: look and write the next version.
            self._send_publication(page_id, publication, self.publication(page_id))

    def _send_publication(self, page_id: str, publication: Publication, stored: StoredPublication | None) -> None:
        path = f"{V2}/pages/{page_id}/properties"
        if stored is None:
            patiently(lambda: self.remote.send("POST", path, json=property_body(publication, 0)))
        else:
            body = property_body(publication, stored.number + 1)
            patiently(lambda: self.remote.send("PUT", f"{path}/{stored.id}", json=body))

    # -- writing pages

    def create(self, space: str, title: str, body: str, parent: str) -> str:
        content = cloud_create_body(self._space_id(space), title, body, parent)
        return _id_of(patiently(lambda: self.remote.send("POST", f"{V2}/pages", json=content)).body)

    def update(self, page_id: str, title: str, body: str, number: int) -> None:
        content = cloud_update_body(page_id, title, body, number, MESSAGE)
        patiently(lambda: self.remote.send("PUT", f"{V2}/pages/{page_id}", json=content))

    def trash(self, page_id: str) -> None:
        patiently(lambda: self.remote.send("DELETE", f"{V2}/pages/{page_id}"))

    def add_labels(self, page_id: str, names: Sequence[str]) -> None:
        # Adding a label that is there changes nothing, so this write may be repeated.
        self.remote.send("POST", f"{V1}/content/{page_id}/label", json=label_bodies(names), is_safe=True)

    def remove_label(self, page_id: str, name: str) -> None:
        self.remote.send("DELETE", f"{V1}/content/{page_id}/label", params={"name": name})

    def files(self, page_id: str) -> dict[str, StoredFile]:
        found: dict[str, StoredFile] = {}
        for items in walk(self._listing(f"{V2}/pages/{page_id}/attachments")):
            for item in items:
                data = msgspec.json.decode(item)
                comment = data.get("comment") or (data.get("version") or {}).get("message") or ""
                found[str(data.get("title") or "")] = StoredFile(str(data.get("id") or ""), str(comment))
        return found

    def attach(self, page_id: str, name: str, data: bytes, comment: str, existing: StoredFile | None) -> None:
        # PUT adds or makes a new version, so it can be sent again: the first upload sometimes answers 503 and leaves
        # a broken entry that only another PUT mends (confluencebuilder).
        self.remote.send(
            "PUT",
            f"{V1}/content/{page_id}/child/attachment",
            files={"file": (name, data)},
            data={"comment": comment, "minorEdit": "true"},
            headers={"X-Atlassian-Token": "nocheck"},
            is_safe=True,
        )


def _id_of(item: bytes) -> str:
    return str(msgspec.json.decode(item, type=Item, strict=False).id)
