"""Confluence's pages as generic records, and the bodies of our requests. Pure: no I/O, no library that does any.

Cloud (v2) and Data Center (v1) spell a page differently; both become the same record with the names of v2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from connectors.confluence.answers import decipher
from sync.core.decode import decoded
from sync.core.errors import Nonsense, RecordError
from sync.core.instants import instant_from_text
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, RawRecord, Record, Ref, Visibility

__all__ = ["Publication", "State", "decipher", "raw_from_item", "record_from_raw", "state_from"]

PROPERTY = "tieline.sync"
LABEL = "tieline"
Status = Literal["current", "trashed", "archived"]


class Version(Struct, frozen=True):
    """A page's version: ``createdAt`` on Cloud, ``when`` on Data Center."""

    number: int | None = None
    createdAt: str | None = None  # noqa: N815  # the vendor's name
    when: str | None = None

    @property
    def instant(self) -> datetime | None:
        """When it was saved, None when the vendor does not tell. Raises Nonsense when what it tells is no instant."""
        text = self.createdAt or self.when
        return instant_from(text) if text else None


class Item(Struct, frozen=True):
    """What every listing tells of a page and we need at once."""

    id: str | int
    version: Version | None = None
    status: str | None = None

    @property
    def is_current(self) -> bool:
        return (self.status or "current") == "current"


class State(Struct, frozen=True):
    """A page as it stands now, from either API. ``space`` is its key, or on Cloud its id until that is looked up."""

    id: str
    title: str
    space: str
    status: Status
    version: int
    body: str = ""
    parent: str = ""
    labels: tuple[str, ...] = ()
    author: str = ""
    web_path: str = ""


class Publication(Struct, frozen=True, omit_defaults=True):
    """What we keep on a page of ours, as the content property ``tieline.sync``.

    ``page`` is the page's own id: people who copy a page may copy its properties, and the copy is not ours.
    ``block`` is the digest of our block as the vendor stored it; ``labels`` those that we added.
    """

    mark: str
    page: str = ""
    page_version: int = 0
    block: str = ""
    title: str = ""
    labels: tuple[str, ...] = ()


class StoredPublication(Struct, frozen=True):
    """The property as stored: its numeric id (Cloud's paths want it) and version number beside the value."""

    id: str
    number: int
    value: Publication | None


def instant_from(text: str) -> datetime:
    """An instant as either variant spells it, in UTC. Raises Nonsense for other text."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:  # year 1 or 9999 may have no such instant in UTC
        raise Nonsense(expected="an ISO 8601 instant", sample=text) from error


def stored_publication_from(found: Mapping[str, Any]) -> StoredPublication:
    """A content property of either API; one that tells no version is taken for the first."""
    return StoredPublication(str(found.get("id") or ""), _number_of(found) or 1, publication_from(found.get("value")))


def publication_from(value: object) -> Publication | None:
    """The property's value, or None when it is not one of ours."""
    try:
        return msgspec.convert(value, Publication)
    except msgspec.ValidationError:
        return None


def _dig(data: object, *path: str) -> Any:
    """The value at a path of keys, or None where one is missing or null."""
    for key in path:
        if not isinstance(data, Mapping):
            return None
        data = data.get(key)
    return data


def _number_of(data: object) -> int:
    """The number of the version in ``data``, sometimes sent as text; 0 when there is none."""
    number = _dig(data, "version", "number")
    if isinstance(number, str) and number.isdecimal():
        return int(number)
    return number if isinstance(number, int) else 0


def whole_state_from(data: Mapping[str, Any]) -> State:
    """A page that an update may be composed from. Raises Nonsense when its version or body was left out of the answer: an
    empty page has the body ``""``, and taking a missing one for that would overwrite what people wrote.
    """
    if not isinstance(_dig(data, "body", "storage", "value"), str) or not _number_of(data):
        raise Nonsense(expected="a page with version.number and body.storage.value", found=str(sorted(data)))
    return state_from(data)


