"""One Jira site as one account sees it: where it is called, with what credentials, and the vendor library over the same way out."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from connectors.jira.decipher import decipher_for
from connectors.jira.limits import pace_of
from connectors.jira.records import account_from_user, browse_base
from sync.core.errors import Nonsense, TielineError
from sync.core.ports import ConnectionSettings
from sync.core.values import Ref
from sync.remote import Remote, Reply, keep_secret

if TYPE_CHECKING:
    from jira import JIRA

T = TypeVar("T")
GATEWAY = "https://api.atlassian.com"


class Site:
    """A connection's settings and its one Remote. ``api`` is the path below which the REST API lies."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.is_cloud = settings.variant != "dc"
        self.api = "/rest/api/3" if self.is_cloud else "/rest/api/2"
        self.browse_base = browse_base(settings)
        self.remote = Remote(
            settings.name,
            _api_base(settings),
            _headers(settings),
            decipher_for("cloud" if self.is_cloud else "dc"),
            pace_of(settings),
        )
        self._library: JIRA | None = None
        self._account_id = ""
        self._lock = threading.Lock()

    def option(self, name: str, default: Any) -> Any:
        return self.settings.options.get(name, default)

    def get(self, path: str, **params: object) -> Reply:
        """Read below the REST API. ``path`` begins with a slash and is quoted by the caller."""
        return self.remote.send("GET", self.api + path, params=params or None)

    def search(self, path: str, body: Mapping[str, object]) -> Reply:
        """A question asked by POST: repeating it changes nothing."""
        return self.remote.send("POST", self.api + path, json=body, is_safe=True)

    def write(self, method: str, path: str, body: object = None, **params: object) -> Reply:
        """Change something. Never repeated when its fate is unknown."""
        # Some DELETE endpoints answer 415 to a request without a content type, even without a body.
        headers = {"content-type": "application/json"} if body is None else None
        return self.remote.send(method, self.api + path, params=params or None, json=body, headers=headers)

    def ask(self, question: Callable[[JIRA], T]) -> T:
        """Ask through the ``jira`` library. Raises this project's errors only."""
        from jira import JIRAError  # with requests a tenth of a second, which a run that only reads need not pay

        try:
            return question(self._jira())
        except TielineError:
            raise
        except (JIRAError, ValueError, KeyError, TypeError, AttributeError) as error:
            said = str(error)
        # Raised out here: the library's error holds the whole answer, and with it whatever secret was echoed into it.
        raise Nonsense(expected="an answer the jira library can read", sample=said)

    def _jira(self) -> JIRA:
        with self._lock:
            if self._library is None:
                self._library = _library(self.remote, "3" if self.is_cloud else "2")
            return self._library

    def account_id(self) -> str:
        """Our own account's id, as comments name it; asked once."""
        with self._lock:
            if not self._account_id:
                self._account_id = account_from_user(self.get("/myself").read(dict[str, Any])).id
            return self._account_id

    def browse_url(self, key: str) -> str:
        return f"{self.browse_base}/browse/{key}"

    def close(self) -> None:
        if self._library is not None:
            self._library.close()  # type: ignore[no-untyped-call]
        self.remote.close()


def link_types(site: Site) -> list[dict[str, Any]]:
    """The site's link types as Jira lists them. Raises NotFound when issue linking is switched off."""
    return site.ask(lambda jira: [dict(kind.raw or {}) for kind in jira.issue_link_types(force=True)])


def part(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")


def issue_path(task: Ref) -> str:
    """The path of a task's issue, by its stable id."""
    return f"/issue/{part(task.key)}"


def _api_base(settings: ConnectionSettings) -> str:
    """Scoped tokens are only taken by the gateway; at the site's own URL they get 401 or a misleading 404."""
    if cloud_id := settings.options.get("cloud_id"):
        gateway = str(settings.options.get("gateway_url") or GATEWAY).rstrip("/")
        return f"{gateway}/ex/jira/{cloud_id}"
    return settings.base_url.rstrip("/")


def _headers(settings: ConnectionSettings) -> dict[str, str]:
    secrets = settings.credentials
    token = secrets.get("token", "")
    login = secrets.get("email", "") if settings.variant != "dc" else secrets.get("user", "")
    password = token if settings.variant != "dc" else secrets.get("password", "")
    if login and password:
        pair = base64.b64encode(f"{login}:{password}".encode()).decode()
        keep_secret(password, pair)
        headers = {"authorization": f"Basic {pair}"}
    else:
        keep_secret(token)
        headers = {"authorization": f"Bearer {token}"}
    if language := settings.options.get("accept_language"):
        # Jira speaks the account's language unless it is forced; the mapping's words must be the ones shown here.
        headers |= {"accept-language": str(language), "x-force-accept-language": "true"}
    return headers


def _library(remote: Remote, version: str) -> JIRA:
    from jira import JIRA

    from sync.remote_session import mount

    library = JIRA(
        server=remote.base_url,
        options={"rest_api_version": version, "check_update": False},
        get_server_info=False,  # one request less, and it is asked only for searches, which the library does not do here
        max_retries=0,
    )
    mount(library._session, remote)
    return library
