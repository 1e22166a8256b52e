"""Connections to Feishu: an application, or a robot of a group."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from threading import Lock

import msgspec

from connectors.feishu import CONNECTOR, FEISHU, LARK
from connectors.feishu.answers import decipher
from connectors.feishu.chat import ChatMessenger
from connectors.feishu.doctor import probes_of
from connectors.feishu.listener import AnswerListener
from connectors.feishu.people import CompanyDirectory
from connectors.feishu.robot import RobotMessenger, token_of
from connectors.feishu.site import Site
from connectors.feishu.table_tracker import TableTracker
from connectors.feishu.tables import TableSource
from connectors.feishu.task_tracker import TaskTracker
from connectors.feishu.tasks import TaskSource
from connectors.feishu.wiki import WikiSource
from sync.core.ports import ConnectionSettings, Probe, SiteIdentity
from sync.core.values import Account
from sync.pace import UNLIMITED, Limit, Pace, Place, place_by_path, share_of
from sync.remote import Remote, keep_secret

# One API takes 50 a second and 1000 a minute of an application; one chat 5 a second of all its robots.
APP_LIMITS = (
    Limit("endpoint", ((share_of(50), 1.0), (share_of(1000), 60.0))),
    Limit("item", ((share_of(5), 1.0),)),
)
# The wiki's own APIs take 100 a minute; documents 3 a second.
WIKI_LIMITS = (
    Limit("endpoint", ((share_of(100), 60.0),), r"GET .*/wiki/v2/.*"),
    Limit("endpoint", ((share_of(3), 1.0),), r"GET .*/docx/v1/.*"),
    *APP_LIMITS,
)
ROBOT_LIMITS = (Limit("item", ((share_of(5), 1.0), (share_of(100), 60.0))),)
_IDS = re.compile(r"/(o[cmnu]|od)[_-][^/]+")
_TOKENS = re.compile(r"/(documents|permissions)/[^/]+")


class Feishu(ChatMessenger, CompanyDirectory, AnswerListener):
    """Feishu as one application sees it. The app secret travels only to ask for the tenant token."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        keep_secret(*(value.strip() for name, value in settings.credentials.items() if name != "app_id"))
        self.settings = settings
        self.remote = _remote(settings, settings.credentials["app_id"].strip(), APP_LIMITS, sleep)
        self.site = Site(settings, self.remote)

    def identify(self) -> SiteIdentity:
        """The application; ids of people are its own, so another application is another site."""
        self.site.token()
        app = self.site.app_id
        return SiteIdentity(f"feishu:{_host(settings=self.settings)}:{app}", Account(app, app))

    def probes(self) -> Iterator[Probe]:
        """Try each operation this connection needs, without changing anything."""
        return probes_of(self.site)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()


class FeishuTables(TableSource, TableTracker):
    """Bitable tables as one application sees them."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings, self.remote, self.site = _work(settings, sleep)
        self.writing = Lock()

    def probes(self) -> Iterator[Probe]:
        """The sign-in, each table with its columns and rows, and the column that is written to."""
        yield from super().probes()
        yield from self.write_probes()

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()


class FeishuTasks(TaskSource, TaskTracker):
    """Task lists as one application sees them."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings, self.remote, self.site = _work(settings, sleep)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()


class FeishuWiki(WikiSource):
    """Wiki spaces as one application sees them."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings, self.remote, self.site = _work(settings, sleep, WIKI_LIMITS)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()


class FeishuRobot(RobotMessenger):
    """A robot of one group. Its token is a part of its address and never leaves."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self.token = token_of(settings.credentials["webhook"])
        self.secret = settings.credentials.get("sign_secret", "").strip()
        keep_secret(self.token, *([self.secret] if self.secret else []))
        self.digest = hashlib.sha256(self.token.encode()).hexdigest()[:16]
        self.remote = _remote(settings, self.digest, ROBOT_LIMITS, sleep)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()


def _work(
    settings: ConnectionSettings, sleep: Callable[[float], None], limits: tuple[Limit, ...] = APP_LIMITS
) -> tuple[ConnectionSettings, Remote, Site]:
    keep_secret(settings.credentials["app_secret"].strip())
    remote = _remote(settings, settings.credentials["app_id"].strip(), limits, sleep)
    return settings, remote, Site(settings, remote)


def place_of(method: str, path: str, body: bytes) -> Place:
    """The endpoint without ids, and the chat or message that a write is about."""
    if "/bot/v2/hook/" in path:
        return Place("POST /bot/v2/hook", (hashlib.sha256(path.encode()).hexdigest()[:12],))
    items = tuple(found[0].strip("/") for found in _IDS.finditer(path)) if method != "GET" else ()
    if method == "POST" and path.endswith("/im/v1/messages"):
        try:
            items = (str(msgspec.json.decode(body)["receive_id"]),)
        except (msgspec.DecodeError, KeyError, TypeError):
            items = ()
    return Place(place_by_path(method, _TOKENS.sub(r"/\1/{}", _IDS.sub("/{}", path)), body).endpoint, items)


def _host(settings: ConnectionSettings) -> str:
    """The address as set; ``host: lark`` is the international one."""
    given = settings.base_url.rstrip("/") or FEISHU
    return LARK if given == FEISHU and settings.options.get("host") == "lark" else given


def _remote(
    settings: ConnectionSettings, account: str, limits: tuple[Limit, ...], sleep: Callable[[float], None]
) -> Remote:
    rate = settings.requests_per_second or CONNECTOR.requests_per_second[settings.variant or "app"]
    pace = Pace(
        rate,
        settings.in_flight or CONNECTOR.in_flight,
        limits=limits if rate < UNLIMITED else (),
        place=place_of,
        product="feishu",
        account=account,
    )
    return Remote(settings.name, _host(settings), {}, decipher, pace, sleep)
