"""What is read of Asana's answers: only what is needed, every key but the id allowed to be missing. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

ATTACHMENT_FIELDS = "name,resource_subtype,view_url"


class NextPage(Struct, frozen=True):
    """Where the list goes on; the offset cannot be made or kept."""

    offset: str | None = None


class Listing(Struct, frozen=True):
    """A page of a list."""

    data: list[msgspec.Raw]
    next_page: NextPage | None = None


class Events(Struct, frozen=True):
    """What happened to a project, and the token to ask with next. Where the token asked with was none, only that."""

    sync: str
    data: list[Any] = []
    has_more: bool | None = None


class One(Struct, frozen=True):
    """One thing of any kind."""

    data: msgspec.Raw


class Named(Struct, frozen=True):
    """Anything by its id."""

    gid: str
    name: str | None = None


class Project(Struct, frozen=True):
    """A project as its tasks' records need it."""

    gid: str
    name: str | None = None
    archived: bool | None = None
    privacy_setting: str | None = None
    modified_at: str | None = None
    permalink_url: str | None = None
    workspace: Named | None = None


class Me(Struct, frozen=True):
    """Whose token it is."""

    gid: str
    name: str | None = None
    email: str | None = None
    workspaces: list[Named] | None = None


class Attachment(Struct, frozen=True):
    """Something attached to a task."""

    gid: str
    name: str | None = None
    resource_subtype: str | None = None
    view_url: str | None = None
