"""A CalDAV server's requests, and which task list a scope means."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlsplit

from msgspec import Struct

from connectors.caldav.answers import (
    SHARE,
    C,
    D,
    Found,
    found_in,
    modified_at,
    multiget,
    path_of,
    propfind,
    query_todos,
)
from sync.core.errors import ConfigError, Nonsense, NotFound, Problem
from sync.core.ports import ConnectionSettings
from sync.remote import Remote


class TaskList(Struct, frozen=True):
    """A collection that may hold to-dos."""

    path: str
    name: str


class Todo(Struct, frozen=True):
    """A to-do as it came."""

    path: str
    etag: str
    data: str


class Site:
    """One server as one user. Safe to use from several threads."""

    def __init__(self, settings: ConnectionSettings, remote: Remote) -> None:
        self.settings, self.remote = settings, remote
        self.root = urlsplit(settings.base_url).path.rstrip("/") + "/"
        self._lock = threading.Lock()
        self._home = ""

    def _ask(self, method: str, path: str, body: bytes, depth: int) -> list[Found]:
        headers = {"depth": str(depth), "content-type": "application/xml; charset=utf-8", "accept": "*/*"}
        reply = self.remote.send(
            method, quote(path, safe="/:@+,;=~!$&'()*"), content=body, headers=headers, is_safe=True
        )
        return found_in(reply.body)

    def _one(self, path: str, name: str, inner: str) -> str:
        """The path that a property of one thing names."""
        for found in self._ask("PROPFIND", path, propfind(name), 0):
            node = found.properties.get(inner)
            if node is not None and (href := node.findtext(f"{D}href")):
                return path_of(href)
        raise Nonsense(
            expected=f"a CalDAV server's {name.partition(':')[2]}", found="none: is base_url its CalDAV address?"
        )

    def principal(self) -> str:
        """Whose account it is, as the server names it."""
        return self._one(self.root, "D:current-user-principal", f"{D}current-user-principal")

    def home(self) -> str:
        """Where the account's lists are, asked once."""
        with self._lock:
            if not self._home:
                self._home = self._one(self.principal(), "C:calendar-home-set", f"{C}calendar-home-set")
            return self._home

    def lists(self) -> list[TaskList]:
        """The collections that may hold to-dos; one that does not say what it holds may."""
        names = ("D:displayname", "D:resourcetype", "C:supported-calendar-component-set")
        found = self._ask("PROPFIND", self.home(), propfind(*names), 1)
        return [
            TaskList(item.path, item.text(f"{D}displayname") or item.path.rstrip("/").rpartition("/")[2])
            for item in found
            if _holds_todos(item)
        ]

    def task_list(self, scope: str) -> TaskList:
        """The list of this name or path. Raises NotFound with the cure, ConfigError where a name means several."""
        found = [one for one in self.lists() if scope == one.name or scope.rstrip("/") == one.path.rstrip("/")]
        if not found:
            raise NotFound(f"task list {scope} is not visible to the account; {SHARE}")
        if len(found) > 1:
            paths = ", ".join(one.path for one in found)
            text, hint = f"{len(found)} task lists are called {scope!r}", f"write the path of one: {paths}"
            problem = Problem(f"mappings/{self.settings.name}.yaml", 0, "scope", text, hint)
            raise ConfigError([problem])
        return found[0]

    def paths(self, where: TaskList) -> list[str]:
        """Where the list's to-dos are."""
        return [
            item.path
            for item in self._ask("REPORT", where.path, query_todos(), 1)
            if not item.is_gone and item.path != where.path
        ]

    def changes(self, where: TaskList) -> dict[str, datetime | None]:
        """When each thing of the list was changed, by the server's clock; None where it does not say."""
        found = self._ask("PROPFIND", where.path, propfind("D:getlastmodified"), 1)
        return {item.path: modified_at(item.text(f"{D}getlastmodified")) for item in found}

    def read(self, where: str, paths: Sequence[str]) -> list[Todo]:
        """These to-dos whole; one that is gone is left out."""
        found = self._ask("REPORT", where, multiget([quote(path, safe="/@") for path in paths]), 1)
        name = f"{C}calendar-data"
        return [
            Todo(item.path, item.text(f"{D}getetag"), item.text(name))
            for item in found
            if not item.is_gone and item.text(name)
        ]


def _name_of(item: Found) -> str:
    return item.text(f"{D}displayname") or item.path.rstrip("/").rpartition("/")[2]


def _holds_todos(item: Found) -> bool:
    kind, holds = item.properties.get(f"{D}resourcetype"), item.properties.get(f"{C}supported-calendar-component-set")
    if kind is None or kind.find(f"{C}calendar") is None:
        return False
    components = [] if holds is None else [str(node.get("name") or "").upper() for node in holds]
    return not components or "VTODO" in components