def state_from(data: Mapping[str, Any]) -> State:
    """A page of either API as a state, to be read only: what is missing is empty. Raises Nonsense when the id is missing."""
    if not isinstance(data, Mapping) or not data.get("id"):
        raise Nonsense(expected="a page with id", sample=data)
    status = data.get("status") or "current"
    return State(
        id=str(data["id"]),
        title=str(data.get("title") or ""),
        space=str(_dig(data, "space", "key") or data.get("spaceId") or ""),
        # Cloud also says "deleted" for what is in the trash.
        status="trashed" if status in ("trashed", "deleted") else "archived" if status == "archived" else "current",
        version=_number_of(data),
        body=str(_dig(data, "body", "storage", "value") or ""),
        parent=_parent_of(data),
        labels=_labels_of(data),
        author=str(data.get("authorId") or _dig(data, "history", "createdBy", "userKey") or ""),
        web_path=str(_dig(data, "_links", "webui") or ""),
    )


def _parent_of(data: Mapping[str, Any]) -> str:
    found = data.get("ancestors")
    nearest = found[-1] if isinstance(found, list) and found else {}
    return str(data.get("parentId") or _dig(nearest, "id") or "")


def _labels_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    results = _dig(data, "labels", "results") or _dig(data, "metadata", "labels", "results") or ()
    return tuple(str(label["name"]) for label in results if isinstance(label, Mapping) and label.get("name"))


def raw_from_item(
    connection: str, scope: str, item: bytes, fetched_at: datetime, visibility: Visibility = "open", field_set: str = ""
) -> RawRecord:
    """A page's own bytes as a raw record; without a time of its own it counts as changed now. Raises Nonsense when it has
    no id."""
    light = decoded(item, Item, "a page")
    if light.id == "":
        raise Nonsense(expected="a page with id", sample=item[:200].decode(errors="replace"))
    version = light.version or Version()
    return RawRecord(
        ref=Ref.of(connection, "document", str(light.id)),
        payload=bytes(item),
        version=str(version.number or 0),
        updated_at=version.instant or fetched_at,
        fetched_at=fetched_at,
        field_set=field_set,
        scope=scope,
        visibility=visibility,
    )


def record_from_raw(raw: RawRecord, settings: ConnectionSettings) -> Record:
    """A raw page as a record. Unknown keys are ignored, missing ones become None. Raises RecordError for other bytes."""
    try:
        data = decoded(raw.payload)
        state = state_from(data)
    except (RecursionError, Nonsense, AttributeError, TypeError) as error:
        raise RecordError(f"not a page: {error}", raw.ref) from error
    accounts = _accounts_of(data)
    url = web_url(settings, state.web_path, raw.scope, state.id)
    return Record(
        ref=raw.ref,
        key=state.id,
        title=state.title,
        url=url,
        updated_at=raw.updated_at,
        values=_values(data, state, raw, accounts),
        scope=raw.scope,
        visibility=raw.visibility,
        aliases=_aliases(data, settings, raw.scope, state.id, url),
        accounts=tuple({account.id: account for account in accounts.values()}.values()),
    )


def _values(data: Mapping[str, Any], state: State, raw: RawRecord, accounts: Mapping[str, Account]) -> dict[str, Any]:
    created = data.get("createdAt") or _dig(data, "history", "createdDate")
    author, editor = accounts.get("author"), accounts.get("editor")
    return {
        "id": state.id,
        "title": state.title,
        "status": state.status,
        "space": raw.scope,
        "spaceId": str(data.get("spaceId") or _dig(data, "space", "id") or ""),
        "parentId": state.parent or None,
        "authorId": author.id if author else None,
        "author": author,
        "createdAt": instant_from_text(created),
        "version": {
            "number": state.version,
            "createdAt": raw.updated_at,
            "authorId": editor.id if editor else None,
            "author": editor,
            "message": _dig(data, "version", "message") or "",
        },
        "body": state.body,
        "labels": list(state.labels),
        "properties": _properties_of(data),
    }


def _properties_of(data: Mapping[str, Any]) -> dict[str, Any]:
    found = _dig(data, "properties", "results")
    results = found if isinstance(found, list) else ()
    return {str(item["key"]): item.get("value") for item in results if isinstance(item, Mapping) and "key" in item}


def _accounts_of(data: Mapping[str, Any]) -> dict[str, Account]:
    found = {
        "author": account_from(_dig(data, "history", "createdBy")) or _bare_account(data.get("authorId")),
        "editor": account_from(_dig(data, "version", "by")) or _bare_account(_dig(data, "version", "authorId")),
    }
    return {role: account for role, account in found.items() if account}


