"""One Tableau site through tableauserverclient, which sends everything through our Remote; and what a name means there.

A personal access token holds one session at a time: a second sign-in with it ends the first. All threads share one, and whoever finds it
ended signs in anew for all. Sessions of a connected app stand side by side; they are shared in the same way.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import requests
import tableauserverclient
from tableauserverclient.server.endpoint.exceptions import TableauError
from tableauserverclient.server.exceptions import EndpointUnavailableError

from connectors.tableau.answers import ENABLE, UNREADABLE, SignedOut
from connectors.tableau.sign_in import FIRST_VERSION, SignIn
from sync.core.errors import ConfigError, LostAnswer, Nonsense, NotFound, Problem, Refused, TryLater
from sync.core.ports import ConnectionSettings
from sync.core.secrets import keep_secret
from sync.remote import Remote
from sync.remote_session import mount

T = TypeVar("T")
tsc: Any = tableauserverclient  # annotated by halves
_LUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UNFILTERABLE = re.compile(r"[,:\\\[\]]")  # a filter's own signs cannot be escaped
# What the library raises for an answer of another shape.
ODD = (*UNREADABLE, AttributeError, KeyError, TypeError, TableauError)


class Site:
    """Safe to use from several threads."""

    def __init__(self, settings: ConnectionSettings, remote: Remote, sign_in: SignIn) -> None:
        self.settings = settings
        self._sign_in = sign_in
        self._lock = threading.Lock()
        self._remote = remote
        self.server: Any = tsc.Server(remote.base_url, session_factory=self._session)
        self._token: str | None = None

    @property
    def browser_url(self) -> str:
        """The site's address in the browser; a Server's Default site has no name there."""
        site = str(self.settings.options.get("site") or "")
        return f"{self.settings.browse_base or self._remote.base_url}/#{f'/site/{site}' if site else ''}"

    def _session(self) -> requests.Session:
        session = requests.Session()
        mount(session, self._remote)
        return session

    def sign_in(self, *, ended: str | None = None) -> str:
        """The session's token; a new one where there is none, or where ``ended`` is the one there is. Raises AccessDenied with the cure."""
        with self._lock:
            if self._token is None or self._token == ended:
                self._token = None
                self._token = self._signed_in()
            return self._token

    def _signed_in(self) -> str:
        try:
            _read(self.server.use_server_version)
            if self._sign_in.is_app and not self.server.check_at_least_version(FIRST_VERSION):
                version = f"its REST API is {self.server.version}, and {FIRST_VERSION} (Tableau 2022.3) is the first that takes them"
                raise Refused(
                    f"this Tableau knows no connected apps: {version}; sign in with token_name and token_secret"
                )
            _read(lambda: self.server.auth.sign_in(self._sign_in.credentials()))
        except LostAnswer as error:  # a session that nobody knows of is no write
            raise TryLater(str(error), error.retry_after, error.reason) from error
        token = str(self.server.auth_token)
        keep_secret(token)
        return token

    def ask(self, what: Callable[[Any], T], *, is_write: bool = False) -> T:
        """What the library brings in a session that holds. Raises our errors and no others."""
        token = self.sign_in()
        try:
            return _read(lambda: what(self.server), is_write=is_write)
        except SignedOut:
            self.sign_in(ended=token)
            return _read(lambda: what(self.server), is_write=is_write)

    def query(self, text: str, variables: Mapping[str, object]) -> dict[str, Any]:
        """What the Metadata API says to a GraphQL query, errors beside the data and all. Raises Refused where there is none."""

        def sent(token: str) -> dict[str, Any]:
            content, headers = {"query": text, "variables": dict(variables)}, {"X-Tableau-Auth": token}
            reply = self._remote.send("POST", "/api/metadata/graphql", json=content, headers=headers, is_safe=True)
            return reply.read(dict[str, Any])

        token = self.sign_in()
        try:
            try:
                return sent(token)
            except SignedOut:
                return sent(self.sign_in(ended=token))
        except NotFound as error:
            raise Refused(f"this Tableau offers no Metadata API: {ENABLE}") from error

    def named(self, kind: str, name: str) -> list[Any]:
        """The workbooks, datasources or projects of exactly this name."""

        def found(server: Any) -> list[Any]:
            options = tsc.RequestOptions(pagesize=1000)
            if not _UNFILTERABLE.search(name):
                field, operator = tsc.RequestOptions.Field.Name, tsc.RequestOptions.Operator.Equals
                options.filter.add(tsc.Filter(field, operator, name))
            return _each_once(tsc.Pager(getattr(server, kind), options))

        return [item for item in self.ask(found) if item.name == name]

    def project_id(self, place: str) -> str:
        """The project of this id or name. Raises NotFound with the cure, ConfigError where a name means several."""
        if _LUID.fullmatch(place):
            return place
        found = [str(item.id) for item in self.named("projects", place)]
        cure = "check its name, or give the account View on it (内容 > 项目 > 权限)"
        return self._only(found, f"project {place!r}", cure)

    def view(self, source: str) -> Any:
        """The view of this id, or of ``Workbook/View``."""
        if _LUID.fullmatch(source):
            return self.ask(lambda server: server.views.get_by_id(source))
        workbook, _, name = source.rpartition("/")
        if not workbook:
            problem = f"{source!r} is neither the id of a view nor Workbook/View"
            raise NotFound(f"{problem}: write both names with a slash between them, as in the browser")
        found = []
        for item in self.named("workbooks", workbook):
            self.ask(partial(_populate_views, item))
            found += [view for view in item.views if view.name == name]
        views = {str(view.id): view for view in found}
        return views[self._only(list(views), f"view {source!r}", "check both names, or give the account View on it")]

    def _only(self, ids: list[str], what: str, cure: str) -> str:
        if not ids:
            raise NotFound(f"the {what} is not visible to this account: {cure}")
        if len(ids) > 1:
            hint = f"write the id instead: {', '.join(ids)}"
            raise ConfigError(
                [Problem("tieline.yaml", 0, self.settings.name, f"{len(ids)} things are the {what}", hint)]
            )
        return ids[0]


def _populate_views(workbook: Any, server: Any) -> None:
    server.workbooks.populate_views(workbook)


def _each_once(items: Iterable[Any]) -> list[Any]:
    return list({item.id: item for item in items}.values())


def _read(what: Callable[[], T], *, is_write: bool = False) -> T:
    """The same, its odd answers as our errors. Of a write that was answered oddly it is not known whether it was done."""
    try:
        return what()
    except EndpointUnavailableError as error:
        raise Refused(f"this Tableau is too old: {error}") from None
    except ODD as error:
        trouble = type(error).__name__
    if is_write:
        raise LostAnswer(f"Tableau's answer cannot be read ({trouble})")
    raise Nonsense(expected=f"an answer that tableauserverclient can read ({trouble})", found="another")
