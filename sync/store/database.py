"""One database by URL: SQLite in a file (WAL) or PostgreSQL, set up alike; and its errors told in sentences."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from sync.core.errors import ConfigError, Problem, StoreUnavailable

WRITES = "tieline_writes"
_HINT = "write sqlite:///folder/tieline.db or postgresql://user@host/database"
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
_SQLITE = ("sqlite", "sqlite+pysqlite")

_SQLITE_SENTENCES = (
    ("database or disk is full", "the disk is full; free some space and run again"),
    ("readonly database", "it is read-only; give this user the right to write the file and its folder"),
    (
        "database is locked",
        "another process has been writing to it for too long; see which one holds it, then run again",
    ),
    ("file is not a database", "the file is not a database or is damaged; put the last backup back in its place"),
    ("malformed", "the file is damaged; put the last backup back in its place"),
    (
        "unable to open database file",
        "the file cannot be opened; check that it is a file and that this user may read and write it",
    ),
    ("disk i/o error", "the disk cannot be read or written; check the disk, then put the last backup back if needed"),
    ("no such table", "its tables are not there; run `tieline collect`, which makes them"),
)
_POSTGRES_SENTENCES = (
    ("53100", "the server's disk is full; free some space there and run again"),
    ("53300", "the server has no free connection; raise max_connections or stop other clients"),
    ("53", "the server is out of resources; see its log"),
    ("25006", "it is read-only (a standby, or default_transaction_read_only); use the primary server"),
    ("55P03", "another process has held a lock for too long; see which one (pg_locks), then run again"),
    ("57014", "a statement took too long and was cancelled; see what else the server is doing, then run again"),
    ("40P01", "two processes waited for each other and the server stopped this one; run again"),
    ("40001", "another process changed the same rows at once; run again"),
    ("28", "the server refuses the user or the password; check both"),
    ("3D000", "the server has no such database; create it, or correct the name"),
    ("42501", "this user lacks a right; let it create and write tables in its schema"),
    ("42P01", "its tables are not there; run `tieline collect`, which makes them"),
    ("57P", "the server is starting up or shutting down; run again when it is back"),
    ("08", "the connection to the server was lost; check that it runs, then run again"),
    ("XX", "the server reports damaged data; see its log, and put the last backup back if needed"),
)


def url_from_text(text: str) -> URL:
    """The database's URL with the driver we use. Raises ConfigError for anything but a SQLite file or PostgreSQL."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The text may hold a password in an odd place, so it is not shown.
        raise ConfigError([Problem("database", 0, "url", "this is not a database URL", _HINT)]) from None
    if url.drivername in _POSTGRES:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in _SQLITE:
        raise ConfigError([Problem("database", 0, "url", f"'{url.drivername}' is not a database Tieline knows", _HINT)])
    if not url.database or url.database == ":memory:" or "mode=memory" in url.database:
        raise ConfigError([Problem("database", 0, "url", "a database in memory forgets what was written", _HINT)])
    return url.set(drivername="sqlite+pysqlite")


def shown(url: URL) -> str:
    """The URL as it may be shown: without its password, wherever that stands."""
    hidden = {key: "***" for key in url.query if "pass" in key.lower()}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def engine_for(url: URL, timeout_s: float) -> Engine:
    """The engine, whose connections wait ``timeout_s`` for a lock or a server, and no longer."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, pool_timeout=timeout_s)
        event.listen(engine, "connect", _sqlite_setup(timeout_s))
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    arguments = {} if "connect_timeout" in url.query else {"connect_timeout": max(2, round(timeout_s))}
    engine = create_engine(url, pool_timeout=timeout_s, pool_pre_ping=True, connect_args=arguments)
    event.listen(engine, "connect", _postgres_setup(timeout_s))
    return engine


@contextmanager
def told_plainly(url: URL) -> Iterator[None]:
    """Whatever the database raises inside becomes StoreUnavailable, with a sentence that names it and what to do."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, psycopg.Error) as error:
        raise StoreUnavailable(f"{shown(url)}: {_sentence(url, error)}") from error


def _sentence(url: URL, error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, psycopg.Error):
        return _postgres_sentence(url, cause)
    if url.get_backend_name() == "sqlite" and (missing := _missing_folder(url)):
        return f"the folder {missing} does not exist; create it, or correct the database URL"
    text = str(cause).lower()
    for words, sentence in _SQLITE_SENTENCES:
        if words in text:
            return sentence
    return f"the database cannot be used: {_first_line(url, cause)}"


def _postgres_sentence(url: URL, error: psycopg.Error) -> str:
    code = error.sqlstate or ""
    for start, sentence in _POSTGRES_SENTENCES:
        if code.startswith(start):
            return sentence
    if not code and isinstance(error, psycopg.OperationalError):
        return _unreachable_sentence(_first_line(url, error))
    return f"the database cannot be used: {_first_line(url, error)}"


def _unreachable_sentence(text: str) -> str:
    """A refused connection has no SQLSTATE in psycopg; the server's words are all there is."""
    if "password" in text or "authentication" in text:
        return "the server refuses the user or the password; check both"
    if "database" in text and "does not exist" in text:
        return "the server has no such database; create it, or correct the name"
    return f"the server cannot be reached ({text}); check host and port and that it runs"


def _first_line(url: URL, error: BaseException) -> str:
    text = (str(error).splitlines() or [type(error).__name__])[0]
    secrets = [url.password, *(value for key, value in url.query.items() if "pass" in key.lower())]
    for secret in secrets:
        if isinstance(secret, str) and secret:
            text = text.replace(secret, "***")
    return text


def _missing_folder(url: URL) -> Path | None:
    folder = Path((url.database or "").removeprefix("file:").split("?")[0]).parent
    return None if folder.is_dir() else folder


def _sqlite_setup(timeout_s: float) -> Any:
    def set_up(connection: sqlite3.Connection, _: object) -> None:
        # Python's own implicit BEGIN comes too late for DDL and too weak for writers: transactions are begun in _begin_sqlite.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {round(timeout_s * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL")

    return set_up


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: one that reads first and then writes would be refused without waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN")


def _postgres_setup(timeout_s: float) -> Any:
    def set_up(connection: psycopg.Connection[Any], _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {round(timeout_s * 1000)}")
            cursor.execute("SET timezone = 'UTC'")
        connection.commit()

    return set_up
