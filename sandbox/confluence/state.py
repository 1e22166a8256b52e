"""What a Confluence site holds: plain values, changed only by ``site.py`` and ``parts.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Status = Literal["current", "draft", "archived", "trashed"]
Kind = Literal["page", "folder"]
Operation = Literal["read", "update"]
STATUSES: tuple[Status, ...] = ("current", "draft", "archived", "trashed")


@dataclass(frozen=True)
class User:
    """One account. Cloud knows people by account id, Data Center by user name and user key."""

    account_id: str
    username: str
    user_key: str
    display_name: str
    email: str
    groups: tuple[str, ...] = ("confluence-users",)


@dataclass(frozen=True)
class Version:
    """One saved version. ``storage`` is what the server keeps, not what was sent."""

    number: int
    when: datetime
    by: str  # account id
    title: str
    storage: str
    message: str = ""
    is_minor: bool = False


@dataclass
class Property:
    """A content or space property: JSON under a key, with a version count of its own."""

    id: str
    key: str
    value: Any
    number: int
    when: datetime
    by: str
    message: str = ""


@dataclass(frozen=True)
class FileVersion:
    number: int
    when: datetime
    by: str
    data: bytes
    media_type: str
    comment: str = ""
    is_minor: bool = False


@dataclass
class Attachment:
    """A file on a page. ``id`` carries the vendor's ``att`` prefix."""

    id: str
    page_id: str
    title: str
    file_id: str
    versions: list[FileVersion]
    status: Status = "current"
    properties: dict[str, Property] = field(default_factory=dict)

    @property
    def latest(self) -> FileVersion:
        return self.versions[-1]


@dataclass
class Comment:
    """A footer or inline comment. An inline one is *dangling* when its marker has left the page's text."""

    id: str
    page_id: str
    kind: Literal["footer", "inline"]
    versions: list[Version]
    parent_id: str | None = None
    marker_ref: str = ""
    selection: str = ""
    resolution: Literal["open", "reopened", "resolved", "dangling"] = "open"

    @property
    def latest(self) -> Version:
        return self.versions[-1]


@dataclass
class Space:
    """``is_hidden``: the integration account may not see it, so everything inside is 404."""

    id: str
    key: str
    name: str
    created_at: datetime
    author: str
    homepage_id: str = ""
    status: Literal["current", "archived"] = "current"
    is_hidden: bool = False
    properties: dict[str, Property] = field(default_factory=dict)


@dataclass
class Page:
    """A page (or a folder, which only has a title and a place in the tree)."""

    id: str
    space_id: str
    status: Status
    created_at: datetime
    author: str
    versions: list[Version]
    parent_id: str | None = None
    kind: Kind = "page"
    trashed_at: datetime | None = None
    labels: dict[str, str] = field(default_factory=dict)  # "prefix:name" -> label id
    properties: dict[str, Property] = field(default_factory=dict)  # by property id
    readers: tuple[str, ...] = ()  # account ids or "group:name"; empty means everyone
    editors: tuple[str, ...] = ()
    attachments: dict[str, str] = field(default_factory=dict)  # file name -> attachment id
    comments: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)

    @property
    def latest(self) -> Version:
        return self.versions[-1]

    @property
    def title(self) -> str:
        return self.versions[-1].title


def number_of(body: Mapping[str, Any]) -> int | None:
    """``version.number`` of a request body; None when there is none that is a number."""
    version = body.get("version")
    number = version.get("number") if isinstance(version, Mapping) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None
