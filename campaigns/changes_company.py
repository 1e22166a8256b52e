"""A simulated company of five sites on a simulated clock, with a real Tieline beside it, for the campaign of changes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from ruamel.yaml import YAML

from sandbox.world import CREDENTIALS, World
from sync import engine, remote
from sync.app import App, build
from sync.mapping import dependencies
from sync.reading import Collected

T = TypeVar("T")
R = TypeVar("R")
BEGINNING = datetime(2026, 11, 2, 7, 30, tzinfo=UTC)
# From UTC-12 to UTC+14, with half and quarter hours and with summer time on both halves of the earth.
ZONES = (
    "Etc/GMT+12", "Pacific/Pago_Pago", "America/St_Johns", "America/New_York", "UTC", "Europe/Berlin", "Asia/Kolkata",
    "Asia/Kathmandu", "Asia/Shanghai", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Kiritimati",
)  # fmt: skip
# Where Task.due, which is a day, is said: one connection, one zone.
MAPPED_ZONE = {
    "jira-cloud": "Asia/Shanghai", "jira-dc": "Europe/Berlin", "trello": "Pacific/Kiritimati",
    "confluence-cloud": "Asia/Shanghai", "confluence-dc": "America/New_York",
}  # fmt: skip
STATUS = {
    "待办": "todo",
    "进行中": "in_progress",
    "已完成": "done",
    "To Do": "todo",
    "In Progress": "in_progress",
    "Done": "done",
}
SECRETS: Mapping[str, Mapping[str, str]] = {
    "jira-cloud": {"email": "env:JIRA_EMAIL", "token": "env:JIRA_TOKEN"},
    "jira-dc": {"token": "env:JIRA_DC_TOKEN"},
    "trello": {"key": "env:TRELLO_KEY", "token": "env:TRELLO_TOKEN"},
    "confluence-cloud": {"email": "env:CONFLUENCE_EMAIL", "token": "env:CONFLUENCE_TOKEN"},
    "confluence-dc": {"token": "env:CONFLUENCE_DC_TOKEN"},
}
TYPES = {
    "jira-cloud": "jira",
    "jira-dc": "jira",
    "trello": "trello",
    "confluence-cloud": "confluence",
    "confluence-dc": "confluence",
}


@dataclass
class Clock:
    """The time in the simulated company."""

    now: datetime = BEGINNING

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


CLOCKS: list[
    Clock
] = []  # of the companies that are at work in this process, for sabotages that need to know what time it is


@dataclass
class Company:
    """The sites, the clock, and the Tieline that collects from them."""

    world: World
    clock: Clock
    folder: Path
    scopes: Mapping[str, tuple[str, ...]]
    is_threaded: bool = False
    lag_h: dict[str, float] = field(default_factory=dict)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    app: App | None = None

    def start(self) -> None:
        """Build the product over what stands in the folder, as a new process would."""
        self.stop()
        self.app = build(_written_config(self), clock=self.clock)
        for name in self.scopes:
            # Pauses that a vendor asks for pass at once: the clock of this company is not the machine's.
            self.app.connections.get(name).remote._sleep = lambda _: None

    def stop(self) -> None:
        if self.app:
            self.app.close()
        self.app = None

    def collect(self, names: tuple[str, ...] = ()) -> tuple[str, list[Collected]]:
        assert self.app
        return self.app.engine.collect(names)

    def database(self) -> sqlite3.Connection:
        """The store's own file, read without the product."""
        connection = sqlite3.connect(self.folder / "tieline.sqlite")
        connection.execute("PRAGMA query_only = ON")
        return connection


@contextmanager
def founded(folder: Path, clock: Clock, *, is_threaded: bool = False) -> Iterator[Company]:
    """Empty sites that answer over HTTP; the caller fills them and then starts the product.

    Without threads the product reads one connection after the other, so that a seed plays the same history every time.
    """
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, CREDENTIALS))
        os.environ.pop("TIELINE_DATABASE", None)
        stack.enter_context(mock.patch.object(remote, "_wait_s", return_value=0.0))
        # A pure function, asked the same 80,000 questions with every run: in one process of many runs the answers are kept.
        stack.enter_context(mock.patch.object(dependencies, "names_of", cache(dependencies.names_of)))
        if not is_threaded:
            stack.enter_context(mock.patch.object(engine, "as_completed", _one_by_one))
        world = stack.enter_context(World(clock=clock, is_empty=True))
        world.trello.limits.enforce = False
        company = Company(world, clock, folder, {}, is_threaded)
        stack.callback(company.stop)
        stack.callback(CLOCKS.remove, clock)
        CLOCKS.append(clock)
        yield company


def _one_by_one(function: Callable[[T], R], items: Iterable[T], _: int) -> Iterator[R]:
    return map(function, items)


def _written_config(company: Company) -> Path:
    urls = company.world.urls()
    (company.folder / "mappings").mkdir(exist_ok=True)
    connections = {}
    for name in company.scopes:
        variant = {"jira-dc": "dc", "confluence-dc": "dc", "trello": ""}.get(name, "cloud")
        settings = {"type": TYPES[name], "variant": variant, "base_url": urls[name], "browse_base": urls[name]}
        own = {
            "requests_per_second": 100_000,
            "in_flight": 2 if company.is_threaded else 1,
            **company.options.get(name, {}),
        }
        connections[name] = {key: value for key, value in {**settings, **SECRETS[name], **own}.items() if value != ""}
        _dump(company.folder / "mappings" / f"{name}.yaml", _mapping(name, company.scopes[name]))
    config = {
        "installation": "campaign",
        "database": "sqlite:///tieline.sqlite",
        "mappings": "mappings",
        "language": "zh-CN",
        "zone": "Asia/Shanghai",
        "connections": connections,
        "jobs": {},
    }
    return _dump(company.folder / "tieline.yaml", config)


def _mapping(name: str, scopes: tuple[str, ...]) -> dict[str, Any]:
    mapping: dict[str, Any] = {"version": 1, "scope": list(scopes), "language": "zh-CN", "zone": MAPPED_ZONE[name]}
    if TYPES[name] == "confluence":
        return mapping
    is_jira = TYPES[name] == "jira"
    mapping["status"] = dict(STATUS)
    mapping["task"] = {
        "title": "summary" if is_jira else "name",
        "vendor_status": "status.name" if is_jira else "list.name",
        "owner": "assignee" if is_jira else "members[0]",
        "due": "duedate" if is_jira else "due",
    }
    if is_jira:
        mapping["dependencies"] = [{"link": "Blocks", "outward": "predecessor"}]
    return mapping


def _dump(path: Path, tree: Mapping[str, Any]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(dict(tree), file)
    return path
