"""The sites, the connections and one cycle of the product, for the campaign of human edits.

People act between cycles and, through ``between``, in the very moment between the product's look and its write: the request
that writes waits until their edit has been saved.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from connectors.confluence import CONNECTOR as CONFLUENCE
from connectors.jira import CONNECTOR as JIRA
from connectors.jira.hooks import EVENTS as JIRA_EVENTS
from connectors.jira.hooks import hints_from as jira_hints
from connectors.trello import CONNECTOR as TRELLO
from connectors.trello.hooks import hints_from as trello_hints
from sandbox import jira
from sandbox.confluence import Confluence, access
from sandbox.http import Request, Response
from sandbox.server import Sandbox
from sandbox.trello import KEY, TOKEN, TrelloSimulator
from sync.apply import Outcome, apply
from sync.core.diff import diff, keys_to_look_at
from sync.core.hooks import HookRequest
from sync.core.plan import Desired, Plan
from sync.core.ports import ConnectionSettings
from sync.look import look
from sync.overwritten import keep_edits, overwritten
from sync.store.store import Store

INSTALLATION, OTHER_INSTALLATION = "acme", "globex"
WIKIS, TRACKERS = ("wiki-cloud", "wiki-dc"), ("jira-cloud", "jira-dc", "trello")
SPACE = "TEAM"
PROJECT = "PAY"
BOARD = "支付"
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
WRITES = ("POST", "PUT", "DELETE")
CALLBACK, SECRET = "https://tieline.example/hooks/edits", "webhook-secret"
Act = Callable[[], None]


class Clock:
    """The sites' clock, a little later at every look: no two people save in the same instant."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=20)
        return self.now


@dataclass
class Door:
    """Stands before a simulator: notes what the product wrote, lets people act before or after a write, and measures the window."""

    simulator: Any
    before: dict[str, Act] = field(
        default_factory=dict
    )  # pattern of "METHOD path" -> what happens before it is carried out
    after: dict[str, Act] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    windows_ms: list[float] = field(default_factory=list)
    _read_at: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._handle = self.simulator.handle
        self.simulator.handle = self.handle

    def handle(self, request: Request) -> Response:
        word = f"{request.method} {request.path}"
        if request.method in WRITES:
            self._act(self.before, word)
        self._measure(request)
        response: Response = self._handle(request)
        if request.method in WRITES and response.status < 400:
            self.writes.append(word)
            self._act(self.after, word)
        return response

    def _act(self, acts: dict[str, Act], word: str) -> None:
        for pattern in [pattern for pattern in acts if re.search(pattern, word)]:
            acts.pop(pattern)()

    def _measure(self, request: Request) -> None:
        """Milliseconds between the last read of a comment and its rewriting, as the site sees them."""
        if found := re.search(r"/(?:comment|actions)/(\w+)(?:/comments)?$", request.path):
            now = time.perf_counter()
            if request.method == "PUT" and found[1] in self._read_at:
                self.windows_ms.append((now - self._read_at.pop(found[1])) * 1000)
            elif request.method == "GET":
                self._read_at[found[1]] = now


class Sites:
    """Five sites with a space, projects and a board, served over HTTP, and the product's connections to them."""

    def __init__(self) -> None:
        clock = Clock()
        self.wikis = {name: Confluence(name, clock, variant="cloud" if "cloud" in name else "dc") for name in WIKIS}
        self.jiras = {
            name: jira.JiraSimulator(name, "cloud" if "cloud" in name else "dc", clock) for name in TRACKERS[:2]
        }
        self.trello = TrelloSimulator("trello", clock, enforce_limits=False)
        everything: list[Any] = [*self.wikis.values(), *self.jiras.values(), self.trello]
        self.doors = {site.name: Door(site) for site in everything}
        self._furnish()
        self.box = Sandbox(everything).start()
        self.connections = {site.name: self._connect(site.name) for site in everything}

    def _furnish(self) -> None:
        for wiki in self.wikis.values():
            for number, name in enumerate(("zhao.min", "chen.yu")):
                wiki.site.add_user(
                    access.TIELINE.__class__(f"account-{name}", name, f"key-{number}", name, f"{name}@example.com")
                )
            wiki.site.add_space(SPACE, "团队", wiki.tieline_id())
        for site in self.jiras.values():
            site.write_meter.limits = (
                (1_000_000, 1.0),
            ) * 2  # people and we write more in a second here than Jira would allow in a minute
            site.add_user("li-na", "李娜")
            site.add_project(PROJECT, "支付")
        self.trello.add_member("li-na", "李娜")
        self.trello.add_board(BOARD, "li-na", ("待办",), permission_level="private", members=("tieline",))

    def _connect(self, name: str) -> Any:
        url, variant = self.box.url(name), "cloud" if "cloud" in name else "dc"
        secrets = {
            "wiki-cloud": {"email": access.EMAIL, "token": access.CLASSIC_TOKEN}, "wiki-dc": {"token": access.PAT},
            "jira-cloud": {"email": jira.ACCOUNT_EMAIL, "token": jira.API_TOKEN}, "jira-dc": {"token": jira.PERSONAL_ACCESS_TOKEN},
            "trello": {"key": KEY, "token": TOKEN},
        }[name]  # fmt: skip
        kind = {"wiki": CONFLUENCE, "jira": JIRA, "trello": TRELLO}[name.partition("-")[0]]
        scope = SPACE if "wiki" in name else BOARD if name == "trello" else PROJECT
        settings = ConnectionSettings(
            name, kind.name, url, variant="" if name == "trello" else variant, browse_base="https://company.example",
            installation=INSTALLATION, scopes=(scope,), credentials=secrets, requests_per_second=100_000, in_flight=16,
        )  # fmt: skip
        connection = kind.connect(settings)
        connection.remote._sleep = lambda _: None
        return connection

    def tracker(self, connection: str) -> Any:
        return self.connections[connection]

    def knowledge_base(self, connection: str) -> Any:
        return self.connections[connection]

    def messenger(self, connection: str) -> Any:
        raise KeyError(connection)

    def metric_sink(self, connection: str) -> Any:
        raise KeyError(connection)

    def writes(self) -> int:
        return sum(len(door.writes) for door in self.doors.values())

    def forget_plans(self) -> None:
        for door in self.doors.values():
            door.before.clear()
            door.after.clear()
            door.simulator.faults.clear()

    def close(self) -> None:
        for connection in self.connections.values():
            connection.close()
        self.box.stop()


