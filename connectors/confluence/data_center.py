"""Confluence Data Center: REST v1. Pages and attachments are written by atlassian-python-api over our Remote; bulk reading
and what that library gets wrong (its ``update_page`` has no optimistic lock) goes straight through the Remote.
"""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import msgspec
import requests

from connectors.confluence.paging import Ask, Listing, offset_page, walk
from connectors.confluence.records import (
    PROPERTY,
    Item,
    Publication,
    State,
    StoredPublication,
    account_from,
    dc_create_body,
    dc_update_body,
    label_bodies,
    property_body,
    state_from,
    stored_publication_from,
    whole_state_from,
)
from connectors.confluence.site import Caller, Detail, StoredFile, cql_text, patiently, readers_of
from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, Refused
from sync.remote import Remote, Reply
from sync.remote_session import mount

API = "/rest/api"
ASKED = 100  # more is lowered in silence as soon as bodies are expanded
_PAGE = (
    "version,space,ancestors,history,metadata.labels,"
    "restrictions.read.restrictions.user,restrictions.read.restrictions.group"
)
_EXPANDED = {"page": _PAGE, "body": f"{_PAGE},body.storage"}
MESSAGE = "Tieline"


class DataCenter:
    """A Data Center site; ``remote``'s base URL includes the context path."""

    is_cloud = False

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self._library = _library_over(remote)
        self._space_ids: dict[str, str] = {}

    def _get(self, path: str, **params: Any) -> Reply:
        return self.remote.send("GET", f"{API}{path}", params=params)

    def _listing(self, path: str, **params: Any) -> Ask:
        def ask(start: str) -> tuple[list[bytes], str | None]:
            return offset_page(self._get(path, **params, start=start or "0", limit=ASKED), int(start or "0"), ASKED)

        return ask

    # -- who and where

    def caller(self) -> Caller:
        reply = self._get("/user/current")
        user = reply.read(dict[str, Any])
        account = account_from(user)
        if account is None or user.get("type") == "anonymous":
            raise AccessDenied(
                "Confluence takes this connection for an anonymous visitor: the personal access token is wrong, expired or "
                "revoked (profile picture > Settings > Personal access tokens)"
            )
        date = reply.headers.get("date")
        return Caller(account, self._base(), "", parsedate_to_datetime(date) if date else None)

    def _base(self) -> str:
        """The site's own address as its listings tell it, or the one it is asked at."""
        try:
            links = self._get("/space", limit=1).read(dict[str, Any]).get("_links") or {}
        except NotFound:
            return self.remote.base_url
        return str(links.get("base") or self.remote.base_url)

    def spaces(self) -> Iterator[Mapping[str, str]]:
        for items in walk(self._listing("/space")):
            found = [msgspec.json.decode(item) for item in items]
            yield {str(space["key"]): str(space.get("name") or "") for space in found if space.get("key")}

    def check_space(self, key: str) -> str:
        # Asked each time: listings of a space that we may no longer see are empty, not refused.
        try:
            found = self._get(f"/space/{_segment(key)}").read(dict[str, Any])
        except NotFound as error:
            if self._shows_pages(key):
                return key
            raise NotFound(f"no space with key {key} is visible to this account") from error
        return str(found.get("id") or key)

    def _shows_pages(self, key: str) -> bool:
        """Whether a page of the space can be seen, by a listing or, where admins block those (CONFSERVER-57639), by CQL."""
        for path, params in (
            ("/content", {"spaceKey": key}),
            ("/content/search", {"cql": f"space = {cql_text(key)} and type = page"}),
        ):
            try:
                listed = self._get(path, **params, expand="space", limit=1).read(Listing)
            except (AccessDenied, NotFound, Refused, Nonsense):
                continue
            return any(_is_in_space(item, key) for item in listed.items)
        return False

    # -- reading pages

    def pages(self, space: str, detail: Detail, status: Sequence[str] = ("current",)) -> Iterator[list[bytes]]:
        for each in status:
            more = {"expand": _EXPANDED[detail]} if detail in _EXPANDED else {}
            yield from walk(self._listing("/content", spaceKey=space, type="page", status=each, **more))

    def changed_pages(self, space: str, since: datetime, detail: Detail) -> Iterator[list[bytes]]:
        # CQL reads times in an unknown zone, and now("-40m") would measure with two clocks: a day with two days' grace
        # holds in every zone, and the walk from the newest on stops by the pages' own instants.
        day = (since - timedelta(days=2)).date().isoformat()
        cql = f'space = {cql_text(space)} and type = page and lastmodified >= "{day}" order by lastmodified desc'
        ask = self._listing("/content/search", cql=cql, expand=_EXPANDED.get(detail, "version"))
        for items in walk(ask):
            yield items
            versions = [msgspec.json.decode(item, type=Item, strict=False).version for item in items]
            if any(version and version.instant and version.instant < since for version in versions):
                return

    def page(self, page_id: str, has_body: bool = True) -> bytes:
        # Without a status only current pages are found; "any" also finds trashed and archived ones.
        path, expand = f"/content/{_segment(page_id)}", _EXPANDED["body" if has_body else "page"]
        try:
            return self._get(path, expand=expand, status="any").body
        except Refused as error:
            if error.status != 400:
                raise
        return self._get(path, expand=expand).body

    def state(self, page_id: str, has_body: bool = True) -> State:
        data = msgspec.json.decode(self.page(page_id, has_body))
        return whole_state_from(data) if has_body else state_from(data)

    def body_of_version(self, page_id: str, number: int) -> str:
        path = f"/content/{_segment(page_id)}"
        reply = self._get(path, status="historical", version=number, expand=_EXPANDED["body"])
        return whole_state_from(msgspec.json.decode(reply.body)).body

    def is_restricted(self, page_id: str) -> bool:
        expand = "read.restrictions.user,read.restrictions.group"
        rules = self._get(f"/content/{_segment(page_id)}/restriction/byOperation", expand=expand).read(dict[str, Any])
        return readers_of(rules.get("read")) != 0

    def titled(self, space: str, title: str) -> list[str]:
        ask = self._listing("/content", spaceKey=space, title=title, type="page", status="current")
        return [_id_of(item) for items in walk(ask) for item in items]

    def labelled(self, space: str, label: str) -> Iterator[list[str]]:
        cql = f"space = {cql_text(space)} and type = page and label = {cql_text(label)}"
        for items in walk(self._listing("/content/search", cql=cql)):
            yield [_id_of(item) for item in items]

    # -- our property

    def publication(self, page_id: str) -> StoredPublication | None:
        try:
            found = self._get(f"/content/{_segment(page_id)}/property/{PROPERTY}", expand="version").read(
                dict[str, Any]
            )
        except NotFound:
            return None
        return stored_publication_from(found)

    def keep_publication(self, page_id: str, publication: Publication, stored: StoredPublication | None) -> None:
        try:
            self._send_publication(page_id, publication, stored)
        except Conflict:
            self._send_publication(page_id, publication, self.publication(page_id))

    def _send_publication(self, page_id: str, publication: Publication, stored: StoredPublication | None) -> None:
        body = property_body(publication, stored.number + 1 if stored else 0)
        if stored is None:
            patiently(lambda: self._library.set_page_property(page_id, body))
        else:
            patiently(lambda: self._library.update_page_property(page_id, body))

    # -- writing pages

    def create(self, space: str, title: str, body: str, parent: str) -> str:
        content = dc_create_body(space, title, body, parent or self._home_of(space))
        made = patiently(lambda: self._library.create_content(content))
        return str(_answer(made).get("id") or "")

    def _home_of(self, space: str) -> str:
        """The id of the space's home page, under which Cloud puts a page by itself and Data Center does not; empty where it has none."""
        try:
            found = self._get(f"/space/{_segment(space)}", expand="homepage").read(dict[str, Any])
        except (AccessDenied, NotFound, Refused):
            return ""
        home = found.get("homepage")
        return str(home.get("id") or "") if isinstance(home, dict) else ""

    def update(self, page_id: str, title: str, body: str, number: int) -> None:
        content = dc_update_body(page_id, title, body, number, MESSAGE)
        patiently(lambda: self._library.update_content(page_id, content))

    def trash(self, page_id: str) -> None:
        patiently(lambda: self._library.delete_content(page_id))

    def add_labels(self, page_id: str, names: Sequence[str]) -> None:
        path = f"{API}/content/{_segment(page_id)}/label"
        self.remote.send("POST", path, json=label_bodies(names), is_safe=True)

    def remove_label(self, page_id: str, name: str) -> None:
        self.remote.send("DELETE", f"{API}/content/{_segment(page_id)}/label", params={"name": name})

    def files(self, page_id: str) -> dict[str, StoredFile]:
        found: dict[str, StoredFile] = {}
        for items in walk(self._listing(f"/content/{_segment(page_id)}/child/attachment", expand="version")):
            for item in items:
                data = msgspec.json.decode(item)
                found[str(data.get("title") or "")] = StoredFile(str(data.get("id") or ""), _comment_of(data))
        return found

    def attach(self, page_id: str, name: str, data: bytes, comment: str, existing: StoredFile | None) -> None:
        media_type = (
            mimetypes.guess_type(name)[0] or "application/octet-stream"
        )  # without its own, a picture is not shown
        if existing is None:
            self._library.attach_content(data, name, media_type, page_id=page_id, comment=comment)
            return
        self._library.post(
            f"rest/api/content/{page_id}/child/attachment/{existing.id}/data",
            data={"comment": comment, "minorEdit": "true"},
            headers={"X-Atlassian-Token": "no-check", "Accept": "application/json"},
            files={"file": (name, data, media_type)},
        )


