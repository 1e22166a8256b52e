"""A query of somebody else's database: a real PostgreSQL, read and never changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy.exc import SQLAlchemyError

from connectors.tabular import CONNECTOR
from connectors.tabular.client import Tabular
from sync.core.errors import AccessDenied, ConfigError, Refused, Unreachable
from sync.core.metrics import MetricQuery
from sync.core.ports import ConnectionSettings
from tests.connectors.test_tabular_live import TABLE, folder_settings, records

PASSWORD = "Zq7-password-of-the-reader"


@pytest.fixture
def reports(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A database of somebody else's, with its table."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE purchases (id int, title text, due date, spent numeric, seen timestamp, extra jsonb)"
        )
        connection.execute(
            "INSERT INTO purchases VALUES (1, '50% 完成 a:b', '2026-11-30', 1.50, '2026-11-25 09:00', '{\"a\": [1]}')"
        )
        yield connection


def database(
    url: str, query: str = "SELECT * FROM purchases WHERE title LIKE '50%%' OR title = 'a:b'", **options: Any
) -> Tabular:
    address = urlsplit(url)
    tables = {TABLE: {"query": query, "key": "id", "title": "title"}}
    settings = ConnectionSettings(
        "baobiao", "tabular", "", "sql", scopes=(TABLE,), zone="Asia/Shanghai", options={"tables": tables, **options},
        credentials={"url": address._replace(scheme="postgresql+psycopg").geturl()},
    )  # fmt: skip
    return Tabular(settings)


def test_a_query_is_read_as_it_stands(postgres_url: str, reports: object) -> None:
    with closing(database(postgres_url)) as source:
        [raw] = records(source)
        values = CONNECTOR.record_from_raw(raw, folder_settings(Path("/"))).values
        assert values == {
            "id": 1, "title": "50% 完成 a:b", "due": "2026-11-30", "spent": "1.50", "seen": "2026-11-25T01:00:00+00:00",
            "extra": {"a": [1]},
        }  # fmt: skip
        table = source.read_metric(MetricQuery(TABLE, {"columns": ["due", "spent", "seen"]})).table
        assert table.rows == ((date(2026, 11, 30), Decimal("1.50"), datetime(2026, 11, 25, 1, tzinfo=UTC)),)
        assert source.identify().fingerprint.startswith("postgresql 127.0.0.1:")


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM purchases RETURNING *",
        "DELETE FROM purchases",
        "SELECT 1 AS id, 'x' AS title; COMMIT; DELETE FROM purchases",
        "WITH gone AS (DELETE FROM purchases RETURNING *) SELECT * FROM gone",
        "DROP TABLE purchases",
    ],
)
def test_whatever_a_query_says_nothing_is_changed(
    postgres_url: str, reports: psycopg.Connection[Any], query: str
) -> None:
    with closing(database(postgres_url, query)) as source, pytest.raises(Refused, match="one SELECT"):
        records(source)
    assert reports.execute("SELECT count(*) FROM purchases").fetchone() == (1,)


def test_a_query_that_does_not_end_is_ended(postgres_url: str, reports: object) -> None:
    source = database(postgres_url, "SELECT 1 AS id, pg_sleep(60)::text AS title", statement_timeout_s=0.2)
    with closing(source), pytest.raises(Refused, match="took longer than `statement_timeout_s`"):
        records(source)


def test_what_the_database_refuses_is_told_in_its_words(postgres_url: str, reports: object) -> None:
    with closing(database(postgres_url, "SELECT id, titel AS title FROM purchases")) as source:
        with pytest.raises(Refused, match='column "titel" does not exist') as caught:
            records(source)
        assert caught.value.__cause__ is None
        assert not isinstance(caught.value.__context__, SQLAlchemyError)
        [probe] = source.probes()
        assert (probe.is_ok, probe.cure) == (False, f"mend the query, or tables.{TABLE} in tieline.yaml")


def test_a_user_without_rights_is_denied(postgres_url: str, reports: psycopg.Connection[Any]) -> None:
    name = f"reader_{time.time_ns()}"
    reports.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    address = urlsplit(postgres_url)
    url = address._replace(netloc=f"{name}:{PASSWORD}@{address.hostname}:{address.port}").geturl()
    try:
        with (
            closing(database(url)) as source,
            pytest.raises(AccessDenied, match="give the user of `url` SELECT rights") as caught,
        ):
            records(source)
        assert PASSWORD not in str(caught.value)
    finally:
        reports.execute(f"DROP ROLE {name}")


def test_a_database_that_is_away_is_unreachable_and_found_again(
    postgres_url: str, reports: psycopg.Connection[Any]
) -> None:
    address = urlsplit(postgres_url)
    with closing(database(address._replace(netloc="postgres@127.0.0.1:1").geturl())) as source:
        with pytest.raises(Unreachable, match="no connection to the database"):
            source.identify()
        assert [probe.is_ok for probe in source.probes()] == [False]
    with closing(database(postgres_url)) as source:
        assert len(records(source)) == 1
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        reports.execute(kill)
        assert len(records(source)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no url",
        "oracle+cx_nothing://u:Zq7-password-of-the-reader@h/d",
        "mssql+pyodbc://u:Zq7-password-of-the-reader@h/d",
    ],
)
def test_a_url_that_cannot_be_used_is_an_error_that_quotes_nothing(url: str) -> None:
    tables = {TABLE: {"query": "SELECT 1 AS id", "key": "id"}}
    settings = ConnectionSettings("baobiao", "tabular", "", "sql", options={"tables": tables}, credentials={"url": url})
    with pytest.raises(ConfigError) as caught:
        CONNECTOR.connect(settings).identify()
    assert PASSWORD not in str(caught.value)
    assert "url" in str(caught.value)
