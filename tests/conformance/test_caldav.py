"""CalDAV keeps the promises of its port, against Radicale itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.caldav import CONNECTOR
from sandbox.caldav import PASSWORD, USER, CalDavServer
from sync.core.ports import ConnectionSettings
from sync.core.values import RawRecord
from tests.conformance.source_faults import SourceFaults, empty_database, store
from tests.conformance.source_suite import SourceSuite
from tests.conformance.subjects import Clock, Wire, hurry, served

__all__ = ["empty_database", "store"]


class CalDavSubject:
    """A server with two task lists, of which one is collected."""

    name, kind, scope = "todo-main", "task", "上线清单"

    def __init__(self, server: CalDavServer, wire: Wire, clock: Clock) -> None:
        self.server, self.wire, self.clock = server, wire, clock
        self.list, self.elsewhere = server.add_list(self.scope, "launch"), server.add_list("别处", "else")
        self.opened: list[Any] = []
        self.source = self.connect()
        self.titles: dict[str, str] = {}
        self.make("先有的")

    def connect(self, token: str = "") -> Any:
        self.settings = ConnectionSettings(
            self.name, "caldav", self.wire.url, "server", scopes=(self.scope,), requests_per_second=5000,
            credentials={"user": USER, "password": token or PASSWORD},
        )  # fmt: skip
        self.opened.append(hurry(CONNECTOR.connect(self.settings)))
        return self.opened[-1]

    def truth(self) -> Mapping[str, str]:
        return {path: title for path, title in self.titles.items() if self.server.file(path).exists()}

    def title_of(self, record: RawRecord) -> str:
        return CONNECTOR.record_from_raw(record, self.settings).title

    def make(self, title: str) -> str:
        path = self.server.new(self.list, SUMMARY=title)
        self.titles[path] = title
        return path

    def edit(self, item_id: str, title: str) -> None:
        self.server.write(item_id, SUMMARY=title)
        self.titles[item_id] = title

    def restrict(self, item_id: str) -> None:
        self.server.write(item_id, SUMMARY=self.titles[item_id], CLASS="PRIVATE")

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        return {"deleted": self.server.delete}

    def hide_scope(self) -> None:
        self.server.hide(self.list)

    def delay_listings(self) -> None:
        """Lists are read from where they are written."""

    def state(self) -> object:
        files = self.server.file(self.list).glob("*.ics")
        return sorted((path.name, path.read_bytes(), path.stat().st_mtime_ns) for path in files)

    def request_count(self) -> int:
        return int(self.source.remote.request_count)


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[CalDavSubject]:
    clock = Clock()
    server = CalDavServer(tmp_path / "radicale", "caldav", clock)
    made = CalDavSubject(server, served(server), clock)
    yield made
    for connection in made.opened:
        connection.close()


class TestCalDavAsSource(SourceSuite):
    pass


class TestCalDavUnderFaults(SourceFaults):
    pass
