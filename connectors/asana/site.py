"""Asana's requests, one function each, and which project a scope means."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import TypeVar
from urllib.parse import quote

import msgspec

from connectors.asana.answers import EXPIRED, is_signed_out
from connectors.asana.shapes import ATTACHMENT_FIELDS, Attachment, Events, Listing, Me, Named, One, Project
from sync.core.decode import decoded
from sync.core.errors import AccessDenied, ConfigError, LostAnswer, Nonsense, NotFound, Problem
from sync.core.ports import ConnectionSettings
from sync.remote import Remote, Reply

T = TypeVar("T")
PAGE = 100
PROJECT_FIELDS = "name,archived,privacy_setting,modified_at,permalink_url,workspace"


class Site:
    """One workspace through one Remote. Safe to use from several threads."""

    def __init__(self, settings: ConnectionSettings, remote: Remote) -> None:
        self.settings = settings
        self.remote = remote
        self._lock = threading.Lock()
        self._me: Me | None = None
        self._projects: dict[str, Project] = {}

    def get(self, path: str, shape: type[T], **params: object) -> T:
        """One thing. Raises NotFound and AccessDenied as Asana tells them."""
        sent = {name: str(value) for name, value in params.items() if value not in (None, "")}
        return decoded(self.remote.send("GET", path, params=sent).read(One).data, shape, path)

    def write(
        self, method: str, path: str, shape: type[T], data: Mapping[str, object] | None = None, fields: str = ""
    ) -> T:
        """A write, and what Asana answers about it. Raises LostAnswer when the answer tells nothing of it: it may have been done."""
        params = {"opt_fields": fields} if fields else None
        body = {"data": data} if data is not None else None
        return _after_write(self.remote.send(method, path, params=params, json=body), shape, path)

    def attach(self, task_gid: str, name: str, url: str) -> Attachment:
        """An address attached to a task."""
        parts = {"parent": task_gid, "resource_subtype": "external", "name": name, "url": url}
        params = {"opt_fields": ATTACHMENT_FIELDS}
        files = {key: (None, value) for key, value in parts.items()}
        return _after_write(
            self.remote.send("POST", "/attachments", params=params, files=files), Attachment, "an attachment"
        )

    def events(self, project_gid: str, token: str) -> tuple[Events, bool]:
        """Up to a hundred events after the token; and whether Asana still knew it, which it never does of "": then only a new token."""
        sent = {"resource": project_gid} | ({"sync": token} if token else {})
        reply = self.remote.send("GET", "/events", params=sent)
        return reply.read(Events), reply.status != EXPIRED

    def pages(self, path: str, **params: object) -> Iterator[list[msgspec.Raw]]:
        """A whole list, page by page. A page may be short or empty; only one without ``next_page`` is the last. Raises Nonsense when
        Asana sends us round in a circle.
        """
        sent = {name: str(value) for name, value in params.items() if value not in (None, "")} | {"limit": str(PAGE)}
        seen: set[str] = set()
        while True:
            listing = self.remote.send("GET", path, params=sent).read(Listing)
            yield listing.data
            offset = listing.next_page.offset if listing.next_page else None
            if not offset:
                return
            if offset in seen:
                raise Nonsense(expected="the next page of a list", found="one that was there before")
            seen.add(offset)
            sent["offset"] = offset

    def items(self, path: str, shape: type[T], **params: object) -> Iterator[T]:
        """The same, decoded, one by one."""
        for page in self.pages(path, **params):
            for raw in page:
                yield decoded(raw, shape, path)

    def me(self, *, is_fresh: bool = False) -> Me:
        """The token's account."""
        with self._lock:
            if self._me is None or is_fresh:
                self._me = self.get("/users/me", Me, opt_fields="name,email,workspaces.name")
            return self._me

    def workspaces(self) -> list[Named]:
        """The workspace of the option (by name or id), else all that the account belongs to. Raises ConfigError for one it does not."""
        found, wanted = self.me().workspaces or [], str(self.settings.options.get("workspace") or "")
        chosen = [one for one in found if not wanted or wanted in (one.gid, one.name)]
        if chosen:
            return chosen
        names = ", ".join(f"{one.name} ({one.gid})" for one in found) or "none"
        problem = Problem(
            "tieline.yaml", 0, f"connections.{self.settings.name}.workspace",
            f"the account belongs to no workspace {wanted!r}, only to: {names}", "give the name or id of one of them",
        )  # fmt: skip
        raise ConfigError([problem])

    def projects(self) -> Iterator[Project]:
        """Every project that the account sees, archived ones too."""
        for workspace in self.workspaces():
            yield from self.items("/projects", Project, workspace=workspace.gid, opt_fields=PROJECT_FIELDS)

    def project(self, scope: str, *, is_fresh: bool = False) -> Project:
        """The project that the admin's word (id or exact name) means. Raises NotFound naming one that is not visible, ConfigError when a
        name means several.
        """
        with self._lock:
            known = self._projects.get(scope)
        if known and not is_fresh:
            return known
        gid = known.gid if known else scope if scope.isdecimal() else self._gid_of(scope)
        found = self._read_project(scope, gid)
        with self._lock:
            self._projects[scope] = found
        return found

    def _read_project(self, scope: str, gid: str) -> Project:
        try:
            return self.get(f"/projects/{part(gid)}", Project, opt_fields=PROJECT_FIELDS)
        except (NotFound, AccessDenied) as error:
            if isinstance(error, AccessDenied) and is_signed_out(error):
                raise
            raise NotFound(f"project {scope}: {error}") from error

    def _gid_of(self, name: str) -> str:
        found = [project for project in self.projects() if project.name == name]
        if not found:
            raise NotFound(f"project {name}: no project of this name is visible to the account")
        if len(found) > 1:
            ids = ", ".join(project.gid for project in found)
            cure = f"write the id of one instead of the name: {ids}"
            raise ConfigError(
                [
                    Problem(
                        f"mappings/{self.settings.name}.yaml",
                        0,
                        "scope",
                        f"{len(found)} projects are called {name!r}",
                        cure,
                    )
                ]
            )
        return found[0].gid

    def scope_of(self, project_gids: frozenset[str]) -> str:
        """The first collected scope among these projects; "" when none is. One that is not visible holds nothing."""
        for scope in self.settings.scopes:
            try:
                if self.project(scope).gid in project_gids:
                    return scope
            except NotFound:
                continue
        return ""


def part(text: str) -> str:
    """A value as one segment of a path."""
    return quote(text, safe="")


def _after_write(reply: Reply, shape: type[T], what: str) -> T:
    try:
        return decoded(reply.read(One).data, shape, what)
    except Nonsense as error:
        trouble = str(error)
    raise LostAnswer(trouble)