class Deliveries:
    """The trackers' webhooks, delivered at once to the product's reading of them; what the ledger keeps is what the web service keeps."""

    def __init__(self, sites: Sites, store: Callable[[], Store]) -> None:
        self.sites, self.store = sites, store
        before = sites.trello.state.on_action

        def tell(action: dict[str, Any]) -> None:
            before(action)
            self._take("trello", json.dumps({"action": action, "model": {}, "webhook": {"id": "1"}}).encode(), {})

        sites.trello.state.on_action = tell
        for name, site in sites.jiras.items():
            events = list(JIRA_EVENTS)
            site.webhooks.items[1] = {
                "name": name,
                "url": CALLBACK,
                "secret": SECRET,
                "events": events,
                "enabled": True,
            }
            site.webhooks.courier.send = partial(self._jira, name)  # type: ignore[method-assign]

    def _jira(
        self, name: str, _url: str, body: bytes, headers: Callable[[int], Mapping[str, str]], _event: str
    ) -> None:
        self._take(name, body, headers(0))

    def _take(self, name: str, body: bytes, headers: Mapping[str, str]) -> None:
        if name == "trello":
            made = hmac.new(SECRET.encode(), body + CALLBACK.encode(), hashlib.sha1).digest()
            headers = {"x-trello-webhook": base64.b64encode(made).decode()}
        scope = next(iter(self.sites.trello.state.boards)) if name == "trello" else PROJECT
        kind = "trello" if name == "trello" else "jira"
        settings = ConnectionSettings(name, kind, CALLBACK, scopes=(scope,), credentials={"webhook_secret": SECRET})
        read = trello_hints if name == "trello" else jira_hints
        keep_edits(self.store(), name, read(HookRequest(headers, body, CALLBACK), settings), NOW)

    def words(self, name: str) -> set[str]:
        """What the ledger can put back at one tracker."""
        return {edit.edited.words for edit in overwritten(self.store()) if edit.connection == name}


class Tieline:
    """One installation with its ledger: plans and applies what is desired, as a run does it."""

    def __init__(self, sites: Sites, folder: Path, installation: str) -> None:
        self.sites, self.installation = sites, installation
        self.path = folder / f"{installation}.sqlite"
        self.backup = folder / f"{installation}-backup.sqlite"
        self.store = self._open()

    def _open(self) -> Store:
        store = Store.open(f"sqlite:///{self.path}")
        store.migrate()
        return store

    def cycle(self, desired: Sequence[Desired]) -> tuple[Plan, Outcome]:
        published = self.store.published()
        open_keys = {intent.change.key for intent in self.store.pending_intents()}
        existing, blocked = look(
            self.sites, self.store, self.installation, keys_to_look_at(desired, published, {}, open_keys)
        )
        words = {key: str(error) for key, error in blocked.items()}
        plan = diff(self.installation, desired, published, existing, (*WIKIS, *TRACKERS), words)
        return plan, apply(plan, self.sites, self.store, self.store.begin_run("apply"))

    def back_up(self) -> None:
        self.store.close()
        shutil.copyfile(self.path, self.backup)
        self.store = self._open()

    def restore(self) -> None:
        """Somebody puts an older database back."""
        self.store.close()
        for path in self.path.parent.glob(f"{self.path.name}-*"):
            path.unlink()
        shutil.copyfile(self.backup, self.path)
        self.store = self._open()

    def close(self) -> None:
        self.store.close()


def reasons(plan: Plan, keys: Iterable[str]) -> dict[str, str]:
    """Why entries were left alone, for reports."""
    wanted = set(keys)
    return {skip.key: skip.reason for skip in plan.skips if skip.key in wanted}
