"""Connections to DingTalk: an application, the todos that it may read, or a custom robot of a group."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator

from connectors.dingtalk import API, CONNECTOR, OAPI
from connectors.dingtalk.answers import decipher
from connectors.dingtalk.chat import ChatMessenger
from connectors.dingtalk.doctor import probes_of
from connectors.dingtalk.listener import AnswerListener
from connectors.dingtalk.robot import PER_MINUTE, RobotMessenger, token_of
from connectors.dingtalk.scopes import ScopePeople
from connectors.dingtalk.site import Site
from connectors.dingtalk.todos import TodoSource
from sync.core.ports import ConnectionSettings, Probe, SiteIdentity
from sync.core.values import Account
from sync.pace import UNLIMITED, Limit, Pace, Place, place_by_path
from sync.remote import Remote, keep_secret

MINUTE_S = 60.0
TODO_IDS = re.compile(r"(?<=/todo/users/)[^/]+|(?<=/tasks/)(?!query$)[^/]+")
ROBOT_LIMITS = (Limit("item", ((PER_MINUTE, MINUTE_S),)),)


class DingTalk(ChatMessenger, AnswerListener):
    """DingTalk as one application sees it. Its secret travels only to ask for tokens and tickets."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        options = settings.options
        self.settings, self.site = settings, _site(settings, sleep)
        self.remote = self.site.remote
        self.robot_code = str(options.get("robot_code") or self.site.client_id)
        self.card_template = str(options.get("card_template_id") or "")
        self.group_template = str(options.get("group_template_id") or "")
        self.callback_route = str(options.get("callback_route_key") or "")
        self._people_lock = threading.Lock()
        self._by_email: dict[str, str] = {}
        self._listed_at: float | None = None

    def identify(self) -> SiteIdentity:
        """The application; user ids are its organisation's."""
        self.site.new_token.get()
        return SiteIdentity(
            f"dingtalk:{self.site.client_id}", Account(self.robot_code, f"application {self.site.client_id}")
        )

    def probes(self) -> Iterator[Probe]:
        """Try each operation this connection needs, without changing anything."""
        return probes_of(self.site, self.card_template, self.group_template, self.callback_route)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()
        self.site.old_remote.close()


class DingTalkTodos(TodoSource):
    """The todos of people as one application may read them."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings, self.site = settings, _site(settings, sleep)
        self.remote = self.site.remote
        self.people = ScopePeople(self.site, settings.name)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()
        self.site.old_remote.close()


class DingTalkRobot(RobotMessenger):
    """A custom robot of one group. Its token is a part of its address and never leaves."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self.token = token_of(settings.credentials["webhook"])
        self.secret = settings.credentials.get("sign_secret", "").strip()
        keep_secret(self.token, *([self.secret] if self.secret else []))
        self.digest = hashlib.sha256(self.token.encode()).hexdigest()[:16]
        base = OAPI if settings.base_url.rstrip("/") in ("", API) else settings.base_url.rstrip("/")
        self.remote = _remote(settings, base, self.digest, ROBOT_LIMITS, sleep)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()


def place_of(method: str, path: str, body: bytes) -> Place:
    """The endpoint; what a robot says is counted together. Whose todos are asked for makes no other endpoint."""
    endpoint = place_by_path(method, TODO_IDS.sub("{}", path), body).endpoint
    return Place(endpoint, ("robot",)) if path.endswith("/robot/send") else Place(endpoint)


def _site(settings: ConnectionSettings, sleep: Callable[[float], None]) -> Site:
    keep_secret(settings.credentials["client_secret"].strip())
    client_id = settings.credentials["client_id"].strip()
    new = _remote(settings, settings.base_url.rstrip("/") or API, client_id, (), sleep)
    return Site(settings, new, _remote(settings, _oapi(settings), client_id, (), sleep))


def _oapi(settings: ConnectionSettings) -> str:
    """The old API's host: as set, else DingTalk's own, else (a simulator, a proxy) the same as the new one's."""
    given = str(settings.options.get("oapi_url") or "").rstrip("/")
    base = settings.base_url.rstrip("/")
    return given or (OAPI if base in ("", API) else base)


def _remote(
    settings: ConnectionSettings, base: str, account: str, limits: tuple[Limit, ...], sleep: Callable[[float], None]
) -> Remote:
    rate = settings.requests_per_second or CONNECTOR.requests_per_second[settings.variant or "app"]
    pace = Pace(
        rate,
        settings.in_flight or CONNECTOR.in_flight,
        limits=limits if rate < UNLIMITED else (),
        place=place_of,
        product="dingtalk",
        account=account,
    )
    return Remote(settings.name, base, {}, decipher, pace, sleep)