def _library_over(remote: Remote) -> Any:
    """atlassian-python-api's Data Center client, everything it sends going through the Remote, its own retries off."""
    from atlassian.confluence import ConfluenceServer

    # It logs whole bodies at DEBUG; restricted pages do not belong in logs.
    logging.getLogger("atlassian").setLevel(logging.INFO)
    session = requests.Session()
    mount(session, remote)
    make: Any = ConfluenceServer  # the library is untyped
    return make(remote.base_url, session=session, retry_with_header=False, backoff_and_retry=False)


def _answer(data: object) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise Nonsense(expected="a page", sample=data)
    return data


def _comment_of(data: Mapping[str, Any]) -> str:
    for place in (data.get("extensions"), data.get("metadata")):
        if isinstance(place, Mapping) and place.get("comment"):
            return str(place["comment"])
    return str((data.get("version") or {}).get("message") or "")


def _is_in_space(item: bytes, key: str) -> bool:
    """False for a row that names another space: a parameter that a site ignores must not prove anything."""
    space = (msgspec.json.decode(item) or {}).get("space") or {}
    return str(space.get("key") or key).casefold() == key.casefold()


def _segment(text: str) -> str:
    return quote(text, safe="~")


def _id_of(item: bytes) -> str:
    return str(msgspec.json.decode(item, type=Item, strict=False).id)
