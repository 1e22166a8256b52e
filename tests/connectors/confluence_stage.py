"""One simulated Confluence with the story and a connection to it, for the live tests; every request is held to the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from connectors.confluence import CONNECTOR
from connectors.confluence.client import Confluence
from sandbox.confluence import Confluence as Simulator
from sandbox.confluence import access
from sandbox.confluence.seed import seed
from sandbox.confluence.state import Page as SimulatedPage
from sandbox.faults import Fault, FaultKind
from sandbox.server import Sandbox
from sandbox.story import story
from sync.core.ports import ConnectionSettings, Cursor, Page
from sync.core.values import RawRecord
from tests.connectors.contract import SPECS, assert_request_in_contract


@dataclass
class Stage:
    """One simulated site with the story, and a connection to it."""

    simulator: Simulator
    box: Sandbox
    kind: str
    space: str
    connect: Callable[..., Confluence]
    confluence: Confluence

    @property
    def requests(self) -> list[tuple[str, str]]:
        return [(entry.method, entry.path) for entry in self.box.requests(self.simulator.name)]

    def writes(self) -> list[tuple[str, str]]:
        return [each for each in self.requests if each[0] != "GET"]

    def plan(self, kind: FaultKind, match: str, **values: Any) -> None:
        self.simulator.faults.plan(Fault(kind, match, **values))

    def kept(self, page: Page) -> SimulatedPage:
        return self.simulator.site.pages[page.ref.key]

    def storage(self, page: Page) -> str:
        return self.kept(page).latest.storage

    def add_pages(self, count: int) -> list[str]:
        return [
            self.simulator.create_page(self.space, f"页 {number}", f"<p>{number}</p>").id for number in range(count)
        ]

    def read(self, cursor: Cursor | None = None, confluence: Confluence | None = None) -> list[RawRecord]:
        source = confluence or self.confluence
        shards = source.shards("pages", cursor, self.space)
        return [record for shard in shards for page in source.fetch(shard) for record in page]


def settings_for(kind: str, url: str, token: str = "", **options: Any) -> ConnectionSettings:
    if kind == "dc":
        credentials = {"token": token or access.PAT}
        return ConnectionSettings(
            "wiki",
            "confluence",
            f"{url}/confluence",
            variant="dc",
            scopes=("OPS",),
            credentials=credentials,
            options=options,
            requests_per_second=1000,
        )
    known = access.SCOPED_TOKEN if kind == "gateway" else access.CLASSIC_TOKEN
    if kind == "gateway":
        options["cloud_id"] = access.CLOUD_ID
    credentials = {"email": access.EMAIL, "token": token or known}
    return ConnectionSettings(
        "wiki",
        "confluence",
        url,
        variant="cloud",
        scopes=("TEAM",),
        credentials=credentials,
        options=options,
        requests_per_second=1000,
    )


@contextmanager
def open_stage(kind: str) -> Iterator[Stage]:
    variant: Any = "dc" if kind == "dc" else "cloud"
    simulator = Simulator(f"confluence-{variant}", variant=variant, context="/confluence" if kind == "dc" else "")
    seed(simulator, story(date(2026, 11, 20)), {})
    opened: list[Confluence] = []

    with Sandbox([simulator]) as box:

        def connect(token: str = "", **options: Any) -> Confluence:
            made: Confluence = CONNECTOR.connect(settings_for(kind, box.url(simulator.name), token, **options))
            made.remote._sleep = lambda _: None  # pauses are asked for, not slept
            opened.append(made)
            return made

        yield Stage(simulator, box, kind, "OPS" if kind == "dc" else "TEAM", connect, connect())
        for confluence in opened:
            confluence.close()
        _check_contract(kind, box, simulator.name)


def _check_contract(kind: str, box: Sandbox, name: str) -> None:
    """Every request of every test is one that the vendor's contract knows."""
    if not SPECS.exists():
        return
    for entry in {(each.method, each.path, tuple(each.query.items())): each for each in box.requests(name)}.values():
        path = entry.path.removeprefix(f"/ex/confluence/{access.CLOUD_ID}")
        spec, base = SPECS / "confluence-cloud" / "confluence-cloud-v1.2024-02.openapi.json", ""
        if kind == "dc":
            spec, base = SPECS / "confluence-dc" / "confluence-dc-10.0.3-openapi.json", "/confluence"
        elif path.startswith("/wiki/api/v2"):
            spec, base = SPECS / "confluence-cloud" / "confluence-cloud-v2.openapi-v2.v3.json", "/wiki/api/v2"
        assert_request_in_contract(spec, entry.method, path, entry.query, entry.body, base_path=base)