def _bare_account(account_id: object) -> Account | None:
    return Account(str(account_id)) if account_id else None


def account_from(user: object) -> Account | None:
    """A v1 user of either variant (account id on Cloud, user key on Data Center); None when it has no id."""
    account_id = _dig(user, "accountId") or _dig(user, "userKey") or _dig(user, "username")
    if not account_id:
        return None
    name, email = _dig(user, "displayName") or _dig(user, "publicName"), _dig(user, "email")
    login = _dig(user, "username")
    return Account(str(account_id), str(name or ""), str(email) if email else None, str(login) if login else None)


def browse_base(settings: ConnectionSettings) -> str:
    """Where people open pages, context path or ``/wiki`` included."""
    base = (settings.browse_base or settings.base_url).rstrip("/")
    return base if settings.variant == "dc" or base.endswith("/wiki") else f"{base}/wiki"


def web_url(settings: ConnectionSettings, web_path: str, space: str, page_id: str) -> str:
    """The page's address for people; by space and id when the vendor gave no path."""
    fallback = (
        f"/pages/viewpage.action?pageId={page_id}" if settings.variant == "dc" else f"/spaces/{space}/pages/{page_id}"
    )
    # Only a path is taken from the vendor's answer, so that an address can never lead to another host.
    is_path = web_path.startswith("/") and not web_path.startswith("//") and not urlsplit(web_path).netloc
    return browse_base(settings) + (web_path if is_path else fallback)


def _aliases(
    data: Mapping[str, Any], settings: ConnectionSettings, space: str, page_id: str, url: str
) -> tuple[str, ...]:
    base = browse_base(settings)
    found = [page_id, url, f"{base}/pages/viewpage.action?pageId={page_id}", f"{base}/spaces/{space}/pages/{page_id}"]
    tiny = _dig(data, "_links", "tinyui")
    if isinstance(tiny, str) and tiny.startswith("/x/"):
        found.append(base + tiny)
    return tuple(dict.fromkeys(found))


# -- bodies of our requests


def cloud_create_body(space_id: str, title: str, storage: str, parent: str) -> dict[str, Any]:
    """Body of ``POST /pages``; without a parent the page goes under the space's home page."""
    body: dict[str, Any] = {
        "spaceId": space_id,
        "status": "current",
        "title": title,
        "body": {"representation": "storage", "value": storage},
    }
    return {**body, "parentId": parent} if parent else body


def cloud_update_body(page_id: str, title: str, storage: str, number: int, message: str) -> dict[str, Any]:
    """Body of ``PUT /pages/{id}``. Without ``parentId`` the page stays where people put it."""
    return {
        "id": page_id,
        "status": "current",
        "title": title,
        "body": {"representation": "storage", "value": storage},
        "version": {"number": number, "message": message},
    }


def dc_create_body(space: str, title: str, storage: str, parent: str) -> dict[str, Any]:
    """Body of ``POST /rest/api/content``; ``ancestors`` names the parent."""
    body: dict[str, Any] = {
        "type": "page",
        "status": "current",
        "title": title,
        "space": {"key": space},
        "body": {"storage": {"value": storage, "representation": "storage"}},
    }
    return {**body, "ancestors": [{"id": parent}]} if parent else body


def dc_update_body(page_id: str, title: str, storage: str, number: int, message: str) -> dict[str, Any]:
    """Body of ``PUT /rest/api/content/{id}``; a minor edit notifies nobody."""
    return {
        "id": page_id,
        "type": "page",
        "status": "current",
        "title": title,
        "body": {"storage": {"value": storage, "representation": "storage"}},
        "version": {"number": number, "message": message, "minorEdit": True},
    }


def property_body(publication: Publication, number: int) -> dict[str, Any]:
    """Body of a property write; number 0 makes a new one."""
    body: dict[str, Any] = {"key": PROPERTY, "value": msgspec.to_builtins(publication)}
    return {**body, "version": {"number": number}} if number else body


def label_bodies(names: Sequence[str]) -> list[dict[str, str]]:
    """Body of a label write: v1 wants a list."""
    return [{"prefix": "global", "name": name} for name in names]
