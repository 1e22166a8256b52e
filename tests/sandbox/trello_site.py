"""A seeded Trello simulator behind a port, with a client that is let in; shared by the Trello sandbox tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from sandbox.server import Sandbox
from sandbox.story import story
from sandbox.trello import KEY, TOKEN, TrelloSimulator, seed

ANCHOR = date(2026, 11, 24)
OAUTH = {"Authorization": f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TOKEN}"'}
URLS = {"jira-cloud": "https://company.atlassian.net", "trello": "https://trello.com"}
Payload = Any


class Clock:
    """A clock that tests move: every look is a millisecond later, ``now`` may be set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
        self.monotonic_s = 0.0

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


class Site:
    """A served simulator with a client that is let in."""

    def __init__(self, simulator: TrelloSimulator, clock: Clock, client: httpx.Client) -> None:
        self.simulator, self.clock, self.client = simulator, clock, client

    def get(self, path: str, **params: Any) -> Payload:
        return self.ask("GET", path, params=params)

    def ask(self, method: str, path: str, **options: Any) -> Payload:
        answer = self.client.request(method, f"/1{path}", **options)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def refused(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        answer = self.client.request(method, f"/1{path}", **options)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.text

    def card(self, name: str) -> Payload:
        return self.simulator.find_card(name)

    def board(self, name: str) -> str:
        return next(str(key) for key, board in self.simulator.state.boards.items() if board["name"] == name)


@contextmanager
def served_site() -> Iterator[Site]:
    """The seeded site, up and answering."""
    clock = Clock()
    simulator = TrelloSimulator(clock=clock, monotonic=lambda: clock.monotonic_s)
    seed(simulator, story(ANCHOR), URLS)
    with Sandbox([simulator]) as sandbox, httpx.Client(base_url=sandbox.url("trello"), headers=OAUTH) as client:
        yield Site(simulator, clock, client)
