"""Running Confluence simulators with a signed-in client, for the tests of the simulator and its judges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from sandbox.confluence import Confluence
from sandbox.confluence.access import CLASSIC_TOKEN, EMAIL, PAT
from sandbox.confluence.seed import seed
from sandbox.server import Sandbox
from sandbox.story import story

ANCHOR = date(2026, 11, 23)
V2, V1 = "/wiki/api/v2", "/wiki/rest/api"


class Clock:
    """A clock that tests turn by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 9, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **spans: float) -> None:
        self.now += timedelta(**spans)


class Site:
    """A running simulator, its clock and a signed-in client."""

    def __init__(self, sandbox: Sandbox, simulator: Confluence, clock: Clock, url: str, client: httpx.Client) -> None:
        self.sandbox, self.simulator, self.clock = sandbox, simulator, clock
        self.url, self.client = url, client
        self.space = simulator.site.space_by_key("TEAM" if simulator.variant == "cloud" else "OPS")
        assert self.space is not None
        self.space_id, self.home_id = self.space.id, self.space.homepage_id

    def create(self, title: str, storage: str = "<p>text</p>", **more: Any) -> httpx.Response:
        body = {"representation": "storage", "value": storage}
        payload = {"spaceId": self.space_id, "status": "current", "title": title, "body": body, **more}
        return self.client.post(f"{V2}/pages", json=payload)

    def update(
        self, page_id: str, number: int, title: str = "A", storage: str = "<p>new</p>", **more: Any
    ) -> httpx.Response:
        body = {"representation": "storage", "value": storage}
        payload = {"id": page_id, "status": "current", "title": title, "body": body, "version": {"number": number}}
        return self.client.put(f"{V2}/pages/{page_id}", json={**payload, **more})

    def search(self, cql: str, **more: str) -> httpx.Response:
        prefix = V1 if self.simulator.variant == "cloud" else "/rest/api"
        return self.client.get(f"{prefix}/search", params={"cql": cql, **more})


@contextmanager
def running_cloud() -> Iterator[Site]:
    """A seeded Cloud site with a client that holds a classic token."""
    clock = Clock()
    simulator = Confluence("confluence-cloud", clock)
    with Sandbox([simulator]) as sandbox:
        url = sandbox.url("confluence-cloud")
        seed(simulator, story(ANCHOR), {"jira-cloud": "http://jira.example"})
        with httpx.Client(base_url=url, auth=(EMAIL, CLASSIC_TOKEN)) as client:
            yield Site(sandbox, simulator, clock, url, client)


@contextmanager
def running_dc() -> Iterator[Site]:
    """A seeded Data Center site below a context path, with a client that holds a PAT."""
    clock = Clock()
    simulator = Confluence("confluence-dc", clock, variant="dc", context="/confluence")
    with Sandbox([simulator]) as sandbox:
        url = sandbox.url("confluence-dc") + "/confluence"
        seed(simulator, story(ANCHOR), {})
        with httpx.Client(base_url=url, headers={"authorization": f"Bearer {PAT}"}) as client:
            yield Site(sandbox, simulator, clock, url, client)


def title_of_error(response: httpx.Response) -> str:
    """The v2 error title, after checking the shape of the body."""
    (error,) = response.json()["errors"]
    assert set(error) == {"status", "code", "title", "detail"}
    assert error["status"] == response.status_code
    return str(error["title"])


def all_v2(site: Site, path: str, **params: Any) -> list[dict[str, Any]]:
    """Every result, following the cursor of ``_links.next`` on our own URL, as the fact sheet advises."""
    found: list[dict[str, Any]] = []
    for _ in range(100):
        page = site.client.get(path, params=params)
        assert page.status_code == 200, page.text
        found += page.json()["results"]
        following = page.json()["_links"].get("next")
        if following is None:
            assert "next" not in page.headers.get("link", "")
            return found
        assert following.startswith("/wiki/api/v2/")
        assert page.headers["link"].startswith(f'<{following}>; rel="next"')
        params = {**params, "cursor": httpx.URL(following).params["cursor"]}
    raise AssertionError("the listing does not end")
