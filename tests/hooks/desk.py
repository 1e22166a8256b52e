"""A company whose Tieline listens: the service's own HTTP face on a real port, and vendors that deliver to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import uvicorn

from connectors.confluence import hooks as confluence
from connectors.jira import hooks as jira
from connectors.trello import hooks as trello
from sandbox.trello import APP_SECRET
from sync.app import App, build
from sync.core.hooks import HookRequest
from sync.core.messages import CallbackReply
from sync.web.answers import take_callback
from sync.web.api import Health, api
from sync.web.hooks import Hooks
from tests.end_to_end.company import Company, founded

SECRETS = {
    "JIRA_HOOK": "jira's hook",
    "JIRA_DC_HOOK": "finance's hook",
    "TRELLO_HOOK": APP_SECRET,
    "CONFLUENCE_DC_HOOK": "ops' hook",
}
SIGNED = {
    "jira-main": "JIRA_HOOK",
    "jira-finance": "JIRA_DC_HOOK",
    "trello-main": "TRELLO_HOOK",
    "confluence-ops": "CONFLUENCE_DC_HOOK",
}


def eventually(is_so: Callable[[], object], within_s: float = 60.0) -> None:
    """Wait until it is so; fails when it never is."""
    ends_at = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < ends_at, "it never came to be"
        time.sleep(0.02)


@contextmanager
def listening(folder: Path) -> Iterator[Company]:
    """A company with a secret for every connection that may have one; nothing has run yet."""
    with pytest.MonkeyPatch.context() as patch, founded(folder) as company:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        company.configure(**{f"connections__{name}__webhook_secret": f"env:{key}" for name, key in SIGNED.items()})
        yield company


@dataclass
class Desk:
    """The HTTP face over an app, without the cycles; ``woken`` counts what would have begun one."""

    app: App
    url: str = ""
    woken: int = 0
    hooks: Hooks = field(init=False)

    def __post_init__(self) -> None:
        self.hooks = Hooks(lambda: self.app, self._wake)

    def _wake(self) -> None:
        self.woken += 1


def _take(desk: Desk, name: str, request: HookRequest) -> CallbackReply:
    return take_callback(desk.app, name, request)


@contextmanager
def served(company: Company) -> Iterator[Desk]:
    """The API under uvicorn on a free port of this machine."""
    desk = Desk(build(company.config))
    health = Health(is_healthy=True, last_cycle_at=None, last_exit_code=None, detail="")
    server = uvicorn.Server(
        uvicorn.Config(api(lambda: health, desk.hooks, partial(_take, desk)), port=0, log_level="warning")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        desk.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield desk
    finally:
        server.should_exit = True
        thread.join(10)
        desk.app.close()


def delivery(name: str, payload: object, url: str, secret: str = "") -> tuple[bytes, dict[str, str]]:
    """A body and the headers that sign it as this connection's vendor does."""
    body = json.dumps(payload, ensure_ascii=False).encode()
    secret = secret or SECRETS[SIGNED[name]]
    match name.partition("-")[0]:
        case "jira":
            return body, {"X-Hub-Signature": jira.signature(secret, body)}
        case "confluence":
            return body, {"X-Hub-Signature": confluence.signature(secret, body)}
    return body, {"X-Trello-Webhook": trello.signature(secret, body, f"{url}/hooks/{name}")}
