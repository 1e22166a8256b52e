"""Connections to WeCom: a self-built application, a robot of a group, or an AI bot."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import msgspec

from connectors.wecom import CONNECTOR, WECOM
from connectors.wecom.answers import decipher
from connectors.wecom.bot import PER_HOUR, SEND, BotMessenger
from connectors.wecom.bot import PER_MINUTE as BOT_PER_MINUTE
from connectors.wecom.bot_listener import BotListener
from connectors.wecom.chat import ChatMessenger
from connectors.wecom.doctor import bot_probes, probes_of
from connectors.wecom.line import Line
from connectors.wecom.people import CompanyDirectory
from connectors.wecom.robot import PER_MINUTE, RobotMessenger, key_of
from connectors.wecom.site import Site
from connectors.wecom.switchboard import Alone, LineTransport, board_of, nobody_else
from sync.core.messages import Contact
from sync.core.ports import ConnectionSettings, Probe, SiteIdentity
from sync.core.values import Account
from sync.pace import UNLIMITED, Limit, Pace, Place, place_by_path
from sync.remote import Remote, keep_secret

BOT_GATEWAY = "https://openws.work.weixin.qq.com"
MINUTE_S = 60.0
# An API takes 10,000 a minute of a company; one person 30 a minute, what is above is dropped in silence.
APP_LIMITS = (Limit("endpoint", ((8_000, MINUTE_S),)), Limit("item", ((25, MINUTE_S),)))
BOT_LIMITS = (Limit("item", ((BOT_PER_MINUTE, MINUTE_S), (PER_HOUR, 60 * MINUTE_S))),)
ROBOT_LIMITS = (Limit("item", ((PER_MINUTE, MINUTE_S),)),)


class WeCom(ChatMessenger, CompanyDirectory):
    """WeCom as one application sees it. Its secret travels only to ask for the token."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        options = settings.options
        secret = settings.credentials["corp_secret"].strip()
        keep_secret(
            secret, *(settings.credentials.get(name, "").strip() for name in ("callback_token", "callback_aes_key"))
        )
        corp_id = str(options.get("corp_id") or "").strip()
        self.agent_id = int(options.get("agent_id") or 0)
        self.room_keepers = tuple(map(str, options.get("room_keepers") or ()))
        self.people_known: dict[Contact, str] = {}
        self.settings = settings
        self.remote = _remote(settings, f"{corp_id} {self.agent_id}", APP_LIMITS, sleep)
        self.site = Site(settings, self.remote, corp_id, secret)

    def identify(self) -> SiteIdentity:
        """The company and the application."""
        self.site.token()
        return SiteIdentity(f"wecom:{self.site.corp_id}", Account(str(self.agent_id), f"application {self.agent_id}"))

    def probes(self) -> Iterator[Probe]:
        """Try each operation this connection needs, without changing anything."""
        return probes_of(self.site, self.agent_id)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()


class WeComRobot(RobotMessenger):
    """A robot of one group. Its key is a part of its address and never leaves."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self.key = key_of(settings.credentials["webhook"])
        keep_secret(self.key)
        self.digest = hashlib.sha256(self.key.encode()).hexdigest()[:16]
        self.remote = _remote(settings, self.digest, ROBOT_LIMITS, sleep)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()


class WeComBot(BotMessenger, BotListener):
    """An AI bot. Its secret travels only over the long connection. ``alone`` is the lease under which it may open that connection
    to send; ``sync.app`` sets the one that the installation shares."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self.secret = settings.credentials["bot_secret"].strip()
        keep_secret(self.secret)
        self.bot_id = str(settings.options.get("bot_id") or "").strip()
        address = settings.base_url.rstrip("/")
        address = BOT_GATEWAY if address in ("", WECOM) else address
        self.alone: Alone = nobody_else
        self.board = board_of(address.replace("http", "ws", 1), self.bot_id)
        self.remote = _remote(
            msgspec.structs.replace(settings, base_url=address),
            self.bot_id,
            BOT_LIMITS,
            sleep,
            LineTransport(self.line),
        )

    def line(self) -> Line:
        """The long connection of this process, or one of our own for a moment."""
        return self.board.line(self.secret, self.alone)

    def identify(self) -> SiteIdentity:
        """The bot itself; which company it belongs to it is not told."""
        return SiteIdentity(f"wecom-ai-bot:{self.bot_id}", Account(self.bot_id, f"AI bot {self.bot_id}"))

    def probes(self) -> Iterator[Probe]:
        """Whether it may sign in, where nobody else has its connection."""
        return bot_probes(self.line, self.board.url)

    def close(self) -> None:
        """Let go of the connection, where it is our own."""
        self.board.leave(self.alone)
        self.remote.close()


def place_of(method: str, path: str, body: bytes) -> Place:
    """The endpoint, and whom a message is for."""
    endpoint = place_by_path(method, path, body).endpoint
    if path.endswith("/webhook/send"):
        return Place(endpoint, ("robot",))
    if method != "POST" or not path.endswith(("/message/send", "/appchat/send", f"/{SEND}")):
        return Place(endpoint)
    try:
        said: Mapping[str, Any] = msgspec.json.decode(body)
        return Place(endpoint, (str(said.get("touser") or said.get("chatid") or ""),))
    except (msgspec.DecodeError, AttributeError):
        return Place(endpoint)


def _remote(
    settings: ConnectionSettings,
    account: str,
    limits: tuple[Limit, ...],
    sleep: Callable[[float], None],
    transport: httpx.BaseTransport | None = None,
) -> Remote:
    rate = settings.requests_per_second or CONNECTOR.requests_per_second[settings.variant or "app"]
    pace = Pace(
        rate,
        settings.in_flight or CONNECTOR.in_flight,
        limits=limits if rate < UNLIMITED else (),
        place=place_of,
        product="wecom",
        account=account,
    )
    return Remote(settings.name, settings.base_url.rstrip("/") or WECOM, {}, decipher, pace, sleep, transport=transport)
